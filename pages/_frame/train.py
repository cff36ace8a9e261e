"""What the bar's buttons do: submit, steer and replace runs of this visit."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine import service
from engine.config import Config
from engine.errors import Conflict, GalleryError, InvalidValue, NotFound
from engine.jobs.forking import SNAPSHOT, SNAPSHOTS, check, cut
from engine.jobs.job import JobSpec
from engine.jobs.run import Run
from engine.spec import TopicSpec
from engine.topics import figures
from engine.words import _, language
from pages._frame.own_data import attached, lacks_data, lost, own_data_of, take_up
from pages._frame.picture import views_of
from pages._frame.points import drawing_view, told
from pages._frame.visit import (
    Visit,
    address,
    end_fork,
    key,
    owner,
    put_values,
    read_config,
    remember,
)

REPLACE_WAIT = 0.3
"""Seconds that the page waits for the visitor's old run to leave, so that it can say *Pause*."""
LEAVE_WAIT = 2.0
"""Seconds that a fork waits for the run it continues to hand over its snapshots."""
PIN_LIMIT = 6
DEBOUNCE = 0.12
"""Seconds a changed slider waits for the next change before it retrains."""


def active_run(visit: Visit) -> Run | None:
    """The run of this visit, if it is waiting or running."""
    if not visit.run:
        return None
    try:
        run = service.current().manager.get(visit.run)
    except NotFound:
        return None
    return run if run.active and not run.ending else None


def submit(spec: TopicSpec, visit: Visit, config: Config, *, paused: bool = False) -> None:
    """Start a run of these settings; what speaks against it is put into `visit.message`."""
    current = service.current()
    if problem := hopeless(spec, config):
        if not beside_the_brush(spec, config):
            visit.notice = f"{visit.notice} {unlearnable(spec, config, problem)}".strip()
        visit.sent, visit.run, visit.shared = config, "", ""
        return
    try:
        job = JobSpec.checked(
            spec.name,
            config.model_dump(),
            device=current.settings.device,
            threads=current.settings.threads,
            paused=paused,
            language=language.get(),
            attachments=attached(spec, config),
        )
        job = forked(visit, job, config)
        visit.run = current.manager.submit(job, owner(), address=address())
    except GalleryError as error:
        visit.message = error.message
        return
    visit.sent, visit.shared = config, ""
    current.manager.wait_begun(visit.run, REPLACE_WAIT)


def hopeless(spec: TopicSpec, config: Config) -> str:
    """Why a run of these settings could not even begin, if the topic can tell; else nothing."""
    if lost(spec, config):
        return ""  # said elsewhere
    told = getattr(figures(spec.name), "problem", None)
    return told(config, own_data_of(spec, config)) if told is not None else ""


def beside_the_brush(spec: TopicSpec, config: Config) -> bool:
    """Whether the view on show says itself what the drawing lacks."""
    views = views_of(spec.name, config, own_data_of(spec, config))
    return bool(told(spec, config)) and drawing_view(views) is not None


def unlearnable(spec: TopicSpec, config: Config, problem: str) -> str:
    """Why nothing can be learned; of a drawing also where it can be made, if not here."""
    if not told(spec, config) or beside_the_brush(spec, config):
        return problem
    return problem + " " + _("A sweep shows no plot to draw on: turn it off for that.")


def forked(visit: Visit, job: JobSpec, config: Config) -> JobSpec:
    """The same job going on from the snapshot that the visit forks from.

    Settings that the snapshot does not fit start afresh, and the visit says so.
    """
    if visit.fork is None:
        return job
    run, step = visit.fork
    current = service.current()
    try:
        check(type(config).parse(current.history(run, owner()).config), config)
    except InvalidValue as error:
        end_fork(visit)
        visit.notice = _("Started afresh. A fork cannot change these: {names}.").format(
            names=", ".join(p.field for p in error.problems)
        )
        return job
    try:
        step, snapshot = cut(current.artifact(run, SNAPSHOTS, owner()), step)
    except NotFound:
        end_fork(visit)  # or every later run would fail too
        raise
    visit.fork = (run, step)
    return replace(
        job,
        attachments={**job.attachments, SNAPSHOT: snapshot},
        fork={"run": run, "step": step, **({"edits": visit.edits} if visit.edits else {})},
    )


