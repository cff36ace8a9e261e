"""Optimisers by name."""

from __future__ import annotations

import torch
from torch import nn

OPTIMISERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}


def make_optimiser(name: str, model: nn.Module, learning_rate: float) -> torch.optim.Optimizer:
    """The optimiser `name` over all parameters of `model`, with PyTorch's own defaults."""
    return OPTIMISERS[name](model.parameters(), lr=learning_rate)


def set_learning_rate(optimiser: torch.optim.Optimizer, learning_rate: float) -> None:
    """Change the rate of a running optimiser; its state stays."""
    for group in optimiser.param_groups:
        group["lr"] = learning_rate
