"""The block language: a network for pictures as one line of text, and what each block costs.

`conv:16:5,relu,maxpool:2` is read by `parse`, sized by `plan` and refused in words by `check`
(torch-free; `models.build` makes the same network of PyTorch layers, stage by stage).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from math import prod
from types import MappingProxyType
from typing import NamedTuple

from engine.errors import InvalidValue, Problem
from engine.words import N_, _

MAX_TEXT = 2_000
"""Characters of a text: it has to fit into a link."""
MAX_BLOCKS = 60
MAX_PARAMETERS = 30_000_000
"""Of a net to be trained: with its gradients and Adam's two averages half a gigabyte."""
MAX_FLOPS = 4_000_000_000
"""For one picture forward: an epoch of 50,000 then takes two cores about an hour."""
MAX_VALUES = 8_000_000
"""Numbers that training keeps of one picture, 32 MB: a batch of 100 then takes 3.2 GB."""
MOST_PARAMETERS = 200_000_000
"""Of a net that is only looked at: nothing is allocated for it, but VGG-16 should fit."""

Shape = tuple[int, ...]
Values = tuple[float, ...]


class Parameter(NamedTuple):
    """One number of a block: its range, and what it is when the text leaves it out.

    `default` names one of `DEFAULTS`; what has none cannot be left out. `short` is a title for
    where there is little room.
    """

    title: str
    low: float
    high: float
    default: str = ""
    whole: bool = True
    short: str = ""


class Kind(NamedTuple):
    """What a kind of block is called, its numbers, and the name its stages are counted under."""

    title: str
    help: str
    parameters: tuple[Parameter, ...] = ()
    counted_as: str = ""


DEFAULTS: Mapping[str, Callable[[Values], float]] = MappingProxyType(
    {
        "one": lambda before: 1,
        "zero": lambda before: 0,
        "kernel": lambda before: before[0],  # windows of a pool side by side
        "half": lambda before: before[1] // 2,  # of the kernel: an odd one then leaves the size
    }
)
"""What a number is that is left out, of those before it."""

_CHANNELS = Parameter(N_("channels"), 1, 1024)
_KERNEL = Parameter(N_("kernel"), 1, 15)
_STRIDE = Parameter(N_("stride"), 1, 8, "one")
_STEP = Parameter(N_("stride"), 1, 15, "kernel")
_HIDDEN = (Parameter(N_("hidden"), 1, 1024), Parameter(N_("layers"), 1, 4, "one"))
_BRANCHES = tuple(
    Parameter(title, 1, 1024, short=short)
    for title, short in (
        (N_("channels of the 1 × 1 branch"), "1 × 1"),
        (N_("channels of the 3 × 3 branch"), "3 × 3"),
        (N_("channels of the 5 × 5 branch"), "5 × 5"),
        (N_("channels of the pool branch"), N_("pool")),
    )
)

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "conv": Kind(
            N_("Convolution"),
            N_("Looks for the same small patterns everywhere in the picture."),
            (_CHANNELS, _KERNEL, _STRIDE, Parameter(N_("padding"), 0, 15, "half")),
        ),
        "maxpool": Kind(
            N_("Max pool"),
            N_("Keeps the largest value of each window, and so shrinks the picture."),
            (_KERNEL, _STEP, Parameter(N_("padding"), 0, 7, "zero")),
            "pool",
        ),
        "avgpool": Kind(
            N_("Average pool"),
            N_("Keeps the mean of each window, and so shrinks the picture."),
            (_KERNEL, _STEP),
            "pool",
        ),
        "gap": Kind(
            N_("Global average"),
            N_("Keeps the mean of each channel: one number for each."),
        ),
        "norm": Kind(
            N_("Batch norm"),
            N_("Brings each channel to mean 0 and deviation 1 within the batch."),
        ),
        "relu": Kind(N_("ReLU"), N_("Sets what is negative to 0.")),
        "leaky-relu": Kind(N_("Leaky ReLU"), N_("Keeps a hundredth of what is negative.")),
        "tanh": Kind(N_("Tanh"), N_("Squeezes every value into -1 … 1.")),
        "sigmoid": Kind(N_("Sigmoid"), N_("Squeezes every value into 0 … 1.")),
        "gelu": Kind(N_("GELU"), N_("A ReLU with a soft bend.")),
        "silu": Kind(N_("SiLU"), N_("A ReLU with a soft bend: x times its sigmoid.")),
        "dropout": Kind(
            N_("Dropout"),
            N_("Silences a share of the values while training."),
            (Parameter(N_("share"), 0, 0.9, whole=False),),
        ),
        "dense": Kind(
            N_("Dense"),
            N_("Every neuron sees every value; the picture becomes a vector."),
            (Parameter(N_("neurons"), 1, 4096),),
        ),
        "residual": Kind(
            N_("Residual block"),
            N_("Two 3 × 3 convolutions, and a shortcut that is added to what they give."),
            (_CHANNELS, _STRIDE),
        ),
        "bottleneck": Kind(
            N_("Bottleneck block"),
            N_("A residual block of 1 × 1, 3 × 3 and 1 × 1, the last four times as wide."),
            (_CHANNELS, _STRIDE),
        ),
        "inception": Kind(
            N_("Inception block"),
            N_("Windows of 1 × 1, 3 × 3, 5 × 5 and a pool side by side."),
            _BRANCHES,
        ),
        "lstm": Kind(
            N_("LSTM over rows"),
            N_("Reads the picture row by row and gives what it remembers at the end."),
            _HIDDEN,
        ),
        "bilstm": Kind(
            N_("Bidirectional LSTM over rows"),
            N_("Reads the rows from above and from below; gives both at the last row."),
            _HIDDEN,
        ),
    }
)
ACTIVATIONS = ("relu", "leaky-relu", "tanh", "sigmoid", "gelu", "silu")
CONVOLUTIONAL = ("conv", "residual", "bottleneck", "inception")
EXPANSION = 4
"""How many times wider a bottleneck is at its end (He et al. 2016)."""


