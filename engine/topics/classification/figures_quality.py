"""How good a classifier is, in pictures: confusion matrix, ROC and precision–recall, calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from engine.data.names import written
from engine.figures import BLUE, GREY, blank, faded, live
from engine.figures.confusion import confusion as confusion_of
from engine.topics.classification.data import Dataset
from engine.topics.classification.figures_parts import (
    DOTTED,
    color,
    measured_on,
    names_of,
    rows_measured,
)
from engine.topics.classification.spec import ClassificationConfig
from engine.words import _

CURVES = 10
"""Classes that have a curve of their own."""

CURVE_POINTS = 101
NAME_LETTERS = 14
ALIKE = 0.04
"""Shares less far apart than this are drawn as one line."""
BINS = 10
GAP = 0.06


def confusion(config: ClassificationConfig, made: Dataset | None) -> go.Figure:
    """Rows by actual (down) and predicted class; coloured by the share of the actual class."""
    return confusion_of(names_of(config, made), rows_measured(config, made))


# ROC and precision–recall ------------------------------------------------------------------------


def roc(config: ClassificationConfig, made: Dataset | None) -> go.Figure:
    """At every threshold: hits against false alarms, and precision against recall."""
    names = names_of(config, made)
    figure = blank()
    where = rows_measured(config, made)
    side_by_side(
        figure,
        (_("false positive rate"), _("true positive rate")),
        (f"{_('recall')} ({where})", _("precision")),
    )
    _add_line(figure, [0, 1], [0, 1], _("chance"), {"color": GREY, "width": 1})
    wanted = _curves(len(names))
    shares = [] if made is None else _shares(made.of(measured_on(config, made))[1], wanted)
    for i, share in enumerate(shares):
        name = "" if i else _("share of the class")
        _add_line(figure, [0, 1], [share, share], name, DOTTED, axis="2")
    for place, k in enumerate(wanted):
        name = names[k] if k < len(names) else ""
        _add_curve(figure, k, name, one=len(wanted) == 1)
        _add_area(figure, k, name, place, len(wanted))
    return figure


def _curves(classes: int) -> list[int]:
    """Classes that have a curve: of two the second, for the first one's says the same."""
    return [1] if classes <= 2 else list(range(min(classes, CURVES)))


def _shares(y: np.ndarray, wanted: list[int]) -> list[float]:
    """Precision of answers by chance: the share of each class, but those nearly alike once."""
    kept: list[float] = []
    for share in sorted(float((y == k).mean()) for k in wanted):
        if not kept or share - kept[-1] > ALIKE:
            kept.append(share)
    return kept


def _add_curve(figure: go.Figure, k: int, name: str, one: bool) -> None:
    line = {"color": color(k), "width": 2.5 if one else 1.75}
    shown = "<extra>" + written(name) + "</extra>"
    area = f"{_('AUC')} %{{meta.auc}}"
    figure.add_scatter(
        x=[],
        y=[],
        mode="lines",
        line=line,
        name=name,
        meta=live({"meta.auc": f"auc_text_{k}"}, x="roc_x", y=f"roc_{k}", ghost=one),
        hovertemplate=_("false positive rate")
        + " %{x:.2f}<br>"
        + _("true positive rate")
        + f" %{{y:.2f}}<br>{area}{shown}",
    )
    figure.add_scatter(
        x=[],
        y=[],
        xaxis="x2",
        yaxis="y2",
        mode="lines",
        line=line,
        name=name,
        showlegend=False,
        meta=live(x="pr_x", y=f"pr_{k}", ghost=one),
        hovertemplate=_("recall") + " %{x:.2f}<br>" + _("precision") + " %{y:.2f}" + shown,
    )


