"""Regression: a line, then a curve, finds its points."""
