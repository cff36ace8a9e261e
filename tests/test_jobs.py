"""Admission, queue, controls, presence and the events that a healthy run tells."""

from __future__ import annotations

import sys
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import faulty, wait_for, wait_terminal

from engine.errors import Conflict, InvalidValue, NotFound, Rejected
from engine.events import decode_array
from engine.jobs import host
from engine.jobs.job import JobSpec
from engine.training import context
from engine.training.context import Cancelled, Context, Inbox, log_spaced

LONG = 10**6


def started(manager, owner="visitor", **values):
    run_id = manager.submit(faulty("none", steps=LONG, **values), owner, attended=False)
    wait_for(lambda: manager.status(run_id)["step"] is not None, "the first metric")
    return run_id


def test_events_of_a_run_in_order(make_manager):
    manager = make_manager()
    run_id = manager.submit(JobSpec.checked("regression", {"epochs": 200}), "v", attended=False)
    terminal = wait_terminal(manager, run_id)
    events = manager.events(run_id)
    assert events[0].type == "started"
    assert events[0].data["steps_total"] == 200
    assert {e.run for e in events} == {run_id}
    metrics = [e for e in events if e.type == "metric"]
    assert metrics[0].step == 0
    assert metrics[-1].step == 200
    assert {"seconds", "steps", "train_mse", "val_mse"} <= terminal.data["metrics"].keys()
    assert terminal.data["metrics"]["steps"] == 200


def test_files_on_their_way_are_told_of_and_can_be_stopped(make_manager):
    manager = make_manager()
    run_id = manager.submit(faulty("slow_files"), "v", attended=False)
    wait_for(lambda: told(manager, run_id).get("share", 0) > 0.1, "progress")
    assert told(manager, run_id)["text"] == "Getting the files: faults"
    assert len([e for e in manager.events(run_id) if e.type == "progress"]) == 1  # the latest
    manager.control(run_id, {"type": "cancel"})
    assert wait_terminal(manager, run_id).type == "cancelled"
    assert not manager.get(run_id).log.history.started


def told(manager, run_id):
    """The progress that a run has told of last."""
    found = [e.data for e in manager.events(run_id) if e.type == "progress"]
    return found[-1] if found else {}


def test_before_the_start_controls_wait_and_the_end_does_not():
    events, inbox = [], Inbox()
    config = JobSpec.checked("regression", {}).parsed()
    early = Context(config, inbox=inbox, tell=events.append)
    inbox.put({"type": "pause"})
    for share in (0.25, 0.5):  # the second comes too soon to be told
        early.preparing("files", share)
    assert [e.data for e in events] == [{"text": "files", "share": 0.25}]
    assert [m["type"] for m in inbox.take()] == ["pause"]
    inbox.put({"type": "cancel"})
    with pytest.raises(Cancelled):
        Context(config, inbox=inbox, tell=events.append).preparing("files", 0.75)


def test_a_quick_run_keeps_sixty_log_spaced_frames(make_manager):
    manager = make_manager()
    run_id = manager.submit(JobSpec.checked("regression", {"epochs": 500}), "v", attended=False)
    wait_terminal(manager, run_id)
    frames = manager.get(run_id).log.history.frames
    steps = [f["step"] for f in frames if f["kind"] == "fit"]
    assert len(steps) >= 60
    assert steps == sorted(set(steps))
    assert (steps[0], steps[-1]) == (0, 500)
    assert log_spaced(500) <= set(steps)


def test_snapshots_that_grow_are_thinned_evenly_and_keep_the_first(monkeypatch):
    monkeypatch.setattr(context, "SNAPSHOT_BYTES", 1000)
    one = Context(JobSpec.checked("regression", {}).parsed())
    one.started(parameters=1, samples=1, steps_total=59)
    for step in range(60):
        size = 10 if step == 0 else 25  # floats: an optimiser begins without a memory
        one.snapshot(step, lambda size=size: {"w": torch.zeros(size)})
        assert sum(s["w"].nbytes for s in one.snapshots.values()) <= 1000
    assert sorted(one.snapshots) == list(range(0, 60, 8))


@pytest.mark.parametrize("steps", [1, 5, 59, 60, 61, 100, 1000, 10**6])
def test_log_spaced_steps(steps):
    chosen = log_spaced(steps)
    assert len(chosen) >= min(60, steps + 1)
    assert min(chosen) == 0
    assert max(chosen) == steps


