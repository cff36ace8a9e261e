"""The picture of the regression topic: points, least-squares line, and the fit that follows a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import plotly.graph_objects as go

from engine.figures import BLUE, ORANGE, blank, live
from engine.figures.theme import GREY
from engine.topics.regression import data
from engine.topics.regression.spec import RegressionConfig
from engine.words import _

HEADROOM = 0.12
"""Share of the y range left free above and below the points."""


def picture(config: RegressionConfig) -> go.Figure:
    """Points of the configuration; the trace `fit` is bound to the frames of a run."""
    points = data.make(config)
    grid = data.grid(points)
    figure = blank(
        xaxis={"title": {"text": "x"}, "range": [float(grid[0]), float(grid[-1])]},
        yaxis={"title": {"text": "y"}, "range": _range(points.y)},
    )
    slope, intercept = data.least_squares(points)
    ends = np.array([grid[0], grid[-1]])
    figure.add_scatter(
        x=_plain(ends),
        y=_plain(slope * ends + intercept),
        mode="lines",
        name=_("least squares"),
        line={"color": GREY, "width": 1.5, "dash": "dot"},
        hovertemplate=_("least squares: y = %.3f x + %.3f") % (slope, intercept)
        + "<extra></extra>",
    )
    _add_points(
        figure, points.x[~points.held_out], points.y[~points.held_out], _("training"), "circle"
    )
    if points.held_out.any():
        _add_points(
            figure,
            points.x[points.held_out],
            points.y[points.held_out],
            _("held out"),
            "circle-open",
        )
    figure.add_scatter(
        x=_plain(grid),
        y=[],
        mode="lines",
        name=_("model"),
        line={"color": BLUE, "width": 3},
        meta=live(y="fit"),
        hovertemplate="x %{x:.2f}<br>" + _("model") + " %{y:.3f}<extra></extra>",
    )
    return figure


def baselines(config: RegressionConfig) -> Iterator[dict[str, Any]]:
    """What the mean and the least-squares line reach on the points: title, value, help."""
    points = data.make(config)
    train = ~points.held_out
    part, split = (~train, _("held-out")) if points.held_out.any() else (train, _("training"))
    slope, intercept = data.least_squares(points)
    line = points.y - (slope * points.x + intercept)
    level = points.y - points.y[train].mean()
    help = _("Mean squared error on the {split} points.").format(split=split)
    yield {"title": _("Best line"), "value": float((line[part] ** 2).mean()), "help": help}
    yield {"title": _("Mean only"), "value": float((level[part] ** 2).mean()), "help": help}


def _add_points(figure: go.Figure, x: np.ndarray, y: np.ndarray, name: str, symbol: str) -> None:
    figure.add_scatter(
        x=_plain(x),
        y=_plain(y),
        mode="markers",
        name=name,
        marker={"color": ORANGE, "size": 8, "symbol": symbol, "opacity": 0.9},
        hovertemplate="x %{x:.2f}<br>y %{y:.2f}<extra>" + name + "</extra>",
    )


def _range(values: np.ndarray) -> list[float]:
    low, high = float(values.min()), float(values.max())
    margin = HEADROOM * ((high - low) or 1.0)
    return [low - margin, high + margin]


def _plain(values: np.ndarray) -> list[float]:
    return [round(float(v), 4) for v in values]
