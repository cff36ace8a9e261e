"""The visitor's own table: load a CSV, choose target and features, say what happens to gaps.

Everything changes in callbacks, so that the table is up to date when the page script reads it
(`current_table`), before its controls are drawn. Nothing is lost when Streamlit empties a widget:
the visit's state is kept beside the widgets, and they are set from it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

import numpy as np
import streamlit as st

from engine.data.sheets import BYTES_LIMIT, Gaps, Missing, Prepared, Sheet, read_sheet
from engine.data.tables import Table
from engine.errors import GalleryError, InvalidValue
from engine.spec import TopicSpec
from engine.words import _
from pages._frame.visit import Visit, key
from pages._frame.words import plain

TRIES = 20
"""Targets tried, from the last one on, until one can be learned."""
EXAMPLE_ROWS = 120
PREVIEW_COLUMNS = 50


@dataclass
class Own:
    """What a visit knows of the visitor's own table.

    Attributes
    ----------
    sheet
        The file as it was read; its bytes are not kept.
    target, features, missing, gaps
        What is chosen, and what is missing in it.
    table, remarks
        What these choices made, and in words how; of the last choices that worked.
    problem, misfit
        What is wrong with the file loaded last, or with the choices.
    uploads
        Files loaded so far; every one gets a fresh, empty uploader.
    removed
        What was removed last, to be put back.
    """

    sheet: Sheet | None = None
    target: str = ""
    features: tuple[str, ...] = ()
    missing: Missing = "drop"
    gaps: Gaps | None = None
    table: Table | None = None
    remarks: tuple[str, ...] = ()
    problem: str = ""
    misfit: str = ""
    uploads: int = 0
    removed: Own | None = None


OnRemove = Callable[[Visit, Own], None]


def current_table(spec: TopicSpec) -> Table | None:
    """The table that the visit's choices made, if there is one."""
    return _state(spec).table


