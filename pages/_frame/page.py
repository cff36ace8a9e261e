"""The page of a topic, from its spec alone: bar, settings, picture, metrics, curves, notes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import streamlit as st

from engine import recordings, service
from engine.config import Config
from engine.errors import GalleryError
from engine.figures import BLUE, ORANGE
from engine.spec import Preset, TopicSpec
from engine.topics import folder, topic
from engine.words import _, language
from pages._frame import train
from pages._frame.controls import control, settings_card
from pages._frame.link import write_link
from pages._frame.picture import baselines_of, curves_figure, figure_of
from pages._frame.share import share_menu
from pages._frame.visit import Visit, be_present, key, put_values, read_config, visit_of
from pages._frame.words import curve_words, metric_words, plain, status_words
from pages._live import history_source, panel, recording_source, run_source

PICTURE_HEIGHT = 400
CURVES_HEIGHT = 170
CUSTOM = ""
"""What the preset list shows when the settings are nobody's."""


def show(name: str) -> None:
    """Draw the page of one topic."""
    spec = topic(name)
    be_present()
    visit = visit_of(spec)
    st.session_state.setdefault(key(spec, "live"), True)
    config = read_config(spec, visit)
    if not visit.message:
        train.follow_settings(spec, visit, config)
    begin_if_new(spec, visit, config)
    source = source_of(spec, visit, config)
    write_link(spec, visit, config)

    st.title(_(spec.title), anchor=False)
    st.markdown(_(spec.summary))
    bar(spec, visit, config, source)
    if visit.message:
        st.error(plain(visit.message), icon=":material/error:")
        visit.message = ""
    body(spec, visit, config, source)
    with st.expander(_("What this is, what to try, sources"), icon=":material/menu_book:"):
        st.markdown(notes(name, language.get()))
    if visit.run and visit.polling == visit.run:
        poll(spec, visit)


def begin_if_new(spec: TopicSpec, visit: Visit, config: Config) -> None:
    """On opening, settings that nobody recorded are trained at once; shown ones count as sent."""
    if visit.sent is not None or visit.message:
        return
    if visit.shared or recorded(spec, config):
        visit.sent = config
    else:
        train.submit(spec, visit, config)


def recorded(spec: TopicSpec, config: Config) -> Preset | None:
    """The preset with these settings, if it has a recording."""
    preset = spec.matching_preset(config)
    return preset if preset and preset.id in recordings.names(spec.name) else None


def source_of(spec: TopicSpec, visit: Visit, config: Config) -> dict[str, Any] | None:
    """What the panels follow: a shared run, the visit's run, a recording, or nothing yet."""
    if visit.shared:
        return history_source(visit.shared)
    if visit.run:
        return run_source(visit.run)
    preset = recorded(spec, config)
    return recording_source(spec.name, preset.id, "once") if preset else None


def bar(spec: TopicSpec, visit: Visit, config: Config, source: dict[str, Any] | None) -> None:
    """One row: train or pause, step, reset, speed, preset, live, status, share."""
    run = train.active_run(visit)
    state = run.state if run is not None else "ended"
    label, icon = {
        "paused": (_("Go on"), ":material/play_arrow:"),
        "queued": (_("Waiting"), ":material/hourglass_top:"),
        "running": (_("Pause"), ":material/pause:"),
    }.get(state, (_("Train"), ":material/play_arrow:"))
    arguments = (spec, visit)
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="bar"):
        st.button(
            label,
            icon=icon,
            type="primary",
            key="bar_main",
            on_click=train.press_main,
            args=arguments,
            disabled=state == "queued",
        )
        st.button(_("Step"), key="bar_step", on_click=train.press_step, args=arguments)
        st.button(_("Reset"), key="bar_reset", on_click=train.press_reset, args=arguments)
        speed = spec.config.settings()["speed"]
        control(spec, visit, speed, label_visibility="collapsed", width=132)
        preset_list(spec, visit, config)
        st.toggle(
            _("Live"),
            key=key(spec, "live"),
            help=_("On: a changed setting trains again at once."),
        )
        with st.container(key="bar_status"):
            panel(
                "status",
                source,
                key=f"{spec.name}.status",
                callbacks={
                    "on_begun_change": lambda: None,
                    "on_ended_change": lambda: run_ended(spec, visit),
                    "on_polling_change": lambda: stream_blocked(spec, visit),
                },
                words=status_words(),
            )
        share_menu(spec, visit, config)


def run_ended(spec: TopicSpec, visit: Visit) -> None:
    """The one rerun at the end of a run: it can be shared now."""
    ended = st.session_state[f"{spec.name}.status"].get("ended")
    if isinstance(ended, str) and ended == visit.run:
        visit.ended.add(ended)


def stream_blocked(spec: TopicSpec, visit: Visit) -> None:
    """The browser could not open the run's event stream: poll instead."""
    visit.polling = str(st.session_state[f"{spec.name}.status"].get("polling") or "")


