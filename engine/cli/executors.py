"""Where `run` trains: in this process, or in a worker as the service has them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from math import inf
from queue import SimpleQueue
from types import FrameType

import click

from engine.errors import Conflict
from engine.events import Event
from engine.jobs.inline import InlineExecutor
from engine.jobs.local import LocalExecutor
from engine.jobs.manager import JobManager
from engine.jobs.run import Executor
from engine.settings import settings
from engine.words import _

NAMES = ("inline", "local", "ray")
OWNER = "command-line"


@contextmanager
def manager_on(name: str) -> Iterator[JobManager]:
    """An open `JobManager` on the executor `name`.

    `inline` has no deadline and no memory limit: whoever sits at the terminal has Ctrl-C.

    Raises
    ------
    click.UsageError
        When there is no such executor here.
    """
    limits = settings()
    executor: Executor
    if name == "ray":
        raise click.UsageError(
            _("The executor 'ray' is not part of this version. Use 'inline' or 'local'.")
        )
    if name == "inline":
        import_module("engine.jobs.perform")  # here, where an ImportError is seen
        limits = limits.model_copy(update={"deadline": inf})
        executor = InlineExecutor()
    else:
        executor = LocalExecutor(limits)
    manager = JobManager(executor, limits)
    manager.open()
    try:
        yield manager
    finally:
        manager.close()


def follow(manager: JobManager, run_id: str) -> Iterator[Event]:
    """The events of a run as they happen, until the terminal one.

    Ctrl-C asks the run to end; a second one raises `KeyboardInterrupt`.
    """
    # A SimpleQueue may be filled by a signal handler; locks and conditions may not.
    wakes: SimpleQueue[bool] = SimpleQueue()
    stop_listening = manager.listen(run_id, lambda: wakes.put(False))
    wakes.put(False)  # for what happened before
    seen = 0
    try:
        with interrupts_into(wakes):
            while True:
                if wakes.get():
                    with suppress(Conflict):  # it has just ended
                        manager.control(run_id, {"type": "cancel"})
                for event in manager.events(run_id, after=seen):
                    seen = event.seq
                    yield event
                    if event.terminal:
                        return
    finally:
        stop_listening()


@contextmanager
def interrupts_into(wakes: SimpleQueue[bool]) -> Iterator[None]:
    """Put True into `wakes` at the first Ctrl-C; leave the second to Python."""

    def note(_signal: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        wakes.put(True)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
