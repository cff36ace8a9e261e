"""The checkpoints of the CNN topic."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engine.checkpoints.recipes import Recipe
from engine.data.pictures import album, at_hand
from engine.topics.cnn.batches import planes
from engine.topics.cnn.classifier import Classifier, at_once, auroc, familiarity, scribbles
from engine.topics.cnn.learner import Learner
from engine.topics.cnn.measuring import Gauge
from engine.topics.cnn.recipe import ring, stroke, tinted
from engine.topics.cnn.spec import CnnConfig
from engine.words import N_

STRANGE = 2_000
"""Pictures of each kind that are none of the net's own."""
MEASURED = N_("test: the 10,000 official test pictures, never trained on nor chosen by")
UNKNOWN = N_(
    "auroc: the chance that a test picture seems more familiar to the net (logsumexp of its "
    "logits, Liu et al. 2020) than one of 2,000 scribbles, or of 2,000 pictures of Fashion-MNIST"
)


@torch.no_grad()
def measure(config: CnnConfig, model: Classifier) -> dict[str, float]:
    """Metrics of `model` on the pictures of `config` that it has not learned from, and of grey ones
    how well the net tells them from what is none of its kind."""
    learner = Learner(config, album(config.data))
    learner.net.load_state_dict(model.net.state_dict())
    gauge = Gauge(learner)
    unseen = [name for name in learner.rows if name != "train"]
    found: dict[str, float] = gauge.metrics(whole=True, parts=unseen)
    if learner.shape[0] == 1:
        known = familiarity(gauge.found(gauge.measured_on, whole=True).logits)
        for name, pictures in strangers(config.data, learner.shape[1]).items():
            found[f"auroc_{name}"] = auroc(known, seen(model, pictures))
    return found


def strangers(data: str, side: int) -> dict[str, np.ndarray]:
    """Grey pictures that a net of digits has never learned, uint8 (N, side, side), by kind."""
    if data == "fashion-mnist":
        return {}
    found = {"scribbles": scribbles(STRANGE, side)}
    if side == 28 and at_hand("fashion-mnist"):
        found["fashion"] = np.asarray(album("fashion-mnist").pixels[-STRANGE:, ..., 0])
    return found


def seen(model: Classifier, pictures: np.ndarray) -> Tensor:
    """How familiar pictures (N, H, W) seem to the model, (N,)."""
    x = planes(torch.from_numpy(pictures.copy())[..., None]) / 255
    return torch.cat([familiarity(model.logits(some)) for some in x.split(at_once(model.net))])


RECIPES = (
    Recipe(
        name="digits",
        title=N_("Digits, 8 × 8 pixels"),
        preset="digits+",
        data=N_("1,797 handwritten digits of 8 × 8 pixels (Alpaydin & Kaynak 1998; scikit-learn)"),
        licence="CC BY 4.0",
        measured=N_("val: the fifth that was held out") + f"; {UNKNOWN}",
        measure=measure,
        tolerance=1e-3,
        again=True,
        half=True,
    ),
    Recipe(
        name="mnist",
        title=N_("MNIST digits"),
        preset="N1+",
        data=N_("MNIST: 70,000 handwritten digits (LeCun, Cortes & Burges)"),
        licence="CC BY-SA 3.0",
        measured=f"{MEASURED}; {UNKNOWN}",
        measure=measure,
        tolerance=1e-3,
        inputs=(ring(28), stroke(28)),
        again=True,
        half=True,
        quick=False,
    ),
    Recipe(
        name="mnist-8x8",
        title=N_("MNIST digits, made small"),
        preset="mnist-8x8",
        data=N_(
            "MNIST: 70,000 handwritten digits (LeCun, Cortes & Burges), made 8 × 8 pixels small"
        ),
        licence="CC BY-SA 3.0",
        measured=f"{MEASURED}; {UNKNOWN}",
        measure=measure,
        tolerance=1e-3,
        again=True,
        half=True,
        quick=False,
    ),
    Recipe(
        name="fashion-mnist",
        title=N_("Fashion-MNIST"),
        preset="N6+",
        data=N_("Fashion-MNIST: 70,000 pictures of clothes (Xiao, Rasul & Vollgraf 2017)"),
        licence="MIT",
        measured=MEASURED,
        measure=measure,
        tolerance=1e-3,
        inputs=(ring(28), stroke(28)),
        again=True,
        half=True,
        recorded=True,
        quick=False,
    ),
    Recipe(
        name="cifar10",
        title=N_("CIFAR-10"),
        preset="N5+",
        data=N_(
            "CIFAR-10: 60,000 photographs (Krizhevsky 2009), here as JPEG copies of quality 75"
        ),
        licence=N_("not stated"),
        measured=MEASURED,
        measure=measure,
        tolerance=1e-3,
        inputs=(tinted(ring(32)), tinted(stroke(32))),
        again=True,
        half=True,
        recorded=True,
        quick=False,
    ),
    Recipe(
        name="cifar10-first",
        title=N_("CIFAR-10, five of its classes"),
        preset="cifar10-first",
        data=N_(
            "CIFAR-10: 30,000 photographs of airplanes, birds, cats, frogs and ships (Krizhevsky "
            "2009), here as JPEG copies of quality 75"
        ),
        licence=N_("not stated"),
        measured=N_("test: the 5,000 official test pictures of these classes, never trained on"),
        measure=measure,
        tolerance=1e-3,
        inputs=(tinted(ring(32)), tinted(stroke(32))),
        again=True,
        half=True,
        quick=False,
    ),
)
