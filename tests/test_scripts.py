"""A run's script, run alone, ends on the run's metrics.

By default for the presets whose recorded run was quick; `make scripts` takes all of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

from engine import ROOT, recordings, topics
from engine.data import fetch, fetching, pictures, source
from engine.data.tables import Table
from engine.errors import GalleryError, NotFound, Unavailable
from engine.events import Event, decode_array
from engine.exports.notebook import notebook
from engine.exports.replay import script_of
from engine.history import History
from engine.jobs.job import JobSpec
from engine.jobs.perform import perform
from engine.recordings import RecordingSink
from engine.spec import Preset, TopicSpec
from engine.topics.classification import stored
from engine.topics.classification.spec import ClassificationConfig
from engine.topics.cnn.spec import OFFICIAL_TEST, CnnConfig
from engine.topics.regression import script as regression_script
from engine.topics.regression.spec import RegressionConfig
from engine.training.context import Inbox

ALL = os.environ.get("SCRIPTS") == "all"
QUICK = 10.0
"""Seconds that a preset's recorded run may have taken for its script to be run in every test."""

RELATIVE = 1e-4
PATIENCE = 900.0
"""Seconds after which a script is given up: a bound, not a measurement."""

PARTS = {"train": 0, "val": 1, "test": 2}

UNTOLD = ("seconds", "steps")
"""What a run tells of itself, not of its model."""

ONE_BY_ONE = """\
import runpy, sys
for file in sys.argv[1:]:
    runpy.run_path(file)
"""


def trained(
    topic: str,
    values: dict[str, Any],
    table: Table | None = None,
    sink: RecordingSink | None = None,
    inbox: Inbox | None = None,
) -> History:
    """The history of a run, trained here on the CPU with one thread."""
    files = {} if table is None else {"table": b64encode(table.pack()).decode()}
    job = JobSpec.checked(topic, values, device="cpu", threads=1, attachments=files)
    sink = sink or RecordingSink(History("0" * 32, topic))
    sink.history.config = job.config
    perform(job, inbox or Inbox(), sink)
    assert sink.history.terminal is not None
    assert sink.history.terminal["type"] == "done", sink.history.terminal["data"]
    return sink.history


def printed(sources: Sequence[str], folder: Path) -> list[dict[str, float]]:
    """What each program prints, one after the other in a process that knows nothing of us."""
    files = [folder / f"script{number}.py" for number in range(len(sources))]
    for file, text in zip(files, sources, strict=True):
        file.write_text(text)
    command = [sys.executable, "-I", *(["-c", ONE_BY_ONE] if len(files) > 1 else []), *files]
    made = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)
    assert made.returncode == 0, made.stderr
    lines = [line for line in made.stdout.splitlines() if line.startswith("{")]  # no tables
    assert len(lines) == len(sources)
    return [json.loads(line) for line in lines]


def assert_reproduced(
    metrics: dict[str, float], history: History, chaotic: bool = False, pairs: float = 1.0
) -> None:
    """Every final metric is there; a standard deviation counts by the size of its mean.

    Where rounding grows while a network trains, only accuracies agree, and not to the last row.
    An AUC counts pairs of rows: so many `pairs` may change places where scores are nearly equal.
    """
    expected = {name: value for name, value in history.final.items() if name not in UNTOLD}
    assert metrics.keys() == expected.keys()
    if chaotic:
        for name in [name for name in expected if name.endswith("accuracy")]:
            assert metrics[name] == pytest.approx(expected[name], abs=CHAOTIC_ACCURACY), name
        return
    for name, value in expected.items():
        size = max(abs(value), abs(expected.get(name.removesuffix("_sd"), 0.0)))
        # What is nearly 0 by cancellation (an R², an intercept) has its digits from numbers around 1.
        bound = RELATIVE * size + 1e-6
        if name.removesuffix("_sd").endswith("_auc"):
            bound = max(bound, pairs * one_pair(history, name.partition("_")[0]))
        assert metrics[name] == pytest.approx(value, rel=RELATIVE, abs=bound), name


def one_pair(history: History, part: str) -> float:
    """How much an AUC changes when two rows of this part, one of the class, change places.

    Of more than two classes it is the mean over all; longer tables show 2000 of their rows.
    """
    told = history.started["arrays"]
    label, parts = decode_array(told["label"]), decode_array(told["part"])
    counts = np.bincount(label[parts == PARTS[part]])
    counts = counts[counts > 0]
    each = 1 / (counts * (counts.sum() - counts))
    return float(each.max() / (1 if len(counts) == 2 else len(counts)))


