"""Transfer learning: a few pictures are enough for a network that has seen many others before."""

from pages._frame.page import show

show("transfer")
