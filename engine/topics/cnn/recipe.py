"""Training and prediction of the CNN topic."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.data import pictures as stored
from engine.data.own_albums import ALBUM, OwnAlbum
from engine.data.pictures import Album
from engine.data.tables import OWN
from engine.errors import GalleryError, InvalidValue, NotFound
from engine.events import Event
from engine.topics.cnn import explain as why
from engine.topics.cnn import preview as previews
from engine.topics.cnn.blocks import Stage
from engine.topics.cnn.classifier import KNOWN_FROM, Classifier, at_once, familiarity, threshold
from engine.topics.cnn.learner import Learner, architecture_of
from engine.topics.cnn.measuring import Gauge
from engine.topics.cnn.models import build
from engine.topics.cnn.parts import SHAPES, shape_of
from engine.topics.cnn.pictures import Pictures
from engine.topics.cnn.spec import CnnConfig
from engine.training import rates
from engine.training.context import Context
from engine.training.diagnosis import Diagnosis
from engine.training.loop import train
from engine.training.seeds import generator
from engine.words import _

UNTESTED = {"schedule": "constant", "patience": 0, "epochs": 500}
"""Settings that a range test sets aside."""
WORK = 2e11
"""Floating-point operations of one question: a few seconds of one processor."""
FILES = 32
"""Image files of one question; each may take a quarter of a second to decode."""
LAST = "stages.out.bias"
"""The weights that are as many as there are classes."""


def run(config: CnnConfig, context: Context) -> Iterator[Event]:
    """Learn to tell the pictures apart; yields the events of the run."""
    album = pictures(config, context.attachments)
    learner = Learner(config, album, context.device)
    gauge = Gauge(learner)
    drawing = Pictures(learner, gauge)
    if "snapshot" in context.attachments:
        learner.restore(context.attachments["snapshot"], context.fork_step)
    # A schedule that ends on a rate of almost nothing does not tell what more steps would bring.
    slowness = ("not_converged",) if config.schedule == "constant" else ()
    diagnosis = Diagnosis(validation="val_loss", harmless=0.1, slowness=slowness)
    yield context.started(
        parameters=sum(p.numel() for p in learner.net.parameters()),
        samples=learner.batches.rows,
        steps_total=learner.steps,
        arrays=drawing.arrays(),
        layers=[layer(stage) for stage in learner.net.plan],
    )
    if album.note:
        yield context.note("info", album.note)
    yield from train(
        learner.step,
        steps=learner.steps,
        steps_per_epoch=learner.per_epoch,
        context=context,
        measure=lambda: gauge.metrics() | gauge.inside(),
        draw=drawing.draw,
        adapt=lambda: learner.adapt(context.config),
        stop=(lambda: learner.stopping.over) if learner.stopping.active else None,
        save=learner.saved,
        observer=diagnosis,
    )
    if words := learner.stopping.words():
        yield context.note("info", words)
    for note in diagnosis.conclude(reached=learner.stopping.over):
        yield context.note(**note)
    found = gauge.metrics(whole=True)
    yield context.frame(*drawing.draw(whole=True))
    known_from = threshold(gauge.found(gauge.measured_on, whole=True).logits)
    yield context.done(found, {**learner.net.state_dict(), KNOWN_FROM: known_from})


def layer(stage: Stage) -> dict[str, Any]:
    """A stage in the table of layers; shapes as text."""
    given, found = (" × ".join(map(str, shape)) for shape in (stage.input, stage.output))
    return {
        "name": stage.name,
        "type": stage.block.kind,
        "input": given,
        "output": found,
        "parameters": stage.parameters,
        "flops": stage.flops,
    }


def pictures(config: CnnConfig, attachments: Mapping[str, bytes]) -> Album:
    """The pictures of a run.

    Raises
    ------
    GalleryError
        When they cannot be had; InvalidValue when what is attached is no album of this size.
    """
    if config.data != OWN:
        return stored.album(config.data)
    if ALBUM not in attachments:
        text = _("The pictures are not here any more; they stay with a visit. Load them again.")
        raise GalleryError(text, field=ALBUM)
    album = OwnAlbum.unpack(attachments[ALBUM]).album()
    if shape_of(album) != SHAPES[OWN]:
        expected = _("pictures of {size} pixels").format(size="32 × 32")
        raise InvalidValue.of(ALBUM, expected, shape_of(album))
    return album


def check_at_hand(config: CnnConfig) -> None:
    """Nobody waits for a download where an answer is expected at once.

    Raises
    ------
    NotFound
        When the pictures are not here.
    """
    if config.data != OWN and not stored.at_hand(config.data):
        text = _("These pictures are not on this machine yet; a run fetches them.")
        raise NotFound(text, field="data")


def range_test(config: CnnConfig, attachments: Mapping[str, bytes]) -> dict[str, Any]:
    """`rate`, `loss` and `suggestion`: see `rates.range_test`."""
    plain = config.changed(UNTESTED)
    check_at_hand(plain)
    return rates.range_test(plain, Learner(plain, pictures(plain, attachments)))


def preview(config: CnnConfig, attachments: Mapping[str, bytes]) -> dict[str, Any]:
    """One training picture in augmented versions: see `engine.topics.cnn.preview`.

    Raises
    ------
    GalleryError
        When the pictures are not at hand: nobody waits for a download here.
    """
    check_at_hand(config)
    found: dict[str, Any] = previews.preview(config, pictures(config, attachments))
    return found


def load(config: CnnConfig, weights: Mapping[str, Tensor]) -> Classifier:
    """The trained model in eval mode from its weights (name → tensor), loaded strictly.

    The pictures need not be here: the weights say how many classes there are.
    """
    shape, classes = SHAPES[config.data], len(weights[LAST])
    net = build(
        architecture_of(config, shape, classes),
        shape,
        classes,
        mean=[0.0] * shape[0],
        deviation=[1.0] * shape[0],
        generator=generator(0, "weights"),
    )
    tensors = dict(weights)
    known_from = tensors.pop(KNOWN_FROM, None)
    net.load_state_dict(tensors, strict=True)
    model = Classifier(net, config, None if known_from is None else float(known_from))
    model.eval()
    return model


def exportable(model: Classifier) -> tuple[nn.Module, Tensor]:
    """The model itself, and an example of two pictures."""
    return model, torch.zeros(2, *model.net.shape)


@torch.no_grad()
def predict(model: Classifier, inputs: Sequence[Any]) -> dict[str, list[Any]]:
    """The class of each picture.

    Parameters
    ----------
    inputs
        Rows of pixels from 0 to 255 (of three for a net that sees colours), or
        `{"png": base64 of an image file}`.

    Returns
    -------
    dict
        `outputs`: class indices; `probabilities`: of every class; `known`: whether the picture is
        of the kind that the net has learned.

    Raises
    ------
    InvalidValue
        Names the first input that is no such picture.
    """
    check_work(model, inputs)
    x = torch.cat(
        [picture(model.net.shape, value, f"inputs[{i}]") for i, value in enumerate(inputs)]
    )
    logits = torch.cat([model.logits(some) for some in x.split(at_once(model.net))])
    p = logits.softmax(1).double()
    answer = {
        "outputs": p.argmax(1).tolist(),
        "probabilities": [[round(v, 6) for v in row] for row in p.tolist()],
    }
    if model.known_from is not None:
        answer["known"] = (familiarity(logits) >= model.known_from).tolist()
    return answer


def check_work(model: Classifier, inputs: Sequence[Any]) -> None:
    """Refuse a question that would keep a predictor from everybody else's.

    Raises
    ------
    InvalidValue
        When there are too many pictures for a net of this size, or too many files.
    """
    passes = 2 if model.config.mirrored else 1
    flops = passes * sum(stage.flops for stage in model.net.plan)
    most = max(1, int(WORK // max(flops, 1)))
    files = sum(isinstance(value, Mapping) for value in inputs)
    for count, limit, what in (
        (len(inputs), most, _("at most {limit} pictures at once for this net")),
        (files, FILES, _("at most {limit} image files at once")),
    ):
        if count > limit:
            raise InvalidValue.of("inputs", what.format(limit=limit), count)


def needs(model: Classifier, method: str) -> str:
    """The kind of the visitor's own data that has to come along with such a question, or ''."""
    return ALBUM if why.needs_own(model.net, method, model.config) else ""


