"""Architecture: the network as a row of blocks that can be looked at and edited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from engine.errors import GalleryError
from engine.spec import TopicSpec
from engine.topics import figures
from engine.words import _
from pages._frame.look import Look
from pages._frame.visit import Visit, key, put_values, remember
from pages._frame.words import blocks_words
from pages._live import panel

PART = "blocks"
LARGEST_ID = 1_000_000_000


def has_blocks(spec: TopicSpec) -> bool:
    """Whether the topic's networks are put together from blocks."""
    return hasattr(figures(spec.name), "layers_of")


def architecture(look: Look) -> None:
    """The editor; every architecture can be looked at in it."""
    spec = look.spec
    layers = figures(spec.name).layers_of(look.config, look.own)
    panel(
        "blocks",
        None,
        key=panel_key(spec),
        callbacks={"on_changed_change": lambda: blocks_changed(look)},
        answered=st.session_state.get(key(spec, "blocks_answered"), 0),
        held=held(look.visit),
        words=blocks_words(),
        **layers,
    )


def panel_key(spec: TopicSpec) -> str:
    """Session-state key of the panel; that of the setting `blocks` is another."""
    return key(spec, "editor")


def held(visit: Visit) -> str:
    """Why the architecture may not be changed; empty where it may."""
    if {"architecture", "blocks"} & visit.fixed.keys():
        return _("The link that this page was opened with holds the architecture fast.")
    return ""


def blocks_changed(look: Look) -> None:
    """Take over what was chosen or built, once it is known to be possible."""
    spec, visit = look.spec, look.visit
    sent = st.session_state[panel_key(spec)].get("changed")
    if not isinstance(sent, Mapping):
        return
    answer(spec, sent.get("id"))
    if held(visit):
        return
    try:
        values: dict[str, Any] = figures(spec.name).with_layers(
            look.config, sent.get("name"), sent.get("text", ""), look.own
        )
    except GalleryError as error:
        visit.message = error.message
        return
    if any(visit.values.get(name) != value for name, value in values.items()):
        remember(visit, _("the architecture"))
        put_values(spec, visit, values)


def answer(spec: TopicSpec, number: object) -> None:
    """Let the editor know that this change has been dealt with, whatever came of it."""
    if type(number) is int and 0 < number < LARGEST_ID:
        st.session_state[key(spec, "blocks_answered")] = number
