"""Figures of a topic as plain JSON, made once per configuration and language."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import plotly.graph_objects as go

from engine.config import Config
from engine.data.own import OwnData
from engine.figures import blank
from engine.figures.view import View
from engine.topics import figures
from engine.words import language


@lru_cache(maxsize=256)
def _views(topic: str, config: Config, own: OwnData | None, _language: str) -> tuple[View, ...]:
    return tuple(figures(topic).views(config, own))


@lru_cache(maxsize=256)
def _figure(
    topic: str, config: Config, own: OwnData | None, view: str, language: str, _at_hand: bool
) -> dict[str, Any]:
    views = figures(topic).views(config, own)
    return _plain(next(v for v in views if v.name == view).draw())


@lru_cache(maxsize=256)
def _baselines(
    topic: str, config: Config, own: OwnData | None, _language: str, _at_hand: bool
) -> tuple[dict[str, Any], ...]:
    return tuple(figures(topic).baselines(config, own))


@lru_cache(maxsize=8)
def curves_figure(title: str) -> dict[str, Any]:
    """The empty figure of the curves panel."""
    figure = blank(
        xaxis={"title": {"text": title}, "rangemode": "tozero"}, yaxis={"tickformat": ".4~g"}
    )
    return _plain(figure)


def views_of(topic: str, config: Config, own: OwnData | None = None) -> tuple[View, ...]:
    """The ways of looking at runs of these settings; the first is the main picture."""
    made = _views if own is None else _views.__wrapped__
    return made(topic, _neutral(config), own, language.get())


def figure_of(
    topic: str, config: Config, own: OwnData | None = None, view: str = ""
) -> dict[str, Any]:
    """One view's figure, by default the main one; the live view fills in what a run draws."""
    name = view or views_of(topic, config, own)[0].name
    made = _figure if own is None else _figure.__wrapped__  # own data go with their visit
    return made(topic, _neutral(config), own, name, language.get(), at_hand(topic, config))


def baselines_of(
    topic: str, config: Config, own: OwnData | None = None
) -> tuple[dict[str, Any], ...]:
    """What simple methods reach on the same data: title, value, help."""
    made = _baselines if own is None else _baselines.__wrapped__
    return made(topic, _neutral(config), own, language.get(), at_hand(topic, config))


def curves_of(topic: str, config: Config) -> tuple[str, ...]:
    """Metrics that are drawn as curves, where that depends on the settings; else none."""
    told = getattr(figures(topic), "curves", None)
    return tuple(told(config)) if told is not None else ()


def at_hand(topic: str, config: Config) -> bool:
    """Whether the data are here; a figure drawn without them is made anew when they are."""
    known = getattr(figures(topic), "at_hand", None)
    return known is None or bool(known(config))


def _neutral(config: Config) -> Config:
    """Settings that no figure depends on are all the same to the caches."""
    usual = type(config)()
    live = {n: getattr(usual, n) for n, s in config.settings().items() if s.live}
    return config.model_copy(update=live)


def _plain(figure: go.Figure) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(figure.to_json())
    return plain
