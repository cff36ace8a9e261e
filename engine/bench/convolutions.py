"""How much of the convolution peak each architecture reaches while it trains.

`python -m engine bench convolutions`. The peak is what the best of four large 3 × 3 convolutions
(64 channels on 32 pixels to 512 on 4) does, channels last, forward and backward, in the same
process and with the same threads, measured just before and just after. An architecture's share is
the floating-point operations of its convolutions, dense layers and LSTMs in a whole training step
(three times those of the forward pass: two products for the gradients), over the seconds that the
step takes with everything else in it: reading, norms, activations, optimiser. Weights and
pictures are made.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import numpy as np
import torch
from torch import nn

from engine.bench.figure import Figure, by_name, middle
from engine.data.pictures import Album
from engine.topics.cnn.architectures import NAMES
from engine.topics.cnn.learner import Learner
from engine.topics.cnn.spec import CnnConfig

SHAPE = (32, 32, 3)
BATCH = 64
STEPS, TURNS = 4, 3
LARGE = ("resnet9", "resnet18")
LEAST = 0.5
"""Share of the peak that the large ones have to reach."""
TRAINED = tuple(name for name in NAMES if name not in ("alexnet", "vgg16", "resnet50"))


def measure() -> dict[str, Figure]:
    """Share of the peak by architecture."""
    torch.set_num_threads(1)
    return by_name([share(name) for name in TRAINED])


def share(name: str) -> Figure:
    """One architecture against the peak around it."""
    learner = learning(name)
    work = 3 * BATCH * sum(stage.flops for stage in learner.net.plan)
    shares, rates = [], []
    for _turn in range(TURNS):
        before = peak()
        rate = work / fastest(learner.step)
        rates.append(rate / 1e9)
        shares.append(rate / ((before + peak()) / 2))
    how = (
        f"Operations a second of a training step of {name} on batches of {BATCH} pictures of "
        f"32 × 32 (about {np.median(rates):.3g} GFLOP/s), over those of one large convolution "
        "around it; one thread."
    )
    target = LEAST if name in LARGE else 0.0
    return middle(f"{name}: share of the convolution peak", shares, "×", "at least", target, how)


def learning(name: str) -> Learner:
    """Trains on whole batches only: the quickest step may not be one of the rest of the pictures."""
    config = CnnConfig(data="cifar10", architecture=name, batch_size=BATCH, validation=0.0)
    return Learner(config, made())


def made() -> Album:
    """Pictures of noise: three batches to train on, and one to test."""
    random = np.random.default_rng(0)
    count = 4 * BATCH
    pixels = random.integers(0, 256, (count, *SHAPE), dtype=np.uint8)
    classes = tuple(str(k) for k in range(10))
    return Album(pixels, np.arange(count, dtype=np.int64) % 10, classes, count - BATCH)


def peak() -> float:
    """Floating-point operations a second of the best of four large convolutions, both ways."""
    return max(
        convolved(channels, side) for channels, side in ((64, 32), (128, 16), (256, 8), (512, 4))
    )


def convolved(channels: int, side: int) -> float:
    """Floating-point operations a second of one convolution, forward and backward."""
    conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
    conv = conv.to(memory_format=torch.channels_last)
    x, slope = (
        torch.randn(BATCH, channels, side, side).to(memory_format=torch.channels_last)
        for _which in range(2)
    )
    x.requires_grad_()
    work = 3 * BATCH * 2 * channels**2 * 9 * side**2
    return work / fastest(lambda: torch.autograd.grad(conv(x), [x, conv.weight], slope))


def fastest(step: Callable[[], object]) -> float:
    """Seconds of the quickest of a few steps: others have waited for the machine."""
    step()
    seconds = []
    for _step in range(STEPS):
        begun = perf_counter()
        step()
        seconds.append(perf_counter() - begun)
    return min(seconds)
