"""Ask why: one picture, one model, and several ways to see how the answer came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import numpy as np
import streamlit as st

from engine.config import Config
from engine.data.pictures import Album
from engine.errors import GalleryError
from engine.events import encode_image
from engine.spec import TopicSpec
from engine.topics import figures
from engine.words import _
from pages._frame.look import Look
from pages._frame.models import (
    Asked,
    Rows,
    Size,
    data_of,
    models,
    pictures_of,
    preselect,
    rows_of,
    settle,
    size_of_rows,
)
from pages._frame.samples import Chosen, frame_at, history_of
from pages._frame.visit import key
from pages._frame.words import map_words, why_words
from pages._live import base_url, panel

PART = "why"
HEIGHT = 420
MODEL_WIDTH = 400
CONVOLUTION = "conv"
"""What the names of convolutions begin with, whose maps can be made step by step."""


@dataclass(frozen=True)
class Question:
    """A picture that somebody asks about.

    Attributes
    ----------
    picture
        Its rows.
    about
        What it is, in words.
    label
        The class that it really is, where that is known.
    begin
        What is looked at first: `method`, and of a convolution `stage` and `channel`.
    token
        Another one for each click, so that the browser knows a new question.
    """

    picture: Rows
    about: str
    label: int | None = None
    begin: dict[str, Any] = field(default_factory=dict)
    token: int = 0

    @property
    def size(self) -> Size:
        """Height, width, channels."""
        return size_of_rows(self.picture)


def can_ask(spec: TopicSpec) -> bool:
    """Whether the topic's models explain themselves."""
    return find_spec(f"engine.topics.{spec.name}.explain") is not None


# Asking: callbacks of what shows pictures --------------------------------------------------------


def ask(look: Look, question: Question, model: str = "") -> None:
    """Open the part with a picture; `model` is the one that it was shown to, if one was."""
    spec = look.spec
    token = st.session_state.get(key(spec, "why_token"), 0) + 1
    st.session_state[key(spec, "why_token")] = token
    st.session_state[key(spec, "why_question")] = Question(**{**vars(question), "token": token})
    st.session_state[key(spec, "below")] = PART
    if model:
        st.session_state[key(spec, "why_model")] = model
        settle(look, "why_model")


def sent(look: Look, name: str, trigger: str) -> dict[str, Any]:
    """What the browser sent with a trigger of the panel of that name."""
    found: dict[str, Any] = st.session_state[f"{look.spec.name}.{name}"].get(trigger) or {}
    return found


def shown_asked(look: Look) -> None:
    """The picture in *Inside*: its button, or one of its maps."""
    chosen = sent(look, "maps", "chosen")
    stage, channel = chosen.get("stage"), chosen.get("channel")
    begin: dict[str, Any] = {}
    if isinstance(stage, str) and type(channel) is int:
        if not stage.startswith(CONVOLUTION):
            return
        begin = {"method": "convolution", "stage": stage, "channel": channel}
    try:
        number = shown_number(look)
        if number is not None:
            ask(look, numbered(look, config_of(look), number, begin), look.ended)
    except GalleryError as error:
        look.visit.message = error.message


def numbered_asked(look: Look, name: str) -> None:
    """A picture of the data set, in the panel of that name: a mistake, or one of a cell."""
    number = sent(look, name, "asked").get("number")
    if type(number) is not int:
        return
    try:
        ask(look, numbered(look, config_of(look), number), look.ended)
    except GalleryError as error:
        look.visit.message = error.message


def alike_asked(look: Look, model: Asked) -> None:
    """One of the training pictures that look alike to the model."""
    asked = sent(look, "why", "asked")
    number, method = asked.get("number"), asked.get("method")
    if type(number) is not int:
        return
    begin = {"method": method} if isinstance(method, str) else {}
    try:
        ask(look, numbered(look, model.config, number, begin), model.id)
    except GalleryError as error:
        look.visit.message = error.message


def drawn_asked(look: Look, model: Asked, name: str = "pad") -> None:
    """A drawing, or a picture of the visitor's."""
    picture = sent(look, name, "asked").get("picture")
    if is_picture(picture, model.size):
        about = _("your drawing") if name == "pad" else _("your picture")
        ask(look, Question(picture, about), model.id)


