"""Figures of a topic as plain JSON, made once per configuration and language."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import plotly.graph_objects as go

from engine.config import Config
from engine.figures import blank
from engine.topics import figures
from engine.words import language


@lru_cache(maxsize=256)
def _figure(topic: str, config: Config, _language: str) -> dict[str, Any]:
    return _plain(figures(topic).picture(config))


@lru_cache(maxsize=256)
def _baselines(topic: str, config: Config, _language: str) -> tuple[dict[str, Any], ...]:
    return tuple(figures(topic).baselines(config))


@lru_cache(maxsize=8)
def curves_figure(title: str) -> dict[str, Any]:
    """The empty figure of the curves panel."""
    figure = blank(
        xaxis={"title": {"text": title}, "rangemode": "tozero"}, yaxis={"tickformat": ".2~g"}
    )
    return _plain(figure)


def figure_of(topic: str, config: Config) -> dict[str, Any]:
    """The picture of a configuration; the live view fills in what a run draws."""
    return _figure(topic, config, language.get())


def baselines_of(topic: str, config: Config) -> tuple[dict[str, Any], ...]:
    """What simple methods reach on the same data: title, value, help."""
    return _baselines(topic, config, language.get())


def _plain(figure: go.Figure) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(figure.to_json())
    return plain
