"""Whatever happens to a worker: one terminal event, the slot free, the manager alive."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest
from conftest import faulty, wait_for, wait_terminal

from engine.errors import StorageFull
from engine.jobs.job import JobSpec

LONG = 10**6


def ends(manager, job, owner="visitor"):
    """Run a job to its end; returns (terminal event, all events)."""
    run_id = manager.submit(job, owner, attended=False)
    terminal = wait_terminal(manager, run_id)
    events = manager.events(run_id)
    assert [e.seq for e in events] == sorted({e.seq for e in events})
    assert [e for e in events if e.terminal] == [terminal]
    return terminal, events


def still_alive(manager):
    """The manager trains on: a healthy job runs to its end."""
    terminal, _events = ends(manager, faulty("none"), "another")
    assert terminal.type == "done"


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            "raise",
            "The training code stopped with an error (ZeroDivisionError). It has been logged.",
        ),
        ("exit", "The worker stopped unexpectedly (exit code 3)."),
        ("kill", "The worker was killed (signal 9), perhaps for want of memory."),
        ("memory", "Out of memory. Try fewer points, a smaller batch or a smaller network."),
        (
            "diverge",
            "Diverged at step 5: the loss grew beyond bounds. Try a smaller learning rate.",
        ),
        ("silent", "The training code stopped with an error (RuntimeError). It has been logged."),
    ],
)
def test_a_broken_job_fails_once_with_words(make_manager, fault, message):
    manager = make_manager()
    terminal, _events = ends(manager, faulty(fault, steps=1000, speed="slow"))
    assert terminal.type == "failed"
    assert terminal.data == {"message": message}
    still_alive(manager)


def test_a_diverged_run_keeps_what_was_good(make_manager):
    manager = make_manager()
    values = {"model": "linear", "optimiser": "sgd", "learning_rate": 1.1}
    job = JobSpec.checked("regression", values, device="cpu")
    terminal, events = ends(manager, job)
    assert terminal.data["message"].startswith("Diverged at step ")
    history = manager.get(terminal.run).log.history
    losses = history.metrics["train_loss"]
    assert len(losses) > 10
    assert all(np.isfinite(losses))
    assert len(history.frames) > 10
    last_frame = [e for e in events if e.type == "frame"][-1]
    assert last_frame.step == history.metrics["step"][-1] == history.frames[-1]["step"]
    assert all(np.isfinite(last_frame.data["data"]["fit"]))


@pytest.mark.parametrize("fault", ["hang", "deaf"])
def test_a_hanging_job_is_killed_at_its_deadline(make_manager, fault):
    manager = make_manager(deadline=0.5)
    terminal, _events = ends(manager, faulty(fault, steps=LONG))
    assert terminal.type == "timeout"
    assert terminal.data["message"] == "Stopped after 0.5 seconds, the longest a run may take here."
    manager.settings = manager.settings.model_copy(update={"deadline": 60.0})
    still_alive(manager)


@pytest.mark.parametrize("fault", ["none", "hang", "deaf"])
def test_cancel_ends_any_job(make_manager, fault):
    manager = make_manager()
    run_id = manager.submit(faulty(fault, steps=LONG), "visitor", attended=False)
    wait_for(lambda: manager.status(run_id)["step"] is not None, "the first metric")
    manager.control(run_id, {"type": "cancel"})
    assert wait_terminal(manager, run_id).type == "cancelled"
    still_alive(manager)


def test_fifty_presses_of_train(make_manager):
    manager = make_manager()
    manager.arrive("visitor")
    runs = [manager.get(manager.submit(faulty(), "visitor")) for _press in range(50)]
    wait_for(lambda: all(run.log.terminal for run in runs), "the end of all runs")
    wait_for(lambda: manager.counts()["running"] == 0, "the slots")
    assert [run.state for run in runs] == ["cancelled"] * 49 + ["done"]
    terminals = [[e.type for e in run.log.after(0) if e.terminal] for run in runs]
    assert terminals == [[run.state] for run in runs]


def test_the_fork_host_is_killed(make_manager, warm_executor):
    manager = make_manager()
    running = manager.submit(faulty("none", steps=300), "visitor", attended=False)
    wait_for(lambda: manager.status(running)["step"] is not None, "the first metric")
    os.kill(warm_executor.host.pid, signal.SIGKILL)
    wait_for(lambda: not manager.ready, "the loss to be noticed")
    waiting = manager.submit(faulty("none"), "another", attended=False)
    assert wait_terminal(manager, running).type == "done"
    assert wait_terminal(manager, waiting).type == "done"
    assert manager.ready


def test_a_worker_killed_after_the_host_still_ends_its_run(make_manager, warm_executor):
    manager = make_manager()
    run_id = manager.submit(faulty("hang", steps=LONG), "visitor", attended=False)
    wait_for(lambda: manager.status(run_id)["step"] is not None, "the first metric")
    os.kill(warm_executor.host.pid, signal.SIGKILL)
    manager.get(run_id).task.kill()
    terminal = wait_terminal(manager, run_id)
    assert (terminal.type, terminal.data["message"]) == (
        "lost",
        "The worker was lost. Train again.",
    )
    wait_for(lambda: manager.ready, "the host to be back")


def test_a_full_disk_does_not_harm_the_run(make_manager):
    class FullArchive:
        def begin(self, run_id, topic, owner):
            raise StorageFull("No room.")

        def keep(self, history, owner, artifacts):
            raise StorageFull("No room.")

    manager = make_manager(FullArchive())
    run_id = manager.submit(faulty("none"), "visitor", attended=False)
    assert wait_terminal(manager, run_id).type == "done"
    with pytest.raises(StorageFull, match="No room"):
        manager.wait_stored(run_id)


def test_a_new_process_serves_each_job(make_manager):
    manager = make_manager()
    pids = set()
    for _job in range(3):
        run_id = manager.submit(faulty("none"), "visitor", attended=False)
        pids.add(manager.get(run_id).task.worker.pid)
        wait_terminal(manager, run_id)
    assert len(pids) == 3


def test_a_warm_worker_serves_several_jobs_and_is_then_replaced(make_manager, warm_executor):
    manager = make_manager()
    warm_executor._worker_jobs = 2
    try:
        pids = []
        for _job in range(4):
            run_id = manager.submit(faulty("none"), "visitor", attended=False)
            pids.append(manager.get(run_id).task.worker.pid)
            assert wait_terminal(manager, run_id).type == "done"
    finally:
        warm_executor._worker_jobs = 0
    assert pids[0] == pids[1] != pids[2] == pids[3]


def test_a_warm_worker_that_died_idle_is_not_used(make_manager, warm_executor):
    manager = make_manager()
    warm_executor._worker_jobs = 10
    try:
        first = manager.submit(faulty("none"), "visitor", attended=False)
        wait_terminal(manager, first)
        worker = warm_executor._idle[0][0]
        worker.kill()
        worker.exit_status()
        second = manager.submit(faulty("none"), "visitor", attended=False)
        assert wait_terminal(manager, second).type == "done"
    finally:
        warm_executor._worker_jobs = 0


def test_workers_do_not_run_the_parents_main(make_manager, tmp_path):
    """What Streamlit's page script would suffer: a `__main__` with side effects."""
    marker = tmp_path / "marker"
    script = tmp_path / "script.py"
    script.write_text(
        f"open({str(marker)!r}, 'a').write('x')\n"
        "import time\n"
        "from engine.jobs.job import JobSpec\n"
        "from engine.jobs.local import LocalExecutor\n"
        "from engine.jobs.manager import JobManager\n"
        "from engine.settings import settings\n"
        "manager = JobManager(LocalExecutor(settings()), settings())\n"
        "manager.open()\n"
        "run = manager.submit(JobSpec.checked('faulty', {}), 'me', attended=False)\n"
        "while manager.get(run).log.terminal is None: time.sleep(0.01)\n"
        "print(manager.get(run).log.terminal.type)\n"
        "manager.close()\n"
    )
    import subprocess
    import sys

    from engine import ROOT

    result = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.stdout.strip() == "done", result.stderr
    assert marker.read_text() == "x"


def test_weights_arrive_with_their_checksum(make_manager):
    import hashlib

    manager = make_manager()
    job = JobSpec.checked("regression", {"epochs": 10}, device="cpu")
    run_id = manager.submit(job, "visitor", attended=False)
    wait_terminal(manager, run_id)
    artifacts = manager.get(run_id).log.history.artifacts
    [artifact] = [a for a in artifacts if a["name"] == "weights.safetensors"]
    payload = manager.get(run_id).artifacts[artifact["name"]]
    assert artifact["bytes"] == len(payload)
    assert artifact["sha256"] == hashlib.sha256(payload).hexdigest()
