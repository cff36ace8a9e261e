"""Training and prediction of the classification topic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.errors import InvalidValue
from engine.events import Event
from engine.topics.classification import data
from engine.topics.classification.data import Dataset
from engine.topics.classification.learner import Learner, Placed
from engine.topics.classification.measuring import Gauge, Values, summary
from engine.topics.classification.models import Classifier, Scales, architecture, network
from engine.topics.classification.pictures import Pictures
from engine.topics.classification.spec import PLANE, ClassificationConfig
from engine.topics.classification.variants import SINGLE, clamped_to, values
from engine.training import rates
from engine.training.context import Context
from engine.training.diagnosis import Diagnosis
from engine.training.layers import table
from engine.training.loop import train
from engine.words import _

INPUT_LIMIT = 1e30
UNTESTED = {
    **SINGLE,
    **{"schedule": "constant", "patience": 0, "target_accuracy": 0.0, "seeds": 1, "folds": 0},
    "epochs": 20_000,
}
"""Settings that a range test sets aside."""


def run(config: ClassificationConfig, context: Context) -> Iterator[Event]:
    """Separate the classes; yields the events of the run."""
    learner = Learner(config, rows(context.attachments), context.device)
    gauge, pictures = Gauge(learner), Pictures(learner)
    learner.watch(gauge)
    if "snapshot" in context.attachments:
        learner.restore(context.attachments["snapshot"], context.fork_step)
    learner.edit(context.take_edits())
    diagnosis = Diagnosis(validation="val_loss", harmless=0.1) if config.sweep == "none" else None

    def adapt() -> None:
        learner.adapt(context.config, context.take_edits())
        gauge.forget()

    first = learner.classifier(learner.placed[:1])
    yield context.started(
        parameters=sum(learner.shape_of(p.member).parameters for p in learner.placed),
        samples=len(learner.materials[0].y["train"]),
        steps_total=learner.steps,
        arrays=pictures.arrays(),
        layers=table(first.nets[0], torch.zeros(1, len(first.shift))),
    )
    for text in warnings(config, learner, gauge):
        yield context.note("warning", text)
    yield from train(
        learner.step,
        steps=learner.steps,
        steps_per_epoch=learner.per_epoch,
        context=context,
        measure=lambda: measured(gauge, context, diagnosis is not None),
        draw=pictures.draw,
        adapt=adapt,
        stop=(lambda: learner.over) if learner.stoppings else None,
        save=learner.saved,
        observer=diagnosis,
    )
    if words := learner.words():
        yield context.note("info", words)
    for note in diagnosis.conclude(reached=learner.over) if diagnosis else ():
        yield context.note(**note)
    yield from end(config, context, learner, gauge)


def end(
    config: ClassificationConfig, context: Context, learner: Learner, gauge: Gauge
) -> Iterator[Event]:
    """Final metrics of every network; the weights of all seeds, or of the best variant of a sweep."""
    found = gauge.metrics(context.steps_done, last=True)
    chosen = learner.placed
    if config.sweep != "none":
        best, chosen = best_variant(config, learner, found)
        yield context.note("info", best)
    seeds = (
        {name: each[~learner.broken].tolist() for name, each in found.items()}
        if len(learner.placed) > 1
        else None
    )
    weights = learner.classifier(chosen).state_dict()
    yield context.done(summary(found, learner.broken), weights, seeds)


def best_variant(
    config: ClassificationConfig, learner: Learner, found: Values
) -> tuple[str, list[Placed]]:
    """In words, and the networks: best mean accuracy on the rows held out (or all rows)."""
    name = next(n for n in ("val_accuracy", "test_accuracy", "train_accuracy") if n in found)
    means = found[name].reshape(-1, config.seeds).mean(1)
    best = int(np.nan_to_num(means).argmax())
    setting = config.settings()["sweep"].label(config.sweep)
    text = _("Best: {setting} = {value:g}, with an accuracy of {accuracy:.1%}.").format(
        setting=setting, value=values(config)[best], accuracy=float(means[best])
    )
    if name == "test_accuracy":
        text += " " + _("It was chosen on the test rows: hold out validation rows to be fair.")
    text += " " + _("The figures above are means over all variants.")
    lost = [f"{v:g}" for v, mean in zip(values(config), means, strict=True) if np.isnan(mean)]
    if lost:
        text += " " + _("Diverged: {values}.").format(values=", ".join(lost))
    return text, learner.placed[best * config.seeds : (best + 1) * config.seeds]


def measured(gauge: Gauge, context: Context, inside: bool) -> dict[str, float]:
    """Means of all metrics; for the diagnosis, what is inside the network."""
    found = summary(gauge.metrics(context.steps_done), gauge.learner.broken)
    return found | gauge.inside() if inside else found


def warnings(config: ClassificationConfig, learner: Learner, gauge: Gauge) -> Iterator[str]:
    """Settings that have no effect, in words."""
    if config.patience and not gauge.has_validation:
        yield _("No rows are held out, so patience has no effect.")
    if config.optimiser == "lbfgs" and (config.dropout or config.input_noise):
        yield _("L-BFGS searches along a line: it trains without dropout and noise.")
    if config.optimiser == "lbfgs" and len(learner.placed) > 1:
        text = _(
            "L-BFGS trains the {count} networks one after the other: it takes that much longer."
        )
        yield text.format(count=len(learner.placed))
    if config.sweep != "none" and (clamped := clamped_to(config)):
        text = _("“{setting}” can be {low:g} to {high:g}: the sweep ends there.")
        setting = config.settings()["sweep"].label(config.sweep)
        yield text.format(setting=setting, low=clamped[0], high=clamped[1])
    if config.folds > 1 and config.sweep != "none":
        yield _("A sweep is not cross-validated.")
    elif config.folds > 1 and config.oversample != "none":
        yield _("Repeated rows are not cross-validated: their copies would lie in several folds.")


def rows(attachments: Mapping[str, bytes]) -> Any:
    """What gives the data of settings, if anything can be learned from them.

    The function it returns raises GalleryError when the data cannot be had, or are too few.
    """
    from engine.data.tables import Table

    own = Table.unpack(attachments["table"]) if "table" in attachments else None

    def make(config: ClassificationConfig) -> Dataset:
        dataset = data.make(config, own)
        data.check(dataset)
        return dataset

    return make


def range_test(config: ClassificationConfig, attachments: Mapping[str, bytes]) -> dict[str, Any]:
    """`rate`, `loss` and `suggestion`: see `rates.range_test`."""
    return rates.range_test(config, Learner(config.changed(UNTESTED), rows(attachments)))


def load(config: ClassificationConfig, weights: Mapping[str, Tensor]) -> Classifier:
    """The trained model in eval mode from its weights (name → tensor), loaded strictly.

    Sizes are those of the tensors: the best variant of a sweep may be smaller than the settings.
    """
    layers = sorted(
        int(name.split(".")[2])
        for name, tensor in weights.items()
        if name.startswith("nets.0.") and name.endswith(".weight") and tensor.dim() == 2
    )
    linear = [weights[f"nets.0.{i}.weight"] for i in layers]
    shape = architecture(config, linear[0].shape[1], 2)._replace(
        sizes=(linear[0].shape[1], *(len(weight) for weight in linear))
    )
    count = len({name.split(".")[1] for name in weights if name.startswith("nets.")})
    unset = Scales(torch.zeros(shape.sizes[0]), torch.ones(shape.sizes[0]))
    inputs = data.inputs(config) if config.data in PLANE else ()
    model = Classifier([network(shape) for _ in range(count)], unset, inputs)
    model.load_state_dict(dict(weights), strict=True)
    model.eval()
    return model


def exportable(model: Classifier) -> tuple[nn.Module, Tensor]:
    """The model from raw rows (N, F) to probabilities (N, C), and an example of two rows."""
    return model, torch.zeros(2, 2 if model.inputs else len(model.shift))


@torch.no_grad()
def predict(model: Classifier, inputs: Sequence[Any]) -> dict[str, list[Any]]:
    """The class of each row of F raw features.

    Returns
    -------
    dict
        `outputs`: class indices; `probabilities`: of every class.

    Raises
    ------
    InvalidValue
        Names the first input that is not F finite numbers, or too large to compute with.
    """
    features = 2 if model.inputs else len(model.shift)
    x = torch.tensor([numbers(value, i, features) for i, value in enumerate(inputs)])
    p = model(x.reshape(-1, features)).double()
    known = p.isfinite().all(1)
    if not known.all():
        first = int(known.logical_not().nonzero()[0])
        expected = _("numbers of a size that the model can compute with")
        raise InvalidValue.of(f"inputs[{first}]", expected, inputs[first])
    rounded = [[round(v, 6) for v in row] for row in p.tolist()]
    return {"outputs": p.argmax(1).tolist(), "probabilities": rounded}


def numbers(value: Any, position: int, features: int) -> list[float]:
    """The finite numbers of one untrusted input."""
    row = value if isinstance(value, list | tuple) else [value]
    try:
        if any(isinstance(v, bool) for v in row):
            raise ValueError
        result = [float(v) for v in row]
    except (TypeError, ValueError, OverflowError):
        result = []
    if len(result) != features or not all(abs(v) < INPUT_LIMIT for v in result):
        expected = _("a list of {count} finite numbers").format(count=features)
        raise InvalidValue.of(f"inputs[{position}]", expected, value)
    return result


def debug_config() -> ClassificationConfig:
    """Learns in about a second: circles, few epochs."""
    return ClassificationConfig(data="circles", samples=200, epochs=40, units_1=4, units_2=2)


def example_inputs() -> list[list[float]]:
    """A few inputs that `predict` takes, for cards, docs and tests."""
    return [[0.0, 0.0], [0.9, 0.1], [-0.5, 0.7], [1.0, -1.0]]
