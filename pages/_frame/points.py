"""Points that the visitor adds, drags, paints and deletes on the picture."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import streamlit as st

from engine.config import Config
from engine.figures.theme import CLASS_COLORS, CLASS_SYMBOLS
from engine.figures.view import View
from engine.spec import TopicSpec
from engine.topics import figures
from engine.words import _
from pages._frame.visit import Visit, put_values, remember
from pages._frame.words import brush_words, point_words

LIMIT = 200
"""Points that may be edited where the topic says nothing else."""
DRAWN = "drawn"
ON_PLANE = ("fit", "surface")
"""Views whose axes are those of the points; a drawing on any other would be taken for other data."""


def limit_of(spec: TopicSpec) -> int:
    """How many points the topic takes, by its `DRAWN_POINTS`."""
    limit: int = getattr(import_module(spec.config.__module__), "DRAWN_POINTS", LIMIT)
    return limit


def classes_of(spec: TopicSpec) -> int:
    """How many classes points may have, by the topic's `DRAWN_CLASSES`; 0 if they have none."""
    classes: int = getattr(import_module(spec.config.__module__), "DRAWN_CLASSES", 0)
    return classes


def points_of(spec: TopicSpec, config: Config) -> dict[str, Any] | None:
    """The points on show as `x`, `y` (and `label`), where the topic lets points be edited."""
    if DRAWN not in spec.config.settings():
        return None
    points: dict[str, Any] | None = figures(spec.name).points(config)
    return points


def drawing_view(views: tuple[View, ...]) -> View | None:
    """The view on which points are edited: the first picture, if its axes are the points' own."""
    first = next((view for view in views if view.panel == "picture"), None)
    return first if first is not None and first.name in ON_PLANE else None


def is_own(config: Config) -> bool:
    """Whether the data are points that the visitor has put down."""
    return getattr(config, "data", None) == DRAWN


def editing(spec: TopicSpec, config: Config, view: View, views: tuple[View, ...]) -> dict[str, Any]:
    """What the picture needs to let points be edited; nothing where there are none.

    Of more points than may be edited it gets none, and says why: only a new drawing can be begun.
    """
    points = points_of(spec, config) if view is drawing_view(views) else None
    if not points:
        return {}
    limit, count = limit_of(spec), len(points["x"])
    edit: dict[str, Any] = {"limit": limit, "words": point_words()}
    if classes_of(spec):
        edit |= {
            "words": brush_words(),
            "classes": brushes(spec, points.get("classes", ())),
            "own": is_own(config),
            "note": told(spec, config) if getattr(config, DRAWN) else "",
        }
    if count > limit:
        text = _("These are {count:,} points, and at most {limit} can be changed by hand.")
        edit["many"] = text.format(count=count, limit=limit)
        points = {**points, **{name: [] for name in ("x", "y", "held", "label") if name in points}}
    return {"points": points, "edit": edit}


def brushes(spec: TopicSpec, names: Any = ()) -> list[dict[str, str]]:
    """Name, colour and symbol of every class that can be painted."""
    kinds = zip(CLASS_COLORS, CLASS_SYMBOLS, range(classes_of(spec)), strict=False)
    return [
        {
            "name": names[k] if k < len(names) else _("class {number}").format(number=k),
            "color": color,
            "symbol": symbol,
        }
        for color, symbol, k in kinds
    ]


def told(spec: TopicSpec, config: Config) -> str:
    """Why nothing can be learned from painted points: said beside the brush, not in a box."""
    problem = getattr(figures(spec.name), "problem", None)
    if problem is None or not is_own(config) or not classes_of(spec):
        return ""
    text: str = problem(config)
    return text


def points_edited(spec: TopicSpec, visit: Visit) -> None:
    """Take the points over as the visitor left them."""
    sent = (st.session_state[f"{spec.name}.picture"].get("edited") or {}).get("points")
    limit, classes = limit_of(spec), classes_of(spec)
    text = written(sent, limit, classes)
    if text is None:
        expected = (
            _("Expected at most {limit} points as x, y and a class from 0 to {last}.")
            if classes
            else _("Expected at most {limit} points as pairs of numbers.")
        )
        visit.message = expected.format(limit=limit, last=classes - 1)
        return
    remember(visit, _("points"))
    put_values(spec, visit, {"data": DRAWN, DRAWN: text})


def written(points: Any, limit: int = LIMIT, classes: int = 0) -> str | None:
    """The points as the settings hold them, `x,y;x,y`; None for anything else than points.

    Parameters
    ----------
    classes
        How many there may be: then each point is `x,y,class`, with a whole number below this.
    """
    if not isinstance(points, list) or len(points) > limit:
        return None
    texts = [one_written(point, classes) for point in points]
    return None if None in texts else ";".join(text for text in texts if text is not None)


def one_written(point: Any, classes: int) -> str | None:
    """One point of `written`."""
    if not isinstance(point, list) or len(point) != (3 if classes else 2):
        return None
    if not all(map(is_number, point)):
        return None
    place = f"{point[0]:.6g},{point[1]:.6g}"
    if not classes:
        return place
    whole = type(point[2]) is int  # no boolean, and no 1.0
    return f"{place},{point[2]}" if whole and point[2] in range(classes) else None


def is_number(value: Any) -> bool:
    """A finite number of bearable size."""
    return type(value) in (int, float) and abs(value) <= 1e6  # no NaN is below anything
