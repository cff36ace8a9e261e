"""The cells of a run's script in which the network learns and is measured (torch-free)."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import indent

from engine.topics.classification.script_cells import NOTHING, Cell, apart, function, indented
from engine.topics.classification.script_texts import LBFGS
from engine.topics.cnn import script_texts as texts
from engine.topics.cnn.script_plan import LIVE, Plan
from engine.topics.regression.script_texts import CLOSURE, COPY, OPTIMISERS, SCHEDULES


def objective(plan: Plan) -> Cell:
    """What is minimised, if that is not written in one line; the schedule, if there is one."""
    found, words = [], []
    if plan.half:
        words.append("Products are taken of numbers of 16 bits; weights and the loss keep 32.")
        found.append(function("said(x)", texts.HALF))
    if plan.used("mixup"):
        words.append(texts.MIXUP_WORDS)
        found.append(function("blended_loss(x, y)", "\n".join(blended(plan))))
    if plan.penalised:
        words.append("The penalty is on the weights, but not on biases and norms.")
        body = f"return sum(w.square().sum() for w in decayed) * ({plan.value('l2')} / 2)"
        found += [texts.DECAYED, function("penalty()", body)]
    if plan.scheduled:
        words.append("The learning rate has a factor, given the share t of all steps that is done.")
        found.append(function("factor(t)", SCHEDULES[plan.config.schedule]))
    title = "Schedule" if plan.scheduled and len(found) == 1 else "Loss"
    title += " and schedule" * (plan.scheduled and len(found) > 1)
    return Cell(title, " ".join(words), apart(*found))


def blended(plan: Plan) -> Iterator[str]:
    if when := plan.when(["mixup"]):
        yield f"if not {when}:\n    return cross_entropy({plan.said('x')}, y{plan.smoothing})"
    yield texts.BLENDED.format(
        alpha=plan.value("mixup"),
        smoothing=plan.smoothing,
        blended=plan.said("torch.lerp(x[partner], x, share)"),
    )


def answers(plan: Plan) -> Cell:
    """What the network says, many pictures at a time."""
    body = "return torch.cat([model(taken(some)) for some in numbers.split(512)])"
    words = "What the network says to the pictures of these numbers."
    if plan.config.mirrored:
        words += " The mean of what it says to a picture and to its mirror image counts."
        body = texts.TWICE
    return Cell("Answers", words, f"@torch.no_grad()\n{function('answers(numbers)', body)}")


def now(plan: Plan) -> Cell:
    if not plan.changed:
        return NOTHING
    first = {name: getattr(plan.config, name) for name in LIVE if name in plan.changed}
    later = "".join(f"    {step}: {new},\n" for step, new in plan.changes.items())
    code = f"now = {first}\nchanges = {{  # after so many steps\n{later}}}"
    words = "`now` holds the settings that were changed while the run trained."
    return Cell("Changes", words, code.replace("'", '"'))


# Training ----------------------------------------------------------------------------------------


def training(plan: Plan) -> Cell:
    """The optimiser and the loop."""
    words = [
        "All pictures at once in every step."
        if plan.whole
        else f"Batches of {plan.size} pictures, shuffled in every epoch."
    ]
    if plan.patience:
        words.append(
            f"Training ends after {plan.patience} epochs without a better loss on the pictures "
            "held out, and goes back to the best weights."
        )
    lines = [*before_loop(plan), *loop(plan)]
    lines += ["model.load_state_dict(kept)"] * (plan.patience > 0)
    return Cell("Training", " ".join(words), "\n".join(lines))


def before_loop(plan: Plan) -> Iterator[str]:
    config, parameters = plan.config, "model.parameters()"
    if plan.decayed:
        yield texts.GROUPS.format(l2=config.l2)
        parameters = "groups"
    made = (OPTIMISERS | {"lbfgs": LBFGS})[config.optimiser]
    yield f"optimiser = torch.optim.{made.format(parameters=parameters, rate=config.learning_rate)}"
    yield 'train = rows["train"]'
    if not plan.whole:
        yield f"batches = torch.Generator(device).manual_seed({plan.seed('batches')})"
    if plan.patience:
        yield f'kept, best, best_epoch = {COPY}, float("inf"), 0'
    if plan.steered and not plan.whole:
        yield "step = 0"


def loop(plan: Plan) -> Iterator[str]:
    counted = plan.patience or (plan.whole and plan.steered)
    yield f"for {'epoch' if counted else '_'} in range({plan.config.epochs}):"
    if plan.whole:
        yield from indented(one_step(plan, "train"))
    else:
        yield indent(texts.BATCHES.format(size=plan.size), "    ")
        yield from indented(indented(one_step(plan, "numbers")))
    if plan.patience:
        yield from indented(end_of_epoch(plan))


def one_step(plan: Plan, numbers: str) -> Iterator[str]:
    """One step of the optimiser."""
    yield from steering(plan)
    yield f"x, y = taken({numbers}), labels[{numbers}]"
    if plan.augmented:
        yield "x = augmented(x)"
    if plan.config.optimiser == "lbfgs":
        yield CLOSURE.format(value=plan.loss + " + penalty()" * plan.penalised)
        yield "optimiser.step(closure)"
    else:
        yield "optimiser.zero_grad()"
        yield f"{plan.loss}.backward()"
        if plan.penalised:
            yield texts.PENALISED.format(l2=plan.value("l2"))
        yield "optimiser.step()"
    if plan.steered and not plan.whole:
        yield "step += 1"


def steering(plan: Plan) -> Iterator[str]:
    """New values of what a schedule or a visitor changes."""
    step = "epoch" if plan.whole else "step"
    if plan.changed:
        yield f"now.update(changes.get({step}, {{}}))"
    rate = plan.value("learning_rate")
    if plan.scheduled:
        rate += f" * factor({step} / {plan.config.epochs * plan.per_epoch})"
    if plan.scheduled or "learning_rate" in plan.changed:
        yield f'for group in optimiser.param_groups:\n    group["lr"] = {rate}'
    if plan.config.optimiser == "adamw" and "l2" in plan.changed:
        yield 'optimiser.param_groups[0]["weight_decay"] = now["l2"]'


def end_of_epoch(plan: Plan) -> Iterator[str]:
    """Early stopping."""
    if plan.modes:
        yield "model.eval()"
    yield 'held_loss = cross_entropy(answers(rows["val"]), labels[rows["val"]]).item()'
    if plan.modes:
        yield "model.train()"
    yield "if held_loss < best:"
    yield f"    best, best_epoch, kept = held_loss, epoch, {COPY}"
    yield f"if epoch - best_epoch >= {plan.patience}:\n    break"


# Metrics -----------------------------------------------------------------------------------------


def metrics(plan: Plan) -> Cell:
    lines = ["model.eval()"] * plan.modes
    lines.append(texts.METRICS)
    words = "Share of right answers, and cross-entropy in nats."
    if plan.smoothing:
        words += " That of the training pictures is of the smoothed labels."
        lines.append(texts.SMOOTHED.format(smoothing=plan.smoothing))
    if plan.penalised:
        words += " The penalty comes to that of the training pictures."
        lines.append('metrics["train_loss"] += penalty().item()')
    return Cell("Metrics", words, "\n".join([*lines, "print(json.dumps(metrics))"]))
