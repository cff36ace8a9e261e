"""The script of the classification page: presets, every choice of data, links that were tampered with."""

from __future__ import annotations

import json

import pytest
from conftest import wait_for, wait_terminal
from inline_pages import message, panels
from streamlit.testing.v1 import AppTest
from test_serving import Blocking

from engine import checkpoints, recordings
from engine.data import fetching
from engine.errors import Unavailable
from engine.topics import topic
from engine.topics.classification import data, samples
from engine.topics.classification.spec import (
    BUNDLED,
    DOWNLOADED,
    DRAWN_POINTS,
    MADE,
    ClassificationConfig,
)
from pages._frame import samples as card

SPEC = topic("classification")
RECORDED = [preset.id for preset in SPEC.presets if preset.id in recordings.names(SPEC.name)]


@pytest.fixture
def open_page(running):
    def show(**query):
        test = AppTest.from_string(
            "from pages._frame.page import show\nshow('classification')\n", default_timeout=30
        )
        test.query_params.update(query)
        return test.run()

    return show


def run_of(test):
    return test.session_state["classification.visit"].run


def words(test):
    """All that the page says, without what keeps Markdown quiet."""
    shown = [*test.markdown, *test.caption, *test.success, *test.info, *test.error]
    return " ".join(element.value for element in shown).replace("\\", "")


# Presets and data --------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", RECORDED)
def test_a_preset_opens_on_its_recording_with_what_was_published(open_page, preset):
    test = open_page(preset=preset)
    assert not test.exception
    assert [*test.error] == []
    assert run_of(test) == ""
    found = panels(test)
    assert f"/recordings/classification/{preset}?" in found["status"]["source"]["url"]
    told = {p["name"] for p in found["metrics"]["published"]}
    known = next(p for p in SPEC.presets if p.id == preset)
    assert told == {p.metric for p in known.published}
    if known.note:
        assert known.note in words(test)
    for name, value in known.values.items():
        assert test.session_state[f"classification.{name}"] == value


@pytest.mark.parametrize("name", [*MADE, *BUNDLED])
def test_every_choice_of_data_trains(open_page, running, name):
    test = open_page(data=name, epochs="1", v="1")
    assert not test.exception
    assert wait_terminal(running.manager, run_of(test)).type == "done"
    test.run()
    assert not test.exception
    found = panels(test)
    first = "projection" if name in BUNDLED else "network"
    assert test.session_state["classification.view"] == first
    assert ("network" in found) == (first == "network")


@pytest.mark.parametrize("name", DOWNLOADED)
def test_data_that_cannot_be_had_are_named(open_page, running, monkeypatch, name):
    def no_network(file, progress):
        raise Unavailable(f"{file.path}: no network here")

    monkeypatch.setattr(fetching, "_download", no_network)
    if data.at_hand(ClassificationConfig(data=name)):
        pytest.skip("the data are here")
    test = open_page(data=name, epochs="1", v="1")
    assert not test.exception
    end = wait_terminal(running.manager, run_of(test))
    assert end.type == "failed"
    assert "no network here" in end.data["message"]
    test.run()
    assert not test.exception
    assert panels(test)["picture"]["figure"]["data"]


@pytest.mark.parametrize("view", ["surface", "confusion", "roc", "calibration"])
def test_every_view_of_points_is_drawn(open_page, view):
    test = open_page(preset="spirals")
    test.session_state["classification.view"] = view
    test.run()
    assert not test.exception
    assert panels(test)["picture"]["figure"]["data"]


def test_a_sweep_opens_on_its_variants_and_of_a_table_on_its_curve(open_page):
    assert "multiples" in panels(open_page(preset="rates"))
    test = open_page(data="iris", sweep="l2", variants="2", epochs="1", v="1")
    assert not test.exception
    found = panels(test)
    assert "multiples" not in found
    assert found["picture"]["kind"] == "sweep"


def test_a_table_that_is_not_there_yet_asks_for_one(open_page):
    test = open_page(data="own", v="1")
    assert not test.exception
    assert run_of(test) == ""
    [note] = panels(test)["picture"]["figure"]["layout"]["annotations"]
    assert note["text"].startswith("Load a table under “Data”")


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"", "received an empty file"),
        (b"a,b\n" + b"n,x\n" * 20, "2 to 50 classes"),
        (b"a,kind\n" + b"1,one\n" * 20, "class"),
        (b"\xff\xfe\x00\x01" * 9, "some.csv"),
    ],
)
def test_a_bad_table_says_so_and_trains_nothing(open_page, payload, said):
    test = open_page(data="own", v="1")
    test.file_uploader[0].upload("some.csv", payload, "text/csv").run()
    assert not test.exception
    assert said in words(test)
    assert run_of(test) == ""


