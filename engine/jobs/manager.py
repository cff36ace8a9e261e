"""The JobManager: admission, limits and the log of every run. One per process, thread-safe.

A run is queued, running (perhaps paused) and ends in exactly one terminal event. Whatever happens
to its worker, its slot is free within a second.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from limits import RateLimitItemPerMinute, storage, strategies

from engine.data import own
from engine.errors import (
    Conflict,
    GalleryError,
    InvalidValue,
    NotFound,
    Rejected,
    StorageFull,
    Unavailable,
)
from engine.events import Event
from engine.history import History
from engine.jobs.forking import SNAPSHOT, checked_edits
from engine.jobs.job import JobSpec, new_run_id, versions
from engine.jobs.log import RunLog, Wake
from engine.jobs.run import Archive, Executor, Run
from engine.settings import Settings
from engine.topics import topic
from engine.words import _

log = logging.getLogger(__name__)

CONTROLS = ("pause", "resume", "step", "cancel", "set", "edit")

KILL_AFTER = 0.15
"""Seconds a worker has to obey a cancel before it is killed."""
TICK = 0.05
ENDED_IN_MEMORY = 12
"""Ended runs whose events stay at hand; older ones are read from the archive."""
PRIVATE_IN_MEMORY = 60
"""The same for runs on visitors' own data, which the archive does not hold …"""
PRIVATE_PER_OWNER = 6
"""… and of one visitor's."""
PRIVATE_BYTES = 256 * 2**20
"""Of own data, weights and snapshots that these hold; several runs on the same data share it."""
UNATTENDED_PER_ADDRESS = 4


