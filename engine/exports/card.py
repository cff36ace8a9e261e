"""The card of a run's weights: what they are, how they came about, how to load them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from engine import topics
from engine.events import dumps
from engine.exports.archive import zipped
from engine.history import History
from engine.runs.files import digest

WEIGHTS = "weights.safetensors"

LICENCE = "Apache-2.0"
"""Of what is trained here: the licence of this project."""

NOT_METRICS = ("seconds", "steps")
"""Figures of a run that say nothing of its model."""

LOADING = """\
import json
from safetensors.torch import load_file
from engine import topics

card = json.load(open("card.json"))
recipe = topics.recipe(card["architecture"]["topic"])
config = topics.topic(card["architecture"]["topic"]).config.parse(card["architecture"]["config"])
model = recipe.load(config, load_file("weights.safetensors"))
print(model)  # recipe.predict(model, [...]) takes rows of features in their own units
"""
"""Run in a checkout of this project, beside the two files."""


def card(history: History, weights: bytes) -> dict[str, Any]:
    """All that is known of the weights of a finished run, as JSON values.

    Parameters
    ----------
    weights
        The safetensors file; the card tells its size and checksum.
    """
    config, started = history.config, history.started
    settings = topics.topic(history.topic).config.settings().values()
    return {
        "title": f"{history.topic} {history.run[:8]}",
        "run": history.run,
        "architecture": {"topic": history.topic, "config": config, **_shape(started)},
        "data": {s.name: config.get(s.name, s.default) for s in settings if s.group == "Data"},
        "seed": config.get("seed"),
        "fork": history.fork,
        "versions": history.versions,
        "device": started.get("device"),
        "metrics": {n: v for n, v in history.final.items() if n not in NOT_METRICS},
        "changes": [{"step": n["step"], **n["set"]} for n in history.notes if n.get("set")],
        "artifact": {"name": WEIGHTS, "bytes": len(weights), "sha256": digest(weights)},
        "load": {
            "python": LOADING,
            "http": f'POST /api/v1/{history.topic}/predict {{"model": "{history.run}", "inputs": […]}}',
        },
        "licence": LICENCE,
    }


def _shape(started: Mapping[str, Any]) -> dict[str, Any]:
    """Number of parameters and the layer table, as far as the run told them."""
    return {name: started[name] for name in ("parameters", "layers") if name in started}


def card_json(history: History, weights: bytes) -> str:
    """`card` as JSON that people read too."""
    return json.dumps(json.loads(dumps(card(history, weights))), ensure_ascii=False, indent=1)


def model_archive(history: History, weights: bytes) -> bytes:
    """A zip of the weights and their card."""
    return zipped({WEIGHTS: weights, "card.json": card_json(history, weights).encode()})
