"""The models of the regression topic: a network on scaled inputs, answers in the data's units."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from engine.topics.regression.data import TRAIN, Dataset
from engine.topics.regression.spec import NETWORKS, RegressionConfig

ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU, "gelu": nn.GELU, "sigmoid": nn.Sigmoid}
QUANTILES = (0.1, 0.5, 0.9)


class Scales(NamedTuple):
    """What inputs (F,) and target (0-d) are shifted by, and divided by, before training."""

    shift: Tensor
    spread: Tensor
    target_shift: Tensor
    target_spread: Tensor

    @classmethod
    def unset(cls, features: int) -> Scales:
        """No scaling; also what a saved model's own scales are loaded over."""
        one = torch.ones(())
        return cls(torch.zeros(features), torch.ones(features), torch.zeros(()), one)


def scales(config: RegressionConfig, data: Dataset) -> Scales:
    """Scales of the training rows.

    Columns are brought to mean 0 and (sample) standard deviation 1, except those of zeros and
    ones and `unscaled` ones; for a polynomial, whose basis needs it, to the range -1…1. With a
    sigmoid at the end the target is brought to 0…1 instead.
    """
    x, y = (torch.from_numpy(array.astype("float64")) for array in data.of(TRAIN))
    found = Scales.unset(x.shape[1])._asdict()
    if config.model == "polynomial":
        low, high = x.amin(0), x.amax(0)
        found |= {"shift": (low + high) / 2, "spread": (high - low) / 2}
    elif config.scaling != "none":
        numeric = ((x != 0) & (x != 1)).any(0)
        numeric &= torch.tensor([name not in data.unscaled for name in data.features])
        found["shift"] = torch.where(numeric, x.mean(0), 0.0)
        found["spread"] = torch.where(numeric, x.std(0), 1.0)
    if config.scaling == "both" and config.output == "sigmoid":
        found |= {"target_shift": y.min(), "target_spread": y.max() - y.min()}
    elif config.scaling == "both":
        found |= {"target_shift": y.mean(), "target_spread": y.std()}
    for name in ("spread", "target_spread"):  # a column without spread is left as wide as it is
        found[name] = torch.where(found[name] > 0, found[name], 1.0)
    return Scales(**{name: tensor.float() for name, tensor in found.items()})


class Regressor(nn.Module):
    """(N, F) in the units of the data → (N, Q), or (K, N, Q) for K members trained at once.

    Q is 1, or the three `QUANTILES` if the loss asks for them. Training runs `net` alone, on rows
    that `prepare` has seen once.
    """

    def __init__(self, net: nn.Sequential, scale: Scales, degree: int = 0) -> None:
        super().__init__()
        self.net = net
        self.degree = degree
        for name, tensor in scale._asdict().items():
            self.register_buffer(name, tensor)

    def prepare(self, x: Tensor) -> Tensor:
        """Inputs (N, F) → what `net` takes: scaled, and for a polynomial (N, F · degree)."""
        scaled = (x - self.shift) / self.spread
        return legendre(scaled, self.degree) if self.degree else scaled

    def prepare_target(self, y: Tensor) -> Tensor:
        """A target, in the units that `net` answers in."""
        return (y - self.target_shift) / self.target_spread

    def restore(self, outputs: Tensor) -> Tensor:
        """What `net` answers, in the units of the data."""
        return outputs * self.target_spread + self.target_shift

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.restore(self.net(self.prepare(x)))
        return outputs


def network(config: RegressionConfig, features: int, weights: torch.Generator) -> nn.Sequential:
    """(N, F) → (N, Q), initialised by `weights` alone; Q is 1, or 3 quantiles."""
    width = features * (config.degree if config.model == "polynomial" else 1)
    modules: list[nn.Module] = [Noise(config.input_noise)] if config.model == "noisy" else []
    for units in widths(config):
        modules += [nn.Linear(width, units), ACTIVATIONS[config.activation]()]
        if config.dropout:
            modules.append(Dropout(config.dropout))
        width = units
    modules.append(nn.Linear(width, len(QUANTILES) if config.loss == "quantile" else 1))
    if config.loss == "quantile":
        modules.append(Quantiles())
    if config.output == "sigmoid":
        modules.append(nn.Sigmoid())
    for module in modules:
        if isinstance(module, nn.Linear):
            initialise(module, weights)
    return nn.Sequential(*modules)


def widths(config: RegressionConfig) -> list[int]:
    """Neurons of each hidden layer; none for a line or a polynomial."""
    if config.model not in NETWORKS:
        return []
    return [max(1, config.units >> (i if config.taper else 0)) for i in range(config.layers)]


@torch.no_grad()
def initialise(layer: nn.Linear, generator: torch.Generator) -> None:
    """PyTorch's own default for `nn.Linear`, uniform in ±1/√fan_in, from one run's generator."""
    bound = layer.in_features**-0.5
    layer.weight.uniform_(-bound, bound, generator=generator)
    layer.bias.uniform_(-bound, bound, generator=generator)


def legendre(x: Tensor, degree: int) -> Tensor:
    """Legendre polynomials P₁…P_degree of every column: (N, F) in -1…1 → (N, F · degree).

    (n + 1) Pₙ₊₁ = (2n + 1) x Pₙ − n Pₙ₋₁ (Bonnet). They are orthogonal on -1…1, so that gradient
    descent finds their weights where plain powers, nearly parallel, would stall it.
    """
    before, last = torch.ones_like(x), x
    terms = [last]
    for n in range(1, degree):
        before, last = last, ((2 * n + 1) * x * last - n * before) / (n + 1)
        terms.append(last)
    return torch.cat(terms, dim=-1)


class Random(nn.Module):
    """A layer with randomness of its own while it trains: one generator for each member."""

    generators: tuple[torch.Generator, ...] = ()

    def drawn(self, draw: object, like: Tensor) -> Tensor:
        """`draw` (`torch.rand` or `torch.randn`) of the shape of `like`: (B, U) or (K, B, U)."""
        shape = like.shape[-2:]
        parts = [draw(shape, generator=g, device=like.device) for g in self.generators]  # type: ignore[operator]
        return parts[0] if like.dim() == 2 else torch.stack(parts)

    def __deepcopy__(self, memo: object) -> Random:
        """A copy has no generators: it is for looking at the model, not for training it."""
        copy = type(self).__new__(type(self))
        copy.__dict__ = {k: v for k, v in self.__dict__.items() if k != "generators"}
        return copy


class Noise(Random):
    """Gaussian noise on the inputs while training; with the layer after it, a noisy linear layer.

    It acts like a penalty on steep functions (Bishop 1995, Training with Noise is Equivalent to
    Tikhonov Regularization).
    """

    def __init__(self, sd: float) -> None:
        super().__init__()
        self.sd = sd

    def forward(self, x: Tensor) -> Tensor:
        return x + self.sd * self.drawn(torch.randn, x) if self.training else x


class Dropout(Random):
    """Silences a share of the neurons while training (Srivastava et al. 2014)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        return x * (self.drawn(torch.rand, x) >= self.rate) / (1 - self.rate)


class Quantiles(nn.Module):
    """(…, 3) → the 10 %, 50 % and 90 % quantiles, which cannot cross."""

    def forward(self, x: Tensor) -> Tensor:
        middle, below, above = x.split(1, dim=-1)
        softplus = nn.functional.softplus
        return torch.cat([middle - softplus(below), middle, middle + softplus(above)], dim=-1)
