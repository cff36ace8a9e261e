"""The figures of the classification topic: what they bind, how they show classes, baselines."""

from __future__ import annotations

import base64
import json
from functools import cache
from itertools import combinations

import numpy as np
import plotly.graph_objects as go
import pytest
from sklearn.linear_model import LogisticRegression
from test_live_js import RECORDING, Site, show

from engine.bench.browser import chromium
from engine.data.tables import Table
from engine.figures import BLUE, CLASS_COLORS, CLASS_SYMBOLS, ORANGE
from engine.topics.classification import baselines, data, figures, figures_parts
from engine.topics.classification.data import TEST, TRAIN, VALIDATION, Dataset
from engine.topics.classification.figures_quality import CURVE_POINTS
from engine.topics.classification.spec import DOWNLOADED, PLANE, SPEC, ClassificationConfig

EVERYWHERE = {"architecture", "label", "part", "measured_on", "predicted", "confidence", "theta"}
EVERYWHERE |= {"confusion", "roc_x", "pr_x", "calibration_x", "calibration_y", "calibration_n"}
OF_TABLES = {"input_x", "input_y", "projected", "projected_label", "hidden_x", "hidden_y"}
OF_SWEEPS = {"theta", "sweep_value", "architectures", "variant_architecture", "sweep_name"}
OF_SWEEPS |= {f"sweep_{p}{end}" for p in ("train", "val") for end in ("", "_low", "_high")}

CASES = {p.id: dict(p.values) for p in SPEC.presets}
CASES |= {f"data {name}": {"data": name} for name in PLANE}
CASES |= {
    "painted": {"data": "drawn", "drawn": "0,1,0;1,2,1;2,2.5,2;4,3,0;1,1,1;3,1,2"},
    "breast-cancer": {"data": "breast-cancer"},
    "one class": {"data": "drawn", "drawn": "0,1,0;1,2,0"},
    "nothing held out": {"validation": 0.0},
    "lost table": {"data": "own", "table": "0" * 64},
    "units": {"sweep": "units", "seeds": 3},
    "seeds of data": {"sweep": "data_seed", "validation": 0.0},
    "table swept": {"data": "iris", "sweep": "layers"},
}
every_case = pytest.mark.parametrize("case", CASES)


@cache
def config_of(case: str) -> ClassificationConfig:
    return ClassificationConfig.parse(CASES[case])


def drawn(case: str) -> dict[str, go.Figure]:
    return {v.name: v.draw() for v in figures.views(config_of(case))}


def bindings(thing) -> dict[str, str]:
    return dict((thing.meta or {}).get("live", {}))


def named(classes: int) -> set[str]:
    curves = [1] if classes <= 2 else range(min(classes, 10))
    return {f"{name}_{k}" for k in curves for name in ("roc", "pr", "auc")}


# Views


@every_case
def test_every_view_binds_what_a_run_tells_and_nothing_else(case):
    config = config_of(case)
    classes = len(figures_parts.names_of(config, figures.dataset(config)))
    told = EVERYWHERE | named(classes) | set(figures.DERIVED)
    if config.sweep != "none":
        told = OF_SWEEPS
    elif config.data not in PLANE:
        told |= OF_TABLES
    for view in figures.views(config):
        figure = view.draw()
        bound = [set(bindings(trace).values()) for trace in figure.data if bindings(trace)]
        assert bound, view.name
        assert set().union(*bound) <= told, view.name
        assert view.kind == ("net" if config.sweep == "none" else "sweep")


@every_case
def test_the_views_are_those_of_the_data(case):
    config = config_of(case)
    views = [(v.name, v.panel) for v in figures.views(config)]
    plane = config.data in PLANE
    if config.sweep != "none":
        assert views == [("multiples", "multiples")] * plane + [("sweep", "picture")]
        return
    quality = [(name, "picture") for name in ("confusion", "roc", "calibration")]
    if plane:
        assert views == [("network", "network"), ("surface", "picture"), *quality]
    else:
        network = [("network", "network")] * (0 < figures.parameters(config) <= 4_000)
        assert views == [("projection", "picture"), *quality, *network]


