"""The one record of a run, from which figures, exports, stores and tests all read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.events import Event, dumps

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings that make a spreadsheet take a text for a formula."""


def escaped(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula; numbers stay numbers."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


@dataclass
class History:
    """Settings, metrics, frames, notes and the end of one run.

    Attributes
    ----------
    metrics : dict
        Columns of equal length: `step`, `epoch`, `time`, and one for each metric name
        (None where it was not measured).
    frames : list of dict
        `{"kind", "step", "data"}`, by step; the log-spaced ones and the last.
    fork : dict or None
        `{"run", "step"}`: the run that this one continues, and from where; `"edits"` are the
        weights that were set by hand there, by index.
    """

    run: str = ""
    topic: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    started: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, list[Any]] = field(
        default_factory=lambda: {"step": [], "epoch": [], "time": []}
    )
    frames: list[dict[str, Any]] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    terminal: dict[str, Any] | None = None
    fork: dict[str, Any] | None = None

    def append(self, event: Event) -> None:
        """Record one event. Events after the terminal one are ignored."""
        if self.terminal is not None:
            return
        recorder = getattr(self, f"_on_{event.type}", None)
        if event.terminal:
            self.terminal = {"type": event.type, "time": event.time, "data": dict(event.data)}
        elif recorder is not None:
            recorder(event)

    def _on_started(self, event: Event) -> None:
        self.started = {"time": event.time, **event.data}

    def _on_metric(self, event: Event) -> None:
        for row in event.data.get("before", ()):
            self._add_row(row["step"], row["epoch"], row["time"], row["values"])
        self._add_row(event.step, event.data["epoch"], event.time, event.data["values"])

    def _add_row(
        self, step: int | None, epoch: float, time: float, values: Mapping[str, float]
    ) -> None:
        row = {"step": step, "epoch": epoch, "time": time, **values}
        if self.metrics["step"][-1:] == [step]:  # once more, after weights were set by hand
            for column in self.metrics.values():
                column.pop()
        length = len(self.metrics["step"])
        for name in [n for n in row if n not in self.metrics]:
            self.metrics[name] = [None] * length
        for name, column in self.metrics.items():
            column.append(row.get(name))

    def _on_frame(self, event: Event) -> None:
        kind = event.data["kind"]
        self.frames = [
            f
            for f in self.frames
            if f["kind"] != kind or not (f.get("passing") or f["step"] == event.step)
        ]
        passing = {} if event.data.get("kept") else {"passing": True}
        self.frames.append(
            {"kind": kind, "step": event.step, "data": event.data["data"], **passing}
        )

    def keep_frames(self, frames: list[dict[str, Any]]) -> None:
        """Merge the log-spaced frames that were too quick to be sent live."""
        known = {(f["kind"], f["step"]) for f in self.frames}
        self.frames += [f for f in frames if (f["kind"], f["step"]) not in known]
        self.frames.sort(key=lambda f: f["step"])

    def _on_note(self, event: Event) -> None:
        self.notes.append({"step": event.step, **event.data})

    def _on_artifact(self, event: Event) -> None:
        self.artifacts.append(dict(event.data))

    @property
    def final(self) -> Mapping[str, float]:
        """The metrics of the terminal event; empty unless the run is done."""
        return self.terminal["data"].get("metrics", {}) if self.terminal else {}

    def series(self, name: str) -> tuple[list[int], list[float]]:
        """Steps and values at which the metric `name` was measured."""
        column = self.metrics.get(name, [])
        pairs = [
            (s, v) for s, v in zip(self.metrics["step"], column, strict=False) if v is not None
        ]
        return [s for s, _ in pairs], [v for _, v in pairs]

    def events(self) -> Iterator[Event]:
        """Replay the record as numbered events: start, metrics and frames by step, end."""
        yield from (e.stamped(self.run, i) for i, e in enumerate(self._replay(), start=1))

    def _replay(self) -> Iterator[Event]:
        if self.started:
            data = {k: v for k, v in self.started.items() if k != "time"}
            yield Event("started", data, time=self.started["time"])
        names = [n for n in self.metrics if n not in {"step", "epoch", "time"}]
        moments: list[Event] = []
        for row, step in enumerate(self.metrics["step"]):
            values = {n: self.metrics[n][row] for n in names if self.metrics[n][row] is not None}
            data = {"epoch": self.metrics["epoch"][row], "values": values}
            moments.append(Event("metric", data, step, self.metrics["time"][row]))
        for frame in self.frames:
            data = {"kind": frame["kind"], "data": frame["data"], "kept": True}
            moments.append(Event("frame", data, frame["step"]))
        yield from sorted(moments, key=lambda e: e.step or 0)
        for note in self.notes:
            yield Event("note", {k: v for k, v in note.items() if k != "step"}, note["step"])
        if self.terminal:
            yield Event(self.terminal["type"], self.terminal["data"], time=self.terminal["time"])

    def to_csv(self) -> str:
        """The metric columns by step, as CSV that no spreadsheet takes for formulas."""
        text = io.StringIO()
        writer = csv.writer(text)
        for row in [self.metrics, *zip(*self.metrics.values(), strict=True)]:
            writer.writerow([escaped(cell) for cell in row])
        return text.getvalue()

    def to_json(self) -> str:
        return dumps(self.__dict__)

    @classmethod
    def from_json(cls, text: str | bytes) -> History:
        return cls(**json.loads(text))
