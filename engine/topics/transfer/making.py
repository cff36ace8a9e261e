"""How the nets of a run are made: of which backbone or blocks, how far frozen, with which head."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from engine.errors import InvalidValue, StorageFull, Unavailable
from engine.topics.cnn.models import build
from engine.topics.transfer import backbones, plain
from engine.topics.transfer.backbones import OURS, Backbone
from engine.topics.transfer.material import Shape
from engine.topics.transfer.nets import Fit, TransferNet, fit_of, make_head
from engine.topics.transfer.spec import IMAGENET, TransferConfig
from engine.training.seeds import generator
from engine.words import _

ALL = 99
"""More blocks than any backbone has."""
TRAINED = ("frozen", "tuned", "shipped", *IMAGENET)
"""Contestants that are made of something that has learned before."""


class Maker:
    """Makes the net of each contestant; backbones are read once, and shared while frozen.

    Parameters
    ----------
    shape
        Height, width and channels of the pictures.
    classes
        How many there are.
    mean, deviation
        Of each channel of the training pictures, in values 0 … 1, for nets that start anew.

    Attributes
    ----------
    backbone
        Name of the backbone that `auto` has become, or that stands in for one that cannot be had.
    refused
        Why it cannot, in words; empty where it can.
    """

    def __init__(
        self,
        config: TransferConfig,
        shape: Shape,
        classes: int,
        mean: Sequence[float],
        deviation: Sequence[float],
    ) -> None:
        self.config, self.shape, self.classes = config, shape, classes
        self._scale = (tuple(mean), tuple(deviation))
        suited = backbones.suited(config.data)
        self.backbone = suited if config.backbone == "auto" else config.backbone
        self.refused = ""
        self._read: dict[str, Backbone] = {}

    def settle(self) -> None:
        """Have the backbone at hand, or another one in its place."""
        try:
            self.read(self.backbone)
        except (Unavailable, StorageFull) as error:
            self.refused, self.backbone = error.message, backbones.suited(self.config.data)

    @property
    def source(self) -> Backbone:
        """The backbone as it comes."""
        return self.read(self.backbone)

    def read(self, name: str) -> Backbone:
        """A backbone with its trained weights."""
        if name not in self._read:
            self._read[name] = backbones.backbone(name)
        return self._read[name]

    def net(self, side: str, seed: int) -> tuple[TransferNet, tuple[str, int]]:
        """The net of one contestant, and what tells whether two of them freeze the same."""
        source, depth = self._architecture(side, seed)
        if side == "shipped":
            assert source.source is not None
            net = TransferNet(source, Fit(source, source.side), 0, nn.Sequential(source.source[0]))
            net.requires_grad_(False)
            return net, (source.name, 0)
        fresh = side not in TRAINED
        fit = Fit(source, source.side) if fresh else fit_of(self.config, source)
        head = make_head(
            "linear" if fresh else self.config.head,
            source,
            self.classes,
            generator(seed, "weights"),
        )
        return TransferNet(source, fit, depth, head, fresh=fresh), (source.name, source.cut(depth))

    def _architecture(self, side: str, seed: int) -> tuple[Backbone, int]:
        """What a contestant is made of, and how many blocks of it learn."""
        if side == "frozen":
            return self.source, 0
        if side == "tuned":
            return self.source, self.config.depth
        if side in IMAGENET:
            return self.read(side), 0
        if side == "shipped":
            return self._shipped(), 0
        return self._fresh(side, seed), ALL

    def _shipped(self) -> Backbone:
        """The shipped model of these very data: they have to have a test part that it never saw."""
        name = self.config.data
        if name not in OURS:
            expected = _("a model that learns, as none is shipped that has not seen these pictures")
            raise InvalidValue.of("model_1", expected, "shipped")
        return self.read(name)

    def _fresh(self, side: str, seed: int) -> Backbone:
        """What learns from nothing; photographs are made smaller for it."""
        if side == plain.SCRATCH and self.backbone in OURS:
            return backbones.untrained(self.source, seed)
        shape = plain.shape_for(self.shape[0], self.shape[2])
        text = plain.text(side, shape)
        mean, deviation = self._scale
        random = generator(seed, "weights")
        net = build(text, shape, self.classes, mean=mean, deviation=deviation, generator=random)
        return backbones.of_net(side, net)
