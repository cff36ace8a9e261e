"""What an operator's tools ask: is the process up, can it train, how busy is it?"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine import service
from engine.api.errors import answer
from engine.api.stream import open_streams
from engine.errors import GalleryError, NotFound
from engine.words import _


async def healthz(_request: Request) -> JSONResponse:
    """The process is up."""
    return JSONResponse({"status": "ok"})


def readyz(_request: Request) -> JSONResponse:
    """Runs can start now."""
    try:
        ready = service.current().manager.ready
    except GalleryError as error:
        return answer(error)
    return JSONResponse({"status": "ready" if ready else "warming up"}, 200 if ready else 503)


def metrics(_request: Request) -> Response:
    """Figures for Prometheus, if the settings want them."""
    if not service.current().settings.metrics:
        return answer(NotFound(_("Figures are off; GALLERY_METRICS turns them on.")))
    return Response(generate_latest(_registry), media_type=CONTENT_TYPE_LATEST)


class Figures(Collector):
    """Reads the service when it is asked."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        manager = service.current().manager
        counts = manager.counts()
        runs = GaugeMetricFamily("gallery_runs", "Runs by state.", labels=["state"])
        runs.add_metric(["queued"], counts["queued"])
        runs.add_metric(["running"], counts["running"])
        yield runs
        yield GaugeMetricFamily("gallery_slots", "Runs that may train at once.", counts["slots"])
        yield GaugeMetricFamily("gallery_ready", "1 when runs can start.", float(manager.ready))
        yield GaugeMetricFamily("gallery_streams", "Event streams that are open.", open_streams())


_registry = CollectorRegistry()
_registry.register(Figures())
ProcessCollector(registry=_registry)

ROUTES = [
    Route("/healthz", healthz),
    Route("/readyz", readyz),
    Route("/metrics", metrics),
]
