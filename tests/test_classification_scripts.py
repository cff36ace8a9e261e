"""Scripts of classification runs, run alone, end on the runs' metrics: every setting, every sweep."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from test_scripts import ALL, Meddler, assert_reproduced, bring, offline, printed, trained

from engine import topics
from engine.data import fetching
from engine.data.sheets import read_sheet
from engine.data.tables import Table
from engine.errors import NotFound, Unavailable
from engine.exports.notebook import notebook
from engine.exports.replay import script_of
from engine.history import History
from engine.topics.classification import script_data
from engine.topics.classification.script import script
from engine.topics.classification.script_plan import merged
from engine.topics.classification.spec import ClassificationConfig
from engine.training.context import Inbox

SMALL: dict[str, Any] = dict(
    data="circles",
    samples=60,
    noise=0.1,
    units_1=5,
    units_2=4,
    epochs=25,
    learning_rate=0.02,
    l2=0.0,
)

POINTS = "0,1,0;1,3,1;2,2,2;3,5,0;4,4,1;5,7,2;1,1,0;2,5,1;9,2,2"

SETTINGS: list[dict[str, Any]] = [
    dict(data="xor", optimiser="sgd", batch_size=7, imbalance=0.4, label_noise=0.1, layers=1),
    dict(data="xor", activation="relu", initialisation="pytorch", scaling="none", layers=3),
    dict(data="moons", optimiser="momentum", schedule="step", normalisation="batch", batch_size=29),
    dict(data="moons", normalisation="batch", initialisation="pytorch", batch_size=8, epochs=60),
    dict(data="blobs", classes=4, optimiser="nesterov", schedule="exponential", imbalance=0.3),
    dict(data="blobs", normalisation="layer", class_weights=True, imbalance=0.3, layers=6),
    dict(data="spirals", optimiser="adagrad", schedule="cosine", dropout=0.3, input_noise=0.1),
    dict(data="spirals", activation="sine", squares=True, product=True, sines=True, l1=0.01),
    dict(data="three-spirals", optimiser="rmsprop", schedule="one-cycle", batch_size=8, l2=0.02),
    dict(data="three-spirals", activation="sigmoid", scaling="range", initialisation="he"),
    dict(data="three-spirals", activation="sigmoid", scaling="range", initialisation="large"),
    dict(data="checkerboard", optimiser="adamw", l2=0.1, l1=0.001, activation="leaky-relu"),
    dict(data="checkerboard", oversample="before", imbalance=0.5, class_weights=True),
    dict(data="drawn", drawn=POINTS, layers=0, optimiser="lbfgs", validation=0.2, seeds=2, l2=0.01),
    dict(data="drawn", drawn=POINTS, initialisation="zero", seeds=2, activation="gelu"),
    dict(data="iris", patience=5, epochs=300, learning_rate=0.1, label_noise=0.1, seeds=3),
    dict(data="wine", target_accuracy=0.9, patience=40, epochs=100, folds=4, seeds=2, dropout=0.2),
    dict(data="breast-cancer", folds=3, batch_size=64, schedule="cosine", epochs=8),
    dict(data="breast-cancer", oversample="training", validation=0.25, target_accuracy=0.9),
    dict(data="digits", epochs=3, batch_size=64, class_weights=True),
    dict(data="sonar", test_share=0.0, validation=0.0, folds=5, input_noise=0.05),
    dict(data="credit", oversample="training", label_noise=0.02, epochs=3, test_share=0.3),
    dict(sweep="learning_rate", variants=4, sweep_from=0.001, sweep_to=0.1, seeds=2, l2=0.05),
    # of few steps, as rounding grows along its line searches
    dict(
        sweep="learning_rate", variants=2, sweep_from=0.1, sweep_to=1, optimiser="lbfgs", epochs=8
    ),
    dict(sweep="units", variants=4, sweep_from=1, sweep_to=6, batch_size=9),
    dict(sweep="layers", variants=4, sweep_from=0, sweep_to=3, input_noise=0.1, data="blobs"),
    dict(sweep="samples", variants=3, sweep_from=20, sweep_to=60, batch_size=16, schedule="cosine"),
    dict(sweep="imbalance", data="xor", variants=3, sweep_from=0.2, sweep_to=1.0, seeds=2),
    dict(sweep="imbalance", class_weights=True, variants=3, sweep_from=0.2, sweep_to=1.0),
    dict(sweep="batch_size", variants=3, sweep_from=0, sweep_to=64, schedule="step", data="iris"),
    dict(sweep="epochs", variants=3, sweep_from=5, sweep_to=30, schedule="one-cycle", patience=5),
    dict(sweep="dropout", variants=3, sweep_from=0, sweep_to=0.5, input_noise=0.1),
    dict(sweep="input_noise", variants=3, sweep_from=0, sweep_to=0.5, dropout=0.1),
    dict(sweep="l1", variants=3, sweep_from=0, sweep_to=0.05, target_accuracy=0.8),
    dict(sweep="l2", variants=3, sweep_from=0, sweep_to=0.05, optimiser="adamw"),
    dict(sweep="noise", variants=3, sweep_from=0, sweep_to=0.3, data="blobs"),
    dict(sweep="label_noise", variants=3, sweep_from=0, sweep_to=0.3, oversample="training"),
    dict(sweep="data_seed", variants=3, sweep_from=0, sweep_to=5),
]


def config_of(settings: dict[str, Any]) -> ClassificationConfig:
    return ClassificationConfig(**{**SMALL, **settings})


def assert_all_reproduced(histories: Sequence[History], folder: Path) -> None:
    results = printed([script_of(history) for history in histories], folder)
    for metrics, history in zip(results, histories, strict=True):
        assert_reproduced(metrics, history)


def test_the_settings_hold_every_choice() -> None:
    """So that a new optimiser or a new sweep cannot be forgotten here."""
    configs = [config_of(settings) for settings in SETTINGS]
    elsewhere = {"own", "mnist", "fashion-mnist"}  # see the tests of these
    for setting in ClassificationConfig.settings().values():
        if setting.name not in ("speed", "table"):
            used = {getattr(config, setting.name) for config in configs}
            assert used >= set(setting.choices) - elsewhere, setting.name
    changed = {name for settings in SETTINGS for name in settings} | SMALL.keys()
    never = ClassificationConfig.settings().keys() - changed
    assert never == {"data_seed", "table", "seed", "speed", *(f"units_{i}" for i in range(3, 7))}


def test_generated_settings_are_reproduced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And presets, until rounding has grown."""
    monkeypatch.setattr(fetching, "_download", offline)
    values = topics.topic("classification").values
    chaotic = [values(preset, {"epochs": 40}) for preset in ("spirals", "three-spirals")]
    generated = [{**SMALL, **settings, "seed": i} for i, settings in enumerate(SETTINGS)]
    histories = []
    for settings in [*chaotic, *generated]:
        try:
            bring(ClassificationConfig(**settings), tmp_path)
        except Unavailable:
            continue
        histories.append(trained("classification", settings))
    assert len(histories) >= len(SETTINGS)  # only sonar and credit are downloaded
    assert_all_reproduced(histories, tmp_path)


