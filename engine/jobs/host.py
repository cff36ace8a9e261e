"""The fork server: a small process of our own that holds torch warm and forks workers from it.

Why not `multiprocessing`'s: its children import the parent's `__main__`, which under Streamlit
is the page script. This host is told nothing of `__main__`; a worker is there in some 30 ms.
It starts no threads (Arrow's allocator has one, which survives a fork) and never touches CUDA, so
that forking is safe.

A worker shares all memory with the host that neither writes to. So what every job needs is done
here once: imports, and a short training of each topic, after which PyTorch's code is mapped and
its caches are filled. A worker that trains a small network then has 17 MB of its own instead of 36.

Protocol, one JSON line each way over a Unix socket. The UI sends `{"id", "role",
"memory"}` with one file descriptor (the worker's connection), waits for the reply
`{"forked": id, "pid"}`, and is told `{"exit": id, "status"}` when a worker has ended.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from multiprocessing.connection import Connection

log = logging.getLogger(__name__)

MAX_REQUEST = 4096
WARM_UP = 1.0
"""Seconds that a topic is trained for at most before the host is ready."""


def preload() -> int:
    """Import and use what workers need; returns the number of CUDA devices (by NVML)."""
    import captum.attr  # noqa: F401 - the first explanation would wait half a second for it
    import torch
    import torch._dynamo  # the first optimiser would import it, in every worker

    from engine import topics
    from engine.jobs import predictor, worker  # noqa: F401

    for name in topics.topics():
        topics.recipe(name)
    devices = int(torch.cuda.device_count())
    if safe_to_train(devices):
        for name in topics.topics():
            warm_up(name)
    gc.collect()
    gc.freeze()  # pages of the preloaded objects stay shared
    return devices


def safe_to_train(cuda_devices: int) -> bool:
    """Whether workers can be forked after training here.

    Not where there is CUDA: the first backward pass starts a thread for each device, which a fork
    loses. Nor on macOS, whose Accelerate library computes in threads that a fork loses as well.
    """
    return cuda_devices == 0 and sys.platform == "linux"


def warm_up(name: str) -> None:
    """Train a topic for a moment, as its workers will, in the settings that need no download.

    A topic that fails here is left to tell its visitors when they train it. PyTorch's own random
    numbers stay as they were, as workers begin with them.
    """
    import torch

    from engine import topics
    from engine.training.context import Context

    recipe, end = topics.recipe(name), time.monotonic() + WARM_UP
    try:
        config = recipe.debug_config()
        with torch.random.fork_rng(devices=[]), closing(recipe.run(config, Context(config))) as run:
            for _event in run:
                if time.monotonic() > end:
                    return
    except Exception:
        log.exception("the topic %s could not be warmed up", name)


class Host:
    """Forks workers on request and reaps them."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.children: dict[int, str] = {}
        self.wake_read, self.wake_write = socket.socketpair()
        self.wake_write.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wake_write.fileno(), warn_on_full_buffer=False)

    def say(self, **message: object) -> None:
        self.control.sendall(json.dumps(message).encode() + b"\n")

    def run(self) -> None:
        """Serve until the UI process closes its end."""
        while True:
            ready, _, _ = select.select([self.control, self.wake_read], [], [])
            if self.wake_read in ready:
                self.wake_read.recv(4096)
                self.reap()
            if self.control in ready:
                data, fds, _flags, _address = socket.recv_fds(self.control, MAX_REQUEST, 1)
                if not data:
                    return
                self.handle(json.loads(data), fds)

    def handle(self, request: dict[str, str], fds: list[int]) -> None:
        pid = self.fork(fds[0], request["role"], int(request["memory"]))
        self.children[pid] = request["id"]
        self.say(forked=request["id"], pid=pid)

    def fork(self, fd: int, role: str, memory: int) -> int:
        """Start a worker on the connection `fd`; returns its pid."""
        pid = os.fork()
        if pid:
            os.close(fd)
            return pid
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self.control.close()
            self.wake_read.close()
            self.wake_write.close()
            work(role)(Connection(fd), memory)
        except BaseException:
            traceback.print_exc()  # to the server's log
        finally:
            os._exit(1)

    def reap(self) -> None:
        """Report every worker that has ended."""
        while self.children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self.say(exit=self.children.pop(pid), status=os.waitstatus_to_exitcode(status))

    def kill_all(self) -> None:
        for pid in self.children:
            os.kill(pid, signal.SIGKILL)


def work(role: str) -> Callable[[Connection, int], None]:
    """The function that a worker of this role runs."""
    from engine.jobs.worker import predict_worker, train_worker

    return {"train": train_worker, "predict": predict_worker}[role]


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the UI process's affair
    host = Host(socket.socket(fileno=int(sys.argv[1])))
    host.say(ready=os.getpid(), cuda_devices=preload())
    try:
        host.run()
    except OSError:
        pass  # the UI process is gone
    finally:
        host.kill_all()


if __name__ == "__main__":
    main()