# Presets of every topic --------------------------------------------------------------------------

SCRIPTED = [
    spec for spec in topics.topics().values() if (topics.folder(spec.name) / "script.py").is_file()
]
PRESETS = [(spec, preset) for spec in SCRIPTED for preset in spec.presets]

CHAOTIC = {
    "classification": (
        *("spirals", "three-spirals", "rates"),
        *("C5", "C5+", "C6", "C7", "C7-small", "C7+"),
    )
}
"""Presets that end elsewhere when their first weights change by 1e-7 of their size."""
CHAOTIC_ACCURACY = 0.02

TOO_LONG = {"cnn": ("N1+", "N2", "N3", "N4", "N5", "N6", "N6+")}
"""Presets that train for half an hour or more, which a script would do once again."""

SAME_SCORES = {"classification": {"vanishing": 16}}
"""Presets that give all rows nearly the same score, and how many pairs may change places there.

The logits of `vanishing` lie within 1e-4, and rounding is 1e-7: about 30 of its 15,624 pairs cannot
be told apart. First weights that differ by 1e-7 of their size moved the run's own AUC by 7 pairs.
"""


def quick(spec: TopicSpec, preset: Preset) -> bool:
    """Whether the preset's recorded run took less than `QUICK` seconds."""
    if preset.id not in recordings.names(spec.name):
        return False
    return recordings.load(spec.name, preset.id).final["seconds"] < QUICK


def offline(file: Any, progress: Any) -> Path:
    raise Unavailable(f"{file.path} is not in GALLERY_DATA_DIR")


def reproduce(spec: TopicSpec, presets: Sequence[Preset], folder: Path) -> None:
    """Run the scripts of presets in one process, and compare them with runs."""
    sources, found = [], []
    for preset in presets:
        config = spec.config.parse(preset.values)
        try:
            bring(config, folder)
            sources.append(topics.script(spec.name, config))
        except Unavailable:
            continue
        found.append(preset)
    if not found:
        pytest.skip("the data are not here")
    for preset, metrics in zip(found, printed(sources, folder), strict=True):
        history = trained(spec.name, dict(preset.values))
        chaotic = preset.id in CHAOTIC.get(spec.name, ())
        pairs = SAME_SCORES.get(spec.name, {}).get(preset.id, 1)
        assert_reproduced(metrics, history, chaotic, pairs)


def bring(config: Any, folder: Path) -> None:
    """Put the files that a script reads where it looks for them."""
    name = None
    if isinstance(config, ClassificationConfig):
        name = stored.SOURCES.get(config.data)
    elif isinstance(config, CnnConfig) and config.data in OFFICIAL_TEST:
        name = pictures.copy_of(config.data).source
    for file, path in zip(source(name).files, fetch(name), strict=True) if name else ():
        parts = Path(file.path).parts
        here = folder / (parts[-1] if parts[0] == "tabular" else Path("data", *parts))
        here.parent.mkdir(parents=True, exist_ok=True)
        here.unlink(missing_ok=True)
        here.symlink_to(path.resolve())


@pytest.mark.parametrize("spec", SCRIPTED, ids=lambda spec: spec.name)
def test_quick_presets_are_reproduced_by_their_scripts(
    spec: TopicSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "_download", offline)
    reproduce(spec, [preset for preset in spec.presets if quick(spec, preset)], tmp_path)


