"""Goals that a visitor's runs reach or miss, and questions that a run answers (torch-free).

Nothing here knows an answer beforehand: a goal is checked on what a run has measured, and a
question is answered by a run that is trained once the visitor has made a prediction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev
from typing import Any

import numpy as np

from engine.config import Config
from engine.events import decode_array
from engine.history import History
from engine.words import _

NEUTRAL = frozenset({"seed", "data_seed", "speed"})
"""Settings that are free where a goal keeps all others."""


@dataclass(frozen=True)
class Trial:
    """What one ended run has really measured, without its pictures.

    Attributes
    ----------
    run, config
        Its id, and its settings at the end.
    state
        The type of its terminal event.
    started, columns, final, notes
        As in its history.
    seeds
        Metric → a value of every network, where there are several.
    fork
        Whether it goes on from another run.
    """

    config: Any
    state: str
    run: str = ""
    started: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    final: Mapping[str, float] = field(default_factory=dict)
    seeds: Mapping[str, Sequence[float]] = field(default_factory=dict)
    notes: Sequence[Mapping[str, Any]] = ()
    fork: bool = False

    @classmethod
    def of(cls, config: type[Config], history: History) -> Trial:
        """The trial of a run that has ended.

        Raises
        ------
        InvalidValue
            When its settings are no longer allowed.
        """
        assert history.terminal is not None
        return cls(
            config=config.parse(history.config),
            state=history.terminal["type"],
            run=history.run,
            started=history.started,
            columns=history.metrics,
            final=history.final,
            seeds=history.terminal["data"].get("seeds", {}),
            notes=history.notes,
            fork=history.fork is not None,
        )

    def last(self, name: str) -> float | None:
        """A metric at the end; of a run that broke off, where it was measured last."""
        return self.final.get(name, next(reversed(self._measured(name)), None))

    def first(self, name: str) -> float | None:
        """A metric at the start."""
        return next(iter(self._measured(name)), None)

    def _measured(self, name: str) -> list[float]:
        return [value for value in self.columns.get(name, ()) if value is not None]

    def rows(self, part: int) -> int:
        """Rows of a part of the data, counted among those that the run told."""
        told = self.started.get("arrays", {}).get("part", ())
        parts = decode_array(told) if isinstance(told, Mapping) else np.asarray(told)
        return int((parts == part).sum())

    def variants(self, name: str) -> list[list[float]]:
        """A metric's values over the seeds, for each variant of a sweep (one without a sweep)."""
        values = list(self.seeds.get(name, ()))
        if not values and name in self.final:
            values = [self.final[name]]
        count = len(self.started.get("arrays", {}).get("sweep_value", ())) or 1
        size = len(values) // count
        return [values[i * size : (i + 1) * size] for i in range(count)]

    @property
    def changed(self) -> frozenset[str]:
        """Settings that were changed while it trained."""
        return frozenset(name for note in self.notes for name in note.get("set", ())) - NEUTRAL

    @property
    def by_hand(self) -> bool:
        """Whether weights were set by hand."""
        return any("edit" in note for note in self.notes)


@dataclass(frozen=True)
class Verdict:
    """Whether a run does what a step asks for.

    Attributes
    ----------
    measured, hint
        What was measured, and what to try, in words that are translated already.
    score
        What is to be as low as possible, where the challenge counts it.
    astray
        Whether the run cannot be held against the step before: it may be a new first step.
    """

    passed: bool
    measured: str = ""
    hint: str = ""
    score: float | None = None
    astray: bool = False


Check = Callable[[Trial, Sequence[Trial]], Verdict]
"""Judges a run, given the runs that passed the steps before; changes nothing."""


@dataclass(frozen=True)
class Step:
    """One thing that a run has to do; `breaks` if a run that broke off may have done it."""

    goal: str
    check: Check
    breaks: bool = False


@dataclass(frozen=True)
class Challenge:
    """A goal of one or more steps, and the settings that it begins from.

    `score` says in words what the best run so far has (`{score}`), where something is counted.
    """

    id: str
    title: str
    text: str
    start: Mapping[str, Any]
    steps: tuple[Step, ...]
    score: str = ""


@dataclass
class Progress:
    """How far one visit has come with one challenge.

    Attributes
    ----------
    kept
        The runs that passed the steps so far.
    """

    kept: list[Trial] = field(default_factory=list)
    tries: int = 0
    done: bool = False
    verdict: Verdict | None = None
    best: float | None = None

    @property
    def step(self) -> int:
        """The number of the step to be done next, from 0."""
        return len(self.kept)


