"""What the bar's buttons do: submit, steer and replace runs of this visit."""

from __future__ import annotations

import time

import streamlit as st

from engine import service
from engine.config import Config
from engine.errors import Conflict, GalleryError, NotFound
from engine.jobs.job import JobSpec
from engine.jobs.manager import Run
from engine.spec import TopicSpec
from engine.words import _
from pages._frame.visit import Visit, key, owner, read_config

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
        job = JobSpec(
            spec.name,
            config.model_dump(),
            current.settings.device,
            current.settings.threads,
            paused,
        )
        visit.run = current.manager.submit(job, owner(), address=st.context.ip_address or "")
    except GalleryError as error:
        visit.message = error.message
        return
    visit.sent, visit.shared, visit.message, visit.polling = config, "", "", False


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
    elif run is None and (config := read_config(spec, visit)) is not None:
        submit(spec, visit, config)


def press_step(spec: TopicSpec, visit: Visit) -> None:
    """One optimisation step; starts a paused run when there is none."""
    if active_run(visit) is None:
        press_reset(spec, visit)
    steer(visit, type="step")


def press_reset(spec: TopicSpec, visit: Visit) -> None:
    """Back to step 0: a fresh model that waits."""
    if (config := read_config(spec, visit)) is not None:
        submit(spec, visit, config, paused=True)


def follow_settings(spec: TopicSpec, visit: Visit, config: Config) -> None:
    """Let a changed setting reach the run: at once if it is live, by retraining if *Live* is on."""
    if visit.sent is None or config == visit.sent:
        return
    settings = spec.config.settings()
    values = config.model_dump()
    before = visit.sent.model_dump()
    changed = {name: value for name, value in values.items() if value != before[name]}
    if all(settings[name].live for name in changed):
        if active_run(visit) is not None:
            steer(visit, type="set", values=changed)
            visit.sent = config
            return
        if set(changed) == {"speed"}:
            return
    if st.session_state[key(spec, "live")]:
        time.sleep(DEBOUNCE)
        st.empty()  # Streamlit ends this script run here if a newer change has arrived
        submit(spec, visit, config)


def explain_wait() -> str:
    """Why nothing trains yet, in words; empty when everything is ready."""
    ready = service.current().manager.ready
    return "" if ready else _("The trainer is warming up; your run starts in a few seconds.")
