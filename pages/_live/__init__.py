"""The live view: panels that follow a run in the browser, without reruns of the script.

One component (v2); each panel is mounted with its part. The JavaScript modules are served by
`/api/v1/assets/`, so that a rerun sends no code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from engine.api.assets import plotly_url

ASSETS = "api/v1/assets"

_LOADER = """
const modules = new Map();
const load = (url) => modules.get(url) ?? modules.set(url, import(url)).get(url);
export default function (component) {
  const url = new URL(component.data.module, location.origin).href;
  const { parentElement } = component;
  load(url).then((live) => live.mount(component));
  return () => load(url).then((live) => live.unmount(parentElement));
}
"""

_component = st.components.v2.component(
    "gallery_live",
    html='<div class="gallery-live"></div>',
    css=Path(__file__).with_name("live.css").read_text(),
    js=_LOADER,
    isolate_styles=False,
)

Part = Literal[
    "answer",
    "blocks",
    "card",
    "curves",
    "embedding",
    "exports",
    "feed",
    "fusion",
    "image",
    "maps",
    "metrics",
    "mistakes",
    "multiples",
    "network",
    "pad",
    "picture",
    "runs",
    "status",
    "timeline",
    "useful",
    "watch",
    "webcam",
    "why",
]


@cache
def base_url() -> str:
    """Path under which the app is served, with a slash at both ends."""
    path = (st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}/" if path else "/"


def panel(
    part: Part,
    source: Mapping[str, Any] | None,
    *,
    key: str,
    callbacks: Mapping[str, Callable[[], None]] | None = None,
    **data: Any,
) -> Any:
    """Mount one panel.

    Parameters
    ----------
    part
        Which panel.
    source
        What it follows: see `run_source` and `recording_source`.
    callbacks
        `on_<name>_change` functions of the component's state and triggers.
    data
        What the panel needs (figure, metrics, words, height in px).
    """
    return _component(
        key=key,
        data={
            "part": part,
            "source": source,
            "module": f"{base_url()}{ASSETS}/live.js",
            "plotly": base_url() + plotly_url().lstrip("/"),
            "theme": st.context.theme.type,
            **data,
        },
        **(callbacks or {}),
    )


def run_source(run_id: str) -> dict[str, Any]:
    """A run that trains now: its event stream."""
    url = f"{base_url()}api/v1/runs/{run_id}"
    return {"kind": "run", "id": run_id, "url": f"{url}/events", "history": f"{url}/history"}


def history_source(run_id: str) -> dict[str, Any]:
    """A finished run from the store."""
    return {
        "kind": "recording",
        "id": run_id,
        "url": f"{base_url()}api/v1/runs/{run_id}/history",
        "play": "",
    }


def recording_source(topic: str, name: str, play: Literal["once", "loop"]) -> dict[str, Any]:
    """A shipped recording; the query only keeps streams of different plays apart."""
    return {
        "kind": "recording",
        "url": f"{base_url()}api/v1/recordings/{topic}/{name}?play={play}",
        "play": play,
    }
