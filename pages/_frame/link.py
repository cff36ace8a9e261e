"""Links: settings in the URL, checked like any other input.

Streamlit's own `bind="query-params"` writes the translated labels of choices into the URL and
drops invalid values without a word; here links hold the settings' own names and values (other
than the defaults), are versioned, and say what is wrong with them. What is wrong loses only itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

import streamlit as st

from engine import service
from engine.challenges import Challenge
from engine.config import Config
from engine.errors import GalleryError, InvalidValue
from engine.spec import TopicSpec
from engine.words import _
from pages._frame.challenges import PART, found, start_values
from pages._frame.own_data import take_up
from pages._frame.visit import Visit, key, owner

CHALLENGE = "challenge"
RESERVED = ("run", "preset", "v", "lock", "hide", "present", CHALLENGE)
ECHO = 10.0
"""Seconds for which a browser may still send a URL that has been written over."""
OLD_LINKS = 50
BEYOND_SETTINGS = ("preset", "live")
"""What a classroom link may lock or hide besides settings."""
NAMED = 3
"""Unknown names that are repeated at most, each cut to `NAME_LENGTH` characters."""
NAME_LENGTH = 24


def parameters() -> dict[str, str]:
    """The URL's parameters, without those of embedding."""
    return {n: v for n, v in st.query_params.to_dict().items() if not n.startswith("embed")}


def open_link(spec: TopicSpec, asked: dict[str, str]) -> Visit:
    """The visit that the URL asks for.

    A wrong value stands in `message`, a name that nothing has in `notice`; the rest of the link
    holds.
    """
    visit = Visit(values=spec.config().model_dump(), link=asked)
    problems: list[str] = []
    if "run" in asked:
        try:
            _open_run(spec, visit, asked["run"])
        except GalleryError as error:
            problems.append(error.message)
    if not visit.shared:
        visit.values = _settings(spec, asked, problems).model_dump()
    _take_up_challenge(spec, visit, asked)
    if "run" not in asked:
        _take_up_run(spec, visit, asked)
    unknown = [n for n in asked if n not in RESERVED and n not in spec.config.settings()]
    unknown += _hold_fast(spec, visit, asked)
    visit.message = " ".join(problems)
    visit.notice = " ".join(filter(None, [visit.notice, ignored(spec, unknown)]))
    return visit


def ignored(spec: TopicSpec, names: list[str]) -> str:
    """One sentence on names in a link that are no settings; empty where there are none.

    Each comes with the setting that is called most like it, by name or by what the page calls it.
    """
    if not names:
        return ""
    settings = spec.config.settings()
    meant = {n: n for n in BEYOND_SETTINGS} | {_(s.title).lower(): n for n, s in settings.items()}
    meant |= {n: n for n in settings}
    told = []
    for name in names[:NAMED]:
        near = get_close_matches(name[:NAME_LENGTH].lower(), meant, n=1, cutoff=0.7)
        short = name if len(name) <= NAME_LENGTH else name[: NAME_LENGTH - 1] + "…"
        hint = " " + _("(did you mean {name}?)").format(name=meant[near[0]]) if near else ""
        told.append(short + hint)
    more = ", …" if len(names) > NAMED else ""
    text = _("Ignored in the link, because this page has no such setting: {names}.")
    return text.format(names=", ".join(told) + more)


def _take_up_challenge(spec: TopicSpec, visit: Visit, asked: dict[str, str]) -> None:
    """Open on a goal or question; a goal brings its settings, unless the link has some of its own.

    One that does not exist is ignored, and the visit says so.
    """
    name = asked.get(CHALLENGE, "")
    one = found(spec, name)
    if name and one is None:
        visit.notice = _("There is no such challenge here: {name}.").format(name=name[:40])
    if one is None:
        return
    visit.challenge = name
    st.session_state[key(spec, "below")] = PART
    settings = {"v", "run", "preset", *spec.config.settings()}
    if isinstance(one, Challenge) and not settings & asked.keys():
        visit.values = start_values(spec, name)


