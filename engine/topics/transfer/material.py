"""Which pictures a run of the transfer topic learns from, and which it is tested on (torch-free)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.data import photos, pictures
from engine.data.pictures import Album
from engine.errors import InvalidValue
from engine.topics.transfer.spec import PHOTO_SIDE, TransferConfig
from engine.words import _

SIZES = (1, 2, 5, 10, 20, 50)
"""Pictures of each class that are compared with each other."""
TESTED = 2_000
"""Pictures that ways to learn are tested on, if there are more; fused models are tested on all."""
KEPT = 0.25
"""Share of each class that stays for the test where its publisher has set none apart."""
STACKED = 0.1
"""Share of the training pictures of fused models that stacking learns from."""


Shape = tuple[int, int, int]
"""Height, width and channels of a picture."""


class Rows(NamedTuple):
    """Numbers of pictures of one member: those it learns from, and those it is tested on."""

    train: np.ndarray
    test: np.ndarray


def stored(name: str) -> Album:
    """The pictures of that name, which are not the visitor's own."""
    return photos.photos(name) if name in photos.PHOTOS else pictures.album(name)


def at_hand(name: str) -> bool:
    """Whether `stored` can do without a download."""
    return photos.at_hand(name) if name in photos.PHOTOS else pictures.at_hand(name)


def classes(name: str) -> tuple[str, ...]:
    """Names of the classes, whose pictures need not be here."""
    return photos.classes(name) if name in photos.PHOTOS else pictures.classes(name)


def shape_of(config: TransferConfig) -> Shape:
    """Height, width and channels of the pictures that these settings name."""
    if config.data == "own":
        return PHOTO_SIDE, PHOTO_SIDE, 3
    if config.data in photos.PHOTOS:
        return photos.SIDE, photos.SIDE, 3
    if config.data == "digits":
        return pictures.DIGITS_SIDE, pictures.DIGITS_SIDE, 1
    return pictures.COPIES[config.data][0].shape


def rows(config: TransferConfig, album: Album, member: int, images: int) -> Rows:
    """What one member learns from: `images` of each class (0: all), drawn at random; and its test.

    Without an official test part, every other picture is for the test, at least a `KEPT` share of
    each class.

    Raises
    ------
    InvalidValue
        When there is nothing to learn from.
    """
    random = np.random.default_rng([config.data_seed, member])
    official = album.training < len(album.labels)
    chosen = []
    for label in range(len(album.classes)):
        ours = np.flatnonzero(album.labels[: album.training] == label)
        most = len(ours) if official else int(len(ours) * (1 - KEPT))
        chosen.append(random.permutation(ours)[: min(images or most, most)])
    train = np.sort(np.concatenate(chosen))
    if len(train) < 2 or not all(len(some) for some in chosen):
        expected = _("at least one picture of each class to learn from, and one for the test")
        raise InvalidValue.of("images", expected, [len(some) for some in chosen])
    return Rows(train, np.setdiff1d(pool(album), train, assume_unique=True))


def pool(album: Album, most: int = TESTED) -> np.ndarray:
    """Pictures that are tested on, unless somebody learns from them."""
    official = album.training < len(album.labels)
    every = np.arange(album.training if official else 0, len(album.labels))
    if len(every) <= most:
        return every
    return np.sort(np.random.default_rng(0).choice(every, most, replace=False))


def apart(numbers: np.ndarray, labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Training pictures for models, and a `STACKED` share of each class for what fuses them."""
    random = np.random.default_rng([seed])
    aside = []
    for label in np.unique(labels[numbers]):
        ours = random.permutation(numbers[labels[numbers] == label])
        aside.append(ours[: max(1, round(STACKED * len(ours)))])
    held = np.sort(np.concatenate(aside))
    return np.setdiff1d(numbers, held, assume_unique=True), held


def sizes(config: TransferConfig, album: Album) -> tuple[int, ...]:
    """Pictures of each class that a run compares."""
    if config.task != "sizes":
        return (config.images,)
    fewest = int(np.bincount(album.labels[: album.training]).min() * (1 - KEPT))
    return tuple(size for size in SIZES if size <= max(fewest, 1))
