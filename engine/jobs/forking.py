"""Forks: a run that goes on from a snapshot of another one (torch-free)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from math import isfinite
from typing import Any

from safetensors.numpy import load, save

from engine.config import Config
from engine.errors import InvalidValue, NotFound, Problem
from engine.words import _

SNAPSHOTS = "snapshots.safetensors"
SNAPSHOT = "snapshot"
"""Name of the attachment."""


KEPT_GROUPS = ("Data", "Model", "Sweep")
KEPT = ("seeds", "folds")
"""A fork has these settings from the run that it continues: its weights fit no others."""


MOST_EDITS = 64
"""Weights that one message sets."""
MOST_PARAMETERS = 2**20
LARGEST_WEIGHT = 1e6


def checked_edits(values: Any, parameters: int | None = None) -> dict[str, float]:
    """Weights set by hand, index → value, out of an untrusted message.

    Parameters
    ----------
    parameters
        How many the network has, where that is known.

    Raises
    ------
    InvalidValue
        When there are none or too many, or one is no index or no bearable number.
    """
    if not isinstance(values, Mapping) or not 0 < len(values) <= MOST_EDITS:
        expected = _("1 to {limit} weights, each by its index").format(limit=MOST_EDITS)
        raise InvalidValue.of("values", expected, _shown(values))
    highest = min(MOST_PARAMETERS, parameters or MOST_PARAMETERS) - 1
    return {_index(index, highest): _weight(index, value) for index, value in values.items()}


def _index(index: Any, highest: int) -> str:
    text = str(index)
    plain = len(text) <= 7 and text.isascii() and text.isdecimal()
    if not plain or int(text) > highest:
        expected = _("indices of weights, from 0 to {highest}").format(highest=highest)
        raise InvalidValue.of("values", expected, text[:40])
    return str(int(text))


def _weight(index: Any, value: Any) -> float:
    number = type(value) in (int, float)
    if not number or not abs(value) <= LARGEST_WEIGHT or not isfinite(value):
        expected = _("a number from {low:g} to {high:g}").format(
            low=-LARGEST_WEIGHT, high=LARGEST_WEIGHT
        )
        raise InvalidValue.of(f"values.{str(index)[:40]}", expected, _shown(value))
    return float(value)


def _shown(value: Any) -> str:
    return str(value)[:40]


def kept(config: type[Config]) -> list[str]:
    """Names of the settings that a fork may not change."""
    return [
        n
        for n, s in config.settings().items()
        if (s.group in KEPT_GROUPS and not s.live) or n in KEPT
    ]


def check(parent: Config, config: Config) -> None:
    """Compare a fork's settings with those of the run that it continues.

    Raises
    ------
    InvalidValue
        Names each setting that a fork cannot change.
    """
    problems = [
        Problem(n, _("{value}, as in the run that it continues").format(value=was), str(now))
        for n in kept(type(config))
        if (was := getattr(parent, n)) != (now := getattr(config, n))
    ]
    if problems:
        raise InvalidValue(problems)


def cut(payload: bytes, step: int) -> tuple[int, str]:
    """The last snapshot at or before `step` out of a run's file: its step, and itself as base64.

    Raises
    ------
    NotFound
        When there is none.
    """
    tensors = load(payload)
    steps = {int(name.partition("/")[0]) for name in tensors}
    at = max((s for s in steps if s <= step), default=None)
    if at is None:
        raise NotFound(_("This run kept no snapshot to go on from. Train it again, then fork."))
    prefix = f"{at}/"
    one: dict[str, Any] = {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }
    return at, b64encode(save(one)).decode("ascii")
