"""The networks of the CNN topic: from a text of blocks to PyTorch layers, one for each stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, max_pool2d, relu

from engine.topics.cnn import blocks
from engine.topics.cnn.blocks import Block, Shape, Stage

MONOTONE: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu_,
    "leaky-relu": partial(leaky_relu, inplace=True),
    "tanh": torch.tanh_,
    "sigmoid": torch.sigmoid_,
}
"""Activations that never decrease, so that they change places with a max pool; in place."""
OVERWRITABLE = ("conv", "norm", "maxpool", "avgpool", "gap", "dense")
"""Blocks that do not need their output for the gradient: what follows may overwrite it."""


class Randomness:
    """The generator that all dropout layers of one net draw from, on the device they work on."""

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    def on(self, device: torch.device) -> torch.Generator:
        """The generator; a new one, seeded by it, when the net has moved."""
        if self.generator.device.type != device.type:
            self.generator = torch.Generator(device).manual_seed(self.generator.initial_seed())
        return self.generator

    def __deepcopy__(self, memo: object) -> Randomness:
        return Randomness(self.generator.clone_state())


class Dropout(nn.Module):
    """Silences a share of the values while training (Srivastava et al. 2014)."""

    def __init__(self, rate: float, randomness: Randomness) -> None:
        super().__init__()
        self.rate, self.randomness = rate, randomness

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        kept = 1 - self.rate
        mask = torch.empty_like(x).bernoulli_(kept, generator=self.randomness.on(x.device))
        return x * mask.div_(kept)


class Dense(nn.Linear):
    """(N, …) → (N, neurons): every neuron sees every value."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(1))


class GlobalAverage(nn.Module):
    """(N, C, H, W) → (N, C), the mean of each map (Lin et al. 2014)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


class Rows(nn.LSTM):
    """(N, C, H, W) → (N, hidden): reads the rows from above (Hochreiter & Schmidhuber 1997).

    A step is one row, C · W values. What it gives at the last row counts; of two directions that
    is all the first has read, but only the last row for the second.
    """

    def forward(self, x: Tensor) -> Tensor:
        outputs, _state = super().forward(x.transpose(1, 2).flatten(2))
        last: Tensor = outputs[:, -1]
        return last


class Residual(nn.Module):
    """Convolutions with norms, added to their own input, then a ReLU (He et al. 2016).

    Where the size changes, a 1 × 1 convolution with a norm brings the input to the new one. In a
    bottleneck the 3 × 3 convolution has the stride, as is usual since; in the paper the first.
    """

    def __init__(self, inputs: int, sizes: Sequence[tuple[int, int, int]]) -> None:
        """`sizes`: channels, kernel and stride of each convolution."""
        super().__init__()
        outputs, stride = sizes[-1][0], prod(size[2] for size in sizes)
        self.body, before = nn.Sequential(), inputs
        for i, (channels, kernel, step) in enumerate(sizes, 1):
            if i > 1:
                self.body.add_module(f"relu{i - 1}", nn.ReLU(inplace=True))
            _add(self.body, i, before, channels, kernel, step)
            before = channels
        self.shortcut: nn.Sequential | None = None
        if (inputs, 1) != (outputs, stride):
            self.shortcut = nn.Sequential()
            _add(self.shortcut, 1, inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        y += x if self.shortcut is None else self.shortcut(x)
        return torch.relu_(y)


def _add(to: nn.Sequential, i: int, inputs: int, outputs: int, kernel: int, stride: int) -> None:
    """A convolution without bias, which the norm after it would take away again, and the norm."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    to.add_module(f"conv{i}", conv)
    to.add_module(f"norm{i}", nn.BatchNorm2d(outputs))


