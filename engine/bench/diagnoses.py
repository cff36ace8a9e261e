"""How often each diagnosis is right: runs made to have a fault, and runs made to have none.

`python -m engine bench diagnoses`. Random runs of the regression recipe, 50 for each fault and 50
healthy ones. Whether a run has a fault is decided without the detector, from its weights at some
sixty steps (own forward and backward pass, fresh points) or by training again: for as long again,
or with a rate 30 times larger. Runs between clear fault and clear health are drawn anew, so the
figures are those of clear cases; the limits stand in `TRUTHS`.

A false alarm is a diagnosis that was said at any time of a healthy run, even if it was withdrawn.
`elsewhere` counts those that were said in runs with another fault, where this one was clearly
absent (that is known without training again for all but the last two).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import exp, inf, log
from random import Random
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from engine.bench.figure import Figure, by_name
from engine.topics.regression import data, recipe
from engine.topics.regression.spec import RegressionConfig
from engine.training.context import Context, Diverged

RUNS = 50
SEED = 7
FOUND, FALSE = 90.0, 5.0
"""Targets, in per cent."""
FASTER = 30
"""How many times larger the rate is that shows that a rate was too small."""
FRESH = 4000
"""Points drawn anew from the source of the data."""
NEAR, FACTOR = 0.1, 3.0
"""The epoch named is right where the error on fresh points is this near its minimum, or within this
factor of such steps."""

RATES = {"sgd": (0.03, 0.2), "momentum": (0.01, 0.05), "adam": (0.004, 0.03)}
"""Rates that suit networks of this size."""


# A run ------------------------------------------------------------------------------------------


@dataclass
class Trace:
    """What a run told, and its weights at each kept step."""

    config: RegressionConfig
    losses: list[tuple[int, float]] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    weights: dict[int, list[tuple[Tensor, Tensor]]] = field(default_factory=dict)
    diverged: int | None = None

    @property
    def steps(self) -> int:
        return self.losses[-1][0]

    @property
    def level(self) -> float:
        """Median training loss over the last fifth of the steps."""
        return float(np.median([loss for k, loss in self.losses if k >= 0.8 * self.steps]))

    def said(self, name: str) -> bool:
        """Whether the run was diagnosed with `name` at any time."""
        return name in [note["diagnosis"] for note in self.notes]

    # Truths that the weights tell

    @cached_property
    def rows(self) -> tuple[Tensor, Tensor]:
        """Training rows as the network gets them: x (N, 1), y (N, 1)."""
        return self._scaled(*data.make(self.config).of(data.TRAIN))

    def _scaled(self, x: np.ndarray, y: np.ndarray) -> tuple[Tensor, Tensor]:
        train_x, train_y = data.make(self.config).of(data.TRAIN)
        if self.config.scaling == "both":
            x = (x - train_x.mean()) / train_x.std(ddof=1)
            y = (y - train_y.mean()) / train_y.std(ddof=1)
        return torch.from_numpy(x).float().reshape(-1, 1), torch.from_numpy(y).float()[:, None]

    @cached_property
    def fresh(self) -> tuple[np.ndarray, np.ndarray]:
        """Steps, and the mean squared error on fresh points there."""
        many = self.config.model_copy(update={"samples": FRESH})
        x, y = self._scaled(*data.MAKERS[self.config.data](many, np.random.default_rng(1)))
        with torch.no_grad():
            errors = [mse_loss(self.forward(k, x)[-1], y).item() for k in self.weights]
        return np.array(list(self.weights)), np.array(errors)

    @property
    def rise(self) -> float:
        """Error on fresh points over the last fifth of the steps, above its minimum."""
        steps, errors = self.fresh
        return float(np.median(errors[steps >= 0.8 * self.steps]) / errors.min() - 1)

    def near_best(self, epoch: float) -> bool:
        """Whether the error on fresh points was lowest about then."""
        steps, errors = self.fresh
        best = steps[errors <= (1 + NEAR) * errors.min()]
        step = epoch * self.steps / self.config.epochs
        return bool(best.min() / FACTOR - 2 <= step <= best.max() * FACTOR + 2)

    @property
    def dead(self) -> float:
        """Share of the hidden ReLU units that are 0 for all training rows at the end."""
        if self.config.model != "mlp" or self.config.activation != "relu":
            return 0.0
        *hidden, _out = self.forward(max(self.weights), self.rows[0])
        return float(np.mean([(h <= 0).all(0).float().mean().item() for h in hidden]))

    @cached_property
    def gradients(self) -> np.ndarray:
        """Norms (steps, layers) of the loss gradient with respect to the layers' weights."""
        found = []
        for k, layers in self.weights.items():
            weights = [w.requires_grad_() for w, _b in layers]
            loss = mse_loss(self.forward(k, self.rows[0])[-1], self.rows[1])
            found.append([g.norm().item() for g in torch.autograd.grad(loss, weights)])
        return np.array(found)

    @property
    def ratio(self) -> float:
        """First layer's gradient over the last one's: median over the second half of the steps."""
        late = np.array(list(self.weights)) >= self.steps / 2
        first, last = self.gradients[late, 0], self.gradients[late, -1]
        return float(np.median(first / np.maximum(last, 1e-30)))

    @property
    def growth(self) -> float:
        """Largest gradient over the first one."""
        sizes = np.sqrt(np.square(self.gradients).sum(1))
        return float(sizes.max() / max(sizes[0], 1e-30))

    def forward(self, k: int, x: Tensor) -> list[Tensor]:
        """Outputs (N, U) of every layer at step `k`, written out."""
        act = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}
        bend = act.get(self.config.activation, nn.functional.gelu)
        outputs: list[Tensor] = []
        *hidden, (w, b) = self.weights[k]
        for weight, bias in hidden:
            x = bend(x @ weight.T + bias)
            outputs.append(x)
        return [*outputs, x @ w.T + b]

    # Truths that need another run

    @cached_property
    def continued(self) -> float:
        """Share of the loss that training for as long again takes off."""
        longer = train(self.config.changed({"epochs": 2 * self.config.epochs}))
        return -inf if longer.diverged else 1 - longer.level / self.level

    @cached_property
    def faster(self) -> float:
        """Loss with a `FASTER` times larger rate, over that of this run."""
        other = train(self.config.changed({"learning_rate": FASTER * self.config.learning_rate}))
        return inf if other.diverged else other.level / self.level


