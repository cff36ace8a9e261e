"""Augmentation: one training picture as the network gets to see it under the present settings."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from engine import service
from engine.errors import GalleryError
from engine.events import decode_array
from engine.spec import TopicSpec
from engine.words import _
from pages._frame.controls import BELOW, control
from pages._frame.look import Look
from pages._frame.own_data import attached, lacks_data
from pages._frame.visit import key
from pages._frame.words import plain

PART = "augmentation"
NEEDED = ("flip", "rotate", "cutout", "shown")
"""Settings by which a topic that changes its pictures is known."""
GROUPS = ("Data", "Augmentation")
"""Settings that the picture and its versions depend on, beside the seed."""
SIDE = 96
"""Pixels of a side; each pixel of the data becomes a square of whole ones."""
GAP = 3
"""Pixels around each."""


def can_preview(spec: TopicSpec) -> bool:
    """Whether the topic learns from pictures that it changes."""
    return spec.config.settings().keys() >= set(NEEDED)


def augmentation(look: Look) -> None:
    """The settings that change pictures, and what they make of one."""
    pictures, controls = st.columns([5, 2], gap="large")  # on a narrow screen pictures come first
    with controls:
        for setting in look.spec.config.settings().values():
            seen = setting.name not in look.visit.unseen and setting.shown(look.visit.values)
            if setting.group == BELOW[PART] and seen:
                control(look.spec, look.visit, setting)
    with pictures:
        versions(look)


def versions(look: Look) -> None:
    """The picture as it is, and changed in a dozen ways; made anew when a setting changes it."""
    if lacks_data(look.config):
        st.info(_("Load your own pictures first."))
        return
    try:
        found = previewed(look)
    except GalleryError as error:
        st.info(plain(error.message))
        return
    (picture,) = enlarged(decode_array(found["picture"])[None])
    changed = enlarged(decode_array(found["versions"]))
    if len(changed):
        text = _(
            "A training picture, and twelve of the ways in which the network gets to see it; each "
            "time it comes up, chance draws another. *Picture shown* chooses a different one."
        )
    else:
        text = _(
            "Nothing is changed yet: the network sees each training picture as it is. Move a "
            "slider to see what it does."
        )
    st.markdown(text)
    caption = _("{name}, as it is").format(name=_(found["label"]))
    st.image(picture, caption=plain(caption), output_format="PNG")
    if len(changed):
        st.image(list(changed), output_format="PNG")


def previewed(look: Look) -> dict[str, Any]:
    """What a warm worker makes of the settings; the last answer of a visit is remembered.

    Raises
    ------
    GalleryError
        When the pictures are not here, or no worker answers.
    """
    spec, config = look.spec, look.config
    settings = spec.config.settings()
    names = [n for n, s in settings.items() if s.group in GROUPS or n == "seed"]
    asked = [getattr(config, name) for name in names]
    name = key(spec, "preview")
    kept = st.session_state.get(name)
    if kept is None or kept[0] != asked:
        predictors = service.current().predictors
        found = predictors.preview(spec.name, config.model_dump(), attached(spec, config))
        kept = st.session_state[name] = (asked, found)
    answer: dict[str, Any] = kept[1]
    return answer


def enlarged(pictures: np.ndarray) -> np.ndarray:
    """Pictures (n, H, W, 1 or 3) with sharp pixels and clear edges: (n, H', W', 4)."""
    count, height, width, _channels = pictures.shape
    opaque = np.full((count, height, width, 1), 255, np.uint8)
    colours = np.broadcast_to(pictures, (count, height, width, 3))
    times = max(1, SIDE // width)
    large = np.concatenate([colours, opaque], axis=3).repeat(times, axis=1).repeat(times, axis=2)
    return np.pad(large, ((0, 0), (GAP, GAP), (GAP, GAP), (0, 0)))
