"""The card of a checkpoint (what it is, how it was made and measured) and the manifest."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:[_-][a-z0-9]+)*$", max_length=64)]
"""Names of checkpoints and topics: nothing in them can lead out of a folder."""
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TensorCard(_Frozen):
    """Shape and dtype (`float32`, `float16` …) of one tensor."""

    shape: tuple[int, ...]
    dtype: str


class DataCard(_Frozen):
    """What it was trained on, and under which licence that data is given away."""

    name: str
    licence: str


class Examples(_Frozen):
    """Outputs on generated inputs: they show that a file works without any data set.

    `tolerance` is the largest allowed difference of an output number; anything that is not a
    number has to be equal.
    """

    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    tolerance: float


class Card(_Frozen):
    """All that is known of one checkpoint; stands beside its weights as JSON.

    Attributes
    ----------
    config
        The topic's full settings of the run that made it.
    metrics, measured
        Final metrics, and in words how and on what they were measured.
    command
        The shell command that trains it again.
    sha256
        Of the weights file.
    tensors
        Shape and dtype by name.
    features, classes
        Names of what goes in and comes out, in the model's order, where the run told them.
    ranges
        Lowest and highest value of each feature in the data, where the run told them.
    """

    name: Name
    topic: Name
    title: str
    architecture: str
    config: dict[str, Any]
    data: DataCard
    metrics: dict[str, float]
    measured: str
    command: str
    versions: dict[str, str]
    device: str
    sha256: Sha256
    tensors: dict[str, TensorCard]
    features: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    ranges: tuple[tuple[float, float], ...] = ()
    examples: Examples

    @property
    def full_name(self) -> str:
        """`topic/name`, as the command line takes it."""
        return f"{self.topic}/{self.name}"


class FileEntry(_Frozen):
    """Size and checksum of one file."""

    file: str
    bytes: int
    sha256: Sha256


class Entry(_Frozen):
    """One checkpoint in the manifest; `file` is relative to the checkpoints folder."""

    name: Name
    topic: Name
    weights: FileEntry
    card: FileEntry


class Manifest(_Frozen):
    """`checkpoints/manifest.json`: every checkpoint that is shipped."""

    checkpoints: tuple[Entry, ...] = ()

    def with_entry(self, entry: Entry) -> Manifest:
        """A manifest in which `entry` is new or replaced, in the order of topic and name."""
        others = [e for e in self.checkpoints if (e.topic, e.name) != (entry.topic, entry.name)]
        ordered = sorted([*others, entry], key=lambda e: (e.topic, e.name))
        return Manifest(checkpoints=tuple(ordered))
