"""What frozen layers make of pictures: computed once, and looked up ever after."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import Tensor

from engine.data.progress import tell
from engine.topics.cnn.augment import Augmentation, augmented
from engine.topics.cnn.batches import taken
from engine.topics.transfer.nets import TransferNet
from engine.words import _

AT_ONCE = 32
"""Pictures in one pass: photographs of 224 pixels fill the caches with fewer."""
COPIES = 8
"""Changed versions of each training picture that frozen layers are shown."""
MOST_BYTES = 256 * 2**20
"""Of the changed versions; of what is large there are fewer."""
PATIENCE = 0.5
"""Seconds after which the visitor is told how far it is."""
AUGMENTATIONS = {
    "none": Augmentation(),
    "gentle": Augmentation(rotate=10.0, shift=0.08, zoom=0.1),
    "strong": Augmentation(flip=0.5, rotate=30.0, shift=0.1, shear=0.2, zoom=0.2),
}


class Frozen:
    """Outputs of the frozen part of one net, for all pictures that somebody needs.

    Nets that freeze the same layers share one of these. Where nothing is frozen it holds the
    fitted pictures themselves, and changed versions are made anew at every step.

    Parameters
    ----------
    net
        Any of the nets that share it.
    pixels : Tensor of uint8, shape (N, H, W, C)
        All pictures.
    numbers
        Of the pictures that are learned from or tested on.
    learned
        Of those that are learned from: they are changed at random, if `how` says so.
    """

    def __init__(
        self,
        net: TransferNet,
        pixels: Tensor,
        numbers: np.ndarray,
        learned: np.ndarray,
        how: Augmentation,
        random: torch.Generator,
    ) -> None:
        self._net, self._pixels, self._how, self._random = net, pixels, how, random
        self._place = _places(numbers, len(pixels)).to(pixels.device)
        self._plain = self._outputs(numbers, Augmentation())
        self._changed: Tensor | None = None
        if how.active and len(net.lower):
            most = int(MOST_BYTES // max(1, self._plain[0].nbytes * len(learned)))
            copies = [self._outputs(learned, how) for _copy in range(max(1, min(COPIES, most)))]
            self._changed = torch.stack(copies)
            self._changed_place = _places(learned, len(pixels)).to(pixels.device)

    def _outputs(self, numbers: np.ndarray, how: Augmentation) -> Tensor:
        parts = torch.from_numpy(numbers).to(self._pixels.device).split(AT_ONCE)
        begun, found = time.perf_counter(), []
        for rows in parts:
            found.append(self._net.frozen(self._pictures(rows, how)))
            if time.perf_counter() - begun > PATIENCE:
                text = _("Showing the pictures to the frozen layers, this once")
                tell(text, len(found) / len(parts))
        return torch.cat(found)

    def _pictures(self, numbers: Tensor, how: Augmentation) -> Tensor:
        x = taken(self._pixels, numbers)
        return augmented(x, how, self._random) if how.active else x

    def plain(self, numbers: Tensor) -> Tensor:
        """Outputs for pictures as they are; numbers (B,)."""
        return self._plain[self._place[numbers]]

    def changed(self, numbers: Tensor) -> Tensor:
        """Outputs for training pictures, each changed at random if they are to be."""
        if not self._how.active:
            return self.plain(numbers)
        if self._changed is None:
            return self._net.frozen(self._pictures(numbers, self._how))
        copies = torch.randint(len(self._changed), numbers.shape, generator=self._random)
        return self._changed[copies.to(numbers.device), self._changed_place[numbers]]


def _places(numbers: np.ndarray, count: int) -> Tensor:
    """Where each picture's output stands; of those without one, nowhere that exists."""
    place = torch.full((count,), count + len(numbers), dtype=torch.int64)
    place[torch.from_numpy(numbers)] = torch.arange(len(numbers))
    return place
