"""Settings that topics have in common: how a model learns, and when it stops (torch-free).

Each function declares one field as `engine.config.setting` does; what a topic wants otherwise (a
default, a range) it hands over.
"""

from __future__ import annotations

from typing import Any, Literal

from engine.config import setting
from engine.words import N_

Optimiser = Literal["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "lbfgs"]
Schedule = Literal["constant", "step", "exponential", "cosine", "one-cycle"]


def learning(default: Any, **known: Any) -> Any:
    """A field of the group *Learning*."""
    return setting(default, group=N_("Learning"), **known)


def optimiser(default: Optimiser = "adam") -> Any:
    """One of `engine.training.optimisers`."""
    return learning(
        default,
        title=N_("Optimiser"),
        help=N_("How a gradient becomes a step."),
        labels={
            "sgd": "SGD",
            "momentum": N_("Momentum"),
            "nesterov": "Nesterov",
            "adagrad": "AdaGrad",
            "rmsprop": "RMSprop",
            "adam": "Adam",
            "adamw": "AdamW",
            "lbfgs": "L-BFGS",
        },
    )


def learning_rate(default: float, high: float = 1e4) -> Any:
    """Live: the next step takes it."""
    return learning(
        default,
        title=N_("Learning rate"),
        help=N_("Size of each step; it can be changed while the model learns."),
        low=1e-6,
        high=high,
        slider_high=10.0,
        scale="log",
        live=True,
        essential=True,
    )


def schedule(default: Schedule = "constant") -> Any:
    """One of `engine.training.schedules`."""
    return learning(
        default,
        title=N_("Schedule"),
        help=N_("How the learning rate changes from the first step to the last."),
        labels={
            "constant": N_("constant"),
            "step": N_("in steps"),
            "exponential": N_("exponential"),
            "cosine": N_("cosine"),
            "one-cycle": N_("one cycle"),
        },
    )


def l1(default: float = 0.0, **more: Any) -> Any:
    """Weight of Σ|w|."""
    return learning(
        default,
        title=N_("L1 penalty"),
        help=N_("Weight of the sum of all |w| in the loss; it brings weights to zero."),
        **{"low": 0.0, "high": 10.0, "slider_high": 0.1, "step": 0.001, **more},
    )


def l2(default: float = 0.0, **more: Any) -> Any:
    """Weight of Σw²/2; AdamW's weight decay."""
    return learning(
        default,
        title=N_("L2 penalty"),
        help=N_("Weight of half the sum of all w² in the loss; with AdamW its weight decay."),
        **{"low": 0.0, "high": 10.0, "slider_high": 0.1, "step": 0.001, **more},
    )


def patience() -> Any:
    """See `engine.training.stopping`."""
    return learning(
        0,
        title=N_("Patience"),
        help=N_("Epochs without a better validation loss after which training stops; 0 never."),
        low=0,
        high=2000,
        step=10,
    )
