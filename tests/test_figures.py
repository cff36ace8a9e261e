"""The figures of the regression topic, and what a trained model is looked at with."""

from __future__ import annotations

from functools import cache

import numpy as np
import plotly.graph_objects as go
import pytest
import torch
from test_contract import Collector

from engine.data import held, source
from engine.data.tables import Table
from engine.errors import Unavailable
from engine.figures import blank, live
from engine.jobs.job import JobSpec
from engine.jobs.perform import perform
from engine.topics.regression import (
    batched,
    boosting,
    data,
    features,
    figures,
    inspecting,
    models,
    recipe,
)
from engine.topics.regression.boosting import baseline
from engine.topics.regression.spec import LEAST_SQUARES_R1, MADE, SPEC, RegressionConfig
from engine.training.context import Context, Inbox
from engine.training.seeds import generator

FILES = {"auto-mpg": "auto-mpg", "survey": "somerville-happiness"}
SMALL = {"samples": 40, "epochs": 4, "layers": 1, "units": 4}
random = np.random.default_rng(5)

NAMES = ("height", "colour=red", "colour=green", "colour=blue", "width", "depth")


def made_table(rows=120) -> Table:
    """A target that `width` alone determines, but for a little noise."""
    colour = np.eye(3)[random.integers(0, 3, rows)]
    x = np.column_stack([random.normal(size=rows), colour, random.normal(size=(rows, 2))])
    return Table(x, 3 * x[:, 4] + random.normal(0, 0.1, rows), NAMES, "price")


TABLE = made_table()
ONE_COLUMN = Table(TABLE.x[:, 4:5], TABLE.y, ("width",), "price")

CASES = {p.id: (dict(p.values) | {"epochs": 4}, None) for p in SPEC.presets}
CASES |= {name: ({"data": name, **SMALL}, None) for name in (*MADE, "points", "diabetes")}
CASES |= {
    "drawn": ({"data": "drawn", "drawn": "0,1;1,2;2,2.5;4,3", **SMALL}, None),
    "several seeds": ({"seeds": 3, **SMALL}, None),
    "one step": ({**SMALL, "epochs": 1}, None),
    "own": ({"data": "own", "table": TABLE.digest, **SMALL}, TABLE),
    "own, one column": ({"data": "own", "table": ONE_COLUMN.digest, **SMALL}, ONE_COLUMN),
}


@cache
def settings_of(case) -> tuple[RegressionConfig, Table | None]:
    values, table = CASES[case]
    config = RegressionConfig.parse(values)
    name = FILES.get(config.data)
    if name and not all(held(file) for file in source(name).files):
        pytest.skip(f"no file of {name} here")
    return config, table


@cache
def ran(case):
    """Arrays of the start, and the last frame of each kind, of a short run."""
    config, table = settings_of(case)
    spec = JobSpec.checked("regression", config.model_dump(), device="cpu")
    if table is None:
        sink = Collector()
        perform(spec, Inbox(), sink)
        events = sink.events
    else:
        context = Context(config, "cpu", attachments={"table": table.pack()})
        events = list(recipe.run(config, context))
    assert events[-1].type == "done", events[-1].data
    frames = {e.data["kind"]: e.data["data"] for e in events if e.type == "frame"}
    (started,) = (e for e in events if e.type == "started")  # data may have been made before
    told = started.data["arrays"] | frames["baselines"]
    return told, frames, events[-1].data["metrics"]


def bindings(thing) -> dict[str, str]:
    return dict((thing.meta or {}).get("live", {}))


every_case = pytest.mark.parametrize("case", CASES)


@every_case
def test_every_view_finds_its_arrays_in_a_run(case):
    config, table = settings_of(case)
    arrays, frames, _ = ran(case)
    views = figures.views(config, table)
    assert len({v.name for v in views}) == len(views) >= 5
    for view in views:
        figure = view.draw()
        found = arrays | frames[view.kind]
        bound = [t for t in figure.data if bindings(t)]
        assert bound, view.name
        assert set(bindings(figure.layout).values()) <= found.keys(), view.name
        for trace in bound:
            names = set(bindings(trace).values())
            assert names <= found.keys(), view.name
            if until := trace.meta.get("until"):
                assert {len(found[name]) for name in names} == {len(found[until])}


