"""Everything that one run of the CNN topic trains with, put together from its settings."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from engine.data.pictures import Album
from engine.errors import InvalidValue
from engine.topics.cnn.architectures import text_of
from engine.topics.cnn.augment import Augmentation, augmented, mixed
from engine.topics.cnn.batches import taken
from engine.topics.cnn.blocks import check
from engine.topics.cnn.classifier import answers, at_once
from engine.topics.cnn.models import build
from engine.topics.cnn.parts import parts, shape_of
from engine.topics.cnn.spec import CnnConfig
from engine.training import optimisers, snapshots
from engine.training.batches import Batches
from engine.training.schedules import SCHEDULES
from engine.training.seeds import generator
from engine.training.stopping import Stopping
from engine.words import _

MEASURED = 10_000
"""Training pictures that mean and standard deviation are taken from."""


def architecture_of(config: CnnConfig, shape: tuple[int, int, int], classes: int) -> str:
    """The text of the blocks that these settings name.

    Raises
    ------
    InvalidValue
        When a block does not fit the pictures.
    """
    if config.architecture == "own":
        text = config.blocks
    else:
        text = text_of(
            config.architecture,
            shape=shape,
            normalisation=config.normalisation,
            dropout=config.dropout,
        )
    check(text, shape, classes)
    return text


class Evaluated(NamedTuple):
    """Answers of the net in eval mode: `logits` (N, C) and `labels` (N,)."""

    logits: Tensor
    labels: Tensor


class Learner:
    """Pictures, network, optimiser; `step()` is one step of learning.

    Attributes
    ----------
    net : PictureNet
    rows : dict
        Numbers of the pictures of each part.
    steps, per_epoch : int
    recent : list of Tensor
        Loss and share of right answers of the batches since they were last asked for.
    """

    def __init__(self, config: CnnConfig, album: Album, device: str = "cpu") -> None:
        self.config, self.album, self.device = config, album, device
        self.shape = shape_of(album)
        self.text = architecture_of(config, self.shape, len(album.classes))
        self.rows = parts(config, album)
        # What a GPU learns from lies on it; memory-mapped files stay where they are.
        self.pixels = torch.from_numpy(album.pixels).to(device)
        self.labels = torch.from_numpy(album.labels).to(device)
        mean, deviation = self._scale()
        # Channels last takes N1 1.6 times less than planes, but L-BFGS lays all gradients end to end.
        flat = config.optimiser == "lbfgs"
        layout = torch.contiguous_format if flat else torch.channels_last
        self.net = build(
            self.text,
            self.shape,
            len(album.classes),
            mean=mean,
            deviation=deviation,
            generator=generator(config.seed, "weights"),
        ).to(device, memory_format=layout)
        self._check_batches()
        numbers = torch.from_numpy(self.rows["train"]).to(device)
        self.batches = Batches(numbers, self.labels[numbers], config.batch_size, [config.seed])
        self.per_epoch = self.batches.per_epoch
        self.steps = config.epochs * self.per_epoch
        self._random = generator(config.seed, "noise")
        self._weights = self.net.decayed()
        self.optimiser = optimisers.make_optimiser(
            config.optimiser,
            list(self.net.parameters()),
            config.learning_rate,
            decayed=self._weights,
            weight_decay=config.l2,
        )
        self.recent: list[Tensor] = []
        self.done = 0
        self.stopping = Stopping(
            self._kept(),
            members=1,
            epochs=config.epochs,
            per_epoch=self.per_epoch,
            patience=config.patience,
            validation=self._validation if "val" in self.rows else None,
        )
        self.adapt(config)

    def _check_batches(self) -> None:
        """Refuse batches of one picture where a norm takes the variance over the batch."""
        norms = (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)
        if self.config.batch_size == 1 and any(isinstance(m, norms) for m in self.net.modules()):
            expected = _("at least 2, as batch norm compares the pictures of a batch")
            raise InvalidValue.of("batch_size", expected, 1)

    def _scale(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation of each channel, of values from 0 to 1."""
        if not self.config.standardise:
            return [0.0] * self.shape[0], [1.0] * self.shape[0]
        some = self.rows["train"][:: -(-len(self.rows["train"]) // MEASURED)]
        values = self.album.pixels[some].reshape(-1, self.shape[0]) / 255.0
        return values.mean(0).tolist(), np.maximum(values.std(0), 1e-3).tolist()

    def _kept(self) -> list[Tensor]:
        """Everything that learning changes: weights, and the statistics of batch norm."""
        statistics = [b for n, b in self.net.named_buffers() if "running" in n]
        return [*(p.detach() for p in self.net.parameters()), *statistics]

    # Learning --------------------------------------------------------------------------------

    def adapt(self, config: CnnConfig) -> None:
        """Take over what was changed while the run trains."""
        self.config = config
        self._how = Augmentation.of(config)
        if config.optimiser == "lbfgs":
            self._how = self._how._replace(mixup=0.0)
        if config.optimiser == "lbfgs":
            self.net.set_dropout(0.0)  # one line is searched, so the net has to be one
        elif config.architecture != "own":  # whose blocks say it themselves
            self.net.set_dropout(config.dropout)
        self.set_rate(config.learning_rate)
        if config.optimiser == "adamw":
            self.optimiser.param_groups[0]["weight_decay"] = config.l2

    def set_rate(self, base: float) -> None:
        """Change the base rate; the schedule goes on from where it is."""
        self._base = base
        factor = SCHEDULES[self.config.schedule](min(self.done / self.steps, 1.0))
        optimisers.set_learning_rate(self.optimiser, base * factor)

    def step(self) -> Tensor:
        """One batch: look, answer, compare, and change every weight a little."""
        if self.config.schedule != "constant":
            self.set_rate(self._base)
        numbers, y = next(self.batches)
        x = taken(self.pixels, numbers)
        if self._how.active:
            x = augmented(x, self._how, self._random)
        loss = self._line_search(x, y) if self.config.optimiser == "lbfgs" else self._descend(x, y)
        self.done += 1
        if self.stopping.active:
            self.stopping.after_step()
        return loss

    def _descend(self, x: Tensor, y: Tensor) -> Tensor:
        self.optimiser.zero_grad(set_to_none=True)
        logits, loss = self._forward(x, y)
        loss.backward()
        if self.config.l2 and self.config.optimiser != "adamw":
            gradients = [w.grad for w in self._weights if w.grad is not None]
            torch._foreach_add_(
                gradients, [w.detach() for w in self._weights], alpha=self.config.l2
            )
        self.optimiser.step()
        return self._noted(logits, y, loss)

    def _forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and loss; with mixup, of blended pictures and both of their labels."""
        smooth = self.config.label_smoothing
        if not self._how.mixup:
            logits = self._logits(x)
            return logits, cross_entropy(logits, y, label_smoothing=smooth)
        x, y, other, share = mixed(x, y, self._how.mixup, self._random)
        logits = self._logits(x)
        first = cross_entropy(logits, y, label_smoothing=smooth)
        second = cross_entropy(logits, other, label_smoothing=smooth)
        return logits, share * first + (1 - share) * second

    def _logits(self, x: Tensor) -> Tensor:
        """What the net says while it learns; weights and the loss keep their 32 bits."""
        half = self.config.precision == "bfloat16"
        with torch.autocast(x.device.type, torch.bfloat16, enabled=half):
            logits: Tensor = self.net(x)
        return logits.float()

    def _line_search(self, x: Tensor, y: Tensor) -> Tensor:
        """L-BFGS asks for the loss of one batch several times, without noise in the net."""
        kept: list[Tensor] = []

        def closure() -> float:
            self.optimiser.zero_grad(set_to_none=True)
            logits, loss = self._forward(x, y)
            kept.extend([logits.detach(), loss.detach()])
            loss = loss + self.penalty()
            loss.backward()
            return float(loss.detach())

        self.optimiser.step(closure)
        return self._noted(kept[0], y, kept[1])  # as they were before the step

    def _noted(self, logits: Tensor, y: Tensor, loss: Tensor) -> Tensor:
        right = (logits.detach().argmax(1) == y).float().mean()
        self.recent.append(torch.stack([loss.detach(), right]))
        return loss.detach()

    def penalty(self) -> Tensor:
        """What large weights cost: half of l2 times the sum of their squares."""
        total = sum((w.square().sum() for w in self._weights), torch.zeros(()))
        decoupled = self.config.optimiser == "adamw"
        return total * (0.0 if decoupled else self.config.l2 / 2)

    # Looking at it ---------------------------------------------------------------------------

    @torch.no_grad()
    def evaluated(self, numbers: np.ndarray) -> Evaluated:
        """The net in eval mode on these pictures."""
        self.net.eval()
        rows = torch.from_numpy(numbers).to(self.device)
        twice = self.config.mirrored
        parts = rows.split(at_once(self.net))
        pieces = [answers(self.net, taken(self.pixels, some), twice) for some in parts]
        self.net.train()
        return Evaluated(torch.cat(pieces), self.labels[rows])

    def loss(self, found: Evaluated) -> Tensor:
        """The objective on these answers."""
        smooth = self.config.label_smoothing
        return cross_entropy(found.logits, found.labels, label_smoothing=smooth)

    def _validation(self) -> Tensor:
        found = self.evaluated(self.rows["val"])
        return cross_entropy(found.logits, found.labels).reshape(1)

    # Going on from a snapshot ----------------------------------------------------------------

    def saved(self) -> dict[str, Tensor]:
        """Everything needed to go on from here, as flat tensors."""
        tensors = {f"net.{n}": t.detach().clone() for n, t in self.net.state_dict().items()}
        tensors |= optimisers.saved(self.config.optimiser, [self.optimiser])
        tensors |= {"seed": torch.tensor(self.config.seed), **self.batches.saved()}
        tensors |= {"noise": self._random.get_state(), "dropout": self.net.random.get_state()}
        return tensors | (self.stopping.saved() if self.stopping.active else {})

    def restore(self, payload: bytes, step: int) -> None:
        """Go on from a snapshot of `step`: with its weights at least, and all else that fits.

        Raises
        ------
        InvalidValue
            When its network has other tensors.
        """
        tensors = snapshots.unpack(payload)
        own = self.net.state_dict()
        for name, tensor in own.items():
            saved = tensors.get(f"net.{name}")
            if saved is None or saved.shape != tensor.shape:
                raise InvalidValue.of(
                    "fork",
                    _("the pictures, the architecture and its switches to stay"),
                    f"{name}: {'none' if saved is None else list(saved.shape)}",
                )
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(tensors[f"net.{name}"])
        optimisers.restore(self.config.optimiser, [self.optimiser], tensors)
        if int(tensors.get("seed", torch.tensor(-1))) == self.config.seed:
            self.batches.restore(tensors)
            for name, random in (("noise", self._random), ("dropout", self.net.random)):
                if len(tensors[name]) == len(random.get_state()):  # else of another device
                    random.set_state(tensors[name].clone())
        if self.stopping.active:
            self.stopping.restore(tensors, step)
        self.done = step
