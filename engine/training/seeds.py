"""Randomness goes through generators of one run, never through a process-wide seed."""

from __future__ import annotations

import torch

from engine.training.streams import stream_seed


def generator(seed: int, stream: str, device: str = "cpu") -> torch.Generator:
    """A torch generator for one purpose of one run.

    Parameters
    ----------
    stream
        One of `engine.training.streams.STREAMS`.
    """
    return torch.Generator(device).manual_seed(stream_seed(seed, stream))
