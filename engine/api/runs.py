"""Starting runs, watching their state, steering them, deleting them."""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from engine import service, topics
from engine.api.owner import Asker, Token, client_address, token_owner
from engine.errors import NotFound
from engine.history import History
from engine.jobs.job import JobSpec
from engine.jobs.run import Run

router = APIRouter()


class NewRun(BaseModel):
    """What to train: a topic, from a preset or from the defaults, with changed settings."""

    model_config = ConfigDict(extra="forbid")

    topic: str
    preset: str | None = None
    config: dict[str, Any] = {}
    seed: int | None = None


class Accepted(BaseModel):
    """A run that was admitted; `token` is given once, to those who brought no cookie."""

    run: str
    url: str
    events: str
    token: str | None = None


class Status(BaseModel):
    """State of a run; `rank` is its place in the queue, from 1."""

    run: str
    topic: str
    state: str
    rank: int | None
    config: dict[str, Any]
    step: int | None
    steps_total: int | None
    metrics: dict[str, float | None]


class Control(BaseModel):
    """`values` belongs to `set` (setting → value) and to `edit` (index of a weight → value)."""

    model_config = ConfigDict(extra="forbid")

    type: str
    values: dict[str, Any] = {}


class Deleted(BaseModel):
    """Number of stored runs that were deleted."""

    deleted: int


@router.post("/runs", status_code=202, response_model_exclude_none=True, summary="Start a run")
def start_run(
    request: Request, response: Response, new: NewRun, asker: Asker, token: Token
) -> Accepted:
    attended = request.state.known and token is None
    given = None
    if not attended and token is None:
        given = secrets.token_urlsafe(32)
        asker = token_owner(given)
    configuration = service.current().settings
    job = JobSpec.checked(
        new.topic, _values(new), device=configuration.device, threads=configuration.threads
    )
    run_id = service.current().manager.submit(
        job, asker, attended=attended, address=client_address(request)
    )
    url = f"{request.scope['root_path']}/runs/{run_id}"
    response.headers["Location"] = url
    return Accepted(run=run_id, url=url, events=f"{url}/events", token=given)


def _values(new: NewRun) -> dict[str, Any]:
    """Settings of the preset, changed by `config`, changed by `seed`."""
    seed = {} if new.seed is None else {"seed": new.seed}
    return topics.topic(new.topic).values(new.preset, {**new.config, **seed})


@router.get("/runs/{run_id}", summary="State, settings and metrics of a run")
def run_status(run_id: str, asker: Asker) -> Status:
    if in_memory(run_id, asker):
        return Status(**service.current().manager.status(run_id))
    summary = service.current().store.summary(run_id, asker)
    steps = summary.metrics.get("steps")
    return Status(
        run=run_id,
        topic=summary.topic,
        state=summary.state,
        rank=None,
        config=dict(summary.config),
        step=steps,
        steps_total=steps,
        metrics=dict(summary.metrics),
    )


@router.post("/runs/{run_id}/control", status_code=204, summary="Steer a run of yours")
def control_run(run_id: str, message: Control, asker: Asker) -> None:
    manager = service.current().manager
    manager.get(run_id, asker)
    manager.control(run_id, message.model_dump())


@router.delete("/runs/{run_id}", status_code=204, summary="Delete a run of yours for good")
def delete_run(run_id: str, asker: Asker) -> None:
    service.current().delete_run(run_id, asker)


@router.delete("/me", summary="Delete all that is kept of you")
def delete_me(asker: Asker) -> Deleted:
    service.current().manager.forget(asker)
    return Deleted(deleted=service.current().store.delete_owner(asker))


def in_memory(run_id: str, asker: str) -> Run | None:
    """The asker's own run, if this process still has it in memory."""
    try:
        return service.current().manager.get(run_id, asker)
    except NotFound:
        return None


def visible(run_id: str, asker: str) -> Run | History:
    """A run that the asker may see: their own from memory, otherwise the stored record.

    Raises
    ------
    NotFound
        For an unknown run and for somebody else's that is not shared; the two look the same.
    """
    return in_memory(run_id, asker) or service.current().store.history(run_id, asker)
