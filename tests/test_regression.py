"""The regression topic learns with everything it offers, reproduces its runs, and says what is wrong."""

from __future__ import annotations

import itertools
from base64 import b64encode
from statistics import median

import numpy as np
import pytest
import torch
from safetensors.torch import load as parse
from test_contract import Collector

from engine import topics
from engine.data import held, source
from engine.data.tables import Table
from engine.errors import GalleryError, InvalidValue
from engine.jobs.forking import cut
from engine.jobs.job import JobSpec
from engine.jobs.perform import perform
from engine.topics.regression import batched, data, losses, recipe
from engine.topics.regression.learner import Learner
from engine.topics.regression.models import legendre, scales
from engine.topics.regression.spec import LEAST_SQUARES_R1, MADE, SPEC, RegressionConfig
from engine.training import rates
from engine.training.context import Inbox
from engine.training.layers import table as layer_table
from engine.training.optimisers import OPTIMISERS
from engine.training.schedules import SCHEDULES
from engine.training.seeds import generator

SMALL = dict(data="sine", samples=64, epochs=40, batch_size=8)
RATES = {"lbfgs": 1.0, "sgd": 0.05, "adagrad": 0.05}


def needs(name):
    """Skips where the files of a data set are not at hand; tests never download."""
    here = all(held(file) for file in source(name).files)
    return pytest.mark.skipif(not here, reason=f"{name}: its file is not in GALLERY_DATA_DIR")


@pytest.fixture(autouse=True)
def unless_inspected(request, monkeypatch):
    """Looking into a finished model takes longer than these runs; only `inspected` tests do."""
    if "inspected" not in request.fixturenames:
        monkeypatch.setattr(recipe.inspecting, "inspect", lambda *given: iter(()))


@pytest.fixture
def inspected():
    """The run looks into its model at the end."""


def run(attachments=None, fork=None, **values):
    """The collected events of a run in this process."""
    attached = {k: b64encode(v).decode() for k, v in (attachments or {}).items()}
    job = JobSpec.checked("regression", values, device="cpu", attachments=attached, fork=fork)
    sink = Collector()
    perform(job, Inbox(), sink)
    return sink


def final(**values):
    sink = run(**values)
    assert sink.events[-1].type == "done", sink.events[-1].data
    return sink.final


def first(sink, kind):
    return next(e for e in sink.events if e.type == kind)


def preset(name, **changes):
    return {**SPEC.preset(name).values, **changes}


def own_table(rows=80):
    random = np.random.default_rng(0)
    x = np.column_stack([random.normal(1000, 300, rows), random.integers(0, 2, rows)])
    y = 0.5 * x[:, 0] + 100 * x[:, 1] + random.normal(0, 5, rows)
    return Table(x.astype(np.float32), y.astype(np.float32), ("size", "garden=yes"), "price")


# Published runs ----------------------------------------------------------------------------------


def test_r1_is_reproduced():
    measured = run(**preset("R1", seeds=10)).events[-1].data["seeds"]["train_mse"]
    assert min(measured) >= LEAST_SQUARES_R1
    assert median(measured) <= 0.3776
    assert min(measured) <= 0.3775 <= max(measured)


