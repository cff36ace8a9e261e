"""Settings of the benchmark topic (torch-free)."""

from __future__ import annotations

from typing import Literal

from engine.config import Config, setting
from engine.spec import Metric, TopicSpec


class BenchmarkConfig(Config):
    """Which network is trained, for how long, and whether it stops obeying."""

    network: Literal["small", "large"] = setting(
        "small",
        title="Network",
        help="9-8-4-1 on batches of 8, or one whose step costs over 5 ms.",
        group="Model",
        labels={"small": "Small", "large": "Large"},
    )
    epochs: int = setting(
        100,
        title="Epochs",
        help="How often training goes through all rows.",
        group="Learning",
        low=1,
        high=10**6,
        scale="log",
    )
    hang: bool = setting(
        False,
        title="Hang",
        help="On: the tenth step never ends.",
        group="Learning",
    )


SPEC = TopicSpec(
    name="benchmark",
    title="Benchmark",
    icon=":material/timer:",
    order=1000,
    group="Fit",
    summary="Networks that cost little and much.",
    config=BenchmarkConfig,
    metrics=tuple(
        Metric(f"{split}_{metric}", f"{split} {metric}")
        for split in ("train", "val")
        for metric in ("mse", "mae", "r2")
    ),
    curves=("train_mse", "val_mse"),
)
