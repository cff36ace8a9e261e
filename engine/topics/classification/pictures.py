"""Frames of a run: the networks' own numbers, from which the browser draws, and curves of scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from engine.events import encode_array
from engine.topics.classification import data, scores
from engine.topics.classification.architecture import Architecture, most_drawn
from engine.topics.classification.learner import Learner, Placed
from engine.topics.classification.material import Material
from engine.topics.classification.measuring import evaluated
from engine.topics.classification.spec import PLANE
from engine.topics.classification.stacked import Stacked
from engine.topics.classification.variants import values

SENT_NETWORKS = 16
"""Networks of several seeds whose parameters are sent."""
LATER = 50_000
"""Numbers of all networks up to which a frame is only noted, and drawn when it is asked for."""
PROJECTED = 600
FAR = 5.0
"""Standard deviations at which a value is cut for the projection: one rare pixel would be its axis."""
CURVE = 101
CURVES = 10
"""Classes that have ROC curves of their own."""

Arrays = dict[str, Any]


class Copied(NamedTuple):
    """The networks of one group as they were at one step."""

    shape: Architecture
    theta: Tensor
    statistics: Tensor
    broken: Tensor

    def nets(self) -> Stacked:
        """Ready to be asked."""
        nets = Stacked(self.shape, self.theta)
        nets.statistics.copy_(self.statistics)
        return nets


class Pictures:
    """Draws the frames of a run, and what is the same in all of them."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self.material = learner.materials[0]
        self.swept = learner.config.sweep != "none"
        self.plane = learner.config.data in PLANE
        dataset = self.material.dataset
        self.shown = data.shown(dataset)
        self._x_shown = self.material.inputs(dataset.x[self.shown]).T
        self._grid = torch.linspace(0, 1, CURVE, dtype=torch.float64)
        count = len(self.shown)
        chosen = np.random.default_rng(0).permutation(count)[:PROJECTED]
        self.projected = np.sort(chosen)
        self._flat: Tensor | None = None
        self.parameters = learner.shape_of(learner.placed[0].member).parameters
        self.most = most_drawn(self.plane)

    # The same in every frame -----------------------------------------------------------------

    def arrays(self) -> Arrays:
        """What the run tells when it begins."""
        if self.swept:
            return self._sweep_arrays()
        dataset = self.material.dataset
        told: Arrays = {
            "architecture": self._described(self.learner.placed[0]),
            "features": list(dataset.features),
            "label": encode_array(dataset.y[self.shown].astype(np.uint8)),
            "part": encode_array(dataset.part[self.shown].astype(np.uint8)),
            "measured_on": self.material.measured_on,
        }
        if not self.plane:
            near = self._x_shown[:, self.projected].T
            if self.learner.config.scaling == "standard":
                near = near.clamp(-FAR, FAR)
            if dataset.image is None:
                told |= {"lowest": dataset.x.min(0).tolist(), "highest": dataset.x.max(0).tolist()}
            self._flat = projection(near)
            told |= {
                "input_x": digits(self._flat[:, 0]),
                "input_y": digits(self._flat[:, 1]),
                "projected": self.projected.tolist(),
                "projected_label": dataset.y[self.shown][self.projected].tolist(),
            }
        return told

    def _described(self, placed: Placed) -> Arrays:
        shape = self.learner.shape_of(placed.member)
        material = self.learner.material_of(placed.member)
        few = shape.sizes[0] <= self.most
        return {
            "inputs": list(self._input_names()) if few else [],
            "shift": material.scale.shift.tolist() if few else [],
            "spread": material.scale.spread.tolist() if few else [],
            "layers": shape.described(),
            "outputs": shape.sizes[-1],
            "classes": list(material.dataset.classes),
            "parameters": shape.parameters,
            "extent": list(data.extent(material.dataset)) if self.plane else None,
        }

    def _input_names(self) -> tuple[str, ...]:
        if self.plane:
            return data.inputs(self.learner.config)
        return self.material.dataset.features

    def _sweep_arrays(self) -> Arrays:
        seeds = self.learner.config.seeds
        described = [self._described(placed) for placed in self.learner.placed[::seeds]]
        distinct: list[Arrays] = []
        for one in described:
            if one not in distinct:
                distinct.append(one)
        return {
            "sweep_name": self.learner.config.sweep,
            "sweep_value": values(self.learner.config),
            "architectures": distinct,
            "variant_architecture": [distinct.index(one) for one in described],
        }

    # Frames ----------------------------------------------------------------------------------

    def draw(self) -> tuple[str, Callable[[], Arrays] | Arrays]:
        """The kind of frame, and its arrays; those of small networks are made when asked for."""
        groups = self.learner.groups[:-1] if self.learner.folds else self.learner.groups
        copies = [
            Copied(
                g.nets.architecture,
                g.nets.theta.clone(),
                g.nets.statistics.clone(),
                g.broken.clone(),
            )
            for g in groups
        ]
        kind, make = ("sweep", self._sweep) if self.swept else ("net", self._net)
        small = sum(copy.theta.numel() for copy in copies) <= LATER
        return kind, (lambda: make(copies)) if small else make(copies)

    @torch.no_grad()
    def _net(self, copies: list[Copied]) -> Arrays:
        nets = copies[0].nets()
        shown = scores.probabilities(evaluated(nets, self._x_shown)).mean(0).cpu()
        confidence, winner = shown.max(0)
        frame: Arrays = {
            "predicted": encode_array(winner.numpy().astype(np.uint8)),
            "confidence": encode_array((255 * confidence).round().numpy().astype(np.uint8)),
        }
        if self.parameters <= self.most:
            numbers = torch.cat([copies[0].theta, copies[0].statistics], 1)[:SENT_NETWORKS]
            frame["theta"] = encode_array(numbers.cpu().numpy())
        frame |= self._scores(nets)
        if not self.plane:
            frame |= self._hidden(nets)
        return frame

    def _scores(self, nets: Stacked) -> Arrays:
        """Confusion, ROC, precision–recall and calibration on the part measured."""
        name, material = self.material.measured_on, self.material
        p = scores.probabilities(evaluated(nets, material.x[name].T)).mean(0).cpu()
        y = material.y[name].long().cpu()
        frame: Arrays = {"confusion": scores.confusion(p.argmax(0), y, len(p)).tolist()}
        curve = digits(self._grid)
        frame |= {"roc_x": curve, "pr_x": curve}
        for k in range(len(p))[:CURVES] if len(p) > 2 else (1,):
            positive = y == k
            frame[f"roc_{k}"] = digits(scores.roc(p[k], positive, self._grid), 3)
            frame[f"pr_{k}"] = digits(scores.precision_recall(p[k], positive, self._grid), 3)
            area = float(scores.auc(torch.stack([1 - p[k], p[k]])[None], positive.long()[None]))
            frame[f"auc_{k}"] = round(area, 4) if area == area else None
        told, right, count = (t[0] for t in scores.calibration(p[None], y[None]))
        empty = count == 0
        frame["calibration_x"] = [
            None if e else v for v, e in zip(digits(told), empty, strict=True)
        ]
        frame["calibration_y"] = [
            None if e else v for v, e in zip(digits(right), empty, strict=True)
        ]
        frame["calibration_n"] = [int(n) for n in count]
        return frame

    def _hidden(self, nets: Stacked) -> Arrays:
        """The last hidden layer of the first network in two dimensions, turned like the inputs."""
        assert self._flat is not None
        values = nets.last_hidden(self._x_shown[:, self.projected])[0].T
        turned = aligned(projection(values), self._flat)
        return {"hidden_x": digits(turned[:, 0], 2), "hidden_y": digits(turned[:, 1], 2)}

    @torch.no_grad()
    def _sweep(self, copies: list[Copied]) -> Arrays:
        learner, seeds = self.learner, self.learner.config.seeds
        longest = max(copy.theta.shape[1] + copy.statistics.shape[1] for copy in copies)
        numbers = torch.zeros(len(learner.placed), longest)
        for i, placed in enumerate(learner.placed):
            row = torch.cat(
                learner.cut(placed, copies[placed.group].theta, copies[placed.group].statistics)
            )
            numbers[i, : len(row)] = row.cpu()
        broken = [bool(copies[p.group].broken[p.place]) for p in learner.placed]
        frame: Arrays = {}
        if numbers.numel() <= self.most * SENT_NETWORKS:
            frame["theta"] = encode_array(numbers.numpy())
        for name, part in (("train", "train"), ("val", learner_part(self.material))):
            found = np.array(self._accuracies(copies, part))
            found[broken] = np.nan
            found = found.reshape(-1, seeds)
            mean, sd = found.mean(1), found.std(1, ddof=1) if seeds > 1 else 0.0
            for suffix, line in (("", mean), ("_low", mean - sd), ("_high", mean + sd)):
                numbers = np.round(line, 4).tolist()
                frame[f"sweep_{name}{suffix}"] = [v if v == v else None for v in numbers]
        return frame

    def _accuracies(self, copies: list[Copied], part: str) -> list[float]:
        """Accuracy of every network on one part."""
        found = []
        for copy, rows in zip(copies, self.learner.evaluation, strict=True):
            x, y = rows[part]
            winner = scores.decided(evaluated(copy.nets(), x))
            found.append(scores.accuracy(winner, y.long()).cpu().tolist())
        return [found[p.group][p.place] for p in self.learner.placed]


def learner_part(material: Material) -> str:
    """The part a sweep is judged by: what is held out, or the training rows."""
    return next(name for name in ("val", "test", "train") if name in material.rows)


def digits(values: Tensor, decimals: int = 4) -> list[float]:
    """Rounded to what a picture needs."""
    rounded: list[float] = values.double().round(decimals=decimals).tolist()
    return rounded


def projection(x: Tensor) -> Tensor:
    """Rows (N, U) on their two main axes (principal components), of mean square 1: (N, 2)."""
    centred = (x - x.mean(0)).double().cpu()
    _values, axes = torch.linalg.eigh(centred.T @ centred)
    flat = centred @ axes[:, -2:].flip(1)
    if flat.shape[1] < 2:
        flat = torch.cat([flat, torch.zeros(len(flat), 1, dtype=flat.dtype)], 1)
    size = flat.square().mean().sqrt()
    return flat / size if size > 1e-9 else flat


def aligned(flat: Tensor, like: Tensor) -> Tensor:
    """Turned and mirrored so that it lies as `like` does (orthogonal Procrustes; Schönemann 1966)."""
    u, _s, v = torch.linalg.svd(flat.T @ like)
    return flat @ (u @ v)