class Block(NamedTuple):
    """One block: its kind and all of its numbers, those that the text leaves out as well."""

    kind: str
    values: Values = ()

    @property
    def numbers(self) -> tuple[int, ...]:
        """The values as whole numbers; what every kind but dropout has."""
        return tuple(int(value) for value in self.values)

    @property
    def text(self) -> str:
        """As it is written, without the numbers that would be the same left out."""
        shown, least = self.values, _least(self.kind)
        while len(shown) > least and _filled(self.kind, shown[:-1]) == self.values:
            shown = shown[:-1]
        return ":".join([self.kind, *map(_plain, shown)])


class Stage(NamedTuple):
    """A block in its place.

    Attributes
    ----------
    block : Block
    name : str
        `conv1`, `relu1`, `pool1` …, counted for each kind; the last one is `out`.
    input, output : tuple of int
        (C, H, W) or (N,); empty where it is not known because of a problem.
    parameters : int
    flops : int
        Of one picture forward, in matrix products and convolutions, two for a multiply-add (as
        `engine.training.layers` counts them).
    problem : str
        Why the block is impossible here, in words; empty where it is possible.
    """

    block: Block
    name: str
    input: Shape
    output: Shape
    parameters: int
    flops: int
    problem: str = ""


class _Impossible(Exception):
    """A block that cannot stand where it stands: needs, gets, remedy, in words."""

    def __init__(self, needs: str, gets: str, remedy: str) -> None:
        super().__init__(needs)
        self.needs, self.gets, self.remedy = needs, gets, remedy


class _Size(NamedTuple):
    """What a block makes of its input; `inner` counts the values inside that training keeps."""

    output: Shape
    parameters: int = 0
    flops: int = 0
    inner: int = 0


# ------------------------------------------------------------------ reading


def parse(text: str) -> tuple[Block, ...]:
    """Read a text, blocks separated by commas, numbers of a block by colons.

    An empty text is a network without hidden layers.

    Raises
    ------
    InvalidValue
        Of the field `blocks`: an unknown kind, a number too many, too few, or out of its range,
        too many blocks or characters.
    """
    if len(text) > MAX_TEXT:
        raise _invalid(
            _("at most {n} characters").format(n=f"{MAX_TEXT:,}"),
            _("{n} characters").format(n=f"{len(text):,}"),
        )
    parts = text.lower().split(",") if text.strip() else []
    if len(parts) > MAX_BLOCKS:
        raise _invalid(_("at most {n} blocks").format(n=MAX_BLOCKS), str(len(parts)))
    return tuple(_block(i, part.strip()) for i, part in enumerate(parts, 1))


