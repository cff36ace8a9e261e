"""The smallest of changes that make a net see something else."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from engine.events import encode_array
from engine.topics.cnn.asking import Asked
from engine.topics.cnn.pictures import rounded, tiles
from engine.topics.cnn.stepping import encoded

EPSILON = 8 / 255
LADDER = tuple(n / 255 for n in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 255))
"""Changes per pixel that are tried, the smallest first."""


def fool(asked: Asked) -> dict[str, Any]:
    """Change every pixel by at most ε so that the net errs (FGSM, Goodfellow et al. 2015).

    x' = clip(x + ε·sign ∇ loss(x, y), 0, 1), where y is the class that the net sees; with a
    target x' = clip(x − ε·sign ∇ loss(x, target), 0, 1). The label is not asked for: a net that
    errs already is driven from its error.

    Options: `epsilon` (0 to 1, 8/255), `target` (a class that the net shall see).

    Returns
    -------
    dict
        `epsilon`, `target` (or None), `source` (the class that the net sees); `picture`
        (H, W, C) in whole grey levels (uint8), and as a `mosaic` of one; `change` (C, H, W) before
        rounding; `before` and `after`: probabilities; `seen`: the class afterwards;
        `smallest`: the smallest ε of `ladder` with which the net sees another class, or the
        target; None where there is none.
    """
    epsilon = asked.options.number("epsilon", 0.0, 1.0, EPSILON)
    target = asked.target() if asked.options.given("target") else None
    direction = uphill(asked, asked.predicted) if target is None else -uphill(asked, target)
    steps = torch.tensor([epsilon, *LADDER]).reshape(-1, 1, 1, 1)
    changed = (asked.picture + steps * direction).clamp(0, 1)
    with torch.no_grad():
        logits = asked.answers(changed)
    seen = logits.argmax(1)
    fooled = seen[1:] != asked.predicted if target is None else seen[1:] == target
    first = next((e for e, reached in zip(LADDER, fooled.tolist(), strict=True) if reached), None)
    pixels = (255 * changed[:1]).round().byte().permute(0, 2, 3, 1).numpy()
    return {
        "epsilon": epsilon,
        "source": asked.predicted,
        "target": target,
        "picture": encode_array(pixels[0]),
        "mosaic": tiles(pixels),
        "change": encoded(changed[0] - asked.picture[0]),
        "before": rounded(asked.logits.softmax(0), 6),
        "after": rounded(logits[0].softmax(0), 6),
        "seen": int(seen[0]),
        "smallest": first,
        "ladder": list(LADDER),
    }


def uphill(asked: Asked, label: int) -> Tensor:
    """The sign of ∇ cross-entropy(x, label), shape (1, C, H, W).

    The loss is log(1 + exp m) with m = log Σ exp(other logits) − logit of the label, so its
    gradient points where m's does. Where the net is sure, the loss's own is lost in rounding.
    """
    x = asked.picture.clone().requires_grad_()
    logits = asked.answers(x)[0]
    others = torch.arange(len(logits)) != label
    margin = logits[others].logsumexp(0) - logits[label]
    (gradient,) = torch.autograd.grad(margin, x)
    return gradient.sign()
