"""Points on a plane: made from numbers, a noise and a seed, or put down by a visitor. Torch-free.

Without noise the data reach from -1 to 1. Labels follow the true positions; `noise` is added to
the positions afterwards, so it carries points across the border.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

import numpy as np

from engine.errors import InvalidValue
from engine.topics.classification.spec import DRAWN_CLASSES, DRAWN_POINTS, ClassificationConfig
from engine.words import _

Pair = tuple[np.ndarray, np.ndarray]
"""Positions (N, 2) and class indices (N,)."""
Maker = Callable[[ClassificationConfig, np.random.Generator], Pair]

DISC, RING = 0.5, 0.7
"""Outer radius of the disc and inner radius of the ring, as in TensorFlow Playground."""
TURNS = 1.75
"""Of every arm of a spiral, as in TensorFlow Playground."""
CLOUDS = 0.7
"""Distance of the clouds from the centre."""
CLOUD = 0.1
"""Standard deviation of a cloud without noise."""
SQUARES = 4
"""Squares along each side of the checkerboard."""

DRAWN_LIMIT = 1e6
"""Magnitude of a coordinate of a visitor's own point."""


def made(config: ClassificationConfig, random: np.random.Generator) -> Pair:
    """The points of a configuration, in an order without meaning.

    The same seed gives the same true positions, whatever the noise.
    """
    x, y = MAKERS[config.data](config, random)
    order = random.permutation(len(x))
    error = random.standard_normal(x.shape)
    return (x + config.noise * error)[order], y[order]


def sizes(total: int, classes: int, imbalance: float) -> list[int]:
    """Rows of each class: equal but for the last, which is `imbalance` times as large.

    They add up to `total`, and none is empty.
    """
    share = np.ones(classes)
    share[-1] = imbalance
    exact = total * share / share.sum()
    counts = np.floor(exact).astype(int)
    most = np.argsort(counts - exact, kind="stable")  # largest remainder first
    counts[most[: total - counts.sum()]] += 1
    if not counts[-1]:
        counts[[0, -1]] += (-1, 1)
    return [int(count) for count in counts]


# Rules -------------------------------------------------------------------------------------------


def _xor(config: ClassificationConfig, random: np.random.Generator) -> Pair:
    """Class 0 where the signs of x and y differ (reference run C1)."""
    return _ruled(config, random, lambda x: x[:, 0] * x[:, 1] >= 0)


def _checkerboard(config: ClassificationConfig, random: np.random.Generator) -> Pair:
    return _ruled(
        config, random, lambda x: np.floor((x + 1) * SQUARES / 2).astype(int).sum(1) % 2 == 1
    )


def _ruled(
    config: ClassificationConfig,
    random: np.random.Generator,
    rule: Callable[[np.ndarray], np.ndarray],
) -> Pair:
    """Uniform points in the square; `rule` (N, 2) -> (N,) is true for class 1.

    Balanced data are the first points drawn, whatever their classes, as in the reference run.
    Others are the first ones of each class until it has its size.
    """
    x = random.uniform(-1, 1, (config.samples, 2))
    y = rule(x).astype(np.int64)
    if config.imbalance == 1:
        return x, y
    wanted = sizes(config.samples, 2, config.imbalance)
    while (np.bincount(y, minlength=2) < wanted).any():
        x = np.concatenate([x, random.uniform(-1, 1, (config.samples, 2))])
        y = rule(x).astype(np.int64)
    rows = np.concatenate([np.flatnonzero(y == k)[: wanted[k]] for k in (0, 1)])
    return x[rows], y[rows]


# Shapes ------------------------------------------------------------------------------------------


def _of_classes(
    config: ClassificationConfig, classes: int, shape: Callable[[int, int], np.ndarray]
) -> Pair:
    """Class by class; `shape(k, n)` gives the n points (n, 2) of class k."""
    counts = sizes(config.samples, classes, config.imbalance)
    x = np.concatenate([shape(k, count) for k, count in enumerate(counts)])
    return x, np.repeat(np.arange(classes), counts)


