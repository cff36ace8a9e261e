"""The rows in one cell of the confusion matrix: which they are, and what can be shown of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from engine.errors import GalleryError
from engine.events import decode_array
from engine.topics.classification import data
from engine.topics.classification.spec import PLANE, ClassificationConfig
from engine.words import _

if TYPE_CHECKING:
    from engine.data.tables import Table

PARTS = {"train": data.TRAIN, "val": data.VALIDATION, "test": data.TEST}

MOST_ROWS = 50
MOST_PICTURES = 40
MOST_POINTS = 400
"""Points that are ringed; of tables, fewer rows are shown."""


class Cell(NamedTuple):
    """Rows of one class that got one answer, those that the network was surest of first.

    Attributes
    ----------
    part
        `train`, `val` or `test`: what the confusion matrix is measured on.
    total, found
        How many rows the matrix counts there, and how many of them are among the rows shown.
    shown
        How many rows are shown in all: of a long table, some of its rows.
    rows : tuple of int
        Numbers in the data, at most `MOST_POINTS`, `MOST_PICTURES` or `MOST_ROWS` of them.
    confidence : tuple of float
        Probability of the answer.
    features, values
        Names of the F columns, and what the rows hold: ndarray of float32 (n, F) in the units of
        the data.
    plane
        Whether the rows are points on a plane.
    pictures : ndarray of uint8 (n, H, W) or None
        The rows as pictures, if that is what they are.
    """

    part: str
    total: int
    found: int
    shown: int
    rows: tuple[int, ...]
    confidence: tuple[float, ...]
    features: tuple[str, ...]
    values: np.ndarray
    plane: bool = False
    pictures: np.ndarray | None = None


def of_cell(
    config: ClassificationConfig,
    table: Table | None,
    told: Mapping[str, Any],
    frame: Mapping[str, Any],
    actual: int,
    predicted: int,
) -> Cell:
    """The rows of class `actual` that a run took for class `predicted`.

    Parameters
    ----------
    table
        The visitor's own, for `data="own"`.
    told, frame
        Arrays that the run told when it began, and those of the frame on show.

    Raises
    ------
    GalleryError
        When there is no such cell, the data are not here, or they are others than the run's.
    """
    counts = frame["confusion"]
    if not (0 <= actual < len(counts) and 0 <= predicted < len(counts)):
        text = _("Expected classes from 0 to {last}, received {actual} and {predicted}.")
        text = text.format(last=len(counts) - 1, actual=actual, predicted=predicted)
        raise GalleryError(text, field="cell")
    positions, confidence = surest(told, frame, actual, predicted)
    rows, values, image = _looked_up(config, table, positions, len(_plain(told["label"])))
    return Cell(
        part=told["measured_on"],
        total=int(counts[actual][predicted]),
        found=len(positions),
        shown=len(_plain(told["label"])),
        rows=tuple(int(row) for row in rows),
        confidence=tuple(float(p) for p in confidence[: len(rows)]),
        features=tuple(told["features"]),
        values=values,
        plane=config.data in PLANE,
        pictures=None if image is None else pictures(values, image),
    )


def surest(
    told: Mapping[str, Any], frame: Mapping[str, Any], actual: int, predicted: int
) -> tuple[np.ndarray, np.ndarray]:
    """Positions among the rows shown, and the confidence of each, the highest first."""
    here = _plain(told["label"]) == actual
    here &= _plain(told["part"]) == PARTS[told["measured_on"]]
    here &= _plain(frame["predicted"]) == predicted
    confidence = _plain(frame["confidence"]).astype(float) / 255
    positions = np.flatnonzero(here)
    positions = positions[np.argsort(-confidence[positions], kind="stable")]
    return positions, confidence[positions]


def pictures(values: np.ndarray, image: tuple[int, int]) -> np.ndarray:
    """Rows of pixels (n, H · W) as uint8 (n, H, W); the brightest pixel of all is white."""
    brightest = float(values.max(initial=0)) or 1.0
    pixels = np.clip(values / brightest, 0, 1) * 255
    return np.asarray(pixels.round().astype(np.uint8).reshape(-1, *image))


def _plain(array: Any) -> np.ndarray:
    """An array of an event, encoded or as a list."""
    return decode_array(array) if isinstance(array, Mapping) else np.asarray(array)


def _looked_up(
    config: ClassificationConfig, table: Table | None, positions: np.ndarray, told: int
) -> tuple[np.ndarray, np.ndarray, tuple[int, int] | None]:
    """Row numbers, values (n, F) and size of the pictures of the first of these positions."""
    if not data.at_hand(config):
        text = _("The data of this run are not on this machine, so its rows cannot be shown.")
        raise GalleryError(text, field="data")
    dataset = data.numbered(config) if config.data in data.LARGE else data.make(config, table)
    shown = data.shown(dataset)
    if len(shown) != told:
        text = _("The data of this run have changed since, so its rows cannot be shown.")
        raise GalleryError(text, field="data")
    most = MOST_POINTS if config.data in PLANE else MOST_PICTURES if dataset.image else MOST_ROWS
    rows = shown[positions[:most]]
    if config.data not in data.LARGE:
        return rows, dataset.x[rows], dataset.image
    sources = dataset.x[rows, 0].astype(int)
    return sources, data.pixels(config, sources), dataset.image
