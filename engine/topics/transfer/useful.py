"""Which training pictures help, and which mislead."""

from __future__ import annotations

import numpy as np

K = 5
"""Neighbours that vote."""


def shapley(
    train: np.ndarray, labels: np.ndarray, test: np.ndarray, truth: np.ndarray, k: int = K
) -> np.ndarray:
    """The Shapley value of each training picture for k nearest neighbours (Jia et al. 2019, VLDB).

    It is the mean, over all orders in which the training pictures could have come, of what this
    one adds to the share of right votes: exact, and in closed form. With the pictures sorted from
    the nearest, and b(i) whether the i-th is of the right class,

        s(N) = b(N) / N · min(k, N) / k,   s(i) = s(i+1) + (b(i) − b(i+1)) / k · min(k, i) / i

    Parameters
    ----------
    train, test : ndarray, shapes (N, D) and (M, D)
        Features; distances are Euclidean.
    labels, truth : ndarray of int, shapes (N,) and (M,)

    Returns
    -------
    ndarray, shape (N,)
        They add up to the mean share of the k nearest neighbours that are of the right class.
    """
    squares = (train**2).sum(1) - 2 * test @ train.T
    order = squares.argsort(1, kind="stable")
    right = (labels[order] == truth[:, None]).astype(np.float64)
    count = len(train)
    places = np.arange(1, count)
    steps = (right[:, :-1] - right[:, 1:]) / k * np.minimum(k, places) / places
    values = np.empty_like(right)
    values[:, -1] = right[:, -1] / count * min(k, count) / k
    values[:, :-1] = values[:, -1:] + steps[:, ::-1].cumsum(1)[:, ::-1]
    found = np.zeros(count)
    np.add.at(found, order, values)
    return found / len(test)
