"""The learning-rate range test: which rates make the loss fall, found in one short training."""

from __future__ import annotations

import time
from math import isfinite
from typing import Any, Protocol

import numpy as np

from engine.config import Config
from engine.errors import GalleryError
from engine.words import _

LOWEST, HIGHEST, STEPS = 1e-6, 10.0, 150
FEWEST, SECONDS = 40, 10.0
"""A network whose steps are slow makes fewer of them, so that the visitor is not left waiting."""
SMOOTHING = 0.9
"""Share of the old mean in the running mean of the losses."""
EXPLODED = 4.0
"""Times its lowest value: the smoothed loss at which the test ends."""
BELOW_MINIMUM = 0.1
"""The suggestion, of the rate at which the loss is lowest: beyond that it is about to explode."""


class Learner(Protocol):
    """What can be tested: one step of learning at a rate that can be set."""

    def set_rate(self, base: float) -> None: ...

    def step(self) -> Any: ...


def range_test(config: Config, learner: Learner) -> dict[str, Any]:
    """Losses of a fresh model whose rate grows from step to step (Smith 2017, Cyclical LRs).

    Returns
    -------
    dict
        `rate` and smoothed `loss`, equally long, and `suggestion`, a rate to train with.

    Raises
    ------
    GalleryError
        With L-BFGS, which finds its own step lengths.
    """
    if getattr(config, "optimiser", "") == "lbfgs":
        raise GalleryError(
            _("L-BFGS searches for its own step length: leave its learning rate at 1."),
            field="optimiser",
        )
    rates: list[float] = []
    smooth: list[float] = []
    mean = 0.0
    for k, rate in enumerate(np.geomspace(LOWEST, HIGHEST, affordable(learner)), start=1):
        learner.set_rate(float(rate))
        loss = float(learner.step())
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        value = mean / (1 - SMOOTHING**k)  # a mean that starts at 0 is too low at first
        if not isfinite(value) or (smooth and value > EXPLODED * min(smooth)):
            break
        rates.append(float(f"{rate:.4g}"))
        smooth.append(float(f"{value:.5g}"))
    best = rates[int(np.argmin(smooth))] if smooth else LOWEST / BELOW_MINIMUM
    return {"rate": rates, "loss": smooth, "suggestion": float(f"{BELOW_MINIMUM * best:.2g}")}


def affordable(learner: Learner) -> int:
    """How many steps of this learner take no longer than `SECONDS`."""
    learner.set_rate(LOWEST)
    learner.step()  # the first one takes longer
    begun = time.perf_counter()
    learner.step()
    steps = SECONDS / max(time.perf_counter() - begun, 1e-9)
    return int(min(max(steps, FEWEST), STEPS))
