"""Cells of a program, and how their source is laid out (torch-free)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import fill, indent
from typing import NamedTuple

WIDTH = 94
"""Columns that comments and long lists take."""


class Cell(NamedTuple):
    """A part of the script: a heading, a sentence or two, and code."""

    title: str
    words: str
    code: str

    def written(self) -> str:
        """The cell as editors and the notebook know it."""
        words = f"{comment(self.words)}\n" if self.words else ""
        return f"\n\n# %% {self.title}\n{words}{self.code}\n"

    def inside(self, depth: int) -> str:
        """The cell within so many loops, where no cell can begin."""
        words = f"{self.title}. {self.words}".strip()
        return f"{comment(words, WIDTH - 4 * depth)}\n{self.code}"


NOTHING = Cell("", "", "")
"""A cell that this run has no need of; it is left out."""


def comment(words: str, width: int = WIDTH) -> str:
    return fill(words, width, initial_indent="# ", subsequent_indent="# ", break_long_words=False)


def function(head: str, body: str) -> str:
    return f"def {head}:\n{indent(body, '    ')}"


def apart(*parts: str) -> str:
    """Functions and classes with two empty lines between them."""
    return "\n\n\n".join(parts)


def indented(lines: Iterable[str]) -> list[str]:
    return [indent(line, "    ") for line in lines]


def wrapped(numbers: Sequence[float]) -> str:
    """A list in lines of readable length."""
    text = f"[{', '.join(map(str, numbers))}]"
    if len(text) < 86:
        return text
    inside = fill(text[1:-1], 92, initial_indent="    ", subsequent_indent="    ")
    return f"[\n{inside},\n]"
