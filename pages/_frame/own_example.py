"""Small generated tables and pictures, for visitors who have none at hand."""

from __future__ import annotations

import csv
import io

import numpy as np

from engine.data.albums import Picture
from engine.words import _

EXAMPLE_ROWS = 120
EXAMPLE_SHAPES = 240
SIDE = 32


def rents() -> bytes:
    """A small generated CSV: rents by size, rooms and district, with a few gaps."""
    random = np.random.default_rng(7)
    districts = [_("centre"), _("north"), _("river")]
    size = random.uniform(25, 130, EXAMPLE_ROWS)
    rooms = np.clip(np.round(size / 27 + random.normal(0, 0.5, EXAMPLE_ROWS)), 1, 6)
    district = random.integers(0, 3, EXAMPLE_ROWS)
    level = np.array([13.5, 8.5, 11.0])[district]
    rent = 120 + level * size + 40 * rooms + random.normal(0, 60, EXAMPLE_ROWS)
    gaps = random.random((2, EXAMPLE_ROWS)) < 0.05
    rows = [
        [
            "" if gaps[0, n] else f"{size[n]:.1f}",
            f"{rooms[n]:.0f}",
            "" if gaps[1, n] else districts[district[n]],
            f"{rent[n]:.0f}",
        ]
        for n in range(EXAMPLE_ROWS)
    ]
    return _csv([[_("size"), _("rooms"), _("district"), _("rent")], *rows])


def fruit() -> bytes:
    """A small generated CSV: three kinds of fruit by weight, length and colour; they overlap."""
    random = np.random.default_rng(7)
    kinds = [_("apple"), _("lemon"), _("plum")]
    colours = [_("red"), _("yellow"), _("blue")]
    kind = random.integers(0, 3, EXAMPLE_ROWS)
    weight = np.array([160, 110, 60])[kind] + random.normal(0, 18, EXAMPLE_ROWS)
    length = np.array([7.5, 8.0, 5.0])[kind] + random.normal(0, 0.7, EXAMPLE_ROWS)
    odd = random.random(EXAMPLE_ROWS) < 0.2
    colour = np.where(odd, random.integers(0, 3, EXAMPLE_ROWS), kind)
    gaps = random.random(EXAMPLE_ROWS) < 0.05
    rows = [
        [
            "" if gaps[n] else f"{weight[n]:.0f}",
            f"{length[n]:.1f}",
            colours[colour[n]],
            kinds[kind[n]],
        ]
        for n in range(EXAMPLE_ROWS)
    ]
    return _csv([[_("weight"), _("length"), _("colour"), _("fruit")], *rows])


def _csv(rows: list[list[str]]) -> bytes:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue().encode()


def shapes() -> tuple[Picture, ...]:
    """Discs, squares and triangles of any bright colour, size and place, on any dark ground."""
    random = np.random.default_rng(7)
    kinds = {_("disc"): _disc, _("square"): _square, _("triangle"): _triangle}
    down, right = np.mgrid[:SIDE, :SIDE] + 0.5
    found = []
    for number in range(EXAMPLE_SHAPES):
        name = list(kinds)[number % len(kinds)]
        radius = random.uniform(7, 11)
        top, left = random.uniform(radius, SIDE - radius, 2)
        inside = kinds[name]((down - top) / radius, (right - left) / radius)
        ground, colour = random.integers(0, 90, 3), random.integers(150, 256, 3)
        pixels = np.where(inside[..., None], colour, ground) + random.normal(0, 6, (SIDE, SIDE, 3))
        found.append(Picture(name, f"{name} {number}", np.clip(pixels, 0, 255).astype(np.uint8)))
    return tuple(found)


def _disc(down: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.hypot(down, right) < 1


def _square(down: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.maximum(abs(down), abs(right)) < 0.85


def _triangle(down: np.ndarray, right: np.ndarray) -> np.ndarray:
    return (down < 0.9) & (down > 2 * abs(right) - 1)