@pytest.mark.skipif(not ALL, reason="`make scripts` runs them")
@pytest.mark.timeout(4 * PATIENCE)
@pytest.mark.parametrize(
    ("spec", "preset"), PRESETS, ids=[f"{spec.name}-{preset.id}" for spec, preset in PRESETS]
)
def test_a_preset_is_reproduced_by_its_script(
    spec: TopicSpec, preset: Preset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if preset.id in TOO_LONG.get(spec.name, ()):
        pytest.skip("it trains too long")
    monkeypatch.setattr(fetching, "_download", offline)
    reproduce(spec, [preset], tmp_path)


def test_some_presets_are_quick() -> None:
    assert sum(quick(spec, preset) for spec, preset in PRESETS) >= 3


# Regression: every setting -----------------------------------------------------------------------

SMALL = dict(samples=48, noise=0.3, units=6, epochs=40, learning_rate=0.02)

SETTINGS: list[dict[str, Any]] = [
    dict(data="points", model="linear", loss="mae", optimiser="sgd", scaling="none"),
    dict(data="line", model="linear", loss="huber", optimiser="lbfgs", learning_rate=1.0, seeds=2),
    dict(loss="huber", huber_delta=0.3, optimiser="momentum", schedule="step", batch_size=16),
    dict(loss="quantile", optimiser="nesterov", schedule="exponential", activation="relu"),
    dict(optimiser="adagrad", schedule="cosine", dropout=0.3, l1=0.01, data="step", taper=True),
    dict(optimiser="rmsprop", schedule="one-cycle", model="noisy", l2=0.02, activation="sigmoid"),
    dict(optimiser="adamw", l2=0.1, l1=0.001, activation="gelu", batch_size=8, output="sigmoid"),
    dict(model="polynomial", degree=7, scaling="none", l2=0.001, optimiser="adam", target=0.35),
    dict(optimiser="adam", epochs=400, patience=10, validation=0.4, learning_rate=0.1),
    dict(optimiser="adam", epochs=300, patience=40, target=0.3, dropout=0.1, batch_size=16),
    dict(model="noisy", dropout=0.2, seeds=3, batch_size=16, patience=15, loss="quantile"),
    dict(seeds=4, loss="mae", data="heteroscedastic", scaling="inputs", l1=0.002, target=0.4),
    dict(data="drawn", drawn="0,1;1,3;2,2;3,5;4,4;5,7", validation=0.0, model="linear"),
    dict(data="outliers", model="polynomial", optimiser="lbfgs", learning_rate=0.5, l2=0.05),
    dict(data="diabetes", layers=1, output="sigmoid", optimiser="adam", schedule="cosine"),
]


def test_the_settings_hold_every_choice() -> None:
    """So that a new loss or optimiser cannot be forgotten here."""
    configs = [RegressionConfig(**{**SMALL, **s}) for s in SETTINGS]
    files = {"auto-mpg", "survey", "own"}  # see the presets and the test of an own table
    for setting in RegressionConfig.settings().values():
        if setting.name not in ("speed", "loss", "table"):
            used = {getattr(config, setting.name) for config in configs}
            assert used >= set(setting.choices) - files, setting.name
    assert {c.loss for c in configs} == {"mse", "mae", "huber", "quantile"}
    changed = {name for s in SETTINGS for name in s} | SMALL.keys()
    never = RegressionConfig.settings().keys() - changed
    assert never == {"outliers", "data_seed", "table", "input_noise", "seed", "speed"}


def test_generated_settings_are_reproduced(tmp_path: Path) -> None:
    runs = [{**SMALL, **settings, "seed": seed} for seed, settings in enumerate(SETTINGS)]
    histories = [trained("regression", values) for values in runs]
    results = printed([script_of(history) for history in histories], tmp_path)
    for metrics, history in zip(results, histories, strict=True):
        assert_reproduced(metrics, history)


def test_early_stopping_and_target_were_reached() -> None:
    """Otherwise the settings above would not show that scripts stop too."""

    def steps(settings: dict[str, Any]) -> float:
        return trained("regression", {**SMALL, **settings}).final["steps"]

    stopping = [s for s in SETTINGS if "patience" in s or "target" in s]
    never = {"patience": 0, "target": 0}
    assert sum(steps(s) < steps({**s, **never}) for s in stopping) >= 3


class Meddler(RecordingSink):
    """Sends changes of settings while the run trains."""

    def __init__(
        self, inbox: Inbox, changes: Sequence[dict[str, float]], topic: str = "regression"
    ) -> None:
        super().__init__(History("0" * 32, topic))
        self.inbox, self.changes = inbox, list(changes)

    def event(self, event: Event) -> None:
        super().event(event)
        if event.type == "metric" and self.changes:
            self.inbox.put({"type": "set", "values": self.changes.pop(0)})


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_changes_made_while_it_trained_are_replayed(schedule: str, tmp_path: Path) -> None:
    inbox = Inbox()
    sink = Meddler(inbox, [{"learning_rate": 0.3}, {"learning_rate": 0.002}])
    values = {**SMALL, "model": "linear", "epochs": 1500, "schedule": schedule, "batch_size": 16}
    values |= {"optimiser": "sgd", "l2": 0.01}
    history = trained("regression", values, sink=sink, inbox=inbox)
    changes = [note["step"] for note in history.notes if note.get("set")]
    first, second = changes
    assert 0 == first < second  # the first one came after a measurement, before any step
    history.config = {**history.config, "learning_rate": 0.002}  # as the JobManager leaves it
    (metrics,) = printed([script_of(history)], tmp_path)
    assert_reproduced(metrics, history)


def test_a_change_in_the_middle_of_a_run_is_replayed(tmp_path: Path) -> None:
    config = RegressionConfig(**{**SMALL, "optimiser": "sgd", "model": "linear", "epochs": 30})
    source = topics.script("regression", config, None, ((20, {"learning_rate": 0.5}),))
    with_it, without = printed([source, topics.script("regression", config)], tmp_path)
    assert "changes = {20: 0.5}" in source
    assert with_it["train_mse"] < 0.99 * without["train_mse"]


def own_table(rows: int = 60, features: int = 4) -> Table:
    random = np.random.default_rng(5)
    x = random.normal(3, 2, (rows, features)).astype(np.float32)
    x[:, 1] = random.integers(0, 2, rows)  # a code
    x[:, 2] = 7.5  # a column that never changes
    y = x @ np.linspace(-1, 1, features) + random.normal(0, 0.3, rows)
    names = (
        'a "quoted" name',
        "code=1",
        "constant # %% {x}",
        *(f"f{i}" for i in range(3, features)),
    )
    return Table(x, y.astype(np.float32), names, "target")  # fmt: skip


def test_an_own_table_is_reproduced(tmp_path: Path) -> None:
    table = own_table()
    values = {**SMALL, "data": "own", "table": table.digest}
    history = trained("regression", values, table)
    (metrics,) = printed([script_of(history, table.pack())], tmp_path)
    assert_reproduced(metrics, history)


def test_a_table_that_is_gone_is_named() -> None:
    history = History("0" * 32, "regression", {"data": "own", "table": "0" * 64})
    with pytest.raises(GalleryError, match="The table is not here any more"):
        script_of(history)


def test_data_that_are_too_large_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regression_script, "NUMBERS_LIMIT", 60 * 5 - 1)
    history = History("0" * 32, "regression", {"data": "own"})
    with pytest.raises(NotFound, match="The data have more than 299 numbers, too many"):
        script_of(history, own_table().pack())
    monkeypatch.setattr(regression_script, "NUMBERS_LIMIT", 60 * 5)
    assert script_of(history, own_table().pack())