def written(blocks: tuple[Block, ...]) -> str:
    """The text of blocks, the shortest that `parse` reads as the same."""
    return ",".join(block.text for block in blocks)


def _block(place: int, text: str) -> Block:
    kind, *numbers = (part.strip() for part in text.split(":"))
    if kind not in KINDS:
        expected = _("block {n} to be one of {kinds}").format(n=place, kinds=", ".join(KINDS))
        raise InvalidValue.of("blocks", expected, text)
    parameters = KINDS[kind].parameters
    if not _least(kind) <= len(numbers) <= len(parameters):
        raise InvalidValue.of("blocks", _block_form(place, kind), text)
    given: Values = ()
    for number, parameter in zip(numbers, parameters, strict=False):
        given += (_number(place, kind, number, parameter),)
    block = Block(kind, _filled(kind, given))
    if kind == "maxpool" and block.values[2] > block.values[0] // 2:
        expected = _("the padding of block {n} (maxpool) to be at most half its kernel, {most}")
        most = block.numbers[0] // 2
        raise InvalidValue.of("blocks", expected.format(n=place, most=most), text)
    return block


def _block_form(place: int, kind: str) -> str:
    """What a block of this kind looks like, for a message."""
    parameters = KINDS[kind].parameters
    if not parameters:
        return _("block {n} ({kind}) to have no numbers").format(n=place, kind=kind)
    names = ", ".join(
        _("{name} (optional)").format(name=_(p.title)) if p.default else _(p.title)
        for p in parameters
    )
    said = _("block {n} ({kind}) to have these numbers, each after a colon: {names}")
    return said.format(n=place, kind=kind, names=names)


def _number(place: int, kind: str, text: str, parameter: Parameter) -> float:
    form = r"[0-9]{1,6}" if parameter.whole else r"[0-9]{0,3}\.?[0-9]{1,6}|[0-9]{1,3}\.?"
    if re.fullmatch(form, text) and parameter.low <= float(text) <= parameter.high:
        return int(text) if parameter.whole else float(text)
    form = (
        _("the {name} of block {n} ({kind}) to be a whole number from {low} to {high}")
        if parameter.whole
        else _("the {name} of block {n} ({kind}) to be a number from {low} to {high}")
    )
    expected = form.format(
        name=_(parameter.title), n=place, kind=kind, low=parameter.low, high=parameter.high
    )
    raise InvalidValue.of("blocks", expected, text)


def _least(kind: str) -> int:
    """How many numbers a block of this kind cannot do without."""
    return sum(not parameter.default for parameter in KINDS[kind].parameters)


def _filled(kind: str, given: Values) -> Values:
    """The numbers of a block, with those that were left out."""
    for parameter in KINDS[kind].parameters[len(given) :]:
        if parameter.default:
            given += (DEFAULTS[parameter.default](given),)
    return given


