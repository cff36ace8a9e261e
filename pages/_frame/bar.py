"""One row of everything that steers: train, step, reset, speed, preset, live, status, share."""

from __future__ import annotations

import streamlit as st

from engine.spec import TopicSpec
from engine.words import _
from pages._frame import train
from pages._frame.controls import control
from pages._frame.look import Look
from pages._frame.preset import preset_list
from pages._frame.runs import undo_button
from pages._frame.share import share_menu
from pages._frame.take import take_menu
from pages._frame.visit import Visit, key
from pages._frame.words import status_words
from pages._live import panel


def bar(look: Look) -> None:
    """Train or pause, step, reset, speed, preset, live, undo, status, export, share."""
    spec, visit = look.spec, look.visit
    run = train.active_run(visit)
    state = run.state if run is not None else "ended"
    label, icon = {
        "paused": (_("Go on"), ":material/play_arrow:"),
        "queued": (_("Waiting"), ":material/hourglass_top:"),
        "running": (_("Pause"), ":material/pause:"),
    }.get(state, (_("Train"), ":material/play_arrow:"))
    arguments = (spec, visit)
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="bar"):
        st.button(
            label,
            icon=icon,
            type="primary",
            key="bar_main",
            on_click=train.press_main,
            args=arguments,
            disabled=state == "queued",
        )
        st.button(_("Step"), key="bar_step", on_click=train.press_step, args=arguments)
        st.button(_("Reset"), key="bar_reset", on_click=train.press_reset, args=arguments)
        speed = spec.config.settings()["speed"]
        if "speed" not in visit.unseen:
            control(spec, visit, speed, label_visibility="collapsed", width=120)
        if "preset" not in visit.unseen:
            preset_list(spec, visit, look.config)
        if "live" not in visit.unseen:
            st.toggle(
                _("Live"),
                key=key(spec, "live"),
                help=_("On: a changed setting trains again at once."),
                disabled="live" in visit.fixed,
            )
        undo_button(spec, visit)
        with st.container(key="bar_status"):
            panel(
                "status",
                look.source,
                key=f"{spec.name}.status",
                callbacks={
                    "on_begun_change": lambda: None,
                    "on_ended_change": lambda: run_ended(spec, visit),
                    "on_polling_change": lambda: stream_blocked(spec, visit),
                },
                words=status_words(),
                told=visit.run in visit.ended,
            )
        take_menu(look)
        share_menu(spec, visit, look.config)


def run_ended(spec: TopicSpec, visit: Visit) -> None:
    """The one rerun at the end of a run: it can be shared now.

    The visitor did not ask for it, and may still be reading.
    """
    visit.notice = visit.notice or visit.said
    ended = st.session_state[f"{spec.name}.status"].get("ended")
    if isinstance(ended, str) and ended == visit.run:
        visit.ended.add(ended)


def stream_blocked(spec: TopicSpec, visit: Visit) -> None:
    """The browser could not open the run's event stream: poll instead."""
    visit.polling = str(st.session_state[f"{spec.name}.status"].get("polling") or "")
