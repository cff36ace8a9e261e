"""Points and tables to fit. Torch-free, so that pages draw them too.

`x` is always (N, F), in the units of the source. `part` says what each row is for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.errors import GalleryError, InvalidValue
from engine.topics.regression.spec import DRAWN_POINTS, MADE, RegressionConfig
from engine.words import N_, _

if TYPE_CHECKING:
    from engine.data.tables import Table

TRAIN, VALIDATION, TEST = 0, 1, 2

# fmt: off
R1_X = (2.3, 4.4, 3.7, 6.1, 7.3, 2.1, 5.6, 7.7, 8.7, 4.1, 6.7, 6.1, 7.5, 2.1, 7.2, 5.6, 5.7, 7.7, 3.1)
R1_Y = (3.7, 4.76, 4.0, 7.1, 8.6, 3.5, 5.4, 7.6, 7.9, 5.3, 7.3, 7.5, 8.5, 3.2, 8.7, 6.4, 6.6, 7.9, 5.3)
# fmt: on

GRID_POINTS = 120
GRID_MARGIN = 0.05
"""Share of the x range by which the drawn curve goes beyond the points."""

SHOWN_ROWS = 2000

DRAWN_LIMIT = 1e6
"""Magnitude of a coordinate of a visitor's own point."""

DOWNLOADED = {"auto-mpg": "auto-mpg", "survey": "somerville-happiness"}
"""Data sets of the registry by the choice of `data`."""

MPG_SPLIT_SEED = 1
MPG_YEARS = (73, 76, 79)
MPG_ORIGINS = (N_("origin=Japan"), N_("origin=USA"), N_("origin=Europe"))
"""In the order of `origin % 3`."""


class Dataset(NamedTuple):
    """Rows to learn from and to measure on.

    Attributes
    ----------
    x : ndarray of float32, shape (N, F)
    y : ndarray of float32, shape (N,)
    part : ndarray of int8, shape (N,)
        `TRAIN`, `VALIDATION` or `TEST`.
    features : tuple of str
        Names of the F columns of `x`.
    target, unit
        Name of `y`, and its unit if it has one.
    unscaled
        Features that are codes, which no scaling touches.
    """

    x: np.ndarray
    y: np.ndarray
    part: np.ndarray
    features: tuple[str, ...] = ("x",)
    target: str = "y"
    unit: str = ""
    unscaled: tuple[str, ...] = ()

    @property
    def one_variable(self) -> bool:
        """Whether the fit can be drawn as a curve over the points."""
        return bool(self.x.shape[1] == 1)

    def of(self, part: int) -> tuple[np.ndarray, np.ndarray]:
        """x (n, F) and y (n,) of the rows of one part."""
        chosen = self.part == part
        return self.x[chosen], self.y[chosen]


def make(config: RegressionConfig, table: Table | None = None) -> Dataset:
    """The data of a configuration; the same settings give the same rows.

    Parameters
    ----------
    table
        The visitor's own, for `data="own"`.

    Raises
    ------
    GalleryError
        When a file cannot be had, a drawn point cannot be read or the own table is missing.
    """
    random = np.random.default_rng([config.data_seed, 1])
    data = _rows(config, random, table)
    free = np.flatnonzero(data.part == TRAIN)
    held = random.permutation(len(free))[: round(config.validation * len(free))]
    part = data.part.copy()
    part[free[held]] = VALIDATION
    return data._replace(part=part)


def at_hand(config: RegressionConfig) -> bool:
    """Whether the rows can be had without a download: pages do not wait for one, runs do."""
    from engine.data import held, source

    name = DOWNLOADED.get(config.data)
    return name is None or all(held(file) is not None for file in source(name).files)


def check(data: Dataset) -> None:
    """Refuse data from which nothing can be learned.

    Raises
    ------
    GalleryError
        No points, one point, or inputs that never differ.
    """
    x, _y = data.of(TRAIN)
    if not len(data.x):
        raise GalleryError(_("There are no points to fit. Put some on the plot."), field="data")
    if len(x) < 2:
        text = _("There is one point to learn from; at least two are needed. Add points.")
        raise GalleryError(text, field="data")
    if (x == x[0]).all():
        text = _("All points have the same x ({value:g}); nothing can be learned. Move a point.")
        if x.shape[1] > 1:
            text = _("The rows to learn from are all alike. Choose other features.")
        raise GalleryError(text.format(value=float(x[0, 0])), field="data")


