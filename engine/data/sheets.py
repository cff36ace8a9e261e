"""A visitor's CSV: from untrusted bytes to columns, and from chosen columns to a `Table`.

Torch-free. Every rule that was applied is stated in `Sheet.remarks`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from threading import Lock
from typing import NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from engine.data.classes import (
    Classes,
    ClassesBy,
    check_separable,
    classes_of,
    way_of,
    ways,
)
from engine.data.coding import Missing, coded
from engine.data.columns import (
    CATEGORIES_LIMIT,
    Column,
    Raw,
    column_of,
    excerpt,
    header,
    mixtures,
    read_styles,
    remark_on,
)
from engine.data.names import NAMED, label, listed
from engine.data.reading import (
    DELIMITERS,
    Refuse,
    check_extent,
    decoded,
    delimiter_of,
    records,
    refusal,
)
from engine.data.tables import CLASSES_LIMIT, FEATURES_LIMIT, NUMBERS_LIMIT, ROWS_LEAST, Table
from engine.errors import InvalidValue
from engine.spec import Target
from engine.words import N_, _

PREVIEW_ROWS = 8
WRITE_NUMBERS = N_("Write numbers as 1234.5, without units, and leave missing ones empty.")

_one_at_a_time = Lock()
"""The cells of one sheet may take 150 MB while they are sorted into columns."""


class Gaps(NamedTuple):
    """What is missing in a choice of columns.

    Attributes
    ----------
    no_target
        Rows without the target, which are always left out.
    rows
        Rows of the others that lack a number in a feature.
    numbers, categories
        How many values are missing in each feature, where any are.
    """

    no_target: int
    rows: int
    numbers: Mapping[str, int]
    categories: Mapping[str, int]


class Choice(NamedTuple):
    """How a table is made of a sheet; the arguments of `Sheet.prepared`."""

    target: str
    features: tuple[str, ...]
    missing: Missing = "drop"
    by: ClassesBy | None = None
    leave_rare: bool = False


class Prepared(NamedTuple):
    """A table, what was done to make it in words, and its classes with one row only."""

    table: Table
    remarks: tuple[str, ...]
    rare: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Sheet:
    """A CSV that was read: columns, its first rows as they stood there, and the rules applied.

    `wanted` says what its target is to be.
    """

    name: str
    rows: int
    columns: tuple[Column, ...]
    preview: tuple[tuple[str, ...], ...]
    remarks: tuple[str, ...]
    wanted: Target = "number"

    @property
    def targets(self) -> tuple[str, ...]:
        """Columns that can be predicted."""
        if self.wanted == "classes":
            return tuple(c.name for c in self.columns if c.separable)
        return tuple(c.name for c in self.columns if c.kind == "number")

    @property
    def unfit(self) -> Mapping[str, str]:
        """Columns that cannot be classes, and in words why."""
        found = {}
        for each in (c for c in self.columns if not c.separable):
            if each.distinct > CLASSES_LIMIT:
                text = _("{count:,} different values, at most {limit} classes")
                found[each.name] = text.format(count=each.distinct, limit=CLASSES_LIMIT)
            else:
                found[each.name] = _("one class only") if each.distinct else _("no values")
        return found

    @property
    def openings(self) -> tuple[str, ...]:
        """The targets, the likeliest first: from the last column on, quantities after classes."""
        by_name = {c.name: c for c in self.columns}

        def unlikely(name: str) -> tuple[bool, bool]:
            each = by_name[name]
            return each.quantity, 2 * len(each.classes) > self.rows

        backwards = self.targets[::-1]
        return tuple(sorted(backwards, key=unlikely)) if self.wanted == "classes" else backwards

    @property
    def usable(self) -> tuple[str, ...]:
        """Columns that can be features (or the target)."""
        return tuple(c.name for c in self.columns if c.values is not None)

    def quantity(self, target: str) -> bool:
        """Whether it has to be asked how this column becomes classes."""
        return self.wanted == "classes" and self._named(target).quantity

    def ways(self, target: str) -> tuple[ClassesBy, ...]:
        """How this column can become classes, the usual way first."""
        return ways(self._named(target)) if self.wanted == "classes" else ()

    def features(self, target: str) -> tuple[str, ...]:
        """The usable columns beside `target`, as many as a table may have."""
        found, width = [], 0
        for column in self.columns:
            if column.values is None or column.name == target:
                continue
            if width + column.width <= min(FEATURES_LIMIT, NUMBERS_LIMIT // self.rows):
                found.append(column.name)
                width += column.width
        return tuple(found)

    def gaps(self, target: str, features: Iterable[str]) -> Gaps:
        """What is missing in these columns."""
        goal, chosen = self._chosen(target, features)
        there = ~goal.gaps
        lacking = np.zeros(self.rows, dtype=np.bool_)
        for column in chosen:
            if column.kind == "number":
                lacking |= column.gaps
        counts = [(c.kind, c.name, int((c.gaps & there).sum())) for c in chosen if c.missing]
        return Gaps(
            no_target=int((~there).sum()),
            rows=int((lacking & there).sum()),
            numbers={name: n for kind, name, n in counts if kind == "number" and n},
            categories={name: n for kind, name, n in counts if kind == "category" and n},
        )

    def prepare(
        self,
        target: str,
        features: Iterable[str],
        missing: Missing = "drop",
        by: ClassesBy | None = None,
        leave_rare: bool = False,
    ) -> Table:
        """The table of these columns; see `prepared`."""
        return self.prepared(target, features, missing, by, leave_rare).table

    def prepared(
        self,
        target: str,
        features: Iterable[str],
        missing: Missing = "drop",
        by: ClassesBy | None = None,
        leave_rare: bool = False,
    ) -> Prepared:
        """The table of these columns, and what was done to make it.

        Rows without a target are left out. Categories become a column `name=value` each, and one
        for missing values. Features stand in the order of the sheet.

        Parameters
        ----------
        missing
            What happens where a feature lacks a number: its row is left out (`"drop"`), or the
            mean or median of the rows that have it is filled in.
        by
            How a column of numbers becomes classes, where those are wanted; has to be said of one
            that looks like a quantity.
        leave_rare
            Leave out the rows of classes with one row only.

        Raises
        ------
        InvalidValue
            When a column cannot be used so, too few rows are left, or the table is too large.
        """
        if missing not in get_args(Missing):
            expected = _("one of {choices}").format(choices=", ".join(get_args(Missing)))
            raise InvalidValue.of("missing", expected, missing)
        goal, chosen = self._chosen(target, features)
        way = way_of(goal, by) if self.wanted == "classes" else None
        remarks: list[str] = []
        keep = self._kept(goal, chosen, missing, remarks)
        classes = None
        if way is not None:
            classes = classes_of(goal, keep, way, leave_rare=leave_rare)
            keep = classes.keep
            remarks += classes.remarks
            self._check_size(int(keep.sum()), chosen, missing)
        names, arrays, left_out = coded(goal, chosen, keep, missing, remarks)
        if left_out:
            text = _("Left out, as they are the same in all rows that remain: {names}.")
            remarks.append(text.format(names=listed(left_out)))
        if not names:
            expected = _("features that differ between the {count:,} rows that remain")
            raise InvalidValue.of("features", expected.format(count=keep.sum()), left_out)
        x = np.stack(arrays, axis=1)
        return _made(x, tuple(names), goal, keep, classes, tuple(remarks))

    def _named(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)

    def _kept(
        self, goal: Column, chosen: Sequence[Column], missing: Missing, remarks: list[str]
    ) -> NDArray[np.bool_]:
        """Which rows have what they need, shape (rows,)."""
        keep = ~goal.gaps
        if goal.missing:
            text = _("Rows left out because they lack “{name}”: {count:,}.")
            remarks.append(text.format(count=goal.missing, name=goal.name))
        if missing == "drop":
            before = int(keep.sum())
            for each in chosen:
                keep &= ~each.gaps if each.kind == "number" else True
            if before > keep.sum():
                text = _("Rows left out because they lack a number: {count:,}.")
                remarks.append(text.format(count=before - int(keep.sum())))
        self._check_size(int(keep.sum()), chosen, missing)
        return keep

    def _column(self, name: str, field: str, allowed: Sequence[str]) -> Column:
        if name not in allowed:
            choices = listed(allowed) or _("(there are none)")
            raise InvalidValue.of(field, _("one of {choices}").format(choices=choices), name)
        return self._named(name)

    def _chosen(self, target: str, features: Iterable[str]) -> tuple[Column, list[Column]]:
        """The target's column, and those of the features in the order of the sheet."""
        if self.wanted == "classes" and target in self.unfit:
            check_separable(self._named(target))
        goal = self._column(target, "target", self.targets)
        others = [name for name in self.usable if name != target]
        chosen = {self._column(name, "features", others).name for name in features}
        if not chosen:
            raise InvalidValue.of("features", _("at least one column"), [])
        return goal, [c for c in self.columns if c.name in chosen]

    def _check_size(self, rows: int, chosen: Sequence[Column], missing: Missing) -> None:
        width = sum(c.width for c in chosen)
        if rows < ROWS_LEAST:
            advice = _(" (fill the gaps, or choose other features)") if missing == "drop" else ""
            expected = _("at least {least} rows with a value in every column chosen{advice}")
            text = expected.format(least=ROWS_LEAST, advice=advice)
            raise InvalidValue.of("missing" if missing == "drop" else "target", text, rows)
        if width > FEATURES_LIMIT:
            expected = _("columns that make at most {limit} features (a category makes several)")
            raise InvalidValue.of("features", expected.format(limit=FEATURES_LIMIT), width)
        if rows * width > NUMBERS_LIMIT:
            expected = _("columns that make at most {limit:,} numbers (rows × features)")
            raise InvalidValue.of("features", expected.format(limit=NUMBERS_LIMIT), rows * width)


