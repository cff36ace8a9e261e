"""Reference run R3's work through our job, through Lightning and through Keras on PyTorch.

`python -m engine bench frameworks`. The same 313 rows of 9 features, the same 9-8-4-1 network,
SGD with rate 0.001, shuffled batches of 8, 200 epochs, one thread, one process; the three take
turns. Ours is the whole job as a worker carries it out, with all its measurements, pictures and
notes; the other two have their progress bars, logs, checkpoints and validation switched off. Their
time is that of `fit` alone. Then, in the same way: 16 seeds at once against one.
"""

from __future__ import annotations

import os
import warnings
from time import perf_counter
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import numpy as np
import torch
from torch import nn

from engine.bench.figure import Figure, by_name, middle
from engine.errors import GalleryError
from engine.events import Event
from engine.jobs.job import JobSpec
from engine.jobs.perform import perform
from engine.topics import topic
from engine.topics.regression import data
from engine.topics.regression.spec import RegressionConfig
from engine.training.context import Inbox

TURNS = 5
BATCH, RATE = 8, 0.001
EPOCHS = 200
LIGHTNING_TARGET, KERAS_TARGET, SEEDS_TARGET = 0.6, 0.35, 1.6
SEEDS = 16


def measure() -> dict[str, Figure]:
    """Our time over Lightning's and Keras's, and that of 16 seeds over that of one."""
    torch.set_num_threads(1)
    x, y = rows()
    ours, lightning, keras, many = [], [], [], []
    for _turn in range(TURNS):
        ours.append(job_seconds(seeds=1))
        lightning.append(lightning_seconds(x, y))
        ours.append(job_seconds(seeds=1))
        keras.append(keras_seconds(x, y))
        ours.append(job_seconds(seeds=1))
        many.append(job_seconds(seeds=SEEDS))
    how = "Seconds of R3's 8,000 steps as one of our jobs, over those of {other} just after it."
    beside = "Seconds of R3 with 16 seeds trained at once, over those of one seed just before."
    return by_name(
        [
            middle(
                name,
                [a / b for a, b in zip(ours[at::3], theirs, strict=True)],
                "×",
                "at most",
                target,
                text,
            )
            for name, at, theirs, target, text in (
                (
                    "R3's work / Lightning",
                    0,
                    lightning,
                    LIGHTNING_TARGET,
                    how.format(other="Lightning"),
                ),
                (
                    "R3's work / Keras on PyTorch",
                    1,
                    keras,
                    KERAS_TARGET,
                    how.format(other="Keras on PyTorch"),
                ),
            )
        ]
        + [
            middle(
                "16 seeds at once / one",
                [b / a for a, b in zip(ours[2::3], many, strict=True)],
                "×",
                "at most",
                SEEDS_TARGET,
                beside,
            )
        ]
    )


def rows() -> tuple[np.ndarray, np.ndarray]:
    """R3's training rows, x (313, 9) and y (313, 1).

    Raises
    ------
    GalleryError
        When its file is neither in GALLERY_DATA_DIR nor to be downloaded.
    """
    points = data.make(RegressionConfig(**preset()))
    train = points.part == 0
    return points.x[train], points.y[train, None]


def preset() -> dict[str, Any]:
    """R3's settings."""
    found = topic("regression").preset("R3")
    if found is None:
        raise GalleryError("expected a preset R3")
    return dict(found.values)


class Ending:
    """A sink that keeps the last event."""

    def event(self, event: Event) -> None:
        self.last = event

    def artifact(self, name: str, payload: bytes) -> None:
        """Weights and snapshots are made, as in a worker, and dropped."""

    def frames(self, frames: list[dict[str, Any]]) -> None:
        """So are the frames."""


def job_seconds(seeds: int) -> float:
    """Seconds from the start of training to its end, as the run itself tells."""
    sink = Ending()
    perform(
        JobSpec.checked("regression", {**preset(), "seeds": seeds}, device="cpu"), Inbox(), sink
    )
    if sink.last.type != "done":
        raise GalleryError(f"expected the run to be done, received {sink.last}")
    return float(sink.last.data["metrics"]["seconds"])


def network() -> nn.Sequential:
    """9-8-4-1 with ReLU."""
    return nn.Sequential(nn.Linear(9, 8), nn.ReLU(), nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 1))


def lightning_seconds(x: np.ndarray, y: np.ndarray) -> float:
    """Seconds of Lightning's `fit`."""
    import lightning
    from torch.utils.data import DataLoader, TensorDataset

    warnings.filterwarnings("ignore")
    import logging

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    class Module(lightning.LightningModule):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.network = network()

        def training_step(self, batch: Any, _index: int) -> torch.Tensor:
            features, target = batch
            return nn.functional.mse_loss(self.network(features), target)

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=RATE)

    rows = TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    loader = DataLoader(rows, batch_size=BATCH, shuffle=True)
    trainer = lightning.Trainer(
        max_epochs=EPOCHS,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    module = Module()
    begun = perf_counter()
    trainer.fit(module, loader)
    return perf_counter() - begun


def keras_seconds(x: np.ndarray, y: np.ndarray) -> float:
    """Seconds of Keras's `fit` on its PyTorch backend."""
    import keras

    model = keras.Sequential(
        [
            keras.layers.Input((9,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(4, activation="relu"),
            keras.layers.Dense(1),
        ]
    )
    model.compile(optimizer=keras.optimizers.SGD(RATE), loss="mse")
    begun = perf_counter()
    model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    return perf_counter() - begun
