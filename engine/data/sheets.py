"""A visitor's CSV: from untrusted bytes to columns, and from chosen columns to a `Table`.

Torch-free. Sizes are measured on the raw bytes before anything is parsed; every rule that was
applied is stated in `Sheet.remarks`, every refusal says what was expected, what came and what to do.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from math import inf, isnan, nan
from threading import Lock
from typing import Any, Literal, NamedTuple, NoReturn, get_args

import numpy as np
from numpy.typing import NDArray

from engine.data.tables import (
    FEATURES_LIMIT,
    NAME_LIMIT,
    NUMBERS_LIMIT,
    ROWS_LEAST,
    VALUE_LIMIT,
    Table,
)
from engine.errors import InvalidValue, Problem, shorten
from engine.words import N_, _

BYTES_LIMIT = 10 * 2**20
LINES_LIMIT = 200_000
COLUMNS_LIMIT = 1_000
CELLS_LIMIT = 2_000_000
CATEGORIES_LIMIT = 30
"""Values of a text column that can still be one-hot coded."""
NUMBER_LENGTH = 100
"""Characters of a cell that may be a number."""
LABEL_LENGTH = 60
"""Characters kept of a column's name and of a category; both fit into a feature's name."""
PREVIEW_ROWS = 8
PREVIEW_LENGTH = 40
NAMED = 5
"""Columns or lines that a message names; the others are counted."""

Kind = Literal["number", "category", "text", "constant"]
Missing = Literal["drop", "mean", "median"]

SIGNATURES = {
    b"PK\x03\x04": N_("an Excel workbook or a zip archive"),
    b"\xd0\xcf\x11\xe0": N_("an old Excel workbook"),
    b"\x1f\x8b": N_("a gzip archive"),
    b"%PDF": N_("a PDF document"),
    b"PAR1": N_("a Parquet file"),
    b"\x89PNG": N_("a picture"),
    b"\xff\xd8\xff": N_("a picture"),
}
ENCODINGS = {
    b"\xef\xbb\xbf": ("utf-8-sig", ""),
    b"\xff\xfe": ("utf-16", N_("The file was read as UTF-16, as its first two bytes say.")),
    b"\xfe\xff": ("utf-16", N_("The file was read as UTF-16, as its first two bytes say.")),
}
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
DELIMITERS = {"\t": N_("tabs"), ";": N_("semicolons"), ",": N_("commas")}
"""In the order of preference: tabs and semicolons are rarer inside cells than commas."""
SAMPLE = 64 * 1024
SAMPLE_ROWS = 20

MISSING_WORDS = ("NA", "N/A", "#N/A", "<NA>", "NaN", "null", "none", "?")
"""Cells that count as missing, in any case, beside empty ones, points and dashes."""
_MISSING = frozenset({"", ".", "-", "--", *(word.casefold() for word in MISSING_WORDS)})
DECIMAL_COMMA = re.compile(
    r"[+-]?(?:(?:\d{1,3}(?:\.\d{3})+|\d*),\d+|\d{1,3}(?:\.\d{3})+|\d+)(?:[eE][+-]?\d+)?", re.ASCII
)
GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?(?:[eE][+-]?\d+)?", re.ASCII)

_one_at_a_time = Lock()
"""The cells of one sheet may take 150 MB while they are sorted into columns."""


class BadSheet(InvalidValue):
    """A file that cannot be read as a table: what was expected, what came, what to do."""

    def __init__(self, file: str, expected: str, received: str, advice: str) -> None:
        super().__init__([Problem(file, expected, received)])
        self.message = f"{self.message} {advice}"
        self.args = (self.message,)
        self.field = "file"


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
    """

    name: str
    kind: Kind
    missing: int
    distinct: int
    not_finite: int = 0
    rounded: bool = False
    categories: tuple[str, ...] = ()
    values: NDArray[Any] | None = None

    @property
    def gaps(self) -> NDArray[np.bool_]:
        """Which rows lack a value, shape (rows,)."""
        assert self.values is not None
        found = self.values < 0 if self.kind == "category" else np.isnan(self.values)
        return np.asarray(found, dtype=np.bool_)

    @property
    def width(self) -> int:
        """Features that it makes: one, or one for each category and for missing ones."""
        return 1 if self.kind == "number" else len(self.categories) + (self.missing > 0)


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


