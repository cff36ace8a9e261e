"""A standalone script as a Jupyter notebook (nbformat 4.5)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

MARKER = re.compile(r"^# %%(?!%)[ \t]*(.*)\n", re.M)
"""The line that begins a cell, as editors know it; a heading may follow."""

DOCSTRING = re.compile(r'\A"""(.*?)"""\s*\Z', re.S)


def notebook(script: str, title: str) -> str:
    """A notebook whose code cells, joined, are `script`.

    The text before the first `# %%` becomes the introduction if it is a docstring; a marker's
    heading and the comment lines right below it become the words above the cell's code.

    Returns
    -------
    str
        JSON that Jupyter opens (nbformat 4.5).
    """
    before, *parts = MARKER.split(script)
    cells = [_markdown(f"# {title}"), *_introduction(before)]
    for heading, body in zip(parts[::2], parts[1::2], strict=True):
        cells += _cell(heading, body)
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    python = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": python, "language_info": {"name": "python"}}
    whole = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def _introduction(before: str) -> Iterator[dict[str, Any]]:
    docstring = DOCSTRING.match(before)
    if docstring:
        yield _markdown(docstring[1].strip())
    elif before.strip():
        yield _code(before.strip("\n"))


def _cell(heading: str, body: str) -> Iterator[dict[str, Any]]:
    """The words of one cell, if it has any, and its code."""
    lines = body.strip("\n").split("\n")
    count = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    comment = "\n".join(line.removeprefix("#").removeprefix(" ") for line in lines[:count])
    words = [f"## {heading.strip()}"] if heading.strip() else []
    words += [comment] if comment else []
    if words:
        yield _markdown("\n\n".join(words))
    code = "\n".join(lines[count:]).strip("\n")
    if code:
        yield _code(code)


def _markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def _code(source: str) -> dict[str, Any]:
    empty: dict[str, Any] = {"execution_count": None, "outputs": []}
    return {"cell_type": "code", "metadata": {}, "source": source, **empty}
