"""A CSV with a header → rows in a model's order → the same CSV with the model's answers.

Torch-free. Cells are read as those of tables that are trained on (`engine.data`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from engine.data.columns import Raw, read_styles
from engine.data.names import label, listed, unused
from engine.data.reading import check_extent, decoded, delimiter_of, records, refusal
from engine.errors import InvalidValue, Problem, shorten
from engine.history import escaped
from engine.serving import NUMBER_LIMIT, Signature
from engine.words import _

PROBABILITIES_LIMIT = 30
"""Classes up to which every one has its column; of more only the highest probability is told."""
ROWS_AT_ONCE = 5000
"""Rows that are asked in one question."""


@dataclass(frozen=True)
class Rows:
    """What was found in a file.

    Attributes
    ----------
    header, cells
        Names of all columns, and every row as it was written.
    inputs
        The numbers of each row, in the order of the model's features.
    ignored
        Columns that the model does not know.
    remarks
        In words, how numbers were read.
    """

    header: list[str]
    cells: list[list[str]]
    inputs: list[list[float]]
    ignored: tuple[str, ...]
    remarks: tuple[str, ...]


def has_header(text: str, features: Sequence[str]) -> bool:
    """Whether the first line names a feature (or a category's column), rather than being data."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    names = {label(cell) for cell in next(csv.reader([first], delimiter=delimiter_of(first)), [])}
    return any(n in names or n.partition("=")[0] in names for n in features)


def read_rows(payload: bytes, name: str, features: Sequence[str]) -> Rows:
    """The rows of an untrusted file for a model with these features; its columns in any order.

    Raises
    ------
    InvalidValue
        When it is no table or too large, lacks a column, or a cell is not what the model takes;
        names the columns or the line.
    """
    remarks: list[str] = []
    text = decoded(payload, refusal(name), remarks)
    lines, cells = _records(text, name)
    header = [label(cell) for cell in cells.pop(0)]
    lines.pop(0)
    places = _places(header, features)
    if not cells:
        raise InvalidValue.of(name, _("at least one row below the names"), "")
    raws = {n: Raw(header[n], [row[n] for row in cells]) for n in sorted(set(places.values()))}
    read_styles(list(raws.values()), remarks)
    columns = [_numbers(raws[places[f]], f, header[places[f]], features, lines) for f in features]
    ignored = tuple(name for n, name in enumerate(header) if n not in raws and name)
    return Rows(
        header, cells, [list(row) for row in zip(*columns, strict=True)], ignored, tuple(remarks)
    )


def _records(text: str, name: str) -> tuple[list[int], list[list[str]]]:
    """Lines on which the records start, and the records, the header among them."""
    refuse = refusal(name)
    delimiter = delimiter_of(text)
    check_extent(text, delimiter, refuse)
    first = next(line for line in text.splitlines() if line.strip())
    if delimiter not in first:  # one column, which is no table to learn from
        numbered = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
        return [n for n, _line in numbered], [[line.strip().strip('"')] for _n, line in numbered]
    lines, rows, _blank = records(text, delimiter, refuse)
    return lines, rows


def _places(header: Sequence[str], features: Sequence[str]) -> dict[str, int]:
    """The column of each feature; a feature `column=category` is read from a column of texts.

    Raises
    ------
    InvalidValue
        Names the features without a column, and names that stand there twice.
    """
    at = {name: n for n, name in enumerate(header)}
    names = {f: f if f in at else f.rpartition("=")[0] for f in features}
    missing = list(dict.fromkeys(names[f] or f for f in features if names[f] not in at))
    if missing:
        expected = _("a column for each of {names}").format(names=listed(list(features)))
        received = _("none named {names}").format(names=listed(missing))
        raise InvalidValue([Problem("header", expected, received)])
    doubled = [n for n in dict.fromkeys(names.values()) if header.count(n) > 1]
    if doubled:
        expected = _("each name once")
        raise InvalidValue([Problem("header", expected, listed(doubled))])
    return {f: at[name] for f, name in names.items()}


def _numbers(
    raw: Raw, feature: str, column: str, features: Sequence[str], lines: Sequence[int]
) -> list[float]:
    """A feature's number in each row."""
    if feature == column:
        return [_number(raw.parsed[c], c, column, n) for c, n in zip(raw.cells, lines, strict=True)]
    known = [f.rpartition("=")[2] for f in features if f.rpartition("=")[0] == column]
    category = feature.rpartition("=")[2]
    found = [_category(raw.parsed[c], c) for c in raw.cells]
    for name, line in zip(found, lines, strict=True):
        if name not in known:
            expected = _("one of {names} for “{column}”").format(names=listed(known), column=column)
            raise InvalidValue([Problem(_line(line), expected, shorten(name))])
    return [float(name == category) for name in found]


def _number(value: float | str, cell: str, column: str, line: int) -> float:
    if isinstance(value, str) or not isfinite(value) or abs(value) > NUMBER_LIMIT:
        expected = _("a finite number for “{column}”").format(column=column)
        received = shorten(cell) if cell.strip() else _("nothing")
        raise InvalidValue([Problem(_line(line), expected, received)])
    return value


def _category(value: float | str, cell: str) -> str:
    """The category in a cell; numbers are categories as they were written."""
    return label(cell) if isinstance(value, str) or isfinite(value) else _("missing")


def _line(number: int) -> str:
    return _("line {number:,}").format(number=number)


def scored(
    header: Sequence[str],
    cells: Sequence[Sequence[Any]],
    answer: Mapping[str, Sequence[Any]],
    signature: Signature,
) -> str:
    """The rows with the model's answers behind them, as CSV that no spreadsheet takes for formulas.

    Classes go by their names, with the probability of each; of regression, quantiles are told too.
    """
    taken = set(header)
    added: list[tuple[str, Sequence[Any]]] = [(_("prediction"), named(answer, signature))]
    added += [(name, answer[name]) for name in ("low", "high") if name in answer]
    added += _probabilities(answer.get("probabilities"), signature.classes)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_safe(n) for n in (*header, *(unused(name, taken) for name, _v in added))])
    for row, *answers in zip(cells, *(values for _n, values in added), strict=True):
        writer.writerow([_safe(cell) for cell in (*row, *answers)])
    return text.getvalue()


def named(answer: Mapping[str, Sequence[Any]], signature: Signature) -> list[Any]:
    """The outputs, classes by their names."""
    classes = signature.classes
    return [
        classes[o] if classes and type(o) is int and o < len(classes) else o
        for o in answer["outputs"]
    ]


def _probabilities(
    probabilities: Sequence[Sequence[float]] | None, classes: Sequence[str]
) -> list[tuple[str, Sequence[Any]]]:
    if not probabilities:
        return []
    count = len(probabilities[0])
    if count > PROBABILITIES_LIMIT:
        return [(_("probability"), [max(row) for row in probabilities])]
    names = classes if len(classes) == count else [str(k) for k in range(count)]
    return [
        (_("probability of {name}").format(name=name), [row[k] for row in probabilities])
        for k, name in enumerate(names)
    ]


def _safe(cell: Any) -> Any:
    """A cell that is no formula; a negative number stays one."""
    try:
        float(cell)
    except (TypeError, ValueError):
        return escaped(cell)
    return cell
