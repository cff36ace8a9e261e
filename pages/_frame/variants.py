"""The variants of a sweep side by side, and going on with one of them."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine.config import Config
from engine.errors import InvalidValue
from engine.spec import TopicSpec
from engine.words import _
from pages._frame.look import Look
from pages._frame.visit import Visit, put_values, remember
from pages._frame.weights import class_looks
from pages._frame.words import multiples_words

SWEEP = "sweep"
NONE = "none"
EVERY_LAYER = "units"
"""Stands for `units_1`, `units_2` …"""


def multiples_of(look: Look) -> dict[str, Any]:
    """What the panel of small surfaces needs."""
    setting = look.spec.config.settings()[SWEEP]
    return {
        "name": setting.label(getattr(look.config, SWEEP)),
        "classes": class_looks(),
        "choose": not {SWEEP, *names_of(look.spec, look.config)} & set(look.visit.fixed),
        "words": multiples_words(),
    }


def names_of(spec: TopicSpec, config: Config) -> list[str]:
    """The settings that a sweep varies."""
    settings = spec.config.settings()
    name = str(getattr(config, SWEEP, NONE))
    if name == EVERY_LAYER:
        return [n for n in settings if n.startswith(f"{EVERY_LAYER}_")]
    return [name] if name in settings else []


def variant_chosen(spec: TopicSpec, visit: Visit) -> None:
    """Go on with one variant: its value becomes the setting, and the sweep ends."""
    sent = st.session_state[f"{spec.name}.multiples"].get("chosen") or {}
    names = names_of(spec, visit.sent or spec.config())
    try:
        values = chosen_values(spec, names, sent.get("value"))
        spec.config.parse({**visit.values, **values})
    except InvalidValue as error:
        visit.message = error.message
        return
    remember(visit, _("settings"))
    put_values(spec, visit, values)


def chosen_values(spec: TopicSpec, names: list[str], value: Any) -> dict[str, Any]:
    """The settings that one variant stands for, from an untrusted value.

    Raises
    ------
    InvalidValue
        When there is no sweep, or the value is no number.
    """
    if not names or type(value) not in (int, float):
        raise InvalidValue.of("value", _("a value of the sweep"), str(value)[:40])
    whole = all(spec.config.settings()[n].kind == "int" for n in names)
    number = int(value) if whole and float(value).is_integer() else float(value)
    return {SWEEP: NONE} | dict.fromkeys(names, number)
