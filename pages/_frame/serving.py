"""Serve: calls that ask the model on show, a CSV scored by it, and the model for other runtimes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from engine import checkpoints, scoring, service
from engine.api.predictions import Model, checkpoint_model, run_model
from engine.config import Config
from engine.data.names import listed
from engine.data.reading import BYTES_LIMIT
from engine.data.tables import Table
from engine.errors import GalleryError, NotFound
from engine.events import dumps
from engine.spec import TopicSpec
from engine.words import _
from pages._frame.look import Look
from pages._frame.visit import key, owner
from pages._frame.words import plain
from pages._live import base_url

NAMED_LIMIT = 40
"""Features up to which a call names them; more are a list."""
TRAINING = 0
DIGITS = 4
RUN = ""
"""The choice of the run on show among the models; the others are names of checkpoints."""


@dataclass(frozen=True)
class Served:
    """The model that is asked: its id in calls, how predictors load it, and one of its inputs."""

    id: str
    model: Model
    example: Any


def servable(spec: TopicSpec) -> bool:
    """Whether the topic's models take rows of numbers: its data are rows."""
    return find_spec(f"engine.topics.{spec.name}.data") is not None


def serving(look: Look) -> None:
    """Which model, then what can be done with it."""
    spec = look.spec
    shipped = [card.name for card in cards(spec.name)]
    choices = [RUN, *shipped] if look.ended else shipped
    if not choices:
        st.info(_("Train first: only a model that has learned can be asked."))
        return
    titles = {card.name: _(card.title) for card in cards(spec.name)}
    another = st.session_state.get(key(spec, "served_run")) != look.ended
    st.session_state[key(spec, "served_run")] = look.ended
    if another or st.session_state.get(key(spec, "served")) not in choices:
        st.session_state[key(spec, "served")] = choices[0]  # a run that has ended comes first
    chosen = st.selectbox(
        _("Model"),
        choices,
        format_func=lambda name: (
            titles.get(name) or _("the run on show ({run})").format(run=look.ended[:8])
        ),
        key=key(spec, "served"),
        help=_("The run on show once it has ended, or a model that is shipped."),
    )
    try:
        served = from_checkpoint(spec, chosen) if chosen else from_run(look)
    except GalleryError as error:
        st.error(plain(error.message))
        return
    calls, table, files = st.tabs([_("Call it"), _("Score a table"), _("Take it along")])
    with calls:
        call_panel(look, served)
    with table:
        table_panel(spec, served)
    with files:
        files_panel(spec, served)


def cards(topic: str) -> list[checkpoints.Card]:
    """The shipped models of a topic."""
    return [card for card in checkpoints.list_checkpoints() if card.topic == topic]


def from_checkpoint(spec: TopicSpec, name: str) -> Served:
    """A shipped model, with an example from its card."""
    example = checkpoints.card(spec.name, name).examples.inputs[0]
    return Served(name, checkpoint_model(spec.name, name), example)


def from_run(look: Look) -> Served:
    """The run on show, with the first row that it learned from."""
    model = run_model(look.spec.name, look.ended, owner())
    record = service.current().history(look.ended, owner())
    config = look.spec.config.parse(record.config)
    table = look.own if config == look.config else None
    # an own table goes with its visit
    found = first_row if table is None else first_row.__wrapped__
    example = found(look.spec.name, config, table)
    if example is None or len(example) != len(model.signature.features or example):
        example = [0.0] * len(model.signature.features)
    return Served(look.ended, model, example)


@lru_cache(maxsize=64)
def first_row(topic: str, config: Config, table: Table | None) -> list[float] | None:
    """The first training row of these settings, F numbers; None where it is not at hand."""
    data = import_module(f"engine.topics.{topic}.data")
    if getattr(config, "data", "") in getattr(data, "LARGE", ()) or not data.at_hand(config):
        return None
    try:
        x, _y = data.make(config, table).of(TRAINING)
    except GalleryError:  # an own table that is not here any more
        return None
    return [float(f"{value:.{DIGITS}g}") for value in x[0]] if len(x) else None


# Calls -------------------------------------------------------------------------------------------


def call_panel(look: Look, served: Served) -> None:
    """`curl` and Python, ready to be copied; and who may ask."""
    if served.id == look.ended and not shared(served.id):
        st.info(
            _(
                "This run is private: programs cannot see it. *Share* → *Save & share* first; then "
                "everyone who has its id may ask it."
            ),
            icon=":material/lock:",
        )
    url = f"{address()}{base_url()}api/v1/{look.spec.name}/predict"
    question = {"model": served.id, "inputs": [by_name(served)]}
    st.code(curl_call(url, question), language="bash", wrap_lines=True)
    st.code(python_call(url, question), language="python", wrap_lines=True)
    features = served.model.signature.features
    if features:
        text = _("Inputs: {names}, as an object by name in any order, or as a list in this one.")
        st.caption(plain(text.format(names=listed(features))))


def shared(run: str) -> bool:
    """Whether everyone may see the run."""
    try:
        return bool(service.current().store.summary(run, owner()).shared)
    except NotFound:
        return False


def address() -> str:
    """Scheme, host and port as the visitor's browser has them."""
    parts = urlsplit(st.context.url or "")
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else "http://localhost:8501"


