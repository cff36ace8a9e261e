"""Settings, metrics and presets of the CNN topic (torch-free)."""

from __future__ import annotations

from typing import Any, Literal

from engine import fields
from engine.config import Config, setting
from engine.spec import Metric, TopicSpec
from engine.topics.cnn.presets import PRESETS
from engine.words import N_

OFFICIAL_TEST = ("mnist", "mnist-8x8", "fashion-mnist", "cifar10", "cifar10-first")
"""Data that bring a test part of their own."""
COLOURED = ("data", ("cifar10", "cifar10-first", "own"))


def _augmentation(default: Any, **known: Any) -> Any:
    """How a training picture is changed each time it is shown; live."""
    return setting(default, group=N_("Augmentation"), live=True, **known)


class CnnConfig(Config):
    """Pictures of several classes, a convolutional network, and how it learns."""

    data: Literal[
        "digits", "mnist", "mnist-8x8", "fashion-mnist", "cifar10", "cifar10-first", "own"
    ] = setting(
        "digits",
        title=N_("Data"),
        help=N_("The pictures that the network has to tell apart."),
        group=N_("Data"),
        essential=True,
        labels={
            "digits": N_("Digits, 8 × 8 pixels"),
            "mnist": N_("MNIST digits, 28 × 28"),
            "mnist-8x8": N_("MNIST digits, made as small as 8 × 8"),
            "fashion-mnist": N_("Fashion-MNIST, 28 × 28"),
            "cifar10": N_("CIFAR-10, 32 × 32 in colour"),
            "cifar10-first": N_("CIFAR-10, five of its classes"),
            "own": N_("My own pictures, 32 × 32 in colour"),
        },
    )
    album: str = setting(
        "",
        title=N_("My own pictures"),
        help=N_("Checksum of the pictures that were loaded; they stay with this visit."),
        group=N_("Data"),
        hidden=True,
        max_length=64,
        pattern="^([0-9a-f]{64})?$",
    )
    pictures: int = setting(
        0,
        title=N_("Training pictures"),
        help=N_("How many pictures it learns from; 0 takes all of them."),
        group=N_("Data"),
        low=0,
        high=60_000,
        step=100,
    )
    validation: float = setting(
        0.2,
        title=N_("Held out"),
        help=N_("Share of the training pictures kept aside to measure how well unseen ones go."),
        group=N_("Data"),
        low=0.0,
        high=0.9,
        step=0.05,
    )
    data_seed: int = setting(
        0,
        title=N_("Data seed"),
        help=N_("Number that fixes which pictures are held out."),
        group=N_("Data"),
        low=0,
        high=2**31 - 1,
        step=1,
    )
    standardise: bool = setting(
        True,
        title=N_("Standardise"),
        help=N_("Brings every colour channel to mean 0 and standard deviation 1."),
        group=N_("Data"),
    )
    shown: int = setting(
        0,
        title=N_("Picture shown"),
        help=N_("Number of the measured picture whose feature maps are drawn."),
        group=N_("Data"),
        low=0,
        high=9_999,
        slider_high=99,
        step=1,
        live=True,
        essential=True,
    )
    architecture: Literal[
        "small",
        "n1",
        "n2",
        "n6",
        "n10",
        "lenet5",
        "vgg",
        "googlenet",
        "n5",
        "resnet9",
        "resnet18",
        "lstm",
        "bilstm",
        "own",
    ] = setting(
        "small",
        title=N_("Architecture"),
        help=N_("The layers a picture passes through; “my own” is put together from blocks."),
        group=N_("Model"),
        essential=True,
        labels={
            "small": N_("Small: two convolutions"),
            "n1": N_("Two 5 × 5 convolutions"),
            "n2": N_("Three 3 × 3 convolutions"),
            "n6": N_("Two wide convolutions"),
            "n10": N_("One convolution"),
            "lenet5": "LeNet-5 (1998)",
            "vgg": N_("Small VGG (2014)"),
            "googlenet": N_("Small GoogLeNet (2014)"),
            "n5": N_("ResNet, 3 stages (2015)"),
            "resnet9": "ResNet-9 (2018)",
            "resnet18": "ResNet-18 (2015)",
            "lstm": N_("LSTM over the rows"),
            "bilstm": N_("LSTM in both directions"),
            "own": N_("My own blocks"),
        },
    )
    blocks: str = setting(
        "conv:16:3,relu,maxpool:2",
        title=N_("My own blocks"),
        help=N_("The blocks of “my own” architecture, as conv:16:3,relu,maxpool:2."),
        group=N_("Model"),
        hidden=True,
        max_length=2000,
    )
    normalisation: bool = setting(
        False,
        title=N_("Batch norm"),
        help=N_("Brings every channel to mean 0 and variance 1 over the batch; nets learn faster."),
        group=N_("Model"),
        essential=True,
    )
    dropout: float = setting(
        0.0,
        title=N_("Dropout"),
        help=N_("Share of the values silenced in each step where the architecture has dropout."),
        group=N_("Model"),
        low=0.0,
        high=0.8,
        step=0.05,
        live=True,
    )
    flip: float = _augmentation(
        0.0,
        title=N_("Mirror"),
        help=N_("Probability that a training picture is mirrored."),
        low=0.0,
        high=1.0,
        step=0.1,
    )
    crop: int = _augmentation(
        0,
        title=N_("Crop"),
        help=N_("Pixels of border that are added and cut off again at a random place."),
        low=0,
        high=8,
        step=1,
    )
    rotate: float = _augmentation(
        0.0,
        title=N_("Rotate"),
        help=N_("Most degrees a training picture is turned by, to either side."),
        low=0.0,
        high=180.0,
        step=5.0,
        unit="°",
    )
    shift: float = _augmentation(
        0.0,
        title=N_("Shift"),
        help=N_("Largest shift, as a share of the side."),
        low=0.0,
        high=0.5,
        step=0.05,
    )
    shear: float = _augmentation(
        0.0,
        title=N_("Shear"),
        help=N_("Largest slant: pixels sideways for each pixel down."),
        low=0.0,
        high=1.0,
        step=0.05,
    )
    zoom: float = _augmentation(
        0.0,
        title=N_("Zoom"),
        help=N_("Most that a picture grows or shrinks, as a share of its size."),
        low=0.0,
        high=0.8,
        step=0.05,
    )
    colour: float = _augmentation(
        0.0,
        title=N_("Colour"),
        help=N_("Most that brightness, contrast and saturation change, as a share."),
        low=0.0,
        high=0.9,
        step=0.05,
        shown_if=COLOURED,
    )
    grey: float = _augmentation(
        0.0,
        title=N_("Grey"),
        help=N_("Probability that a training picture loses its colours."),
        low=0.0,
        high=1.0,
        step=0.05,
        shown_if=COLOURED,
    )
    cutout: int = _augmentation(
        0,
        title=N_("Cutout"),
        help=N_("Side of a square that is blanked at a random place."),
        low=0,
        high=16,
        step=1,
        unit="px",
    )
    mixup: float = _augmentation(
        0.0,
        title=N_("Mixup"),
        help=N_("How strongly pairs of pictures and their labels are blended; 0 not at all."),
        low=0.0,
        high=2.0,
        step=0.1,
    )
    optimiser: fields.Optimiser = fields.optimiser()
    learning_rate: float = fields.learning_rate(0.003)
    schedule: fields.Schedule = fields.schedule()
    l2: float = fields.l2(live=True)
    label_smoothing: float = setting(
        0.0,
        title=N_("Label smoothing"),
        help=N_("Share of the certainty that is spread over the other classes."),
        group=N_("Learning"),
        low=0.0,
        high=0.5,
        step=0.05,
        live=True,
    )
    mirrored: bool = setting(
        False,
        title=N_("Look twice"),
        help=N_("The mean of the answers to a picture and to its mirror image counts."),
        group=N_("Model"),
    )
    epochs: int = setting(
        10,
        title=N_("Epochs"),
        help=N_("How often training goes through all pictures."),
        group=N_("Learning"),
        low=1,
        high=500,
        scale="log",
        essential=True,
    )
    batch_size: int = setting(
        32,
        title=N_("Batch size"),
        help=N_("Pictures per step."),
        group=N_("Learning"),
        low=1,
        high=1024,
        step=1,
        essential=True,
    )
    precision: Literal["float32", "bfloat16"] = setting(
        "float32",
        title=N_("Precision"),
        help=N_("Numbers of 16 bits learn about twice as fast on processors that multiply them."),
        group=N_("Learning"),
        labels={"float32": N_("32 bits"), "bfloat16": N_("16 bits where it is safe (bfloat16)")},
    )
    patience: int = fields.patience()


