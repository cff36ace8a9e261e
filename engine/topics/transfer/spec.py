"""Settings, metrics and presets of the transfer topic (torch-free)."""

from __future__ import annotations

from typing import Any, Literal

from engine import fields
from engine.config import Config, setting
from engine.spec import Metric, TopicSpec
from engine.topics.transfer.presets import PRESETS
from engine.words import N_

PHOTO_SIDE = 128
"""Pixels of a side of a visitor's own pictures."""
COMPARED = ("task", ("compare", "sizes"))
FUSED = ("task", ("fusion",))
SIDES = ("scratch", "frozen", "tuned")
RULES = ("vote", "average", "weighted", "stacked")
PHOTOGRAPHS = ("hymenoptera", "cats-dogs", "fruit", "own")
"""Data whose pictures are large: everything takes longer with them."""

ModelName = Literal[
    "none",
    "linear",
    "mlp",
    "small",
    "lenet5",
    "vgg",
    "resnet9",
    "lstm",
    "frozen",
    "tuned",
    "shipped",
    "efficientnet-lite0",
    "resnet18",
    "resnet50",
    "vgg16",
    "vgg19",
    "mobilenet-v3",
    "efficientnet-b0",
    "convnext-tiny",
]
IMAGENET = {
    "efficientnet-lite0": "EfficientNet-Lite0 (2020)",
    "resnet18": "ResNet-18 (2015)",
    "resnet50": "ResNet-50 (2015)",
    "vgg16": "VGG-16 (2014)",
    "vgg19": "VGG-19 (2014)",
    "mobilenet-v3": "MobileNetV3-Large (2019)",
    "efficientnet-b0": "EfficientNet-B0 (2019)",
    "convnext-tiny": "ConvNeXt-Tiny (2022)",
}
"""Backbones that have learned from 1.3 million photographs of 1,000 classes."""


def _model(number: int, default: ModelName) -> Any:
    """One of the models that are fused."""
    return setting(
        default,
        title=(N_("Model 1"), N_("Model 2"), N_("Model 3"), N_("Model 4"), N_("Model 5"))[
            number - 1
        ],
        help=N_("What learns, or has learned already; its answers are fused with the others'."),
        group=N_("Models"),
        essential=number <= 3,
        shown_if=FUSED,
        labels={
            "none": N_("none"),
            "linear": N_("Logistic regression on the pixels"),
            "mlp": N_("A hidden layer on the pixels"),
            "small": N_("Small: two convolutions"),
            "lenet5": "LeNet-5 (1998)",
            "vgg": N_("Small VGG (2014)"),
            "resnet9": "ResNet-9 (2018)",
            "lstm": N_("LSTM over the rows"),
            "frozen": N_("The backbone, frozen"),
            "tuned": N_("The backbone, fine-tuned"),
            "shipped": N_("The shipped model, as it is"),
            **IMAGENET,
        },
    )


