"""The pictures in one cell of the confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.data.pictures import Album, album, at_hand
from engine.data.tables import OWN
from engine.errors import GalleryError
from engine.samples import MOST_PICTURES, Cell, check_cell, plain, surest
from engine.topics.cnn.parts import parts, some_of
from engine.topics.cnn.spec import CnnConfig
from engine.words import _

if TYPE_CHECKING:
    from engine.data.own_albums import OwnAlbum


def of_cell(
    config: CnnConfig,
    own: OwnAlbum | None,
    told: Mapping[str, Any],
    frame: Mapping[str, Any],
    actual: int,
    predicted: int,
) -> Cell:
    """The pictures of class `actual` that a run took for class `predicted`.

    Raises
    ------
    GalleryError
        When there is no such cell, or the pictures are not here.
    """
    counts = frame["confusion"]
    check_cell(counts, actual, predicted)
    pictures = _pictures(config, own)
    answers = plain(frame["predicted"])
    numbers = parts(config, pictures)[told["measured_on"]]
    if len(answers) < len(numbers):
        numbers = some_of(numbers)
    here = (pictures.labels[numbers] == actual) & (answers == predicted)
    positions, confidence = surest(here, frame["confidence"])
    rows = numbers[positions[:MOST_PICTURES]]
    pixels = np.asarray(pictures.pixels[rows])
    return Cell(
        part=told["measured_on"],
        total=int(counts[actual][predicted]),
        found=len(positions),
        shown=len(answers),
        rows=tuple(int(row) for row in rows),
        confidence=tuple(float(p) for p in confidence[: len(rows)]),
        features=(),
        values=np.zeros((len(rows), 0), np.float32),
        pictures=pixels[..., 0] if pixels.shape[3] == 1 else pixels,
    )


def _pictures(config: CnnConfig, own: OwnAlbum | None) -> Album:
    if config.data == OWN and own is not None:
        return own.album()
    if config.data == OWN:
        text = _("The pictures of this run are not in this visit any more. Load them again.")
        raise GalleryError(text, field="data")
    if not at_hand(config.data):
        text = _("The pictures of this run are not on this machine, so they cannot be shown.")
        raise GalleryError(text, field="data")
    return album(config.data)
