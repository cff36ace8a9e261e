"""How soon a submitted run tells its first metric, and how soon a cancelled one has left.

`python -m engine bench latency`. JobManager and warm local executor in a process without torch,
as in the UI process, without HTTP or browser. *Submit* is timed from the call to the moment the
first metric stands in the run's log; *cancel* from the call to the moment the slot is free, both
for a run that obeys and for one whose step never returns and which has to be killed.
"""

from __future__ import annotations

import sys
import threading
import time

from engine.bench.child import LIMIT, OWNER, TOPIC, figures_of, tell, wait_idle, warm_manager
from engine.bench.figure import Figure, p95
from engine.jobs.job import JobSpec
from engine.jobs.manager import JobManager

STARTS = 60
HANGS = 30
SUBMIT_TARGET = 0.15
CANCEL_TARGET = 0.3
ENDLESS = 10**6
"""Epochs of a run that does not end by itself."""
PAUSE = 0.1
"""Seconds that a run is left alone before it is cancelled: by then a hanging one hangs."""


def measure() -> dict[str, Figure]:
    """Submit → first metric and cancel → idle."""
    return figures_of(__name__)


def main() -> None:
    with warm_manager() as manager:
        obedient = [one_run(manager, hang=False) for _ in range(STARTS)]
        hanging = [one_run(manager, hang=True) for _ in range(HANGS)]
    if "torch" in sys.modules:
        raise RuntimeError("expected a process without torch")
    cancel = "JobManager.control(cancel) → the slot is free, "
    tell(
        [
            p95(
                "submit → first metric",
                [first for first, _ in obedient],
                "s",
                SUBMIT_TARGET,
                "JobManager.submit → the first metric is in the run's log, warm executor.",
            ),
            p95(
                "cancel → idle, obedient run",
                [idle for _, idle in obedient],
                "s",
                CANCEL_TARGET,
                cancel + "9-8-4-1 net training at full speed.",
            ),
            p95(
                "cancel → idle, hanging run",
                [idle for _, idle in hanging],
                "s",
                CANCEL_TARGET,
                cancel + "a step that never returns; the worker is killed.",
            ),
        ]
    )


def one_run(manager: JobManager, *, hang: bool) -> tuple[float, float]:
    """Seconds from submit to the first metric, and from cancel to a free slot."""
    job = JobSpec.checked(TOPIC, {"epochs": ENDLESS, "hang": hang}, device="cpu")
    submitted = time.perf_counter()
    run_id = manager.submit(job, OWNER, attended=False)
    first = first_metric(manager, run_id) - submitted
    time.sleep(PAUSE)
    cancelled = time.perf_counter()
    manager.control(run_id, {"type": "cancel"})
    wait_idle(manager, look_every=0.001)
    return first, time.perf_counter() - cancelled


def first_metric(manager: JobManager, run_id: str) -> float:
    """The moment (`perf_counter`) at which the first metric was in the log."""
    moments: list[float] = []
    arrived = threading.Event()

    def look() -> None:
        if not moments and any(e.type == "metric" for e in manager.events(run_id)):
            moments.append(time.perf_counter())
            arrived.set()

    stop = manager.listen(run_id, look)
    look()  # it may have come before anybody listened
    if not arrived.wait(LIMIT):
        raise RuntimeError("no metric has arrived")
    stop()
    return moments[0]


if __name__ == "__main__":
    main()
