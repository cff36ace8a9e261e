"""The visitor's webcam: pictures of a class, taken while its button is held.

What arrives comes from a browser, so that nothing in it is believed: `recorded` hands on bytes that
begin like JPEGs, to be read as uploaded files are.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from engine.data.names import LABEL_LENGTH, label
from engine.errors import InvalidValue
from engine.spec import TopicSpec
from engine.words import _
from pages._frame.visit import key
from pages._frame.words import pad_words
from pages._live import panel

LEAST_SIDE = 64
"""Pixels of a side: in less nobody recognises what was held into a camera."""
FRAMES_LIMIT = 80
"""Pictures in one go: ten seconds of holding a button."""
FRAME_LIMIT = 256 * 1024
"""Characters of one picture as base64; one of 128 × 128 pixels has some 10,000."""
JPEG = b"\xff\xd8\xff"


def can_record(spec: TopicSpec) -> bool:
    """Whether the topic's pictures are large enough for what a webcam sees."""
    return spec.picture_side >= LEAST_SIDE


def webcam(
    spec: TopicSpec, counts: Mapping[str, int], taken: int, on_recorded: Callable[[], None]
) -> None:
    """Draw the panel.

    Parameters
    ----------
    counts
        How many pictures of each class there are.
    taken
        Another number after each recording that was dealt with: then the browser sends the next.
    on_recorded
        Called when there is something for `recorded`.
    """
    panel(
        "webcam",
        None,
        key=key(spec, "webcam"),
        callbacks={"on_recorded_change": on_recorded},
        classes=[{"name": name, "count": count} for name, count in counts.items()],
        side=spec.picture_side,
        most=FRAMES_LIMIT,
        longest=LABEL_LENGTH,
        taken=taken,
        words=webcam_words(),
    )


def recorded(spec: TopicSpec) -> tuple[str, list[tuple[str, bytes]]]:
    """The class that was recorded, and its pictures as files: names and contents.

    Raises
    ------
    InvalidValue
        When the browser sent anything else.
    """
    told = _sent(spec)
    if not isinstance(told, dict) or told.keys() != {"label", "frames"}:
        raise InvalidValue.of("recorded", _("a class and its pictures"), told)
    frames = told["frames"]
    if not isinstance(frames, list) or not 0 < len(frames) <= FRAMES_LIMIT:
        expected = _("1 to {limit} pictures").format(limit=FRAMES_LIMIT)
        raise InvalidValue.of("frames", expected, _size(frames))
    name = label(told["label"]) if isinstance(told["label"], str) else ""
    if not name:
        raise InvalidValue.of("label", _("the name of a class"), told["label"])
    return name, [(f"webcam {n}.jpg", _content(frame)) for n, frame in enumerate(frames, 1)]


def _sent(spec: TopicSpec) -> Any:
    """The value of the panel's trigger."""
    return st.session_state[key(spec, "webcam")].get("recorded")


def _size(frames: Any) -> object:
    return len(frames) if isinstance(frames, list) else frames


def _content(frame: Any) -> bytes:
    """One picture, not yet read."""
    try:
        content = base64.b64decode(frame, validate=True) if _fits(frame) else b""
    except (binascii.Error, ValueError):
        content = b""
    if not content.startswith(JPEG):
        raise InvalidValue.of("frames", _("pictures as base64 of a JPEG"), frame)
    return content


def _fits(frame: Any) -> bool:
    return isinstance(frame, str) and len(frame) <= FRAME_LIMIT


# Words -------------------------------------------------------------------------------------------


def camera_words() -> dict[str, str]:
    """The camera's buttons, and why there is no picture."""
    return {
        "camera": _("What the camera sees"),
        "start": _("Start camera"),
        "stop": _("Stop"),
        "other": _("Other camera"),
        "refused": _("The browser keeps the camera from this page. Allow it beside the address."),
        "absent": _("No camera was found. Connect one, or upload pictures."),
        "busy": _("The camera does not start. Another program may be using it: close that one."),
        "insecure": _("Browsers open a camera for addresses with https:// only. Upload pictures."),
    }


def webcam_words() -> dict[str, str]:
    """Recording pictures of classes."""
    return camera_words() | {
        "hint": _("Hold down a class while the camera sees it. Turn it, move it, come nearer."),
        "hold": _("Hold down to take pictures of {name}"),
        "first": _("Name a class, then hold it down while the camera sees it."),
        "name": _("New class"),
        "add": _("Add"),
        "done": _("Pictures of {name} taken: {count}."),
        "full": _("Pictures of {name} taken: {count}, as many as there can be in one go."),
        "notice": _(
            "Pictures are kept only while you hold down a class: in this server's memory, for your "
            "visit."
        ),
    }


def watch_words() -> dict[str, str]:
    """Answers to what the camera sees."""
    words = pad_words()
    told = {
        name: words[name] for name in ("nothing", "unknown", "answer", "unavailable", "offline")
    }
    return (
        camera_words()
        | told
        | {
            "rate": _("{count} answers a second"),
            "busy": _("Many are asking. Trying again …"),
        }
    )
