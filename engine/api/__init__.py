"""The HTTP side: `/api/v1`, event streams, probes, and the middleware around every response."""

from __future__ import annotations

from pathlib import Path

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount

from engine import __version__
from engine.api import (
    assets,
    errors,
    explanations,
    exports,
    predictions,
    probes,
    results,
    runs,
    stream,
    topics,
)
from engine.api.assets import PREFIX
from engine.api.owner import OwnerCookie, owner_of, same_origin
from engine.api.security import BlockedPaths, BodyLimit, SecurityHeaders
from engine.api.sockets import send_at_once
from engine.api.stream import ending_with_process

__all__ = ["ending_with_process", "middleware", "owner_of", "routes", "send_at_once"]


def routes(asset_dir: Path | None = None) -> list[BaseRoute]:
    """All routes, to be put before Streamlit's own.

    Parameters
    ----------
    asset_dir
        Folder whose `.js` and `.css` files are served under `/api/v1/assets/`.
    """
    return [*probes.ROUTES, predictions.ROUTE, Mount(PREFIX, application(asset_dir))]


def middleware() -> list[Middleware]:
    """What every request passes through; plain ASGI, so that event streams are not held up."""
    return [Middleware(SecurityHeaders), Middleware(BlockedPaths), Middleware(OwnerCookie)]


def application(asset_dir: Path | None) -> FastAPI:
    """The API below `/api/v1`; its description is at `/api/v1/openapi.json`."""
    api = FastAPI(
        title="PyTorch Live Gallery",
        version=__version__,
        openapi_url="/openapi.json",
        docs_url=None,  # Swagger's page loads its scripts from a CDN
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(same_origin)],
        responses=errors.DOCUMENTED,
        exception_handlers=errors.HANDLERS,
        generate_unique_id_function=_operation,
    )
    api.add_middleware(BodyLimit)
    for router in (topics.router, runs.router, stream.router, results.router, exports.router):
        api.include_router(router)
    api.include_router(assets.router(asset_dir))
    api.include_router(predictions.router)
    api.include_router(explanations.router)
    return api


def _operation(route: APIRoute) -> str:
    return route.name
