"""Files that browsers fetch: plotly.js, the scripts of the live view, recorded runs."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response

from engine import recordings, topics
from engine.errors import NotFound
from engine.words import _

PREFIX = "/api/v1"

IMMUTABLE = "public, max-age=31536000, immutable"
DAY = "public, max-age=86400"
ASK_AGAIN = "no-cache"
"""Kept by the browser, but never used without asking whether it has changed."""

TYPES = {".js": "text/javascript", ".css": "text/css"}


PLOTLY = version("plotly")  # on import: Streamlit changes `sys.path` while scripts run


def plotly_url() -> str:
    """Where the installed plotly's JavaScript is served; a new version has a new address."""
    return f"{PREFIX}/assets/plotly-{PLOTLY}.min.js"


@cache
def plotly_script() -> bytes:
    """plotly.js, gzipped once."""
    return gzip.compress((files("plotly") / "package_data" / "plotly.min.js").read_bytes(), mtime=0)


def router(asset_dir: Path | None) -> APIRouter:
    """The routes; `asset_dir` holds the scripts and style sheets of the live view."""
    routes = APIRouter()
    served_as: dict[str, Any] = {
        "response_class": Response,
        "responses": {200: {"content": {media_type: {} for media_type in TYPES.values()}}},
    }

    @routes.get("/assets/plotly-{number}.min.js", **served_as, summary="The installed plotly.js")
    def plotly(request: Request, number: str) -> Response:
        if number != PLOTLY:
            raise NotFound(_("Another version of plotly is installed here."))
        return cached(request, plotly_script(), TYPES[".js"], IMMUTABLE, gzipped=True)

    @routes.get("/assets/{name}", **served_as, summary="A script or style sheet of the live view")
    def asset(request: Request, name: str) -> Response:
        file = _assets(asset_dir).get(name)
        if file is None:
            raise NotFound(_("There is no such file."))
        return cached(request, file.read_bytes(), TYPES[file.suffix], ASK_AGAIN)

    @routes.get("/recordings/{topic}/{name}", summary="A recorded run, as shown on a fresh page")
    def recording(request: Request, topic: str, name: str) -> Response:
        if topic not in topics.topics() or name not in recordings.names(topic):
            raise NotFound(_("There is no such recording."))
        body = recordings.path(topic, name).read_bytes()
        return cached(request, body, "application/json", DAY, gzipped=True)

    return routes


def _assets(folder: Path | None) -> Mapping[str, Path]:
    """The files that may be asked for, by name."""
    if folder is None:
        return {}
    return {f.name: f for f in folder.iterdir() if f.suffix in TYPES and f.is_file()}


def cached(
    request: Request, body: bytes, media_type: str, cache_control: str, *, gzipped: bool = False
) -> Response:
    """An answer that a browser may keep; 304 when it has this very one already.

    Parameters
    ----------
    gzipped
        Whether `body` is gzipped already; it goes out as it is, for all browsers take that.
    """
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": cache_control}
    known = request.headers.get("if-none-match", "").split(",")
    if etag in (tag.strip().removeprefix("W/") for tag in known):
        return Response(status_code=304, headers=headers)
    if gzipped:
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type=media_type, headers=headers)
