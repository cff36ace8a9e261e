"""Links: settings in the URL, checked like any other input.

Streamlit's own `bind="query-params"` writes the translated labels of choices into the URL and
drops invalid values without a word; here links hold the settings' own names and values (other
than the defaults), are versioned, and say what is wrong with them.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine import service
from engine.config import Config
from engine.errors import GalleryError, InvalidValue
from engine.spec import TopicSpec
from engine.words import _
from pages._frame.visit import Visit, owner

RESERVED = ("run", "preset", "v", "embed", "embed_options")


def open_link(spec: TopicSpec) -> Visit:
    """The visit that the URL asks for; what is wrong with it stands in `message`."""
    defaults = spec.config().model_dump()
    visit = Visit(values=defaults)
    parameters = st.query_params.to_dict()
    try:
        if "run" in parameters:
            run = service.current().store.summary(parameters["run"], owner())
            if run.topic != spec.name:
                raise InvalidValue.of("run", _("a run of this page"), parameters["run"])
            visit.shared = run.run
            visit.values = {**defaults, **run.config}
        else:
            visit.values = _settings(spec, parameters)
    except GalleryError as error:
        visit.message = error.message
    return visit


def _settings(spec: TopicSpec, parameters: dict[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    version = parameters.get("v", str(spec.link_version))
    for known, old in spec.old_defaults.items():
        if str(known) == version:
            values.update(old)
    if "preset" in parameters:
        preset = spec.preset(parameters["preset"])
        if preset is None:
            choices = ", ".join(p.id for p in spec.presets)
            raise InvalidValue.of(
                "preset", _("one of {choices}").format(choices=choices), parameters["preset"]
            )
        values.update(preset.values)
    values.update({n: v for n, v in parameters.items() if n not in RESERVED})
    return spec.config.parse(values).model_dump()


def write_link(spec: TopicSpec, visit: Visit, config: Config) -> None:
    """Let the URL say what the page shows: a shared run, or the settings that differ."""
    wanted = {"run": visit.shared} if visit.shared else settings_link(spec, config)
    present = {n: v for n, v in st.query_params.to_dict().items() if not n.startswith("embed")}
    if present != wanted:
        st.query_params.from_dict(wanted)


def settings_link(spec: TopicSpec, config: Config) -> dict[str, str]:
    """Query parameters that bring back these settings; none for the defaults."""
    preset = spec.matching_preset(config)
    by_name = preset is not None and preset is not spec.opening_preset()
    base = spec.config(**preset.values) if preset is not None else spec.config()
    usual = base.model_dump()
    changed = {n: str(v) for n, v in config.model_dump().items() if v != usual[n]}
    if by_name:
        changed = {"preset": preset.id, **changed}
    return {**changed, "v": str(spec.link_version)} if changed else {}
