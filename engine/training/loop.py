"""The training loop that all topics share; it fits on one screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from engine.events import Event
from engine.training.context import Context, Draw, Observer

Measure = Callable[[], Mapping[str, float]]
Save = Callable[[], Mapping[str, Any]]


def train(
    step: Callable[[], Any],
    *,
    steps: int,
    steps_per_epoch: int,
    context: Context,
    measure: Measure,
    draw: Draw | None = None,
    adapt: Callable[[], None] | None = None,
    stop: Callable[[], bool] | None = None,
    save: Save | None = None,
    observer: Observer | None = None,
) -> Iterator[Event]:
    """Call `step` until `steps` are done; yield metric, frame and note events as they are due.

    Parameters
    ----------
    step
        One optimisation step, which the topic owns; returns the loss (a number or a 0-d tensor).
    measure
        Metrics over the whole splits in eval mode, in original units.
    draw
        `(kind, arrays)` of the picture at this moment; the arrays may be a function that makes
        them later, from what it has copied.
    adapt
        Called after a live change and after weights were set by hand; reads `context.config` and
        `context.take_edits()`.
    stop
        Asked after every step whether training has reached its goal.
    save
        Everything needed to go on from this moment, as a flat `{name: tensor}`.
    observer
        Reads every measurement and gives the notes it calls for.

    Raises
    ------
    Cancelled
        When the visitor or the service ends the run.
    Diverged
        When the loss is not finite or has grown beyond bounds. Where reading the loss has to wait
        for the device (CUDA), this is seen when the next measurement is due.
    """
    context.observer = observer
    waits = context.device != "cpu"

    def report(k: int, now: bool) -> Iterator[Event]:
        return context.report(k, k / steps_per_epoch, measure, draw, now)

    first = context.fork_step
    yield from report(first, True)
    if save is not None:
        context.snapshot(first, save)
    for k in range(first + 1, steps + 1):
        if context.wanted():
            config = context.config
            yield from context.obey(partial(report, k - 1, True), adapt)
            if adapt is not None and context.config is not config:
                adapt()
        loss = step()
        if not waits and loss is not None:
            context.check(k, float(loss))
        last = k == steps or (stop is not None and stop())
        if not (context.due(k) or last):
            continue
        yield from report(k, last)
        if save is not None:
            context.snapshot(k, save)
        if last:
            break
    context.trained()
