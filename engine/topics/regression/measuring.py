"""What a run reports: metrics of every part of the data, and the picture of its fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import floor, log10
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.topics.regression import data
from engine.topics.regression.data import Dataset
from engine.topics.regression.losses import Loss
from engine.topics.regression.models import Regressor
from engine.training import gradients

PARTS = (("train", data.TRAIN), ("val", data.VALIDATION), ("test", data.TEST))
ROWS_AT_ONCE = 2**16
"""Rows × members that are evaluated together."""

Values = dict[str, np.ndarray]
"""Metric → its K values, one for each member."""


class Gauge:
    """Evaluates a model on all rows, once for every step that is asked about.

    Parameters
    ----------
    penalty
        Of each member, (K,), added to the loss; None without penalties.
    """

    def __init__(
        self,
        model: Regressor,
        dataset: Dataset,
        loss: Loss,
        penalty: Callable[[], Tensor] | None = None,
    ) -> None:
        self.model, self.loss, self.penalty = model, loss, penalty
        self.y = dataset.y.astype(float)
        self.parts = [(name, np.flatnonzero(dataset.part == part)) for name, part in PARTS]
        self.shown = data.shown(dataset)
        self.grid = data.grid(dataset) if dataset.one_variable else np.empty(0, np.float32)
        device = model.shift.device
        places = self.grid[:, None] if len(self.grid) else dataset.x[:0]
        self.x = model.prepare(torch.from_numpy(np.vstack([dataset.x, places])).to(device))
        self._train, self._held = (self._rows(dataset, rows) for _name, rows in self.parts[:2])
        self.has_validation = len(self._held[0]) > 0
        weights = [p for name, p in model.named_parameters() if name.endswith("weight")]
        self.weights: Sequence[nn.Parameter] = weights
        self._at = -1
        self._outputs = np.empty(0)

    def _rows(self, dataset: Dataset, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """Prepared inputs and targets of some rows."""
        device = self.x.device
        y = torch.from_numpy(dataset.y[rows]).to(device)[:, None]
        return self.x[torch.from_numpy(rows).to(device)], self.model.prepare_target(y)

    @property
    def train(self) -> tuple[Tensor, Tensor]:
        """Prepared inputs (N, F') and scaled targets (N, 1) of the training rows."""
        return self._train

    @property
    def members(self) -> int:
        return len(self.weights[0]) if self.weights[0].dim() == 3 else 1

    @torch.no_grad()
    def outputs(self, step: int) -> np.ndarray:
        """(K, N + G, Q) in the units of the data: all rows, then the grid."""
        if step != self._at:
            self._at = step
            self.model.eval()
            pieces = self.x.split(max(1, ROWS_AT_ONCE // self.members))
            found = torch.cat([self.model.net(piece) for piece in pieces], dim=-2)
            self.model.train()
            found = self.model.restore(found.double())
            self._outputs = found.reshape(-1, *found.shape[-2:]).cpu().numpy()
        return self._outputs

    def metrics(self, step: int) -> Values:
        """Every metric of every part that has rows; slope and intercept of a straight line."""
        outputs = self.outputs(step)
        values: Values = {}
        for name, rows in self.parts:
            if len(rows):
                values |= {f"{name}_{k}": v for k, v in _errors(outputs[:, rows], self.y[rows])}
        values["train_loss"] = self.losses().double().cpu().numpy()
        if self.has_validation:
            values["val_loss"] = self.validation().double().cpu().numpy()
        return values | self._line()

    @torch.no_grad()
    def losses(self) -> Tensor:
        """The objective of each member on the training rows, in eval mode: (K,)."""
        self.model.eval()
        losses = self.objective()
        self.model.train()
        return losses

    @torch.no_grad()
    def validation(self) -> Tensor:
        """The loss of each member on the rows held out, in eval mode: (K,)."""
        self.model.eval()
        losses = self._mean_loss(*self._held)
        self.model.train()
        return losses

    def objective(self) -> Tensor:
        """Loss and penalty of each member on the training rows, (K,), ready for a gradient."""
        losses = self._mean_loss(*self._train)
        return losses if self.penalty is None else losses + self.penalty()

    def _mean_loss(self, x: Tensor, y: Tensor) -> Tensor:
        outputs = self.model.net(x)
        errors = self.loss(outputs, y.expand_as(outputs[..., :1]), reduction="none")
        return errors.reshape(self.members, -1).mean(1)

    def inside(self) -> dict[str, float]:
        """Sizes of gradients and the share of dead units, for the diagnosis."""
        self.model.eval()
        batched = self.members > 1
        found = gradients.inspect(self.model, self.objective, self.weights, batched=batched)
        self.model.train()
        if len(self.weights) == 1:  # of one layer there is no first and last
            found = {"gradient": found["gradient"]}
        return found

    def _line(self) -> Values:
        if len(self.model.net) > 1 or self.model.degree or len(self.model.shift) > 1:
            return {}
        at_0, at_1 = self._at_ends()
        return {"slope": at_1 - at_0, "intercept": at_0}

    @torch.no_grad()
    def _at_ends(self) -> np.ndarray:
        scale = [b.double() for b in (self.model.shift, self.model.spread)]
        ends = (torch.tensor([[0.0], [1.0]], device=self.model.shift.device) - scale[0]) / scale[1]
        layer = self.model.net[0]
        weight, bias = layer.weight.double(), layer.bias.double()
        found = self.model.restore(ends * weight.reshape(1, -1) + bias.reshape(1, -1))
        return found.cpu().numpy()  # type: ignore[no-any-return]

    def frame(self, step: int) -> dict[str, Any]:
        """`fit` (and `low`, `high`: a band) over the grid; `predicted` for the rows shown."""
        outputs, rows = self.outputs(step), len(self.y)
        members, count = len(outputs), outputs.shape[2]
        middle = outputs[:, :, count // 2].mean(0)
        predicted = middle[:rows][self.shown]
        residual = self.y[self.shown] - predicted
        picture = {"predicted": self.digits(predicted), "residual": self.digits(residual)}
        if len(self.grid):
            picture["fit"] = self.digits(middle[rows:])
            if count > 1:
                low, high = outputs[:, rows:, 0].mean(0), outputs[:, rows:, -1].mean(0)
            elif members > 1:
                sd = outputs[:, rows:, 0].std(0, ddof=1)
                low, high = middle[rows:] - sd, middle[rows:] + sd
            if count > 1 or members > 1:
                picture |= {"low": self.digits(low), "high": self.digits(high)}
        return picture

    def arrays(self) -> dict[str, Any]:
        """What is the same in every frame: `actual`, and the `grid` of a single variable."""
        arrays = {"actual": self.digits(self.y[self.shown])}
        if len(self.grid):
            arrays["grid"] = [float(f"{x:.6g}") for x in self.grid]
        return arrays

    def digits(self, values: np.ndarray) -> list[float]:
        """Rounded to about a ten-thousandth of the target's spread: enough to draw."""
        spread = float(self.y.std()) or 1.0
        rounded: list[float] = np.round(values, max(0, 3 - floor(log10(spread)))).tolist()
        return rounded


def _errors(outputs: np.ndarray, y: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """MSE, MAE, R² (where y varies) and coverage (of quantiles) of outputs (K, n, Q): (K,) each."""
    error = outputs[:, :, outputs.shape[2] // 2] - y
    mse = np.square(error).mean(1)
    found = [("mse", mse), ("mae", np.abs(error).mean(1))]
    variance = y.var()
    if variance > 0:
        found.append(("r2", 1 - mse / variance))
    if outputs.shape[2] > 1:
        inside = (outputs[:, :, 0] <= y) & (y <= outputs[:, :, -1])
        found.append(("coverage80", inside.mean(1)))
    return found


def summary(values: Values) -> dict[str, float]:
    """Means over the members and, if there are several, `<metric>_sd`."""
    means = {name: float(v.mean()) for name, v in values.items()}
    several = {f"{n}_sd": float(v.std(ddof=1)) for n, v in values.items() if len(v) > 1}
    return means | several
