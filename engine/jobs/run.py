"""One run in memory, and what the JobManager asks of executors and archives."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from engine.config import Config
from engine.history import History
from engine.jobs.job import JobSpec
from engine.jobs.log import RunLog
from engine.jobs.sink import TaskSink

State = Literal["queued", "running", "paused", "done", "failed", "cancelled", "timeout", "lost"]


class Task(Protocol):
    """A started job, as an executor gives it. Neither method blocks or raises."""

    def send(self, message: Mapping[str, Any]) -> None:
        """Pass a control message on; lost when the worker has ended or does not read."""

    def kill(self) -> None:
        """End the worker now; nothing happens when the job has left it."""


class Executor(Protocol):
    """Where jobs run."""

    slots: int
    on_ready: Callable[[], None]

    @property
    def ready(self) -> bool: ...

    @property
    def broken(self) -> bool: ...

    def open(self) -> None: ...

    def close(self) -> None: ...

    def start(self, job: JobSpec, sink: TaskSink) -> Task:
        """Begin a job; `sink.ended` is called once, whatever happens.

        Raises
        ------
        Unavailable
            While nothing can be started; the job waits and is tried again.
        """


class Archive(Protocol):
    """What keeps finished runs (the run store)."""

    def begin(self, run_id: str, topic: str, owner: str) -> None: ...

    def keep(self, history: History, owner: str, artifacts: Mapping[str, bytes]) -> None: ...


@dataclass
class Run:
    """One run in this process's memory.

    Attributes
    ----------
    attended
        Whether it ends some time after its owner's browser has gone.
    ending
        The terminal type to report if the worker goes without a word.
    private
        Trained on the visitor's own data: kept in memory only, until it is shared.
    """

    id: str
    job: JobSpec
    config: Config
    owner: str
    attended: bool
    log: RunLog
    address: str = ""
    state: State = "queued"
    task: Task | None = None
    deadline: float = float("inf")
    kill_at: float = float("inf")
    last_seen: float = field(default_factory=time.monotonic)
    ending: str = ""
    rank: int = 0
    artifacts: dict[str, bytes] = field(default_factory=dict)
    private: bool = False
    created: float = field(default_factory=time.time)
    stored: Future[None] | None = None

    @property
    def active(self) -> bool:
        return self.state in ("queued", "running", "paused")