def own_table(spec: TopicSpec, visit: Visit, on_remove: OnRemove | None = None) -> Table | None:
    """Draw the uploader and, once there is a table, its choices; returns the table.

    Parameters
    ----------
    on_remove
        Told what *Remove* took away, to undo it later with `put_back`. Without it, a button stands
        here to put it back.
    """
    own = _state(spec)
    st.file_uploader(
        _("Table (CSV, at most {limit} MB)").format(limit=BYTES_LIMIT // 2**20),
        type=["csv", "tsv", "txt"],
        max_upload_size=BYTES_LIMIT // 2**20,
        key=_upload_key(spec, own),
        on_change=_take_file,
        args=(spec,),
        help=_("One row for each example, the names of the columns in the first row."),
    )
    if own.problem:
        st.error(plain(own.problem), icon=":material/error:")
    if own.sheet is None:
        _beginning(spec, own, put_back_here=on_remove is None)
        return None
    _choices(spec, own, own.sheet)
    st.caption(
        _(
            "It stays in this server's memory for your visit; it is stored only if you share a run "
            "of it."
        )
    )
    st.button(
        _("Remove"),
        key=key(spec, "own_remove"),
        icon=":material/delete:",
        on_click=_press_remove,
        args=(spec, visit, on_remove),
    )
    return own.table


def take(spec: TopicSpec, payload: bytes, name: str) -> None:
    """Read a file and choose what is usual; a bad one changes nothing but the message."""
    own = _state(spec)
    own.uploads += 1
    own.problem = ""
    try:
        sheet = read_sheet(payload, name)
        target, features, missing, prepared = _usual(sheet)
    except GalleryError as error:
        own.problem = error.message
        return
    own.sheet, own.removed = sheet, None
    own.target, own.features, own.missing = target, features, missing
    own.gaps = sheet.gaps(target, features)
    _use(own, prepared)


def choose(spec: TopicSpec, target: str, features: tuple[str, ...], missing: Missing) -> None:
    """Make the table of these choices; where they do not work, the last one stays in use."""
    own = _state(spec)
    if own.sheet is None:
        return
    own.target, own.features, own.missing = target, features, missing
    own.gaps = own.sheet.gaps(target, features) if features else None
    try:
        _use(own, own.sheet.prepared(target, features, missing))
    except InvalidValue as error:
        own.misfit = error.message


def remove(spec: TopicSpec) -> Own:
    """Forget the table; returns what was there, for `put_back`."""
    own = _state(spec)
    st.session_state[key(spec, "own")] = Own(uploads=own.uploads + 1)
    return own


def put_back(spec: TopicSpec, removed: Own) -> None:
    """Have again what `remove` took away."""
    removed.uploads = _state(spec).uploads + 1
    removed.problem = ""
    st.session_state[key(spec, "own")] = removed


def example() -> bytes:
    """A small generated CSV: rents by size, rooms and district, with a few gaps."""
    random = np.random.default_rng(7)
    districts = [_("centre"), _("north"), _("river")]
    size = random.uniform(25, 130, EXAMPLE_ROWS)
    rooms = np.clip(np.round(size / 27 + random.normal(0, 0.5, EXAMPLE_ROWS)), 1, 6)
    district = random.integers(0, 3, EXAMPLE_ROWS)
    level = np.array([13.5, 8.5, 11.0])[district]
    rent = 120 + level * size + 40 * rooms + random.normal(0, 60, EXAMPLE_ROWS)
    gaps = random.random((2, EXAMPLE_ROWS)) < 0.05
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([_("size"), _("rooms"), _("district"), _("rent")])
    for n in range(EXAMPLE_ROWS):
        writer.writerow(
            [
                "" if gaps[0, n] else f"{size[n]:.1f}",
                f"{rooms[n]:.0f}",
                "" if gaps[1, n] else districts[district[n]],
                f"{rent[n]:.0f}",
            ]
        )
    return file.getvalue().encode()


def _state(spec: TopicSpec) -> Own:
    own: Own = st.session_state.setdefault(key(spec, "own"), Own())
    return own


def _upload_key(spec: TopicSpec, own: Own) -> str:
    return key(spec, f"own_file_{own.uploads}")


def _use(own: Own, prepared: Prepared) -> None:
    own.table, own.remarks, own.misfit = prepared.table, prepared.remarks, ""


def _usual(sheet: Sheet) -> tuple[str, tuple[str, ...], Missing, Prepared]:
    """The last column of numbers that can be learned from all others, and what fits its gaps.

    Raises
    ------
    InvalidValue
        What is wrong with the first choice, when none works.
    """
    first: InvalidValue | None = None
    for target in sheet.targets[::-1][:TRIES]:
        features = sheet.features(target)
        order: tuple[Missing, ...] = ("drop", "median")
        try:
            gaps = sheet.gaps(target, features)
            if gaps.rows * 2 > sheet.rows - gaps.no_target:
                order = ("median", "drop")
            for missing in order:
                try:
                    return target, features, missing, sheet.prepared(target, features, missing)
                except InvalidValue as error:
                    first = first or error
        except InvalidValue as error:  # no feature beside this target
            first = first or error
    assert first is not None
    raise first


def _beginning(spec: TopicSpec, own: Own, *, put_back_here: bool) -> None:
    """What stands here before there is a table: an example, and what was removed."""
    st.button(
        _("Use an example"),
        key=key(spec, "own_example"),
        icon=":material/table:",
        help=_("A small generated table: rents of {count} flats.").format(count=EXAMPLE_ROWS),
        on_click=_take_example,
        args=(spec,),
    )
    if own.removed is not None and put_back_here:
        st.button(
            _("Put the table back"),
            key=key(spec, "own_put_back"),
            icon=":material/undo:",
            on_click=put_back,
            args=(spec, own.removed),
        )


def _choices(spec: TopicSpec, own: Own, sheet: Sheet) -> None:
    """Target, features, gaps, and what came of them."""
    names = {part: key(spec, f"own_{part}") for part in ("target", "features", "missing")}
    st.session_state[names["target"]] = own.target
    st.selectbox(
        _("Target"),
        sheet.targets,
        key=names["target"],
        help=_("The number to predict."),
        on_change=_choose_target,
        args=(spec,),
    )
    st.session_state[names["features"]] = list(own.features)
    st.multiselect(
        _("Features"),
        [name for name in sheet.usable if name != own.target],
        key=names["features"],
        help=_("What to predict it from; a category makes a feature of each of its values."),
        on_change=_choose_others,
        args=(spec,),
    )
    if own.gaps is not None and own.gaps.numbers:
        words = _missing_words(own.gaps)
        st.session_state[names["missing"]] = own.missing
        st.selectbox(
            _("Missing numbers"),
            get_args(Missing),
            format_func=words.__getitem__,
            key=names["missing"],
            on_change=_choose_others,
            args=(spec,),
        )
    if own.misfit:
        st.error(plain(own.misfit) + " " + _("The last choice that worked stays in use."))
    _summary(spec, own, sheet)


def _missing_words(gaps: Gaps) -> dict[str, str]:
    return {
        "drop": _("leave rows out: {count:,}").format(count=gaps.rows),
        "mean": _("fill in the mean"),
        "median": _("fill in the median"),
    }


def _summary(spec: TopicSpec, own: Own, sheet: Sheet) -> None:
    """One line on the table, what is missing, and behind an expander the preview and the rules."""
    rows, width = own.table.x.shape if own.table is not None else (0, 0)
    text = _("{name}: {rows:,} of {of:,} rows in use, {features} features.")
    line = plain(text.format(name=sheet.name, rows=rows, of=sheet.rows, features=width))
    counts = {**own.gaps.numbers, **own.gaps.categories} if own.gaps else {}
    if counts:
        listed = ", ".join(f"{name} {count:,}" for name, count in list(counts.items())[:5])
        more = " …" if len(counts) > 5 else ""
        line += " " + plain(_("Missing: {counts}.").format(counts=listed + more))
    st.caption(line)
    preview = st.expander(_("Preview and rules"), key=key(spec, "own_preview"), on_change="rerun")
    if not preview.open:
        return
    with preview:
        shown = sheet.columns[:PREVIEW_COLUMNS]
        cells = {c.name: [row[n] for row in sheet.preview] for n, c in enumerate(shown)}
        st.dataframe(cells, hide_index=True, height="content")
        remarks = [*sheet.remarks, *own.remarks]
        st.markdown("\n".join(f"- {plain(remark)}" for remark in remarks) or _("No rule applied."))


def _take_file(spec: TopicSpec) -> None:
    uploaded = st.session_state.get(_upload_key(spec, _state(spec)))
    if uploaded is not None:
        take(spec, uploaded.getvalue(), uploaded.name)


def _take_example(spec: TopicSpec) -> None:
    take(spec, example(), _("rents.csv"))


def _choose_target(spec: TopicSpec) -> None:
    """Another target; all other columns stay features if they all were."""
    own = _state(spec)
    target = st.session_state.get(key(spec, "own_target"))
    if own.sheet is None or target not in own.sheet.targets:
        return
    if own.features == own.sheet.features(own.target):
        features = own.sheet.features(target)
    else:
        features = tuple(name for name in own.features if name != target)
    choose(spec, target, features, own.missing)


def _choose_others(spec: TopicSpec) -> None:
    """Other features, or another way with missing numbers."""
    own = _state(spec)
    if own.sheet is None:
        return
    chosen = st.session_state.get(key(spec, "own_features")) or []
    features = tuple(n for n in own.sheet.usable if n in chosen and n != own.target)
    missing = st.session_state.get(key(spec, "own_missing"), own.missing)
    choose(spec, own.target, features, missing if missing in get_args(Missing) else own.missing)


def _press_remove(spec: TopicSpec, visit: Visit, on_remove: OnRemove | None) -> None:
    removed = remove(spec)
    if on_remove is not None:
        on_remove(visit, removed)
    else:
        _state(spec).removed = removed
