"""The cells of a run's script in which networks learn (torch-free)."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import indent

from engine.topics.classification import script_texts as texts
from engine.topics.classification.script_cells import Cell, function, indented
from engine.topics.classification.script_network import model
from engine.topics.classification.script_plan import LIVE, Plan
from engine.topics.regression.script_texts import CLOSURE, COPY, OPTIMISERS


def training(plan: Plan) -> Cell:
    """The optimiser and the loop."""
    words = ["Batches, shuffled in every epoch."]
    if plan.full_batch:
        words = ["All rows at once in every step."]
    if plan.patience:
        words.append(
            f"Training ends after {plan.patience} epochs without a better loss on the rows "
            "held out, and goes back to the best weights."
        )
    if plan.target:
        words.append(f"It ends as soon as the training accuracy is at least {plan.target}.")
    lines = [*before_loop(plan), *loop(plan)]
    if plan.patience:
        back = "model.load_state_dict(kept)"
        lines.append(f"if stopping:\n    {back}" if plan.folds else back)
    if plan.modes:
        lines.append("model.eval()")
    return Cell("Training", " ".join(words), "\n".join(lines))


def train_function(plan: Plan) -> Cell:
    """Model and training as a function, as folds need them again."""
    made, trained = model(plan), training(plan)
    inside = f"{made.code}\n\n{trained.code}\nreturn model"
    given = ["inputs", "targets", *["seeds"] * plan.seeded, *["stopping=True"] * plan.stops]
    words = f"{made.words} {trained.words}"
    if plan.stops:
        words += " Networks that leave out a fold learn to the end."
    return Cell("Training", words, function(f"train({', '.join(given)})", inside))


def trained_network(plan: Plan) -> Cell:
    seeds = ", seeds" * plan.seeded
    return Cell("The network", "", f"model = train(inputs, targets{seeds})")


# Before the first step ---------------------------------------------------------------------------


def before_loop(plan: Plan) -> Iterator[str]:
    config, parameters = plan.config, "model.parameters()"
    if plan.changed:
        first = ", ".join(f"{n}={getattr(config, n)}" for n in LIVE if n in plan.changed)
        yield f"now.update({first})"
        later = "".join(f"    {step}: {new},\n" for step, new in plan.changes.items())
        yield f"changes = {{  # after so many steps\n{later}}}".replace("'", '"')
    if plan.decayed:
        yield texts.DECAYED.format(l2=plan.value("l2"))
        parameters = "groups"
    made = (OPTIMISERS | {"lbfgs": texts.LBFGS})[config.optimiser]
    rate = "learning_rate" if plan.swept == "learning_rate" else config.learning_rate
    made = made.format(parameters=parameters, rate=rate)
    yield f"optimiser = torch.optim.{made}"
    if plan.random:
        yield f"noise.manual_seed({plan.seed('noise')})"
    yield from counting(plan)
    if plan.patience:
        yield f'kept, best, best_epoch = {COPY}, float("inf"), 0'
    if plan.steered and not plain_loop(plan):
        yield "step = 0"


def counting(plan: Plan) -> Iterator[str]:
    """Rows of a batch and steps of the training."""
    if not plan.full_batch:
        yield plan.generator("batches")
    if plan.mixed:
        every = " or len(inputs)" * any(each.batch_size == 0 for each in plan.variants)
        yield f"size = {plan.value('batch_size')}{every}"
    if plan.scheduled and plan.steps is None:
        per_epoch = "" if plan.full_batch else f" * math.ceil(len(inputs) / {size(plan)})"
        yield f"steps = {plan.value('epochs')}{per_epoch}"


def size(plan: Plan) -> str:
    """Source of the rows of a batch."""
    return "size" if plan.mixed else plan.value("batch_size")


def plain_loop(plan: Plan) -> bool:
    """Whether steps need not be counted in epochs."""
    return plan.full_batch and not plan.stops


# Steps -------------------------------------------------------------------------------------------


def loop(plan: Plan) -> Iterator[str]:
    epochs = plan.value("epochs")
    if plain_loop(plan):
        yield f"for step in range({epochs}):"
        yield from indented(step(plan, "inputs", "targets"))
        return
    last = f"{epochs} + 1" if plan.swept == "epochs" else plan.config.epochs + 1
    counted = f"range(1, {last})" if plan.patience else f"range({epochs})"
    yield f"for epoch in {counted}:"
    if plan.full_batch:
        yield from indented(counted_step(plan, "inputs", "targets"))
    else:
        text = texts.BATCHES_OR_ALL if plan.mixed else texts.BATCHES
        yield indent(text.format(size=size(plan)), "    ")
        yield from indented(indented(counted_step(plan, "batch_x", "batch_y")))
    if plan.stops:
        yield from indented(end_of_epoch(plan))


def counted_step(plan: Plan, inputs: str, targets: str) -> Iterator[str]:
    yield from step(plan, inputs, targets)
    if plan.steered:
        yield "step += 1"


def step(plan: Plan, inputs: str, targets: str) -> Iterator[str]:
    """One step of the optimiser."""
    yield from steering(plan)
    value = f"loss(model({inputs}), {targets})" + " + penalty(model)" * plan.penalised
    if plan.config.optimiser == "lbfgs":
        yield CLOSURE.format(value=value)
        yield "optimiser.step(closure)"
        return
    yield "optimiser.zero_grad()"
    if plan.penalised:
        yield f"value = {value}\nvalue.backward()"
    else:
        yield f"{value}.backward()"
    yield "optimiser.step()"


def steering(plan: Plan) -> Iterator[str]:
    """New values of what a schedule or a visitor changes."""
    if plan.changed:
        yield "now.update(changes.get(step, {}))"
    rate = plan.value("learning_rate")
    if plan.scheduled:
        rate = f"{rate} * factor(step / {plan.steps or 'steps'})"
    if plan.scheduled or "learning_rate" in plan.changed:
        yield f'for group in optimiser.param_groups:\n    group["lr"] = {rate}'
    if plan.decayed and "l2" in plan.changed:
        yield 'optimiser.param_groups[0]["weight_decay"] = now["l2"]'


# When to stop ------------------------------------------------------------------------------------


def end_of_epoch(plan: Plan) -> Iterator[str]:
    """Early stopping, and the goal."""
    if plan.folds:
        yield "if not stopping:\n    continue"
    if plan.modes:
        yield "model.eval()"
    yield "with torch.no_grad():"
    if plan.patience:
        held = plan.exactly("model(held_x)", "held_y")
        yield f"    held_loss = {plan.plain_loss}({held}).item()"
    if plan.target:
        yield f"    accuracy = ({plan.right('model(inputs)', 'targets')}).float().mean()"
    if plan.modes:
        yield "model.train()"
    if plan.patience:
        yield "if held_loss < best:"
        yield f"    best, best_epoch, kept = held_loss, epoch, {COPY}"
    yield from stop(plan)


def stop(plan: Plan) -> Iterator[str]:
    """The goal before patience, as its weights are those to keep."""
    reasons = []
    if plan.target:
        reached = f"accuracy >= {plan.target} - 1e-6"
        reasons.append(reached)
    if plan.patience and plan.target:
        yield f"if {reached}:\n    kept = {COPY}"
    if plan.patience:
        reasons.append(f"epoch - best_epoch >= {plan.patience}")
    yield f"if {' or '.join(reasons)}:\n    break"