def explain(
    model: Classifier,
    method: str,
    value: Any,
    options: Mapping[str, Any],
    attachments: Mapping[str, bytes],
) -> dict[str, Any]:
    """Why the net answers as it does: see `engine.topics.cnn.explain`."""
    own = pictures(model.config, attachments) if attachments else None
    asked = picture(model.net.shape, value, "input")
    found: dict[str, Any] = why.explain(model.net, method, asked, options, model.config, own)
    return found


def picture(shape: tuple[int, ...], value: Any, field: str) -> Tensor:
    """One untrusted picture as (1, C, H, W), 0 to 1.

    Parameters
    ----------
    shape
        (C, H, W).

    Raises
    ------
    InvalidValue
        When it is neither an image file nor rows of pixels of the right size.
    """
    channels, height, width = shape
    if isinstance(value, Mapping):
        pixels = _decoded(value, field, height, channels).astype(np.float32)
    else:
        pixels = _rows(value, field, (height, width, channels))
    return torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255


def _decoded(value: Mapping[str, Any], field: str, side: int, channels: int) -> np.ndarray:
    from engine.data.decoding import (  # brings Pillow: only where a file comes
        BadPicture,
        decode_fitted,
    )

    expected = _("an image file, as {example}").format(example='{"png": "<base64>"}')
    if set(value) != {"png"} or not isinstance(value["png"], str):
        raise InvalidValue.of(field, expected, ", ".join(map(str, value)))
    try:
        payload = base64.b64decode(value["png"], validate=True)
    except (binascii.Error, ValueError):
        raise InvalidValue.of(field, expected, _("something that is not base64")) from None
    try:
        return decode_fitted(payload, side, channels, name=field).pixels
    except BadPicture as error:
        error.field = field
        raise