def test_pause_step_resume(make_manager):
    manager = make_manager()
    run_id = started(manager)
    manager.control(run_id, {"type": "pause"})
    log = manager.get(run_id).log
    wait_for(lambda: any(e.data.get("paused") for e in manager.events(run_id)), "the pause")
    before = manager.status(run_id)["step"]
    assert manager.status(run_id)["state"] == "paused"
    for _press in range(3):
        manager.control(run_id, {"type": "step"})
    wait_for(lambda: manager.status(run_id)["step"] == before + 3, "three single steps")
    wait_for(lambda: log.history.frames[-1]["step"] == before + 3, "the picture of the third")
    manager.control(run_id, {"type": "resume"})
    wait_for(lambda: manager.status(run_id)["step"] > before + 10, "further steps")
    assert manager.status(run_id)["state"] == "running"


def test_a_run_can_begin_paused_and_be_stepped(make_manager):
    manager = make_manager()
    job = JobSpec("faulty", faulty("none").config, "cpu", 1, paused=True)
    run_id = manager.submit(job, "visitor", attended=False)
    wait_for(lambda: manager.status(run_id)["step"] == 0, "step 0")
    manager.control(run_id, {"type": "step"})
    wait_for(lambda: manager.status(run_id)["step"] == 1, "step 1")


def test_a_pause_is_no_time_of_training(monkeypatch):
    clock = SimpleNamespace(now=0.0)

    class Visitor(Inbox):
        """Comes back after 1000 s of a clock that otherwise stands still."""

        def wait(self, seconds):
            clock.now += 1000
            self.put({"type": "resume"})
            return True

    monkeypatch.setattr("engine.training.context.time.perf_counter", lambda: clock.now)
    context = Context(faulty("none").parsed(), "cpu", Visitor(), paused=True)
    list(context.obey(lambda: iter(())))
    clock.now += 2
    assert context.done({}).data["metrics"]["seconds"] == 2


def test_a_live_field_changes_the_running_job(make_manager):
    manager = make_manager()
    run_id = started(manager)
    manager.control(run_id, {"type": "set", "values": {"rate": 0.7}})
    history = manager.get(run_id).log.history
    wait_for(lambda: history.metrics["rate"][-1] == 0.7, "the new rate")
    assert manager.status(run_id)["config"]["rate"] == 0.7


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            {"type": "set", "values": {"rate": 7}},
            "rate: expected a number from 0 to 1, received 7.",
        ),
        (
            {"type": "set", "values": {"steps": 7}},
            "steps: expected a setting that can change while training (rate, speed), received 7.",
        ),
        ({"type": "set", "values": {"nonsense": 7}}, "nonsense: expected a setting of this topic"),
        (
            {"type": "explode"},
            "type: expected one of pause, resume, step, cancel, set, edit, received 'explode'.",
        ),
        ({}, "type: expected one of pause, resume, step, cancel, set, edit, received None."),
    ],
)
def test_a_wrong_control_says_what_is_wrong_and_changes_nothing(make_manager, message, words):
    manager = make_manager()
    run_id = started(manager)
    before = manager.status(run_id)["config"]
    with pytest.raises(InvalidValue) as error:
        manager.control(run_id, message)
    assert words in error.value.message
    assert manager.status(run_id)["config"] == before


def test_a_finished_run_takes_no_controls(make_manager):
    manager = make_manager()
    run_id = manager.submit(faulty("none"), "visitor", attended=False)
    wait_terminal(manager, run_id)
    with pytest.raises(Conflict, match="has ended"):
        manager.control(run_id, {"type": "pause"})


def test_invalid_settings_never_become_a_run(make_manager):
    manager = make_manager()
    with pytest.raises(InvalidValue, match="steps: expected a whole number from 1"):
        manager.submit(JobSpec("faulty", {"steps": 0}), "visitor")
    assert manager.counts()["running"] == 0


def test_a_new_run_replaces_the_visitors_old_one(make_manager):
    manager = make_manager()
    first = started(manager)
    second = started(manager)
    assert wait_terminal(manager, first).type == "cancelled"
    assert manager.active_run("visitor").id == second


def test_waiting_runs_are_told_their_rank_and_start_in_order(make_manager):
    manager = make_manager()
    running = [started(manager, f"v{i}") for i in range(2)]
    waiting = [manager.submit(faulty("none"), f"w{i}", attended=False) for i in range(3)]
    ranks = [manager.events(r)[-1].data["rank"] for r in waiting]
    assert ranks == [1, 2, 3]
    manager.control(waiting[0], {"type": "cancel"})
    assert [manager.status(r)["rank"] for r in waiting[1:]] == [1, 2]
    manager.control(running[0], {"type": "cancel"})
    for run_id in waiting[1:]:
        assert wait_terminal(manager, run_id).type == "done"