def attempt(challenge: Challenge, progress: Progress, trial: Trial) -> Verdict:
    """Judge a run and note how far the visit has come.

    A run that cannot be held against the earlier steps is taken for a new first step if it is one.
    """
    verdict = judged(challenge.steps[progress.step], trial, progress.kept)
    if verdict.astray and progress.step:
        anew = judged(challenge.steps[0], trial, ())
        if anew.passed:
            progress.kept, verdict = [], anew
    progress.tries += 1
    progress.verdict = verdict
    if verdict.score is not None:
        known = progress.best if progress.best is not None else verdict.score
        progress.best = min(known, verdict.score)
    if verdict.passed:
        progress.kept.append(trial)
    if progress.step == len(challenge.steps):
        progress.done, progress.kept = True, []
    return verdict


def judged(step: Step, trial: Trial, before: Sequence[Trial]) -> Verdict:
    """The verdict of a step on a run, if the run counts at all."""
    words = uncounted(trial, step.breaks)
    return Verdict(False, hint=words) if words else step.check(trial, before)


def uncounted(trial: Trial, breaks: bool = False) -> str:
    """Why a run does not count, in words; nothing if it does."""
    if trial.fork or trial.by_hand:
        return _("Only runs count that learn from the start, without weights set by hand.")
    if trial.state == "failed" and not trial.columns.get("step"):
        return _("The run could not begin, so nothing was measured.")
    if trial.state == "failed" and not breaks:
        return _("Training broke down before its end. Try a smaller learning rate.")
    if trial.state not in ("done", "failed"):
        return _("The run was stopped before its end, so it does not count. Train to the end.")
    return ""


def strayed(config: Config, kept: Mapping[str, Any], names: Iterable[str]) -> str:
    """The first of the named settings that is not as it is to be kept, in words; or nothing."""
    for name in names:
        known = config.settings()[name]
        wanted = kept.get(name, known.default)
        if getattr(config, name) != wanted:
            shown = known.label(wanted) if known.kind == "choice" else _plain(wanted)
            text = _("This goal keeps “{setting}” at {value}.")
            return text.format(setting=_(known.title), value=shown)
    return ""


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return _("on") if value else _("off")
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def percent(value: float | None) -> str:
    """A share in words: `93.2 %`; a dash where nothing was measured."""
    return "–" if value is None else f"{100 * value:.1f} %"


def spread(values: Sequence[float]) -> str:
    """Mean and standard deviation of shares: `93.2 ± 1.4 %`."""
    if len(values) < 2:
        return percent(values[0] if values else None)
    return f"{100 * fmean(values):.1f} ± {100 * stdev(values):.1f} %"


# Questions -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reveal:
    """What a run has answered: one of the question's choices, and what was measured, in words."""

    answer: str
    measured: str


@dataclass(frozen=True)
class Question:
    """Something to predict before it is trained.

    Attributes
    ----------
    settings
        Of the one run that answers; everything else is at its default.
    choices
        Answer → its words.
    read
        Finds the answer in that run.
    why
        Answer → what explains it, in words; shown when it is the measured one.
    """

    id: str
    title: str
    text: str
    settings: Mapping[str, Any]
    choices: Mapping[str, str]
    read: Callable[[Trial], Reveal]
    why: Mapping[str, str] = field(default_factory=dict)


def answered(question: Question, config: Config, trial: Trial) -> Reveal | str:
    """What a run of a question's settings (`config`) has answered; or why it does not count."""
    asked = config.model_dump()
    same = all(getattr(trial.config, n) == v for n, v in asked.items() if n != "speed")
    if not same or trial.changed:
        return _("That run had other settings than the question's. Ask again.")
    return uncounted(trial) or question.read(trial)


def direction(first: Sequence[float], second: Sequence[float]) -> str:
    """`"more"` or `"less"` if the second values differ from the first beyond seed noise, else `"same"`."""
    from engine.comparing import compare

    found = compare(first, second)
    if found is not None and not found.beyond_noise:
        return "same"
    difference = fmean(second) - fmean(first)
    if found is None and abs(difference) < 1e-9:
        return "same"
    return "more" if difference > 0 else "less"
