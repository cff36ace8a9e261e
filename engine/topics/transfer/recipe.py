"""Training and prediction of the transfer topic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from engine.data import twins
from engine.data.own_albums import ALBUM, OwnAlbum
from engine.data.pictures import Album
from engine.data.tables import OWN
from engine.errors import GalleryError, InvalidValue, NotFound
from engine.events import Event
from engine.topics.cnn.recipe import FILES, picture, ring, stroke
from engine.topics.transfer import explain as why
from engine.topics.transfer import material
from engine.topics.transfer.learner import Learner
from engine.topics.transfer.making import TRAINED
from engine.topics.transfer.measuring import Jury, Race
from engine.topics.transfer.model import Answering, answering, kept, sides
from engine.topics.transfer.pictures import JuryPictures, RacePictures
from engine.topics.transfer.spec import PHOTO_SIDE, PHOTOGRAPHS, TransferConfig
from engine.training import layers, rates
from engine.training.context import Context
from engine.training.loop import train
from engine.words import _

SHARES = {"compare": 0.25, "sizes": 0.1, "fusion": 0.05}
"""Of the time that may go into measuring: where steps are few, the curves are what it is about."""
PHOTO_SHARE = 0.1
"""The same of photographs, whose steps are slow enough for many measurements anyway."""
UNTESTED = {"schedule": "constant", "epochs": 500, "members": 1}
"""Settings that a range test sets aside."""
ALIKE = ("digits", "mnist", "fashion-mnist")
"""Pictures so plain that near copies among them say nothing."""


def run(config: TransferConfig, context: Context) -> Iterator[Event]:
    """Learn from few pictures in several ways, or let several models vote; yields the events."""
    share = SHARES[config.task]
    context.share = min(share, PHOTO_SHARE) if config.data in PHOTOGRAPHS else share
    album = pictures(config, context.attachments)
    learner = Learner(config, album, context.device)
    steps = _fuse if config.task == "fusion" else _race
    yield from steps(learner, context)


def _race(learner: Learner, context: Context) -> Iterator[Event]:
    """Ways to learn beside each other."""
    race = Race(learner)
    drawing = RacePictures(learner, race)
    yield from _trained(learner, context, drawing, race, race.first.net)
    found = race.measure(whole=True)
    yield context.frame(*drawing.afterwards())
    members = {
        f"test_accuracy_{side}": [c.accuracy(c.rows.test) for c in race.members(side)]
        for side in race.sides
    }
    (shown,) = sides(learner.config)
    weights = kept(race.members(shown)[:1], stands_in=bool(learner.maker.refused))
    yield context.done(found, weights, members)


def _fuse(learner: Learner, context: Context) -> Iterator[Event]:
    """Several models learn, and their answers are fused."""
    jury = Jury(learner)
    titles = [_title(learner.config, name) for name in learner.config.models]
    drawing = JuryPictures(learner, jury, titles)
    yield from _trained(learner, context, drawing, jury, jury.models[0].net)
    jury.stack()
    found = jury.measure(whole=True)
    yield context.frame(*drawing.draw(whole=True))
    yield context.done(found, kept(jury.models))


def _title(config: TransferConfig, name: str) -> str:
    return config.settings()["model_1"].label(name)


def _trained(
    learner: Learner,
    context: Context,
    drawing: RacePictures | JuryPictures,
    gauge: Race | Jury,
    shown: nn.Module,
) -> Iterator[Event]:
    """Announce the run, say what is to be known of its pictures, and train."""
    yield context.started(
        parameters=sum(
            p.numel() for c in learner.contestants for p in c.net.parameters() if p.requires_grad
        ),
        samples=sum(len(rows.train) for rows in learner.rows.values()),
        steps_total=learner.steps,
        arrays=drawing.arrays(),
        layers=layers.table(shown, torch.zeros(1, *_planes(learner.album), device=learner.device)),
    )
    for text in _remarks(learner):
        yield context.note("info", text)
    yield from train(
        learner.step,
        steps=learner.steps,
        steps_per_epoch=learner.per_epoch,
        context=context,
        measure=gauge.measure,
        draw=drawing.draw,
        adapt=lambda: learner.adapt(context.config),
    )


def _planes(album: Album) -> tuple[int, int, int]:
    height, width, channels = album.pixels.shape[1:]
    return channels, height, width


def _remarks(learner: Learner) -> Iterator[str]:
    """What has to be said of the pictures."""
    album, config = learner.album, learner.config
    if album.note:
        yield album.note
    if learner.maker.refused:
        text = _("{reason} Meanwhile {backbone} stands in.")
        title = config.settings()["backbone"].label(learner.maker.backbone)
        yield text.format(reason=learner.maker.refused, backbone=title)
    rows = next(iter(learner.rows.values()))
    yield from twins.warnings(album, rows.train, rows.test, copies=config.data not in ALIKE)
    if config.task == "fusion" and any(name in TRAINED for name in config.models):
        text = _("Backbones have learned from other pictures before; the other models have not.")
        yield text


def pictures(config: TransferConfig, attachments: Mapping[str, bytes]) -> Album:
    """The pictures of a run.

    Raises
    ------
    GalleryError
        When they cannot be had; InvalidValue when what is attached is no album of this size.
    """
    if config.data != OWN:
        return material.stored(config.data)
    if ALBUM not in attachments:
        text = _("The pictures are not here any more; they stay with a visit. Load them again.")
        raise GalleryError(text, field=ALBUM)
    album = OwnAlbum.unpack(attachments[ALBUM]).album()
    if album.pixels.shape[1:] != (PHOTO_SIDE, PHOTO_SIDE, 3):
        expected = _("pictures of {side} × {side} pixels").format(side=PHOTO_SIDE)
        raise InvalidValue.of(ALBUM, expected, album.pixels.shape[1:])
    return album


def range_test(config: TransferConfig, attachments: Mapping[str, bytes]) -> dict[str, Any]:
    """`rate`, `loss` and `suggestion`: see `rates.range_test`."""
    plain = config.changed(UNTESTED)
    if plain.data != OWN and not material.at_hand(plain.data):
        text = _("These pictures are not on this machine yet; a run fetches them.")
        raise NotFound(text, field="data")
    return rates.range_test(plain, Learner(plain, pictures(plain, attachments)))


def load(config: TransferConfig, weights: Mapping[str, Tensor]) -> Answering:
    """The trained model in eval mode from what a run has kept; see `model.answering`."""
    return answering(config, weights)


def exportable(model: Answering) -> tuple[nn.Module, Tensor]:
    """The model itself, and an example of two pictures."""
    return model, torch.zeros(2, *model.shape)


@torch.no_grad()
def predict(model: Answering, inputs: Sequence[Any]) -> dict[str, list[Any]]:
    """The class of each picture.

    Parameters
    ----------
    inputs
        Rows of pixels from 0 to 255 (of three for pictures in colour), or
        `{"png": base64 of an image file}`.

    Returns
    -------
    dict
        `outputs`: class indices; `probabilities`: of every class.

    Raises
    ------
    InvalidValue
        Names the first input that is no such picture.
    """
    if len(inputs) > FILES:
        expected = _("at most {limit} pictures at once").format(limit=FILES)
        raise InvalidValue.of("inputs", expected, len(inputs))
    x = torch.cat([picture(model.shape, value, f"inputs[{i}]") for i, value in enumerate(inputs)])
    p = model(x).double()
    return {
        "outputs": p.argmax(1).tolist(),
        "probabilities": [[round(v, 6) for v in row] for row in p.tolist()],
    }


def needs(model: Answering, method: str) -> str:
    """The kind of the visitor's own data that has to come along with such a question: none."""
    return ""


def explain(
    model: Answering,
    method: str,
    value: Any,
    options: Mapping[str, Any],
    attachments: Mapping[str, bytes],
) -> dict[str, Any]:
    """Why the model answers as it does: see `engine.topics.transfer.explain`."""
    asked = picture(model.shape, value, "input")
    found: dict[str, Any] = why.explain(model, method, asked, options)
    return found


def debug_config() -> TransferConfig:
    """Learns in about a second: one seed, few steps."""
    return TransferConfig(members=1, epochs=25, depth=1, learning_rate=0.01)


def example_inputs() -> list[Any]:
    """A few inputs that `predict` takes: a ring and a stroke, 8 × 8."""
    return [ring(8), stroke(8)]
