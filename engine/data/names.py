"""Names from an untrusted file, made fit to be shown, kept apart and listed."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from engine.data.tables import NAME_LIMIT
from engine.words import _

LABEL_LENGTH = 60
"""Characters kept of a column's name and of a category; both fit into a feature's name."""
NAMED = 5
"""Columns or lines that a message names; the others are counted."""


def clean(text: str) -> str:
    """The text on one line, of printable characters, without stray spaces."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(text.split())


def label(text: str) -> str:
    """A name or category on one line, of printable characters, cut to a sensible length."""
    found = clean(text[:1000])
    return found if len(found) <= LABEL_LENGTH else found[: LABEL_LENGTH - 1] + "…"


def written(name: str) -> str:
    """A name from an untrusted table as plotly's texts take it: they read tags and placeholders."""
    return escape(name, quote=False).replace("%{", "%&#123;")


def unused(name: str, taken: set[str]) -> str:
    """`name`, or `name (2)`, `name (3)`, … : the first that is not taken; it is taken then."""
    found, number = name[:NAME_LIMIT], 1
    while found in taken:
        number += 1
        suffix = f" ({number})"
        found = name[: NAME_LIMIT - len(suffix)] + suffix
    taken.add(found)
    return found


def listed(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    text = ", ".join(f"“{name}”" for name in names[:NAMED])
    if len(names) > NAMED:
        text += " " + _("and {count:,} more").format(count=len(names) - NAMED)
    return text
