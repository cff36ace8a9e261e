"""What a finished run leaves: record, table, weights; and who else may see it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from engine import service
from engine.api.owner import Asker, client_address, pseudonym
from engine.api.runs import in_memory, visible
from engine.data.tables import OWN, TABLE
from engine.errors import Conflict
from engine.exports.replay import script_of
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


@router.get("/runs/{run_id}/history", summary="The whole record of a run; so far, while it trains")
def run_history(run_id: str, asker: Asker) -> Response:
    found = visible(run_id, asker)
    record = found.to_json() if isinstance(found, History) else found.log.to_json()
    return Response(record, media_type="application/json")


@router.get(
    "/runs/{run_id}/history.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}}},
    summary="Metrics by step, for a spreadsheet",
)
def run_table(run_id: str, asker: Asker) -> Response:
    history = finished(run_id, asker)
    return download(history.to_csv(), "text/csv", f"{history.topic}-{run_id[:8]}.csv")


@router.get(
    "/runs/{run_id}/script.py",
    response_class=Response,
    responses={200: {"content": {"text/x-python": {}}}},
    summary="The run as a standalone program in plain PyTorch",
)
def run_script(run_id: str, asker: Asker) -> Response:
    history = finished(run_id, asker)
    source = script_of(history, own_table(history, asker))
    return download(source, "text/x-python", f"{history.topic}-{run_id[:8]}.py")


def own_table(history: History, asker: str) -> bytes | None:
    """The visitor's own table that a run was trained on, packed; None if it was on other data.

    Raises
    ------
    NotFound
        When it is not kept any more.
    """
    if not history.config.get("table") or history.config.get("data") != OWN:
        return None
    return service.current().own_data(history.run, TABLE, asker)


@router.get(
    "/runs/{run_id}/weights",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}},
    summary="Trained weights (safetensors)",
)
def run_weights(run_id: str, asker: Asker) -> Response:
    return download(weights(run_id, asker), "application/octet-stream", f"{run_id[:8]}.safetensors")


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
    return service.current().artifact(run_id, WEIGHTS, asker)


def download(content: str | bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=headers)


@router.post("/runs/{run_id}/share", summary="Let everyone who has the link see the run")
def share_run(run_id: str, asker: Asker) -> Shared:
    if in_memory(run_id, asker):
        service.current().manager.publish(run_id)
    share = service.current().store.share(run_id, asker)
    return Shared(url=share.url_path, expires=share.expires)


@router.delete("/runs/{run_id}/share", status_code=204, summary="Make a shared run private again")
def revoke_share(run_id: str, asker: Asker) -> None:
    service.current().store.revoke(run_id, asker)


@router.post("/runs/{run_id}/report", status_code=204, summary="Report a shared run")
def report_run(request: Request, run_id: str, complaint: Complaint) -> None:
    service.current().store.report(run_id, complaint.reason, pseudonym(client_address(request)))
