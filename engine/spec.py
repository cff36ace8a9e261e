"""What a topic says of itself: title, metrics, presets with their published figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from engine.config import Config
from engine.errors import InvalidValue
from engine.words import N_, _

Group = Literal["Fit", "See", "Sequence", "Imagine", "Learn"]
Target = Literal["number", "classes"]
GROUPS: tuple[Group, ...] = (N_("Fit"), N_("See"), N_("Sequence"), N_("Imagine"), N_("Learn"))  # type: ignore[assignment]


@dataclass(frozen=True)
class Metric:
    """A measured quantity: `name` is `<split>_<metric>`, `help` says how it is measured."""

    name: str
    title: str
    better: Literal["lower", "higher", "none"] = "none"
    help: str = ""
    shown: bool = True


@dataclass(frozen=True)
class Published:
    """A figure somebody published, and when a measured one counts as reproducing it.

    `target` and `tolerance` say what is accepted: `measured <= target` (`"at most"`),
    `measured >= target` (`"at least"`) or `|measured - target| <= tolerance` (`"about"`).
    """

    metric: str
    value: float
    relation: Literal["at most", "at least", "about"]
    target: float
    tolerance: float = 0.0
    over_seeds: Literal["median", "best"] = "median"
    """What of ten seeds has to reach it; `best` where the published figure is one lucky seed's."""

    def reached_over(self, seeds: Mapping[str, float]) -> bool:
        """Whether `median`, `low` and `high` of several seeds reproduce the published figure."""
        best = "high" if self.relation == "at least" else "low"
        return self.reached(seeds["median" if self.over_seeds == "median" else best])

    def reached(self, measured: float) -> bool:
        """Whether `measured` reproduces the published figure."""
        if self.relation == "at most":
            return measured <= self.target
        if self.relation == "at least":
            return measured >= self.target
        return abs(measured - self.target) <= self.tolerance


@dataclass(frozen=True)
class Preset:
    """A named complete setting; `id` is that of the reference run it reproduces."""

    id: str
    title: str
    values: Mapping[str, Any]
    published: tuple[Published, ...] = ()
    source: str = ""
    note: str = ""
    recorded: bool = True
    """Whether a recording of it is shipped (`make recordings`)."""
    repeated: bool = True
    """Whether its published figures are measured over ten seeds, too; not where that takes an hour."""


@dataclass(frozen=True)
class TopicSpec:
    """A topic as the navigation, the API, the CLI, the docs and the tests see it."""

    name: str
    title: str
    icon: str
    order: int
    group: Group
    summary: str
    config: type[Config]
    metrics: tuple[Metric, ...]
    curves: tuple[str, ...]
    """Names of the metrics drawn as curves: train first, then validation, then test."""
    presets: tuple[Preset, ...] = ()
    seeds: tuple[str, ...] = ("seed",)
    """Settings that another seed of a published experiment changes: weights, and made data too."""
    code: tuple[str, ...] = ()
    """What the code panel shows, as `module.name` within the topic's folder."""
    target: Target = "number"
    """What the target of a visitor's own table has to be."""
    editable: Mapping[str, Any] | None = None
    """Settings under which weights can be set by hand (its recipe takes `Context.edits`); or never."""
    afterwards: tuple[str, ...] = ()
    """Settings that only change how the answers are looked at: another value needs no other run."""
    forks: bool = True
    """Whether its runs can be gone on from at any step (its recipe hands `save=` to the loop)."""
    picture_side: int = 32
    """Pixels of a side that a visitor's own pictures are made small to."""
    link_version: int = 1
    old_defaults: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    """Defaults of earlier link versions that have changed since, so that old links keep."""

    def edits_weights(self, config: Config) -> bool:
        """Whether weights of a run of these settings can be set by hand."""
        needed = self.editable
        return needed is not None and all(getattr(config, n) == v for n, v in needed.items())

    def preset(self, preset_id: str) -> Preset | None:
        return next((p for p in self.presets if p.id == preset_id), None)

    def matching_preset(self, config: Config) -> Preset | None:
        """The preset whose settings `config` has (seed and speed aside), if any."""
        neutral = config.model_copy(update={"seed": 0, "speed": "full"})
        return self._presets_by_config.get(neutral)

    @cached_property
    def _presets_by_config(self) -> Mapping[Config, Preset]:
        return {self.config(**preset.values): preset for preset in self.presets}

    def values(self, preset_id: str | None, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Settings of a preset (if one is named), then the changes; not validated yet.

        Raises
        ------
        InvalidValue
            For an unknown preset.
        """
        if preset_id is None:
            return dict(changes)
        preset = self.preset(preset_id)
        if preset is None:
            known = ", ".join(p.id for p in self.presets)
            raise InvalidValue.of("preset", _("one of {choices}").format(choices=known), preset_id)
        return {**preset.values, **changes}

    def opening_preset(self) -> Preset | None:
        """The preset whose settings are the defaults."""
        return self.matching_preset(self.config())

    def metric(self, name: str) -> Metric:
        return next((m for m in self.metrics if m.name == name), Metric(name, name))
