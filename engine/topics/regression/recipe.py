"""Training and prediction of the regression topic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from engine.data.tables import Table
from engine.errors import InvalidValue
from engine.events import Event
from engine.topics.regression import data, inspecting
from engine.topics.regression.batched import build
from engine.topics.regression.data import Dataset
from engine.topics.regression.learner import Learner
from engine.topics.regression.measuring import summary
from engine.topics.regression.models import Regressor, Scales
from engine.topics.regression.spec import RegressionConfig
from engine.training import rates
from engine.training.context import Context
from engine.training.diagnosis import Diagnosis
from engine.training.layers import table
from engine.training.loop import train
from engine.words import _

INPUT_LIMIT = 1e30
UNTESTED = {"schedule": "constant", "patience": 0, "target": 0.0, "seeds": 1, "epochs": 20_000}
"""Settings that a range test sets aside."""


def run(config: RegressionConfig, context: Context) -> Iterator[Event]:
    """Fit the model to the rows; yields the events of the run."""
    dataset = rows(config, context.attachments)
    learner = Learner(config, dataset, context.device)
    if "snapshot" in context.attachments:
        learner.restore(context.attachments["snapshot"], context.fork_step)
    gauge, stopping, diagnosis = learner.gauge, learner.stopping, Diagnosis(validation="val_loss")
    path: list[tuple[int, Tensor]] = []

    def draw() -> tuple[str, dict[str, Any]]:
        path.append((context.steps_done, learner.parameters()))
        return "fit", gauge.frame(context.steps_done)

    yield context.started(
        parameters=sum(p.numel() for p in learner.model.parameters()),
        samples=learner.batches.rows,
        steps_total=learner.steps,
        arrays={**gauge.arrays(), "features": list(dataset.features)},
        layers=table(learner.alone().net, learner.example()),
    )
    if config.patience and not gauge.has_validation:
        yield context.note("warning", _("No points are held out, so patience has no effect."))
    yield from train(
        learner.step,
        steps=learner.steps,
        steps_per_epoch=learner.batches.per_epoch,
        context=context,
        measure=lambda: summary(gauge.metrics(context.steps_done)) | gauge.inside(),
        draw=draw,
        adapt=lambda: learner.set_rate(context.config.learning_rate),
        stop=(lambda: stopping.over) if stopping.active else None,
        save=learner.saved,
        observer=diagnosis,
    )
    goal = _("the loss is at most {target:g}").format(target=config.target)
    if words := stopping.words(goal):
        yield context.note("info", words)
    for note in diagnosis.conclude(reached=stopping.over):
        yield context.note(**note)
    for kind, arrays in inspecting.inspect(learner.alone(), dataset, config, path):
        yield context.frame(kind, arrays)
    values = gauge.metrics(context.steps_done)
    seeds = {name: each.tolist() for name, each in values.items()} if config.seeds > 1 else None
    yield context.done(summary(values), learner.model.state_dict(), seeds)


def rows(config: RegressionConfig, attachments: Mapping[str, bytes]) -> Dataset:
    """The rows of a run, if anything can be learned from them.

    Raises
    ------
    GalleryError
        When they cannot be had, or are too few or all alike.
    """
    own = Table.unpack(attachments["table"]) if "table" in attachments else None
    dataset = data.make(config, own)
    data.check(dataset)
    return dataset


def range_test(config: RegressionConfig, attachments: Mapping[str, bytes]) -> dict[str, Any]:
    """`rate`, `loss` and `suggestion`: see `rates.range_test`."""
    plain = config.changed(UNTESTED)
    return rates.range_test(config, Learner(plain, rows(config, attachments)))


def load(config: RegressionConfig, weights: Mapping[str, Tensor]) -> Regressor:
    """The trained model in eval mode from its weights (name → tensor), loaded strictly."""
    features = len(weights["shift"]) if "shift" in weights else 1
    model = build(config, Scales.unset(features))
    model.load_state_dict(dict(weights), strict=True)
    model.eval()
    return model


@torch.no_grad()
def predict(model: Regressor, inputs: Sequence[Any]) -> dict[str, list[Any]]:
    """Predict y for each row of F raw features; of one feature, a number alone will do.

    Returns
    -------
    dict
        `outputs`: the mean over the members (with quantiles: of the median); then also `low` and
        `high`, the 10 % and 90 % quantiles.

    Raises
    ------
    InvalidValue
        Names the first input that is not F finite numbers.
    """
    features = len(model.shift)
    x = torch.tensor([numbers(value, i, features) for i, value in enumerate(inputs)])
    outputs = model(x.reshape(-1, features)).double()
    mean = outputs.reshape(-1, *outputs.shape[-2:]).mean(0)
    middle = mean.shape[1] // 2
    answer = {"outputs": mean[:, middle].tolist()}
    if middle:
        answer |= {"low": mean[:, 0].tolist(), "high": mean[:, -1].tolist()}
    return answer


def exportable(model: Regressor) -> tuple[nn.Module, Tensor]:
    """What answers as `predict` does, as a module, and an example of its input (2, F).

    (N, F) raw features → (N, 1), or (N, 3) quantiles: means over the members.
    """
    return Answers(model).eval(), torch.zeros(2, len(model.shift))


class Answers(nn.Module):
    """The mean over the members: (N, F) → (N, Q)."""

    def __init__(self, model: Regressor) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.model(x)
        return outputs.mean(0) if outputs.dim() == 3 else outputs


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
        expected = (
            _("a finite number (the x of a point)")
            if features == 1
            else _("a list of {count} finite numbers").format(count=features)
        )
        raise InvalidValue.of(f"inputs[{position}]", expected, value)
    return result


def debug_config() -> RegressionConfig:
    """Learns in about a second: a network on the sine, few epochs."""
    return RegressionConfig(epochs=300, samples=64)


def example_inputs() -> list[float]:
    """A few inputs that `predict` takes, for cards, docs and tests."""
    return [-2.0, 0.0, 0.5, 3.0]
