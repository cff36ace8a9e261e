"""What a finished run leaves: record, table, weights; and who else may see it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from engine import service, topics
from engine.api.owner import Asker, client_address, pseudonym
from engine.api.runs import in_memory, visible
from engine.errors import Conflict
from engine.history import History
from engine.jobs.run import Run
from engine.words import _

router = APIRouter()

WEIGHTS = "weights.safetensors"


class Shared(BaseModel):
    """The address of a shared run's page, and until when it is kept."""

    url: str
    expires: datetime


class Complaint(BaseModel):
    """Why a shared run should be taken away."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


def finished(run_id: str, asker: str) -> History:
    """The record of a run that has ended.

    Raises
    ------
    NotFound
        When the asker may not know of it.
    Conflict
        While it trains.
    """
    found = visible(run_id, asker)
    if isinstance(found, History):
        return found
    if found.log.terminal is None:
        raise Conflict(_("This run has not ended yet."))
    return found.log.history


@router.get("/runs/{run_id}/history", summary="The whole record of a finished run")
def run_history(run_id: str, asker: Asker) -> Response:
    return Response(finished(run_id, asker).to_json(), media_type="application/json")


@router.get(
    "/runs/{run_id}/history.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}}},
    summary="Metrics by step, for a spreadsheet",
)
def run_table(run_id: str, asker: Asker) -> Response:
    history = finished(run_id, asker)
    return _download(history.to_csv(), "text/csv", f"{history.topic}-{run_id[:8]}.csv")


@router.get(
    "/runs/{run_id}/script.py",
    response_class=Response,
    responses={200: {"content": {"text/x-python": {}}}},
    summary="The run as a standalone program in plain PyTorch",
)
def run_script(run_id: str, asker: Asker) -> Response:
    history = finished(run_id, asker)
    config = topics.topic(history.topic).config.parse(history.config)
    return _download(topics.script(history.topic, config), "text/x-python", f"{run_id[:8]}.py")


@router.get(
    "/runs/{run_id}/weights",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}},
    summary="Trained weights (safetensors)",
)
def run_weights(run_id: str, asker: Asker) -> Response:
    return _download(
        weights(run_id, asker), "application/octet-stream", f"{run_id[:8]}.safetensors"
    )


def weights(run_id: str, asker: str) -> bytes:
    """The weights of a finished run that the asker may see.

    Raises
    ------
    NotFound, Conflict
        As `finished`; NotFound also when the run left no weights.
    """
    run: Run | None = in_memory(run_id, asker)
    if run is not None and run.log.terminal is None:
        raise Conflict(_("This run has not ended yet."))
    held = run.artifacts.get(WEIGHTS) if run is not None else None
    return held or service.current().store.artifact(run_id, WEIGHTS, asker)


def _download(content: str | bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=headers)


@router.post("/runs/{run_id}/share", summary="Let everyone who has the link see the run")
def share_run(run_id: str, asker: Asker) -> Shared:
    if in_memory(run_id, asker):
        service.current().manager.wait_stored(run_id)
    share = service.current().store.share(run_id, asker)
    return Shared(url=share.url_path, expires=share.expires)


@router.delete("/runs/{run_id}/share", status_code=204, summary="Make a shared run private again")
def revoke_share(run_id: str, asker: Asker) -> None:
    service.current().store.revoke(run_id, asker)


@router.post("/runs/{run_id}/report", status_code=204, summary="Report a shared run")
def report_run(request: Request, run_id: str, complaint: Complaint) -> None:
    service.current().store.report(run_id, complaint.reason, pseudonym(client_address(request)))
