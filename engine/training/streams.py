"""Seeds of a run's separate sources of randomness (torch-free)."""

from __future__ import annotations

import numpy as np

STREAMS = ("data", "weights", "batches", "noise", "inspect")


def stream_seed(seed: int, stream: str) -> int:
    """The 63-bit seed of one of `STREAMS`; those of one run are independent."""
    state = np.random.SeedSequence([seed, STREAMS.index(stream)]).generate_state(1, np.uint64)
    return int(state[0]) >> 1
