"""What the script of a run has to hold, read off its settings (torch-free)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from engine.topics.classification.script_plan import merged
from engine.topics.cnn import blocks
from engine.topics.cnn.architectures import WITH_DROPOUT, text_of
from engine.topics.cnn.parts import SHAPES
from engine.topics.cnn.script_data import CLASSES, COUNTS
from engine.topics.cnn.spec import OFFICIAL_TEST, CnnConfig
from engine.training.streams import stream_seed

Change = tuple[int, Mapping[str, Any]]

WARPING = ("rotate", "shift", "shear", "zoom")
CROPPING = ("flip", "crop")
COLOURING = ("colour", "grey")
AUGMENTATION = (*WARPING, *CROPPING, *COLOURING, "cutout", "mixup")
LIVE = ("learning_rate", "l2", "label_smoothing", "dropout", *AUGMENTATION)
"""Settings that can be changed while a run trains, and change what it learns."""
NORMED = ("norm", "residual", "bottleneck")


class Plan:
    """Settings of one run, and which parts of a program they need.

    Attributes
    ----------
    changes
        New values of settings by the number of steps that were done before.
    stages
        Of the network, those that do something; `kinds` are the kinds of their blocks.
    shape, classes
        Channels, height and width of a picture, and how many classes there are.
    held, count
        Pictures that are held out, and that are learned from.
    whole
        Whether a batch holds all pictures.
    modes
        Whether the network behaves differently while it trains.
    half
        Whether the network learns with numbers of 16 bits.
    decayed, penalised
        Whether AdamW's decay has its own group of weights; whether the loss holds a penalty.
    """

    def __init__(self, config: CnnConfig, changes: Sequence[Change]) -> None:
        fixed = {"dropout", "mixup"} if config.optimiser == "lbfgs" else set()
        if fixed:  # as in the run: one line is searched, so the net has to be one
            blocks = re.sub(r"dropout:[^,]+", "dropout:0", config.blocks)
            config = config.changed({"dropout": 0.0, "mixup": 0.0, "blocks": blocks})
        self.config = config
        self.official = config.data in OFFICIAL_TEST
        self.shape, self.classes = SHAPES[config.data], CLASSES
        self.coloured = self.shape[0] == 3
        if config.architecture not in WITH_DROPOUT:  # my own blocks have rates of their own
            fixed = {*fixed, "dropout"}
        self.changes = merged(changes, set(LIVE) - fixed)
        self.changed = {name for new in self.changes.values() for name in new}
        self._look_at_pictures()
        self._look_at_network()
        self.warped = any(map(self.used, WARPING))
        self.penalised = config.optimiser != "adamw" and self.used("l2")
        self.decayed = config.optimiser == "adamw" and self.used("l2")
        self.patience = config.patience if self.held else 0
        self.scheduled = config.schedule != "constant"
        self.half = config.precision == "bfloat16"
        self.steered = self.scheduled or bool(self.changes)

    def _look_at_pictures(self) -> None:
        config, there = self.config, COUNTS[self.config.data]
        self.held = round(config.validation * there)
        self.count = min(config.pictures or there, there - self.held)
        self.count -= self.count % config.batch_size == 1  # as the run leaves one out
        self.size = min(config.batch_size, self.count)
        self.per_epoch = -(-self.count // self.size)
        self.whole = self.per_epoch == 1
        parts = {"train": True, "val": self.held > 0, "test": self.official}
        self.parts = [name for name, there in parts.items() if there]

    def _look_at_network(self) -> None:
        config, text = self.config, self.config.blocks
        if config.architecture != "own":
            text = text_of(
                config.architecture,
                shape=self.shape,
                normalisation=config.normalisation,
                dropout=config.dropout,
            )
        planned = blocks.check(text, self.shape, self.classes)
        self.stages = [stage for stage in planned if self._works(stage.block)]
        self.kinds = {stage.block.kind for stage in self.stages}
        self.modes = not self.kinds.isdisjoint({*NORMED, "dropout"})
        self.convolutional = not self.kinds.isdisjoint(blocks.CONVOLUTIONAL)

    def _works(self, block: blocks.Block) -> bool:
        """Dropout of nothing does nothing."""
        return block.kind != "dropout" or block.values[0] > 0 or "dropout" in self.changed

    # Source of values ------------------------------------------------------------------------

    def used(self, name: str) -> bool:
        """Whether a number is other than 0 at some time."""
        changed = any(new.get(name) for new in self.changes.values())
        return changed or bool(getattr(self.config, name))

    def value(self, name: str) -> str:
        """Source of the value of a setting."""
        return f'now["{name}"]' if name in self.changed else repr(getattr(self.config, name))

    def when(self, names: Sequence[str]) -> str:
        """Source of whether one of these numbers is other than 0; empty where one always is."""
        used = [name for name in names if self.used(name)]
        if any(name not in self.changed for name in used):
            return ""
        return " or ".join(map(self.value, used))

    def seed(self, stream: str) -> int:
        return stream_seed(self.config.seed, stream)

    @property
    def augmented(self) -> bool:
        """Whether the run draws numbers to change pictures by, at some time."""
        return any(map(self.used, AUGMENTATION))

    @property
    def smoothing(self) -> str:
        """The argument of the cross-entropy, if there is one."""
        if not self.used("label_smoothing"):
            return ""
        return f", label_smoothing={self.value('label_smoothing')}"

    @property
    def loss(self) -> str:
        """Source of the loss of a batch, without penalty."""
        if self.used("mixup"):
            return "blended_loss(x, y)"
        return f"cross_entropy({self.said('x')}, y{self.smoothing})"

    def said(self, x: str) -> str:
        """Source of the logits of pictures while it learns."""
        return f"said({x})" if self.half else f"model({x})"
