"""The parts that pages and HTTP routes share: one of each per process, made by `app.py`."""

from __future__ import annotations

import gc
import logging
import threading
import time
from contextlib import suppress

from engine.data import own as owned
from engine.errors import Forbidden, NotFound, Unavailable
from engine.history import History
from engine.jobs.inference import InferencePool
from engine.jobs.local import LocalExecutor
from engine.jobs.manager import JobManager
from engine.runs.bin import Bin
from engine.runs.store import RunStore
from engine.settings import Settings, settings
from engine.words import _

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
        self.drawn_at = -float("inf")
        self._closed = threading.Event()

    def open(self) -> None:
        """Start warming up; returns at once."""
        self.store.mark_orphans_lost()
        self.manager.open()
        threading.Thread(target=self._sweep, daemon=True, name="sweep").start()

    def page_drawn(self) -> None:
        """Note that a visitor looks at a page now (`time.monotonic`): others leave time for it."""
        self.drawn_at = time.monotonic()

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

    def own_data(self, run_id: str, kind: str, asker: str) -> bytes:
        """The visitor's own data of this kind, packed, that a run was trained on.

        Raises
        ------
        NotFound
            When the asker may not see the run, or its data are not kept.
        """
        own = next((r for r in self.manager.runs_of(asker) if r.id == run_id), None)
        if own is not None and kind in own.job.attachments:
            return own.job.attached()[kind]
        try:
            return self.store.artifact(run_id, owned.file_of(kind), asker)
        except NotFound:
            text = _("The data that this run was trained on are not here any more.")
            raise NotFound(text) from None

    def history(self, run_id: str, asker: str) -> History:
        """The record of a run that the asker may see; it may still be growing.

        Raises
        ------
        NotFound
            When the asker may not see it.
        """
        own = next((r for r in self.manager.runs_of(asker) if r.id == run_id), None)
        return own.log.history if own is not None else self.store.history(run_id, asker)

    def check_own(self, run_id: str, asker: str) -> None:
        """Make sure that a run is the asker's own; to see it is not enough.

        Raises
        ------
        NotFound, Forbidden
            When the asker may not see it; when it is somebody else's shared run.
        """
        if any(run.id == run_id for run in self.manager.runs_of(asker)):
            return
        if not self.store.summary(run_id, asker).owned:
            raise Forbidden(_("Only the visitor who made this run can do this."))

    def throw_away(self, run_id: str, asker: str) -> None:
        """Put a run of the asker's into the bin; its link stops working at once.

        Raises
        ------
        NotFound, Forbidden
            As `check_own`.
        """
        self.check_own(run_id, asker)
        shared = False
        with suppress(NotFound):  # a private one is not in the store
            shared = self.store.summary(run_id, asker).shared
            self.store.revoke(run_id, asker)
        self.bin.put(run_id, asker, shared=shared)

    def take_back(self, run_id: str, asker: str) -> bool:
        """Have a run back from the bin, shared as it was; False if it is gone for good."""
        thrown = self.bin.take_back(run_id, asker)
        if thrown is not None and thrown.shared:
            self.store.share(run_id, asker)
        return thrown is not None

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