def _rows(config: RegressionConfig, random: np.random.Generator, table: Table | None) -> Dataset:
    if config.data in MADE:
        x, y = MAKERS[config.data](config, random)
        return _training(x, y)
    if config.data == "points":
        return _training(np.array(R1_X), np.array(R1_Y))
    if config.data == "drawn":
        return _training(*drawn(config.drawn))
    if config.data == "own":
        if table is None:
            text = _("The table is not here any more; it stays with a visit. Load it again.")
            raise GalleryError(text, field="table")
        return _training(table.x, table.y)._replace(features=table.features, target=table.target)
    if config.data == "diabetes":
        return _diabetes(config.data_seed)
    return _auto_mpg() if config.data == "auto-mpg" else _survey()


def _training(x: np.ndarray, y: np.ndarray) -> Dataset:
    columns = np.asarray(x, dtype=np.float32)
    columns = columns if columns.ndim == 2 else columns[:, None]
    return Dataset(columns, np.asarray(y, dtype=np.float32), np.zeros(len(x), dtype=np.int8))


# Made --------------------------------------------------------------------------------------------

Pair = tuple[np.ndarray, np.ndarray]
Maker = Callable[[RegressionConfig, np.random.Generator], Pair]


def _line(config: RegressionConfig, random: np.random.Generator) -> Pair:
    x = random.random(config.samples)
    return x, 2 * x + 3 + random.normal(0, config.noise, config.samples)


def _sine(config: RegressionConfig, random: np.random.Generator) -> Pair:
    x = random.uniform(-np.pi, np.pi, config.samples)
    return x, np.sin(x) + random.normal(0, config.noise, config.samples)


def _step(config: RegressionConfig, random: np.random.Generator) -> Pair:
    x = random.uniform(-1, 1, config.samples)
    return x, np.where(x < 0, -1.0, 1.0) + random.normal(0, config.noise, config.samples)


def _heteroscedastic(config: RegressionConfig, random: np.random.Generator) -> Pair:
    x = random.random(config.samples)
    return x, heteroscedastic_mean(x) + heteroscedastic_sd(x, config.noise) * random.normal(
        0, 1, config.samples
    )


def heteroscedastic_mean(x: np.ndarray) -> np.ndarray:
    """What the points with growing noise lie around."""
    return np.asarray(1.5 * x + 0.5 * np.sin(2 * np.pi * x))


def heteroscedastic_sd(x: np.ndarray, noise: float) -> np.ndarray:
    """Their standard deviation: a fifth of `noise` at x = 0, nine fifths at x = 1."""
    return np.asarray(noise * (0.2 + 1.6 * x))


def _outliers(config: RegressionConfig, random: np.random.Generator) -> Pair:
    x, y = _line(config, random)
    count = round(config.outliers * len(x))
    far = random.permutation(len(x))[:count]
    y[far] += random.uniform(2, 5, count)
    return x, y


MAKERS: dict[str, Maker] = {
    "line": _line,
    "sine": _sine,
    "step": _step,
    "heteroscedastic": _heteroscedastic,
    "outliers": _outliers,
}


def drawn(text: str) -> Pair:
    """x and y of points given as `"x,y;x,y"`; empty for an empty text.

    Raises
    ------
    InvalidValue
        Naming the first point that cannot be read, or when there are too many.
    """
    pairs = [pair for pair in text.strip().strip(";").split(";") if text.strip(" ;")]
    if len(pairs) > DRAWN_POINTS:
        expected = _("at most {count} points").format(count=DRAWN_POINTS)
        raise InvalidValue.of("drawn", expected, len(pairs))
    points = np.array([_point(pair) for pair in pairs], dtype=float).reshape(-1, 2)
    return points[:, 0], points[:, 1]


def _point(pair: str) -> tuple[float, float]:
    try:
        x, y = (float(number) for number in pair.split(","))
    except ValueError:
        x = y = float("nan")
    if not (isfinite(x) and isfinite(y) and max(abs(x), abs(y)) <= DRAWN_LIMIT):
        raise InvalidValue.of("drawn", _("points as x,y;x,y in finite numbers"), pair)
    return x, y