def _plain(value: float) -> str:
    """A number without an exponent, which `parse` would not read."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _invalid(expected: str, received: str) -> InvalidValue:
    """As `InvalidValue.of`, with what was received already in words."""
    return InvalidValue([Problem("blocks", expected, received)])


# ------------------------------------------------------------------- sizing


def plan(blocks: tuple[Block, ...], shape: Shape, classes: int) -> tuple[Stage, ...]:
    """Every block in its place, and the dense layer to the classes at the end (`out`).

    Never raises: the first impossible block says so in `problem`, the later ones have no sizes.

    Parameters
    ----------
    shape : tuple of int
        (C, H, W) of the pictures.
    """
    return tuple(stage for stage, _found in _planned(blocks, shape, classes))


def check(text: str, shape: Shape, classes: int, *, inspect: bool = False) -> tuple[Stage, ...]:
    """The plan of a text that can be built, and trained unless it is only to `inspect`.

    Raises
    ------
    InvalidValue
        Of the field `blocks`: which block, what it needs, what it gets and what to do.
    """
    planned = list(_planned(parse(text), shape, classes))
    for place, (stage, found) in enumerate(planned, 1):
        if isinstance(found, _Impossible):
            said = _("block {n} ({block}) to get {needs} ({remedy})")
            expected = said.format(
                n=place, block=stage.block.text, needs=found.needs, remedy=found.remedy
            )
            raise _invalid(expected, found.gets)
    stages = tuple(stage for stage, _found in planned)
    parameters = sum(stage.parameters for stage in stages)
    most = MOST_PARAMETERS if inspect else MAX_PARAMETERS
    if parameters > most:
        largest = max(stages, key=lambda stage: stage.parameters)
        said = _("at most {most} million parameters (fewer channels or neurons, more pools)")
        raise _invalid(
            said.format(most=most // 10**6),
            _("{n} million, {part} million of them in {stage}").format(
                n=_millions(parameters), part=_millions(largest.parameters), stage=largest.name
            ),
        )
    if not inspect:
        _affordable(stages, sum(f.inner for _s, f in planned if isinstance(f, _Size)))
    return stages


def _affordable(stages: tuple[Stage, ...], inner: int) -> None:
    """Refuse what would take too long, or too much memory, to train."""
    flops = sum(stage.flops for stage in stages)
    if flops > MAX_FLOPS:
        largest = max(stages, key=lambda stage: stage.flops)
        said = _("at most {most} million FLOPs for a picture (pool earlier, fewer channels)")
        raise _invalid(
            said.format(most=f"{MAX_FLOPS // 10**6:,}"),
            _("{n} million, {part} million of them in {stage}").format(
                n=_millions(flops), part=_millions(largest.flops), stage=largest.name
            ),
        )
    values = inner + sum(prod(stage.output) for stage in stages)
    if values > MAX_VALUES:
        said = _("at most {most} million values between the layers (pool earlier, fewer channels)")
        raise _invalid(
            said.format(most=MAX_VALUES // 10**6), _("{n} million").format(n=_millions(values))
        )


def _millions(number: int) -> str:
    return f"{number / 1e6:,.1f}"


def _planned(
    blocks: tuple[Block, ...], shape: Shape, classes: int
) -> list[tuple[Stage, _Size | _Impossible | None]]:
    counts: Counter[str] = Counter()
    given: Shape = shape
    planned: list[tuple[Stage, _Size | _Impossible | None]] = []
    for i, block in enumerate((*blocks, Block("dense", (classes,)))):
        name = KINDS[block.kind].counted_as or block.kind
        counts[name] += 1
        name = f"{name}{counts[name]}" if i < len(blocks) else "out"
        if not given:
            planned.append((Stage(block, name, (), (), 0, 0), None))
            continue
        try:
            size = _SIZES[block.kind](block, given)
        except _Impossible as impossible:
            said = _("{block} needs {needs}, but gets {gets}: {remedy}.").format(
                block=block.text,
                needs=impossible.needs,
                gets=impossible.gets,
                remedy=impossible.remedy,
            )
            planned.append((Stage(block, name, given, (), 0, 0, said), impossible))
            given = ()
            continue
        planned.append((Stage(block, name, given, size.output, size.parameters, size.flops), size))
        given = size.output
    return planned


def slide(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Positions of a window along one side: ⌊(W + 2P − D(F − 1) − 1)/S⌋ + 1; below 1, none."""
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def _picture(given: Shape) -> tuple[int, int, int]:
    """(C, H, W) of what a block gets that needs a picture."""
    if len(given) == 3:
        return given[0], given[1], given[2]
    raise _Impossible(
        _("a picture (channels × height × width)"),
        _("a vector of {n} values").format(n=f"{given[0]:,}"),
        _("move it before the first dense, gap or lstm"),
    )


def _window(given: Shape, kernel: int, stride: int, padding: int) -> tuple[int, int]:
    """Height and width that a sliding window leaves of a picture."""
    _channels, height, width = _picture(given)
    rows, columns = (slide(size, kernel, stride, padding) for size in (height, width))
    if rows >= 1 and columns >= 1:
        return rows, columns
    around = _(" with the padding around it") if padding else ""
    raise _Impossible(
        _("at least {k} × {k} pixels for its window").format(k=kernel),
        f"{height + 2 * padding} × {width + 2 * padding}{around}",
        _("take a smaller kernel or more padding, or shrink the picture less before it"),
    )


def _convolution(given: Shape, channels: int, kernel: int, out: Shape, bias: bool = True) -> _Size:
    """What one convolution to (channels, *out) costs."""
    weights = channels * given[0] * kernel**2
    flops = 2 * weights * prod(out)
    values = channels * prod(out)
    return _Size((channels, *out), weights + bias * channels, flops, values)


