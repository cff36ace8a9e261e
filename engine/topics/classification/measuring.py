"""What a run reports: metrics of every part of the data, and what its pictures are drawn from."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from engine.topics.classification import scores
from engine.topics.classification.learner import Learner
from engine.topics.classification.stacked import Stacked, objective, slope
from engine.topics.classification.steps import Group

NUMBERS_AT_ONCE = 2**22
"""Networks × units × rows that are evaluated together."""
SCORED = 20_000
"""Networks × rows × classes up to which every measurement has AUC and calibration; the last has
them always."""
SCORED_EVERY = 0.05
"""Seconds between two of them: what a quick run measures in between has accuracy and loss."""
INSPECTED = 512
"""Training rows that gradients are looked at with."""

Values = dict[str, np.ndarray]
"""Metric → its M values, one for each network."""


class Gauge:
    """Evaluates all networks on all rows, once for every step that is asked about."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self._rows = learner.evaluation
        self._at, self._next = -1, 0.0
        self._logits: list[dict[str, Tensor]] = []
        self._twin: Stacked | None = None

    @property
    def _groups(self) -> list[Group]:
        """The groups without the cross-validation."""
        groups = self.learner.groups
        return groups[:-1] if self.learner.folds else groups

    def forget(self) -> None:
        """Evaluate anew: weights were set by hand."""
        self._at = -1

    # Metrics ---------------------------------------------------------------------------------

    @torch.no_grad()
    def logits(self, step: int) -> list[dict[str, Tensor]]:
        """Of each group and part, (K, O, N)."""
        if step != self._at:
            self._at = step
            self._logits = [
                {name: evaluated(group.nets, x) for name, (x, _y) in rows.items()}
                for group, rows in zip(self._groups, self._rows, strict=True)
            ]
        return self._logits

    @torch.no_grad()
    def metrics(self, step: int, last: bool = False) -> Values:
        """Every metric of every part that has rows, for each network in order."""
        logits = self.logits(step)
        whole = last or self._affordable()
        found = [self._scored(i, parts, whole) for i, parts in enumerate(logits)]
        if self.learner.config.sweep != "none":
            for group, scored in zip(self._groups, found, strict=True):
                group.without_broken(scored["train_loss"])
        values: Values = {}
        for name in found[0]:
            columns = [column[name].double().cpu().numpy() for column in found]
            values[name] = np.array([columns[p.group][p.place] for p in self.learner.placed])
        for measured in values.values():
            measured[self.learner.broken] = np.nan
        if self.learner.folds and (last or self._cheap(len(self.learner.folds))):
            values["cv_accuracy"] = np.full(len(self.learner.placed), self._validated())
        return values

    def _cheap(self, networks: int) -> bool:
        rows = sum(len(y) for y in self.learner.materials[0].y.values())
        return networks * rows * self.learner.materials[0].classes <= SCORED

    def _affordable(self) -> bool:
        """Whether it is time for all scores, and they are quick."""
        now = time.perf_counter()
        if now < self._next or not self._cheap(len(self.learner.placed)):
            return False
        self._next = now + SCORED_EVERY
        return True

    def _scored(self, number: int, parts: Mapping[str, Tensor], whole: bool) -> dict[str, Tensor]:
        classes = self.learner.materials[0].classes
        whole = whole and self.learner.config.sweep == "none"
        found = {}
        for name, logits in parts.items():
            target = self._rows[number][name][1]
            y, winner = target.long(), scores.decided(logits)
            found[f"{name}_accuracy"] = scores.accuracy(winner, y)
            found[f"{name}_loss"] = objective(logits, target)
            if name == "train":
                found["train_loss"] = self._groups[number].objective(logits, target)
            if whole:
                p = scores.probabilities(logits)
                found[f"{name}_balanced_accuracy"] = scores.balanced_accuracy(winner, y, classes)
                found[f"{name}_auc"] = scores.auc(p, y)
                found[f"{name}_ece"] = scores.ece(p, y)
        unknown = [n for n, v in found.items() if n.endswith("_auc") and v.isnan().any()]
        return {name: value for name, value in found.items() if name not in unknown}

    def accuracy(self, number: int) -> Tensor:
        """Training accuracy of each network of a group at this moment, (K,)."""
        x, y = self._rows[number]["train"]
        return scores.accuracy(scores.decided(evaluated(self._groups[number].nets, x)), y.long())

    def validation(self, number: int) -> Tensor:
        """Validation loss of each network of a group at this moment, (K,)."""
        x, y = self._rows[number]["val"]
        return objective(evaluated(self._groups[number].nets, x), y)

    @property
    def has_validation(self) -> bool:
        return "val" in self._rows[0]

    def _validated(self) -> float:
        """Accuracy of the cross-validation: each fold answered by the network that left it out."""
        learner = self.learner
        material, nets = learner.materials[0], learner.groups[-1].nets
        x, y = material.x["train"], material.y["train"]
        right = 0
        for k, fold in enumerate(learner.folds):
            rows = torch.from_numpy(fold).to(x.device)
            logits = evaluated(nets, x[rows].T)[k : k + 1]
            right += int((scores.decided(logits)[0] == y[rows].long()).sum())
        return right / len(y)

    def inside(self) -> dict[str, float]:
        """Sizes of the gradients and the share of dead units, for the diagnosis; means over the networks."""
        group = self._groups[0]
        shape = group.nets.architecture
        if self._twin is None:
            self._twin = Stacked(shape, group.nets.theta)
        twin = self._twin
        twin.statistics.copy_(group.nets.statistics)
        x, y = (part[..., :INSPECTED] for part in self._rows[0]["train"])
        twin.backward(slope(twin.forward(x, train=True), y))
        norms = [layer.weight_grad.flatten(1).square().sum(1) for layer in twin.layers]
        found = {"gradient": float(torch.stack(norms).sum(0).sqrt().mean())}
        if shape.hidden:
            found["gradient_first"] = float(norms[0].sqrt().mean())
            found["gradient_last"] = float(norms[-1].sqrt().mean())
        if shape.hidden and shape.activation == "relu":
            dead = [(layer.kept["output"] <= 0).all(2).flatten() for layer in twin.layers[:-1]]
            found["dead_units"] = float(torch.cat(dead).float().mean())
        return found


def evaluated(nets: Stacked, x: Tensor) -> Tensor:
    """Logits (K, O, N) in eval mode, some rows at a time."""
    widest = len(nets.theta) * max(nets.architecture.sizes[1:])
    pieces = x.split(max(1, NUMBERS_AT_ONCE // widest), -1)
    found = [nets.forward(piece) for piece in pieces]
    return found[0] if len(found) == 1 else torch.cat(found, -1)


def summary(values: Values, broken: np.ndarray) -> dict[str, float]:
    """Means over the networks that are not `broken` and, if there are several, `<metric>_sd`."""
    whole = values if broken.all() else {name: v[~broken] for name, v in values.items()}
    means = {name: float(v.mean()) for name, v in whole.items()}
    several = {f"{n}_sd": float(v.std(ddof=1)) for n, v in whole.items() if len(v) > 1}
    return means | several
