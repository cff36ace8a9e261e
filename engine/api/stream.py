"""The events of a run as server-sent events: live while it trains, replayed afterwards."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from engine import service
from engine.api.owner import Asker
from engine.api.runs import visible
from engine.errors import NotFound
from engine.events import INLINE_LIMIT, Event
from engine.history import History
from engine.jobs.log import RunLog, Wake
from engine.jobs.run import Run
from engine.words import _

router = APIRouter()

HEARTBEAT = 10.0
"""Seconds of silence after which a comment keeps proxies from closing the stream."""

_open: set[Wake] = set()
_ending = threading.Event()


def open_streams() -> int:
    """Number of live streams that are open."""
    return len(_open)


@contextmanager
def ending_with_process() -> Iterator[None]:
    """End open streams on SIGINT and SIGTERM: the server waits for them before it stops.

    To be entered once the server has set its own handlers (in the lifespan). A server outside of
    the main thread gets no signals, and there nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def end(number: int, frame: Any) -> None:
        _ending.set()
        for wake in tuple(_open):
            wake()
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number in before:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _ending.clear()


def source_of(run_id: str, asker: Asker) -> Iterator[RunLog | History]:
    """What to stream; while a live log is streamed, its owner counts as present."""
    found = visible(run_id, asker)
    if not isinstance(found, Run):
        yield found
        return
    manager = service.current().manager
    manager.arrive(asker)
    try:
        yield found.log
    finally:
        manager.depart(asker)


Source = Annotated[RunLog | History, Depends(source_of)]


@router.get(
    "/runs/{run_id}/events",
    response_class=EventSourceResponse,
    summary="Events of a run as they happen, until the last one",
)
async def stream_events(
    request: Request,
    run_id: str,
    source: Source,
    after: Annotated[int, Query(ge=0, description="Number of the last event received")] = 0,
    last_event_id: Annotated[
        int, Header(alias="Last-Event-ID", ge=0, description="The same, and newer than `after`")
    ] = 0,
) -> AsyncIterator[ServerSentEvent]:
    base = f"{request.scope['root_path']}/runs/{run_id}/events"
    seen = last_event_id or after
    if isinstance(source, History):
        for event in source.events():
            # A stored run is numbered anew, so a number from its live stream may lie beyond it.
            if event.seq > seen or event.terminal:
                yield _message(event, base)
        return
    async for item in _live(source, seen):
        yield _message(item, base) if item else ServerSentEvent(comment="heartbeat")


async def _live(log: RunLog, seen: int) -> AsyncIterator[Event | None]:
    """Events after number `seen` up to the terminal one, which is always told; None when idle."""
    loop, woken = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        with suppress(RuntimeError):  # the loop was closed under us
            loop.call_soon_threadsafe(woken.set)

    stop = log.listen(wake)
    _open.add(wake)
    try:
        while not _ending.is_set():
            woken.clear()
            terminal = log.terminal
            if terminal is not None:
                seen = min(seen, terminal.seq - 1)
            for event in log.after(seen):
                yield event
                seen = event.seq
                if event.terminal:
                    return
            try:
                await asyncio.wait_for(woken.wait(), HEARTBEAT)
            except TimeoutError:
                yield None
    finally:
        _open.discard(wake)
        stop()


def _message(event: Event, base: str) -> ServerSentEvent:
    text = event.to_json()
    if len(text) > INLINE_LIMIT:
        return ServerSentEvent(
            data={"url": f"{base}/{event.seq}"}, event=event.type, id=str(event.seq)
        )
    return ServerSentEvent(raw_data=text, event=event.type, id=str(event.seq))


@router.get("/runs/{run_id}/events/{seq}", summary="One event that is too large for the stream")
def one_event(run_id: str, seq: int, asker: Asker) -> Response:
    found = visible(run_id, asker)
    events = found.log.after(seq - 1) if isinstance(found, Run) else found.events()
    for event in events:
        if event.seq == seq:
            return Response(event.to_json(), media_type="application/json")
    raise NotFound(_("This event is not kept any more; a newer one has taken its place."))
