"""What one script run shows: settings, data, the chosen view with its figure, and what it follows."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine.config import Config
from engine.data.own import OwnData
from engine.figures.view import View
from engine.spec import TopicSpec
from pages._frame.own_data import own_data_of
from pages._frame.picture import figure_of, views_of
from pages._frame.points import drawing_view, told
from pages._frame.preset import recorded
from pages._frame.visit import Visit, key
from pages._live import history_source, recording_source, run_source


class Look:
    """Made once the settings are read and runs begun.

    Attributes
    ----------
    source
        What the panels follow.
    own
        The visitor's own data, where the settings refer to some.
    views, view, figure
        The ways of looking there are, the one on show, and its figure.
    """

    def __init__(self, spec: TopicSpec, visit: Visit, config: Config) -> None:
        self.spec, self.visit, self.config = spec, visit, config
        self.source = source_of(spec, visit, config)
        self.own: OwnData | None = own_data_of(spec, config)
        self.views: tuple[View, ...] = views_of(spec.name, config, self.own)
        chosen = st.session_state.get(key(spec, "view"))
        self.view = next((v for v in self.views if v.name == chosen), self.views[0])
        if told(spec, config):
            self.view = drawing_view(self.views) or self.view  # there is nothing else to do yet
        self.figure = figure_of(spec.name, config, self.own, self.view.name)

    @property
    def ended(self) -> str:
        """The run on show, if it has ended and can be taken along; else nothing."""
        visit = self.visit
        return visit.shared or (visit.run if visit.run in visit.ended else "")


def source_of(spec: TopicSpec, visit: Visit, config: Config) -> dict[str, Any] | None:
    """What the panels follow: a shared run, the visit's run, a recording, or nothing yet."""
    if visit.shared:
        return history_source(visit.shared)
    if visit.run:
        return run_source(visit.run)
    preset = recorded(spec, config)
    return recording_source(spec.name, preset.id, "once") if preset else None
