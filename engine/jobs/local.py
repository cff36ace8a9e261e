"""The local executor: one process per job, forked from a warm host (on CUDA: warm workers).

Runs in the UI process and never imports torch.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from engine.jobs.hostlink import HostLink, WorkerProcess
from engine.jobs.job import JobSpec
from engine.jobs.sink import TaskSink
from engine.jobs.wire import IDLE, MESSAGE_LIMIT, deliver, send_json
from engine.settings import Settings
from engine.words import _

log = logging.getLogger(__name__)

CUDA_WORKER_JOBS = 50
"""Jobs of a warm CUDA worker before it is replaced (a context costs seconds)."""


class LocalTask:
    """A job in a worker, as the manager steers it.

    A warm worker serves the next job when this one is over: nothing sent late may reach that.
    """

    def __init__(self, worker: WorkerProcess) -> None:
        self.worker = worker
        self._over = False
        self._lock = threading.Lock()

    def send(self, message: Mapping[str, Any]) -> None:
        """Pass a control message on, unless the job is over or the worker does not read."""
        with self._lock, suppress(OSError, ValueError):
            if not self._over and self.worker.writable():
                send_json(self.worker.connection, message)

    def kill(self) -> None:
        with self._lock:
            if not self._over:
                self.worker.kill()

    def over(self) -> None:
        """The job has left its worker."""
        with self._lock:
            self._over = True


class LocalExecutor:
    """Forks a worker for each job, or keeps `slots` workers warm."""

    def __init__(self, settings: Settings) -> None:
        self.slots = settings.slots
        self.on_ready: Callable[[], None] = lambda: None
        self.host = HostLink(lambda: self.on_ready())
        self._memory = settings.memory
        self._worker_jobs = settings.worker_jobs
        self._idle: list[tuple[WorkerProcess, int]] = []
        self._lock = threading.Lock()

    @property
    def ready(self) -> bool:
        return self.host.ready

    @property
    def broken(self) -> bool:
        return self.host.broken

    def open(self) -> None:
        """Start warming up; `on_ready` is called when jobs can start."""
        self.host.open()

    def close(self) -> None:
        """End all workers."""
        self.host.close()

    def start(self, job: JobSpec, sink: TaskSink) -> LocalTask:
        """Run `job` in a worker; `sink` is called from a thread of this process.

        Raises
        ------
        Unavailable
            While the host is not there.
        """
        worker, served = self._take_idle()
        on_cuda = self.host.cuda_devices > 0 and job.device != "cpu"
        if worker is None:
            worker = self.host.fork("train", 0 if on_cuda else self._memory)
        task = LocalTask(worker)
        task.send({"type": "job", "job": asdict(job)})
        last = served + 1 >= (self._worker_jobs or (CUDA_WORKER_JOBS if on_cuda else 1))
        threading.Thread(
            target=self._follow, args=(task, sink, served + 1, last), daemon=True, name="job"
        ).start()
        return task

    def _take_idle(self) -> tuple[WorkerProcess | None, int]:
        """A warm worker that is still alive and how many jobs it has served, if there is one."""
        with self._lock:
            while self._idle:
                worker, served = self._idle.pop()
                if not worker.connection.poll(0):  # an idle worker says nothing unless it died
                    return worker, served
                worker.close()
        return None, 0

    def _follow(self, task: LocalTask, sink: TaskSink, served: int, last: bool) -> None:
        """Deliver one job's messages; then let the worker go, or keep it for the next job."""
        worker = task.worker
        try:
            while (message := worker.connection.recv_bytes(MESSAGE_LIMIT))[:1] != IDLE:
                deliver(message, sink)
        except (EOFError, OSError):
            reason = _explain(worker.exit_status())
        except Exception:
            log.exception("a worker's message could not be read")
            worker.kill()
            reason = _("The run sent something unreadable. It has been logged.")
        else:
            task.over()
            if last:
                worker.dismiss()
            else:
                with self._lock:
                    self._idle.append((worker, served))
            sink.ended(None)
            return
        task.over()
        worker.close()
        sink.ended(reason)


def _explain(status: int | None) -> str | None:
    """Why a worker ended without saying so; None if nobody knows."""
    if status is None:
        return None
    if status < 0:
        return _("The worker was killed (signal {signal}), perhaps for want of memory.").format(
            signal=-status
        )
    return _("The worker stopped unexpectedly (exit code {status}).").format(status=status)
