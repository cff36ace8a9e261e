"""Several members trained at once: their parameters stacked, one matrix product for all of them.

Each member has its own start, batches and noise, those of its seed, so that it ends where it would
have ended alone (but for rounding: a batched product sums in another order).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from engine.topics.regression.models import Random, Regressor, Scales, network
from engine.topics.regression.spec import RegressionConfig
from engine.training.seeds import generator

Pair = tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]


class StackedLinear(nn.Module):
    """K linear layers side by side: (K, B, in) → (K, B, out)."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)  # (K, in, out)
        self.bias = nn.Parameter(bias)  # (K, 1, out)

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 2:  # the same rows for all members
            x = x.expand(len(self.weight), -1, -1)
        return torch.baddbmm(self.bias, x, self.weight)


def build(config: RegressionConfig, scale: Scales, device: str = "cpu") -> Regressor:
    """The untrained model of a configuration: one network, or `config.seeds` of them stacked."""
    degree = config.degree if config.model == "polynomial" else 0
    nets = [
        network(config, len(scale.shift), generator(seed, "weights")) for seed in members(config)
    ]
    net = nets[0] if len(nets) == 1 else stack(nets)
    model = Regressor(net, scale, degree)
    model.to(device)
    noise = tuple(generator(seed, "noise", device) for seed in members(config))
    for module in net:
        if isinstance(module, Random):
            module.generators = noise
    return model


def members(config: RegressionConfig) -> range:
    """The seeds of the members."""
    return range(config.seed, config.seed + config.seeds)


def stack(nets: Sequence[nn.Sequential]) -> nn.Sequential:
    """One network that computes all of `nets`, which are alike but for their weights."""
    return nn.Sequential(
        *(
            StackedLinear(
                torch.stack([layer.weight.detach().T for layer in layers]),
                torch.stack([layer.bias.detach()[None] for layer in layers]),
            )
            if isinstance(layers[0], nn.Linear)
            else layers[0]
            for layers in zip(*nets, strict=True)
        )
    )


def separate(config: RegressionConfig, model: Regressor) -> list[nn.Sequential]:
    """A plain network for each member, with its own randomness, for optimisers that search alone.

    A single member is itself; the copies of several have to be put into the stack (`gather`).
    """
    if config.seeds == 1:
        return [model.net]
    device = model.shift.device
    nets = [
        build(config.changed({"seeds": 1, "seed": s}), scales_of(model)).net
        for s in members(config)
    ]
    for i, net in enumerate(nets):
        net.to(device)
        for module, stacked in zip(net, model.net, strict=True):
            if isinstance(module, Random):
                module.generators = stacked.generators[i : i + 1]
    scatter(model.net, nets)
    return nets


def scales_of(model: Regressor) -> Scales:
    """The scales of a model, on the CPU."""
    return Scales(*(model.get_buffer(name).cpu() for name in Scales._fields))


@torch.no_grad()
def scatter(net: nn.Sequential, nets: Sequence[nn.Sequential]) -> None:
    """Give each of `nets` the weights of its member of the stack `net`."""
    for own, stacked in _pairs(net, nets):
        for p, value in zip(own, stacked, strict=True):
            p.copy_(value)


@torch.no_grad()
def gather(net: nn.Sequential, nets: Sequence[nn.Sequential]) -> None:
    """Put the weights of `nets` into the stack `net`."""
    for own, stacked in _pairs(net, nets):
        for p, value in zip(own, stacked, strict=True):
            value.copy_(p)


def _pairs(net: nn.Sequential, nets: Sequence[nn.Sequential]) -> Iterator[Pair]:
    """Weight (out, in) and bias (out,) of each layer of each net, and their views in the stack."""
    if nets[0] is net:
        return
    for i, own in enumerate(nets):
        for module, stacked in zip(own, net, strict=True):
            if isinstance(module, nn.Linear):
                views = (stacked.weight.detach()[i].T, stacked.bias.detach()[i, 0])
                yield (module.weight, module.bias), views


@torch.no_grad()
def first(config: RegressionConfig, model: Regressor) -> Regressor:
    """The first member as a plain model of its own, in eval mode on the CPU."""
    alone = build(config.changed({"seeds": 1}), scales_of(model))
    vector = flat(config, model)
    nn.utils.vector_to_parameters(vector, alone.parameters())
    alone.eval()
    return alone


@torch.no_grad()
def flat(config: RegressionConfig, model: Regressor) -> Tensor:
    """The parameters of the first member, (D,), in the order of `first(…).parameters()`."""
    if config.seeds == 1:
        return nn.utils.parameters_to_vector(model.parameters()).cpu().clone()
    return torch.cat([p[0].T.flatten() for p in model.parameters()]).cpu()