@every_case
def test_bound_arrays_fit_together(case):
    config, table = settings_of(case)
    arrays, frames, _ = ran(case)
    for view in figures.views(config, table):
        found = arrays | frames[view.kind]
        for trace in view.draw().data:
            names = bindings(trace)
            if trace.type in ("contour", "surface") and names:
                assert np.shape(found["z_log"]) == (len(found["b"]), len(found["a"]))
                continue
            lengths = {len(found[name]) for name in names.values()}
            lengths |= {len(trace[p]) for p in ("x", "y") if names and p not in names and trace[p]}
            assert len(lengths) <= 1, (view.name, names)


@every_case
def test_the_first_view_shows_the_fit_if_there_is_one_variable(case):
    config, table = settings_of(case)
    one = data.make(config, table).one_variable
    views = figures.views(config, table)
    assert views[0].name == ("fit" if one else "actual")
    assert ("importance" in {v.name for v in views}) is not one
    assert figures.picture(config, table) == views[0].draw()


def test_a_band_is_drawn_where_a_run_has_one():
    def bands(**values):
        figure = figures.picture(RegressionConfig(**values))
        return [t.name for t in figure.data if t.fill == "tonexty"]

    assert not bands()
    assert len(bands(seeds=5)) == len(bands(loss="quantile")) == 1
    assert bands(seeds=5) != bands(loss="quantile")


def test_every_row_is_drawn_once_with_the_sign_of_its_part():
    config = RegressionConfig(data="diabetes", validation=0.2)
    part = data.make(config).part
    views = {v.name: v for v in figures.views(config)}
    drawn = [t for t in views["actual"].draw().data if bindings(t)]
    assert [t.marker.symbol for t in drawn] == list(figures.SYMBOLS.values())
    seen = np.array([[x is not None for x in trace.x] for trace in drawn])
    assert (seen == [part == p for p in figures.SYMBOLS]).all()
    (points,) = (t for t in views["residuals"].draw().data if bindings(t) and t.type == "scatter")
    assert [figures.SYMBOLS[p] for p in part.tolist()] == list(points.marker.symbol)


def test_residuals_of_a_frame_are_actual_less_predicted():
    arrays, frames, _ = ran("diabetes")
    fit = frames["fit"]
    assert np.array(fit["residual"]) == pytest.approx(
        np.array(arrays["actual"]) - np.array(fit["predicted"]), abs=0.2
    )
    assert np.ptp(fit["residual"]) > 10


@pytest.mark.parametrize("case", ["R3", "R5", "diabetes", "sine", "own"])
def test_without_the_data_every_figure_still_follows_the_run(case, monkeypatch):
    def missing(*_args):
        raise Unavailable("no network")

    config, table = RegressionConfig.parse(CASES[case][0]), CASES[case][1]
    monkeypatch.setattr(data, "make", missing)
    for view in figures.views(config, table):
        assert any(bindings(trace) for trace in view.draw().data), view.name
    assert list(figures.baselines(config, table)) == []
    actual = next(v for v in figures.views(config, table) if v.name == "actual").draw()
    assert {"actual", "predicted"} <= {n for t in actual.data for n in bindings(t).values()}


def test_points_can_be_edited_where_there_are_points():
    assert figures.points(RegressionConfig(data="diabetes")) is None
    assert figures.points(RegressionConfig(data="drawn")) == {"x": [], "y": [], "held": []}
    drawn = RegressionConfig(data="drawn", drawn="0,1;2,3", validation=0.0)
    assert figures.points(drawn) == {"x": [0, 2], "y": [1, 3], "held": [False, False]}
    assert sum(figures.points(RegressionConfig(samples=40, validation=0.25))["held"]) == 10


def test_figures_without_points_draw():
    for view in figures.views(RegressionConfig(data="drawn", drawn="")):
        assert isinstance(view.draw(), go.Figure)


# Baselines


def measured(config, table=None):
    return {b["title"]: b for b in figures.baselines(config, table)}


def test_baselines_of_r1_are_measured_on_its_training_points():
    found = measured(RegressionConfig.parse(SPEC.preset("R1").values))
    assert found["Best line"]["value"] == pytest.approx(LEAST_SQUARES_R1, abs=1e-5)
    assert found["Mean only"]["value"] == pytest.approx(np.var(data.R1_Y), rel=1e-5)
    assert (
        baseline(data.make(RegressionConfig(data="points", validation=0.0)))["boosting_mse"]
        < LEAST_SQUARES_R1
    )
    assert all("training" in b["help"] for b in found.values())


