"""The visitor's runs of a topic: a table to pin, restore and delete them, and what two of them say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from engine import service
from engine.comparing import shared_metric, verdict
from engine.errors import GalleryError
from engine.figures import CATEGORIES
from engine.spec import TopicSpec
from engine.words import _
from pages._frame.own import put_back
from pages._frame.own_data import take_up
from pages._frame.points import DRAWN
from pages._frame.train import PIN_LIMIT, active_run, steer
from pages._frame.visit import Visit, end_fork, key, owner, put_values, remember
from pages._frame.words import run_words
from pages._live import base_url, panel

ROWS = 30
"""Runs in the table, newest first."""
COLOURS = CATEGORIES[2:]
SHOWN_METRICS = 3


@dataclass(frozen=True)
class Entry:
    """What the table tells of one run."""

    run: str
    state: str
    time: float
    config: dict[str, Any]
    metrics: dict[str, float | None]


def entries(spec: TopicSpec) -> list[Entry]:
    """The visitor's ended runs, newest first, from memory and from the store."""
    current = service.current()
    held = [
        Entry(
            r.id,
            r.state,
            r.created,
            r.config.model_dump(),
            dict(r.log.history.final),
        )
        for r in current.manager.runs_of(owner())
        if r.job.topic == spec.name and not r.active
    ]
    known = {entry.run for entry in held}
    stored = [
        Entry(s.run, s.state, s.created.timestamp(), dict(s.config), dict(s.metrics))
        for s in current.store.runs_of(owner())
        if s.topic == spec.name and s.bytes and s.run not in known
    ]
    found = sorted(held + stored, key=lambda entry: -entry.time)
    return [entry for entry in found if entry.run not in current.bin][:ROWS]


def runs_table(spec: TopicSpec, visit: Visit) -> None:
    """The table, and a sentence on the two runs that are pinned or shown."""
    found = entries(spec)
    parent = visit.fork[0] if visit.fork else ""
    known = {entry.run for entry in found}
    visit.pins = [run for run in visit.pins if run in known or run == parent]
    pinned = [run for run in visit.pins if run in known]
    differing = differences(found)
    metrics = [m for m in spec.metrics if m.shown and any(m.name in e.metrics for e in found)]
    metrics = sorted(metrics, key=lambda m: not m.name.startswith(("test_", "val_")))[
        :SHOWN_METRICS
    ]
    panel(
        "runs",
        None,
        key=f"{spec.name}.runs",
        callbacks={"on_action_change": lambda: act(spec, visit)},
        heads=[_(m.title) for m in metrics],
        rows=[
            {
                "run": entry.run,
                "when": clock(entry.time),
                "settings": settings_text(spec, entry.config, differing),
                "metrics": [number(entry.metrics.get(m.name)) for m in metrics],
                "seconds": entry.metrics.get("seconds"),
                "seed": entry.config.get("seed", 0),
                "state": entry.state,
                "pinned": entry.run in pinned,
                "color": colour(visit, entry.run),
                "shown": entry.run in (visit.run, visit.shared),
            }
            for entry in found
        ],
        words=run_words(),
        limit=PIN_LIMIT,
        canUndo=bool(visit.undo and visit.undo[-1].run),
    )
    compared = [e for e in found if e.run in pinned or e.run == visit.run][:3]
    if len(compared) == 2 and (text := comparison(spec, *reversed(compared))):
        st.markdown(text)  # below: the table stays where it is


def clock(time: float) -> str:
    """The time of day where the visitor is."""
    zone = ZoneInfo(st.context.timezone) if st.context.timezone else None
    return f"{datetime.fromtimestamp(time, zone):%H:%M:%S}"


def differences(found: list[Entry]) -> list[str]:
    """Names of the settings that are not the same in all of these runs; `seed` has its own column."""
    names = dict.fromkeys(name for entry in found for name in entry.config)
    return [
        n
        for n in names
        if n not in ("seed", "speed") and len({str(e.config.get(n)) for e in found}) > 1
    ]


def settings_text(spec: TopicSpec, config: dict[str, Any], names: list[str]) -> str:
    """These settings of a run, those that matter beside its others, in words."""
    known = spec.config.settings()
    parts = []
    for name in names:
        setting = known.get(name)
        if name == DRAWN and config.get(name):
            parts.append(_("{count} points").format(count=len(config[name].split(";"))))
        if (
            setting is None
            or setting.hidden
            or not setting.shown({**spec.config().model_dump(), **config})
        ):
            continue
        value = config.get(name, setting.default)
        shown = setting.label(value) if setting.kind == "choice" else written(value)
        parts.append(f"{_(setting.title)} {shown}")
    return " · ".join(parts)


