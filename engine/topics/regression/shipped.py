"""The checkpoints of the regression topic."""

from __future__ import annotations

from engine.checkpoints.recipes import Recipe
from engine.topics.regression import losses, recipe
from engine.topics.regression.measuring import Gauge, summary
from engine.topics.regression.models import Regressor
from engine.topics.regression.spec import RegressionConfig
from engine.words import N_


def measure(config: RegressionConfig, model: Regressor) -> dict[str, float]:
    """All metrics of `model` on the rows of `config`."""
    dataset = recipe.rows(config, {})
    weights = [p for name, p in model.named_parameters() if name.endswith("weight")]
    penalty = losses.penalty(config, weights, config.seeds)
    return summary(Gauge(model, dataset, losses.make(config), penalty).metrics(0))


RECIPES = (
    Recipe(
        name="line",
        title=N_("A line through 19 points"),
        preset="R1",
        data=N_("19 points printed in a book (PyTorch 深度学习框架, 2021)"),
        licence=N_("none stated; 19 pairs of numbers"),
        measured=N_("on all 19 points, which it was trained on; none were held out"),
        measure=measure,
        tolerance=1e-4,
    ),
    Recipe(
        name="sine",
        title=N_("A network bends to a sine"),
        preset="sine",
        data=N_("128 points of a noisy sine, made from the seed"),
        licence=N_("made by this project (Apache-2.0)"),
        measured=N_("train: the 96 points it was trained on; val: the 32 that were held out"),
        measure=measure,
        tolerance=1e-4,
    ),
)
