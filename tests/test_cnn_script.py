"""Scripts of CNN runs, run alone, end on the runs' metrics: every block and every setting."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from PIL import Image
from test_scripts import Meddler, assert_reproduced, printed, trained

from engine import topics
from engine.data import pictures
from engine.errors import NotFound
from engine.exports.notebook import notebook
from engine.exports.replay import script_of
from engine.history import History
from engine.topics.cnn.blocks import KINDS
from engine.topics.cnn.learner import MEASURED
from engine.topics.cnn.script import script
from engine.topics.cnn.script_data import COUNTS
from engine.topics.cnn.script_data import MEASURED as MEASURED_BY_SCRIPTS
from engine.topics.cnn.script_plan import LIVE
from engine.topics.cnn.spec import CnnConfig
from engine.training.context import Inbox

SMALL: dict[str, Any] = dict(data="digits", pictures=160, epochs=2)

SETTINGS: list[dict[str, Any]] = [
    dict(),
    dict(normalisation=True, dropout=0.3, optimiser="rmsprop", label_smoothing=0.1, l2=0.01),
    dict(flip=0.5, crop=1, rotate=10, shift=0.1, shear=0.1, zoom=0.1, cutout=2, mixup=0.4),
    dict(architecture="lstm", optimiser="nesterov", schedule="one-cycle", standardise=False),
    dict(blocks="residual:4,residual:4:2,dropout:0.2,bottleneck:4:2,gap", optimiser="momentum"),
    dict(blocks="conv:4:2,tanh,norm,residual:4,bottleneck:1,sigmoid,gap,norm,gelu", rotate=20),
    dict(blocks="inception:2:3:3:2,avgpool:3:2,leaky-relu,dropout:0,silu", mixup=0.2, crop=1),
    dict(blocks="bilstm:6:2,dropout:0.1,relu,dropout:0.4", optimiser="adamw", l2=0.1, shift=0.1),
    dict(blocks="conv:3:3:2:0,maxpool:3:1:1,dense:7", optimiser="lbfgs", l2=0.01, mixup=0.3),
    dict(optimiser="momentum", schedule="cosine", patience=1, epochs=4, mirrored=True, zoom=0.2),
    dict(optimiser="adagrad", schedule="step", batch_size=1024, validation=0.0, epochs=3),
    dict(optimiser="sgd", schedule="exponential", flip=0.5, pictures=0, validation=0.0, epochs=1),
    dict(precision="bfloat16", normalisation=True, blocks="conv:8:3,norm,relu,residual:8,gap"),
    dict(precision="bfloat16", mixup=0.5, optimiser="adamw", l2=0.1),
    dict(architecture="vgg", batch_size=64, pictures=70, data_seed=3, seed=4, shear=0.2),
]


def config_of(settings: dict[str, Any]) -> CnnConfig:
    own = {"architecture": "own"} if "blocks" in settings else {}
    return CnnConfig(**{**SMALL, **own, **settings})


CONFIGS = [config_of(settings) for settings in SETTINGS]


def assert_tidy(source: str, folder: Path) -> None:
    """No name is missing, unused or imported in vain; lines are no longer than our own."""
    assert max(map(len, source.splitlines())) <= 100
    ast.parse(source)
    (folder / "tidy.py").write_text(source)
    rules = ["--isolated", "--select", "F,E7,W,I,B,RET,SIM,PIE", "--no-cache"]
    rules += ["--ignore", "B023"]  # the closure of L-BFGS is called before the next batch
    command = [sys.executable, "-m", "ruff", "check", *rules, "tidy.py"]
    checked = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_the_settings_hold_every_choice() -> None:
    """So that a new block or optimiser cannot be forgotten here."""
    kinds = {part.split(":")[0] for config in CONFIGS for part in config.blocks.split(",")}
    assert kinds >= KINDS.keys() - {"lstm"}
    for name in ("optimiser", "schedule"):
        assert {getattr(c, name) for c in CONFIGS} == set(CnnConfig.settings()[name].choices)
    changed = {name for settings in SETTINGS for name in settings} | SMALL.keys()
    never = CnnConfig.settings().keys() - changed
    assert never == {
        "colour",
        "grey",
        "shown",
        "album",
        "learning_rate",
        "speed",
    }  # see other tests


def test_all_settings_are_reproduced(tmp_path: Path) -> None:
    histories = [trained("cnn", config.model_dump()) for config in CONFIGS]
    results = printed([script_of(history) for history in histories], tmp_path)
    for metrics, history in zip(results, histories, strict=True):
        assert_reproduced(metrics, history)


def test_patience_ends_a_script_too(tmp_path: Path) -> None:
    settings = dict(patience=2, epochs=40, optimiser="sgd", learning_rate=0.5, normalisation=True)
    history = trained("cnn", config_of(settings).model_dump())
    assert history.final["steps"] < 40 * 5
    (metrics,) = printed([script_of(history)], tmp_path)
    assert_reproduced(metrics, history)


CHANGES: list[list[dict[str, Any]]] = [
    [{"learning_rate": 0.02, "mixup": 0.4}, {"l2": 0.01, "label_smoothing": 0.1, "mixup": 0.0}],
    [{"dropout": 0.4, "rotate": 20.0, "crop": 1}, {"dropout": 0.0, "rotate": 0.0, "cutout": 3}],
    [{"l2": 0.3, "flip": 0.5}, {"l2": 0.0, "flip": 0.0, "shift": 0.1, "learning_rate": 0.01}],
]


@pytest.mark.parametrize(
    ("values", "changes"),
    [
        (dict(optimiser="momentum", l2=0.001, schedule="cosine", epochs=8), CHANGES[0]),
        (dict(dropout=0.2, epochs=8), CHANGES[1]),
        (dict(optimiser="adamw", l2=0.1, epochs=8), CHANGES[2]),
    ],
    ids=["learning", "augmentation", "adamw"],
)
def test_changes_made_while_it_trained_are_replayed(
    values: dict[str, Any], changes: list[dict[str, Any]], tmp_path: Path
) -> None:
    inbox = Inbox()
    sink = Meddler(inbox, changes, "cnn")
    history = trained("cnn", {**SMALL, **values}, sink=sink, inbox=inbox)
    steps = [note["step"] for note in history.notes if note.get("set")]
    assert 0 == steps[0] < steps[1]  # the first one came before any step
    for new in changes:
        history.config = {**history.config, **new}  # as the JobManager leaves it
    source = script_of(history)
    assert_tidy(source, tmp_path)
    (metrics,) = printed([source], tmp_path)
    assert_reproduced(metrics, history)


def test_changes_that_do_nothing_are_left_out() -> None:
    config = config_of(dict(blocks="conv:4:3,dropout:0.2", grey=0.0))
    assert script(config, None, ((3, {"dropout": 0.5}), (4, {"shown": 7}))) == script(config)


# Colours -----------------------------------------------------------------------------------------


COLOURED: list[dict[str, Any]] = [
    dict(colour=0.3, grey=0.3, flip=0.5, crop=2, cutout=5),
    dict(grey=0.5, flip=0.5, rotate=10, architecture="n2", dropout=0.2, normalisation=True),
    dict(colour=0.4, architecture="googlenet", dropout=0.1, mixup=0.3),
    dict(blocks="dropout:0.1,conv:4:5:2:2,relu,gap", crop=1, standardise=False),
]


@pytest.fixture
def few_colours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """CIFAR-10 as a few pictures, in files of the lossy copy; gives the folder for scripts."""
    random = np.random.default_rng(0)
    kept: dict[str, Any] = {}
    for part, count in (("train", 150), ("test", 40)):
        files = []
        for picture in random.integers(0, 256, (count, 4, 4, 3), dtype=np.uint8):
            file = io.BytesIO()
            Image.fromarray(picture.repeat(8, 0).repeat(8, 1)).save(file, "JPEG", quality=75)
            files.append(file.getvalue())
        kept[f"{part}_jpeg"] = np.frombuffer(b"".join(files), np.uint8)
        kept[f"{part}_offsets"] = np.cumsum([0, *map(len, files)])
        kept[f"{part}_labels"] = random.integers(0, 10, count).astype(np.uint8)
    path = tmp_path / "data" / "cifar10" / "cifar10_jpeg.npz"
    path.parent.mkdir(parents=True)
    np.savez(path, **kept)
    _count, parts = pictures._from_jpegs([path])
    x, y = (np.concatenate(each) for each in zip(*parts, strict=True))
    classes = pictures.classes("cifar10")
    album = pictures.Album(x, y.astype(np.int64), classes, 150, "lossy")
    monkeypatch.setattr(pictures, "album", lambda name: album)
    monkeypatch.setattr(pictures, "copy_of", lambda name: pictures.COPIES[name][-1])
    monkeypatch.setitem(COUNTS, "cifar10", 150)
    return tmp_path


def test_pictures_in_colour_are_reproduced(few_colours: Path) -> None:
    small = dict(data="cifar10", pictures=0, epochs=1)
    configs = [config_of({**small, **settings}) for settings in COLOURED]
    histories = [trained("cnn", config.model_dump()) for config in configs]
    sources = [script_of(history).replace("150, 10150", "150, 190") for history in histories]
    results = printed(sources, few_colours)
    for metrics, history in zip(results, histories, strict=True):
        assert_reproduced(metrics, history)


def test_a_script_of_the_lossy_copy_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = CnnConfig(data="cifar10")
    sources = []
    for copy in pictures.COPIES["cifar10"]:
        monkeypatch.setattr(pictures, "copy_of", lambda name, copy=copy: copy)
        sources.append(script(config))
        assert_tidy(sources[-1], tmp_path)
    official, lossy = sources
    assert "CIFAR10(folder" in official
    assert "JPEG" not in official
    assert "CIFAR10(folder" in lossy
    assert "cifar10_jpeg.npz" in lossy


# How it reads ------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", SETTINGS + COLOURED, ids=range(len(SETTINGS + COLOURED)))
def test_a_script_is_tidy(settings: dict[str, Any], tmp_path: Path) -> None:
    source = script(config_of(settings))
    assert_tidy(source, tmp_path)
    for left in ("{{", "}}", "TODO", "FIXME", "now["):
        assert left not in source


SCRIPTED = [p for p in topics.topic("cnn").presets if CnnConfig(**p.values).data in COUNTS]


def test_pictures_made_of_others_have_no_script_yet() -> None:
    with pytest.raises(NotFound, match="made of others"):
        script(CnnConfig(data="mnist-8x8"))


@pytest.mark.parametrize("preset", SCRIPTED, ids=lambda preset: preset.id)
def test_the_script_of_a_preset_is_tidy(preset: Any, tmp_path: Path) -> None:
    assert_tidy(topics.script("cnn", CnnConfig(**preset.values)), tmp_path)


@pytest.mark.parametrize("name", CnnConfig.settings()["architecture"].choices)
def test_every_architecture_can_be_written(name: str, tmp_path: Path) -> None:
    config = CnnConfig(data="mnist", architecture=name, normalisation=True, dropout=0.25)
    assert_tidy(script(config), tmp_path)


def test_a_script_holds_only_what_its_settings_need() -> None:
    plain = script(CnnConfig(standardise=False, validation=0.0))
    for word in ("class ", "noise", "copy", "math", "eval()", "step ", "group", "held", "decayed"):
        assert word not in plain, word
    assert len(plain.splitlines()) <= 100


def test_it_knows_the_pictures_as_the_run_does() -> None:
    assert COUNTS["digits"] == pictures.album("digits").training
    assert MEASURED_BY_SCRIPTS == MEASURED
    assert set(LIVE) | {"shown"} == {
        setting.name for setting in CnnConfig.settings().values() if setting.live
    } - {"speed"}


def test_own_pictures_have_no_script() -> None:
    with pytest.raises(NotFound, match="too many numbers"):
        script(CnnConfig(data="own", album="0" * 64))


def test_the_notebook_ends_on_the_same_metrics(tmp_path: Path) -> None:
    history: History = trained("cnn", {**SMALL, "flip": 0.5, "normalisation": True})
    book = nbformat.reads(notebook(script_of(history), "CNN"), as_version=4)
    nbformat.validate(book)
    code = "\n".join(cell.source for cell in book.cells if cell.cell_type == "code")
    (metrics,) = printed([code], tmp_path)
    assert_reproduced(metrics, history)
