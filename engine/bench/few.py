"""What few pictures are worth, how long it takes to see that, and what fusion gains.

`python -m engine bench few`. Each figure is one job as a worker carries it out (one thread, this
process): means over five seeds, tested on all digits that a seed does not learn from. What needs
pictures that are not here is left out. Seconds are of the whole job, with its measurements.
"""

from __future__ import annotations

from base64 import b64encode
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from engine.bench.figure import Figure, by_name
from engine.bench.sweeps import Ending
from engine.data.own_albums import OwnAlbum
from engine.errors import GalleryError
from engine.events import Event
from engine.jobs.job import JobSpec
from engine.jobs.perform import perform
from engine.topics.transfer import material
from engine.topics.transfer.spec import PHOTO_SIDE
from engine.training.context import Inbox

TARGETS = {1: (0.18, 0.12), 5: (0.10, 0.06)}
"""Images of each class → by how much scratch, and the best on pixels, are to be beaten."""
SECONDS, OWN_SECONDS = 10.0, 15.0
ANTS = 0.94
PHOTOS, CLASSES = 20, 3
FUSED = {"mnist": "T3-mnist", "fashion-mnist": "T3-fashion", "cifar10": "T3-cifar10"}


class Told(NamedTuple):
    """Final metrics of a job, what it told when it began, and the seconds it took."""

    metrics: dict[str, float]
    arrays: dict[str, Any]
    seconds: float


class Listening(Ending):
    """Keeps what the run told when it began, too."""

    def event(self, event: Event) -> None:
        super().event(event)
        if event.type == "started":
            self.arrays = dict(event.data["arrays"])


def measure() -> dict[str, Figure]:
    """Gains over scratch and pixels, seconds, ants and bees, own pictures, fusion."""
    told({"images": 1, "members": 1, "epochs": 2})  # until it is warm
    figures = [figure for images in TARGETS for figure in gains(images)]
    figures += gains(5, augmentation="gentle")
    figures.append(own())
    if material.at_hand("hymenoptera"):
        figures.append(ants())
    figures += [fusion(data, preset) for data, preset in FUSED.items() if material.at_hand(data)]
    return by_name(figures)


def gains(images: int, **changed: Any) -> list[Figure]:
    """Points that the better of frozen and fine-tuned is ahead; with the defaults also seconds."""
    found = told({"images": images, **changed})
    best = max(found.metrics[f"test_accuracy_{side}"] for side in ("frozen", "tuned"))
    scratch = found.metrics["test_accuracy_scratch"]
    pixels = max(found.arrays["logistic"], found.arrays["neighbour"])
    over_scratch, over_pixels = TARGETS[images]
    name = f"{images} of each" + (", augmented" if changed else "")
    about = "Share of the test digits, mean of five seeds, over that of {other}."
    beside = {"best": best, "scratch": scratch, "pixels": pixels}
    figures = [
        Figure(
            f"{name}: {title}",
            best - other,
            "",
            "at least",
            0.0 if changed else target,
            5,
            about.format(other=title),
            beside,
        )
        for title, other, target in (
            ("over scratch", scratch, over_scratch),
            ("over pixels", pixels, over_pixels),
        )
    ]
    if not changed:
        about = "Seconds of the whole comparison, as one job."
        figures.append(
            Figure(f"{name}: whole", found.seconds, "s", "at most", SECONDS, 1, about, {})
        )
    return figures


def own() -> Figure:
    """Three classes of twenty made-up photographs, all ways to learn, with a shipped backbone."""
    random = np.random.default_rng(0)
    count = PHOTOS * CLASSES
    pixels = random.integers(0, 256, (count, PHOTO_SIDE, PHOTO_SIDE, 3), dtype=np.uint8)
    labels = np.repeat(np.arange(CLASSES), PHOTOS)
    pixels[..., 0] //= (1 + labels).astype(np.uint8)[:, None, None]
    album = OwnAlbum(pixels, labels, ("one", "two", "three"))
    packed = b64encode(album.pack()).decode("ascii")
    found = told({"data": "own", "album": album.digest, "images": 15}, {"album": packed})
    about = "Seconds of the whole job: frozen, fine-tuned and from scratch."
    return Figure("own pictures, 3 × 20", found.seconds, "s", "at most", OWN_SECONDS, 1, about, {})


def ants() -> Figure:
    """Ants and bees with the ImageNet backbone that comes with the install."""
    found = told(preset_values("ants"))
    beside = {side: found.metrics[f"test_accuracy_{side}"] for side in ("scratch", "tuned")}
    about = "Share of the 153 test photographs, EfficientNet-Lite0 frozen."
    value = found.metrics["test_accuracy_frozen"]
    return Figure("ants and bees, frozen", value, "", "at least", ANTS, 1, about, beside)


def fusion(data: str, preset: str) -> Figure:
    """What the average of three trained models gains over the best of them."""
    metrics = told(preset_values(preset)).metrics
    best = max(metrics[f"test_accuracy_model_{number}"] for number in (1, 2, 3))
    beside = {rule: metrics[f"test_accuracy_{rule}"] for rule in ("vote", "average", "stacked")}
    about = "Share of all test pictures, the average of three models over the best of them."
    gain = metrics["test_accuracy_average"] - best
    return Figure(f"fusion, {data}", gain, "", "at least", 0.0, 1, about, {"best": best, **beside})


def preset_values(name: str) -> dict[str, Any]:
    """The settings of a preset of the page."""
    from engine.topics import topic

    found = topic("transfer").preset(name)
    if found is None:
        raise GalleryError(f"expected a preset {name}")
    return dict(found.values)


def told(values: dict[str, Any], attachments: dict[str, str] | None = None) -> Told:
    """Train, and be told what came of it."""
    sink = Listening()
    begun = perf_counter()
    job = JobSpec.checked("transfer", values, device="cpu", attachments=attachments or {})
    perform(job, Inbox(), sink)
    passed = perf_counter() - begun
    if sink.last.type != "done":
        raise GalleryError(f"expected the run to be done, received {sink.last}")
    return Told(dict(sink.last.data["metrics"]), sink.arrays, passed)
