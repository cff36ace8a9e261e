"""The frozen configuration of a run, and what a control needs to know of each of its fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, Self, get_args, get_origin

from annotated_types import Ge, Le, MaxLen
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.errors import InvalidValue, Problem, shorten
from engine.words import N_, _

Scale = Literal["linear", "log"]
Speed = Literal["slow", "medium", "fast", "full"]

STEPS_PER_SECOND: dict[Speed, float] = {"slow": 4.0, "medium": 30.0, "fast": 300.0}
"""Pace of each speed; `full` is as fast as it goes."""

KINDS = {int: "int", float: "float", bool: "bool", str: "text"}


def setting(
    default: Any,
    *,
    title: str,
    help: str,
    group: str,
    low: float | None = None,
    high: float | None = None,
    step: float | None = None,
    unit: str = "",
    scale: Scale = "linear",
    live: bool = False,
    essential: bool = False,
    labels: Mapping[str, str] | None = None,
    shown_if: tuple[str, tuple[Any, ...]] | None = None,
    slider_high: float | None = None,
    hidden: bool = False,
    max_length: int | None = None,
    pattern: str | None = None,
) -> Any:
    """Declare one field of a `Config`.

    Parameters
    ----------
    title, help, group, labels
        Words for people, marked with `N_`; `labels` names the choices of a `Literal` field.
    low, high, step
        Inclusive range and the step of the control, in `unit`.
    scale
        `"log"` where equal ratios feel like equal moves (learning rates).
    live
        Whether it can change while the run trains.
    essential
        Shown at once; the others stand behind *More settings*.
    shown_if
        `(field, values)`: the control is shown only while that field has one of the values.
    slider_high
        Where the control ends, if links and programs may go further (up to `high`).
    hidden
        Without a control: set by other means, such as a drawing.
    max_length, pattern
        Of a text; the whole of it has to match.
    """
    extra = {
        "help": help,
        "group": group,
        "step": step,
        "unit": unit,
        "scale": scale,
        "live": live,
        "essential": essential,
        "labels": dict(labels or {}),
        "shown_if": shown_if,
        "slider_high": high if slider_high is None else slider_high,
        "hidden": hidden,
    }
    schema: Any = {"gallery": extra}
    limits: dict[str, Any] = {"ge": low, "le": high, "max_length": max_length, "pattern": pattern}
    return Field(default, title=title, json_schema_extra=schema, **limits)


@dataclass(frozen=True)
class Setting:
    """What a control, the API and the docs need to know of one `Config` field."""

    name: str
    kind: Literal["int", "float", "bool", "choice", "text"]
    default: Any
    title: str
    help: str
    group: str
    low: float | None
    high: float | None
    step: float | None
    unit: str
    scale: Scale
    live: bool
    essential: bool
    choices: tuple[str, ...]
    labels: Mapping[str, str] = field(hash=False)
    shown_if: tuple[str, tuple[Any, ...]] | None
    slider_high: float | None
    hidden: bool
    max_length: int | None

    @property
    def expected(self) -> str:
        """The allowed values in words, for an error message."""
        if self.kind == "choice":
            return _("one of {choices}").format(choices=", ".join(self.choices))
        if self.kind == "bool":
            return _("true or false")
        if self.kind == "text":
            return _("a text of at most {length} characters").format(length=self.max_length)
        noun = _("a whole number") if self.kind == "int" else _("a number")
        return _("{noun} from {low} to {high}").format(
            noun=noun, low=f"{self.low:.10g}", high=f"{self.high:.10g}"
        )

    def label(self, choice: str) -> str:
        """The translated word for one choice."""
        return _(self.labels.get(choice, choice))

    def shown(self, values: Mapping[str, Any]) -> bool:
        """Whether the control makes sense beside these other `values`."""
        return self.shown_if is None or values[self.shown_if[0]] in self.shown_if[1]


class Config(BaseModel):
    """Settings of one run; topics add their fields. Frozen: a change makes a new one."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    seed: int = setting(
        0,
        title=N_("Seed"),
        help=N_("Number that fixes all randomness; the same seed gives the same run."),
        group=N_("Learning"),
        low=0,
        high=2**31 - 1,
        step=1,
    )
    speed: Speed = setting(
        "full",
        title=N_("Speed"),
        help=N_("Paces the training for the eye; full is as fast as it goes."),
        group=N_("Learning"),
        live=True,
        labels={
            "slow": N_("Slow motion"),
            "medium": N_("Medium"),
            "fast": N_("Fast"),
            "full": N_("Full"),
        },
    )

    @classmethod
    @cache
    def settings(cls) -> Mapping[str, Setting]:
        """All fields by name, in the order of declaration (base fields last)."""
        names = [n for n in cls.model_fields if n not in Config.model_fields]
        return {n: _describe(n, cls.model_fields[n]) for n in [*names, *Config.model_fields]}

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """Build a config from untrusted `values` (strings from a URL are converted).

        Raises
        ------
        InvalidValue
            Names every field at fault, what it expects and what it received.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise InvalidValue([cls._problem(e) for e in error.errors()]) from None

    @classmethod
    def _problem(cls, error: Any) -> Problem:
        name = str(error["loc"][0]) if error["loc"] else "config"
        known = cls.settings().get(name)
        if known is None:
            expected = _("a setting of this topic ({names})").format(
                names=", ".join(cls.settings())
            )
            return Problem(shorten(name)[1:-1], expected, shorten(error["input"]))
        return Problem(name, known.expected, shorten(error["input"]))

    def changed(self, values: Mapping[str, Any]) -> Self:
        """Return a copy with `values` replaced and everything validated again."""
        return type(self).parse({**self.model_dump(), **values})

    def live_change(self, values: Mapping[str, Any]) -> Self:
        """Like `changed`, but only for fields that may change during training.

        Raises
        ------
        InvalidValue
            For an unknown field, one that is not live, or a value out of range.
        """
        for name, value in values.items():
            known = self.settings().get(name)
            if known is not None and not known.live:
                live = ", ".join(n for n, s in self.settings().items() if s.live)
                raise InvalidValue.of(
                    name,
                    _("a setting that can change while training ({live})").format(live=live),
                    value,
                )
        return self.changed(values)


def _describe(name: str, field: Any) -> Setting:
    extra = field.json_schema_extra["gallery"]
    bounds = {type(m): m for m in field.metadata}
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    kind: Any = "choice" if choices else KINDS[field.annotation]
    return Setting(
        name=name,
        kind=kind,
        default=field.default,
        title=field.title,
        low=bounds[Ge].ge if Ge in bounds else None,
        high=bounds[Le].le if Le in bounds else None,
        max_length=bounds[MaxLen].max_length if MaxLen in bounds else None,
        choices=choices,
        **extra,
    )
