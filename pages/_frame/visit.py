"""What one browser session knows of one topic page, and who the visitor is."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from engine import service
from engine.api.owner import owner_of, trusted_address
from engine.config import Config
from engine.errors import InvalidValue
from engine.spec import TopicSpec
from pages._frame.guard import take_message


@dataclass
class Visit:
    """State of a topic page in one session.

    Attributes
    ----------
    run
        The run shown: the visitor's own, or ""; `sent` are its settings as last sent.
    shared
        A saved run that the page was opened on.
    values
        Settings as last seen, so that hidden controls and other pages lose nothing.
    message
        What went wrong, in words; shown once.
    polling
        The run whose event stream the browser could not open.
    ended
        Runs that have ended and can be shared.
    link
        The URL's parameters as last written.
    """

    values: dict[str, Any]
    run: str = ""
    sent: Config | None = None
    shared: str = ""
    message: str = ""
    polling: str = ""
    ended: set[str] = field(default_factory=set)
    link: dict[str, str] = field(default_factory=dict)


def key(spec: TopicSpec, name: str) -> str:
    """Session-state key of a control."""
    return f"{spec.name}.{name}"


def visit_of(spec: TopicSpec) -> Visit:
    """This session's visit of the page; made from the URL when it is new, here or in the URL."""
    from pages._frame.link import open_link, parameters

    name = f"{spec.name}.visit"
    visit: Visit | None = st.session_state.get(name)
    asked = parameters()
    if visit is None or (asked and asked != visit.link):
        visit = st.session_state[name] = open_link(spec, asked)
        put_values(spec, visit, visit.values)
    for setting, value in visit.values.items():
        st.session_state.setdefault(key(spec, setting), value)
    return visit


def read_config(spec: TopicSpec, visit: Visit) -> Config:
    """The configuration that the controls ask for; a hidden control counts as its default.

    A value that is not allowed (a forged one) is put back to what it was, and `visit.message`
    says so. Streamlit forgets controls that were not shown; the visit remembers them.
    """
    settings = spec.config.settings()
    visit.message = take_message(owner()) or visit.message
    values = {n: st.session_state.get(key(spec, n), visit.values[n]) for n in settings}
    try:
        spec.config.parse(values)
    except InvalidValue as error:
        visit.message = error.message
        values |= {p.field: visit.values[p.field] for p in error.problems}
        put_values(spec, visit, values)
    visit.values.update(values)
    hidden = {n: s.default for n, s in settings.items() if not s.shown(values)}
    return spec.config.parse({**values, **hidden})


def put_values(spec: TopicSpec, visit: Visit, values: dict[str, Any]) -> None:
    """Set controls; only at the start of a script run or in a callback."""
    visit.values.update(values)
    for name, value in values.items():
        st.session_state[key(spec, name)] = value


def owner() -> str:
    """The visitor: from the signed cookie, or (no cookies) known for this session only."""
    if "owner" not in st.session_state:
        st.session_state["owner"] = owner_of(st.context.cookies) or secrets.token_hex(16)
    name: str = st.session_state["owner"]
    return name


def address() -> str:
    """The visitor's network address; empty where it is not known."""
    forwarded = st.context.headers.get("X-Forwarded-For")
    return trusted_address(st.context.ip_address or "", forwarded)


@st.cache_resource(scope="session", on_release=lambda name: _depart(name), show_spinner=False)
def _present(name: str) -> str:
    service.current().manager.arrive(name)
    return name


def _depart(name: str) -> None:
    service.current().manager.depart(name)


def be_present() -> None:
    """Tell the JobManager that this tab is open; it is told too when the session goes."""
    _present(owner())
