"""Columns of a sheet: what each holds, and how its cells are read.

Every rule that was applied is stated in remarks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import inf, isnan, nan
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.data.names import NAMED, clean, label, listed, unused
from engine.data.tables import CLASSES_LIMIT, VALUE_LIMIT
from engine.errors import shorten
from engine.spec import Target
from engine.words import _

CATEGORIES_LIMIT = 30
"""Values of a text column that can still be one-hot coded."""
NUMBER_LENGTH = 100
"""Characters of a cell that may be a number."""
FEW_VALUES = 10
"""Different whole numbers that are taken for classes without asking."""
PREVIEW_LENGTH = 40

Kind = Literal["number", "category", "text", "constant"]

MISSING_WORDS = ("NA", "N/A", "#N/A", "<NA>", "NaN", "null", "none", "?")
"""Cells that count as missing, in any case, beside empty ones, points and dashes."""
_MISSING = frozenset({"", ".", "-", "--", *(word.casefold() for word in MISSING_WORDS)})
DECIMAL_COMMA = re.compile(
    r"[+-]?(?:(?:\d{1,3}(?:\.\d{3})+|\d*),\d+|\d{1,3}(?:\.\d{3})+|\d+)(?:[eE][+-]?\d+)?", re.ASCII
)
GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?(?:[eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a sheet.

    Attributes
    ----------
    kind
        Only numbers and categories can be features; `values` are kept of these alone.
    missing, not_finite
        Cells without a value, and how many of them hold an infinite or too large number.
    distinct, rounded
        Different values, not counting missing ones; whether some became equal in float32.
    categories
        The values of a category, sorted.
    values : ndarray, shape (rows,)
        Numbers as float32, missing ones NaN; categories as indices, missing ones -1.
    classes
        The values in words, sorted, where there are 2 to `CLASSES_LIMIT` different ones.
    codes : ndarray of int8, shape (rows,)
        Indices of the `classes`, missing ones -1.
    stray
        Cells of text whose stray spaces were removed.
    """

    name: str
    kind: Kind
    missing: int
    distinct: int
    not_finite: int = 0
    rounded: bool = False
    categories: tuple[str, ...] = ()
    values: NDArray[Any] | None = None
    classes: tuple[str, ...] = ()
    codes: NDArray[np.int8] | None = None
    stray: int = 0

    @property
    def gaps(self) -> NDArray[np.bool_]:
        """Which rows lack a value, shape (rows,)."""
        if self.kind == "number":
            assert self.values is not None
            return np.asarray(np.isnan(self.values), dtype=np.bool_)
        assert self.codes is not None
        return np.asarray(self.codes < 0, dtype=np.bool_)

    @property
    def width(self) -> int:
        """Features that it makes: one, or one for each category and for missing ones."""
        return 1 if self.kind == "number" else len(self.categories) + (self.missing > 0)

    @property
    def separable(self) -> bool:
        """Whether it can be told apart as classes, as it is or by being split."""
        return self.kind == "number" or len(self.classes) > 1

    @property
    def quantity(self) -> bool:
        """Whether it looks like one: fractions, or more whole numbers than usual for classes."""
        whole = all(name.removeprefix("-").isdigit() for name in self.classes)
        few = 2 <= len(self.classes) <= FEW_VALUES
        return self.kind == "number" and not (whole and few) and self.distinct > 2


def header(lines: list[int], rows: list[list[str]], remarks: list[str]) -> list[str]:
    """Names of the columns, taken off the rows; made up where the first row is only numbers."""
    first = [_value(cell) for cell in rows[0]]
    styled = [v if not isinstance(v, str) else _decimal_comma(v) for v in first]
    if not any(v is None for v in styled) and not all(isnan(v) for v in styled if v is not None):
        remarks.append(
            _(
                "The first row holds only numbers, so it counts as data, and the columns are named "
                "column 1, column 2, … Put a row of names above it to have others."
            )
        )
        return [_("column {number}").format(number=n + 1) for n in range(len(first))]
    lines.pop(0)
    labels = [label(cell) for cell in rows.pop(0)]
    taken: set[str] = {name for name in labels if name}
    names: list[str] = []
    doubled, unnamed = [], []
    for number, name in enumerate(labels, start=1):
        if not name:
            name = unused(_("column {number}").format(number=number), taken)
            unnamed.append(name)
        elif name in names:
            name = unused(name, taken)
            doubled.append(name)
        names.append(name)
    if doubled:
        text = _("Columns of the same name were numbered: {names}.")
        remarks.append(text.format(names=listed(doubled)))
    if unnamed:
        text = _("Columns without a name are called by their place: {names}.")
        remarks.append(text.format(names=listed(unnamed)))
    return names


