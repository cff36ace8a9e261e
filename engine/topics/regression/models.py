"""The models of the regression topic."""

from __future__ import annotations

import torch
from torch import nn

from engine.topics.regression.spec import RegressionConfig

ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU, "gelu": nn.GELU, "sigmoid": nn.Sigmoid}


def build(config: RegressionConfig, generator: torch.Generator) -> nn.Module:
    """A module (N, 1) → (N, 1), initialised by `generator` alone."""
    layers: list[nn.Module] = []
    width = 1
    if config.model == "mlp":
        for _ in range(config.layers):
            layers += [nn.Linear(width, config.units), ACTIVATIONS[config.activation]()]
            width = config.units
    layers.append(nn.Linear(width, 1))
    for layer in layers:
        if isinstance(layer, nn.Linear):
            initialise(layer, generator)
    return layers[0] if len(layers) == 1 else nn.Sequential(*layers)


@torch.no_grad()
def initialise(layer: nn.Linear, generator: torch.Generator) -> None:
    """PyTorch's own default for `nn.Linear`, uniform in ±1/√fan_in, from one run's generator."""
    bound = layer.in_features**-0.5
    layer.weight.uniform_(-bound, bound, generator=generator)
    layer.bias.uniform_(-bound, bound, generator=generator)
