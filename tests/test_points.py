"""Points painted in classes, on the side of the page; the rows behind a confusion cell."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from conftest import wait_terminal
from inline_pages import panels
from streamlit.testing.v1 import AppTest

from engine.errors import GalleryError
from engine.events import encode_array
from engine.history import History
from engine.topics import samples as samples_of
from engine.topics import topic
from engine.topics.classification import data, samples
from engine.topics.classification.spec import DRAWN_CLASSES, DRAWN_POINTS, ClassificationConfig
from pages._frame import points
from pages._frame import samples as card
from pages._frame.picture import views_of
from pages._frame.points import written

SPEC = topic("classification")
PLAIN = topic("regression")


# Painted ------------------------------------------------------------------------------------------


def test_classes_are_written_as_the_settings_hold_them():
    text = written([[1, 2.5, 0], [-0.123456789, 0, 5]], 400, 6)
    assert text == "1,2.5,0;-0.123457,0,5"
    x, y = data.drawn(text)
    assert x.tolist() == [[1, 2.5], [-0.123457, 0]]
    assert y.tolist() == [0, 5]
    assert written([], 400, 6) == ""


@pytest.mark.parametrize(
    "bad",
    [
        [[1, 2]],
        [[1, 2, 6]],
        [[1, 2, -1]],
        [[1, 2, 1.0]],
        [[1, 2, True]],
        [[1, 2, "1"]],
        [[1, 2, None]],
        [[1, 2, [1]]],
        [[1, float("inf"), 1]],
        [[1, 2, 1, 1]],
        [[0, 0, 1]] * 401,
        {"x": 1},
    ],
)
def test_forged_classes_are_refused(bad):
    assert written(bad, 400, 6) is None


def test_the_longest_drawing_fits_the_setting():
    longest = [[-1.23456e-05, -1.23456e-05, 5]] * DRAWN_POINTS
    text = written(longest, DRAWN_POINTS, DRAWN_CLASSES)
    assert len(text) <= SPEC.config.settings()["drawn"].max_length
    SPEC.config.parse({"data": "drawn", "drawn": text})


def test_only_a_topic_with_classes_has_brushes():
    assert points.classes_of(SPEC) == DRAWN_CLASSES
    assert points.limit_of(SPEC) == DRAWN_POINTS
    brushes = points.brushes(SPEC, ["cat", "dog"])
    assert [b["name"] for b in brushes] == ["cat", "dog", *(f"class {k}" for k in range(2, 6))]
    assert len({b["color"] for b in brushes}) == len({b["symbol"] for b in brushes}) == 6
    assert points.classes_of(PLAIN) == 0
    assert points.limit_of(PLAIN) == points.LIMIT == 200


def classification(**query):
    test = AppTest.from_string(
        "from pages._frame.page import show\nshow('classification')\n", default_timeout=30
    )
    test.query_params.update(query)
    return test.run()


@pytest.mark.parametrize(
    ("drawn", "note"), [("", ""), ("0,0,0;1,1,0;1,0,0;0,1,0;0.5,0,0", "at least two classes")]
)
def test_a_drawing_that_is_not_done_opens_the_brush_and_no_box(running, drawn, note):
    test = classification(data="drawn", drawn=drawn)
    assert not test.exception
    assert [*test.info, *test.error] == []
    edit = panels(test)["picture"]["edit"]
    assert edit["own"]
    assert (note in edit["note"]) if note else edit["note"] == ""
    axes = panels(test)["picture"]["figure"]["layout"]
    assert axes["xaxis"]["range"] == axes["yaxis"]["range"] == [-1.2, 1.2]
    assert test.session_state["classification.visit"].run == ""


def test_made_points_can_be_edited_but_not_too_many(running):
    test = classification(data="moons", samples="40", epochs="2")
    test.session_state["classification.view"] = "surface"
    test.run()
    picture = panels(test)["picture"]
    assert not picture["edit"]["own"]
    assert len(picture["points"]["label"]) == 40
    test = classification(data="moons", samples="500", epochs="2")
    test.session_state["classification.view"] = "surface"
    test.run()
    assert "500 points" in panels(test)["picture"]["edit"]["many"]
    assert panels(test)["picture"]["points"]["x"] == []


NONE_YET = "There are no points to tell apart. Put some of each class on the plot."


@pytest.mark.parametrize("button", ["bar_main", "bar_step", "bar_reset"])
def test_a_button_that_can_begin_nothing_says_why(running, button):
    test = classification(data="drawn")
    assert [*test.info] == []
    test.button(key=button).click().run()
    assert [note.value for note in test.info] == [NONE_YET]
    assert test.session_state["classification.visit"].run == ""
    test.run()
    assert [*test.info] == []


def test_points_are_drawn_only_where_the_axes_are_their_own(running):
    sweep = {"data": "xor", "samples": "100", "epochs": "1", "sweep": "dropout", "variants": "2"}
    test = classification(**sweep)
    test.session_state["classification.view"] = "sweep"
    test.run()
    assert panels(test)["picture"]["kind"] == "sweep"
    assert not {"edit", "points"} & panels(test)["picture"].keys()


@pytest.mark.parametrize(
    ("spec", "data", "name"),
    [(SPEC, "drawn", "surface"), (PLAIN, "drawn", "fit"), (PLAIN, "survey", None)],
)
def test_the_view_to_draw_on_is_the_one_of_the_plane(spec, data, name):
    shown = points.drawing_view(views_of(spec.name, spec.config.parse({"data": data})))
    assert (shown.name if shown else None) == name


def test_a_sweep_of_points_that_are_not_there_says_where_to_draw_them(running):
    test = classification(data="drawn", sweep="dropout")
    assert not test.exception
    [note] = [note.value.replace("\\", "") for note in test.info]
    assert note == f"{NONE_YET} A sweep shows no plot to draw on: turn it off for that."
    assert "edit" not in panels(test).get("picture", {})


# The rows behind a cell ---------------------------------------------------------------------------


def fake(config, answers, confidence, part="val"):
    """Told arrays and a frame of a run of these settings that answered so."""
    dataset = data.make(config)
    shown = data.shown(dataset)
    label, parts = dataset.y[shown], dataset.part[shown]
    count = len(dataset.classes)
    matrix = np.zeros((count, count), dtype=int)
    here = parts == samples.PARTS[part]
    np.add.at(matrix, (label[here], np.asarray(answers)[here]), 1)
    told = {
        "architecture": {"classes": list(dataset.classes)},
        "features": list(dataset.features),
        "label": encode_array(label.astype(np.uint8)),
        "part": encode_array(parts.astype(np.uint8)),
        "measured_on": part,
    }
    frame = {
        "predicted": encode_array(np.asarray(answers, dtype=np.uint8)),
        "confidence": encode_array(np.asarray(confidence, dtype=np.uint8)),
        "confusion": matrix.tolist(),
    }
    return dataset, told, frame


def test_a_cell_holds_the_rows_of_the_measured_part_the_surest_first():
    config = ClassificationConfig(data="moons", samples=60, noise=0.1)
    random = np.random.default_rng(1)
    answers, sure = random.integers(0, 2, 60), random.integers(128, 256, 60)
    dataset, told, frame = fake(config, answers, sure)
    cell = samples.of_cell(config, None, told, frame, 0, 1)
    expected = np.flatnonzero((dataset.y == 0) & (answers == 1) & (dataset.part == data.VALIDATION))
    assert sorted(cell.rows) == expected.tolist()
    assert cell.total == cell.found == len(expected) > 3
    assert list(cell.confidence) == sorted(cell.confidence, reverse=True)
    assert cell.confidence == tuple(sure[list(cell.rows)] / 255)
    assert cell.plane
    assert cell.pictures is None
    np.testing.assert_array_equal(cell.values, dataset.x[list(cell.rows)])


def test_lists_are_short_and_the_count_is_not():
    config = ClassificationConfig(data="digits", test_share=0.5)
    count = len(data.make(config).y)
    _, told, frame = fake(config, np.full(count, 9), np.full(count, 200), part="test")
    cell = samples.of_cell(config, None, told, frame, 4, 9)
    assert len(cell.rows) == len(cell.pictures) == samples.MOST_PICTURES < cell.total
    assert cell.pictures.dtype == np.uint8
    assert cell.pictures.shape[1:] == (8, 8)
    assert cell.pictures.max() == 255
    table = ClassificationConfig(data="breast-cancer", test_share=0.5)
    count = len(data.make(table).y)
    dataset, told, frame = fake(table, np.zeros(count, dtype=int), np.full(count, 200), part="test")
    cell = samples.of_cell(table, None, told, frame, 1, 0)
    assert len(cell.rows) == samples.MOST_ROWS < cell.total
    assert (dataset.y[list(cell.rows)] == 1).all()


def test_a_cell_that_is_not_there_is_refused():
    config = ClassificationConfig(data="moons", samples=20)
    _, told, frame = fake(config, np.zeros(20, dtype=int), np.zeros(20))
    for actual, predicted in ((2, 0), (0, -1), (10**9, 0)):
        with pytest.raises(GalleryError, match="Expected classes from 0 to 1"):
            samples.of_cell(config, None, told, frame, actual, predicted)
    with pytest.raises(GalleryError, match="have changed"):
        samples.of_cell(config.changed({"samples": 30}), None, told, frame, 0, 0)


def test_large_data_are_looked_up_as_they_are_made(monkeypatch):
    """With few pictures in place of 70,000: row numbers and pixels are those of `make`."""
    from engine.topics.classification import stored

    random = np.random.default_rng(0)
    few = random.integers(0, 256, (300, 784), dtype=np.uint8), random.integers(0, 10, 300)
    monkeypatch.setattr(stored, "_arrays", lambda _name: few)
    monkeypatch.setattr(stored, "TRAINING", 200)
    monkeypatch.setattr(data, "SHOWN_ROWS", 100)
    monkeypatch.setattr(data, "at_hand", lambda _config: True)
    for more in ({}, {"oversample": "training", "label_noise": 0.2}):
        config = ClassificationConfig(data="mnist", validation=0.2, **more)
        dataset, told, frame = fake(config, np.full(100, 3), np.full(100, 200), part="test")
        label = int(
            dataset.y[data.shown(dataset)[dataset.part[data.shown(dataset)] == data.TEST][0]]
        )
        cell = samples.of_cell(config, None, told, frame, label, 3)
        assert cell.rows
        np.testing.assert_array_equal(cell.values, few[0][list(cell.rows)] / np.float32(255))
        assert (few[1][list(cell.rows)] == label).all()
        made = {row.tobytes() for row in dataset.x[data.shown(dataset)]}
        assert all(row.tobytes() in made for row in cell.values)


def test_the_frame_is_the_last_one_up_to_the_step():
    frames = [{"kind": kind, "step": step} for step in (0, 10, 20) for kind in ("net", "sweep")]
    history = History(frames=frames)
    for step, expected in ((None, 20), (20, 20), (19, 10), (0, 0), (-5, 0)):
        assert card.frame_at(history, "net", step) == {"kind": "net", "step": expected}
    assert card.frame_at(history, "other", None) is None


def test_only_topics_that_have_them_show_samples():
    assert samples_of("classification") is samples
    assert samples_of("regression") is None


def test_the_page_lists_a_chosen_cell_and_forgets_it(running):
    test = classification(data="moons", samples="60", noise="0.3", epochs="3", validation="0.5")
    run = test.session_state["classification.visit"].run
    wait_terminal(running.manager, run)
    test.session_state["classification.view"] = "confusion"
    test.run()
    assert not test.exception
    test.selectbox(key="classification.cell_actual").set_value(1).run()
    assert len(test.dataframe) == 0
    test.selectbox(key="classification.cell_predicted").set_value(1).run()
    assert not test.exception
    frame = test.dataframe[0].value
    counts = running.manager.get(run).log.history.frames[-1]["data"]["confusion"]
    assert len(frame) == counts[1][1] > 0
    assert list(frame.columns) == ["row", "actual", "predicted", "confidence", "x", "y"]
    assert frame["confidence"].is_monotonic_decreasing
    test.session_state["classification.view"] = "surface"
    test.run()
    assert len(panels(test)["picture"]["marked"]["x"]) == len(frame)
    test.button(key="classification.cell_close").click().run()
    assert not test.exception
    assert "marked" not in panels(test)["picture"]


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"actual": "1", "predicted": 0, "run": "", "step": None},
        {"actual": True, "predicted": 0, "run": "", "step": None},
        {"actual": 1, "predicted": 0, "run": "somebody-else", "step": None},
    ],
)
def test_forged_cells_are_passed_over(monkeypatch, sent):
    asked = []
    state = {"classification.picture": {"cell": sent}}
    monkeypatch.setattr(card.st, "session_state", state)
    monkeypatch.setattr(card, "choose", lambda *given: asked.append(given))
    look = SimpleNamespace(spec=SPEC, visit=SimpleNamespace(run="r1", shared=""))
    card.cell_clicked(look)
    assert asked == []
    state["classification.picture"]["cell"] = {"actual": 1, "predicted": 0, "run": "r1", "step": 7}
    card.cell_clicked(look)
    assert asked == [(look, 1, 0, 7)]