def test_r1_least_squares_is_the_published_one():
    points = data.make(RegressionConfig(**preset("R1")))
    weights, intercept = data.least_squares(points)
    mse = np.mean((points.y - points.x @ weights - intercept) ** 2)
    assert mse == pytest.approx(LEAST_SQUARES_R1, abs=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_r2_is_reproduced(seed):
    metrics = final(**preset("R2", seed=seed, data_seed=seed))
    assert metrics["slope"] == pytest.approx(2, abs=0.15)
    assert metrics["intercept"] == pytest.approx(3, abs=0.10)


def test_r2_ends_on_the_closed_form_answer():
    config = RegressionConfig(**preset("R2"))
    weights, intercept = data.least_squares(data.make(config))
    for scaling in ("none", "inputs", "both"):
        metrics = final(**config.changed({"scaling": scaling}).model_dump())
        assert metrics["slope"] == pytest.approx(weights[0], abs=1e-3)
        assert metrics["intercept"] == pytest.approx(intercept, abs=1e-3)


@needs("auto-mpg")
def test_r3_has_the_rows_and_the_split_of_the_book():
    import pandas
    from sklearn.model_selection import train_test_split

    path = held(source("auto-mpg").files[0])
    names = ["mpg", "cylinders", "displacement", "horsepower", "weight", "acceleration", "y", "o"]
    options = dict(names=names, na_values="?", comment="\t", sep=" ", skipinitialspace=True)
    frame = pandas.read_csv(path, **options).dropna().reset_index(drop=True)
    train, test = train_test_split(frame, train_size=0.8, random_state=1)
    dataset = data.make(RegressionConfig(**preset("R3")))
    assert dataset.x.shape == (392, 9)
    assert sorted(test.index) == np.flatnonzero(dataset.part == data.TEST).tolist()
    assert np.allclose(dataset.y, frame.mpg)
    years = frame.y.map(lambda y: sum(y >= limit for limit in (73, 76, 79)))
    assert (dataset.x[:, 5] == years).all()
    assert (dataset.x[:, 6:].argmax(1) == frame.o % 3).all()

    scale = scales(RegressionConfig(**preset("R3")), dataset)
    numeric = train[names[1:6]]
    assert np.allclose(scale.shift[:5], numeric.mean(), rtol=1e-5)
    assert np.allclose(scale.spread[:5], numeric.std(), rtol=1e-5)
    assert scale.shift[5:].tolist() == [0] * 4
    assert scale.spread[5:].tolist() == [1] * 4


@needs("auto-mpg")
def test_r3_is_reproduced():
    seeds = run(**preset("R3", seeds=10)).events[-1].data["seeds"]
    for published in SPEC.preset("R3").published:
        measured = seeds[published.metric]
        assert min(measured) <= published.value <= max(measured)
    assert min(seeds["test_mse"]) <= 9.61


@needs("auto-mpg")
def test_r3_plus_beats_the_book_and_gradient_boosting():
    metrics = final(**preset("R3+", seeds=5))
    assert metrics["test_mse"] <= 9.5
    assert metrics["test_mae"] <= 2.0


@needs("somerville-happiness")
def test_r5_is_reproduced_and_improved():
    measured = run(**preset("R5", seeds=10)).events[-1].data["seeds"]["train_mse"]
    assert median(measured) == pytest.approx(0.24, abs=0.005)
    assert min(measured) <= 0.24 <= max(measured)
    assert max(run(**preset("R5+", seeds=10)).events[-1].data["seeds"]["train_mse"]) <= 0.23


# Everything it offers learns -----------------------------------------------------------------------


def test_a_network_bends_to_the_sine_where_a_line_cannot():
    network, line = final(), final(model="linear")
    assert network["val_mse"] < 0.06
    assert line["val_mse"] > 3 * network["val_mse"]


@pytest.mark.parametrize("name", [*MADE, "points", "diabetes"])
def test_a_network_learns_every_data_set(name):
    metrics = final(data=name, epochs=100, noise=0.1, outliers=0.0)
    assert metrics["train_r2"] > 0.6
    assert metrics["val_r2"] > 0.2


@needs("auto-mpg")
def test_a_network_learns_fuel_consumption():
    assert final(data="auto-mpg", epochs=200)["test_r2"] > 0.75


@pytest.mark.usefixtures("inspected")
def test_an_own_table_is_learned_and_held_out():
    sink = run({"table": own_table().pack()}, data="own", model="linear", epochs=400)
    assert sink.final["val_r2"] > 0.98
    importance = next(e for e in sink.events if e.data.get("kind") == "importance")
    assert set(importance.data["data"]["features"]) == {"size", "garden"}


@pytest.mark.parametrize("model", ["linear", "polynomial", "mlp", "noisy"])
def test_every_model_learns_the_line(model):
    assert final(data="line", noise=0.05, model=model, epochs=400)["val_r2"] > 0.95


def test_a_polynomial_of_the_right_degree_is_found_exactly():
    def errors(degree):
        return final(
            data="sine", noise=0.0, model="polynomial", degree=degree,
            optimiser="lbfgs", learning_rate=1.0, epochs=60,
        )["val_mse"]  # fmt: skip

    assert errors(1) > 0.1
    assert errors(7) < 1e-4


@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu", "sigmoid"])
@pytest.mark.parametrize("optimiser", sorted(OPTIMISERS))
def test_every_combination_lowers_the_loss(activation, optimiser):
    rate = RATES.get(optimiser, 0.01)
    common = dict(activation=activation, optimiser=optimiser, learning_rate=rate, samples=64)
    short, long = final(epochs=1, **common), final(epochs=60, **common)
    assert long["train_loss"] < 0.95 * short["train_loss"]


@pytest.mark.parametrize("schedule", sorted(SCHEDULES))
def test_every_schedule_learns(schedule):
    assert final(schedule=schedule, epochs=400, learning_rate=0.02)["train_r2"] > 0.7


def test_schedules_are_the_curves_they_are_named_after():
    middle = {name: round(factor(0.5), 4) for name, factor in SCHEDULES.items()}
    assert middle == {
        "constant": 1.0, "step": 0.1, "exponential": 0.1, "cosine": 0.5, "one-cycle": 0.8117,
    }  # fmt: skip
    assert SCHEDULES["one-cycle"](0.3) == 1.0
    assert SCHEDULES["cosine"](0.0) == 1.0


def test_huber_holds_the_line_where_squares_are_pulled():
    squared, robust = (final(**preset("outliers", loss=loss)) for loss in ("mse", "huber"))
    assert abs(robust["intercept"] - 3) < 0.2 < abs(squared["intercept"] - 3)


def test_losses_end_on_the_statistic_they_stand_for():
    """Constant input noise aside: for a flat target the best constant is mean, median, quantiles."""
    y = torch.tensor([0.0, 1.0, 2.0, 3.0, 10.0, 20.0, 30.0, 40.0, 50.0, 100.0, 200.0])[:, None]
    candidates = torch.linspace(-10, 210, 4401)

    def best(loss, column=0, width=1):
        values = [loss(c.expand(len(y), width), y, reduction="none")[:, column] for c in candidates]
        return candidates[torch.stack([v.mean() for v in values]).argmin()].item()

    make = lambda name: losses.make(RegressionConfig(loss=name))  # noqa: E731
    assert best(make("mse")) == pytest.approx(y.mean().item(), abs=0.05)
    assert best(make("mae")) == pytest.approx(20, abs=0.05)
    pinball = make("quantile")
    found = [best(pinball, column, 3) for column in range(3)]
    assert found == pytest.approx([1.0, 20.0, 100.0], abs=0.05)


def test_quantile_bands_hold_80_percent_on_known_noise():
    config = RegressionConfig(**preset("quantiles", samples=1024, seed=1))
    sink = run(**config.model_dump())
    assert sink.final["train_coverage80"] == pytest.approx(0.8, abs=0.05)
    assert sink.final["val_coverage80"] == pytest.approx(0.8, abs=0.07)
    model = recipe.load(config, parse(sink.artifacts["weights.safetensors"]))
    x = np.linspace(0.05, 0.95, 50)
    bands = recipe.predict(model, x.tolist())
    mean, sd = data.heteroscedastic_mean(x), data.heteroscedastic_sd(x, config.noise)
    for name, z in (("low", -1.2816), ("outputs", 0.0), ("high", 1.2816)):
        assert np.abs(np.array(bands[name]) - mean - z * sd).mean() < 0.35 * sd.mean(), name
    fresh = np.random.default_rng(1).normal(0, 1, (1000, len(x))) * sd + mean
    inside = (fresh >= bands["low"]) & (fresh <= bands["high"])
    assert inside.mean() == pytest.approx(0.8, abs=0.05)


def test_quantiles_never_cross():
    config = RegressionConfig(loss="quantile", model="polynomial", degree=8)
    model = batched.build(config, scales(config, data.make(config)))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=30.0, generator=generator(0, "weights"))
    low, middle, high = model(torch.linspace(-9, 9, 500)[:, None]).unbind(1)
    assert (low <= middle).all()
    assert (middle <= high).all()