def _together(output: Shape, parts: list[_Size], inner: int = 0) -> _Size:
    """A block of several convolutions; `inner` values are kept besides their outputs."""
    return _Size(
        output,
        sum(part.parameters for part in parts),
        sum(part.flops for part in parts),
        inner + sum(part.inner for part in parts),
    )


def _conv(block: Block, given: Shape) -> _Size:
    channels, kernel, stride, padding = block.numbers
    out = _window(given, kernel, stride, padding)
    return _convolution(given, channels, kernel, out)._replace(inner=0)


def _pool(block: Block, given: Shape) -> _Size:
    kernel, stride, padding = (*block.numbers, 0)[:3]
    return _Size((_picture(given)[0], *_window(given, kernel, stride, padding)))


def _gap(block: Block, given: Shape) -> _Size:
    return _Size(_picture(given)[:1])


def _norm(block: Block, given: Shape) -> _Size:
    return _Size(given, 2 * given[0])


def _same(block: Block, given: Shape) -> _Size:
    return _Size(given)


def _dense(block: Block, given: Shape) -> _Size:
    (neurons,) = block.numbers
    weights = neurons * prod(given)
    return _Size((neurons,), weights + neurons, 2 * weights)


def _normed(given: Shape, channels: int, kernel: int, out: Shape) -> _Size:
    """A convolution without bias, and its norm: what residual blocks are made of."""
    size = _convolution(given, channels, kernel, out, bias=False)
    return size._replace(parameters=size.parameters + 2 * channels, inner=2 * size.inner)


def _residual(block: Block, given: Shape) -> _Size:
    channels, stride = block.numbers
    _picture(given)
    out = _window(given, 3, stride, 1)
    after = (channels, *out)
    parts = [_normed(given, channels, 3, out), _normed(after, channels, 3, out)]
    if given != after:
        parts.append(_normed(given, channels, 1, out))
    return _together(after, parts)


def _bottleneck(block: Block, given: Shape) -> _Size:
    channels, stride = block.numbers
    _channels, height, width = _picture(given)
    out = _window(given, 3, stride, 1)
    inside, after = (channels, *out), (EXPANSION * channels, *out)
    parts = [
        _normed(given, channels, 1, (height, width)),
        _normed((channels, height, width), channels, 3, out),
        _normed(inside, EXPANSION * channels, 1, out),
    ]
    if given != after:
        parts.append(_normed(given, EXPANSION * channels, 1, out))
    return _together(after, parts)


def reductions(block: Block) -> tuple[int, int]:
    """Channels that an inception block's 3 × 3 and 5 × 5 branches are reduced to: half of them."""
    _narrow, medium, wide, _pooled = block.numbers
    return (medium + 1) // 2, (wide + 1) // 2


def _inception(block: Block, given: Shape) -> _Size:
    narrow, medium, wide, pooled = block.numbers
    channels, height, width = _picture(given)
    out = (height, width)
    before_medium, before_wide = reductions(block)
    parts = [
        _convolution(given, narrow, 1, out),
        _convolution(given, before_medium, 1, out),
        _convolution((before_medium, *out), medium, 3, out),
        _convolution(given, before_wide, 1, out),
        _convolution((before_wide, *out), wide, 5, out),
        _convolution(given, pooled, 1, out),
    ]
    return _together((sum(block.numbers), *out), parts, inner=channels * height * width)


def _lstm(block: Block, given: Shape, directions: int = 1) -> _Size:
    """Four gates, each a dense layer of the row and of what is remembered, at every row."""
    hidden, layers = block.numbers
    channels, rows, width = _picture(given)
    inputs, weights = channels * width, 0
    for _layer in range(layers):
        weights += directions * 4 * hidden * (inputs + hidden)
        inputs = directions * hidden
    biases = directions * layers * 8 * hidden  # PyTorch has two for each gate
    kept = directions * layers * rows * 6 * hidden
    return _Size((inputs,), weights + biases, 2 * weights * rows, kept)


_SIZES: Mapping[str, Callable[[Block, Shape], _Size]] = {
    "conv": _conv,
    "maxpool": _pool,
    "avgpool": _pool,
    "gap": _gap,
    "norm": _norm,
    **dict.fromkeys((*ACTIVATIONS, "dropout"), _same),
    "dense": _dense,
    "residual": _residual,
    "bottleneck": _bottleneck,
    "inception": _inception,
    "lstm": _lstm,
    "bilstm": partial(_lstm, directions=2),
}
