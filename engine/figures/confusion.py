"""The confusion matrix of a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from engine.data.names import written
from engine.figures.theme import BLUE, blank, faded, live
from engine.words import _

WRITTEN_CLASSES = 12
"""Of more classes, the numbers in the cells would not be legible."""


def confusion(classes: Sequence[str], rows: str) -> go.Figure:
    """Rows by actual (down) and predicted class; coloured by the share of the actual class.

    Parameters
    ----------
    classes
        Their names; empty where nobody knows them before the run does.
    rows
        What is counted, in words: `test rows`.
    """
    names = tuple(written(name) for name in classes)
    figure = blank(
        xaxis={
            "title": {"text": f"{_('predicted')} ({rows})"},
            "type": "category",
            "showgrid": False,
            "constrain": "domain",
        },
        yaxis={
            "title": {"text": _("actual")},
            "type": "category",
            "autorange": "reversed",
            "showgrid": False,
            "scaleanchor": "x",
            "constrain": "domain",
            "ticklabelstandoff": 4,
        },
    )
    cells: dict[str, Any] = {"x": list(names), "y": list(names)} if names else {}
    figure.add_heatmap(
        z=[],
        zmin=0,
        zmax=1,
        colorscale=[[0, faded(BLUE, 0.03)], [1, faded(BLUE, 0.65)]],
        showscale=False,
        xgap=2,
        ygap=2,
        meta=live(z="confusion_share", text="confusion") | {"cells": True},
        hovertemplate=_("actual")
        + " %{y}<br>"
        + _("predicted")
        + " %{x}<br>"
        + _("{count}: {share} of this class").format(count="%{text}", share="%{z:.1%}")
        + "<extra></extra>",
        **cells,
    )
    if len(names) <= WRITTEN_CLASSES:
        _add_counts(figure, names)
    return figure


def _add_counts(figure: go.Figure, names: tuple[str, ...]) -> None:
    """The numbers in the cells, in the colour of the page's text (a heat map's own is not)."""
    figure.add_scatter(
        x=[name for _actual in names for name in names],
        y=[name for name in names for _predicted in names],
        mode="text",
        textfont={"size": 12, "weight": 600},
        meta=live(text="confusion_count"),
        hoverinfo="skip",
    )
