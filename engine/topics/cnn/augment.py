"""Augmentation: pictures changed at random in ways that leave their class as it is.

A whole batch at once, on the device it lies on. All that is random comes from one generator, and
always as many numbers a picture: switching one change on leaves what the others draw as it was.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import functional

from engine.topics.cnn.batches import planes

LUMA = (0.299, 0.587, 0.114)
"""How bright red, green and blue look (ITU-R BT.601)."""


class Augmentation(NamedTuple):
    """How far pictures are changed; nothing by default.

    Attributes
    ----------
    flip
        Probability of the mirror image, left for right.
    crop
        Pixels that mirror the edge are added on every side, then the size is cut out at random.
    rotate
        Degrees at most, to either side.
    shift
        Share of the side at most, each way in both directions.
    shear
        Pixels sideways for each pixel down at most, to either side.
    zoom
        The scale lies within 1 ± this; less than 1.
    colour
        The factors of brightness, contrast and saturation lie within 1 ± this; at most 1.
    grey
        Probability that a colour picture turns grey.
    cutout
        Side of a square, in pixels, that is blotted out (DeVries and Taylor 2017).
    mixup
        Alpha of Beta(alpha, alpha), by which two pictures share one (Zhang et al. 2018); see `mixed`.
    """

    flip: float = 0.0
    crop: int = 0
    rotate: float = 0.0
    shift: float = 0.0
    shear: float = 0.0
    zoom: float = 0.0
    colour: float = 0.0
    grey: float = 0.0
    cutout: int = 0
    mixup: float = 0.0

    @classmethod
    def of(cls, config: Any) -> Augmentation:
        """What the settings of these names say."""
        return cls(**{name: getattr(config, name) for name in cls._fields})

    @property
    def active(self) -> bool:
        """Whether anything is changed, by `augmented` or by `mixed`."""
        return any(self)


class Draws(NamedTuple):
    """Numbers in 0…1 that decide what becomes of each picture; all (N,)."""

    flip: Tensor
    top: Tensor
    left: Tensor
    angle: Tensor
    right: Tensor
    down: Tensor
    shear: Tensor
    zoom: Tensor
    brightness: Tensor
    contrast: Tensor
    saturation: Tensor
    grey: Tensor
    cutout_row: Tensor
    cutout_column: Tensor


def augmented(x: Tensor, how: Augmentation, generator: Generator) -> Tensor:
    """Each picture changed in its own way.

    Parameters
    ----------
    x : Tensor, shape (N, C, H, W)
        In 0…1; stays as it is.
    generator
        Of any device; one on the CPU draws alike for pictures on every device.

    Returns
    -------
    Tensor, shape (N, C, H, W)
        In 0…1, with memory of its own.
    """
    shape = (len(Draws._fields), len(x))
    draws = torch.rand(shape, generator=generator, device=generator.device)
    return applied(x, how, Draws(*draws.to(x.device)))


def applied(x: Tensor, how: Augmentation, draws: Draws) -> Tensor:
    """What `augmented` makes of the pictures when these numbers are drawn."""
    original = x
    if how.rotate or how.shift or how.shear or how.zoom:
        x = _warped(x, how, draws)
    if how.flip or how.crop:
        x = _cropped(x, how, draws)
    if x.shape[1] == 3 and (how.colour or how.grey):
        x = _coloured(x, how, draws)
    if how.cutout:
        x = _blotted(x, how, draws)
    return x.clone() if x is original else x


def mixed(
    x: Tensor, y: Tensor, alpha: float, generator: Generator
) -> tuple[Tensor, Tensor, Tensor, float]:
    """Mixup: each picture blended with another one of the batch (Zhang et al. 2018).

    The loss to go with it is share · loss(y) + (1 − share) · loss(partner's y).

    Parameters
    ----------
    x : Tensor, shape (N, …)
    y : Tensor, shape (N,)
    alpha
        The share is drawn from Beta(alpha, alpha), one for the batch; 0 leaves x and y as they are.

    Returns
    -------
    tuple
        x mixed, y, y of each one's partner, the share of the first.
    """
    if alpha <= 0:
        return x, y, y, 1.0
    device = generator.device
    partner = torch.randperm(len(x), generator=generator, device=device).to(x.device)
    # torch's own beta distribution draws from the generator of the whole process only
    seed = int(torch.randint(2**63 - 1, (), generator=generator, device=device))
    share = float(np.random.default_rng(seed).beta(alpha, alpha))
    return torch.lerp(x[partner], x, share), y, y[partner], share


def _warped(x: Tensor, how: Augmentation, draws: Draws) -> Tensor:
    """Zoomed, sheared, turned anticlockwise and shifted, in one resampling; black comes in."""
    height, width = x.shape[2:]
    angle = _signed(draws.angle) * math.radians(how.rotate)
    shear = _signed(draws.shear) * how.shear
    zoom = 1 + _signed(draws.zoom) * how.zoom
    right, down = (_signed(u) * how.shift * 2 for u in (draws.right, draws.down))  # sides are 2
    # Where each pixel comes from: all undone, in the opposite order, around the middle
    cos, sin = angle.cos() / zoom, angle.sin() / zoom
    xx, xy = cos - shear * sin, -(sin + shear * cos) * (height / width)
    yx, yy = sin * (width / height), cos
    rows = (xx, xy, -(xx * right + xy * down), yx, yy, -(yx * right + yy * down))
    theta = torch.stack(rows, 1).view(-1, 2, 3).to(x.dtype)
    grid = functional.affine_grid(theta, list(x.shape), align_corners=False)
    # Weights that add up to a little more than 1 leave the range by rounding
    return functional.grid_sample(x, grid, align_corners=False).clamp_(0, 1)


def _cropped(x: Tensor, how: Augmentation, draws: Draws) -> Tensor:
    """Mirrored or not, then cut out of the picture with its edges mirrored: one copy of pixels."""
    count, channels, height, width = x.shape
    rows, columns = (
        _reflected(size, (u * (2 * how.crop + 1)).long() - how.crop)
        for size, u in ((height, draws.top), (width, draws.left))
    )
    columns = torch.where((draws.flip < how.flip)[:, None], width - 1 - columns, columns)
    first = torch.arange(count, device=x.device)[:, None, None] * height
    wanted = (first + rows[:, :, None]) * width + columns[:, None, :]
    pixels = x.permute(0, 2, 3, 1).reshape(-1, channels)
    return planes(pixels.index_select(0, wanted.flatten()).view(count, height, width, channels))


def _reflected(size: int, start: Tensor) -> Tensor:
    """Positions start … start + size − 1, thrown back at both ends of 0 … size − 1; (N, size)."""
    period = max(2 * (size - 1), 1)
    there = (start[:, None] + torch.arange(size, device=start.device)) % period
    return torch.minimum(there, period - there) if size > 1 else there


def _coloured(x: Tensor, how: Augmentation, draws: Draws) -> Tensor:
    """Brightness, then contrast around the mean, then saturation; grey is a saturation of 0."""
    brightness, contrast, saturation = (
        (1 + _signed(u) * how.colour)[:, None, None, None]
        for u in (draws.brightness, draws.contrast, draws.saturation)
    )
    saturation = saturation.masked_fill((draws.grey < how.grey)[:, None, None, None], 0)
    weights = torch.tensor(LUMA, dtype=x.dtype, device=x.device)[:, None, None]
    grey = (x * weights).sum(1, keepdim=True)
    middle = (1 - contrast) * brightness * grey.mean((2, 3), keepdim=True)
    shaded = torch.lerp(grey, x, saturation.to(x.dtype))
    return torch.addcmul(middle, shaded, brightness * contrast).clamp_(0, 1)


def _blotted(x: Tensor, how: Augmentation, draws: Draws) -> Tensor:
    """A square around any pixel, in part outside perhaps, set to the mean colour of the batch.

    The paper sets standardised pictures to 0, which is the mean of the data.
    """
    rows, columns = (
        _covered(size, u, how.cutout)
        for size, u in ((x.shape[2], draws.cutout_row), (x.shape[3], draws.cutout_column))
    )
    square = (rows[:, :, None] & columns[:, None, :])[:, None]
    return torch.where(square, x.mean((0, 2, 3), keepdim=True), x)


def _covered(size: int, u: Tensor, side: int) -> Tensor:
    """Which of `size` positions lie within `side` ones around the one drawn; (N, size)."""
    start = (u * size).long()[:, None] - side // 2
    there = torch.arange(size, device=u.device)
    return (there >= start) & (there < start + side)


def _signed(u: Tensor) -> Tensor:
    """From 0…1 to −1…1."""
    return 2 * u - 1
