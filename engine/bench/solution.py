"""How soon the page's own network tells the points apart, beside a plain PyTorch script.

`python -m engine bench solution`. 98 % of 250 training points (500 generated, half held out), no
noise, the defaults of the Classification page. A run is a job of the local executor: a fresh fork
on one thread, with its measurements, pictures and snapshots. Its time goes from the time in its
`started` event to that in the first `metric` event with `train_accuracy` of at least 0.98; rows
that come with a later event (`before`) count only when that event comes. `target_accuracy` is
0.98, so that this event comes at once and the run ends there; beside it, the same runs without
that goal, whose events are coalesced to 20 a second. The plain script, a fresh fork of a warm
process too, takes full batches of the same rows with Adam and the same network and looks at the
accuracy of every batch; its time begins with the loop. A seed's time is the median of its turns;
a seed that does not get there has none (infinity).
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from statistics import median
from time import perf_counter

import numpy as np
import torch
from torch import nn

from engine import ROOT
from engine.bench.child import OWNER, wait_idle, warm_manager
from engine.bench.figure import Figure, by_name
from engine.events import Event
from engine.jobs.job import JobSpec
from engine.jobs.manager import JobManager
from engine.topics.classification import data
from engine.topics.classification.spec import ClassificationConfig

GOAL = 0.98
SEEDS = 7
SOLVED_TARGET = 6
TURNS = 3
TARGETS = {"circles": 50, "xor": 40, "spirals": 300}
"""Milliseconds that the median seed may take."""
RATE = 0.05
"""Of the plain script's Adam: the better one of 0.03 and 0.05 on these data."""

Times = list[float]
"""Milliseconds of each seed."""
Plain = Callable[[str, int], float]
"""Data set and seed → milliseconds of the plain script."""


def measure() -> dict[str, Figure]:
    """Milliseconds of the median seed and solved seeds, for each data set."""
    with warm_manager() as manager, plain_scripts() as plain:
        job_milliseconds(manager, "circles", 0, GOAL)  # until it is warm
        return by_name([figure for name in TARGETS for figure in figures(manager, plain, name)])


def figures(manager: JobManager, script: Plain, name: str) -> list[Figure]:
    """The three sides take turns, seed by seed."""
    goal, free, plain = (np.full((SEEDS, TURNS), inf) for _side in range(3))
    for turn in range(TURNS):
        for seed in range(SEEDS):
            goal[seed, turn] = job_milliseconds(manager, name, seed, GOAL)
            plain[seed, turn] = script(name, seed)
            free[seed, turn] = job_milliseconds(manager, name, seed, 0.0)
    ours, theirs, coalesced = (np.median(side, axis=1).tolist() for side in (goal, plain, free))
    return [
        taken(name, ours, theirs, coalesced),
        Figure(
            f"{name}, seeds solved",
            sum(t < inf for t in ours),
            "",
            "at least",
            SOLVED_TARGET,
            SEEDS,
            f"Seeds 0 to {SEEDS - 1} that reach {GOAL:.0%} of the training points; beside it those "
            "of the plain script.",
            {"plain": sum(t < inf for t in theirs)},
        ),
    ]


def taken(name: str, ours: Times, theirs: Times, coalesced: Times) -> Figure:
    """The median seed; beside it the fastest and slowest, without a goal, and the plain script."""
    config = ClassificationConfig(data=name)
    rows = round(config.samples * (1 - config.validation))
    return Figure(
        f"{name}, time to {GOAL:.0%}",
        median(ours),
        "ms",
        "at most",
        TARGETS[name],
        SEEDS,
        f"From `started` to the first metric with {GOAL:.0%} of {rows} training points, the "
        "page's defaults with that as target accuracy, one thread of a fresh worker; median of "
        "the seeds. Beside it without a target accuracy, where metrics come 20 times a second, "
        "the plain script (full batches, Adam, in turns with it), and the ratio to that.",
        {
            "min": min(ours),
            "max": max(ours),
            "no target": median(coalesced),
            "plain": median(theirs),
            "ratio": median(ours) / median(theirs),
        },
    )


def job_milliseconds(manager: JobManager, name: str, seed: int, goal: float) -> float:
    """From the start of a run to the metric that shows the goal; infinity if none does."""
    values = {"data": name, "seed": seed, "target_accuracy": goal}
    job = JobSpec.checked("classification", values, device="cpu")
    run = manager.submit(job, OWNER, attended=False)
    wait_idle(manager, look_every=0.01)
    events = manager.events(run)
    if events[-1].type != "done":
        raise RuntimeError(f"expected the run to be done, received {events[-1]}")
    return milliseconds_to_goal(events)


def milliseconds_to_goal(
    events: Sequence[Event], metric: str = "train_accuracy", goal: float = GOAL
) -> float:
    """From `started` to the first event that shows the goal, itself or in a row it brings."""
    begun = next(event.time for event in events if event.type == "started")
    for event in events:
        if event.type == "metric" and any(
            row["values"][metric] >= goal for row in (*event.data["before"], event.data)
        ):
            return 1000 * (event.time - begun)
    return inf


# The plain script, in forks of a process of its own ----------------------------------------------


@contextmanager
def plain_scripts() -> Iterator[Plain]:
    """A function that trains in a fresh fork of `python -m engine.bench.solution`."""
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        say, hear = process.stdin, process.stdout

        def milliseconds(name: str, seed: int) -> float:
            say.write(json.dumps([name, seed]) + "\n")
            say.flush()
            return float(hear.readline())

        milliseconds("circles", 0)  # until it is warm
        yield milliseconds


def main() -> None:
    """Train in a fork for every line `[data set, seed]`, which tells its milliseconds."""
    torch.set_num_threads(1)
    plain_milliseconds("circles", 0)  # imports what the first optimiser needs, as our host does
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)
            continue
        print(plain_milliseconds(*json.loads(line)), flush=True)
        os._exit(0)


def plain_milliseconds(name: str, seed: int) -> float:
    """From the start of the loop to the batch whose accuracy is the goal; infinity if none is."""
    config = ClassificationConfig(data=name, seed=seed)
    features, classes = data.make(config).of(data.TRAIN)
    x, y = torch.from_numpy(features), torch.from_numpy(classes).float()
    x = (x - x.mean(0)) / x.std(0)
    torch.manual_seed(seed)
    model = network(config)
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
    criterion = nn.BCEWithLogitsLoss()
    begun = perf_counter()
    for _epoch in range(config.epochs):
        logits = model(x)[:, 0]
        if ((logits > 0) == (y > 0)).float().mean() >= GOAL:
            return 1000 * (perf_counter() - begun)
        loss = criterion(logits, y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return inf


def network(config: ClassificationConfig) -> nn.Sequential:
    """The page's network, with PyTorch's own initialisation."""
    layers: list[nn.Module] = []
    inputs = 2
    for units in config.widths:
        layers += [nn.Linear(inputs, units), nn.Tanh()]
        inputs = units
    return nn.Sequential(*layers, nn.Linear(inputs, 1))


if __name__ == "__main__":
    main()
