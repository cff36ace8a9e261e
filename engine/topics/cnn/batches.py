"""Batches of pictures from bytes that may lie in a file.

Which rows come next says `engine.training.batches.Batches(rows, labels[rows], size, [seed])`: it
goes through numbers of rows as well as through rows, and brings each one's label along.
"""

from __future__ import annotations

from torch import Tensor


def taken(pixels: Tensor, indices: Tensor) -> Tensor:
    """Pictures of these numbers, as a network takes them.

    Parameters
    ----------
    pixels : Tensor of uint8, shape (N, H, W, C)
        All pictures; of a mapped file only the rows asked for are read.
    indices : Tensor of int64, shape (B,)
        On the device of `pixels`.

    Returns
    -------
    Tensor of float32, shape (B, C, H, W)
        In 0…1; colour pictures in the `channels_last` memory format.
    """
    return planes(pixels.index_select(0, indices)) / 255  # pixels[indices] takes four times as long


def planes(pictures: Tensor) -> Tensor:
    """A view (N, C, H, W) of pictures (N, H, W, C).

    Colours stay side by side in memory. Pictures of one channel fit both memory formats; their
    strides are made to say the plain one, or convolutions would choose the other on their own.
    """
    count, height, width, channels = pictures.shape
    if channels == 1:
        return pictures.view(count, 1, height, width)
    return pictures.permute(0, 3, 1, 2)
