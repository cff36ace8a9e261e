"""Goals that real runs reach and miss, questions that real runs answer, and their part of the page."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from conftest import wait_for
from streamlit.testing.v1 import AppTest

from engine.challenges import Challenge, Progress, Reveal, Trial, answered, attempt, uncounted
from engine.history import History
from engine.jobs.job import JobSpec
from engine.jobs.perform import perform
from engine.topics import challenges, topic
from engine.topics.classification.challenges import CHALLENGES, QUESTIONS
from engine.topics.classification.spec import ClassificationConfig
from engine.training.context import Inbox
from pages._frame.challenges import Asked

GOALS = {goal.id: goal for goal in CHALLENGES}
ASKED = {question.id: question for question in QUESTIONS}


class Recorder:
    """A sink that keeps the history."""

    def __init__(self) -> None:
        self.history = History()

    def event(self, event):
        self.history.append(event)

    def artifact(self, name, payload):
        pass

    def frames(self, frames):
        pass


TRAINED: dict[str, Trial] = {}


def trained(**settings) -> Trial:
    """What a real run of these settings measured; trained once."""
    spec = JobSpec.checked("classification", settings, device="cpu")
    if str(settings) not in TRAINED:
        sink = Recorder()
        sink.history.config = dict(spec.config)
        perform(spec, Inbox(), sink)
        stored = History.from_json(sink.history.to_json())
        TRAINED[str(settings)] = Trial.of(ClassificationConfig, stored)
    return TRAINED[str(settings)]


def tried(goal: Challenge, *changes) -> Progress:
    """How far these runs, one after the other, come with a goal."""
    progress = Progress()
    for each in changes:
        attempt(goal, progress, trained(**{**goal.start, **each}))
    return progress


# Goals -------------------------------------------------------------------------------------------

NET = dict(layers=2, units_1=8, units_2=8)
WIDE = dict(layers=2, units_1=32, units_2=32, l2=0.0, epochs=400)
CURED = dict(WIDE, patience=20)
KILL, REVIVE = dict(learning_rate=20.0), dict(learning_rate=1.0)
FAST = dict(epochs=150)

PASSING = {
    "spirals-16": [NET],
    "xor-without-hidden": [dict(product=True, epochs=150)],
    "overfit-cure": [WIDE, CURED],
    "dead-relus": [KILL, REVIVE],
    "learning-rate": [dict(learning_rate=1000.0), dict(learning_rate=1.0)],
    "calibrate": [dict(l2=0.01, epochs=200)],
    "smallest-circle": [dict(layers=1, units_1=3)],
}

FAILING = {
    "spirals-16": [
        (dict(epochs=200), "second hidden layer"),
        (dict(units_1=17, epochs=100), "Take away some neurons: 16"),
        (dict(NET, noise=0.02, epochs=20), "“Noise” at 0"),
        (dict(NET, samples=300, epochs=20), "at least 250 points"),
        (dict(NET, samples=500, validation=0.1, epochs=20), "100 held out"),
        (dict(NET, sines=True, epochs=20), "“Inputs sin x and sin y” at off"),
        (dict(NET, label_noise=0.1, epochs=20), "“Wrong labels” at 0"),
        (dict(NET, data="circles", epochs=20), "“Data” at Two spirals"),
        (dict(NET, sweep="noise", variants=2, epochs=5), "“Sweep” at one network"),
    ],
    "xor-without-hidden": [
        (FAST, "No line through x and y"),
        (dict(layers=1, epochs=5), "“Hidden layers” at 0"),
    ],
    "overfit-cure": [
        (dict(epochs=200), "not learned its points by heart"),
        (dict(WIDE, samples=100, epochs=20), "at least 20 points to learn from and 100 held out"),
    ],
    "dead-relus": [
        ({}, "Most live on"),
        (dict(initialisation="zero", epochs=20), "dead at the start already"),
        (dict(layers=1, units_1=4, epochs=5), "At least 8"),
        (dict(activation="tanh", epochs=5), "“Activation” at ReLU"),
    ],
    "learning-rate": [
        ({}, "still learns"),
        (dict(learning_rate=1000.0, units_1=4), "“Units of layer 1” at 8"),
    ],
    "calibrate": [
        ({}, "too sure of itself"),
        (dict(layers=0, l2=10.0, epochs=50), "at least 85 %"),
        (dict(samples=200, epochs=5), "400 held out"),
    ],
    "smallest-circle": [
        (FAST, "How many lines"),
        (dict(layers=1, units_1=2, epochs=150), "Less than 95 %"),
        (dict(layers=0, squares=True, epochs=5), "“Inputs x² and y²” at off"),
    ],
}


def test_every_goal_has_runs_that_pass_and_runs_that_fail():
    assert PASSING.keys() == FAILING.keys() == GOALS.keys()
    assert len(GOALS) >= 6
    assert len(ASKED) >= 5
    assert not GOALS.keys() & ASKED.keys()


@pytest.mark.parametrize("name", GOALS)
def test_a_real_run_reaches_the_goal(name):
    progress = tried(GOALS[name], *PASSING[name])
    assert progress.done, progress.verdict
    assert progress.verdict.passed
    assert progress.tries == len(PASSING[name])


@pytest.mark.parametrize(
    ("name", "changes", "hint"),
    [(name, *case) for name, cases in FAILING.items() for case in cases],
)
def test_a_real_run_misses_the_goal_and_hears_why(name, changes, hint):
    progress = tried(GOALS[name], changes)
    assert not progress.done
    assert not progress.kept
    assert not progress.verdict.passed
    assert hint in progress.verdict.hint
    assert progress.verdict.measured


@pytest.mark.parametrize(
    ("name", "second", "hint", "astray"),
    [
        ("overfit-cure", dict(WIDE), "Still 5 points", False),
        ("overfit-cure", dict(WIDE, l2=10.0, epochs=50), "too strong a medicine", False),
        ("overfit-cure", dict(CURED, data_seed=1), "“Data seed” at 0", True),
        ("overfit-cure", dict(CURED, units_1=16), "Keep the layers and their units", True),
        ("overfit-cure", dict(CURED, validation=0.5), "“Held out” at 0.8", True),
        ("dead-relus", dict(KILL, learning_rate=10.0), "Too many are dead", False),
        ("dead-relus", dict(REVIVE, epochs=5), "less than 95 %", False),
        ("dead-relus", dict(REVIVE, units_2=9), "Keep the layers and their units", True),
        ("learning-rate", dict(learning_rate=0.02), "Less than 95 %", False),
        ("learning-rate", dict(learning_rate=1.0, epochs=60), "“Epochs” at 30", True),
        ("learning-rate", dict(learning_rate=1.0, seed=1), "“Seed” at 0", True),
    ],
)
def test_a_second_step_is_held_against_the_first(name, second, hint, astray):
    progress = tried(GOALS[name], PASSING[name][0], second)
    assert progress.step == 1
    assert not progress.done
    assert hint in progress.verdict.hint
    assert progress.verdict.astray == astray


def test_a_run_that_cannot_be_a_second_step_may_be_a_new_first_one():
    other = dict(WIDE, units_1=24)
    progress = tried(GOALS["overfit-cure"], WIDE, other)
    assert progress.verdict.passed
    assert [trial.config.units_1 for trial in progress.kept] == [24]


def test_relus_may_be_revived_by_another_activation():
    assert tried(GOALS["dead-relus"], KILL, dict(REVIVE, activation="leaky-relu")).done


def test_the_smallest_network_is_remembered():
    goal = GOALS["smallest-circle"]
    progress = tried(goal, FAST, dict(layers=1, units_1=3), FAST)
    assert (progress.best, progress.done) == (3, True)
    assert tried(goal, dict(layers=1, units_1=2, epochs=150)).best is None


@pytest.mark.parametrize(
    "spoiled",
    [
        dict(fork=True),
        dict(notes=[{"edit": {"3": 7.0}}]),
        dict(state="cancelled"),
        dict(state="timeout"),
        dict(state="failed"),
    ],
)
def test_runs_that_were_steered_or_stopped_do_not_count(spoiled):
    good = trained(**{**GOALS["spirals-16"].start, **NET})
    progress = Progress()
    verdict = attempt(GOALS["spirals-16"], progress, replace(good, **spoiled))
    assert not verdict.passed
    assert verdict.hint == uncounted(replace(good, **spoiled))
    assert verdict.hint
    assert attempt(GOALS["spirals-16"], progress, good).passed


def test_other_settings_that_were_changed_while_it_trained_are_seen():
    good = trained(**{**GOALS["learning-rate"].start, "learning_rate": 1000.0})
    changed = replace(good, notes=[{"set": {"dropout": 0.5}}])
    assert "Only the learning rate" in attempt(GOALS["learning-rate"], Progress(), changed).hint
    rate = replace(good, notes=[{"set": {"learning_rate": 1000.0, "speed": "full"}}])
    assert attempt(GOALS["learning-rate"], Progress(), rate).passed


# Questions ---------------------------------------------------------------------------------------

TURNED = {
    "line-xor": ("high", dict(product=True)),
    "fastest-rate": ("small", dict(sweep_from=1.0)),
    "twice-as-wide": ("more", dict(data="circles", sweep_from=1, sweep_to=4, epochs=60)),
    "wrong-labels": ("low", dict(samples=100, epochs=300, l2=0.0)),
    "one-or-all": ("same", dict(learning_rate=10.0, epochs=5)),
    "six-sigmoids": ("same", dict(activation="tanh", epochs=60)),
}
"""Other settings, under which the same reading of a run gives another answer."""


def answer(name: str, **changes) -> Reveal:
    question = ASKED[name]
    settings = {**question.settings, **changes}
    found = answered(question, ClassificationConfig.parse(settings), trained(**settings))
    assert isinstance(found, Reveal), found
    return found


@pytest.mark.parametrize("name", ASKED)
def test_a_real_run_answers_the_question_and_its_answer_is_not_fixed(name):
    found, (other, changes) = answer(name), TURNED[name]
    assert found.answer in ASKED[name].choices
    assert found.answer in ASKED[name].why
    assert " ± " in found.measured
    assert other != found.answer
    assert answer(name, **changes).answer == other


def test_what_a_reveal_says_was_measured():
    question = ASKED["fastest-rate"]
    trial = trained(**question.settings)
    means = [sum(v) / len(v) for v in trial.variants("train_accuracy")]
    assert [len(v) for v in trial.variants("train_accuracy")] == [10, 10, 10]
    assert all(f"{100 * m:.1f} ± " in question.read(trial).measured for m in means)


def test_a_run_of_other_settings_answers_nothing():
    question = ASKED["fastest-rate"]
    config = ClassificationConfig.parse(question.settings)
    trial = trained(**{**question.settings, "seeds": 2, "epochs": 2})
    assert "other settings" in answered(question, config, trial)
    real = trained(**question.settings)
    steered = replace(real, notes=[{"set": {"dropout": 0.5}}])
    assert "other settings" in answered(question, config, steered)
    assert "stopped" in answered(question, config, replace(real, state="cancelled"))


def test_the_challenges_are_torch_free():
    code = (
        "import sys; from engine.topics import challenges; "
        "assert challenges('classification').CHALLENGES; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_topic_without_challenges_has_none():
    assert challenges("regression") is None


def test_every_start_is_made_of_settings():
    for goal in CHALLENGES:
        topic("classification").config.parse(goal.start)


# The page ----------------------------------------------------------------------------------------


@pytest.fixture
def open_page(running):
    def show(**query):
        test = AppTest.from_string(
            "from pages._frame.page import show\nshow('classification')\n", default_timeout=30
        )
        test.query_params.update(query)
        return test.run()

    return show


def visit(test):
    return test.session_state["classification.visit"]


def words(test) -> str:
    """All that the page says, without what keeps Markdown quiet."""
    shown = [*test.markdown, *test.caption, *test.success, *test.info]
    return " ".join(element.value for element in shown).replace("\\", "")


def ended(test, running) -> str:
    run = run_of_page(test)
    wait_for(lambda: running.manager.get(run).log.terminal, "the end")
    test.run()
    assert not test.exception
    return run


def run_of_page(test) -> str:
    return visit(test).run


def at_challenges(test):
    test.session_state["classification.below"] = "challenges"
    return test.run()


def press(test, name):
    test.button(key=f"classification.{name}").click().run()
    assert not test.exception
    return test


def test_a_goal_is_started_missed_and_reached_on_the_page(open_page, running):
    test = at_challenges(open_page())
    assert words(test).count("not tried yet") == len(GOALS)
    press(test, "begin_learning-rate")
    assert test.session_state["classification.data"] == "circles"
    assert test.query_params["challenge"] == "learning-rate"
    ended(test, running)
    assert "Not yet. Learning rate 0.05" in words(test)
    assert "tried; still to do: break it" in words(test)
    test.select_slider(key="classification.learning_rate").set_value(10.0).run()
    ended(test, running)
    assert "Done. Now the next step. Learning rate 10:" in words(test)
    test.select_slider(key="classification.learning_rate").set_value(1.0).run()
    ended(test, running)
    assert "Done. Learning rate 1:" in words(test)
    assert "✓ done" in words(test)
    press(test, "leave_challenge")
    assert "challenge" not in test.query_params
    assert "✓ done" in words(test)
    press(test, "undo")
    assert test.session_state["classification.data"] == "spirals"


def test_a_run_from_before_the_start_does_not_count(open_page, running):
    test = at_challenges(open_page(epochs="5", data="circles"))
    ended(test, running)
    test.toggle(key="classification.live").set_value(False).run()
    press(test, "begin_spirals-16")
    assert words(test).count("not tried yet") == len(GOALS)


@pytest.mark.parametrize(
    ("choice", "said"), [("medium", "You were right."), ("large", "otherwise")]
)
def test_a_question_is_predicted_trained_and_revealed(open_page, running, choice, said):
    test = at_challenges(open_page())
    press(test, "begin_fastest-rate")
    assert test.button(key="classification.ask").disabled
    assert "±" not in words(test)
    test.radio(key="classification.prediction").set_value(choice).run()
    press(test, "ask")
    assert running.manager.get(run_of_page(test)).config.sweep == "learning_rate"
    ended(test, running)
    assert said in words(test)
    assert "rate 1 → 99.2 ± 0.4 %" in words(test)
    press(test, "again")
    assert test.radio(key="classification.prediction").value is None


def test_a_question_whose_run_was_stopped_has_no_answer(open_page, running):
    settings = {name: str(value) for name, value in ASKED["fastest-rate"].settings.items()}
    test = open_page(challenge="fastest-rate", speed="slow", v="1", **settings)
    run = run_of_page(test)
    record = test.session_state["classification.challenge_record"]
    record.asked["fastest-rate"] = Asked("medium", run)
    assert "training …" in words(test.run())
    running.manager.control(run, {"type": "cancel"})
    ended(test, running)
    assert "no answer yet" in words(test)
    assert "stopped before its end" in words(test)
    assert not test.success


def test_a_link_opens_a_goal_with_its_settings(open_page, running):
    test = open_page(challenge="smallest-circle", lock="data")
    assert visit(test).challenge == "smallest-circle"
    assert test.session_state["classification.data"] == "circles"
    assert "The smallest network round a disc" in words(test)
    assert test.query_params["challenge"] == "smallest-circle"
    assert test.query_params["lock"] == "data"
    ended(test, running)
    assert "16 neurons" in words(test)


def test_settings_of_a_link_come_before_those_of_its_goal(open_page):
    test = open_page(challenge="spirals-16", v="1", epochs="5")
    assert test.session_state["classification.layers"] == 2
    assert test.session_state["classification.epochs"] == 5


@pytest.mark.parametrize("forged", ["nothing", "../../etc/passwd", "a" * 500, "[x](https://e.org)"])
def test_a_forged_challenge_is_ignored_and_said_so(open_page, forged):
    test = open_page(challenge=forged)
    assert not test.exception
    assert visit(test).challenge == ""
    assert f"no such challenge here: {forged[:40]}." in words(test)
    assert "challenge" not in test.query_params


ASKING = """
import streamlit as st
from engine.topics import topic
from pages._frame.challenges import ask, found
from pages._frame.visit import visit_of
spec = topic("classification")
st.session_state["classification.prediction"] = "{choice}"
ask(spec, visit_of(spec), found(spec, "line-xor"))
"""


@pytest.mark.parametrize(("choice", "trains"), [("everything", False), ("low", True)])
def test_a_forged_prediction_trains_nothing(running, choice, trains):
    test = AppTest.from_string(ASKING.format(choice=choice), default_timeout=30).run()
    assert not test.exception
    assert bool(run_of_page(test)) == trains


def test_locked_settings_that_a_question_needs_are_named(open_page):
    test = open_page(challenge="line-xor", lock="layers")
    test.radio(key="classification.prediction").set_value("low").run()
    press(test, "ask")
    assert "holds settings that the question needs: Hidden layers" in test.error[0].value.replace(
        "\\", ""
    )
    assert run_of_page(test) == ""
