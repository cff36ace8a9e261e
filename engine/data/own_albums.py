"""A visitor's own pictures: fitted to one size, sorted into classes, small enough to travel.

Torch-free. A packed album may come from anybody, so `OwnAlbum.unpack` believes nothing it reads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from engine.data.pictures import Album
from engine.data.tables import NAME_LIMIT
from engine.errors import InvalidValue
from engine.words import _

FILES_LIMIT = 5_000
"""Files to choose from: decoding so many takes some ten seconds, and an epoch of them is short."""
CLASSES_LIMIT = 20
"""More are not legible in a confusion matrix, and seldom meant."""
FEW_PICTURES = 2
"""A class with fewer cannot be learned and measured at the same time."""
SIDE_LEAST, SIDE_MOST = 8, 128
"""Pixels."""
PIXELS_LIMIT = FILES_LIMIT * 3 * 64**2
"""Bytes of all pictures: 5,000 of 64 × 64 pixels are 61 MB, which a job can still carry."""
HEADER_LIMIT = 64 * 1024
"""Bytes of names and shapes in a packed album."""
PACKED_LIMIT = 8 + HEADER_LIMIT + PIXELS_LIMIT + 8 * FILES_LIMIT
"""Bytes of a packed album."""

ALBUM = "album"
"""Name of the setting that holds an album's digest, of the attachment that holds its pictures, and
of the names in the metadata of a packed one."""
TYPES = {"pixels": "U8", "labels": "I64"}
"""Arrays of a packed album."""


@dataclass(frozen=True, eq=False)
class OwnAlbum:
    """Pictures of one size and their classes. Two albums are equal when their digests are.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (N, side, side, 3)
        Read-only, like `labels`.
    labels : ndarray of int64, shape (N,)
        Indices of `classes`; each has at least `FEW_PICTURES` pictures.
    classes : tuple of str
    notes : tuple of str
        What was left out of the files, in words; neither packed nor part of the digest.

    Raises
    ------
    InvalidValue
        When a limit of this module is passed, names are missing, doubled or not printable, or a
        class has too few pictures.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "pixels", _owned(self.pixels, np.uint8))
        object.__setattr__(self, "labels", _owned(self.labels, np.int64))
        object.__setattr__(self, "classes", tuple(self.classes))
        object.__setattr__(self, "notes", tuple(self.notes))
        _check_shapes(self.pixels.shape, self.labels.shape)
        _check_names(self.classes)
        _check_labels(self.labels, self.classes)

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of names and pictures; the same on every machine."""
        names = json.dumps(self.classes, ensure_ascii=True)
        seen = sha256(f"{self.pixels.shape}{names}".encode())
        seen.update(self.pixels.tobytes())
        seen.update(self.labels.astype("<i8", copy=False).tobytes())
        return seen.hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OwnAlbum) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        count, side = self.pixels.shape[:2]
        return f"OwnAlbum({count} pictures, {side} × {side}, {len(self.classes)} classes)"

    def album(self) -> Album:
        """In arrays of its own, as other albums are; without a test part."""
        return Album(self.pixels.copy(), self.labels.copy(), self.classes, len(self.labels))

    def pack(self) -> bytes:
        """This album as a safetensors file: `pixels`, `labels`, and the names in its metadata."""
        arrays: dict[str, NDArray[Any]] = {"pixels": self.pixels, "labels": self.labels}
        return save(arrays, metadata={ALBUM: json.dumps({"classes": self.classes})})

    @classmethod
    def unpack(cls, payload: bytes) -> OwnAlbum:
        """The album that `pack` made `payload` of, without its notes.

        Raises
        ------
        InvalidValue
            When it is too large, not such a file, or not a valid album.
        """
        if len(payload) > PACKED_LIMIT:
            expected = _("at most {limit:,} bytes").format(limit=PACKED_LIMIT)
            raise InvalidValue.of(ALBUM, expected, _bytes(payload))
        classes = _header(payload)
        try:
            arrays = load(payload)
        except (SafetensorError, ValueError) as error:
            raise _not_packed(str(error)) from None
        return cls(arrays["pixels"], arrays["labels"], classes)


# Checks ------------------------------------------------------------------------------------------


def _owned(array: ArrayLike, dtype: type[np.generic]) -> NDArray[Any]:
    """A read-only copy; the numbers have to be of this type already, or whole Python numbers."""
    given = np.asarray(array)
    copy = np.array(given, dtype=dtype, order="C")
    if not np.array_equal(copy, given):
        expected = _("whole numbers in the range of {type}").format(type=np.dtype(dtype).name)
        raise InvalidValue.of(ALBUM, expected, given.dtype.name)
    copy.flags.writeable = False
    return copy


def _check_shapes(pixels: tuple[int, ...], labels: tuple[int, ...]) -> None:
    square = len(pixels) == 4 and pixels[1] == pixels[2] and pixels[3] == 3
    if not square or labels != pixels[:1]:
        expected = _("pixels of shape (pictures, side, side, 3) and labels of shape (pictures)")
        raise InvalidValue.of(ALBUM, expected, (pixels, labels))
    check_side(pixels[1])
    least, limit = 2 * FEW_PICTURES, most_pictures(pixels[1])
    if not least <= pixels[0] <= limit:
        expected = _("{least} to {limit:,} pictures of {side} × {side} pixels")
        expected = expected.format(least=least, limit=limit, side=pixels[1])
        raise InvalidValue.of(ALBUM, expected, pixels[0])


def most_pictures(side: int) -> int:
    """How many pictures of this side fit into an album."""
    return min(FILES_LIMIT, PIXELS_LIMIT // (3 * side**2))


def check_side(side: int) -> None:
    """Refuse a side that pictures cannot be fitted to.

    Raises
    ------
    InvalidValue
    """
    if not SIDE_LEAST <= side <= SIDE_MOST:
        expected = _("{least} to {limit} pixels").format(least=SIDE_LEAST, limit=SIDE_MOST)
        raise InvalidValue.of("side", expected, side)


def _check_names(classes: tuple[str, ...]) -> None:
    if not 2 <= len(classes) <= CLASSES_LIMIT:
        expected = _("2 to {limit} classes").format(limit=CLASSES_LIMIT)
        raise InvalidValue.of(ALBUM, expected, len(classes))
    for name in classes:
        if not isinstance(name, str) or not 0 < len(name) <= NAME_LIMIT or not name.isprintable():
            expected = _("names of 1 to {limit} printable characters").format(limit=NAME_LIMIT)
            raise InvalidValue.of(ALBUM, expected, name)
    if len(set(classes)) < len(classes):
        twice = next(name for name in classes if classes.count(name) > 1)
        raise InvalidValue.of(ALBUM, _("a different name for each class"), twice)


def _check_labels(labels: NDArray[np.int64], classes: tuple[str, ...]) -> None:
    if labels.min() < 0 or labels.max() >= len(classes):
        expected = _("classes as whole numbers from 0 to {last}").format(last=len(classes) - 1)
        raise InvalidValue.of(ALBUM, expected, (int(labels.min()), int(labels.max())))
    counts = np.bincount(labels, minlength=len(classes))
    if counts.min() < FEW_PICTURES:
        expected = _("at least {few} pictures of each class").format(few=FEW_PICTURES)
        raise InvalidValue.of(ALBUM, expected, counts.tolist())


def _header(payload: bytes) -> tuple[str, ...]:
    """Classes of a packed album, its header found sound: what it claims is read before its arrays."""
    size = int.from_bytes(payload[:8], "little")
    if not 2 <= size <= min(HEADER_LIMIT, len(payload) - 8):
        raise _not_packed(_bytes(payload))
    header = _json(payload[8 : 8 + size])
    metadata = header.get("__metadata__")
    if header.keys() != {"__metadata__", *TYPES} or not isinstance(metadata, dict):
        raise _not_packed(sorted(header))
    _check_shapes(*(_shape(header[name], kind) for name, kind in TYPES.items()))
    classes = _json(metadata.get(ALBUM)).get("classes")
    if not isinstance(classes, list):
        raise _not_packed(classes)
    return tuple(classes)


def _shape(tensor: Any, kind: str) -> tuple[int, ...]:
    """The shape that a header claims for an array of this type."""
    shape = tensor.get("shape") if isinstance(tensor, dict) else None
    if not isinstance(shape, list) or not all(type(n) is int for n in shape):
        raise _not_packed(tensor)
    if tensor.get("dtype") != kind:
        raise _not_packed(tensor)
    return tuple(shape)


def _json(text: bytes | str | None) -> Mapping[str, Any]:
    try:
        found = json.loads(text or "")
    except (TypeError, ValueError, RecursionError) as error:
        raise _not_packed(str(error)) from None
    if not isinstance(found, dict):
        raise _not_packed(found)
    return found


def _not_packed(received: object) -> InvalidValue:
    expected = _("a safetensors file of pixels (uint8) and labels (int64), and their classes")
    return InvalidValue.of(ALBUM, expected, received)


def _bytes(payload: bytes) -> str:
    return _("{count:,} bytes").format(count=len(payload))