def written(value: Any) -> str:
    """The value of a setting that is no choice."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def number(value: float | None) -> str:
    """A figure with sensible digits; a dash where there is none."""
    return "–" if value is None else f"{value:.4g}"


def colour(visit: Visit, run: str) -> str:
    """The colour of a pinned run; none for others."""
    return COLOURS[visit.pins.index(run) % len(COLOURS)] if run in visit.pins else ""


def overlays(spec: TopicSpec, visit: Visit) -> list[dict[str, str]]:
    """What the panels draw over the run on show."""
    shown = [run for run in visit.pins if run not in (visit.run, visit.shared)]
    return [
        {
            "url": f"{base_url()}api/v1/runs/{run}/history",
            "title": title(spec, visit, run),
            "color": colour(visit, run),
        }
        for run in shown
    ]


def title(spec: TopicSpec, visit: Visit, run: str) -> str:
    """How a pinned run is called: by its number, or as the branch that a fork continues."""
    if visit.fork and visit.fork[0] == run:
        return _("before the fork")
    return _("run {letter}").format(letter="ABCDEF"[visit.pins.index(run)])


def comparison(spec: TopicSpec, first: Entry, second: Entry) -> str:
    """Whether two runs' metrics differ beyond seed noise; nothing where one of them has none."""
    names = differences([first, second])
    titles = tuple(
        _("the run with {settings}").format(
            settings=settings_text(spec, e.config, names) or _("the same settings")
        )
        for e in (first, second)
    )
    metric = shared_metric(spec.metrics, first.metrics, second.metrics)
    if metric is None:
        return ""
    values = []
    for entry in (first, second):
        end = service.current().history(entry.run, owner()).terminal or {"data": {}}
        values.append(end["data"].get("seeds", {}).get(metric.name, [entry.metrics[metric.name]]))
    return verdict(metric, titles, values)


def act(spec: TopicSpec, visit: Visit) -> None:
    """Carry out what was pressed in the table."""
    action = st.session_state[f"{spec.name}.runs"].get("action") or {}
    kind, run = action.get("kind"), str(action.get("run", ""))
    try:
        if kind == "undo":
            undo(spec, visit)
        elif kind == "unpin":
            visit.pins = [p for p in visit.pins if p != run]
        elif kind == "pin" and run not in visit.pins and len(visit.pins) < PIN_LIMIT:
            service.current().check_own(run, owner())
            visit.pins.append(run)
        elif kind == "restore":
            restore(spec, visit, run)
        elif kind == "delete":
            delete(visit, run)
    except GalleryError as error:
        visit.message = error.message


def restore(spec: TopicSpec, visit: Visit, run: str) -> None:
    """Set every control as it was in a run, and show that run."""
    service.current().check_own(run, owner())
    config = spec.config.parse(service.current().history(run, owner()).config)
    remember(visit, _("settings"))
    take_up(spec, run)
    end_fork(visit)
    if active_run(visit) is not None:
        steer(visit, type="cancel")
    put_values(spec, visit, config.model_dump())
    visit.run, visit.shared, visit.sent = run, "", config
    visit.ended.add(run)


def delete(visit: Visit, run: str) -> None:
    """Throw a run away; *Undo* brings it back for some minutes."""
    if active_run(visit) is not None and visit.run == run:
        return
    service.current().throw_away(run, owner())
    remember(visit, _("a run"), run=run)
    visit.pins = [p for p in visit.pins if p != run]
    if run in (visit.run, visit.shared):
        visit.run = visit.shared = ""


def undo(spec: TopicSpec, visit: Visit) -> None:
    """Bring back what was removed last: a run, or all settings as they were."""
    if not visit.undo:
        return
    removed = visit.undo.pop()
    if removed.own is not None:
        put_back(spec, removed.own)
    elif not removed.run:
        end_fork(visit)
        put_values(spec, visit, removed.settings)
    elif service.current().take_back(removed.run, owner()):
        visit.pins, (visit.run, visit.shared) = list(removed.pins), removed.shown
    else:
        visit.message = _("This run has been deleted for good meanwhile.")


def undo_button(spec: TopicSpec, visit: Visit) -> None:
    """Brings back what was removed last."""
    what = visit.undo[-1].what if visit.undo else ""
    st.button(
        _("Undo"),
        key=key(spec, "undo"),
        help=_("Brings back {what}.").format(what=what) if what else None,
        disabled=not visit.undo,
        on_click=undo,
        args=(spec, visit),
    )
