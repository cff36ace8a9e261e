"""The page of a topic, from its spec alone: bar, settings, picture, time machine, figures, runs."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import streamlit as st

from engine import recordings, service
from engine.config import Config
from engine.errors import GalleryError
from engine.figures import CATEGORIES, CLASS_COLORS
from engine.spec import Published, TopicSpec
from engine.topics import folder, topic
from engine.words import _, language
from pages._frame import train
from pages._frame.augmentation import PART as AUGMENTATION
from pages._frame.augmentation import augmentation, can_preview
from pages._frame.bar import bar
from pages._frame.blocks import PART as BLOCKS
from pages._frame.blocks import architecture, has_blocks
from pages._frame.challenges import PART, active, challenges_part, has_challenges, judge
from pages._frame.controls import settings_card
from pages._frame.inside import code_and_model
from pages._frame.link import write_link
from pages._frame.look import Look
from pages._frame.own_data import lacks_data
from pages._frame.picture import baselines_of, curves_figure, curves_of
from pages._frame.points import editing, points_edited
from pages._frame.preset import recorded
from pages._frame.range_test import RATE, range_test
from pages._frame.runs import overlays, runs_table
from pages._frame.samples import cell_clicked, marked, samples_card
from pages._frame.serving import servable, serving
from pages._frame.style import presenter_style
from pages._frame.trying import PART as TRY
from pages._frame.trying import can_try, try_title, trying
from pages._frame.variants import multiples_of, variant_chosen
from pages._frame.visit import (
    Visit,
    be_present,
    end_fork,
    key,
    put_values,
    read_config,
    visit_of,
)
from pages._frame.weights import network_of, weight_edited
from pages._frame.why import PART as WHY
from pages._frame.why import can_ask, numbered_asked, shown_asked, why
from pages._frame.words import (
    curve_words,
    embedding_words,
    fusion_words,
    map_words,
    metric_words,
    mistake_words,
    plain,
    timeline_words,
    useful_words,
)
from pages._live import panel, run_source

PICTURE_HEIGHT = 400
PRESENTER_HEIGHT = 560
CURVES_HEIGHT = 170
ON_MAPS = ("on_chosen_change", "on_asked_change")


def show(name: str) -> None:
    """Draw the page of one topic."""
    spec = topic(name)
    first = st.empty()  # always there: an element that comes and goes makes all below it anew
    be_present()
    visit = visit_of(spec)
    st.session_state.setdefault(key(spec, "live"), True)
    config = read_config(spec, visit)
    if not visit.message:
        train.follow_settings(spec, visit, config, first)
    begin_if_new(spec, visit, config)
    judge(spec, visit)
    look = Look(spec, visit, config)
    visit.drawn.clear()
    write_link(spec, visit, config)
    if not st.context.is_embedded:
        st.title(_(spec.title), anchor=False)
        st.markdown(_(spec.summary))
    bar(look)
    messages(visit)
    body(look)
    if not st.context.is_embedded:
        below(look)
    elif visit.challenge:
        active(spec, visit)
    if visit.presenter:
        presenter_style()
    if visit.run and visit.polling == visit.run:
        poll(spec, visit)
    visit.controls = {name: name in visit.drawn for name in visit.controls}


def messages(visit: Visit) -> None:
    """What went wrong, and what else is to be said, once."""
    with st.container(key="messages"):
        if visit.message:
            st.error(plain(visit.message), icon=":material/error:")
        if visit.notice:
            st.info(plain(visit.notice))
    visit.said, visit.message, visit.notice = visit.notice, "", ""


def begin_if_new(spec: TopicSpec, visit: Visit, config: Config) -> None:
    """On opening, settings that nobody recorded are trained at once; shown ones count as sent."""
    if visit.sent is not None or visit.message or lacks_data(config):
        return
    if visit.shared or recorded(spec, config):
        visit.sent = config
    else:
        train.submit(spec, visit, config)


def body(look: Look) -> None:
    """Settings, picture with its time machine, figures and curves, side by side."""
    spec, visit = look.spec, look.visit
    left, middle, right = st.columns([248, 640, 396], gap="small")
    with left, st.container(border=True, key="card_settings"):
        settings_card(spec, visit)
    with middle:
        with st.container(border=True, key="card_picture"):
            picture_panel(look)
        samples_card(look)
    with right:
        with st.container(border=True, key="card_metrics"):
            metrics_panel(look)
        with st.container(border=True, key="card_curves"):
            curves_panel(look)


def picture_panel(look: Look) -> None:
    """The view that is chosen, and the time machine below it."""
    spec, visit = look.spec, look.visit
    if len(look.views) > 1:
        titles = {v.name: v.title for v in look.views}
        st.session_state[key(spec, "view")] = look.view.name
        st.segmented_control(
            _("View"),
            list(titles),
            format_func=titles.__getitem__,
            required=True,
            key=key(spec, "view"),
            label_visibility="collapsed",
        )
    PANELS[look.view.panel](look)
    panel(
        "timeline",
        look.source,
        key=f"{spec.name}.timeline",
        callbacks={"on_fork_change": lambda: forked(spec, visit)},
        fork=spec.forks and bool(visit.run or visit.shared),
        words=timeline_words(),
    )
    if visit.fork:
        fork_line(spec, visit)


def common_of(look: Look) -> dict[str, Any]:
    """What every panel of the picture's card needs."""
    return {
        "kind": look.view.kind,
        "height": PRESENTER_HEIGHT if look.visit.presenter else PICTURE_HEIGHT,
        "label": _("{topic}: {view}").format(topic=_(look.spec.title), view=look.view.title),
    }


