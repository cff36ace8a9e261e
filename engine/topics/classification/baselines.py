"""What simple methods reach on the same rows: majority, logistic regression, nearest neighbour.

Numpy only, so that a page works them out without torch and scikit-learn, in well under a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.topics.classification.data import TRAIN, Dataset
from engine.topics.classification.figures_parts import dataset, measured_on, rows_measured
from engine.topics.classification.spec import ClassificationConfig
from engine.words import _

if TYPE_CHECKING:
    from engine.data.tables import Table

LEARNED_ROWS = 2_000
"""Training rows that are taken at most, in order of a fixed lot."""
MEASURED_ROWS = 2_000
MOST_FEATURES = 64
MOST_CLASSES = 10
NEIGHBOUR_NUMBERS = 200_000
"""Training rows × features up to which neighbours are looked for."""

RIDGE = 1.0
"""Weight of ½ Σ w² beside the summed cross-entropy, on standardised inputs."""
STEPS = 200
SETTLED = 3e-4

KNOWN_MAJORITY = {"mnist": 0.1135, "fashion-mnist": 0.1}
"""Share of the most frequent class in test parts that are too large to be read here."""

Pair = tuple[np.ndarray, np.ndarray]


def baselines(config: ClassificationConfig, table: Table | None = None) -> Iterator[dict[str, Any]]:
    """Accuracy of simple methods on the part that is measured: title, value, help."""
    if config.oversample == "training":  # rows that are measured are the same without
        config = config.model_copy(update={"oversample": "none"})
    made = dataset(config, table)
    measured = _("Accuracy on the {rows}.").format(rows=rows_measured(config, made))

    def reached(title: str, value: float, how: str) -> dict[str, Any]:
        return {"title": title, "value": float(value), "help": f"{how} {measured}"}

    most = _("Always answers the class that is most frequent in training.")
    if made is None:
        if config.data in KNOWN_MAJORITY:
            yield reached(_("Majority"), KNOWN_MAJORITY[config.data], most)
        return
    if not (made.part == TRAIN).any():
        return
    held = measured_on(config, made)
    whole, (x, y) = made.of(held), _sample(*made.of(held), MEASURED_ROWS)
    train = _sample(*made.of(TRAIN), LEARNED_ROWS)
    classes = len(made.classes)
    yield reached(_("Majority"), majority(made.of(TRAIN)[1], whole[1]), most)
    scale = _scale(train[0])
    inputs, known = scale(x), (scale(train[0]), train[1])
    if x.shape[1] <= MOST_FEATURES and classes <= MOST_CLASSES:
        share = np.mean(logistic(*known, inputs, classes) == y)
        yield reached(_("Logistic regression"), share, _logistic_help(made))
    if held != TRAIN and known[0].size <= NEIGHBOUR_NUMBERS and not _many(made):
        share = np.mean(nearest(*known, inputs) == y)
        yield reached(_("Nearest neighbour"), share, _("Answers as the most similar known row."))


def _logistic_help(made: Dataset) -> str:
    how = _("Straight borders, with a small penalty (ridge), fitted until it changes no more.")
    if (made.part == TRAIN).sum() > LEARNED_ROWS:
        how += " " + _("It learned from {count:,} of the rows.").format(count=LEARNED_ROWS)
    return how


def _many(made: Dataset) -> bool:
    """Whether the known rows are a sample only, in which the nearest are not to be found."""
    return bool((made.part == TRAIN).sum() > LEARNED_ROWS)


def majority(known: np.ndarray, y: np.ndarray) -> float:
    """Share of `y` that is the most frequent class of `known`."""
    return float(np.mean(y == np.bincount(known).argmax()))


def logistic(x: np.ndarray, y: np.ndarray, asked: np.ndarray, classes: int) -> np.ndarray:
    """Classes (n,) that softmax regression on x (N, F), y (N,) answers for `asked` (n, F).

    Each step solves for the curvature ½ XᵀX, which bounds that of the cross-entropy from above
    (Böhning 1992), so that none is too long, whatever the data; looking ahead along the last
    change (Nesterov 1983) spares most of the steps.
    """
    rows, targets = _with_one(x), np.eye(classes)[y]
    penalty = np.full(rows.shape[1], RIDGE)
    penalty[-1] = 1e-9
    inverse = np.linalg.inv(0.5 * rows.T @ rows + np.diag(penalty))
    weights = ahead = np.zeros((rows.shape[1], classes))
    for step in range(STEPS):
        slope = rows.T @ (targets - _softmax(rows @ ahead)) - penalty[:, None] * ahead
        last, weights = weights, ahead + inverse @ slope
        ahead = weights + step / (step + 3) * (weights - last)
        if np.abs(weights - last).max() < SETTLED:
            break
    return np.asarray((_with_one(asked) @ weights).argmax(1))


def nearest(x: np.ndarray, y: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Class (n,) of that row of x (N, F) which is nearest to each of `asked` (n, F)."""
    distances = np.sum(x**2, 1) - 2 * asked @ x.T  # less |asked|², which is the same for all
    return np.asarray(y[distances.argmin(1)])


def _softmax(logits: np.ndarray) -> np.ndarray:
    raised = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(raised / raised.sum(1, keepdims=True))


def _with_one(x: np.ndarray) -> np.ndarray:
    return np.column_stack([x, np.ones(len(x))])


def _scale(x: np.ndarray) -> Any:
    """Standardises as x (N, F) asks for; what never differs stays 0."""
    mean, spread = x.mean(0, dtype=float), x.std(0, dtype=float)
    return lambda rows: (rows - mean) / np.where(spread > 0, spread, 1.0)


def _sample(x: np.ndarray, y: np.ndarray, limit: int) -> Pair:
    if len(x) <= limit:
        return x, y
    chosen = np.random.default_rng(0).permutation(len(x))[:limit]
    return x[chosen], y[chosen]