def test_penalties_shrink_the_weights():
    def size(**values):
        sink = run(data="line", epochs=300, **values)
        weights = parse(sink.artifacts["weights.safetensors"])
        flat = torch.cat([t.flatten() for n, t in weights.items() if n.endswith("weight")])
        return flat.square().sum().item(), (flat.abs() < 1e-2).float().mean().item()

    free, shrunk, sparse = size(), size(l2=0.1), size(l1=0.05)
    decayed = size(optimiser="adamw", l2=1.0)
    assert shrunk[0] < 0.5 * free[0]
    assert decayed[0] < 0.6 * free[0]
    assert sparse[1] > free[1] + 0.3


def test_dropout_and_noise_act_in_training_only():
    config = RegressionConfig(model="noisy", dropout=0.5, input_noise=0.3)
    learner = Learner(config, data.make(config))
    x, _y = learner.gauge.train
    learner.model.train()
    assert not torch.equal(learner.model.net(x), learner.model.net(x))
    learner.model.eval()
    assert torch.equal(learner.model.net(x), learner.model.net(x))


def test_the_global_seed_changes_nothing():
    values = {**SMALL, "model": "noisy", "dropout": 0.2}
    found = []
    for seed in (3, 4):
        torch.manual_seed(seed)
        found.append(numbers(final(**values)))
    assert found[0] == found[1]