def is_picture(rows: Any, size: Size) -> bool:
    """Whether the browser sent rows of pixels of that size."""
    try:
        pixels = np.asarray(rows, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return False
    expected = size if size[2] > 1 else size[:2]
    return pixels.shape == expected and bool(((pixels >= 0) & (pixels <= 255)).all())


def numbered(
    look: Look, config: Config, number: int, begin: Mapping[str, Any] | None = None
) -> Question:
    """A picture of the data that these settings name.

    Raises
    ------
    GalleryError
        When the pictures are not here, or there is no such number.
    """
    pictures = pictures_of(look, config)
    if not 0 <= number < len(pictures.labels):
        raise GalleryError(_("There is no picture {number}.").format(number=number))
    label = int(pictures.labels[number])
    picture = rows_of(pictures.pixels[number])
    return Question(picture, about_number(pictures, number), label, dict(begin or {}))


def about_number(pictures: Album, number: int) -> str:
    """Which picture it is, and whether its publishers mean it for training; each part from 0."""
    if pictures.training == len(pictures.labels):
        return _("Picture {number:,}").format(number=number)
    if number < pictures.training:
        return _("Training picture {number:,}").format(number=number)
    return _("Test picture {number:,}").format(number=number - pictures.training)


def config_of(look: Look) -> Config:
    """Settings of the run on show."""
    history = history_of(look)
    return look.spec.config.parse(history.config) if history else look.config


def shown_number(look: Look) -> int | None:
    """The picture that *Inside* shows last."""
    history = history_of(look)
    frame = frame_at(history, "inside", None) if history else None
    number = (frame or {"data": {}})["data"].get("number")
    return number if type(number) is int else None


# The part itself ---------------------------------------------------------------------------------


def why(look: Look) -> None:
    """Which model, then the picture and what there is to see."""
    spec = look.spec
    question: Question | None = st.session_state.get(key(spec, "why_question"))
    everything = models(look)
    able = [model for model in everything if question is None or model.size == question.size]
    if not everything or (question is not None and not able):
        st.info(waiting(look, question))
        return
    by_id = {model.id: model for model in everything}
    preselect(look, "why_model", by_id, data_of(look.config))
    if by_id[st.session_state[key(spec, "why_model")]] not in able:
        st.session_state[key(spec, "why_model")] = able[0].id
    with st.container(horizontal=True, vertical_alignment="bottom", key="why_bar"):
        model = by_id[
            st.selectbox(
                _("Model"),
                list(by_id),
                format_func=lambda name: by_id[name].title,
                key=key(spec, "why_model"),
                on_change=model_changed,
                args=(look, by_id),
                help=_("The run on show once it has ended, or a model that is shipped."),
                width=MODEL_WIDTH,
            )
        ]
        st.button(
            _("Another picture"),
            key=key(spec, "why_other"),
            on_click=another,
            args=(look, model),
            icon=":material/shuffle:",
        )
        if question is not None and question.label is not None and (other := stands_in(look)):
            st.caption(other)
    question = question or first_question(look, model)
    if question is None:
        st.info(_("Draw or upload a picture, or click one above: then ask why."))
        return
    panel(
        "why",
        None,
        key=f"{spec.name}.why",
        callbacks={"on_asked_change": lambda: alike_asked(look, model)},
        url=f"{base_url()}api/v1/{spec.name}/explain",
        model=model.id,
        picture=question.picture,
        about=question.about,
        label=question.label,
        asked=question.token,
        begin=question.begin,
        classes=list(model.classes),
        ways=ways_of(spec),
        height=HEIGHT,
        words=why_words(),
        maps=map_words(),
    )


def ways_of(spec: TopicSpec) -> list[str] | None:
    """The ways that the topic's models can be asked in; None: all."""
    found = getattr(figures(spec.name), "WAYS", None)
    return list(found) if found is not None else None


def waiting(look: Look, question: Question | None) -> str:
    """Why no model can be asked yet."""
    if look.visit.run and not look.ended:
        return _("The network is still learning: ask it once it has ended.")
    if question is None:
        return _("Train first: only a model that has learned can be asked.")
    return _("No model here has learned pictures of this size. Train one on them first.")


def stands_in(look: Look) -> str:
    """Why it is not the network on show that answers; empty where that can be chosen."""
    if look.ended or look.source is None:
        return ""
    if look.visit.run:
        return _("The network on show is still learning: a shipped one answers.")
    return _("The run on show is recorded, without its weights: a shipped network answers.")


def model_changed(look: Look, by_id: Mapping[str, Asked]) -> None:
    """A model that sees other pictures is asked about one of its own."""
    spec = look.spec
    question: Question | None = st.session_state.get(key(spec, "why_question"))
    model = by_id[st.session_state[key(spec, "why_model")]]
    if question is not None and model.size != question.size:
        st.session_state[key(spec, "why_question")] = first_question(look, model)


def first_question(look: Look, model: Asked) -> Question | None:
    """What is asked before somebody asks: the picture in *Inside*, or the first one for tests."""
    try:
        if model.id == look.ended and (number := shown_number(look)) is not None:
            return numbered(look, model.config, number)
        return numbered(look, model.config, first_test(pictures_of(look, model.config)))
    except GalleryError:
        return None


def first_test(pictures: Album) -> int:
    """The first picture that is meant for tests, or the very first."""
    return pictures.training % len(pictures.labels)


def another(look: Look, model: Asked) -> None:
    """Some picture that the model was not trained on, where its data tell which."""
    try:
        pictures = pictures_of(look, model.config)
        some = np.random.default_rng().integers(first_test(pictures), len(pictures.labels))
        ask(look, numbered(look, model.config, int(some)), model.id)
    except GalleryError as error:
        look.visit.message = error.message


# Pictures of a cell ------------------------------------------------------------------------------


def cell_sheet(look: Look, chosen: Chosen) -> None:
    """The pictures of a cell of the confusion matrix; each can be asked about."""
    cell = chosen.cell
    if not cell.rows:
        return
    height, width = cell.pictures.shape[1:3]
    count = len(cell.rows)
    sheet = np.concatenate(list(cell.pictures), axis=1)
    panel(
        "mistakes",
        None,
        key=f"{look.spec.name}.cell_sheet",
        callbacks={"on_asked_change": lambda: numbered_asked(look, "cell_sheet")},
        kind="",
        height=0,
        label=_("Pictures of this cell"),
        words={
            "as": _("{actual} as {predicted}, {percent}"),
            "none": "",
            "why": _("Ask why"),
        },
        classes=list(map(_, chosen.classes)),
        mistakes={
            **encode_image(sheet),
            "columns": count,
            "count": count,
            "height": height,
            "width": width,
            "index": list(cell.rows),
            "actual": [chosen.actual] * count,
            "predicted": [chosen.predicted] * count,
            "confidence": [round(p, 3) for p in cell.confidence],
        },
    )
