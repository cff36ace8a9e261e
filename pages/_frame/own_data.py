"""The own data that a topic's settings refer to: the visitor's, or those of a shared run."""

from __future__ import annotations

from base64 import b64encode

import streamlit as st

from engine import service
from engine.config import Config
from engine.data.own import ALBUM, KINDS, OWN, TABLE, OwnData, digest, kind_of
from engine.errors import GalleryError, NotFound
from engine.spec import TopicSpec
from engine.words import N_, _
from pages._frame.own import current_data
from pages._frame.visit import key, owner

ATTACHMENT = "attached_own"

NONE_YET = {
    TABLE: N_("There is no table yet. Load one, or use the example."),
    ALBUM: N_("There are no pictures yet. Load some, or use the example."),
}
ELSEWHERE = {
    TABLE: N_(
        "These settings belong to somebody's own table, which a link does not hold. "
        "Upload the table, or ask for a link to the saved run."
    ),
    ALBUM: N_(
        "These settings belong to somebody's own pictures, which a link does not hold. "
        "Load the pictures, or ask for a link to the saved run."
    ),
}


def own_data_of(spec: TopicSpec, config: Config) -> OwnData | None:
    """The data with the digest that the settings name, if this session has them."""
    named = digest(config)
    if not named:
        return None
    held = (current_data(spec), st.session_state.get(key(spec, "run_own")))
    return next((data for data in held if data is not None and data.digest == named), None)


def take_up(spec: TopicSpec, run_id: str) -> None:
    """Have the own data of a run at hand: the visitor's own run, or one shared with its data."""
    st.session_state.pop(key(spec, "run_own"), None)
    kind = kind_of(spec.config.settings())
    if not kind:
        return
    try:
        payload = service.current().own_data(run_id, kind, owner())
        st.session_state[key(spec, "run_own")] = KINDS[kind](payload)
    except GalleryError:  # most runs have none
        pass


def lacks_data(config: Config) -> bool:
    """Whether the visitor's own data are chosen, but none have been loaded yet."""
    return getattr(config, "data", "") == OWN and not digest(config)


def lost(spec: TopicSpec, config: Config) -> bool:
    """Whether the settings name own data that are not here."""
    return bool(digest(config)) and own_data_of(spec, config) is None


def attached(spec: TopicSpec, config: Config) -> dict[str, str]:
    """The visitor's own data as jobs carry them, if the settings ask for some.

    Raises
    ------
    NotFound
        When they are not here: a link holds only their digest.
    """
    kind = kind_of(config.settings())
    if not kind or getattr(config, "data", "") != OWN:
        return {}
    data = own_data_of(spec, config)
    if data is None:
        raise NotFound(_((ELSEWHERE if digest(config) else NONE_YET)[kind]))
    return {kind: packed(data)}


def packed(data: OwnData) -> str:
    """Base64; one text for all runs of this session on the same data."""
    held = st.session_state.get(ATTACHMENT)
    if held is None or held[0] != data.digest:
        held = (data.digest, b64encode(data.pack()).decode("ascii"))
        st.session_state[ATTACHMENT] = held
    text: str = held[1]
    return text
