"""Shared fixtures. Tests keep their runs in a temporary folder and never touch the network."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:  # each of them has a processor, not all
    os.environ.setdefault("OMP_NUM_THREADS", "1")
_TEMPORARY = tempfile.TemporaryDirectory(prefix="gallery-tests-")
os.environ["GALLERY_RUNS_DIR"] = str(Path(_TEMPORARY.name) / "runs")
os.environ["GALLERY_CACHE_DIR"] = str(Path(_TEMPORARY.name) / "cache")
os.environ["GALLERY_EXTRA_TOPICS"] = str(Path(__file__).parent / "topics")

import pytest  # noqa: E402
from browsing import browser, server, visitor  # noqa: E402, F401
from inline_pages import InlineService  # noqa: E402
from streamlit.testing.v1 import AppTest  # noqa: E402

from engine import service  # noqa: E402
from engine.events import Event  # noqa: E402
from engine.jobs.job import JobSpec  # noqa: E402
from engine.jobs.local import LocalExecutor  # noqa: E402
from engine.jobs.manager import JobManager  # noqa: E402
from engine.settings import Settings  # noqa: E402

WAIT = 30.0
"""Seconds after which a wait gives up and the test fails: a bound, not a measurement."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests share what they set up, and browsers the machine: no two work side by side."""
    for item in items:
        apart = "browser" if item.get_closest_marker("browser") else item.path.name
        item.add_marker(pytest.mark.xdist_group(apart))


def wait_for(condition: Callable[[], object], what: str, seconds: float = WAIT) -> None:
    """Return when `condition()` is true; fail with `what` if it never is."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"waited in vain for {what}")
        time.sleep(0.005)


def wait_terminal(manager: JobManager, run_id: str) -> Event:
    """The terminal event of a run, once it is there and its slot is free."""
    run = manager.get(run_id)
    wait_for(lambda: run.log.terminal, "the end of the run")
    wait_for(lambda: run_id not in manager._running, "the slot")
    assert run.log.terminal is not None
    return run.log.terminal


@pytest.fixture(scope="session")
def warm_executor() -> Iterator[LocalExecutor]:
    """One fork host for all tests; two slots."""
    executor = LocalExecutor(Settings(slots=2, memory=512))
    executor.open()
    assert executor.host.wait_ready(60)
    yield executor
    executor.close()


class Borrowed:
    """An executor that a manager may open and close without ending the shared host."""

    def __init__(self, executor: LocalExecutor) -> None:
        self._executor = executor
        self.slots = executor.slots
        self.start = executor.start

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
        if name == "on_ready":
            self._executor.on_ready = value  # type: ignore[assignment]

    @property
    def ready(self) -> bool:
        return self._executor.ready

    @property
    def broken(self) -> bool:
        return self._executor.broken

    def open(self) -> None:
        """It is open."""

    def close(self) -> None:
        """It stays open."""


@pytest.fixture
def make_manager(warm_executor: LocalExecutor) -> Iterator[Callable[..., JobManager]]:
    """Build JobManagers over the warm executor; `settings` override the defaults."""
    made: list[JobManager] = []

    def make(archive: object = None, **settings: object) -> JobManager:
        manager = JobManager(Borrowed(warm_executor), Settings(**settings), archive)  # type: ignore[arg-type]
        manager.open()
        made.append(manager)
        return manager

    yield make
    for manager in made:
        manager.close()


def faulty(fault: str = "none", **values: object) -> JobSpec:
    """A job of the faulty topic."""
    return JobSpec.checked("faulty", {"fault": fault, **values}, device="cpu")


@pytest.fixture
def running(tmp_path):
    yield service.start(InlineService(tmp_path))
    service.stop()


@pytest.fixture
def page(running):
    def open_page(**query):
        test = AppTest.from_string(
            "from pages._frame.page import show\nshow('regression')\n", default_timeout=30
        )
        test.query_params.update(query)
        return test.run()

    return open_page
