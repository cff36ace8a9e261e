"""Tables and pictures that lie in files: scikit-learn's, the registry's. Torch-free.

Small tables are kept in memory once they were read. Pictures are not: `engine.data.pictures` maps
them into memory.
"""

from __future__ import annotations

import csv
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from engine.data import pictures
from engine.data.bundled import bundled
from engine.topics.classification.spec import BUNDLED, DOWNLOADED, OFFICIAL_TEST
from engine.words import N_

SOURCES = {
    "sonar": "sonar",
    "credit": "credit-default",
    "mnist": "mnist",
    "fashion-mnist": "fashion-mnist",
}
"""Data sets of the registry by the choice of `data`."""

IRIS = ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")
WINE = (
    "alcohol",
    "malic_acid",
    "ash",
    "alcalinity_of_ash",
    "magnesium",
    "total_phenols",
    "flavanoids",
    "nonflavanoid_phenols",
    "proanthocyanins",
    "color_intensity",
    "hue",
    "od280/od315_of_diluted_wines",
    "proline",
)
CELL = (
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave points",
    "symmetry",
    "fractal dimension",
)
"""What is measured of the nuclei of a breast tissue sample: mean, standard error and worst."""
CELLS = (
    *(f"mean {name}" for name in CELL),
    *(f"{name} error" for name in CELL),
    *(f"worst {name}" for name in CELL),
)
BANDS = 60
NOT_FEATURES = ("ID", "SEX", "default.payment.next.month")
"""Columns of the credit data that reference run C7 does not give to its network."""
DIGITS, CLOTHES = pictures.DIGITS, pictures.CLOTHES
SIDE = pictures.SIDE
TRAINING, TESTING = pictures.TRAINING["mnist"], 10_000
"""Pictures of MNIST and Fashion-MNIST, in the order of their files."""


class Rows(NamedTuple):
    """A table with classes.

    Attributes
    ----------
    x : ndarray of float32, shape (N, F)
    y : ndarray of int64, shape (N,)
    features, classes
        F and C names.
    image
        Height and width, if the rows are the pixels of a picture.
    """

    x: np.ndarray
    y: np.ndarray
    features: tuple[str, ...]
    classes: tuple[str, ...]
    image: tuple[int, int] | None = None


def at_hand(name: str) -> bool:
    """Whether the rows can be had without a download."""
    from engine.data import held, source

    if name not in DOWNLOADED:
        return True
    if name in OFFICIAL_TEST:
        return pictures.at_hand(name)
    return all(held(file) is not None for file in source(SOURCES[name]).files)


def rows(name: str) -> Rows:
    """A table of scikit-learn or of the registry, in arrays of its own.

    Raises
    ------
    GalleryError
        When a file cannot be had.
    """
    if name in OFFICIAL_TEST:
        return _pictures(name)
    kept = _read(name)
    return kept._replace(x=kept.x.copy(), y=kept.y.copy())


@lru_cache(maxsize=len(BUNDLED) + 2)
def _read(name: str) -> Rows:
    """One of the small tables; all of them together take less than 5 MB."""
    if name == "digits":
        return _digits()
    if name == "sonar":
        return _sonar()
    if name == "credit":
        return _credit()
    file, features = {
        "iris": ("iris.csv", IRIS),
        "wine": ("wine_data.csv", WINE),
        "breast-cancer": ("breast_cancer.csv", CELLS),
    }[name]
    return _bundled(file, features)


# scikit-learn's files ----------------------------------------------------------------------------


def _bundled(file: str, features: tuple[str, ...]) -> Rows:
    """A csv whose first line holds rows, columns and names of the classes."""
    path = bundled(file)
    with path.open(encoding="utf-8") as stream:
        classes = tuple(stream.readline().strip().split(",")[2:])
    table = np.loadtxt(path, delimiter=",", skiprows=1)
    return Rows(table[:, :-1].astype(np.float32), table[:, -1].astype(int), features, classes)


def _digits() -> Rows:
    """1797 digits of 8 × 8 pixels from 0 to 16 (UCI 80: Alpaydin and Kaynak 1998)."""
    values, labels = pictures.small_digits()
    x = values.reshape(len(values), -1).astype(np.float32)
    return Rows(x, labels.astype(np.int64), _pixels(8), DIGITS, (8, 8))


def _pixels(side: int) -> tuple[str, ...]:
    return tuple(f"pixel_{row}_{column}" for row in range(side) for column in range(side))


# The registry's files ----------------------------------------------------------------------------


def _sonar() -> Rows:
    """208 sonar echoes (Gorman and Sejnowski 1988); class 1 is the mine."""
    from engine.data import fetch

    (path,) = fetch(SOURCES["sonar"])
    lines = [line.split(",") for line in path.read_text("utf-8").splitlines()[1:]]
    y = np.array([line[-1] == "Mine" for line in lines], dtype=np.int64)
    x = np.array([line[:-1] for line in lines], dtype=np.float32)
    return Rows(x, y, tuple(f"band {i}" for i in range(1, BANDS + 1)), (N_("rock"), N_("mine")))


def _credit() -> Rows:
    """30,000 credit card clients (Yeh and Lien 2009), the 22 features of reference run C7."""
    from engine.data import fetch

    (path,) = fetch(SOURCES["credit"])
    with path.open(encoding="utf-8", newline="") as stream:
        names = next(csv.reader(stream))
        table = np.loadtxt(stream, delimiter=",", dtype=np.float32)
    columns = [i for i, name in enumerate(names) if name not in NOT_FEATURES]
    y = table[:, names.index(NOT_FEATURES[-1])].astype(np.int64)
    features = tuple(names[i] for i in columns)
    return Rows(table[:, columns], y, features, (N_("paid"), N_("default")))


def _pictures(name: str) -> Rows:
    """MNIST (LeCun et al. 1998) or Fashion-MNIST (Xiao et al. 2017): test rows come last.

    Pixels are divided by 255 in float32, as torchvision's `ToTensor` does.
    """
    y, classes, image = labels(name)
    return Rows(pixels(name, slice(None)), y, _pixels(SIDE), classes, image)


def labels(name: str) -> tuple[np.ndarray, tuple[str, ...], tuple[int, int]]:
    """Class indices (70000,), class names and size of MNIST or Fashion-MNIST, without pixels."""
    _pixels_mapped, numbers = _arrays(name)
    return numbers.astype(np.int64), DIGITS if name == "mnist" else CLOTHES, (SIDE, SIDE)


def pixels(name: str, rows: np.ndarray | slice) -> np.ndarray:
    """float32 (n, 784) of these pictures, from 0 to 1."""
    mapped, _labels = _arrays(name)
    return np.asarray(np.divide(mapped[rows], np.float32(255), dtype=np.float32))


def _arrays(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (70000, 784) as uint8, mapped from a file of the cache, and labels (70000,)."""
    album = pictures.album(name)
    return album.pixels.reshape(-1, SIDE**2), album.labels
