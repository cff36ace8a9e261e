"""Warm workers that answer predictions, so that the UI process needs no torch."""

from __future__ import annotations

import json
import queue
from collections.abc import Callable, Mapping
from typing import Any

from engine.errors import GalleryError, Unavailable
from engine.jobs.hostlink import HostLink, WorkerProcess
from engine.jobs.wire import MESSAGE_LIMIT, send_json
from engine.settings import Settings
from engine.words import _

REQUESTS_PER_WORKER = 10_000
"""Requests of a worker before it is replaced, so that nothing that leaks grows for ever."""


class Refused(GalleryError):
    """The worker's own refusal of a request, passed on."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        super().__init__(body["message"], field=body["field"])
        self.code = body["code"]
        self.status = body["status"]


class InferencePool:
    """Hands each request to a free warm worker. Thread-safe; calls block.

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
        request = {
            "topic": topic,
            "key": key or str(checkpoint),
            "config": dict(config or {}),
            "checkpoint": checkpoint,
            "inputs": inputs,
        }
        return self._answered(request, weights)

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
        return self._answered(
            {
                "operation": "range_test",
                "topic": topic,
                "config": dict(config),
                "attachments": dict(attachments),
            },
            None,
        )

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
            if answer.get("missing") and weights is not None:
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
        while not self._places.empty():
            worker, _served = self._places.get_nowait()
            if worker is not None:
                worker.close()
