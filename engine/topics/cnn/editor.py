"""What the block editor shows, and what it may put into the settings (torch-free)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from engine.data import pictures
from engine.data.tables import OWN
from engine.errors import InvalidValue
from engine.topics.cnn import blocks
from engine.topics.cnn.architectures import INSPECTED, INSPECTED_SHAPE, text_of
from engine.topics.cnn.blocks import KINDS, check, parse, written
from engine.topics.cnn.parts import SHAPES
from engine.topics.cnn.spec import CnnConfig
from engine.words import N_, _

if TYPE_CHECKING:
    from engine.data.own_albums import OwnAlbum

BUILT = "own"
"""The architecture that is put together from blocks."""
USUAL_CLASSES = 10
"""Taken for own pictures that are not here yet."""
INSPECTED_CLASSES = 1000
INSPECTED_DROPOUT = 0.5


class Source(NamedTuple):
    """Where an architecture comes from: year, authors and title, and what is different here."""

    year: int
    paper: str
    note: str = ""


_RESNET = "He, Zhang, Ren & Sun, Deep Residual Learning for Image Recognition, arXiv 1512.03385"
_VGG = (
    "Simonyan & Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, "
    "arXiv 1409.1556"
)
SOURCES = {
    "lenet5": Source(
        1998,
        "LeCun, Bottou, Bengio & Haffner, Gradient-Based Learning Applied to Document Recognition, "
        "Proceedings of the IEEE 86",
        N_("Today’s usual form: its second convolution sees all maps, and it ends in a softmax."),
    ),
    "vgg": Source(2014, _VGG, N_("Built the same way, much smaller.")),
    "googlenet": Source(
        2014,
        "Szegedy et al., Going Deeper with Convolutions, arXiv 1409.4842",
        N_("Built the same way, with four Inception blocks instead of nine."),
    ),
    "n5": Source(2015, _RESNET, N_("Its shape for small pictures.")),
    "resnet9": Source(2018, "Page, How to Train Your ResNet", N_("Made to be trained fast.")),
    "resnet18": Source(2015, _RESNET),
    "lstm": Source(1997, "Hochreiter & Schmidhuber, Long Short-Term Memory, Neural Computation 9"),
    "bilstm": Source(
        1997,
        "Schuster & Paliwal, Bidirectional Recurrent Neural Networks, "
        "IEEE Transactions on Signal Processing 45",
    ),
    "alexnet": Source(
        2012,
        "Krizhevsky, Sutskever & Hinton, ImageNet Classification with Deep Convolutional Neural "
        "Networks, NeurIPS",
        N_("Shown as for one device; the paper splits it over two, and also normalises channels."),
    ),
    "vgg16": Source(2014, _VGG),
    "resnet50": Source(
        2015,
        _RESNET,
        N_("As usual today, the 3 × 3 convolution takes the stride, not the first 1 × 1."),
    ),
}
TITLES = {"alexnet": "AlexNet", "vgg16": "VGG-16", "resnet50": "ResNet-50"}
"""Of those that no setting names."""


def layers_of(config: CnnConfig, own: OwnAlbum | None = None) -> dict[str, Any]:
    """What the editor shows for these settings (and own pictures), plain data throughout.

    Returns
    -------
    dict
        `kinds`, `limits` and `phrases` of the block language; `shown`, every architecture there
        is, with its blocks as text and what they are sized for; `chosen`, the one that is trained.
    """
    return {
        "kinds": {name: _kind(name) for name in KINDS},
        "limits": {
            "text": blocks.MAX_TEXT,
            "blocks": blocks.MAX_BLOCKS,
            "parameters": blocks.MAX_PARAMETERS,
            "flops": blocks.MAX_FLOPS,
            "values": blocks.MAX_VALUES,
            "inspected": blocks.MOST_PARAMETERS,
        },
        "phrases": _phrases(),
        "shown": [*(_trained(config, name, own) for name in _names()), *map(_inspected, INSPECTED)],
        "chosen": config.architecture,
    }


def with_layers(
    config: CnnConfig, name: object, text: object = "", own: OwnAlbum | None = None
) -> dict[str, Any]:
    """The settings that train what was chosen in the editor.

    Parameters
    ----------
    name
        An architecture; with `"own"`, `text` holds the blocks.
    own
        The visitor's own pictures, where they are what is learned from.

    Raises
    ------
    InvalidValue
        When there is no such architecture, or its blocks do not fit the pictures.
    """
    if name not in _names():
        raise InvalidValue.of("architecture", _("one of the architectures of the list"), name)
    if not isinstance(text, str):
        raise InvalidValue.of("blocks", _("blocks as text"), text)
    built = text if name == BUILT else _text(config, str(name))
    check(built, SHAPES[config.data], _classes(config, own))
    if name != BUILT:
        return {"architecture": name}
    return {"architecture": BUILT, "blocks": written(parse(text))}


def _classes(config: CnnConfig, own: OwnAlbum | None) -> int:
    """How many classes there are to tell apart."""
    if config.data == OWN:
        return len(own.classes) if own is not None else USUAL_CLASSES
    return len(pictures.classes(config.data))


def _names() -> tuple[str, ...]:
    """Architectures that a setting names."""
    names: tuple[str, ...] = get_args(CnnConfig.model_fields["architecture"].annotation)
    return names


def _text(config: CnnConfig, name: str) -> str:
    """The blocks of an architecture as these settings train it."""
    return text_of(
        name,
        shape=SHAPES[config.data],
        normalisation=config.normalisation,
        dropout=config.dropout,
    )


def _trained(config: CnnConfig, name: str, own: OwnAlbum | None) -> dict[str, Any]:
    """An architecture that can be trained on the pictures of these settings."""
    title = CnnConfig.settings()["architecture"].labels[name]
    text, broken = _built(config) if name == BUILT else (written(parse(_text(config, name))), "")
    return {
        "name": name,
        "title": _(title),
        "about": broken or _about(name),
        "text": text,
        "shape": SHAPES[config.data],
        "classes": _classes(config, own),
        "trained": True,
    }


def _built(config: CnnConfig) -> tuple[str, str]:
    """The visitor's own blocks, or what is wrong with them, as in a link that was tampered with."""
    try:
        return written(parse(config.blocks)), ""
    except InvalidValue as error:
        return "", error.message


