"""Settings of the faulty topic."""

from __future__ import annotations

from typing import Literal

from engine.config import Config, setting
from engine.spec import TopicSpec


class FaultyConfig(Config):
    """What goes wrong, and when."""

    fault: Literal[
        "none",
        "raise",
        "exit",
        "kill",
        "hang",
        "deaf",
        "memory",
        "diverge",
        "huge_frame",
        "silent",
        "slow_files",
    ] = setting("none", title="Fault", help="What goes wrong.", group="Fault")
    steps: int = setting(20, title="Steps", help="Steps.", group="Fault", low=1, high=10**9)
    rate: float = setting(
        0.1, title="Rate", help="Rate.", group="Fault", low=0.0, high=1.0, live=True
    )


SPEC = TopicSpec(
    name="faulty",
    title="Faulty",
    icon=":material/error:",
    order=999,
    group="Learn",
    summary="Misbehaves.",
    config=FaultyConfig,
    metrics=(),
    curves=("train_loss",),
)
