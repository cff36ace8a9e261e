"""Pictures with classes: digits, MNIST, Fashion-MNIST, CIFAR-10, and parts of them. Torch-free.

The larger ones are converted once into files of the cache, and mapped into memory afterwards, so
that jobs share them. Nothing here is unpickled.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engine.data.arrays import Parts
from engine.data.bundled import bundled
from engine.data.copies import Copy, arrays_of, best, here
from engine.errors import Corrupt, InvalidValue
from engine.words import N_, _

DIGITS = tuple(str(digit) for digit in range(10))
CLOTHES = (
    N_("T-shirt"),
    N_("trousers"),
    N_("pullover"),
    N_("dress"),
    N_("coat"),
    N_("sandal"),
    N_("shirt"),
    N_("sneaker"),
    N_("bag"),
    N_("ankle boot"),
)
THINGS = (
    N_("airplane"),
    N_("automobile"),
    N_("bird"),
    N_("cat"),
    N_("deer"),
    N_("dog"),
    N_("frog"),
    N_("horse"),
    N_("ship"),
    N_("truck"),
)
"""Classes of CIFAR-10, by their official names."""
FIRST = (0, 2, 3, 6, 8)
"""Classes of the first task that CIFAR-10 is split into: airplane, bird, cat, frog and ship."""
SECOND = (1, 4, 5, 7, 9)
"""Those of the second: automobile, deer, dog, horse and truck."""
CLASSES = {
    "digits": DIGITS,
    "mnist": DIGITS,
    "mnist-8x8": DIGITS,
    "fashion-mnist": CLOTHES,
    "cifar10": THINGS,
    "cifar10-first": tuple(THINGS[k] for k in FIRST),
    "cifar10-second": tuple(THINGS[k] for k in SECOND),
}
TRAINING = {
    "mnist": 60_000,
    "mnist-8x8": 60_000,
    "fashion-mnist": 60_000,
    "cifar10": 50_000,
    "cifar10-first": 25_000,
    "cifar10-second": 25_000,
}
"""Pictures that their publishers mean for training; they come first."""

LOSSY = N_(
    "These pictures went through lossy JPEG files (quality 75) and are not the original pixels of "
    "CIFAR-10: accuracies cannot be compared with published ones to the last percent."
)

SIDE, COLOUR_SIDE = 28, 32
"""Pixels of MNIST and Fashion-MNIST, and of CIFAR-10."""
DIGITS_SIDE, DIGITS_MOST = 8, 16
BITMAP, THINNEST = 32, 4
"""Pixels of a side that digits were scanned with, and of the width of a stroke."""
FAINT, INKED = 64, 102
"""Levels of grey above which a pixel belongs to a digit, and above which it is ink."""
IDX_OF_BYTES = 0x08
"""Type of the numbers in an idx file: unsigned bytes."""
BATCHES = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")
"""Files of the official archive of CIFAR-10, in their order."""
BATCH = 10_000
"""Pictures in each."""
CHUNK = 1_000
"""Pictures that are converted at a time, so that a conversion takes little memory."""


class Album(NamedTuple):
    """Pictures and their classes.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (N, H, W, C)
        C is 1 or 3. Of a large album mapped from a file of the cache; what is written to it stays
        with this process.
    labels : ndarray of int64, shape (N,)
        Class indices.
    classes
        Names, marked for translation.
    training
        The first `training` pictures are for training, the others are the official test part;
        N where there is none.
    note
        What has to be said of this copy, in words; mostly empty.
    """

    pixels: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    training: int
    note: str = ""


def album(name: str) -> Album:
    """The pictures `name`: one of `CLASSES`.

    CIFAR-10 is the official one if that is here, else a lossy copy if one is here, else the
    official one is downloaded.

    Raises
    ------
    GalleryError
        When there are no such pictures, or a file cannot be had.
    """
    names = classes(name)
    if name == "digits":
        values, labels = small_digits()
        scaled = np.rint(values * (255 / DIGITS_MOST)).astype(np.uint8)
        return Album(scaled[..., None], labels.astype(np.int64), names, len(labels))
    copy = copy_of(name)
    pixels, labels = arrays_of(copy)
    return Album(pixels, labels.astype(np.int64), names, TRAINING[name], _(copy.note))


def copy_of(name: str) -> Copy:
    """The copy that `album` takes of all but the digits."""
    return best(COPIES[name])


def at_hand(name: str) -> bool:
    """Whether `album` can do without a download: pages do not wait for one, runs do.

    Raises
    ------
    InvalidValue
        When there are no such pictures.
    """
    classes(name)
    return name == "digits" or any(map(here, COPIES[name]))


def classes(name: str) -> tuple[str, ...]:
    """Names of the classes of an album, whose pictures need not be here.

    Raises
    ------
    InvalidValue
        When there is no such album.
    """
    if name not in CLASSES:
        expected = _("one of {choices}").format(choices=", ".join(CLASSES))
        raise InvalidValue.of("data", expected, name)
    return CLASSES[name]


@lru_cache(maxsize=1)
def small_digits() -> tuple[np.ndarray, np.ndarray]:
    """1797 digits (N, 8, 8) from 0 to 16 and labels (N,) as uint8, read-only.

    UCI 80: Alpaydin and Kaynak 1998; the file that comes with scikit-learn.
    """
    table = np.loadtxt(bundled("digits.csv.gz"), delimiter=",", dtype=np.uint8)
    table.flags.writeable = False
    return table[:, :-1].reshape(-1, DIGITS_SIDE, DIGITS_SIDE), table[:, -1]


# Files of the registry ---------------------------------------------------------------------------


def _from_idx(files: Sequence[Path]) -> tuple[int, Parts]:
    """MNIST (LeCun et al. 1998) or Fashion-MNIST (Xiao et al. 2017)."""
    train_x, train_y, test_x, test_y = (_idx(path) for path in files)
    parts = [(train_x[..., None], train_y), (test_x[..., None], test_y)]
    return len(train_y) + len(test_y), parts


def _idx(path: Path) -> np.ndarray:
    """The uint8 array of a gzipped idx file: two zeros, type, dimensions, big-endian sizes."""
    content = gzip.decompress(path.read_bytes())
    kind, dimensions = content[2], content[3]
    start = 4 + 4 * dimensions
    shape = tuple(int(n) for n in np.frombuffer(content[4:start], dtype=">u4"))
    if kind != IDX_OF_BYTES or len(content) - start != int(np.prod(shape)):
        text = _("{file}: expected an idx file of bytes, received shape {shape}. Remove the file.")
        raise Corrupt(text.format(file=path, shape=shape))
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def _from_batches(files: Sequence[Path]) -> tuple[int, Parts]:
    """CIFAR-10 (Krizhevsky 2009), the official binary archive."""
    (path,) = files
    return BATCH * len(BATCHES), _batches(path)


def _batches(path: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Records of a label, then all red, all green and all blue values."""
    planes = (3, COLOUR_SIDE, COLOUR_SIDE)
    size = 1 + int(np.prod(planes))
    with tarfile.open(path, "r:gz") as archive:
        for name in BATCHES:
            stream = archive.extractfile(f"cifar-10-batches-bin/{name}")
            assert stream is not None
            for start in range(0, BATCH, CHUNK):
                count = min(CHUNK, BATCH - start)
                records = np.frombuffer(stream.read(count * size), dtype=np.uint8)
                records = records.reshape(count, size)
                yield records[:, 1:].reshape(-1, *planes).transpose(0, 2, 3, 1), records[:, 0]