def test_a_sigmoid_stays_within_the_target():
    sink = run(output="sigmoid", epochs=200)
    config = RegressionConfig(output="sigmoid", epochs=200)
    points = data.make(config)
    model = recipe.load(config, parse(sink.artifacts["weights.safetensors"]))
    y = np.array(recipe.predict(model, [-100.0, *points.x[:, 0].tolist(), 100.0])["outputs"])
    train = points.of(data.TRAIN)[1]
    assert y.min() >= train.min() - 1e-4
    assert y.max() <= train.max() + 1e-4
    assert sink.final["train_r2"] > 0.5


def test_legendre_polynomials_are_orthogonal():
    x = torch.linspace(-1, 1, 20001, dtype=torch.float64)[:, None]
    values = legendre(x, 6)
    products = values.T @ values * (2 / 20000)
    expected = torch.diag(torch.tensor([2 / (2 * n + 1) for n in range(1, 7)]).double())
    assert torch.allclose(products, expected, atol=1e-3)


# Several at once -------------------------------------------------------------------------------------

TOGETHER = {name: dict(optimiser=name, learning_rate=RATES.get(name, 0.01)) for name in OPTIMISERS}
TOGETHER |= {
    "full batch": dict(batch_size=0),
    "lbfgs full batch": dict(optimiser="lbfgs", learning_rate=1.0, batch_size=0),
    "dropout": dict(dropout=0.3),
    "noisy": dict(model="noisy", schedule="cosine"),
    "polynomial": dict(model="polynomial", schedule="one-cycle"),
    "quantile": dict(loss="quantile"),
    "l2": dict(loss="huber", l2=0.05),
    "adamw decay": dict(optimiser="adamw", l2=0.1, activation="relu", taper=True),
    "target": dict(target=0.15, epochs=300),
}


@pytest.mark.parametrize("name", TOGETHER)
def test_members_trained_at_once_equal_those_trained_alone(name):
    """Within 1e-4 relative: products of stacked matrices are rounded in another order."""
    values = {**SMALL, **TOGETHER[name]}
    together = run(**values, seed=5, seeds=3)
    seeds = together.events[-1].data["seeds"]
    alone = [final(**values, seed=5 + i) for i in range(3)]
    for metric, measured in seeds.items():
        single = [metrics[metric] for metrics in alone]
        assert measured == pytest.approx(single, rel=1e-4, abs=1e-6), metric
        assert together.final[metric] == pytest.approx(np.mean(single), rel=1e-4, abs=1e-6)
        sd = np.std(single, ddof=1)
        assert together.final[f"{metric}_sd"] == pytest.approx(sd, rel=1e-2, abs=1e-6)
    assert len({round(v, 6) for v in seeds["train_mse"]}) > 1 or name.startswith("lbfgs")


def test_each_member_stops_when_its_patience_is_over():
    values = {**SMALL, "epochs": 300, "patience": 15, "learning_rate": 0.03}
    seeds = run(**values, seeds=3).events[-1].data["seeds"]
    alone = [final(**values, seed=i)["val_mse"] for i in range(3)]
    assert seeds["val_mse"] == pytest.approx(alone, rel=1e-2)