def plotly_panel(look: Look) -> None:
    """A figure of the topic."""
    spec, visit = look.spec, look.visit
    panel(
        "picture",
        look.source,
        key=f"{spec.name}.picture",
        callbacks={
            "on_edited_change": lambda: points_edited(spec, visit),
            "on_cell_change": lambda: cell_clicked(look),
        },
        figure=look.figure,
        overlays=overlays(spec, visit),
        **common_of(look),
        **editing(spec, look.config, look.view, look.views),
        **marked(look),
    )


def network_panel(look: Look) -> None:
    """Every unit of the network as its own small picture."""
    spec, visit = look.spec, look.visit
    panel(
        "network",
        look.source,
        key=f"{spec.name}.network",
        callbacks={"on_edited_change": lambda: weight_edited(spec, visit)},
        **common_of(look),
        **network_of(look),
    )


def multiples_panel(look: Look) -> None:
    """The variants of a sweep side by side."""
    spec, visit = look.spec, look.visit
    panel(
        "multiples",
        look.source,
        key=f"{spec.name}.multiples",
        callbacks={"on_chosen_change": lambda: variant_chosen(spec, visit)},
        **common_of(look),
        **multiples_of(look),
    )


def maps_panel(look: Look) -> None:
    """What every layer makes of one picture."""
    panel(
        "maps",
        look.source,
        key=f"{look.spec.name}.maps",
        callbacks={name: lambda: shown_asked(look) for name in ON_MAPS},
        words=map_words() | {"why": _("Ask why") if can_ask(look.spec) else ""},
        **common_of(look),
    )


def mistakes_panel(look: Look) -> None:
    """The worst mistakes as pictures."""
    name = f"{look.spec.name}.mistakes"
    panel(
        "mistakes",
        look.source,
        key=name,
        callbacks={"on_asked_change": lambda: numbered_asked(look, "mistakes")},
        words=mistake_words() | {"why": _("Ask why") if can_ask(look.spec) else ""},
        **common_of(look),
    )


def embedding_panel(look: Look) -> None:
    """Pictures as points in space."""
    panel(
        "embedding",
        look.source,
        key=f"{look.spec.name}.embedding",
        colors=list(CLASS_COLORS),
        words=embedding_words(),
        **common_of(look),
    )


def useful_panel(look: Look) -> None:
    """The training pictures that help most, and least."""
    panel(
        "useful",
        look.source,
        key=f"{look.spec.name}.useful",
        words=useful_words(),
        **common_of(look),
    )


def fusion_panel(look: Look) -> None:
    """Several models, and what their answers come to together."""
    spec, visit = look.spec, look.visit
    models = look.config.models  # type: ignore[attr-defined]
    panel(
        "fusion",
        look.source,
        key=f"{spec.name}.fusion",
        callbacks={"on_weights_change": lambda: weighed(spec, visit)},
        colors=list(CATEGORIES),
        weights=look.config.shares(len(models)),  # type: ignore[attr-defined]
        words=fusion_words(),
        **common_of(look),
    )


def weighed(spec: TopicSpec, visit: Visit) -> None:
    """The weights of fused models were moved."""
    sent = st.session_state[f"{spec.name}.fusion"].get("weights") or {}
    try:
        text = ",".join(f"{float(weight):.4g}" for weight in sent["weights"])
        spec.config.parse({"weights": text})
    except (GalleryError, KeyError, TypeError, ValueError):
        return  # nothing that our own panel sends
    put_values(spec, visit, {**visit.values, "weights": text})


PANELS = {
    "picture": plotly_panel,
    "network": network_panel,
    "multiples": multiples_panel,
    "maps": maps_panel,
    "mistakes": mistakes_panel,
    "embedding": embedding_panel,
    "useful": useful_panel,
    "fusion": fusion_panel,
}


