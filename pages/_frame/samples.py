"""The rows behind a cell of a figure: clicked in the picture, or chosen from two lists."""

from __future__ import annotations

from dataclasses import dataclass
from html import unescape
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from engine import recordings, service
from engine.errors import GalleryError
from engine.history import History
from engine.topics import samples
from engine.words import _
from pages._frame.look import Look
from pages._frame.own_data import own_data_of
from pages._frame.points import drawing_view
from pages._frame.preset import recorded
from pages._frame.visit import key, owner
from pages._frame.words import plain

TABLE_ROWS = 50
THUMBNAIL = 84
"""Pixels of a side; each pixel of the data becomes a square of whole ones."""


@dataclass(frozen=True)
class Chosen:
    """A cell that was asked for, with what it held then.

    Attributes
    ----------
    source
        What the panels followed.
    cell
        The topic's answer: see `engine/samples.py`.
    """

    source: dict[str, Any] | None
    actual: int
    predicted: int
    step: int
    classes: tuple[str, ...]
    cell: Any


def cell_clicked(look: Look) -> None:
    """A cell of the picture was clicked."""
    sent = st.session_state[f"{look.spec.name}.picture"].get("cell") or {}
    actual, predicted, step = (sent.get(name) for name in ("actual", "predicted", "step"))
    known = sent.get("run") in (look.visit.run or look.visit.shared, "")
    if not (known and type(actual) is int and type(predicted) is int):
        return
    choose(look, actual, predicted, step if type(step) is int else None)


def cell_listed(look: Look) -> None:
    """A cell was chosen from the lists."""
    actual, predicted = (st.session_state.get(name) for name in list_keys(look))
    if type(actual) is int and type(predicted) is int:
        choose(look, actual, predicted, None)


def choose(look: Look, actual: int, predicted: int, step: int | None) -> None:
    """Look up the rows of a cell, as the run saw them at `step` (None: last)."""
    topic = samples(look.spec.name)
    try:
        history = history_of(look)
        frame = frame_at(history, look.view.kind, step) if history else None
        if topic is None or history is None or frame is None:
            return
        config = look.spec.config.parse(history.config)
        told = history.started["arrays"]
        own = own_data_of(look.spec, config)
        cell = topic.of_cell(config, own, told, frame["data"], actual, predicted)
    except GalleryError as error:
        look.visit.message = error.message
        return
    classes = tuple(told["architecture"]["classes"])
    chosen = Chosen(look.source, actual, predicted, frame["step"], classes, cell)
    st.session_state[key(look.spec, "cell")] = chosen
    for name, value in zip(list_keys(look), (actual, predicted), strict=True):
        st.session_state[name] = value


def history_of(look: Look) -> History | None:
    """The record of what is on show: a run, or a recording."""
    spec, visit = look.spec, look.visit
    if visit.run or visit.shared:
        return service.current().history(visit.run or visit.shared, owner())
    preset = recorded(spec, look.config)
    return recordings.load(spec.name, preset.id) if preset else None


def frame_at(history: History, kind: str, step: int | None) -> dict[str, Any] | None:
    """The last frame of a kind up to a step, or the first one."""
    frames = sorted((f for f in history.frames if f["kind"] == kind), key=lambda f: f["step"])
    reached = [f for f in frames if step is None or f["step"] <= step]
    return (reached or frames[:1] or [None])[-1]


# What is shown -----------------------------------------------------------------------------------


def chosen_of(look: Look) -> Chosen | None:
    """The cell that was asked for, while the same run is on show."""
    chosen: Chosen | None = st.session_state.get(key(look.spec, "cell"))
    return chosen if chosen is not None and chosen.source == look.source else None


def marked(look: Look) -> dict[str, Any]:
    """Points to be ringed in the picture: those of the cell, where the rows are points."""
    chosen = chosen_of(look)
    if chosen is None or not chosen.cell.plane or look.view is not drawing_view(look.views):
        return {}
    x, y = chosen.cell.values.T.tolist()
    return {"marked": {"x": x, "y": y}}


def samples_card(look: Look) -> None:
    """The rows of a cell in a card of their own; nothing where the figure has no cells."""
    names, chosen = cell_names(look), chosen_of(look)
    if names is None and not (chosen and marked(look)):
        return
    with st.container(border=True, key="card_samples"):
        if names:
            lists(look, names)
        if chosen is None:
            st.caption(_("Click a cell to see what is in it, or choose it here."))
            return
        st.caption(plain(about(chosen)))
        if chosen.cell.pictures is not None:
            pictures(look, chosen)
        elif chosen.cell.rows:
            st.dataframe(
                frame_of(chosen),
                hide_index=True,
                width="stretch",
                column_config={
                    _("confidence"): st.column_config.NumberColumn(format="percent"),
                },
            )
        st.button(_("Close"), key=key(look.spec, "cell_close"), on_click=close, args=(look,))