class JobManager:
    """Admits jobs, runs them on an executor and keeps their logs.

    Parameters
    ----------
    executor
        Where jobs run.
    settings
        Limits.
    archive
        Keeps finished runs; None keeps them in memory only.
    """

    def __init__(
        self, executor: Executor, settings: Settings, archive: Archive | None = None
    ) -> None:
        self.executor = executor
        self.settings = settings
        self._archive = archive
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._queue: deque[Run] = deque()
        self._running: dict[str, Run] = {}
        self._present: Counter[str] = Counter()
        self._closed = False
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="archive")
        self._limit = RateLimitItemPerMinute(settings.jobs_per_minute)
        self._limiter = strategies.MovingWindowRateLimiter(storage.MemoryStorage())

    # Life ------------------------------------------------------------------------------------

    def open(self) -> None:
        """Start the executor and the watch."""
        self.executor.on_ready = self._on_executor_ready
        self.executor.open()
        threading.Thread(target=self._watch, daemon=True, name="job-watch").start()

    def close(self) -> None:
        """End all runs and the executor; what is finished is written out."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            active = [r for r in self._runs.values() if r.active]
            self._changed.notify_all()
        for run in active:
            if run.task is not None:
                run.task.kill()
            self.finish(run, Event("cancelled", {}))
        self.executor.close()
        self._writer.shutdown(wait=True)

    @property
    def ready(self) -> bool:
        return self.executor.ready

    # What pages and routes ask -----------------------------------------------------------------

    def submit(self, job: JobSpec, owner: str, *, attended: bool = True, address: str = "") -> str:
        """Admit a job; a visitor's new job replaces their old one. Returns the run id.

        Raises
        ------
        InvalidValue
            When the settings are not valid.
        Rejected
            When the queue is full or the address starts too many jobs.
        """
        if self._closed or self.executor.broken:
            raise Unavailable(_("No runs can be started at present. Try again later."))
        config = job.parsed()
        history = History(new_run_id(), job.topic, config.model_dump(), versions(), fork=job.fork)
        run = Run(history.run, job, config, owner, attended, RunLog(history), address)
        run.private = bool(own.attached(job.attachments))
        self._check_address(run)
        with self._lock:
            self._check_room(run)
            self._replace(owner)
            self._runs[run.id] = run
            self._forget_old()
            self._queue.append(run)
            if self._archive is not None and not run.private:
                self._writer.submit(_quietly, self._archive.begin, run.id, job.topic, owner)
            self._dispatch()
            self._changed.notify_all()
        return run.id

    def wait_begun(self, run_id: str, seconds: float) -> bool:
        """Wait until a run has left the queue; False if it still waits after `seconds`."""
        with self._lock:
            run = self.get(run_id)
            return self._changed.wait_for(lambda: run.state != "queued", seconds)

    def get(self, run_id: str, owner: str | None = None) -> Run:
        """A run in memory; with `owner`, only if it is theirs.

        Raises
        ------
        NotFound
            For an unknown run and for somebody else's.
        """
        run = self._runs.get(run_id)
        if run is None or (owner is not None and run.owner != owner):
            raise NotFound(_("There is no such run, or it is not yours."))
        return run

    def events(self, run_id: str, after: int = 0) -> list[Event]:
        """Events of a run numbered above `after`."""
        return self.get(run_id).log.after(after)

    def listen(self, run_id: str, wake: Wake) -> Callable[[], None]:
        """Have `wake` called after each new event of a run; returns how to stop that."""
        return self.get(run_id).log.listen(wake)

    def control(self, run_id: str, message: Mapping[str, Any]) -> None:
        """Steer a run: `{"type": "pause" | "resume" | "step" | "cancel"}`,
        `{"type": "set", "values": {field: value}}` or `{"type": "edit", "values": {index: value}}`
        (weights of the first network, by index among its parameters).

        Raises
        ------
        NotFound, InvalidValue
            For an unknown run or control, an unknown or not live field, a value out of range.
        Conflict
            When the run has ended or has not begun.
        """
        kind = message.get("type")
        if kind not in CONTROLS:
            raise InvalidValue.of(
                "type", _("one of {choices}").format(choices=", ".join(CONTROLS)), kind
            )
        with self._lock:
            run = self.get(run_id)
            if not run.active:
                raise Conflict(_("This run has ended."))
            if kind == "cancel":
                self._end(run, "cancelled")
                return
            if run.task is None:
                raise Conflict(_("This run has not begun yet."))
            if kind == "set":
                wanted = message.get("values")
                if not isinstance(wanted, Mapping) or not wanted:
                    raise InvalidValue.of("values", _("settings and their new values"), wanted)
                run.config = run.config.live_change(wanted)
                values = {name: getattr(run.config, name) for name in wanted}
                message = {"type": "set", "values": values}
            elif kind == "edit":
                message = {"type": "edit", "values": self._edits(run, message.get("values"))}
            else:
                run.state = "running" if kind == "resume" else "paused"
            task = run.task
        task.send(message)

    @staticmethod
    def _edits(run: Run, wanted: Any) -> dict[str, float]:
        """The weights that a message sets, if they can be set in this run."""
        if not topic(run.job.topic).edits_weights(run.config):
            raise Conflict(
                _("Weights of this run cannot be set by hand: it has to be one network.")
            )
        return checked_edits(wanted, run.log.history.started.get("parameters"))

    def status(self, run_id: str) -> dict[str, Any]:
        """State, rank in the queue (from 1), settings and latest step of a run."""
        run = self.get(run_id)
        steps = run.log.history.metrics["step"]
        return {
            "run": run.id,
            "topic": run.job.topic,
            "state": run.state,
            "rank": run.rank if run.state == "queued" else None,
            "config": run.config.model_dump(),
            "step": steps[-1] if steps else None,
            "steps_total": run.log.history.started.get("steps_total"),
            "metrics": dict(run.log.history.final),
        }

    def counts(self) -> dict[str, int]:
        """Runs waiting and running, and slots."""
        with self._lock:
            return {
                "queued": len(self._queue),
                "running": len(self._running),
                "slots": self.executor.slots,
            }

    def active_run(self, owner: str) -> Run | None:
        """The run this visitor has waiting or running."""
        with self._lock:
            candidates = [*self._running.values(), *self._queue]
            return next((r for r in candidates if r.owner == owner and not r.ending), None)

    def wait_stored(self, run_id: str, seconds: float = 10.0) -> None:
        """Wait until a finished run has been written.

        Raises
        ------
        Conflict
            When the run has not ended.
        GalleryError
            What went wrong when it was written.
        """
        run = self._runs.get(run_id)
        if run is None:
            return
        if run.stored is None:
            raise Conflict(_("This run has not ended yet."))
        if run.stored.done() and isinstance(run.stored.exception(), StorageFull):
            run.stored = self._writer.submit(self._store, run)  # there may be room by now
        try:
            run.stored.result(seconds)
        except GalleryError:
            raise
        except Exception:
            text = _("This run could not be written yet. Try again shortly.")
            raise Unavailable(text) from None

    def publish(self, run_id: str) -> None:
        """Have a run written that is to be shared, its own data too, and wait until it is.

        Raises
        ------
        Conflict, GalleryError
            As `wait_stored`.
        """
        run = self._runs.get(run_id)
        if run is not None and run.private and not run.active and self._archive is not None:
            run.private = False
            payloads = run.job.attached()
            for kind in own.attached(payloads):
                run.artifacts[own.file_of(kind)] = payloads[kind]
            self._writer.submit(_quietly, self._archive.begin, run.id, run.job.topic, run.owner)
            run.stored = self._writer.submit(self._store, run)
        self.wait_stored(run_id)

    def runs_of(self, owner: str) -> list[Run]:
        """A visitor's runs in memory, newest first."""
        with self._lock:
            return [run for run in reversed(self._runs.values()) if run.owner == owner]

    def wait_ended(self, run_id: str, seconds: float) -> bool:
        """Wait until a run has ended; False if it still trains after `seconds`."""
        with self._lock:
            run = self.get(run_id)
            return self._changed.wait_for(lambda: not run.active, seconds)

    def forget(self, owner: str, run_id: str | None = None, seconds: float = 10.0) -> None:
        """End a visitor's runs, or only one of them, and drop them from memory.

        Returns when nothing of them will be written any more (at most after `seconds`), so that
        the run store can then delete what it has of them.
        """
        with self._lock:
            runs = [r for r in self._runs.values() if r.owner == owner and run_id in (None, r.id)]
            for run in runs:
                if run.active:
                    self._end(run, "cancelled")
            self._changed.wait_for(lambda: not any(r.active for r in runs), seconds)
            for run in runs:
                self._runs.pop(run.id, None)
        wait([run.stored for run in runs if run.stored is not None], seconds)

    # Presence ----------------------------------------------------------------------------------

    def arrive(self, owner: str) -> None:
        """A browser tab (or event stream) of this visitor is there."""
        with self._lock:
            self._present[owner] += 1

    def depart(self, owner: str) -> None:
        """It is gone; after the grace, if none is back, the visitor's jobs end."""
        with self._lock:
            self._present[owner] -= 1
            if self._present[owner] <= 0:
                del self._present[owner]
            now = time.monotonic()
            for run in self._runs.values():
                if run.owner == owner and run.active:
                    run.last_seen = now

    # Admission ---------------------------------------------------------------------------------

    def _check_address(self, run: Run) -> None:
        """One address may not flood, and programs from it may not fill the places."""
        if not run.address:
            return
        if not self._limiter.hit(self._limit, run.address):
            text = _(
                "Too many runs were started from here (at most {limit} a minute). Wait a little."
            )
            limit = self.settings.jobs_per_minute
            raise Rejected(text.format(limit=limit), retry_after=5.0)
        with self._lock:
            others = [r for r in self._runs.values() if r.active and not r.attended]
        busy = sum(r.address == run.address and r.owner != run.owner for r in others)
        if not run.attended and busy >= UNATTENDED_PER_ADDRESS:
            text = _(
                "Programs may have {limit} runs at a time from one address. Let one end first."
            )
            raise Rejected(text.format(limit=UNATTENDED_PER_ADDRESS), retry_after=10.0)

    def _check_room(self, run: Run) -> None:
        """Whether the queue has a place, the visitor's own old run not counted."""
        waiting = sum(r.owner != run.owner for r in self._queue)
        if waiting >= self.settings.queue + self._free_slots():
            text = _("All places are taken ({waiting} runs are waiting). Try again shortly.")
            raise Rejected(text.format(waiting=waiting), retry_after=10.0)

    # Inside: called with the lock held, but for `finish`, `left` and the watch -------------------

    def _free_slots(self) -> int:
        return max(0, self.executor.slots - len(self._running)) if self.executor.ready else 0

    def _on_executor_ready(self) -> None:
        with self._lock:
            self._dispatch()

    def _replace(self, owner: str) -> None:
        for run in [r for r in self._runs.values() if r.owner == owner and r.active]:
            self._end(run, "cancelled")

    def _dispatch(self) -> None:
        """Start what may start, then tell the others their rank. Called with the lock held."""
        for run in list(self._queue):
            if self._free_slots() == 0:
                break
            if any(r.owner == run.owner for r in self._running.values()):
                continue  # their old run is still leaving
            self._queue.remove(run)
            if not self._start(run):
                break
        for rank, run in enumerate(self._queue, start=1):
            if run.rank != rank:
                run.rank = rank
                run.log.append(Event("queued", {"rank": rank}))

    def _start(self, run: Run) -> bool:
        """Hand a run to the executor; back into the queue if it is not ready after all."""
        run.state = "paused" if run.job.paused else "running"
        run.deadline = time.monotonic() + self.settings.deadline
        self._running[run.id] = run
        try:
            run.task = self.executor.start(run.job, _RunSink(self, run))
        except Unavailable:
            del self._running[run.id]
            run.state, run.deadline = "queued", float("inf")
            self._queue.appendleft(run)
            return False
        except Exception:
            log.exception("a run could not be started")
            del self._running[run.id]
            message = _("The run could not be started. The server's log says why.")
            self.finish(run, Event("failed", {"message": message}))
        self._changed.notify_all()
        return True

    def _end(self, run: Run, ending: str) -> None:
        """Ask a run to end; a worker that does not obey is killed soon after."""
        if run.state == "queued":
            self._queue.remove(run)
            self.finish(run, Event(ending, {}))
            self._dispatch()
        elif not run.ending and run.task is not None:
            run.ending = ending
            run.kill_at = time.monotonic() + KILL_AFTER
            run.task.send({"type": "cancel"})
            self._changed.notify_all()

    def finish(self, run: Run, event: Event) -> None:
        """Record the terminal event, once, and have the run written."""
        if event.type in ("cancelled", "failed", "lost") and run.ending:
            data = {"message": self._timeout_text()} if run.ending == "timeout" else {}
            event = Event(run.ending, data, event.step, event.time)
        with self._lock:
            if not run.active:
                return
            run.state = event.type  # type: ignore[assignment]
            run.log.history.config = run.config.model_dump()
            run.job.attachments.pop(SNAPSHOT, None)  # it has gone on from there
            run.log.append(event)
            run.stored = self._writer.submit(self._store, run)
            self._changed.notify_all()

    def _store(self, run: Run) -> None:
        if self._archive is None or run.private:
            return
        try:
            self._archive.keep(run.log.history, run.owner, run.artifacts)
        except Exception:
            log.exception("run %s could not be written", run.id)
            raise
        run.artifacts.clear()

    def _timeout_text(self) -> str:
        return _("Stopped after {seconds:g} seconds, the longest a run may take here.").format(
            seconds=self.settings.deadline
        )

    def left(self, run: Run, reason: str | None) -> None:
        """The worker has left its slot; `reason` explains a missing terminal event."""
        kind = "failed" if reason else "lost"
        self.finish(run, Event(kind, {"message": reason or _("The worker was lost. Train again.")}))
        with self._lock:
            self._running.pop(run.id, None)
            if not self._closed:
                self._dispatch()

    def _forget_old(self) -> None:
        ended = [r for r in self._runs.values() if r.stored is not None and r.stored.done()]
        private = [run for run in ended if run.private]
        for owner in {run.owner for run in private}:
            self._keep_last([r for r in private if r.owner == owner], PRIVATE_PER_OWNER)
        held = [r for r in private if r.id in self._runs]
        self._keep_last(held, min(PRIVATE_IN_MEMORY, _within(held, PRIVATE_BYTES)))
        self._keep_last([r for r in ended if not r.private], ENDED_IN_MEMORY)

    def _keep_last(self, runs: list[Run], limit: int) -> None:
        for run in runs[: max(0, len(runs) - limit)]:
            del self._runs[run.id]

    def _watch(self) -> None:
        """Deadlines, disobedient workers, absent visitors, and starts to be tried again."""
        while not self._closed:
            try:
                self._look()
            except Exception:
                log.exception("one round of the watch over the jobs failed")
            time.sleep(TICK)

    def _look(self) -> None:
        """One round of the watch; waits while there is nothing to watch."""
        with self._lock:
            while not (self._running or self._queue or self._closed):
                self._changed.wait()
            if self.executor.broken:
                self._give_up()
            elif self._queue and self._free_slots():
                self._dispatch()
            now = time.monotonic()
            overdue = [r for r in self._running.values() if now >= r.kill_at]
            self._end_overdue(now)
        for run in overdue:
            run.kill_at = float("inf")
            if run.task is not None:
                run.task.kill()

    def _give_up(self) -> None:
        """The executor will never start: nobody is to wait for it."""
        message = _("The trainer could not be started. The server's log says why.")
        for run in list(self._queue):
            self._queue.remove(run)
            self.finish(run, Event("failed", {"message": message}))

    def _end_overdue(self, now: float) -> None:
        for run in [*self._running.values(), *self._queue]:
            absent = run.attended and not self._present[run.owner]
            if now >= run.deadline:
                self._end(run, "timeout")
            elif absent and now - run.last_seen >= self.settings.owner_grace:
                self._end(run, "cancelled")