def test_an_own_table_of_classes_is_trained_on(open_page, running):
    test = open_page(data="own", epochs="2", v="1")
    rows = "".join(f"{n},{n % 7},{'yes' if n > 20 else ' no '}\n" for n in range(40))
    payload = f"a,b,answer\n{rows}".encode()
    test.file_uploader[0].upload("some.csv", payload, "text/csv").run()
    assert not test.exception
    run = run_of(test)
    assert wait_terminal(running.manager, run).type == "done"
    told = running.manager.get(run).log.history.started["arrays"]
    assert told["architecture"]["classes"] == ["no", "yes"]


# Links -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"data": "../../etc/passwd"}, "data: expected one of"),
        ({"layers": "99"}, "layers: expected a whole number from 0 to 6"),
        ({"units_1": "8; drop"}, "units_1: expected a whole number"),
        ({"noise": "nan"}, "noise: expected a number"),
        ({"drawn": "1,1,0;" * 3000}, "drawn"),
        ({"table": "x" * 64, "data": "own"}, "table"),
        ({"sweep": "__class__"}, "sweep: expected one of"),
        ({"run": "no-such-run"}, "There is no such run"),
    ],
)
def test_a_link_that_was_tampered_with_is_explained(open_page, query, said):
    test = open_page(**query, v="1")
    assert not test.exception
    assert said in message(test)
    assert run_of(test) == ""


def test_an_unknown_name_in_a_link_loses_only_itself(open_page, running):
    test = open_page(data="xor", points="100", epochs="1", v="1")
    assert "no such setting: points (did you mean samples?)." in words(test)
    assert running.manager.get(run_of(test)).config.data == "xor"


def test_a_drawing_that_was_tampered_with_is_explained_beside_the_brush(open_page):
    test = open_page(data="drawn", drawn="0,0,0;<script>", v="1")
    assert not test.exception
    assert run_of(test) == ""
    assert panels(test)["picture"]["edit"]["note"]


# What is said ------------------------------------------------------------------------------------


def test_the_diagnosis_of_the_preset_of_vanishing_gradients_is_recorded():
    history = recordings.load("classification", "vanishing")
    notes = [note for note in history.notes if note.get("diagnosis") == "vanishing"]
    assert notes
    assert "Vanishing gradients" in notes[0]["title"]


def test_too_many_points_to_be_drawn_come_with_the_reason_and_none_of_them(open_page):
    test = open_page(data="moons", samples=str(DRAWN_POINTS + 100), epochs="1", v="1")
    test.session_state["classification.view"] = "surface"
    test.run()
    picture = panels(test)["picture"]
    assert picture["edit"]["many"].startswith("These are 500 points, and at most 400")
    assert picture["points"]["x"] == picture["points"]["label"] == []


def test_rows_of_a_cell_say_how_many_of_them_can_be_listed():
    cell = samples.Cell("test", 980, 190, 2000, tuple(range(40)), (0.9,) * 40, (), None)
    chosen = card.Chosen(None, 0, 0, 12, ("zero", "one"), cell)
    said = card.about(chosen)
    assert said.startswith("980 test rows of “zero” were taken for “zero” at step 12.")
    assert "190 of them are among the 2,000 rows that this page shows. Listed here: 40." in said
    few = card.about(card.Chosen(None, 0, 0, 12, ("zero", "one"), cell._replace(total=190)))
    assert "this page shows" not in few


@pytest.fixture
def serving(open_page, running):
    running.predictors = Blocking()
    test = open_page(data="circles", samples="60", epochs="2", v="1")
    wait_for(lambda: not running.manager._running, "the end of the run")
    test.session_state["classification.visit"].ended.add(run_of(test))
    test.session_state["classification.below"] = "serve"
    return test.run()


def test_the_button_that_makes_the_files_gives_way_to_them(serving):
    serving.button(key="classification.programs").click().run()
    assert not serving.exception
    assert "classification.programs" not in [button.key for button in serving.button]
    assert words(serving).count("Largest difference from the model's own answers") == 2


def test_the_calls_of_a_run_name_its_features(serving):
    body = json.loads(serving.code[0].value.partition("-d '")[2].removesuffix("'"))
    assert body["model"] == run_of(serving)
    assert [sorted(row) for row in body["inputs"]] == [["x", "y"]]
    assert all(card_.topic for card_ in checkpoints.list_checkpoints())