def _add_area(figure: go.Figure, k: int, name: str, place: int, count: int) -> None:
    """The area in words, below the diagonal: a text at one of the curve's last places."""
    label = _("AUC") if count == 1 else written(name[:NAME_LETTERS])
    height = 0.04 + 0.066 * (count - 1 - place)
    indent = 0 if count == 1 else 4
    figure.add_scatter(
        x=[],
        y=[None] * (CURVE_POINTS - 1 - indent) + [height] + [None] * indent,
        mode="text",
        texttemplate=f"{label} <b>%{{meta.auc}}</b>",
        textposition="middle left",
        textfont={"size": 11 if count > 3 else 13},
        showlegend=False,
        meta=live({"meta.auc": f"auc_text_{k}"}, x="roc_x"),
        hoverinfo="skip",
    )
    if count == 1:
        return
    figure.add_scatter(
        x=[],
        y=[None] * (CURVE_POINTS - 1) + [height],
        mode="markers",
        marker={"color": color(k), "size": 7},
        showlegend=False,
        meta=live(x="roc_x"),
        hoverinfo="skip",
    )


def side_by_side(
    figure: go.Figure, left: tuple[str, str], right: tuple[str, str], **axis: Any
) -> None:
    """Two plots of shares from 0 to 1, with these titles of x and y.

    The scales stand outside: between the plots a phone has no room for one.
    """
    usual = figure.layout.xaxis.to_plotly_json() | {"range": [-0.02, 1.02], **axis}
    half = (1 - GAP) / 2
    for i, ((x, y), domain) in enumerate(((left, [0, half - 0.02]), (right, [half + GAP, 1]))):
        number = str(i + 1) if i else ""
        titles = {"standoff": 8}
        figure.layout[f"xaxis{number}"] = {
            **usual,
            "domain": domain,
            "anchor": f"y{number}",
            "title": {"text": x, **titles},
        }
        figure.layout[f"yaxis{number}"] = {
            **usual,
            "anchor": f"x{number}",
            "side": "right" if i else "left",
            "title": {"text": y, **titles},
        }


def _add_line(
    figure: go.Figure, x: list[float], y: list[float], name: str, line: Any, axis: str = ""
) -> None:
    axes = {"xaxis": f"x{axis}", "yaxis": f"y{axis}"}
    figure.add_scatter(x=x, y=y, mode="lines", name=name, line=line, hoverinfo="skip", **axes)


# Calibration -------------------------------------------------------------------------------------


def calibration(config: ClassificationConfig, made: Dataset | None) -> go.Figure:
    """How often the network is right where it is so sure; below, how often it is so sure."""
    figure = blank()
    plain = figure.layout.xaxis.to_plotly_json()
    where = rows_measured(config, made)
    figure.layout.xaxis = {
        **plain,
        "range": [-0.02, 1.02],
        "anchor": "y2",
        "title": {"text": f"{_('confidence')} ({where})", "standoff": 8},
        "tickformat": ".0%",
    }
    figure.layout.yaxis = {
        **plain,
        "range": [-0.02, 1.04],
        "domain": [0.3, 1],
        "title": {"text": _("accuracy"), "standoff": 8},
        "tickformat": ".0%",
    }
    figure.layout.yaxis2 = {
        **plain,
        "domain": [0, 0.2],
        "rangemode": "tozero",
        "nticks": 3,
        "title": {"text": _("rows"), "standoff": 8},
    }
    line = {"color": GREY, "width": 1}
    _add_line(figure, [0, 1], [0, 1], _("as often right as it is sure"), line)
    figure.add_scatter(
        x=[],
        y=[],
        mode="lines+markers",
        name=_("network"),
        connectgaps=True,
        line={"color": BLUE, "width": 2.5},
        marker={"size": 8},
        meta=live(x="calibration_x", y="calibration_y", customdata="calibration_n", ghost=True),
        hovertemplate=_("confidence")
        + " %{x:.1%}<br>"
        + _("accuracy")
        + " %{y:.1%}<br>%{customdata} "
        + _("rows")
        + "<extra></extra>",
    )
    figure.add_bar(
        x=[round(at, 2) for at in ((np.arange(BINS) + 0.5) / BINS).tolist()],
        y=[],
        yaxis="y2",
        width=0.085,
        marker={"color": faded(BLUE, 0.45)},
        showlegend=False,
        meta=live(y="calibration_n"),
        hovertemplate=_("confidence") + " ≈ %{x:.0%}<br>%{y} " + _("rows") + "<extra></extra>",
    )
    return figure
