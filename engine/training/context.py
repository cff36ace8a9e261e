"""What a recipe is given: device, controls, and a sense of what is due.

Torch-free. Metrics are coalesced here, at the source (20 events a second), frames too (15 a
second). At log-spaced steps both are always taken: a measurement that comes too quickly travels
with the next metric event (`before`), a frame is held back until the end.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import isfinite
from typing import Any

import numpy as np

from engine.config import STEPS_PER_SECOND, Config
from engine.errors import GalleryError
from engine.events import Event
from engine.words import _

METRIC_INTERVAL = 1 / 20
FRAME_INTERVAL = 1 / 15
PROGRESS_INTERVAL = 1 / 5
KEPT_FRAMES = 60
SHARE = 0.02
"""Share of a run's time that measuring may take, and as much again for drawing."""
GRACE = 0.03
"""Seconds of measuring that are free, so that a quick run has its whole curve."""


GROWTH = 1e6
"""A loss that has grown this many times over what it was at the start has diverged."""
SMALL_LOSS = 1e-3
"""The loss that `GROWTH` starts from at least: a good fit may begin with next to none."""
SNAPSHOT_BYTES = 16 * 2**20
"""Size of all snapshots of a run; a large model keeps fewer of them."""

Observer = Callable[[int, float, Mapping[str, float]], Iterable[Mapping[str, Any]]]
"""Reads step, epoch and metrics of each measurement; gives the notes (`level`, `text`, …) it calls for."""


Arrays = Mapping[str, Any]
Draw = Callable[[], tuple[str, Arrays | Callable[[], Arrays]]]
"""The kind of a frame, and its arrays or what makes them: a quick run draws only once it is over."""


def drawn(data: Arrays | Callable[[], Arrays]) -> Arrays:
    """The arrays of a frame, made if they have not been."""
    return data() if callable(data) else data


class Cancelled(Exception):
    """The visitor (or the service) ended the run."""


class Diverged(GalleryError):
    """The loss is no longer a finite number, or has grown beyond all measure."""

    code = "diverged"

    def __init__(self, step: int) -> None:
        super().__init__(
            _(
                "Diverged at step {step}: the loss grew beyond bounds. Try a smaller learning rate."
            ).format(step=step)
        )


class Inbox:
    """Control messages for a run, filled by another thread.

    `waiting` is a plain attribute so that a training step can test it for some 30 ns.
    """

    def __init__(self) -> None:
        self._messages: deque[Mapping[str, Any]] = deque()
        self._arrived = threading.Event()
        self.waiting = False

    def put(self, message: Mapping[str, Any]) -> None:
        self._messages.append(message)
        self.waiting = True
        self._arrived.set()

    def take(self) -> list[Mapping[str, Any]]:
        """Return and remove all messages."""
        self._arrived.clear()
        self.waiting = False
        taken = []
        while self._messages:
            taken.append(self._messages.popleft())
        return taken

    def wait(self, seconds: float | None) -> bool:
        """Sleep until a message arrives or the time is over; True if one arrived."""
        return self._arrived.wait(seconds)


def log_spaced(steps: int, at_least: int = KEPT_FRAMES) -> frozenset[int]:
    """At least `at_least` log-spaced steps from 0 to `steps` (all of them if there are fewer)."""
    if steps <= at_least:
        return frozenset(range(steps + 1))
    count, chosen = at_least, np.empty(0)
    while len(chosen) < at_least:
        chosen = np.unique(np.geomspace(1, steps, count).round().astype(int))
        count = int(count * 1.3) + 1
    return frozenset({0} | {int(step) for step in chosen})


def finite(values: Mapping[str, float]) -> bool:
    """Whether every measured value is a finite number; a diverged run has one that is not."""
    return all(isfinite(value) for value in values.values())


