"""Presets of the CNN topic: published experiments, better settings, ways to break it."""

from __future__ import annotations

from engine.spec import Preset, Published
from engine.words import N_

BOOK_F = N_("PyTorch 深度学习框架, 2021")
BOOK_P = N_("The Deep Learning with PyTorch Workshop, Packt 2020")
BOOK_D = N_("The Deep Learning Workshop, Packt 2020")
OURS = N_("this gallery; the published figure is that of {id}")

PLAIN = dict(validation=0.0, standardise=False, learning_rate=0.001)
N2 = dict(
    data="cifar10",
    architecture="n2",
    standardise=False,
    dropout=0.2,
    learning_rate=0.001,
    batch_size=100,
)
N3 = dict(N2, standardise=True, flip=0.5, grey=0.1, epochs=100)
TURNED = dict(
    architecture="own",
    rotate=10.0,
    zoom=0.1,
    optimiser="adamw",
    l2=0.02,
    schedule="one-cycle",
)
LOSSY = N_(
    "Measured on the pictures that are at hand: where only a JPEG copy of CIFAR-10 is, two to "
    "three percent less count as reproduced. The source leaves the scaling of the pixels open: N2 "
    "takes them from 0 to 1 (standardised: 69.5 %), N3 and N4 standardise (N3 from 0 to 1: 72.5 %)."
)


def _test(value: float, target: float | None = None) -> tuple[Published, ...]:
    """A published test accuracy, and what counts as reaching it."""
    return (Published("test_accuracy", value, "at least", value if target is None else target),)