def test_a_full_queue_refuses_with_a_time_to_try_again(make_manager):
    manager = make_manager(queue=1)
    for i in range(2):
        started(manager, f"v{i}")
    manager.submit(faulty("none"), "w0", attended=False)
    with pytest.raises(Rejected, match="All places are taken") as refusal:
        manager.submit(faulty("none"), "w1", attended=False)
    assert refusal.value.retry_after > 0


def test_one_address_cannot_flood(make_manager):
    manager = make_manager(jobs_per_minute=3)
    for _job in range(3):
        manager.submit(faulty("none"), "visitor", address="192.0.2.1")
    with pytest.raises(Rejected, match="at most 3 a minute"):
        manager.submit(faulty("none"), "visitor", address="192.0.2.1")
    manager.submit(faulty("none"), "visitor", address="192.0.2.2")


def test_an_absent_visitors_run_ends_after_the_grace(make_manager):
    manager = make_manager(owner_grace=0.3)
    manager.arrive("visitor")
    run_id = manager.submit(faulty("none", steps=LONG), "visitor")
    wait_for(lambda: manager.status(run_id)["step"] is not None, "the first metric")
    manager.depart("visitor")
    assert wait_terminal(manager, run_id).type == "cancelled"


def test_a_visitor_who_comes_back_keeps_the_run(make_manager):
    manager = make_manager(owner_grace=0.3)
    manager.arrive("visitor")
    run_id = manager.submit(faulty("none", steps=LONG), "visitor")
    wait_for(lambda: manager.status(run_id)["step"] is not None, "the first metric")
    manager.depart("visitor")
    manager.arrive("visitor")
    step = manager.status(run_id)["step"]
    wait_for(lambda: manager.status(run_id)["step"] > step + 300, "the run to go on")
    assert manager.status(run_id)["state"] == "running"


def test_somebody_elses_run_is_unknown(make_manager):
    manager = make_manager()
    run_id = started(manager)
    with pytest.raises(NotFound) as foreign:
        manager.get(run_id, owner="another")
    with pytest.raises(NotFound) as unknown:
        manager.get("0" * 32, owner="another")
    assert foreign.value.message == unknown.value.message


def test_a_slow_reader_gets_the_latest_frame_only(make_manager):
    manager = make_manager()
    run_id = manager.submit(faulty("none", steps=300), "visitor", attended=False)
    wait_terminal(manager, run_id)
    frames = [e for e in manager.events(run_id) if e.type == "frame"]
    assert [f.step for f in frames] == [300]


def test_arrays_survive_the_wire(make_manager):
    manager = make_manager()
    run_id = manager.submit(faulty("huge_frame"), "visitor", attended=False)
    wait_terminal(manager, run_id)
    [frame] = [e for e in manager.events(run_id) if e.type == "frame"]
    values = decode_array(frame.data["data"]["values"])
    np.testing.assert_array_equal(values, np.zeros((400, 400), np.float32))


def test_closing_the_manager_ends_all_runs(make_manager):
    manager = make_manager()
    runs = [started(manager, f"v{i}") for i in range(2)]
    manager.close()
    assert [manager.get(r).log.terminal.type for r in runs] == ["cancelled", "cancelled"]


@pytest.mark.skipif(
    sys.platform != "linux" or torch.cuda.device_count() > 0,
    reason="only there does the host train",
)
def test_a_small_network_takes_little_memory_beside_the_host(make_manager):
    manager = make_manager()
    run_id = manager.submit(JobSpec.checked("regression", {"epochs": 6000}), "v", attended=False)
    wait_terminal(manager, run_id)
    told = [e.data["memory"] for e in manager.events(run_id) if "memory" in e.data]
    assert len(told) >= 2
    assert max(told) <= 40


def warmed(monkeypatch, run, debug_config=lambda: None):
    recipe = SimpleNamespace(debug_config=debug_config, run=run)
    monkeypatch.setattr("engine.topics.recipe", lambda _name: recipe)
    host.warm_up("a topic")


def test_a_topic_that_fails_while_warming_up_leaves_the_host_alive(monkeypatch, caplog):
    def debug_config():
        raise ZeroDivisionError

    warmed(monkeypatch, lambda *_: iter(()), debug_config)
    assert "a topic could not be warmed up" in caplog.text


def test_warming_up_ends_in_time_and_uses_up_no_random_numbers(monkeypatch):
    told = []

    def run(_config, _context):
        with suppress(GeneratorExit):
            while True:
                torch.rand(1)
                told.append("event")
                yield
        told.append("closed")

    before = torch.get_rng_state()
    monkeypatch.setattr(host, "WARM_UP", 0.0)
    warmed(monkeypatch, run)
    assert told == ["event", "closed"]
    assert torch.equal(torch.get_rng_state(), before)
