"""Batches of rows that lie in memory; indexing them beats a DataLoader on data as small as ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import torch
from torch import Tensor

from engine.training.seeds import generator


class Batches:
    """An endless iterator of (x, y): all rows again and again, or shuffled epoch after epoch.

    Parameters
    ----------
    x, y : Tensor, shape (N, …)
    size
        Rows a batch; all of them if 0 or more than there are.
    seeds
        One for each member; with several, batches are (K, B, …), each member's in its own order.
    """

    def __init__(self, x: Tensor, y: Tensor, size: int, seeds: Sequence[int]) -> None:
        self.rows = len(x)
        self.size = min(size or self.rows, self.rows)
        self.per_epoch = -(-self.rows // self.size)
        self._x, self._y = x, y
        self._random = [generator(seed, "batches", x.device.type) for seed in seeds]
        self._begun: Tensor | None = None  # the generators' states before this epoch's shuffle
        self._taken = 0
        self._next = self._iterate()

    def __iter__(self) -> Batches:
        return self

    def __next__(self) -> tuple[Tensor, Tensor]:
        return next(self._next)

    def _iterate(self, skip: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        members = len(self._random)
        if self.per_epoch == 1:
            shape = (members, *self._x.shape)
            x = self._x if members == 1 else self._x.expand(shape)
            y = self._y if members == 1 else self._y.expand(members, *self._y.shape)
            while True:
                yield x, y
        while True:
            self._begun = torch.stack([random.get_state() for random in self._random])
            order = torch.stack(
                [
                    torch.randperm(self.rows, generator=g, device=self._x.device)
                    for g in self._random
                ]
            )
            order = order[0] if members == 1 else order
            along = order.dim() - 1
            x, y = (rows[order].split(self.size, along) for rows in (self._x, self._y))
            self._taken = skip
            for batch in islice(zip(x, y, strict=True), skip, None):
                self._taken += 1
                yield batch
            skip = 0

    def saved(self) -> dict[str, Tensor]:
        """Where the iterator is, as flat tensors for a snapshot."""
        place = {"batches.shape": torch.tensor([len(self._random), self.rows, self.size])}
        if self._begun is None:
            return place
        taken = torch.tensor(self._taken)
        return place | {"batches.begun": self._begun.clone(), "batches.taken": taken}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on where another one was, if its rows were as many and its batches as large."""
        shape = tensors.get("batches.shape")
        alike = shape is not None and shape.tolist() == [len(self._random), self.rows, self.size]
        if alike and "batches.begun" in tensors:
            for random, state in zip(self._random, tensors["batches.begun"], strict=True):
                random.set_state(state.clone())  # a view into a file may crash torch
            self._begun, self._taken = tensors["batches.begun"], int(tensors["batches.taken"])
            self._next = self._iterate(self._taken)
