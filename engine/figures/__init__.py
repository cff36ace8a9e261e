"""Shared plotly figures: our template, colours and the curves of a run. Data in, figure out."""

from engine.figures.theme import BLUE, CATEGORIES, ORANGE, blank, live

__all__ = ["BLUE", "CATEGORIES", "ORANGE", "blank", "live"]
