"""Networks that start from nothing, as texts of the block language (torch-free)."""

from __future__ import annotations

from engine.errors import InvalidValue
from engine.topics.cnn import blocks
from engine.topics.cnn.architectures import text_of
from engine.topics.transfer.spec import TransferConfig
from engine.words import _

SCRATCH = "scratch"
LARGEST_SIDE = 64
"""Pixels of a side of photographs that a network of ours learns from nothing."""
TEXTS = {
    SCRATCH: (
        "conv:16:3:2,norm,relu,conv:32:3,norm,relu,maxpool:2,"
        "conv:64:3,norm,relu,maxpool:2,conv:64:3,norm,relu,gap"
    ),
    "linear": "",
    "mlp": "dense:128,relu",
}
"""Those that are no architecture of the topic cnn; photographs are learned from scratch by one of
ours, as a backbone of ImageNet would take hours."""
DROPOUT = 0.2


def text(name: str, shape: tuple[int, int, int]) -> str:
    """The blocks of a network for pictures of that shape (C, H, W)."""
    if name in TEXTS:
        return TEXTS[name]
    return text_of(name, shape=shape, normalisation=True, dropout=DROPOUT)


def shape_for(height: int, channels: int) -> tuple[int, int, int]:
    """(C, H, W) of what such a network is given."""
    side = min(LARGEST_SIDE, height)
    return channels, side, side


def check_models(config: TransferConfig, height: int, channels: int, classes: int) -> None:
    """Refuse what cannot be fused.

    Raises
    ------
    InvalidValue
        When there are fewer than two models, or one does not fit the pictures.
    """
    if len(config.models) < 2:
        expected = _("at least two models, as one cannot be fused")
        raise InvalidValue.of("model_2", expected, config.model_2)
    shape = shape_for(height, channels)
    for number in range(1, 6):
        name = getattr(config, f"model_{number}")
        if name not in NAMES:
            continue
        try:
            blocks.check(text(name, shape), shape, max(classes, 2))
        except InvalidValue:
            title = config.settings()[f"model_{number}"].label(name)
            expected = _("a model for pictures of {side} × {side} pixels").format(side=shape[1])
            raise InvalidValue.of(f"model_{number}", expected, title) from None


NAMES = ("linear", "mlp", "small", "lenet5", "vgg", "resnet9", "lstm")
"""Fused models that start from nothing."""