class Prepared(NamedTuple):
    """A table, and what was done to make it, in words."""

    table: Table
    remarks: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Sheet:
    """A CSV that was read: columns, its first rows as they stood there, and the rules applied."""

    name: str
    rows: int
    columns: tuple[Column, ...]
    preview: tuple[tuple[str, ...], ...]
    remarks: tuple[str, ...]

    @property
    def targets(self) -> tuple[str, ...]:
        """Columns that can be predicted."""
        return tuple(c.name for c in self.columns if c.kind == "number")

    @property
    def usable(self) -> tuple[str, ...]:
        """Columns that can be features (or the target)."""
        return tuple(c.name for c in self.columns if c.values is not None)

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

    def prepare(self, target: str, features: Iterable[str], missing: Missing = "drop") -> Table:
        """The table of these columns; see `prepared`."""
        return self.prepared(target, features, missing).table

    def prepared(self, target: str, features: Iterable[str], missing: Missing = "drop") -> Prepared:
        """The table of these columns, and what was done to make it.

        Rows without a target are left out. Categories become a column `name=value` each, and one
        for missing values. Features stand in the order of the sheet.

        Parameters
        ----------
        missing
            What happens where a feature lacks a number: its row is left out (`"drop"`), or the
            mean or median of the rows that have it is filled in.

        Raises
        ------
        InvalidValue
            When a column cannot be used so, too few rows are left, or the table is too large.
        """
        if missing not in get_args(Missing):
            expected = _("one of {choices}").format(choices=", ".join(get_args(Missing)))
            raise InvalidValue.of("missing", expected, missing)
        goal, chosen = self._chosen(target, features)
        keep = ~goal.gaps
        remarks = []
        if goal.missing:
            text = _("Rows left out because they lack “{name}”: {count:,}.")
            remarks.append(text.format(count=goal.missing, name=target))
        if missing == "drop":
            before = int(keep.sum())
            for column in chosen:
                keep &= ~column.gaps if column.kind == "number" else True
            if before > keep.sum():
                text = _("Rows left out because they lack a number: {count:,}.")
                remarks.append(text.format(count=before - int(keep.sum())))
        self._check_size(int(keep.sum()), chosen, missing)
        names, arrays, left_out = self._coded(goal, chosen, keep, missing, remarks)
        if left_out:
            text = _("Left out, as they are the same in all rows that remain: {names}.")
            remarks.append(text.format(names=_listed(left_out)))
        if not names:
            expected = _("features that differ between the {count:,} rows that remain")
            raise InvalidValue.of("features", expected.format(count=keep.sum()), left_out)
        assert goal.values is not None
        y = goal.values[keep]
        if y.min() == y.max():
            expected = _("a target that differs between the {count:,} rows that remain")
            raise InvalidValue.of("target", expected.format(count=len(y)), target)
        return Prepared(Table(np.stack(arrays, axis=1), y, tuple(names), target), tuple(remarks))

    def _column(self, name: str, field: str, allowed: Sequence[str]) -> Column:
        if name not in allowed:
            choices = _listed(allowed) or _("(there are none)")
            raise InvalidValue.of(field, _("one of {choices}").format(choices=choices), name)
        return next(c for c in self.columns if c.name == name)

    def _chosen(self, target: str, features: Iterable[str]) -> tuple[Column, list[Column]]:
        """The target's column, and those of the features in the order of the sheet."""
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

    @staticmethod
    def _coded(
        goal: Column,
        chosen: Sequence[Column],
        keep: NDArray[np.bool_],
        missing: Missing,
        remarks: list[str],
    ) -> tuple[list[str], list[NDArray[np.float32]], list[str]]:
        """Names and values of the features that vary, and the names of those that do not."""
        names, arrays, left_out, filled = [], [], [], 0
        taken = {goal.name} | {c.name for c in chosen}
        for column in chosen:
            assert column.values is not None
            values = column.values[keep]
            if column.kind == "category":
                parts = list(_indicators(column, values, taken))
            else:
                filled += int(np.isnan(values).sum())
                parts = [(column.name, _filled(values, missing))]
            for name, part in parts:
                if part.min() == part.max():
                    left_out.append(name)
                else:
                    names.append(name)
                    arrays.append(part)
        if filled:
            text = {
                "mean": _(
                    "Missing numbers, now the mean of their column (over all rows): {count:,}."
                ),
                "median": _(
                    "Missing numbers, now the median of their column (over all rows): {count:,}."
                ),
            }[missing]
            remarks.append(text.format(count=filled))
        return names, arrays, left_out