# How it reads ------------------------------------------------------------------------------------


def test_a_script_holds_only_what_its_settings_need() -> None:
    line = dict(data="points", validation=0.0, scaling="none", model="linear")
    plain = topics.script("regression", RegressionConfig(**line))
    for word in ("class ", "def ", "copy", "math", "generator=noise", "held", "eval()", "seeds"):
        assert word not in plain, word
    assert len(plain.splitlines()) < 80


@pytest.mark.parametrize("settings", SETTINGS, ids=range(len(SETTINGS)))
def test_a_script_is_tidy(settings: dict[str, Any], tmp_path: Path) -> None:
    """No name is missing, unused or imported in vain; lines are no longer than our own."""
    source = topics.script("regression", RegressionConfig(**{**SMALL, **settings}))
    assert max(map(len, source.splitlines())) <= 100
    (tmp_path / "script.py").write_text(source)
    rules = ["--isolated", "--select", "F,E7,W", "--no-cache"]
    command = [sys.executable, "-m", "ruff", "check", *rules, "script.py"]
    checked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_the_notebook_of_a_preset_ends_on_the_same_metrics(tmp_path: Path) -> None:
    values = topics.topic("regression").values("R2", {"epochs": 200})
    history = trained("regression", values)
    book = nbformat.reads(notebook(script_of(history), "R2"), as_version=4)
    nbformat.validate(book)
    kinds = [cell.cell_type for cell in book.cells]
    assert kinds.count("markdown") >= kinds.count("code") >= 5
    code = "\n".join(cell.source for cell in book.cells if cell.cell_type == "code")
    (metrics,) = printed([code], tmp_path)
    assert_reproduced(metrics, history)


def test_make_scripts_takes_all() -> None:
    assert "SCRIPTS=all" in (ROOT / "Makefile").read_text()
