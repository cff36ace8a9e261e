"""Settings, metrics and presets of the regression topic (torch-free)."""

from __future__ import annotations

from typing import Literal

from engine.config import Config, setting
from engine.spec import Metric, Preset, Published, TopicSpec
from engine.words import N_

NETWORK_ONLY = ("model", ("mlp",))
GENERATED_ONLY = ("data", ("line", "sine"))


class RegressionConfig(Config):
    """One-variable regression with a straight line or a small network."""

    data: Literal["points", "line", "sine"] = setting(
        "sine",
        title=N_("Data"),
        help=N_("Which points the model has to fit."),
        group=N_("Data"),
        essential=True,
        labels={"points": N_("19 points"), "line": N_("Noisy line"), "sine": N_("Sine")},
    )
    samples: int = setting(
        128,
        title=N_("Points"),
        help=N_("Number of points that are generated."),
        group=N_("Data"),
        low=8,
        high=1024,
        step=8,
        essential=True,
        shown_if=GENERATED_ONLY,
    )
    noise: float = setting(
        0.2,
        title=N_("Noise"),
        help=N_("Standard deviation of the error added to every y."),
        group=N_("Data"),
        low=0.0,
        high=1.0,
        step=0.05,
        essential=True,
        shown_if=GENERATED_ONLY,
    )
    validation: float = setting(
        0.25,
        title=N_("Held out"),
        help=N_("Share of the points kept aside to measure how well unseen points are predicted."),
        group=N_("Data"),
        low=0.0,
        high=0.5,
        step=0.05,
    )
    model: Literal["linear", "mlp"] = setting(
        "mlp",
        title=N_("Model"),
        help=N_("A straight line, or a network that can bend."),
        group=N_("Model"),
        essential=True,
        labels={"linear": N_("Straight line"), "mlp": N_("Neural network")},
    )
    layers: int = setting(
        2,
        title=N_("Hidden layers"),
        help=N_("More layers allow more bends."),
        group=N_("Model"),
        low=1,
        high=6,
        step=1,
        essential=True,
        shown_if=NETWORK_ONLY,
    )
    units: int = setting(
        16,
        title=N_("Units"),
        help=N_("Neurons in each hidden layer."),
        group=N_("Model"),
        low=1,
        high=128,
        step=1,
        essential=True,
        shown_if=NETWORK_ONLY,
    )
    activation: Literal["tanh", "relu", "gelu", "sigmoid"] = setting(
        "tanh",
        title=N_("Activation"),
        help=N_("The bend each neuron applies to its sum."),
        group=N_("Model"),
        shown_if=NETWORK_ONLY,
        labels={"tanh": "tanh", "relu": "ReLU", "gelu": "GELU", "sigmoid": N_("sigmoid")},
    )
    optimiser: Literal["sgd", "adam"] = setting(
        "adam",
        title=N_("Optimiser"),
        help=N_("How a gradient becomes a step."),
        group=N_("Learning"),
        labels={"sgd": "SGD", "adam": "Adam"},
    )
    learning_rate: float = setting(
        0.01,
        title=N_("Learning rate"),
        help=N_("Size of each step; it can be changed while the model learns."),
        group=N_("Learning"),
        low=1e-5,
        high=1.0,
        scale="log",
        live=True,
        essential=True,
    )
    epochs: int = setting(
        1500,
        title=N_("Epochs"),
        help=N_("How often training goes through all points."),
        group=N_("Learning"),
        low=1,
        high=20_000,
        scale="log",
    )
    batch_size: int = setting(
        0,
        title=N_("Batch size"),
        help=N_("Points per step; 0 takes all of them at once."),
        group=N_("Learning"),
        low=0,
        high=1024,
        step=8,
    )


LEAST_SQUARES_R1 = 0.37169
"""MSE of the closed-form fit of R1's points: no line does better."""

PRESETS = (
    Preset(
        "R1",
        N_("A line through 19 points"),
        dict(
            data="points",
            validation=0.0,
            model="linear",
            optimiser="sgd",
            learning_rate=0.001,
            epochs=10_000,
        ),
        (Published("train_mse", 0.3775, "at most", 0.3776),),
        source=N_("PyTorch 深度学习框架, 2021"),
        note=N_("Least squares reaches 0.37169; the published run stops a little above it."),
    ),
    Preset(
        "R2",
        N_("A noisy line, y = 2x + 3"),
        dict(
            data="line",
            samples=256,
            noise=0.25,
            validation=0.0,
            model="linear",
            optimiser="adam",
            learning_rate=0.05,
            epochs=2000,
        ),
        (
            Published("slope", 2.0, "about", 2.0, 0.15),
            Published("intercept", 3.0, "about", 3.0, 0.10),
        ),
        source=N_("a PyTorch tutorial, 2020"),
        note=N_("The source fixes data and model; optimiser, rate and epochs are ours."),
    ),
    Preset("sine", N_("A network bends to a sine"), {}),
)

SPEC = TopicSpec(
    name="regression",
    title=N_("Regression"),
    icon=":material/show_chart:",
    order=10,
    group="Fit",
    summary=N_("A line, then a curve, finds its points."),
    config=RegressionConfig,
    metrics=(
        Metric("train_mse", N_("Train MSE"), "lower"),
        Metric("val_mse", N_("Validation MSE"), "lower"),
        Metric("train_mae", N_("Train MAE"), "lower"),
        Metric("val_mae", N_("Validation MAE"), "lower"),
        Metric("train_r2", N_("Train R²"), "higher"),
        Metric("val_r2", N_("Validation R²"), "higher"),
        Metric("train_loss", N_("Loss"), "lower", shown=False),
        Metric("slope", N_("Slope")),
        Metric("intercept", N_("Intercept")),
    ),
    curves=("train_mse", "val_mse"),
    presets=PRESETS,
)
