"""The reference runs over ten seeds, against the published figures.

`python -m engine bench reproduce`, of all topics; presets whose data are not here are left out. Each
run is carried out as the command line does (`python -m engine run regression --preset R1`), on one
CPU thread; the target of each figure is the one that the preset itself states.
"""

from __future__ import annotations

from statistics import median
from typing import Any

from engine.bench.figure import Figure, by_name
from engine.events import Event
from engine.jobs.job import JobSpec
from engine.spec import Preset, Published, TopicSpec
from engine.topics import figures, topics
from engine.training.context import Inbox

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
    return by_name(
        [
            figure
            for spec in topics().values()
            for preset in spec.presets
            if preset.published and preset.repeated and at_hand(spec, preset)
            for figure in reproduced(spec, preset)
        ]
    )


def at_hand(spec: TopicSpec, preset: Preset) -> bool:
    """Whether the data of a preset are here."""
    there: bool = figures(spec.name).at_hand(spec.config.parse(preset.values))
    return there


def reproduced(spec: TopicSpec, preset: Preset) -> list[Figure]:
    """One figure for each that was published."""
    finals = [final(spec, {**preset.values, **dict.fromkeys(spec.seeds, n)}) for n in SEEDS]
    return [
        over_seeds(preset, published, [metrics[published.metric] for metrics in finals])
        for published in preset.published
    ]


def over_seeds(preset: Preset, published: Published, values: list[float]) -> Figure:
    """The statistic that counts, with the others beside it."""
    best = max(values) if published.relation == "at least" else min(values)
    known = {"median": median(values), "best": best}
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


def final(spec: TopicSpec, values: dict[str, Any]) -> dict[str, float]:
    """The final metrics of one run in this process."""
    from engine.jobs.perform import perform  # torch, imported only where it is needed

    sink = Last()
    perform(JobSpec.checked(spec.name, values, device="cpu"), Inbox(), sink)
    if sink.event_kept is None or sink.event_kept.type != "done":
        raise RuntimeError(f"expected the run to be done, received {sink.event_kept}")
    metrics: dict[str, float] = sink.event_kept.data["metrics"]
    return metrics