PRESETS = (
    Preset("digits", N_("Digits in two seconds"), {}),
    Preset(
        "digits+",
        N_("Digits, to the end"),
        dict(
            TURNED,
            blocks=(
                "conv:32:3,norm,relu,conv:32:3,norm,relu,maxpool:2,dropout:0.2,"
                "conv:64:3,norm,relu,gap"
            ),
            shift=0.08,
            learning_rate=0.01,
            epochs=40,
        ),
        source=N_("this gallery"),
        recorded=False,
    ),
    Preset(
        "N1",
        N_("MNIST and two convolutions"),
        dict(PLAIN, data="mnist", architecture="n1", batch_size=50, epochs=3),
        _test(0.985),
        source=BOOK_F,
        repeated=False,
    ),
    Preset(
        "N1+",
        N_("MNIST, to the end"),
        dict(
            TURNED,
            data="mnist",
            validation=0.0,
            blocks=(
                "conv:24:5,norm,relu,maxpool:2,conv:48:3,norm,relu,conv:48:3,norm,relu,maxpool:2,"
                "dropout:0.2,conv:96:3,norm,relu,conv:96:3,norm,relu,gap,dropout:0.2"
            ),
            shift=0.1,
            learning_rate=0.01,
            batch_size=128,
            epochs=12,
        ),
        _test(0.985, 0.995),
        source=N_("this gallery; the published figure is that of N1"),
        repeated=False,
        recorded=False,
    ),
    Preset(
        "N2",
        N_("CIFAR-10 and three convolutions"),
        dict(N2, epochs=50),
        _test(0.72, 0.70),
        source=BOOK_P,
        note=LOSSY,
        repeated=False,
    ),
    Preset(
        "N3",
        N_("CIFAR-10, mirrored and greyed"),
        N3,
        _test(0.75, 0.73),
        source=BOOK_P,
        note=LOSSY,
        repeated=False,
    ),
    Preset(
        "N4",
        N_("CIFAR-10 with batch norm"),
        dict(N3, normalisation=True),
        _test(0.78, 0.76),
        source=BOOK_P,
        note=LOSSY,
        repeated=False,
    ),
    Preset(
        "N5",
        N_("CIFAR-10 and a residual network"),
        dict(
            data="cifar10",
            validation=0.0,
            architecture="n5",
            normalisation=True,
            flip=0.5,
            crop=4,
            learning_rate=0.001,
            batch_size=100,
            epochs=80,
            precision="bfloat16",
        ),
        _test(0.8779, 0.87),
        source=BOOK_F,
        note=N_(
            "The source resizes training pictures to 40 pixels before it crops them; here they are "
            "padded. Its eighty epochs are computed in bfloat16, which takes half the time of float32: "
            "about two hours of one core, and more than the ten minutes of a hosted run."
        ),
        repeated=False,
    ),
    Preset(
        "N5+",
        N_("CIFAR-10, to the end"),
        dict(
            data="cifar10",
            validation=0.0,
            architecture="own",
            blocks=(
                "conv:32:3,norm,relu,conv:64:3,norm,relu,maxpool:2,residual:64,"
                "conv:128:3,norm,relu,maxpool:2,conv:256:3,norm,relu,maxpool:2,residual:256,"
                "gap,dropout:0.2"
            ),
            flip=0.5,
            crop=4,
            cutout=8,
            optimiser="adamw",
            l2=0.05,
            schedule="one-cycle",
            learning_rate=0.005,
            label_smoothing=0.1,
            batch_size=128,
            epochs=45,
            mirrored=True,
            precision="bfloat16",
        ),
        _test(0.8779, 0.90),
        source=N_("this gallery; the published figure is that of N5"),
        repeated=False,
    ),
    Preset(
        "N6",
        N_("Fashion-MNIST, turned and slanted"),
        dict(
            PLAIN,
            data="fashion-mnist",
            architecture="n6",
            rotate=40.0,
            shift=0.1,
            shear=0.2,
            zoom=0.2,
            flip=0.5,
            batch_size=16,
            epochs=5,
        ),
        _test(0.833),
        source=BOOK_D,
        repeated=False,
    ),
    Preset(
        "N6+",
        N_("Fashion-MNIST, to the end"),
        dict(
            data="fashion-mnist",
            validation=0.0,
            architecture="own",
            blocks=(
                "conv:32:3,norm,relu,conv:48:3,norm,relu,maxpool:2,residual:48,"
                "conv:96:3,norm,relu,maxpool:2,residual:96,residual:96,gap,dropout:0.2"
            ),
            flip=0.5,
            crop=2,
            cutout=6,
            optimiser="adamw",
            l2=0.05,
            schedule="one-cycle",
            learning_rate=0.008,
            batch_size=128,
            epochs=24,
            precision="bfloat16",
            mirrored=True,
        ),
        _test(0.833, 0.94),
        source=N_("this gallery; the published figure is that of N6"),
        repeated=False,
    ),
    Preset(
        "N7",
        N_("MNIST, read row by row"),
        dict(
            PLAIN,
            data="mnist",
            architecture="lstm",
            learning_rate=0.01,
            batch_size=100,
            epochs=2,
        ),
        _test(0.97),
        source=BOOK_F,
        repeated=False,
    ),
    Preset(
        "N8",
        N_("MNIST, read in both directions"),
        dict(
            PLAIN,
            data="mnist",
            architecture="bilstm",
            standardise=True,
            learning_rate=0.003,
            batch_size=100,
            epochs=2,
        ),
        _test(0.98),
        source=BOOK_F,
        note=N_(
            "The source leaves the scaling of the pixels open: standardised, 98 % is reached; from 0 "
            "to 1, two seeds stopped at 97.2 and 97.3 %."
        ),
        repeated=False,
    ),
    Preset(
        "N10",
        N_("CIFAR-10 and one convolution"),
        dict(PLAIN, data="cifar10", architecture="n10", batch_size=100, epochs=10),
        source=N_("a PyTorch tutorial, 2020"),
        repeated=False,
    ),
    Preset(
        "mnist-8x8",
        N_("A backbone of small MNIST digits"),
        dict(
            TURNED,
            data="mnist-8x8",
            validation=0.0,
            blocks=(
                "conv:24:3,norm,relu,conv:24:3,norm,relu,maxpool:2,"
                "conv:48:3,norm,relu,conv:48:3,norm,relu,maxpool:2,dropout:0.2"
            ),
            shear=0.15,
            shift=0.1,
            learning_rate=0.01,
            label_smoothing=0.05,
            batch_size=256,
            epochs=8,
        ),
        source=N_("this gallery, for the page Transfer learning"),
        recorded=False,
    ),
    Preset(
        "cifar10-first",
        N_("A backbone of half of CIFAR-10"),
        dict(
            data="cifar10-first",
            validation=0.0,
            architecture="own",
            blocks=(
                "conv:32:3,norm,relu,conv:64:3,norm,relu,maxpool:2,residual:64,"
                "conv:128:3,norm,relu,maxpool:2,residual:128,conv:192:3,norm,relu,maxpool:2,"
                "gap,dropout:0.2"
            ),
            flip=0.5,
            crop=4,
            cutout=8,
            optimiser="adamw",
            l2=0.05,
            schedule="one-cycle",
            learning_rate=0.005,
            label_smoothing=0.1,
            batch_size=128,
            epochs=24,
            mirrored=True,
            precision="bfloat16",
        ),
        source=N_("this gallery, for the page Transfer learning"),
        recorded=False,
    ),
)
