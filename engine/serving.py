"""What a trained model takes and gives, by name: untrusted inputs become rows in its own order.

Torch-free: names are matched where a question arrives, and workers only ever see numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from engine.checkpoints import shelf
from engine.data.names import label, listed
from engine.errors import InvalidValue, Problem
from engine.words import _

NUMBER_LIMIT = 1e30
"""Magnitude of an input: beyond it, products leave the range of float32."""


class Signature(NamedTuple):
    """Names of a model's features, in its order, and of its classes; lowest and highest values.

    No features: the model takes something else than rows of numbers, or is older than the names.
    """

    features: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    ranges: tuple[tuple[float, float], ...] = ()

    @classmethod
    def of_run(cls, started: Mapping[str, Any]) -> Signature:
        """What a run told of its model when it began."""
        arrays = started.get("arrays") or {}
        architecture = arrays.get("architecture") or {}
        return cls(
            tuple(arrays.get("features") or ()),
            tuple(architecture.get("classes") or ()),
            tuple(zip(arrays.get("lowest", ()), arrays.get("highest", ()), strict=True)),
        )

    def in_units(self, shares: Sequence[float]) -> list[float]:
        """A row of shares of each feature's range (0 its lowest value, 1 its highest), in units.

        A row of another length, or of a model without ranges, is given back as it is.
        """
        if len(shares) != len(self.ranges):
            return list(shares)
        return [
            low + share * (high - low)
            for share, (low, high) in zip(shares, self.ranges, strict=True)
        ]

    @classmethod
    def of_checkpoint(cls, topic: str, name: str) -> Signature:
        """What the card of a shipped checkpoint says.

        Raises
        ------
        NotFound, Corrupt
            As `shelf.card`.
        """
        return _of_card(topic, name, shelf.entry(topic, name).card.sha256)


@lru_cache(maxsize=256)
def _of_card(topic: str, name: str, _sha256: str) -> Signature:
    """A card is read once for each content that the manifest lists."""
    card = shelf.card(topic, name)
    return Signature(card.features, card.classes, card.ranges)


def rows(inputs: Sequence[Any], signature: Signature) -> list[Any]:
    """Numbers in the order of the features, of numbers, lists, or objects by feature name.

    Inputs of a model that doesn't tell its features are left to the model.

    Raises
    ------
    InvalidValue
        Names the first input that is none of these (`inputs[3]`), and the features that it lacks
        or that nobody knows.
    """
    features = signature.features
    if not features:
        return list(inputs)
    return [_row(value, f"inputs[{i}]", features) for i, value in enumerate(inputs)]


def _row(value: Any, field: str, features: tuple[str, ...]) -> list[float]:
    if isinstance(value, Mapping):
        _check_names(value, field, features)
        cells = [value[name] for name in features]
    else:
        cells = list(value) if isinstance(value, list | tuple) else [value]
    if len(cells) != len(features):
        expected = _("{count} numbers ({names}), as a list or as an object by name")
        words = expected.format(count=len(features), names=listed(features))
        raise InvalidValue.of(field, words, value)
    for name, cell in zip(features, cells, strict=True):
        # The very types: True is an instance of int.
        if type(cell) not in (int, float) or not abs(cell) <= NUMBER_LIMIT:
            expected = _("a finite number for {name}").format(name=f"“{name}”")
            raise InvalidValue.of(field, expected, cell)
    return cells


def _check_names(given: Mapping[str, Any], field: str, features: tuple[str, ...]) -> None:
    """Refuse an object that lacks features, or has others."""
    known = frozenset(features)
    if given.keys() == known:
        return
    missing = [name for name in features if name not in given]
    unknown = [label(name) for name in given if name not in known]
    received = []
    if missing:
        received.append(_("nothing for {names}").format(names=listed(missing)))
    if unknown:
        received.append(_("{names}, which it does not know").format(names=listed(unknown)))
    expected = _("the {count} features of the model ({names})").format(
        count=len(features), names=listed(features)
    )
    raise InvalidValue([Problem(field, expected, _(" and ").join(received))])
