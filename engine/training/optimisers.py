"""Optimisers by name.

PyTorch's fused kernels where there are any: whole steps of a 9-8-4-1 network on batches of 8, on a
CPU, take 1.04 (SGD), 1.15 (momentum), 1.3 (AdaGrad) and 1.5 (Adam, AdamW) times less with them;
`foreach` gains nothing there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.optim import LBFGS, SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop

from engine.training.snapshots import flat, nested

MOMENTUM = 0.9

OPTIMISERS: Mapping[str, Callable[..., Optimizer]] = {
    # the plain gradient (Robbins & Monro 1951)
    "sgd": partial(SGD, fused=True),
    # a running sum of gradients, the heavy ball (Polyak 1964)
    "momentum": partial(SGD, momentum=MOMENTUM, fused=True),
    # the gradient where the momentum leads (Nesterov 1983; Sutskever et al. 2013)
    "nesterov": partial(SGD, momentum=MOMENTUM, nesterov=True, fused=True),
    # divided by the root of all squared gradients so far (Duchi, Hazan & Singer 2011)
    "adagrad": partial(Adagrad, fused=True),
    # … of a running mean of them (Tieleman & Hinton 2012)
    "rmsprop": RMSprop,
    # momentum and RMSprop, corrected for their start at zero (Kingma & Ba 2015)
    "adam": partial(Adam, fused=True),
    # weight decay apart from the gradient (Loshchilov & Hutter 2019)
    "adamw": partial(AdamW, weight_decay=0.0, fused=True),
    # a quadratic model from the last 10 steps, with a line search (Liu & Nocedal 1989);
    # a step is one iteration of it
    "lbfgs": partial(LBFGS, max_iter=1, history_size=10, line_search_fn="strong_wolfe"),
}


def make_optimiser(
    name: str,
    parameters: Sequence[Tensor],
    learning_rate: float,
    decayed: Sequence[Tensor] = (),
    weight_decay: float = 0.0,
) -> Optimizer:
    """The optimiser `name` over `parameters`, with PyTorch's own defaults but no weight decay.

    Parameters
    ----------
    decayed, weight_decay
        Those of `parameters` that AdamW decays, and its rate.
    """
    groups: Any = list(parameters)
    if len(decayed) and name == "adamw":  # also at 0: a fork may raise it, and groups have to agree
        inside = {id(p) for p in decayed}
        groups = [
            {"params": [p for p in parameters if id(p) in inside], "weight_decay": weight_decay},
            {"params": [p for p in parameters if id(p) not in inside]},
        ]
    return OPTIMISERS[name](groups, lr=learning_rate)


def set_learning_rate(optimiser: Optimizer, learning_rate: float) -> None:
    """Change the rate of a running optimiser; its state stays."""
    for group in optimiser.param_groups:
        group["lr"] = learning_rate


def saved(name: str, optimisers: Sequence[Optimizer]) -> dict[str, Tensor]:
    """What optimisers of the kind `name` remember, as flat tensors for a snapshot."""
    tensors = {f"optimised_by.{name}": torch.zeros(())}
    for i, optimiser in enumerate(optimisers):
        tensors |= flat(f"optimiser{i}", optimiser.state_dict()["state"])
    return tensors


def restore(name: str, optimisers: Sequence[Optimizer], tensors: Mapping[str, Tensor]) -> None:
    """Give optimisers their memory back, if it was one of the same kind; their settings stay."""
    if f"optimised_by.{name}" not in tensors:
        return
    for i, optimiser in enumerate(optimisers):
        state = nested(f"optimiser{i}", tensors)
        if not state:
            continue
        for memory in state.values() if name == "lbfgs" else ():
            for empty in ("old_dirs", "old_stps", "ro"):  # empty lists leave no tensors
                memory.setdefault(empty, [])
        groups = optimiser.state_dict()["param_groups"]
        optimiser.load_state_dict({"state": state, "param_groups": groups})
        _lay_out_alike(optimiser)


def _lay_out_alike(optimiser: Optimizer) -> None:
    """Give each memory the strides of its parameter: fused kernels walk through both side by side,
    and a file keeps no strides."""
    for parameter, memory in optimiser.state.items():
        for name, tensor in memory.items():
            if isinstance(tensor, Tensor) and tensor.shape == parameter.shape:
                memory[name] = torch.empty_like(parameter).copy_(tensor)
