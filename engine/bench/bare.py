"""The reference of the executor benchmark: the same optimisation steps and nothing else.

`python -m engine.bench.bare` preloads torch like the fork host, with the same one thread, and
forks a process for every line `{"network", "epochs", "seed"}` that it reads; that process trains
and prints `{"seconds", "train_mse"}`. So both sides of the comparison run in fresh forks of a
warm process, and neither's start is in the time.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from time import perf_counter

import torch
from torch.nn.functional import mse_loss

from engine.bench.topics.benchmark.parts import make


def train(network: str, epochs: int, seed: int) -> tuple[float, float]:
    """Seconds of the loop, and the final mean squared error over all training rows."""
    x, y, _val_x, _val_y, batch_size, model, optimiser, random = make(network, seed)
    begun = perf_counter()
    for _epoch in range(epochs):
        order = torch.randperm(len(x), generator=random)
        for batch_x, batch_y in zip(
            x[order].split(batch_size), y[order].split(batch_size), strict=True
        ):
            optimiser.zero_grad()
            mse_loss(model(batch_x), batch_y).backward()
            optimiser.step()
    seconds = perf_counter() - begun
    with torch.no_grad():
        return seconds, (model(x) - y).square().mean().item()


def main() -> None:
    import torch._dynamo  # the first optimiser would import it, in every fork

    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)
            continue
        seconds, train_mse = train(**json.loads(line))
        print(json.dumps({"seconds": seconds, "train_mse": train_mse}), flush=True)
        os._exit(0)


if __name__ == "__main__":
    main()
