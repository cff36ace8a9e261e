"""Jobs that misbehave at step 5."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import torch
from engine.topics.faulty.spec import FaultyConfig

from engine.data.progress import tell
from engine.training.loop import train

FAULT_STEP = 5


def run(config, context):
    """A loop of short sleeps; the fault of the configuration strikes at step 5."""
    done = 0
    if config.fault == "slow_files":
        fetch_slowly()
    yield context.started(parameters=1, samples=1, steps_total=config.steps)
    if config.fault == "silent":
        return

    def step():
        nonlocal done
        done += 1
        time.sleep(0.002)
        if done == FAULT_STEP:
            strike(config.fault)

    def measure():
        diverged = config.fault == "diverge" and done >= FAULT_STEP
        return {
            "train_loss": float("nan") if diverged else 1 / (1 + done),
            "rate": context.config.rate,
        }

    def draw():
        size = 400 if config.fault == "huge_frame" else 2
        return "field", {"values": np.zeros((size, size), np.float32)}

    yield from train(
        step, steps=config.steps, steps_per_epoch=1, context=context, measure=measure, draw=draw
    )
    yield context.done(measure(), {"weight": torch.ones(2)})


def debug_config():
    """Nothing goes wrong."""
    return FaultyConfig()


def fetch_slowly():
    """Half of the files come, and then no more, as long as nobody ends it."""
    for number in range(10**6):
        tell("Getting the files: faults", min(number / 100, 0.5))
        time.sleep(0.01)


def strike(fault: str) -> None:
    """Do the damage."""
    if fault == "raise":
        raise ZeroDivisionError("secret detail")
    if fault == "exit":
        os._exit(3)
    if fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "hang":
        while True:
            time.sleep(0.01)
    if fault == "deaf":
        # Holds the interpreter lock: not even the listening thread hears anything.
        pow(7, 10**9)
    if fault == "memory":
        torch.zeros(2**40)
