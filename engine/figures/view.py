"""One way of looking at a run: a figure, and the frames it follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import plotly.graph_objects as go


@dataclass(frozen=True)
class View:
    """A figure that a page offers.

    Attributes
    ----------
    name, title, help
        For links and for people (translated).
    kind
        The kind of frame whose arrays the figure's live traces are bound to.
    draw
        Makes the figure; called only while the view is on show.
    """

    name: str
    title: str
    kind: str
    help: str
    draw: Callable[[], go.Figure]
