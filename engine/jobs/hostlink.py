"""The UI process's side of the fork host: starts it, asks it for workers, starts it again."""

from __future__ import annotations

import itertools
import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection

from engine import ROOT
from engine.errors import Unavailable
from engine.jobs.wire import send_json
from engine.words import _

log = logging.getLogger(__name__)

REPLY_WAIT = 5.0
EXIT_WAIT = 1.0
RESTARTS = 5
"""Starts in a row that may fail before the host is given up."""


class WorkerProcess:
    """A forked worker: its connection, and a handle that can never hit another process."""

    def __init__(self, pid: int, connection: Connection) -> None:
        self.pid = pid
        self.connection = connection
        self._exited = threading.Event()
        self._status: int | None = None
        self._handle: int | None = None
        if hasattr(os, "pidfd_open"):
            with suppress(OSError):
                self._handle = os.pidfd_open(pid)

    def kill(self) -> None:
        """SIGKILL; nothing happens if it has ended."""
        with suppress(ProcessLookupError, OSError):
            if self._handle is not None:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            elif not hasattr(os, "pidfd_open"):
                os.kill(self.pid, signal.SIGKILL)

    def writable(self) -> bool:
        """Whether a small message can be sent without waiting for the worker to read."""
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLOUT)
        return bool(poll.poll(0))

    def dismiss(self) -> None:
        """Let an idle worker go."""
        with suppress(OSError, ValueError):
            send_json(self.connection, {"type": "exit"})
        self.close()

    def exited(self, status: int | None) -> None:
        self._status = status
        self._exited.set()

    def exit_status(self) -> int | None:
        """Wait a moment for the exit status (negative: a signal); None if nobody knows it."""
        self._exited.wait(EXIT_WAIT)
        return self._status

    def close(self) -> None:
        """Give back the connection and the handle."""
        self.connection.close()
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class HostLink:
    """Owns the host process. Thread-safe.

    Parameters
    ----------
    on_ready
        Called (from a thread) whenever the host has warmed up.
    """

    def __init__(self, on_ready: Callable[[], None] = lambda: None) -> None:
        self.cuda_devices = 0
        self.broken = False
        self._ready = threading.Event()
        self._on_ready = on_ready
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._forked: dict[str, int] = {}
        self._reply = threading.Event()
        self._workers: dict[str, WorkerProcess] = {}
        self._buried: dict[str, int | None] = {}  # ended before they were registered
        self._closed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    @property
    def ready(self) -> bool:
        return self._ready.is_set()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def wait_ready(self, seconds: float) -> bool:
        return self._ready.wait(seconds)

    def open(self) -> None:
        """Start the host and a thread that follows it; returns at once."""
        threading.Thread(target=self._live, daemon=True, name="fork-host").start()

    def close(self) -> None:
        """End the host and, with it, all its workers."""
        self._closed = True
        self._ready.clear()
        if self._socket is not None and self._process is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            try:
                self._process.wait(timeout=2)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def fork(self, role: str, memory: int = 0) -> WorkerProcess:
        """Start a worker with the role `"train"` or `"predict"`.

        Parameters
        ----------
        memory
            MB that it may allocate; 0 for no limit.

        Raises
        ------
        Unavailable
            While the host is not there (starting, or killed and starting again).
        """
        ours, theirs = socket.socketpair()
        name = f"{role}-{next(self._numbers)}"
        request = json.dumps({"id": name, "role": role, "memory": memory}).encode()
        with self._lock, theirs, ours:
            pid = self._ask(name, request, theirs)
            if pid is None:
                raise Unavailable(_("The trainer is warming up. Try again in a few seconds."))
            worker = self._workers[name] = WorkerProcess(pid, Connection(ours.detach()))
        if name in self._buried:
            self._bury(name, self._buried.pop(name))
        return worker

    def _ask(self, name: str, request: bytes, theirs: socket.socket) -> int | None:
        if not self.ready or self._socket is None:
            return None
        self._reply.clear()
        try:
            socket.send_fds(self._socket, [request], [theirs.fileno()])
        except OSError:
            return None
        self._reply.wait(REPLY_WAIT)
        return self._forked.pop(name, None)

    def _live(self) -> None:
        """Run the host, again and again, until closed or until it fails too often in a row."""
        failures = 0
        while not self._closed and failures < RESTARTS:
            try:
                self._start()
                was_ready = self._listen()
            except OSError:
                log.exception("the fork host could not be started")
                was_ready = False
            failures = 0 if was_ready else failures + 1
            if not self._closed:
                log.warning("the fork host has ended; starting it again")
                time.sleep(min(failures, 3))
        self.broken = not self._closed

    def _start(self) -> None:
        self._socket, theirs = socket.socketpair()
        command = [sys.executable, "-m", "engine.jobs.host", str(theirs.fileno())]
        env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        with theirs:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=env, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
            )

    def _listen(self) -> bool:
        """Follow the host until it ends; returns whether it had ever been ready."""
        assert self._socket is not None
        assert self._process is not None
        was_ready = False
        with self._socket.makefile("r") as lines, suppress(OSError):
            for line in lines:
                message = json.loads(line)
                if "ready" in message:
                    was_ready = True
                    self.cuda_devices = message["cuda_devices"]
                    self._ready.set()
                    # In a thread of its own: it may fork, and this one hears the reply.
                    threading.Thread(target=self._on_ready, daemon=True).start()
                elif "forked" in message:
                    self._forked[message["forked"]] = message["pid"]
                    self._reply.set()
                else:
                    self._bury(message["exit"], message["status"])
        self._ready.clear()
        self._reply.set()
        self._process.kill()
        self._process.wait()
        self._buried.clear()
        for name in list(self._workers):
            self._bury(name, None)
        return was_ready

    def _bury(self, name: str, status: int | None) -> None:
        worker = self._workers.pop(name, None)
        if worker is not None:
            worker.exited(status)
        else:
            self._buried[name] = status
