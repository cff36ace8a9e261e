"""Data, model and optimiser that the topic's recipe and the bare loop share."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from engine.training.seeds import generator

FEATURES = 9


class Parts(NamedTuple):
    """What one network is trained on: `x` (N, 9), `y` (N, 1), batches of `batch_size` rows.

    `val_x`, `val_y` are held out.
    """

    x: Tensor
    y: Tensor
    val_x: Tensor
    val_y: Tensor
    batch_size: int
    model: nn.Module
    optimiser: torch.optim.Optimizer
    random: torch.Generator

    @property
    def steps_per_epoch(self) -> int:
        return -(-len(self.x) // self.batch_size)


def make(network: str, seed: int) -> Parts:
    """`small`: 9-8-4-1 with SGD, batches of 8, as in the fuel efficiency run (R3: 313 rows for
    training). `large`: three hidden layers of 480 with Adam, batches of 256 of 1,024 rows.
    """
    large = network == "large"
    rows, val_rows = (1024, 256) if large else (313, 79)
    x = torch.randn(rows + val_rows, FEATURES, generator=generator(seed, "data"))
    y = torch.sin(x[:, :1]) + 0.5 * x[:, 1:2] * x[:, 2:3]
    model = build((480, 480, 480) if large else (8, 4), generator(seed, "weights"))
    make_optimiser = torch.optim.Adam if large else torch.optim.SGD
    return Parts(
        x[:rows],
        y[:rows],
        x[rows:],
        y[rows:],
        256 if large else 8,
        model,
        make_optimiser(model.parameters(), lr=0.001),
        generator(seed, "batches"),
    )


def build(hidden: tuple[int, ...], random: torch.Generator) -> nn.Module:
    """A ReLU network (N, 9) → (N, 1) with these hidden layers, initialised by `random` alone."""
    widths = (FEATURES, *hidden, 1)
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layer = nn.Linear(inputs, outputs)
        for values in layer.parameters():
            nn.init.uniform_(values, -(inputs**-0.5), inputs**-0.5, generator=random)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])
