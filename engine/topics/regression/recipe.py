"""Training and prediction of the regression topic."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from engine.errors import InvalidValue
from engine.events import Event
from engine.topics.regression import data
from engine.topics.regression.models import build
from engine.topics.regression.spec import RegressionConfig
from engine.training.context import Context
from engine.training.loop import train
from engine.training.optimisers import make_optimiser, set_learning_rate
from engine.training.seeds import generator
from engine.words import _


def run(config: RegressionConfig, context: Context) -> Iterator[Event]:
    """Fit the model to the points; yields the events of the run."""
    points = data.make(config)
    model = build(config, generator(config.seed, "weights")).to(context.device)
    parts = splits(points, context.device)
    fit_x, fit_y = parts["train"]
    grid = torch.from_numpy(data.grid(points)).unsqueeze(1).to(context.device)

    size = min(config.batch_size or len(fit_x), len(fit_x))
    steps_per_epoch = -(-len(fit_x) // size)
    optimiser = make_optimiser(config.optimiser, model, config.learning_rate)
    yield context.started(
        parameters=sum(p.numel() for p in model.parameters()),
        samples=len(fit_x),
        steps_total=config.epochs * steps_per_epoch,
    )
    yield from train(
        stepper(model, optimiser, fit_x, fit_y, size, config.seed),
        steps=config.epochs * steps_per_epoch,
        steps_per_epoch=steps_per_epoch,
        context=context,
        measure=lambda: measure(model, parts),
        draw=lambda: ("fit", {"fit": curve(model, grid)}),
        adapt=lambda: set_learning_rate(optimiser, context.config.learning_rate),
    )
    yield context.done(measure(model, parts), model.state_dict())


def splits(points: data.Points, device: str = "cpu") -> dict[str, tuple[Tensor, Tensor]]:
    """`train` and `val` as (x, y), each of shape (N, 1)."""
    x, y = (torch.from_numpy(a).unsqueeze(1).to(device) for a in points[:2])
    held_out = torch.from_numpy(points.held_out).to(device)
    return {"train": (x[~held_out], y[~held_out]), "val": (x[held_out], y[held_out])}


def stepper(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    x: Tensor,
    y: Tensor,
    batch_size: int,
    seed: int,
) -> Callable[[], None]:
    """One gradient step on the mean squared error each time it is called; x, y: (N, 1)."""
    batches = (
        full_batches(x, y)
        if batch_size == len(x)
        else mini_batches(x, y, batch_size, generator(seed, "batches", x.device.type))
    )

    def step() -> None:
        batch_x, batch_y = next(batches)
        optimiser.zero_grad()
        mse_loss(model(batch_x), batch_y).backward()
        optimiser.step()

    return step


def full_batches(x: Tensor, y: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """All rows, again and again."""
    while True:
        yield x, y


def mini_batches(
    x: Tensor, y: Tensor, size: int, random: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Shuffled batches, epoch after epoch; in-memory indexing beats a DataLoader here."""
    while True:
        order = torch.randperm(len(x), generator=random, device=x.device)
        yield from zip(x[order].split(size), y[order].split(size), strict=True)


@torch.no_grad()
def measure(model: nn.Module, parts: Mapping[str, tuple[Tensor, Tensor]]) -> dict[str, float]:
    """MSE, MAE and R² of each split that has points; slope and intercept of a straight line."""
    model.eval()
    metrics: dict[str, float] = {}
    for split, (x, y) in parts.items():
        if len(x):
            error = model(x) - y
            mse = error.square().mean()
            metrics[f"{split}_mse"] = mse.item()
            metrics[f"{split}_mae"] = error.abs().mean().item()
            metrics[f"{split}_r2"] = (1 - mse / y.var(correction=0).clamp_min(1e-12)).item()
    metrics["train_loss"] = metrics["train_mse"]
    if isinstance(model, nn.Linear):
        metrics |= {"slope": model.weight.item(), "intercept": model.bias.item()}
    model.train()
    return metrics


@torch.no_grad()
def curve(model: nn.Module, grid: Tensor) -> list[float]:
    """Predictions on the grid (G, 1) as G numbers of four decimals."""
    model.eval()
    values = model(grid).squeeze(1).tolist()
    model.train()
    return [round(v, 4) for v in values]


def load(config: RegressionConfig, weights: Mapping[str, Tensor]) -> nn.Module:
    """The trained model in eval mode from its weights (name → tensor), loaded strictly."""
    model = build(config, generator(config.seed, "weights"))
    model.load_state_dict(dict(weights), strict=True)
    return model.eval()


@torch.no_grad()
def predict(model: nn.Module, inputs: Sequence[Any]) -> dict[str, list[Any]]:
    """Predict y for each x; an input is a number or a list of one number.

    Raises
    ------
    InvalidValue
        Names the first input that is not a finite number.
    """
    values = [number(value, position) for position, value in enumerate(inputs)]
    return {"outputs": model(torch.tensor(values).reshape(-1, 1)).squeeze(1).tolist()}


def number(value: Any, position: int) -> float:
    """One finite number out of an untrusted input."""
    inner = value[0] if isinstance(value, list) and len(value) == 1 else value
    try:
        if isinstance(inner, bool):
            raise ValueError
        result = float(inner)
    except (TypeError, ValueError, OverflowError):
        result = float("nan")
    if not abs(result) < 1e30:
        raise InvalidValue.of(f"inputs[{position}]", _("a finite number (the x of a point)"), value)
    return result


def debug_config() -> RegressionConfig:
    """Learns in about a second: a network on the sine, few epochs."""
    return RegressionConfig(epochs=300, samples=64)


def example_inputs() -> list[float]:
    """A few inputs that `predict` takes, for cards, docs and tests."""
    return [-2.0, 0.0, 0.5, 3.0]
