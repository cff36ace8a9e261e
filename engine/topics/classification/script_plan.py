"""What the script of a run has to hold, read off its settings and its rows (torch-free)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.topics.classification.script_data import SWEPT, Rows, facts
from engine.topics.classification.spec import OFFICIAL_TEST, ClassificationConfig
from engine.topics.classification.variants import held_out, values, variant
from engine.training.streams import stream_seed

if TYPE_CHECKING:
    from engine.data.tables import Table

Change = tuple[int, Mapping[str, Any]]

LIVE = ("learning_rate", "l1", "l2", "dropout", "input_noise")
"""Settings that can be changed while a run trains, and change what it learns."""


class Plan:
    """Settings of one run, and which parts of a program they need.

    Attributes
    ----------
    variants
        Settings of each variant of a sweep; without one, those of the run.
    changes
        New values of settings by the number of steps that were done before.
    members
        Networks, without those of a cross-validation.
    noisy, dropout, random
        Whether inputs get noise, units are silenced, any of both.
    drawn_for
        Units that dropout draws numbers for, if they are not those of the layer; else 0.
    modes
        Whether the network behaves differently while it trains.
    penalised
        Whether the loss holds a penalty; AdamW's decay is none.
    single_rows
        Whether batch normalisation may meet a batch of one row.
    mixed
        Whether only some networks take all rows at once.
    uneven
        Whether folds may differ in size.
    steps
        Of every network, if they are as many and known before the data are there.
    """

    def __init__(
        self, config: ClassificationConfig, table: Table | None, changes: Sequence[Change]
    ) -> None:
        self.config = config
        self.swept = config.sweep
        self.values = values(config)
        self.variants = [variant(config, value) for value in self.values] or [config]
        self.members = len(self.variants) * config.seeds
        self.several = config.seeds > 1
        self.changes = merged(changes, {name for name in LIVE if name != self.swept})
        self.changed = {name for new in self.changes.values() for name in new}
        self._look_at_rows(table)
        self._look_at_network()
        self._look_at_batches()
        self._look_at_end()

    def _look_at_rows(self, table: Table | None) -> None:
        self.rows_swept = self.swept in SWEPT
        apart = self.variants if self.rows_swept else self.variants[:1]
        known = [facts(each, table) for each in apart]
        self.rows = Rows(apart, known, table, self.value, self.swept)
        self.features, self.classes = known[0].features, known[0].classes
        self.binary = self.classes == 2
        self.split = len(self.rows.parts) > 1
        self.constant = any(each.constant for each in known)
        self.lacking = any(each.lacking for each in known)
        self.folds = len(held_out(self.config))
        self.counts = [each.rows for each in known]
        if self.folds:
            self.counts.append(self.counts[0] - -(-self.counts[0] // self.folds))

    def _look_at_network(self) -> None:
        config, searching = self.config, self.config.optimiser == "lbfgs"
        self.hidden = any(each.layers for each in self.variants)
        self.noisy = not searching and self.used("input_noise")
        self.dropout = not searching and self.used("dropout") and self.hidden
        self.random = self.noisy or self.dropout
        # the run filled networks up to the widest, unless they had dropout from the start
        padded = self.swept == "units" and not config.dropout and config.normalisation != "layer"
        self.drawn_for = max(each.units_1 for each in self.variants) if padded else 0
        self.fixed_biases = config.normalisation == "batch" and self.hidden
        self.modes = self.random or self.fixed_biases
        self.decayed = config.optimiser == "adamw" and self.used("l2")
        self.penalised = self.used("l1") or (self.used("l2") and not self.decayed)

    def _look_at_batches(self) -> None:
        config, counts = self.config, self.counts
        asked = {each.batch_size for each in self.variants}
        sizes = {min(size or count, count) for size in asked for count in counts}
        whole = {(size or count) >= count for size in asked for count in counts}
        self.full_batch, self.mixed = whole == {True}, len(whole) > 1
        # how many rows of official data a class has is not known without their files
        uncertain = config.data in OFFICIAL_TEST and config.oversample != "none"
        self.uneven = bool(self.folds and (uncertain or counts[0] % self.folds))
        self.single_rows = config.normalisation == "batch" and (
            uncertain or any(count % size == 1 for size in sizes for count in counts)
        )
        alike = len({each.epochs for each in self.variants}) == len(sizes) == len(set(counts)) == 1
        self.steps = None
        if alike and not uncertain:
            self.steps = config.epochs * -(-counts[0] // min(sizes))

    def _look_at_end(self) -> None:
        config = self.config
        self.patience = config.patience if "val" in self.rows.parts else 0
        self.target = config.target_accuracy
        self.stops = bool(self.patience or self.target)
        self.scheduled = config.schedule != "constant"
        self.steered = self.scheduled or bool(self.changes)

    # Source of values ------------------------------------------------------------------------

    def used(self, name: str) -> bool:
        """Whether a number is other than 0 for some network at some time."""
        return name in self.changed or any(getattr(each, name) for each in self.variants)

    def value(self, name: str) -> str:
        """Source of the value of a setting."""
        if name == self.swept:
            return name
        return f'now["{name}"]' if name in self.changed else repr(getattr(self.config, name))

    def seed(self, stream: str) -> str:
        if self.several:
            return f'seeds["{stream}"]'
        return str(stream_seed(self.config.seed, stream))

    def generator(self, stream: str) -> str:
        return f"{stream} = torch.Generator().manual_seed({self.seed(stream)})"

    @property
    def streamed(self) -> list[str]:
        """What a network draws random numbers for."""
        drawn = {
            "weights": self.config.initialisation != "zero",
            "noise": self.random,
            "batches": not self.full_batch,
        }
        return [name for name, is_drawn in drawn.items() if is_drawn]

    @property
    def seeded(self) -> bool:
        """Whether the seeds of generators differ from network to network."""
        return self.several and bool(self.streamed)

    @property
    def plain_loss(self) -> str:
        """Name of the loss without weights of classes."""
        return "plain_loss" if self.config.class_weights else "loss"

    def exactly(self, logits: str, y: str) -> str:
        """What the loss is measured of; in PyTorch's, that of two classes cancels if it is small."""
        return f"{logits}.double(), {y}.double()" if self.binary else f"{logits}, {y}"

    def right(self, logits: str, y: str) -> str:
        """Source of whether each row is told rightly."""
        return f"({logits} > 0) == {y}" if self.binary else f"{logits}.argmax(1) == {y}"


def merged(changes: Sequence[Change], names: set[str]) -> dict[int, dict[str, Any]]:
    """New values of these settings by the number of steps that were done before."""
    found: dict[int, dict[str, Any]] = {}
    for step, new in changes:
        if kept := {name: value for name, value in new.items() if name in names}:
            found[step] = found.get(step, {}) | kept
    return found
