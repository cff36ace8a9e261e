"""Gradient boosting as a baseline. In workers only: scikit-learn's trees cost the pages 90 MB."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.ensemble import GradientBoostingRegressor

from engine.topics.regression import data
from engine.topics.regression.data import TEST, TRAIN, VALIDATION, Dataset

MOST_ROWS = 2000
"""Training rows that it gets at most: about a tenth of a second."""


def baseline(dataset: Dataset) -> dict[str, Any]:
    """What scikit-learn's gradient boosting (Friedman 2001), as it comes, does with the same rows.

    Returns
    -------
    dict
        `boosting_mse` on the held-out rows (test, else validation, else training), and for one
        variable `boosted`: its predictions at the grid's points. Empty with fewer than two rows.
    """
    x, y = dataset.of(TRAIN)
    if len(x) < 2:
        return {}
    if len(x) > MOST_ROWS:
        chosen = np.random.default_rng(0).permutation(len(x))[:MOST_ROWS]
        x, y = x[chosen], y[chosen]
    trees = GradientBoostingRegressor(random_state=0).fit(x, y)
    part = next(p for p in (TEST, VALIDATION, TRAIN) if (dataset.part == p).any())
    held_x, held_y = dataset.of(part)
    found: dict[str, Any] = {"boosting_mse": float(np.mean((held_y - trees.predict(held_x)) ** 2))}
    if dataset.one_variable:
        found["boosted"] = np.round(trees.predict(data.grid(dataset)[:, None]), 4).tolist()
    return found