def test_pictures_are_reproduced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "_download", offline)
    values = dict(layers=0, epochs=1, batch_size=1000, optimiser="sgd", learning_rate=0.1)
    each = [dict(values, data="mnist", validation=0.5, label_noise=0.1)]
    if ALL:
        each.append(dict(values, data="fashion-mnist", validation=0.0))
    try:
        for settings in each:
            bring(ClassificationConfig(**settings), tmp_path)
    except Unavailable:
        pytest.skip("the data are not here")
    assert_all_reproduced([trained("classification", settings) for settings in each], tmp_path)


def test_early_stopping_and_target_were_reached() -> None:
    """Otherwise the settings above would not show that scripts stop too."""

    def steps(settings: dict[str, Any]) -> float:
        return trained("classification", {**SMALL, **settings}).final["steps"]

    for settings in SETTINGS:
        if "patience" in settings and "sweep" not in settings and "folds" not in settings:
            assert steps(settings) < steps({**settings, "patience": 0})
        elif "target_accuracy" in settings and "folds" not in settings:
            assert steps(settings) < steps({**settings, "target_accuracy": 0.0})


# Changes -----------------------------------------------------------------------------------------


MEDDLED: list[tuple[dict[str, Any], list[dict[str, float]]]] = [
    (dict(schedule="cosine", batch_size=16), [{"learning_rate": 0.3}, {"learning_rate": 0.002}]),
    (
        dict(sweep="l2", variants=2, sweep_from=0.001, sweep_to=0.01, schedule="step"),
        [{"learning_rate": 0.3}, {"l1": 0.01, "learning_rate": 0.002}],
    ),
    (
        dict(layers=2, batch_size=16, seeds=2),
        [{"dropout": 0.2, "l2": 0.02}, {"input_noise": 0.1, "l1": 0.001, "dropout": 0.0}],
    ),
    (
        dict(layers=1, sweep="units", variants=3, sweep_from=2, sweep_to=5),
        [{"input_noise": 0.1}, {"dropout": 0.2}],
    ),
    (
        dict(layers=1, optimiser="adamw", learning_rate=0.001, seeds=2, folds=2),
        [{"l2": 0.1}, {"l2": 5.0}],
    ),
]
"""Settings, and two changes of them while the run trains."""


