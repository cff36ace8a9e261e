"""Answers predictions in a warm worker; the last models stay loaded."""

from __future__ import annotations

import logging
from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import torch
from safetensors.torch import load as parse_weights

from engine import topics
from engine.errors import GalleryError, NotFound
from engine.events import dumps
from engine.jobs.job import JobSpec
from engine.jobs.wire import MODEL_WEIGHTS
from engine.words import N_, _

log = logging.getLogger(__name__)

MODELS_KEPT = 16
NUMBERS_KEPT = 10**8
"""Parameters of all models that stay loaded: 400 MB."""

OF_SETTINGS = {
    "range_test": N_("This topic has no learning-rate test."),
    "preview": N_("This topic has no preview."),
}
"""Functions of a recipe that are asked about settings, and what is said where it has none."""


class Predictor:
    """Loads models by key and runs them; a request and its answer are JSON."""

    def __init__(self) -> None:
        self._models: OrderedDict[tuple[str, str], Any] = OrderedDict()
        torch.set_num_threads(1)

    def answer(self, request: Mapping[str, Any], weights: bytes | None) -> str:
        """Return the answer as JSON.

        Parameters
        ----------
        request
            `topic`, `key` (of the model), `config`, `checkpoint` (name of a shipped one, or
            None), `inputs`; with `operation: "export"` and a `format` instead of inputs the model
            as a file (`content`, base64; `difference`); with `operation: "explain"`, a `method`
            and its `options` what the topic finds in the one input, which may need own data as
            `attachments` (`{"missing": kind}` asks for them); or `operation`, one of
            `OF_SETTINGS`, with `config` and `attachments`.
        weights
            safetensors bytes of a run's model, sent once; the answer `{"missing": "weights"}` asks
            for them.
        """
        try:
            if request.get("operation") in OF_SETTINGS:
                return dumps(_of_settings(request))
            model = self._model(request, weights)
            if model is None:
                return dumps({"missing": MODEL_WEIGHTS})
            if request.get("operation") == "export":
                return dumps(_export(request, model))
            if request.get("operation") == "explain":
                return dumps(_explain(request, model))
            return dumps(topics.recipe(request["topic"]).predict(model, request["inputs"]))
        except GalleryError as error:
            refusal = {"code": error.code, "message": error.message, "field": error.field}
            return dumps({"error": {**refusal, "status": error.status}})
        except Exception:
            log.exception("a prediction failed")
            message = _("The model could not answer. The error has been logged.")
            body = {"code": "internal", "message": message, "field": None, "status": 500}
            return dumps({"error": body})

    def _too_many(self) -> bool:
        """Whether the models that are loaded take too much room."""
        held = sum(p.numel() for model in self._models.values() for p in model.parameters())
        return len(self._models) > MODELS_KEPT or held > NUMBERS_KEPT

    def _model(self, request: Mapping[str, Any], weights: bytes | None) -> Any:
        key = (request["topic"], request["key"])
        if key in self._models:
            self._models.move_to_end(key)
            return self._models[key]
        if request["checkpoint"] is not None:
            from engine import checkpoints

            self._models[key] = checkpoints.load(request["topic"], request["checkpoint"])[0]
        elif weights is not None:
            config = topics.topic(request["topic"]).config.parse(request["config"])
            recipe = topics.recipe(request["topic"])
            self._models[key] = recipe.load(config, parse_weights(weights))
        else:
            return None
        while len(self._models) > 1 and self._too_many():
            self._models.popitem(last=False)
        return self._models[key]


def _export(request: Mapping[str, Any], model: Any) -> dict[str, Any]:
    from engine.exports.program import export  # brings the exporters: only here

    content, difference = export(request["topic"], model, request["format"])
    return {"content": b64encode(content).decode("ascii"), "difference": difference}


def _explain(request: Mapping[str, Any], model: Any) -> dict[str, Any]:
    recipe = topics.recipe(request["topic"])
    explain = getattr(recipe, "explain", None)
    if explain is None:
        raise NotFound(_("This topic has no explanations."))
    attachments = {k: b64decode(v) for k, v in request.get("attachments", {}).items()}
    needed = recipe.needs(model, request["method"])
    if needed and needed not in attachments:
        return {"missing": needed}
    (value,) = request["inputs"]
    options = request["options"]
    found: dict[str, Any] = explain(model, request["method"], value, options, attachments)
    return found


def _of_settings(request: Mapping[str, Any]) -> dict[str, Any]:
    job = JobSpec.checked(
        request["topic"], request["config"], attachments=dict(request["attachments"])
    )
    asked = getattr(topics.recipe(job.topic), request["operation"], None)
    if asked is None:
        raise NotFound(_(OF_SETTINGS[request["operation"]]))
    found: dict[str, Any] = asked(job.parsed(), job.attached())
    return found