def test_a_network_too_large_for_its_weights_to_be_sent_is_not_drawn():
    def drawn_as_network(**values):
        return "network" in {v.name for v in figures.views(ClassificationConfig(**values))}

    assert drawn_as_network(layers=3, units_1=64, units_2=64, units_3=64)
    assert not drawn_as_network(data="mnist", layers=0)
    assert drawn_as_network(data="digits", layers=1, units_1=32)


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ({}, 2 * 8 + 8 + 8 * 8 + 8 + 8 + 1),
        ({"layers": 0, "data": "blobs", "classes": 4}, 2 * 4 + 4),
        ({"layers": 1, "normalisation": "batch", "squares": True}, 4 * 8 + 8 + 16 + 8 + 1),
        ({"data": "mnist", "layers": 0}, 784 * 10 + 10),
    ],
)
def test_parameters_are_counted_without_torch(values, count):
    assert figures.parameters(ClassificationConfig(**values)) == count


def test_the_large_data_are_never_loaded(monkeypatch):
    def refuse(*_args):
        raise AssertionError("MNIST was loaded")

    monkeypatch.setattr(data, "make", refuse)
    for case in ("C4", "C5+"):
        assert drawn(case)
        assert [b["value"] for b in figures.baselines(config_of(case))] == [0.1135]
        assert figures.problem(config_of(case)) == ""


@pytest.mark.parametrize("name", DOWNLOADED)
def test_what_is_known_of_data_that_are_not_here_is_true(name):
    config = ClassificationConfig(data=name)
    if not data.at_hand(config) or name in data.LARGE:
        pytest.skip("no file of it here, or a large one")
    made = data.make(config)
    assert figures_parts.KNOWN[name] == (made.x.shape[1], made.classes)


def test_the_first_picture_is_drawn_without_the_data(monkeypatch):
    monkeypatch.setattr(figures_parts, "at_hand", lambda _config: False)
    figure = figures.picture(ClassificationConfig(data="sonar"))
    rows = [t for t in figure.data if bindings(t)]
    assert [bindings(t)["marker.color"] for t in rows] == ["projected_label"] * 2
    assert (rows[0].marker.cmin, rows[0].marker.cmax) == (-0.5, 1.5)


# Surface


def test_the_surface_of_two_classes_is_palest_where_both_are_as_likely():
    (field, *_) = drawn("spirals")["surface"].data
    assert (field.zmin, field.zmax) == (0, 1)
    assert [at for at, _color in field.colorscale] == [0, 0.5, 0.5, 1]
    ends = [figures_parts.faded(c, figures_parts.FULL) for c in (ORANGE, BLUE)]
    assert [field.colorscale[i][1] for i in (0, -1)] == ends
    assert all(color.endswith(",0)") for _at, color in field.colorscale[1:3])


def test_the_surface_of_more_classes_goes_from_pale_to_full_within_each():
    (field, *_) = drawn("blobs")["surface"].data
    assert (field.zmin, field.zmax, field.zsmooth) == (0, 6, False)
    for k in range(6):
        (low, pale), (high, full) = field.colorscale[2 * k : 2 * k + 2]
        assert (low, high) == (pytest.approx(k / 6), pytest.approx((k + 1) / 6))
        assert (pale, full) == tuple(
            figures_parts.faded(CLASS_COLORS[k], alpha)
            for alpha in (figures_parts.FADED_OUT, figures_parts.FULL)
        )


@pytest.mark.parametrize("case", ["spirals", "three-spirals", "blobs", "painted"])
def test_every_point_is_drawn_once_with_the_look_of_its_class_and_part(case):
    made = figures.dataset(config_of(case))
    traces = [t for t in drawn(case)["surface"].data if t.type == "scatter" and t.x[0] is not None]
    found = {}
    for trace in traces:
        k = CLASS_SYMBOLS.index(trace.marker.symbol)
        is_open = trace.marker.color == "#ffffff"
        color = trace.marker.line.color if is_open else trace.marker.color
        assert color == CLASS_COLORS[k]
        found[k, is_open] = np.column_stack([trace.x, trace.y])
    for k in range(len(made.classes)):
        for is_open in (False, True):
            chosen = (made.y == k) & ((made.part != TRAIN) == is_open)
            assert found.get((k, is_open), np.empty((0, 2))) == pytest.approx(
                made.x[chosen], abs=1e-4
            )


