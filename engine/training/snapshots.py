"""Snapshots of training: everything needed to go on from a step, as flat names → tensors.

A run's snapshots travel as one safetensors file with keys `"<step>/<name>"`; no pickle.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from engine.errors import InvalidValue
from engine.words import _


def pack(snapshots: Mapping[int, Mapping[str, Tensor]]) -> bytes:
    """All snapshots of a run as one file."""
    return save(
        {
            f"{step}/{name}": tensor.detach().cpu().contiguous()
            for step, tensors in snapshots.items()
            for name, tensor in tensors.items()
        }
    )


def unpack(payload: bytes) -> dict[str, Tensor]:
    """One snapshot, as `cut` (engine/jobs/forking.py) took it out of a file.

    Raises
    ------
    InvalidValue
        When the bytes are not one.
    """
    try:
        return load(payload)
    except Exception:
        raise InvalidValue.of(
            "snapshot", _("a snapshot of a run"), f"{len(payload)} bytes"
        ) from None


def flat(prefix: str, state: Any) -> dict[str, Tensor]:
    """Nested dicts, lists and numbers (an optimiser's `state`) as `{path: tensor}`, copied."""
    if isinstance(state, Tensor):
        return {prefix: state.detach().clone()}
    if isinstance(state, Mapping):
        parts = [flat(f"{prefix}.{key}", value) for key, value in state.items()]
    elif isinstance(state, list | tuple):
        parts = [flat(f"{prefix}.[{i}]", value) for i, value in enumerate(state)]
    elif isinstance(state, bool | int | float):
        return {f"{prefix}.#": torch.tensor(state, dtype=torch.float64)}
    else:  # None and settings that the new run brings itself
        return {}
    return {name: tensor for part in parts for name, tensor in part.items()}


def nested(prefix: str, tensors: Mapping[str, Tensor]) -> Any:
    """Inverse of `flat`: what lies below `prefix`; integers come back as integers."""
    tree: dict[str, Any] = {}
    for name, tensor in tensors.items():
        if name.startswith(f"{prefix}."):
            *path, last = name.removeprefix(f"{prefix}.").split(".")
            at = tree
            for key in path:
                at = at.setdefault(key, {})
            at[last] = tensor
    return _rebuilt(tree)


def _rebuilt(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if "#" in node:
        number = node["#"].item()
        return int(number) if number == int(number) else number
    if node and all(key.startswith("[") for key in node):
        return [_rebuilt(node[f"[{i}]"]) for i in range(len(node))]
    return {int(key) if key.isdigit() else key: _rebuilt(value) for key, value in node.items()}


def optimiser_state(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """What an optimiser remembers (momentum, second moments, L-BFGS history), without settings."""
    return flat("optimiser", optimiser.state_dict()["state"])


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give an optimiser of the same kind its memory back; its settings stay."""
    groups = optimiser.state_dict()["param_groups"]
    state = nested("optimiser", tensors)
    if state:
        optimiser.load_state_dict({"state": state, "param_groups": groups})
