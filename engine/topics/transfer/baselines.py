"""What is reached without any of it: pixels alone, and the backbone as it comes."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from engine.data.pictures import Album
from engine.topics.transfer.material import Rows

SIDE = 32
"""Pixels of a side that photographs are made small to: more are no help to these methods."""
TESTED = 500
"""Test pictures that each is measured on."""


def pixels_of(album: Album, numbers: np.ndarray) -> np.ndarray:
    """Pictures as rows of numbers from 0 to 1; photographs by the means of square blocks."""
    pixels = np.asarray(album.pixels[numbers], np.float32) / 255
    block = max(1, pixels.shape[1] // SIDE)
    side = pixels.shape[1] // block
    cut = pixels[:, : side * block, : side * block]
    shape = (len(cut), side, block, side, block, cut.shape[3])
    return np.asarray(cut.reshape(shape).mean((2, 4)).reshape(len(cut), -1))


def on_pixels(album: Album, rows: Rows) -> dict[str, float]:
    """Test accuracy of logistic regression and of the nearest neighbour, on pixels.

    Logistic regression is scikit-learn's (C = 1); the neighbour is the one at the smallest
    Euclidean distance. Both see the training pictures of this member only.
    """
    test = rows.test[:: -(-len(rows.test) // TESTED)]
    x, y = pixels_of(album, rows.train), album.labels[rows.train]
    seen, truth = pixels_of(album, test), album.labels[test]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        regression = LogisticRegression(max_iter=200).fit(x, y)
    neighbour = KNeighborsClassifier(1).fit(x, y)
    return {
        "logistic": float(regression.score(seen, truth)),
        "neighbour": float(neighbour.score(seen, truth)),
    }
