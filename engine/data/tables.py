"""A visitor's own table, ready for training: numbers only, and small enough to travel with a job.

Torch-free. A packed table may come from anybody, so `Table.unpack` believes nothing it reads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from engine.errors import InvalidValue
from engine.words import _

ROWS_LEAST = 10
ROWS_LIMIT = 200_000
FEATURES_LIMIT = 200
NUMBERS_LIMIT = 2_000_000
"""Rows × features."""
NAME_LIMIT = 128
"""Characters of the name of a feature or a class."""
VALUE_LIMIT = 1e15
"""Magnitude of a number: beyond it, squared errors leave the range of float32."""
CLASSES_LIMIT = 50
HEADER_LIMIT = 512 * 1024
"""Bytes of names and shapes in a packed table."""
PACKED_LIMIT = 8 + HEADER_LIMIT + 4 * (NUMBERS_LIMIT + ROWS_LIMIT)
"""Bytes of a packed table."""

TABLE = "table"
"""Name of the setting that holds a table's digest, and of the attachment that holds its rows."""
OWN = "own"
"""The choice of data that stands for the visitor's own table."""
NAMES = "table"
"""Key of the names in the metadata; one key, as the order of several is left to chance."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Table:
    """Features and a target, all numbers. Two tables are equal when their digests are.

    Where the target is classes, `y` holds their indices, and `classes` their names.

    Attributes
    ----------
    x : ndarray of float32, shape (N, F)
        Read-only, like `y`.
    y : ndarray of float32, shape (N,)
    features : tuple of str
        Names of the F columns of `x`.
    target : str
        Name of `y`.
    classes : tuple of str
        Names of the C classes (`y` is 0 … C-1), or empty: the target is a quantity.

    Raises
    ------
    InvalidValue
        When a limit of this module is passed, a number is not finite, names are missing, doubled
        or not printable, the target has one value only, or is no index of a class.
    """

    x: Floats
    y: Floats
    features: tuple[str, ...]
    target: str
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "x", _owned(self.x))
        object.__setattr__(self, "y", _owned(self.y))
        object.__setattr__(self, "features", tuple(self.features))
        object.__setattr__(self, "classes", tuple(self.classes))
        _check_shapes(self.x.shape, self.y.shape)
        _check_names(self.features, self.target, self.x.shape[1])
        _check_numbers(self.x, self.y)
        if self.classes:
            _check_classes(self.classes, self.y)

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of names and numbers; the same on every machine."""
        names = json.dumps([*self.features, self.target], ensure_ascii=True)
        if self.classes:
            names += json.dumps(self.classes, ensure_ascii=True)
        seen = sha256(f"{self.x.shape}{names}".encode())
        for array in (self.x, self.y):
            seen.update(array.astype("<f4", copy=False).tobytes())
        return seen.hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        rows, features = self.x.shape
        classes = f", {len(self.classes)} classes" if self.classes else ""
        return f"Table({rows} rows, {features} features, target={self.target!r}{classes})"

    def pack(self) -> bytes:
        """This table as a safetensors file: `x`, `y`, and the names in its metadata."""
        names: dict[str, Any] = {"features": self.features, "target": self.target}
        if self.classes:
            names["classes"] = self.classes
        return save({"x": self.x, "y": self.y}, metadata={NAMES: json.dumps(names)})

    @classmethod
    def unpack(cls, payload: bytes) -> Table:
        """The table that `pack` made `payload` of.

        Raises
        ------
        InvalidValue
            When it is too large, not such a file, or not a valid table.
        """
        if len(payload) > PACKED_LIMIT:
            expected = _("at most {limit:,} bytes").format(limit=PACKED_LIMIT)
            raise InvalidValue.of(TABLE, expected, _bytes(payload))
        features, target, classes = _header(payload)
        try:
            arrays = load(payload)
        except (SafetensorError, ValueError) as error:
            raise _not_packed(str(error)) from None
        return cls(arrays["x"], arrays["y"], features, target, classes)


