"""The cells of a run's script with its layers, its loss and its network (torch-free)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from textwrap import indent

from engine.topics.classification import script_texts as texts
from engine.topics.classification.script_cells import Cell, apart, function
from engine.topics.classification.script_plan import Plan
from engine.topics.regression.script_texts import SCHEDULES

# Layers ------------------------------------------------------------------------------------------


def layers(plan: Plan) -> Cell:
    """Layers that PyTorch does not have, or not with a generator of their own."""
    code: list[str] = []
    classes: list[str] = []
    words: list[str] = []
    if plan.changed:
        words.append("`now` holds the settings that were changed while the run trained.")
        code.append("now = {}")
    if plan.random:
        words.append(
            "Random layers draw from a generator of their own, units before rows as the run did."
        )
        code.append("noise = torch.Generator()")
        classes += random_layers(plan)
    if plan.config.activation == "sine" and plan.hidden:
        classes.append(texts.SINE)
    if plan.single_rows:
        words.append("Batches of a single row, which PyTorch refuses, have a variance of 0.")
        classes.append(texts.SINGLE_ROWS)
    first = ["\n".join(code)] * bool(code)
    return Cell("Layers", " ".join(words), apart(*first, *classes))


def random_layers(plan: Plan) -> Iterator[str]:
    """Noise and dropout; they draw nothing where the run drew nothing."""
    if plan.noisy:
        sd = plan.value("input_noise")
        idle = "not self.training" + f" or {sd} == 0" * ("input_noise" in plan.changed)
        yield texts.NOISE.format(sd=sd, idle=idle)
    if plan.dropout:
        rate = plan.value("dropout")
        variable = "dropout" in plan.changed or plan.swept == "dropout"
        idle = "not self.training" + f" or {rate} == 0" * variable
        shape, alive = "x.T.shape", "alive"
        if plan.drawn_for > 0:
            shape, alive = f"({plan.drawn_for}, len(x))", "alive[:, : x.shape[1]]"
        yield texts.DROPOUT.format(rate=rate, idle=idle, shape=shape, alive=alive)


# Loss --------------------------------------------------------------------------------------------


def objective(plan: Plan) -> Cell:
    """The loss, and the schedule if there is one."""
    config = plan.config
    title, words = "Loss", "The cross-entropy is minimised."
    parts = [f"{plan.plain_loss} = {texts.PLAIN_LOSSES[plan.binary]}"]
    if config.class_weights:
        words += " An error counts the more, the rarer its class."
        parts.append(texts.WEIGHTED_LOSSES[plan.binary])
    if plan.penalised:
        words += " A penalty on the weights, but not on the biases, is added to it."
        parts.append(function("penalty(model)", penalty(plan)))
    if plan.scheduled:
        title += " and schedule"
        words += " The learning rate is multiplied by a factor that depends on the share t of "
        words += "all steps that is done."
        parts.append(function("factor(t)", SCHEDULES[config.schedule]))
    return Cell(title, words, apart(*parts))


def penalty(plan: Plan) -> str:
    terms = [f"{plan.value('l1')} * w.abs().sum()"] * plan.used("l1")
    if not plan.decayed:
        terms += [f"{plan.value('l2')} / 2 * w.square().sum()"] * plan.used("l2")
    weights = "[p for p in model.parameters() if p.dim() == 2]"
    return f"weights = {weights}\nreturn sum({' + '.join(terms)} for w in weights)"


# Network -----------------------------------------------------------------------------------------


def model(plan: Plan) -> Cell:
    words, code = texts.INITIALISATIONS[plan.config.initialisation]
    lines = [*(stack(plan) if plan.swept == "layers" else sequential(plan))]
    if plan.config.initialisation != "zero":
        lines.append(plan.generator("weights"))
    lines += ["with torch.no_grad():", "    for layer in model:"]
    lines += ["        if isinstance(layer, nn.Linear):", indent(code, " " * 12)]
    if plan.fixed_biases:
        words += " A bias before batch normalisation has no effect, so it does not learn."
        lines.append(texts.FIXED_BIASES)
    return Cell("Model", words, "\n".join(lines))


def stack(plan: Plan) -> Iterator[str]:
    """As many hidden layers as `layers` says."""
    most = max(plan.variants, key=lambda config: config.layers)
    yield f"widths = [{plan.features}, *{list(most.widths)}[:layers]]"
    yield "stack = []"
    yield "for before, after in pairwise(widths):"
    yield f"    stack += [{', '.join(hidden(plan, 'before', 'after'))}]"
    noise = "Noise(), " * plan.noisy
    flat = ", nn.Flatten(0)" * plan.binary
    yield f"model = nn.Sequential({noise}*stack, nn.Linear(widths[-1], {outputs(plan)}){flat})"


def sequential(plan: Plan) -> Iterator[str]:
    """Layers of fixed number, one a line."""
    widths = [str(plan.features), *map(str, plan.config.widths)]
    if plan.swept == "units":
        widths[1:] = ["units"] * plan.config.layers
    found = ["Noise()"] * plan.noisy
    for before, after in pairwise(widths):
        found += hidden(plan, before, after)
    found.append(f"nn.Linear({widths[-1]}, {outputs(plan)})")
    found += ["nn.Flatten(0)"] * plan.binary
    lines = "".join(f"    {layer},\n" for layer in found)
    yield f"model = nn.Sequential(\n{lines})"


def outputs(plan: Plan) -> int:
    return 1 if plan.binary else plan.classes


def hidden(plan: Plan, before: str, after: str) -> Iterator[str]:
    """One hidden layer, and what follows it."""
    yield f"nn.Linear({before}, {after})"
    if plan.config.normalisation != "none":
        kind = texts.NORMALISATIONS[plan.config.normalisation]
        yield f"{'BatchNorm' if plan.single_rows else kind}({after})"
    yield texts.ACTIVATIONS[plan.config.activation]
    if plan.dropout:
        yield "Dropout()"