def test_baselines_are_measured_on_the_test_part_if_there_is_one():
    config = RegressionConfig(data="diabetes", validation=0.2)
    made = data.make(config)
    _, y = made.of(data.TEST)
    found = measured(config)
    assert found["Mean only"]["value"] == pytest.approx(
        np.mean((y - made.of(data.TRAIN)[1].mean()) ** 2), rel=1e-5
    )
    assert found["Least squares"]["value"] < 0.7 * found["Mean only"]["value"]
    assert baseline(made)["boosting_mse"] < 0.8 * found["Mean only"]["value"]
    assert all("test" in b["help"] for b in found.values())


def test_gradient_boosting_of_r3_is_the_one_to_beat():
    config, _ = settings_of("R3")
    assert baseline(data.make(config))["boosting_mse"] == pytest.approx(10.03, abs=0.15)


def test_the_curve_of_gradient_boosting_follows_the_points():
    made = data.make(RegressionConfig(noise=0.0, samples=512))
    curve = np.array(baseline(made)["boosted"])
    x = data.grid(made)
    inside = np.abs(x) < 3
    assert np.abs(curve - np.sin(x))[inside].max() < 0.15


def test_gradient_boosting_says_if_it_learned_from_a_part_of_the_rows(monkeypatch):
    config = RegressionConfig(data="diabetes")
    assert "learned from" not in measured(config)["Gradient boosting"]["help"]
    assert figures.BOOSTING_ROWS == boosting.MOST_ROWS
    monkeypatch.setattr(figures, "BOOSTING_ROWS", 100)
    assert "100 of the rows" in measured(config)["Gradient boosting"]["help"]


# Loss surface


@pytest.mark.parametrize("scaling", ["none", "both"])
def test_the_surface_of_a_line_is_exact_and_its_minimum_least_squares(scaling):
    config = RegressionConfig(data="line", model="linear", scaling=scaling, epochs=60, noise=0.5)
    made = data.make(config)
    x, y = made.of(data.TRAIN)
    surface = frames_of(config)["surface"]
    a, b = np.meshgrid(surface["a"], surface["b"])
    terms = np.stack([a * a, a * b, b * b, a, b, np.ones_like(a)], -1).reshape(-1, 6)
    z = np.ravel(surface["z"])
    (aa, ab, bb, pa, pb, rest), *_ = np.linalg.lstsq(terms, z, rcond=None)
    assert terms @ [aa, ab, bb, pa, pb, rest] == pytest.approx(z, rel=1e-2)
    slope, intercept = np.linalg.solve([[2 * aa, ab], [ab, 2 * bb]], [-pa, -pb])
    weights, best = data.least_squares(made)
    assert (slope, intercept) == pytest.approx((weights[0], best), abs=0.01)
    assert (surface["best_a"], surface["best_b"]) == (
        [pytest.approx(weights[0], abs=1e-3)],
        [pytest.approx(best, abs=1e-3)],
    )
    least = aa * slope**2 + ab * slope * intercept + bb * intercept**2
    unit = 1.0 if scaling == "none" else y.var(ddof=1)
    mse = np.mean((y - x[:, 0] * weights[0] - best) ** 2)
    assert (least + pa * slope + pb * intercept + rest) * unit == pytest.approx(mse, rel=0.01)


def frames_of(config):
    sink = Collector()
    perform(JobSpec.checked("regression", config.model_dump(), device="cpu"), Inbox(), sink)
    assert sink.events[-1].type == "done", sink.events[-1].data
    frames = {e.data["kind"]: e.data["data"] for e in sink.events if e.type == "frame"}
    return frames | {"metrics": sink.final}


@pytest.mark.parametrize(
    "values",
    [
        {"model": "linear"},
        {"l2": 0.05, "l1": 0.01},
        {"loss": "quantile"},
        {"loss": "huber", "huber_delta": 0.3},
        {"model": "polynomial", "degree": 4},
        {"dropout": 0.5},
        {"model": "noisy"},
        {"data": "diabetes", "loss": "mae"},
    ],
)
def test_the_path_ends_on_the_loss_of_the_run(values):
    found = frames_of(RegressionConfig(**{**SMALL, "epochs": 30, **values}))
    surface = found["surface"]
    assert surface["path_z"][-1] == pytest.approx(found["metrics"]["train_loss"], rel=2e-4)
    assert (surface["path_step"][0], surface["path_step"][-1]) == (0, 30)
    assert surface["path_step"] == sorted(surface["path_step"])
    assert surface["path_z"][0] > surface["path_z"][-1]
    for axis in ("a", "b"):  # all of it lies on the surface, with room around it
        low, high = surface[axis][0], surface[axis][-1]
        assert low < min(surface[f"path_{axis}"])
        assert max(surface[f"path_{axis}"]) < high
        assert surface[f"end_{axis}"] == surface[f"path_{axis}"][-1:]


