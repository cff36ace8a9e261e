"""The reference runs R1 and R2 over ten seeds, against the published figures.

`python -m engine bench reproduce`. Each run is carried out as the command line does
(`python -m engine run regression --preset R1`), on one CPU thread; the target of each figure is
the one that the preset itself states.
"""

from __future__ import annotations

from typing import Any

from engine.bench.figure import Figure, by_name, middle
from engine.events import Event
from engine.jobs.job import JobSpec
from engine.spec import Preset
from engine.topics import topic
from engine.training.context import Inbox

TOPIC = "regression"
PRESETS = ("R1", "R2")
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
    """The median and the range of every published figure."""
    presets = [p for p in topic(TOPIC).presets if p.id in PRESETS]
    return by_name([figure for preset in presets for figure in reproduced(preset)])


def reproduced(preset: Preset) -> list[Figure]:
    """One figure for each that was published."""
    finals = [final({**preset.values, "seed": seed}) for seed in SEEDS]
    return [
        middle(
            f"{preset.id} {published.metric}",
            [metrics[published.metric] for metrics in finals],
            "",
            published.relation,
            published.target,
            f"Median and range over seeds {SEEDS.start} to {SEEDS.stop - 1}; "
            f"published: {published.value:g}.",
            published.tolerance,
        )
        for published in preset.published
    ]


def final(values: dict[str, Any]) -> dict[str, float]:
    """The final metrics of one run in this process."""
    from engine.jobs.perform import perform  # torch, imported only where it is needed

    sink = Last()
    perform(JobSpec.checked(TOPIC, values, device="cpu"), Inbox(), sink)
    if sink.event_kept is None or sink.event_kept.type != "done":
        raise RuntimeError(f"expected the run to be done, received {sink.event_kept}")
    metrics: dict[str, float] = sink.event_kept.data["metrics"]
    return metrics
