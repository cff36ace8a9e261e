"""Training of the benchmark topic: measured and drawn like the topics that people see."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from engine.bench.topics.benchmark.parts import FEATURES, Parts, make
from engine.bench.topics.benchmark.spec import BenchmarkConfig
from engine.events import Event
from engine.training.context import Context
from engine.training.loop import train

GRID_POINTS = 120
LAST_STEP = 10
"""The step at which a hanging run hangs."""


def run(config: BenchmarkConfig, context: Context) -> Iterator[Event]:
    """Fit the network; yields the events of the run."""
    parts = make(config.network, config.seed)
    grid = torch.zeros(GRID_POINTS, FEATURES)
    grid[:, 0] = torch.linspace(-3, 3, GRID_POINTS)
    steps = config.epochs * parts.steps_per_epoch
    yield context.started(
        parameters=sum(p.numel() for p in parts.model.parameters()),
        samples=len(parts.x),
        steps_total=steps,
    )
    step = stepper(parts)
    yield from train(
        hanging(step) if config.hang else step,
        steps=steps,
        steps_per_epoch=parts.steps_per_epoch,
        context=context,
        measure=lambda: measure(parts),
        draw=lambda: ("fit", {"fit": curve(parts, grid)}),
    )
    yield context.done(measure(parts), parts.model.state_dict())


def stepper(parts: Parts) -> Callable[[], None]:
    """One gradient step on the mean squared error each time it is called."""
    batches = mini_batches(parts)

    def step() -> None:
        x, y = next(batches)
        parts.optimiser.zero_grad()
        mse_loss(parts.model(x), y).backward()
        parts.optimiser.step()

    return step


def mini_batches(parts: Parts) -> Iterator[tuple[Tensor, Tensor]]:
    """Shuffled batches, epoch after epoch."""
    while True:
        order = torch.randperm(len(parts.x), generator=parts.random)
        x, y = parts.x[order], parts.y[order]
        yield from zip(x.split(parts.batch_size), y.split(parts.batch_size), strict=True)


def hanging(step: Callable[[], None]) -> Callable[[], None]:
    """`step`, which at the tenth call never returns."""
    calls = 0

    def step_or_hang() -> None:
        nonlocal calls
        calls += 1
        while calls == LAST_STEP:
            time.sleep(0.01)
        step()

    return step_or_hang


@torch.no_grad()
def measure(parts: Parts) -> dict[str, float]:
    """MSE, MAE and R² over the whole of both splits, in eval mode."""
    parts.model.eval()
    metrics: dict[str, float] = {}
    for split, x, y in (("train", parts.x, parts.y), ("val", parts.val_x, parts.val_y)):
        error = parts.model(x) - y
        mse = error.square().mean()
        metrics[f"{split}_mse"] = mse.item()
        metrics[f"{split}_mae"] = error.abs().mean().item()
        metrics[f"{split}_r2"] = (1 - mse / y.var(correction=0)).item()
    metrics["train_loss"] = metrics["train_mse"]
    parts.model.train()
    return metrics


@torch.no_grad()
def curve(parts: Parts, grid: Tensor) -> list[float]:
    """Predictions along the first feature, (G, 9) → G numbers of four decimals."""
    parts.model.eval()
    values: list[float] = parts.model(grid).squeeze(1).tolist()
    parts.model.train()
    return [round(v, 4) for v in values]


def debug_config() -> Any:
    """Learns in about a second."""
    return BenchmarkConfig(epochs=20)
