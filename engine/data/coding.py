"""Columns as features: gaps filled, categories as one column for each of their values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Column
from engine.data.names import unused
from engine.words import _

Missing = Literal["drop", "mean", "median"]


def coded(
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
            "mean": _("Missing numbers, now the mean of their column (over all rows): {count:,}."),
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
        yield unused(f"{column.name}={category}", taken), (codes == code).astype(np.float32)
    if (codes < 0).any():
        yield unused(f"{column.name}=" + _("missing"), taken), (codes < 0).astype(np.float32)
