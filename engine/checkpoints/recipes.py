"""How the shipped checkpoints are made: a topic's `shipped.py` holds its `RECIPES`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from engine import topics
from engine.errors import NotFound
from engine.words import _


@dataclass(frozen=True)
class Recipe:
    """One checkpoint to make.

    Parameters
    ----------
    preset
        Id of the topic's preset to train.
    data, licence
        Its data set and what that may be used for.
    measured
        How, and on what, the metrics on the card are measured.
    measure
        `(config, model) → metrics` on the data set, made or fetched again.
    tolerance
        What the outputs on the inputs may differ by elsewhere.
    inputs
        A few inputs whose outputs stand on the card; none: the topic's examples.
    threads
        Of the training; another number sums in another order, and gives other last digits.
    half
        Whether the file holds half precision (float16).
    again
        Whether the metrics on the card are those of `measure`, not those that the run told: of
        half precision, or more than a run measures.
    recorded
        Whether the run is kept as the recording of the preset: for those that take long.
    quick
        Whether it takes seconds to train: tests make such a checkpoint again.
    """

    name: str
    title: str
    preset: str
    data: str
    licence: str
    measured: str
    measure: Callable[[Any, Any], dict[str, float]]
    tolerance: float
    inputs: tuple[Any, ...] = ()
    threads: int = 1
    half: bool = False
    again: bool = False
    recorded: bool = False
    quick: bool = True

    def values(self, topic: str) -> dict[str, Any]:
        """The settings to train with."""
        preset = topics.topic(topic).preset(self.preset)
        assert preset is not None, f"{topic} has no preset {self.preset}"
        return dict(preset.values)


@cache
def recipes() -> Mapping[tuple[str, str], Recipe]:
    """All recipes by `(topic, name)`. Imports torch."""
    shipping = [t for t in topics.topics() if (topics.folder(t) / "shipped.py").is_file()]
    return {
        (topic, recipe.name): recipe
        for topic in shipping
        for recipe in import_module(f"engine.topics.{topic}.shipped").RECIPES
    }


def recipe_of(topic: str, name: str) -> Recipe:
    """The recipe of one checkpoint.

    Raises
    ------
    NotFound
        When there is none.
    """
    found = recipes().get((topic, name))
    if found is None:
        known = ", ".join(f"{t}/{n}" for t, n in recipes())
        text = _("checkpoint: expected one with a recipe ({known}), received {topic}/{name}.")
        raise NotFound(text.format(known=known, topic=topic, name=name), field="checkpoint")
    return found
