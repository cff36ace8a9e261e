"""Everything that one run of the transfer topic trains: who learns from which pictures, and how."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor

from engine.data.pictures import Album
from engine.topics.transfer import material
from engine.topics.transfer.contestants import Contestant
from engine.topics.transfer.frozen import AUGMENTATIONS, Frozen
from engine.topics.transfer.making import Maker
from engine.topics.transfer.material import Rows
from engine.topics.transfer.nets import TransferNet
from engine.topics.transfer.plain import check_models
from engine.topics.transfer.spec import TransferConfig
from engine.training.seeds import generator

MEASURED = 2_000
"""Training pictures that mean and standard deviation are taken from."""


class Learner:
    """All contestants of a run; `step()` is one step of each.

    Attributes
    ----------
    contestants : list of Contestant
    steps, per_epoch : int
    rows : dict
        Pictures of each class and member → what it learns from and is tested on.
    aside : ndarray of int
        Pictures that only stacking learns from.
    maker : Maker
    """

    def __init__(self, config: TransferConfig, album: Album, device: str = "cpu") -> None:
        self.config, self.album, self.device = config, album, device
        with warnings.catch_warnings():  # arrays of the cache are read-only, and nobody writes
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")
            self.pixels = torch.from_numpy(album.pixels).to(device)
        self.labels = torch.from_numpy(album.labels).to(device)
        self.aside = np.zeros(0, np.int64)
        self._shared: dict[tuple[object, ...], Frozen] = {}
        sides = self._fused() if config.task == "fusion" else self._compared()
        height, width, channels = album.pixels.shape[1:]
        shape = (height, width, channels)
        self.maker = Maker(config, shape, len(album.classes), *self._scale())
        if config.task != "fusion":
            self.maker.settle()
        self.contestants = [
            self._contestant(side, self.rows[images, member], images, member, number)
            for side, images, member, number in sides
        ]
        self.per_epoch = 1 if config.task == "sizes" else self.contestants[0].per_epoch
        self.steps = config.epochs * self.per_epoch
        self.done = 0

    # Who learns -------------------------------------------------------------------------------

    def _compared(self) -> list[tuple[str, int, int, int]]:
        """Side, pictures of each class, member and number of all that are compared."""
        config = self.config
        ways = {"scratch": config.scratch, "frozen": True, "tuned": config.tuned}
        self.rows = {
            (images, member): material.rows(config, self.album, member, images)
            for images in material.sizes(config, self.album)
            for member in range(config.repeats)
        }
        return [
            (side, images, member, 0)
            for images, member in self.rows
            for side, wanted in ways.items()
            if wanted
        ]

    def _fused(self) -> list[tuple[str, int, int, int]]:
        """One of each model; all learn from the same pictures."""
        config = self.config
        pixels = self.album.pixels.shape
        check_models(config, pixels[1], pixels[3], len(self.album.classes))
        rows = material.rows(config, self.album, 0, config.images)
        train, self.aside = material.apart(rows.train, self.album.labels, config.seed)
        every = material.pool(self.album, len(self.album.labels))
        rows = Rows(train, np.setdiff1d(every, rows.train, assume_unique=True))
        self.rows = {(config.images, 0): rows}
        return [(name, config.images, 0, number) for number, name in enumerate(config.models)]

    def _contestant(
        self, side: str, rows: Rows, images: int, member: int, number: int = 0
    ) -> Contestant:
        net, freezes = self.maker.net(side, 1000 * self.config.seed + 10 * member + number)
        net.to(self.device)
        return Contestant(
            side,
            net,
            self._frozen(net, freezes),
            rows,
            self.labels,
            self.config,
            member=member,
            images=images,
            learns=side != "shipped",
        )

    def _frozen(self, net: TransferNet, key: tuple[object, ...]) -> Frozen:
        """What the frozen part gives: nets that freeze the same layers share it.

        Where nothing is frozen, it holds pictures: alike for all that fit them alike.
        """
        fitted = (net.fit.side, net.fit.channels, *net.fit.shift.flatten().tolist())
        same = key if len(net.lower) else fitted
        if same not in self._shared:
            learned = np.unique(np.concatenate([rows.train for rows in self.rows.values()]))
            tested = np.concatenate([rows.test for rows in self.rows.values()])
            numbers = np.unique(np.concatenate([learned, tested, self.aside]))
            self._shared[same] = Frozen(
                net,
                self.pixels,
                numbers,
                learned,
                AUGMENTATIONS[self.config.augmentation],
                generator(self.config.seed, "noise"),
            )
        return self._shared[same]

    def _scale(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation of each channel of the training pictures."""
        numbers = next(iter(self.rows.values())).train[:MEASURED]
        values = self.album.pixels[numbers].reshape(-1, self.album.pixels.shape[3]) / 255.0
        return values.mean(0).tolist(), np.maximum(values.std(0), 1e-3).tolist()

    # Learning ---------------------------------------------------------------------------------

    def set_rate(self, base: float) -> None:
        """Change the rate of the heads, and that of unfrozen blocks in proportion."""
        share = self.config.backbone_rate / self.config.learning_rate
        rates = {"learning_rate": base, "backbone_rate": base * share}
        self.config = self.config.model_copy(update=rates)

    def adapt(self, config: TransferConfig) -> None:
        """Take over what was changed while the run trains."""
        self.config = config

    def step(self) -> Tensor:
        """One step of every contestant; the mean of their losses."""
        losses = []
        for contestant in self.contestants:
            if contestant.learns:
                contestant.set_rates(self.config, self.done / self.steps)
                losses.append(contestant.step())
        self.done += 1
        return torch.stack(losses).mean() if losses else torch.zeros(())