def _inspected(name: str) -> dict[str, Any]:
    """An architecture that is only looked at."""
    text = text_of(name, shape=INSPECTED_SHAPE, dropout=INSPECTED_DROPOUT)
    return {
        "name": name,
        "title": f"{TITLES[name]} ({SOURCES[name].year})",
        "about": _about(name),
        "text": written(parse(text)),
        "shape": INSPECTED_SHAPE,
        "classes": INSPECTED_CLASSES,
        "trained": False,
    }


def _about(name: str) -> str:
    """Source, year, and what is different here, in a line; empty for our own."""
    source = SOURCES.get(name)
    if source is None:
        return ""
    said = _("Source: {paper} ({year}).").format(paper=source.paper, year=source.year)
    return f"{said} {_(source.note)}".strip()


def _kind(name: str) -> dict[str, Any]:
    """A kind of block, in words of the visitor's language."""
    kind = KINDS[name]
    return {
        "title": _(kind.title),
        "help": _(kind.help),
        "counted_as": kind.counted_as or name,
        "parameters": [
            {
                "title": _(p.title),
                "short": _(p.short or p.title),
                "low": p.low,
                "high": p.high,
                "default": p.default,
                "whole": p.whole,
            }
            for p in kind.parameters
        ],
    }


def _phrases() -> dict[str, str]:
    """What `blocks` says against a block, for where the browser says it first."""
    return {
        "problem": _("{block} needs {needs}, but gets {gets}: {remedy}."),
        "picture": _("a picture (channels × height × width)"),
        "vector": _("a vector of {n} values"),
        "earlier": _("move it before the first dense, gap or lstm"),
        "window": _("at least {k} × {k} pixels for its window"),
        "padded": _(" with the padding around it"),
        "smaller": _("take a smaller kernel or more padding, or shrink the picture less before it"),
        "parameters": _(
            "at most {most} million parameters (fewer channels or neurons, more pools)"
        ),
        "flops": _("at most {most} million FLOPs for a picture (pool earlier, fewer channels)"),
        "values": _(
            "at most {most} million values between the layers (pool earlier, fewer channels)"
        ),
        "millions": _("{n} million"),
        "share": _("{n} million, {part} million of them in {stage}"),
        "blocks": _("at most {n} blocks"),
        "text": _("at most {n} characters"),
        "characters": _("{n} characters"),
    }
