"""Predictions by a shipped checkpoint or by a finished run."""

from __future__ import annotations

import asyncio
import math
import re
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    JsonValue,
    ValidationError,
)
from pydantic_core import PydanticCustomError
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from engine import service, serving, topics
from engine.api.owner import Asker
from engine.api.results import weights
from engine.api.runs import in_memory
from engine.api.security import BodyLimit
from engine.checkpoints import shelf
from engine.errors import GalleryError, InvalidValue, Rejected, Unavailable
from engine.serving import Signature
from engine.words import _

router = APIRouter()

RUN_ID = re.compile(r"[0-9a-f]{32}")

DEFAULT_TOPIC, DEFAULT_CHECKPOINT = "classification", "credit"
"""What answers `POST /prediction`."""

WAITING_LIMIT = 64
"""Predictions at the same time; they wait for the worker one behind the other."""
PACE = 200
"""Predictions a second while somebody uses a page, whose script needs this process too."""
PAGE_IN_USE = 1.0
"""Seconds after a script run in which the next one is expected."""
INPUTS_LIMIT = 10_000
"""Inputs of one question."""
INPUTS_AT_ONCE = 200
"""Inputs that are looked through without giving way to other requests."""

_places = threading.BoundedSemaphore(WAITING_LIMIT)


def finite(value: JsonValue) -> JsonValue:
    """Also inside lists and objects, however deeply nested."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, float) and not math.isfinite(item):
            raise PydanticCustomError("not_finite", "finite numbers only")
        if isinstance(item, dict | list):
            waiting += item.values() if isinstance(item, dict) else item
    return value


class Pace:
    """Keeps predictions `1 / PACE` seconds apart while a page is in use; else they never wait.

    Without it eight clients that never pause take most of the process, and pages need four times
    as long. Used on one event loop.
    """

    def __init__(self) -> None:
        self._next = 0.0

    async def wait(self) -> None:
        now = time.monotonic()
        if now - service.current().drawn_at > PAGE_IN_USE:
            return
        turn = max(now, self._next)
        self._next = turn + 1 / PACE
        if turn > now:
            await asyncio.sleep(turn - now)


_pace = Pace()


FiniteJson = Annotated[JsonValue, AfterValidator(finite)]
"""Any JSON whose numbers are finite."""


class Question(BaseModel):
    """`model` is the name of a shipped checkpoint or the id of a finished run.

    Each input is a number (of a model with one feature), a list of numbers in the order of the
    features, or an object of numbers by feature name; of pictures, rows of pixels from 0 to 255 or
    `{"png": base64 of an image file}`.
    """

    model_config = ConfigDict(extra="forbid")

    model: str
    inputs: Annotated[list[FiniteJson], Field(min_length=1, max_length=INPUTS_LIMIT)]


class Predictions(BaseModel):
    """One output for each input, in raw units; classifiers add probabilities, those of pictures also
    whether a picture is `known`: of the kind that the model has learned."""

    outputs: list[Any]
    probabilities: list[Any] | None = None
    known: list[bool] | None = None


class Model(NamedTuple):
    """What the predictors need to load a model, and what it takes."""

    arguments: dict[str, Any]
    signature: Signature


@router.post("/{topic}/predict", response_model=Predictions, summary="Predict")
async def predict(topic: str, question: Question, asker: Asker) -> JSONResponse:
    topics.topic(topic)
    model = await model_of(topic, question.model, asker)
    return JSONResponse(await _ask(topic, question.inputs, model))


async def model_of(topic: str, name: str, asker: str) -> Model:
    """The model that a question names: `run_model` or `checkpoint_model`."""
    if RUN_ID.fullmatch(name):
        return await run_in_threadpool(run_model, topic, name, asker)
    return checkpoint_model(topic, name)


def run_model(topic: str, run_id: str, asker: str) -> Model:
    """The model that a finished run has left.

    Raises
    ------
    NotFound
        When the asker may not know of it.
    InvalidValue
        When it is one of another topic.
    """
    run = in_memory(run_id, asker)
    if run is not None:
        trained_on, config = run.job.topic, run.config.model_dump()
        signature = Signature.of_run(run.log.history.started)
    else:
        summary = service.current().store.summary(run_id, asker)
        trained_on, config = summary.topic, dict(summary.config)
        signature = _told_by(run_id, asker)
    if trained_on != topic:
        expected = _("a run of the topic {topic}").format(topic=topic)
        raise InvalidValue.of("model", expected, run_id)
    arguments = {"key": run_id, "config": config, "weights": lambda: weights(run_id, asker)}
    return Model(arguments, signature)


def _told_by(run_id: str, asker: str) -> Signature:
    """The signature of a stored run that the asker may see; its long record is read once."""
    if run_id not in _signatures:
        while len(_signatures) >= SIGNATURES_KEPT:
            _signatures.pop(next(iter(_signatures)), None)
        history = service.current().store.history(run_id, asker)
        _signatures[run_id] = Signature.of_run(history.started)
    return _signatures[run_id]


SIGNATURES_KEPT = 1000
_signatures: dict[str, Signature] = {}


def checkpoint_model(topic: str, name: str) -> Model:
    """A shipped model.

    Raises
    ------
    InvalidValue
        When none of this name is shipped for the topic.
    """
    shipped = [e.name for e in shelf.manifest().checkpoints if e.topic == topic]
    if name not in shipped:
        expected = _("the id of a run, or one of the checkpoints: {names}")
        names = ", ".join(shipped) or _("none is shipped for this topic")
        raise InvalidValue.of("model", expected.format(names=names), name)
    return Model({"checkpoint": name}, Signature.of_checkpoint(topic, name))


async def _ask(topic: str, inputs: list[Any], model: Model) -> dict[str, Any]:
    async with place(_places):
        if len(inputs) > INPUTS_AT_ONCE:
            rows = await run_in_threadpool(serving.rows, inputs, model.signature)
        else:
            rows = serving.rows(inputs, model.signature)
        return await service.current().predictors.answer(topic, rows, **model.arguments)


@asynccontextmanager
async def place(places: threading.BoundedSemaphore) -> AsyncIterator[None]:
    """One of the places of those who ask a model, in its turn.

    Raises
    ------
    Rejected
        When all are taken.
    """
    if not places.acquire(blocking=False):
        raise Rejected(
            _("Too many questions to models are waiting. Try again shortly."), retry_after=2.0
        )
    try:
        await _pace.wait()
        yield
    finally:
        places.release()


class Rows(BaseModel):
    """One row of features."""

    model_config = ConfigDict(strict=True)

    data: Annotated[list[list[FiniteFloat]], Field(min_length=1, max_length=1)]


async def prediction(request: Request) -> JSONResponse:
    """`POST /prediction {"data": [[…]]}` → `{"status": "ok", "result": k}` (reference run C9).

    As there, each number is a share of its feature's range: 0 its lowest value, 1 its highest.
    """
    try:
        rows = Rows.model_validate_json(await request.body()).data
        result = await _default_prediction(rows)
    except ValidationError:
        message = _('Expected {"data": [[…]]} with one row of finite numbers.')
        return JSONResponse({"status": "error", "message": message}, 422)
    except GalleryError as error:
        return JSONResponse({"status": "error", "message": error.message}, error.status)
    return JSONResponse({"status": "ok", "result": result})


async def _default_prediction(rows: list[list[float]]) -> Any:
    """The index of the class; models may answer with its name."""
    try:
        model = checkpoint_model(DEFAULT_TOPIC, DEFAULT_CHECKPOINT)
    except InvalidValue:
        raise Unavailable(_("No model is installed for this address yet.")) from None
    units = [model.signature.in_units(row) for row in rows]
    (answer,) = (await _ask(DEFAULT_TOPIC, units, model))["outputs"]
    classes = model.signature.classes
    return classes.index(answer) if answer in classes else answer


ROUTE = Route("/prediction", prediction, methods=["POST"], middleware=[Middleware(BodyLimit)])