class TransferConfig(Config):
    """Few pictures, a backbone that has seen many, and how the rest learns."""

    task: Literal["compare", "sizes", "fusion"] = setting(
        "compare",
        title=N_("Task"),
        help=N_("What is compared: ways to learn, numbers of pictures, or models that vote."),
        group=N_("Task"),
        essential=True,
        labels={
            "compare": N_("Ways to learn"),
            "sizes": N_("Few or many"),
            "fusion": N_("Fusion"),
        },
    )
    data: Literal[
        "digits",
        "cifar10-second",
        "hymenoptera",
        "cats-dogs",
        "fruit",
        "mnist",
        "fashion-mnist",
        "cifar10",
        "own",
    ] = setting(
        "digits",
        title=N_("Data"),
        help=N_("The few pictures that are to be told apart."),
        group=N_("Data"),
        essential=True,
        labels={
            "digits": N_("Digits, 8 × 8 pixels"),
            "cifar10-second": N_("CIFAR-10, its other five classes"),
            "hymenoptera": N_("Ants and bees, photographs"),
            "cats-dogs": N_("Cats and dogs, photographs"),
            "fruit": N_("Fruit, photographs"),
            "mnist": N_("MNIST digits, 28 × 28"),
            "fashion-mnist": N_("Fashion-MNIST, 28 × 28"),
            "cifar10": N_("CIFAR-10, 32 × 32 in colour"),
            "own": N_("My own pictures, or my webcam"),
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
    images: int = setting(
        5,
        title=N_("Images per class"),
        help=N_("How many pictures of each class are learned from; 0 takes all that may be."),
        group=N_("Data"),
        low=0,
        high=6000,
        slider_high=50,
        step=1,
        essential=True,
        shown_if=("task", ("compare", "fusion")),
    )
    data_seed: int = setting(
        0,
        title=N_("Data seed"),
        help=N_("Number that fixes which pictures are learned from."),
        group=N_("Data"),
        low=0,
        high=2**31 - 1,
        step=1,
    )
    backbone: Literal[
        "auto",
        "mnist-8x8",
        "mnist",
        "fashion-mnist",
        "cifar10-first",
        "cifar10",
        "efficientnet-lite0",
        "resnet18",
        "resnet50",
        "vgg16",
        "vgg19",
        "mobilenet-v3",
        "efficientnet-b0",
        "convnext-tiny",
    ] = setting(
        "auto",
        title=N_("Backbone"),
        help=N_("The network that has learned from many other pictures before."),
        group=N_("Model"),
        essential=True,
        labels={
            "auto": N_("The one that suits the data"),
            "mnist-8x8": N_("MNIST made small: 60,000 digits"),
            "mnist": N_("MNIST: 60,000 digits"),
            "fashion-mnist": N_("Fashion-MNIST: 60,000 clothes"),
            "cifar10-first": N_("Half of CIFAR-10: 25,000 pictures"),
            "cifar10": N_("CIFAR-10: 50,000 pictures"),
            **{name: f"ImageNet: {title}" for name, title in IMAGENET.items()},
        },
    )
    scratch: bool = setting(
        True,
        title=N_("From scratch"),
        help=N_("Lets the same network learn from these pictures alone, beside the others."),
        group=N_("Model"),
        shown_if=COMPARED,
    )
    tuned: bool = setting(
        True,
        title=N_("Fine-tune"),
        help=N_("Lets the last layers of the backbone learn too, beside the frozen one."),
        group=N_("Model"),
        shown_if=COMPARED,
    )
    depth: int = setting(
        2,
        title=N_("Layers that learn"),
        help=N_(
            "How many blocks of the backbone are unfrozen when it is fine-tuned, from the end."
        ),
        group=N_("Model"),
        low=1,
        high=20,
        slider_high=8,
        step=1,
        essential=True,
        shown_if=COMPARED,
    )
    head: Literal["linear", "wide", "dense", "original"] = setting(
        "linear",
        title=N_("Head"),
        help=N_("What is put on top of the backbone, and always learns."),
        group=N_("Model"),
        labels={
            "linear": N_("one linear layer"),
            "wide": N_("4096, 4096, with dropout"),
            "dense": N_("1000, then softmax"),
            "original": N_("as the backbone's own was"),
        },
    )
    side: int = setting(
        128,
        title=N_("Side"),
        help=N_("Pixels of a side of what a backbone of photographs gets to see."),
        group=N_("Model"),
        low=64,
        high=224,
        step=4,
        unit="px",
    )
    scaling: Literal["backbone", "half"] = setting(
        "backbone",
        title=N_("Brightness"),
        help=N_("How pixels are scaled: as the backbone has learned them, or by 0.5 and 0.5."),
        group=N_("Model"),
        labels={"backbone": N_("as the backbone knows it"), "half": "0.5 / 0.5"},
    )
    model_1: ModelName = _model(1, "linear")
    model_2: ModelName = _model(2, "small")
    model_3: ModelName = _model(3, "frozen")
    model_4: ModelName = _model(4, "none")
    model_5: ModelName = _model(5, "none")
    weights: str = setting(
        "",
        title=N_("Weights"),
        help=N_("How much each model counts in the weighted average, as 0.6,0.4."),
        group=N_("Models"),
        hidden=True,
        max_length=60,
        pattern=r"^((0(\.\d{1,4})?|1(\.0{1,4})?)(,(0(\.\d{1,4})?|1(\.0{1,4})?)){0,4})?$",
        live=True,
    )
    augmentation: Literal["none", "gentle", "strong"] = setting(
        "none",
        title=N_("Augmentation"),
        help=N_(
            "How training pictures are changed at random, so that more can be learned from each."
        ),
        group=N_("Learning"),
        labels={
            "none": N_("none"),
            "gentle": N_("turned and shifted a little"),
            "strong": N_("mirrored, turned, shifted, slanted, zoomed"),
        },
    )
    optimiser: Literal["sgd", "momentum", "adam", "adamw"] = setting(
        "adamw",
        title=N_("Optimiser"),
        help=N_("How a gradient becomes a step."),
        group=N_("Learning"),
        labels={"sgd": "SGD", "momentum": N_("Momentum"), "adam": "Adam", "adamw": "AdamW"},
    )
    learning_rate: float = fields.learning_rate(0.003)
    backbone_rate: float = setting(
        0.0003,
        title=N_("Rate of the backbone"),
        help=N_("Size of each step of unfrozen layers; mostly a tenth of the head's."),
        group=N_("Learning"),
        low=1e-7,
        high=10.0,
        slider_high=1.0,
        scale="log",
        live=True,
        shown_if=COMPARED,
    )
    schedule: fields.Schedule = fields.schedule("cosine")
    l2: float = fields.l2(0.02)
    epochs: int = setting(
        60,
        title=N_("Epochs"),
        help=N_(
            "How often training goes through its pictures; of few or many, steps of one batch."
        ),
        group=N_("Learning"),
        low=1,
        high=500,
        scale="log",
        essential=True,
    )
    batch_size: int = setting(
        64,
        title=N_("Batch size"),
        help=N_("Pictures per step."),
        group=N_("Learning"),
        low=2,
        high=1024,
        step=1,
    )
    members: int = setting(
        0,
        title=N_("Seeds"),
        help=N_(
            "How often everything is done, each time with other pictures and weights; 0: five times, "
            "once with photographs."
        ),
        group=N_("Learning"),
        low=0,
        high=10,
        step=1,
        shown_if=COMPARED,
    )

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models that are fused."""
        chosen = (self.model_1, self.model_2, self.model_3, self.model_4, self.model_5)
        return tuple(name for name in chosen if name != "none")

    @property
    def repeats(self) -> int:
        """How often everything is done."""
        return self.members or (1 if self.data in PHOTOGRAPHS else 5)

    def shares(self, count: int) -> list[float]:
        """The weights of so many models, which add up to 1; equal where none are said."""
        said = [float(part) for part in self.weights.split(",") if part][:count]
        said += [0.0 if said else 1.0] * (count - len(said))
        total = sum(said)
        return [value / total if total else 1 / count for value in said]


def _accuracy(name: str, title: str, help: str = "", *, shown: bool = True) -> Metric:
    return Metric(name, title, "higher", help, shown)


OVER_SEEDS = N_("Share of the test pictures that are told right; the mean over the seeds.")
ALL_TEST = N_("Share of the test pictures that are told right; at the end, of all of them.")
METRICS = (
    _accuracy("test_accuracy_scratch", N_("From scratch"), OVER_SEEDS),
    _accuracy("test_accuracy_frozen", N_("Frozen"), OVER_SEEDS),
    _accuracy("test_accuracy_tuned", N_("Fine-tuned"), OVER_SEEDS),
    _accuracy("test_accuracy_model_1", N_("Model 1"), ALL_TEST),
    _accuracy("test_accuracy_model_2", N_("Model 2"), ALL_TEST),
    _accuracy("test_accuracy_model_3", N_("Model 3"), ALL_TEST),
    _accuracy("test_accuracy_model_4", N_("Model 4"), ALL_TEST),
    _accuracy("test_accuracy_model_5", N_("Model 5"), ALL_TEST),
    _accuracy("test_accuracy_vote", N_("Majority vote"), ALL_TEST),
    _accuracy("test_accuracy_average", N_("Average"), ALL_TEST),
    _accuracy("test_accuracy_weighted", N_("Weighted average"), ALL_TEST),
    _accuracy("test_accuracy_stacked", N_("Stacking"), ALL_TEST),
    Metric(
        "train_loss", N_("Loss"), "lower", N_("Cross-entropy in nats, the mean of all that learn.")
    ),
    _accuracy("train_accuracy_frozen", N_("Training pictures, frozen"), shown=False),
    _accuracy("train_accuracy_tuned", N_("Training pictures, fine-tuned"), shown=False),
    _accuracy("train_accuracy_scratch", N_("Training pictures, from scratch"), shown=False),
)

SPEC = TopicSpec(
    name="transfer",
    title=N_("Transfer learning"),
    icon=":material/conversion_path:",
    order=40,
    group="See",
    summary=N_("A few pictures are enough for a network that has seen many others before."),
    config=TransferConfig,
    metrics=METRICS,
    curves=("test_accuracy_scratch", "test_accuracy_frozen", "test_accuracy_tuned"),
    presets=PRESETS,
    seeds=("seed", "data_seed"),
    target="classes",
    afterwards=("weights",),
    forks=False,
    picture_side=PHOTO_SIDE,
    code=("contestants.Contestant", "nets.TransferNet", "fusion.fused", "useful.shapley"),
)
