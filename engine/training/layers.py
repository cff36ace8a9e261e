"""The layer table of a model: what goes in and out of each layer, and what it costs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


@torch.no_grad()
def table(model: nn.Module, example: Tensor) -> list[dict[str, Any]]:
    """One row for each layer without layers of its own, in the order they are passed through.

    Parameters
    ----------
    example : Tensor, shape (1, …)
        One sample; the model is run once on it.

    Returns
    -------
    list of dict
        `name`, `type`, `input` and `output` (shapes as text, without the batch), `parameters`
        and `flops` (of matrix products and convolutions, a multiplication and an addition each).
    """
    rows: list[dict[str, Any]] = []
    counter = FlopCounterMode(display=False)
    names = {module: name for name, module in model.named_modules()}
    before = [0]

    def note(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        total = counter.get_total_flops()
        rows.append(
            {
                "name": names[module],
                "type": type(module).__name__,
                "input": shape(given[0]),
                "output": shape(output),
                "parameters": sum(p.numel() for p in module.parameters()),
                "flops": total - before[0],
            }
        )
        before[0] = total

    leaves = [module for module in model.modules() if not list(module.children())]
    hooks = [module.register_forward_hook(note) for module in leaves]
    training = model.training
    model.eval()
    try:
        with counter:
            model(example)
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return rows


def shape(tensor: Tensor) -> str:
    """Sizes without the batch: `16 × 28 × 28`."""
    return " × ".join(str(size) for size in tensor.shape[1:])