class _RunSink:
    """Puts what a worker sends into its run."""

    def __init__(self, manager: JobManager, run: Run) -> None:
        self.manager = manager
        self.run = run

    def event(self, event: Event) -> None:
        if event.terminal:
            self.manager.finish(self.run, event)
        else:
            self.run.log.append(event)

    def artifact(self, name: str, payload: bytes) -> None:
        self.run.artifacts[name] = payload

    def frames(self, frames: list[dict[str, Any]]) -> None:
        self.run.log.history.keep_frames(frames)

    def ended(self, reason: str | None) -> None:
        self.manager.left(self.run, reason)


def _within(runs: list[Run], most: int) -> int:
    """How many of the last runs hold at most so many bytes of data, weights and snapshots.

    What several runs share counts once.
    """
    seen: set[int] = set()
    size = 0
    for count, run in enumerate(reversed(runs)):
        for text in (*run.job.attachments.values(), *run.artifacts.values()):
            size += 0 if id(text) in seen else len(text)
            seen.add(id(text))
        if size > most:
            return count
    return len(runs)


def _quietly(action: Callable[..., None], *arguments: Any) -> None:
    """Log what goes wrong instead of raising it: the run itself must not suffer."""
    try:
        action(*arguments)
    except GalleryError as error:
        log.warning("%s", error.message)
    except Exception:
        log.exception("the archive failed")
