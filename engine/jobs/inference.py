"""Warm workers that answer predictions, so that the UI process needs no torch."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from engine.errors import GalleryError, Unavailable
from engine.jobs.hostlink import HostLink, WorkerProcess
from engine.jobs.line import Line
from engine.jobs.wire import MESSAGE_LIMIT, MODEL_WEIGHTS, send_json
from engine.settings import Settings
from engine.words import _

REQUESTS_PER_WORKER = 10_000
"""Requests of a worker before it is replaced, so that nothing that leaks grows for ever."""


EXPORTS_AT_ONCE = 2
"""Models that are made into files; each takes a processor and 100 MB or more for seconds."""


class Refused(GalleryError):
    """The worker's own refusal of a request, passed on."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        super().__init__(body["message"], field=body["field"])
        self.code = body["code"]
        self.status = body["status"]


class Exported(NamedTuple):
    """A model as a file, and the largest difference between its answers and the model's own."""

    content: bytes
    difference: float


class InferencePool:
    """Hands requests to warm workers.

    `answer` and `explain` are for coroutines and never block; they have workers of their own, and
    explanations one more, so that predictions need not wait for them. All else blocks, and is
    thread-safe.

    Parameters
    ----------
    host
        Where workers are forked.
    settings
        Number of workers, seconds and MB one prediction may take.
    """

    def __init__(self, host: HostLink, settings: Settings) -> None:
        self._host = host
        self._timeout = settings.inference_timeout
        self._memory = settings.memory
        self._places: queue.LifoQueue[tuple[WorkerProcess | None, int]] = queue.LifoQueue()
        for _number in range(settings.inference_workers):
            self._places.put((None, 0))
        self._exports = threading.BoundedSemaphore(EXPORTS_AT_ONCE)
        self._answering = range(settings.inference_workers)
        self._explaining = range(len(self._answering), len(self._answering) + 1)
        self._lines: list[Line | None] = [None] * self._explaining.stop
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opening: asyncio.Lock | None = None

    def predict(
        self,
        topic: str,
        inputs: list[Any],
        *,
        checkpoint: str | None = None,
        key: str = "",
        config: Mapping[str, Any] | None = None,
        weights: Callable[[], bytes] | None = None,
    ) -> dict[str, Any]:
        """Run a shipped `checkpoint`, or the model `key` with `config` and `weights`.

        Returns
        -------
        dict
            `outputs` (one for each input) and, for classifiers, `probabilities`.

        Raises
        ------
        Unavailable
            While warming up, when all workers are busy too long, or when one broke.
        GalleryError
            What the model has against the inputs.
        """
        return self._answered(_request(topic, inputs, checkpoint, key, config), weights)

    async def answer(
        self,
        topic: str,
        inputs: list[Any],
        *,
        checkpoint: str | None = None,
        key: str = "",
        config: Mapping[str, Any] | None = None,
        weights: Callable[[], bytes] | None = None,
    ) -> dict[str, Any]:
        """As `predict`, for coroutines: questions at the same time wait in the worker's socket."""
        request = _request(topic, inputs, checkpoint, key, config)
        return await self._answer(self._answering, request, weights)

    async def explain(
        self,
        topic: str,
        method: str,
        value: Any,
        options: Mapping[str, Any],
        *,
        checkpoint: str | None = None,
        key: str = "",
        config: Mapping[str, Any] | None = None,
        weights: Callable[[], bytes] | None = None,
        data: Callable[[str], bytes] | None = None,
    ) -> dict[str, Any]:
        """Why a model answers one input (`value`) as it does; the model is told as to `answer`.

        `data` gives the own data of a kind that the model was trained on; they are asked for by
        methods that look at them, once.

        Returns
        -------
        dict
            What the method of the topic finds.

        Raises
        ------
        Unavailable, GalleryError
            As `predict`; NotFound when the topic explains nothing.
        """
        request = _request(topic, [value], checkpoint, key, config)
        request |= {"operation": "explain", "method": method, "options": dict(options)}
        answer = await self._answer(self._explaining, request, weights)
        if (kind := answer.get("missing")) and data is not None:
            payload = await asyncio.to_thread(data, kind)
            request["attachments"] = {kind: b64encode(payload).decode("ascii")}
            answer = await self._answer(self._explaining, request, weights)
        return answer

    async def _answer(
        self,
        places: Sequence[int],
        request: Mapping[str, Any],
        weights: Callable[[], bytes] | None,
    ) -> dict[str, Any]:
        """The answer on one of these lines."""
        try:
            line = await self._line(places)
            answer = await self._told(line, request, None)
            if answer.get("missing") == MODEL_WEIGHTS and weights is not None:
                payload = await asyncio.to_thread(weights)
                answer = await self._told(line, request, payload)
        except (EOFError, OSError):  # TimeoutError is one
            raise Unavailable(_("The model took too long or stopped. Try fewer inputs.")) from None
        if "error" in answer:
            raise Refused(answer["error"])
        return answer

    async def _told(
        self, line: Line, request: Mapping[str, Any], payload: bytes | None
    ) -> dict[str, Any]:
        message = json.dumps({**request, "with_weights": payload is not None}).encode()
        messages = (message,) if payload is None else (message, payload)
        answer: dict[str, Any] = json.loads(await line.ask(*messages, seconds=self._timeout))
        return answer

    async def _line(self, places: Sequence[int]) -> Line:
        """The line on which the fewest wait; a new one where there is none, or it has served long."""
        if self._loop is not asyncio.get_running_loop():
            self._hang_up()
            self._loop, self._opening = asyncio.get_running_loop(), asyncio.Lock()
        assert self._opening is not None
        place = min(places, key=lambda i: getattr(self._lines[i], "waiting", 0))
        line = self._lines[place]
        if line is not None and line.open and line.asked < REQUESTS_PER_WORKER:
            return line
        async with self._opening:
            if (newer := self._lines[place]) is not line and newer is not None and newer.open:
                return newer  # somebody else's, meanwhile
            worker = await asyncio.to_thread(self._host.fork, "predict", self._memory)
            if line is not None:
                line.retire()
            opened = self._lines[place] = await Line.to(worker)
            return opened

    def _hang_up(self) -> None:
        for place, line in enumerate(self._lines):
            if line is not None:
                line.end()
            self._lines[place] = None

    def range_test(
        self, topic: str, config: Mapping[str, Any], attachments: Mapping[str, str]
    ) -> dict[str, Any]:
        """Learning-rate range test (Smith 2017) of these settings.

        Returns
        -------
        dict
            `rate` and `loss` (equally long lists), `suggestion` (a rate).

        Raises
        ------
        Unavailable, GalleryError
            As `predict`.
        """
        return self._of_settings("range_test", topic, config, attachments)

    def preview(
        self, topic: str, config: Mapping[str, Any], attachments: Mapping[str, str]
    ) -> dict[str, Any]:
        """What these settings make of a sample that is learned from; each topic says what it gives.

        Raises
        ------
        Unavailable, GalleryError
            As `predict`; NotFound when the topic previews nothing.
        """
        return self._of_settings("preview", topic, config, attachments)

    def _of_settings(
        self,
        operation: str,
        topic: str,
        config: Mapping[str, Any],
        attachments: Mapping[str, str],
    ) -> dict[str, Any]:
        """The answer to what is asked about settings, not about a model."""
        request = {"operation": operation, "topic": topic, "config": dict(config)}
        return self._answered({**request, "attachments": dict(attachments)}, None)

    def export(
        self,
        topic: str,
        kind: str,
        *,
        checkpoint: str | None = None,
        key: str = "",
        config: Mapping[str, Any] | None = None,
        weights: Callable[[], bytes] | None = None,
    ) -> Exported:
        """The model as a file of the kind `pt2` or `onnx`, checked against the original.

        Made in a worker of its own, which ends with it: exporters take a second and 100 MB, and
        predictions go on meanwhile.

        Raises
        ------
        Unavailable, GalleryError
            As `predict`; GalleryError also when file and model do not agree, Unavailable also while
            `EXPORTS_AT_ONCE` others are made.
        """
        request = _request(topic, [], checkpoint, key, config)
        request |= {"operation": "export", "format": kind}
        if not self._exports.acquire(timeout=self._timeout):
            raise Unavailable(_("Other files are being made. Try again shortly."))
        try:
            return self._exported(request, weights() if weights is not None else None)
        finally:
            self._exports.release()

    def _exported(self, request: Mapping[str, Any], weights: bytes | None) -> Exported:
        worker = self._host.fork("predict", self._memory)
        try:
            answer = self._ask(worker, request, weights)
        except (EOFError, OSError):
            raise Unavailable(_("The export took too long or stopped. Try again.")) from None
        finally:
            worker.kill()
            worker.close()
        if "error" in answer:
            raise Refused(answer["error"])
        return Exported(b64decode(answer["content"]), answer["difference"])

    def _answered(
        self, request: Mapping[str, Any], weights: Callable[[], bytes] | None
    ) -> dict[str, Any]:
        """The answer of the next free worker."""
        try:
            worker, served = self._places.get(timeout=self._timeout)
        except queue.Empty:
            raise Unavailable(_("All predictors are busy. Try again shortly.")) from None
        try:
            old, worker = worker, None
            worker = self._alive(old, served)
            answer = self._ask(worker, request, None)
            if answer.get("missing") == MODEL_WEIGHTS and weights is not None:
                answer = self._ask(worker, request, weights())
        except (EOFError, OSError):
            if worker is not None:
                worker.kill()
                worker.close()
            worker = None
            raise Unavailable(_("The model took too long or stopped. Try fewer inputs.")) from None
        finally:
            self._places.put((worker, served + 1 if worker else 0))
        if "error" in answer:
            raise Refused(answer["error"])
        return answer

    def _alive(self, worker: WorkerProcess | None, served: int) -> WorkerProcess:
        """This worker if it can serve on, otherwise a new one."""
        if worker is not None and served < REQUESTS_PER_WORKER and not worker.connection.poll(0):
            return worker
        if worker is not None:
            worker.kill()
            worker.close()
        return self._host.fork("predict", self._memory)

    def _ask(
        self, worker: WorkerProcess, request: Mapping[str, Any], payload: bytes | None
    ) -> dict[str, Any]:
        send_json(worker.connection, {**request, "with_weights": payload is not None})
        if payload is not None:
            worker.connection.send_bytes(payload)
        if not worker.connection.poll(self._timeout):
            raise EOFError
        answer: dict[str, Any] = json.loads(worker.connection.recv_bytes(MESSAGE_LIMIT))
        return answer

    def close(self) -> None:
        """Let the workers go."""
        self._hang_up()
        while not self._places.empty():
            worker, _served = self._places.get_nowait()
            if worker is not None:
                worker.close()


def _request(
    topic: str,
    inputs: list[Any],
    checkpoint: str | None,
    key: str,
    config: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """A question about a shipped `checkpoint`, or about the model `key`."""
    return {
        "topic": topic,
        "key": key or str(checkpoint),
        "config": dict(config or {}),
        "checkpoint": checkpoint,
        "inputs": inputs,
    }
