"""Everything that one run of the classification topic trains with, put together from its settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from engine.errors import InvalidValue
from engine.topics.classification import data
from engine.topics.classification.architecture import Architecture
from engine.topics.classification.data import Dataset
from engine.topics.classification.material import Material
from engine.topics.classification.models import Classifier, architecture, fill, initial, network
from engine.topics.classification.rows import Rows
from engine.topics.classification.spec import ClassificationConfig
from engine.topics.classification.steps import Group
from engine.topics.classification.variants import Member, held_out, members
from engine.training import snapshots
from engine.training.seeds import generator
from engine.training.stopping import Stopping
from engine.words import _

DATA_FIELDS = (
    *("data", "samples", "noise", "classes", "imbalance", "label_noise", "validation"),
    *("test_share", "oversample", "data_seed", "drawn", "table", "scaling"),
    *("squares", "product", "sines"),
)
"""Settings that decide on the rows and their scaling."""
TOLD_EVERY = 16
"""Steps of a sweep after which the losses of its batches are looked at."""


class Judge(Protocol):
    """Measures the networks of a group at this moment."""

    @property
    def has_validation(self) -> bool: ...

    def accuracy(self, number: int) -> Tensor: ...

    def validation(self, number: int) -> Tensor: ...


class Placed(NamedTuple):
    """A network's settings, the group that trains it, and its place there."""

    member: Member
    group: int
    place: int


