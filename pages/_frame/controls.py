"""Controls made from the fields of a topic's `Config`."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import streamlit as st

from engine.config import Setting
from engine.data.own import ALBUM, OWN, TABLE, kind_of
from engine.spec import TopicSpec
from engine.words import _
from pages._frame.own_pictures import own_pictures
from pages._frame.own_table import own_table
from pages._frame.visit import Visit, key, remember_own

SEGMENTS = 3
"""Choices up to this many stand side by side; more go into a list."""
TOO_LONG_FOR_A_SLIDER = 10**6
"""Steps from one end to the other; more are typed in."""
IN_THE_BAR = ("speed",)
OWN_PARTS = {TABLE: own_table, ALBUM: own_pictures}
"""What loads the visitor's own data of each kind."""
BELOW = {"augmentation": "Augmentation"}
"""Groups of settings whose controls stand in a part below the picture while that is open."""


def settings_card(spec: TopicSpec, visit: Visit) -> None:
    """The essential controls by group, the others behind *More settings*."""
    below = BELOW.get(st.session_state.get(key(spec, "below"), ""))
    away = {*IN_THE_BAR, *visit.unseen}
    settings = [s for s in spec.config.settings().values() if s.name not in away and not s.hidden]
    settings = [s for s in settings if s.group != below]
    shown = [s for s in settings if s.shown(visit.values)]
    group = None
    for setting in (s for s in shown if s.essential):
        if setting.group != group:
            group = setting.group
            st.markdown(f"**{_(group)}**")
        hidden = setting.title == setting.group  # the heading says it already
        control(spec, visit, setting, label_visibility="collapsed" if hidden else "visible")
        if setting.name == "data" and visit.values["data"] == OWN:
            OWN_PARTS[kind_of(spec.config.settings())](spec, visit, remember_own)
    more = st.expander(_("More settings"), key=key(spec, "more"), on_change="rerun")
    if more.open:
        with more:
            for setting in (s for s in shown if not s.essential):
                control(spec, visit, setting)


def control(spec: TopicSpec, visit: Visit, setting: Setting, **options: Any) -> None:
    """One control; its value lives in the session state under `key(spec, name)`.

    The last valid value is the widget's default: Streamlit falls back to it when a forged frame
    brings a value out of range.
    """
    last = visit.values[setting.name]
    visit.controls[setting.name] = True
    visit.drawn.add(setting.name)
    common = {
        "label": _title(setting),
        "key": key(spec, setting.name),
        "help": _(setting.help),
        "disabled": setting.name in visit.fixed,
        **options,
    }
    if setting.kind == "choice" and len(setting.choices) <= SEGMENTS:
        st.segmented_control(
            options=setting.choices,
            format_func=setting.label,
            required=True,
            default=last,
            **common,
        )
    elif setting.kind == "choice":
        index = setting.choices.index(last)
        st.selectbox(options=setting.choices, index=index, format_func=setting.label, **common)
    elif setting.kind == "bool":
        st.toggle(value=last, **common)
    elif setting.scale == "log":
        ladder = _ladder(setting, last)
        st.select_slider(options=ladder, value=last, format_func=_number, **common)
    else:
        high = max(setting.slider_high, last)
        limits = {"min_value": setting.low, "max_value": high, "step": setting.step}
        steps = (high - setting.low) / setting.step  # type: ignore[operator]
        widget = st.number_input if steps > TOO_LONG_FOR_A_SLIDER else st.slider
        widget(value=last, **limits, **common)


def _title(setting: Setting) -> str:
    title = _(setting.title)
    return f"{title} ({setting.unit})" if setting.unit else title


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


@lru_cache(maxsize=512)
def _ladder(setting: Setting, value: float) -> list[float]:
    """1, 2, 5, 10, … within the range, and the value itself where it lies between."""
    number = int if setting.kind == "int" else float
    low, high = number(setting.low), number(setting.slider_high)  # type: ignore[arg-type]
    rungs = {low, high, value}
    for exponent in range(-12, 13):
        for digit in (1, 2, 5):
            rung = float(f"{digit}e{exponent}")
            if low <= rung <= high and (number is float or rung.is_integer()):
                rungs.add(number(rung))
    return sorted(rungs)
