"""Settings, metrics and presets of the classification topic (torch-free)."""

from __future__ import annotations

from typing import Literal

from engine import fields
from engine.config import Config, setting
from engine.spec import Metric, TopicSpec
from engine.topics.classification.presets import PRESETS
from engine.words import N_

MADE = ("xor", "circles", "moons", "blobs", "spirals", "three-spirals", "checkerboard")
"""Data sets of points on a plane that are made from numbers, noise and a seed."""
PLANE = (*MADE, "drawn")
BUNDLED = ("iris", "wine", "breast-cancer", "digits")
"""Tables that come with scikit-learn."""
DOWNLOADED = ("sonar", "credit", "mnist", "fashion-mnist")
TABLES = (*BUNDLED, *DOWNLOADED, "own")
OFFICIAL_TEST = ("mnist", "fashion-mnist")
"""Data that bring a test part of their own."""

MADE_ONLY = ("data", MADE)
PLANE_ONLY = ("data", PLANE)
SPLIT_ONLY = ("data", tuple(name for name in TABLES if name not in OFFICIAL_TEST))

DRAWN_POINTS = 400
"""Points that a visitor may put down."""
DRAWN_CLASSES = 6
MOST_LAYERS = 6
MOST_UNITS = 512
MOST_SEEDS = 20
MOST_VARIANTS = 64
MOST_MEMBERS = 256
"""Networks that are trained at once: variants × seeds."""

SWEPT = (
    "learning_rate",
    "units",
    "layers",
    "samples",
    "noise",
    "label_noise",
    "imbalance",
    "data_seed",
    "batch_size",
    "epochs",
    "dropout",
    "input_noise",
    "l1",
    "l2",
)
"""What a sweep may vary; `units` stands for the units of every hidden layer."""


def _units(layer: int, default: int) -> int:
    number: int = setting(
        default,
        title=(
            N_("Units of layer 1"),
            N_("Units of layer 2"),
            N_("Units of layer 3"),
            N_("Units of layer 4"),
            N_("Units of layer 5"),
            N_("Units of layer 6"),
        )[layer - 1],
        help=N_("Neurons of this hidden layer; each draws one line through its inputs."),
        group=N_("Model"),
        low=1,
        high=MOST_UNITS,
        slider_high=32,
        step=1,
        essential=layer < 3,
        shown_if=("layers", tuple(range(layer, MOST_LAYERS + 1))),
    )
    return number


