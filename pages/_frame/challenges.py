"""Challenges: goals checked on the visitor's own runs, and questions that a run answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from engine import service
from engine.challenges import (
    Challenge,
    Progress,
    Question,
    Reveal,
    Trial,
    answered,
    attempt,
)
from engine.errors import GalleryError
from engine.spec import TopicSpec
from engine.topics import challenges
from engine.words import _
from pages._frame import train
from pages._frame.visit import Visit, end_fork, key, owner, put_values, remember
from pages._frame.words import plain

PART = "challenges"


@dataclass
class Asked:
    """A question that was put: what the visitor predicted, the run that answers, and what it said."""

    choice: str
    run: str
    reveal: Reveal | str | None = None


@dataclass
class Record:
    """What one visit has done with a topic's challenges; `seen` are runs that are not judged again."""

    goals: dict[str, Progress] = field(default_factory=dict)
    asked: dict[str, Asked] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def progress(self, name: str) -> Progress:
        """How far the visit has come with a goal."""
        return self.goals.setdefault(name, Progress())


def has_challenges(spec: TopicSpec) -> bool:
    """Whether a topic has goals and questions."""
    return challenges(spec.name) is not None


def found(spec: TopicSpec, name: str) -> Challenge | Question | None:
    """A goal or question by its id."""
    module = challenges(spec.name)
    known = (*module.CHALLENGES, *module.QUESTIONS) if module is not None else ()
    return next((one for one in known if one.id == name), None)


def record_of(spec: TopicSpec) -> Record:
    """The session's record; it outlasts links that are followed."""
    name = key(spec, "challenge_record")
    if name not in st.session_state:
        st.session_state[name] = Record()
    record: Record = st.session_state[name]
    return record


def start_values(spec: TopicSpec, name: str) -> dict[str, Any]:
    """All settings that a goal begins from, or that a question trains, by name."""
    one = found(spec, name)
    settings = one.start if isinstance(one, Challenge) else one.settings if one else {}
    return spec.config.parse(settings).model_dump()


# What ended runs say -------------------------------------------------------------------------------


def judge(spec: TopicSpec, visit: Visit) -> None:
    """Hold the visit's run, once it has ended, against the active goal or the question it answers."""
    if not has_challenges(spec) or not visit.run:
        return
    record = record_of(spec)
    for name, asked in record.asked.items():
        if asked.reveal is None:
            asked.reveal = revealed(spec, name, asked)
    goal = found(spec, visit.challenge)
    if not isinstance(goal, Challenge) or visit.run in record.seen:
        return
    trial = trial_of(spec, visit.run)
    if trial is not None:
        record.seen.add(visit.run)
        attempt(goal, record.progress(goal.id), trial)


def trial_of(spec: TopicSpec, run: str) -> Trial | None:
    """What a run of this visitor measured; None while it trains, or where it is gone."""
    try:
        history = service.current().history(run, owner())
        return Trial.of(spec.config, history) if history.terminal else None
    except GalleryError:
        return None


def revealed(spec: TopicSpec, name: str, asked: Asked) -> Reveal | str | None:
    """What the run of a question has answered, or why it cannot; None while it trains."""
    question, trial = found(spec, name), trial_of(spec, asked.run)
    if trial is None or not isinstance(question, Question):
        return None
    return answered(question, spec.config.parse(question.settings), trial)


# What the visitor presses --------------------------------------------------------------------------


def begin(spec: TopicSpec, visit: Visit, name: str) -> None:
    """Take up a goal or a question; a goal sets every control to where it begins."""
    visit.challenge = name
    record = record_of(spec)
    if visit.run:
        record.seen.add(visit.run)
    if isinstance(found(spec, name), Challenge):
        put_start(spec, visit, name)
    else:
        record.asked.pop(name, None)
        st.session_state.pop(key(spec, "prediction"), None)


def put_start(spec: TopicSpec, visit: Visit, name: str) -> None:
    """Set every control as a goal or question says; *Undo* brings back what was."""
    remember(visit, _("settings"))
    st.session_state.pop(key(spec, "view"), None)
    end_fork(visit)
    put_values(spec, visit, start_values(spec, name))


def leave(visit: Visit) -> None:
    """Have no active goal or question any more; what was reached stays."""
    visit.challenge = ""


def ask(spec: TopicSpec, visit: Visit, question: Question) -> None:
    """Train what answers a question, now that the visitor has made a prediction."""
    choice = st.session_state.get(key(spec, "prediction"))
    if choice not in question.choices:
        return
    wanted = start_values(spec, question.id)
    held = [n for n, v in visit.fixed.items() if n in wanted and v != wanted[n]]
    if held:
        titles = ", ".join(_(spec.config.settings()[n].title) for n in held)
        visit.message = _("This link holds settings that the question needs: {names}.").format(
            names=titles
        )
        return
    put_start(spec, visit, question.id)
    train.submit_as_set(spec, visit)
    if visit.run and not visit.message:
        record_of(spec).asked[question.id] = Asked(choice, visit.run)


# What is shown -------------------------------------------------------------------------------------


