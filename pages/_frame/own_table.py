"""The visitor's own table: load a CSV, choose target and features, say what happens to gaps.

Everything changes in callbacks, so that the table is up to date when the page script reads it
(`current_table`), before its controls are drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import numpy as np
import streamlit as st

from engine.data.classes import ClassesBy, rare_remark
from engine.data.coding import Missing
from engine.data.reading import BYTES_LIMIT
from engine.data.sheets import Choice, Gaps, Sheet
from engine.data.tables import CLASSES_LIMIT, Table
from engine.spec import TopicSpec
from engine.words import _
from pages._frame.own import Loaded, Own, choose, own_of, put_back, remove, take
from pages._frame.own_example import EXAMPLE_ROWS, fruit, rents
from pages._frame.visit import Visit, key
from pages._frame.words import plain

PREVIEW_COLUMNS = 50
LISTED = 8
"""Classes, columns with gaps or unfit columns that a line names."""

OnRemove = Callable[[Visit, Loaded], None]


def own_table(spec: TopicSpec, visit: Visit, on_remove: OnRemove | None = None) -> Table | None:
    """Draw the uploader and, once there is a table, its choices; returns the table.

    Parameters
    ----------
    on_remove
        Told what *Remove* took away, to undo it later with `put_back`. Without it, a button stands
        here to put it back.
    """
    own = own_of(spec)
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
        st.error(plain(own.problem + _in_use(own)), icon=":material/error:")
    if own.sheet is None or own.choice is None:
        _beginning(spec, own, put_back_here=on_remove is None)
        return None
    _choices(spec, own, own.sheet, own.choice)
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


def _upload_key(spec: TopicSpec, own: Own) -> str:
    return key(spec, f"own_file_{own.uploads}")


def _in_use(own: Own) -> str:
    """That the table loaded before is still there, when there is one."""
    if own.made_of is None:
        return ""
    return " " + _("“{name}”, loaded before, stays in use.").format(name=own.made_of.name)


def _beginning(spec: TopicSpec, own: Own, *, put_back_here: bool) -> None:
    """What stands here before there is a table: an example, and what was removed."""
    told = {
        "number": _("A small generated table: rents of {count} flats."),
        "classes": _("A small generated table: {count} fruits of three kinds."),
    }[spec.target]
    st.button(
        _("Use an example"),
        key=key(spec, "own_example"),
        icon=":material/table:",
        help=told.format(count=EXAMPLE_ROWS),
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


def _choices(spec: TopicSpec, own: Own, sheet: Sheet, choice: Choice) -> None:
    """Target, features, gaps, and what came of them."""
    _target(spec, sheet, choice)
    if spec.target == "classes":
        _classes(spec, own, sheet, choice)
    st.session_state[key(spec, "own_features")] = list(choice.features)
    st.multiselect(
        _("Features"),
        [name for name in sheet.usable if name != choice.target],
        key=key(spec, "own_features"),
        help=_("What to predict it from; a category makes a feature of each of its values."),
        on_change=_choose_others,
        args=(spec,),
    )
    if own.gaps is not None and own.gaps.numbers:
        words = _missing_words(own.gaps)
        st.session_state[key(spec, "own_missing")] = choice.missing
        st.selectbox(
            _("Missing numbers"),
            get_args(Missing),
            format_func=words.__getitem__,
            key=key(spec, "own_missing"),
            on_change=_choose_others,
            args=(spec,),
        )
    if own.misfit:
        stays = " " + _("The last choice that worked stays in use.")
        st.error(plain(own.misfit + (stays if own.made_of is sheet else _in_use(own))))
    _summary(spec, own, sheet)


def _target(spec: TopicSpec, sheet: Sheet, choice: Choice) -> None:
    """The column to predict; of classes also why others are not offered."""
    told = {
        "number": _("The number to predict."),
        "classes": _("The column that says which class each row belongs to."),
    }[spec.target]
    st.session_state[key(spec, "own_target")] = choice.target
    st.selectbox(
        _("Target"),
        sheet.targets,
        key=key(spec, "own_target"),
        help=told,
        on_change=_choose_target,
        args=(spec,),
    )
    if spec.target == "classes" and sheet.unfit:
        why = [f"“{name}” ({reason})" for name, reason in sheet.unfit.items()]
        st.caption(plain(_("Not offered: {names}.").format(names=_some(why, "; "))))


def _classes(spec: TopicSpec, own: Own, sheet: Sheet, choice: Choice) -> None:
    """How numbers become classes, and what happens to classes with one row."""
    ways = sheet.ways(choice.target)
    quantity = sheet.quantity(choice.target)
    if quantity or len(ways) > 1:
        asked = _("“{name}” looks like a quantity. What are its classes?")
        words = _way_words()
        st.session_state[key(spec, "own_by")] = choice.by or (None if quantity else ways[0])
        st.radio(
            plain(asked.format(name=choice.target)) if quantity else _("Classes"),
            ways,
            format_func=words.__getitem__,
            index=None,
            key=key(spec, "own_by"),
            help=None
            if "values" in ways
            else _(
                "It has more than {limit} different values, too many to make each a class."
            ).format(limit=CLASSES_LIMIT),
            on_change=_choose_others,
            args=(spec,),
        )
    if own.asks:
        text = _("Choose what its classes are, or another target.") + _in_use(own)
        st.info(plain(text), icon=":material/help:")
    elif own.rare:
        st.caption(plain(rare_remark(own.rare, left_out=choice.leave_rare)))
        st.session_state[key(spec, "own_rare")] = choice.leave_rare
        st.toggle(
            _("Leave out classes with one row"),
            key=key(spec, "own_rare"),
            on_change=_choose_others,
            args=(spec,),
        )


def _way_words() -> dict[ClassesBy, str]:
    return {
        "values": _("each value is a class"),
        "median": _("two classes: above the median, and not above it"),
    }


def _missing_words(gaps: Gaps) -> dict[str, str]:
    return {
        "drop": _("leave rows out: {count:,}").format(count=gaps.rows),
        "mean": _("fill in the mean"),
        "median": _("fill in the median"),
    }


def _summary(spec: TopicSpec, own: Own, sheet: Sheet) -> None:
    """One line on the table, what is missing, and behind an expander the preview and the rules."""
    made = own.table if own.made_of is sheet else None
    rows, width = made.x.shape if made is not None else (0, 0)
    text = _("{name}: {rows:,} of {of:,} rows in use, {features} features.")
    parts = [text.format(name=sheet.name, rows=rows, of=sheet.rows, features=width)]
    counts = {**own.gaps.numbers, **own.gaps.categories} if own.gaps else {}
    if counts:
        listed = _some([f"{name} {count:,}" for name, count in counts.items()])
        parts.append(_("Missing: {counts}.").format(counts=listed))
    if made is not None and made.classes:
        parts.append(_class_counts(made))
    st.caption(plain(" ".join(parts)))
    preview = st.expander(_("Preview and rules"), key=key(spec, "own_preview"), on_change="rerun")
    if not preview.open:
        return
    with preview:
        shown = sheet.columns[:PREVIEW_COLUMNS]
        cells = {c.name: [row[n] for row in sheet.preview] for n, c in enumerate(shown)}
        st.dataframe(cells, hide_index=True, height="content")
        remarks = [*sheet.remarks, *(own.remarks if made is not None else ())]
        st.markdown("\n".join(f"- {plain(remark)}" for remark in remarks) or _("No rule applied."))


def _class_counts(table: Table) -> str:
    """How many rows each class has, the largest first."""
    counts = np.bincount(table.y.astype(np.int64), minlength=len(table.classes))
    pairs = sorted(zip(table.classes, counts.tolist(), strict=True), key=lambda pair: -pair[1])
    listed = _some([f"{name} {count:,}" for name, count in pairs])
    text = _("{number} classes: {counts}.")
    return text.format(number=len(table.classes), counts=listed)


def _some(parts: list[str], separator: str = ", ") -> str:
    """The first few, and a sign that there are more."""
    return separator.join(parts[:LISTED]) + (" …" if len(parts) > LISTED else "")


def _take_file(spec: TopicSpec) -> None:
    uploaded = st.session_state.get(_upload_key(spec, own_of(spec)))
    if uploaded is not None:
        take(spec, uploaded.getvalue(), uploaded.name)


def _take_example(spec: TopicSpec) -> None:
    if spec.target == "classes":
        take(spec, fruit(), _("fruit.csv"))
    else:
        take(spec, rents(), _("rents.csv"))


def _choose_target(spec: TopicSpec) -> None:
    """Another target; all other columns stay features if they all were."""
    own = own_of(spec)
    target = st.session_state.get(key(spec, "own_target"))
    if own.sheet is None or own.choice is None or target not in own.sheet.targets:
        return
    if own.choice.features == own.sheet.features(own.choice.target):
        features = own.sheet.features(target)
    else:
        features = tuple(name for name in own.choice.features if name != target)
    choose(spec, Choice(target, features, own.choice.missing))


def _choose_others(spec: TopicSpec) -> None:
    """Other features, another way with missing numbers, other classes."""
    own = own_of(spec)
    if own.sheet is None or own.choice is None:
        return
    target = own.choice.target
    chosen = st.session_state.get(key(spec, "own_features")) or []
    features = tuple(n for n in own.sheet.usable if n in chosen and n != target)
    missing = st.session_state.get(key(spec, "own_missing"), own.choice.missing)
    by = st.session_state.get(key(spec, "own_by"), own.choice.by)
    rare = st.session_state.get(key(spec, "own_rare"), own.choice.leave_rare)
    choose(
        spec,
        Choice(
            target,
            features,
            missing if missing in get_args(Missing) else own.choice.missing,
            by if by in own.sheet.ways(target) else own.choice.by,
            bool(rare),
        ),
    )


def _press_remove(spec: TopicSpec, visit: Visit, on_remove: OnRemove | None) -> None:
    removed = remove(spec)
    if removed is None:
        return
    if on_remove is not None:
        on_remove(visit, removed)
    else:
        own_of(spec).removed = removed
