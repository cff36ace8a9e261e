"""Everything that one run of the regression topic trains with, put together from its settings."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.optim import Optimizer

from engine.errors import InvalidValue
from engine.topics.regression import losses
from engine.topics.regression.batched import build, first, flat, gather, members, scatter, separate
from engine.topics.regression.data import Dataset
from engine.topics.regression.measuring import Gauge
from engine.topics.regression.models import Random, Regressor, scales
from engine.topics.regression.spec import RegressionConfig
from engine.topics.regression.steps import gradient_step, line_search_step
from engine.training import optimisers, snapshots
from engine.training.batches import Batches
from engine.training.schedules import SCHEDULES
from engine.training.stopping import Stopping
from engine.words import _


class Learner:
    """Model, batches, optimiser, stopping; `step()` is one step of learning.

    Attributes
    ----------
    model : Regressor
    gauge : Gauge
        Measures the model.
    batches : Batches
    stopping : Stopping
    steps : int
        In all.
    """

    def __init__(self, config: RegressionConfig, dataset: Dataset, device: str = "cpu") -> None:
        self.config = config
        self.model = build(config, scales(config, dataset), device)
        self.loss = losses.make(config)
        weights = [p for n, p in self.model.net.named_parameters() if n.endswith("weight")]
        penalty = losses.penalty(config, weights, config.seeds)
        self.gauge = Gauge(self.model, dataset, self.loss, penalty)
        self.batches = Batches(*self.gauge.train, config.batch_size, members(config))
        self.steps = config.epochs * self.batches.per_epoch
        self._nets = separate(config, self.model) if config.optimiser == "lbfgs" else []
        self._optimisers, self._take = self._method(weights, penalty)
        self._base, self._factor = config.learning_rate, SCHEDULES[config.schedule]
        self._done = 0
        self.stopping = Stopping(
            [p.detach() for p in self.model.parameters()],
            members=config.seeds,
            epochs=config.epochs,
            per_epoch=self.batches.per_epoch,
            patience=config.patience,
            validation=self.gauge.validation if self.gauge.has_validation else None,
            goal=(lambda: self.gauge.losses() <= config.target) if config.target else None,
        )
        self.model.train()
        plain = config.schedule == "constant" and not self.stopping.active
        self.step: Callable[[], Tensor] = self._take if plain else self._watched

    def _method(
        self, weights: list[Tensor], penalty: Callable[[], Tensor] | None
    ) -> tuple[list[Optimizer], Callable[[], Tensor]]:
        """The optimisers (one, or for L-BFGS one for each member) and the step they take."""
        config, net = self.config, self.model.net
        if config.optimiser != "lbfgs":
            optimiser = optimisers.make_optimiser(
                config.optimiser,
                list(net.parameters()),
                config.learning_rate,
                decayed=weights,
                weight_decay=config.l2,
            )
            step = gradient_step(net, optimiser, self.batches, self.loss, penalty, config.seeds)
            return [optimiser], step
        each = [
            optimisers.make_optimiser("lbfgs", list(n.parameters()), config.learning_rate)
            for n in self._nets
        ]
        penalties = [
            losses.penalty(config, [p for n, p in m.named_parameters() if n.endswith("weight")])
            for m in self._nets
        ]
        after = partial(gather, net, self._nets)
        return each, line_search_step(self._nets, each, self.batches, self.loss, penalties, after)

    def _watched(self) -> Tensor:
        """A step with a schedule or a stop condition around it."""
        if self.config.schedule != "constant":
            self._set_rate()
        loss = self._take()
        self._done += 1
        if self.stopping.active:
            self.stopping.after_step()
        return loss

    def set_rate(self, base: float) -> None:
        """Change the base rate; the schedule goes on from where it is."""
        self._base = base
        self._set_rate()

    def _set_rate(self) -> None:
        rate = self._base * self._factor(min(self._done / self.steps, 1.0))
        for optimiser in self._optimisers:
            optimisers.set_learning_rate(optimiser, rate)

    # Looking at it ---------------------------------------------------------------------------

    def alone(self) -> Regressor:
        """The (first) member as a plain model on the CPU."""
        alone: Regressor = first(self.config, self.model)
        return alone

    def parameters(self) -> Tensor:
        """Its parameters, (D,)."""
        return flat(self.config, self.model)

    def example(self) -> Tensor:
        """One prepared row, (1, F'), on the CPU."""
        return self.gauge.train[0][:1].cpu()

    # Going on from a snapshot ----------------------------------------------------------------

    def saved(self) -> dict[str, Tensor]:
        """Everything needed to go on from here, as flat tensors."""
        tensors = {f"parameters.{n}": p.detach().clone() for n, p in self.model.named_parameters()}
        tensors |= optimisers.saved(self.config.optimiser, self._optimisers)
        tensors |= {"seed": torch.tensor(self.config.seed), **self.batches.saved()}
        if noise := self._noise():
            tensors["noise"] = torch.stack([g.get_state() for g in noise])
        return tensors | (self.stopping.saved() if self.stopping.active else {})

    def restore(self, payload: bytes, step: int) -> None:
        """Go on from a snapshot of `step`: with its weights at least, and all else that fits.

        Raises
        ------
        InvalidValue
            When its model has other tensors.
        """
        tensors = snapshots.unpack(payload)
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                saved = tensors.get(f"parameters.{name}")
                if saved is None or saved.shape != parameter.shape:
                    raise InvalidValue.of(
                        "fork",
                        _("the features, the model, its size and the seeds at once to stay"),
                        f"{name}: {'none' if saved is None else list(saved.shape)}",
                    )
                parameter.copy_(saved)
        if self._nets:
            scatter(self.model.net, self._nets)
        optimisers.restore(self.config.optimiser, self._optimisers, tensors)
        if int(tensors.get("seed", torch.tensor(-1))) == self.config.seed:
            self._restore_randomness(tensors)
        if self.stopping.active:
            self.stopping.restore(tensors, step)
        self._done = step

    def _restore_randomness(self, tensors: dict[str, Tensor]) -> None:
        self.batches.restore(tensors)
        noise, states = self._noise(), tensors.get("noise")
        if states is not None and len(noise) == len(states):
            for random, state in zip(noise, states, strict=True):
                random.set_state(state.clone())  # a view into a file may crash torch

    def _noise(self) -> tuple[torch.Generator, ...]:
        layers = [m for m in self.model.net if isinstance(m, Random)]
        return layers[0].generators if layers else ()
