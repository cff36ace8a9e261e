"""What a trained model is looked at with: loss surface, permutation importance, partial dependence.

Importance and dependence take any module (N, F) → (N, Q) in the units of the data; with Q > 1
outputs (quantiles) the middle one is the prediction.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from math import ceil, floor, log10
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import vector_to_parameters

from engine.data.names import written
from engine.topics.regression import losses
from engine.topics.regression.boosting import baseline
from engine.topics.regression.data import TEST, TRAIN, VALIDATION, Dataset
from engine.topics.regression.features import groups, strongest
from engine.topics.regression.models import Regressor
from engine.topics.regression.spec import RegressionConfig
from engine.training.seeds import generator
from engine.words import N_

Path = Sequence[tuple[int, Tensor]]
"""Step and parameters, flat (D,) in the order of `model.parameters()`, from first to last."""

FINE_GRID, GRID, COARSE_GRID = 45, 31, 21
"""Values along each axis of a loss surface: of a line, of a network, of one beyond `LARGE`."""

LARGE = 20_000
SURFACE_ROWS = 512
SURFACE_WORK = 2e9
"""Multiply-adds that a surface may cost; large models get theirs on fewer rows."""

PATH_POINTS = 200
PATH_NUMBERS = 4_000_000
"""Points × parameters of a path: large models have theirs at fewer points."""
MARGIN = 0.25
"""Share of the path's extent by which the surface goes beyond it at each end."""

LIFT = 0.015
"""Share of the surface's height by which the path is drawn above it, or it would sink in."""

NARROWEST = 0.3
"""The extent of a surface's shorter axis, of the longer one's, where both have the same unit."""

REPEATS = 5
IMPORTANCE_ROWS = 2_000
IMPORTANCE_BUDGET = 400_000
"""Predictions that all permutations together may cost."""

IMPORTANCE_SHOWN = 20

DEPENDENCE_GRID = 25
DEPENDENCE_ROWS = 200


class Rows(NamedTuple):
    """`x` (N, F) and `y` (N, 1) of one part of a data set."""

    x: Tensor
    y: Tensor


class Plane(NamedTuple):
    """A plane through parameter space.

    `origin` (D,), `directions` (2, D), the path's `coordinates` on it (P, 2), and `titles` of the
    two axes. `alike`: both axes have the same unit. `landmarks` (M, 2): a line's least squares, to
    be seen if it is not far away.
    """

    origin: Tensor
    directions: Tensor
    coordinates: Tensor
    titles: tuple[str, str]
    alike: bool
    landmarks: Tensor = torch.empty(0, 2)


