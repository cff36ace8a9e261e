"""What a sweep has found: the accuracy against the setting that was varied."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from engine.figures import CATEGORIES, blank, faded, live
from engine.topics.classification.data import TRAIN, VALIDATION, Dataset
from engine.topics.classification.figures_parts import measured_on, part_names
from engine.topics.classification.spec import ClassificationConfig
from engine.topics.classification.variants import values
from engine.words import _

UNORDERED = ("data_seed",)
"""Settings of which one value is not more than another: nothing leads from point to point."""


def sweep(config: ClassificationConfig, made: Dataset | None) -> go.Figure:
    """Mean accuracy of each variant, ± 1 sd over its seeds."""
    figure = blank(
        xaxis=_axis(config),
        yaxis={"title": {"text": _("accuracy")}, "tickformat": ".0%", "range": [-0.02, 1.03]},
    )
    curves = [("train", _("training"), CATEGORIES[0])]
    held = _judged_on(config, made)
    if held != TRAIN:
        curves.append(("val", part_names()[held], CATEGORIES[1]))
    for name, _title, color in curves if config.seeds > 1 else ():
        _add_band(figure, f"sweep_{name}", color)
    for name, title, color in curves:
        figure.add_scatter(
            x=[],
            y=[],
            mode="markers" if config.sweep in UNORDERED else "lines+markers",
            name=title,
            line={"color": color, "width": 2.5},
            marker={"color": color, "size": 7},
            meta=live(x="sweep_value", y=f"sweep_{name}", ghost=True),
            hovertemplate=f"{title_of(config)} %{{x:.4~g}}<br>{title} %{{y:.1%}}<extra></extra>",
        )
    return figure


def _judged_on(config: ClassificationConfig, made: Dataset | None) -> int:
    """A choice among variants is made on the validation part; the test part is for its result."""
    if made is not None and (made.part == VALIDATION).any():
        return VALIDATION
    return VALIDATION if made is None and config.validation > 0 else measured_on(config, made)


def title_of(config: ClassificationConfig) -> str:
    """The setting that is varied, in words."""
    return config.settings()["sweep"].label(config.sweep)


def _axis(config: ClassificationConfig) -> dict[str, Any]:
    """The axis of the varied setting, scaled as its control is."""
    known = config.settings()["units_1" if config.sweep == "units" else config.sweep]
    axis: dict[str, Any] = {"title": {"text": title_of(config)}, "type": known.scale}
    first, *_between, last = values(config) * 2
    if known.scale == "log":
        axis |= {"tickformat": "~g"} | ({"dtick": 1} if last >= 100 * first else {})
    elif known.kind == "int":
        axis |= {"tickformat": ",d"} | ({"dtick": 1} if last - first <= 20 else {})
    return axis


def _add_band(figure: go.Figure, name: str, color: str) -> None:
    line: dict[str, Any] = {"width": 0, "color": faded(color, 0.0)}
    common = {"mode": "lines", "line": line, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(x=[], y=[], meta=live(x="sweep_value", y=f"{name}_low"), **common)
    figure.add_scatter(
        x=[],
        y=[],
        fill="tonexty",
        fillcolor=faded(color, 0.18),
        meta=live(x="sweep_value", y=f"{name}_high"),
        **common,
    )
