"""Weights set by hand: in a run that trains, in a fork, and refused where they make no sense."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import wait_for, wait_terminal
from test_api import app, client, error_of, house, start  # noqa: F401

from engine.config import Config, setting
from engine.errors import InvalidValue, NotFound
from engine.exports.replay import script_of
from engine.jobs import forking
from engine.jobs.forking import checked_edits
from engine.jobs.job import JobSpec
from engine.topics import topic
from engine.training.context import Context
from engine.training.loop import train
from pages._frame import train as bar
from pages._frame import variants, weights
from pages._frame.visit import Visit

TINY = {"data": "xor", "samples": 40, "layers": 1, "units_1": 3, "epochs": 30, "batch_size": 0}
SPEC = topic("classification")


# The message ----------------------------------------------------------------------------------------


def test_checked_edits_are_numbers_by_index():
    assert checked_edits({"007": 2, 3: -0.5}) == {"7": 2.0, "3": -0.5}
    assert checked_edits({"9": 1.0}, parameters=10) == {"9": 1.0}


WRONG = [
    ({}, "1 to 64 weights"),
    ({str(i): 0.0 for i in range(65)}, "1 to 64 weights"),
    ([1.0], "1 to 64 weights"),
    ({"-1": 0.5}, "indices of weights"),
    ({"1.5": 0.5}, "indices of weights"),
    ({"٣": 0.5}, "indices of weights"),
    ({str(2**20): 0.5}, "from 0 to 1048575"),
    ({"x" * 10**6: 0.5}, "indices of weights"),
    ({"0": "1"}, "a number from -1e+06 to 1e+06"),
    ({"0": True}, "a number from"),
    ({"0": None}, "a number from"),
    ({"0": 1.1e6}, "a number from"),
    ({"0": 10**400}, "a number from"),
    ({"0": float("nan")}, "a number from"),
    ({"0": float("-inf")}, "a number from"),
]


@pytest.mark.parametrize(("values", "words"), WRONG)
def test_forged_edits_are_refused_in_words(values, words):
    with pytest.raises(InvalidValue) as error:
        checked_edits(values)
    assert words in error.value.message
    assert len(error.value.message) < 300


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"0": 0.5}, 204),
        ({"12": -2, "3": 1}, 204),
        ({}, 422),
        ({"0": "0.5"}, 422),
        ({"weight": 0.5}, 422),
        ({"13": 0.5}, 422),  # the network has 13 parameters
        ({"0": 1e7}, 422),
    ],
)
def test_an_edit_over_http_is_validated(client, house, values, status):  # noqa: F811
    run = start(client, topic="classification", config=TINY)
    task = house.executor.tasks[-1]
    task.event("started", {"parameters": 13, "samples": 20, "steps_total": 30, "device": "cpu"})
    body = {"type": "edit", "values": values}
    answer = client.post(f"/api/v1/runs/{run}/control", json=body)
    assert answer.status_code == status, answer.text
    sent = {"type": "edit", "values": {k: float(v) for k, v in values.items()}}
    assert task.sent == ([sent] if status == 204 else [])


@pytest.mark.parametrize(
    "run", [{"topic": "regression"}, {"topic": "classification", "config": {**TINY, "seeds": 3}}]
)
def test_where_there_is_not_one_network_an_edit_is_refused(client, house, run):  # noqa: F811
    made = start(client, **run)
    body = {"type": "edit", "values": {"0": 0.5}}
    answer = client.post(f"/api/v1/runs/{made}/control", json=body)
    assert answer.status_code == 409
    assert "one network" in error_of(answer)["message"]
    assert house.executor.tasks[-1].sent == []


# The loop -------------------------------------------------------------------------------------------


class OneNumber(Config):
    """Settings of a model that is one number."""

    rate: float = setting(0.1, title="Rate", help="Rate.", group="G", low=0, high=1, live=True)


def lesson(context, steps=6):
    """Training of one number, which `adapt` sets from the edits; its events."""
    number = [context.take_edits().get(0, 0.0)]

    def step():
        number[0] += 1

    def adapt():
        number[0] = context.take_edits().get(0, number[0])

    return train(
        step,
        steps=steps,
        steps_per_epoch=1,
        context=context,
        measure=lambda: {"train_loss": number[0]},
        draw=lambda: ("net", {"theta": [number[0]]}),
        adapt=adapt,
    )


def test_an_edit_reaches_the_model_in_a_pause_and_the_step_is_shown_anew():
    context = Context(OneNumber(), paused=True)
    events = lesson(context)
    seen = []
    for event in events:
        seen.append(event)
        if event.type == "note" and event.data.get("paused"):
            context.inbox.put({"type": "edit", "values": {"0": 40.0}})
            context.inbox.put({"type": "resume"})
    note = next(e for e in seen if e.data.get("edit"))
    assert (note.step, note.data["edit"]) == (0, {"0": 40.0})
    values = [(e.step, e.data["values"]["train_loss"]) for e in seen if e.type == "metric"]
    assert values[:2] == [(0, 0.0), (0, 40.0)]
    frames = [(e.step, e.data["data"]["theta"]) for e in seen if e.type == "frame"]
    assert frames[:2] == [(0, [0.0]), (0, [40.0])]
    assert values[-1] == (6, 46.0)


def test_an_edit_while_it_trains_changes_the_next_step_only_once():
    context = Context(OneNumber())
    context.inbox.put({"type": "edit", "values": {"0": 100.0}})
    values = {e.step: e.data["values"]["train_loss"] for e in lesson(context) if e.type == "metric"}
    assert values[6] == 106.0
    assert context.edits == {}


def test_a_fork_begins_with_its_edits():
    context = Context(OneNumber(), edits={"0": 7.0})
    first = next(e for e in lesson(context) if e.type == "metric")
    assert first.data["values"] == {"train_loss": 7.0}


# A real run -----------------------------------------------------------------------------------------


def weights_in(frame: dict[str, Any]) -> np.ndarray:
    """The weights (M, D) of a recorded frame."""
    encoded = frame["data"]["theta"]
    array = np.frombuffer(base64.b64decode(encoded["b64"]), np.float32)
    return array.reshape(encoded["shape"])


def trained(service, **values):
    """A finished run of the classification topic, with its job."""
    job = JobSpec.checked("classification", {**TINY, **values}, device="cpu")
    run = service.manager.submit(job, "me")
    assert wait_terminal(service.manager, run).type == "done"
    return run, job


def test_a_fork_stands_there_with_its_edits_and_goes_on_from_them(running):
    parent, job = trained(running)
    history = running.manager.get(parent).log.history
    at, snapshot = forking.cut(running.artifact(parent, forking.SNAPSHOTS, "me"), 10)
    before = next(f for f in history.frames if f["kind"] == "net" and f["step"] == at)
    fork = {"run": parent, "step": at, "edits": {"4": 2.5}}
    branch = JobSpec(
        **{**job.__dict__, "paused": True, "attachments": {"snapshot": snapshot}, "fork": fork}
    )
    child = running.manager.submit(branch, "me")
    log = running.manager.get(child).log.history
    wait_for(lambda: log.frames, "the first frame")
    first = weights_in(log.frames[0])
    expected = weights_in(before).copy()
    expected[0, 4] = 2.5
    np.testing.assert_array_equal(first, expected)
    assert log.fork == fork

    metrics = dict(zip(log.metrics["step"], log.metrics["train_loss"], strict=True))
    running.manager.control(child, {"type": "edit", "values": {"5": -3}})
    wait_for(lambda: log.frames and weights_in(log.frames[-1])[0, 5] == -3, "the edited frame")
    assert [f["step"] for f in log.frames if f["kind"] == "net"] == [at]
    wait_for(lambda: log.metrics["train_loss"][-1] != metrics[at], "its metrics")
    assert log.metrics["step"] == [at]
    assert weights_in(log.frames[-1])[0, 4] == 2.5
    running.manager.control(child, {"type": "resume"})
    assert wait_terminal(running.manager, child).type == "done"
    assert weights_in(log.frames[-1])[0, 5] != -3  # it has learned on


def test_a_run_that_was_edited_has_no_script(running):
    job = JobSpec.checked("classification", TINY, device="cpu", paused=True)
    run = running.manager.submit(job, "me")
    log = running.manager.get(run).log.history
    wait_for(lambda: log.frames, "the first frame")
    running.manager.control(run, {"type": "edit", "values": {"0": 1.5}})
    running.manager.control(run, {"type": "resume"})
    wait_terminal(running.manager, run)
    assert [note["edit"] for note in log.notes if "edit" in note] == [{"0": 1.5}]
    with pytest.raises(NotFound, match="set by hand"):
        script_of(log)


# The page -------------------------------------------------------------------------------------------


@pytest.fixture
def visit(monkeypatch):
    """A visit, what its session holds, and what the bar was asked to do."""
    session: dict[str, Any] = {}
    asked: list[Any] = []
    for module in (weights, variants):
        monkeypatch.setattr(module, "st", SimpleNamespace(session_state=session))
    monkeypatch.setattr(bar, "active_run", lambda visit: session.get("active"))
    monkeypatch.setattr(bar, "steer", lambda visit, **message: asked.append(message))
    monkeypatch.setattr(bar, "fork_here", lambda spec, visit, *fork: asked.append(fork))
    made = Visit(values=SPEC.config().model_dump(), run="mine", shared="")
    return made, session, asked


def sent(session, **message):
    session["classification.network"] = {
        "edited": {"run": "mine", "step": 12, "index": 3, "value": 0.5, **message}
    }


def active(state, step):
    history = SimpleNamespace(metrics={"step": [step]})
    return SimpleNamespace(state=state, log=SimpleNamespace(history=history))


def test_an_edit_steers_the_run_that_trains(visit):
    made, session, asked = visit
    sent(session)
    session["active"] = active("running", 40)
    weights.weight_edited(SPEC, made)
    assert asked == [{"type": "edit", "values": {"3": 0.5}}]
    assert made.edits == {}


def test_an_edit_of_a_run_that_has_ended_forks_it(visit):
    made, session, asked = visit
    sent(session)
    weights.weight_edited(SPEC, made)
    assert asked == [("mine", 12, {"3": 0.5})]
    made.run, made.shared = "other", "mine"
    weights.weight_edited(SPEC, made)
    assert len(asked) == 2


def test_further_edits_where_a_fork_begins_are_what_reset_goes_back_to(visit):
    made, session, _asked = visit
    made.fork, made.edits = ("parent", 12), {"1": 1.0}
    sent(session)
    session["active"] = active("paused", 12)
    weights.weight_edited(SPEC, made)
    assert made.edits == {"1": 1.0, "3": 0.5}
    sent(session, index=4)
    session["active"] = active("paused", 13)
    weights.weight_edited(SPEC, made)
    assert made.edits == {"1": 1.0, "3": 0.5}


@pytest.mark.parametrize(
    "forged",
    [
        {"run": "somebody's"},
        {"run": ""},
        {"step": "12"},
        {"step": True},
        {"index": -1},
        {"index": [0]},
        {"value": "1"},
        {"value": float("nan")},
    ],
)
def test_forged_edits_do_nothing(visit, forged):
    made, session, asked = visit
    sent(session, **forged)
    weights.weight_edited(SPEC, made)
    assert asked == []


# Choosing a variant ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sweep", "value", "expected"),
    [
        ("learning_rate", 0.25, {"learning_rate": 0.25}),
        ("layers", 3, {"layers": 3}),
        ("layers", 3.0, {"layers": 3}),
        ("units", 12, {f"units_{k}": 12 for k in range(1, 7)}),
    ],
)
def test_a_chosen_variant_becomes_the_setting(visit, sweep, value, expected):
    made, session, _ = visit
    made.sent = SPEC.config(sweep=sweep)
    made.values["sweep"] = sweep
    session["classification.multiples"] = {"chosen": {"value": value}}
    variants.variant_chosen(SPEC, made)
    assert {n: made.values[n] for n in expected} == expected
    assert made.values["sweep"] == "none"
    assert made.undo[-1].settings["sweep"] == sweep
    SPEC.config.parse(made.values)


@pytest.mark.parametrize(
    ("sweep", "value"),
    [("layers", 2.5), ("layers", 99), ("learning_rate", "0.1"), ("units", True), ("none", 1)],
)
def test_a_forged_choice_says_what_was_expected(visit, sweep, value):
    made, session, _ = visit
    made.sent = SPEC.config(sweep=sweep)
    before = dict(made.values)
    session["classification.multiples"] = {"chosen": {"value": value}}
    variants.variant_chosen(SPEC, made)
    assert "expected" in made.message
    assert (made.values, made.undo) == (before, [])


def test_after_the_end_of_training_there_is_something_left_to_do():
    assert bar.longer(SPEC, {"epochs": 200}) == {"epochs": 400}
    assert bar.longer(SPEC, {"epochs": 15_000}) == {"epochs": 20_000}
