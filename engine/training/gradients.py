"""What the diagnosis reads inside a network: sizes of gradients, share of dead units.

One forward and one backward pass over the rows given, so about the price of one full-batch step.
Nothing is left behind: `.grad`, mode and hooks are as before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

NORMS = ("gradient", "gradient_first", "gradient_last")


def inspect(
    model: nn.Module,
    objective: Callable[[], Tensor],
    weights: Sequence[Tensor] | None = None,
    *,
    batched: bool = False,
) -> dict[str, float]:
    """Gradient norms and dead units at this moment, under the names that `Diagnosis` reads.

    Parameters
    ----------
    model
        In eval mode, so that dropout does not make the figures jump. Its `nn.ReLU` modules are
        watched; their output is (..., N, U), N rows and U units, or feature maps (N, C, H, W).
    objective
        Runs the model on all training rows and returns the loss that is optimised: a number or,
        for members trained at once, one number each (their sum is differentiated, so that each
        member has its own gradient).
    weights
        The layers' weights from first to last, biases aside; without it, the parameters of
        `model` that are named `weight`.
    batched
        Whether the first dimension of every weight counts the members. Each figure is then the
        mean over them.

    Returns
    -------
    `gradient`, `gradient_first` and `gradient_last` (L2 norms with respect to all weights, the first
    and the last ones) and, where there are ReLU units, `dead_units` (the share of them that are 0
    for all rows).
    """
    if weights is None:
        weights = [p for n, p in model.named_parameters() if n.rsplit(".", 1)[-1] == "weight"]
    with torch.enable_grad(), watched(model) as outputs:
        gradients = torch.autograd.grad(objective().sum(), list(weights))
    return norms(gradients, batched) | dead_units(outputs)


def norms(gradients: Sequence[Tensor], batched: bool = False) -> dict[str, float]:
    """L2 norms of all, the first and the last of the gradients; means over members if `batched`."""
    members = len(gradients[0]) if batched else 1
    squares = torch.stack([g.detach().reshape(members, -1).square().sum(1) for g in gradients])
    sizes = torch.stack([squares.sum(0), squares[0], squares[-1]]).sqrt()
    return dict(zip(NORMS, sizes.mean(1).tolist(), strict=True))  # one wait for the device


def dead_units(outputs: Sequence[Tensor]) -> dict[str, float]:
    """`dead_units` of the outputs of all ReLU layers; empty when there are none.

    Outputs are (..., N, U), or feature maps (N, C, H, W), of which each is a unit.
    """
    if not outputs:
        return {}
    silent = [o.detach() <= 0 for o in outputs]
    dead = torch.cat(
        [s.all(3).all(2).all(0) if s.dim() == 4 else s.all(-2).reshape(-1) for s in silent]
    )
    return {"dead_units": dead.float().mean().item()}


@contextmanager
def watched(model: nn.Module) -> Iterator[list[Tensor]]:
    """A list that collects what the model's `nn.ReLU` modules give while the block runs."""
    outputs: list[Tensor] = []
    hooks = [
        module.register_forward_hook(lambda _module, _given, output: outputs.append(output))
        for module in model.modules()
        if isinstance(module, nn.ReLU)
    ]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()