def _round(radius: np.ndarray, angle: np.ndarray) -> np.ndarray:
    return np.column_stack([radius * np.sin(angle), radius * np.cos(angle)])


def _circles(config: ClassificationConfig, random: np.random.Generator) -> Pair:
    """Class 0 is the ring, class 1 the disc; radii are uniform, as in TensorFlow Playground."""

    def shape(k: int, count: int) -> np.ndarray:
        radius = random.uniform(*((RING, 1.0), (0.0, DISC))[k], count)
        return _round(radius, random.uniform(0, 2 * np.pi, count))

    return _of_classes(config, 2, shape)


def _moons(config: ClassificationConfig, random: np.random.Generator) -> Pair:
    """Two half circles of radius 1, the lower one moved by (1, 0.5), brought to -1 … 1."""

    def shape(k: int, count: int) -> np.ndarray:
        angle = np.linspace(0, np.pi, count)
        x, y = np.cos(angle), np.sin(angle)
        moon = np.column_stack([1 - x, 0.5 - y] if k else [x, y])
        return (moon - (0.5, 0.25)) / (1.5, 0.75)

    return _of_classes(config, 2, shape)


def _blobs(config: ClassificationConfig, random: np.random.Generator) -> Pair:
    def shape(k: int, count: int) -> np.ndarray:
        angle = np.pi / 4 + 2 * np.pi * k / config.classes
        return _round(np.array(CLOUDS), np.array(angle)) + random.normal(0, CLOUD, (count, 2))

    return _of_classes(config, config.classes, shape)


def _arms(config: ClassificationConfig, arms: int) -> Pair:
    """TensorFlow Playground's spiral of 1.75 turns, with 2 or 3 arms.

    Its radius is i / n with i from 0; here i goes from 1, so that arms share no point and the
    data can be learned without an error.
    """

    def shape(k: int, count: int) -> np.ndarray:
        radius = np.arange(1, count + 1) / count
        return _round(radius, 2 * np.pi * (TURNS * radius + k / arms))

    return _of_classes(config, arms, shape)


MAKERS: dict[str, Maker] = {
    "xor": _xor,
    "circles": _circles,
    "moons": _moons,
    "blobs": _blobs,
    "spirals": lambda config, random: _arms(config, 2),
    "three-spirals": lambda config, random: _arms(config, 3),
    "checkerboard": _checkerboard,
}


# Drawn -------------------------------------------------------------------------------------------


def drawn(text: str) -> Pair:
    """Positions (N, 2) and classes (N,) of `"x,y,class;x,y,class"`; empty for an empty text.

    Raises
    ------
    InvalidValue
        Naming the first point that cannot be read, or when there are too many.
    """
    given = [point for point in text.strip().strip(";").split(";") if text.strip(" ;")]
    if len(given) > DRAWN_POINTS:
        expected = _("at most {count} points").format(count=DRAWN_POINTS)
        raise InvalidValue.of("drawn", expected, len(given))
    points = np.array([_point(point) for point in given], dtype=float).reshape(-1, 3)
    return points[:, :2], points[:, 2].astype(np.int64)


def _point(text: str) -> tuple[float, float, int]:
    try:
        first, second, name = text.split(",")
        x, y, label = float(first), float(second), int(name)
    except ValueError:
        x, y, label = float("nan"), float("nan"), -1
    near = isfinite(x) and isfinite(y) and max(abs(x), abs(y)) <= DRAWN_LIMIT
    if not near or not 0 <= label < DRAWN_CLASSES:
        expected = _("points as x,y,class;x,y,class in finite numbers, classes from 0 to {most}")
        raise InvalidValue.of("drawn", expected.format(most=DRAWN_CLASSES - 1), text)
    return x, y, label
