"""Predictions by a shipped checkpoint or by a finished run."""

from __future__ import annotations

import math
import re
import threading
from typing import Annotated, Any

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

from engine import service, topics
from engine.api.owner import Asker
from engine.api.results import weights
from engine.api.runs import in_memory
from engine.api.security import BodyLimit
from engine.checkpoints import shelf
from engine.errors import GalleryError, InvalidValue, Rejected, Unavailable
from engine.words import _

router = APIRouter()

RUN_ID = re.compile(r"[0-9a-f]{32}")

DEFAULT_TOPIC, DEFAULT_CHECKPOINT = "classification", "credit"
"""What answers `POST /prediction`."""

WAITING_LIMIT = 8
"""Predictions at the same time: each holds a thread, and pages need threads too."""

_places = threading.BoundedSemaphore(WAITING_LIMIT)


def _finite(value: JsonValue) -> JsonValue:
    if isinstance(value, float) and not math.isfinite(value):
        raise PydanticCustomError("not_finite", "finite numbers only")
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _finite(item)
    return value


class Question(BaseModel):
    """`model` is the name of a shipped checkpoint or the id of a finished run."""

    model_config = ConfigDict(extra="forbid")

    model: str
    inputs: Annotated[list[Annotated[JsonValue, AfterValidator(_finite)]], Field(min_length=1)]


class Predictions(BaseModel):
    """One output for each input, in raw units; classifiers add probabilities."""

    outputs: list[Any]
    probabilities: list[Any] | None = None


@router.post("/{topic}/predict", response_model_exclude_unset=True, summary="Predict")
def predict(topic: str, question: Question, asker: Asker) -> Predictions:
    topics.topic(topic)
    if RUN_ID.fullmatch(question.model):
        model = _run_model(topic, question.model, asker)
    else:
        model = _checkpoint_model(topic, question.model)
    return Predictions(**_ask(topic, question.inputs, model))


def _run_model(topic: str, run_id: str, asker: str) -> dict[str, Any]:
    """Arguments that have the predictors load a run's weights."""
    run = in_memory(run_id, asker)
    if run is not None:
        trained_on, config = run.job.topic, run.config.model_dump()
    else:
        summary = service.current().store.summary(run_id, asker)
        trained_on, config = summary.topic, dict(summary.config)
    if trained_on != topic:
        expected = _("a run of the topic {topic}").format(topic=topic)
        raise InvalidValue.of("model", expected, run_id)
    return {"key": run_id, "config": config, "weights": lambda: weights(run_id, asker)}


def _checkpoint_model(topic: str, name: str) -> dict[str, Any]:
    """Arguments that have the predictors load a shipped checkpoint."""
    shipped = [e.name for e in shelf.manifest().checkpoints if e.topic == topic]
    if name not in shipped:
        expected = _("the id of a run, or one of the checkpoints: {names}")
        names = ", ".join(shipped) or _("none is shipped for this topic")
        raise InvalidValue.of("model", expected.format(names=names), name)
    return {"checkpoint": name}


def _ask(topic: str, inputs: list[Any], model: dict[str, Any]) -> dict[str, Any]:
    if not _places.acquire(blocking=False):
        raise Rejected(_("Too many predictions are waiting. Try again shortly."), retry_after=2.0)
    try:
        return service.current().predictors.predict(topic, inputs, **model)
    finally:
        _places.release()


class Rows(BaseModel):
    """One row of features."""

    data: Annotated[list[list[FiniteFloat]], Field(min_length=1, max_length=1)]


async def prediction(request: Request) -> JSONResponse:
    """`POST /prediction {"data": [[…]]}` → `{"status": "ok", "result": k}` (reference run C9)."""
    try:
        rows = Rows.model_validate_json(await request.body()).data
        answer = await run_in_threadpool(_default_prediction, rows)
    except ValidationError:
        message = _('Expected {"data": [[…]]} with one row of finite numbers.')
        return JSONResponse({"status": "error", "message": message}, 422)
    except GalleryError as error:
        return JSONResponse({"status": "error", "message": error.message}, error.status)
    return JSONResponse({"status": "ok", "result": answer["outputs"][0]})


def _default_prediction(rows: list[list[float]]) -> dict[str, Any]:
    try:
        model = _checkpoint_model(DEFAULT_TOPIC, DEFAULT_CHECKPOINT)
    except InvalidValue:
        raise Unavailable(_("No model is installed for this address yet.")) from None
    return _ask(DEFAULT_TOPIC, rows, model)


ROUTE = Route("/prediction", prediction, methods=["POST"], middleware=[Middleware(BodyLimit)])
