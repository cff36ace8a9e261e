"""Pictures with classes: digits, MNIST, Fashion-MNIST and CIFAR-10. Torch-free.

The larger ones are converted once into files of the cache, and mapped into memory afterwards, so
that jobs share them. Nothing here is unpickled.
"""

from __future__ import annotations

import gzip
import io
import logging
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engine import data as sets
from engine.data import progress
from engine.data.bundled import bundled
from engine.data.fetching import write_whole
from engine.errors import Corrupt, InvalidValue, StorageFull, Unavailable
from engine.settings import settings
from engine.words import N_, _

log = logging.getLogger(__name__)

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
CLASSES = {"digits": DIGITS, "mnist": DIGITS, "fashion-mnist": CLOTHES, "cifar10": THINGS}
TRAINING = {"mnist": 60_000, "fashion-mnist": 60_000, "cifar10": 50_000}
"""Pictures that their publishers mean for training; they come first."""

LOSSY = N_(
    "These pictures went through lossy JPEG files (quality 75) and are not the original pixels of "
    "CIFAR-10: accuracies cannot be compared with published ones to the last percent."
)

SIDE, COLOUR_SIDE = 28, 32
"""Pixels of MNIST and Fashion-MNIST, and of CIFAR-10."""
DIGITS_SIDE, DIGITS_MOST = 8, 16
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


Parts = Iterable[tuple[np.ndarray, np.ndarray]]
"""Pixels (n, H, W, C) and labels (n,) as uint8, part by part."""


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
    """

    source: str
    shape: tuple[int, int, int]
    read: Callable[[Sequence[Path]], tuple[int, Parts]]
    note: str = ""


def album(name: str) -> Album:
    """The pictures `name`: digits, mnist, fashion-mnist or cifar10.

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
    pixels, labels = _mapped(copy) or _converted(copy)
    return Album(pixels, labels.astype(np.int64), names, TRAINING[name], _(copy.note))


def copy_of(name: str) -> Copy:
    """The copy that `album` takes of mnist, fashion-mnist or cifar10."""
    copies = COPIES[name]
    return next((copy for copy in copies if _here(copy)), copies[0])


def at_hand(name: str) -> bool:
    """Whether `album` can do without a download: pages do not wait for one, runs do.

    Raises
    ------
    InvalidValue
        When there are no such pictures.
    """
    classes(name)
    return name == "digits" or any(map(_here, COPIES[name]))


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


# Arrays of the cache -----------------------------------------------------------------------------


def _here(copy: Copy) -> bool:
    if all(path.is_file() for path in _paths(copy)):
        return True
    return all(sets.held(file) is not None for file in sets.source(copy.source).files)


def _paths(copy: Copy) -> tuple[Path, Path]:
    """Pixels and labels, named after the checksums of the files that they are made from."""
    sums = "".join(file.sha256 for file in sets.source(copy.source).files)
    stem = f"{copy.source}-{sha256(sums.encode()).hexdigest()[:12]}"
    folder = settings().cache_dir / "arrays"
    return folder / f"{stem}-pictures.npy", folder / f"{stem}-labels.npy"


def _mapped(copy: Copy) -> tuple[np.ndarray, np.ndarray] | None:
    """The arrays of the cache; None when there are no sound ones.

    Copy-on-write, as torch does not take arrays that cannot be written to without a warning.
    """
    images, numbers = _paths(copy)
    try:
        pixels: np.ndarray = np.load(images, mmap_mode="c", allow_pickle=False)
        labels: np.ndarray = np.load(numbers, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    sound = pixels.dtype == labels.dtype == np.uint8 and pixels.shape == (len(labels), *copy.shape)
    return (pixels, labels) if sound else None


def _converted(copy: Copy) -> tuple[np.ndarray, np.ndarray]:
    """Convert the files of the registry, once; a cache that cannot be written costs time."""
    title = _(sets.source(copy.source).title)

    def told(parts: Parts) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        done = 0
        for pixels, labels in parts:
            yield pixels, labels
            done += len(labels)
            progress.tell(_("Unpacking, this once: {title}").format(title=title), done / count)

    files = _fetched(copy)
    count, parts = copy.read(files)
    try:
        _keep(copy, count, told(parts))
    except OSError as error:
        folder = settings().cache_dir
        log.warning("%s cannot be written (%s); %s is made again", folder, error, copy.source)
    else:
        if kept := _mapped(copy):
            return kept
    count, parts = copy.read(files)
    pixels, labels = zip(*told(parts), strict=True)
    return np.concatenate(pixels), np.concatenate(labels)


def _fetched(copy: Copy) -> tuple[Path, ...]:
    """The files of the registry; who cannot have them is told what there is without them."""
    try:
        return sets.fetch(copy.source)
    except (Unavailable, Corrupt, StorageFull) as error:
        instead = _("The digits of 8 × 8 pixels and your own pictures need no download.")
        raise type(error)(f"{error.message} {instead}") from None


def _keep(copy: Copy, count: int, parts: Parts) -> None:
    """Write both arrays into the cache; no more than a part of them is in memory."""
    images, numbers = _paths(copy)
    labels: list[np.ndarray] = []

    def content() -> Iterator[bytes]:
        yield _header((count, *copy.shape))
        for pixels, some in parts:
            labels.append(some)
            yield pixels.tobytes()

    write_whole(images, content())
    write_whole(numbers, _header((count,)) + np.concatenate(labels).tobytes())


def _header(shape: tuple[int, ...]) -> bytes:
    """The beginning of an npy file of bytes."""
    buffer = io.BytesIO()
    kind = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, kind)
    return buffer.getvalue()


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


COPIES = {
    "mnist": (Copy("mnist", (SIDE, SIDE, 1), _from_idx),),
    "fashion-mnist": (Copy("fashion-mnist", (SIDE, SIDE, 1), _from_idx),),
    "cifar10": (
        Copy("cifar-10", (COLOUR_SIDE, COLOUR_SIDE, 3), _from_batches),
        Copy("cifar-10-jpeg", (COLOUR_SIDE, COLOUR_SIDE, 3), _from_jpegs, LOSSY),
    ),
}
"""Ways to have each album, the best first."""
