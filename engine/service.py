"""The parts that pages and HTTP routes share: one of each per process, made by `app.py`."""

from __future__ import annotations

import gc
import logging
import threading

from engine.errors import NotFound, Unavailable
from engine.history import History
from engine.jobs.inference import InferencePool
from engine.jobs.local import LocalExecutor
from engine.jobs.manager import JobManager
from engine.runs.bin import Bin
from engine.runs.store import RunStore
from engine.settings import Settings, settings

log = logging.getLogger(__name__)

SWEEP_INTERVAL = 60.0
"""Seconds between two clean-ups of the run store and of this process's memory."""


class Service:
    """JobManager, run store and predictors, opened and closed together."""

    def __init__(self, configuration: Settings) -> None:
        self.settings = configuration
        self.store = RunStore(configuration)
        executor = LocalExecutor(configuration)
        self.manager = JobManager(executor, configuration, self.store)
        self.predictors = InferencePool(executor.host, configuration)
        self.bin = Bin(self.delete_run)
        self._closed = threading.Event()

    def open(self) -> None:
        """Start warming up; returns at once."""
        self.store.mark_orphans_lost()
        self.manager.open()
        threading.Thread(target=self._sweep, daemon=True, name="sweep").start()

    def artifact(self, run_id: str, name: str, asker: str) -> bytes:
        """A file of an ended run that the asker may see, from memory or from the store.

        Raises
        ------
        NotFound
            When the asker may not see the run, or it left nothing of this name.
        """
        own = next((r for r in self.manager.runs_of(asker) if r.id == run_id), None)
        held = own.artifacts.get(name) if own is not None else None
        return held or self.store.artifact(run_id, name, asker)

    def history(self, run_id: str, asker: str) -> History:
        """The record of a run that the asker may see; it may still be growing.

        Raises
        ------
        NotFound
            When the asker may not see it.
        """
        own = next((r for r in self.manager.runs_of(asker) if r.id == run_id), None)
        return own.log.history if own is not None else self.store.history(run_id, asker)

    def delete_run(self, run_id: str, owner: str) -> None:
        """Remove a run for good, from memory and from the store.

        Raises
        ------
        NotFound
            When there is no such run of this owner.
        """
        held = any(run.id == run_id for run in self.manager.runs_of(owner))
        self.manager.forget(owner, run_id)
        try:
            self.store.delete(run_id, owner)
        except NotFound:
            if not held:
                raise

    def close(self) -> None:
        """End all runs, write what is finished, let workers go."""
        self._closed.set()
        self.bin.sweep(everything=True)
        self.manager.close()
        self.predictors.close()
        self.store.close()

    def _sweep(self) -> None:
        while not self._closed.wait(SWEEP_INTERVAL):
            try:
                self.bin.sweep()
                self.store.sweep()
            except Exception:
                log.exception("the sweep of the run store failed")
            gc.collect()  # instead of one after every script run: `runner.postScriptGC` is off


_current: Service | None = None


def start(service: Service | None = None) -> Service:
    """Open the process's service (by default one with the settings of the environment)."""
    global _current
    _current = service or Service(settings())
    _current.open()
    return _current


def stop() -> None:
    """Close the process's service."""
    global _current
    if _current is not None:
        _current.close()
        _current = None


def current() -> Service:
    """The process's service.

    Raises
    ------
    Unavailable
        Before `start` and after `stop`.
    """
    if _current is None:
        raise Unavailable("The service has not been started: run `streamlit run app.py`.")
    return _current
