"""What the bar's buttons do: submit, steer and replace runs of this visit."""

from __future__ import annotations

import time

import streamlit as st

from engine import service
from engine.config import Config
from engine.errors import Conflict, GalleryError, NotFound
from engine.jobs.job import JobSpec
from engine.jobs.run import Run
from engine.spec import TopicSpec
from engine.words import language
from pages._frame.visit import Visit, address, key, owner, read_config

REPLACE_WAIT = 0.3
"""Seconds that the page waits for the visitor's old run to leave, so that it can say *Pause*."""
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
    try:
        job = JobSpec.checked(
            spec.name,
            config.model_dump(),
            device=current.settings.device,
            threads=current.settings.threads,
            paused=paused,
            language=language.get(),
        )
        visit.run = current.manager.submit(job, owner(), address=address())
    except GalleryError as error:
        visit.message = error.message
        return
    visit.sent, visit.shared = config, ""
    current.manager.wait_begun(visit.run, REPLACE_WAIT)


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
    """Back to step 0: a fresh model that waits."""
    submit_as_set(spec, visit, paused=True)


def submit_as_set(spec: TopicSpec, visit: Visit, *, paused: bool = False) -> None:
    """Start a run of what the controls say, unless one of them says what is not allowed."""
    config = read_config(spec, visit)
    if not visit.message:
        submit(spec, visit, config, paused=paused)


def follow_settings(spec: TopicSpec, visit: Visit, config: Config) -> None:
    """Let a changed setting reach the run: at once if it is live, by retraining if *Live* is on."""
    if visit.sent is None or config == visit.sent:
        return
    settings = spec.config.settings()
    before = visit.sent.model_dump()
    changed = {n: value for n, value in config.model_dump().items() if value != before[n]}
    live = {n: value for n, value in changed.items() if settings[n].live}
    run = active_run(visit)
    if live and run is not None and run.state != "queued":
        steer(visit, type="set", values=live)
        visit.sent = visit.sent.changed(live)
    elif set(changed) == {"speed"} and run is None:
        visit.sent = config  # the pace of the next run
    if config != visit.sent and st.session_state.get(key(spec, "live"), True):
        time.sleep(DEBOUNCE)
        st.empty()  # Streamlit ends this script run here if a newer change has arrived
        submit(spec, visit, config, paused=run is not None and run.state == "paused")
