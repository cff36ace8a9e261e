"""“Ask why”: what a shipped checkpoint, or a finished run, sees in one input."""

from __future__ import annotations

import threading
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from engine import service, serving, topics
from engine.api.owner import Asker
from engine.api.predictions import FiniteJson, finite, model_of, place

router = APIRouter()

WAITING_LIMIT = 8
"""Explanations at the same time; one may take seconds, and they wait one behind the other."""

_places = threading.BoundedSemaphore(WAITING_LIMIT)


class WhyQuestion(BaseModel):
    """`model` is the name of a shipped checkpoint or the id of a finished run; `input` is one
    input as in a prediction.

    Methods of the topic `cnn` and their options, none of which has to be given:
    `maps` (none) · `convolution` (`stage`, `channel`, `row`, `column`, `whole`) · `grad-cam`
    (`target`: the number of a class, `stage`) · `integrated-gradients` (`target`, `steps`,
    `baseline`) · `occlusion` (`target`, `window`, `stride`, `baseline`) · `fool` (`epsilon`,
    `target`) · `similar` (`k`). Other topics have none.
    """

    model_config = ConfigDict(extra="forbid")

    model: str
    method: Annotated[str, Field(min_length=1, max_length=40)]
    input: FiniteJson
    options: Annotated[dict[str, Any], Field(max_length=20), AfterValidator(finite)] = {}


class Explanation(BaseModel):
    """What the model answers to the input, and what the method finds, by name.

    Arrays are `{"dtype", "shape", "b64"}`, pictures are WebP in base64.
    """

    model_config = ConfigDict(extra="allow")

    method: str
    output: int
    probabilities: list[float]


@router.post("/{topic}/explain", response_model=Explanation, summary="Ask why")
async def explain(topic: str, question: WhyQuestion, asker: Asker) -> JSONResponse:
    topics.topic(topic)
    model = await model_of(topic, question.model, asker)
    async with place(_places):
        (value,) = serving.rows([question.input], model.signature)
        found = await service.current().predictors.explain(
            topic,
            question.method,
            value,
            question.options,
            data=lambda kind: service.current().own_data(question.model, kind, asker),
            **model.arguments,
        )
    return JSONResponse(found)
