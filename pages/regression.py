"""Regression: a line, then a curve, finds its points."""

from pages._frame.page import show

show("regression")
