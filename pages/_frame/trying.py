"""Draw, or bring a picture: a network answers at once, and can be asked why."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine import service
from engine.data.decoding import MOST_BYTES, decode_fitted
from engine.data.tables import OWN
from engine.errors import GalleryError
from engine.spec import TopicSpec
from engine.topics import figures
from engine.words import _
from pages._frame.look import Look
from pages._frame.models import Asked, Rows, loaded, models, preselect, rows_of
from pages._frame.visit import key
from pages._frame.webcam import watch_words
from pages._frame.why import MODEL_WIDTH, can_ask, drawn_asked
from pages._frame.words import answer_words, pad_words, plain
from pages._live import base_url, panel

PART = "try"
HEIGHT = 380
TYPES = ["png", "jpg", "jpeg", "webp", "gif", "bmp"]
COLOURS = 3


def can_try(spec: TopicSpec) -> bool:
    """Whether the topic's models take drawings."""
    return hasattr(figures(spec.name), "pad")


def try_title(look: Look) -> str:
    """What the part is called beside these settings: photographs cannot be drawn."""
    drawn = figures(look.spec.name).pad(look.config) or getattr(look.config, "data", "") != OWN
    return _("Draw") if drawn else _("Try it")


def trying(look: Look) -> None:
    """Which model, then the pad, or a place for a picture where the model sees colours."""
    by_id = {model.id: model for model in models(look) if takes(look.spec, model)}
    if not by_id:
        st.info(_("Train first: then you can draw, or bring a picture of your own."))
        return
    preselect(look, "tried", by_id, figures(look.spec.name).tried_first(look.config))
    chosen = by_id[
        st.selectbox(
            _("Model"),
            list(by_id),
            format_func=lambda name: by_id[name].title,
            key=key(look.spec, "tried"),
            help=_("The run on show once it has ended, or a model that is shipped."),
            width=MODEL_WIDTH,
        )
    ]
    pad = figures(look.spec.name).pad(chosen.config)
    if pad:
        drawing(look, chosen, pad)
    else:
        bringing(look, chosen)


def takes(spec: TopicSpec, model: Asked) -> bool:
    """Whether a model takes drawings, or sees colours."""
    return model.size[2] == COLOURS or bool(figures(spec.name).pad(model.config))


def drawing(look: Look, model: Asked, pad: dict[str, Any]) -> None:
    """The pad; it asks straight from the browser."""
    words = pad_words()
    if not can_ask(look.spec):
        words["why"] = ""
    panel(
        "pad",
        None,
        key=f"{look.spec.name}.pad",
        callbacks={"on_asked_change": lambda: drawn_asked(look, model)},
        url=f"{base_url()}api/v1/{look.spec.name}/predict",
        model=model.id,
        height=HEIGHT,
        side=pad["side"],
        classes=pad["classes"],
        label=_("A pad to draw on"),
        words=words,
    )
    st.caption(plain(pad["about"]))


# Pictures in colour ------------------------------------------------------------------------------


def bringing(look: Look, model: Asked) -> None:
    """A file, a picture of the webcam or all that it sees, and what the model says to it."""
    way = came_from(look.spec)
    if way == "live":
        watching(look, model)
        about(model)
        return
    left, right = st.columns([1, 1], gap="medium")
    with left:
        payload, name = brought(look.spec, way)
        about(model)
    if payload is None:
        return
    with right:
        try:
            rows, shares = answered(look, model, payload, name)
        except GalleryError as error:
            st.error(plain(error.message), icon=":material/error:")
            return
        panel(
            "answer",
            None,
            key=f"{look.spec.name}.answer",
            callbacks={"on_asked_change": lambda: drawn_asked(look, model, "answer")},
            picture=rows,
            probabilities=shares,
            classes=list(model.classes),
            height=HEIGHT,
            words=answer_words(),
        )


def came_from(spec: TopicSpec) -> str:
    """Where a picture is to come from."""
    ways = {"file": _("Upload"), "camera": _("Webcam"), "live": _("Live")}
    way: str = st.segmented_control(
        _("Where from"),
        list(ways),
        default="file",
        format_func=ways.__getitem__,
        required=True,
        key=key(spec, "brought_from"),
        label_visibility="collapsed",
    )
    return way


def about(model: Asked) -> None:
    """What the model knows, and what it sees of a picture."""
    text = _("It knows: {names}. Of a picture it sees the middle, {side} × {side} pixels.")
    st.caption(plain(text.format(names=", ".join(model.classes), side=model.size[0])))


def watching(look: Look, model: Asked) -> None:
    """The webcam, and the answers to what it sees; the browser asks by itself."""
    panel(
        "watch",
        None,
        key=f"{look.spec.name}.watch",
        url=f"{base_url()}api/v1/{look.spec.name}/predict",
        model=model.id,
        side=model.size[0],
        classes=list(model.classes),
        height=HEIGHT,
        words=watch_words(),
    )


def brought(spec: TopicSpec, way: str) -> tuple[bytes | None, str]:
    """The picture that was uploaded or taken, and its name."""
    if way == "camera":
        given = st.camera_input(_("Take a picture"), key=key(spec, "camera"))
    else:
        given = st.file_uploader(
            _("A picture (at most {limit} MB)").format(limit=MOST_BYTES // 2**20),
            type=TYPES,
            max_upload_size=MOST_BYTES // 2**20,
            key=key(spec, "brought"),
        )
    return (given.getvalue(), given.name) if given is not None else (None, "")


def answered(look: Look, model: Asked, payload: bytes, name: str) -> tuple[Rows, list[float]]:
    """What a model sees of a file, and the probability of each class; the last is remembered.

    Raises
    ------
    GalleryError
        When it is no picture that we take, or nobody answers.
    """
    asked = (model.id, hash(payload))
    kept = st.session_state.get(f"{look.spec.name}.answered")
    if kept is None or kept[0] != asked:
        height, _width, channels = model.size
        rows = rows_of(decode_fitted(payload, height, channels, name=name).pixels)
        arguments = loaded(look, model).arguments
        answer = service.current().predictors.predict(look.spec.name, [rows], **arguments)
        kept = st.session_state[f"{look.spec.name}.answered"] = (
            asked,
            rows,
            answer["probabilities"][0],
        )
    return kept[1], kept[2]
