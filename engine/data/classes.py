"""A column as classes: each of its values is one, or a quantity is split at its median."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Column
from engine.data.names import listed
from engine.data.reading import Advised
from engine.data.tables import CLASSES_LIMIT
from engine.words import _

ClassesBy = Literal["values", "median"]

FEW_ROWS = 2
"""A class with fewer rows cannot be learned and measured at the same time."""


class Classes(NamedTuple):
    """The classes of the rows that remain.

    Attributes
    ----------
    keep : ndarray of bool, shape (rows,)
        Which rows remain.
    y : ndarray of float32, shape (rows that remain,)
        Indices of `names`.
    names
        Of the classes that have a row, in the order of the column's values.
    rare
        Classes with fewer than `FEW_ROWS` rows, whether they were left out or not.
    remarks
        What was done, in words.
    """

    keep: NDArray[np.bool_]
    y: NDArray[np.float32]
    names: tuple[str, ...]
    rare: tuple[str, ...]
    remarks: tuple[str, ...]


class BadTarget(Advised):
    """A column that cannot be told apart as classes."""

    def __init__(self, expected: str, received: str, advice: str = "") -> None:
        super().__init__("target", expected, received, advice or _("Choose another column."))


def ways(column: Column) -> tuple[ClassesBy, ...]:
    """How a column can become classes, the usual way first."""
    if column.kind != "number" or column.distinct == 2:
        return ("values",) if len(column.classes) > 1 else ()
    return ("values", "median") if column.classes else ("median",)


def check_separable(column: Column) -> None:
    """Refuse a column that has no or too many classes.

    Raises
    ------
    BadTarget
    """
    if column.kind == "text" and not column.classes:
        raise _too_many(column.distinct)
    if not column.separable:
        received = listed(column.classes) if column.classes else str(column.distinct)
        raise BadTarget(_("at least two classes"), received)


def way_of(column: Column, by: ClassesBy | None) -> ClassesBy:
    """How this column becomes classes; a quantity is not taken for classes unasked.

    Raises
    ------
    BadTarget
        When it has to be said, or is not possible.
    """
    check_separable(column)
    possible = ways(column)
    if by is None and column.quantity:
        raise BadTarget(
            _("whether each value is a class, or the column is split at its median"),
            _("“{name}”, which looks like a quantity ({count:,} different values)").format(
                name=column.name, count=column.distinct
            ),
            _("Choose one of both, or another column."),
        )
    if by == "values" and by not in possible:
        raise _too_many(column.distinct, _("Split it at its median, or choose another column."))
    if by == "median" and by not in possible:
        raise BadTarget(
            _("a column of more than two different numbers to split at its median"),
            f"“{column.name}”",
        )
    return by or possible[0]


def classes_of(
    column: Column, keep: NDArray[np.bool_], by: ClassesBy, *, leave_rare: bool = False
) -> Classes:
    """The classes of the rows to be kept.

    Parameters
    ----------
    keep : ndarray of bool, shape (rows,)
        Rows that have a value in this column.
    leave_rare
        Leave out the rows of classes with fewer than `FEW_ROWS` rows.

    Raises
    ------
    BadTarget
        When fewer than two classes remain.
    """
    remarks: list[str] = []
    codes, names = (_valued if by == "values" else _split)(column, keep, remarks)
    counts = np.bincount(codes, minlength=len(names))
    rare = tuple(n for n, count in zip(names, counts, strict=True) if 0 < count < FEW_ROWS)
    if rare:
        remarks.append(rare_remark(rare, left_out=leave_rare))
    empty = [n for n, count in zip(names, counts, strict=True) if not count]
    if empty:
        text = _("Classes without a row that remains: {names}.")
        remarks.append(text.format(names=listed(empty)))
    wanted = counts >= (FEW_ROWS if leave_rare else 1)
    left = tuple(n for n, want in zip(names, wanted, strict=True) if want)
    if len(left) < 2:
        raise _too_few(left, rare if leave_rare else ())
    of_wanted = wanted[codes]
    keep = keep.copy()
    keep[keep] = of_wanted
    order = np.cumsum(wanted) - 1
    return Classes(keep, order[codes[of_wanted]].astype(np.float32), left, rare, tuple(remarks))


def rare_remark(rare: Sequence[str], *, left_out: bool) -> str:
    """What happens to classes with one row."""
    if left_out:
        text = _("Classes with one row only, left out: {names}.")
    else:
        text = _(
            "Classes with one row only, which is learned from, so that these are never measured: "
            "{names}."
        )
    return text.format(names=listed(rare))


def _valued(
    column: Column, keep: NDArray[np.bool_], remarks: list[str]
) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    """Each value is a class."""
    assert column.codes is not None
    if column.kind == "number":
        text = _("“{name}” holds numbers; each of its {count} values is a class.")
        remarks.append(text.format(name=column.name, count=len(column.classes)))
    if column.stray:
        text = _("Stray spaces were removed from labels of “{name}”: {count:,}.")
        remarks.append(text.format(name=column.name, count=column.stray))
    alike = _alike(column.classes)
    if alike:
        text = _("These classes differ only in upper and lower case, and were kept apart: {names}.")
        remarks.append(text.format(names=listed(alike)))
    return column.codes[keep].astype(np.intp), column.classes


def _alike(names: Sequence[str]) -> list[str]:
    """Names that differ only in case from another one."""
    folded = [name.casefold() for name in names]
    alike = [pair for pair in zip(folded, names, strict=True) if folded.count(pair[0]) > 1]
    return [name for _fold, name in sorted(alike)]


def _split(
    column: Column, keep: NDArray[np.bool_], remarks: list[str]
) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    """Two classes: not above the median of the rows that remain, and above it."""
    assert column.values is not None
    values = column.values[keep].astype(np.float64)
    median = float(np.median(values))
    above = values > median
    number = f"{float(f'{median:.7g}'):.15g}"
    if not above.any():
        raise BadTarget(
            _("values above the median ({median}) of “{name}”").format(
                median=number, name=column.name
            ),
            _("none, as at least half of the rows have the highest value"),
        )
    text = _("“{name}” was split at {median}, the median of the rows that remain.")
    remarks.append(text.format(name=column.name, median=number))
    names = (_("at most {number}"), _("above {number}"))
    return above.astype(np.intp), tuple(name.format(number=number) for name in names)


def _too_many(count: int, advice: str = "") -> BadTarget:
    expected = _("at most {limit} classes").format(limit=CLASSES_LIMIT)
    return BadTarget(expected, f"{count:,}", advice)


def _too_few(names: Sequence[str], rare: Sequence[str] = ()) -> BadTarget:
    received = listed(names) if names else _("none")
    if not rare:
        return BadTarget(_("at least two classes"), received)
    received += " " + _("beside {count:,} left out with one row only").format(count=len(rare))
    advice = _("Keep these too, or choose another column.")
    return BadTarget(_("at least two classes"), received, advice)
