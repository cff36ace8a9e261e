"""What one browser session knows of one topic page, and who the visitor is."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from engine import service
from engine.api.owner import owner_of, trusted_address
from engine.config import Config
from engine.data.own import OWN, kind_of
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
    controls
        Settings whose controls have been on the page, and whether they still are; `drawn` are
        those of this script run.
    message, notice
        What went wrong, and what else is worth saying, in words; shown once. `said` is the notice
        that was shown last.
    polling
        The run whose event stream the browser could not open.
    ended
        Runs that have ended and can be shared.
    link
        The URL's parameters as last written; `old_links` those before, and until when they were.
    fork
        The run and the step that the next runs go on from; `edits` are the weights that were set by
        hand there.
    pins
        Runs drawn over the one on show.
    undo
        What was removed last, newest at the end.
    fixed
        Settings that a classroom link holds fast, by name; `unseen` are not even shown.
    own_digest
        The digest of the visitor's own data when the settings last followed them.
    presenter
        Whether a classroom link asks for large type.
    challenge
        The goal or question that is taken up, or "".
    """

    values: dict[str, Any]
    controls: dict[str, bool] = field(default_factory=dict)
    drawn: set[str] = field(default_factory=set)
    run: str = ""
    sent: Config | None = None
    shared: str = ""
    message: str = ""
    notice: str = ""
    said: str = ""
    polling: str = ""
    ended: set[str] = field(default_factory=set)
    link: dict[str, str] = field(default_factory=dict)
    old_links: list[tuple[dict[str, str], float]] = field(default_factory=list)
    fork: tuple[str, int] | None = None
    edits: dict[str, float] = field(default_factory=dict)
    pins: list[str] = field(default_factory=list)
    undo: list[Removed] = field(default_factory=list)
    fixed: dict[str, Any] = field(default_factory=dict)
    unseen: frozenset[str] = frozenset()
    own_digest: str | None = None
    presenter: bool = False
    challenge: str = ""


@dataclass(frozen=True)
class Removed:
    """Something that can be brought back: all `settings` by name, a deleted `run`, or `own` data.

    With a run, `pins` and the run on show come back too.
    """

    what: str
    settings: dict[str, Any] = field(default_factory=dict)
    pins: tuple[str, ...] = ()
    shown: tuple[str, str] = ("", "")
    run: str = ""
    own: Any = None


UNDO_LIMIT = 50
UNDO_OWN = 2
"""Own data among them: each may take some 30 MB."""


def key(spec: TopicSpec, name: str) -> str:
    """Session-state key of a control."""
    return f"{spec.name}.{name}"


def visit_of(spec: TopicSpec) -> Visit:
    """This session's visit of the page; made from the URL when it is new, here or in the URL."""
    from pages._frame.link import is_echo, open_link, parameters

    name = f"{spec.name}.visit"
    visit: Visit | None = st.session_state.get(name)
    asked = parameters()
    if visit is None or (asked and asked != visit.link and not is_echo(visit, asked)):
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
    forget_stale(spec, visit)
    visit.message = take_message(owner()) or visit.message
    values = {n: st.session_state.get(key(spec, n), visit.values[n]) for n in settings}
    values |= {n: value for n, value in visit.fixed.items() if n in settings}
    if kind := kind_of(settings):
        values[kind] = own_digest(spec, visit, values, kind)
    try:
        spec.config.parse(values)
    except InvalidValue as error:
        visit.message = error.message
        values |= {p.field: visit.values[p.field] for p in error.problems}
        put_values(spec, visit, values)
    visit.values.update(values)
    hidden = {n: s.default for n, s in settings.items() if not s.shown(values)}
    return spec.config.parse({**values, **hidden})


def forget_stale(spec: TopicSpec, visit: Visit) -> None:
    """Browsers go on sending what a control said that is no longer shown: it no longer counts."""
    for name, here in visit.controls.items():
        if not here:
            st.session_state[key(spec, name)] = visit.values[name]


def own_digest(spec: TopicSpec, visit: Visit, values: dict[str, Any], kind: str) -> str:
    """The digest of the own data that count: those chosen last, by their controls or with a run."""
    from pages._frame.own import current_data

    held = str(visit.values[kind])
    if values.get("data") != OWN:
        visit.own_digest = None
        return ""
    data = current_data(spec)
    chosen = data.digest if data is not None else ""
    if chosen == (visit.own_digest or ""):
        return held
    followed, visit.own_digest = visit.own_digest, chosen
    # Where they were removed, the settings name none; what a run brought meanwhile stays.
    return chosen if chosen or held == followed else held


def remember(visit: Visit, what: str, **removed: Any) -> None:
    """Keep the settings as they are (and a run or own data that are removed now) for *Undo*."""
    shown = (visit.run, visit.shared)
    visit.undo.append(Removed(what, dict(visit.values), tuple(visit.pins), shown, **removed))
    own = [entry for entry in visit.undo if entry.own is not None]
    for old in own[:-UNDO_OWN]:
        visit.undo.remove(old)
    del visit.undo[:-UNDO_LIMIT]


def end_fork(visit: Visit) -> None:
    """Let the next run start from scratch again, without the branch before the fork."""
    if visit.fork:
        visit.pins = [run for run in visit.pins if run != visit.fork[0]]
    visit.fork, visit.edits = None, {}


def remember_own(visit: Visit, removed: Any) -> None:
    """Keep the visitor's own data as they were (`own.Loaded`), for *Undo*."""
    remember(visit, removed.title, own=removed)


def put_values(spec: TopicSpec, visit: Visit, values: dict[str, Any]) -> None:
    """Set controls; only at the start of a script run or in a callback."""
    values = {**values, **{n: v for n, v in visit.fixed.items() if n in values}}
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
    service.current().page_drawn()
    _present(owner())
