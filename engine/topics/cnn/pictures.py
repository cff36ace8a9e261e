"""Frames of a run: filters, feature maps of one picture, confusion, worst mistakes, sizes inside."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.events import encode_array, encode_image
from engine.topics.cnn.batches import taken
from engine.topics.cnn.learner import Evaluated, Learner
from engine.topics.cnn.measuring import Gauge
from engine.topics.cnn.parts import nearest_mean

MOST_MAPS = 16
"""Feature maps of a layer that are sent."""
LARGEST_MAP = 32
"""Pixels of a side; larger maps are made smaller."""
MISTAKES = 12
MISTAKE_SIDE = 32
WIDEST = 8
"""Tiles in a row of a mosaic."""
QUALITY = 50
"""Of WebP: sheets of tiny pictures look as they do at 80, and take a third less."""
EXACT = 1_024
"""Pixels of a sheet up to which nothing is lost: filters, and the picture that is shown."""

Arrays = dict[str, Any]


class Pictures:
    """Draws the frames of a run, and what is the same in all of them."""

    def __init__(self, learner: Learner, gauge: Gauge) -> None:
        self.learner, self.gauge = learner, gauge

    def arrays(self) -> Arrays:
        """What the run tells when it begins."""
        learner = self.learner
        channels, height, width = learner.shape
        classes = list(learner.album.classes)
        return {
            "architecture": {"classes": classes},
            "classes": classes,
            "image": [height, width, channels],
            "blocks": learner.text,
            "measured_on": self.gauge.measured_on,
            "nearest_mean": nearest_mean(learner.album, learner.rows),
            "weighted": [name for name, _weight in learner.net.weighted()],
        }

    @torch.no_grad()
    def draw(self, whole: bool = False) -> tuple[str, Arrays]:
        """The kind of frame, and its arrays; of the `whole` part that is measured at the end."""
        learner, gauge = self.learner, self.gauge
        found = gauge.found(gauge.measured_on, whole)
        confidence, winner = found.logits.softmax(1).max(1)
        classes = len(learner.album.classes)
        pairs = found.labels * classes + winner
        confusion = torch.bincount(pairs, minlength=classes**2).reshape(classes, classes)
        right = confusion.diagonal() / confusion.sum(1).clamp(min=1)
        activation, gradient = gauge.norms()
        frame: Arrays = {
            "confusion": confusion.tolist(),
            "predicted": encode_array(winner.byte().cpu().numpy()),
            "confidence": encode_array((255 * confidence).round().byte().cpu().numpy()),
            "class_accuracy": rounded(right, 4),
            "activation_norm": [float(f"{v:.3g}") for v in activation],
            "gradient_norm": [float(f"{v:.3g}") for v in gradient],
            "mistakes": self._mistakes(found, whole),
        }
        return "inside", frame | self._looked_at()

    def _looked_at(self) -> Arrays:
        """The picture that the visitor has chosen, on its way through the net."""
        learner = self.learner
        numbers = learner.rows[self.gauge.measured_on]
        number = int(numbers[learner.config.shown % len(numbers)])
        x = taken(learner.pixels, torch.tensor([number], device=learner.device))
        learner.net.eval()
        stages = learner.net.activations(x)
        learner.net.train()
        filters = learner.net.first_filters()
        frame: Arrays = {
            "number": number,
            "label": int(learner.labels[number]),
            "input": tiles(learner.album.pixels[number : number + 1]),
            "probabilities": rounded(stages[-1][1].softmax(1)[0], 4),
            "maps": [maps(name, values[0]) for name, values in stages if values.dim() == 4],
        }
        return frame | ({} if filters is None else {"filters": filter_tiles(filters)})

    def _mistakes(self, found: Evaluated, whole: bool) -> Arrays:
        """The pictures that the net is surest of and wrong about, the worst first."""
        learner, gauge = self.learner, self.gauge
        confidence, winner = found.logits.softmax(1).max(1)
        wrong = torch.where(winner != found.labels, confidence, -1.0)
        value, place = wrong.topk(min(MISTAKES, len(wrong)))
        place = place[value >= 0].cpu()
        numbers = gauge.numbers(gauge.measured_on, whole)[place.numpy()]
        if not len(numbers):
            return {"index": [], "actual": [], "predicted": [], "confidence": []}
        return {
            **tiles(learner.album.pixels[numbers]),
            "index": numbers.tolist(),
            "actual": found.labels[place].tolist(),
            "predicted": winner[place].tolist(),
            "confidence": rounded(value[value >= 0], 3),
        }


def maps(name: str, values: Tensor) -> Arrays:
    """The feature maps (C, H, W) of one stage as a mosaic; black is the lowest value of them all."""
    shape = list(values.shape)
    values = values[:MOST_MAPS].detach().float().cpu()
    if max(values.shape[1:]) > LARGEST_MAP:
        values = torch.nn.functional.adaptive_avg_pool2d(values, LARGEST_MAP)
    low, high = float(values.min()), float(values.max())
    grey = (values - low) * (255 / max(high - low, 1e-12))
    told = {"name": name, "shape": shape, "low": significant(low), "high": significant(high)}
    return told | tiles(grey.round().byte().numpy()[..., None])


def filter_tiles(filters: Tensor) -> Arrays:
    """Filters (F, C, k, k): of three channels in colour, else the first channel; mid grey is 0."""
    filters = filters[:MOST_MAPS].detach().float().cpu()
    filters = filters if filters.shape[1] == 3 else filters[:, :1]
    largest = float(filters.abs().max())
    levels = (128 + 127 * filters / max(largest, 1e-12)).round().byte()
    ends = {"low": significant(-largest), "high": significant(largest), "side": filters.shape[3]}
    return ends | tiles(levels.permute(0, 2, 3, 1).numpy())


def tiles(pictures: np.ndarray) -> Arrays:
    """Pictures (n, H, W, C) side by side in rows of at most `WIDEST`, without gaps."""
    count, height, width, channels = pictures.shape
    columns = min(WIDEST, count)
    rows = -(-count // columns)
    sheet = np.zeros((rows * columns, height, width, channels), np.uint8)
    sheet[:count] = pictures
    sheet = sheet.reshape(rows, columns, height, width, channels).transpose(0, 2, 1, 3, 4)
    sheet = sheet.reshape(rows * height, columns * width, channels)
    plane = sheet[..., 0] if channels == 1 else sheet
    encoded = encode_image(plane, QUALITY, lossless=plane.shape[0] * plane.shape[1] <= EXACT)
    return {**encoded, "columns": columns, "count": count, "height": height, "width": width}


def rounded(values: Tensor, decimals: int) -> list[float]:
    """Numbers with no more digits than a picture needs."""
    found: list[float] = values.double().cpu().round(decimals=decimals).tolist()
    return found


def significant(value: float) -> float:
    """Three digits."""
    return float(f"{value:.3g}")