def test_a_run_of_several_seeds_predicts_their_mean_and_draws_their_spread():
    values = {**SMALL, "seeds": 3}
    sink = run(**values)
    config = RegressionConfig(**values)
    model = recipe.load(config, parse(sink.artifacts["weights.safetensors"]))
    frame = [e for e in sink.events if e.data.get("kind") == "fit"][-1].data["data"]
    grid = first(sink, "started").data["arrays"]["grid"]
    members = model(torch.tensor(grid)[:, None]).squeeze(2)
    assert members.shape == (3, data.GRID_POINTS)
    outputs = recipe.predict(model, grid)["outputs"]
    assert outputs == pytest.approx(members.mean(0).tolist(), abs=1e-5)
    assert frame["fit"] == pytest.approx(outputs, abs=1e-3)
    sd = members.std(0)
    assert frame["low"] == pytest.approx((members.mean(0) - sd).tolist(), abs=1e-3)
    assert frame["high"] == pytest.approx((members.mean(0) + sd).tolist(), abs=1e-3)


def test_the_first_member_stands_alone():
    config = RegressionConfig(**SMALL, seeds=3, layers=3)
    learner = Learner(config, data.make(config))
    x = torch.linspace(-3, 3, 50)[:, None]
    alone = learner.alone()
    assert torch.allclose(alone(x), learner.model(x)[0], atol=1e-6)
    vector = torch.nn.utils.parameters_to_vector(alone.parameters())
    assert torch.equal(vector, learner.parameters())


# Stopping ------------------------------------------------------------------------------------------


def test_early_stopping_brings_the_best_weights_back():
    values = preset("polynomial", optimiser="adam", learning_rate=0.02, patience=100, epochs=3000)
    sink = run(**values)
    assert 100 < sink.final["steps"] < 3000
    measured = [e.data["values"]["val_loss"] for e in sink.events if e.type == "metric"]
    assert sink.final["val_loss"] <= min(measured) + 1e-9
    notes = [e.data["text"] for e in sink.events if e.type == "note"]
    best = sink.final["steps"] - 100
    assert any(f"back to the weights of epoch {best}" in text for text in notes), notes
    assert sink.final == run(**values).final | {"seconds": sink.final["seconds"]}


def test_the_best_weights_come_back_when_the_epochs_run_out():
    values = preset("polynomial", optimiser="adam", learning_rate=0.02, epochs=600)
    free, watched = final(**values), final(**values, patience=599)
    assert watched["steps"] == 600
    assert watched["val_loss"] < free["val_loss"]


def test_patience_without_held_out_points_is_said_to_be_idle():
    sink = run(**{**SMALL, "validation": 0.0, "patience": 10})
    assert "No points are held out" in first(sink, "note").data["text"]
    assert sink.final["steps"] == 40 * 8


def test_a_target_that_is_reached_ends_the_run():
    sink = run(target=0.1)
    assert sink.final["train_loss"] <= 0.1
    assert sink.final["steps"] < 1500
    before = run(epochs=sink.final["steps"] - 1)
    assert before.final["train_loss"] > 0.1


# Forks ---------------------------------------------------------------------------------------------


def fork(values, at=0.5, **changes):
    """Final metrics of a run, and of the run that goes on from a share of its steps."""
    parent = run(**values)
    payload = parent.artifacts["snapshots.safetensors"]
    step, text = cut(payload, int(at * parent.final["steps"]))
    job = JobSpec.checked(
        "regression", {**values, **changes}, device="cpu",
        attachments={"snapshot": text}, fork={"run": "parent", "step": step},
    )  # fmt: skip
    sink = Collector()
    perform(job, Inbox(), sink)
    return parent, sink


def numbers(metrics):
    return {name: value for name, value in metrics.items() if name != "seconds"}


FORKED = {name: dict(optimiser=name, learning_rate=RATES.get(name, 0.01)) for name in OPTIMISERS}
FORKED |= {
    "full batch": dict(batch_size=0),
    "noise": dict(model="noisy", dropout=0.2, schedule="cosine"),
    "patience": dict(patience=20, epochs=200, learning_rate=0.03),
    "members": dict(seeds=3, dropout=0.2),
    "lbfgs members": dict(seeds=2, optimiser="lbfgs", learning_rate=1.0, batch_size=0),
    "decay": dict(optimiser="adamw", l2=0.1),
}


@pytest.mark.parametrize("name", FORKED)
@pytest.mark.parametrize("at", [0.02, 0.5])
def test_an_unchanged_fork_ends_as_its_parent(name, at):
    parent, child = fork({**SMALL, **FORKED[name]}, at)
    assert child.events[-1].type == "done", child.events[-1].data
    assert numbers(child.final) == numbers(parent.final)
    assert child.events[0].step == child.events[1].step


