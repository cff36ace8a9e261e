"""How well rows are told apart, for K networks at once. y is (K, N) class indices, p (K, C, N)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import one_hot

BINS = 10


def probabilities(logits: Tensor) -> Tensor:
    """Logits (K, O, N) → probabilities (K, C, N)."""
    if logits.shape[1] > 1:
        return torch.softmax(logits, 1)
    return torch.cat([torch.sigmoid(-logits), torch.sigmoid(logits)], 1)


def decided(logits: Tensor) -> Tensor:
    """Logits (K, O, N) → the winning class of each row, (K, N)."""
    return logits.argmax(1) if logits.shape[1] > 1 else (logits[:, 0] > 0).long()


def accuracy(winner: Tensor, y: Tensor) -> Tensor:
    """Share of rows that are right, (K,)."""
    return (winner == y).float().mean(1)


def balanced_accuracy(winner: Tensor, y: Tensor, classes: int) -> Tensor:
    """Mean over the classes (that have rows) of the share of their rows that is found, (K,)."""
    members = one_hot(y, classes).float()
    found = torch.einsum("knc,kn->kc", members, (winner == y).float())
    rows = members.sum(1)
    return (found / rows.clamp(min=1)).sum(1) / (rows > 0).sum(1)


def auc(p: Tensor, y: Tensor) -> Tensor:
    """Area under the ROC curve, (K,): of two classes, or the mean of each against the rest.

    The probability that a row of the class is ranked above one of another class, ties counting
    half (Hanley & McNeil 1982). Classes without rows, or with all of them, are left out.
    """
    classes = range(p.shape[1]) if p.shape[1] > 2 else (1,)
    found = [torch.stack([_auc(p[k, c], y[k] == c) for c in classes]) for k in range(len(p))]
    return torch.stack([each[~each.isnan()].mean() if len(each) else each for each in found])


def _auc(score: Tensor, positive: Tensor) -> Tensor:
    above, below = score[positive], score[~positive].sort().values
    if not len(above) or not len(below):
        return score.new_full((), torch.nan)
    lower = torch.searchsorted(below, above)
    upper = torch.searchsorted(below, above, right=True)
    return (lower + upper).double().mean().div(2 * len(below)).to(score.dtype)


def calibration(p: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean confidence, accuracy and number of rows in each of `BINS` bins of confidence, (K, BINS)."""
    confidence, winner = p.max(1)
    bins = (confidence * BINS).long().clamp(max=BINS - 1)
    exact = confidence.double()  # the sums of 60,000 rows differ little
    zeros = exact.new_zeros(len(p), BINS)
    count = zeros.scatter_add(1, bins, torch.ones_like(exact))
    told = zeros.scatter_add(1, bins, exact) / count.clamp(min=1)
    right = zeros.scatter_add(1, bins, (winner == y).double()) / count.clamp(min=1)
    return told, right, count


def ece(p: Tensor, y: Tensor) -> Tensor:
    """Expected calibration error, (K,): Σ bins (n / N) |accuracy − confidence| (Guo et al. 2017)."""
    told, right, count = calibration(p, y)
    return (count * (right - told).abs()).sum(1) / y.shape[1]


def confusion(winner: Tensor, y: Tensor, classes: int) -> Tensor:
    """Counts (C, C), [actual][predicted], of winners and classes (N,)."""
    return torch.bincount(y * classes + winner, minlength=classes**2).view(classes, classes)


def roc(score: Tensor, positive: Tensor, at: Tensor) -> Tensor:
    """True positive rate at these false positive rates, on the convex steps of the ROC curve.

    Parameters
    ----------
    score, positive : Tensor, shape (N,)
    at : Tensor, shape (G,)
    """
    hits, misses = _counts(score, positive)
    return _interpolated(at, misses / misses[-1].clamp(min=1), hits / hits[-1].clamp(min=1))


def precision_recall(score: Tensor, positive: Tensor, at: Tensor) -> Tensor:
    """Precision at these recalls, the best among all thresholds that reach them."""
    hits, misses = _counts(score, positive)
    recall = hits / hits[-1].clamp(min=1)
    precision = hits / (hits + misses).clamp(min=1)
    best = precision[1:].flip(0).cummax(0).values.flip(0)
    place = torch.searchsorted(recall[1:].contiguous(), at.contiguous()).clamp(max=len(best) - 1)
    return best[place]


def _counts(score: Tensor, positive: Tensor) -> tuple[Tensor, Tensor]:
    """Positives and negatives at or above each distinct score, from the highest down, with 0 first."""
    order = score.argsort(descending=True)
    ranked = score[order]
    last = torch.cat([ranked[1:] != ranked[:-1], torch.ones(1, dtype=torch.bool)])
    hits = positive[order].double().cumsum(0)[last]
    misses = (~positive[order]).double().cumsum(0)[last]
    zero = torch.zeros(1, dtype=torch.float64)
    return torch.cat([zero, hits]), torch.cat([zero, misses])


def _interpolated(at: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """y at these x, linear between the points; the highest y where x has a step."""
    upper = torch.searchsorted(x.contiguous(), at.to(x.dtype), right=True).clamp(1, len(x) - 1)
    lower = upper - 1
    width = (x[upper] - x[lower]).clamp(min=1e-12)
    share = ((at - x[lower]) / width).clamp(0, 1)
    return y[lower] + share * (y[upper] - y[lower])