def inspect(
    model: Regressor, dataset: Dataset, config: RegressionConfig, path: Path
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The frames of a trained model, as (kind, arrays): on a CPU about a tenth of a second.

    Parameters
    ----------
    model
        A single model (`batched.first`); left unchanged.
    path
        Its parameters during the run.
    """
    yield "baselines", baseline(dataset)
    model = copy.deepcopy(model).eval().requires_grad_(False).cpu()
    random = generator(config.seed, "inspect")
    train = rows(dataset, TRAIN)
    surface = loss_surface(model, train, config, path, random)
    if surface is not None:
        yield "surface", surface
    if not dataset.one_variable:
        held_out = rows(dataset, next(p for p in (TEST, VALIDATION, TRAIN) if p in dataset.part))
        yield "importance", importance(model, held_out, dataset.features, random)
        yield "dependence", dependence(model, train, strongest(dataset.x, dataset.y), random)


def rows(dataset: Dataset, part: int) -> Rows:
    """The rows of one part."""
    x, y = dataset.of(part)
    return Rows(torch.from_numpy(x), torch.from_numpy(y)[:, None])


def sample(part: Rows, count: int, random: torch.Generator) -> Rows:
    """At most `count` rows, drawn without replacement."""
    if len(part.x) <= count:
        return part
    chosen = torch.randperm(len(part.x), generator=random)[:count]
    return Rows(part.x[chosen], part.y[chosen])


# Loss surface


@torch.no_grad()
def loss_surface(
    model: Regressor, train: Rows, config: RegressionConfig, path: Path, random: torch.Generator
) -> dict[str, Any] | None:
    """The objective around the optimiser's path; None if no parameters of the path are finite.

    A line's surface is exact: over slope and intercept. That of a larger model is the plane of the
    two principal directions of its path, after Li et al. 2018 (Visualizing the Loss Landscape of
    Neural Nets); the path shown is then its projection.
    """
    model = copy.deepcopy(model)
    steps, points = recorded(path)
    if not len(points):
        return None
    size = points.shape[1]
    if size == 2 and train.x.shape[1] == 1 and config.output == "identity":
        plane = line_plane(model, points, train)
    else:
        plane = principal_plane(model, points, random)
    grid = FINE_GRID if size == 2 else GRID if size <= LARGE else COARSE_GRID
    part = sample(train, int(min(SURFACE_ROWS, max(64, SURFACE_WORK / grid**2 / size))), random)
    a, b = axes(plane, grid)
    places = torch.cat([torch.cartesian_prod(b, a).flip(1), plane.coordinates])
    values = evaluate(model, plane, places, objective(model, part, config))
    z, path_z = values[: grid**2].reshape(grid, grid), values[grid**2 :]
    height = logarithm(z, values)
    lifted = interpolated(height, (a, b), plane.coordinates)
    lifted += LIFT * float(height.max() - height.min())
    marks = ticks(10 ** float(height.min()), 10 ** float(height.max()))
    return {
        "a": digits(a),
        "b": digits(b),
        "a_range": digits(a[[0, -1]]),
        "b_range": digits(b[[0, -1]]),
        "z": [digits(row) for row in z],
        "z_log": [digits(row, 4) for row in height],
        "path_a": digits(plane.coordinates[:, 0]),
        "path_b": digits(plane.coordinates[:, 1]),
        "path_z": digits(path_z),
        "path_height": digits(lifted),
        "path_step": steps,
        "end_a": digits(plane.coordinates[-1:, 0]),
        "end_b": digits(plane.coordinates[-1:, 1]),
        "end_height": digits(lifted[-1:]),
        "best_a": digits(plane.landmarks[:, 0]),
        "best_b": digits(plane.landmarks[:, 1]),
        "a_title": plane.titles[0],
        "b_title": plane.titles[1],
        "tick": [f"{mark:.6g}" for mark in marks],
        "tick_log": [round(log10(mark), 5) for mark in marks],
    }


def recorded(path: Path) -> tuple[list[int], Tensor]:
    """Steps and parameters (P, D) of the path, thinned; what diverged is left out."""
    kept = [(k, vector) for k, vector in path if torch.isfinite(vector).all()]
    if not kept:
        return [], torch.empty(0, 0)
    most = max(20, min(PATH_POINTS, PATH_NUMBERS // len(kept[0][1])))
    if len(kept) > most:
        chosen = torch.linspace(0, len(kept) - 1, most).round().int().tolist()
        kept = [kept[i] for i in chosen]
    return [k for k, _ in kept], torch.stack([vector.double() for _, vector in kept])


def line_plane(model: nn.Module, points: Tensor, train: Rows) -> Plane:
    """All lines: axes are slope and intercept in the units of the data, whatever the scaling.

    Both are affine in the two parameters, so that three probes tell the change of coordinates.
    """
    probe = copy.deepcopy(model).double()
    ends = torch.tensor([[0.0], [1.0]], dtype=torch.float64)

    def line(parameters: Tensor) -> Tensor:
        vector_to_parameters(parameters, probe.parameters())
        at_0, at_1 = probe(ends).squeeze(1)
        return torch.stack([at_1 - at_0, at_0])

    unit = torch.eye(2, dtype=torch.float64)
    offset = line(torch.zeros(2, dtype=torch.float64))
    matrix = torch.stack([line(u) - offset for u in unit])  # (parameter, slope or intercept)
    back = torch.linalg.inv(matrix)
    coordinates = points @ matrix + offset
    titles = N_("slope"), N_("intercept")
    best = torch.linalg.lstsq(
        torch.cat([train.x, torch.ones_like(train.x)], 1).double(), train.y.double()
    ).solution.T
    return Plane(-offset @ back, back, coordinates, titles, alike=False, landmarks=best)


def principal_plane(model: nn.Module, points: Tensor, random: torch.Generator) -> Plane:
    """The plane through the last point in which the path moves most.

    What a path lacks (a run of one step goes straight) random directions supply, scaled like the
    weights, filter by filter (Li et al. 2018), and orthogonal to the path.
    """
    moves = points - points[-1]
    # P is small and D may be large: the (P, P) products have the same singular vectors
    values, vectors = torch.linalg.eigh(moves @ moves.T)
    values, vectors = values.flip(0), vectors.flip(1)
    found = int((values[:2] > 1e-9 * values[0].clamp_min(1e-30)).sum())
    directions = [vectors[:, i] @ moves / values[i].sqrt() for i in range(found)]
    # from left to right, from bottom to top: the sign of a singular vector is arbitrary
    directions = [d if moves[0] @ d <= 0 else -d for d in directions]
    share = 100 * values / values.sum().clamp_min(1e-30)
    titles = [f"{N_('principal direction')} {i + 1} ({share[i]:.0f} %)" for i in range(found)]
    while len(directions) < 2:
        direction = filter_normalised(model, points[-1], random)
        for other in directions:
            direction = direction - (direction @ other) / (other @ other) * other
        directions.append(direction)
        titles.append(N_("random direction"))
    both = torch.stack(directions)
    coordinates = moves @ both.T / both.square().sum(1)
    return Plane(points[-1], both, coordinates, (titles[0], titles[1]), alike=found == 2)


def filter_normalised(model: nn.Module, parameters: Tensor, random: torch.Generator) -> Tensor:
    """A random direction (D,) in which every neuron's weights change by their own length."""
    pieces = []
    for weight, like in zip(
        parameters.split([p.numel() for p in model.parameters()]), model.parameters(), strict=True
    ):
        noise = torch.randn(weight.shape, generator=random, dtype=weight.dtype)
        width = like.shape[-1] if like.dim() > 1 else 1
        lengths = noise.reshape(-1, width).norm(dim=1, keepdim=True).clamp_min(1e-12)
        own = weight.reshape(-1, width).norm(dim=1, keepdim=True)
        pieces.append((noise.reshape(-1, width) / lengths * own).flatten())
    direction = torch.cat(pieces)
    return direction if direction.any() else torch.randn(len(direction), generator=random).double()


def axes(plane: Plane, count: int) -> tuple[Tensor, Tensor]:
    """The `count` values along both axes: the path, with room around it."""
    low, high = plane.coordinates.min(0).values, plane.coordinates.max(0).values
    for place in plane.landmarks:
        if ((low - place).clamp_min(0) + (place - high).clamp_min(0) <= high - low).all():
            low, high = torch.minimum(low, place), torch.maximum(high, place)
    extent = high - low
    if plane.alike:
        extent = extent.clamp_min(NARROWEST * float(extent.max()))
    else:  # a path that does not move along an axis still has a neighbourhood
        size = plane.coordinates.abs().max(0).values
        extent = torch.where(extent > 1e-9 * size, extent, size.clamp_min(1.0))
    middle, half = (low + high) / 2, extent * (0.5 + MARGIN)
    unit = torch.linspace(-1, 1, count, dtype=torch.float64)
    return middle[0] + half[0] * unit, middle[1] + half[1] * unit


def objective(model: Regressor, part: Rows, config: RegressionConfig) -> Callable[[], Tensor]:
    """What was minimised, penalties included, as a function of what `model` holds now."""
    x, y = model.prepare(part.x), model.prepare_target(part.y)
    weights = [p for name, p in model.named_parameters() if name.endswith("weight")]
    loss, penalty = losses.make(config), losses.penalty(config, weights)

    def value() -> Tensor:
        outputs = model.net(x)
        found = loss(outputs, y.expand_as(outputs[..., :1]))
        return found if penalty is None else found + penalty().sum()

    return value


def evaluate(model: nn.Module, plane: Plane, places: Tensor, value: Callable[[], Tensor]) -> Tensor:
    """The objective (V,) at each of the places (V, 2) of the plane."""
    parameters = list(model.parameters())
    kind = parameters[0].dtype
    origin, (right, up) = plane.origin.to(kind), plane.directions.to(kind)
    values = []
    for a, b in places.tolist():
        point = (origin + a * right + b * up).split([p.numel() for p in parameters])
        for parameter, piece in zip(parameters, point, strict=True):
            parameter.copy_(piece.view_as(parameter))
        values.append(value())
    found = torch.stack(values).double()
    finite = found[found.isfinite()]
    ceiling = float(finite.max()) if len(finite) else 1.0
    return found.nan_to_num(ceiling, ceiling, ceiling)


def logarithm(values: Tensor, among: Tensor) -> Tensor:
    """Common logarithm, of losses down to a ten-millionth of the largest one `among` all."""
    return values.clamp_min(max(1e-7 * float(among.max()), 1e-30)).log10()


def ticks(low: float, high: float) -> list[float]:
    """Round losses between two, about five of them, for a logarithmic axis."""
    decades = log10(high / low)
    if decades < 1:
        step = 10.0 ** floor(log10(high - low)) if high > low else high
        fine = next(s for s in (0.2, 0.25, 0.5, 1, 2) if (high - low) / (s * step) <= 7) * step
        return [n * fine for n in range(ceil(low / fine), floor(high / fine) + 1)]
    mantissas = (1, 2, 5) if decades < 2.5 else (1,)
    powers = range(floor(log10(low)), ceil(log10(high)) + 1, max(1, round(decades / 6)))
    return [m * 10.0**e for e in powers for m in mantissas if low <= m * 10.0**e <= high]


def interpolated(height: Tensor, at: tuple[Tensor, Tensor], places: Tensor) -> Tensor:
    """The surface's height (P,) at places (P, 2), between its grid points: what is drawn there."""
    (i, u), (j, v) = (_cell(axis, places[:, k]) for k, axis in enumerate(at))
    lower = height[j, i] * (1 - u) + height[j, i + 1] * u
    upper = height[j + 1, i] * (1 - u) + height[j + 1, i + 1] * u
    return lower * (1 - v) + upper * v


def _cell(axis: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Index of the interval of an evenly spaced axis, and how far into it, from 0 to 1."""
    position = (values - axis[0]) / (axis[1] - axis[0])
    index = position.long().clamp(0, len(axis) - 2)
    return index, position - index


# Permutation importance and partial dependence


@torch.no_grad()
def importance(
    model: nn.Module, part: Rows, features: Sequence[str], random: torch.Generator
) -> dict[str, Any]:
    """By how much the mean squared error grows when one variable's values are shuffled.

    Permutation importance (Breiman 2001, Random Forests), mean and standard deviation over
    `REPEATS` permutations; the columns of a one-hot variable are shuffled together. At most
    `IMPORTANCE_SHOWN` variables, the most important one last (a bar chart's top).
    """
    variables = groups(features)
    most = max(50, min(IMPORTANCE_ROWS, IMPORTANCE_BUDGET // (REPEATS * len(variables))))
    x, y = sample(part, most, random)
    base = (predicted(model, x) - y).square().mean()
    results = []
    for name, columns in variables.items():
        shuffled = x.repeat(REPEATS, 1, 1)
        for i in range(REPEATS):
            order = torch.randperm(len(x), generator=random)
            shuffled[i][:, columns] = x[order][:, columns]
        error = (predicted(model, shuffled.flatten(0, 1)).reshape(REPEATS, -1, 1) - y).square()
        growth = error.mean((1, 2)) - base
        results.append((float(growth.mean()), float(growth.std(correction=0)), name))
    results = sorted(results)[-IMPORTANCE_SHOWN:]
    return {
        "features": [written(name) for _, _, name in results],
        "increase": digits([growth for growth, _, _ in results]),
        "sd": digits([sd for _, sd, _ in results]),
    }


@torch.no_grad()
def dependence(
    model: nn.Module, part: Rows, columns: Sequence[int], random: torch.Generator
) -> dict[str, Any]:
    """The mean prediction if one variable had the same value everywhere, value by value.

    Partial dependence (Friedman 2001, Greedy Function Approximation), over the middle 90 % of each
    column's range; a column of few values is taken at those. `x0`, `y0` are those of the first of
    `columns`, and so on.
    """
    x = sample(part, DEPENDENCE_ROWS, random).x
    arrays: dict[str, Any] = {}
    for i, column in enumerate(columns):
        values = places(part.x[:, column])
        changed = x.repeat(len(values), 1, 1)
        changed[:, :, column] = values[:, None]
        means = predicted(model, changed.flatten(0, 1)).reshape(len(values), -1).mean(1)
        arrays |= {f"x{i}": digits(values), f"y{i}": digits(means)}
    return arrays


def places(column: Tensor) -> Tensor:
    """Values (G,) at which to ask: all if they are few, else evenly spaced in the middle 90 %."""
    values = column.unique()
    if len(values) <= 10:
        return values
    low, high = column.quantile(torch.tensor([0.05, 0.95])).tolist()
    return torch.linspace(low, high, DEPENDENCE_GRID) if high > low else values[[0, -1]]


def predicted(model: nn.Module, x: Tensor) -> Tensor:
    """The prediction (N, 1): the only output, or the median of several quantiles."""
    outputs: Tensor = model(x)
    middle = outputs.shape[1] // 2
    return outputs[:, middle : middle + 1]


def digits(values: Tensor | Sequence[float], count: int = 5) -> list[float]:
    """So many significant digits of each: enough to draw, and short to send."""
    numbers = values.tolist() if isinstance(values, Tensor) else values
    return [float(f"{value:.{count}g}") for value in numbers]
