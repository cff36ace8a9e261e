"""Reads the measurements of a run and says in plain words what ails it and what to try.

Measurements come at uneven steps: log-spaced ones, some more by the clock, fewer when measuring
is dear. So no rule counts measurements: curves are reduced to one median for each sixth of a
doubling of the steps (`Curve.bins`), and judged by how they change per doubling. Torch-free;
`engine.training.gradients` measures what is read here, `engine.bench.diagnoses` counts how often
each diagnosis is right.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from math import log, log2
from typing import Any, NamedTuple

import numpy as np

from engine.words import N_, _

Note = dict[str, Any]
"""`level`, `title`, `text`, `diagnosis`, and the figures behind it."""

BINS = 6
"""Per doubling of the steps."""
WINDOW = 1.35
"""A level is the median over the steps of [at / WINDOW, at]."""

RISE = 0.05
"""Validation this much above its minimum is overfitting, if it is also more than …"""
SCATTER = 2.6
"""… this many standard deviations of its scatter, …"""
LATER = 1.5
"""… and if the minimum lies this factor of steps back."""
FLAT = 0.1
"""Where validation is this near its minimum, chance may have put the minimum elsewhere."""
RISE_LIVE, SCATTER_LIVE, LATER_LIVE = 0.3, 5.0, 3.0
"""The same while training goes on: it may still turn, and is looked at many times."""
MEMORISED = 0.03
"""What the training loss has lost (its logarithm) since the validation loss was lowest."""
GAP = 0.45
"""What ln(validation loss / training loss) has gained since then."""

STILL_FALLING = 0.045
"""A forecast fall of the loss, on training for as long again, that is worth mentioning."""
TRUST = 1.5
"""How many times more than the last gradient promises a forecast may say."""
NEGLIGIBLE = 1e-4
"""A loss below this share of its first value is as good as none."""

SLOW = 0.06
"""Share of the loss still to lose that a step of a well chosen rate removes at its best."""
SMOOTH = 0.02
"""Rises of the loss (sum of logarithms) that a far too small rate may show."""
CREEP, STEADY, STEADY_CREEP = 0.03, 0.2, 0.003
"""A slow run has not arrived if the first is what its forecast promises, or the third where the
last doubling of the steps took off the second part of what the steps before it took off."""

DEAD = 0.4
"""Share of the hidden ReLU units."""
VANISHED = 5e-3
"""Gradient of the first layer over that of the last one."""
VANISHED_LIVE = 1e-3
"""The same while training goes on."""
EXPLODED = 30.0
"""Gradient over the first one, while the loss is above its first value too."""
EARLIEST, EARLIEST_LIVE = 20, 100
"""Steps before which a run is not judged, when it has ended and while it goes on: a start may be
turbulent, and a network saturated until its biases have found the level of the target."""


class Curve(NamedTuple):
    """One measured value: `steps` since the start (increasing) and `values`, float64 (N,)."""

    steps: np.ndarray
    values: np.ndarray

    def bins(self) -> Curve:
        """Medians of steps and values in each 1/BINS of a doubling of the steps."""
        number = np.floor(np.log2(1 + self.steps) * BINS)
        edges = np.flatnonzero(np.diff(number)) + 1
        begin, end = np.append(0, edges), np.append(edges, len(number))
        low, high = begin + (end - begin - 1) // 2, begin + (end - begin) // 2

        def medians(values: np.ndarray) -> np.ndarray:
            ranked = values[np.lexsort((values, number))]
            middle: np.ndarray = (ranked[low] + ranked[high]) / 2
            return middle

        return Curve(medians(self.steps), medians(self.values))

    def smoothed(self) -> Curve:
        """Each value replaced by the median of itself and its two neighbours."""
        v = np.concatenate([self.values[:1], self.values, self.values[-1:]])
        return Curve(self.steps, np.median(np.stack([v[:-2], v[1:-1], v[2:]]), axis=0))

    def level(self, at: float) -> float:
        """Median just before step `at`; between two measurements where there is none."""
        near = (self.steps >= at / WINDOW) & (self.steps <= at)
        if near.any():
            return float(np.median(self.values[near]))
        return float(np.interp(log2(1 + at), np.log2(1 + self.steps), self.values))


class Record:
    """All measurements of a run, by name."""

    def __init__(self, training: str, validation: str, harmless: float = 0.0) -> None:
        self.training, self.validation, self.harmless = training, validation, harmless
        self.first: int | None = None
        self.epochs: dict[float, float] = {}
        self._rows: dict[str, tuple[list[float], list[float]]] = {}

    def add(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        self.first = step if self.first is None else self.first
        since = float(step - self.first)
        self.epochs[since] = epoch
        for name, value in values.items():
            steps, row = self._rows.setdefault(name, ([], []))
            if not steps or since > steps[-1]:
                steps.append(since)
                row.append(value)

    def curve(self, name: str) -> Curve | None:
        """The curve of `name`, if it was measured."""
        if name not in self._rows:
            return None
        steps, row = self._rows[name]
        return Curve(np.array(steps), np.array(row))

    @property
    def steps(self) -> float:
        """Steps of training so far."""
        return next(reversed(self.epochs), 0.0)

    def epoch(self, since: float) -> int:
        """The epoch of the measurement nearest to a step."""
        return round(self.epochs[min(self.epochs, key=lambda step: abs(step - since))])


# The rules: each looks at the record and returns the figures of its finding, or None ------------


def overfitting(
    record: Record,
    least: float = RISE,
    later: float = LATER,
    scatters: float = SCATTER,
    gap: float = GAP,
    earliest: float = EARLIEST,
) -> dict[str, float] | None:
    """Validation has turned up for good while the training loss goes on falling.

    The generalisation loss of Prechelt, *Early stopping, but when?* (1998): how far validation
    is above its minimum so far; here of medians, and beyond `scatters` standard deviations of
    their own scatter. What tells it from chance is above all that training has gone on falling:
    hence `gap`.
    """
    validation, training = record.curve(record.validation), record.curve(record.training)
    if validation is None or training is None:
        return None
    binned = validation.bins()
    smooth = binned.smoothed()
    lowest, since = bottom(smooth)
    last = float(validation.steps[-1])
    if lowest <= 0 or last < earliest or 1 + last < later * (1 + since):
        return None
    now = validation.level(last)
    if now < record.harmless * validation.values[0]:
        return None
    lately = smooth.values[smooth.steps >= last / later**0.5]
    rose = log(min(now, float(lately.min())) / lowest)
    fell = log(max(training.level(since), 1e-30) / max(training.level(last), 1e-30))
    if rose < max(log(1 + least), scatters * scatter(binned)):
        return None
    if fell < MEMORISED or rose + fell < gap:
        return None
    return {"epoch": record.epoch(since), "rise": now / lowest - 1}


def bottom(smooth: Curve) -> tuple[float, float]:
    """The minimum of a curve and about the step it is at.

    Few held-out rows put the minimum anywhere in a flat bottom; the middle of all steps (in their
    logarithm) that are near it moves less.
    """
    lowest = float(smooth.values.min())
    near = smooth.steps[smooth.values <= (1 + FLAT) * lowest]
    return lowest, float(np.expm1(np.log1p(near).mean())) if len(near) else 0.0


def scatter(binned: Curve) -> float:
    """Standard deviation of ln(value) around its trend.

    From the median size of the second differences, which a trend leaves alone.
    """
    logs = np.log(np.maximum(binned.values, 1e-30))
    return 1.4826 * float(np.median(np.abs(np.diff(logs, 2)))) / 6**0.5 if len(logs) > 2 else 0.0


def dead(record: Record, least: float = DEAD) -> dict[str, float] | None:
    """Many ReLU units are 0 for all training rows: without gradient, they stay so.

    Lu, Shin, Su & Karniadakis, *Dying ReLU and initialization* (2019).
    """
    units = record.curve("dead_units")
    if units is None or record.steps < EARLIEST:
        return None
    share = units.level(record.steps)
    return {"share": share} if share >= least else None


def vanishing(
    record: Record, below: float = VANISHED, earliest: float = EARLIEST
) -> dict[str, float] | None:
    """The first layer's gradient is a tiny part of the last one's, over the second half of the steps.

    Glorot & Bengio, *Understanding the difficulty of training deep feedforward neural networks*
    (2010): with saturating units it shrinks from layer to layer on the way back.
    """
    first, last = record.curve("gradient_first"), record.curve("gradient_last")
    if first is None or last is None or record.steps < earliest:
        return None
    if dead(record):
        return None  # nothing comes back through dead units: one note is enough
    recent = (last.steps >= record.steps / 2) & (last.values > 0)
    if not recent.any():
        return None
    ratio = float(np.median(first.values[recent] / last.values[recent]))
    return {"ratio": ratio} if ratio < below else None


def exploding(record: Record) -> dict[str, float] | None:
    """The gradient has grown far beyond its first size, and the loss with it.

    Pascanu, Mikolov & Bengio, *On the difficulty of training recurrent neural networks* (2013).
    """
    gradient, loss = record.curve("gradient"), record.curve(record.training)
    if gradient is None or loss is None:
        return None
    growth = gradient.values / max(gradient.values[0], 1e-30)
    burst = (growth >= EXPLODED) & (np.interp(gradient.steps, *loss) > loss.values[0])
    if not burst.any():
        return None
    step = int(gradient.steps[burst.argmax()]) + (record.first or 0)
    return {"step": step, "growth": float(growth[burst].max())}


def forecast(record: Record) -> float:
    """Share of the training loss that training for as long again would take off, at most.

    The curve is taken to go on as a power of the steps: like the last doubling of them, like the
    last quarter, or as the last gradient promises, whichever is the least (a curve that nears its
    limit falls less and less).
    """
    loss = record.curve(record.training)
    if loss is None:
        return 0.0
    end = float(loss.steps[-1])
    now, half = loss.level(end), loss.level(end / 2)
    doubling = 1 - now / half if half > now else 0.0
    gradient = record.curve("gradient")
    promised = 1.0 if gradient is None else TRUST * (1 - 2 ** -momentary(loss, gradient))
    return max(0.0, min(doubling, 1 - 2 ** -slope(loss), promised))


def momentary(loss: Curve, gradient: Curve) -> float:
    """Fall of ln(loss) per unit of ln(step) at the last step, from the gradient there.

    To first order a step takes off what is proportional to the squared gradient; the factor is
    that of the last three quarters of the steps. Few measurements are enough for it.
    """
    end = float(loss.steps[-1])
    norm = np.interp(loss.steps, *gradient)
    late = loss.steps[1:] >= end / 4
    expected = (np.diff(loss.steps) * norm[1:] * norm[:-1])[late].sum()
    fallen = -np.diff(loss.values)[late].sum()
    if fallen <= 0 or expected <= 0:
        return 0.0
    last = float(np.median(norm[loss.steps >= 0.9 * end]))
    return float(fallen / expected * last**2 * end / max(loss.values[-1], 1e-30))


def slope(loss: Curve) -> float:
    """Fall of ln(loss) per unit of ln(step) over the last quarter of the steps.

    The median of the slopes of all pairs (Theil 1950, Sen 1968), which outliers do not move.
    """
    end = loss.steps[-1]
    x, y = np.log1p(loss.steps), np.log(np.maximum(loss.values, 1e-30))
    recent = np.flatnonzero(loss.steps >= end * 3 / 4)
    chosen = recent if len(recent) >= 3 else np.arange(max(0, len(x) - 3), len(x))
    chosen = chosen[np.unique(np.linspace(0, len(chosen) - 1, 64).astype(int))]
    i, j = np.triu_indices(len(chosen), 1)
    pairs = chosen[i], chosen[j]
    return -float(np.median((y[pairs[1]] - y[pairs[0]]) / (x[pairs[1]] - x[pairs[0]])))


def pace(loss: Curve) -> tuple[float, float]:
    """The largest share of what there was to lose that one step took off, and the sum of all rises.

    What there was to lose is known in the first half of the steps (by the loss at the end); later
    the whole loss stands for it. At a well chosen rate the steepest direction is gone in a few
    steps; a rate n times too small takes n times as many.
    """
    binned = loss.bins()
    values = np.maximum(binned.values, 1e-30)
    rest = np.maximum(values - loss.level(float(loss.steps[-1])), 1e-30)
    whole = np.where(binned.steps <= loss.steps[-1] / 2, rest, values)[:-1]
    removed = (values[:-1] - values[1:]) / whole / np.diff(binned.steps)
    return float(removed.max(initial=0.0)), float(np.diff(np.log(values)).clip(0).sum())


def too_small(record: Record) -> dict[str, float] | None:
    """The loss has never fallen fast, never risen, and is still falling at the end.

    The descending side of Smith's range test, *Cyclical learning rates* (2017), seen within one
    run: far below the useful rates the loss is a smooth, slow, nearly straight slide.
    """
    loss = record.curve(record.training)
    if loss is None or record.steps < EARLIEST or len(loss.steps) < 5:
        return None
    fastest, rises = pace(loss)
    now, half = (loss.level(record.steps / part) for part in (1, 2))
    steady = (half - now) / max(float(loss.values[0]) - half, 1e-30) >= STEADY
    ahead = forecast(record)
    falls = ahead >= CREEP or (steady and ahead >= STEADY_CREEP)
    if not falls or rises > SMOOTH or fastest > SLOW or settled(loss, record):
        return None
    return {"fastest": fastest, "ahead": ahead}


def not_converged(record: Record) -> dict[str, float] | None:
    """The loss was still falling when training ended."""
    loss = record.curve(record.training)
    if loss is None or record.steps < EARLIEST or len(loss.steps) < 5 or settled(loss, record):
        return None
    ahead = forecast(record)
    return {"ahead": ahead} if ahead >= STILL_FALLING else None


def settled(loss: Curve, record: Record) -> bool:
    """Whether hardly anything is left to lose."""
    left = max(NEGLIGIBLE, record.harmless / 10)
    return bool(loss.level(float(loss.steps[-1])) <= left * loss.values[0])


# What is said ----------------------------------------------------------------------------------

Rule = Callable[[Record], dict[str, float] | None]

LIVE: dict[str, Rule] = {
    "exploding": exploding,
    "dead": dead,
    "vanishing": partial(vanishing, below=VANISHED_LIVE, earliest=EARLIEST_LIVE),
    "overfitting": partial(
        overfitting,
        least=RISE_LIVE,
        later=LATER_LIVE,
        scatters=SCATTER_LIVE,
        earliest=EARLIEST_LIVE,
    ),
}
FINAL: dict[str, Rule] = {"dead": dead, "vanishing": vanishing, "overfitting": overfitting}
"""What is judged again when training has ended."""
REMAINS: dict[str, Rule] = {
    "dead": partial(dead, least=DEAD / 2),
    "vanishing": partial(vanishing, below=2 * VANISHED),
    "overfitting": partial(overfitting, least=RISE / 2, scatters=0, gap=GAP / 2),
}
"""What was said is withdrawn only when not even this holds."""
SLOWNESS: dict[str, Rule] = {"rate_too_small": too_small, "not_converged": not_converged}
"""Judged only then."""

WORDS = {
    "overfitting": (
        N_("Overfitting since epoch {epoch}"),
        N_(
            "The validation loss was lowest about then and has risen by some {rise:.0%}, while the training "
            "loss went on falling: the model learns the noise of its training points. Try early "
            "stopping (patience), more points, fewer units, an L2 penalty or dropout."
        ),
    ),
    "dead": (
        N_("Dead ReLU units"),
        N_(
            "{share:.0%} of the hidden units give 0 for every training point: no gradient reaches "
            "them, so they no longer learn. Try a smaller learning rate, scaled inputs, wider "
            "layers, or GELU or tanh."
        ),
    ),
    "vanishing": (
        N_("Vanishing gradients"),
        N_(
            "The first layer's gradient is {ratio:.1g} of the last layer's, so that it hardly learns. "
            "Try fewer layers, or ReLU, GELU or tanh instead of the sigmoid."
        ),
    ),
    "exploding": (
        N_("Exploding gradients at step {step}"),
        N_(
            "The gradient has grown to {growth:.3g} times its first size, and the loss with it: the "
            "steps overshoot. Try a smaller learning rate, or scaled data."
        ),
    ),
    "rate_too_small": (
        N_("The learning rate is too small"),
        N_(
            "No step took off more than {fastest:.1%} of what there was to lose, the loss never rose, "
            "and it was still falling at the end. Try a rate ten times as large."
        ),
    ),
    "not_converged": (
        N_("Not yet converged"),
        N_(
            "The loss was still falling when training ended; as many steps again would take off "
            "about {ahead:.0%}. Try more epochs."
        ),
    ),
}
"""Title and text of each note; what they name in braces also stands in the note."""

OVER = {
    "overfitting": (
        N_("No longer overfitting"),
        N_("The validation loss has come down to its minimum again."),
    ),
    "dead": (
        N_("The ReLUs live again"),
        N_("Most hidden units answer to some training point again."),
    ),
    "vanishing": (
        N_("The gradients are back"),
        N_(
            "The first layer learns again; its gradient is no longer a tiny part of the last one's."
        ),
    ),
}
"""What is said at the end of a finding that no longer holds."""


class Diagnosis:
    """An observer of a run (`engine.training.context.Observer`) that says each thing once.

    What was said while training went on is judged again at its end, and then corrected or
    withdrawn: a note replaces an earlier one of the same `diagnosis`.

    Parameters
    ----------
    training, validation
        Names of the metrics that are read as the two losses; a run may lack the second.
    harmless
        Share of its first value below which a validation loss is good however it has risen; of a
        training loss below a tenth of that nothing more is asked.
    slowness
        Which of `SLOWNESS` are judged. How much a step removes tells of the rate where steps see
        all the data; with small batches good rates look slow.

    Examples
    --------
    >>> diagnosis = Diagnosis(validation="val_mse")
    >>> yield from train(..., observer=diagnosis)
    >>> for note in diagnosis.conclude():
    ...     yield context.note(**note)
    """

    def __init__(
        self,
        training: str = "train_loss",
        validation: str = "val_mse",
        harmless: float = 0.0,
        slowness: Collection[str] = tuple(SLOWNESS),
    ) -> None:
        self.record = Record(training, validation, harmless)
        self.slowness = slowness
        self.said: dict[str, Note] = {}
        self._next = 0.0

    def __call__(self, step: int, epoch: float, values: Mapping[str, float]) -> Iterator[Note]:
        """Take in a measurement; yields what can be said while training goes on."""
        self.record.add(step, epoch, values)
        if self.record.steps < self._next:
            return
        self._next = (1 + self.record.steps) * 2 ** (1 / BINS) - 1  # a bin later
        for name, rule in LIVE.items():
            if name not in self.said and (figures := rule(self.record)):
                yield self._say(name, figures)

    def conclude(self, reached: bool = False) -> Iterator[Note]:
        """Yields what only the end can tell, and what was said and has changed.

        Parameters
        ----------
        reached
            Whether training ended because its goal was reached: then it was long enough.
        """
        for name, rule in FINAL.items():
            figures, before = rule(self.record), self.said.get(name)
            if figures and (before is None or before["text"] != _text(name, figures)):
                yield self._say(name, figures)
            elif before and not figures and not REMAINS[name](self.record):
                yield self._withdraw(name)
        if reached or "overfitting" in self.said:
            return
        for name in self.slowness:
            if figures := SLOWNESS[name](self.record):
                yield self._say(name, figures)

    def _say(self, name: str, figures: dict[str, float]) -> Note:
        note = {"level": "warning", "title": _title(name, figures), "text": _text(name, figures)}
        self.said[name] = note | {"diagnosis": name, **figures}
        return self.said[name]

    def _withdraw(self, name: str) -> Note:
        del self.said[name]
        title, text = OVER[name]
        note = {"level": "info", "title": _(title), "text": _(text)}
        return note | {"diagnosis": name, "withdrawn": True}


def _title(name: str, figures: Mapping[str, float]) -> str:
    return _(WORDS[name][0]).format(**figures)


def _text(name: str, figures: Mapping[str, float]) -> str:
    return _(WORDS[name][1]).format(**figures)
