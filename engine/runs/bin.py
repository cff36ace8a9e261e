"""The bin: runs that a visitor deleted, and may still want back."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import GalleryError

log = logging.getLogger(__name__)

KEPT_SECONDS = 300.0


@dataclass(frozen=True)
class Thrown:
    """A run in the bin: whose, until when (monotonic seconds), and whether it was shared."""

    owner: str
    until: float
    shared: bool


class Bin:
    """Deletes a run for good once it has lain here for `KEPT_SECONDS`. Thread-safe.

    Parameters
    ----------
    delete
        Called with run and owner when the time is over.
    """

    def __init__(self, delete: Callable[[str, str], None]) -> None:
        self._delete = delete
        self._lock = threading.Lock()
        self._runs: dict[str, Thrown] = {}

    def put(self, run_id: str, owner: str, *, shared: bool = False) -> None:
        """Throw a run of `owner` away; the store still has it, and whether it was `shared`."""
        with self._lock:
            self._runs[run_id] = Thrown(owner, time.monotonic() + KEPT_SECONDS, shared)

    def take_back(self, run_id: str, owner: str) -> Thrown | None:
        """The run if it was still here; it is not thrown away any more."""
        with self._lock:
            found = self._runs.get(run_id)
            if found is None or found.owner != owner:
                return None
            return self._runs.pop(run_id)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._runs

    def sweep(self, *, everything: bool = False) -> int:
        """Delete what has lain here long enough; returns the number of runs."""
        now = time.monotonic()
        with self._lock:
            due = {r: t.owner for r, t in self._runs.items() if everything or t.until <= now}
            for run_id in due:
                del self._runs[run_id]
        for run_id, owner in due.items():
            try:
                self._delete(run_id, owner)
            except GalleryError as error:  # it has expired meanwhile
                log.info("%s", error.message)
        return len(due)
