"""Does a checkpoint still do what its card says?"""

from __future__ import annotations

from collections.abc import Sequence
from math import isclose
from typing import Any

from engine import topics
from engine.checkpoints.cards import Card
from engine.checkpoints.loading import config_of, load
from engine.checkpoints.recipes import recipe_of
from engine.errors import GalleryError, shorten
from engine.words import _

METRIC_TOLERANCE = 1e-4
"""Relative: what the same numbers may differ by on another machine."""


def verify(card: Card, *, data: bool = False) -> list[str]:
    """Problems of a checkpoint in words; none if its outputs are those on its card.

    Parameters
    ----------
    data
        Make or fetch its data set again and measure the metrics on the card too.
    """
    try:
        model, _card = load(card.topic, card.name)
        outputs = topics.recipe(card.topic).predict(model, list(card.examples.inputs))["outputs"]
        problems = _compare_outputs(card, outputs)
        if data:
            recipe = recipe_of(card.topic, card.name)
            problems += _compare_metrics(card, recipe.measure(config_of(card), model))
        return problems
    except GalleryError as error:
        return [error.message]


def _compare_outputs(card: Card, outputs: Sequence[Any]) -> list[str]:
    examples = card.examples
    return [
        _("{name}: for the input {input}, expected {expected}, received {received}.").format(
            name=card.full_name, input=shorten(given), expected=expected, received=received
        )
        for given, expected, received in zip(
            examples.inputs, examples.outputs, outputs, strict=True
        )
        if not _alike(expected, received, examples.tolerance)
    ]


def _alike(expected: Any, received: Any, tolerance: float) -> bool:
    if isinstance(expected, list | tuple):
        return len(expected) == len(received) and all(
            _alike(e, r, tolerance) for e, r in zip(expected, received, strict=True)
        )
    if isinstance(expected, float):
        return bool(abs(expected - received) <= tolerance)
    return bool(expected == received)


def _compare_metrics(card: Card, measured: dict[str, float]) -> list[str]:
    return [
        _("{name}: {metric}: expected {expected:.6g}, measured {received}.").format(
            name=card.full_name, metric=metric, expected=expected, received=measured.get(metric)
        )
        for metric, expected in card.metrics.items()
        if not isclose(
            expected, measured.get(metric, float("nan")), rel_tol=METRIC_TOLERANCE, abs_tol=1e-6
        )
    ]
