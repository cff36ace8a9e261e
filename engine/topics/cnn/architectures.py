"""Known architectures as texts of the block language (torch-free).

Sources: LeNet-5, LeCun et al. 1998 · AlexNet, Krizhevsky et al. 2012 · VGG, Simonyan & Zisserman
2015 · GoogLeNet, Szegedy et al. 2015 · residual nets, He et al. 2016 · ResNet-9, Page 2018.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from engine.errors import InvalidValue
from engine.words import _

PHOTO = 64
"""Pixels of height from which on a residual net starts with a 7 × 7 window and a pool."""
INSPECTED = ("alexnet", "vgg16", "resnet50")
"""Only looked at, on pictures of `INSPECTED_SHAPE`: too large to be trained here."""
INSPECTED_SHAPE = (3, 224, 224)


class _Given(NamedTuple):
    """What an architecture is written for: the side is the smaller of height and width."""

    side: int
    normalisation: bool
    dropout: float

    def conv(self, numbers: str, activation: str = "relu") -> list[str]:
        """A convolution, the norm if there is to be one, and the activation."""
        return [f"conv:{numbers}", *self.norm, activation]

    @property
    def norm(self) -> list[str]:
        return ["norm"] if self.normalisation else []

    @property
    def drop(self) -> str:
        """Present at 0 as well, so that it can be turned up while the net trains."""
        return f"dropout:{self.dropout:g}"


def _small(given: _Given) -> list[str]:
    """Ours: learns the 8 × 8 digits in seconds."""
    blocks = [*given.conv("16:3"), "maxpool:2", *given.conv("32:3"), "maxpool:2"]
    return [*blocks, "dense:64", *given.norm, "relu", given.drop]


def _n1(given: _Given) -> list[str]:
    """Two convolutions of 5 × 5, each pooled."""
    return [*given.conv("16:5:1:2"), "maxpool:2", *given.conv("32:5:1:2"), "maxpool:2"]


def _n2(given: _Given) -> list[str]:
    """Three convolutions; with `normalisation` N4, the norm also after the first dense layer."""
    blocks = [part for c in (10, 20, 40) for part in (*given.conv(f"{c}:3:1:1"), "maxpool:2")]
    return [*blocks, given.drop, "dense:100", *given.norm, "relu", given.drop]


def _n6(given: _Given) -> list[str]:
    """Two wide convolutions without padding."""
    blocks = [*given.conv("64:3:1:0"), "maxpool:2", *given.conv("128:3:1:0"), "maxpool:2"]
    return [*blocks, "dense:128", *given.norm, "relu"]


def _n10(given: _Given) -> list[str]:
    """One convolution and a dense layer."""
    return [*given.conv("18:3:1:1"), "maxpool:2", "dense:64", *given.norm, "relu"]


def _lenet5(given: _Given) -> list[str]:
    """LeCun et al. 1998: 6@28, 6@14, 16@10, 16@5, 120, 84.

    Two departures that are usual today: every map of the second convolution sees all six maps,
    and the end is a dense layer with softmax, not distances to drawn letters. Pictures of 28 are
    padded to the paper's 32.
    """
    padding = 0 if given.side >= 32 else 2
    blocks = [*given.conv(f"6:5:1:{padding}", "tanh"), "avgpool:2"]
    blocks += [*given.conv("16:5:1:0", "tanh"), "avgpool:2"]
    return [*blocks, "dense:120", *given.norm, "tanh", "dense:84", "tanh"]


def _vgg(given: _Given) -> list[str]:
    """Pairs of 3 × 3 convolutions, each pair pooled (Simonyan & Zisserman 2015, much smaller)."""
    blocks: list[str] = []
    for channels in (32, 64, 128):
        blocks += [*given.conv(f"{channels}:3"), *given.conv(f"{channels}:3"), "maxpool:2"]
    return [*blocks, given.drop, "dense:256", *given.norm, "relu", given.drop]


def _googlenet(given: _Given) -> list[str]:
    """Four Inception blocks (Szegedy et al. 2015; that net has nine, wider ones)."""
    blocks = [*given.conv("32:3"), "maxpool:2"]
    for branches in ("16:32:8:8", "32:64:16:16"):
        blocks += [f"inception:{branches}", *given.norm]
    blocks.append("maxpool:2")
    for branches in ("48:96:24:24", "64:128:32:32"):
        blocks += [f"inception:{branches}", *given.norm]
    return [*blocks, "gap", given.drop]


def _stem(given: _Given, channels: int) -> list[str]:
    """How a residual net begins: on photographs with a wide window and a pool (He et al. 2016)."""
    if given.side >= PHOTO:
        return [f"conv:{channels}:7:2:3", "norm", "relu", "maxpool:3:2:1"]
    return [f"conv:{channels}:3", "norm", "relu"]


def _stages(kind: str, *stages: tuple[int, int]) -> list[str]:
    """Stages of (channels, blocks); every one but the first halves the picture."""
    return [
        f"{kind}:{channels}:{2 if stage and not place else 1}"
        for stage, (channels, count) in enumerate(stages)
        for place in range(count)
    ]


def _n5(given: _Given) -> list[str]:
    """Three stages of four residual blocks (He et al. 2016, for small pictures)."""
    blocks = ["conv:16:3", "norm", "relu"]
    return [*blocks, *_stages("residual", (16, 4), (32, 4), (64, 4)), "gap"]


def _resnet9(given: _Given) -> list[str]:
    """Wide and shallow, made to be trained fast (Page 2018, How to Train Your ResNet).

    Two departures: a residual block adds before its last ReLU, as He et al. do, and the outputs
    are not scaled down.
    """
    blocks = ["conv:64:3", "norm", "relu"]
    for channels, residual in ((128, True), (256, False), (512, True)):
        blocks += [f"conv:{channels}:3", "norm", "relu", "maxpool:2"]
        blocks += [f"residual:{channels}"] if residual else []
    rest = given.side // 8
    return [*blocks, f"maxpool:{rest}" if 1 < rest < 8 else "gap", given.drop]


def _resnet18(given: _Given) -> list[str]:
    """Four stages of two residual blocks (He et al. 2016)."""
    stages = _stages("residual", (64, 2), (128, 2), (256, 2), (512, 2))
    return [*_stem(given, 64), *stages, "gap"]


def _resnet50(given: _Given) -> list[str]:
    """Four stages of 3, 4, 6 and 3 bottlenecks (He et al. 2016)."""
    stages = _stages("bottleneck", (64, 3), (128, 4), (256, 6), (512, 3))
    return [*_stem(given, 64), *stages, "gap"]


def _alexnet(given: _Given) -> list[str]:
    """Krizhevsky et al. 2012, on one device, without its normalisation over channels."""
    blocks = [*given.conv("96:11:4:2"), "maxpool:3:2", *given.conv("256:5"), "maxpool:3:2"]
    blocks += [*given.conv("384:3"), *given.conv("384:3"), *given.conv("256:3"), "maxpool:3:2"]
    return [*blocks, given.drop, "dense:4096", "relu", given.drop, "dense:4096", "relu"]


def _vgg16(given: _Given) -> list[str]:
    """Thirteen 3 × 3 convolutions and three dense layers (Simonyan & Zisserman 2015)."""
    blocks: list[str] = []
    for channels, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        blocks += [*given.conv(f"{channels}:3") * count, "maxpool:2"]
    return [*blocks, "dense:4096", "relu", given.drop, "dense:4096", "relu", given.drop]


def _lstm(given: _Given) -> list[str]:
    """The rows of the picture as a sequence (N7)."""
    return ["lstm:128:2"]


def _bilstm(given: _Given) -> list[str]:
    """The same in both directions (N8)."""
    return ["bilstm:128:2"]


_WRITTEN: Mapping[str, Callable[[_Given], list[str]]] = MappingProxyType(
    {
        "small": _small,
        "n1": _n1,
        "n2": _n2,
        "n5": _n5,
        "n6": _n6,
        "n10": _n10,
        "lenet5": _lenet5,
        "vgg": _vgg,
        "googlenet": _googlenet,
        "resnet9": _resnet9,
        "resnet18": _resnet18,
        "lstm": _lstm,
        "bilstm": _bilstm,
        "alexnet": _alexnet,
        "vgg16": _vgg16,
        "resnet50": _resnet50,
    }
)
NAMES = tuple(_WRITTEN)
WITH_DROPOUT = ("small", "n2", "vgg", "googlenet", "resnet9", "alexnet", "vgg16")
"""Those that have a dropout block; for the others the setting does nothing."""
ALWAYS_NORMALISED = ("n5", "resnet9", "resnet18", "resnet50")
"""Those that are built around batch norm; for them, and for the LSTMs, the switch does nothing."""


def text_of(
    name: str, *, shape: tuple[int, ...], normalisation: bool = False, dropout: float = 0.0
) -> str:
    """The blocks of a known architecture; that they fit the pictures is for `blocks.check`.

    Parameters
    ----------
    shape : tuple of int
        (C, H, W) of the pictures; residual nets begin differently on large ones.
    normalisation : bool
        Batch norm after each convolution and the first dense layer.
    dropout : float
        For the architectures `WITH_DROPOUT`.

    Raises
    ------
    InvalidValue
        Where no architecture has this name.
    """
    written = _WRITTEN.get(name)
    if written is None:
        expected = _("one of {choices}").format(choices=", ".join(NAMES))
        raise InvalidValue.of("architecture", expected, name)
    return ",".join(written(_Given(min(shape[1:]), normalisation, dropout)))
