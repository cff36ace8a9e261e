"""The training loop that all topics share; it fits on one screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from engine.errors import GalleryError
from engine.events import Event
from engine.training.context import Context, finite
from engine.words import _

Measure = Callable[[], Mapping[str, float]]
Draw = Callable[[], tuple[str, Mapping[str, Any]]]


class Diverged(GalleryError):
    """The loss is no longer a finite number."""

    code = "diverged"

    def __init__(self, step: int) -> None:
        super().__init__(
            _(
                "Diverged, seen at step {step}: the loss is not finite. Try a smaller learning rate."
            ).format(step=step)
        )


def train(
    step: Callable[[], None],
    *,
    steps: int,
    steps_per_epoch: int,
    context: Context,
    measure: Measure,
    draw: Draw | None = None,
    adapt: Callable[[], None] | None = None,
    stop: Callable[[Mapping[str, float]], bool] | None = None,
) -> Iterator[Event]:
    """Call `step` up to `steps` times; yield metric, frame and note events as they are due.

    Parameters
    ----------
    step
        One optimisation step; the topic owns it.
    measure
        Metrics over the whole splits in eval mode, in original units.
    draw
        `(kind, arrays)` of the picture at this moment.
    adapt
        Called after a live change; reads `context.config`.
    stop
        A stop condition on the measured metrics, tested whenever they are measured.

    Raises
    ------
    Cancelled
        When the visitor or the service ends the run.
    Diverged
        When a measured value is not a finite number.
    """

    def report(k: int, now: bool) -> Iterator[Event]:
        return context.report(k, k / steps_per_epoch, measure, draw, now)

    yield from report(0, True)
    for k in range(1, steps + 1):
        if context.wanted():
            config = context.config
            yield from context.obey(partial(report, k - 1, True))
            if adapt is not None and context.config is not config:
                adapt()
        step()
        if not context.due(k):
            continue
        for event in report(k, k == steps):
            if event.type == "metric" and not finite(event.data["values"]):
                raise Diverged(k)
            yield event
            if stop is not None and event.type == "metric" and stop(event.data["values"]):
                return