def _from_jpegs(files: Sequence[Path]) -> tuple[int, Parts]:
    """CIFAR-10 as the bytes of JPEG files, one after the other."""
    (path,) = files
    with np.load(path, allow_pickle=False) as archive:
        splits = [
            [archive[f"{split}_{part}"] for part in ("jpeg", "offsets", "labels")]
            for split in ("train", "test")
        ]
    return sum(len(labels) for _jpeg, _offsets, labels in splits), _jpegs(splits)


def _jpegs(splits: Sequence[Sequence[np.ndarray]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    from PIL import Image  # only a conversion needs it

    for jpeg, offsets, labels in splits:
        content = jpeg.tobytes()
        for start in range(0, len(labels), CHUNK):
            some = labels[start : start + CHUNK].astype(np.uint8)
            bounds = offsets[start : start + len(some) + 1].tolist()
            files = (content[a:b] for a, b in pairwise(bounds))
            opened = (Image.open(io.BytesIO(file), formats=("JPEG",)) for file in files)
            yield np.stack([np.asarray(image) for image in opened]), some


def _small_from_idx(files: Sequence[Path]) -> tuple[int, Parts]:
    """MNIST made as small as the digits of UCI 80, in the way that those were made."""
    count, parts = _from_idx(files)
    return count, ((_small(pixels[..., 0])[..., None], labels) for pixels, labels in _cut(parts))


def _cut(parts: Parts) -> Parts:
    """The same pictures, `CHUNK` at a time."""
    for pixels, labels in parts:
        for start in range(0, len(labels), CHUNK):
            yield pixels[start : start + CHUNK], labels[start : start + CHUNK]


def _small(pictures: np.ndarray) -> np.ndarray:
    """Digits (n, 28, 28) as Alpaydin and Kaynak (1998) have scanned theirs, (n, 8, 8).

    What is inked fills a bitmap of 32 × 32 from top to bottom; of each block of 4 × 4 the inked
    pixels are counted.
    """
    from PIL import Image

    bitmaps = np.zeros((len(pictures), BITMAP, BITMAP), np.uint8)
    for bitmap, picture in zip(bitmaps, pictures, strict=True):
        image = Image.fromarray(picture)
        ink = image.crop(image.point(lambda level: 255 * (level > FAINT)).getbbox())
        width = min(BITMAP, max(THINNEST, round(ink.width * BITMAP / ink.height)))
        scaled = ink.resize((width, BITMAP), Image.Resampling.BILINEAR)
        left = (BITMAP - width) // 2
        bitmap[:, left : left + width] = np.asarray(scaled) > INKED
    block = BITMAP // DIGITS_SIDE
    blocks = bitmaps.reshape(-1, DIGITS_SIDE, block, DIGITS_SIDE, block)
    made: np.ndarray = np.rint(blocks.sum((2, 4)) * (255 / block**2)).astype(np.uint8)
    return made


def _some(
    read: Callable[[Sequence[Path]], tuple[int, Parts]], kept: tuple[int, ...]
) -> Callable[[Sequence[Path]], tuple[int, Parts]]:
    """Reads only pictures of these classes, which are numbered anew."""
    number = np.full(len(THINGS), len(kept), np.uint8)
    number[list(kept)] = range(len(kept))

    def reading(files: Sequence[Path]) -> tuple[int, Parts]:
        count, parts = read(files)
        chosen = (
            (pixels[number[labels] < len(kept)], number[labels][number[labels] < len(kept)])
            for pixels, labels in parts
        )
        return count * len(kept) // len(THINGS), chosen

    return reading


def _cifar(part: str = "", kept: tuple[int, ...] = tuple(range(10))) -> tuple[Copy, ...]:
    """CIFAR-10, or these classes of it."""
    shape = (COLOUR_SIDE, COLOUR_SIDE, 3)
    return (
        Copy("cifar-10", shape, _some(_from_batches, kept), part=part),
        Copy("cifar-10-jpeg", shape, _some(_from_jpegs, kept), LOSSY, part),
    )


COPIES = {
    "mnist": (Copy("mnist", (SIDE, SIDE, 1), _from_idx),),
    "mnist-8x8": (Copy("mnist", (DIGITS_SIDE, DIGITS_SIDE, 1), _small_from_idx, part="-8x8"),),
    "fashion-mnist": (Copy("fashion-mnist", (SIDE, SIDE, 1), _from_idx),),
    "cifar10": _cifar(),
    "cifar10-first": _cifar("-first", FIRST),
    "cifar10-second": _cifar("-second", SECOND),
}
"""Ways to have each album, the best first."""
