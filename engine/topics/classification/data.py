"""Points and tables whose classes are to be told apart. Torch-free, so that pages draw them too.

`x` is always (N, F), in the units of the source. `part` says what each row is for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.data.tables import CLASSES_LIMIT
from engine.errors import GalleryError
from engine.topics.classification import stored
from engine.topics.classification.made import drawn, made
from engine.topics.classification.spec import (
    MADE,
    OFFICIAL_TEST,
    PLANE,
    ClassificationConfig,
)
from engine.words import _

if TYPE_CHECKING:
    from engine.data.tables import Table

__all__ = [
    "LARGE",
    "TEST",
    "TRAIN",
    "VALIDATION",
    "Dataset",
    "at_hand",
    "check",
    "drawn",
    "expand",
    "extent",
    "inputs",
    "make",
    "numbered",
    "pixels",
    "shown",
]

TRAIN, VALIDATION, TEST = 0, 1, 2

LARGE = OFFICIAL_TEST
"""Data that take 220 MB; the process of the pages never loads them."""

SHOWN_ROWS = 2000

EXTENT = 1.2
"""Pictures of made points reach from minus to plus this."""
MARGIN = 1.1
"""Half the side of a picture of drawn points, relative to half of what they span."""

OVERSAMPLED_LIMIT = 100_000_000
"""Rows × features after rare classes were repeated: 400 MB."""

POINTS_STREAM, TEST_STREAM, HELD_STREAM, LABEL_STREAM, REPEAT_STREAM = range(1, 6)
"""Each has random numbers of its own, so that one setting does not change what others draw."""


class Dataset(NamedTuple):
    """Rows to learn from and to measure on.

    Attributes
    ----------
    x : ndarray of float32, shape (N, F)
    y : ndarray of int64, shape (N,)
        Class indices.
    part : ndarray of int8, shape (N,)
        `TRAIN`, `VALIDATION` or `TEST`.
    features, classes
        Names of the F columns of `x` and of the C classes.
    image
        Height and width, if the rows are the pixels of a picture.
    made
        Whether these are points that were made between -1 and 1.
    """

    x: np.ndarray
    y: np.ndarray
    part: np.ndarray
    features: tuple[str, ...]
    classes: tuple[str, ...]
    image: tuple[int, int] | None = None
    made: bool = False

    def of(self, part: int) -> tuple[np.ndarray, np.ndarray]:
        """x (n, F) and y (n,) of the rows of one part; without a copy where they lie together."""
        rows = np.flatnonzero(self.part == part)
        if len(rows) and rows[-1] - rows[0] == len(rows) - 1:
            together = slice(rows[0], rows[-1] + 1)
            return self.x[together], self.y[together]
        return self.x[rows], self.y[rows]


def make(config: ClassificationConfig, table: Table | None = None) -> Dataset:
    """The data of a configuration; the same settings give the same rows.

    Rows are held out, then labels of training rows are made wrong, then training rows of rare
    classes are repeated. Every class keeps a row to learn from. With `oversample="before"` rows
    are repeated first of all, so that copies of one row come to lie on both sides of a split, as
    in reference run C7.

    Parameters
    ----------
    table
        The visitor's own, for `data="own"`.

    Raises
    ------
    GalleryError
        When a file cannot be had, a drawn point cannot be read, the own table is missing or no
        table of classes, or repeated rows would be too many.
    """
    return _prepared(_rows(config, table), config)


def _prepared(data: Dataset, config: ClassificationConfig) -> Dataset:
    """Rows held out, labels made wrong and rare classes repeated, as the settings ask for."""
    if config.oversample == "before":
        data = _oversampled(data, config)
    if config.data not in (*PLANE, *OFFICIAL_TEST):
        _hold(data, TEST, config.test_share, _random(config, TEST_STREAM), stratified=True)
    stratified = config.data not in PLANE
    _hold(data, VALIDATION, config.validation, _random(config, HELD_STREAM), stratified=stratified)
    _mislabel(data, config)
    return _oversampled(data, config) if config.oversample == "training" else data


def numbered(config: ClassificationConfig) -> Dataset:
    """`LARGE` data as `make` gives them, with the number of a row in the source as its only column.

    That is little enough for the process of the pages; `pixels` has what lies in the rows.
    """
    labels, classes, image = stored.labels(config.data)
    x = np.arange(len(labels), dtype=np.float32)[:, None]
    part = np.where(np.arange(len(labels)) < stored.TRAINING, TRAIN, TEST).astype(np.int8)
    return _prepared(Dataset(x, labels, part, ("row",), classes, image), config)


def pixels(config: ClassificationConfig, rows: np.ndarray) -> np.ndarray:
    """x (n, F) of rows of the source of `LARGE` data, read from a mapped file."""
    return stored.pixels(config.data, rows)


def at_hand(config: ClassificationConfig) -> bool:
    """Whether the rows can be had without a download: pages do not wait for one, runs do."""
    return stored.at_hand(config.data)


def check(data: Dataset) -> None:
    """Refuse data from which nothing can be learned.

    Raises
    ------
    GalleryError
        No points, one row, one class, too many classes, a class without a row to learn from, or
        inputs that never differ.
    """
    x, y = data.of(TRAIN)
    counts = np.bincount(y, minlength=len(data.classes))
    if not len(data.x):
        raise _refused(_("There are no points to tell apart. Put some of each class on the plot."))
    _check_class_count(len(data.classes))
    if np.count_nonzero(np.bincount(data.y)) < 2:
        name = data.classes[int(data.y[0])]
        text = _("Expected rows of at least two classes, received only “{name}”. Add another.")
        raise _refused(text.format(name=name))
    if len(x) < 2:
        text = _("Expected at least two rows to learn from, received {count}. Add rows.")
        raise _refused(text.format(count=len(x)))
    if not counts.all():
        name = data.classes[int(np.argmin(counts > 0))]
        text = _(
            "Expected a row of every class to learn from, received none of “{name}”. "
            "Add rows of it, or number the classes without gaps."
        )
        raise _refused(text.format(name=name))
    if (x == x[0]).all():
        text = _(
            "Expected inputs that differ, received {count} rows to learn from that are all alike. "
            "Move a point, or choose other features."
        )
        raise _refused(text.format(count=len(x)))


def _check_class_count(count: int) -> None:
    if count > CLASSES_LIMIT:
        text = _(
            "Expected at most {most} classes, received {count:,}. Choose another column as target, "
            "or fit it as a number with Regression."
        )
        raise _refused(text.format(most=CLASSES_LIMIT, count=count))


def _refused(text: str) -> GalleryError:
    return GalleryError(text, field="data")


# Rows --------------------------------------------------------------------------------------------


def _rows(config: ClassificationConfig, table: Table | None) -> Dataset:
    """All rows; those that the data themselves call a test part are marked, no others."""
    if config.data == "own":
        return _own(table)
    if config.data in PLANE:
        return _plane(config)
    x, y, features, classes, image = stored.rows(config.data)
    part = np.zeros(len(x), dtype=np.int8)
    if config.data in OFFICIAL_TEST:
        part[stored.TRAINING :] = TEST
    return Dataset(x, y, part, features, classes, image)


def _plane(config: ClassificationConfig) -> Dataset:
    if config.data in MADE:
        x, y = made(config, _random(config, POINTS_STREAM))
        count = {"blobs": config.classes, "three-spirals": 3}.get(config.data, 2)
    else:
        x, y = drawn(config.drawn)
        count = int(y.max()) + 1 if len(y) else 2
    part = np.zeros(len(x), dtype=np.int8)
    classes = tuple(f"class {k}" for k in range(count))
    return Dataset(x.astype(np.float32), y, part, ("x", "y"), classes, made=config.data in MADE)


def _own(table: Table | None) -> Dataset:
    if table is None:
        text = _("The table is not here any more; it stays with a visit. Load it again.")
        raise GalleryError(text, field="table")
    _check_class_count(len(table.classes))
    y = table.y.astype(np.int64)
    if (
        not table.classes
        or (y != table.y).any()
        or not 0 <= y.min() <= y.max() < len(table.classes)
    ):
        text = _(
            "Expected a table whose target “{target}” is a class, received numbers. "
            "Load it again on this page, with a column of classes as target."
        )
        raise GalleryError(text.format(target=table.target), field="table")
    part = np.zeros(len(y), dtype=np.int8)
    return Dataset(table.x.copy(), y, part, table.features, tuple(table.classes))


def _random(config: ClassificationConfig, stream: int) -> np.random.Generator:
    return np.random.default_rng([config.data_seed, stream])


# Parts -------------------------------------------------------------------------------------------


def _hold(
    data: Dataset, part: int, share: float, random: np.random.Generator, *, stratified: bool
) -> None:
    """Move a share of the training rows to `part`, in place."""
    free = np.flatnonzero(data.part == TRAIN)
    order = _spare(data.y[free], random, stratified=stratified)
    data.part[free[order[: round(share * len(free))]]] = part


def _spare(y: np.ndarray, random: np.random.Generator, *, stratified: bool) -> np.ndarray:
    """Rows in the order in which they may be taken away; one row of every class is not in it.

    Any first part of a stratified order holds the classes in proportion: the i-th of n rows of a
    class stands at (i + 1/2) / n of the way. A smaller share is part of a larger one.
    """
    order = random.permutation(len(y))
    by_class = order[np.argsort(y[order], kind="stable")]
    counts = np.bincount(y)
    counts = counts[counts > 0]
    rank = np.arange(len(y)) - np.repeat(np.cumsum(counts) - counts, counts)
    size = np.repeat(counts, counts)
    place = np.empty(len(y))
    place[by_class] = (rank + 0.5) / size
    last = np.zeros(len(y), dtype=bool)
    last[by_class[rank == size - 1]] = True
    if stratified:
        order = order[np.argsort(place[order], kind="stable")]
    return order[~last[order]]


def _mislabel(data: Dataset, config: ClassificationConfig) -> None:
    """Give a share of the training rows the label of another class, in place."""
    random = _random(config, LABEL_STREAM)
    free = np.flatnonzero(data.part == TRAIN)
    order = _spare(data.y[free], random, stratified=False)
    wrong = free[order[: round(config.label_noise * len(free))]]
    classes = len(data.classes)
    if classes > 1:
        data.y[wrong] = (data.y[wrong] + random.integers(1, classes, len(wrong))) % classes


def _oversampled(data: Dataset, config: ClassificationConfig) -> Dataset:
    """Training rows of rare classes repeated, each as often as the others of its class ± 1.

    The copies come after all other rows.
    """
    random = _random(config, REPEAT_STREAM)
    free = np.flatnonzero(data.part == TRAIN)
    counts = np.bincount(data.y[free])
    if not len(free) or len(set(counts[counts > 0])) == 1:
        return data
    most = int(counts.max())
    _check_room(data, len(data.x) + int((most - counts[counts > 0]).sum()))
    copies = [
        np.resize(random.permutation(free[data.y[free] == k]), most - counts[k])
        for k in np.flatnonzero(counts)
    ]
    rows = np.concatenate([np.arange(len(data.x)), *copies])
    return data._replace(x=data.x[rows], y=data.y[rows], part=data.part[rows])


def _check_room(data: Dataset, rows: int) -> None:
    numbers = rows * data.x.shape[1]
    if numbers > OVERSAMPLED_LIMIT:
        text = _(
            "Expected at most {limit:,} numbers (rows × features) after repeating rare classes, "
            "received {numbers:,}. Weight the classes instead."
        )
        text = text.format(limit=OVERSAMPLED_LIMIT, numbers=numbers)
        raise GalleryError(text, field="oversample")


# Inputs of points on a plane ---------------------------------------------------------------------

INPUTS = {
    "x": lambda x, y: x,
    "y": lambda x, y: y,
    "x²": lambda x, y: x * x,
    "y²": lambda x, y: y * y,
    "xy": lambda x, y: x * y,
    "sin 3x": lambda x, y: np.sin(3 * x),
    "sin 3y": lambda x, y: np.sin(3 * y),
}


def inputs(config: ClassificationConfig) -> tuple[str, ...]:
    """What a network is given of points on a plane: names of `INPUTS`, in their order."""
    names = ["x", "y"]
    if config.squares:
        names += ["x²", "y²"]
    if config.product:
        names += ["xy"]
    if config.sines:
        names += ["sin 3x", "sin 3y"]
    return tuple(names)


def expand(x: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Inputs (N, F') of points (N, 2), in the precision of the points."""
    return np.column_stack([INPUTS[name](x[:, 0], x[:, 1]) for name in names])


# For pictures ------------------------------------------------------------------------------------


def extent(data: Dataset) -> tuple[float, float, float, float]:
    """x0, x1, y0, y1 of a square picture of points on a plane.

    The same for all made points, and for drawn ones unless some lie outside of it.
    """
    if data.made or not len(data.x) or np.abs(data.x).max() <= EXTENT:
        return (-EXTENT, EXTENT, -EXTENT, EXTENT)
    low, high = data.x.min(0).astype(float), data.x.max(0).astype(float)
    half = MARGIN * float((high - low).max()) / 2 or 1.0
    x, y = (low + high) / 2
    return (float(x - half), float(x + half), float(y - half), float(y + half))


def shown(data: Dataset) -> np.ndarray:
    """Indices of the rows that pictures show: all, or `SHOWN_ROWS` of a longer table, in order."""
    if len(data.x) <= SHOWN_ROWS:
        return np.arange(len(data.x))
    return np.sort(np.random.default_rng(0).permutation(len(data.x))[:SHOWN_ROWS])