METRICS = (
    Metric(
        "train_accuracy",
        N_("Train accuracy"),
        "higher",
        N_("While it trains, of the last batches; at the end, of all training pictures."),
    ),
    Metric(
        "val_accuracy",
        N_("Validation accuracy"),
        "higher",
        N_("While it trains, of 1,000 held-out pictures; at the end, of all."),
    ),
    Metric(
        "test_accuracy",
        N_("Test accuracy"),
        "higher",
        N_("While it trains, of 1,000 test pictures; at the end, of all."),
    ),
    Metric("train_loss", N_("Loss"), "lower", N_("Cross-entropy, with penalties, in nats.")),
    Metric("val_loss", N_("Validation loss"), "lower", shown=False),
    Metric("test_loss", N_("Test loss"), "lower", shown=False),
    Metric("gradient", N_("Gradient"), shown=False),
    Metric("gradient_first", N_("Gradient of the first layer"), shown=False),
    Metric("gradient_last", N_("Gradient of the last layer"), shown=False),
    Metric("dead_units", N_("Share of dead units"), shown=False),
)

SPEC = TopicSpec(
    name="cnn",
    title=N_("Pictures (CNN)"),
    icon=":material/grid_view:",
    order=30,
    group="See",
    summary=N_("Small windows slide over a picture until the network sees what it is."),
    config=CnnConfig,
    metrics=METRICS,
    curves=("train_accuracy", "val_accuracy", "test_accuracy"),
    presets=PRESETS,
    seeds=("seed", "data_seed"),
    target="classes",
    code=("models.PictureNet", "learner.Learner", "augment.augmented", "augment.applied"),
)
