"""The log of one run: numbered events, its history, and whoever is listening. Thread-safe."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable

from engine.events import Event
from engine.history import History

Wake = Callable[[], None]

PASSING = ("frame", "progress")
"""Types of which only the latest event counts."""


class RunLog:
    """Appends events until the terminal one; readers ask for what came after a number.

    A frame is dropped from the log when a newer one arrives (the history keeps the log-spaced
    ones), so that a slow reader catches up instead of replaying every picture. So is progress.
    """

    def __init__(self, history: History) -> None:
        self.history = history
        self._events: list[Event] = []
        self._next = 1
        self._lock = threading.Lock()
        self._listeners: set[Wake] = set()
        self._latest: dict[str, int] = {}

    @property
    def terminal(self) -> Event | None:
        last = self._events[-1] if self._events else None
        return last if last is not None and last.terminal else None

    def append(self, event: Event) -> Event | None:
        """Number and record `event`; None (and nothing recorded) after the terminal one."""
        with self._lock:
            if self.terminal is not None:
                return None
            event = event.stamped(self.history.run, self._next)
            self._next += 1
            if event.type in PASSING:
                self._drop_superseded(event)
            self._events.append(event)
            self.history.append(event)
            listeners = tuple(self._listeners)
        for wake in listeners:
            wake()
        return event

    def _drop_superseded(self, event: Event) -> None:
        kind = event.data.get("kind", event.type)
        before = self._latest.get(kind)
        if before is not None:
            at = bisect_right(self._events, before, key=lambda e: e.seq) - 1
            del self._events[at]
        self._latest[kind] = event.seq

    def to_json(self) -> str:
        """The history so far, while events may still be arriving."""
        with self._lock:
            return self.history.to_json()

    def after(self, seq: int) -> list[Event]:
        """All events numbered above `seq` that are still in the log."""
        with self._lock:
            return self._events[bisect_right(self._events, seq, key=lambda e: e.seq) :]

    def listen(self, wake: Wake) -> Callable[[], None]:
        """Have `wake` called (from any thread) after each event; returns how to stop that."""
        with self._lock:
            self._listeners.add(wake)
        return lambda: self._listeners.discard(wake)
