"""Several models' answers made into one, and why that helps (torch-free)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

SMALLEST = 0.01
"""Probability below which stacking tells no difference: models that have learned their pictures by
heart are far too sure."""
PENALTY = 100.0
"""Of stacking's squared weights: it has few pictures to learn from."""
TIE = 1e-6


def vote(p: np.ndarray) -> np.ndarray:
    """The class that most models name; of equally many, the one whose probabilities add up to most.

    Parameters
    ----------
    p : ndarray, shape (M, N, C)
        Probabilities that M models give N pictures.

    Returns
    -------
    ndarray of int, shape (N,)
    """
    votes = np.zeros(p.shape[1:])
    for answer in p.argmax(2):
        votes[np.arange(len(answer)), answer] += 1
    found: np.ndarray = (votes + p.mean(0) * (1 - TIE)).argmax(1)
    return found


def fused(p: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """The weighted average of probabilities (M, N, C): (N, C); equal shares give the plain one."""
    found: np.ndarray = np.einsum("m,mnc->nc", np.asarray(shares), p)
    return found


class Stacking:
    """A logistic regression that learns whom to trust with what (Wolpert 1992).

    Parameters
    ----------
    p : ndarray, shape (M, N, C)
        Probabilities for pictures that none of the models has learned from.
    labels : ndarray of int, shape (N,)
    """

    def __init__(self, p: np.ndarray, labels: np.ndarray) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._model = LogisticRegression(C=1 / PENALTY, max_iter=300).fit(self._rows(p), labels)

    def __call__(self, p: np.ndarray) -> np.ndarray:
        """The class of each picture, (N,)."""
        found: np.ndarray = self._model.predict(self._rows(p))
        return found

    @staticmethod
    def _rows(p: np.ndarray) -> np.ndarray:
        return np.asarray(np.log(p.clip(SMALLEST)).transpose(1, 0, 2).reshape(p.shape[1], -1))


def agreement(p: np.ndarray) -> np.ndarray:
    """Share of the pictures on which each two models answer alike, (M, M)."""
    answers = p.argmax(2)
    found: np.ndarray = (answers[:, None] == answers[None]).mean(2)
    return found


def ambiguity(
    p: np.ndarray, labels: np.ndarray, shares: Sequence[float]
) -> tuple[float, float, float]:
    """Mean error of the models, their diversity, and the error of their average.

    The error is Brier's: the squared distance between the probabilities and the truth. What the
    average gains over the models' mean is exactly how far they lie from it (Krogh & Vedelsby 1995):
    the first number minus the second is the third.
    """
    truth = np.eye(p.shape[2])[labels]
    together = fused(p, shares)
    weights = np.asarray(shares)
    singles = float(weights @ ((p - truth) ** 2).sum(2).mean(1))
    diversity = float(weights @ ((p - together) ** 2).sum(2).mean(1))
    return singles, diversity, float(((together - truth) ** 2).sum(1).mean())


def pairs(p: np.ndarray, labels: np.ndarray) -> list[tuple[int, int, float, float]]:
    """Of each two models: how often they disagree, and what their average gains over the better one."""
    right = (p.argmax(2) == labels).mean(1)
    found = []
    for i, j in combinations(range(len(p)), 2):
        together = float(((p[i] + p[j]).argmax(1) == labels).mean())
        apart = float((p[i].argmax(1) != p[j].argmax(1)).mean())
        found.append((i, j, apart, together - float(max(right[i], right[j]))))
    return found


def accuracy(answers: np.ndarray, labels: np.ndarray) -> float:
    """Share of right answers."""
    return float((answers == labels).mean())
