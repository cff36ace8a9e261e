"""The variants of a sweep, and the networks that a run trains (torch-free)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.config import Setting
from engine.errors import GalleryError
from engine.topics.classification.spec import MOST_LAYERS, MOST_MEMBERS, ClassificationConfig
from engine.words import _

Number = float | int

USUAL: dict[str, tuple[Number, Number]] = {
    "learning_rate": (0.0001, 10.0),
    "units": (1, 16),
    "layers": (0, 6),
    "samples": (20, 1000),
    "noise": (0.0, 0.3),
    "label_noise": (0.0, 0.5),
    "imbalance": (0.05, 1.0),
    "data_seed": (0, 15),
    "batch_size": (1, 128),
    "epochs": (5, 500),
    "dropout": (0.0, 0.8),
    "input_noise": (0.0, 0.5),
    "l1": (0.0, 0.05),
    "l2": (0.0, 0.05),
}
"""The range of a sweep that names none."""

SINGLE = {"sweep": "none", "sweep_from": 0.0, "sweep_to": 0.0, "variants": 16}


class Member(NamedTuple):
    """One of the networks that are trained at once.

    Attributes
    ----------
    config
        Its own settings, as if it were trained alone.
    variant
        Position of its value in the sweep; 0 without one.
    fold
        The fold that it does not see, -1 where it sees all.
    """

    config: ClassificationConfig
    variant: int = 0
    fold: int = -1


def values(config: ClassificationConfig) -> list[Number]:
    """The values of the swept setting, evenly spaced (in ratio, where its slider is)."""
    if config.sweep == "none":
        return []
    ends, known = asked(config), swept(config)
    least, most = limits(config)
    low, high = (min(max(end, least), most) for end in ends)
    space = np.geomspace if known.scale == "log" else np.linspace
    found = space(low, high, config.variants)
    if known.kind == "int":
        return sorted({round(float(v)) for v in found})
    return sorted({float(f"{v:.4g}") for v in found})


def swept(config: ClassificationConfig) -> Setting:
    """What is known of the setting that is swept."""
    return config.settings()["units_1" if config.sweep == "units" else config.sweep]


def asked(config: ClassificationConfig) -> tuple[Number, Number]:
    """The ends of the sweep as they were asked for, or the usual ones.

    Where 0 cannot be an end, as it has no logarithm, it stands for the usual one.
    """
    ends, usual = (config.sweep_from, config.sweep_to), USUAL[config.sweep]
    if ends == (0, 0) or swept(config).scale == "log":
        ends = (ends[0] or usual[0], ends[1] or usual[1])
    return min(ends), max(ends)


def limits(config: ClassificationConfig) -> tuple[Number, Number]:
    """The least and the most that the swept setting may be."""
    known = swept(config)
    assert known.low is not None
    assert known.high is not None
    return known.low, known.high


def clamped_to(config: ClassificationConfig) -> tuple[Number, Number] | None:
    """Those limits, where the sweep was to go beyond them."""
    least, most = limits(config)
    low, high = asked(config)
    return (least, most) if low < least or high > most else None


def variant(config: ClassificationConfig, value: Number) -> ClassificationConfig:
    """The settings of one variant, as of a run without a sweep."""
    changes: dict[str, object] = {config.sweep: value}
    if config.sweep == "units":
        changes = {f"units_{i}": value for i in range(1, MOST_LAYERS + 1)}
    return config.changed({**SINGLE, **changes})


def members(config: ClassificationConfig) -> list[Member]:
    """The networks of a run: every seed of every variant.

    Raises
    ------
    GalleryError
        When they are too many.
    """
    singles = [variant(config, value) for value in values(config)] or [config]
    count = len(singles) * config.seeds
    if count > MOST_MEMBERS:
        text = _(
            "Expected at most {limit} networks at once, received {count} "
            "({variants} variants × {seeds} seeds). Take fewer of either."
        )
        raise GalleryError(
            text.format(limit=MOST_MEMBERS, count=count, variants=len(singles), seeds=config.seeds),
            field="seeds",
        )
    return [
        Member(single.changed({"seed": config.seed + s, "seeds": 1, "folds": 0}), v)
        for v, single in enumerate(singles)
        for s in range(config.seeds)
    ]


def held_out(config: ClassificationConfig) -> list[Member]:
    """The networks of a cross-validation: each leaves out one fold.

    None where rows were repeated: what is left out would have its copies among what is learned.
    """
    if config.folds < 2 or config.sweep != "none" or config.oversample != "none":
        return []
    alone = config.changed({"seeds": 1, "folds": 0})
    return [Member(alone, fold=fold) for fold in range(config.folds)]