class Learner:
    """Data, networks in groups, optimisers; `step()` is one step of all that have not finished.

    Attributes
    ----------
    materials
        The data sets; `material_of` says whose is whose.
    groups
        Networks that can be stacked; cross-validation is a group of its own, the last one.
    placed
        The networks of the run (without those of the cross-validation), in order.
    evaluation
        Of each group of `placed` and each part: x (F, N) or (K, F, N), y (K, N).
    steps, per_epoch
        Of the longest group.
    """

    def __init__(
        self,
        config: ClassificationConfig,
        make: Callable[[ClassificationConfig], Dataset],
        device: str = "cpu",
    ) -> None:
        self.config, self.device = config, device
        self._make = make
        self.materials: list[Material] = []
        self._known: dict[tuple[object, ...], int] = {}
        self.groups: list[Group] = []
        self.placed: list[Placed] = []
        self.folds: list[np.ndarray] = []
        self.stoppings: dict[int, Stopping] = {}
        everyone = members(config)
        order: dict[int, Placed] = {}
        for numbers in self._alike(everyone):
            self._add([everyone[i] for i in numbers])
            group = len(self.groups) - 1
            order |= {i: Placed(everyone[i], group, k) for k, i in enumerate(numbers)}
        self.placed = [order[i] for i in range(len(everyone))]
        self.evaluation = [self._parts_of(number) for number in range(len(self.groups))]
        if validated := held_out(config):
            self._add_folds(validated)
        self.steps = max(group.steps for group in self.groups)
        self.per_epoch = max(group.rows.per_epoch for group in self.groups)
        self.done = 0

    # Putting together ------------------------------------------------------------------------

    def material_of(self, member: Member) -> Material:
        """The data of a network."""
        return self.materials[self._set_of(member.config)]

    def _set_of(self, config: ClassificationConfig) -> int:
        key = tuple(getattr(config, name) for name in DATA_FIELDS)
        if key not in self._known:
            self._known[key] = len(self.materials)
            self.materials.append(Material(config, self._make(config), self.device))
        return self._known[key]

    def shape_of(self, member: Member) -> Architecture:
        """The shape of a network as if it were alone."""
        material = self.material_of(member)
        inputs = material.x["train"].shape[1]
        return architecture(member.config, inputs, material.classes)

    def _alike(self, everyone: Sequence[Member]) -> list[list[int]]:
        """The numbers of the members by what has to be the same in a group."""
        groups: dict[tuple[object, ...], list[int]] = {}
        for i, member in enumerate(everyone):
            config, shape = member.config, self.shape_of(member)
            widths = len(shape.sizes) if self._paddable(config) else shape.sizes
            rows = tuple(len(y) for y in self.material_of(member).y.values())
            key = (widths, shape.sizes[0], shape.sizes[-1], rows, config.batch_size, config.epochs)
            groups.setdefault(key, []).append(i)
        return list(groups.values())

    @staticmethod
    def _paddable(config: ClassificationConfig) -> bool:
        """Whether networks of several widths can be stacked, the smaller ones filled with zeros.

        A layer's own mean would change with its width, and dropout would draw other numbers.
        """
        return config.normalisation != "layer" and not config.dropout

    def _add(self, same: Sequence[Member]) -> None:
        configs = [member.config for member in same]
        sets = [self._set_of(config) for config in configs]
        used_sets = sorted(set(sets))
        x, y = (
            torch.stack([getattr(self.materials[s], name)["train"] for s in used_sets])
            for name in ("x", "y")
        )
        seeds = [config.seed for config in configs]
        rows = Rows(x, y, configs[0].batch_size, seeds, [used_sets.index(s) for s in sets])
        self._group(same, rows)

    def _group(self, same: Sequence[Member], rows: Rows) -> None:
        shapes = [self.shape_of(member) for member in same]
        largest = shapes[0]._replace(
            sizes=tuple(max(sizes) for sizes in zip(*(s.sizes for s in shapes), strict=True))
        )
        theta = torch.zeros(len(same), largest.parameters)
        used = torch.zeros_like(theta)
        for k, (member, shape) in enumerate(zip(same, shapes, strict=True)):
            row = initial(member.config, shape, generator(member.config.seed, "weights"))
            places = positions(shape, largest)
            theta[k, places], used[k, places] = row, 1.0
        weights = None
        if self.config.class_weights:
            weights = torch.stack([self.material_of(m).class_weights() for m in same])
        configs = [member.config for member in same]
        theta, used = theta.to(self.device), used.to(self.device)
        self.groups.append(Group(configs, largest, theta, used, rows, weights))

    def _add_folds(self, validated: Sequence[Member]) -> None:
        """Networks that each leave out one fold of the training rows; equally many rows for all."""
        material = self.material_of(validated[0])
        x, y = material.x["train"], material.y["train"]
        order = np.random.default_rng([self.config.data_seed, 3]).permutation(len(y))
        self.folds = np.array_split(order, len(validated))
        kept = [np.setdiff1d(order, fold, assume_unique=True) for fold in self.folds]
        least = min(map(len, kept))
        chosen = torch.from_numpy(np.stack([rows[:least] for rows in kept])).to(x.device)
        seeds = [member.config.seed for member in validated]
        rows = Rows(x[chosen], y[chosen], self.config.batch_size, seeds, range(len(validated)))
        self._group(validated, rows)

    def _parts_of(self, number: int) -> dict[str, tuple[Tensor, Tensor]]:
        mine = sorted((p for p in self.placed if p.group == number), key=lambda p: p.place)
        materials = [self.material_of(p.member) for p in mine]
        found = {}
        for name in materials[0].x:
            x = materials[0].x[name].T
            if any(m is not materials[0] for m in materials):
                x = torch.stack([m.x[name].T for m in materials])
            found[name] = (x, torch.stack([m.y[name] for m in materials]))
        return found

    # Learning --------------------------------------------------------------------------------

    def watch(self, judge: Judge) -> None:
        """Stop each group early, or at its goal, as the settings ask."""
        patience, target = self.config.patience, self.config.target_accuracy
        if not target and not (patience and judge.has_validation):
            return
        for i, group in enumerate(self.groups[:-1] if self.folds else self.groups):
            self.stoppings[i] = Stopping(
                [group.nets.theta, group.nets.statistics],
                members=len(group.configs),
                epochs=group.configs[0].epochs,
                per_epoch=group.rows.per_epoch,
                patience=patience,
                validation=partial(judge.validation, i) if judge.has_validation else None,
                goal=partial(self._reached, judge, i) if target else None,
                stacked=True,
            )

    def _reached(self, judge: Judge, group: int) -> Tensor:
        return judge.accuracy(group) >= self.config.target_accuracy - 1e-6

    @property
    def over(self) -> bool:
        """Whether every group has stopped or done all its steps."""
        return all(self._finished(i) for i in range(len(self.groups)))

    def _finished(self, number: int) -> bool:
        group, stopping = self.groups[number], self.stoppings.get(number)
        return group.done >= group.steps or (stopping is not None and stopping.over)

    def words(self) -> str | None:
        """Why training ended before its last epoch, if it did."""
        if len(self.stoppings) != 1 or len(self.groups) > 1 + bool(self.folds):
            return None
        goal = _("the training accuracy is at least {target:.1%}")
        return self.stoppings[0].words(goal.format(target=self.config.target_accuracy))

    def step(self) -> Tensor | None:
        """One step of every group that is not done; the mean loss of the networks that moved.

        Of a sweep it is known now and then; it is not a number once every variant has diverged.
        """
        self.done += 1
        swept = self.config.sweep != "none"
        told = not swept or self.done % TOLD_EVERY == 1
        losses = []
        for i, group in enumerate(self.groups):
            if len(self.groups) > 1 and self._finished(i):
                continue
            moved = group.step(told)
            if moved is not None:
                losses.append(group.without_broken(moved) if swept else moved)
            if i in self.stoppings:
                self.stoppings[i].after_step()
        return torch.cat(losses).mean() if losses else None

    def set_rate(self, rate: float) -> None:
        """Change the learning rate of every network."""
        for group in self.groups:
            group.adapt([config.changed({"learning_rate": rate}) for config in group.configs])

    def adapt(self, config: ClassificationConfig, edits: Mapping[int, float]) -> None:
        """Take over settings that were changed, and weights that were set by hand, while training."""
        live = {n: getattr(config, n) for n, s in config.settings().items() if s.live}
        swept = self.config.sweep
        for group in self.groups:
            group.adapt(
                [c.changed({n: v for n, v in live.items() if n != swept}) for c in group.configs]
            )
        self.config = self.config.changed(live)
        self.edit(edits)

    @torch.no_grad()
    def edit(self, edits: Mapping[int, float]) -> None:
        """Set parameters of the only network.

        Raises
        ------
        InvalidValue
            When there are several networks, or no such parameter.
        """
        theta = self.groups[0].nets.theta
        for index, value in edits.items():
            if len(self.placed) > 1 or not 0 <= index < theta.shape[1]:
                expected = _("a parameter from 0 to {last} of a single network").format(
                    last=theta.shape[1] - 1
                )
                raise InvalidValue.of("edit", expected, index)
            theta[0, index] = value

    @property
    def broken(self) -> np.ndarray:
        """Which networks of a sweep have diverged, (M,); without a sweep none, as that ends the run."""
        found = [group.broken.cpu().numpy() for group in self.groups]
        return np.array([found[p.group][p.place] for p in self.placed])

    # Looking at it ---------------------------------------------------------------------------

    def row(self, placed: Placed) -> tuple[Architecture, Tensor, Tensor]:
        """Shape, parameters (D,) and running statistics (S,) of one network, without filling."""
        nets = self.groups[placed.group].nets
        return self.shape_of(placed.member), *self.cut(placed, nets.theta, nets.statistics)

    def cut(self, placed: Placed, theta: Tensor, statistics: Tensor) -> tuple[Tensor, Tensor]:
        """One network's parameters (D,) and statistics (S,), out of those of its whole group."""
        wide, own = self.groups[placed.group].nets.architecture, self.shape_of(placed.member)
        row, running = theta[placed.place], statistics[placed.place]
        if own == wide:
            return row, running
        row = row[positions(own, wide)]
        if not own.statistics:
            return row, running
        pieces = [
            piece[:units]
            for half in running.chunk(2)
            for piece, units in zip(
                half.split(list(wide.sizes[1:-1])), own.sizes[1:-1], strict=True
            )
        ]
        return row, torch.cat(pieces)

    def classifier(self, chosen: Sequence[Placed] | None = None) -> Classifier:
        """Networks of one shape (by default all of a run without a sweep) as a plain model."""
        chosen = self.placed if chosen is None else chosen
        nets = []
        for placed in chosen:
            shape, row, statistics = self.row(placed)
            net = network(shape)
            fill(net, shape, row.cpu(), statistics.cpu())
            nets.append(net)
        member = chosen[0].member
        names = data.inputs(member.config)
        model = Classifier(nets, self.material_of(member).scale, names)
        model.eval()
        return model

    # Going on from a snapshot ----------------------------------------------------------------

    def saved(self) -> dict[str, Tensor]:
        """Everything needed to go on from here, as flat tensors."""
        parts = {f"group{i}": group.saved() for i, group in enumerate(self.groups)}
        parts |= {f"group{i}.stopping": s.saved() for i, s in self.stoppings.items()}
        return {f"{part}.{n}": t for part, tensors in parts.items() for n, t in tensors.items()}

    def restore(self, payload: bytes, step: int) -> None:
        """Go on from a snapshot of `step`: with its weights at least, and all else that fits.

        Raises
        ------
        InvalidValue
            When its networks have other shapes.
        """
        tensors = snapshots.unpack(payload)
        self.done = step
        for i, group in enumerate(self.groups):
            prefix = f"group{i}."
            mine = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
            if not group.restore(mine, step):
                expected = _("the inputs, the network, its size and the seeds at once to stay")
                received = list(mine["theta"].shape) if "theta" in mine else _("none")
                raise InvalidValue.of("fork", expected, received)
            if i in self.stoppings:
                names = {n.removeprefix("stopping."): t for n, t in mine.items()}
                self.stoppings[i].restore(names, step)


def positions(shape: Architecture, larger: Architecture) -> Tensor:
    """Where the parameters of a network stand in the row of a larger one, (D,)."""
    found = []
    for own, wide in zip(shape.slots(), larger.slots(), strict=True):
        grid = torch.arange(wide.at, wide.at + wide.size).view(wide.shape)
        found.append(grid[tuple(slice(n) for n in own.shape)].reshape(-1))
    return torch.cat(found)
