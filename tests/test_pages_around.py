"""What the page offers around a run, under AppTest: undo, classroom links, own table, code, rates."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from conftest import wait_for
from inline_pages import message, panels, run_of, value

from engine import service
from engine.errors import NotFound
from engine.topics import topic
from pages._frame import picture, points
from pages._frame.points import written

SPEC = topic("regression")


def trained(test, running):
    """Wait for the end of the run that has begun by itself, or of a new one; returns the run."""
    if not run_of(test):
        test.button(key="bar_main").click().run()
    run = run_of(test)
    wait_for(lambda: running.manager.get(run).log.terminal, "the end")
    test.session_state["regression.visit"].ended.add(run)
    return run


def at(test, run, kind):
    """Have the table's button of a run pressed: its events cannot be sent from here."""
    script = Path(test._script_path)
    source = script.read_text()
    pressed = f"""
import streamlit as st
from engine.topics import topic
from pages._frame import runs
if not st.session_state.get("pressed {kind} {run}"):
    st.session_state["pressed {kind} {run}"] = True
    getattr(runs, "{kind}")(topic("regression"), st.session_state["regression.visit"], "{run}")
"""
    script.write_text(pressed + source)
    test.run()
    script.write_text(source)


def visit(test):
    return test.session_state["regression.visit"]


# Runs and undo -----------------------------------------------------------------------------------


def test_runs_stand_in_a_table_with_what_differs(page, running):
    test = page(epochs="5")
    trained(test, running)
    test.select_slider(key="regression.learning_rate").set_value(0.5).run()
    trained(test, running)
    test.run()
    table = panels(test)["runs"]
    assert len(table["rows"]) >= 2
    newest, *_others = table["rows"]
    assert newest["settings"] == "Learning rate 0.5"
    assert table["rows"][-1]["settings"] == "Learning rate 0.01"
    assert newest["shown"]
    assert len(newest["metrics"]) == len(table["heads"])


def test_undo_brings_back_the_settings_that_a_preset_replaced(page):
    test = page(units="5")
    assert test.button(key="regression.undo").disabled
    test.selectbox(key="regression.preset").select("R1").run()
    assert value(test, "model") == "linear"
    test.button(key="regression.undo").click().run()
    assert (value(test, "model"), value(test, "units")) == ("mlp", 5)
    assert test.button(key="regression.undo").disabled


def test_pinned_runs_are_laid_over_picture_and_curves(page, running):
    test = page(epochs="5")
    first = trained(test, running)
    visit(test).pins.append(first)
    test.slider(key="regression.units").set_value(4).run()
    trained(test, running)
    test.run()
    found = panels(test)
    assert found["picture"]["overlays"] == found["curves"]["overlays"]
    (overlay,) = found["picture"]["overlays"]
    assert overlay["url"] == f"/api/v1/runs/{first}/history"
    row = next(r for r in found["runs"]["rows"] if r["run"] == first)
    assert row["pinned"]
    assert row["color"] == overlay["color"]


def test_two_runs_of_several_seeds_get_a_verdict(page, running):
    test = page(epochs="20", seeds="4")
    first = trained(test, running)
    visit(test).pins.append(first)
    test.select_slider(key="regression.learning_rate").set_value(1e-5).run()
    trained(test, running)
    test.run()
    words = " ".join(m.value for m in test.markdown)
    assert "more than seed noise" in words
    assert "Welch's t-test, 4 and 4 seeds" in words


# Classroom links -----------------------------------------------------------------------------------


def test_a_classroom_link_locks_and_hides_controls(page):
    test = page(lock="learning_rate,preset", hide="noise,live", present="1", noise="0.3")
    assert not test.error
    assert test.select_slider(key="regression.learning_rate").disabled
    assert test.selectbox(key="regression.preset").disabled
    assert not [w for w in test.slider if w.key == "regression.noise"]
    assert not [w for w in test.toggle if w.key == "regression.live"]
    assert panels(test)["picture"]["height"] == 560
    assert test.query_params["lock"] == "learning_rate,preset"
    assert test.query_params["hide"] == "live,noise"
    assert test.query_params["present"] == "1"


def test_a_locked_control_keeps_its_value_whatever_arrives(page, running):
    test = page(lock="learning_rate", learning_rate="0.02", epochs="5")
    test.session_state["regression.learning_rate"] = 0.5
    test.run()
    run = trained(test, running)
    assert running.manager.get(run).config.learning_rate == 0.02


@pytest.mark.parametrize("kind", ["lock", "hide"])
def test_a_link_that_locks_what_is_not_there_says_so(page, kind):
    test = page(**{kind: "rocket"})
    assert test.info[0].value.replace("\\", "").endswith("no such setting: rocket.")


# Own table -----------------------------------------------------------------------------------------


