"""A worker's connection on an event loop: questions go out one behind the other, without threads.

Every hand-over between threads waits for the interpreter lock, up to 5 ms each while a page script
runs; a question that is written to the worker's socket at once, and its answer read where it
arrives, need none.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections import deque
from contextlib import suppress
from typing import cast

from engine.jobs.hostlink import WorkerProcess
from engine.jobs.wire import MESSAGE_LIMIT

SIZE = struct.Struct("!i")
"""What stands before a message: its bytes, as `multiprocessing.connection` counts them."""


class Line(asyncio.Protocol):
    """Questions to one worker, answered in their order. Belongs to the event loop it is made on.

    Attributes
    ----------
    asked
        Questions so far.
    """

    def __init__(self, worker: WorkerProcess) -> None:
        self.asked = 0
        self._worker = worker
        self._waiting: deque[asyncio.Future[bytes]] = deque()
        self._buffer = bytearray()
        self._heard = 0.0
        self._retired = False
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def to(cls, worker: WorkerProcess) -> Line:
        """Take over the connection of a fresh worker."""
        line = cls(worker)
        ours = socket.socket(fileno=os.dup(worker.connection.fileno()))
        await asyncio.get_running_loop().create_unix_connection(lambda: line, sock=ours)
        return line

    @property
    def open(self) -> bool:
        """Whether questions can be asked."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def waiting(self) -> int:
        """Questions without an answer."""
        return len(self._waiting)

    async def ask(self, *messages: bytes, seconds: float) -> bytes:
        """Send the messages of one question; returns the answer.

        A worker that has said nothing for `seconds` is killed, and with it all who wait for it.

        Raises
        ------
        EOFError
            When the worker is gone.
        TimeoutError
            When there was no answer in time, be it for the others before.
        """
        if not self.open:
            raise EOFError
        assert self._transport is not None
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bytes] = loop.create_future()
        if not self._waiting:
            self._heard = loop.time()
        self._waiting.append(answer)
        self.asked += 1
        for message in messages:
            self._transport.write(SIZE.pack(len(message)) + message)
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError:
            if loop.time() - self._heard >= seconds:
                self.end()
            raise

    def retire(self) -> None:
        """Ask no more; the worker ends once all are answered."""
        self._retired = True
        if not self._waiting:
            self.end()

    def end(self) -> None:
        """Kill the worker; those who wait are told."""
        self._worker.kill()
        self._worker.close()
        if self._transport is not None:
            with suppress(RuntimeError):  # the event loop is over
                self._transport.abort()

    # What the event loop calls -------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= SIZE.size:
            (size,) = SIZE.unpack_from(self._buffer)
            if not 0 <= size <= MESSAGE_LIMIT:
                self.end()
                return
            end = SIZE.size + size
            if len(self._buffer) < end:
                return
            self._answered(bytes(self._buffer[SIZE.size : end]))
            del self._buffer[:end]

    def _answered(self, message: bytes) -> None:
        self._heard = asyncio.get_running_loop().time()
        answer = self._waiting.popleft()
        if not answer.done():
            answer.set_result(message)
        if self._retired and not self._waiting:
            self.end()

    def connection_lost(self, error: Exception | None) -> None:
        self._worker.close()
        while self._waiting:
            answer = self._waiting.popleft()
            if not answer.done():
                answer.set_exception(EOFError())
