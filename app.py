"""The PyTorch Live Gallery: `streamlit run app.py`. Only the composition."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import streamlit as st
from starlette.middleware import Middleware

from engine import ROOT, api, service
from pages._frame.guard import WidgetGuard


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[dict[str, Any]]:
    """Start warming up with the server, end all jobs with it."""
    api.send_at_once()
    service.start()
    try:
        with api.ending_with_process():
            yield {}
    finally:
        service.stop()


app = st.App(
    ROOT / "pages" / "_gallery.py",
    routes=api.routes(asset_dir=ROOT / "pages" / "_live"),
    middleware=[*api.middleware(), Middleware(WidgetGuard)],
    lifespan=lifespan,
)