def _made(
    x: NDArray[np.float32],
    names: tuple[str, ...],
    goal: Column,
    keep: NDArray[np.bool_],
    classes: Classes | None,
    remarks: tuple[str, ...],
) -> Prepared:
    """The table of these features, and of the target in the rows that remain."""
    if classes is not None:
        table = Table(x, classes.y, names, goal.name, classes.names)
        return Prepared(table, remarks, classes.rare)
    assert goal.values is not None
    y = goal.values[keep]
    if y.min() == y.max():
        expected = _("a target that differs between the {count:,} rows that remain")
        raise InvalidValue.of("target", expected.format(count=len(y)), goal.name)
    return Prepared(Table(x, y, names, goal.name), remarks)


def read_sheet(payload: bytes, name: str, wanted: Target = "number") -> Sheet:
    """Read an untrusted CSV or TSV.

    Parameters
    ----------
    payload
        The file: UTF-8, UTF-16 with a byte order mark, or else Windows-1252; cells separated by
        commas, semicolons or tabs.
    name
        What the visitor calls it; used in messages only.
    wanted
        What there has to be to predict: a column of numbers, or one that makes classes.

    Raises
    ------
    BadSheet
        When it is too large, no text, not a table, or nothing in it can be learned.
    """
    name = label(name) or _("the file")
    refuse = refusal(name)
    remarks: list[str] = []
    text = decoded(payload, refuse, remarks)
    delimiter = delimiter_of(text)
    check_extent(text, delimiter, refuse)
    with _one_at_a_time:
        lines, rows, blank = records(text, delimiter, refuse)
        if delimiter != ",":
            remark = _("Columns are separated by {delimiter}.")
            remarks.append(remark.format(delimiter=_(DELIMITERS[delimiter])))
        if blank:
            remarks.append(_("Blank rows left out: {count:,}.").format(count=blank))
        names = header(lines, rows, remarks)
        if len(rows) < ROWS_LEAST:
            refuse(
                _("at least {least} rows of data").format(least=ROWS_LEAST),
                _("{count}").format(count=len(rows)),
                _("Add rows, or choose another file."),
            )
        preview = tuple(tuple(map(excerpt, row)) for row in rows[:PREVIEW_ROWS])
        raws = [Raw(n, cells) for n, cells in zip(names, zip(*rows, strict=True), strict=True)]
        del rows
        read_styles(raws, remarks)
        columns = tuple(column_of(raw) for raw in raws)
        mixed = mixtures(raws, lines)
    remarks += mixed
    remark_on(columns, wanted, remarks)
    sheet = Sheet(name, len(lines), columns, preview, tuple(remarks), wanted)
    _check_use(sheet, mixed, refuse)
    return sheet


