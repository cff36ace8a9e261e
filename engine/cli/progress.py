"""A run in plain words: what began, how far it is, what there is to note."""

from __future__ import annotations

import sys

import click
from tqdm import tqdm

from engine.events import Event
from engine.spec import TopicSpec
from engine.words import _


class Progress:
    """Shows events on stderr; the bar appears on a terminal only."""

    def __init__(self, spec: TopicSpec) -> None:
        self._spec = spec
        self._bar: tqdm[None] | None = None

    def show(self, event: Event) -> None:
        """Show one event; kinds that are pictures are passed over."""
        if event.type == "queued":
            self._say(_("waiting for a place (number {rank})").format(rank=event.data["rank"]))
        elif event.type == "progress":
            self._prepare(**event.data)
        elif event.type == "started":
            self._start(event)
        elif event.type == "metric" and self._bar is not None:
            self._advance(self._bar, event)
        elif event.type == "note":
            self._say(event.data["text"])
        elif event.terminal:
            self._end(event)

    def _prepare(self, text: str, share: float) -> None:
        if self._bar is None:
            self._bar = tqdm(total=100, unit="%", file=sys.stderr, disable=None, leave=False)
        self._bar.set_description_str(text, refresh=False)
        self._bar.update(round(100 * share) - self._bar.n)

    def _start(self, event: Event) -> None:
        if self._bar is not None:
            self._bar.close()
        text = _("{topic} on {device}: {parameters} parameters, {samples} samples, {steps} steps")
        total = event.data["steps_total"]
        self._say(
            text.format(
                topic=_(self._spec.title),
                device=event.data["device"],
                parameters=event.data["parameters"],
                samples=event.data["samples"],
                steps=total,
            )
        )
        # `disable=None`: not where stderr is a file
        self._bar = tqdm(total=total, unit=_("step"), file=sys.stderr, disable=None, leave=False)

    def _advance(self, bar: tqdm[None], event: Event) -> None:
        values = event.data["values"]
        shown = [f"{name} {values[name]:.5g}" for name in self._spec.curves if name in values]
        bar.set_postfix_str(" ".join(shown), refresh=False)
        bar.update((event.step or 0) - bar.n)

    def _end(self, event: Event) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        if event.type != "done":
            message = event.data.get("message", "")
            self._say(f"{event.type}: {message}" if message else event.type)

    def _say(self, text: str) -> None:
        if self._bar is not None:
            self._bar.clear()
        click.echo(text, err=True)