def test_a_plane_is_as_wide_as_high():
    figure = drawn("spirals")["surface"]
    assert figure.layout.yaxis.scaleanchor == "x"
    assert figure.layout.xaxis.range == figure.layout.yaxis.range == (-1.2, 1.2)


# Quality


def test_cells_of_the_confusion_matrix_can_be_clicked_and_read():
    figure = drawn("three-spirals")["confusion"]
    cells, counts = figure.data
    assert cells.meta["cells"] is True
    assert cells.x == cells.y == ("class 0", "class 1", "class 2")
    assert figure.layout.yaxis.autorange == "reversed"
    assert (bindings(cells)["z"], bindings(cells)["text"]) == ("confusion_share", "confusion")
    assert (counts.x[1], counts.y[1]) == ("class 1", "class 0"), "row after row"
    assert len(counts.x) == len(counts.y) == 9


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ({}, "validation"),
        ({"validation": 0.0}, "training"),
        ({"data": "iris"}, "test"),
        ({"data": "iris", "test_share": 0.0, "validation": 0.0}, "training"),
        ({"data": "mnist", "validation": 0.0}, "test"),
    ],
)
def test_pictures_say_which_rows_they_are_of(values, part):
    config = ClassificationConfig(**values)
    for view in figures.views(config):
        if view.name in ("confusion", "roc", "calibration"):
            assert f"{part} rows" in view.draw().to_json(), view.name
    assert all(f"{part} rows" in b["help"] for b in figures.baselines(config))


def test_each_class_has_a_curve_of_its_colour_and_its_area_in_words():
    figure = drawn("digits")["roc"]
    curves = [t for t in figure.data if bindings(t).get("y", "").startswith("roc_")]
    assert [t.line.color for t in curves] == list(CLASS_COLORS)
    labels = [t for t in figure.data if t.mode == "text"]
    assert [bindings(t)["meta.auc"] for t in labels] == [f"auc_text_{k}" for k in range(10)]
    assert all(len(t.y) == CURVE_POINTS for t in labels)
    (one,) = (t for t in drawn("spirals")["roc"].data if bindings(t).get("y") == "roc_1")
    assert one.line.color == BLUE


def test_precision_is_compared_with_the_share_of_the_class():
    config = config_of("C1")
    _x, y = figures.dataset(config).of(VALIDATION)
    (line,) = (t for t in drawn("C1")["roc"].data if t.yaxis == "y2" and not bindings(t))
    assert line.y == pytest.approx([y.mean()] * 2)


# Projection


def test_projected_rows_are_those_that_the_run_projects():
    config = ClassificationConfig(data="digits")
    made = data.make(config)
    shown = data.shown(made)
    chosen = np.sort(np.random.default_rng(0).permutation(len(shown))[:600])
    label = made.y[shown[chosen]]
    rows = [t for t in figures.picture(config).data if bindings(t)]
    assert [bindings(t) for t in rows] == [
        {"x": f"{name}_x", "y": f"{name}_y"} for name in ("input", "hidden")
    ]
    for trace in rows:
        assert list(trace.marker.color) == [CLASS_COLORS[k] for k in label]
        assert list(trace.marker.symbol) == [CLASS_SYMBOLS[k] for k in label]


# Sweep


def test_bands_are_drawn_for_several_seeds_and_the_held_out_rows_if_there_are_any():
    def names(**values):
        figure = figures.picture(ClassificationConfig(sweep="noise", **values))
        return [bindings(t)["y"] for t in figure.data]

    assert names() == ["sweep_train", "sweep_val"]
    assert names(validation=0.0) == ["sweep_train"]
    assert [n for n in names(seeds=2) if n.endswith(("low", "high"))] == [
        "sweep_train_low",
        "sweep_train_high",
        "sweep_val_low",
        "sweep_val_high",
    ]


