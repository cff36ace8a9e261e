"""The table that a topic's settings refer to: the visitor's own, or that of a shared run."""

from __future__ import annotations

from base64 import b64encode

import streamlit as st

from engine import service
from engine.config import Config
from engine.data.tables import Table
from engine.errors import GalleryError
from engine.spec import TopicSpec
from pages._frame.own import current_table
from pages._frame.visit import key, owner

ATTACHMENT = "attached_table"


def table_of(spec: TopicSpec, config: Config) -> Table | None:
    """The table with the digest that the settings name, if this session has it."""
    digest = getattr(config, "table", "")
    if not digest:
        return None
    held = (current_table(spec), st.session_state.get(key(spec, "run_table")))
    return next((t for t in held if t is not None and t.digest == digest), None)


def take_up_table(spec: TopicSpec, run_id: str) -> None:
    """Have the table of a run at hand: the visitor's own run, or one that was shared with its table."""
    try:
        payload = service.current().table_of(run_id, owner())
        st.session_state[key(spec, "run_table")] = Table.unpack(payload)
    except GalleryError:  # most runs have none
        st.session_state.pop(key(spec, "run_table"), None)


def attachment(table: Table) -> str:
    """A table as jobs carry it; one text for all runs of this session on it."""
    held = st.session_state.get(ATTACHMENT)
    if held is None or held[0] != table.digest:
        held = (table.digest, b64encode(table.pack()).decode("ascii"))
        st.session_state[ATTACHMENT] = held
    text: str = held[1]
    return text
