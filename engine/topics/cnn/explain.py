"""“Ask why”: what a net looks at, step by step, in one picture (torch)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from torch import Tensor

from engine.data.pictures import Album
from engine.data.tables import OWN
from engine.errors import InvalidValue
from engine.topics.cnn import attribution, fooling, neighbours, stepping
from engine.topics.cnn.asking import Asked, Method, Options
from engine.topics.cnn.models import PictureNet
from engine.topics.cnn.pictures import rounded
from engine.topics.cnn.spec import CnnConfig
from engine.words import _

SIMILAR = "similar"
METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "maps": Method(stepping.maps),
        "convolution": Method(stepping.convolution, "stage", "channel", "row", "column", "whole"),
        "grad-cam": Method(attribution.grad_cam, "target", "stage"),
        "integrated-gradients": Method(
            attribution.integrated_gradients, "target", "steps", "baseline"
        ),
        "occlusion": Method(attribution.occlusion, "target", "window", "stride", "baseline"),
        "fool": Method(fooling.fool, "epsilon", "target"),
        SIMILAR: Method(neighbours.similar, "k"),
    }
)


def needs_own(net: PictureNet, method: str, config: CnnConfig) -> bool:
    """Whether the visitor's own pictures have to come along with such a question."""
    return config.data == OWN and method == SIMILAR and not neighbours.has_looked(net)


def explain(
    net: PictureNet,
    method: str,
    picture: Tensor,
    options: Mapping[str, Any],
    config: CnnConfig,
    own: Album | None = None,
) -> dict[str, Any]:
    """Explain what the net answers to one picture.

    Parameters
    ----------
    net
        In eval mode.
    method
        One of `METHODS`; the function named there tells its options and what it returns.
    picture : Tensor, shape (1, C, H, W)
        From 0 to 1, of the net's size.
    options
        Untrusted.
    config
        What the net was trained with: its pictures, and whether it looks twice.
    own
        The visitor's own pictures, if it was trained on such; see `needs_own`.

    Returns
    -------
    dict
        As JSON: `method`; `output`, the class that the net sees, and the `probabilities` of all;
        what the method finds.

    Raises
    ------
    InvalidValue
        When there is no such method, option, layer or class, or a number is out of range.
    NotFound
        When the training pictures are not at hand (`similar`).
    """
    if method not in METHODS:
        expected = _("one of {choices}").format(choices=", ".join(METHODS))
        raise InvalidValue.of("method", expected, method)
    known = METHODS[method]
    asked = Asked(net, config, picture.detach(), Options(options, known.options), own)
    found = known.answer(asked)
    said = {"output": asked.predicted, "probabilities": rounded(asked.logits.softmax(0), 6)}
    return {"method": method, **said, **found}