class Context:
    """One run's connection to the outside.

    Parameters
    ----------
    config
        The topic's settings; `self.config` follows live changes.
    device
        `"cpu"` or `"cuda"`, already chosen.
    inbox
        Where control messages arrive.
    paused
        Whether the run waits at step 0.
    attachments
        Bytes that the settings refer to, by name: `table`, `snapshot`.
    fork_step
        The step that the attached snapshot was taken at; 0 for a fresh run.
    edits
        Weights that the visitor has set by hand, by their index among the parameters. The recipe
        takes them at its start and in `adapt`: see `take_edits`.
    tell
        Takes an event at once: what is told while the recipe cannot yield, see `preparing`.

    Attributes
    ----------
    share
        Of a run's time that measuring may take, and as much again for drawing. A recipe whose
        steps are few and whose curves are what it is about may take more than `SHARE`.
    """

    def __init__(
        self,
        config: Config,
        device: str = "cpu",
        inbox: Inbox | None = None,
        *,
        paused: bool = False,
        attachments: Mapping[str, bytes] | None = None,
        fork_step: int = 0,
        edits: Mapping[str, float] | None = None,
        tell: Callable[[Event], None] = lambda event: None,
    ) -> None:
        self.config: Any = config
        self._tell = tell
        self._next_progress = 0.0
        self.share = SHARE
        self.device = device
        self.attachments = dict(attachments or {})
        self.fork_step = fork_step
        self.edits = {int(index): float(value) for index, value in (edits or {}).items()}
        self.inbox = inbox or Inbox()
        self.held: list[dict[str, Any]] = []
        self.weights: Mapping[str, Any] | None = None
        self.snapshots: dict[int, Mapping[str, Any]] = {}
        self.observer: Observer | None = None
        self.paused = paused
        self.steps_done = fork_step
        self._begun = time.perf_counter()
        self._single_steps = 0
        self._next_metric = 0.0
        self._next_frame = 0.0
        self._next = 0.0  # the earlier of the two
        self._spent = self._affordable = 0.0
        self._keep: frozenset[int] = frozenset()
        self._measured = self._drawn = -1  # the last steps that were told and shown
        self._untold: list[dict[str, Any]] = []
        self._saved: frozenset[int] = frozenset()
        self._bound = float("inf")
        self._trained: float | None = None

    # Events ------------------------------------------------------------------------------

    def preparing(self, what: str, share: float) -> None:
        """Tell how far something is that comes before the start, `share` from 0 to 1.

        Raises
        ------
        Cancelled
            When the run is to end now.
        """
        if time.perf_counter() < self._next_progress:
            return
        self._next_progress = time.perf_counter() + PROGRESS_INTERVAL
        messages = self.inbox.take()
        if any(message["type"] == "cancel" for message in messages):
            raise Cancelled
        for message in messages:  # for later
            self.inbox.put(message)
        self._tell(Event("progress", {"text": what, "share": round(share, 3)}))

    def started(self, *, parameters: int, samples: int, steps_total: int, **more: Any) -> Event:
        """Announce the run: number of trainable values, of training samples, of steps.

        `more` may hold `arrays` (what is the same in every frame) and `layers` (the layer table).
        """
        first = self.fork_step
        self._keep = frozenset(first + step for step in log_spaced(max(0, steps_total - first)))
        self._begun = time.perf_counter()
        data = {
            "device": self.device,
            "parameters": parameters,
            "samples": samples,
            "steps_total": steps_total,
            **more,
        }
        return Event("started", data, step=first)

    def note(self, level: str, text: str, **more: Any) -> Event:
        """A diagnosis in plain words; `level` is `info`, `warning` or `error`."""
        return Event("note", {"level": level, "text": text, **more}, self.steps_done)

    def frame(self, kind: str, data: Mapping[str, Any]) -> Event:
        """A picture of the finished model, kept with the run."""
        return Event("frame", {"kind": kind, "data": data, "kept": True}, self.steps_done)

    def trained(self) -> None:
        """Training is over; looking inside the model afterwards does not count as its time."""
        self._trained = time.perf_counter() - self._begun

    def done(
        self,
        metrics: Mapping[str, float],
        weights: Mapping[str, Any] | None = None,
        seeds: Mapping[str, list[float]] | None = None,
    ) -> Event:
        """The end: all final metrics; `weights` (name → tensor) become the run's artifact.

        `seeds` holds each metric's values of the members of a run with several seeds.
        """
        self.weights = weights
        seconds = self._trained or time.perf_counter() - self._begun
        data = {"metrics": {**metrics, "seconds": round(seconds, 4), "steps": self.steps_done}}
        return Event("done", data | ({"seeds": seeds} if seeds else {}), self.steps_done)

    # Divergence and snapshots ---------------------------------------------------------------

    def check(self, step: int, loss: float) -> None:
        """Compare the loss at `step` with the first one.

        Raises
        ------
        Diverged
            When it is not finite, or has grown `GROWTH` times.
        """
        if self._bound == float("inf") and isfinite(loss):
            self._bound = GROWTH * max(loss, SMALL_LOSS)
        if not loss <= self._bound or not isfinite(loss):
            raise Diverged(step)

    def snapshot(self, step: int, save: Callable[[], Mapping[str, Any]]) -> None:
        """Keep what is needed to go on from `step`, if it is one of those to keep."""
        if step == self.fork_step and not self.snapshots:
            self._saved = self._keep
        if step not in self._saved or step in self.snapshots:
            return
        self.snapshots[step] = save()
        # Optimisers begin without a memory, so the first one does not tell how large all will be.
        while len(self.snapshots) > 1 and self._snapshot_bytes() > SNAPSHOT_BYTES:
            self._saved = frozenset(sorted(self._saved)[::2])
            self.snapshots = {k: kept for k, kept in self.snapshots.items() if k in self._saved}

    def _snapshot_bytes(self) -> int:
        saved = self.snapshots.values()
        return sum(tensor.nbytes for tensors in saved for tensor in tensors.values())

    # Asked at every step, so cheap -----------------------------------------------------------

    def wanted(self) -> bool:
        """Whether the next step has to wait for `obey`: a control, a pause, a pace."""
        return self.inbox.waiting or self.paused or self.config.speed != "full"

    def due(self, step: int) -> bool:
        """Whether there may be something to report after this step."""
        self.steps_done = step
        return step in self._keep or time.perf_counter() >= self._next or self.wanted()

    def report(
        self,
        step: int,
        epoch: float,
        measure: Callable[[], Mapping[str, float]],
        draw: Draw | None,
        now: bool = False,
    ) -> Iterator[Event]:
        """Yield the metric and the frame that are due at `step`; `now` forces both.

        Raises
        ------
        Diverged
            When a measured value is not finite or the loss has grown beyond bounds.
        """
        moment = time.perf_counter()
        kept = step in self._keep
        told = now or moment >= self._next_metric
        shown = now or moment >= self._next_frame
        if step != self._measured and (told or (kept and moment >= self._affordable)):
            yield from self._measure(step, epoch, measure, moment, told, now)
        if draw is not None and (kept or shown) and step != self._drawn:
            self._drawn = step if shown else self._drawn
            begun = time.thread_time()
            kind, data = draw()
            if shown:
                data = drawn(data)
                cost = time.thread_time() - begun
                self._next_frame = moment + max(FRAME_INTERVAL, cost / self.share)
                yield Event("frame", {"kind": kind, "data": data, "kept": kept or now}, step)
            else:
                self.held.append({"kind": kind, "step": step, "data": data})
        self._next = min(self._next_metric, self._next_frame) if draw else self._next_metric

    def _measure(
        self,
        step: int,
        epoch: float,
        measure: Callable[[], Mapping[str, float]],
        moment: float,
        told: bool,
        now: bool,
    ) -> Iterator[Event]:
        begun = time.thread_time()  # not the clock: waiting for a processor costs nothing
        values = dict(measure())
        if not finite(values):
            raise Diverged(step)
        self.check(step, values.get("train_loss", 0.0))
        if not now:
            self._spent += time.thread_time() - begun
            self._affordable = self._begun + (self._spent - GRACE) / self.share
        row: dict[str, Any] = {"epoch": round(epoch, 4), "values": values}
        if told:
            self._measured = step
            self._next_metric = max(moment + METRIC_INTERVAL, self._affordable)
            yield Event("metric", {**row, "before": self._untold}, step)
            self._untold = []
        else:
            self._untold.append({"step": step, "time": time.time(), **row})
        for note in self.observer(step, epoch, values) if self.observer else ():
            yield self.note(**note)

    def unsaid(self) -> Iterator[Event]:
        """What a run that ends early had still to tell: the last good measurement and picture."""
        good = [row for row in self._untold if finite(row["values"])]
        if not good:
            return
        last = good.pop()
        data = {"epoch": last["epoch"], "values": last["values"], "before": good}
        yield Event("metric", data, last["step"], last["time"])
        self.held = [frame for frame in self.held if frame["step"] <= last["step"]]
        if self.held:
            frame = self.held.pop()
            data = {"kind": frame["kind"], "data": drawn(frame["data"]), "kept": True}
            yield Event("frame", data, frame["step"])

    def frames_held(self) -> list[dict[str, Any]]:
        """The kept frames that were too quick to be sent, drawn by now."""
        return [{**frame, "data": drawn(frame["data"])} for frame in self.held]

    # Controls ---------------------------------------------------------------------------------

    def take_edits(self) -> dict[int, float]:
        """The weights that were set by hand since this was asked last: index → value."""
        taken, self.edits = self.edits, {}
        return taken

    def obey(
        self, show: Callable[[], Iterator[Event]], adapt: Callable[[], None] | None = None
    ) -> Iterator[Event]:
        """Carry out waiting controls and keep the pace; returns when the next step may run.

        Parameters
        ----------
        show
            Yields metric and frame of this moment, so that a pause shows exactly where it is.
        adapt
            Puts weights that were set by hand into the network, at once even in a pause.

        Raises
        ------
        Cancelled
            When the run is to end now.
        """
        pace = STEPS_PER_SECOND.get(self.config.speed)
        until = time.perf_counter() + 1 / pace if pace else 0.0
        told = False
        while True:
            for message in self.inbox.take():
                yield from self._carry_out(message)
            if self.edits and adapt is not None:
                adapt()
                self._measured = self._drawn = -1  # this step is to be seen once more
                if told:
                    yield from show()
            if self.paused:
                if self._single_steps:
                    self._single_steps -= 1
                    return
                if not told:
                    told = True
                    yield from show()
                    yield self.note("info", _("Paused"), paused=True)
                waits = time.perf_counter()
                self.inbox.wait(None)
                self._begun += time.perf_counter() - waits  # a pause is no time of training
                continue
            if told:
                yield self.note("info", _("Resumed"), paused=False)
                return
            remaining = until - time.perf_counter()
            if remaining <= 0 or not self.inbox.wait(remaining):
                return

    def _carry_out(self, message: Mapping[str, Any]) -> Iterator[Event]:
        kind = message["type"]
        if kind == "cancel":
            raise Cancelled
        if kind == "set":
            was = self.config
            self.config = self.config.live_change(message["values"])
            names = ", ".join(f"{name} = {value}" for name, value in message["values"].items())
            text = _("Changed while training: {names}").format(names=names)
            before = {name: getattr(was, name) for name in message["values"]}
            yield self.note("info", text, set=dict(message["values"]), was=before)
        elif kind == "edit":
            values = {int(index): float(value) for index, value in message["values"].items()}
            self.edits |= values
            text = _("Weights set by hand: {count}").format(count=len(values))
            yield self.note("info", text, edit=dict(message["values"]))
        elif kind == "step":
            self.paused = True
            self._single_steps += 1
        else:
            self.paused = kind == "pause"
            self._single_steps = 0
