"""An epoch of preset C5 (MNIST, 784-32-16-10) as our job, through Lightning and as a plain script.

`python -m engine bench mnist`. The same 60,000 training pictures, ReLU, Adam with rate 0.001,
shuffled batches of 64, one thread, one process; the three take turns. Ours is the whole job as a
worker carries it out, with its measurements on all training and test rows, pictures, notes and
snapshots. Lightning gets a `DataLoader` over a `TensorDataset` of prepared float tensors in
memory, with its progress bar, log, checkpoints and validation switched off. The plain script is
the one of the tutorials: a `DataLoader` over a data set that turns each picture into a tensor with
torchvision's `ToTensor`, when it is asked for. Times are those of training alone, per epoch:
ours as the run tells it, from its start to the end of the last epoch; Lightning's of `fit`; the
script's of its loop. Reading and unpacking the files counts for nobody. MNIST is looked for in
GALLERY_DATA_DIR and the cache; without it nothing is measured.
"""

from __future__ import annotations

import logging
import sys
import warnings
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset
from torchvision.transforms import ToTensor

from engine.bench.figure import Figure, by_name, middle
from engine.bench.sweeps import Ending
from engine.errors import GalleryError
from engine.jobs.job import JobSpec
from engine.jobs.perform import perform
from engine.topics import topic
from engine.topics.classification import stored
from engine.training.context import Inbox

TURNS = 3
EPOCHS, LIGHTNING_EPOCHS = 3, 2
"""Of each turn; the plain script takes one."""
LIGHTNING_TARGET, PLAIN_TARGET = 0.5, 0.25


def measure() -> dict[str, Figure]:
    """Our time over Lightning's and over the plain script's."""
    if not stored.at_hand("mnist"):
        told = "mnist: skipped, MNIST is not here (`python -m engine data fetch mnist` gets it)"
        print(told, file=sys.stderr)
        return {}
    torch.set_num_threads(1)
    pixels, labels = pictures()
    ours, lightning, plain = [], [], []
    for _turn in range(TURNS):
        ours.append(job_seconds())
        lightning.append(lightning_seconds(pixels, labels))
        ours.append(job_seconds())
        plain.append(plain_seconds(pixels, labels))
    return by_name(
        [
            ratio("Lightning", ours[::2], lightning, LIGHTNING_TARGET),
            ratio("plain script", ours[1::2], plain, PLAIN_TARGET),
        ]
    )


def ratio(other: str, ours: list[float], theirs: list[float], target: float) -> Figure:
    """Each of our times over that of the other just after it."""
    how = (
        f"Seconds an epoch of C5 takes as one of our jobs (about {np.median(ours):.2g}), over those "
        f"of the {other} just after it (about {np.median(theirs):.2g})."
    )
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return middle(f"C5's epoch / {other}", ratios, "×", "at most", target, how)


def preset() -> dict[str, Any]:
    """C5's settings."""
    found = topic("classification").preset("C5")
    if found is None:
        raise GalleryError("expected a preset C5")
    return dict(found.values)


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """The training pictures, uint8 (60000, 28, 28), and their labels, int64 (60000,)."""
    training = slice(stored.TRAINING)
    values = np.rint(255 * stored.pixels("mnist", training)).astype(np.uint8)
    labels, _classes, _size = stored.labels("mnist")
    return values.reshape(-1, stored.SIDE, stored.SIDE), labels[training]


def network() -> nn.Sequential:
    """784-32-16-10 with ReLU, from pictures (B, 1, 28, 28) or rows (B, 784)."""
    values = preset()
    sizes = (stored.SIDE**2, values["units_1"], values["units_2"], len(stored.DIGITS))
    first, second, last = (nn.Linear(n, m) for n, m in pairwise(sizes))
    return nn.Sequential(nn.Flatten(), first, nn.ReLU(), second, nn.ReLU(), last)


def job_seconds() -> float:
    """Seconds of an epoch, as the run itself tells."""
    sink = Ending()
    values = {**preset(), "epochs": EPOCHS}
    perform(JobSpec.checked("classification", values, device="cpu"), Inbox(), sink)
    if sink.last.type != "done":
        raise GalleryError(f"expected the run to be done, received {sink.last}")
    return float(sink.last.data["metrics"]["seconds"]) / EPOCHS


def lightning_seconds(pixels: np.ndarray, labels: np.ndarray) -> float:
    """Seconds of an epoch of Lightning's `fit`."""
    import lightning

    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    class Module(lightning.LightningModule):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.network = network()

        def training_step(self, batch: Any, _index: int) -> torch.Tensor:
            features, target = batch
            return nn.functional.cross_entropy(self.network(features), target)

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=preset()["learning_rate"])

    x = torch.from_numpy(pixels).float().div_(255)
    rows = TensorDataset(x, torch.from_numpy(labels))
    loader = DataLoader(rows, batch_size=preset()["batch_size"], shuffle=True)
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


def plain_seconds(pixels: np.ndarray, labels: np.ndarray) -> float:
    """Seconds of one epoch of the plain script."""
    values = preset()
    loader = DataLoader(Pictures(pixels, labels), batch_size=values["batch_size"], shuffle=True)
    model = network()
    optimiser = torch.optim.Adam(model.parameters(), lr=values["learning_rate"])
    criterion = nn.CrossEntropyLoss()
    begun = perf_counter()
    for features, target in loader:
        optimiser.zero_grad()
        criterion(model(features), target).backward()
        optimiser.step()
    return perf_counter() - begun