class Inception(nn.Module):
    """Windows of three sizes and a pool side by side, each with a ReLU (Szegedy et al. 2015).

    The three 1 × 1 convolutions of the input are one layer, `first`: what its maps are for is
    told apart afterwards.
    """

    def __init__(self, inputs: int, block: Block) -> None:
        super().__init__()
        narrow, medium, wide, pooled = block.numbers
        self.parts = (narrow, *blocks.reductions(block))
        self.first = nn.Conv2d(inputs, sum(self.parts), 1)
        self.medium = nn.Conv2d(self.parts[1], medium, 3, padding=1)
        self.wide = nn.Conv2d(self.parts[2], wide, 5, padding=2)
        self.pooled = nn.Conv2d(inputs, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        narrow, medium, wide = relu(self.first(x), inplace=self.training).split(self.parts, 1)
        pooled = self.pooled(max_pool2d(x, 3, 1, 1))
        together = torch.cat([narrow, self.medium(medium), self.wide(wide), pooled], 1)
        return relu(together, inplace=True)


class PictureNet(nn.Module):
    """Pictures (N, C, H, W) of values 0 … 1 → logits (N, classes).

    Made by `build`.

    Attributes
    ----------
    plan : tuple of Stage
        What every stage is, and costs.
    stages : nn.Sequential
        One module for each of them, under its name.
    shape : tuple of int
        (C, H, W) of the pictures.
    shift, scale : Tensor
        (C, 1, 1), subtracted from a picture, and multiplied with it, before the first stage.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, plan: Sequence[Stage], generator: torch.Generator) -> None:
        super().__init__()
        self.plan = tuple(plan)
        self.shape = self.plan[0].input
        self._randomness = Randomness(generator)
        self.stages = nn.Sequential()
        for stage in self.plan:
            self.stages.add_module(stage.name, _module(stage, self._randomness))
        for name in ("shift", "scale"):
            self.register_buffer(name, torch.zeros(self.shape[0], 1, 1))
        self._trained = _trained(self.plan, self.stages)

    def forward(self, x: Tensor) -> Tensor:
        """While training by a shorter way to the same; hooks on stages are for eval mode."""
        x = self.standardised(x)
        if not self.training:
            logits: Tensor = self.stages(x)
            return logits
        for step in self._trained:
            x = step(x)
        return x

    def standardised(self, x: Tensor) -> Tensor:
        """What the first stage gets of pictures (N, C, H, W)."""
        return (x - self.shift).mul_(self.scale)

    def activations(self, x: Tensor) -> list[tuple[str, Tensor]]:
        """Name and output of every stage, in the order of the plan; the last one are logits."""
        x = self.standardised(x)
        outputs: list[tuple[str, Tensor]] = []
        for name, stage in self.stages.named_children():
            x = stage(x)
            outputs.append((name, x))
        return outputs

    def features(self, x: Tensor) -> Tensor:
        """(N, D): what the last dense layer sees of pictures, the net's own view of them."""
        x = self.standardised(x)
        for stage in self.stages[:-1]:
            x = stage(x)
        return x.flatten(1)

    def weighted(self) -> list[tuple[str, nn.Parameter]]:
        """Of each stage with weights its name and the weight to watch.

        That is the last convolution of a residual block, the 3 × 3 one of an Inception block, and
        what an LSTM makes of what it remembers.
        """
        found = ((stage.name, _weight(module)) for stage, module in self._both())
        return [(name, weight) for name, weight in found if weight is not None]

    def decayed(self) -> list[nn.Parameter]:
        """All weights, those inside of blocks as well; no biases and no norms."""
        return [p for name, p in self.named_parameters() if p.dim() > 1]

    def first_filters(self) -> Tensor | None:
        """(F, C, k, k): the filters of the first stage with weights; none where it has no maps."""
        for stage, module in self._both():
            if stage.parameters and stage.block.kind != "norm":
                convolutions = (m for m in module.modules() if isinstance(m, nn.Conv2d))
                first = next((m for m in convolutions if m.in_channels == self.shape[0]), None)
                return None if first is None else first.weight.detach()
        return None

    def last_conv(self) -> str | None:
        """Name of the last stage of convolutions that still gives maps of several pixels."""
        for stage in reversed(self.plan):
            if stage.block.kind in blocks.CONVOLUTIONAL and prod(stage.output[1:]) > 1:
                return stage.name
        return None

    @property
    def random(self) -> torch.Generator:
        """What dropout draws from, where the net is; its state can be kept and put back."""
        return self._randomness.on(self.shift.device)

    def set_dropout(self, rate: float) -> None:
        """Change the share that every dropout stage silences, from the next step on."""
        for _stage, module in self._both():
            if isinstance(module, Dropout):
                module.rate = rate

    def _both(self) -> list[tuple[Stage, nn.Module]]:
        return list(zip(self.plan, self.stages, strict=True))


def build(
    text: str,
    shape: Shape,
    classes: int,
    *,
    mean: Sequence[float],
    deviation: Sequence[float],
    generator: torch.Generator,
) -> PictureNet:
    """The net that a text of blocks describes, with PyTorch's usual weights at the start.

    Parameters
    ----------
    shape : tuple of int
        (C, H, W) of the pictures.
    mean, deviation : sequence of float
        Of each channel, in values 0 … 1.
    generator : torch.Generator
        The weights are drawn from it, and the seed of dropout.

    Raises
    ------
    InvalidValue
        Of the field `blocks`, as `blocks.check`.
    """
    plan = blocks.check(text, shape, classes)
    with torch.device("meta"):  # drawn here, not by PyTorch from the process's one generator
        net = PictureNet(plan, torch.Generator("cpu"))
    net.to_empty(device="cpu")
    initialise(net, generator)
    net.random.manual_seed(int(torch.randint(2**62, (), generator=generator)))
    net.shift.copy_(torch.tensor(mean).reshape(-1, 1, 1))
    net.scale.copy_(1 / torch.tensor(deviation).reshape(-1, 1, 1))
    return net


@torch.no_grad()
def initialise(net: nn.Module, generator: torch.Generator) -> None:
    """PyTorch's own defaults, from one generator.

    Weights and biases are uniform in ±1/√fan_in (which is what Kaiming's bound with a = √5 comes
    to), those of an LSTM in ±1/√hidden; a norm starts as doing nothing.
    """
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            bound = module.weight[0].numel() ** -0.5
        elif isinstance(module, nn.LSTM):
            bound = module.hidden_size**-0.5
        else:
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.reset_parameters()  # constants only
            continue
        for parameter in module.parameters(recurse=False):
            parameter.uniform_(-bound, bound, generator=generator)


# ------------------------------------------------------------------- stages


def _module(stage: Stage, randomness: Randomness) -> nn.Module:
    """The layer of one stage."""
    block, given = stage.block, stage.input
    if block.kind == "dropout":
        return Dropout(block.values[0], randomness)
    if block.kind == "norm":
        return (nn.BatchNorm1d if len(given) == 1 else nn.BatchNorm2d)(given[0])
    if block.kind in _PLAIN:
        return _PLAIN[block.kind]()
    return _SIZED[block.kind](block, given)


def _residual(block: Block, given: Shape) -> nn.Module:
    channels, stride = block.numbers
    return Residual(given[0], [(channels, 3, stride), (channels, 3, 1)])


def _bottleneck(block: Block, given: Shape) -> nn.Module:
    channels, stride = block.numbers
    wide = blocks.EXPANSION * channels
    return Residual(given[0], [(channels, 1, 1), (channels, 3, stride), (wide, 1, 1)])


def _rows(block: Block, given: Shape) -> nn.Module:
    hidden, layers = block.numbers
    both = block.kind == "bilstm"
    return Rows(given[0] * given[2], hidden, layers, batch_first=True, bidirectional=both)


_PLAIN: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky-relu": nn.LeakyReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "gap": GlobalAverage,
}
_SIZED: dict[str, Callable[[Block, Shape], nn.Module]] = {
    "conv": lambda block, given: nn.Conv2d(given[0], *block.numbers),
    "maxpool": lambda block, given: nn.MaxPool2d(*block.numbers),
    "avgpool": lambda block, given: nn.AvgPool2d(*block.numbers),
    "dense": lambda block, given: Dense(prod(given), *block.numbers),
    "residual": _residual,
    "bottleneck": _bottleneck,
    "inception": lambda block, given: Inception(given[0], block),
    "lstm": _rows,
    "bilstm": _rows,
}


