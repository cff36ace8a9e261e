"""Shipped checkpoints: whole, honest, reproducible; damaged ones are refused with reasons."""

from __future__ import annotations

import os
import shutil

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save

from engine import ROOT, checkpoints, topics
from engine.checkpoints import shelf
from engine.checkpoints.cards import TensorCard
from engine.checkpoints.loading import config_of
from engine.checkpoints.recipes import Recipe, recipe_of, recipes
from engine.errors import Corrupt, GalleryError, NotFound

SHIPPED = [(card.topic, card.name) for card in checkpoints.list_checkpoints()]
every_checkpoint = pytest.mark.parametrize(("topic", "name"), SHIPPED)

LINE = "checkpoints/regression/line.safetensors"
ADVICE = (
    "Restore it with `git checkout -- checkpoints`, or make it again with "
    "`python -m engine checkpoints train regression/line`."
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the shipped checkpoints that a test may damage."""
    copy = tmp_path / "checkpoints"
    shutil.copytree(shelf.FOLDER, copy, ignore=shutil.ignore_patterns("recordings"))
    monkeypatch.setattr(shelf, "FOLDER", copy)
    return copy


def forge(payload: bytes, **changes: object) -> None:
    """List `payload` as the weights of regression/line, its checksums all right."""
    card = checkpoints.card("regression", "line")
    changes["sha256"] = shelf.digest(payload)
    shelf.write(card.model_copy(update=changes), payload)


def bring(topic: str, name: str) -> None:
    """Skip where the data set of a checkpoint cannot be had."""
    if not topics.figures(topic).at_hand(config_of(checkpoints.card(topic, name))):
        pytest.skip(f"the data of {topic}/{name} are not in GALLERY_DATA_DIR")


def files(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


# What is shipped


def test_everything_in_the_folder_fits_the_budget():
    assert sum(f.stat().st_size for f in shelf.FOLDER.rglob("*") if f.is_file()) <= shelf.BUDGET
    assert shelf.BUDGET == 60_000_000


def test_every_weights_file_is_listed():
    found = {
        p.relative_to(ROOT / "checkpoints").as_posix() for p in shelf.FOLDER.rglob("*.safetensors")
    }
    assert found == {shelf.file_names(*c)[0] for c in SHIPPED}


def test_every_recipe_is_shipped_as_it_stands():
    assert set(SHIPPED) == set(recipes())
    for (topic, name), recipe in recipes().items():
        config = topics.topic(topic).config.parse(recipe.values(topic))
        assert checkpoints.card(topic, name).config == config.model_dump()


@every_checkpoint
def test_a_shipped_checkpoint_does_what_its_card_says(topic, name):
    assert checkpoints.verify(checkpoints.card(topic, name)) == []
    bring(topic, name)
    assert checkpoints.verify(checkpoints.card(topic, name), data=True) == []


@every_checkpoint
def test_training_again_gives_the_metrics_on_the_card(folder, topic, name):
    if not recipe_of(topic, name).quick:
        pytest.skip("it trains for minutes")
    before = checkpoints.card(topic, name)
    bring(topic, name)
    events = []
    after = checkpoints.train(topic, name, events.append)
    assert after.metrics == pytest.approx(before.metrics, rel=1e-4)
    assert after.examples.outputs == pytest.approx(before.examples.outputs, abs=1e-4)
    assert after == checkpoints.card(topic, name)
    assert checkpoints.verify(after, data=True) == []
    assert next(e.type for e in events if e.type != "progress") == "started"
    assert events[-1].type == "done"
    assert not list(folder.rglob(".*"))


def test_a_card_tells_what_is_needed():
    card = checkpoints.card("regression", "line")
    assert card.full_name == "regression/line"
    assert card.command == "python -m engine checkpoints train regression/line"
    assert card.config["data"] == "points"
    assert card.data.licence
    assert card.measured == "on all 19 points, which it was trained on; none were held out"
    assert card.device == "cpu"
    assert set(card.versions) == {"gallery", "torch", "numpy"}
    assert card.tensors["net.0.weight"] == TensorCard(shape=(1, 1), dtype="float32")
    assert len(card.examples.inputs) == len(card.examples.outputs) > 1
    with pytest.raises(ValidationError, match="frozen"):
        card.name = "other"


def test_the_line_answers_as_its_slope_and_intercept_say():
    model, card = checkpoints.load("regression", "line")
    answer = topics.recipe("regression").predict(model, [2.0])["outputs"]
    assert answer == pytest.approx([card.metrics["slope"] * 2 + card.metrics["intercept"]])
    assert not model.training


# What is refused


def test_an_unknown_name_is_not_found():
    with pytest.raises(NotFound) as caught:
        checkpoints.load("regression", "curve")
    known = ", ".join(f"{t}/{n}" for t, n in SHIPPED)
    assert caught.value.message == (
        f"checkpoint: expected one of {known}, received 'regression/curve'."
    )


@pytest.mark.parametrize("name", ["../line", "../regression/line", "/etc/passwd", "", "line\0"])
def test_a_path_for_a_name_leads_nowhere(name):
    with pytest.raises(NotFound):
        checkpoints.load_weights("regression", name)
    with pytest.raises(NotFound):
        checkpoints.card("..", name)


def test_a_flipped_byte_is_noticed(folder):
    path = folder / "regression" / "line.safetensors"
    payload = bytearray(path.read_bytes())
    expected = shelf.digest(payload)
    payload[-1] ^= 1
    path.write_bytes(payload)
    with pytest.raises(Corrupt) as caught:
        checkpoints.load("regression", "line")
    assert caught.value.message == (
        f"{LINE}: expected sha256 {expected} ({len(payload)} bytes), "
        f"received {shelf.digest(payload)} ({len(payload)} bytes). {ADVICE}"
    )
    assert checkpoints.verify(checkpoints.card("regression", "line")) == [caught.value.message]


def test_a_truncated_file_is_noticed(folder):
    path = folder / "regression" / "line.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(Corrupt, match=r"\(\d+ bytes\), received [0-9a-f]{64} \(100 bytes\)"):
        checkpoints.load("regression", "line")


def test_a_file_too_large_is_refused_for_its_size(folder):
    path = folder / "regression" / "line.safetensors"
    os.truncate(path, shelf.WEIGHTS_LIMIT + 1)
    with pytest.raises(Corrupt) as caught:
        checkpoints.load("regression", "line")
    assert caught.value.message == (
        f"{LINE}: expected at most 20000000 bytes, received 20000001 bytes. {ADVICE}"
    )


def test_a_missing_file_is_named(folder):
    (folder / "regression" / "line.safetensors").unlink()
    with pytest.raises(NotFound) as caught:
        checkpoints.load("regression", "line")
    assert caught.value.message == f"{LINE}: expected a file, found none. {ADVICE}"


@pytest.mark.parametrize("payload", [b"", b"\x80\x04N.", b"\xff" * 8 + b"{}"])
def test_only_safetensors_are_parsed(folder, payload):
    forge(payload)
    with pytest.raises(Corrupt, match=f"^{LINE}: expected a safetensors file, received "):
        checkpoints.load("regression", "line")


WEIGHT, BIAS = "net.0.weight", "net.0.bias"
LINE_TENSORS = {
    WEIGHT: torch.ones(1, 1),
    BIAS: torch.ones(1),
    "shift": torch.zeros(1),
    "spread": torch.ones(1),
    "target_shift": torch.tensor(0.0),
    "target_spread": torch.tensor(1.0),
}
"""What the card of regression/line lists."""


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({WEIGHT: torch.ones(2, 1)}, "float32 [1, 1], received float32 [2, 1]"),
        ({WEIGHT: torch.ones(1, 1).double()}, "float32 [1, 1], received float64 [1, 1]"),
        ({BIAS: None}, "float32 [1], received no such tensor"),
        ({"more": torch.ones(3)}, "no such tensor, received float32 [3]"),
        ({WEIGHT: torch.ones(1, 1) * float("nan")}, None),
        ({BIAS: torch.ones(1) * float("inf")}, None),
    ],
)
def test_other_tensors_than_on_the_card_are_refused(folder, changes, expected):
    (name,) = changes
    words = (
        f"{name}: {expected}"
        if expected
        else f"only finite numbers in {name}, received 1 that are not"
    )
    forge(save({n: t for n, t in {**LINE_TENSORS, **changes}.items() if t is not None}))
    with pytest.raises(Corrupt) as caught:
        checkpoints.load("regression", "line")
    assert caught.value.message == f"{LINE}: expected {words}. {ADVICE}"


def test_weights_of_another_model_are_refused(folder):
    tensors = {**LINE_TENSORS, "offset": torch.ones(1)}
    on_card = {n: TensorCard(shape=tuple(t.shape), dtype="float32") for n, t in tensors.items()}
    forge(save(tensors), tensors=on_card)
    with pytest.raises(Corrupt) as caught:
        checkpoints.load("regression", "line")
    assert caught.value.message.startswith(f"{LINE}: expected the tensors of Regressor(")
    assert caught.value.message.endswith(
        f'received Unexpected key(s) in state_dict: "offset".. {ADVICE}'
    )


def test_settings_that_no_longer_exist_are_refused(folder):
    payload = (folder / "regression" / "line.safetensors").read_bytes()
    forge(payload, config={"momentum": 0.9})
    with pytest.raises(
        Corrupt, match="expected settings of the topic regression, received momentum: "
    ):
        checkpoints.load("regression", "line")


def test_an_edited_card_is_noticed(folder):
    path = folder / "regression" / "line.json"
    path.write_text(path.read_text().replace('"train_mse": 0.3', '"train_mse": 0.1'))
    with pytest.raises(Corrupt, match=r"^checkpoints/regression/line.json: expected sha256 "):
        checkpoints.list_checkpoints()


def test_a_card_of_another_checkpoint_is_noticed(folder):
    listed = shelf.manifest()
    line, sine = (e for e in listed.checkpoints if e.topic == "regression")
    (folder / "regression" / "line.json").write_bytes((folder / sine.card.file).read_bytes())
    card = sine.card.model_copy(update={"file": line.card.file})
    swapped = listed.with_entry(line.model_copy(update={"card": card}))
    (folder / "manifest.json").write_text(swapped.model_dump_json())
    with pytest.raises(Corrupt) as caught:
        checkpoints.card("regression", "line")
    assert caught.value.message == (
        "checkpoints/regression/line.json: "
        f"expected the card of regression/line with weights {line.weights.sha256}, "
        f"received the card of regression/sine with weights {sine.weights.sha256}. {ADVICE}"
    )


# Where the manifest has it; the message counts from 0.
PLACE = [(e.topic, e.name) for e in shelf.manifest().checkpoints].index(("regression", "line"))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            '"name": "line"',
            '"name": "../line"',
            f"a valid checkpoints.{PLACE}.name (String should match",
        ),
        (
            '"file": "regression/line.safetensors"',
            '"file": "../../secret"',
            "regression/line.safetensors + regression/line.json, "
            "received ../../secret + regression/line.json",
        ),
        ("{", "", "a valid JSON ("),
    ],
)
def test_a_forged_manifest_is_refused(folder, before, after, expected):
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace(before, after, 1))
    with pytest.raises(Corrupt) as caught:
        checkpoints.list_checkpoints()
    assert caught.value.message.startswith(f"checkpoints/manifest.json: expected {expected}")
    assert caught.value.message.endswith("Restore it with `git checkout -- checkpoints`.")


def test_verify_tells_outputs_and_metrics_apart(folder):
    card = checkpoints.card("regression", "line")
    outputs = (card.examples.outputs[0] + 0.5, *card.examples.outputs[1:])
    wrong = card.model_copy(
        update={
            "examples": card.examples.model_copy(update={"outputs": outputs}),
            "metrics": {**card.metrics, "train_mse": 0.1, "test_mse": 1.0},
        }
    )
    assert len(checkpoints.verify(wrong)) == 1
    problems = checkpoints.verify(wrong, data=True)
    assert problems == [
        f"regression/line: for the input {card.examples.inputs[0]}, "
        f"expected {outputs[0]}, received {card.examples.outputs[0]}.",
        f"regression/line: train_mse: expected 0.1, measured {card.metrics['train_mse']}.",
        "regression/line: test_mse: expected 1, measured None.",
    ]


# Writing


def test_a_training_that_fails_writes_nothing(folder, monkeypatch):
    monkeypatch.setattr(
        Recipe, "values", lambda self, topic: {"learning_rate": 1e6, "optimiser": "sgd"}
    )
    before = files(folder)
    with pytest.raises(GalleryError, match=r"^Diverged"):
        checkpoints.train("regression", "line")
    assert files(folder) == before


def test_there_is_no_training_without_a_recipe(folder):
    with pytest.raises(NotFound) as caught:
        checkpoints.train("regression", "curve")
    known = ", ".join(f"{topic}/{name}" for topic, name in recipes())
    expected = f"checkpoint: expected one with a recipe ({known}), received regression/curve."
    assert caught.value.message == expected


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_a_write_that_fails_changes_nothing(folder, monkeypatch, calls):
    before = files(folder)
    left = calls

    def fsync(descriptor):
        nonlocal left
        left -= 1
        if left == 0:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="No space left"):
        forge(save(LINE_TENSORS))
    assert files(folder) == before


def test_the_first_checkpoint_makes_the_folder(folder, monkeypatch, tmp_path):
    card = checkpoints.card("regression", "line")
    payload = (folder / "regression" / "line.safetensors").read_bytes()
    monkeypatch.setattr(shelf, "FOLDER", tmp_path / "new")
    assert checkpoints.list_checkpoints() == ()
    shelf.write(card, payload)
    assert checkpoints.list_checkpoints() == (card,)
    assert checkpoints.load("regression", "line")[1] == card
