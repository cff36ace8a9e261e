"""Arrays of the cache: pictures converted once into files, and mapped into memory afterwards.

Torch-free. Nothing here is unpickled.
"""

from __future__ import annotations

import io
import logging
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from engine.data import progress
from engine.data.fetching import write_whole
from engine.errors import StorageFull
from engine.settings import settings
from engine.words import _

log = logging.getLogger(__name__)

Parts = Iterable[tuple[np.ndarray, np.ndarray]]
"""Pixels (n, H, W, C) and labels (m,) as uint8, part by part; m - n labels are `LEFT_OUT`."""
LEFT_OUT = 255
"""Label of a picture that could not be read: it has no pixels."""
IN_MEMORY = 512 * 2**20
"""Bytes of pixels that do without the cache; a job has no more than some 2 GB."""


class Stored(NamedTuple):
    """Two files of the cache.

    Attributes
    ----------
    stem
        What their names begin with; it tells apart what they are made from.
    shape
        Height, width and channels of a picture.
    mode
        "c": what is written to the pixels stays with the process, as torch takes no arrays that
        cannot be written to without a warning. "r": they cannot be written to, and do not count
        as memory of a job, however many there are.
    """

    stem: str
    shape: tuple[int, int, int]
    mode: Literal["c", "r"] = "c"

    @property
    def paths(self) -> tuple[Path, Path]:
        """Pixels and labels."""
        folder = settings().cache_dir / "arrays"
        return folder / f"{self.stem}-pictures.npy", folder / f"{self.stem}-labels.npy"


def here(stored: Stored) -> bool:
    """Whether both files are there."""
    return all(path.is_file() for path in stored.paths)


def mapped(stored: Stored) -> tuple[np.ndarray, np.ndarray] | None:
    """Pixels (N, H, W, C) and labels (M,) of the cache; None when there are no sound ones.

    M is N, and one more for each label that is `LEFT_OUT`.
    """
    images, numbers = stored.paths
    try:
        pixels: np.ndarray = np.load(images, mmap_mode=stored.mode, allow_pickle=False)
        labels: np.ndarray = np.load(numbers, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if pixels.dtype != np.uint8 or labels.dtype != np.uint8:
        return None
    if pixels.shape != (len(labels), *stored.shape):
        return None
    return pixels[: np.count_nonzero(labels != LEFT_OUT)], labels


def converted(
    stored: Stored, what: str, read: Callable[[], tuple[int, Parts]]
) -> tuple[np.ndarray, np.ndarray]:
    """The same as `mapped`, made now; a cache that cannot be written costs time.

    Parameters
    ----------
    what
        What is being done, in words, for whoever waits.
    read
        Makes the number of labels and the parts; may be asked twice.

    Raises
    ------
    StorageFull
        When the cache cannot be written, and there are too many for the memory.
    """
    count, parts = read()
    try:
        _keep(stored, count, _told(what, count, parts))
    except OSError as error:
        folder = settings().cache_dir
        log.warning("%s cannot be written (%s); %s is made again", folder, error, stored.stem)
        if count * math.prod(stored.shape) > IN_MEMORY:
            raise _no_room(what, count * math.prod(stored.shape), error) from None
    else:
        if kept := mapped(stored):
            return kept
    count, parts = read()
    pixels, labels = zip(*_told(what, count, parts), strict=True)
    return np.concatenate(pixels), np.concatenate(labels)


def forget_others(stored: Stored, name: str) -> None:
    """Remove what was made of the folder `name` before it changed; who has it mapped keeps it."""
    for path in stored.paths[0].parent.glob(f"{name}-*.npy"):
        if path not in stored.paths:
            with suppress(OSError):
                path.unlink()


def _told(what: str, count: int, parts: Parts) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The same parts; whoever waits is told how far they are."""
    done = 0
    for pixels, labels in parts:
        yield pixels, labels
        done += len(labels)
        progress.tell(what, done / count)


def _keep(stored: Stored, count: int, parts: Parts) -> None:
    """Write both arrays into the cache; no more than a part of them is in memory."""
    images, numbers = stored.paths
    labels: list[np.ndarray] = []

    def content() -> Iterator[bytes]:
        left_out = 0
        yield _header((count, *stored.shape))
        for pixels, some in parts:
            labels.append(some)
            left_out += len(some) - len(pixels)
            yield pixels.tobytes()
        # the header stands before it is known how many are left out: empty ones make up for them
        for _number in range(left_out):
            yield bytes(math.prod(stored.shape))

    write_whole(images, content())
    write_whole(numbers, _header((count,)) + np.concatenate(labels).tobytes())


def _header(shape: tuple[int, ...]) -> bytes:
    """The beginning of an npy file of bytes."""
    buffer = io.BytesIO()
    kind = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, kind)
    return buffer.getvalue()


def _no_room(what: str, size: int, error: OSError) -> StorageFull:
    text = _(
        "{what}: expected room for {size:,.0f} MB in {folder}, which cannot be written ({reason}). "
        "Make room, or name another folder in GALLERY_CACHE_DIR."
    )
    reason = error.strerror or type(error).__name__
    folder = settings().cache_dir
    return StorageFull(text.format(what=what, size=size / 2**20, folder=folder, reason=reason))