def _weight(module: nn.Module) -> nn.Parameter | None:
    """The weight of a stage that is worth watching."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        return module.weight
    if isinstance(module, Residual):
        return [m.weight for m in module.body if isinstance(m, nn.Conv2d)][-1]
    if isinstance(module, Inception):
        return module.medium.weight
    return module.weight_hh_l0 if isinstance(module, Rows) else None


def _trained(plan: Sequence[Stage], stages: nn.Sequential) -> tuple[Callable[..., Any], ...]:
    """What training passes through: the stages, with less work for the same numbers.

    A max pool comes before the activations that stand before it and never decrease: the largest
    of a window is the same, and they see a quarter of the values. They then overwrite what they
    get, wherever no gradient needs it.
    """
    order: list[tuple[Stage, nn.Module]] = []
    for stage, module in zip(plan, stages, strict=True):
        at = len(order)
        while stage.block.kind == "maxpool" and at and order[at - 1][0].block.kind in MONOTONE:
            at -= 1
        order.insert(at, (stage, module))
    before = ["", *(stage.block.kind for stage, _module in order)]
    return tuple(
        MONOTONE[stage.block.kind]
        if stage.block.kind in MONOTONE and kind in OVERWRITABLE
        else module
        for kind, (stage, module) in zip(before, order, strict=False)
    )
