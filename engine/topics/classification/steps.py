"""Groups of networks that step together: one batch, one gradient, one move of the optimiser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from engine.topics.classification.architecture import Architecture
from engine.topics.classification.rows import Rows
from engine.topics.classification.spec import ClassificationConfig
from engine.topics.classification.stacked import Stacked, objective, slope
from engine.training import optimisers
from engine.training.context import GROWTH, SMALL_LOSS
from engine.training.schedules import SCHEDULES
from engine.training.seeds import generator


class Group:
    """K networks of one shape with as many rows and steps.

    Parameters
    ----------
    configs
        The settings of each network; they may differ in rate, penalties, noise and seed.
    theta : Tensor, shape (K, D)
        Their parameters at the start.
    used : Tensor, shape (K, D)
        1 where a network has a parameter, 0 where it is smaller than the largest of the group.
    rows
        Their batches.
    weights : Tensor, shape (K, C), optional
        Of the classes in the loss.
    """

    def __init__(
        self,
        configs: Sequence[ClassificationConfig],
        shape: Architecture,
        theta: Tensor,
        used: Tensor,
        rows: Rows,
        weights: Tensor | None = None,
    ) -> None:
        self.configs, self.rows, self.weights = list(configs), rows, weights
        self.nets = Stacked(shape, theta)
        self.steps = configs[0].epochs * rows.per_epoch
        self.done = 0
        self._used = None if bool(used.all()) else used
        decayed = torch.zeros_like(theta[0])
        for slot in shape.slots():
            if slot.name == "weight":
                decayed[slot.at : slot.at + slot.size] = 1.0
        self._decayed = decayed
        self._factor = SCHEDULES[configs[0].schedule]
        self.broken = torch.zeros(len(configs), dtype=torch.bool, device=theta.device)
        self._bounds: Tensor | None = None
        self._some_broken = False
        self._randomise()
        self._optimisers = self._make_optimisers()
        self._alone = self._singles() if configs[0].optimiser == "lbfgs" else []
        self.adapt(configs)

    def _randomise(self) -> None:
        """A generator of noise and dropout for each distinct seed."""
        distinct = sorted({config.seed for config in self.configs})
        device = self.nets.theta.device
        self.nets.generators = [generator(seed, "noise", device.type) for seed in distinct]
        whose = [distinct.index(config.seed) for config in self.configs]
        self.nets.members = torch.tensor(whose, device=device)

    def _make_optimisers(self) -> list[Optimizer]:
        """One over all parameters; a line search (L-BFGS) needs one for each network."""
        name, theta = self.configs[0].optimiser, self.nets.theta
        whole = [(theta, self.nets.gradient)]
        if name == "lbfgs":
            whole = list(zip(theta.split(1), self.nets.gradient.split(1), strict=True))
        made = []
        for values, gradient in whole:
            parameter = nn.Parameter(values)
            parameter.grad = gradient
            rate = self.configs[0].learning_rate
            made.append(optimisers.make_optimiser(name, [parameter], rate))
        return made

    def _singles(self) -> list[Stacked]:
        """Each network by itself, on the same storage."""
        found = []
        for k, (theta, gradient) in enumerate(
            zip(self.nets.theta.split(1), self.nets.gradient.split(1), strict=True)
        ):
            single = Stacked(self.nets.architecture, theta, gradient)
            single.statistics = self.nets.statistics[k : k + 1]
            found.append(single)
        return found

    def adapt(self, configs: Sequence[ClassificationConfig]) -> None:
        """Take over what may change while training: rate, penalties, noise, dropout."""
        self.configs = list(configs)

        def column(name: str) -> Tensor:
            numbers = [getattr(config, name) for config in configs]
            return torch.tensor(numbers, device=self.nets.theta.device)[:, None]

        self.nets.noise, self.nets.dropout = (
            column("input_noise")[..., None],
            column("dropout")[..., None],
        )
        self.nets.noisy = bool(self.nets.noise.any())
        self.nets.dropping = bool(self.nets.dropout.any())
        l1, l2 = column("l1") * self._decayed, column("l2") * self._decayed
        adamw = configs[0].optimiser == "adamw"
        self._l1 = l1 if bool(l1.any()) else None
        self._l2 = l2 if bool(l2.any()) and not adamw else None
        self._decay = l2 if bool(l2.any()) and adamw else None
        self._rates = column("learning_rate")
        self._own_rates = bool((self._rates != self._rates[0]).any())
        self._set_rate()

    def _set_rate(self) -> None:
        factor = self._factor(min(self.done / self.steps, 1.0))
        self._rate_now = self._rates * factor
        rates = [1.0 if self._own_rates else float(self.configs[0].learning_rate) * factor]
        if self._alone:  # an optimiser for each network
            rates = [float(config.learning_rate) * factor for config in self.configs]
        for optimiser, rate in zip(self._optimisers, rates, strict=True):
            optimisers.set_learning_rate(optimiser, rate)

    # A step ------------------------------------------------------------------------------------

    @torch.no_grad()
    def step(self, told: bool = True) -> Tensor | None:
        """One step of every network; returns the losses of their batches, (K,), if `told`."""
        if self.configs[0].schedule != "constant":
            self._set_rate()
        self.done += 1
        x, y = next(self.rows)
        if self._alone:
            return self._search(x, y)
        losses = self._differentiate(self.nets, x, y, slice(None), told)
        theta = self.nets.theta
        if self._decay is not None:  # decoupled (Loshchilov & Hutter 2019)
            theta.mul_(1 - self._rate_now * self._decay)
        if self._own_rates:  # a step of rate 1, of which each network goes its share
            before = theta.clone()
            self._optimisers[0].step()
            torch.lerp(before, theta, self._rate_now, out=theta)
        else:
            self._optimisers[0].step()
        if self._some_broken:
            self._clear_broken()
        return losses

    def without_broken(self, losses: Tensor) -> Tensor:
        """The losses (K,) of those that have not diverged; the others lie at 0 from now on.

        So a variant of a sweep that diverges does not end the others.
        """
        if self._bounds is None:
            self._bounds = GROWTH * losses.nan_to_num().clamp(min=SMALL_LOSS)
        self.broken |= ~(losses <= self._bounds)
        self._some_broken = bool(self.broken.any())
        if self._some_broken:
            self._clear_broken()
        return losses[~self.broken]

    def _clear_broken(self) -> None:
        self.nets.theta[self.broken] = 0.0
        self.nets.statistics[self.broken] = 1.0

    def _differentiate(
        self, nets: Stacked, x: Tensor, y: Tensor, which: slice, told: bool = True
    ) -> Tensor | None:
        """Fill the gradient of these networks; returns their losses with penalties, if `told`."""
        weights = None if self.weights is None else self.weights[which]
        logits = nets.forward(x, train=True)
        losses = objective(logits, y, weights) + self.penalty(which) if told else None
        nets.backward(slope(logits, y, weights))
        if self._l2 is not None:
            nets.gradient.addcmul_(nets.theta, self._l2[which])
        if self._l1 is not None:
            nets.gradient.addcmul_(nets.theta.sign(), self._l1[which])
        if self._used is not None:
            nets.gradient.mul_(self._used[which])
        return losses

    def penalty(self, which: slice = slice(None)) -> Tensor | float:
        """l1·Σ|w| + l2/2·Σw² of each network, (K,); 0 where there is none."""
        theta, total = self.nets.theta[which], 0.0
        if self._l1 is not None:
            total = total + (self._l1[which] * theta.abs()).sum(1)
        if self._l2 is not None:
            total = total + (self._l2[which] * theta.square()).sum(1) / 2
        return total

    def objective(self, logits: Tensor, y: Tensor) -> Tensor:
        """What each network minimises, (K,), given its logits (K, O, N)."""
        return objective(logits, y, self.weights) + self.penalty()

    def _search(self, x: Tensor, y: Tensor) -> Tensor:
        """One L-BFGS iteration of each network, its line search by itself."""
        found = []
        for k, (nets, optimiser) in enumerate(zip(self._alone, self._optimisers, strict=True)):
            mine = (x, y) if x.dim() == 2 else (x[k : k + 1], y[k : k + 1])

            def closure(
                nets: Stacked = nets, mine: tuple[Tensor, Tensor] = mine, k: int = k
            ) -> Tensor:
                losses = self._differentiate(nets, *mine, slice(k, k + 1))
                assert losses is not None
                return losses.sum()

            found.append(torch.as_tensor(optimiser.step(closure)))
        return torch.stack(found)

    # Going on from a snapshot ----------------------------------------------------------------

    def saved(self) -> dict[str, Tensor]:
        """Everything needed to go on from here, as flat tensors."""
        tensors = {"theta": self.nets.theta.clone(), "statistics": self.nets.statistics.clone()}
        tensors |= optimisers.saved(self.configs[0].optimiser, self._optimisers)
        tensors["noise"] = torch.stack([g.get_state() for g in self.nets.generators])
        seeds = torch.tensor([config.seed for config in self.configs])
        return {**tensors, "seeds": seeds, "broken": self.broken.clone(), **self.rows.saved()}

    def restore(self, tensors: Mapping[str, Tensor], step: int) -> bool:
        """Go on from a snapshot of `step`: its weights, and all else that fits; False if not even they do."""
        theta = tensors.get("theta")
        if theta is None or theta.shape != self.nets.theta.shape:
            return False
        with torch.no_grad():
            self.nets.theta.copy_(theta)
            if tensors["statistics"].shape == self.nets.statistics.shape:
                self.nets.statistics.copy_(tensors["statistics"])
        self.broken.copy_(tensors["broken"])
        self._some_broken = bool(self.broken.any())
        optimisers.restore(self.configs[0].optimiser, self._optimisers, tensors)
        if tensors["seeds"].tolist() == [config.seed for config in self.configs]:
            self.rows.restore(tensors)
            for random, state in zip(self.nets.generators, tensors["noise"], strict=True):
                random.set_state(state.clone())  # a view into a file may crash torch
        self.done = step
        self._set_rate()
        return True