def meddled(values: dict[str, Any], changes: list[dict[str, float]]) -> History:
    """A run with two changes, at whatever steps they come."""
    inbox = Inbox()
    sink = Meddler(inbox, changes, "classification")
    whole = {**SMALL, "layers": 0, "epochs": 1000, "optimiser": "sgd", **values}
    history = trained("classification", whole, sink=sink, inbox=inbox)
    notes = [note for note in history.notes if note.get("set")]
    assert [note["set"] for note in notes] == changes
    assert notes[0]["step"] < notes[1]["step"]
    for change in changes:  # as the JobManager leaves it
        history.config = {**history.config, **change}
    return history


def test_changes_made_while_it_trained_are_replayed(tmp_path: Path) -> None:
    """Each has an effect, too: scripts that ignore changes might agree with runs that do."""
    histories = [meddled(values, changes) for values, changes in MEDDLED]
    config = config_of(dict(optimiser="adamw", batch_size=16))
    new = {"learning_rate": 0.1, "l2": 5.0, "l1": 0.1, "dropout": 0.5, "input_noise": 0.5}
    changes = [((10, {name: value}),) for name, value in new.items()]
    sources = [script(config, None, change) for change in [(), *changes]]
    replayed = [script_of(history) for history in histories]
    results = printed([*replayed, *sources], tmp_path)
    for metrics, history in zip(results, histories, strict=False):
        assert_reproduced(metrics, history)
    losses = [metrics["train_loss"] for metrics in results[len(histories) :]]
    for name, loss in zip(new, losses[1:], strict=True):
        assert loss != pytest.approx(losses[0], rel=0.01), name


def test_a_fork_and_weights_set_by_hand_have_no_script_and_say_why() -> None:
    fork = History("0" * 32, "classification", fork={"run": "1" * 32, "step": 9})
    with pytest.raises(NotFound, match="The run it was forked from has one"):
        script_of(fork)
    edited = History("0" * 32, "classification", notes=[{"step": 3, "edit": {"0": 1.5}}])
    with pytest.raises(NotFound, match="Weights of this run were set by hand"):
        script_of(edited)


def test_changes_at_one_step_are_taken_together() -> None:
    config = config_of({})
    assert script(config, None, ((3, {"speed": 2}),)) == script(config)
    changes = ((3, {"l1": 0.1, "speed": 2}), (3, {"l1": 0.2, "l2": 0.3}), (5, {"speed": 1}))
    assert merged(changes, {"l1", "l2"}) == {3: {"l1": 0.2, "l2": 0.3}}


# Own tables --------------------------------------------------------------------------------------


