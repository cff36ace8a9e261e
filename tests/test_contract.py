"""What every topic must keep, tested over all topics that exist."""

from __future__ import annotations

import ast

import pytest

from engine import ROOT, recordings, topics
from engine.events import TYPES, Event
from engine.jobs.job import JobSpec
from engine.jobs.perform import perform
from engine.spec import GROUPS
from engine.training.context import KEPT_FRAMES, Inbox

BUILT_IN = sorted(
    name for name in topics.topics() if (ROOT / "engine" / "topics" / name / "spec.py").is_file()
)
SPLITS = ("train_", "val_", "test_")
OPTIONAL = {"low", "high"}
"""Arrays of a band: only runs of several seeds or quantiles have them."""

every_topic = pytest.mark.parametrize("name", BUILT_IN)
every_preset = pytest.mark.parametrize(
    ("name", "preset_id"), [(n, p.id) for n in BUILT_IN for p in topics.topic(n).presets]
)


class Collector:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.artifacts: dict[str, bytes] = {}
        self.held: list[dict] = []

    def event(self, event):
        self.events.append(event)

    def artifact(self, name, payload):
        self.artifacts[name] = payload

    def frames(self, frames):
        self.held += frames

    @property
    def final(self):
        return self.events[-1].data["metrics"]


def debug_run(name: str, **changes: object) -> Collector:
    config = topics.recipe(name).debug_config().changed(changes)
    sink = Collector()
    perform(JobSpec(name, config.model_dump(), "cpu"), Inbox(), sink)
    return sink


def test_there_are_topics():
    assert "regression" in BUILT_IN


@every_topic
def test_its_files_and_its_page_exist(name):
    folder = topics.folder(name)
    for file in ("spec.py", "recipe.py", "figures.py", "notes.md"):
        assert (folder / file).is_file(), file
    assert (ROOT / "pages" / f"{name}.py").is_file()
    assert topics.topic(name).name == name == folder.name
    assert topics.topic(name).group in GROUPS


@every_topic
def test_every_setting_can_be_shown(name):
    for setting in topics.topic(name).config.settings().values():
        assert setting.title
        assert setting.help.endswith("."), setting.name
        assert setting.kind in ("int", "float", "bool", "choice", "text")
        if setting.kind in ("int", "float"):
            assert setting.low is not None
            assert setting.high is not None
            assert setting.low <= setting.default <= setting.high
            assert setting.scale == "log" or setting.step, setting.name
        if setting.kind == "text":
            assert setting.hidden
            assert setting.max_length
        if setting.scale == "log":
            assert setting.low > 0


@every_preset
def test_presets_are_valid_and_recognised(name, preset_id):
    spec = topics.topic(name)
    preset = spec.preset(preset_id)
    config = spec.config.parse(preset.values)
    assert spec.matching_preset(config).id == preset_id
    assert spec.matching_preset(config.changed({"seed": 7, "speed": "slow"})).id == preset_id
    known = {m.name for m in spec.metrics}
    assert {p.metric for p in preset.published} <= known


@every_topic
def test_the_page_opens_on_a_recorded_preset(name):
    opening = topics.topic(name).opening_preset()
    assert opening is not None
    assert opening.id in recordings.names(name)


@every_preset
def test_recordings_are_finished_runs_of_their_preset(name, preset_id):
    spec = topics.topic(name)
    if not spec.preset(preset_id).recorded:
        pytest.skip("this preset ships no recording")
    history = recordings.load(name, preset_id)
    assert spec.matching_preset(spec.config.parse(history.config)).id == preset_id
    assert history.terminal["type"] == "done"
    assert len(history.frames) >= min(recordings.LEAST_FRAMES, history.started["steps_total"])
    assert recordings.path(name, preset_id).stat().st_size < 2 * recordings.MOST_BYTES


@every_topic
def test_the_debug_config_learns(name):
    sink = debug_run(name)
    losses = [e.data["values"]["train_loss"] for e in sink.events if e.type == "metric"]
    assert sink.events[-1].type == "done"
    assert sink.final["train_loss"] < 0.5 * losses[0]


@every_topic
def test_events_obey_the_contract(name):
    sink = debug_run(name)
    events = sink.events
    assert events[0].type == "started"
    assert {"device", "parameters", "samples", "steps_total"} <= events[0].data.keys()
    for layer in events[0].data.get("layers", ()):
        assert layer.keys() == {"name", "type", "input", "output", "parameters", "flops"}
    assert [e for e in events if e.terminal] == [events[-1]]
    assert {e.type for e in events} <= TYPES
    steps = [e.step for e in events if e.type in ("metric", "frame", "done")]
    assert steps == sorted(steps)
    spec = topics.topic(name)
    for metric in (e for e in events if e.type == "metric"):
        assert "train_loss" in metric.data["values"]
        assert all(isinstance(v, float) for v in metric.data["values"].values())
    assert {"seconds", "steps"} <= sink.final.keys()
    assert {m.name for m in spec.metrics} >= {n for n in sink.final if n.startswith(SPLITS)}
    assert events[-1].data["metrics"]["steps"] == events[0].data["steps_total"]
    for event in events:
        assert Event.from_json(event.to_json()).as_dict() == event.as_dict()
    frames = {e.step for e in events if e.type == "frame"} | {f["step"] for f in sink.held}
    assert len(frames) >= min(KEPT_FRAMES, events[0].data["steps_total"])


@every_topic
def test_the_same_seed_gives_the_same_numbers(name):
    def numbers(sink):
        return {k: v for k, v in sink.final.items() if k != "seconds"}

    first, second, other = (debug_run(name), debug_run(name), debug_run(name, seed=1))
    assert numbers(first) == numbers(second)
    assert first.artifacts == second.artifacts
    assert numbers(first) != numbers(other)


@every_topic
def test_its_figures_draw_every_preset(name):
    spec = topics.topic(name)
    derived = set(getattr(topics.figures(name), "DERIVED", ()))  # worked out in the browser
    for preset in (p for p in spec.presets if p.recorded):
        config = spec.config.parse(preset.values)
        history = recordings.load(name, preset.id)
        frames = {frame["kind"]: frame["data"] for frame in history.frames}
        told = {**history.started.get("arrays", {}), **frames.get("baselines", {})}
        for view in topics.figures(name).views(config):
            found = {**told, **frames[view.kind]}
            bound = [trace.meta["live"] for trace in view.draw().data if trace.meta]
            assert bound, view.name
            assert {
                array for binding in bound for array in binding.values()
            } <= found.keys() | OPTIONAL | derived
        for baseline in topics.figures(name).baselines(config):
            assert baseline.keys() in ({"title", "value", "help"}, {"title", "live", "help"})
            assert baseline.get("live") is None or baseline["live"] in told


@every_topic
def test_the_trained_model_predicts_what_it_drew(name):
    """`load` and `predict` rebuild the model from the run's own artifact."""
    from safetensors.torch import load

    sink = debug_run(name)
    config = topics.recipe(name).debug_config()
    model = topics.recipe(name).load(config, load(sink.artifacts["weights.safetensors"]))
    inputs = topics.recipe(name).example_inputs()
    answers = topics.recipe(name).predict(model, inputs)
    assert len(answers["outputs"]) == len(inputs)


@every_topic
def test_its_spec_and_figures_are_torch_free(name):
    for file in ("spec.py", "figures.py"):
        tree = ast.parse((topics.folder(name) / file).read_text())
        imported = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        imported |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        assert not {m for m in imported if m.split(".")[0] in ("torch", "torchvision", "streamlit")}
