"""Points that the visitor adds, drags and deletes on the picture."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine.config import Config
from engine.spec import TopicSpec
from engine.topics import figures
from engine.words import _
from pages._frame.visit import Visit, put_values, remember

LIMIT = 200
DRAWN = "drawn"


def points_of(spec: TopicSpec, config: Config) -> dict[str, Any] | None:
    """The points on show as `x` and `y`, if the topic lets them be edited and they are not too many."""
    if DRAWN not in spec.config.settings():
        return None
    points: dict[str, Any] | None = figures(spec.name).points(config)
    return points if points is not None and len(points["x"]) <= LIMIT else None


def points_edited(spec: TopicSpec, visit: Visit) -> None:
    """Take the points over as the visitor left them."""
    sent = (st.session_state[f"{spec.name}.picture"].get("edited") or {}).get("points")
    text = written(sent)
    if text is None:
        visit.message = _("Expected at most {limit} points as pairs of numbers.").format(
            limit=LIMIT
        )
        return
    remember(visit, _("points"))
    put_values(spec, visit, {"data": DRAWN, DRAWN: text})


def written(points: Any) -> str | None:
    """The points as the settings hold them, `x,y;x,y`; None for anything else than points."""
    if not isinstance(points, list) or len(points) > LIMIT:
        return None
    pairs = []
    for point in points:
        if not (isinstance(point, list) and len(point) == 2 and all(map(is_number, point))):
            return None
        pairs.append(f"{point[0]:.6g},{point[1]:.6g}")
    return ";".join(pairs)


def is_number(value: Any) -> bool:
    """A finite number of bearable size."""
    return type(value) in (int, float) and abs(value) < 1e9  # no NaN is below anything
