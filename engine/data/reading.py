"""An untrusted file's text, and the records in it; sizes are measured before anything is parsed.

Every refusal says what was expected, what came and what to do.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NoReturn

from engine.data.names import NAMED
from engine.errors import InvalidValue, Problem
from engine.words import N_, _

BYTES_LIMIT = 10 * 2**20
LINES_LIMIT = 200_000
COLUMNS_LIMIT = 1_000
CELLS_LIMIT = 2_000_000

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


class Advised(InvalidValue):
    """A value that cannot be used: what was expected, what came, what to do."""

    def __init__(self, field: str, expected: str, received: str, advice: str) -> None:
        super().__init__([Problem(field, expected, received)])
        self.message = f"{self.message} {advice}"
        self.args = (self.message,)


class BadSheet(Advised):
    """A file that cannot be read as a table."""

    def __init__(self, file: str, expected: str, received: str, advice: str) -> None:
        super().__init__(file, expected, received, advice)
        self.field = "file"


Refuse = Callable[[str, str, str], NoReturn]


def refusal(file: str) -> Refuse:
    """Refuses `file`: expected, received, advice."""

    def refuse(expected: str, received: str, advice: str) -> NoReturn:
        raise BadSheet(file, expected, received, advice)

    return refuse


def decoded(payload: bytes, refuse: Refuse, remarks: list[str]) -> str:
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


def delimiter_of(text: str) -> str:
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


def check_extent(text: str, delimiter: str, refuse: Refuse) -> None:
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


def records(text: str, delimiter: str, refuse: Refuse) -> tuple[list[int], list[list[str]], int]:
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
            _("There has to be something to predict, and something to predict it from."),
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
    """Records with the line on which each starts.

    Spaces before a cell are left to it, as they may be stray ones of a label, unless they stand
    before a quotation mark, which would not count as one then.
    """
    spaced = re.search(f'(?:^|{delimiter}) +"', text, re.MULTILINE) is not None
    reader = csv.reader(
        io.StringIO(text), delimiter=delimiter, skipinitialspace=spaced, strict=True
    )
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
