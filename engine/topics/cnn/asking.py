"""A question to a net, checked: the picture, what the net says of it, and the visitor's options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from engine.data.pictures import Album
from engine.errors import InvalidValue
from engine.topics.cnn.classifier import answers
from engine.topics.cnn.models import PictureNet
from engine.topics.cnn.spec import CnnConfig
from engine.words import _

BUDGET = 3e11
"""Floating-point operations of one answer: some six seconds of one core."""


class Options:
    """Untrusted options by name; each is checked where it is read.

    Raises
    ------
    InvalidValue
        When there is one of a name that is not among `known`.
    """

    def __init__(self, given: Mapping[str, Any], known: Iterable[str]) -> None:
        self._given = given
        known = tuple(known)
        for name in given:
            if name not in known:
                expected = _("only {names}").format(names=", ".join(known))
                expected = expected if known else _("none with this method")
                raise InvalidValue.of("options", expected, name)

    def given(self, name: str) -> bool:
        """Whether something is said; null says nothing."""
        return self._given.get(name) is not None

    def whole(self, name: str, low: int, high: int, default: int) -> int:
        """A whole number from `low` to `high`."""
        value = self._given.get(name)
        if value is None:
            return default
        if type(value) is not int or not low <= value <= high:  # True is an instance of int
            expected = _("a whole number from {low} to {high}").format(low=low, high=high)
            raise InvalidValue.of(f"options.{name}", expected, value)
        return value

    def number(self, name: str, low: float, high: float, default: float) -> float:
        """A number from `low` to `high`."""
        value = self._given.get(name)
        if value is None:
            return default
        if type(value) not in (int, float) or not low <= value <= high:
            expected = _("a number from {low:g} to {high:g}").format(low=low, high=high)
            raise InvalidValue.of(f"options.{name}", expected, value)
        return float(value)

    def choice(self, name: str, choices: Iterable[str], default: str) -> str:
        """One of `choices`."""
        value = self._given.get(name)
        choices = list(choices)
        if value is None:
            return default
        if value not in choices:
            expected = _("one of {choices}").format(choices=", ".join(choices))
            raise InvalidValue.of(f"options.{name}", expected, value)
        return str(value)

    def switch(self, name: str) -> bool:
        """True or false; false when nothing is said."""
        value = self._given.get(name, False)
        if not isinstance(value, bool):
            raise InvalidValue.of(f"options.{name}", _("true or false"), value)
        return value


@dataclass(frozen=True)
class Asked:
    """What a method explains.

    Attributes
    ----------
    net : PictureNet
        In eval mode.
    config : CnnConfig
    picture : Tensor, shape (1, C, H, W)
        From 0 to 1.
    options : Options
    own : Album or None
        The visitor's own pictures that the net has learned from, where a method needs them.
    """

    net: PictureNet
    config: CnnConfig
    picture: Tensor
    options: Options
    own: Album | None = None

    @cached_property
    def logits(self) -> Tensor:
        """The net's answer (classes,) before it becomes probabilities."""
        with torch.no_grad():
            return self.answers(self.picture)[0]

    @property
    def predicted(self) -> int:
        """The class that the net sees."""
        return int(self.logits.argmax())

    def target(self, default: int | None = None) -> int:
        """The class that is asked about; the one that the net sees if none is named."""
        default = self.predicted if default is None else default
        return self.options.whole("target", 0, len(self.logits) - 1, default)

    def answers(self, x: Tensor) -> Tensor:
        """Logits (N, classes) of pictures as `predict` has them: also of a net that looks twice."""
        return answers(self.net, x, self.config.mirrored)

    @property
    def affordable(self) -> int:
        """Passes through the net that `BUDGET` allows."""
        flops = sum(stage.flops for stage in self.net.plan) * (2 if self.config.mirrored else 1)
        return max(1, int(BUDGET / max(flops, 1)))


class Method:
    """One way to explain, and the options it takes."""

    def __init__(self, answer: Callable[[Asked], dict[str, Any]], *options: str) -> None:
        self.answer, self.options = answer, options
