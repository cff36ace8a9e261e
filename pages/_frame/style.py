"""One stylesheet for the frame, sent once per page."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import streamlit as st


@cache
def _stylesheet() -> str:
    return f"<style>{Path(__file__).with_name('style.css').read_text()}</style>"


def apply_style() -> None:
    """Put the stylesheet into the page."""
    st.html(_stylesheet())
