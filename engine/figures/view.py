"""One way of looking at a run: a figure, and the frames it follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

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
    panel
        The panel of the live view that shows it: the plotly `picture`, the `network` with every
        neuron as its own small heat map, the small `multiples` of a sweep, the feature `maps` of a
        picture, a sheet of `mistakes` or of `useful` pictures, a three-dimensional `embedding` of
        pictures, or the `fusion` of several models' answers.
    """

    name: str
    title: str
    kind: str
    help: str
    draw: Callable[[], go.Figure]
    panel: Literal[
        "picture", "network", "multiples", "maps", "mistakes", "useful", "embedding", "fusion"
    ] = "picture"
