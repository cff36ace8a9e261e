"""The page scripts, run by Streamlit's AppTest over the inline executor."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from conftest import wait_for
from inline_pages import message, panels, run_of, value
from streamlit.testing.v1 import AppTest

from engine import ROOT
from engine.topics import topic
from pages._frame import bar


def test_it_opens_on_a_recording_with_everything_there(page):
    test = page()
    assert not test.exception
    assert [b.label for b in test.button][:3] == ["Train", "Step", "Reset"]
    parts = panels(test)
    assert parts.keys() >= {"status", "picture", "curves", "metrics"}
    assert parts["picture"]["source"]["url"] == "/api/v1/recordings/regression/sine?play=once"
    assert run_of(test) == ""


def test_every_setting_has_a_control(page):
    test = page()
    test.session_state["regression.more"] = True
    test.run()
    shown = {w.key.split(".")[1] for w in [*test.slider, *test.select_slider, *test.selectbox]}
    shown |= {w.key.split(".")[1] for w in [*test.button_group, *test.number_input]}
    shown |= {w.key.split(".")[1] for w in test.toggle}
    settings = [s for s in topic("regression").config.settings().values() if not s.hidden]
    assert {s.name for s in settings if s.shown(topic("regression").config().model_dump())} <= shown


def test_train_submits_a_run_and_the_panels_follow_it(page, running):
    test = page()
    test.button(key="bar_main").click().run()
    run = run_of(test)
    assert panels(test)["picture"]["source"] == {
        "kind": "run",
        "id": run,
        "url": f"/api/v1/runs/{run}/events",
        "history": f"/api/v1/runs/{run}/history",
    }
    wait_for(lambda: running.manager.get(run).log.terminal, "the end")
    assert running.manager.get(run).log.terminal.type == "done"


def test_pause_and_go_on(page, running):
    test = page(speed="slow")
    test.button(key="bar_main").click().run()
    manager, run = running.manager, run_of(test)
    wait_for(lambda: manager.status(run)["step"] is not None, "the first metric")
    assert test.run().button(key="bar_main").label == "Pause"
    test.button(key="bar_main").click().run()
    assert test.button(key="bar_main").label == "Go on"
    assert manager.status(run)["state"] == "paused"
    test.button(key="bar_main").click().run()
    assert manager.status(run)["state"] == "running"
    assert run_of(test) == run


def test_reset_waits_at_step_0_and_step_makes_one(page, running):
    test = page()
    test.button(key="bar_reset").click().run()
    manager, run = running.manager, run_of(test)
    wait_for(lambda: manager.status(run)["step"] == 0, "step 0")
    test.button(key="bar_step").click().run()
    wait_for(lambda: manager.status(run)["step"] == 1, "step 1")
    assert run_of(test) == run


def test_a_preset_sets_every_control_and_shows_what_was_published(page):
    test = page()
    test.selectbox(key="regression.preset").set_value("R1").run()
    assert value(test, "data") == "points"
    assert value(test, "learning_rate") == 0.001
    assert value(test, "epochs") == 10_000
    parts = panels(test)
    assert parts["picture"]["source"]["url"].startswith("/api/v1/recordings/regression/R1")
    [published] = parts["metrics"]["published"]
    assert (published["name"], published["value"]) == ("train_mse", 0.3775)


def test_a_changed_setting_retrains_when_live_is_on(page, running):
    test = page()
    test.select_slider(key="regression.learning_rate").set_value(0.1).run()
    run = run_of(test)
    assert running.manager.get(run).config.learning_rate == 0.1


def test_a_changed_setting_waits_for_train_when_live_is_off(page):
    test = page()
    test.toggle(key="regression.live").set_value(False).run()
    test.select_slider(key="regression.learning_rate").set_value(0.1).run()
    assert run_of(test) == ""


def test_a_live_field_changes_the_running_job_without_a_new_run(page, running):
    test = page(speed="slow")
    test.button(key="bar_main").click().run()
    manager, run = running.manager, run_of(test)
    wait_for(lambda: manager.status(run)["step"] is not None, "the first metric")
    test.select_slider(key="regression.learning_rate").set_value(0.2).run()
    assert run_of(test) == run
    assert manager.get(run).config.learning_rate == 0.2


def test_settings_in_the_url_are_opened_and_train_at_once(page, running):
    test = page(learning_rate="0.05", data="line", v="1")
    assert value(test, "learning_rate") == 0.05
    assert running.manager.get(run_of(test)).config.data == "line"


def test_the_url_says_the_settings_that_differ(page):
    test = page()
    assert test.query_params == {}
    test.slider(key="regression.units").set_value(4).run()
    assert test.query_params == {"units": "4", "v": "2"}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (
            {"learning_rate": "7e6"},
            "learning_rate: expected a number from 1e-06 to 1000000, received '7e6'.",
        ),
        (
            {"model": "tree"},
            "model: expected one of linear, polynomial, mlp, noisy, received 'tree'.",
        ),
        ({"preset": "R99"}, "preset: expected one of R1, R2, R3, R3+, R5, R5+, sine, "),
        ({"run": "../../etc/passwd"}, "There is no such run"),
        ({"run": "0" * 32}, "There is no such run"),
    ],
)
def test_a_wrong_url_is_explained_and_nothing_runs(page, query, words):
    test = page(**query)
    assert not test.exception
    assert words in message(test)
    assert run_of(test) == ""
    assert value(test, "learning_rate") == 0.01


@pytest.mark.parametrize(
    ("kind", "name", "forged"),
    [
        ("slider", "samples", 10**9),
        ("slider", "units", -5),
        ("slider", "noise", float("nan")),
        ("select_slider", "learning_rate", 1e9),
        ("number_input", "seed", -1),
    ],
)
def test_a_forged_widget_frame_changes_nothing(page, kind, name, forged):
    test = page()
    test.session_state["regression.more"] = True
    test.run()
    before = value(test, name)
    control = getattr(test, kind)(key=f"regression.{name}")
    control.set_value(forged)
    test.button(key="bar_main").click().run()
    assert not test.exception
    assert value(test, name) == before
    assert test.session_state["regression.visit"].values[name] == before


def test_home_shows_a_moving_card_for_each_topic(running):
    test = AppTest.from_file(str(ROOT / "pages" / "_gallery.py"), default_timeout=30).run()
    assert not test.exception
    assert "Watch neural networks learn." in test.title[0].value
    assert panels(test)["card"]["source"]["play"] == "loop"


def test_a_control_that_was_hidden_loses_nothing(page, running):
    test = page()
    test.slider(key="regression.units").set_value(7).run()
    test.selectbox(key="regression.model").select("linear").run()
    for _press in range(3):
        while test.button(key="bar_main").disabled:
            test.run()  # the run still waits in the queue
        test.button(key="bar_main").click().run()
        assert not test.exception
    assert running.manager.get(run_of(test)).config.units == 16  # hidden: the default
    test.selectbox(key="regression.model").select("mlp").run()
    assert value(test, "units") == 7
    assert running.manager.get(run_of(test)).config.units == 7


def test_after_reset_the_bar_says_go_on_and_settings_keep_the_pause(page, running):
    test = page()
    test.button(key="bar_reset").click().run()
    assert test.button(key="bar_main").label == "Go on"
    test.slider(key="regression.units").set_value(4).run()
    assert running.manager.status(run_of(test))["state"] == "paused"
    assert test.button(key="bar_main").label == "Go on"


def test_a_reload_takes_up_the_running_run(page, running):
    test = page(speed="slow", units="4")
    run = run_of(test)
    running.manager.arrive(test.session_state["owner"])
    again = AppTest.from_string(
        "from pages._frame.page import show\nshow('regression')\n", default_timeout=30
    )
    again.session_state["owner"] = test.session_state["owner"]
    again.run()
    assert run_of(again) == run
    assert value(again, "units") == 4


def test_with_live_off_a_live_field_still_reaches_the_job(page, running):
    test = page(speed="slow", units="4")
    run = run_of(test)
    wait_for(lambda: running.manager.status(run)["step"] is not None, "the first metric")
    test.toggle(key="regression.live").set_value(False).run()
    test.slider(key="regression.units").set_value(8).run()
    test.select_slider(key="regression.learning_rate").set_value(0.2).run()
    assert run_of(test) == run
    config = running.manager.get(run).config
    assert (config.learning_rate, config.units) == (0.2, 4)


def test_settings_changed_on_a_shared_run_train_anew(page, running):
    test = page()
    test.button(key="bar_main").click().run()
    run = run_of(test)
    wait_for(lambda: running.manager.get(run).log.terminal, "the end")
    running.manager.wait_stored(run)
    running.store.share(run, test.session_state["owner"])
    friend = page(run=run)
    assert panels(friend)["picture"]["source"]["url"] == f"/api/v1/runs/{run}/history"
    friend.slider(key="regression.units").set_value(4).run()
    assert run_of(friend) not in ("", run)
    assert friend.query_params == {"units": "4", "v": "2"}


def test_a_link_opened_in_a_running_session_is_followed(page):
    test = page()
    test.query_params["preset"] = "R1"
    test.run()
    assert value(test, "data") == "points"
    assert panels(test)["picture"]["source"]["url"].startswith("/api/v1/recordings/regression/R1")


def test_what_a_visitor_wrote_is_not_taken_for_markdown(page):
    test = page(noise="[Prize](https://example.org)")
    assert "\\[Prize\\]\\(https" in test.error[0].value


NO_SUCH = "Ignored in the link, because this page has no such setting: "


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"nonsense": "1"}, "nonsense."),
        ({"learning_rat": "1"}, "learning_rat (did you mean learning_rate?)."),
        ({"points": "100"}, "points (did you mean samples?)."),
        ({"z" * 900: "1", **dict.fromkeys("abc", "1")}, "z" * 23 + "…, a, b, …."),
        ({"lock": "rocket,noise"}, "rocket."),
    ],
)
def test_a_name_that_nothing_has_is_ignored_and_the_rest_of_the_link_holds(
    page, running, query, said
):
    test = page(data="line", epochs="5", **query)
    assert not test.exception
    assert [*test.error] == []
    assert [note.value.replace("\\", "") for note in test.info] == [NO_SUCH + said]
    assert running.manager.get(run_of(test)).config.data == "line"
    assert test.query_params.get("lock") == ("noise" if "lock" in query else None)


def test_what_is_said_of_a_link_outlives_the_end_of_the_run_that_it_begins(page, running):
    test = page(data="line", epochs="1", nonsense="1")
    said = [note.value for note in test.info]
    visit = test.session_state["regression.visit"]
    test.session_state["regression.status"] = {"ended": run_of(test)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bar, "st", SimpleNamespace(session_state=test.session_state))
        bar.run_ended(topic("regression"), visit)
    assert visit.notice in said[0].replace("\\", "")
    assert visit.notice.endswith("nonsense.")
    assert visit.ended == {run_of(test)}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"epochs": "many"}, "epochs: expected a whole number"),
        ({"preset": "R99"}, "preset: expected one of R1"),
        ({"run": "0" * 32}, "There is no such run"),
    ],
)
def test_a_wrong_value_loses_only_itself(page, wrong, said):
    test = page(data="line", learning_rate="0.05", lock="noise", **wrong)
    assert message(test).startswith(said)
    assert value(test, "data") == "line"
    assert value(test, "learning_rate") == 0.05
    assert test.session_state["regression.visit"].fixed.keys() == {"noise"}
    assert value(test, "epochs") == topic("regression").config().epochs


def test_a_locale_is_only_a_language_we_have(page):
    from engine.words import language, use_language

    for locale in ("../../../etc", "xx", None, "en-GB"):
        use_language(locale)
        assert language.get() == "en"
