"""From the shelf to a model: size, checksum, format, tensors, values, then a strict load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from safetensors import SafetensorError

from engine import topics
from engine.checkpoints import shelf
from engine.checkpoints.cards import Card, TensorCard
from engine.config import Config
from engine.errors import InvalidValue
from engine.words import _

if TYPE_CHECKING:
    from torch import Tensor, nn


def load(topic: str, name: str) -> tuple[nn.Module, Card]:
    """The model of a checkpoint, in eval mode, and its card.

    Raises
    ------
    NotFound
        When there is no such checkpoint, or a file of it is missing.
    Corrupt
        When anything about its files is not as the manifest and the card say.
    """
    card = shelf.card(topic, name)
    weights = load_weights(topic, name)
    try:
        return topics.recipe(topic).load(config_of(card), weights), card
    except RuntimeError as error:  # what `load_state_dict` raises
        expected = _("the tensors of {architecture}").format(architecture=card.architecture)
        received = str(error).splitlines()[-1].strip()
        raise shelf.damaged(_weights_file(card), expected, received) from None


def load_weights(topic: str, name: str) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name: those on its card, and all finite.

    Raises
    ------
    NotFound, Corrupt
        As `load`.
    """
    from safetensors.torch import load as parse

    card = shelf.card(topic, name)
    payload = shelf.read(shelf.entry(topic, name).weights, shelf.WEIGHTS_LIMIT)
    try:
        weights: dict[str, Tensor] = parse(payload)
    except SafetensorError as error:
        raise shelf.damaged(_weights_file(card), _("a safetensors file"), str(error)) from None
    _check_tensors(card, weights)
    _check_finite(card, weights)
    return weights


def config_of(card: Card) -> Config:
    """The settings on a card.

    Raises
    ------
    Corrupt
        When the topic no longer has such settings.
    """
    try:
        return topics.topic(card.topic).config.parse(card.config)
    except InvalidValue as error:
        expected = _("settings of the topic {topic}").format(topic=card.topic)
        file = shelf.file_names(card.topic, card.name)[1]
        raise shelf.damaged(file, expected, error.message.rstrip(".")) from None


def tensor_cards(weights: Mapping[str, Tensor]) -> dict[str, TensorCard]:
    """What a card says of `weights`."""
    return {
        name: TensorCard(shape=tuple(t.shape), dtype=str(t.dtype).removeprefix("torch."))
        for name, t in sorted(weights.items())
    }


def _check_tensors(card: Card, weights: Mapping[str, Tensor]) -> None:
    found = tensor_cards(weights)
    for name in sorted(card.tensors.keys() | found.keys()):
        expected, received = card.tensors.get(name), found.get(name)
        if expected != received:
            raise shelf.damaged(
                _weights_file(card), f"{name}: {_in_words(expected)}", _in_words(received)
            )


def _in_words(tensor: TensorCard | None) -> str:
    return f"{tensor.dtype} {list(tensor.shape)}" if tensor else _("no such tensor")


def _check_finite(card: Card, weights: Mapping[str, Tensor]) -> None:
    for name, tensor in weights.items():
        wrong = int((~tensor.isfinite()).sum())
        if wrong:
            expected = _("only finite numbers in {tensor}").format(tensor=name)
            received = _("{count} that are not").format(count=wrong)
            raise shelf.damaged(_weights_file(card), expected, received)


def _weights_file(card: Card) -> str:
    return shelf.file_names(card.topic, card.name)[0]