def test_a_fork_goes_on_with_another_optimiser_from_the_same_weights():
    parent, child = fork(SMALL, optimiser="sgd", learning_rate=0.01)
    start = first(child, "metric").data["values"]["train_mse"]
    steps = [e.step for e in parent.events if e.type == "metric"]
    assert steps[0] < child.events[0].step
    assert child.final["train_mse"] != parent.final["train_mse"]
    assert start < 0.3 * first(parent, "metric").data["values"]["train_mse"]


def test_a_fork_of_another_shape_is_refused_in_words():
    _parent, child = fork(SMALL, units=4)
    assert child.events[-1].type == "failed"
    assert "the features, the model, its size" in child.events[-1].data["message"]


# Bad input -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        dict(optimiser="sgd"),
        dict(),
        dict(seeds=3, batch_size=8, optimiser="momentum"),
        preset("R1"),
    ],
)
def test_a_huge_learning_rate_ends_in_words_with_the_last_good_picture(values):
    sink = run(**{**values, "learning_rate": 1e6})
    end = sink.events[-1]
    assert end.type == "failed"
    assert end.data["message"].startswith(f"Diverged at step {end.step}: ")
    assert 1 <= end.step <= 3
    frames = [e for e in sink.events if e.type == "frame"]
    assert frames
    assert all(np.isfinite(frame.data["data"]["fit"]).all() for frame in frames)
    assert max(frame.step for frame in frames) == end.step - 1


@pytest.mark.parametrize(
    ("drawn", "message"),
    [
        ("", "There are no points to fit"),
        (" ; ", "There are no points to fit"),
        ("1,2", "There is one point"),
        ("1,2;1,3;1,4", "All points have the same x (1)"),
        ("1,2;a,3", "received 'a,3'"),
        ("1,2;2,3,4", "received '2,3,4'"),
        ("1,2;;2,3", "received ''"),
        ("1,2;2,inf", "received '2,inf'"),
        ("1,2;2,1e7", "received '2,1e7'"),
        (";".join(["1,2"] * 201), "at most 200 points, received 201"),
    ],
)
def test_drawn_points_that_cannot_be_fitted_are_explained(drawn, message):
    sink = run(data="drawn", drawn=drawn)
    assert sink.events[-1].type == "failed"
    assert message in sink.events[-1].data["message"]
    assert all(e.type != "started" for e in sink.events)


def test_two_drawn_points_are_enough():
    metrics = final(data="drawn", drawn="0,1;2,5;", model="linear", validation=0.0)
    assert metrics["slope"] == pytest.approx(2, abs=0.01)
    assert metrics["intercept"] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("drawn", ["", "1,2", "1,2;1,3"])
def test_what_cannot_be_fitted_can_still_be_drawn(drawn):
    points = data.make(RegressionConfig(data="drawn", drawn=drawn))
    grid = data.grid(points)
    assert len(grid) == data.GRID_POINTS
    assert grid[-1] > grid[0]
    weights, intercept = data.least_squares(points)
    assert np.isfinite([*weights, intercept]).all()


def test_an_own_table_that_is_gone_is_missed_in_words():
    with pytest.raises(GalleryError, match="Load it again"):
        recipe.rows(RegressionConfig(data="own"), {})


@pytest.mark.parametrize("bad", ["x", None, True, [1, 2], {}, float("nan"), 1e400])
def test_a_bad_input_is_named(bad):
    config = RegressionConfig()
    model = batched.build(config, scales(config, data.make(config)))
    with pytest.raises(InvalidValue, match=r"inputs\[1\]: expected a finite number"):
        recipe.predict(model, [1.0, bad])


def test_a_row_of_features_is_checked():
    config = RegressionConfig(data="diabetes")
    model = batched.build(config, scales(config, data.make(config)))
    assert len(recipe.predict(model, [[1.0] * 10])["outputs"]) == 1
    with pytest.raises(InvalidValue, match=r"inputs\[0\]: expected a list of 10 finite numbers"):
        recipe.predict(model, [[1.0] * 9])