def _rows(value: Any, field: str, size: tuple[int, int, int]) -> np.ndarray:
    height, width, channels = size
    try:
        given = np.asarray(value)
    except (TypeError, ValueError, OverflowError):
        given = np.zeros(0)
    pixels = given.astype(np.float64) if given.dtype.kind in "if" else np.zeros(0)
    if channels == 1 and pixels.shape == (height, width):
        pixels = pixels[..., None]
    inside = pixels.shape == size and bool(((pixels >= 0) & (pixels <= 255)).all())
    if not inside:
        unit = (
            _("numbers from 0 to 255") if channels == 1 else _("[red, green, blue] from 0 to 255")
        )
        text = _("{height} rows of {width} {unit}, or an image file")
        raise InvalidValue.of(field, text.format(height=height, width=width, unit=unit), value)
    return pixels.astype(np.float32)


def debug_config() -> CnnConfig:
    """Learns in about a second: digits, few epochs."""
    return CnnConfig(epochs=2, pictures=600)


def example_inputs() -> list[Any]:
    """A few inputs that `predict` takes, for cards, docs and tests: a ring and a stroke, 8 × 8."""
    return [ring(8), stroke(8)]


def ring(side: int) -> list[list[int]]:
    """A square ring of ink, as rows of pixels."""
    inner, outer = side // 4, side // 2 - side // 8
    place = [abs(2 * i - side + 1) // 2 for i in range(side)]
    return [[255 if inner <= max(r, c) < outer else 0 for c in place] for r in place]


def stroke(side: int) -> list[list[int]]:
    """An upright stroke of ink, as rows of pixels."""
    thick = range(side // 2 - side // 8, side // 2 + side // 8)
    inside = range(side // 8, side - side // 8)
    return [[255 if r in inside and c in thick else 0 for c in range(side)] for r in range(side)]


def tinted(rows: list[list[int]]) -> list[list[list[int]]]:
    """Ink as orange on a blue ground: rows of pixels of red, green and blue."""
    return [[[ink, 128, 255 - ink] for ink in row] for row in rows]