class Raw:
    """A column as it was read: what its different cells mean.

    `parsed` maps each different cell to a number (NaN: missing, infinite: not usable), or to its
    text; `style` says how the texts among them can be read as numbers.
    """

    def __init__(self, name: str, cells: Sequence[str]) -> None:
        self.name = name
        self.cells = cells
        self.parsed = {cell: _value(cell) for cell in dict.fromkeys(cells)}

    @property
    def texts(self) -> list[str]:
        return [v for v in self.parsed.values() if isinstance(v, str)]

    @property
    def points(self) -> bool:
        """Whether a plain number has a decimal point."""
        return any(
            "." in c for c, v in self.parsed.items() if isinstance(v, float) and not isnan(v)
        )

    def reads_as(self, read: Callable[[str], float | None]) -> bool:
        """Whether every cell that holds something can be read so."""
        return all(
            read(cell.strip()) is not None
            for cell, value in self.parsed.items()
            if isinstance(value, str) or not isnan(value)
        )

    def use(self, read: Callable[[str], float | None]) -> None:
        """Read the cells so."""
        for cell, value in self.parsed.items():
            number = read(cell.strip()) if isinstance(value, str) or not isnan(value) else None
            if number is not None:
                self.parsed[cell] = number


def _value(cell: str) -> float | str:
    """A cell's number (NaN where it is missing, infinite where it is too large), or its text."""
    text = cell.strip()
    if text.casefold() in _MISSING:
        return nan
    number = _plain(text)
    return text if number is None else number


def _plain(text: str) -> float | None:
    """A number as programs write it; Python would also take 1_000 and digits of other scripts."""
    if len(text) > NUMBER_LENGTH or "_" in text or not text.isascii():
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if -VALUE_LIMIT <= number <= VALUE_LIMIT else inf


def _decimal_comma(text: str) -> float | None:
    """1,5 · 1.234,5 · 1.234 (one thousand …) · 12"""
    if len(text) > NUMBER_LENGTH or not DECIMAL_COMMA.fullmatch(text):
        return None
    return _plain(text.replace(".", "").replace(",", "."))


def _grouped(text: str) -> float | None:
    """1,234,567.8 · 1,234 · 12.5"""
    if len(text) <= NUMBER_LENGTH and GROUPED.fullmatch(text):
        text = text.replace(",", "")
    return _plain(text)


def read_styles(raws: Sequence[Raw], remarks: list[str]) -> None:
    """Read numbers with decimal commas or grouped thousands, where it is clear which they are.

    A column such as 1,250 · 3,125 can be both; the other columns decide, and without them it
    stays text. Where commas are decimal, 1.250 · 3.125 is a number of thousands.
    """
    commas: list[Raw] = []
    groups: list[Raw] = []
    unclear: list[Raw] = []
    for raw in (raw for raw in raws if raw.texts):
        found = (raw.reads_as(_decimal_comma), raw.reads_as(_grouped))
        places = {(True, False): commas, (False, True): groups, (True, True): unclear}
        places.get(found, []).append(raw)
    if unclear and bool(commas) != bool(groups):
        (commas or groups).extend(unclear)
        unclear = []
    if commas and not groups:
        commas += [r for r in raws if not r.texts and r.points and r.reads_as(_decimal_comma)]
    for found_so, read, text in (
        (commas, _decimal_comma, _("Commas are decimal, points group thousands, in: {names}.")),
        (groups, _grouped, _("Commas group thousands in: {names}.")),
    ):
        if found_so:
            for raw in found_so:
                raw.use(read)
            remarks.append(text.format(names=listed([raw.name for raw in found_so])))
    if unclear:
        text = _(
            "Counted as text, as 1,250 may be read in two ways: {names}. Write 1250 or 1.250 there."
        )
        remarks.append(text.format(names=listed([raw.name for raw in unclear])))


def column_of(raw: Raw) -> Column:
    """Decide what a column is, and keep its values if they can be used."""
    if raw.texts:
        return _texts(raw)
    numbers = np.fromiter(map(raw.parsed.__getitem__, raw.cells), np.float64, len(raw.cells))
    too_large = np.isinf(numbers)
    numbers[too_large] = nan
    gaps = np.isnan(numbers)
    different = np.unique(numbers[~gaps])
    distinct = len(np.unique(different.astype(np.float32)))
    found = Column(
        raw.name,
        "number" if distinct > 1 else "constant",
        missing=int(gaps.sum()),
        not_finite=int(too_large.sum()),
        distinct=distinct,
        rounded=distinct < len(different),
        values=numbers.astype(np.float32) if distinct > 1 else None,
    )
    if distinct < 2 or len(different) > CLASSES_LIMIT:
        return found
    codes = np.where(gaps, -1, np.searchsorted(different, numbers)).astype(np.int8)
    return replace(found, classes=tuple(map(_written, different.tolist())), codes=codes)


