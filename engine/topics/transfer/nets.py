"""A backbone with a head: what is frozen, what learns, and how pictures are made to fit."""

from __future__ import annotations

from collections import OrderedDict
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from engine.topics.cnn.augment import LUMA
from engine.topics.cnn.models import Dropout, Randomness, initialise
from engine.topics.transfer.backbones import Backbone
from engine.topics.transfer.spec import TransferConfig

WIDE, DENSE = 4096, 1000
DROPPED = 0.5


class Fit(nn.Module):
    """Pictures (N, C, H, W) of values 0 … 1 as a backbone takes them: (N, C', S, S), standardised."""

    shift: Tensor
    scale: Tensor

    def __init__(self, backbone: Backbone, side: int, scaling: str = "backbone") -> None:
        super().__init__()
        self.channels, self.side = backbone.channels, side
        half = [0.5] * backbone.channels
        mean, deviation = (half, half) if scaling == "half" else (backbone.mean, backbone.deviation)
        self.register_buffer("shift", torch.tensor(mean).reshape(-1, 1, 1))
        self.register_buffer("scale", 1 / torch.tensor(deviation).reshape(-1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] == 3 and self.channels == 1:
            luma = torch.tensor(LUMA, device=x.device).reshape(1, 3, 1, 1)
            x = (x * luma).sum(1, keepdim=True)
        elif x.shape[1] < self.channels:
            x = x.expand(-1, self.channels, -1, -1)
        if x.shape[-1] != self.side:
            size = (self.side, self.side)
            x = interpolate(x, size, mode="bilinear", align_corners=False, antialias=True)
        return (x - self.shift) * self.scale


class TransferNet(nn.Module):
    """Pictures (N, C, H, W) of values 0 … 1 → logits (N, classes).

    Attributes
    ----------
    lower : nn.Sequential
        What is frozen; shared by all nets that freeze the same, so it stays in eval mode.
    upper : nn.Sequential
        Blocks of the backbone that learn, a copy of one's own.
    head : nn.Sequential
        What is new.
    """

    def __init__(
        self,
        backbone: Backbone,
        fit: Fit,
        depth: int,
        head: nn.Module,
        *,
        fresh: bool = False,
    ) -> None:
        """`depth`: blocks that learn, from the end; `fresh`: whether they learn from nothing."""
        super().__init__()
        cut = backbone.cut(depth)
        self.fit, self.lower = fit, backbone.parts[:cut]
        self.upper, self.head = deepcopy(backbone.parts[cut:]), head
        self.fresh, self.maps = fresh, backbone.maps
        self.lower.requires_grad_(False)
        self.upper.requires_grad_(True)
        self.eval()

    def train(self, mode: bool = True) -> TransferNet:
        """Norms that were trained before keep their statistics: few pictures give poor ones."""
        super().train(False)
        self.training = mode
        self.head.train(mode)
        if self.fresh:
            self.upper.train(mode)
        return self

    def frozen(self, x: Tensor) -> Tensor:
        """What the part that learns is given for pictures."""
        with torch.no_grad():
            found: Tensor = self.lower(self.fit(x))
        return found

    def learned(self, given: Tensor) -> Tensor:
        """Logits (N, classes) of what `frozen` gives."""
        logits: Tensor = self.head(self.upper(given))
        return logits

    def forward(self, x: Tensor) -> Tensor:
        return self.learned(self.lower(self.fit(x)))

    def features(self, given: Tensor) -> Tensor:
        """(N, D): what the head sees of what `frozen` gives."""
        found: Tensor = self.upper(given)
        return found

    @property
    def stages(self) -> nn.Sequential:
        """Every part of the backbone by its name, as explanations ask for them."""
        return nn.Sequential(
            OrderedDict([*self.lower.named_children(), *self.upper.named_children()])
        )


def make_head(
    kind: str, backbone: Backbone, classes: int, generator: torch.Generator
) -> nn.Sequential:
    """A head of one of the setting's kinds, from features (N, `backbone.width`) to logits."""
    width = backbone.width
    if kind == "original":
        kind = "wide" if backbone.wide else "linear"
    randomness = Randomness(torch.Generator().manual_seed(generator.initial_seed() + 1))
    layers: list[nn.Module] = []
    with torch.device("meta"):
        if kind == "wide":
            for given in (width, WIDE):
                layers += [nn.Linear(given, WIDE), nn.ReLU(), Dropout(DROPPED, randomness)]
            width = WIDE
        elif kind == "dense":
            layers += [nn.Linear(width, DENSE), nn.ReLU()]
            width = DENSE
        layers.append(nn.Linear(width, classes))
    head = nn.Sequential(*layers).to_empty(device="cpu")
    initialise(head, generator)
    return head


def fit_of(config: TransferConfig, backbone: Backbone) -> Fit:
    """How pictures are made to fit this backbone under these settings."""
    return Fit(backbone, backbone.side or config.side, config.scaling)
