"""The run as a script in plain PyTorch: alone, it ends on the same metrics (torch-free)."""

from __future__ import annotations

from itertools import pairwise

from engine.topics.regression import data
from engine.topics.regression.spec import RegressionConfig
from engine.training.streams import stream_seed

LAYERS = {"tanh": "nn.Tanh()", "relu": "nn.ReLU()", "gelu": "nn.GELU()", "sigmoid": "nn.Sigmoid()"}
OPTIMISERS = {"sgd": "SGD", "adam": "Adam"}

TEMPLATE = '''"""Regression with the settings of one run of the PyTorch Live Gallery. Needs only PyTorch."""

import json

import torch
from torch import nn

torch.set_num_threads(1)

# Training points, and points held out to measure on.
x, y = torch.tensor({x}).unsqueeze(1), torch.tensor({y}).unsqueeze(1)
held_x, held_y = torch.tensor({held_x}).unsqueeze(1), torch.tensor({held_y}).unsqueeze(1)

model = nn.Sequential({layers})
weights = torch.Generator().manual_seed({weights_seed})
with torch.no_grad():
    for layer in model:
        if isinstance(layer, nn.Linear):
            bound = layer.in_features**-0.5
            layer.weight.uniform_(-bound, bound, generator=weights)
            layer.bias.uniform_(-bound, bound, generator=weights)

optimiser = torch.optim.{optimiser}(model.parameters(), lr={learning_rate})
batches = torch.Generator().manual_seed({batches_seed})
size = {size}
for epoch in range({epochs}):
    order = torch.randperm(len(x), generator=batches) if size < len(x) else torch.arange(len(x))
    for batch_x, batch_y in zip(x[order].split(size), y[order].split(size)):
        optimiser.zero_grad()
        nn.functional.mse_loss(model(batch_x), batch_y).backward()
        optimiser.step()

metrics = {{}}
with torch.no_grad():
    for split, inputs, targets in (("train", x, y), ("val", held_x, held_y)):
        if len(inputs):
            error = model(inputs) - targets
            metrics[f"{{split}}_mse"] = error.square().mean().item()
            metrics[f"{{split}}_mae"] = error.abs().mean().item()
print(json.dumps(metrics))
'''


def script(config: RegressionConfig) -> str:
    """Source of a program that trains as the run did and prints its final metrics as JSON.

    Settings changed while the run trained are not replayed: it trains with `config` throughout.
    """
    points = data.make(config)
    train = ~points.held_out
    count = int(train.sum())
    return TEMPLATE.format(
        x=points.x[train].tolist(),
        y=points.y[train].tolist(),
        held_x=points.x[~train].tolist(),
        held_y=points.y[~train].tolist(),
        layers=_layers(config),
        weights_seed=stream_seed(config.seed, "weights"),
        batches_seed=stream_seed(config.seed, "batches"),
        optimiser=OPTIMISERS[config.optimiser],
        learning_rate=config.learning_rate,
        epochs=config.epochs,
        size=min(config.batch_size or count, count),
    )


def _layers(config: RegressionConfig) -> str:
    widths = [1, *([config.units] * config.layers if config.model == "mlp" else [])]
    hidden = [
        part
        for before, after in pairwise(widths)
        for part in (f"nn.Linear({before}, {after})", LAYERS[config.activation])
    ]
    return ", ".join([*hidden, f"nn.Linear({widths[-1]}, 1)"])