@pytest.mark.parametrize(
    ("sweep", "scale", "whole"),
    [("learning_rate", "log", False), ("layers", "linear", True), ("l2", "linear", False)],
)
def test_the_axis_of_a_sweep_is_that_of_its_setting(sweep, scale, whole):
    axis = figures.picture(ClassificationConfig(sweep=sweep)).layout.xaxis
    assert axis.type == scale
    assert (axis.tickformat == ",d") is whole


# Points and problems


def test_points_on_a_plane_can_be_painted_and_others_cannot():
    found = figures.points(config_of("painted").changed({"validation": 0.0}))
    assert (found["x"], found["label"]) == ([0, 1, 2, 4, 1, 3], [0, 1, 2, 0, 1, 2])
    assert found["held"] == [False] * 6
    assert len(found["classes"]) == 3
    assert sum(figures.points(ClassificationConfig(samples=40))["held"]) == 20
    empty = figures.points(ClassificationConfig(data="drawn"))
    assert empty == {"x": [], "y": [], "label": [], "held": [], "classes": []}
    assert figures.points(ClassificationConfig(data="iris")) is None


def test_hopeless_data_say_why():
    assert "no points" in figures.problem(ClassificationConfig(data="drawn"))
    assert figures.problem(config_of("one class"))
    assert figures.problem(ClassificationConfig()) == ""


# Baselines


def reached(config, table=None):
    return {b["title"]: b["value"] for b in figures.baselines(config, table)}


@pytest.fixture
def by_hand(monkeypatch):
    """Five known rows on a line and four to measure on, one of which no straight line gets."""
    x = np.array([[0], [1], [2], [8], [9], [0.4], [1.4], [8.6], [1.9]], np.float32)
    y = np.array([0, 0, 0, 1, 1, 0, 0, 1, 1])
    part = np.array([TRAIN] * 5 + [TEST] * 4, np.int8)
    made = Dataset(x, y, part, ("x",), ("a", "b"))
    monkeypatch.setattr(figures_parts.data, "make", lambda *_: made)
    return made


def test_baselines_of_a_few_rows_are_those_by_hand(by_hand):
    found = reached(ClassificationConfig(data="iris"))
    assert found == {"Majority": 0.5, "Logistic regression": 0.75, "Nearest neighbour": 0.75}


def test_the_nearest_row_is_found():
    x = np.array([[0.0, 0], [1, 1], [3, 0]])
    asked = np.array([[0.4, 0.4], [0.6, 0.7], [2.5, 0.5]])
    assert baselines.nearest(x, np.array([5, 6, 7]), asked).tolist() == [5, 6, 7]


@pytest.mark.parametrize("name", ["iris", "digits"])
def test_logistic_regression_is_scikit_learns(name):
    made = data.make(ClassificationConfig(data=name))
    x, y = made.of(TRAIN)
    mean, sd = x.mean(0), np.where(x.std(0) > 0, x.std(0), 1)
    asked = (made.x - mean) / sd
    theirs = LogisticRegression(max_iter=2000).fit((x - mean) / sd, y).predict(asked)
    ours = baselines.logistic((x - mean) / sd, y, asked, len(made.classes))
    assert np.mean(ours == theirs) > 0.995


def test_straight_lines_fail_on_xor_and_neighbours_do_not():
    found = reached(ClassificationConfig(data="xor"))
    assert found["Logistic regression"] < 0.8
    assert found["Nearest neighbour"] > 0.9


def test_repeated_training_rows_do_not_move_the_majority():
    usual = ClassificationConfig(data="moons", imbalance=0.2)
    repeated = usual.changed({"oversample": "training"})
    assert reached(repeated) == reached(usual)
    assert reached(usual)["Majority"] > 0.7


def test_nothing_is_said_of_neighbours_where_nothing_is_held_out():
    assert "Nearest neighbour" not in reached(ClassificationConfig(validation=0.0))


def test_baselines_of_data_that_are_not_here_are_none():
    lost = ClassificationConfig(data="own", table="0" * 64)
    assert reached(lost) == {}


# Colours: Machado, Oliveira, Fernandes 2009, severity 1, on linear RGB; distances in CIELAB

