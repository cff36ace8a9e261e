"""A measured figure beside its target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from statistics import median
from typing import Any, Literal

import numpy as np

from engine.spec import Published

Relation = Literal["at most", "at least", "about"]


@dataclass(frozen=True)
class Figure(Mapping[str, Any]):
    """One figure of a benchmark; as a mapping it holds its fields and `reached`.

    Attributes
    ----------
    relation, target, tolerance
        What counts as reached, as in `engine.spec.Published`.
    n
        Number of measurements behind the value.
    how
        One sentence: what was measured, where, against what.
    beside
        Other statistics of the same measurements, in the same unit.
    """

    name: str
    value: float
    unit: str
    relation: Relation
    target: float
    n: int
    how: str
    beside: Mapping[str, float] = field(default_factory=dict)
    tolerance: float = 0.0

    @property
    def reached(self) -> bool:
        rule = Published(self.name, self.target, self.relation, self.target, self.tolerance)
        return rule.reached(self.value)

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def __iter__(self) -> Iterator[str]:
        return iter((*(f.name for f in fields(self)), "reached"))

    def __len__(self) -> int:
        return len(fields(self)) + 1

    def __str__(self) -> str:
        measured = f"{self.value:.4g} {self.unit}".strip()
        tolerance = f" ± {self.tolerance:g}" if self.tolerance else ""
        verdict = "reached" if self.reached else "NOT reached"
        others = "".join(f", {name} {value:.4g}" for name, value in self.beside.items())
        return (
            f"{measured} (target {self.relation} {self.target:g}{tolerance}: {verdict}; "
            f"n = {self.n}{others})"
        )


def middle(
    name: str,
    values: Sequence[float],
    unit: str,
    relation: Relation,
    target: float,
    how: str,
    tolerance: float = 0.0,
) -> Figure:
    """The median of `values`, their range beside it."""
    beside = {"min": min(values), "max": max(values)}
    return Figure(name, median(values), unit, relation, target, len(values), how, beside, tolerance)


def p95(name: str, values: Sequence[float], unit: str, target: float, how: str) -> Figure:
    """The 95th percentile of `values`, which is to be at most `target`; the median beside it."""
    beside = {"p50": median(values), "max": max(values)}
    tail = float(np.percentile(values, 95))
    return Figure(name, tail, unit, "at most", target, len(values), how, beside)


def by_name(figures: Sequence[Figure]) -> dict[str, Figure]:
    """What a benchmark returns."""
    return {figure.name: figure for figure in figures}
