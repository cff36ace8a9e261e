"""The shape of a network, and where its numbers stand in one flat row (torch-free).

A row holds, layer after layer, the weight (outputs × inputs, row-major), the bias and, with a
normalisation, its gamma and beta. The order is that of the parameters of `models.network`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

DRAWN_PLANE, DRAWN_TABLE = 20_000, 4_000


def most_drawn(plane: bool) -> int:
    """Parameters up to which a frame holds the weights, so that the browser draws the network.

    On a plane they make the surface and every neuron's heat map; of a table only the links.
    """
    return DRAWN_PLANE if plane else DRAWN_TABLE


class Slot(NamedTuple):
    """Where one tensor of a layer stands in the row: `row[at : at + size]` in this `shape`."""

    layer: int
    name: str
    at: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return self.shape[0] * self.shape[1] if len(self.shape) == 2 else self.shape[0]


class Architecture(NamedTuple):
    """Numbers of units from the inputs to the outputs, and what stands between them.

    Attributes
    ----------
    sizes : tuple of int
        Inputs, units of each hidden layer, outputs (1 for two classes).
    activation : str
    normalisation : str
        `none`, `batch` or `layer`; before each activation.
    """

    sizes: tuple[int, ...]
    activation: str
    normalisation: str

    @property
    def hidden(self) -> int:
        """Number of hidden layers."""
        return len(self.sizes) - 2

    def slots(self) -> Iterator[Slot]:
        """All tensors that are learned, in order."""
        at = 0
        for i, (inputs, outputs) in enumerate(zip(self.sizes, self.sizes[1:], strict=False)):
            shapes: dict[str, tuple[int, ...]] = {"weight": (outputs, inputs), "bias": (outputs,)}
            if i < self.hidden and self.normalisation != "none":
                shapes |= {"gamma": (outputs,), "beta": (outputs,)}
            for name, shape in shapes.items():
                slot = Slot(i, name, at, shape)
                yield slot
                at += slot.size

    @property
    def parameters(self) -> int:
        """Numbers that are learned."""
        return sum(slot.size for slot in self.slots())

    @property
    def statistics(self) -> int:
        """Running means and variances of batch normalisation, as many again."""
        return 2 * sum(self.sizes[1:-1]) if self.normalisation == "batch" else 0

    def described(self) -> list[dict[str, Any]]:
        """The layers as the browser reads them."""
        layers: list[dict[str, Any]] = []
        for i, (inputs, outputs) in enumerate(zip(self.sizes, self.sizes[1:], strict=False)):
            layers.append({"kind": "linear", "inputs": inputs, "outputs": outputs})
            if i < self.hidden:
                if self.normalisation != "none":
                    layers.append({"kind": self.normalisation, "units": outputs})
                layers.append({"kind": "activation", "name": self.activation})
        return layers
