"""Randomness goes through generators of one run, never through a process-wide seed."""

from __future__ import annotations

import numpy as np
import torch

STREAMS = ("data", "weights", "batches", "noise")


def generator(seed: int, stream: str, device: str = "cpu") -> torch.Generator:
    """A torch generator for one purpose of one run; streams of a seed are independent.

    Parameters
    ----------
    stream
        One of `STREAMS`.
    """
    state = np.random.SeedSequence([seed, STREAMS.index(stream)]).generate_state(1, np.uint64)
    return torch.Generator(device).manual_seed(int(state[0]) >> 1)
