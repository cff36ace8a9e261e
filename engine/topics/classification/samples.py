"""The rows in one cell of the confusion matrix: which they are, and what can be shown of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import GalleryError
from engine.samples import MOST_PICTURES, Cell, check_cell, plain, surest
from engine.topics.classification import data
from engine.topics.classification.spec import PLANE, ClassificationConfig
from engine.words import _

if TYPE_CHECKING:
    from engine.data.tables import Table

PARTS = {"train": data.TRAIN, "val": data.VALIDATION, "test": data.TEST}

MOST_ROWS = 50
MOST_POINTS = 400
"""Points that are ringed; of tables, fewer rows are shown."""


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
    check_cell(counts, actual, predicted)
    here = plain(told["label"]) == actual
    here &= plain(told["part"]) == PARTS[told["measured_on"]]
    here &= plain(frame["predicted"]) == predicted
    positions, confidence = surest(here, frame["confidence"])
    rows, values, image = _looked_up(config, table, positions, len(plain(told["label"])))
    return Cell(
        part=told["measured_on"],
        total=int(counts[actual][predicted]),
        found=len(positions),
        shown=len(plain(told["label"])),
        rows=tuple(int(row) for row in rows),
        confidence=tuple(float(p) for p in confidence[: len(rows)]),
        features=tuple(told["features"]),
        values=values,
        plane=config.data in PLANE,
        pictures=None if image is None else pictures(values, image),
    )


def pictures(values: np.ndarray, image: tuple[int, int]) -> np.ndarray:
    """Rows of pixels (n, H · W) as uint8 (n, H, W); the brightest pixel of all is white."""
    brightest = float(values.max(initial=0)) or 1.0
    pixels = np.clip(values / brightest, 0, 1) * 255
    return np.asarray(pixels.round().astype(np.uint8).reshape(-1, *image))


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
