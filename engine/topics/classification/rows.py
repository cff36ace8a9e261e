"""Batches for networks side by side: each with its own data, in the order of its own seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import torch
from torch import Tensor

from engine.training.seeds import generator

GATHERED = 4_000_000
"""Numbers of an epoch that are brought into order at once; more are picked batch by batch."""

Batch = tuple[Tensor, Tensor]


class Rows:
    """An endless iterator of (x, y): all rows again and again, or shuffled epoch after epoch.

    Parameters
    ----------
    x, y : Tensor, shapes (G, N, F) and (G, N)
        G data sets of as many rows.
    size
        Rows a batch; all of them if 0 or more than there are.
    seeds, sets
        Of each network: the seed of its order, the number of its data set.

    Batches are (F, B) and (B,) where all networks get the same rows, else (K, F, B) and (K, B).
    """

    def __init__(
        self, x: Tensor, y: Tensor, size: int, seeds: Sequence[int], sets: Sequence[int]
    ) -> None:
        self.count = x.shape[1]
        self.size = min(size or self.count, self.count)
        self.per_epoch = -(-self.count // self.size)
        self._x, self._y = x, y
        device = x.device.type
        distinct = sorted(set(seeds))
        self._random = [generator(seed, "batches", device) for seed in distinct]
        self._whose = torch.tensor([distinct.index(seed) for seed in seeds], device=x.device)
        self._sets = torch.tensor(list(sets), device=x.device)[:, None]
        self.common = len(distinct) == 1 and len(x) == 1
        self._begun: Tensor | None = None  # the generators' states before this epoch's shuffle
        self._taken = 0
        self._next = self._iterate()

    def __next__(self) -> Batch:
        return next(self._next)

    def _iterate(self, skip: int = 0) -> Iterator[Batch]:
        if self.per_epoch == 1:
            every = torch.arange(self.count, device=self._x.device)
            whole = self._picked(every.expand(1 if self.common else len(self._whose), -1))
            while True:
                yield whole
        while True:
            self._begun = torch.stack([random.get_state() for random in self._random])
            order = torch.stack(
                [torch.randperm(self.count, generator=g, device=g.device) for g in self._random]
            )
            order = order if self.common else order[self._whose]
            self._taken = skip
            for batch in islice(self._batches(order), skip, None):
                self._taken += 1
                yield batch
            skip = 0

    def _batches(self, order: Tensor) -> Iterator[Batch]:
        """Those of one epoch, in this order (1 or K, N)."""
        if order.numel() * self._x.shape[2] <= GATHERED:
            x, y = self._picked(order)
            yield from zip(x.split(self.size, -1), y.split(self.size, -1), strict=True)
        else:
            for part in order.split(self.size, -1):
                yield self._picked(part)

    def _picked(self, order: Tensor) -> Batch:
        """The rows of these numbers, (1 or K, n)."""
        if self.common:
            rows = order[0]  # index_select copies long rows three times as fast as x[rows] does
            return self._x[0].index_select(0, rows).T, self._y[0].index_select(0, rows)
        return self._x[self._sets, order].transpose(1, 2), self._y[self._sets, order]

    def saved(self) -> dict[str, Tensor]:
        """Where the iterator is, as flat tensors for a snapshot."""
        place = {"rows.shape": torch.tensor([len(self._random), self.count, self.size])}
        if self._begun is None:
            return place
        taken = torch.tensor(self._taken)
        return place | {"rows.begun": self._begun.clone(), "rows.taken": taken}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on where another one was, if its rows were as many and its batches as large."""
        shape = tensors.get("rows.shape")
        alike = shape is not None and shape.tolist() == [len(self._random), self.count, self.size]
        if alike and "rows.begun" in tensors:
            for random, state in zip(self._random, tensors["rows.begun"], strict=True):
                random.set_state(state.clone())  # a view into a file may crash torch
            self._begun, self._taken = tensors["rows.begun"], int(tensors["rows.taken"])
            self._next = self._iterate(self._taken)
