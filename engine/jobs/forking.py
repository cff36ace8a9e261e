"""Forks: a run that goes on from a snapshot of another one (torch-free)."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from safetensors.numpy import load, save

from engine.config import Config
from engine.errors import InvalidValue, NotFound, Problem
from engine.words import _

SNAPSHOTS = "snapshots.safetensors"
SNAPSHOT = "snapshot"
"""Name of the attachment."""


KEPT_GROUPS = ("Data", "Model")
KEPT = ("seeds",)
"""A fork has these settings from the run that it continues: its weights fit no others."""


def kept(config: type[Config]) -> list[str]:
    """Names of the settings that a fork may not change."""
    return [n for n, s in config.settings().items() if s.group in KEPT_GROUPS or n in KEPT]


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
