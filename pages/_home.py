"""Home: what this is in a sentence, and a moving recorded picture for each topic."""

from __future__ import annotations

import random

import streamlit as st

from engine import recordings
from engine.spec import Preset, TopicSpec
from engine.words import _
from pages._frame.catalogue import with_page
from pages._frame.picture import figure_of, views_of
from pages._live import base_url, panel, recording_source

CARD_HEIGHT = 168
COLUMNS = 4


def card(spec: TopicSpec, preset: Preset, title: str, summary: str) -> None:
    """One linked card that plays the recording of a preset."""
    config = spec.config(**preset.values)
    panel(
        "card",
        recording_source(spec.name, preset.id, "loop"),
        key=f"card.{spec.name}.{preset.id}",
        figure=figure_of(spec.name, config),
        maps=views_of(spec.name, config)[0].panel == "maps",
        height=CARD_HEIGHT,
        title=title,
        summary=summary,
        label=_("A recorded run: {title}").format(title=title),
        href=f"{base_url()}{spec.name}?preset={preset.id}",
    )


def surprise() -> None:
    """Open any recorded run."""
    spec, preset = random.choice([(s, p) for s in with_page() for p in recorded(s)])
    st.switch_page(f"{spec.name}.py", query_params={"preset": preset.id})


def recorded(spec: TopicSpec) -> list[Preset]:
    """Presets with a recording, the one the page opens on first."""
    names = recordings.names(spec.name)
    presets = [p for p in spec.presets if p.id in names]
    return sorted(presets, key=lambda p: p is not spec.opening_preset())


with st.container(horizontal=True, vertical_alignment="bottom", key="hero"):
    with st.container(gap="small"):
        st.title(_("Watch neural networks learn."), anchor=False)
        st.markdown(
            _(
                "Live experiments in PyTorch. Change anything while it runs, see inside, send the link."
            )
        )
    if any(map(recorded, with_page())) and st.button(_("Surprise me"), type="primary"):
        surprise()

cards = [(s, p, _(s.title), _(s.summary)) for s in with_page() for p in recorded(s)[:1]]
cards += [
    (s, p, _(p.title), _("{topic}, run {id}").format(topic=_(s.title), id=p.id))
    for s in with_page()
    for p in recorded(s)[1:]
]
in_a_row = min(COLUMNS, max(3, len(cards)))
for start in range(0, len(cards), in_a_row):
    for column, entry in zip(st.columns(in_a_row), cards[start : start + in_a_row], strict=False):
        with column:
            card(*entry)
