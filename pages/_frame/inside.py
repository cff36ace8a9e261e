"""Code and model: the actual source, the layers of the run on show, and its script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from engine import recordings, service, topics
from engine.config import Config
from engine.errors import GalleryError
from engine.spec import TopicSpec
from engine.topics.source import sources
from engine.words import _
from pages._frame.own_data import own_data_of
from pages._frame.visit import Visit, key, owner
from pages._frame.words import plain


def code_and_model(spec: TopicSpec, visit: Visit, config: Config) -> None:
    """Layer table first, then the source of what made it."""
    layers = started_of(spec, visit, config).get("layers")
    if layers:
        st.markdown(_("**Layers** (one sample through the model as trained)"))
        frame = layer_frame(layers)
        grouped = st.column_config.NumberColumn(format="localized")
        st.dataframe(
            frame,
            hide_index=True,
            width="stretch",
            height="content" if len(frame) <= MOST_ROWS else "auto",
            column_config=dict.fromkeys(frame.columns[-2:], grouped),
        )
    else:
        st.caption(_("Train once to see the layers of the model."))
    parts = {**sources(spec.name), SCRIPT: ""}
    chosen = st.segmented_control(
        _("Source"),
        list(parts),
        default=next(iter(parts)),
        required=True,
        format_func=lambda part: _("the whole run as a script") if part == SCRIPT else part,
        key=key(spec, "source"),
        label_visibility="collapsed",
    )
    try:
        source = parts[chosen] or topics.script(spec.name, config, own_data_of(spec, config))
        st.code(source, language="python", height=420, line_numbers=True)
    except GalleryError as error:
        st.info(plain(error.message))


SCRIPT = "script"
MOST_ROWS = 24
"""Of a table that is shown without a bar to scroll with."""


def started_of(spec: TopicSpec, visit: Visit, config: Config) -> Mapping[str, Any]:
    """What the run on show told when it began; nothing before it has."""
    try:
        if visit.run or visit.shared:
            return service.current().history(visit.run or visit.shared, owner()).started
    except GalleryError:
        return {}
    preset = spec.matching_preset(config)
    if preset is not None and preset.id in recordings.names(spec.name):
        return recordings.started(spec.name, preset.id)
    return {}


def layer_frame(layers: list[dict[str, Any]]) -> pd.DataFrame:
    """Layer table with a last row of sums."""
    frame = pd.DataFrame(layers)[["name", "type", "input", "output", "parameters", "flops"]]
    sums = {"name": _("in all"), "parameters": frame.parameters.sum(), "flops": frame.flops.sum()}
    frame = pd.concat([frame, pd.DataFrame([sums])], ignore_index=True).fillna("")
    frame.columns = [_("layer"), _("kind"), _("input"), _("output"), _("parameters"), _("FLOPs")]
    return frame
