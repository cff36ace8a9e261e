"""Presets: complete settings of published experiments, in a list."""

from __future__ import annotations

import streamlit as st

from engine import recordings
from engine.config import Config
from engine.spec import Preset, TopicSpec
from engine.words import _
from pages._frame import train
from pages._frame.visit import Visit, end_fork, key, put_values, remember

CUSTOM = ""
"""What the preset list shows when the settings are nobody's."""


def recorded(spec: TopicSpec, config: Config) -> Preset | None:
    """The preset with these settings, if it has a recording.

    Those that only change how a run is looked at may be others.
    """
    usual = spec.config()
    plain = config.model_copy(update={name: getattr(usual, name) for name in spec.afterwards})
    preset = spec.matching_preset(config) or spec.matching_preset(plain)
    return preset if preset and preset.id in recordings.names(spec.name) else None


def preset_list(spec: TopicSpec, visit: Visit, config: Config) -> None:
    """Presets; choosing one sets every control."""
    matching = spec.matching_preset(config)
    options = [CUSTOM, *(p.id for p in spec.presets)]
    st.session_state[key(spec, "preset")] = matching.id if matching else CUSTOM
    titles = {p.id: f"{p.id} · {_(p.title)}" for p in spec.presets} | {CUSTOM: _("Own settings")}
    st.selectbox(
        _("Preset"),
        options,
        format_func=titles.__getitem__,
        key=key(spec, "preset"),
        on_change=choose_preset,
        args=(spec, visit),
        label_visibility="collapsed",
        width=214,
        disabled="preset" in visit.fixed,
    )


def choose_preset(spec: TopicSpec, visit: Visit) -> None:
    """Set every control as the preset says, and show its recording until it is trained."""
    preset = spec.preset(st.session_state[key(spec, "preset")])
    if preset is None:
        return
    remember(visit, _("settings"))
    st.session_state.pop(key(spec, "view"), None)  # a preset opens on its main picture
    neutral = {n: st.session_state[key(spec, n)] for n in ("seed", "speed")}
    values = {**spec.config(**preset.values).model_dump(), **neutral}
    put_values(spec, visit, values)
    if recorded(spec, spec.config(**preset.values)):
        if train.active_run(visit) is not None:
            train.steer(visit, type="cancel")
        visit.run = visit.shared = ""
        visit.sent = None
        end_fork(visit)