def fork_here(
    spec: TopicSpec, visit: Visit, run: str, step: int, edits: dict[str, float] | None = None
) -> None:
    """Go on from `step` of a run, waiting there for other settings; the run itself is kept.

    Parameters
    ----------
    edits
        Weights set by hand: index → value.
    """
    current = service.current()
    if active_run(visit) is not None and visit.run == run:
        steer(visit, type="cancel")
        current.manager.wait_ended(run, LEAVE_WAIT)
    try:
        history = current.history(run, owner())
        config = spec.config.parse(history.config)
    except GalleryError as error:
        visit.message = error.message
        return
    remember(visit, _("settings"))
    take_up(spec, run)
    values = config.model_dump()
    if edits and step >= history.started.get("steps_total", step):
        values |= longer(spec, values)
        visit.notice = _("Training had ended there; with twice the epochs it can go on.")
    put_values(spec, visit, values)
    visit.fork, visit.edits = (run, step), edits or {}
    if run not in visit.pins:
        visit.pins = [*visit.pins, run][-PIN_LIMIT:]
    submit(spec, visit, read_config(spec, visit), paused=True)


def longer(spec: TopicSpec, values: dict[str, Any]) -> dict[str, Any]:
    """Settings with which a run does not end where it has ended before."""
    epochs = spec.config.settings()["epochs"]
    return {epochs.name: min(2 * values[epochs.name], epochs.high or values[epochs.name])}


def steer(visit: Visit, **message: object) -> None:
    """Send a control to the run; one that has just ended needs none."""
    try:
        service.current().manager.control(visit.run, message)
    except (Conflict, NotFound):
        pass
    except GalleryError as error:
        visit.message = error.message


def press_main(spec: TopicSpec, visit: Visit) -> None:
    """Train, pause or go on."""
    run = active_run(visit)
    if run is not None and run.state != "queued":
        steer(visit, type="resume" if run.state == "paused" else "pause")
    elif run is None:
        submit_as_set(spec, visit)


def press_step(spec: TopicSpec, visit: Visit) -> None:
    """One optimisation step; starts a paused run when there is none."""
    if active_run(visit) is None:
        press_reset(spec, visit)
    steer(visit, type="step")


def press_reset(spec: TopicSpec, visit: Visit) -> None:
    """Back to step 0 (a fork: to where it began): a model that waits."""
    submit_as_set(spec, visit, paused=True)


def submit_as_set(spec: TopicSpec, visit: Visit, *, paused: bool = False) -> None:
    """Start a run of what the controls say, unless one of them says what is not allowed.

    Who presses a button is told why nothing begins, even where the view says it too.
    """
    config = read_config(spec, visit)
    if not visit.message:
        submit(spec, visit, config, paused=paused)
        if problem := told(spec, config):
            visit.notice = unlearnable(spec, config, problem)


def follow_settings(spec: TopicSpec, visit: Visit, config: Config, first: DeltaGenerator) -> None:
    """Let a changed setting reach the run: at once if it is live, by retraining if *Live* is on."""
    if visit.sent is None or config == visit.sent or lacks_data(config):
        return
    settings = spec.config.settings()
    before = visit.sent.model_dump()
    changed = {n: value for n, value in config.model_dump().items() if value != before[n]}
    live = {n: value for n, value in changed.items() if settings[n].live}
    run = active_run(visit)
    if live and run is not None and run.state != "queued":
        steer(visit, type="set", values=live)
        visit.sent = visit.sent.changed(live)
    elif changed and changed.keys() <= {"speed", *spec.afterwards} and run is None:
        visit.sent = config  # of the next run the pace, of the last one what it comes to
    if config != visit.sent and st.session_state.get(key(spec, "live"), True):
        time.sleep(DEBOUNCE)
        first.empty()  # Streamlit ends this script run here if a newer change has arrived
        submit(spec, visit, config, paused=run is not None and run.state == "paused")
