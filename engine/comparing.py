"""Whether two runs differ by more than the noise of their seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.spec import Metric
from engine.words import _

ALPHA = 0.05
FEWEST_SEEDS = 3
"""With fewer members on either side nothing can be said."""


@dataclass(frozen=True)
class Comparison:
    """The difference of two runs' means and its 95 % interval.

    Attributes
    ----------
    difference, low, high
        Second minus first, in the metric's unit.
    probability
        p of Welch's t-test (Welch 1947): how often seeds alone give a difference this large.
    """

    difference: float
    low: float
    high: float
    probability: float

    @property
    def beyond_noise(self) -> bool:
        """Whether the difference is more than seed noise, at a level of 5 %."""
        return self.probability < ALPHA


def compare(first: Sequence[float], second: Sequence[float]) -> Comparison | None:
    """Compare the members' values of two runs; None when either has too few, or none of them varies."""
    from scipy.stats import ttest_ind  # slow to import, and rarely needed

    if min(len(first), len(second)) < FEWEST_SEEDS or len({*first}) + len({*second}) == 2:
        return None
    test = ttest_ind(second, first, equal_var=False)
    interval = test.confidence_interval(1 - ALPHA)
    difference = float(sum(second) / len(second) - sum(first) / len(first))
    return Comparison(difference, float(interval.low), float(interval.high), float(test.pvalue))


def shared_metric(metrics: Sequence[Metric], *runs: Mapping[str, object]) -> Metric | None:
    """The metric to compare runs by: on the test part if they all have one, else validation, else train."""
    for split in ("test_", "val_", "train_"):
        for metric in metrics:
            if metric.name.startswith(split) and all(metric.name in run for run in runs):
                return metric
    return None


def verdict(metric: Metric, titles: tuple[str, str], values: Sequence[Sequence[float]]) -> str:
    """One sentence on two runs' `values` of a metric, one for each seed."""
    first, second = values
    found = compare(first, second)
    if found is None:
        text = _(
            "Train both runs with {count} or more seeds at once to tell a difference from seed noise."
        )
        return text.format(count=FEWEST_SEEDS)
    text = (
        _(
            "{title} of {second} is {amount} than that of {first} "
            "(95 % interval {low} … {high}): more than seed noise."
        )
        if found.beyond_noise
        else _(
            "{title} of {second} and {first} differ by {difference} "
            "(95 % interval {low} … {high}): no more than seed noise."
        )
    )
    higher = found.difference > 0
    words = _("{value} higher") if higher else _("{value} lower")
    number = "{:.3g}".format
    return (
        text.format(
            title=_(metric.title),
            first=titles[0],
            second=titles[1],
            amount=words.format(value=number(abs(found.difference))),
            difference=number(found.difference),
            low=number(found.low),
            high=number(found.high),
        )
        + " "
        + _("(Welch's t-test, {first} and {second} seeds)").format(
            first=len(first), second=len(second)
        )
    )
