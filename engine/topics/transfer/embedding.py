"""Pictures as points in space: what the head is given of them, in three dimensions."""

from __future__ import annotations

import numpy as np
from sklearn.manifold import TSNE

from engine.events import encode_array

FULL = 32_767
NEIGHBOURS = 30.0
"""Perplexity of t-SNE, the usual one; a third of the points at most."""
ROUNDS = 500


def pca(features: np.ndarray) -> np.ndarray:
    """The three directions of largest variance (Pearson 1901): (n, D) → (n, 3)."""
    centred = features - features.mean(0)
    left, sizes, _right = np.linalg.svd(centred, full_matrices=False)
    found = np.zeros((len(features), 3))
    count = min(3, len(sizes))
    found[:, :count] = left[:, :count] * sizes[:count]
    return found


def aligned(points: np.ndarray, before: np.ndarray | None) -> np.ndarray:
    """The same points, turned and mirrored until they lie as near to those `before` as can be.

    Directions of variance have no sign, and change places as a net learns: without this, points
    would jump from frame to frame. Orthogonal Procrustes (Schönemann 1966).
    """
    if before is None:
        return points
    left, _sizes, right = np.linalg.svd(points.T @ before)
    turned: np.ndarray = points @ (left @ right)
    return turned


def tsne(features: np.ndarray, seed: int) -> np.ndarray:
    """Neighbours stay neighbours (van der Maaten & Hinton 2008): (n, D) → (n, 3)."""
    method = TSNE(
        3,
        perplexity=min(NEIGHBOURS, (len(features) - 1) / 3),
        max_iter=ROUNDS,
        init="pca",
        random_state=seed,
    )
    found: np.ndarray = method.fit_transform(features)
    return np.asarray(found - found.mean(0))


def encoded(points: np.ndarray) -> dict[str, object]:
    """Points (n, 3) as int16; the farthest coordinate is ±32,767."""
    largest = max(float(np.abs(points).max()), 1e-12)
    return encode_array(np.rint(points * (FULL / largest)).astype(np.int16))
