"""Where a job's output goes. Apart from `perform`, so that the UI process needs no torch."""

from __future__ import annotations

from typing import Any, Protocol

from engine.events import Event


class Sink(Protocol):
    """Receives what one job produces."""

    def event(self, event: Event) -> None: ...

    def artifact(self, name: str, payload: bytes) -> None: ...

    def frames(self, frames: list[dict[str, Any]]) -> None:
        """Log-spaced frames that came too quickly to be sent as events."""


class TaskSink(Sink, Protocol):
    """A sink that is also told when the job has left its slot."""

    def ended(self, reason: str | None) -> None:
        """The slot is free; `reason` explains an end without a terminal event."""