def _check_use(sheet: Sheet, mixed: Sequence[str], refuse: Refuse) -> None:
    """There has to be something to predict, and another column to predict it from."""
    if not sheet.targets:
        (_no_number if sheet.wanted == "number" else _no_classes)(sheet, mixed, refuse)
    if any(sheet.features(target) for target in sheet.targets):
        return
    refuse(
        _("another column to predict “{name}” from").format(name=sheet.targets[0]),
        _("only constant columns, or text with more than {limit} different values").format(
            limit=CATEGORIES_LIMIT
        ),
        " ".join([*mixed, _(WRITE_NUMBERS) if mixed else _("Add such a column.")]),
    )


def _no_number(sheet: Sheet, mixed: Sequence[str], refuse: Refuse) -> None:
    text = {c.kind for c in sheet.columns} & {"text", "category"}
    refuse(
        _("at least one column of numbers that differ, to predict"),
        _("only columns of text") if text else _("only constant columns"),
        " ".join([*mixed, _(WRITE_NUMBERS)]),
    )


def _no_classes(sheet: Sheet, mixed: Sequence[str], refuse: Refuse) -> None:
    expected = _("at least one column of 2 to {limit} classes, or of numbers that differ")
    reasons = (f"“{name}” ({why})" for name, why in islice(sheet.unfit.items(), NAMED))
    refuse(
        expected.format(limit=CLASSES_LIMIT),
        ", ".join(reasons),
        " ".join([*mixed, _("Add a column that says which class each row belongs to.")]),
    )
