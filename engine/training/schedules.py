"""Learning-rate schedules as factors on the base rate, so that it can still be changed live."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import cos, pi

LOWEST = 0.01
"""What an exponential schedule ends on."""
WARM_UP = 0.3
"""Share of a one-cycle schedule in which the rate rises."""
START, END = 1 / 25, 1e-5
"""Factors at the two ends of a one-cycle schedule."""


def _step(t: float) -> float:
    return 1.0 if t < 0.5 else 0.1 if t < 0.75 else 0.01


def _one_cycle(t: float) -> float:
    if t < WARM_UP:
        return START + (1 - START) * (1 - cos(pi * t / WARM_UP)) / 2
    return END + (1 - END) * (1 + cos(pi * (t - WARM_UP) / (1 - WARM_UP))) / 2


SCHEDULES: Mapping[str, Callable[[float], float]] = {
    "constant": lambda t: 1.0,
    # a tenth after half of the steps, a hundredth after three quarters (He et al. 2016)
    "step": _step,
    "exponential": lambda t: LOWEST**t,
    # Loshchilov & Hutter 2017 (SGDR), without restarts
    "cosine": lambda t: (1 + cos(pi * t)) / 2,
    # rises, then falls to almost nothing (Smith & Topin 2018)
    "one-cycle": _one_cycle,
}
"""Factor by name, of the share t of all steps that is done: 0 ≤ t < 1."""
