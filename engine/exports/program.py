"""A trained model as a program for other runtimes: `.pt2` (torch.export) and ONNX, each checked.

Imports torch: only for workers and the command line.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from engine import topics
from engine.errors import GalleryError, InvalidValue, NotFound
from engine.words import _

TOLERANCE = 1e-5
"""Largest difference allowed between an answer of the file and of the model, in parts of the
answer's size where that is beyond 1."""
CHECKED_ROWS = 257
"""Rows that both answer; another number than the example has, so that the batch is seen to vary."""
INPUT, OUTPUT, ROWS = "inputs", "outputs", "rows"


def export(topic: str, model: Any, kind: str) -> tuple[bytes, float]:
    """The bytes of the file, and how far its answers are from the model's (see `disagreement`).

    Input (N, F) float32 in raw units, N free; output probabilities (N, C) or predictions (N, Q).

    Raises
    ------
    InvalidValue
        When there is no such format.
    NotFound
        When the topic's models cannot be exported.
    GalleryError
        When the file does not answer as the model does.
    """
    if kind not in FORMATS:
        raise InvalidValue.of(
            "format", _("one of {choices}").format(choices=", ".join(FORMATS)), kind
        )
    offered = getattr(topics.recipe(topic), "exportable", None)
    if offered is None:
        raise NotFound(_("Models of this topic cannot be exported yet."))
    module, example = offered(model)
    write, read = FORMATS[kind]
    with _quiet(), torch.no_grad():
        program = torch.export.export(
            module, (example,), dynamic_shapes=({0: torch.export.Dim(ROWS)},)
        )
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)  # names files of this server
        content = write(program, example)
        difference = disagreement(module, read(content), example)
    if not difference <= TOLERANCE:
        text = _(
            "The exported file differs from the model by {difference:.2g}; at most {limit:g} is "
            "allowed. Take the weights or the script instead."
        )
        raise GalleryError(text.format(difference=difference, limit=TOLERANCE))
    return content, difference


def disagreement(module: nn.Module, exported: Callable[[Tensor], Tensor], example: Tensor) -> float:
    """Largest difference on rows around the training data, relative where answers exceed 1.

    The rows are spread as the model's scaling says its training rows were, where it has one.
    """
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(CHECKED_ROWS, example.shape[1], generator=generator)
    scales = {name.rpartition(".")[2]: buffer for name, buffer in module.named_buffers()}
    for name, scale in (("spread", torch.mul), ("shift", torch.add)):
        if name in scales and scales[name].numel() in (1, noise.shape[1]):
            noise = scale(noise, scales[name].flatten())
    x = noise.to(example.dtype)
    own, other = module(x), exported(x)
    if own.shape != other.shape or not other.isfinite().all():
        return float("inf")
    return float(((own - other).abs() / own.abs().clamp(min=1.0)).max())


def _write_pt2(program: Any, _example: Tensor) -> bytes:
    stream = io.BytesIO()
    torch.export.save(program, stream)
    return stream.getvalue()


def _read_pt2(content: bytes) -> Callable[[Tensor], Tensor]:
    module: Callable[[Tensor], Tensor] = torch.export.load(io.BytesIO(content)).module()
    return module


def _write_onnx(program: Any, example: Tensor) -> bytes:
    """ONNX of the exported program, weights and all."""
    import onnx

    made = torch.onnx.export(
        program,
        (example,),
        dynamo=True,
        input_names=[INPUT],
        output_names=[OUTPUT],
        dynamic_shapes=({0: torch.export.Dim(ROWS)},),
        verbose=False,
    ).model_proto
    for node in made.graph.node:
        del node.metadata_props[:]  # where in PyTorch and in this project each comes from
    onnx.checker.check_model(made, full_check=True)
    content: bytes = made.SerializeToString()
    return content


def _read_onnx(content: bytes) -> Callable[[Tensor], Tensor]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda x: torch.from_numpy(session.run(None, {INPUT: x.numpy()})[0])


FORMATS = {"pt2": (_write_pt2, _read_pt2), "onnx": (_write_onnx, _read_onnx)}
"""How each format is written, and read again by its own runtime."""


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporters explain themselves to people at a terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
