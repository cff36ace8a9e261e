"""Recorded runs: real ones, made by `make recordings`, that pages open on.

`checkpoints/recordings/<topic>/<preset>.json.gz` holds the `History` of a preset's run.
"""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

from engine import ROOT
from engine.events import Event
from engine.history import History
from engine.jobs.job import JobSpec, versions
from engine.jobs.log import RunLog
from engine.topics import topics

FOLDER = ROOT / "checkpoints" / "recordings"
SUFFIX = ".json.gz"


@cache
def names(topic: str) -> frozenset[str]:
    """Names of a topic's recordings."""
    return frozenset(p.name.removesuffix(SUFFIX) for p in (FOLDER / topic).glob(f"*{SUFFIX}"))


def path(topic: str, name: str) -> Path:
    """The file of one recording."""
    return FOLDER / topic / f"{name}{SUFFIX}"


def load(topic: str, name: str) -> History:
    """One recording."""
    return History.from_json(gzip.decompress(path(topic, name).read_bytes()))


def record_all() -> list[Path]:
    """Train every preset that a topic ships a recording of; returns the files written."""
    return [
        record(spec.name, p.id) for spec in topics().values() for p in spec.presets if p.recorded
    ]


def record(topic: str, preset_id: str) -> Path:
    """Train one preset and write its recording."""
    from engine.jobs.perform import perform
    from engine.training.context import Inbox

    preset = topics()[topic].preset(preset_id)
    assert preset is not None
    job = JobSpec.checked(topic, dict(preset.values), device="cpu")
    sink = RecordingSink(History(f"{topic}-{preset_id}", topic, job.config, versions()))
    perform(job, Inbox(), sink)
    file = path(topic, preset_id)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(sink.history.to_json().encode(), mtime=0))
    return file


class RecordingSink:
    """Collects a job's history."""

    def __init__(self, history: History) -> None:
        self.log = RunLog(history)
        self.history = history

    def event(self, event: Event) -> None:
        self.log.append(event)

    def artifact(self, name: str, payload: bytes) -> None:
        """Weights are not part of a recording."""

    def frames(self, frames: list[dict]) -> None:  # type: ignore[type-arg]
        self.history.keep_frames(frames)
