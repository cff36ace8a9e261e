"""Classification: a boundary bends until every class has its place."""

from pages._frame.page import show

show("classification")
