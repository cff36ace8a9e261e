"""One template and one colour code for every figure.

Colours are the same in light and dark; text and grid are mid-greys that read on both, and the
live view replaces them by the theme's own. Blue is positive / class 1 / the model, orange is
negative / class 0 / the data.
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

BLUE = "#3b82c4"
ORANGE = "#d9772b"
GREY = "#7d848c"
CATEGORIES = ("#3b82c4", "#d9772b", "#009e73", "#cc79a7", "#b8960c", "#56b4e9", "#7d848c")
"""After Okabe & Ito (2008), told apart by colour-blind people."""

_AXIS = {
    "gridcolor": "rgba(125,132,140,0.18)",
    "zeroline": False,
    "linecolor": "rgba(125,132,140,0.35)",
    "ticks": "",
    "automargin": True,
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


def live(**bindings: str) -> dict[str, Any]:
    """`meta` of a trace that follows the run's frames.

    Parameters
    ----------
    bindings
        Trace property → name of the array in the frame's data: `live(y="fit")`.
    """
    return {"live": bindings}
