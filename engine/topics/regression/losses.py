"""What is minimised: a loss on the scaled target, and penalties on the weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import huber_loss, l1_loss, mse_loss

from engine.topics.regression.models import QUANTILES
from engine.topics.regression.spec import RegressionConfig

Loss = Callable[..., Tensor]
"""(outputs (…, B, Q), targets (…, B, 1), reduction="mean") → 0-d, or each error with "none"."""


def make(config: RegressionConfig) -> Loss:
    """The loss of a configuration.

    Squared error (least squares), absolute error (its minimum is the median), Huber's (squared up
    to `huber_delta`, linear beyond; Huber 1964), or the pinball loss of three quantiles.
    """
    losses: dict[str, Loss] = {
        "mse": mse_loss,
        "mae": l1_loss,
        "huber": partial(huber_loss, delta=config.huber_delta),
        "quantile": pinball,
    }
    return losses[config.loss]


def pinball(outputs: Tensor, targets: Tensor, reduction: str = "mean") -> Tensor:
    """q·e where the target lies above the quantile by e, (1 − q)·|e| where it lies below.

    Its minimum is the q-quantile (Koenker & Bassett 1978, Regression Quantiles).
    """
    error = targets - outputs
    q = torch.tensor(QUANTILES, dtype=outputs.dtype, device=outputs.device)
    losses = torch.maximum(q * error, (q - 1) * error)
    return losses if reduction == "none" else losses.mean()


def penalty(
    config: RegressionConfig, weights: Sequence[Tensor], members: int = 1
) -> Callable[[], Tensor] | None:
    """l1·Σ|w| + l2/2·Σw² over the weights (not the biases) of each member, (K,), if there is any.

    AdamW's `l2` is no part of the loss: it is decoupled (Loshchilov & Hutter 2019).
    """
    l1, l2 = config.l1, 0.0 if config.optimiser == "adamw" else config.l2
    if not (l1 or l2):
        return None

    def each() -> Tensor:
        flat = [w.reshape(members, -1) for w in weights]
        parts = [l1 * w.abs().sum(1) for w in flat] if l1 else []
        parts += [l2 / 2 * w.square().sum(1) for w in flat] if l2 else []
        return torch.stack(parts).sum(0)

    return each
