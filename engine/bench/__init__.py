"""Benchmarks: `python -m engine bench [NAME]`. Each module says what it compares with what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.bench.figure import Figure

MODULES = {
    "executor": "executor",
    "latency": "latency",
    "browser": "live",
    "startup": "startup",
    "reruns": "reruns",
    "serving": "serving",
    "reproduce": "reproduce",
    "diagnoses": "diagnoses",
    "choose": "choosing",
    "frameworks": "frameworks",
    "solution": "solution",
    "sweep": "sweeps",
    "mnist": "mnist",
    "convolutions": "convolutions",
    "pictures": "drawing",
    "steer": "steer",
    "few": "few",
}


def _measure(module: str) -> dict[str, Figure]:
    """Import a benchmark only when it is asked for: each needs other tools."""
    figures: dict[str, Figure] = import_module(f"{__name__}.{module}").measure()
    return figures


benchmarks: Mapping[str, Callable[[], dict[str, Figure]]] = {
    name: partial(_measure, module) for name, module in MODULES.items()
}
"""Each returns its figures by name."""