def _hold_fast(spec: TopicSpec, visit: Visit, asked: dict[str, str]) -> list[str]:
    """Take what a classroom link locks and hides; these settings keep the link's values.

    Returns
    -------
    list of str
        Names that nothing here has.
    """
    known = {*spec.config.settings(), *BEYOND_SETTINGS}
    named = {kind: set(filter(None, asked.get(kind, "").split(","))) for kind in ("lock", "hide")}
    held = (named["lock"] | named["hide"]) & known
    visit.unseen = frozenset(named["hide"] & known)
    visit.fixed = {n: visit.values.get(n) for n in sorted(held)}
    visit.presenter = asked.get("present") == "1"
    return sorted((named["lock"] | named["hide"]) - known)


def classroom_link(locked: Iterable[str], hidden: Iterable[str], presenter: bool) -> dict[str, str]:
    """Query parameters that lock and hide controls and enlarge the page."""
    wanted = {"lock": ",".join(sorted(locked)), "hide": ",".join(sorted(hidden))}
    return {n: v for n, v in {**wanted, "present": "1" if presenter else ""}.items() if v}


def challenge_link(spec: TopicSpec, visit: Visit) -> dict[str, str]:
    """Query parameters that take up the visit's goal or question with the settings of the link."""
    version = {} if visit.shared else {"v": str(spec.link_version)}
    return {CHALLENGE: visit.challenge, **version} if visit.challenge else {}


def _open_run(spec: TopicSpec, visit: Visit, run_id: str) -> None:
    """Show a saved run; its settings may be older than the topic's present ones."""
    run = service.current().store.summary(run_id, owner())
    if run.topic != spec.name:
        raise InvalidValue.of("run", _("a run of this page"), run_id)
    visit.shared = run.run
    take_up(spec, run.run)
    visit.values = spec.config.parse(run.config).model_dump()


def _take_up_run(spec: TopicSpec, visit: Visit, asked: dict[str, str]) -> None:
    """After a reload, or in a second tab: go on with what this visitor's run is doing."""
    run = service.current().manager.active_run(owner())
    if run is None or run.job.topic != spec.name:
        return
    if not asked or run.config.model_dump() == visit.values:
        visit.run, visit.sent, visit.values = run.id, run.config, run.config.model_dump()


def _settings(spec: TopicSpec, asked: dict[str, str], problems: list[str]) -> Config:
    """The settings of a link; what is wrong with a value goes into `problems`, in words."""
    version = asked.get("v", str(spec.link_version))
    old = next((old for known, old in spec.old_defaults.items() if str(known) == version), {})
    base: Mapping[str, Any] = {}
    try:
        base = spec.values(asked.get("preset"), {})
    except InvalidValue as error:
        problems.append(error.message)
    changes = {n: v for n, v in asked.items() if n in spec.config.settings()}
    try:
        return spec.config.parse({**old, **base, **changes})
    except InvalidValue as error:
        problems.append(error.message)
        wrong = {problem.field for problem in error.problems}
    return spec.config.parse({**old, **base, **{n: changes[n] for n in changes.keys() - wrong}})


def is_echo(visit: Visit, asked: dict[str, str]) -> bool:
    """Whether the URL is one that was written over a moment ago.

    A browser that moves a slider quickly sends the next change before it has heard of the new URL.
    """
    now = time.monotonic()
    return any(link == asked and now - until < ECHO for link, until in visit.old_links)


def write_link(spec: TopicSpec, visit: Visit, config: Config) -> None:
    """Let the URL say what the page shows: a shared run, or the settings that differ."""
    shown = {"run": visit.shared} if visit.shared else settings_link(spec, config)
    locked = visit.fixed.keys() - visit.unseen
    link = {**shown, **classroom_link(locked, visit.unseen, visit.presenter)}
    link |= challenge_link(spec, visit)
    if link != visit.link:
        visit.old_links = [*visit.old_links[-OLD_LINKS:], (visit.link, time.monotonic())]
    visit.link = link
    if parameters() != visit.link:
        st.query_params.from_dict(visit.link)


def settings_link(spec: TopicSpec, config: Config) -> dict[str, str]:
    """Query parameters that bring back these settings; none for the defaults."""
    preset = spec.matching_preset(config)
    by_name = preset is not None and preset is not spec.opening_preset()
    base = spec.config(**preset.values) if preset is not None else spec.config()
    usual = base.model_dump()
    changed = {n: str(v) for n, v in config.model_dump().items() if v != usual[n]}
    if by_name:
        changed = {"preset": preset.id, **changed}
    return {**changed, "v": str(spec.link_version)} if changed else {}