def train(config: RegressionConfig) -> Trace:
    """Carry out a run of the recipe up to its end, without the pictures made after it."""
    context, trace = Context(config), Trace(config)
    try:
        for event in recipe.run(config, context):
            if event.type == "metric":
                for row in (*event.data["before"], {"step": event.step, **event.data}):
                    trace.losses.append((row["step"], row["values"]["train_loss"]))
            elif event.type == "note" and "diagnosis" in event.data:
                trace.notes.append(dict(event.data))
            elif event.type == "frame" and event.data["kind"] != "fit":
                break
    except Diverged:
        trace.diverged = context.steps_done
    trace.weights = {k: layers(snapshot) for k, snapshot in sorted(context.snapshots.items())}
    return trace


def layers(snapshot: Mapping[str, Tensor]) -> list[tuple[Tensor, Tensor]]:
    """(weight, bias) of each layer in a snapshot."""
    names = [n.removesuffix(".weight") for n in snapshot if n.endswith(".weight")]
    names.sort(key=lambda name: int(name.rsplit(".", 1)[-1]))
    return [(snapshot[f"{n}.weight"].clone(), snapshot[f"{n}.bias"].clone()) for n in names]


# Configurations -----------------------------------------------------------------------------------

Maker = Callable[[Random], dict[str, Any]]


def any_run(random: Random) -> dict[str, Any]:
    """A small network with a rate that suits it, on random data."""
    optimiser = random.choice(list(RATES))
    return {
        "data": random.choice(["line", "sine", "step", "heteroscedastic"]),
        "samples": random.choice([64, 96, 128, 192, 256]),
        "noise": random.uniform(0.1, 0.5),
        "data_seed": random.randrange(10**6),
        "validation": random.choice([0.3, 0.4, 0.5]),
        "scaling": random.choice(["both", "both", "none"]),
        "model": "mlp",
        "layers": random.choice([1, 2, 3]),
        "units": random.choice([8, 16, 32]),
        "activation": random.choice(["tanh", "relu", "relu", "gelu"]),
        "optimiser": optimiser,
        "learning_rate": log_uniform(random, *RATES[optimiser]),
        "batch_size": random.choice([0, 0, 32]),
        "seed": random.randrange(10**6),
    }


def log_uniform(random: Random, low: float, high: float) -> float:
    return exp(random.uniform(log(low), log(high)))


