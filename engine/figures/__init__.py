"""Shared plotly figures: our template, colours and the curves of a run. Data in, figure out."""

from engine.figures.theme import (
    BLUE,
    CATEGORIES,
    CLASS_COLORS,
    CLASS_SYMBOLS,
    GREY,
    ORANGE,
    blank,
    faded,
    live,
)
from engine.figures.view import View

__all__ = [
    "BLUE",
    "CATEGORIES",
    "CLASS_COLORS",
    "CLASS_SYMBOLS",
    "GREY",
    "ORANGE",
    "View",
    "blank",
    "faded",
    "live",
]
