"""The reference runs R1 and R2 over ten seeds, against the published figures.

`python -m engine bench reproduce`. Each run is carried out as the command line does
(`python -m engine run regression --preset R1`), on one CPU thread; the target of each figure is
the one that the preset itself states.
"""

from __future__ import annotations

from statistics import median
from typing import Any

from engine.bench.figure import Figure, by_name
from engine.events import Event
from engine.jobs.job import JobSpec
from engine.spec import Preset, Published
from engine.topics import topic
from engine.training.context import Inbox

TOPIC = "regression"
SEEDS = range(10)


class Last:
    """A sink that keeps the last event."""

    event_kept: Event | None = None

    def event(self, event: Event) -> None:
        self.event_kept = event

    def artifact(self, name: str, payload: bytes) -> None:
        """Not needed."""

    def frames(self, frames: list[dict[str, Any]]) -> None:
        """Not needed."""


def measure() -> dict[str, Figure]:
    """The median (or best) and the range of every published figure."""
    presets = [p for p in topic(TOPIC).presets if p.published]
    return by_name([figure for preset in presets for figure in reproduced(preset)])


def reproduced(preset: Preset) -> list[Figure]:
    """One figure for each that was published."""
    names = topic(TOPIC).seeds
    finals = [final({**preset.values, **dict.fromkeys(names, seed)}) for seed in SEEDS]
    return [
        over_seeds(preset, published, [metrics[published.metric] for metrics in finals])
        for published in preset.published
    ]


def over_seeds(preset: Preset, published: Published, values: list[float]) -> Figure:
    """The statistic that counts, with the others beside it."""
    known = {"median": median(values), "best": min(values)}
    return Figure(
        f"{preset.id} {published.metric}",
        known[published.over_seeds],
        "",
        published.relation,
        published.target,
        len(values),
        f"{published.over_seeds.capitalize()} over seeds {SEEDS.start} to {SEEDS.stop - 1}; "
        f"published: {published.value:g}.",
        {"median": known["median"], "min": min(values), "max": max(values)},
        published.tolerance,
    )


def final(values: dict[str, Any]) -> dict[str, float]:
    """The final metrics of one run in this process."""
    from engine.jobs.perform import perform  # torch, imported only where it is needed

    sink = Last()
    perform(JobSpec.checked(TOPIC, values, device="cpu"), Inbox(), sink)
    if sink.event_kept is None or sink.event_kept.type != "done":
        raise RuntimeError(f"expected the run to be done, received {sink.event_kept}")
    metrics: dict[str, float] = sink.event_kept.data["metrics"]
    return metrics
