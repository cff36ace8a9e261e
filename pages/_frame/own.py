"""What a visit knows of the visitor's own data, and how their own table changes.

Nothing is lost when Streamlit empties a widget: this state is kept beside the widgets, and they
are set from it. What does not work changes nothing but a message.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from engine.data.coding import Missing
from engine.data.own import OwnData
from engine.data.sheets import Choice, Gaps, Prepared, Sheet, read_sheet
from engine.data.tables import Table
from engine.errors import GalleryError, InvalidValue
from engine.spec import TopicSpec
from engine.words import _
from pages._frame.visit import key

TRIES = 20
"""Targets tried, the likeliest first, until one can be learned."""


@dataclass
class Loaded:
    """What there is to know of own data of any kind.

    Attributes
    ----------
    problem
        What is wrong with the files loaded last.
    uploads
        Files loaded so far; every one gets a fresh, empty uploader.
    removed
        What was removed last, to be put back.
    """

    problem: str = ""
    uploads: int = 0
    removed: Loaded | None = None

    @property
    def data(self) -> OwnData | None:
        """What can be trained on, if there is something."""
        raise NotImplementedError

    @property
    def title(self) -> str:
        """What is brought back when this was removed."""
        raise NotImplementedError


@dataclass
class Own(Loaded):
    """The visitor's own table and how it was made.

    Attributes
    ----------
    sheet
        The file as it was read; its bytes are not kept.
    choice, gaps
        What is chosen, and what is missing in it.
    table, remarks, rare
        What these choices made, in words how, and its classes with one row only; of the last
        choices that worked.
    made_of
        The sheet that `table` was made of; another one while a new sheet waits for an answer.
    misfit
        What is wrong with the choices.
    """

    sheet: Sheet | None = None
    choice: Choice | None = None
    gaps: Gaps | None = None
    table: Table | None = None
    remarks: tuple[str, ...] = ()
    rare: tuple[str, ...] = ()
    made_of: Sheet | None = None
    misfit: str = ""

    @property
    def data(self) -> Table | None:
        return self.table

    @property
    def title(self) -> str:
        return _("the table")

    @property
    def asks(self) -> bool:
        """Whether the target looks like a quantity, and how it becomes classes is not said yet."""
        if self.sheet is None or self.choice is None or self.choice.by is not None:
            return False
        return self.sheet.quantity(self.choice.target)


def loaded(spec: TopicSpec) -> Loaded | None:
    """What this visit has loaded on a topic's page; None before anything could be."""
    found: Loaded | None = st.session_state.get(key(spec, "own"))
    return found


def current_data(spec: TopicSpec) -> OwnData | None:
    """The visitor's own data on a topic's page, if there are any."""
    found = loaded(spec)
    return found.data if found is not None else None


def remove(spec: TopicSpec) -> Loaded | None:
    """Forget the data; returns what was there, for `put_back`."""
    own = loaded(spec)
    if own is not None:
        st.session_state[key(spec, "own")] = type(own)(uploads=own.uploads + 1)
    return own


def put_back(spec: TopicSpec, removed: Loaded) -> None:
    """Have again what `remove` took away."""
    own = loaded(spec)
    removed.uploads = (own.uploads if own is not None else removed.uploads) + 1
    removed.problem = ""
    st.session_state[key(spec, "own")] = removed


# Tables ------------------------------------------------------------------------------------------


def own_of(spec: TopicSpec) -> Own:
    """The table of this visit, and what was chosen."""
    own: Own = st.session_state.setdefault(key(spec, "own"), Own())
    return own


def current_table(spec: TopicSpec) -> Table | None:
    """The table that the visit's choices made, if there is one."""
    return own_of(spec).table


def take(spec: TopicSpec, payload: bytes, name: str) -> None:
    """Read a file and choose what is usual; a bad one changes nothing but the message."""
    own = own_of(spec)
    own.uploads += 1
    own.problem = ""
    try:
        sheet = read_sheet(payload, name, spec.target)
        choice, prepared = _usual(sheet)
    except GalleryError as error:
        own.problem = error.message
        return
    own.sheet, own.removed, own.misfit = sheet, None, ""
    own.choice, own.gaps = choice, sheet.gaps(choice.target, choice.features)
    if prepared is not None:
        _use(own, sheet, prepared)


def choose(spec: TopicSpec, choice: Choice) -> None:
    """Make the table of these choices; where they do not work, the last one stays in use."""
    own = own_of(spec)
    if own.sheet is None:
        return
    own.choice, own.misfit = choice, ""
    own.gaps = own.sheet.gaps(choice.target, choice.features) if choice.features else None
    if own.asks:
        return
    try:
        _use(own, own.sheet, own.sheet.prepared(*choice))
    except InvalidValue as error:
        own.misfit = error.message


def _use(own: Own, sheet: Sheet, prepared: Prepared) -> None:
    own.table, own.remarks, own.rare = prepared
    own.made_of, own.misfit = sheet, ""


def _usual(sheet: Sheet) -> tuple[Choice, Prepared | None]:
    """The likeliest target that can be learned from all other columns, and what fits its gaps.

    Without a table where the target looks like a quantity, though classes are wanted: what these
    are has to be asked.

    Raises
    ------
    InvalidValue
        What is wrong with the first choice, when none works.
    """
    first: InvalidValue | None = None
    for target in sheet.openings[:TRIES]:
        features = sheet.features(target)
        order: tuple[Missing, ...] = ("drop", "median")
        try:
            gaps = sheet.gaps(target, features)
            if gaps.rows * 2 > sheet.rows - gaps.no_target:
                order = ("median", "drop")
            if sheet.quantity(target):
                return Choice(target, features, order[0]), None
            for missing in order:
                choice = Choice(target, features, missing)
                try:
                    return choice, sheet.prepared(*choice)
                except InvalidValue as error:
                    first = first or error
        except InvalidValue as error:  # no feature beside this target
            first = first or error
    assert first is not None
    raise first
