"""The models of the classification topic as plain PyTorch: what is saved, exported and asked.

Training runs the same networks stacked (`stacked.py`); tests hold the two against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from engine.topics.classification import data
from engine.topics.classification.architecture import Architecture
from engine.topics.classification.data import TRAIN, Dataset
from engine.topics.classification.spec import PLANE, ClassificationConfig


class Sine(nn.Module):
    """sin x as an activation (Sitzmann et al. 2020, without their scaling)."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(x)


ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky-relu": nn.LeakyReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
    "sine": Sine,
}
NORMALISATIONS: dict[str, type[nn.Module]] = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}


class Scales(NamedTuple):
    """What inputs (F',) are shifted by, and divided by, before they enter the network."""

    shift: Tensor
    spread: Tensor


def scales(config: ClassificationConfig, dataset: Dataset) -> Scales:
    """Scales of the training rows: to mean 0 and standard deviation 1, or to the range 0…1."""
    x = torch.from_numpy(inputs_of(config, dataset.of(TRAIN)[0]))
    shift, spread = torch.zeros(x.shape[1]), torch.ones(x.shape[1])
    if config.scaling == "standard":
        spread, shift = (t.float() for t in torch.std_mean(x.double(), 0))
    elif config.scaling == "range":
        shift, spread = x.amin(0), x.amax(0) - x.amin(0)
    return Scales(shift, torch.where(spread > 0, spread, 1.0))


def inputs_of(config: ClassificationConfig, x: np.ndarray) -> np.ndarray:
    """What the network gets of rows (N, F): points with their squares, product and sines."""
    return data.expand(x, data.inputs(config)) if config.data in PLANE else x


def architecture(config: ClassificationConfig, inputs: int, classes: int) -> Architecture:
    """The shape of the network; two classes take one output."""
    outputs = 1 if classes == 2 else classes
    return Architecture((inputs, *config.widths, outputs), config.activation, config.normalisation)


def network(shape: Architecture) -> nn.Sequential:
    """(N, F') → logits (N, O), as the layers are passed through."""
    modules: list[nn.Module] = []
    for i, (inputs, outputs) in enumerate(zip(shape.sizes, shape.sizes[1:], strict=False)):
        modules.append(nn.Linear(inputs, outputs))
        if i < shape.hidden:
            if shape.normalisation != "none":
                modules.append(NORMALISATIONS[shape.normalisation](outputs))
            modules.append(ACTIVATIONS[shape.activation]())
    return nn.Sequential(*modules)


def initial(config: ClassificationConfig, shape: Architecture, random: torch.Generator) -> Tensor:
    """The parameters at the start as one row, (D,).

    Uniform in ±1/√fan_in as PyTorch does it, in ±√(6 / (fan_in + fan_out)) (Glorot & Bengio
    2010), normal with variance 2 / fan_in (He et al. 2015), or badly on purpose.
    """
    row = torch.zeros(shape.parameters)
    for slot in shape.slots():
        part = row[slot.at : slot.at + slot.size]
        fan_in, fan_out = shape.sizes[slot.layer], shape.sizes[slot.layer + 1]
        if slot.name == "gamma":
            part.fill_(1.0)
        elif slot.name in ("weight", "bias") and config.initialisation == "pytorch":
            part.uniform_(-(fan_in**-0.5), fan_in**-0.5, generator=random)
        elif slot.name == "weight" and config.initialisation == "xavier":
            bound = sqrt(6 / (fan_in + fan_out))
            part.uniform_(-bound, bound, generator=random)
        elif slot.name == "weight" and config.initialisation in ("he", "large"):
            sd = sqrt(2 / fan_in) if config.initialisation == "he" else 8.0
            part.normal_(0.0, sd, generator=random)
    return row


class Classifier(nn.Module):
    """(N, F) in the units of the data → probabilities (N, C), the mean over its networks.

    Parameters
    ----------
    nets
        Networks of one shape.
    inputs
        Names of the network's inputs for points on a plane; empty where rows are taken as they are.
    """

    def __init__(
        self, nets: Sequence[nn.Sequential], scale: Scales, inputs: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)
        self.inputs = tuple(inputs)
        self.register_buffer("shift", scale.shift)
        self.register_buffer("spread", scale.spread)

    def forward(self, x: Tensor) -> Tensor:
        prepared = (expanded(x, self.inputs) - self.shift) / self.spread
        return torch.stack([probabilities(net(prepared)) for net in self.nets]).mean(0)


def probabilities(logits: Tensor) -> Tensor:
    """Logits (N, 1) or (N, C) → probabilities (N, 2) or (N, C)."""
    if logits.shape[1] > 1:
        return torch.softmax(logits, 1)
    return torch.cat([torch.sigmoid(-logits), torch.sigmoid(logits)], 1)


def expanded(x: Tensor, inputs: Sequence[str]) -> Tensor:
    """As `data.expand`, on tensors (N, 2) → (N, F')."""
    if not inputs:
        return x
    a, b = x[:, 0], x[:, 1]
    known = {
        "x": a,
        "y": b,
        "x²": a * a,
        "y²": b * b,
        "xy": a * b,
        "sin 3x": torch.sin(3 * a),
        "sin 3y": torch.sin(3 * b),
    }
    return torch.stack([known[name] for name in inputs], 1)


@torch.no_grad()
def fill(net: nn.Sequential, shape: Architecture, row: Tensor, statistics: Tensor) -> None:
    """Give a plain network the parameters of one row (D,) and its running statistics (S,)."""
    nn.utils.vector_to_parameters(row, net.parameters())
    half, at = shape.statistics // 2, 0
    for module in net:
        if isinstance(module, nn.BatchNorm1d):
            units = module.num_features
            module.running_mean.copy_(statistics[at : at + units])
            module.running_var.copy_(statistics[half + at : half + at + units])
            at += units