def _owned(array: ArrayLike) -> Floats:
    """A read-only float32 copy; what is too large for float32 becomes infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        copy = np.array(array, dtype=np.float32, order="C")
    copy.flags.writeable = False
    return copy


def _check_shapes(x: tuple[int, ...], y: tuple[int, ...]) -> None:
    if len(x) != 2 or y != x[:1]:
        expected = _("x of shape (rows, features) and y of shape (rows)")
        raise InvalidValue.of(TABLE, expected, (x, y))
    rows, features = x
    if not ROWS_LEAST <= rows <= ROWS_LIMIT:
        expected = _("{least} to {limit:,} rows").format(least=ROWS_LEAST, limit=ROWS_LIMIT)
        raise InvalidValue.of(TABLE, expected, rows)
    if not 1 <= features <= FEATURES_LIMIT:
        expected = _("1 to {limit} features").format(limit=FEATURES_LIMIT)
        raise InvalidValue.of(TABLE, expected, features)
    if rows * features > NUMBERS_LIMIT:
        expected = _("at most {limit:,} numbers (rows × features)").format(limit=NUMBERS_LIMIT)
        raise InvalidValue.of(TABLE, expected, rows * features)


def _check_names(features: tuple[str, ...], target: str, count: int) -> None:
    names = (*features, target)
    if len(features) != count:
        expected = _("a name for each of {count} features").format(count=count)
        raise InvalidValue.of(TABLE, expected, len(features))
    _check_printable(names)
    if len(set(names)) < len(names):
        raise InvalidValue.of(TABLE, _("a different name for each column"), _twice(names))


def _check_classes(classes: tuple[str, ...], y: Floats) -> None:
    if not 2 <= len(classes) <= CLASSES_LIMIT:
        expected = _("2 to {limit} classes").format(limit=CLASSES_LIMIT)
        raise InvalidValue.of(TABLE, expected, len(classes))
    _check_printable(classes)
    if len(set(classes)) < len(classes):
        raise InvalidValue.of(TABLE, _("a different name for each class"), _twice(classes))
    wrong = (y != np.floor(y)) | (y < 0) | (y >= len(classes))
    if wrong.any():
        expected = _("classes as whole numbers from 0 to {last}").format(last=len(classes) - 1)
        raise InvalidValue.of(TABLE, expected, float(y[wrong][0]))


def _check_printable(names: tuple[str, ...]) -> None:
    for name in names:
        if not isinstance(name, str) or not 0 < len(name) <= NAME_LIMIT or not name.isprintable():
            expected = _("names of 1 to {limit} printable characters").format(limit=NAME_LIMIT)
            raise InvalidValue.of(TABLE, expected, name)


def _twice(names: tuple[str, ...]) -> str:
    return next(name for name in names if names.count(name) > 1)


def _check_numbers(x: Floats, y: Floats) -> None:
    for name, array in (("x", x), ("y", y)):
        wrong = ~(np.abs(array) <= VALUE_LIMIT)  # true for NaN too
        if wrong.any():
            expected = _("finite numbers up to ±{limit:g} in {name}").format(
                limit=VALUE_LIMIT, name=name
            )
            raise InvalidValue.of(TABLE, expected, float(array[wrong][0]))
    if y.min() == y.max():
        expected = _("at least two different values of the target")
        raise InvalidValue.of(TABLE, expected, float(y[0]))


def _header(payload: bytes) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    """Names in a packed table, its header found sound: what it claims is read before its arrays."""
    size = int.from_bytes(payload[:8], "little")
    if not 2 <= size <= min(HEADER_LIMIT, len(payload) - 8):
        raise _not_packed(_bytes(payload))
    header = _json(payload[8 : 8 + size])
    metadata = header.get("__metadata__")
    if header.keys() != {"__metadata__", "x", "y"} or not isinstance(metadata, dict):
        raise _not_packed(sorted(header))
    _check_shapes(_shape(header["x"]), _shape(header["y"]))
    names = _json(metadata.get(NAMES))
    features, target = names.get("features"), names.get("target")
    if not isinstance(features, list) or not isinstance(target, str):
        raise _not_packed(sorted(names))
    classes = names.get("classes", [])
    if not isinstance(classes, list) or ("classes" in names and not classes):
        raise _not_packed(classes)
    return tuple(features), target, tuple(classes)


def _shape(tensor: Any) -> tuple[int, ...]:
    """The shape that a header claims for a float32 array."""
    if not isinstance(tensor, dict) or tensor.get("dtype") != "F32":
        raise _not_packed(tensor)
    shape = tensor.get("shape")
    if not isinstance(shape, list) or not all(type(n) is int for n in shape):
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
    expected = _("a safetensors file of float32 arrays x and y, and their names")
    return InvalidValue.of(TABLE, expected, received)


def _bytes(payload: bytes) -> str:
    return _("{count:,} bytes").format(count=len(payload))
