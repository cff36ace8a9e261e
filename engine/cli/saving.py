"""What `run --save` leaves in a folder."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from engine.history import History
from engine.words import _

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings that make a spreadsheet take a text for a formula."""


def save_run(folder: Path, history: History, artifacts: Mapping[str, bytes]) -> None:
    """Write `history.json`, `history.csv` and the artifacts (`weights.safetensors`).

    Raises
    ------
    click.ClickException
        When the folder cannot be written.
    """
    files = {
        "history.json": history.to_json().encode(),
        "history.csv": to_csv(history).encode(),
        **artifacts,
    }
    for name, payload in files.items():
        path = folder / name
        try:
            beside = path.with_name(f".{name}.new")
            beside.write_bytes(payload)
            beside.replace(path)
        except OSError as error:
            text = _("{path} could not be written: {reason}.")
            raise click.ClickException(text.format(path=path, reason=error.strerror)) from None


def to_csv(history: History) -> str:
    """The metric columns by step; empty cells where a metric was not measured."""
    text = io.StringIO()
    writer = csv.writer(text)
    for row in [history.metrics, *zip(*history.metrics.values(), strict=True)]:
        writer.writerow([escaped(cell) for cell in row])
    return text.getvalue()


def escaped(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula; numbers stay numbers."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
