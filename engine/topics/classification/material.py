"""Rows as tensors, prepared for the network: scaled once, split into their parts."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engine.topics.classification.data import TEST, TRAIN, VALIDATION, Dataset
from engine.topics.classification.models import Scales, inputs_of, scales
from engine.topics.classification.spec import ClassificationConfig

PARTS = (("train", TRAIN), ("val", VALIDATION), ("test", TEST))


class Material:
    """A data set on its device.

    Attributes
    ----------
    dataset, scale
    rows : dict of str → ndarray
        Numbers of the rows of each part that has any, by its name.
    x, y : dict of str → Tensor
        Inputs (N, F') of each part, scaled; classes (N,): floats for two classes, else indices.
    """

    def __init__(self, config: ClassificationConfig, dataset: Dataset, device: str) -> None:
        self.dataset = dataset
        self.scale: Scales = scales(config, dataset)
        self.classes = len(dataset.classes)
        found = {name: np.flatnonzero(dataset.part == part) for name, part in PARTS}
        self.rows = {name: rows for name, rows in found.items() if len(rows)}
        self._config, self._device = config, device
        self.x = {name: self.inputs(dataset.x[rows]) for name, rows in self.rows.items()}
        kind = torch.float32 if self.classes == 2 else torch.int64
        self.y = {
            name: torch.from_numpy(dataset.y[rows]).to(device, kind)
            for name, rows in self.rows.items()
        }

    def inputs(self, x: np.ndarray) -> Tensor:
        """Rows (N, F) in the units of the data → what the network takes, (N, F')."""
        tensor = torch.from_numpy(inputs_of(self._config, x))
        return ((tensor - self.scale.shift) / self.scale.spread).to(self._device)

    @property
    def measured_on(self) -> str:
        """The part that pictures are measured on: the best there is."""
        return next(name for name in ("test", "val", "train") if name in self.rows)

    def class_weights(self) -> Tensor:
        """N / (C · n_c) of each class of the training rows, (C,)."""
        counts = torch.bincount(self.y["train"].long(), minlength=self.classes).clamp(min=1)
        return counts.sum() / (self.classes * counts.float())