def challenges_part(spec: TopicSpec, visit: Visit) -> None:
    """The active goal or question, then all there are."""
    module = challenges(spec.name)
    assert module is not None
    active(spec, visit)
    record = record_of(spec)
    st.markdown(f"**{_('Goals')}**")
    st.caption(_("Start one: it is checked on every run that you then train to its end."))
    for goal in module.CHALLENGES:
        told = goal_state(goal, record.progress(goal.id))
        again = visit.challenge != goal.id or record.progress(goal.id).done
        row(spec, visit, goal, told, _("Start") if again else "")
    st.markdown(f"**{_('Predict, then see')}**")
    st.caption(_("You answer first; then it is trained, and what was measured is shown."))
    for question in module.QUESTIONS:
        told = question_state(record.asked.get(question.id))
        row(spec, visit, question, told, _("Predict") if visit.challenge != question.id else "")


def row(spec: TopicSpec, visit: Visit, one: Challenge | Question, told: str, button: str) -> None:
    """A goal or question on one line: the button that takes it up (if it can be), and its state."""
    with st.container(horizontal=True, vertical_alignment="center", key=f"challenge_{one.id}"):
        st.button(
            button or _("Taken up"),
            key=key(spec, f"begin_{one.id}"),
            on_click=begin,
            args=(spec, visit, one.id),
            disabled=not button,
        )
        st.markdown(f"{_(one.title)} · :gray[{plain(told)}]")


def goal_state(goal: Challenge, progress: Progress) -> str:
    """Not tried; tried, and what is missing; or done."""
    if not progress.tries:
        return _("not tried yet")
    best = ""
    if goal.score and progress.best is not None:
        best = " · " + _(goal.score).format(score=progress.best)
    if progress.done:
        return "✓ " + _("done") + best
    missing = _(goal.steps[progress.step].goal)
    return _("tried; still to do: {goal}").format(goal=missing) + best


def question_state(asked: Asked | None) -> str:
    """Not asked, training, right or not."""
    if asked is None:
        return _("not asked yet")
    if asked.reveal is None:
        return _("training …")
    if isinstance(asked.reveal, str):
        return _("no answer yet")
    right = asked.reveal.answer == asked.choice
    return "✓ " + (_("predicted right") if right else _("answered; you expected something else"))


def active(spec: TopicSpec, visit: Visit) -> None:
    """The goal or question that is taken up."""
    one = found(spec, visit.challenge)
    if one is None:
        return
    with st.container(border=True, key="challenge_active"):
        st.markdown(f"**{_(one.title)}**")
        st.markdown(_(one.text))
        if isinstance(one, Challenge):
            goal_card(one, record_of(spec).progress(one.id))
        else:
            question_card(spec, visit, one)
        st.button(_("Leave"), key=key(spec, "leave_challenge"), on_click=leave, args=(visit,))


def goal_card(goal: Challenge, progress: Progress) -> None:
    """The steps, which of them are done, and what the last run measured."""
    finished = progress.done and not progress.kept
    if len(goal.steps) > 1:
        done = len(goal.steps) if finished else progress.step
        st.markdown(
            "\n".join(
                f"{i + 1}. {_(step.goal)}{' ✓' if i < done else ''}"
                for i, step in enumerate(goal.steps)
            )
        )
    verdict = progress.verdict
    if verdict is None:
        st.caption(_("Change what you like and train to the end; the verdict appears here."))
        return
    if verdict.passed:
        words = _("Done.") if not progress.kept else _("Done. Now the next step.")
        st.success(f"{words} {plain(verdict.measured)}", icon=":material/check:")
    else:
        st.info(f"{_('Not yet.')} {plain(verdict.measured)}")
        st.caption(plain(verdict.hint))
    if goal.score and progress.best is not None:
        st.caption(_(goal.score).format(score=progress.best))


def question_card(spec: TopicSpec, visit: Visit, question: Question) -> None:
    """The choices until one is made; then what was measured, and whether it was right."""
    asked = record_of(spec).asked.get(question.id)
    if asked is None:
        choice = st.radio(
            _("Your prediction"),
            list(question.choices),
            index=None,
            format_func=lambda name: _(question.choices[name]),
            key=key(spec, "prediction"),
        )
        st.button(
            _("Train and see"),
            type="primary",
            key=key(spec, "ask"),
            disabled=choice is None,
            on_click=ask,
            args=(spec, visit, question),
        )
        return
    st.caption(_("You predicted: {choice}").format(choice=_(question.choices[asked.choice])))
    if asked.reveal is None:
        st.caption(_("It is being trained; what was measured appears here."))
    elif isinstance(asked.reveal, str):
        st.info(plain(asked.reveal))
    else:
        reveal(question, asked.choice, asked.reveal)
    if asked.reveal is not None:
        again = _("Ask again")
        st.button(again, key=key(spec, "again"), on_click=begin, args=(spec, visit, question.id))


def reveal(question: Question, choice: str, found: Reveal) -> None:
    """What was measured, whether the prediction was right, and why it is so."""
    if found.answer == choice:
        st.success(_("You were right."), icon=":material/check:")
    else:
        words = _("It turned out otherwise: {answer}.")
        st.info(words.format(answer=_(question.choices[found.answer])))
    st.markdown(plain(found.measured))
    if found.answer in question.why:
        st.caption(_(question.why[found.answer]))
