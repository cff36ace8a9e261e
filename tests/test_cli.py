"""The command line: exit codes, the JSON contract, and messages that say what to do."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import Borrowed
from PIL import Image
from safetensors.torch import load as parse_weights

from engine import ROOT, checkpoints
from engine.checkpoints import shelf
from engine.cli import executors, main
from engine.data import sources
from engine.errors import shorten
from engine.history import History
from engine.settings import settings
from engine.topics import topic

SPEC = topic("regression")
PRESETS = ", ".join(preset.id for preset in SPEC.presets)
SETTINGS = ", ".join(SPEC.config.settings())

QUICK = ("--set", "epochs=20", "--device", "cpu")


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """Run the command line in this process; an unexpected exception fails the test."""
    monkeypatch.setenv("GALLERY_CACHE_DIR", str(tmp_path / "cache"))
    settings.cache_clear()

    def call(*arguments: str, input: str | bytes | None = None):
        result = CliRunner().invoke(main, arguments, input=input, prog_name="python -m engine")
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    yield call
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the shipped checkpoints that a test may damage."""
    copy = tmp_path / "checkpoints"
    shutil.copytree(shelf.FOLDER, copy, ignore=shutil.ignore_patterns("recordings"))
    monkeypatch.setattr(shelf, "FOLDER", copy)
    return copy


@pytest.fixture
def in_worker(warm_executor, monkeypatch):
    """Let `--executor local` use the fork host that the other tests have warmed up."""
    monkeypatch.setattr(executors, "LocalExecutor", lambda _: Borrowed(warm_executor))


def lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def one_error(result, message: str, code: int = 2) -> None:
    """The command failed with this one line, and nothing on stdout."""
    assert result.stdout == ""
    assert result.stderr == f"Error: {message}\n"
    assert result.exit_code == code


# What may import torch