class ClassificationConfig(Config):
    """Points or rows of several classes, a network, and how it learns."""

    data: Literal[
        "xor",
        "circles",
        "moons",
        "blobs",
        "spirals",
        "three-spirals",
        "checkerboard",
        "drawn",
        "iris",
        "wine",
        "breast-cancer",
        "digits",
        "sonar",
        "credit",
        "mnist",
        "fashion-mnist",
        "own",
    ] = setting(
        "spirals",
        title=N_("Data"),
        help=N_("What the network has to tell apart."),
        group=N_("Data"),
        essential=True,
        labels={
            "xor": "XOR",
            "circles": N_("Circles"),
            "moons": N_("Moons"),
            "blobs": N_("Blobs"),
            "spirals": N_("Two spirals"),
            "three-spirals": N_("Three spirals"),
            "checkerboard": N_("Checkerboard"),
            "drawn": N_("My own points"),
            "iris": N_("Iris flowers (4 features)"),
            "wine": N_("Wines (13 features)"),
            "breast-cancer": N_("Breast cancer (30 features)"),
            "digits": N_("Digits, 8 × 8 pixels"),
            "sonar": N_("Sonar: rock or mine (60 features)"),
            "credit": N_("Credit default (22 features)"),
            "mnist": N_("MNIST digits, 28 × 28 pixels"),
            "fashion-mnist": N_("Fashion-MNIST, 28 × 28 pixels"),
            "own": N_("My own table"),
        },
    )
    samples: int = setting(
        500,
        title=N_("Points"),
        help=N_("Number of points that are generated."),
        group=N_("Data"),
        low=10,
        high=2000,
        step=10,
        essential=True,
        shown_if=MADE_ONLY,
    )
    noise: float = setting(
        0.0,
        title=N_("Noise"),
        help=N_("Standard deviation of the error of every position; the data reach from -1 to 1."),
        group=N_("Data"),
        low=0.0,
        high=0.5,
        step=0.01,
        essential=True,
        shown_if=MADE_ONLY,
    )
    classes: int = setting(
        3,
        title=N_("Classes"),
        help=N_("Number of clouds of points."),
        group=N_("Data"),
        low=2,
        high=6,
        step=1,
        essential=True,
        shown_if=("data", ("blobs",)),
    )
    imbalance: float = setting(
        1.0,
        title=N_("Balance"),
        help=N_("Size of the last class, relative to each of the others; 1 is balanced."),
        group=N_("Data"),
        low=0.02,
        high=1.0,
        step=0.02,
        shown_if=MADE_ONLY,
    )
    label_noise: float = setting(
        0.0,
        title=N_("Wrong labels"),
        help=N_("Share of the rows to learn from that get the label of another class."),
        group=N_("Data"),
        low=0.0,
        high=0.5,
        step=0.01,
    )
    validation: float = setting(
        0.5,
        title=N_("Held out"),
        help=N_("Share of the rows kept aside to measure how well unseen ones are told apart."),
        group=N_("Data"),
        low=0.0,
        high=0.9,
        step=0.05,
    )
    test_share: float = setting(
        0.2,
        title=N_("Test part"),
        help=N_("Share of the table that is only ever measured; the same rows for a data seed."),
        group=N_("Data"),
        low=0.0,
        high=0.5,
        step=0.05,
        shown_if=SPLIT_ONLY,
    )
    oversample: Literal["none", "training", "before"] = setting(
        "none",
        title=N_("Repeat rare classes"),
        help=N_(
            "Repeats rows until all classes are equally large. Done before the split, copies of "
            "test rows leak into training, and the measured accuracy is too good."
        ),
        group=N_("Data"),
        labels={
            "none": N_("no"),
            "training": N_("training rows"),
            "before": N_("before the split (leaks)"),
        },
    )
    data_seed: int = setting(
        0,
        title=N_("Data seed"),
        help=N_("Number that fixes which points are generated and which are held out."),
        group=N_("Data"),
        low=0,
        high=2**31 - 1,
        step=1,
    )
    drawn: str = setting(
        "",
        title=N_("My own points"),
        help=N_("Points that were put down on the plot, as x,y,class;x,y,class."),
        group=N_("Data"),
        hidden=True,
        max_length=12_000,
    )
    table: str = setting(
        "",
        title=N_("My own table"),
        help=N_("Checksum of the table that was loaded; its rows stay with this visit."),
        group=N_("Data"),
        hidden=True,
        max_length=64,
        pattern="^([0-9a-f]{64})?$",
    )
    scaling: Literal["none", "standard", "range"] = setting(
        "standard",
        title=N_("Scaling"),
        help=N_("Brings every input to mean 0 and standard deviation 1, or to the range 0 to 1."),
        group=N_("Data"),
        labels={"none": N_("none"), "standard": N_("standard"), "range": N_("0 to 1")},
    )
    squares: bool = setting(
        False,
        title=N_("Inputs x² and y²"),
        help=N_("Gives the network the squares too; a circle becomes a straight line."),
        group=N_("Model"),
        shown_if=PLANE_ONLY,
    )
    product: bool = setting(
        False,
        title=N_("Input x·y"),
        help=N_("Gives the network the product too; XOR becomes a straight line."),
        group=N_("Model"),
        shown_if=PLANE_ONLY,
    )
    sines: bool = setting(
        False,
        title=N_("Inputs sin x and sin y"),
        help=N_("Gives the network sines too (of 3x and 3y), which help with waves."),
        group=N_("Model"),
        shown_if=PLANE_ONLY,
    )
    layers: int = setting(
        2,
        title=N_("Hidden layers"),
        help=N_("0 is logistic (softmax) regression, which can only draw straight lines."),
        group=N_("Model"),
        low=0,
        high=MOST_LAYERS,
        step=1,
        essential=True,
    )
    units_1: int = _units(1, 8)
    units_2: int = _units(2, 8)
    units_3: int = _units(3, 8)
    units_4: int = _units(4, 8)
    units_5: int = _units(5, 8)
    units_6: int = _units(6, 8)
    activation: Literal["relu", "leaky-relu", "tanh", "sigmoid", "gelu", "sine"] = setting(
        "tanh",
        title=N_("Activation"),
        help=N_("The bend each neuron applies to its sum."),
        group=N_("Model"),
        essential=True,
        labels={
            "relu": "ReLU",
            "leaky-relu": N_("leaky ReLU"),
            "tanh": "tanh",
            "sigmoid": N_("sigmoid"),
            "gelu": "GELU",
            "sine": N_("sine"),
        },
    )
    normalisation: Literal["none", "batch", "layer"] = setting(
        "none",
        title=N_("Normalisation"),
        help=N_("Brings sums to mean 0 and variance 1, over the batch or over the layer."),
        group=N_("Model"),
        labels={"none": N_("none"), "batch": N_("batch"), "layer": N_("layer")},
    )
    dropout: float = setting(
        0.0,
        title=N_("Dropout"),
        help=N_("Share of the hidden neurons that are silent in each step."),
        group=N_("Model"),
        low=0.0,
        high=0.8,
        step=0.05,
        live=True,
    )
    input_noise: float = setting(
        0.0,
        title=N_("Input noise"),
        help=N_("Standard deviation of the noise on the inputs while the network trains."),
        group=N_("Model"),
        low=0.0,
        high=1.0,
        step=0.01,
        live=True,
    )
    initialisation: Literal["pytorch", "xavier", "he", "large", "zero"] = setting(
        "xavier",
        title=N_("Initialisation"),
        help=N_("How large the random weights are at the start; zero keeps all neurons alike."),
        group=N_("Model"),
        labels={
            "pytorch": N_("as PyTorch does"),
            "xavier": "Xavier (Glorot)",
            "he": "He (Kaiming)",
            "large": N_("much too large"),
            "zero": N_("zero"),
        },
    )
    optimiser: fields.Optimiser = fields.optimiser()
    learning_rate: float = fields.learning_rate(0.05)
    schedule: fields.Schedule = fields.schedule()
    l1: float = fields.l1(live=True)
    l2: float = fields.l2(0.0005, step=0.0005, live=True)
    class_weights: bool = setting(
        False,
        title=N_("Weight the classes"),
        help=N_("Counts an error the more, the rarer its class."),
        group=N_("Learning"),
    )
    epochs: int = setting(
        1000,
        title=N_("Epochs"),
        help=N_("How often training goes through all rows."),
        group=N_("Learning"),
        low=1,
        high=20_000,
        scale="log",
    )
    batch_size: int = setting(
        0,
        title=N_("Batch size"),
        help=N_("Rows per step; 0 takes all of them at once."),
        group=N_("Learning"),
        low=0,
        high=1024,
        step=1,
        essential=True,
    )
    patience: int = fields.patience()
    target_accuracy: float = setting(
        0.0,
        title=N_("Target accuracy"),
        help=N_("Training stops once its accuracy is at least this; 0 never."),
        group=N_("Learning"),
        low=0.0,
        high=1.0,
        step=0.01,
    )
    seeds: int = setting(
        1,
        title=N_("Seeds at once"),
        help=N_("How many networks learn side by side, each from its own random start."),
        group=N_("Learning"),
        low=1,
        high=MOST_SEEDS,
        step=1,
    )
    folds: int = setting(
        0,
        title=N_("Cross-validation"),
        help=N_("Folds, each left out once while a network learns the others; 0 or 1 is none."),
        group=N_("Learning"),
        low=0,
        high=10,
        step=1,
    )
    sweep: Literal[
        "none",
        "learning_rate",
        "units",
        "layers",
        "samples",
        "noise",
        "label_noise",
        "imbalance",
        "data_seed",
        "batch_size",
        "epochs",
        "dropout",
        "input_noise",
        "l1",
        "l2",
    ] = setting(
        "none",
        title=N_("Sweep"),
        help=N_("Trains many variants at the same time that differ in one setting."),
        group=N_("Sweep"),
        essential=True,
        labels={
            "none": N_("one network"),
            "learning_rate": N_("Learning rate"),
            "units": N_("Units of every layer"),
            "layers": N_("Hidden layers"),
            "samples": N_("Points"),
            "noise": N_("Noise"),
            "label_noise": N_("Wrong labels"),
            "imbalance": N_("Balance"),
            "data_seed": N_("Data seed"),
            "batch_size": N_("Batch size"),
            "epochs": N_("Epochs"),
            "dropout": N_("Dropout"),
            "input_noise": N_("Input noise"),
            "l1": N_("L1 penalty"),
            "l2": N_("L2 penalty"),
        },
    )
    variants: int = setting(
        16,
        title=N_("Variants"),
        help=N_("How many values of that setting are tried, evenly spaced."),
        group=N_("Sweep"),
        low=2,
        high=MOST_VARIANTS,
        step=1,
        essential=True,
        shown_if=("sweep", SWEPT),
    )
    sweep_from: float = setting(
        0.0,
        title=N_("From"),
        help=N_("Lowest value; where both ends are 0, a range that is usual for the setting."),
        group=N_("Sweep"),
        low=0.0,
        high=1e4,
        step=0.001,
        essential=True,
        shown_if=("sweep", SWEPT),
    )
    sweep_to: float = setting(
        0.0,
        title=N_("To"),
        help=N_("Highest value; where both ends are 0, a range that is usual for the setting."),
        group=N_("Sweep"),
        low=0.0,
        high=1e4,
        step=0.001,
        essential=True,
        shown_if=("sweep", SWEPT),
    )

    @property
    def widths(self) -> tuple[int, ...]:
        """Neurons of each hidden layer."""
        return tuple(getattr(self, f"units_{i}") for i in range(1, self.layers + 1))


