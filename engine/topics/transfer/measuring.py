"""What a run reports: the accuracy of every contestant, and how it came about."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from statistics import fmean
from typing import Any

import numpy as np
import torch

from engine.topics.transfer import baselines, fusion
from engine.topics.transfer.contestants import Contestant, of_side
from engine.topics.transfer.learner import Learner
from engine.topics.transfer.spec import RULES, SIDES

GLIMPSE = 250
"""Test pictures that are looked at while contestants learn; at the end all are."""
FUSED_GLIMPSE = 250


def some_of(numbers: np.ndarray, count: int) -> np.ndarray:
    """So many of these numbers, the same ones each time."""
    if len(numbers) <= count:
        return numbers
    return np.sort(np.random.default_rng(0).choice(numbers, count, replace=False))


class Race:
    """Ways to learn beside each other, measured as they go.

    Attributes
    ----------
    steps : list of int
        Of the measurements so far.
    curves : dict
        Side → of each measurement mean, lowest and highest accuracy of the members that learn from
        the most pictures.
    """

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self.steps: list[int] = []
        self.curves: dict[str, list[tuple[float, float, float]]] = {}
        sides = {c.side for c in learner.contestants}
        self.sides = [side for side in SIDES if side in sides]
        self.sizes = sorted({images for images, _member in learner.rows})
        self.by_size: dict[str, list[tuple[float, float, float]]] = {}

    @property
    def largest(self) -> int:
        """Pictures of each class whose curves are drawn."""
        return self.sizes[-1]

    def members(self, side: str, images: int | None = None) -> list[Contestant]:
        return of_side(self.learner.contestants, side, self.largest if images is None else images)

    @property
    def first(self) -> Contestant:
        """The one whose mistakes are shown: the fine-tuned, else the frozen one, of the first seed."""
        return self.members(self.sides[-1])[0]

    def measure(self, whole: bool = False) -> dict[str, float]:
        """Mean test accuracy of each side, of some test pictures or of the `whole` part."""
        values = {"train_loss": mean_loss(self.learner.contestants)}
        for side in self.sides:
            found = self._accuracies(self.members(side), whole)
            values[f"test_accuracy_{side}"] = fmean(found)
            self.curves.setdefault(side, []).append((fmean(found), min(found), max(found)))
            if whole:
                learned = [c.accuracy(c.rows.train) for c in self.members(side)]
                values[f"train_accuracy_{side}"] = fmean(learned)
        self.steps.append(self.learner.done)
        if len(self.sizes) > 1:
            self._measure_sizes(whole)
        return values

    def _measure_sizes(self, whole: bool) -> None:
        for side in self.sides:
            rows = [self._accuracies(self.members(side, n), whole) for n in self.sizes]
            self.by_size[side] = [(fmean(row), min(row), max(row)) for row in rows]

    @staticmethod
    def _accuracies(members: Sequence[Contestant], whole: bool) -> list[float]:
        return [
            c.accuracy(c.rows.test if whole else some_of(c.rows.test, GLIMPSE)) for c in members
        ]

    @cached_property
    def on_pixels(self) -> list[dict[str, float]]:
        """What simple methods reach: of each number of pictures the mean over the members."""
        found = []
        for images in self.sizes:
            rows = [r for (n, _m), r in self.learner.rows.items() if n == images]
            each = [baselines.on_pixels(self.learner.album, r) for r in rows]
            found.append({name: fmean(one[name] for one in each) for name in each[0]})
        return found

    @torch.no_grad()
    def as_it_comes(self) -> float | None:
        """Accuracy of the backbone's own last layer, where it tells the same classes apart."""
        frozen = self.members("frozen")[0]
        source = self.learner.maker.source.source
        if source is None or source[1] != self.learner.album.classes:
            return None
        head = source[0].to(self.learner.device)
        answers = head(frozen.features(frozen.rows.test)).argmax(1).cpu().numpy()
        return fusion.accuracy(answers, self.learner.album.labels[frozen.rows.test])


def mean_loss(contestants: Sequence[Contestant]) -> float:
    """Mean of the losses that those who learn went down since this was last asked for.

    Before the first step, it is what they would begin with.
    """
    learning = [c for c in contestants if c.learns]
    recent = [loss for c in learning for loss in c.recent]
    for contestant in learning:
        contestant.recent.clear()
    return float(torch.stack(recent).mean()) if recent else fmean(c.loss() for c in learning)


class Jury:
    """Several models whose answers are fused, measured as they learn."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self.models = learner.contestants
        self.rows = self.models[0].rows
        self.numbers = some_of(self.rows.test, FUSED_GLIMPSE)
        self._at: tuple[int, bool] = (-1, False)
        self._found = np.zeros(0)
        self.stacking: fusion.Stacking | None = None

    @property
    def labels(self) -> np.ndarray:
        """Classes of `numbers`."""
        found: np.ndarray = self.learner.album.labels[self.numbers]
        return found

    @property
    def shares(self) -> list[float]:
        """Weights of the models as they are set now."""
        return self.learner.config.shares(len(self.models))

    def asked(self, numbers: np.ndarray) -> np.ndarray:
        """Probabilities (M, n, C) that the models give these pictures."""
        return np.stack([c.logits(numbers).softmax(1).double().cpu().numpy() for c in self.models])

    def probabilities(self, whole: bool = False) -> np.ndarray:
        """Of some test pictures, or of the `whole` part."""
        key = (self.learner.done, whole)
        if key != self._at:
            self._at = key
            self._found = self.asked(self.rows.test if whole else self.numbers)
        return self._found

    def measure(self, whole: bool = False) -> dict[str, float]:
        """Test accuracy of each model and of each way to fuse them."""
        p = self.probabilities(whole)
        labels = self.learner.album.labels[self.rows.test] if whole else self.labels
        values = {"train_loss": mean_loss(self.models)}
        for number, answers in enumerate(p.argmax(2), 1):
            values[f"test_accuracy_model_{number}"] = fusion.accuracy(answers, labels)
        for rule, answers in self.answers(p).items():
            values[f"test_accuracy_{rule}"] = fusion.accuracy(answers, labels)
        return values

    def answers(self, p: np.ndarray) -> dict[str, np.ndarray]:
        """Rule → the class of each picture; stacking only once it has learned."""
        equal = [1 / len(p)] * len(p)
        found = {
            "vote": fusion.vote(p),
            "average": fusion.fused(p, equal).argmax(1),
            "weighted": fusion.fused(p, self.shares).argmax(1),
        }
        if self.stacking is not None:
            found["stacked"] = self.stacking(p)
        assert set(found) <= set(RULES)
        return found

    def stack(self) -> None:
        """Let stacking learn, from the pictures that were set apart for it."""
        aside = self.learner.aside
        self.stacking = fusion.Stacking(self.asked(aside), self.learner.album.labels[aside])

    def inside(self, p: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
        """Why it helps: agreement, ambiguity, pairs, and how often at least one is right."""
        singles, diversity, together = fusion.ambiguity(p, labels, self.shares)
        found = fusion.pairs(p, labels)
        return {
            "agreement": np.round(fusion.agreement(p), 4).tolist(),
            "errors": [round(v, 5) for v in (singles, diversity, together)],
            "apart": [round(one[2], 4) for one in found],
            "gain": [round(one[3], 4) for one in found],
            "one_right": round(float((p.argmax(2) == labels).any(0).mean()), 4),
        }
