"""Presets of the transfer topic: ours, and published experiments."""

from __future__ import annotations

from engine.spec import Preset, Published
from engine.words import N_

BOOK_F = N_("PyTorch 深度学习框架, 2021")
BOOK_D = N_("The Deep Learning Workshop, Packt 2020")
OURS = N_("this gallery")
AVAILABLE = N_(
    "Needs photographs in GALLERY_PICTURES_DIR, and ImageNet weights, which are downloaded once. On "
    "a processor this takes long; the heads of VGG-16 alone have 120 million weights, for which "
    "GALLERY_MEMORY has to allow 4,000 MB."
)

PHOTOS = dict(data="hymenoptera", images=0, side=224, epochs=20)
PUBLISHED = dict(side=224, images=0, scratch=False, tuned=False, schedule="constant", l2=0.0)
THREE = dict(
    task="fusion", images=300, model_1="lenet5", model_2="small", model_3="small", epochs=15
)


def _at_least(name: str, value: float) -> Published:
    return Published(name, value, "at least", value)


PRESETS = (
    Preset("digits", N_("Five digits of each"), {}),
    Preset("one", N_("One digit of each"), dict(images=1), recorded=False),
    Preset("sizes", N_("From 1 to 50 digits of each"), dict(task="sizes", members=3)),
    Preset(
        "halves",
        N_("CIFAR-10: from five classes to five others"),
        dict(data="cifar10-second", images=10, members=2, epochs=30),
    ),
    Preset("ants", N_("Ants and bees"), PHOTOS),
    Preset(
        "T3",
        N_("Fusion: vote, average, weights"),
        dict(task="fusion", images=20, model_1="mlp", model_2="small", model_3="lstm"),
        source=BOOK_F,
    ),
    Preset("T3-mnist", N_("Fusion on MNIST"), dict(THREE, data="mnist"), recorded=False),
    Preset(
        "T3-fashion",
        N_("Fusion on Fashion-MNIST"),
        dict(THREE, data="fashion-mnist"),
        recorded=False,
    ),
    Preset(
        "T3-cifar10",
        N_("Fusion on CIFAR-10"),
        dict(THREE, data="cifar10"),
    ),
    Preset(
        "T1",
        N_("VGG-16, frozen: cats and dogs"),
        dict(
            PUBLISHED,
            data="cats-dogs",
            backbone="vgg16",
            head="wide",
            optimiser="adam",
            learning_rate=1e-5,
            batch_size=16,
            epochs=4,
        ),
        source=BOOK_F,
        note=AVAILABLE,
        recorded=False,
    ),
    Preset(
        "T2",
        N_("VGG-16 and ResNet-50 fused: cats and dogs"),
        dict(
            task="fusion",
            data="cats-dogs",
            images=0,
            model_1="vgg16",
            model_2="resnet50",
            model_3="none",
            weights="0.6,0.4",
            head="original",
            side=224,
            scaling="half",
            optimiser="adam",
            learning_rate=1e-5,
            schedule="constant",
            l2=0.0,
            batch_size=16,
            epochs=4,
        ),
        (
            _at_least("test_accuracy_weighted", 0.982),
            _at_least("test_accuracy_model_1", 0.9784),
            _at_least("test_accuracy_model_2", 0.9772),
        ),
        source=BOOK_F,
        note=AVAILABLE,
        recorded=False,
        repeated=False,
    ),
    Preset(
        "T4",
        N_("VGG-16, frozen: fruit"),
        dict(
            PUBLISHED,
            data="fruit",
            backbone="vgg16",
            head="dense",
            side=100,
            augmentation="strong",
            optimiser="adam",
            learning_rate=1e-3,
            batch_size=16,
            epochs=5,
        ),
        (_at_least("test_accuracy_frozen", 0.892), _at_least("train_accuracy_frozen", 0.911)),
        source=BOOK_D,
        note=AVAILABLE,
        recorded=False,
        repeated=False,
    ),
)
