"""What `run --save` leaves in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from engine.history import History
from engine.words import _


def save_run(folder: Path, history: History, artifacts: Mapping[str, bytes]) -> None:
    """Write `history.json`, `history.csv` and the artifacts (`weights.safetensors`).

    Raises
    ------
    click.ClickException
        When the folder cannot be written.
    """
    files = {
        "history.json": history.to_json().encode(),
        "history.csv": history.to_csv().encode(),
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