def _written(number: float) -> str:
    """A number as the name of a class; different numbers have different names."""
    return str(int(number)) if number.is_integer() else repr(number)


def _texts(raw: Raw) -> Column:
    """A column of texts: a category, or too many different ones to be used."""
    texts = {
        cell: clean(cell)
        for cell, value in raw.parsed.items()
        if isinstance(value, str) or not isnan(value)
    }
    found = sorted(set(texts.values()))
    missing = sum(cell not in texts for cell in raw.cells)
    column = partial(Column, raw.name, missing=missing, distinct=len(found))
    if len(found) > max(CATEGORIES_LIMIT, CLASSES_LIMIT):
        return column(kind="text")
    if len(found) + (missing > 0) < 2:
        return column(kind="constant")
    order = {text: code for code, text in enumerate(found)}
    indices = (order[texts[cell]] if cell in texts else -1 for cell in raw.cells)
    codes = np.fromiter(indices, np.int8, len(raw.cells))
    taken: set[str] = set()
    labels = tuple(unused(label(text) or "?", taken) for text in found)
    astray = {cell for cell, text in texts.items() if cell != text}
    stray = sum(cell in astray for cell in raw.cells) if astray else 0
    column = partial(column, classes=labels, codes=codes, stray=stray)
    if len(found) > CATEGORIES_LIMIT:
        return column(kind="text")
    return column(kind="category", categories=labels, values=codes)


def mixtures(raws: Sequence[Raw], lines: Sequence[int]) -> list[str]:
    """What keeps columns that are mostly numbers from being numbers."""
    remarks: list[str] = []
    others: list[str] = []
    for raw in (raw for raw in raws if raw.texts):
        wrong = [n for n, cell in enumerate(raw.cells) if isinstance(raw.parsed[cell], str)]
        if len(wrong) * 2 >= len(raw.cells):
            continue
        if len(remarks) == NAMED:
            others.append(raw.name)
            continue
        text = _(
            "“{name}” counts as text: not all its cells are numbers, such as {cell} in line "
            "{line:,} ({count:,} of {of:,})."
        )
        remarks.append(
            text.format(
                name=raw.name,
                cell=shorten(excerpt(raw.cells[wrong[0]])),
                line=lines[wrong[0]],
                count=len(wrong),
                of=len(raw.cells),
            )
        )
    if others:
        remarks.append(_("Likewise: {names}.").format(names=listed(others)))
    return remarks


def remark_on(columns: Sequence[Column], target: Target, remarks: list[str]) -> None:
    """What was missing, and which columns are not offered."""
    missing = sum(c.missing for c in columns)
    if missing:
        text = _("Missing cells: {count:,} (empty, a point, a dash, or one of {words}).")
        remarks.append(text.format(count=missing, words=", ".join(MISSING_WORDS)))
    too_large = [c.name for c in columns if c.not_finite]
    if too_large:
        text = _(
            "Numbers among them that are infinite or beyond ±{limit:g} (such as 1e400): "
            "{count:,}, in {names}."
        )
        count = sum(c.not_finite for c in columns)
        remarks.append(text.format(count=count, limit=VALUE_LIMIT, names=listed(too_large)))
    rounded = [c.name for c in columns if c.rounded]
    if rounded:
        text = _("Numbers have 7 digits here, which makes some of them equal in: {names}.")
        remarks.append(text.format(names=listed(rounded)))
    constant = [c.name for c in columns if c.kind == "constant"]
    if constant:
        text = _("Not offered, as they have the same value everywhere or none: {names}.")
        remarks.append(text.format(names=listed(constant)))
    texts = [c.name for c in columns if c.kind == "text"]
    if texts:
        text = {
            "number": _(
                "Not offered, as they are text with more than {limit} different values: {names}."
            ),
            "classes": _(
                "Not offered as features, as they are text with more than {limit} different "
                "values: {names}."
            ),
        }[target]
        remarks.append(text.format(limit=CATEGORIES_LIMIT, names=listed(texts)))


def excerpt(cell: str) -> str:
    """A cell as the preview shows it."""
    return cell if len(cell) <= PREVIEW_LENGTH else cell[: PREVIEW_LENGTH - 1] + "…"