def test_a_line_ends_where_its_metrics_say():
    found = frames_of(RegressionConfig(data="line", model="linear", epochs=30))
    surface, metrics = found["surface"], found["metrics"]
    assert surface["end_a"][0] == pytest.approx(metrics["slope"], rel=1e-4)
    assert surface["end_b"][0] == pytest.approx(metrics["intercept"], rel=1e-4)
    assert (surface["a_title"], surface["b_title"]) == ("slope", "intercept")


def plane_of(points):
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))
    return inspecting.principal_plane(model, points, generator(0, "inspect"))


def test_the_plane_is_that_in_which_the_path_moves_most():
    directions = torch.linalg.qr(torch.randn(13, 3, dtype=torch.float64)).Q.T
    along = torch.tensor([[-8.0, -3, 0.1], [-5, 2, -0.1], [-1, 1, 0.1], [0, 0, 0]]).double()
    plane = plane_of(along @ directions + 4)
    assert plane.origin.tolist() == [4.0] * 13
    assert torch.linalg.norm(plane.directions, dim=1).tolist() == pytest.approx([1, 1])
    inside = plane.directions @ directions.T
    assert torch.linalg.norm(inside[:, :2], dim=1).tolist() == pytest.approx([1, 1], abs=1e-2)
    assert plane.coordinates.norm(dim=1).tolist() == pytest.approx(
        along[:, :2].norm(dim=1).tolist(), abs=0.1
    )
    assert plane.coordinates[0, 0] < 0, "the path goes from left to right"


def test_a_path_too_short_for_two_directions_gets_random_ones():
    still = plane_of(torch.ones(1, 13, dtype=torch.float64))
    straight = plane_of(torch.stack([torch.zeros(13), torch.arange(13.0)]).double())
    for plane, titles in ((still, ["random"] * 2), (straight, ["principal", "random"])):
        assert [title.split()[0] for title in plane.titles] == titles
        assert (plane.directions[0] @ plane.directions[1]).abs() < 1e-9
        assert plane.directions.norm(dim=1).min() > 0.1
    assert straight.coordinates[-1].tolist() == [0, 0]
    assert straight.coordinates[0, 0] == pytest.approx(-np.linalg.norm(np.arange(13)))


def test_a_path_that_diverged_is_cut():
    finite, diverged = torch.ones(3), torch.tensor([1.0, float("inf"), 0])
    steps, points = inspecting.recorded([(0, finite), (5, diverged), (7, finite)])
    assert (steps, points.tolist()) == ([0, 7], [[1, 1, 1]] * 2)
    many = inspecting.recorded([(k, finite) for k in range(5000)])[0]
    assert (len(many), many[0], many[-1]) == (inspecting.PATH_POINTS, 0, 4999)


@pytest.mark.parametrize(
    ("low", "high"), [(0.225, 0.313), (0.37, 67), (1e-5, 3e3), (7.8, 3040), (1e-9, 1e6), (990, 991)]
)
def test_ticks_are_few_and_round(low, high):
    marks = inspecting.ticks(low, high)
    assert 3 <= len(marks) <= 10
    assert low <= marks[0]
    assert marks[-1] <= high
    assert marks == sorted(set(marks))
    assert all(len(f"{m:.6g}".replace(".", "").strip("0")) <= 5 for m in marks)


# Importance and dependence


def plain_model(weights):
    model = torch.nn.Linear(len(weights), 1)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([weights]))
        model.bias.fill_(0.5)
    return model


PART = inspecting.Rows(torch.tensor(TABLE.x), torch.tensor(TABLE.y)[:, None])


