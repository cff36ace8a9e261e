"""Messages between the UI process and a worker: a tag byte, then JSON or raw bytes. No pickle.

The connections are `multiprocessing.connection.Connection` objects, used for their framing only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

from engine.events import Event, dumps
from engine.jobs.sink import Sink

EVENT, FRAMES, ARTIFACT, IDLE = b"E", b"F", b"A", b"I"

MESSAGE_LIMIT = 256 * 1024 * 1024
"""Bytes of one message; a worker that sends more is broken and is dropped."""
MODEL_WEIGHTS = "weights"
"""What a predictor lacks before it answers for a run's model; otherwise a kind of own data."""


class WireSink:
    """Sends a job's output over a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def event(self, event: Event) -> None:
        self._connection.send_bytes(EVENT + event.to_json().encode())

    def artifact(self, name: str, payload: bytes) -> None:
        self._connection.send_bytes(ARTIFACT + name.encode() + b"\0" + payload)

    def frames(self, frames: list[dict[str, Any]]) -> None:
        self._connection.send_bytes(FRAMES + dumps(frames).encode())

    def idle(self) -> None:
        """Say that the job is over and the worker is ready for another."""
        self._connection.send_bytes(IDLE)


def deliver(message: bytes, sink: Sink) -> Event | None:
    """Hand one received message to `sink`; returns the event if it was one."""
    tag, body = message[:1], message[1:]
    if tag == EVENT:
        event = Event.from_json(body)
        sink.event(event)
        return event
    if tag == FRAMES:
        sink.frames(json.loads(body))
    elif tag == ARTIFACT:
        name, _, payload = body.partition(b"\0")
        sink.artifact(name.decode(), payload)
    return None


def send_json(connection: Connection, message: Mapping[str, Any]) -> None:
    connection.send_bytes(json.dumps(message).encode())


def receive_json(connection: Connection) -> Any:
    return json.loads(connection.recv_bytes(MESSAGE_LIMIT))
