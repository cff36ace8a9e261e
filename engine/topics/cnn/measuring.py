"""What a run reports: metrics of every part of the pictures, and what goes on in the net."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from engine.topics.cnn.batches import taken
from engine.topics.cnn.learner import Evaluated, Learner
from engine.topics.cnn.parts import judged_by, some_of
from engine.training import gradients

INSPECTED = 64
"""Training pictures that gradients are looked at with."""


def backward() -> AbstractContextManager[None]:
    """Lets gradients pass an LSTM in eval mode, which cuDNN's own does not."""
    found: AbstractContextManager[None] = torch.backends.cudnn.flags(enabled=False)
    return found


class Gauge:
    """Measures the net of a learner; a part is evaluated once for every step that is asked about."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self._at, self._whole = -1, False
        self._found: dict[str, Evaluated] = {}
        self._inside: tuple[int, dict[str, float]] = (-1, {})

    @property
    def measured_on(self) -> str:
        """The part that the pictures are judged by: test, held-out or training pictures."""
        return judged_by(self.learner.rows)

    def numbers(self, name: str, whole: bool = False) -> np.ndarray:
        """Those of the pictures that `found` answers to."""
        rows = self.learner.rows[name]
        return rows if whole else some_of(rows)

    def found(self, name: str, whole: bool = False) -> Evaluated:
        """Answers to the pictures of a part: to some of them, or to the `whole` of it."""
        step = self.learner.done
        if (step, whole) != (self._at, self._whole):
            self._at, self._whole, self._found = step, whole, {}
        if name not in self._found:
            self._found[name] = self.learner.evaluated(self.numbers(name, whole))
        return self._found[name]

    @torch.no_grad()
    def metrics(self, whole: bool = False, parts: Iterable[str] = ()) -> dict[str, float]:
        """Accuracy and loss of these parts, or of every one; of the training pictures, unless the
        `whole` is asked for, the means over the batches since the last measurement."""
        values: dict[str, float] = {}
        for name in parts or self.learner.rows:
            if name == "train" and not whole and self.learner.recent:
                loss, right = torch.stack(self.learner.recent).mean(0).tolist()
                loss += float(self.learner.penalty())
            else:
                found = self.found(name, whole)
                right = accuracy(found)
                loss = float(
                    self.learner.loss(found) + self.learner.penalty()
                    if name == "train"
                    else cross_entropy(found.logits, found.labels)
                )
            values |= {f"{name}_accuracy": right, f"{name}_loss": loss}
        self.learner.recent.clear()
        return values

    def inside(self) -> dict[str, float]:
        """Sizes of the gradients and the share of dead units, for the diagnosis."""
        if self._inside[0] != self.learner.done:
            net = self.learner.net
            weights = [weight for _name, weight in net.weighted()]
            x, y = self._inspected()
            net.eval()
            with backward():
                found = gradients.inspect(net, lambda: cross_entropy(net(x), y), weights)
            net.train()
            self._inside = (self.learner.done, found)
        return self._inside[1]

    def _inspected(self) -> tuple[Tensor, Tensor]:
        numbers = torch.from_numpy(some_of(self.learner.rows["train"], INSPECTED))
        numbers = numbers.to(self.learner.device)
        return taken(self.learner.pixels, numbers), self.learner.labels[numbers]

    def norms(self) -> tuple[list[float], list[float]]:
        """Root mean square of what each layer with weights puts out, and of its weights' gradient."""
        net = self.learner.net
        x, y = self._inspected()
        weighted = net.weighted()
        net.eval()
        with torch.enable_grad(), backward():
            loss = cross_entropy(net(x), y)
            found = torch.autograd.grad(loss, [weight for _name, weight in weighted])
        with torch.no_grad():
            outputs = dict(net.activations(x))
        net.train()
        sizes = [float(outputs[name].square().mean().sqrt()) for name, _weight in weighted]
        return sizes, [float(g.square().mean().sqrt()) for g in found]


def accuracy(found: Evaluated) -> float:
    """Share of right answers."""
    return float((found.logits.argmax(1) == found.labels).double().mean())