def cell_names(look: Look) -> list[str] | None:
    """Names of the classes, if the figure has cells that can be asked for."""
    if samples(look.spec.name) is None:
        return None
    traces = look.figure.get("data", ())
    cells = next((t for t in traces if (t.get("meta") or {}).get("cells")), None)
    if cells is None:
        return None
    chosen = chosen_of(look)
    if cells.get("x"):
        return [unescape(name) for name in cells["x"]]  # plotly takes names as HTML
    return list(chosen.classes if chosen else ())


def list_keys(look: Look) -> tuple[str, str]:
    """Session-state keys of the two lists."""
    return key(look.spec, "cell_actual"), key(look.spec, "cell_predicted")


def lists(look: Look, names: list[str]) -> None:
    """Actual and predicted class, for those who cannot click."""
    titles = (_("Samples of: actual"), _("predicted"))
    with st.container(horizontal=True, key="cell_lists"):
        for title, name in zip(titles, list_keys(look), strict=True):
            if st.session_state.get(name) not in range(len(names)):
                st.session_state[name] = None  # of other data: Streamlit then gives back its label
            st.selectbox(
                title,
                range(len(names)),
                index=None,
                format_func=names.__getitem__,
                placeholder=_("any cell"),
                key=name,
                on_change=cell_listed,
                args=(look,),
            )


def about(chosen: Chosen) -> str:
    """Which rows these are, and how many."""
    cell = chosen.cell
    parts = {"train": _("training"), "val": _("validation"), "test": _("test")}
    told = _("{total:,} {part} rows of “{actual}” were taken for “{predicted}” at step {step:,}.")
    few = _("{found:,} of them are among the {shown:,} rows that this page shows.")
    if cell.pictures is not None:
        told = _(
            "{total:,} {part} pictures of “{actual}” were taken for “{predicted}” at step {step:,}."
        )
        few = _("{found:,} of them are among the {shown:,} pictures that this page shows.")
    text = told.format(
        total=cell.total,
        part=parts[cell.part],
        actual=chosen.classes[chosen.actual],
        predicted=chosen.classes[chosen.predicted],
        step=chosen.step,
    )
    listed = min(len(cell.rows), TABLE_ROWS)
    if cell.found < cell.total:
        text += " " + few.format(found=cell.found, shown=cell.shown)
    if listed < cell.found:
        text += " " + _("Listed here: {count}.").format(count=listed)
    return text + (" " + _("The surest come first.") if listed > 1 else "")


def frame_of(chosen: Chosen) -> pd.DataFrame:
    """Row number, classes, confidence and features."""
    cell = chosen.cell
    count = min(len(cell.rows), TABLE_ROWS)
    columns: dict[str, Any] = {
        _("row"): cell.rows[:count],
        _("actual"): [chosen.classes[chosen.actual]] * count,
        _("predicted"): [chosen.classes[chosen.predicted]] * count,
        _("confidence"): cell.confidence[:count],
    }
    for name, values in zip(cell.features, cell.values[:count].T, strict=True):
        columns[name if name not in columns else f"{name} ·"] = [float(f"{v:.6g}") for v in values]
    return pd.DataFrame(columns)


def pictures(look: Look, chosen: Chosen) -> None:
    """The rows as small pictures; they can be asked about where the topic's models explain."""
    from pages._frame.why import can_ask, cell_sheet  # which knows of cells

    if can_ask(look.spec):
        cell_sheet(look, chosen)
    else:
        thumbnails(chosen)


def thumbnails(chosen: Chosen) -> None:
    """The rows as small pictures with sharp pixels."""
    cell = chosen.cell
    actual, predicted = (chosen.classes[k] for k in (chosen.actual, chosen.predicted))
    text = _("{actual} as {predicted}, {percent} %")
    captions = [
        plain(text.format(actual=actual, predicted=predicted, percent=round(100 * p)))
        for p in cell.confidence
    ]
    if not captions:
        return
    times = max(1, THUMBNAIL // cell.pictures.shape[2])
    large = np.repeat(np.repeat(cell.pictures, times, axis=1), times, axis=2)
    st.image(list(large), caption=captions, width=large.shape[2])


def close(look: Look) -> None:
    """Forget the cell."""
    for name in (key(look.spec, "cell"), *list_keys(look)):
        st.session_state[name] = None
