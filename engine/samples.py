"""The rows in one cell of a confusion matrix: what a topic's `samples.py` answers with (torch-free)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from engine.errors import GalleryError
from engine.events import decode_array
from engine.words import _

MOST_PICTURES = 40


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
        Numbers in the data, the first of them.
    confidence : tuple of float
        Probability of the answer.
    features, values
        Names of the F columns, and what the rows hold: ndarray of float32 (n, F) in the units of
        the data.
    plane
        Whether the rows are points on a plane.
    pictures : ndarray of uint8 (n, H, W), (n, H, W, 3) or None
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


def check_cell(counts: list[list[int]], actual: int, predicted: int) -> None:
    """Refuse a cell that a confusion matrix does not have.

    Raises
    ------
    GalleryError
        Names the classes there are.
    """
    if not (0 <= actual < len(counts) and 0 <= predicted < len(counts)):
        text = _("Expected classes from 0 to {last}, received {actual} and {predicted}.")
        text = text.format(last=len(counts) - 1, actual=actual, predicted=predicted)
        raise GalleryError(text, field="cell")


def surest(here: np.ndarray, confidence: Any) -> tuple[np.ndarray, np.ndarray]:
    """Positions where `here` is true and the confidence of each (0 to 1), the highest first.

    Parameters
    ----------
    here : ndarray of bool, shape (N,)
    confidence
        Of all N, from 0 to 255: an array of an event.
    """
    share = plain(confidence).astype(float) / 255
    positions = np.flatnonzero(here)
    positions = positions[np.argsort(-share[positions], kind="stable")]
    return positions, share[positions]


def plain(array: Any) -> np.ndarray:
    """An array of an event, encoded or as a list."""
    return decode_array(array) if isinstance(array, Mapping) else np.asarray(array)
