"""One model that learns beside others, on the same pictures and for as many steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from engine.topics.transfer.frozen import Frozen
from engine.topics.transfer.material import Rows
from engine.topics.transfer.nets import TransferNet
from engine.topics.transfer.spec import TransferConfig
from engine.training.batches import Batches
from engine.training.optimisers import OPTIMISERS
from engine.training.schedules import SCHEDULES

AT_ONCE = 256


class Contestant:
    """A net, what it is given, and its optimiser.

    Attributes
    ----------
    side
        How it learns (`scratch`, `frozen`, `tuned`), or which of the fused models it is.
    images, member
        Pictures of each class that it learns from, and which of the seeds it is.
    net : TransferNet
    rows : Rows
    recent : list of Tensor
        Losses since they were last asked for.
    """

    def __init__(
        self,
        side: str,
        net: TransferNet,
        frozen: Frozen,
        rows: Rows,
        labels: Tensor,
        config: TransferConfig,
        *,
        member: int = 0,
        images: int = 0,
        learns: bool = True,
    ) -> None:
        self.side, self.member, self.images = side, member, images
        self.net, self.rows, self.learns = net, rows, learns
        self._frozen, self._labels = frozen, labels
        numbers = torch.from_numpy(rows.train).to(labels.device)
        seed = 100 * config.seed + member
        self._batches = Batches(numbers, labels[numbers], config.batch_size, [seed])
        self.per_epoch = self._batches.per_epoch
        self.recent: list[Tensor] = []
        self.optimiser = OPTIMISERS[config.optimiser](
            self._groups(config), lr=config.learning_rate, weight_decay=config.l2
        )

    def _groups(self, config: TransferConfig) -> list[dict[str, object]]:
        """Weights of the head, and of unfrozen blocks: each group has a rate of its own."""
        groups = [("head", self.net.head), ("backbone", self.net.upper)]
        return [
            {"params": list(part.parameters()), "name": name}
            for name, part in groups
            if any(True for _parameter in part.parameters())
        ]

    def set_rates(self, config: TransferConfig, share: float) -> None:
        """The rates of a moment; `share` of the training is over."""
        factor = SCHEDULES[config.schedule](min(share, 1.0))
        tuned = config.learning_rate if self.net.fresh else config.backbone_rate
        for group in self.optimiser.param_groups:
            group["lr"] = factor * (config.learning_rate if group["name"] == "head" else tuned)

    def step(self) -> Tensor:
        """One batch of its pictures: answer, compare, and change what is not frozen."""
        numbers, y = next(self._batches)
        self.net.train()
        loss = cross_entropy(self.net.learned(self._frozen.changed(numbers)), y)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.recent.append(loss.detach())
        return loss.detach()

    @torch.no_grad()
    def logits(self, numbers: np.ndarray) -> Tensor:
        """Answers (n, classes) to pictures as they are."""
        self.net.eval()
        parts = torch.from_numpy(numbers).to(self._labels.device).split(AT_ONCE)
        return torch.cat([self.net.learned(self._frozen.plain(some)) for some in parts])

    @torch.no_grad()
    def features(self, numbers: np.ndarray) -> Tensor:
        """(n, D): pictures as the head sees them."""
        self.net.eval()
        parts = torch.from_numpy(numbers).to(self._labels.device).split(AT_ONCE)
        return torch.cat([self.net.features(self._frozen.plain(some)) for some in parts])

    def loss(self) -> float:
        """Cross-entropy on the pictures it learns from."""
        labels = self._labels[torch.from_numpy(self.rows.train)]
        return float(cross_entropy(self.logits(self.rows.train), labels))

    def accuracy(self, numbers: np.ndarray) -> float:
        """Share of these pictures that it tells right."""
        right = self.logits(numbers).argmax(1) == self._labels[torch.from_numpy(numbers)]
        return float(right.double().mean())


def of_side(contestants: Sequence[Contestant], side: str, images: int) -> list[Contestant]:
    """The members that learn in one way from so many pictures."""
    return [c for c in contestants if c.side == side and c.images == images]
