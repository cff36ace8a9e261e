"""Which pictures a run learns from, and which it is measured on (torch-free)."""

from __future__ import annotations

import numpy as np

from engine.data.pictures import Album
from engine.errors import InvalidValue
from engine.topics.cnn.spec import OFFICIAL_TEST, CnnConfig
from engine.words import _

GLIMPSE = 1000
"""Pictures of a part that are looked at while the net learns; at the end all are."""

MEANS = 5000
"""Training pictures that the mean of each class is taken of."""

SHAPES = {
    "digits": (1, 8, 8),
    "mnist": (1, 28, 28),
    "mnist-8x8": (1, 8, 8),
    "fashion-mnist": (1, 28, 28),
    "cifar10": (3, 32, 32),
    "cifar10-first": (3, 32, 32),
    "own": (3, 32, 32),
}
"""Channels, height and width of the pictures of each data set."""

Rows = dict[str, np.ndarray]
"""`train`, and `val` and `test` where there are any → numbers of their pictures."""


def shape_of(album: Album) -> tuple[int, int, int]:
    """Channels, height and width of its pictures."""
    _count, height, width, channels = album.pixels.shape
    return channels, height, width


def parts(config: CnnConfig, album: Album) -> Rows:
    """Numbers of the pictures that are learned from, held out, and tested on.

    Raises
    ------
    InvalidValue
        When too few are left to learn from.
    """
    order = np.random.default_rng([config.data_seed]).permutation(album.training)
    held = round(config.validation * album.training)
    train = order[held:]
    if config.pictures:
        train = train[: config.pictures]
    if len(train) < 2:
        field = "pictures" if config.pictures else "validation"
        raise InvalidValue.of(field, _("at least two pictures to learn from"), len(train))
    if len(train) % config.batch_size == 1:
        train = train[:-1]  # a last batch of one picture has no variance that batch norm could take
    rows = {"train": np.sort(train)}
    if held:
        rows["val"] = np.sort(order[:held])
    if config.data in OFFICIAL_TEST:
        rows["test"] = np.arange(album.training, len(album.labels))
    return rows


def judged_by(rows: Rows) -> str:
    """The part that pictures of a run are about: test, held-out or else training pictures."""
    return next(name for name in ("test", "val", "train") if name in rows)


def some_of(numbers: np.ndarray, count: int = GLIMPSE) -> np.ndarray:
    """So many of these numbers, drawn once and for all: first ones may be all of one class."""
    if len(numbers) <= count:
        return numbers
    return np.sort(np.random.default_rng(0).choice(numbers, count, replace=False))


def nearest_mean(album: Album, rows: Rows) -> float:
    """Accuracy of the simplest classifier there is: each class is the mean of its pictures."""
    flat = album.pixels.reshape(len(album.pixels), -1)
    some = some_of(rows["train"], MEANS)
    known, labels = flat[some].astype(np.float32), album.labels[some]
    means = np.stack([known[labels == k].mean(0) for k in np.unique(labels)])
    seen = some_of(rows[judged_by(rows)])
    far = np.square(means).sum(1) - 2 * flat[seen].astype(np.float32) @ means.T
    return float((np.unique(labels)[far.argmin(1)] == album.labels[seen]).mean())