def preset_list(spec: TopicSpec, visit: Visit, config: Config) -> None:
    """Presets; choosing one sets every control."""
    matching = spec.matching_preset(config)
    options = [CUSTOM, *(p.id for p in spec.presets)]
    st.session_state[key(spec, "preset")] = matching.id if matching else CUSTOM
    titles = {p.id: f"{p.id} · {_(p.title)}" for p in spec.presets} | {CUSTOM: _("Own settings")}
    st.selectbox(
        _("Preset"),
        options,
        format_func=titles.__getitem__,
        key=key(spec, "preset"),
        on_change=choose_preset,
        args=(spec, visit),
        label_visibility="collapsed",
        width=230,
    )


def choose_preset(spec: TopicSpec, visit: Visit) -> None:
    """Set every control as the preset says, and show its recording until it is trained."""
    preset = spec.preset(st.session_state[key(spec, "preset")])
    if preset is None:
        return
    neutral = {n: st.session_state[key(spec, n)] for n in ("seed", "speed")}
    values = {**spec.config(**preset.values).model_dump(), **neutral}
    put_values(spec, visit, values)
    if recorded(spec, spec.config(**preset.values)):
        if train.active_run(visit) is not None:
            train.steer(visit, type="cancel")
        visit.run = visit.shared = ""
        visit.sent = None


def body(spec: TopicSpec, visit: Visit, config: Config, source: dict[str, Any] | None) -> None:
    """Settings, picture and figures side by side; the curves below."""
    left, middle, right = st.columns([248, 640, 396], gap="small")
    with left, st.container(border=True, key="card_settings"):
        settings_card(spec, visit)
    preset = spec.matching_preset(config)
    with middle:
        with st.container(border=True, key="card_picture"):
            panel(
                "picture",
                source,
                key=f"{spec.name}.picture",
                figure=figure_of(spec.name, config),
                height=PICTURE_HEIGHT,
                label=_("{topic}: data and model").format(topic=_(spec.title)),
            )
        with st.container(border=True, key="card_curves"):
            curves_panel(spec, source)
    with right, st.container(border=True, key="card_metrics"):
        metrics_panel(spec, config, preset, source)


def curves_panel(spec: TopicSpec, source: dict[str, Any] | None) -> None:
    """Train in blue, validation in orange."""
    curves = [
        {"name": name, "title": _(spec.metric(name).title), "color": color}
        for name, color in zip(spec.curves, (BLUE, ORANGE), strict=False)
    ]
    panel(
        "curves",
        source,
        key=f"{spec.name}.curves",
        curves=curves,
        figure=curves_figure(_("step")),
        height=CURVES_HEIGHT,
        label=_("Metrics by step"),
        words=curve_words(),
    )


def metrics_panel(
    spec: TopicSpec, config: Config, preset: Preset | None, source: dict[str, Any] | None
) -> None:
    """Measured metrics, baselines, and published figures with their verdict."""
    published = [
        {
            "name": p.metric,
            "title": _(spec.metric(p.metric).title),
            "value": p.value,
            "relation": p.relation,
            "target": p.target,
            "tolerance": p.tolerance,
            "seeds": recordings.over_seeds(spec.name).get(preset.id, {}).get(p.metric),
        }
        for p in (preset.published if preset else ())
    ]
    panel(
        "metrics",
        source,
        key=f"{spec.name}.metrics",
        metrics=[
            {"name": m.name, "title": _(m.title), "help": _(m.help)}
            for m in spec.metrics
            if m.shown
        ],
        baselines=baselines_of(spec.name, config),
        published=published,
        words=metric_words(),
    )
    if preset is not None and (preset.note or preset.source):
        source_line = (
            _("Source: {source}.").format(source=_(preset.source)) if preset.source else ""
        )
        st.caption(f"{source_line} {_(preset.note)}")


@st.fragment(run_every=0.5)
def poll(spec: TopicSpec, visit: Visit) -> None:
    """Where no stream can be opened: hand the browser the events it has not seen, twice a second."""
    feed = st.session_state.get(f"{spec.name}.feed") or {}
    try:
        events = service.current().manager.events(visit.run, int(feed.get("seen") or 0))
    except GalleryError as error:  # the server has forgotten it meanwhile
        visit.run, visit.message = "", error.message
        st.rerun()
    panel(
        "feed",
        run_source(visit.run),
        key=f"{spec.name}.feed",
        callbacks={"on_seen_change": lambda: None},
        events=[e.as_dict() for e in events],
    )


@lru_cache(maxsize=64)
def notes(name: str, code: str) -> str:
    """The topic's notes in the visitor's language, English if there are none."""
    own = folder(name) / f"notes.{code}.md"
    return (own if own.is_file() else folder(name) / "notes.md").read_text()