def test_commands_that_only_list_import_no_torch():
    code = """
import sys
from click.testing import CliRunner
from engine.cli import main

lists = ["--help", "topics", "topics --json", "checkpoints list", "data list", "run --help"]
refused = ["run nothing", "run regression --set epochs=0", "data fetch nothing"]
for line in lists + refused:
    result = CliRunner().invoke(main, line.split())
    assert result.exit_code == (2 if line in refused else 0), result.output
    assert "torch" not in sys.modules, line
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_it_runs_as_a_module():
    command = [sys.executable, "-m", "engine", "--help"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.startswith("Usage: python -m engine [OPTIONS] COMMAND [ARGS]...\n")
    for name in ("topics", "run", "predict", "checkpoints", "data", "bench", "recordings"):
        assert f"\n  {name} " in result.stdout


# topics


def test_topics_are_listed_with_presets_and_published_figures(engine):
    result = engine("topics")
    assert result.exit_code == 0
    row = next(line for line in result.stdout.splitlines() if " R1 " in line)
    assert row.split("  ")[0] == "regression"
    assert row.endswith("train_mse 0.3775")


def test_topics_as_json_tell_everything(engine):
    (regression,) = [
        t for t in json.loads(engine("topics", "--json").stdout) if t["name"] == "regression"
    ]
    (preset,) = [p for p in regression["presets"] if p["id"] == "R1"]
    assert preset["values"]["epochs"] == 10_000
    assert preset["published"][0]["metric"] == "train_mse"
    assert preset["published"][0]["value"] == 0.3775


# run: the JSON contract


def check_contract(events: list[dict]) -> None:
    assert all(set(e) == {"run", "seq", "time", "type", "step", "data"} for e in events)
    assert len({e["run"] for e in events}) == 1
    assert len(events[0]["run"]) == 32
    numbers = [e["seq"] for e in events]
    assert numbers == sorted(set(numbers))
    terminal = [e["type"] in {"done", "failed", "cancelled", "timeout", "lost"} for e in events]
    assert terminal == [False] * (len(events) - 1) + [True]


def test_a_run_prints_one_event_a_line(engine):
    result = engine("run", "regression", *QUICK, "--json")
    assert result.exit_code == 0
    assert result.stderr == ""
    events = lines(result.stdout)
    check_contract(events)
    assert events[0]["type"] == "started"
    assert {"metric", "frame", "artifact"} <= {e["type"] for e in events}
    final = events[-1]["data"]["metrics"]
    assert final["steps"] == 20
    assert {"train_mse", "val_mse", "train_loss", "seconds"} <= final.keys()


def test_two_runs_have_two_ids_and_the_same_numbers(engine):
    first, second = (lines(engine("run", "regression", *QUICK, "--json").stdout) for _ in "ab")
    assert first[0]["run"] != second[0]["run"]
    assert first[-1]["data"]["metrics"]["train_mse"] == second[-1]["data"]["metrics"]["train_mse"]


def test_a_worker_trains_the_same_run(engine, in_worker):
    inline = lines(engine("run", "regression", *QUICK, "--json").stdout)
    result = engine("run", "regression", *QUICK, "--json", "--executor", "local")
    assert result.exit_code == 0
    local = lines(result.stdout)
    check_contract(local)
    here, there = inline[-1]["data"]["metrics"], local[-1]["data"]["metrics"]
    assert there["train_mse"] == pytest.approx(here["train_mse"], rel=1e-5)


# run: settings


def test_the_preset_comes_first_then_changes_then_the_seed(engine, tmp_path):
    result = engine(
        "run", "regression", "--preset", "R1", "--set", "epochs=3", "--set", "seed=7",
        "--set", "optimiser = adam", "--seed", "9", "--device", "cpu", "--save", str(tmp_path),
    )  # fmt: skip
    assert result.exit_code == 0
    config = json.loads((tmp_path / "history.json").read_text())["config"]
    assert config["data"] == "points"
    assert config["model"] == "linear"
    assert config["learning_rate"] == 0.001
    assert (config["epochs"], config["optimiser"], config["seed"]) == (3, "adam", 9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--preset", "R9"), f"preset: expected one of {PRESETS}, received 'R9'."),
        (("--set", "epochs"), "set: expected field=value, received 'epochs'."),
        (
            ("--set", "epochs=0"),
            "epochs: expected a whole number from 1 to 20000, received '0'.",
        ),
        (
            ("--set", "learning_rate=nan"),
            "learning_rate: expected a number from 1e-06 to 1000000, received 'nan'.",
        ),
        (
            ("--set", "model=cubic", "--seed", "-1"),
            "seed: expected a whole number from 0 to 2147483647, received -1. "
            "model: expected one of linear, polynomial, mlp, noisy, received 'cubic'.",
        ),
        (
            ("--set", "momentum=0.9"),
            f"momentum: expected a setting of this topic ({SETTINGS}), received '0.9'.",
        ),
    ],
)
def test_an_invalid_value_is_named_and_nothing_runs(engine, arguments, message):
    one_error(engine("run", "regression", "--json", *arguments), message)


def test_an_unknown_topic_is_named(engine):
    one_error(
        engine("run", "regresion"),
        "topic: expected one of regression, classification, cnn, transfer, faulty, received 'regresion'.",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--executor", "ray"),
            "The executor 'ray' is not part of this version. Use 'inline' or 'local'.",
        ),
        (("--executor", "slurm"), "'slurm' is not one of 'inline', 'local', 'ray'."),
        (("--device", "tpu"), "'tpu' is not one of 'auto', 'cpu', 'cuda'."),
        (("--seed", "x"), "'x' is not a valid integer."),
        (("--epochs", "3"), "No such option '--epochs'"),
    ],
)
def test_a_wrong_option_is_a_usage_error(engine, arguments, message):
    result = engine("run", "regression", "--json", *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr


# run: how it ends


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            "raise",
            "The training code stopped with an error (ZeroDivisionError). It has been logged.",
        ),
        ("memory", "Out of memory. Try fewer points, a smaller batch or a smaller network."),
    ],
)
def test_a_failed_run_exits_with_1_and_says_why(engine, fault, message):
    result = engine("run", "faulty", "--set", f"fault={fault}", "--device", "cpu", "--json")
    assert result.exit_code == 1
    events = lines(result.stdout)
    check_contract(events)
    assert events[-1]["type"] == "failed"
    assert events[-1]["data"] == {"message": message}
    result = engine("run", "faulty", "--set", f"fault={fault}", "--device", "cpu")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert f"failed: {message}\n" in result.stderr


def test_a_worker_that_dies_exits_with_1(engine, in_worker):
    arguments = ("--set", "fault=exit", "--device", "cpu", "--executor", "local", "--json")
    result = engine("run", "faulty", *arguments)
    assert result.exit_code == 1
    assert lines(result.stdout)[-1]["type"] == "failed"


def test_the_deadline_of_the_service_holds_for_its_workers(engine, in_worker, monkeypatch):
    monkeypatch.setenv("GALLERY_DEADLINE", "0.3")
    settings.cache_clear()
    arguments = ("--set", "steps=1000000", "--device", "cpu", "--executor", "local", "--json")
    result = engine("run", "faulty", *arguments)
    assert result.exit_code == 1
    events = lines(result.stdout)
    check_contract(events)
    assert events[-1]["type"] == "timeout"


def test_ctrl_c_cancels_the_run_and_saves_it(tmp_path):
    arguments = ["--set", "speed=slow", "--json", "--save", str(tmp_path)]
    command = [sys.executable, "-m", "engine", "run", "regression", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    seen = [process.stdout.readline()]
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    events = lines("".join([*seen, rest]))
    check_contract(events)
    assert events[-1]["type"] == "cancelled"
    saved = History.from_json((tmp_path / "history.json").read_text())
    assert saved.terminal["type"] == "cancelled"
    assert {p.name for p in tmp_path.iterdir()} == {
        "history.json",
        "history.csv",
        "snapshots.safetensors",
    }


# run: for people


def test_published_stands_beside_measured(engine):
    result = engine("run", "regression", "--preset", "R1", "--device", "cpu")
    assert result.exit_code == 0
    head, *_notes = result.stderr.splitlines()  # R1 has not quite converged, and may be told so
    assert head == "Regression on cpu: 2 parameters, 19 samples, 10000 steps"
    table = {row.split()[0]: row.split()[1:] for row in result.stdout.splitlines()}
    assert table["metric"] == ["measured", "published"]
    assert float(table["train_mse"][0]) <= 0.3776
    assert " ".join(table["train_mse"][1:]) == "0.3775 (reproduced: at most 0.3776)"
    assert len(table["train_mae"]) == 1


def test_other_settings_are_not_compared(engine):
    result = engine("run", "regression", "--preset", "R1", *QUICK)
    assert "0.3775" not in result.stdout


def test_what_is_not_reproduced_is_said(engine, monkeypatch):
    recipe = sys.modules["engine.topics.regression.recipe"]
    monkeypatch.setattr(
        recipe, "summary", lambda *_: {"train_loss": 0.0, "slope": 1.0, "intercept": 3.05}
    )
    result = engine("run", "regression", "--preset", "R2", "--device", "cpu")
    assert result.exit_code == 0
    assert "2  (not reproduced: 2 ± 0.15)" in result.stdout
    assert "3  (reproduced: 3 ± 0.1)" in result.stdout


def test_saving_leaves_the_whole_run(engine, tmp_path):
    into = tmp_path / "a" / "run"
    assert engine("run", "regression", *QUICK, "--save", str(into)).exit_code == 0
    assert {p.name for p in into.iterdir()} == {
        "history.json",
        "history.csv",
        "snapshots.safetensors",
        "weights.safetensors",
    }
    history = History.from_json((into / "history.json").read_text())
    assert history.topic == "regression"
    assert history.terminal["type"] == "done"
    assert [f["step"] for f in history.frames if f["kind"] == "fit"] == list(range(21))
    assert "net.0.weight" in parse_weights((into / "weights.safetensors").read_bytes())
    head, *rows = (into / "history.csv").read_text().splitlines()
    assert head.startswith("step,epoch,time,")
    assert len(rows) == len(history.metrics["step"])


def test_a_folder_that_cannot_be_made_is_told_before_training(engine, tmp_path):
    (tmp_path / "file").touch()
    into = tmp_path / "file" / "run"
    one_error(
        engine("run", "regression", "--json", "--save", str(into)),
        "save: expected a folder that can be made (Not a directory), "
        f"received {shorten(str(into))}.",
    )


def test_a_table_holds_no_formulas():
    history = History(metrics={"step": [1], "=cmd()": [-0.5], "note": ["+1+1"], "@x": [None]})
    assert history.to_csv().splitlines() == ["step,'=cmd(),note,'@x", "1,-0.5,'+1+1,"]


# predict


def test_each_line_has_its_answer(engine, tmp_path):
    file = tmp_path / "points.csv"
    file.write_text('\ufeff1\n\n"2.5"\n -3e0 \n')
    result = engine("predict", "regression", "--checkpoint", "line", "--input", str(file), "--json")
    assert result.exit_code == 0
    answers = lines(result.stdout)
    assert [a["input"] for a in answers] == [1.0, 2.5, -3.0]
    metrics = checkpoints.card("regression", "line").metrics
    expected = [metrics["slope"] * x + metrics["intercept"] for x in (1.0, 2.5, -3.0)]
    assert [a["output"] for a in answers] == pytest.approx(expected)
    assert all(set(a) == {"input", "output"} for a in answers)


def test_standard_input_and_plain_output(engine):
    result = engine("predict", "regression", "--checkpoint", "line", "--input", "-", input="0\n1\n")
    metrics = checkpoints.card("regression", "line").metrics
    expected = [metrics["intercept"], metrics["slope"] + metrics["intercept"]]
    assert [float(line) for line in result.stdout.split()] == pytest.approx(expected)


def test_probabilities_are_passed_on(engine, monkeypatch):
    recipe = sys.modules["engine.topics.regression.recipe"]
    answer = {"outputs": ["cat"], "probabilities": [[0.9, 0.1]]}
    monkeypatch.setattr(recipe, "predict", lambda model, inputs: answer)
    arguments = ("predict", "regression", "--checkpoint", "line", "--input", "-", "--json")
    assert lines(engine(*arguments, input="a, b and c").stdout) == [
        {"input": "a, b and c", "output": "cat", "probabilities": [0.9, 0.1]}
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("1\nx\n", "inputs[1]: expected a finite number (the x of a point), received 'x'."),
        ("1,2\n", "inputs[0]: expected a finite number (the x of a point), received [1.0, 2.0]."),
        ("inf\n", "inputs[0]: expected a finite number (the x of a point), received inf."),
        ("\n \n", "input: expected at least one line, received ''."),
        (
            b"\xff\xfe1\n",
            "input: expected UTF-8 text, one input a line, received b'\\xff\\xfe1\\n'.",
        ),
    ],
)
def test_a_bad_input_is_named(engine, given, message):
    arguments = ("predict", "regression", "--checkpoint", "line", "--input", "-")
    one_error(engine(*arguments, input=given), message)


def test_an_unknown_checkpoint_is_named(engine):
    arguments = ("predict", "regression", "--checkpoint", "../line", "--input", "-")
    cards = checkpoints.list_checkpoints()
    one_error(
        engine(*arguments, input="1\n"),
        f"checkpoint: expected one of {', '.join(c.full_name for c in cards)}, "
        "received 'regression/../line'.",
        code=1,
    )


@pytest.fixture
def stroke(tmp_path):
    """A file with the picture of a one that the shipped network knows."""
    rows = checkpoints.card("cnn", "mnist").examples.inputs[1]
    path = tmp_path / "one.png"
    Image.fromarray(np.array(rows, dtype=np.uint8)).save(path)
    return path


def test_picture_files_are_answered(engine, stroke, tmp_path):
    shipped = checkpoints.card("cnn", "mnist").examples
    photo = tmp_path / "photo.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 200, 3), np.uint8)).save(photo)
    first, second = lines(engine("predict", "cnn/mnist", str(stroke), str(photo), "--json").stdout)
    assert set(first) == {"input", "output", "probabilities", "known"}
    assert first["input"] == str(stroke)
    assert first["output"] == str(shipped.outputs[1])
    assert (second["input"], second["known"]) == (str(photo), False)
    told = engine("predict", "cnn", str(stroke), str(photo), "--checkpoint", "mnist")
    one, two = told.stdout.splitlines()
    assert one.startswith(f"{stroke}: {first['output']} ({max(first['probabilities']):.1%})")
    assert two.endswith("; unlike what this model has learned")


def test_dark_ink_on_bright_paper_is_pointed_out(engine, stroke, tmp_path):
    paper = tmp_path / "paper.png"
    Image.fromarray(255 - np.asarray(Image.open(stroke))).save(paper)
    told = engine("predict", "cnn/mnist", str(stroke), str(paper))
    assert len(told.stdout.splitlines()) == 2
    assert told.stderr == (
        f"{paper}: its ground is bright; this model learned bright ink on a dark one.\n"
    )


def test_more_pictures_than_one_question_may_hold_are_answered(engine, stroke):
    found = engine("predict", "cnn/mnist", *[str(stroke)] * 33)
    assert len(found.stdout.splitlines()) == 33


def test_answers_to_pictures_are_written_as_a_table(engine, stroke, tmp_path):
    engine("predict", "cnn/mnist", str(stroke), "--output", str(tmp_path / "answers.csv"))
    header, row = (tmp_path / "answers.csv").read_text().splitlines()
    assert header.startswith("picture,prediction,probability of 0,")
    assert row.startswith(f"{stroke},1,")


@pytest.mark.parametrize(
    ("content", "received"),
    [(b"", "an empty file"), (b"<svg/>", "an SVG drawing"), (b"words", "text")],
)
def test_a_file_that_is_no_picture_is_named(engine, stroke, content, received):
    bad = stroke.with_name("bad.png")
    bad.write_bytes(content)
    one_error(
        engine("predict", "cnn/mnist", str(stroke), str(bad)),
        f"bad.png: expected a picture as PNG, JPEG, WebP, GIF or BMP, received {received}. "
        "Save the picture as PNG or JPEG, and choose that file.",
    )


def test_numbers_and_pictures_are_not_mixed_up(engine, stroke):
    none = (
        "pictures: expected picture files behind the model's name, as it takes pictures, received "
    )
    one_error(engine("predict", "cnn/mnist"), none + "'none'.")
    one_error(engine("predict", "cnn/mnist", "--input", "-", input="1"), none + "'--input'.")
    one_error(
        engine("predict", "regression/line", str(stroke)),
        "input: expected a file of numbers behind --input, as this model takes no pictures, "
        f"received {shorten(str(stroke))}.",
    )
    missing = engine("predict", "regression/line")
    assert missing.exit_code == 2
    assert "Missing option --input." in missing.stderr


@pytest.mark.parametrize("more", [(), ("--checkpoint", "line")])
def test_a_model_is_named_once(engine, more):
    model = "regression/line" if more else "regression"
    given = " ".join([model, *more])
    one_error(
        engine("predict", model, *more, "--input", "-", input="1"),
        f"model: expected topic/name as in cnn/mnist, or a topic with --checkpoint, received '{given}'.",
    )


def test_a_model_may_be_named_in_one_word(engine):
    apart = engine("predict", "regression", "--checkpoint", "line", "--input", "-", input="1")
    assert engine("predict", "regression/line", "--input", "-", input="1").stdout == apart.stdout


# checkpoints


def test_checkpoints_are_listed(engine):
    result = engine("checkpoints", "list")
    assert result.exit_code == 0
    names = [line.split()[0] for line in result.stdout.splitlines()[2:]]
    assert names == [card.full_name for card in checkpoints.list_checkpoints()]


def test_shipped_checkpoints_verify(engine):
    result = engine("checkpoints", "verify")
    assert result.exit_code == 0
    cards = checkpoints.list_checkpoints()
    assert result.stdout == "".join(f"{card.full_name}: ok\n" for card in cards)


def test_a_damaged_checkpoint_does_not_verify(engine, folder):
    (folder / "regression" / "line.json").write_text("{}")
    result = engine("checkpoints", "verify")
    assert result.exit_code == 1
    *_others, first, problem, last = result.stdout.splitlines()
    assert first == "regression/line: problems"
    assert problem.startswith("  checkpoints/regression/line.json: expected sha256 ")
    assert last == "regression/sine: ok"
    assert engine("checkpoints", "verify", "regression/sine").exit_code == 0


def test_one_checkpoint_can_be_trained_again(engine, folder):
    (folder / "regression" / "sine.safetensors").write_bytes(b"")
    assert engine("checkpoints", "verify", "regression/sine").exit_code == 1
    result = engine("checkpoints", "train", "regression/sine")
    assert result.exit_code == 0
    assert result.stdout.startswith("regression/sine: train_mse ")
    assert engine("checkpoints", "verify", "regression/sine", "--data").exit_code == 0


def test_a_name_without_its_topic_is_refused(engine):
    one_error(
        engine("checkpoints", "train", "line"),
        "name: expected topic/name, for example regression/line, received 'line'.",
    )


# data


def test_data_sets_are_listed(engine, monkeypatch, tmp_path):
    monkeypatch.setenv("GALLERY_DATA_DIR", str(tmp_path))
    settings.cache_clear()
    (tmp_path / "tabular").mkdir()
    (tmp_path / "tabular" / "auto-mpg.data").write_bytes(bytes(30286))
    rows = {line.split()[0]: line for line in engine("data", "list").stdout.splitlines()}
    assert rows["auto-mpg"].endswith("  yes")
    assert "30,286" in rows["auto-mpg"]
    assert "CC BY 4.0" in rows["auto-mpg"]
    assert rows["somerville-happiness"].endswith("  no")


def test_fetch_prints_the_paths(engine, monkeypatch, tmp_path):
    from engine import data

    paths = (tmp_path / "one", tmp_path / "two")
    monkeypatch.setattr(data, "fetch", lambda name, progress: paths)
    result = engine("data", "fetch", "auto-mpg")
    assert result.exit_code == 0
    assert [Path(line) for line in result.stdout.splitlines()] == list(paths)


def test_an_unknown_data_set_is_named(engine):
    one_error(
        engine("data", "fetch", "iris"),
        f"data: expected one of {', '.join(sources())}, received 'iris'.",
    )


# bench, recordings


def test_benchmarks_print_tables_or_json(engine, monkeypatch):
    found = {"loop": lambda: {"ratio": 1.02}, "start": lambda: {"p95": 0.1, "unit": "s"}}
    monkeypatch.setitem(sys.modules, "engine.bench", SimpleNamespace(benchmarks=found))
    assert lines(engine("bench", "--json").stdout) == [
        {"benchmark": "loop", "ratio": 1.02},
        {"benchmark": "start", "p95": 0.1, "unit": "s"},
    ]
    table = engine("bench", "start").stdout.splitlines()
    assert [row.split() for row in table[2:]] == [["p95", "0.1"], ["unit", "s"]]
    one_error(engine("bench", "stop"), "name: expected one of loop, start, received 'stop'.")


def test_recordings_print_the_files_written(engine, monkeypatch, tmp_path):
    from engine import recordings

    def recorded(topic, preset):
        return [tmp_path / f"{topic}-{preset}.json.gz"]

    monkeypatch.setattr(recordings, "record_all", recorded)
    for asked, file in (
        ([], "None-None"),
        (["regression"], "regression-None"),
        (["cnn", "N1"], "cnn-N1"),
    ):
        assert engine("recordings", *asked).stdout == f"{tmp_path / file}.json.gz\n"


def test_a_preset_that_is_not_recorded_is_named(engine):
    result = engine("recordings", "cnn", "N1+")
    assert result.exit_code == 2
    assert "expected one of digits, N1" in result.stderr
