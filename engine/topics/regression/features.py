"""Features of a table as pictures show them: one-hot columns as one, and not too many.

Torch-free and from the data alone, so that the page and the worker choose the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SHOWN = 9
"""Features that partial dependence is drawn of."""


def groups(features: Sequence[str]) -> dict[str, list[int]]:
    """Columns by the variable they stand for: one-hot columns `origin=1`, `origin=2` are one.

    Returns
    -------
    dict
        Name of the variable → its columns, in the order of the table.
    """
    found: dict[str, list[int]] = {}
    for column, name in enumerate(features):
        found.setdefault(name.split("=", 1)[0], []).append(column)
    return found


def strongest(x: np.ndarray, y: np.ndarray, count: int = SHOWN) -> list[int]:
    """At most `count` columns in the order of the table: those most correlated with the target.

    Parameters
    ----------
    x, y
        (N, F) and (N,).
    """
    if x.shape[1] <= count:
        return list(range(x.shape[1]))
    x, y = x - x.mean(0, dtype=float), y - y.mean(dtype=float)
    spread = np.sqrt((x**2).sum(0))
    correlation = np.abs(y @ x) / np.where(spread > 0, spread, np.inf)
    best: list[int] = sorted(np.argsort(-correlation, kind="stable")[:count].tolist())
    return best
