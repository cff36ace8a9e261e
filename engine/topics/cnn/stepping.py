"""A picture on its way through a net: the maps of every layer, and one convolution by hand."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from engine.errors import InvalidValue
from engine.events import encode_array
from engine.topics.cnn import pictures
from engine.topics.cnn.asking import Asked
from engine.topics.cnn.models import PictureNet
from engine.words import _

MOST_VALUES = 64
"""Values of a layer without maps that are sent."""
WHOLE_LIMIT = 65_536
"""Values of a layer's input that are sent at once."""


@torch.no_grad()
def maps(asked: Asked) -> dict[str, Any]:
    """What every stage makes of the picture.

    Returns
    -------
    dict
        `stages`, in order: a mosaic of feature maps each, as in the frames of a run, or the
        first `MOST_VALUES` of its `size` numbers as `values`.
    """
    stages = asked.net.activations(asked.picture)
    return {"stages": [_stage(name, values[0]) for name, values in stages]}


def _stage(name: str, values: Tensor) -> dict[str, Any]:
    if values.dim() == 3:
        return {**pictures.maps(name, values), "size": len(values)}
    numbers = [pictures.significant(v) for v in values.flatten()[:MOST_VALUES].tolist()]
    return {"name": name, "values": numbers, "size": values.numel()}


@torch.no_grad()
def convolution(asked: Asked) -> dict[str, Any]:
    """One pixel of one map of a convolution, by hand; all numbers are float32.

    Options: `stage` (the first convolution), `channel` of the output, `row` and `column` of its
    pixel; `whole` for all that is needed to go over every pixel without asking again.

    Returns
    -------
    dict
        `stage`, `stages` (all convolutions), `channel`, `channels`; `stride`, `padding`,
        `dilation` (of rows and columns); `kernel` (C, K, K) and `bias` of this output channel,
        and `map` (H', W'), what the layer itself makes of it.
        Of a pixel: `row`, `column`, `origin` (of the window in the input: row and column,
        negative where it begins in the padding), `window` and `products` (C, K, K), `sums` (C)
        of the products, and `total`: all sums and the bias. Of the whole: `input` (C, H, W).
    """
    convolutions = convolutions_of(asked.net)
    stage = asked.options.choice("stage", convolutions, next(iter(convolutions)))
    layer = convolutions[stage]
    given, output = passed_through(asked, layer)
    channel = asked.options.whole("channel", 0, len(output) - 1, 0)
    kernel = layer.weight[channel]
    found: dict[str, Any] = {
        "stage": stage,
        "stages": list(convolutions),
        "channel": channel,
        "channels": len(output),
        "stride": list(layer.stride),
        "padding": _padding(layer),
        "dilation": list(layer.dilation),
        "kernel": encoded(kernel),
        "bias": 0.0 if layer.bias is None else float(layer.bias[channel]),
        "map": encoded(output[channel]),
    }
    if asked.options.switch("whole"):
        if given.numel() > WHOLE_LIMIT:
            expected = _("false for a layer with more than {limit:,} values in its input")
            raise InvalidValue.of("options.whole", expected.format(limit=WHOLE_LIMIT), True)
        return found | {"input": encoded(given)}
    row = asked.options.whole("row", 0, output.shape[1] - 1, 0)
    column = asked.options.whole("column", 0, output.shape[2] - 1, 0)
    return found | _step(layer, given, kernel, found["bias"], row, column)


def _step(
    layer: nn.Conv2d, given: Tensor, kernel: Tensor, bias: float, row: int, column: int
) -> dict[str, Any]:
    """The window under one output pixel times the kernel, channel by channel."""
    (above, left), (down, right) = _padding(layer), layer.dilation
    top, first = row * layer.stride[0], column * layer.stride[1]
    _channels, height, width = kernel.shape
    padded = pad(given, (left, left, above, above))
    window = padded[
        :,
        top : top + down * (height - 1) + 1 : down,
        first : first + right * (width - 1) + 1 : right,
    ]
    products = window * kernel
    sums = products.double().sum((1, 2))
    return {
        "row": row,
        "column": column,
        "origin": [top - above, first - left],
        "window": encoded(window),
        "products": encoded(products),
        "sums": sums.tolist(),
        "total": float(sums.sum()) + bias,
    }


def convolutions_of(net: PictureNet) -> dict[str, nn.Conv2d]:
    """Every convolution by its name; those inside a block have the block's name in front.

    Raises
    ------
    InvalidValue
        When the net has none.
    """
    named = net.stages.named_modules()
    found = {name: m for name, m in named if isinstance(m, nn.Conv2d) and m.groups == 1}
    if not found:
        expected = _("a method for a net without convolutions, such as occlusion")
        raise InvalidValue.of("method", expected, "convolution")
    return found


def passed_through(asked: Asked, layer: nn.Module) -> tuple[Tensor, Tensor]:
    """What goes into a layer for this picture, and what comes out."""
    seen: list[Tensor] = []
    hook = layer.register_forward_hook(lambda _layer, given, out: seen.extend((given[0], out)))
    try:
        asked.net(asked.picture)
    finally:
        hook.remove()
    return seen[0][0], seen[1][0]


def encoded(values: Tensor) -> dict[str, Any]:
    """Numbers of any shape as float32."""
    return encode_array(values.detach().float().contiguous().numpy())


def _padding(layer: nn.Conv2d) -> list[int]:
    """Rows of zeros above and below, columns of zeros left and right."""
    assert not isinstance(layer.padding, str)
    return list(layer.padding)