def by_name(served: Served) -> Any:
    """The example as an object, where the model tells its features and they are not too many."""
    features, example = served.model.signature.features, served.example
    row = example if isinstance(example, list | tuple) else [example]
    if not features or len(features) > NAMED_LIMIT or len(row) != len(features):
        return example
    return dict(zip(features, row, strict=True))


def curl_call(url: str, question: dict[str, Any]) -> str:
    """A command for a POSIX shell."""
    body = dumps(question).replace("'", "'\\''")
    return f"curl -s {url} -H 'Content-Type: application/json' \\\n  -d '{body}'"


def python_call(url: str, question: dict[str, Any]) -> str:
    """A program that needs only Python itself."""
    return f"""import json, urllib.request

question = {question!r}
request = urllib.request.Request(
    {url!r},
    json.dumps(question).encode(),
    {{"Content-Type": "application/json"}},
)
with urllib.request.urlopen(request) as response:
    print(json.load(response))"""


# Tables ------------------------------------------------------------------------------------------


def table_panel(spec: TopicSpec, served: Served) -> None:
    """A CSV in, the same rows with answers out."""
    features = served.model.signature.features
    if not features:
        st.info(_("This run is older than names of features. Train it again to score a table."))
        return
    uploaded = st.file_uploader(
        _("CSV with a header (at most {limit} MB)").format(limit=BYTES_LIMIT // 2**20),
        type=["csv", "tsv", "txt"],
        max_upload_size=BYTES_LIMIT // 2**20,
        key=key(spec, "score_file"),
        help=_("Its columns may stand in any order; those the model does not know are left alone."),
    )
    st.caption(plain(_("Columns: {names}.").format(names=listed(features))))
    if uploaded is None:
        return
    try:
        rows, text = score(spec.name, served, uploaded.getvalue(), uploaded.name)
    except GalleryError as error:
        st.error(plain(error.message), icon=":material/error:")
        return
    st.markdown(_("{rows:,} rows scored.").format(rows=len(rows.inputs)))
    remarks = list(rows.remarks)
    if rows.ignored:
        unknown = _("Not used, as the model does not know them: {names}.")
        remarks.append(unknown.format(names=listed(rows.ignored)))
    for remark in remarks:
        st.caption(plain(remark))
    st.download_button(
        _("Scored table (CSV)"),
        text,
        file_name=f"{uploaded.name.rpartition('.')[0] or uploaded.name}-scored.csv",
        mime="text/csv",
        on_click="ignore",
        key=key(spec, "scored"),
        icon=":material/download:",
    )


def score(topic: str, served: Served, payload: bytes, name: str) -> tuple[scoring.Rows, str]:
    """The rows found, and the scored CSV; the last one of a visit is remembered."""
    asked = (topic, served.id, hash(payload), name)
    kept = st.session_state.get(f"{topic}.score")
    if kept is None or kept[0] != asked:
        rows = scoring.read_rows(payload, name, served.model.signature.features)
        answer = in_parts(topic, rows.inputs, served.model)
        text = scoring.scored(rows.header, rows.cells, answer, served.model.signature)
        kept = st.session_state[f"{topic}.score"] = (asked, rows, text)
    return kept[1], kept[2]


def in_parts(topic: str, inputs: Sequence[Any], model: Model) -> dict[str, list[Any]]:
    """The answers to all inputs, asked some thousand at a time."""
    whole: dict[str, list[Any]] = {}
    for first in range(0, len(inputs), scoring.ROWS_AT_ONCE):
        part = list(inputs[first : first + scoring.ROWS_AT_ONCE])
        answer = service.current().predictors.predict(topic, part, **model.arguments)
        for name, values in answer.items():
            whole.setdefault(name, []).extend(values)
    return whole


# Files -------------------------------------------------------------------------------------------


def formats() -> dict[str, tuple[str, str]]:
    """Title and help of each file."""
    return {
        "pt2": (_("torch.export (.pt2)"), _("For PyTorch without this project's code.")),
        "onnx": ("ONNX (.onnx)", _("For ONNX Runtime, in most languages and on most devices.")),
    }


def files_panel(spec: TopicSpec, served: Served) -> None:
    """The model as a program, made when asked for, with how well it agrees."""
    st.caption(
        _(
            "Input: rows of features in their own units (rows × {count}). Every file is run once "
            "and compared with the model before you get it."
        ).format(count=len(served.model.signature.features) or "F")
    )
    name = f"{spec.name}.programs_made"
    made = st.session_state.get(name)
    place = st.empty()
    if made is None or made[0] != served.id:
        if not place.button(_("Make the files"), key=key(spec, "programs")):
            return
        with place, st.spinner(_("Exporting …")):
            try:
                export: Callable[..., Any] = service.current().predictors.export
                files = {k: export(spec.name, k, **served.model.arguments) for k in formats()}
            except GalleryError as error:
                st.error(plain(error.message))
                return
        place.empty()
        made = st.session_state[name] = (served.id, files)
    for kind, (title, help) in formats().items():
        file = made[1][kind]
        st.download_button(
            title,
            file.content,
            file_name=f"{spec.name}-{served.id[:8]}.{kind}",
            mime="application/octet-stream",
            on_click="ignore",
            help=help,
            key=key(spec, f"program_{kind}"),
            icon=":material/download:",
        )
        text = _("Largest difference from the model's own answers: {difference:.2g}.")
        st.caption(text.format(difference=file.difference))
