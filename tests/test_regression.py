"""The regression topic learns, and reproduces R1 and R2."""

from __future__ import annotations

from statistics import median

import numpy as np
import pytest
import torch
from test_contract import Collector

from engine.errors import InvalidValue
from engine.jobs.job import JobSpec
from engine.jobs.perform import perform
from engine.topics.regression import data, recipe
from engine.topics.regression.spec import LEAST_SQUARES_R1, SPEC, RegressionConfig
from engine.training.context import Inbox


def final(**values):
    sink = Collector()
    perform(JobSpec.checked("regression", values, device="cpu"), Inbox(), sink)
    assert sink.events[-1].type == "done", sink.events[-1].data
    return sink.final


def test_r1_is_reproduced():
    values = SPEC.preset("R1").values
    measured = [final(**values, seed=seed)["train_mse"] for seed in range(10)]
    assert min(measured) >= LEAST_SQUARES_R1
    assert median(measured) <= 0.3776
    assert min(measured) <= 0.3775 <= max(measured)


def test_r1_least_squares_is_the_published_one():
    points = data.make(RegressionConfig(**SPEC.preset("R1").values))
    slope, intercept = data.least_squares(points)
    mse = np.mean((points.y - slope * points.x - intercept) ** 2)
    assert mse == pytest.approx(LEAST_SQUARES_R1, abs=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_r2_is_reproduced(seed):
    metrics = final(**SPEC.preset("R2").values, seed=seed)
    assert metrics["slope"] == pytest.approx(2, abs=0.15)
    assert metrics["intercept"] == pytest.approx(3, abs=0.10)


def test_r2_ends_on_the_closed_form_answer():
    config = RegressionConfig(**SPEC.preset("R2").values)
    slope, intercept = data.least_squares(data.make(config))
    metrics = final(**config.model_dump())
    assert metrics["slope"] == pytest.approx(slope, abs=1e-3)
    assert metrics["intercept"] == pytest.approx(intercept, abs=1e-3)


def test_a_network_bends_to_the_sine_where_a_line_cannot():
    network, line = final(), final(model="linear")
    assert network["val_mse"] < 0.06
    assert line["val_mse"] > 3 * network["val_mse"]


@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu", "sigmoid"])
@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_every_combination_lowers_the_loss(activation, optimiser):
    rate = 0.1 if optimiser == "sgd" else 0.01
    common = dict(activation=activation, optimiser=optimiser, learning_rate=rate, batch_size=16)
    short, long = final(epochs=1, **common), final(epochs=60, **common)
    assert long["train_mse"] < short["train_mse"]


def test_full_batch_steps_equal_plain_pytorch():
    """The loop adds nothing to the mathematics: the same steps written out give the same weights."""
    config = RegressionConfig(epochs=50)
    sink = Collector()
    perform(JobSpec("regression", config.model_dump(), "cpu"), Inbox(), sink)

    points = data.make(config)
    model = recipe.build(config, recipe.generator(config.seed, "weights"))
    x, y = (torch.from_numpy(a[~points.held_out]).unsqueeze(1) for a in points[:2])
    optimiser = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    for _step in range(50):
        optimiser.zero_grad()
        torch.nn.functional.mse_loss(model(x), y).backward()
        optimiser.step()
    loss = torch.nn.functional.mse_loss(model(x), y).item()
    assert sink.final["train_mse"] == pytest.approx(loss, rel=1e-6)


def test_metrics_are_what_their_names_say():
    config = RegressionConfig(epochs=5)
    sink = Collector()
    perform(JobSpec("regression", config.model_dump(), "cpu"), Inbox(), sink)
    from safetensors.torch import load

    model = recipe.load(config, load(sink.artifacts["weights.safetensors"]))
    points = data.make(config)
    predicted = np.array(recipe.predict(model, points.x.tolist())["outputs"])
    for split, mask in (("train", ~points.held_out), ("val", points.held_out)):
        error = predicted[mask] - points.y[mask]
        variance = np.var(points.y[mask])
        assert sink.final[f"{split}_mse"] == pytest.approx(np.mean(error**2), rel=1e-4)
        assert sink.final[f"{split}_mae"] == pytest.approx(np.mean(np.abs(error)), rel=1e-4)
        assert sink.final[f"{split}_r2"] == pytest.approx(
            1 - np.mean(error**2) / variance, rel=1e-4, abs=1e-5
        )


def test_held_out_points_are_never_trained_on():
    config = RegressionConfig(samples=64, validation=0.5)
    points = data.make(config)
    assert points.held_out.sum() == 32
    moved = points._replace(y=np.where(points.held_out, points.y + 100, points.y))
    assert data.least_squares(points) == data.least_squares(moved)


@pytest.mark.parametrize("bad", ["x", None, True, [1, 2], {}, float("nan"), 1e400])
def test_a_bad_input_is_named(bad):
    model = recipe.build(RegressionConfig(), recipe.generator(0, "weights"))
    with pytest.raises(InvalidValue, match=r"inputs\[1\]: expected a finite number"):
        recipe.predict(model, [1.0, bad])