# Data ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*MADE, "points", "diabetes"])
def test_held_out_rows_are_a_share_and_fixed(name):
    config = RegressionConfig(data=name, validation=0.5)
    first_time, again = data.make(config), data.make(config)
    assert (first_time.part == again.part).all()
    assert (first_time.x == again.x).all()
    free = (first_time.part != data.TEST).sum()
    assert (first_time.part == data.VALIDATION).sum() == round(0.5 * free)
    other = data.make(config.changed({"data_seed": 1}))
    assert (first_time.part != other.part).any()
    assert (data.make(config.changed({"seed": 9})).y == first_time.y).all()


def test_held_out_points_are_never_trained_on():
    config = RegressionConfig(samples=64, validation=0.5)
    points = data.make(config)
    aside = points.part == data.VALIDATION
    moved = points._replace(y=np.where(aside, points.y + 100, points.y))
    assert data.least_squares(points)[1] == data.least_squares(moved)[1]
    both = zip(scales(config, points), scales(config, moved), strict=True)
    assert all(torch.equal(a, b) for a, b in both)
    learners = [Learner(config, p) for p in (points, moved)]
    for _step in range(5):
        losses_now = [float(learner.step()) for learner in learners]
        assert losses_now[0] == losses_now[1]


def test_diabetes_is_the_data_set_of_scikit_learn():
    from sklearn.datasets import load_diabetes

    expected = load_diabetes(scaled=False)
    dataset = data.make(RegressionConfig(data="diabetes"))
    assert np.allclose(dataset.x, expected.data)
    assert np.allclose(dataset.y, expected.target)
    assert len(dataset.features) == 10


def test_noise_and_outliers_are_as_many_and_as_large_as_asked():
    step = data.make(RegressionConfig(data="step", samples=1024, noise=0.3))
    assert (step.y - np.where(step.x[:, 0] < 0, -1, 1)).std() == pytest.approx(0.3, rel=0.1)
    line = data.make(RegressionConfig(data="outliers", samples=1000, noise=0.0, outliers=0.2))
    off = line.y - (2 * line.x[:, 0] + 3)
    assert (off > 1).sum() == 200
    grows = data.make(RegressionConfig(data="heteroscedastic", samples=1024, noise=0.5))
    z = grows.y - data.heteroscedastic_mean(grows.x[:, 0])
    z /= data.heteroscedastic_sd(grows.x[:, 0], 0.5)
    assert z.std() == pytest.approx(1, rel=0.1)


def test_least_squares_is_that_of_every_feature():
    from sklearn.linear_model import LinearRegression

    dataset = data.make(RegressionConfig(data="diabetes"))
    x, y = dataset.of(data.TRAIN)
    expected = LinearRegression().fit(x.astype(float), y)
    weights, intercept = data.least_squares(dataset)
    assert weights == pytest.approx(expected.coef_, rel=1e-4)
    assert intercept == pytest.approx(expected.intercept_, rel=1e-4)


def test_long_tables_are_thinned_for_pictures():
    table = own_table(5000)
    dataset = data.make(RegressionConfig(data="own"), table)
    shown = data.shown(dataset)
    assert len(shown) == data.SHOWN_ROWS
    assert (np.diff(shown) > 0).all()
    assert len(data.shown(data.make(RegressionConfig(data="own"), own_table()))) == 80


# What a run says -------------------------------------------------------------------------------------


def test_full_batch_steps_equal_plain_pytorch():
    """The loop adds nothing to the mathematics: the same steps written out give the same weights."""
    config = RegressionConfig(epochs=50, scaling="none")
    sink = run(**config.model_dump())
    points = data.make(config)
    model = batched.build(config, scales(config, points)).net
    x, y = (torch.from_numpy(a) for a in points.of(data.TRAIN))
    optimiser = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    for _step in range(50):
        optimiser.zero_grad()
        torch.nn.functional.mse_loss(model(x), y[:, None]).backward()
        optimiser.step()
    loss = torch.nn.functional.mse_loss(model(x), y[:, None]).item()
    assert sink.final["train_mse"] == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("values", [dict(), dict(data="diabetes", seeds=2), dict(loss="quantile")])
