"""One stylesheet for the frame, sent once per page."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import streamlit as st

CARDS = {"light": "#ffffff", "dark": "#161a20"}


@cache
def _stylesheet(card: str) -> str:
    rules = Path(__file__).with_name("style.css").read_text()
    return f"<style>:root {{ --gallery-card: {card}; }}\n{rules}</style>"


def apply_style() -> None:
    """Put the stylesheet into the page, with the card's ground in the theme that is chosen."""
    st.html(_stylesheet(CARDS.get(st.context.theme.type or "light", CARDS["light"])))


def presenter_style() -> None:
    """Larger type, for a projector."""
    st.html(f"<style>{Path(__file__).with_name('presenter.css').read_text()}</style>")
