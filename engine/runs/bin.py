"""The bin: runs that a visitor deleted, and may still want back."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from engine.errors import GalleryError

log = logging.getLogger(__name__)

KEPT_SECONDS = 300.0


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
        self._runs: dict[str, tuple[str, float]] = {}

    def put(self, run_id: str, owner: str) -> None:
        """Throw a run away; the store still has it."""
        with self._lock:
            self._runs[run_id] = (owner, time.monotonic() + KEPT_SECONDS)

    def take_back(self, run_id: str, owner: str) -> bool:
        """Whether the run was still here, and is not thrown away any more."""
        with self._lock:
            found = self._runs.get(run_id)
            if found is None or found[0] != owner:
                return False
            del self._runs[run_id]
            return True

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._runs

    def sweep(self, *, everything: bool = False) -> int:
        """Delete what has lain here long enough; returns the number of runs."""
        now = time.monotonic()
        with self._lock:
            due = {r: o for r, (o, end) in self._runs.items() if everything or end <= now}
            for run_id in due:
                del self._runs[run_id]
        for run_id, owner in due.items():
            try:
                self._delete(run_id, owner)
            except GalleryError as error:  # it has expired meanwhile
                log.info("%s", error.message)
        return len(due)