def test_metrics_are_what_their_names_say(values):
    config = RegressionConfig(epochs=5, **values)
    sink = run(**config.model_dump())
    model = recipe.load(config, parse(sink.artifacts["weights.safetensors"]))
    dataset = data.make(config)
    outputs = model(torch.from_numpy(dataset.x)).detach().double().numpy()
    outputs = outputs.reshape(-1, *outputs.shape[-2:])
    for split, part in (("train", data.TRAIN), ("val", data.VALIDATION), ("test", data.TEST)):
        rows = dataset.part == part
        if not rows.any():
            assert f"{split}_mse" not in sink.final
            continue
        error = outputs[:, rows, outputs.shape[2] // 2] - dataset.y[rows]
        mse, variance = (error**2).mean(), np.var(dataset.y[rows].astype(float))
        assert sink.final[f"{split}_mse"] == pytest.approx(mse, rel=1e-4)
        assert sink.final[f"{split}_mae"] == pytest.approx(np.abs(error).mean(), rel=1e-4)
        assert sink.final[f"{split}_r2"] == pytest.approx(1 - mse / variance, rel=1e-4, abs=1e-5)


def test_the_start_tells_what_every_frame_shares():
    sink = run(**SMALL)
    started = first(sink, "started").data
    dataset = data.make(RegressionConfig(**SMALL))
    assert started["arrays"]["actual"] == pytest.approx(dataset.y.tolist(), abs=1e-3)
    frame = first(sink, "frame").data["data"]
    assert len(frame["fit"]) == len(started["arrays"]["grid"]) == data.GRID_POINTS
    assert len(frame["predicted"]) == 64
    assert [row["type"] for row in started["layers"]] == [
        "Linear", "Tanh", "Linear", "Tanh", "Linear",
    ]  # fmt: skip
    assert sum(row["parameters"] for row in started["layers"]) == started["parameters"]


def test_the_layer_table_counts():
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(16, 2)
    )
    conv, flatten, linear = layer_table(model, torch.zeros(1, 1, 4, 4))
    assert conv["input"] == "1 × 4 × 4"
    assert conv["output"] == "4 × 2 × 2"
    assert conv["flops"] == 2 * 9 * 4 * 4
    assert (flatten["parameters"], flatten["flops"]) == (0, 0)
    assert (linear["parameters"], linear["flops"]) == (34, 64)


def test_the_diagnosis_gets_gradients_of_every_network():
    values = first(run(**SMALL, activation="relu"), "metric").data["values"]
    assert {"gradient", "gradient_first", "gradient_last", "dead_units"} <= values.keys()
    assert values["gradient"] >= values["gradient_first"] > 0
    line = first(run(**SMALL, model="linear"), "metric").data["values"]
    assert "gradient_first" not in line


# The range test --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [dict(), dict(optimiser="sgd", batch_size=16), preset("R1"), dict(data="line", model="linear")],
)
def test_the_range_test_suggests_a_rate_that_learns(values):
    config = RegressionConfig(**values)
    found = recipe.range_test(config, {})
    assert found == recipe.range_test(config, {})
    assert len(found["rate"]) == len(found["loss"]) > 20
    assert found["rate"] == sorted(found["rate"])
    assert found["rate"][0] == 1e-6
    assert any(found["suggestion"] == pytest.approx(0.1 * r, rel=0.1) for r in found["rate"])
    metrics = final(**{**values, "learning_rate": found["suggestion"], "epochs": 500})
    slow = final(**{**values, "learning_rate": 1e-6, "epochs": 500})
    assert metrics["train_loss"] < 0.5 * slow["train_loss"]


@pytest.mark.parametrize(("seconds", "steps"), [(0.001, 150), (0.1, 100), (60.0, 40)])
def test_a_network_of_slow_steps_is_tested_with_fewer(monkeypatch, seconds, steps):
    now = itertools.count(step=seconds)
    monkeypatch.setattr(rates.time, "perf_counter", lambda: next(now))
    config = RegressionConfig()
    learner = Learner(config, data.make(config))
    assert rates.affordable(learner) == steps


def test_the_range_test_has_nothing_to_say_of_a_line_search():
    with pytest.raises(GalleryError, match="leave its learning rate at 1"):
        recipe.range_test(RegressionConfig(optimiser="lbfgs"), {})


# Old links -----------------------------------------------------------------------------------------


def test_old_links_keep_their_meaning():
    assert SPEC.link_version == 2
    assert SPEC.old_defaults[1] == {"scaling": "none"}
    assert topics.topic("regression").opening_preset().id == "sine"