def _filled(values: NDArray[np.float32], missing: Missing) -> NDArray[np.float32]:
    """Gaps filled; zeros where there is nothing to fill them from."""
    gaps = np.isnan(values)
    if gaps.any():
        known = values[~gaps].astype(np.float64)
        middle = np.median if missing == "median" else np.mean
        values = np.where(gaps, np.float32(middle(known) if len(known) else 0.0), values)
    return values.astype(np.float32)


def _indicators(
    column: Column, codes: NDArray[Any], taken: set[str]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """One-hot columns: 1 where the row has this category, else 0."""
    for code, category in enumerate(column.categories):
        yield _unused(f"{column.name}={category}", taken), (codes == code).astype(np.float32)
    if (codes < 0).any():
        yield _unused(f"{column.name}=" + _("missing"), taken), (codes < 0).astype(np.float32)


def read_sheet(payload: bytes, name: str) -> Sheet:
    """Read an untrusted CSV or TSV.

    Parameters
    ----------
    payload
        The file: UTF-8, UTF-16 with a byte order mark, or else Windows-1252; cells separated by
        commas, semicolons or tabs.
    name
        What the visitor calls it; used in messages only.

    Raises
    ------
    BadSheet
        When it is too large, no text, not a table, or nothing in it can be learned.
    """
    name = _label(name) or _("the file")
    refuse = partial(_refuse, name)
    remarks: list[str] = []
    text = _decoded(payload, refuse, remarks)
    delimiter = _delimiter(text)
    _check_extent(text, delimiter, refuse)
    with _one_at_a_time:
        lines, rows, blank = _records(text, delimiter, refuse)
        if delimiter != ",":
            remark = _("Columns are separated by {delimiter}.")
            remarks.append(remark.format(delimiter=_(DELIMITERS[delimiter])))
        if blank:
            remarks.append(_("Blank rows left out: {count:,}.").format(count=blank))
        header = _header(lines, rows, remarks)
        if len(rows) < ROWS_LEAST:
            refuse(
                _("at least {least} rows of data").format(least=ROWS_LEAST),
                _("{count}").format(count=len(rows)),
                _("Add rows, or choose another file."),
            )
        preview = tuple(tuple(map(_excerpt, row)) for row in rows[:PREVIEW_ROWS])
        raws = [_Raw(n, cells) for n, cells in zip(header, zip(*rows, strict=True), strict=True)]
        del rows
        _read_styles(raws, remarks)
        columns = tuple(_column(raw) for raw in raws)
        mixtures = _mixtures(raws, lines)
    remarks += mixtures
    _remark_on(columns, remarks)
    _check_use(columns, mixtures, refuse)
    return Sheet(name, len(lines), columns, preview, tuple(remarks))


def _refuse(file: str, expected: str, received: str, advice: str) -> NoReturn:
    raise BadSheet(file, expected, received, advice)


Refuse = Callable[[str, str, str], NoReturn]


def _decoded(payload: bytes, refuse: Refuse, remarks: list[str]) -> str:
    """The text of a file, its lines ending in a line feed."""
    if len(payload) > BYTES_LIMIT:
        refuse(
            _("at most {limit} MB").format(limit=BYTES_LIMIT // 2**20),
            _("{size:,.1f} MB").format(size=len(payload) / 2**20),
            _("Keep fewer rows or columns: a sample is enough to learn from."),
        )
    text_wanted = _("text: a table with commas, semicolons or tabs between its cells")
    save_as = _("Save the table as CSV (UTF-8) and choose that file.")
    for signature, what in SIGNATURES.items():
        if payload.startswith(signature):
            refuse(text_wanted, _(what), save_as)
    text = _as_text(payload, remarks)
    if text is None:
        refuse(_("text in one encoding"), _("bytes that are no UTF-8 or UTF-16"), save_as)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        refuse(text_wanted, _("an empty file"), _("Choose a file that has rows."))
    control = CONTROLS.search(text)
    if control:
        line = text.count("\n", 0, control.start()) + 1
        what = (
            _("NUL bytes, as in UTF-16 without its mark or in a binary file")
            if control[0] == "\0"
            else _("the character {code}")
        )
        place = _("{what} (line {line})").format(
            what=what.format(code=f"U+{ord(control[0]):04X}"), line=line
        )
        refuse(text_wanted, place, save_as)
    return text


def _as_text(payload: bytes, remarks: list[str]) -> str | None:
    """The file decoded: by its byte order mark, as UTF-8, or as Windows-1252; None: not possible."""
    for mark, (encoding, remark) in ENCODINGS.items():
        if payload.startswith(mark):
            if remark:
                remarks.append(_(remark))
            try:
                return payload.decode(encoding)
            except UnicodeDecodeError:
                return None
    try:
        return payload.decode("utf-8")
    except UnicodeDecodeError:
        remarks.append(
            _("The file is not UTF-8; it was read as Western European (Windows-1252, Latin-1).")
        )
    try:
        return payload.decode("cp1252")
    except UnicodeDecodeError:
        return payload.decode("latin-1")


def _delimiter(text: str) -> str:
    """The delimiter that the first records share; else the most frequent in the first one.

    One that splits all of them into equally many cells is taken, tabs before semicolons before
    commas, so that decimal commas do not mislead.
    """
    sample = text[:SAMPLE]
    most, best = 0, ","
    for delimiter in DELIMITERS:
        widths: list[int] = []
        reader = csv.reader(io.StringIO(sample), delimiter=delimiter, skipinitialspace=True)
        try:
            widths.extend(len(row) for row in islice(reader, SAMPLE_ROWS) if row)
        except csv.Error:
            continue  # a cell longer than csv allows; told when the whole file is read
        if len(sample) < len(text) and 1 < len(widths) < SAMPLE_ROWS:
            widths.pop()  # the sample may end within it
        if widths and widths[0] > 1 and len(set(widths)) == 1:
            return delimiter
        if widths and widths[0] > most:
            most, best = widths[0], delimiter
    return best


def _check_extent(text: str, delimiter: str, refuse: Refuse) -> None:
    """Lines, columns and cells, counted before anything is parsed."""
    lines = text.count("\n") + (not text.endswith("\n"))
    if lines > LINES_LIMIT:
        refuse(
            _("at most {limit:,} lines").format(limit=LINES_LIMIT),
            _("{count:,}").format(count=lines),
            _("Keep fewer rows: a sample is enough to learn from."),
        )
    first = text.lstrip().partition("\n")[0]
    columns = sum(part.count(delimiter) for part in first.split('"')[::2]) + 1
    if columns > COLUMNS_LIMIT:
        refuse(
            _("at most {limit:,} columns").format(limit=COLUMNS_LIMIT),
            _("{count:,}").format(count=columns),
            _("Keep the columns that matter."),
        )
    cells = text.count(delimiter) + lines
    if cells > CELLS_LIMIT:
        refuse(
            _("at most {limit:,} cells (rows × columns)").format(limit=CELLS_LIMIT),
            _("about {count:,}").format(count=cells),
            _("Keep fewer rows or columns."),
        )


def _records(text: str, delimiter: str, refuse: Refuse) -> tuple[list[int], list[list[str]], int]:
    """Lines on which the records start, the records, and how many blank ones were left out."""
    lines: list[int] = []
    rows: list[list[str]] = []
    ragged: list[str] = []
    blank = odd = 0
    for line, row in _parsed(text, delimiter, refuse):
        if not "".join(row).strip():
            blank += 1
        elif rows and len(row) != len(rows[0]):
            odd += 1
            if odd <= NAMED:
                place = _("{count:,} in line {line:,}")
                ragged.append(place.format(count=len(row), line=line))
        else:
            lines.append(line)
            rows.append(row)
    width = len(rows[0]) if rows else 0
    if width < 2:
        refuse(
            _("at least two columns, separated by commas, semicolons or tabs"),
            _("one column"),
            _("There has to be a number to predict and something to predict it from."),
        )
    if ragged:
        more = _(" and {count:,} more such lines").format(count=odd - NAMED)
        refuse(
            _("{width:,} cells in every line, as in line {line}").format(
                width=width, line=lines[0]
            ),
            ", ".join(ragged) + (more if odd > NAMED else ""),
            _('Put cells that hold a separator into quotation marks ("), and fill up short lines.'),
        )
    return lines, rows, blank


def _parsed(text: str, delimiter: str, refuse: Refuse) -> Iterator[tuple[int, list[str]]]:
    """Records with the line on which each starts."""
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True, strict=True)
    while True:
        start = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "field limit" in str(error):
                received = _("a longer one, or an unclosed quotation mark, from line {start:,} on")
                expected = _("cells of at most {limit:,} characters").format(
                    limit=csv.field_size_limit()
                )
            else:
                expected = _('a closing quotation mark (") at the end of each cell that opens one')
                received = _("none from line {start:,} to line {end:,}")
            refuse(
                expected,
                received.format(start=start, end=reader.line_num),
                _('Close it; a quotation mark inside a cell is written twice ("").'),
            )
        yield start, row


def _header(lines: list[int], rows: list[list[str]], remarks: list[str]) -> list[str]:
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
    labels = [_label(cell) for cell in rows.pop(0)]
    taken: set[str] = {label for label in labels if label}
    names: list[str] = []
    doubled, unnamed = [], []
    for number, label in enumerate(labels, start=1):
        if not label:
            label = _unused(_("column {number}").format(number=number), taken)
            unnamed.append(label)
        elif label in names:
            label = _unused(label, taken)
            doubled.append(label)
        names.append(label)
    if doubled:
        text = _("Columns of the same name were numbered: {names}.")
        remarks.append(text.format(names=_listed(doubled)))
    if unnamed:
        text = _("Columns without a name are called by their place: {names}.")
        remarks.append(text.format(names=_listed(unnamed)))
    return names


class _Raw:
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


def _read_styles(raws: Sequence[_Raw], remarks: list[str]) -> None:
    """Read numbers with decimal commas or grouped thousands, where it is clear which they are.

    A column such as 1,250 · 3,125 can be both; the other columns decide, and without them it
    stays text. Where commas are decimal, 1.250 · 3.125 is a number of thousands.
    """
    commas: list[_Raw] = []
    groups: list[_Raw] = []
    unclear: list[_Raw] = []
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
            remarks.append(text.format(names=_listed([raw.name for raw in found_so])))
    if unclear:
        text = _(
            "Counted as text, as 1,250 may be read in two ways: {names}. Write 1250 or 1.250 there."
        )
        remarks.append(text.format(names=_listed([raw.name for raw in unclear])))


def _column(raw: _Raw) -> Column:
    """Decide what a column is, and keep its values if they can be used."""
    if raw.texts:
        return _category(raw)
    numbers = np.fromiter(map(raw.parsed.__getitem__, raw.cells), np.float64, len(raw.cells))
    too_large = np.isinf(numbers)
    numbers[too_large] = nan
    different = np.unique(numbers[~np.isnan(numbers)])
    distinct = len(np.unique(different.astype(np.float32)))
    return Column(
        raw.name,
        "number" if distinct > 1 else "constant",
        missing=int(np.isnan(numbers).sum()),
        not_finite=int(too_large.sum()),
        distinct=distinct,
        rounded=distinct < len(different),
        values=numbers.astype(np.float32) if distinct > 1 else None,
    )


def _category(raw: _Raw) -> Column:
    """A column of texts: a category, or too many different ones to be used."""
    texts = {
        cell: cell.strip()
        for cell, value in raw.parsed.items()
        if isinstance(value, str) or not isnan(value)
    }
    found = sorted(set(texts.values()))
    missing = sum(cell not in texts for cell in raw.cells)
    column = partial(Column, raw.name, missing=missing, distinct=len(found))
    if len(found) > CATEGORIES_LIMIT:
        return column(kind="text")
    if len(found) + (missing > 0) < 2:
        return column(kind="constant")
    codes = {text: code for code, text in enumerate(found)}
    indices = (codes[texts[cell]] if cell in texts else -1 for cell in raw.cells)
    values = np.fromiter(indices, np.int8, len(raw.cells))
    taken: set[str] = set()
    labels = tuple(_unused(_label(text) or "?", taken) for text in found)
    return column(kind="category", categories=labels, values=values)


def _mixtures(raws: Sequence[_Raw], lines: Sequence[int]) -> list[str]:
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
                cell=shorten(_excerpt(raw.cells[wrong[0]])),
                line=lines[wrong[0]],
                count=len(wrong),
                of=len(raw.cells),
            )
        )
    if others:
        remarks.append(_("Likewise: {names}.").format(names=_listed(others)))
    return remarks


