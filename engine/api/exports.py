"""What a visitor takes home of a finished run, and animations of what the browser drew."""

from __future__ import annotations

import threading
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from engine import service, topics
from engine.api import predictions
from engine.api.owner import Asker
from engine.api.results import download, finished, own_table, weights
from engine.errors import Rejected
from engine.exports.card import card_json, model_archive
from engine.exports.notebook import notebook
from engine.exports.replay import script_of
from engine.words import _

router = APIRouter()

ASSEMBLED_AT_ONCE = 2
"""Animations and programs in the making; each keeps a processor busy for seconds."""

_places = threading.BoundedSemaphore(ASSEMBLED_AT_ONCE)

Program = Literal["pt2", "onnx"]

ANIMATIONS = {"gif": "image/gif", "mp4": "video/mp4"}
ZIP = "application/zip"
NOTEBOOK = "application/x-ipynb+json"


def _served_as(*media_types: str) -> dict[str, Any]:
    """How a route that gives a file is described."""
    content: dict[str, Any] = {media_type: {} for media_type in media_types}
    return {"response_class": Response, "responses": {200: {"content": content}}}


@router.get(
    "/runs/{run_id}/notebook.ipynb",
    **_served_as(NOTEBOOK),
    summary="The run as a Jupyter notebook in plain PyTorch",
)
def run_notebook(run_id: str, asker: Asker) -> Response:
    history = finished(run_id, asker)
    source = script_of(history, own_table(history, asker))
    title = _("{topic}: run {run}").format(
        topic=_(topics.topic(history.topic).title), run=run_id[:8]
    )
    return download(notebook(source, title), NOTEBOOK, f"{history.topic}-{run_id[:8]}.ipynb")


@router.get(
    "/runs/{run_id}/tensorboard.zip",
    **_served_as(ZIP),
    summary="Metrics as an event file, for `tensorboard --logdir`",
)
def run_tensorboard(run_id: str, asker: Asker) -> Response:
    from engine.exports.tensorboard import tensorboard_log  # loaded when first asked for

    history = finished(run_id, asker)
    name = f"{history.topic}-{run_id[:8]}-tensorboard.zip"
    return download(tensorboard_log(history), ZIP, name)


@router.get(
    "/runs/{run_id}/card.json",
    **_served_as("application/json"),
    summary="What the weights are, how they came about, how to load them",
)
def run_card(run_id: str, asker: Asker) -> Response:
    card = card_json(finished(run_id, asker), weights(run_id, asker))
    return download(card, "application/json", f"{run_id[:8]}-card.json")


@router.get("/runs/{run_id}/model.zip", **_served_as(ZIP), summary="The weights and their card")
def run_model(run_id: str, asker: Asker) -> Response:
    history = finished(run_id, asker)
    archive = model_archive(history, weights(run_id, asker))
    return download(archive, ZIP, f"{history.topic}-{run_id[:8]}-model.zip")


@router.get(
    "/runs/{run_id}/model.{kind}",
    **_served_as("application/octet-stream"),
    summary="The trained model for other runtimes: pt2 (torch.export) or onnx",
)
def run_program(run_id: str, kind: Program, asker: Asker) -> Response:
    """The header `X-Max-Difference` tells how far its answers are from the model's."""
    trained = finished(run_id, asker)
    model = predictions.run_model(trained.topic, run_id, asker)
    if not _places.acquire(blocking=False):
        raise Rejected(_("Other files are being made. Try again shortly."), retry_after=5.0)
    try:
        made = service.current().predictors.export(trained.topic, kind, **model.arguments)
    finally:
        _places.release()
    answer = download(made.content, "application/octet-stream", f"{run_id[:8]}-model.{kind}")
    answer.headers["X-Max-Difference"] = f"{made.difference:.3g}"
    return answer


class Animation(BaseModel):
    """Frames that a browser has drawn: data URLs of images of one size."""

    model_config = ConfigDict(extra="forbid")

    format: str
    fps: int
    frames: list[str]


@router.post("/animations", **_served_as(*ANIMATIONS.values()), summary="Frames as one GIF or MP4")
def make_animation(animation: Animation) -> Response:
    from engine.exports.animation import assemble  # brings FFmpeg: likewise

    if not _places.acquire(blocking=False):
        raise Rejected(_("Other animations are being made. Try again shortly."), retry_after=5.0)
    try:
        content = assemble(animation.frames, animation.format, animation.fps)
    finally:
        _places.release()
    return download(content, ANIMATIONS[animation.format], f"animation.{animation.format}")