def test_an_own_table_is_trained_on_and_not_stored(page, running):
    test = page(data="own", epochs="5")
    assert not test.exception
    assert run_of(test) == ""
    test.button(key="regression.own_example").click().run()
    assert not test.exception
    run = run_of(test)
    wait_for(lambda: running.manager.get(run).stored, "the end")
    end = running.manager.get(run).log.terminal
    assert end.type == "done", end.data
    running.manager.wait_stored(run)
    with pytest.raises(NotFound):
        running.store.summary(run, test.session_state["owner"])


def test_removing_the_table_can_be_undone(page):
    test = page(data="own", epochs="5")
    test.button(key="regression.own_example").click().run()
    test.button(key="regression.own_remove").click().run()
    assert test.button(key="regression.own_example")
    test.button(key="regression.undo").click().run()
    assert test.button(key="regression.own_remove")


def test_a_link_to_somebody_elses_table_explains_itself(page):
    test = page(data="own", table="ab" * 32)
    test.button(key="bar_main").click().run()
    assert "somebody's own table" in message(test)


def test_a_restored_run_keeps_the_table_it_was_trained_on(page, running):
    test = page(data="own", epochs="5")
    test.button(key="regression.own_example").click().run()
    first = trained(test, running)
    test.multiselect(key="regression.own_features").set_value(["size"]).run()
    second = trained(test, running)
    assert first != second
    assert running.manager.get(first).config.table != running.manager.get(second).config.table
    at(test, first, "restore")
    assert run_of(test) == first
    assert visit(test).values["table"] == running.manager.get(first).config.table


def test_own_tables_are_not_kept_by_what_all_visitors_share(page, running):
    test = page(data="own", epochs="5")
    test.button(key="regression.own_example").click().run()
    digest = running.manager.get(trained(test, running)).config.table
    test.run()
    gc.collect()
    caches = (picture._figure, picture._views, picture._baselines)
    before = [cache.cache_info().currsize for cache in caches]
    test.multiselect(key="regression.own_features").set_value(["size"]).run()
    trained(test, running)
    test.run()
    assert [cache.cache_info().currsize for cache in caches] == before
    assert digest


# Points --------------------------------------------------------------------------------------------


def test_points_are_written_into_the_settings():
    assert written([[1, 2.5], [-3, 0]]) == "1,2.5;-3,0"
    assert written([]) == ""


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "1,2",
        [[1]],
        [[1, "2"]],
        [[1, float("nan")]],
        [[1, 1e12]],
        [[1, 2]] * (points.LIMIT + 1),
    ],
)
def test_what_is_no_point_is_refused(bad):
    assert written(bad) is None


def test_points_that_were_put_down_are_shown_and_trained(page, running):
    test = page(data="drawn", drawn="0,0;1,1;2,2;3,2.5", epochs="5", validation="0.0")
    assert not test.exception
    assert panels(test)["picture"]["points"] == {
        "x": [0, 1, 2, 3],
        "y": [0, 1, 2, 2.5],
        "held": [False] * 4,
    }
    run = trained(test, running)
    assert running.manager.get(run).log.terminal.type == "done"


@pytest.mark.parametrize(
    ("drawn", "words"),
    [("", "no points"), ("1,2", "point"), ("1,1;1,2;1,3", "x"), ("here;there", "drawn")],
)
def test_where_nothing_can_be_learned_the_page_says_so_and_trains_nothing(page, drawn, words):
    test = page(data="drawn", drawn=drawn, epochs="5")
    assert not test.exception
    assert words in test.info[0].value.replace("\\", "")
    assert run_of(test) == ""
    test.button(key="bar_main").click().run()
    assert run_of(test) == ""
    assert panels(test)["runs"]["rows"] == []


# Code, layers, rates -------------------------------------------------------------------------------


def test_the_code_panel_shows_actual_source_and_layers(page, running):
    test = page(epochs="5")
    trained(test, running)
    test.session_state["regression.below"] = "inside"
    test.run()
    assert not test.exception
    assert "def " in test.code[0].value
    assert len(test.dataframe) == 1
    frame = test.dataframe[0].value
    assert frame["parameters"].iloc[:-1].sum() == frame["parameters"].iloc[-1]
    test.session_state["regression.source"] = "script"
    test.run()
    assert "import torch" in test.code[0].value


class Tester:
    """Stands in for the inference pool."""

    def range_test(self, topic, config, attachments):
        assert config["model"] == "mlp"
        return {"rate": [1e-4, 1e-3, 1e-2], "loss": [1.0, 0.5, 0.2], "suggestion": 0.0123}


def test_the_suggested_rate_can_be_used(page, running):
    running.predictors = Tester()
    test = page()
    test.session_state["regression.below"] = "rates"
    test.run()
    test.button(key="regression.range_test").click().run()
    assert not test.exception
    test.button(key="regression.range_use").click().run()
    assert value(test, "learning_rate") == 0.012
    assert service.current() is running
