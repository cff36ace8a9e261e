"""An epoch on MNIST as our job, through Lightning and as a plain script: presets C5 and N1.

`python -m engine bench mnist`. C5 is a network of 784-32-16-10, N1 two convolutions. The same
60,000 training pictures, ReLU, Adam with rate 0.001, shuffled batches of 64 and 50, one thread, one
process; the three take turns. Ours is the whole job as a worker carries it out, with its
measurements, pictures, notes and snapshots. Lightning gets a `DataLoader` over a `TensorDataset` of
prepared float tensors in memory, with its progress bar, log, checkpoints and validation switched
off. The plain script is the one of the tutorials: a `DataLoader` over a data set that turns each
picture into a tensor with torchvision's `ToTensor`, when it is asked for. Times are those of
training alone, per epoch: ours as the run tells it, from its start to the end of the last epoch;
Lightning's of `fit`; the script's of its loop. Reading and unpacking the files counts for nobody.
MNIST is looked for in GALLERY_DATA_DIR and the cache; without it nothing is measured.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable
from itertools import pairwise
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset
from torchvision.transforms import ToTensor

from engine.bench.figure import Figure, by_name, middle
from engine.bench.sweeps import Ending
from engine.data import pictures
from engine.errors import GalleryError
from engine.jobs.job import JobSpec
from engine.jobs.perform import perform
from engine.topics import topic
from engine.training.context import Inbox

TURNS = 3
LIGHTNING_EPOCHS = 2
"""Of each turn; the plain script takes one."""


class Case(NamedTuple):
    """A preset, its network in plain PyTorch, and what our ratios have to be.

    `network` makes it: pictures (B, 1, 28, 28) → logits (B, 10).
    """

    topic: str
    preset: str
    network: Callable[[], nn.Module]
    epochs: int
    lightning: float
    plain: float

    @property
    def values(self) -> dict[str, Any]:
        """The preset's settings."""
        found = topic(self.topic).preset(self.preset)
        if found is None:
            raise GalleryError(f"expected a preset {self.preset}")
        return dict(found.values)


def dense() -> nn.Module:
    """C5: 784-32-16-10 with ReLU."""
    sizes = (28**2, 32, 16, 10)
    first, second, last = (nn.Linear(n, m) for n, m in pairwise(sizes))
    return nn.Sequential(nn.Flatten(), first, nn.ReLU(), second, nn.ReLU(), last)


def convolutional() -> nn.Module:
    """N1: two convolutions of 5 × 5, each with ReLU and pool."""
    first, second = nn.Conv2d(1, 16, 5, padding=2), nn.Conv2d(16, 32, 5, padding=2)
    seen = (first, nn.ReLU(), nn.MaxPool2d(2), second, nn.ReLU(), nn.MaxPool2d(2))
    return nn.Sequential(*seen, nn.Flatten(), nn.Linear(32 * 7 * 7, 10))


CASES = (
    Case("classification", "C5", dense, epochs=3, lightning=0.5, plain=0.25),
    Case("cnn", "N1", convolutional, epochs=3, lightning=0.9, plain=0.75),
)


def measure() -> dict[str, Figure]:
    """Our time over Lightning's and over the plain script's, of each case."""
    if not pictures.at_hand("mnist"):
        told = "mnist: skipped, MNIST is not here (`python -m engine data fetch mnist` gets it)"
        print(told, file=sys.stderr)
        return {}
    torch.set_num_threads(1)
    pixels, labels = mnist()
    return by_name([figure for case in CASES for figure in compared(case, pixels, labels)])


def compared(case: Case, pixels: np.ndarray, labels: np.ndarray) -> list[Figure]:
    """The three in turns."""
    ours, lightning, plain = [], [], []
    for _turn in range(TURNS):
        ours.append(job_seconds(case))
        lightning.append(lightning_seconds(case, pixels, labels))
        ours.append(job_seconds(case))
        plain.append(plain_seconds(case, pixels, labels))
    return [
        ratio(case, "Lightning", ours[::2], lightning, case.lightning),
        ratio(case, "plain script", ours[1::2], plain, case.plain),
    ]


def ratio(case: Case, other: str, ours: list[float], theirs: list[float], target: float) -> Figure:
    """Each of our times over that of the other just after it."""
    how = (
        f"Seconds an epoch of {case.preset} takes as one of our jobs (about {np.median(ours):.2g}), "
        f"over those of the {other} just after it (about {np.median(theirs):.2g})."
    )
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return middle(f"{case.preset}'s epoch / {other}", ratios, "×", "at most", target, how)


def mnist() -> tuple[np.ndarray, np.ndarray]:
    """The training pictures, uint8 (60000, 28, 28), and their labels, int64 (60000,)."""
    album = pictures.album("mnist")
    return album.pixels[: album.training, ..., 0], album.labels[: album.training]


def job_seconds(case: Case) -> float:
    """Seconds of an epoch, as the run itself tells."""
    sink = Ending()
    values = {**case.values, "epochs": case.epochs}
    perform(JobSpec.checked(case.topic, values, device="cpu"), Inbox(), sink)
    if sink.last.type != "done":
        raise GalleryError(f"expected the run to be done, received {sink.last}")
    return float(sink.last.data["metrics"]["seconds"]) / case.epochs


def lightning_seconds(case: Case, pixels: np.ndarray, labels: np.ndarray) -> float:
    """Seconds of an epoch of Lightning's `fit`."""
    import lightning

    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    class Module(lightning.LightningModule):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.network = case.network()

        def training_step(self, batch: Any, _index: int) -> torch.Tensor:
            features, target = batch
            return nn.functional.cross_entropy(self.network(features), target)

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=case.values["learning_rate"])

    x = torch.from_numpy(pixels[:, None]).float().div_(255)
    rows = TensorDataset(x, torch.from_numpy(labels))
    loader = DataLoader(rows, batch_size=case.values["batch_size"], shuffle=True)
    trainer = lightning.Trainer(
        max_epochs=LIGHTNING_EPOCHS,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    module = Module()
    begun = perf_counter()
    trainer.fit(module, loader)
    return (perf_counter() - begun) / LIGHTNING_EPOCHS


class Pictures(Dataset[tuple[torch.Tensor, int]]):
    """Pictures that become tensors one by one, as those of `torchvision.datasets.MNIST` do."""

    def __init__(self, pixels: np.ndarray, labels: np.ndarray) -> None:
        self.pixels, self.labels, self.transform = pixels, labels, ToTensor()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.pixels[row])), int(self.labels[row])


def plain_seconds(case: Case, pixels: np.ndarray, labels: np.ndarray) -> float:
    """Seconds of one epoch of the plain script."""
    values = case.values
    loader = DataLoader(Pictures(pixels, labels), batch_size=values["batch_size"], shuffle=True)
    model = case.network()
    optimiser = torch.optim.Adam(model.parameters(), lr=values["learning_rate"])
    criterion = nn.CrossEntropyLoss()
    begun = perf_counter()
    for features, target in loader:
        optimiser.zero_grad()
        criterion(model(features), target).backward()
        optimiser.step()
    return perf_counter() - begun
