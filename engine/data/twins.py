"""What a visitor should know of pictures before trusting an accuracy. Torch-free.

Near copies on both sides of a split, and classes of very unequal size.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple

import numpy as np

from engine.data.pictures import Album
from engine.words import _

NEAR = 3
"""Bits of 64 in which the hashes of near copies differ at most."""
ROWS, COLUMNS = 8, 9
"""Cells that a picture is averaged over: 8 differences in each of 8 rows."""
LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-R BT.601)."""
PIXELS_AT_ONCE = 2**23
"""Values that are averaged at a time: 32 MB."""
PAIRS_AT_ONCE = 2**22
"""Hashes that are compared at a time: 32 MB."""
UNEQUAL = 5
"""How many times the smallest class the largest may not be."""


class Twins(NamedTuple):
    """How many pictures of a second part have a copy in a first one.

    Attributes
    ----------
    near
        Those with a picture that looks nearly alike, `exact` ones among them.
    exact
        Those with a picture of the very same pixels.
    """

    near: int
    exact: int


def twins(pixels: np.ndarray, first: np.ndarray, second: np.ndarray) -> Twins:
    """Count the pictures of `second` that have a copy among `first`.

    Two pictures are near copies when their hashes differ in at most `NEAR` bits: made smaller,
    lighter or saved again they mostly are. Small digits and clothes on a plain ground look alike by
    nature (of MNIST's test digits three in five have a near copy): the caller decides when to ask.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (N, H, W, C)
    first, second : ndarray of int64, shapes (A,) and (B,)
        Numbers of pictures.
    """
    exact = _exact(pixels, first, second)
    ones, others = hashes(pixels, first), hashes(pixels, second)
    near = exact.copy()
    if len(ones):
        step = max(1, PAIRS_AT_ONCE // len(ones))
        for start in range(0, len(others), step):
            part = slice(start, start + step)
            distances = np.bitwise_count(others[part, None] ^ ones[None])
            near[part] |= distances.min(axis=1) <= NEAR
    return Twins(int(near.sum()), int(exact.sum()))


def _exact(pixels: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Whether each picture of `second` is also in `first`, pixel by pixel; bool (B,)."""
    known = {sha256(pixels[row].tobytes()).digest() for row in first}
    found = (sha256(pixels[row].tobytes()).digest() in known for row in second)
    return np.fromiter(found, dtype=bool, count=len(second))


def hashes(pixels: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The difference hash of these pictures (N. Krawetz, "Kind of Like That", 2013).

    Bit (r, c) of the 8 × 8 is set where the cell (r, c + 1) of the picture averaged to 8 × 9 grey
    cells is lighter than the one on its left.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (N, H, W, C)
    rows : ndarray of int64, shape (A,)

    Returns
    -------
    ndarray of uint64, shape (A,)
    """
    bits = [
        np.packbits((cells[..., 1:] > cells[..., :-1]).reshape(len(cells), -1), axis=1)
        for cells in _cells(pixels, rows)
    ]
    packed = np.concatenate(bits) if bits else np.empty((0, ROWS), dtype=np.uint8)
    found: np.ndarray = packed.view(np.uint64).ravel()
    return found


def _cells(pixels: np.ndarray, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Grey pictures averaged over (n, 8, 9) cells, some at a time."""
    _count, height, width, channels = pixels.shape
    down, across = _averaging(height, ROWS), _averaging(width, COLUMNS).T
    weights = np.array(LUMA if channels == 3 else (1.0,), dtype=np.float32)
    step = max(1, PIXELS_AT_ONCE // pixels[0].size) if len(pixels) else 1
    for start in range(0, len(rows), step):
        grey = pixels[rows[start : start + step]].astype(np.float32) @ weights
        # whole levels of grey: in a plain area rounding errors would set bits at random
        yield np.rint(down @ grey @ across)


def _averaging(size: int, cells: int) -> np.ndarray:
    """The matrix (cells, size) that averages pixels over cells of equal width."""
    edges = np.arange(cells + 1) * size / cells
    pixel = np.arange(size)
    covered = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    shares: np.ndarray = np.clip(covered, 0, 1) * cells / size
    return shares.astype(np.float32)


def warnings(
    album: Album, training: np.ndarray, test: np.ndarray, *, copies: bool = True
) -> tuple[str, ...]:
    """What should be known before an accuracy of the test pictures is trusted, in words.

    Parameters
    ----------
    training, test : ndarray of int64, shapes (A,) and (B,)
        Numbers of the pictures in each part.
    copies
        Whether to look for near copies: where all pictures look alike they say nothing.
    """
    found = [_copied(twins(album.pixels, training, test), len(test))] if copies else []
    labels = album.labels[np.concatenate([training, test])]
    found.append(_unequal(np.bincount(labels, minlength=len(album.classes)), album.classes))
    return tuple(filter(None, found))


def _copied(found: Twins, count: int) -> str:
    if not found.near:
        return ""
    text = _(
        "{near:,} of the {count:,} test pictures have a near copy among the training pictures: the "
        "accuracy will look better than it is."
    )
    if found.near == 1:
        text = _(
            "One of the {count:,} test pictures has a near copy among the training pictures: the "
            "accuracy will look better than it is."
        )
    return text.format(near=found.near, count=count)


def _unequal(counts: np.ndarray, names: tuple[str, ...]) -> str:
    most, least = int(counts.argmax()), int(counts.argmin())
    if counts[most] < UNEQUAL * counts[least] or most == least:
        return ""
    text = _(
        "Classes are of very unequal size (“{largest}” {most:,}, “{smallest}” {least:,}): always "
        "answering “{largest}” is right {share:.0f} % of the time."
    )
    return text.format(
        largest=_(names[most]),
        most=counts[most],
        smallest=_(names[least]),
        least=counts[least],
        share=100 * counts[most] / counts.sum(),
    )
