"""Recorded runs: real ones, made by `make recordings`, that pages open on.

`checkpoints/recordings/<topic>/<preset>.json.gz` holds the `History` of a preset's run;
`seeds.json` beside it what presets with published figures reach over ten seeds.
"""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from engine import ROOT
from engine.errors import InvalidValue
from engine.events import Event, decode_array, encode_array
from engine.history import History
from engine.jobs.job import JobSpec, versions
from engine.jobs.log import RunLog
from engine.spec import Preset, TopicSpec
from engine.topics import topic, topics
from engine.words import _

FOLDER = ROOT / "checkpoints" / "recordings"
SUFFIX = ".json.gz"
SEEDS = 10
MOST_BYTES = 100_000
"""A larger recording keeps fewer frames, but at least"""
LEAST_FRAMES = 5
CUT = 12
"""Bits of the mantissa of a float32 that recordings leave out."""


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


@cache
def started(topic: str, name: str) -> dict[str, Any]:
    """What a recorded run told when it began: parameters, samples, layers."""
    return load(topic, name).started


@cache
def over_seeds(topic: str) -> dict[str, dict[str, dict[str, float]]]:
    """Preset → published metric → `median`, `low`, `high` over `SEEDS` seeds."""
    file = FOLDER / topic / "seeds.json"
    return json.loads(file.read_text()) if file.is_file() else {}


def record_all(only: str | None = None, preset: str | None = None) -> list[Path]:
    """Train what is recorded of every topic, of one, or one of its presets; the files written.

    Raises
    ------
    InvalidValue
        When there is no such topic, or it records no such preset.
    """
    if only and preset:
        return [record(topic(only), recorded_preset(topic(only), preset))]
    files = []
    for spec in [topic(only)] if only else topics().values():
        files += [record(spec, preset) for preset in spec.presets if preset.recorded]
        published = {
            p.id: measure_seeds(spec, p)
            for p in spec.presets
            if p.published and p.recorded and p.repeated
        }
        if published:
            files.append(FOLDER / spec.name / "seeds.json")
            files[-1].write_text(json.dumps(published, indent=1) + "\n")
    return files


def recorded_preset(spec: TopicSpec, preset_id: str) -> Preset:
    """A preset of a topic of which a recording is shipped."""
    known = {preset.id: preset for preset in spec.presets if preset.recorded}
    if preset_id not in known:
        expected = _("one of {choices}").format(choices=", ".join(known))
        raise InvalidValue.of("preset", expected, preset_id)
    return known[preset_id]


def record(spec: TopicSpec, preset: Preset) -> Path:
    """Train one preset and write its recording."""
    return write(spec, preset, train(spec, preset, seed=0))


def write(spec: TopicSpec, preset: Preset, history: History) -> Path:
    """Put the run of a preset beside the others, with the digits and frames that are shown."""
    file = path(spec.name, preset.id)
    file.parent.mkdir(parents=True, exist_ok=True)
    for frame in history.frames:
        frame["data"] = {name: rounded(value) for name, value in frame["data"].items()}
    payload = packed(history)
    if len(payload) > MOST_BYTES:
        thin(history, MOST_BYTES / len(payload))
        payload = packed(history)
    beside = file.with_suffix(".new")
    beside.write_bytes(payload)
    return beside.replace(file)  # a running gallery never reads half of it


def packed(history: History) -> bytes:
    """The file of a recording."""
    return gzip.compress(history.to_json().encode(), mtime=0)


def thin(history: History, share: float) -> None:
    """Keep that share of the frames of each kind, evenly, with the first and the last."""
    kept = []
    for kind in {frame["kind"] for frame in history.frames}:
        frames = [frame for frame in history.frames if frame["kind"] == kind]
        count = min(len(frames), max(LEAST_FRAMES, int(len(frames) * share)))
        kept += [frames[i] for i in np.linspace(0, len(frames) - 1, count).round().astype(int)]
    history.frames = sorted(kept, key=lambda frame: frame["step"])


def rounded(value: Any) -> Any:
    """An encoded float32 array with the digits a picture needs; anything else as it is.

    The mantissa keeps 11 of 23 bits (a relative error of at most 2⁻¹²): zeros compress well.
    """
    if not isinstance(value, dict) or value.get("dtype") != "float32":
        return value
    bits = decode_array(value).view(np.uint32)
    half = np.uint32(1 << CUT >> 1)
    return encode_array(((bits + half) >> CUT << CUT).view(np.float32))


def measure_seeds(spec: TopicSpec, preset: Preset) -> dict[str, dict[str, float]]:
    """Median and range of the published metrics over `SEEDS` seeds."""
    finals = [train(spec, preset, seed).final for seed in range(SEEDS)]
    measured = {p.metric: [final[p.metric] for final in finals] for p in preset.published}
    return {
        name: {"median": median(values), "low": min(values), "high": max(values)}
        for name, values in measured.items()
    }


def train(spec: TopicSpec, preset: Preset, seed: int) -> History:
    """The history of one run of a preset, trained here and now on the CPU."""
    from engine.jobs.perform import perform
    from engine.training.context import Inbox

    values = {**preset.values, **dict.fromkeys(spec.seeds, seed)}
    job = JobSpec.checked(spec.name, values, device="cpu")
    sink = RecordingSink(begun(job, preset.id))
    perform(job, Inbox(), sink)
    return sink.history


def begun(job: JobSpec, preset_id: str) -> History:
    """The empty record of a preset's run."""
    return History(f"{job.topic}-{preset_id}", job.topic, job.config, versions())


class RecordingSink:
    """Collects a job's history, and the weights it leaves behind."""

    def __init__(self, history: History) -> None:
        self.log = RunLog(history)
        self.history = history
        self.weights = b""

    def event(self, event: Event) -> None:
        self.log.append(event)

    def artifact(self, name: str, payload: bytes) -> None:
        """The last ones are the weights; they are not part of a recording."""
        self.weights = payload

    def frames(self, frames: list[dict[str, Any]]) -> None:
        self.history.keep_frames(frames)
