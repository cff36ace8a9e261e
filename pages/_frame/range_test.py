"""The learning-rate range test: a button, its curve, and the rate it suggests."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from engine import service
from engine.config import Config
from engine.errors import GalleryError
from engine.figures import BLUE, ORANGE, blank
from engine.spec import TopicSpec
from engine.words import _
from pages._frame.own_data import attached
from pages._frame.visit import Visit, key, put_values, remember
from pages._frame.words import plain

RATE = "learning_rate"


def range_test(spec: TopicSpec, visit: Visit, config: Config) -> None:
    """Try rates from tiny to huge on a fresh model, show the loss of each, offer the best."""
    st.markdown(
        _(
            "Trains a fresh model for a moment while the rate grows from tiny to huge (Smith 2017). "
            "A good rate lies where the loss falls fastest, well before it rises."
        )
    )
    if st.button(_("Test learning rates"), key=key(spec, "range_test")):
        try:
            found = service.current().predictors.range_test(
                spec.name, config.model_dump(), attached(spec, config)
            )
            st.session_state[key(spec, "range")] = found
        except GalleryError as error:
            st.error(plain(error.message))
            return
    found = st.session_state.get(key(spec, "range"))
    if found is None:
        return
    st.plotly_chart(figure(found), key=key(spec, "range_figure"), config={"displayModeBar": False})
    st.button(
        _("Use {rate:.2g}").format(rate=found["suggestion"]),
        type="primary",
        key=key(spec, "range_use"),
        on_click=use,
        args=(spec, visit, found["suggestion"]),
    )


def use(spec: TopicSpec, visit: Visit, rate: float) -> None:
    """Set the suggested rate, rounded to two digits."""
    remember(visit, _("settings"))
    put_values(spec, visit, {RATE: float(f"{rate:.2g}")})


def figure(found: dict[str, Any]) -> go.Figure:
    """Loss by rate, with a line at the suggestion."""
    drawn = blank(
        height=260,
        xaxis={"type": "log", "title": {"text": _("learning rate")}, "exponentformat": "power"},
        yaxis={"type": "log", "title": {"text": _("loss")}},
    )
    drawn.add_scatter(
        x=found["rate"], y=found["loss"], mode="lines", line={"color": BLUE, "width": 2}
    )
    drawn.add_vline(x=found["suggestion"], line={"color": ORANGE, "dash": "dot"})
    return drawn