# Tables ------------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _auto_mpg() -> Dataset:
    """Reference run R3: rows with gaps dropped, an 80/20 split, nine inputs.

    The split is that of `train_test_split(rows, train_size=0.8, random_state=1)`: scikit-learn
    permutes the row numbers and takes the test part first.
    """
    from engine.data import fetch

    (path,) = fetch(DOWNLOADED["auto-mpg"])
    rows = [line.split("\t")[0].split() for line in path.read_text("utf-8").splitlines()]
    whole = np.array([row for row in rows if row and "?" not in row], dtype=float)
    mpg, numeric, year, origin = whole[:, 0], whole[:, 1:6], whole[:, 6], whole[:, 7]
    bucket = np.searchsorted(MPG_YEARS, year, side="right")
    one_hot = np.eye(3)[origin.astype(int) % 3]
    order = np.random.RandomState(MPG_SPLIT_SEED).permutation(len(whole))
    train = int(0.8 * len(whole))
    part = np.full(len(whole), TEST, dtype=np.int8)
    part[order[len(whole) - train :]] = TRAIN
    names = ("cylinders", "displacement", "horsepower", "weight", "acceleration", "year bucket")
    return Dataset(
        np.column_stack([numeric, bucket, one_hot]).astype(np.float32),
        mpg.astype(np.float32),
        part,
        (*names, *MPG_ORIGINS),
        "fuel efficiency",
        "mpg",
        ("year bucket",),
    )


@lru_cache(maxsize=4)
def _survey() -> Dataset:
    """Reference run R5: six answers from 1 to 5, and whether the citizen is happy; all rows."""
    from engine.data import fetch

    (path,) = fetch(DOWNLOADED["survey"])
    rows = np.loadtxt(path, delimiter=",", skiprows=1, encoding="utf-8-sig", dtype=np.float32)
    names = ("information", "housing cost", "schools", "police", "streets", "events")
    return _training(rows[:, 1:], rows[:, 0])._replace(features=names, target="happy")


@lru_cache(maxsize=4)
def _diabetes(seed: int) -> Dataset:
    """The 442 patients of Efron, Hastie, Johnstone and Tibshirani (2004), in their own units.

    Read from scikit-learn's files, without importing it. A fifth of the rows is the test part.
    """
    found = find_spec("sklearn")
    if found is None or not found.submodule_search_locations:
        raise GalleryError(_("The diabetes data come with scikit-learn, which is not installed."))
    folder = Path(found.submodule_search_locations[0]) / "datasets" / "data"
    x, y = (
        np.loadtxt(folder / name, dtype=np.float32)
        for name in ("diabetes_data_raw.csv.gz", "diabetes_target.csv.gz")
    )
    data = _training(x, y)
    test = np.random.default_rng([seed, 2]).permutation(len(x))[: round(0.2 * len(x))]
    data.part[test] = TEST
    names = ("age", "sex", "bmi", "blood pressure", "cholesterol", "ldl", "hdl", "ratio")
    return data._replace(
        features=(*names, "triglycerides", "glucose"), target="progression after a year"
    )


# For pictures ------------------------------------------------------------------------------------


def grid(data: Dataset) -> np.ndarray:
    """The x values, float32 (GRID_POINTS,), at which the fitted curve is drawn."""
    if not len(data.x):
        return np.linspace(-1, 1, GRID_POINTS, dtype=np.float32)
    low, high = float(data.x.min()), float(data.x.max())
    margin = GRID_MARGIN * (high - low) or 1.0
    return np.linspace(low - margin, high + margin, GRID_POINTS, dtype=np.float32)


def shown(data: Dataset) -> np.ndarray:
    """Indices of the rows that pictures show: all, or `SHOWN_ROWS` of a longer table, in order."""
    if len(data.x) <= SHOWN_ROWS:
        return np.arange(len(data.x))
    return np.sort(np.random.default_rng(0).permutation(len(data.x))[:SHOWN_ROWS])


def least_squares(data: Dataset) -> tuple[np.ndarray, float]:
    """Closed-form weights (F,) and intercept of the best plane through the training rows.

    Found with the columns standardised, so that their units do not matter; where columns depend
    on each other, the smallest such weights.
    """
    x, y = (array.astype(float) for array in data.of(TRAIN))
    if not len(x):
        return np.zeros(data.x.shape[1]), 0.0
    centre, spread = x.mean(0), x.std(0)
    spread[spread == 0] = 1.0
    level = y.mean()
    scaled, *_rest = np.linalg.lstsq((x - centre) / spread, y - level, rcond=None)
    weights = scaled / spread
    return weights, float(level - centre @ weights)
