"""16 and 64 variants trained at once, against one of them alone.

`python -m engine bench sweep`. Learning rates in batches of 32 (preset `rates`) and, where a step
is no longer all overhead, in the page's default full batches. Each side is a whole job as a worker
carries it out (one thread, this process), with its measurements and pictures; one variant is a run
without a sweep, at the page's default rate. Sides take turns; a sweep is compared with the mean of
the single runs just before and just after it. Times are those the runs tell, from the start of
training to its end; beside them the same ratio of whole jobs, with all that is put together before
and drawn, measured and packed after.
"""

from __future__ import annotations

from statistics import fmean, median
from time import perf_counter
from typing import Any, NamedTuple

from engine.bench.figure import Figure, by_name
from engine.errors import GalleryError
from engine.events import Event
from engine.jobs.job import JobSpec
from engine.jobs.perform import perform
from engine.topics import topic
from engine.training.context import Inbox

TURNS = 5
TARGETS = {16: 1.6, 64: 4.0}
"""Variants → how many times one variant's time they may take."""
SINGLE = {"sweep": "none"}


class Seconds(NamedTuple):
    """Of the training alone, and of the whole job."""

    training: float
    job: float


class Ending:
    """A sink that keeps the last event; weights, snapshots and frames are made and dropped."""

    def event(self, event: Event) -> None:
        self.last = event

    def artifact(self, name: str, payload: bytes) -> None: ...

    def frames(self, frames: list[dict[str, Any]]) -> None: ...


def measure() -> dict[str, Figure]:
    """The ratios of both sizes of sweep, in small batches and in full ones."""
    batches, full = preset(), {**preset(), "batch_size": 0, "epochs": 1000}
    return by_name([*ratios("batches of 32", batches), *ratios("full batches", full)])


def preset() -> dict[str, Any]:
    """The settings of *Sixteen learning rates at once*."""
    found = topic("classification").preset("rates")
    if found is None:
        raise GalleryError("expected a preset rates")
    return dict(found.values)


def ratios(title: str, values: dict[str, Any]) -> list[Figure]:
    """A figure for each size of sweep."""
    seconds({**values, **SINGLE})  # until it is warm
    single = [seconds({**values, **SINGLE})]
    many: dict[int, list[tuple[float, float]]] = {count: [] for count in TARGETS}
    for _turn in range(TURNS):
        for count, found in many.items():
            sweep = seconds({**values, "variants": count})
            single.append(seconds({**values, **SINGLE}))
            found.append(
                (
                    sweep.training / fmean(one.training for one in single[-2:]),
                    sweep.job / fmean(one.job for one in single[-2:]),
                )
            )
    alone = median(one.training for one in single)
    return [
        figure(f"{count} variants / one, {title}", found, TARGETS[count], alone)
        for count, found in many.items()
    ]


def figure(name: str, found: list[tuple[float, float]], target: float, alone: float) -> Figure:
    """The median ratio of training; beside it its range, and that of whole jobs."""
    training, jobs = zip(*found, strict=True)
    return Figure(
        name,
        median(training),
        "×",
        "at most",
        target,
        len(found),
        f"Seconds of a sweep of learning rates as one job, over those of one variant "
        f"({alone:.3g} s) just before and after it; beside it the same for whole jobs.",
        {"min": min(training), "max": max(training), "whole job": median(jobs)},
    )


def seconds(values: dict[str, Any]) -> Seconds:
    """Train, and be told how long it took."""
    sink = Ending()
    begun = perf_counter()
    perform(JobSpec.checked("classification", values, device="cpu"), Inbox(), sink)
    passed = perf_counter() - begun
    if sink.last.type != "done":
        raise GalleryError(f"expected the run to be done, received {sink.last}")
    return Seconds(float(sink.last.data["metrics"]["seconds"]), passed)
