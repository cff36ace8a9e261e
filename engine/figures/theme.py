"""One template and one colour code for every figure.

Colours are the same in light and dark; text and grid are mid-greys that read on both, and the
live view replaces them by the theme's own. Blue is positive / class 1 / the model, orange is
negative / class 0 / the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

BLUE = "#3b82c4"
ORANGE = "#d9772b"
GREY = "#7d848c"
CATEGORIES = ("#3b82c4", "#d9772b", "#009e73", "#cc79a7", "#b8960c", "#56b4e9", "#7d848c")
"""After Okabe & Ito (2008), told apart by colour-blind people."""

CLASS_COLORS = (
    ORANGE,
    BLUE,
    "#1cb58a",
    "#a23b7a",
    "#e6b000",
    "#8cc3e6",
    "#7d848c",
    "#7a4a30",
    "#4c3f9e",
    "#c3c7cc",
)
"""Of classes 0 … 9: hues of Okabe & Ito, spread in lightness until all ten stay apart for
protan-, deuter- and tritanopes (simulated after Machado et al. 2009; a test measures it)."""

CLASS_SYMBOLS = (
    "circle",
    "square",
    "diamond",
    "triangle-up",
    "cross",
    "star",
    "x",
    "hexagon",
    "pentagon",
    "bowtie",
)
"""Of classes 0 … 9: a class is never told by its colour alone."""

_AXIS = {
    "gridcolor": "rgba(125,132,140,0.18)",
    "zeroline": False,
    "linecolor": "rgba(125,132,140,0.35)",
    "ticks": "",
    "automargin": True,
    "title": {"standoff": 8},
}


def blank(**layout: Any) -> go.Figure:
    """An empty figure in our template; `layout` is merged into it."""
    base = {
        "template": None,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": GREY, "size": 12, "family": "inherit"},
        "margin": {"l": 44, "r": 16, "t": 8, "b": 34},
        "xaxis": dict(_AXIS),
        "yaxis": dict(_AXIS),
        "showlegend": False,
        "hovermode": "closest",
        "colorway": list(CATEGORIES),
    }
    figure = go.Figure()
    figure.layout.update(base)
    figure.layout.update(layout)
    return figure


def live(
    dotted: Mapping[str, str] | None = None,
    /,
    *,
    until: str = "",
    ghost: bool = False,
    **bindings: str,
) -> dict[str, Any]:
    """`meta` of a trace (or of the layout) that follows the run's frames.

    Parameters
    ----------
    until
        Array of steps, as long as those that are bound: they are cut at the step on show.
    ghost
        Whether the trace is repeated, thin, for each run that is laid over this one.
    dotted, bindings
        Property → name of the array in the frame's data, or in what the run said at its start:
        `live({"error_x.array": "sd"}, x="increase")`.
    """
    meta: dict[str, Any] = {"live": {**(dotted or {}), **bindings}}
    if until:
        meta["until"] = until
    if ghost:
        meta["ghost"] = True
    return meta


def faded(color: str, alpha: float) -> str:
    """A colour of ours (`#rrggbb`), more transparent."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"
