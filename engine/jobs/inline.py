"""The inline executor: the same jobs in threads of this process, for tests and small tools."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from engine.jobs.job import JobSpec
from engine.jobs.sink import TaskSink
from engine.training.context import Inbox


class InlineTask:
    """A job in a thread; it can be asked to end, not killed."""

    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox

    def send(self, message: Mapping[str, Any]) -> None:
        self.inbox.put(message)

    def kill(self) -> None:
        self.inbox.put({"type": "cancel"})


END_WAIT = 10.0
"""Seconds that closing waits for the threads of jobs that were asked to end."""


class InlineExecutor:
    """Runs each job in a thread. Imports torch at the first job."""

    ready = True
    broken = False

    def __init__(self, slots: int = 1) -> None:
        self.slots = slots
        self.on_ready: Callable[[], None] = lambda: None
        self._threads: list[threading.Thread] = []

    def open(self) -> None:
        self.on_ready()

    def close(self) -> None:
        """Wait for the threads: one that Python ends within torch takes the process along."""
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(END_WAIT)

    def start(self, job: JobSpec, sink: TaskSink) -> InlineTask:
        inbox = Inbox()
        thread = threading.Thread(target=self._work, args=(job, inbox, sink), daemon=True)
        self._threads = [*(t for t in self._threads if t.is_alive()), thread]
        thread.start()
        return InlineTask(inbox)

    @staticmethod
    def _work(job: JobSpec, inbox: Inbox, sink: TaskSink) -> None:
        try:
            from engine.jobs.perform import perform

            perform(job, inbox, sink)
        finally:
            sink.ended(None)