def forked(spec: TopicSpec, visit: Visit) -> None:
    """*Fork here* was pressed."""
    asked = st.session_state[f"{spec.name}.timeline"].get("fork") or {}
    run, step = str(asked.get("run", "")), asked.get("step")
    if isinstance(step, int) and run in (visit.run, visit.shared):
        train.fork_here(spec, visit, run, step)


def fork_line(spec: TopicSpec, visit: Visit) -> None:
    """Says that runs go on from a snapshot, and lets that be ended."""
    assert visit.fork
    with st.container(horizontal=True, vertical_alignment="center", key="fork_line"):
        text = _("Runs go on from step {step}. Change how the model learns, then train.")
        st.caption(text.format(step=f"{visit.fork[1]:,}"))
        st.button(_("Leave the fork"), key=key(spec, "leave"), on_click=end_fork, args=(visit,))


def curves_panel(look: Look) -> None:
    """Train in blue, validation in orange, test in green."""
    spec = look.spec
    names = curves_of(spec.name, look.config) or spec.curves
    curves = [
        {"name": name, "title": _(spec.metric(name).title), "color": color}
        for name, color in zip(names, CATEGORIES, strict=False)
    ]
    panel(
        "curves",
        look.source,
        key=f"{spec.name}.curves",
        curves=curves,
        log=any(spec.metric(name).better == "lower" for name in names),
        figure=curves_figure(_("step")),
        height=CURVES_HEIGHT,
        label=_("Metrics by step"),
        overlays=overlays(spec, look.visit),
        words=curve_words(),
    )


def metrics_panel(look: Look) -> None:
    """Measured metrics, baselines, and published figures with their verdict."""
    spec, preset = look.spec, look.spec.matching_preset(look.config)
    published = [
        {
            "name": p.metric,
            "title": _(spec.metric(p.metric).title),
            "value": p.value,
            "relation": p.relation,
            "target": p.target,
            "tolerance": p.tolerance,
            "seeds": over_seeds(spec, preset.id, p),
        }
        for p in (preset.published if preset else ())
    ]
    panel(
        "metrics",
        look.source,
        key=f"{spec.name}.metrics",
        metrics=[
            {"name": m.name, "title": _(m.title), "help": _(m.help)}
            for m in spec.metrics
            if m.shown
        ],
        baselines=baselines_of(spec.name, look.config, look.own),
        published=published,
        words=metric_words(),
    )
    if preset is not None and (preset.note or preset.source):
        source_line = (
            _("Source: {source}.").format(source=_(preset.source)) if preset.source else ""
        )
        st.caption(f"{source_line} {_(preset.note)}")


def over_seeds(spec: TopicSpec, preset: str, published: Published) -> dict[str, Any] | None:
    """Median and range over ten seeds, and whether they reproduce the published figure."""
    seeds = recordings.over_seeds(spec.name).get(preset, {}).get(published.metric)
    return {**seeds, "reached": published.reached_over(seeds)} if seeds else None


def below(look: Look) -> None:
    """What is asked for less often, one thing at a time: runs, model, rate test, serving, notes."""
    spec, visit = look.spec, look.visit
    parts = {TRY: try_title(look)} if can_try(spec) else {}
    if can_ask(spec):
        parts[WHY] = _("Ask why")
    parts["runs"] = _("Runs")
    if has_blocks(spec):
        parts[BLOCKS] = _("Architecture")
    if can_preview(spec):
        parts[AUGMENTATION] = _("Augmentation")
    parts["inside"] = _("Code and model")
    if RATE in spec.config.settings():
        parts["rates"] = _("Learning-rate test")
    if servable(spec):
        parts["serve"] = _("Serve")
    if has_challenges(spec):
        parts[PART] = _("Challenges")
    parts["notes"] = _("What this is, what to try, sources")
    chosen = st.segmented_control(
        _("More"),
        list(parts),
        default=next(iter(parts)),
        format_func=parts.__getitem__,
        required=True,
        key=key(spec, "below"),
        label_visibility="collapsed",
    )
    with st.container(border=True, key="card_below"):
        if chosen == TRY:
            trying(look)
        elif chosen == WHY:
            why(look)
        elif chosen == AUGMENTATION:
            augmentation(look)
        elif chosen == "runs":
            runs_table(spec, visit)
        elif chosen == BLOCKS:
            architecture(look)
        elif chosen == "inside":
            code_and_model(spec, visit, look.config)
        elif chosen == "rates":
            range_test(spec, visit, look.config)
        elif chosen == "serve":
            serving(look)
        elif chosen == PART:
            challenges_part(spec, visit)
        else:
            st.markdown(notes(spec.name, language.get()))


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