def _remark_on(columns: Sequence[Column], remarks: list[str]) -> None:
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
        remarks.append(text.format(count=count, limit=VALUE_LIMIT, names=_listed(too_large)))
    rounded = [c.name for c in columns if c.rounded]
    if rounded:
        text = _("Numbers have 7 digits here, which makes some of them equal in: {names}.")
        remarks.append(text.format(names=_listed(rounded)))
    constant = [c.name for c in columns if c.kind == "constant"]
    if constant:
        text = _("Not offered, as they have the same value everywhere or none: {names}.")
        remarks.append(text.format(names=_listed(constant)))
    texts = [c.name for c in columns if c.kind == "text"]
    if texts:
        text = _("Not offered, as they are text with more than {limit} different values: {names}.")
        remarks.append(text.format(limit=CATEGORIES_LIMIT, names=_listed(texts)))


def _check_use(columns: Sequence[Column], mixtures: Sequence[str], refuse: Refuse) -> None:
    """There has to be a number to predict, and another column to predict it from."""
    advice = _("Write numbers as 1234.5, without units, and leave missing ones empty.")
    if not any(c.kind == "number" for c in columns):
        kinds = {c.kind for c in columns}
        refuse(
            _("at least one column of numbers that differ, to predict"),
            _("only columns of text")
            if kinds & {"text", "category"}
            else _("only constant columns"),
            " ".join([*mixtures, advice]),
        )
    if sum(c.values is not None for c in columns) < 2:
        name = next(c.name for c in columns if c.values is not None)
        refuse(
            _("another column to predict “{name}” from").format(name=name),
            _("only constant columns, or text with more than {limit} different values").format(
                limit=CATEGORIES_LIMIT
            ),
            " ".join([*mixtures, advice if mixtures else _("Add such a column.")]),
        )


def _label(text: str) -> str:
    """A name or category on one line, of printable characters, cut to a sensible length."""
    clean = " ".join("".join(c if c.isprintable() else " " for c in text[:1000]).split())
    return clean if len(clean) <= LABEL_LENGTH else clean[: LABEL_LENGTH - 1] + "…"


def _excerpt(cell: str) -> str:
    """A cell as the preview shows it."""
    return cell if len(cell) <= PREVIEW_LENGTH else cell[: PREVIEW_LENGTH - 1] + "…"


def _unused(name: str, taken: set[str]) -> str:
    """`name`, or `name (2)`, `name (3)`, … : the first that is not taken; it is taken then."""
    found, number = name[:NAME_LIMIT], 1
    while found in taken:
        number += 1
        suffix = f" ({number})"
        found = name[: NAME_LIMIT - len(suffix)] + suffix
    taken.add(found)
    return found


def _listed(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    text = ", ".join(f"“{name}”" for name in names[:NAMED])
    if len(names) > NAMED:
        text += " " + _("and {count:,} more").format(count=len(names) - NAMED)
    return text
