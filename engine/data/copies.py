"""Copies of pictures in the registry: which there are, which is taken, and its arrays. Torch-free."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from engine import data as sets
from engine.data import arrays
from engine.data.arrays import Parts, Stored
from engine.errors import Corrupt, StorageFull, Unavailable
from engine.words import _


class Copy(NamedTuple):
    """One way to have an album.

    Attributes
    ----------
    source
        Its files in the registry.
    shape
        Height, width and channels of a picture.
    read
        Makes the number of pictures and their parts of the files.
    note
        See `Album`; marked for translation.
    part
        What is made of the files, where other albums are made of them too.
    """

    source: str
    shape: tuple[int, int, int]
    read: Callable[[Sequence[Path]], tuple[int, Parts]]
    note: str = ""
    part: str = ""


def best(copies: Sequence[Copy]) -> Copy:
    """The first copy that is here, else the first that can be downloaded."""
    return next((copy for copy in copies if here(copy)), None) or next(
        copy for copy in copies if all(file.url for file in sets.source(copy.source).files)
    )


def here(copy: Copy) -> bool:
    """Whether a copy can be had without a download."""
    if arrays.here(_stored(copy)):
        return True
    return all(sets.held(file) is not None for file in sets.source(copy.source).files)


def arrays_of(copy: Copy, mode: Literal["c", "r"] = "c") -> tuple[np.ndarray, np.ndarray]:
    """Pixels and labels of a copy, as `arrays.mapped` has them; `mode` is that of `Stored`.

    Raises
    ------
    GalleryError
        When a file cannot be had.
    """
    stored = _stored(copy, mode)
    if kept := arrays.mapped(stored):
        return kept
    what = _("Unpacking, this once: {title}").format(title=_(sets.source(copy.source).title))
    files = _fetched(copy)
    # a file whose checksum nobody had published has one by now
    return arrays.converted(_stored(copy, mode), what, lambda: copy.read(files))


def _stored(copy: Copy, mode: Literal["c", "r"] = "c") -> Stored:
    """Named after the checksums of the files that the arrays are made from."""
    sums = "".join(sets.checksum(file) for file in sets.source(copy.source).files)
    stem = f"{copy.source}-{sha256(sums.encode()).hexdigest()[:12]}{copy.part}"
    return Stored(stem, copy.shape, mode)


def _fetched(copy: Copy) -> tuple[Path, ...]:
    """The files of the registry; who cannot have them is told what there is without them."""
    try:
        return sets.fetch(copy.source)
    except (Unavailable, Corrupt, StorageFull) as error:
        instead = _("The digits of 8 × 8 pixels and your own pictures need no download.")
        raise type(error)(f"{error.message} {instead}") from None
