"""Points to fit: R1's nineteen, a noisy line (R2), a sine. Torch-free, so that pages draw them too."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.topics.regression.spec import RegressionConfig

R1_X = (
    2.3,
    4.4,
    3.7,
    6.1,
    7.3,
    2.1,
    5.6,
    7.7,
    8.7,
    4.1,
    6.7,
    6.1,
    7.5,
    2.1,
    7.2,
    5.6,
    5.7,
    7.7,
    3.1,
)
R1_Y = (
    3.7,
    4.76,
    4.0,
    7.1,
    8.6,
    3.5,
    5.4,
    7.6,
    7.9,
    5.3,
    7.3,
    7.5,
    8.5,
    3.2,
    8.7,
    6.4,
    6.6,
    7.9,
    5.3,
)

GRID_POINTS = 120
GRID_MARGIN = 0.05
"""Share of the x range by which the drawn curve goes beyond the points."""


class Points(NamedTuple):
    """`x`, `y`: float32 arrays of shape (N,); `held_out`: bool (N,), True for validation."""

    x: np.ndarray
    y: np.ndarray
    held_out: np.ndarray


def make(config: RegressionConfig) -> Points:
    """The points of a configuration; the same settings give the same points."""
    random = np.random.default_rng([config.seed, 1])
    if config.data == "points":
        x, y = np.array(R1_X), np.array(R1_Y)
    elif config.data == "line":
        x = random.random(config.samples)
        y = 2 * x + 3 + random.normal(0, config.noise, config.samples)
    else:
        x = random.uniform(-np.pi, np.pi, config.samples)
        y = np.sin(x) + random.normal(0, config.noise, config.samples)
    held_out = np.zeros(len(x), dtype=bool)
    held_out[random.permutation(len(x))[: round(config.validation * len(x))]] = True
    return Points(x.astype(np.float32), y.astype(np.float32), held_out)


def grid(points: Points) -> np.ndarray:
    """The x values, float32 (GRID_POINTS,), at which the fitted curve is drawn."""
    low, high = float(points.x.min()), float(points.x.max())
    margin = GRID_MARGIN * (high - low)
    return np.linspace(low - margin, high + margin, GRID_POINTS, dtype=np.float32)


def least_squares(points: Points) -> tuple[float, float]:
    """Slope and intercept of the closed-form line through the training points."""
    train = ~points.held_out
    slope, intercept = np.polyfit(points.x[train].astype(float), points.y[train].astype(float), 1)
    return float(slope), float(intercept)