def test_importance_finds_the_one_feature_that_matters():
    importance = ran("own")[1]["importance"]
    assert sorted(importance["features"]) == ["colour", "depth", "height", "width"]
    config, table = settings_of("own")
    longer = config.changed({"epochs": 300})
    context = Context(longer, "cpu", attachments={"table": table.pack()})
    events = list(recipe.run(longer, context))
    (found,) = (
        e.data["data"] for e in events if e.type == "frame" and e.data["kind"] == "importance"
    )
    assert found["features"][-1] == "width"
    assert found["increase"] == sorted(found["increase"])
    assert found["increase"][-1] > 20 * max(map(abs, found["increase"][:-1]))


def test_importance_of_a_known_model_is_twice_the_variance_it_explains():
    model = plain_model([0.0, 0, 0, 0, 3, 0])
    found = inspecting.importance(model, PART, NAMES, generator(0, "inspect"))
    assert found["increase"][:-1] == [0, 0, 0] == found["sd"][:-1]
    assert found["increase"][-1] == pytest.approx(2 * 9 * TABLE.x[:, 4].var(), rel=0.25)
    assert found["sd"][-1] > 0


def test_columns_of_a_one_hot_variable_are_shuffled_together():
    # a model that notices rows whose columns do not add up to one: no whole row is such
    class Strict(torch.nn.Module):
        def forward(self, x):
            return 100 * (x[:, 1:4].sum(1, keepdim=True) - 1).abs() + 3 * x[:, 4:5]

    found = inspecting.importance(Strict(), PART, NAMES, generator(0, "inspect"))
    increase = dict(zip(found["features"], found["increase"], strict=True))
    assert increase["colour"] == pytest.approx(0, abs=1e-4)
    assert features.groups(NAMES)["colour"] == [1, 2, 3]


def test_the_dependence_of_a_linear_model_is_its_line():
    weights = [1.0, 0, 0, 0, 3, -2]
    model = plain_model(weights)
    found = inspecting.dependence(model, PART, [0, 4, 5], generator(0, "inspect"))
    for i, column in enumerate((0, 4, 5)):
        x, y = np.array(found[f"x{i}"]), np.array(found[f"y{i}"])
        slope, at_0 = np.polyfit(x, y, 1)
        assert slope == pytest.approx(weights[column], abs=1e-3)
        assert y == pytest.approx(slope * x + at_0, abs=1e-3)
        low, high = np.quantile(TABLE.x[:, column], [0.05, 0.95])
        assert (x[0], x[-1]) == pytest.approx((low, high), abs=1e-3)


def test_dependence_on_a_column_of_few_values_is_asked_at_those():
    model = plain_model([0.0, 1, 0, 0, 0, 0])
    found = inspecting.dependence(model, PART, [1], generator(0, "inspect"))
    assert found == {"x0": [0, 1], "y0": [0.5, 1.5]}


def test_the_median_is_what_quantiles_predict():
    model = torch.nn.Linear(6, 3)
    assert torch.equal(inspecting.predicted(model, PART.x), model(PART.x)[:, 1:2])


def test_of_many_features_those_that_go_with_the_target_are_shown():
    x = random.normal(size=(200, 30)).astype("float32")
    y = x[:, 21] - x[:, 7]
    chosen = features.strongest(x, y)
    assert len(chosen) == 9
    assert {7, 21} <= set(chosen)
    assert chosen == sorted(chosen)
    x[:, 3] = 1.0  # a constant column goes with nothing
    assert 3 not in features.strongest(x, y)
    assert features.strongest(x[:, :5], y) == [0, 1, 2, 3, 4]


def test_looking_leaves_the_model_as_it_is():
    config = RegressionConfig(**SMALL, data="diabetes")
    made = data.make(config)
    model = batched.build(config, models.scales(config, made))
    before = batched.flat(config, model)
    path = [(0, before * 0.5), (3, before * torch.linspace(0, 1, len(before))), (9, before)]
    kinds = [kind for kind, _ in inspecting.inspect(model, made, config, path)]
    assert kinds == ["baselines", "surface", "importance", "dependence"]
    assert torch.equal(batched.flat(config, model), before)
    assert all(p.requires_grad for p in model.parameters())


# Shared


def test_live_meta_holds_what_the_page_binds():
    meta = live({"error_x.array": "sd"}, x="increase", until="steps", ghost=True)
    assert meta == {
        "live": {"error_x.array": "sd", "x": "increase"},
        "until": "steps",
        "ghost": True,
    }
    assert live(y="fit") == {"live": {"y": "fit"}}
    assert blank(meta=live({"xaxis.title.text": "name"})).layout.meta["live"]
