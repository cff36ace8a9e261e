"""Weights that the visitor changes by hand on the picture of the network."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine.errors import GalleryError
from engine.figures import CLASS_COLORS, CLASS_SYMBOLS
from engine.jobs.forking import LARGEST_WEIGHT, checked_edits
from engine.spec import TopicSpec
from engine.topics import figures
from engine.words import _
from pages._frame import train
from pages._frame.look import Look
from pages._frame.visit import Visit
from pages._frame.words import network_words


def network_of(look: Look) -> dict[str, Any]:
    """What the network panel needs: the data's points, colours and symbols, words."""
    return {
        "points": figures(look.spec.name).points(look.config, look.own),
        "classes": class_looks(),
        "edit": editable(look),
        "words": network_words() | {"range": allowed()},
    }


def allowed() -> str:
    """What a weight may be, said beside one that may not."""
    return _("Not set: a weight is a number from −{most:,.0f} to {most:,.0f}.").format(
        most=LARGEST_WEIGHT
    )


def class_looks() -> list[dict[str, str]]:
    """Colour and symbol of every class."""
    pairs = zip(CLASS_COLORS, CLASS_SYMBOLS, strict=True)
    return [{"color": color, "symbol": symbol} for color, symbol in pairs]


def editable(look: Look) -> str:
    """`"run"` where a change reaches a run, `"local"` where it stays on the screen, else nothing."""
    if not look.spec.edits_weights(look.config):
        return ""
    return "run" if look.visit.run or look.visit.shared else "local"


def weight_edited(spec: TopicSpec, visit: Visit) -> None:
    """A weight was changed: tell the run, or fork one that has ended from the step on show."""
    sent = st.session_state[f"{spec.name}.network"].get("edited") or {}
    run, step = str(sent.get("run", "")), sent.get("step")
    if not run or type(step) is not int or run not in (visit.run, visit.shared):
        return
    try:
        edits = checked_edits({str(sent.get("index")): sent.get("value")})
    except GalleryError as error:
        visit.message = error.message
        return
    active = train.active_run(visit)
    if active is None or run != visit.run:
        train.fork_here(spec, visit, run, step, edits)
        return
    if visit.fork and active.state == "paused" and at_its_beginning(active, visit.fork[1]):
        visit.edits = {**visit.edits, **edits}  # what Reset goes back to
    train.steer(visit, type="edit", values=edits)


def at_its_beginning(run: Any, step: int) -> bool:
    """Whether a fork still stands where it began."""
    steps = run.log.history.metrics["step"]
    return not steps or steps[-1] == step
