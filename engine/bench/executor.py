"""A run through the local executor, with its events, against the same steps in a bare loop.

`python -m engine bench executor`. Each side trains in a fresh fork of a process that has torch
preloaded, on one thread: ours through JobManager, fork host and event stream, with metrics over
both whole splits up to 20 times a second and a curve up to 15 times; the other in `bare.py`, which
does nothing but the optimisation steps. The sides alternate, and each of our runs is compared with
the mean of the bare ones right before and after it, all within half a minute. Ours is timed by the
worker from `started` to `done`, so it holds the first and the last measurement too; the start of a
process counts for neither.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import isclose
from statistics import fmean, median
from typing import Any

from engine import ROOT
from engine.bench.child import OWNER, TOPIC, figures_of, tell, wait_idle, warm_manager
from engine.bench.figure import Figure, middle
from engine.jobs.job import JobSpec
from engine.jobs.manager import JobManager

PAIRS = 5
Train = Callable[..., dict[str, Any]]


@dataclass(frozen=True)
class Size:
    """A network of the benchmark topic; its runs take 5 seconds or more."""

    network: str
    title: str
    epochs: int
    target: float


SIZES = (
    Size("small", "9-8-4-1 net, batch 8", 1050, 1.20),
    Size("large", "a step of over 5 ms", 260, 1.05),
)


def measure() -> dict[str, Figure]:
    """The ratio for both sizes."""
    return figures_of(__name__)


def main() -> None:
    with warm_manager() as manager, bare_loops() as bare:
        for size in SIZES:
            tell([ratio(size, partial(train_as_job, manager), bare)])


def ratio(size: Size, ours: Train, bare: Train) -> Figure:
    """Train on both sides in turn; both must end on the same loss."""
    job = {"network": size.network, "epochs": size.epochs, "seed": 0}
    ratios, reference = [], [bare(**job)["seconds"]]
    for _pair in range(PAIRS):
        run, again = ours(**job), bare(**job)
        if not isclose(run["train_mse"], again["train_mse"], rel_tol=1e-5):
            raise RuntimeError(f"expected the same loss on both sides, received {run} and {again}")
        reference.append(again["seconds"])
        ratios.append(run["seconds"] / fmean(reference[-2:]))
    steps = run["steps"]
    how = (
        f"Seconds of {steps:,} steps ({1000 * median(reference) / steps:.3g} ms each in the bare "
        "loop) through the local executor with all events, divided by those of the same steps in "
        "a bare PyTorch loop just before and just after; median of alternations."
    )
    return middle(f"executor / bare loop, {size.title}", ratios, "×", "at most", size.target, how)


def train_as_job(manager: JobManager, **values: Any) -> dict[str, Any]:
    """The final metrics of a run through the JobManager."""
    job = JobSpec.checked(TOPIC, values, device="cpu")
    run_id = manager.submit(job, OWNER, attended=False)
    wait_idle(manager, look_every=0.05)
    terminal = manager.get(run_id).log.terminal
    if terminal is None or terminal.type != "done":
        raise RuntimeError(f"expected the run to be done, received {terminal}")
    metrics: dict[str, Any] = terminal.data["metrics"]
    return metrics


@contextmanager
def bare_loops() -> Iterator[Train]:
    """A function that trains in a fork of `bare.py` and returns `seconds` and `train_mse`."""
    command = [sys.executable, "-m", "engine.bench.bare"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        say, hear = process.stdin, process.stdout

        def train(**values: Any) -> dict[str, Any]:
            say.write(json.dumps(values) + "\n")
            say.flush()
            answer: dict[str, Any] = json.loads(hear.readline())
            return answer

        train(network="small", epochs=1, seed=0)  # until it is warm
        yield train


if __name__ == "__main__":
    main()