BLINDNESS = {
    "none": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def seen(color: str, matrix) -> np.ndarray:
    """L*, a*, b* of a colour, as somebody with this blindness sees it."""
    rgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(matrix @ linear, 0, 1) / TO_XYZ.sum(1)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_colours_of_classes_stay_apart_for_colour_blind_people(blindness):
    def least(colors):
        spots = [seen(color, np.array(BLINDNESS[blindness])) for color in colors]
        return min(float(np.linalg.norm(a - b)) for a, b in combinations(spots, 2))

    assert least(CLASS_COLORS[:2]) > 40
    assert least(CLASS_COLORS[:6]) > 15
    assert least(CLASS_COLORS) > 10


def test_no_two_classes_look_alike():
    assert len(set(CLASS_COLORS)) == len(set(CLASS_SYMBOLS)) == 10
    looks = {(figures_parts.color(k), figures_parts.symbol(k)) for k in range(50)}
    assert len(looks) == 50


def test_an_own_table_of_many_classes_draws():
    random = np.random.default_rng(0)
    y = np.arange(120) % 12
    table = Table(
        random.normal(size=(120, 2)).astype(np.float32),
        y.astype(np.float32),
        ("a", "b"),
        "kind",
        classes=tuple(f"kind {k}" for k in range(12)),
    )
    config = ClassificationConfig(data="own", table=table.digest)
    found = {v.name: v.draw() for v in figures.views(config, table)}
    assert len(found) == 5
    assert sum(bindings(t).get("y", "").startswith("roc_") for t in found["roc"].data) == 10
    assert set(reached(config, table)) == {"Majority", "Nearest neighbour"}


def test_names_of_an_own_table_are_no_markup():
    """Plotly makes links of tags in texts, and fills placeholders of templates."""
    names = ("<a href='https://x.example'>y</a>", "%{nothing}", "<5 & more")
    random, y = np.random.default_rng(0), np.arange(30) % 3
    x = random.normal(size=(30, 2)).astype(np.float32)
    table = Table(x, y.astype(np.float32), ("a", "b"), "kind", classes=names)
    config = ClassificationConfig(data="own", table=table.digest)
    for view in figures.views(config, table):
        for trace in view.draw().data:
            texts = [trace.hovertemplate, getattr(trace, "texttemplate", None)]
            texts += [
                *(getattr(trace, "text", None) or ()),
                *(trace.x if trace.type == "heatmap" else ()),
            ]
            told = "".join(str(text) for text in texts if text is not None)
            assert "<a " not in told
            assert "<5" not in told
            assert names[1] not in told


# In the browser

NAMES = ("class 0", "class 1", "class 2")
ARCHITECTURE = {
    "inputs": ["x", "y"],
    "shift": [0, 0],
    "spread": [1, 1],
    "layers": [{"kind": "linear", "inputs": 2, "outputs": 3}],
    "outputs": 3,
    "classes": list(NAMES),
    "parameters": 9,
    "extent": [-1.2, 1.2, -1.2, 1.2],
}
WEIGHTS = np.array([[-4, 0], [4, 0], [0, 4]])
"""Class 0 lies at the left, class 1 at the right, class 2 above."""


def history():
    theta = np.append(WEIGHTS.ravel(), [0, 0, 0]).astype("<f4")
    encoded = {"dtype": "float32", "shape": [1, 9], "b64": base64.b64encode(theta).decode()}
    curve = [k / 100 for k in range(101)]
    frame = {"theta": encoded, "confusion": [[9, 0, 1], [2, 6, 0], [0, 0, 0]], "roc_x": curve}
    frame |= {f"roc_{k}": curve for k in range(3)} | {f"auc_{k}": 0.5 + k / 8 for k in range(3)}
    return {
        "run": "r1",
        "started": {"device": "cpu", "arrays": {"architecture": ARCHITECTURE}, "steps_total": 1},
        "metrics": {"step": [1], "epoch": [1], "time": [0]},
        "frames": [{"kind": "net", "step": 1, "data": frame}],
        "notes": [],
        "artifacts": [],
        "terminal": {"type": "done", "step": 1, "data": {}},
    }


@pytest.fixture(scope="module")
def page():
    site = Site()
    site.histories = {"/history": history()}
    with chromium() as browser:
        opened = browser.new_page(base_url=site.url)
        errors = []
        opened.on("pageerror", lambda error: errors.append(str(error)))
        opened.goto("/")
        opened.wait_for_function("window.ready")
        for name in ("surface", "confusion", "roc"):
            figure = json.loads(drawn("three-spirals")[name].to_json())
            data = {"figure": figure, "kind": "net", "label": name}
            show(opened, "picture", RECORDING, slot=name, **data)
        opened.wait_for_selector("[aria-label=roc] .textpoint text", state="attached")
        yield opened
        assert errors == []
    site.http.shutdown()


def spot(page, name, x, y):
    """Where the point (x, y) of a picture is on the screen; categories by number."""
    return page.locator(f"[aria-label={name}]").evaluate(
        """(node, [x, y]) => {
          node.scrollIntoView();
          const { _fullLayout: { xaxis, yaxis } } = node, box = node.getBoundingClientRect();
          return [box.x + xaxis._offset + xaxis.l2p(x), box.y + yaxis._offset + yaxis.l2p(y)];
        }""",
        [x, y],
    )


@pytest.mark.browser
def test_the_pointer_is_told_class_and_probability(page):
    page.mouse.move(*spot(page, "surface", 0, 0))
    page.mouse.move(*spot(page, "surface", 1.1, -1.1), steps=4)
    box = page.locator("[aria-label=surface] .hoverlayer .hovertext text.nums", has_text="%")
    box.wait_for(state="attached", timeout=5000)
    name, share = box.text_content().split()[1:3]
    logits = WEIGHTS @ [1.1, -1.1]
    expected = np.exp(logits[1]) / np.exp(logits).sum()
    assert (name, float(share.split("%")[0])) == ("1", pytest.approx(100 * expected, abs=1))


@pytest.mark.browser
def test_counts_are_in_their_cells_and_let_a_click_through(page):
    texts = page.locator("[aria-label=confusion] .textpoint text").all_text_contents()
    assert texts == ["9", "0", "1", "2", "6", "0", "0", "0", "0"]
    cells = "document.querySelector('[aria-label=confusion]').data[0].z"
    assert page.evaluate(cells) == [[0.9, 0, 0.1], [0.25, 0.75, 0], [0, 0, 0]]
    page.mouse.click(*spot(page, "confusion", 0, 1))
    page.wait_for_function("told.some(([name]) => name === 'cell')")
    sent = page.evaluate("told.find(([name]) => name === 'cell')[1]")
    assert (sent["actual"], sent["predicted"]) == (1, 0)


@pytest.mark.browser
def test_areas_are_written_under_their_curves(page):
    texts = page.locator("[aria-label=roc] .textpoint text").all_text_contents()
    assert texts == [f"{name} {0.5 + k / 8:.3f}" for k, name in enumerate(NAMES)]


@pytest.mark.browser
def test_the_card_of_home_shows_the_surface(page):
    figure = json.loads(drawn("three-spirals")["surface"].to_json())
    figure["data"] = figure["data"][:1]
    words = {"title": "", "summary": "", "label": "card", "href": "#"}
    show(page, "card", RECORDING, figure=figure, kind="net", **words)
    page.locator(".gl-card canvas").scroll_into_view_if_needed()
    painted = """() => {
      const canvas = document.querySelector('.gl-card canvas'), context = canvas.getContext('2d');
      const pixels = [[0.05, 0.9], [0.95, 0.9], [0.5, 0.1]].map(([x, y]) =>
        [...context.getImageData(x * canvas.width | 0, y * canvas.height | 0, 1, 1).data]);
      return pixels.every((pixel) => pixel[3] > 0) && pixels;
    }"""
    pixels = page.wait_for_function(painted).json_value()
    for (*rgb, alpha), color in zip(pixels, CLASS_COLORS, strict=False):
        assert rgb == pytest.approx([int(color[i : i + 2], 16) for i in (1, 3, 5)], abs=3)
        assert alpha == pytest.approx(255 * figures_parts.FULL, abs=15)
