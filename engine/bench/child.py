"""Benchmarks that need a process of their own: without torch, and with the benchmark topic."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engine import ROOT
from engine.bench.figure import Figure, by_name
from engine.events import dumps
from engine.jobs.local import LocalExecutor
from engine.jobs.manager import JobManager
from engine.settings import Settings

TOPICS = Path(__file__).parent / "topics"
TOPIC = "benchmark"
OWNER = "benchmark"
LIMIT = 300
"""Seconds after which a benchmark, or one run in it, is given up."""


def figures_of(module: str) -> dict[str, Figure]:
    """Run `python -m module`, which tells its figures, and return them by name."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("GALLERY_")}
    result = subprocess.run(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env={**inherited, "GALLERY_EXTRA_TOPICS": str(TOPICS)},
        stdout=subprocess.PIPE,
        timeout=LIMIT,
        check=True,
    )
    return by_name([_figure(line) for line in result.stdout.splitlines()])


def _figure(line: bytes) -> Figure:
    values = json.loads(line)
    del values["reached"]
    return Figure(**values)


def tell(figures: Iterable[Figure]) -> None:
    """Print one JSON object a figure."""
    for figure in figures:
        print(dumps(figure), flush=True)


@contextmanager
def warm_manager() -> Iterator[JobManager]:
    """A JobManager over a warm local executor."""
    settings = Settings()
    executor = LocalExecutor(settings)
    manager = JobManager(executor, settings)
    manager.open()
    try:
        if not executor.host.wait_ready(LIMIT):
            raise RuntimeError("the fork host did not become ready")
        yield manager
    finally:
        manager.close()


def wait_idle(manager: JobManager, look_every: float) -> None:
    """Return as soon as no run is waiting and all slots are free; seconds between two looks."""
    end = time.monotonic() + LIMIT
    while any(manager.counts()[state] for state in ("queued", "running")):
        if time.monotonic() > end:
            raise RuntimeError("the run did not end")
        time.sleep(look_every)
