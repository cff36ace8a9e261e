"""The checkpoints of the classification topic."""

from __future__ import annotations

import torch
from torch import nn

from engine.checkpoints.recipes import Recipe
from engine.topics.classification import recipe
from engine.topics.classification.learner import Learner
from engine.topics.classification.measuring import Gauge, summary
from engine.topics.classification.models import Classifier
from engine.topics.classification.spec import ClassificationConfig
from engine.words import N_

CLIENTS = (
    [
        *(70_000, 3, 1, 49, 2, 2, 2, 2, 2, 2, 21_000, 21_800, 21_200, 23_800, 25_000, 25_700),
        *(1_400, 0, 3_000, 1_700, 1_300, 1_100),
    ],
    [200_000, 1, 2, 30, *[-1] * 6, *[1_500] * 12],
)
"""One who paid two months late six times (about the row of reference run C9), one never late."""


@torch.no_grad()
def measure(config: ClassificationConfig, model: Classifier) -> dict[str, float]:
    """All metrics of `model`, a single network without batch normalisation, on the rows of `config`."""
    learner = Learner(config, recipe.rows({}))
    row = nn.utils.parameters_to_vector(model.nets[0].parameters())
    learner.groups[0].nets.theta[0] = row
    return summary(Gauge(learner).metrics(0, last=True), learner.broken)


RECIPES = (
    Recipe(
        name="credit",
        title=N_("Who will not pay the credit card"),
        preset="C7+",
        data=N_("30,000 credit card clients in Taiwan, 2005 (Yeh & Lien 2009; UCI)"),
        licence="CC BY 4.0",
        measured=N_(
            "train: 60 % of the rows, those of the rare class repeated until both are as many; val "
            "and test: 20 % each, as they are; training stopped by val, so test is the honest part"
        ),
        measure=measure,
        tolerance=1e-3,
        inputs=CLIENTS,
    ),
    Recipe(
        name="spirals",
        title=N_("Two spirals, told apart"),
        preset="spirals",
        data=N_("500 points on two spirals, made from the seed"),
        licence=N_("made by this project (Apache-2.0)"),
        measured=N_("train: the 250 points it was trained on; val: the 250 that were held out"),
        measure=measure,
        tolerance=1e-4,
    ),
)
