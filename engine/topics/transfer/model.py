"""The trained nets of a run as they are asked: what is kept of them, and how they come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

import torch
from torch import Tensor, nn

from engine.errors import Corrupt
from engine.topics.transfer import material
from engine.topics.transfer.contestants import Contestant
from engine.topics.transfer.making import Maker
from engine.topics.transfer.material import Shape
from engine.topics.transfer.nets import TransferNet
from engine.topics.transfer.spec import TransferConfig
from engine.words import _

FROZEN = "frozen"
"""Name of the checksum of what a net freezes, which is not kept with a run but found again."""
STANDS_IN = "stands_in"
KEPT = ("fit", "upper", "head")
"""Parts of a net that are kept with a run."""


class Answering(nn.Module):
    """From pictures (N, C, H, W) of values 0 … 1 to probabilities (N, classes).

    Of several nets it is the average of their answers, weighted by `shares`.

    Attributes
    ----------
    shape : tuple of int
        (C, H, W) of the pictures.
    """

    shares: Tensor

    def __init__(self, nets: Sequence[TransferNet], shares: Sequence[float], shape: Shape) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)
        height, width, channels = shape
        self.shape = (channels, height, width)
        self.register_buffer("shares", torch.tensor(shares))
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        answers = torch.stack([net(x).softmax(1) for net in self.nets])
        return (self.shares.reshape(-1, 1, 1) * answers).sum(0)


def kept(contestants: Sequence[Contestant], *, stands_in: bool = False) -> dict[str, Tensor]:
    """What is kept of these nets: all that has learned, and a checksum of what has not.

    With `stands_in` it says that they were made of the suited backbone, as the one that the
    settings name could not be had.
    """
    tensors: dict[str, Tensor] = {STANDS_IN: torch.tensor(1)} if stands_in else {}
    for number, contestant in enumerate(contestants):
        for part in KEPT:
            module = getattr(contestant.net, part)
            own = {f"{number}.{part}.{n}": t for n, t in module.state_dict().items()}
            tensors |= {name: tensor.detach().cpu().clone() for name, tensor in own.items()}
        tensors[f"{number}.{FROZEN}"] = checksum(contestant.net)
    return tensors


def checksum(net: TransferNet) -> Tensor:
    """Of everything that a net freezes: the first eight bytes of its SHA-256, as one number."""
    seen = sha256()
    for name, tensor in net.lower.state_dict().items():
        seen.update(name.encode())
        seen.update(tensor.cpu().contiguous().numpy().tobytes())
    return torch.tensor(int.from_bytes(seen.digest()[:8], "big", signed=True))


def answering(config: TransferConfig, weights: Mapping[str, Tensor]) -> Answering:
    """The nets of a run from what `kept` gave; backbones are read where they lie.

    Raises
    ------
    Corrupt
        When a backbone is not the one that the run froze.
    GalleryError
        When a backbone cannot be had.
    """
    if STANDS_IN in weights:
        config = config.changed({"backbone": "auto"})
    shape = material.shape_of(config)
    last = [name for name in weights if name.startswith("0.head.") and name.endswith(".bias")][-1]
    plain = [0.0] * shape[2], [1.0] * shape[2]
    maker = Maker(config, shape, len(weights[last]), *plain)
    nets = [_loaded(maker, side, i, weights) for i, side in enumerate(sides(config))]
    shares = config.shares(len(nets)) if config.task == "fusion" else [1.0]
    return Answering(nets, shares, shape)


def sides(config: TransferConfig) -> tuple[str, ...]:
    """Which contestants of a run are kept: all that are fused, else the one that is on show."""
    if config.task == "fusion":
        return config.models
    return ("tuned",) if config.tuned else ("frozen",)


def _loaded(maker: Maker, side: str, number: int, weights: Mapping[str, Tensor]) -> TransferNet:
    net, _freezes = maker.net(side, 0)
    for part in KEPT:
        start = f"{number}.{part}."
        own = {n.removeprefix(start): t for n, t in weights.items() if n.startswith(start)}
        getattr(net, part).load_state_dict(own, strict=True)
    if not torch.equal(checksum(net), weights[f"{number}.{FROZEN}"]):
        text = _("The backbone of this model has changed since it was trained. Train it again.")
        raise Corrupt(text, field="model")
    net.eval()
    return net
