"""One training picture as the net gets to see it: changed at random, each time in another way."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from engine.data.pictures import Album
from engine.events import encode_array
from engine.topics.cnn.augment import Augmentation, augmented
from engine.topics.cnn.batches import taken
from engine.topics.cnn.parts import parts
from engine.topics.cnn.spec import CnnConfig
from engine.training.seeds import generator

VERSIONS = 12


@torch.no_grad()
def preview(config: CnnConfig, album: Album) -> dict[str, Any]:
    """The training picture that `shown` names, as it is and as the settings change it.

    Mixup blends each version with another training picture; in training, with one of its batch.

    Returns
    -------
    dict
        `picture` (H, W, C) and `versions` (`VERSIONS`, H, W, C; none where nothing is changed):
        arrays of uint8, as in events; `label`: the name of its class; `number`: in the album.

    Raises
    ------
    InvalidValue
        When nothing is left to learn from.
    """
    train = parts(config, album)["train"]
    number = int(train[config.shown % len(train)])
    picture = np.asarray(album.pixels[number])
    how = Augmentation.of(config)
    changed = versions(album, number, train, how, config.seed) if how.active else picture[None][:0]
    return {
        "picture": encode_array(picture),
        "versions": encode_array(changed),
        "label": album.classes[album.labels[number]],
        "number": number,
    }


def versions(
    album: Album, number: int, train: np.ndarray, how: Augmentation, seed: int
) -> np.ndarray:
    """The picture `number` changed in `VERSIONS` ways: uint8 (`VERSIONS`, H, W, C)."""
    others = np.random.default_rng(seed).choice(train, VERSIONS)
    rows = torch.from_numpy(np.append(np.full(VERSIONS, number), others))
    x = augmented(taken(torch.from_numpy(album.pixels), rows), how, generator(seed, "noise"))
    x, partners = x.split(VERSIONS)
    if how.mixup:
        shares = np.random.default_rng(seed).beta(how.mixup, how.mixup, (VERSIONS, 1, 1, 1))
        x = torch.lerp(partners, x, torch.from_numpy(shares).to(x.dtype))
    changed: np.ndarray = (255 * x).round().byte().permute(0, 2, 3, 1).numpy()
    return changed
