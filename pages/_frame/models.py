"""Models that pictures can be shown to: the run on show once it has ended, and those shipped."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from engine import service
from engine.api.predictions import Model, checkpoint_model, run_model
from engine.config import Config
from engine.data import pictures
from engine.data.own_albums import OwnAlbum
from engine.data.pictures import Album
from engine.data.tables import OWN
from engine.errors import GalleryError
from engine.words import _
from pages._frame.look import Look
from pages._frame.own_data import own_data_of
from pages._frame.serving import cards
from pages._frame.visit import key, owner

Size = tuple[int, int, int]
"""Height, width and channels of a picture."""
Rows = list[Any]
"""A picture as rows of pixels from 0 to 255; of three numbers each where it has colours."""


@dataclass(frozen=True)
class Asked:
    """A model that can be asked: its id, its title, and the settings it learned with.

    Attributes
    ----------
    size
        Of the pictures that it sees.
    classes
        Names, translated.
    """

    id: str
    title: str
    config: Config
    size: Size
    classes: tuple[str, ...]


def models(look: Look) -> list[Asked]:
    """The run on show first, if it has left a model, then the shipped models."""
    spec = look.spec
    shown = run_on_show(look)
    found = [shown] if shown is not None else []
    for card in cards(spec.name):
        config = spec.config.parse(card.config)
        size = size_of(data_of(config))
        if size:
            classes = tuple(map(_, card.classes))
            found.append(Asked(card.name, _(card.title), config, size, classes))
    return found


def run_on_show(look: Look) -> Asked | None:
    """The model that the run on show has left; None where there is no run, or it came to nothing."""
    history = service.current().history(look.ended, owner()) if look.ended else None
    if history is None or history.terminal is None or history.terminal["type"] != "done":
        return None
    told = history.started["arrays"]
    title = _("the run on show ({run})").format(run=look.ended[:8])
    config = look.spec.config.parse(history.config)
    own = data_of(config) == OWN  # whose names nobody translates
    classes = tuple(told["classes"] if own else map(_, told["classes"]))
    return Asked(look.ended, title, config, tuple(told["image"]), classes)


def preselect(look: Look, name: str, choices: Collection[str], wanted: str) -> None:
    """Have a list of models begin with the run on show, else with the one `wanted`.

    It begins anew with each run that has ended, and with other data.
    """
    chosen = key(look.spec, name)
    settled = st.session_state.get(key(look.spec, f"{name}_for")) == on_show(look)
    if not settled or st.session_state.get(chosen) not in choices:
        first = (look.ended, wanted, *choices)
        st.session_state[chosen] = next(model for model in first if model in choices)
    settle(look, name)


def settle(look: Look, name: str) -> None:
    """What is chosen in that list now stays, until a run has ended or the data are others."""
    st.session_state[key(look.spec, f"{name}_for")] = on_show(look)


def on_show(look: Look) -> tuple[str, str]:
    """The run and the data that a choice of a model was made for."""
    return look.ended, data_of(look.config)


def data_of(config: Config) -> str:
    """The data of these settings; the shipped model that learned from them has their name."""
    return str(getattr(config, "data", ""))


def size_of(data: str) -> Size | None:
    """Of the pictures of that name, which need not be here; None where nobody knows."""
    if data == "digits":
        return pictures.DIGITS_SIDE, pictures.DIGITS_SIDE, 1
    copies = pictures.COPIES.get(data)
    return copies[0].shape if copies else None


def pictures_of(look: Look, config: Config) -> Album:
    """The pictures that these settings name.

    Raises
    ------
    GalleryError
        When they are not here: a page waits for no download.
    """
    data = data_of(config)
    own = own_data_of(look.spec, config) if data == OWN else None
    if isinstance(own, OwnAlbum):
        return own.album()
    if data == OWN or not pictures.at_hand(data):
        raise GalleryError(_("These pictures are not on this machine."), field="data")
    return pictures.album(data)


def loaded(look: Look, model: Asked) -> Model:
    """How predictors load a model."""
    if model.id == look.ended:
        return run_model(look.spec.name, model.id, owner())
    return checkpoint_model(look.spec.name, model.id)


def rows_of(pixels: np.ndarray) -> Rows:
    """A picture (H, W), (H, W, 1) or (H, W, 3) as rows."""
    found: Rows = np.asarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels).tolist()
    return found


def size_of_rows(rows: Rows) -> Size:
    """The inverse of what `rows_of` loses."""
    pixel = rows[0][0]
    return len(rows), len(rows[0]), len(pixel) if isinstance(pixel, list) else 1
