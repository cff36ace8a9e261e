"""`GET topics`: what can be trained, with which settings, and what others have published."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from engine import topics
from engine.config import Setting
from engine.spec import Preset, TopicSpec
from engine.words import _

router = APIRouter()


@router.get("/topics", summary="All topics with their settings, presets and published figures")
async def list_topics() -> list[dict[str, Any]]:
    return [describe(spec) for spec in topics.topics().values()]


def describe(spec: TopicSpec) -> dict[str, Any]:
    """A topic as JSON, its words translated."""
    return {
        "name": spec.name,
        "title": _(spec.title),
        "group": _(spec.group),
        "summary": _(spec.summary),
        "metrics": [
            {"name": m.name, "title": _(m.title), "better": m.better} for m in spec.metrics
        ],
        "fields": [_field(s) for s in spec.config.settings().values()],
        "presets": [_preset(p) for p in spec.presets],
    }


def _field(setting: Setting) -> dict[str, Any]:
    labels = {c: setting.label(c) for c in setting.choices}
    words = {"title": _(setting.title), "help": _(setting.help), "group": _(setting.group)}
    return {**asdict(setting), **words, "labels": labels}


def _preset(preset: Preset) -> dict[str, Any]:
    return {
        "id": preset.id,
        "title": _(preset.title),
        "values": dict(preset.values),
        "published": [asdict(p) for p in preset.published],
        "source": _(preset.source),
        "note": _(preset.note),
    }
