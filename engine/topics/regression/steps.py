"""One step of learning, by gradient or by line search."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from engine.topics.regression.losses import Loss
from engine.training.batches import Batches

Penalty = Callable[[], Tensor] | None


def gradient_step(
    net: nn.Module,
    optimiser: Optimizer,
    batches: Batches,
    loss: Loss,
    penalty: Penalty = None,
    members: int = 1,
) -> Callable[[], Tensor]:
    """One gradient step each time it is called; returns the loss of its batch.

    The loss is the mean over the members; its gradient is taken `members` times, so that each
    member gets that of its own loss.
    """
    device = next(net.parameters()).device
    each = None if members == 1 else torch.tensor(float(members), device=device)

    def step() -> Tensor:
        x, y = next(batches)
        optimiser.zero_grad()
        value = loss(net(x), y)
        if penalty is not None:
            value = value + penalty().mean()
        value.backward(each)
        optimiser.step()
        return value.detach()

    return step


def line_search_step(
    nets: Sequence[nn.Module],
    optimisers: Sequence[Optimizer],
    batches: Batches,
    loss: Loss,
    penalties: Sequence[Penalty],
    after: Callable[[], None],
) -> Callable[[], Tensor]:
    """One L-BFGS iteration of each member; returns the mean loss of their batches.

    Each member is a net with an optimiser of its own: a line search in common would find another
    step. `after` is called when all have moved.
    """

    def minimise(i: int, x: Tensor, y: Tensor) -> Tensor:
        net, optimiser, penalty = nets[i], optimisers[i], penalties[i]

        def closure() -> Tensor:
            optimiser.zero_grad()
            value = loss(net(x), y)
            if penalty is not None:
                value = value + penalty().mean()
            value.backward()
            return value

        before: Tensor = optimiser.step(closure)
        return before.detach()

    def step() -> Tensor:
        x, y = next(batches)
        if len(nets) == 1:
            return minimise(0, x, y)
        parts = [minimise(i, x[i], y[i]) for i in range(len(nets))]
        after()
        return torch.stack(parts).mean()

    return step