METRICS = (
    Metric("train_accuracy", N_("Train accuracy"), "higher"),
    Metric("val_accuracy", N_("Validation accuracy"), "higher"),
    Metric("test_accuracy", N_("Test accuracy"), "higher"),
    Metric(
        "cv_accuracy",
        N_("Cross-validated accuracy"),
        "higher",
        N_("Every row is answered by a network that has not seen its fold."),
    ),
    Metric(
        "train_balanced_accuracy",
        N_("Train balanced accuracy"),
        "higher",
        N_("Mean over the classes of the share that is found."),
        shown=False,
    ),
    Metric("val_balanced_accuracy", N_("Validation balanced accuracy"), "higher"),
    Metric("test_balanced_accuracy", N_("Test balanced accuracy"), "higher"),
    Metric(
        "train_auc",
        N_("Train AUC"),
        "higher",
        N_("Area under the ROC curve; of several classes the mean of each against the rest."),
        shown=False,
    ),
    Metric("val_auc", N_("Validation AUC"), "higher"),
    Metric("test_auc", N_("Test AUC"), "higher"),
    Metric(
        "train_ece",
        N_("Train calibration error"),
        "lower",
        N_("Mean gap between confidence and accuracy over ten bins (Guo et al. 2017)."),
        shown=False,
    ),
    Metric("val_ece", N_("Validation calibration error"), "lower"),
    Metric("test_ece", N_("Test calibration error"), "lower"),
    Metric("train_loss", N_("Loss"), "lower", N_("Cross-entropy, with penalties, in nats.")),
    Metric("val_loss", N_("Validation loss"), "lower", shown=False),
    Metric("test_loss", N_("Test loss"), "lower", shown=False),
    Metric("gradient", N_("Gradient"), shown=False),
    Metric("gradient_first", N_("Gradient of the first layer"), shown=False),
    Metric("gradient_last", N_("Gradient of the last layer"), shown=False),
    Metric("dead_units", N_("Share of dead units"), shown=False),
)

SPEC = TopicSpec(
    name="classification",
    title=N_("Classification"),
    icon=":material/scatter_plot:",
    order=20,
    group="Fit",
    summary=N_("A boundary bends until every class has its place."),
    config=ClassificationConfig,
    metrics=METRICS,
    curves=("train_accuracy", "val_accuracy", "test_accuracy"),
    presets=PRESETS,
    seeds=("seed", "data_seed"),
    target="classes",
    editable={"seeds": 1, "sweep": "none"},
    code=(
        "stacked.Stacked",
        "stacked.objective",
        "steps.Group",
        "models.network",
    ),
)
