"""The child side of the fork: carries out jobs, or answers predictions, for one connection."""

from __future__ import annotations

import gc
import os
import queue
import resource
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from engine.events import Event
from engine.jobs.job import JobSpec
from engine.jobs.perform import perform
from engine.jobs.wire import WireSink, receive_json
from engine.training.context import Inbox

MEMORY_INTERVAL = 1.0
"""Seconds between two readings of the worker's memory; each takes some 10 ms."""
MEMORY_FIRST = 0.25
"""Seconds before the first one: a quick run is not held up."""


class WorkerSink(WireSink):
    """Adds the worker's private memory (`memory`, MB) to a metric event once a second."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._next = time.monotonic() + MEMORY_FIRST

    def event(self, event: Event) -> None:
        if event.type == "metric" and time.monotonic() >= self._next:
            self._next = time.monotonic() + MEMORY_INTERVAL
            event = replace(event, data={**event.data, "memory": private_megabytes()})
        super().event(event)


def train_worker(connection: Connection, memory: int) -> None:
    """Carry out the jobs that arrive, one after another, until the other side closes.

    Parameters
    ----------
    memory
        MB that may be allocated beyond what the process has at the start; 0 for no limit.
    """
    if memory:
        limit_memory(memory)
    jobs: queue.SimpleQueue[tuple[JobSpec, Inbox]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(connection, jobs), daemon=True).start()
    while True:
        job, inbox = jobs.get()
        sink = WorkerSink(connection)
        perform(job, inbox, sink)
        gc.collect()
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()
        sink.idle()


def _listen(connection: Connection, jobs: queue.SimpleQueue[tuple[JobSpec, Inbox]]) -> None:
    """Sort incoming messages: a job gets a fresh inbox, controls go to the latest one."""
    inbox = Inbox()
    try:
        while True:
            message = receive_json(connection)
            if message["type"] == "job":
                inbox = Inbox()
                jobs.put((JobSpec(**message["job"]), inbox))
            elif message["type"] == "exit":
                os._exit(0)
            else:
                inbox.put(message)
    except (EOFError, OSError):
        os._exit(0)


def limit_memory(megabytes: int) -> None:
    """Let further allocations fail once `megabytes` more than now are in use (Linux)."""
    status = _proc_self("status")
    if status is None:
        return
    now = 1024 * int(status["VmData"].split()[0])
    _soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (now + megabytes * 2**20, hard))


def private_megabytes() -> float | None:
    """Memory that only this process uses, in MB; None where the system does not tell."""
    rollup = _proc_self("smaps_rollup")
    if rollup is None:
        return None
    kilobytes = sum(int(rollup[k].split()[0]) for k in ("Private_Clean", "Private_Dirty"))
    return round(kilobytes / 1024, 1)


def _proc_self(name: str) -> Mapping[str, str] | None:
    if sys.platform != "linux":
        return None
    lines = Path(f"/proc/self/{name}").read_text().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def predict_worker(connection: Connection, memory: int) -> None:
    """Answer prediction requests until the other side closes; keeps the last models loaded."""
    from engine.jobs.predictor import Predictor

    if memory:
        limit_memory(memory)
    predictor = Predictor()
    try:
        while True:
            request: dict[str, Any] = receive_json(connection)
            payload = connection.recv_bytes() if request.pop("with_weights") else None
            connection.send_bytes(predictor.answer(request, payload).encode())
    except (EOFError, OSError):
        os._exit(0)