def lasting(values: dict[str, Any], random: Random, low: int, high: int) -> dict[str, Any]:
    """`values` with epochs that make between `low` and `high` steps, log-uniform."""
    rows = values["samples"] - round(values["validation"] * values["samples"])
    per_epoch = -(-rows // min(values["batch_size"] or rows, rows))
    epochs = max(2, round(log_uniform(random, low, high) / per_epoch))
    return values | {"epochs": epochs}


def healthy(random: Random) -> dict[str, Any]:
    values = any_run(random)
    if random.random() < 0.2:
        values |= {"model": "linear"}
    return lasting(values, random, 800, 2500)


def memorising(random: Random) -> dict[str, Any]:
    """Few noisy points, a wide network, long training."""
    values = any_run(random) | {
        "samples": random.choice([80, 96, 112, 128]),
        "noise": random.uniform(0.7, 1.0),
        "validation": 0.5,
        "layers": random.choice([2, 3]),
        "units": random.choice([64, 96, 128]),
        "optimiser": "adam",
        "learning_rate": log_uniform(random, 0.005, 0.02),
    }
    return lasting(values, random, 1500, 3000)


def slow(random: Random) -> dict[str, Any]:
    """A rate 20 to 500 times smaller than one that suits."""
    values = any_run(random)
    values["learning_rate"] *= log_uniform(random, 0.002, 0.05)
    values["learning_rate"] = max(values["learning_rate"], 1e-6)
    return lasting(values, random, 150, 800)


def short(random: Random) -> dict[str, Any]:
    """A suitable rate and little noise, but far fewer steps than it takes."""
    values = any_run(random) | {"noise": random.uniform(0.01, 0.1), "scaling": "both"}
    return lasting(values, random, 40, 150)


def dying(random: Random) -> dict[str, Any]:
    """ReLU networks that are deep and narrow (Lu et al. 2019), or take huge first steps."""
    values = any_run(random) | {"activation": "relu"}
    if random.random() < 0.5:
        values |= {"layers": random.choice([4, 5, 6]), "units": random.choice([2, 3, 4, 6])}
    else:
        values |= {"optimiser": "adam", "learning_rate": log_uniform(random, 0.1, 1.0)}
    return lasting(values, random, 150, 600)


def fading(random: Random) -> dict[str, Any]:
    """Deep networks of sigmoids."""
    values = any_run(random) | {"activation": "sigmoid", "layers": random.choice([5, 6])}
    return lasting(values, random, 150, 600)


def bursting(random: Random) -> dict[str, Any]:
    """A rate far too large, at which the run does not diverge yet."""
    values = any_run(random)
    values |= {"optimiser": "adam", "learning_rate": log_uniform(random, 0.3, 5.0)}
    return lasting(values, random, 100, 400)


def quadratic(random: Random, low: float, high: float) -> dict[str, Any]:
    """A line fitted by plain gradient descent, at `low` to `high` times the limit of stability.

    The loss is a quadratic; descent is stable up to the rate 2 / its largest curvature.
    """
    values = any_run(random) | {"model": "linear", "optimiser": "sgd", "batch_size": 0}
    values |= {"learning_rate": 1e-6}
    x, _y = Trace(RegressionConfig(**values)).rows
    design = np.column_stack([x.numpy(), np.ones(len(x))]).astype(float)
    curvature = 2 * np.linalg.eigvalsh(design.T @ design / len(x)).max()
    rate = log_uniform(random, low, high) * 2 / float(curvature)
    return lasting(values | {"learning_rate": rate}, random, 100, 400)


# Faults and health --------------------------------------------------------------------------------


class Truth(NamedTuple):
    """A fault: how it is made, and by what a run clearly has it or clearly lacks it."""

    make: Maker
    has: Callable[[Trace], bool]
    lacks: Callable[[Trace], bool]
    how: str


TRUTHS: Mapping[str, Truth] = {
    "overfitting": Truth(
        memorising,
        lambda t: t.rise >= 0.2,
        lambda t: t.rise <= 0.05,
        "Error on 4,000 fresh points at the end at least 20 % above its minimum (healthy: at most "
        "5 %); found only if the epoch named is one where that error was within 10 % of its "
        "minimum, or within a factor of three of there.",
    ),
    "dead": Truth(
        dying,
        lambda t: t.dead >= 0.5,
        lambda t: t.dead <= 0.3,
        "At least half of the hidden ReLU units give 0 for all training rows at the end (healthy: "
        "at most 30 %).",
    ),
    "vanishing": Truth(
        fading,
        lambda t: t.ratio < 1e-3,
        lambda t: t.ratio > 1e-2,
        "First layer's gradient over the last one's, median over the second half of the steps: "
        "below 0.001 (healthy: above 0.01).",
    ),
    "exploding": Truth(
        bursting,
        lambda t: t.growth >= 50,
        lambda t: t.growth <= 10,
        "Largest gradient at least 50 times the first one, without divergence (healthy: at most "
        "10 times).",
    ),
    "rate_too_small": Truth(
        slow,
        lambda t: t.faster <= 0.5,
        lambda t: t.faster >= 0.9,
        "With a rate 30 times larger the same run ends on at most half the loss (healthy: on 0.9 "
        "of it or more).",
    ),
    "not_converged": Truth(
        short,
        lambda t: t.rise <= 0.05 and t.continued >= 0.25 and t.faster >= 0.8,
        lambda t: abs(t.continued) <= 0.02,
        "Training for as long again takes at least 25 % off the loss, and neither a larger rate "
        "nor early stopping is what it needs (healthy: at most 2 %).",
    ),
}
"""Those that need other runs stand last."""

DIVERGED = (
    "A line by gradient descent at 1.3 to 100 times the largest stable rate of its quadratic loss "
    "ends as diverged (healthy: at 0.02 to 0.95 of that rate it does not)."
)


def candidate(name: str, seed: int, number: int) -> Trace:
    """One run made to have the fault `name`, or to be `healthy`; whether it is, its truth tells."""
    make = TRUTHS[name].make if name in TRUTHS else healthy
    return train(RegressionConfig(**make(Random(f"{name} {seed} {number}"))))


def drawn(name: str, count: int, seed: int) -> list[Trace]:
    """`count` runs that ended and have the fault `name`, or none if that is `healthy`."""
    has = TRUTHS[name].has if name in TRUTHS else sound
    candidates = (candidate(name, seed, number) for number in itertools.count())
    good = (trace for trace in candidates if trace.diverged is None and has(trace))
    return list(itertools.islice(good, count))


def sound(trace: Trace) -> bool:
    """Whether a run clearly lacks every fault."""
    return all(truth.lacks(trace) for truth in TRUTHS.values())


def found(trace: Trace, name: str) -> bool:
    """Whether the diagnosis stood at the end, with the right epoch if it names one."""
    last = [note for note in trace.notes if note["diagnosis"] == name][-1:]
    if not last or last[0].get("withdrawn"):
        return False
    return name != "overfitting" or trace.near_best(last[0]["epoch"])


def runs(count: int = RUNS, seed: int = SEED) -> dict[str, list[Trace]]:
    """For each fault `count` runs that have it, and as many `healthy` ones that have none."""
    torch.set_num_threads(1)
    return {name: drawn(name, count, seed) for name in (*TRUTHS, "healthy")}


def diverging(count: int = RUNS, seed: int = SEED) -> tuple[list[Trace], list[Trace]]:
    """`count` runs that must diverge, and as many that cannot."""
    random = Random(f"diverged {seed}")
    both = []
    for low, high in ((1.3, 100.0), (0.02, 0.95)):
        makes = [quadratic(random, low, high) for _ in range(count)]
        both.append([train(RegressionConfig(**values)) for values in makes])
    return both[0], both[1]


def elsewhere(made: Mapping[str, list[Trace]], name: str) -> list[Trace]:
    """Runs with another fault that clearly lack `name`, as far as their own weights tell."""
    if name in ("rate_too_small", "not_converged"):
        return []
    others = [t for other, traces in made.items() if other not in (name, "healthy") for t in traces]
    return [t for t in others if TRUTHS[name].lacks(t)]


def share(said: list[bool]) -> float:
    """Per cent."""
    return 100 * sum(said) / max(1, len(said))


def figures(count: int = RUNS, seed: int = SEED) -> Iterator[Figure]:
    """Per cent found, and per cent of false alarms, of each diagnosis."""
    must, cannot = diverging(count, seed)
    hits = [t.diverged is not None for t in must]
    alarms = [t.diverged is not None for t in cannot]
    yield from pair("diverged", hits, alarms, DIVERGED, {})
    made = runs(count, seed)
    for name, truth in TRUTHS.items():
        hits = [found(t, name) for t in made[name]]
        alarms = [t.said(name) for t in made["healthy"]]
        others = [t.said(name) for t in elsewhere(made, name)]
        beside = {f"elsewhere, of {len(others)}": share(others)} if others else {}
        yield from pair(name, hits, alarms, truth.how, beside)


def pair(
    name: str, hits: list[bool], alarms: list[bool], how: str, beside: dict[str, float]
) -> Iterator[Figure]:
    """The two figures of a diagnosis."""
    title = name.replace("_", " ")
    yield Figure(f"{title}: found", share(hits), "%", "at least", FOUND, len(hits), how)
    alarm = "Healthy runs in which it was said at any time."
    n = len(alarms)
    yield Figure(f"{title}: false alarms", share(alarms), "%", "at most", FALSE, n, alarm, beside)


def measure() -> dict[str, Figure]:
    """Found and false alarms of every diagnosis."""
    return by_name(list(figures()))