def own_table(rows: int = 60) -> Table:
    random = np.random.default_rng(5)
    x = random.normal(3, 2, (rows, 3)).astype(np.float32)
    x[:, 1] = 7.5  # a column that never changes
    y = (x[:, 0] > 2).astype(int) + (x[:, 2] > 3)
    names = ('a "quoted" name', "constant # %% {x}", "z")
    return Table(x, y.astype(np.float32), names, "kind", ("one", 'the "other"', "third"))


def csv_table(rows: int = 60) -> Table:
    """Read from text, with a category, a gap that is filled, and a target of words."""
    random = np.random.default_rng(6)
    sizes = ["", *map(str, random.random(rows - 1).round(3))]
    colours, answers = random.choice(["red", "blue"], rows), random.choice(["yes", "no"], rows)
    lines = map(",".join, zip(sizes, colours, answers, strict=True))
    sheet = read_sheet("\n".join(["size,colour,answer", *lines]).encode(), "some.csv", "classes")
    return sheet.prepare("answer", ["size", "colour"], missing="mean")


def test_own_tables_are_reproduced(tmp_path: Path) -> None:
    tables = [own_table(), own_table(), csv_table()]
    changes: list[dict[str, Any]] = [
        {},
        {"scaling": "range", "oversample": "before", "batch_size": 16},
        {"folds": 2},
    ]
    histories = [
        trained("classification", {**SMALL, "data": "own", "table": table.digest, **more}, table)
        for table, more in zip(tables, changes, strict=True)
    ]
    sources = [
        script_of(history, table.pack()) for history, table in zip(histories, tables, strict=True)
    ]
    for metrics, history in zip(printed(sources, tmp_path), histories, strict=True):
        assert_reproduced(metrics, history)


def test_data_that_are_too_large_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script_data, "NUMBERS_LIMIT", 60 * 4 - 1)
    history = History("0" * 32, "classification", {"data": "own"})
    with pytest.raises(NotFound, match="The data have more than 239 numbers, too many"):
        script_of(history, own_table().pack())


# How it reads ------------------------------------------------------------------------------------


def test_a_script_holds_only_what_its_settings_need() -> None:
    plain = script(config_of(dict(data="xor", validation=0.0, scaling="none", layers=0)))
    for word in (
        "\nclass ",
        "copy",
        "math",
        "part ==",
        "noise=",
        "held",
        "eval()",
        "seeds",
        "penalty",
    ):
        assert word not in plain, word
    assert len(plain.splitlines()) < 105


def test_scripts_are_tidy(tmp_path: Path) -> None:
    """No name is missing, unused or imported in vain; the layout is that of a formatter."""
    formatted: list[Path] = []
    for number, settings in enumerate([*SETTINGS, dict(data="mnist"), dict(data="fashion-mnist")]):
        changes = ((5, {"l1": 0.1, "dropout": 0.5}),) if number % 2 else ()
        try:
            source = script(config_of(settings), None, changes)
        except Unavailable as error:
            pytest.skip(error.message)
        assert max(map(len, source.splitlines())) <= 100, settings
        if settings.get("data") != "drawn":  # rows stand side by side, not one a line
            formatted.append(tmp_path / f"script{number}.py")
        (tmp_path / f"script{number}.py").write_text(source)
    rules = ["--isolated", "--select", "F,E7,W", "--no-cache"]
    command = [sys.executable, "-m", "ruff", "check", *rules, "."]
    checked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    layout = ["--isolated", "--check", "--diff", "--line-length", "100", "--no-cache"]
    command = [sys.executable, "-m", "ruff", "format", *layout, *map(str, formatted)]
    checked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_the_notebook_ends_on_the_same_metrics(tmp_path: Path) -> None:
    history = trained("classification", {**SMALL, "sweep": "units", "variants": 2, "folds": 2})
    book = nbformat.reads(notebook(script_of(history), "Sweep"), as_version=4)
    nbformat.validate(book)
    kinds = [cell.cell_type for cell in book.cells]
    assert kinds.count("markdown") >= kinds.count("code") >= 5
    code = "\n".join(cell.source for cell in book.cells if cell.cell_type == "code")
    (metrics,) = printed([code], tmp_path)
    assert_reproduced(metrics, history)
