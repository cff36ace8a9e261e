"""The script of a recorded run: its settings, its table, and what was changed while it trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine import topics
from engine.data.tables import Table
from engine.errors import NotFound
from engine.history import History
from engine.words import _


def script_of(history: History, table: bytes | None = None) -> str:
    """A standalone program that ends on the final metrics of this run.

    Parameters
    ----------
    table
        The visitor's own table, if the run was trained on one (`Table.pack`).

    Raises
    ------
    NotFound
        When there is none: for a fork, a run whose weights were set by hand, a topic without
        scripts, data that is too large or gone.
    """
    if reason := unscripted(history):
        raise NotFound(reason)
    notes = [note for note in history.notes if note.get("set")]
    config = topics.topic(history.topic).config.parse(_begun_with(history, notes))
    changes = tuple((note["step"], note["set"]) for note in notes)
    unpacked = None if table is None else Table.unpack(table)
    return topics.script(history.topic, config, unpacked, changes)


def unscripted(history: History) -> str:
    """Why no program can end on this run's metrics, in words; empty where one can."""
    if not topics.has_script(history.topic):
        return _("Runs of this page cannot be taken along as a program yet; all else can.")
    if history.fork is not None:
        return _(
            "A fork goes on from another run's weights, so it has no script of its own. "
            "The run it was forked from has one."
        )
    if any(note.get("edit") for note in history.notes):
        return _(
            "Weights of this run were set by hand while it trained, so it has no script. "
            "Train the same settings again without that, and that run has one."
        )
    return ""


def _begun_with(history: History, notes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The settings at step 0; a record's `config` has those at the end."""
    config = dict(history.config)
    for note in reversed(notes):
        config |= note.get("was", {})
    return config
