"""What the pictures of the classification topic have in common: data, names, colours, symbols."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from engine.errors import GalleryError
from engine.figures import CLASS_COLORS, CLASS_SYMBOLS, GREY, faded
from engine.topics.classification import data, stored
from engine.topics.classification.data import LARGE, TEST, TRAIN, VALIDATION, Dataset, at_hand
from engine.topics.classification.spec import (
    DOWNLOADED,
    OFFICIAL_TEST,
    PLANE,
    TABLES,
    ClassificationConfig,
)
from engine.words import N_, _

if TYPE_CHECKING:
    from engine.data.tables import Table

BEST_FIRST = (TEST, VALIDATION, TRAIN)
"""Pictures and baselines are measured on the first of these parts that has rows."""

DOTTED = {"color": GREY, "width": 1.5, "dash": "dot"}
FADED_OUT, FULL = 0.06, 0.72
"""Opacity of a class's ground where it is a guess, and where it is certain: the page shows through,
so that one scale serves light and dark."""

KNOWN: dict[str, tuple[int, tuple[str, ...]]] = {
    "sonar": (stored.BANDS, (N_("rock"), N_("mine"))),
    "credit": (22, (N_("paid"), N_("default"))),
    "mnist": (stored.SIDE**2, stored.DIGITS),
    "fashion-mnist": (stored.SIDE**2, stored.CLOTHES),
}
"""Number of features and names of the classes of data that may not be here."""

LINE = 46
"""Letters of a line that fits beside a phone's margins."""
LINE_HEIGHT = 16

Scale = list[list[Any]]


def dataset(config: ClassificationConfig, table: Table | None = None) -> Dataset | None:
    """The data of the configuration; None where they are not here, too large or unreadable."""
    if config.data in LARGE or not at_hand(config):
        return None
    try:
        made = data.make(config, table)
    except GalleryError:
        return None
    return made if len(made.x) else None


def part_names() -> dict[int, str]:
    """What the three parts are called."""
    return {TRAIN: _("training"), VALIDATION: _("validation"), TEST: _("test")}


def measured_on(config: ClassificationConfig, made: Dataset | None) -> int:
    """The part that a run of these settings is measured on: the best there is."""
    if made is not None:
        return next(part for part in BEST_FIRST if (made.part == part).any())
    if config.data in OFFICIAL_TEST or (config.data in TABLES and config.test_share > 0):
        return TEST
    return VALIDATION if config.validation > 0 else TRAIN


def rows_measured(config: ClassificationConfig, made: Dataset | None) -> str:
    """That part in words."""
    return _("{part} rows").format(part=part_names()[measured_on(config, made)])


def names_of(config: ClassificationConfig, made: Dataset | None) -> tuple[str, ...]:
    """The names of the classes; empty where nobody knows them before the run does."""
    names = made.classes if made is not None else KNOWN.get(config.data, (0, ()))[1]
    return tuple(_(name) for name in names) if config.data in DOWNLOADED else names


def width_of(config: ClassificationConfig, made: Dataset | None) -> int:
    """Number of inputs of the network; 0 where nobody knows it before the run does."""
    if config.data in PLANE:
        return len(data.inputs(config))
    return made.x.shape[1] if made is not None else KNOWN.get(config.data, (0, ()))[0]


def color(k: int) -> str:
    """The colour of class k."""
    return CLASS_COLORS[k % len(CLASS_COLORS)]


def symbol(k: int) -> str:
    """The marker of class k; where colours come again, with another one."""
    return CLASS_SYMBOLS[(k + k // len(CLASS_COLORS)) % len(CLASS_SYMBOLS)]


def certainty(count: int) -> Scale:
    """Colour scale of a surface: from class 0 to class 1, or k + how certainly it is class k.

    Of two classes the scale is from 0 to 1, of C classes from 0 to C.
    """
    if count == 2:
        sides = (0.0, color(0), FULL), (0.5, color(0), 0.0), (0.5, color(1), 0.0)
        return [[at, faded(c, a)] for at, c, a in (*sides, (1.0, color(1), FULL))]
    scale: Scale = []
    for k in range(count):
        scale.append([k / count, faded(color(k), FADED_OUT)])
        scale.append([(k + 1) / count, faded(color(k), FULL)])
    return scale


def flat(count: int) -> Scale:
    """Colour scale of class indices from -1/2 to C - 1/2, one flat colour each."""
    return [[(k + end) / count, color(k)] for k in range(count) for end in (0, 1)]


def size_of(count: int) -> dict[str, float]:
    """Size and opacity of so many markers: all of them are to be seen."""
    if count <= 150:
        return {"size": 9, "opacity": 0.95}
    return {"size": 7, "opacity": 0.9} if count <= 600 else {"size": 5, "opacity": 0.8}


def plain(values: np.ndarray) -> list[float]:
    """As short numbers: figures travel as text."""
    return [float(f"{value:.5g}") for value in values.tolist()]


def say(figure: go.Figure, text: str, above: bool = False) -> None:
    """Words in the middle of a figure that has nothing to show, or above what it shows."""
    lines = wrap(text, LINE)
    place: dict[str, Any] = {"y": 0.5, "yanchor": "middle"}
    if above:
        place = {"y": 1, "yanchor": "bottom"}
        figure.layout.margin.t = LINE_HEIGHT * len(lines) + 8
    figure.add_annotation(
        text="<br>".join(lines),
        xref="paper",
        yref="paper",
        x=0.5,
        xanchor="center",
        showarrow=False,
        font={"size": 12},
        **place,
    )
