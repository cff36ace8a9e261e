"""A trained net as it is asked: probabilities, and whether a picture is one of its kind at all."""

from __future__ import annotations

from math import prod

import numpy as np
import torch
from torch import Tensor, nn

from engine.topics.cnn.models import PictureNet
from engine.topics.cnn.spec import CnnConfig

KNOWN_FROM = "known_from"
"""Name of the threshold among a model's tensors."""
STRANGERS = 0.03
"""Share of the measured pictures that the threshold takes for strangers."""
MOST_AT_ONCE = 512
VALUES_AT_ONCE = {"cpu": 2**20, "cuda": 2**24}
"""Numbers that the largest layer may give for all pictures that are evaluated together: on a
processor as many as its caches hold, which takes N1 half the time of what a GPU needs to be busy."""
THICKEST = 0.14
"""Of a scribble's strokes, as a share of the side."""


class Classifier(nn.Module):
    """From pictures (N, C, H, W), 0 to 1, to probabilities (N, classes).

    Attributes
    ----------
    known_from : float or None
        The familiarity from which a picture is one of the kind that the net has learned.
    """

    def __init__(self, net: PictureNet, config: CnnConfig, known_from: float | None = None) -> None:
        super().__init__()
        self.net, self.config, self.known_from = net, config, known_from

    def logits(self, x: Tensor) -> Tensor:
        """(N, classes); looking twice, the mean over each picture and its mirror image."""
        return answers(self.net, x, self.config.mirrored)

    def forward(self, x: Tensor) -> Tensor:
        return self.logits(x).softmax(1)


def at_once(net: PictureNet) -> int:
    """Pictures that are evaluated together: of wide nets few, so that their maps find room."""
    largest = max(prod(stage.output) for stage in net.plan)
    values = VALUES_AT_ONCE[next(net.parameters()).device.type]
    return max(1, min(MOST_AT_ONCE, values // largest))


def answers(net: PictureNet, x: Tensor, twice: bool) -> Tensor:
    """Logits (N, classes); looking `twice`, the mean over each picture and its mirror image."""
    logits: Tensor = net(x)
    return (logits + net(x.flip(3))) / 2 if twice else logits


def familiarity(logits: Tensor) -> Tensor:
    """How sure the net is of anything at all, (N,): the negative energy (Liu et al. 2020)."""
    return logits.logsumexp(1)


def threshold(logits: Tensor) -> Tensor:
    """The familiarity that all but `STRANGERS` of these pictures (N, classes) reach."""
    return familiarity(logits.float()).quantile(STRANGERS).cpu()


def scribbles(count: int, side: int, seed: int = 0) -> np.ndarray:
    """Drawings that mean nothing: one to four strokes at random, uint8 (count, side, side).

    Each fills its picture as MNIST's digits do: ink 20 of 28 pixels high or wide, in the middle.
    """
    from PIL import Image, ImageDraw

    random = np.random.default_rng(seed)
    large, inner = 8 * side, round(side * 20 / 28)
    pictures = np.zeros((count, side, side), np.uint8)
    for picture in pictures:
        paper = Image.new("L", (large, large))
        pen = ImageDraw.Draw(paper)
        for _stroke in range(random.integers(1, 5)):
            points = random.uniform(0.1, 0.9, (random.integers(2, 7), 2)) * large
            width = int(random.uniform(0.05, THICKEST) * large)
            pen.line([tuple(p) for p in points.tolist()], fill=255, width=width, joint="curve")
        ink = paper.crop(paper.getbbox())
        scale = inner / max(ink.size)
        ink = ink.resize([max(1, round(n * scale)) for n in ink.size], Image.Resampling.LANCZOS)
        left, top = ((side - n) // 2 for n in ink.size)
        picture[top : top + ink.size[1], left : left + ink.size[0]] = np.asarray(ink)
    return pictures


def auroc(known: Tensor, strangers: Tensor) -> float:
    """The chance that a known picture is more familiar than a stranger; (N,) and (M,) numbers."""
    order = torch.cat([strangers, known]).argsort().argsort().double()
    ranks = order[len(strangers) :].sum() - len(known) * (len(known) - 1) / 2
    return float(ranks / (len(known) * len(strangers)))
