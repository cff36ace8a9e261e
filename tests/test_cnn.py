"""The CNN topic: parts of the data, learning, frames, predictions, forks."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load as parse
from sklearn.neighbors import NearestCentroid

from engine.data.pictures import album
from engine.errors import GalleryError, InvalidValue
from engine.events import decode_array
from engine.jobs.forking import cut
from engine.jobs.job import JobSpec
from engine.jobs.perform import perform
from engine.topics.cnn import parts as split
from engine.topics.cnn import recipe, samples
from engine.topics.cnn.classifier import VALUES_AT_ONCE, at_once
from engine.topics.cnn.learner import Learner
from engine.topics.cnn.measuring import Gauge
from engine.topics.cnn.pictures import MOST_MAPS, Pictures
from engine.topics.cnn.spec import CnnConfig
from engine.training.context import Inbox
from engine.training.snapshots import pack
from tests.test_contract import Collector

QUICK = {"pictures": 400, "epochs": 2}


def trained(**settings: Any) -> Collector:
    sink = Collector()
    perform(JobSpec("cnn", CnnConfig(**settings).model_dump(), "cpu"), Inbox(), sink)
    assert sink.events[-1].type == "done", sink.events[-1].data
    return sink


@pytest.fixture(scope="module")
def digits():
    """A run of the opening preset's settings."""
    return trained()


def inside(sink: Collector) -> dict[str, Any]:
    return [e for e in sink.events if e.type == "frame"][-1].data["data"]


# Learning ----------------------------------------------------------------------------------------


def test_the_opening_preset_learns_the_digits(digits):
    assert digits.final["val_accuracy"] >= 0.97
    assert digits.final["train_accuracy"] >= 0.99


@pytest.mark.parametrize("architecture", ["n1", "n2", "n5", "n10", "googlenet", "lstm", "bilstm"])
def test_other_architectures_learn_them_too(architecture):
    assert trained(architecture=architecture, epochs=3, batch_size=32).final["val_accuracy"] > 0.6


@pytest.mark.parametrize("architecture", ["n2", "n5", "googlenet", "bilstm"])
def test_numbers_of_16_bits_learn_as_well_and_leave_weights_of_32(architecture):
    settings = dict(architecture=architecture, epochs=3, precision="bfloat16", mixup=0.1)
    run = trained(**settings)
    assert run.final["val_accuracy"] > 0.6
    weights = parse(run.artifacts["weights.safetensors"]).values()
    assert {t.dtype for t in weights if t.is_floating_point()} == {torch.float32}
    whole = Learner(CnnConfig(**settings | {"precision": "float32"}), album("digits"))
    half = Learner(CnnConfig(**settings), album("digits"))
    gap = abs(float(whole.step()) - float(half.step()))
    assert 0 < gap < 0.05


def test_an_architecture_that_does_not_fit_is_refused_in_words():
    with pytest.raises(InvalidValue) as error:
        Learner(CnnConfig(architecture="own", blocks="maxpool:2,conv:8:7:1:0"), album("digits"))
    assert error.value.field == "blocks"


@pytest.mark.parametrize(
    "settings",
    [
        {"optimiser": "lbfgs", "learning_rate": 0.1, "batch_size": 400, "epochs": 40},
        {"optimiser": "momentum", "learning_rate": 0.05, "l2": 0.001, "schedule": "cosine"},
        {"mixup": 0.2, "label_smoothing": 0.1, "dropout": 0.3, "normalisation": True},
        {"rotate": 10.0, "shift": 0.1, "cutout": 2, "crop": 1, "flip": 0.5},
        {"architecture": "own", "blocks": "conv:8:3,gelu,maxpool:2,residual:8:2,gap"},
        {"patience": 1, "epochs": 20, "pictures": 200, "learning_rate": 0.02},
    ],
)
def test_every_way_of_learning_beats_chance(settings):
    assert trained(**{**QUICK, **settings}).final["val_accuracy"] > 0.3


def test_l2_pulls_as_the_penalty_says():
    """A step of plain gradient descent with l2 moves the weights by rate · l2 · w more."""
    config = CnnConfig(optimiser="sgd", learning_rate=0.5, pictures=64, batch_size=64)
    with_l2 = Learner(config.changed({"l2": 0.1}), album("digits"))
    without = Learner(config, album("digits"))
    before = [p.detach().clone() for p in with_l2.net.decayed()]
    with_l2.step(), without.step()
    pairs = zip(before, with_l2.net.decayed(), without.net.decayed(), strict=True)
    for was, pulled, free in pairs:
        torch.testing.assert_close(pulled.detach(), free.detach() - 0.5 * 0.1 * was)


# Parts -------------------------------------------------------------------------------------------


def test_the_parts_do_not_overlap_and_hold_all():
    pictures = album("digits")
    rows = split.parts(CnnConfig(validation=0.25), pictures)
    assert sorted([*rows["train"], *rows["val"]]) == list(range(len(pictures.labels)))
    assert len(rows["val"]) == round(0.25 * len(pictures.labels))
    few = split.parts(CnnConfig(validation=0.25, pictures=100), pictures)
    assert set(few["train"]) < set(rows["train"])
    assert len(few["train"]) == 100
    other = split.parts(CnnConfig(validation=0.25, data_seed=1), pictures)
    assert set(other["val"]) != set(rows["val"])


def test_nothing_to_learn_from_is_refused_in_words():
    pictures = album("digits")._replace(training=3)
    with pytest.raises(InvalidValue, match="at least two pictures"):
        split.parts(CnnConfig(validation=0.9), pictures)


def test_the_nearest_mean_is_that_of_scikit_learn():
    pictures = album("digits")
    rows = split.parts(CnnConfig(), pictures)
    flat = pictures.pixels.reshape(len(pictures.labels), -1).astype(float)
    known = NearestCentroid().fit(flat[rows["train"]], pictures.labels[rows["train"]])
    expected = known.score(flat[rows["val"]], pictures.labels[rows["val"]])
    assert split.nearest_mean(pictures, rows) == pytest.approx(expected)


# Frames ------------------------------------------------------------------------------------------


def test_the_last_frame_counts_what_the_metrics_say(digits):
    frame = inside(digits)
    counts = np.array(frame["confusion"])
    answers = decode_array(frame["predicted"])
    assert counts.sum() == len(answers)
    assert counts.trace() / counts.sum() == pytest.approx(digits.final["val_accuracy"])
    share = counts.diagonal() / counts.sum(1)
    assert frame["class_accuracy"] == pytest.approx(share.tolist(), abs=1e-4)
    assert counts.sum(0).tolist() == np.bincount(answers, minlength=10).tolist()


def test_the_worst_mistakes_are_mistakes_and_sorted(digits):
    mistakes = inside(digits)["mistakes"]
    labels = album("digits").labels
    assert mistakes["index"]
    assert [int(labels[i]) for i in mistakes["index"]] == mistakes["actual"]
    assert all(a != p for a, p in zip(mistakes["actual"], mistakes["predicted"], strict=True))
    assert mistakes["confidence"] == sorted(mistakes["confidence"], reverse=True)


def test_maps_are_what_the_layers_put_out(digits):
    frame = inside(digits)
    config = CnnConfig()
    model = recipe.load(config, parse(digits.artifacts["weights.safetensors"]))
    picture = album("digits").pixels[frame["number"]].transpose(2, 0, 1)
    x = torch.from_numpy(picture[None].copy()).float() / 255
    with torch.no_grad():
        outputs = dict(model.net.activations(x))
    for sheet in frame["maps"]:
        values = outputs[sheet["name"]][0]
        values = values[:MOST_MAPS]
        assert [sheet["count"], sheet["height"], sheet["width"]] == list(values.shape)
        assert sheet["low"] == pytest.approx(float(values.min()), rel=0.01, abs=1e-3)
        decoded = Image.open(io.BytesIO(base64.b64decode(sheet["webp"]))).convert("L")
        assert decoded.size == (sheet["columns"] * values.shape[2], decoded.height)
        first = np.asarray(decoded, float)[: values.shape[1], : values.shape[2]]
        span = float(values.max() - values.min()) or 1.0
        expected = ((values[0] - values.min()) * 255 / span).numpy()
        assert np.abs(first - expected).mean() < 20  # WebP is lossy
    assert frame["probabilities"] == pytest.approx(model(x)[0].tolist(), abs=1e-3)


def test_a_cell_of_the_confusion_gives_its_pictures(digits):
    frame = inside(digits)
    told = digits.events[0].data["arrays"]
    counts = np.array(frame["confusion"]) - np.diag(np.diag(frame["confusion"]))
    actual, predicted = np.unravel_index(counts.argmax(), counts.shape)
    config = CnnConfig()
    cell = samples.of_cell(config, None, told, frame, int(actual), int(predicted))
    assert cell.total == cell.found == counts.max()
    labels = album("digits").labels
    assert all(labels[row] == actual for row in cell.rows)
    assert cell.pictures.shape == (cell.total, 8, 8)
    with pytest.raises(GalleryError, match="classes from 0 to 9"):
        samples.of_cell(config, None, told, frame, 10, 0)


def test_the_picture_that_is_shown_can_be_changed_while_it_trains():
    learner = Learner(CnnConfig(**QUICK), album("digits"))
    drawing = Pictures(learner, Gauge(learner))
    first = drawing.draw()[1]
    learner.adapt(learner.config.changed({"shown": 3}))
    second = drawing.draw()[1]
    assert first["number"] == learner.rows["val"][0]
    assert second["number"] == learner.rows["val"][3]
    assert first["input"]["webp"] != second["input"]["webp"]


# Predictions -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(digits):
    return recipe.load(CnnConfig(), parse(digits.artifacts["weights.safetensors"]))


def test_it_recognises_held_out_digits_given_as_rows_or_as_a_file(model):
    pictures = album("digits")
    number = int(split.parts(CnnConfig(), pictures)["val"][5])
    pixels = pictures.pixels[number, ..., 0]
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    file = {"png": base64.b64encode(stream.getvalue()).decode()}
    answers = recipe.predict(model, [pixels.tolist(), file])
    assert answers["outputs"] == [pictures.labels[number]] * 2
    assert answers["probabilities"][0] == pytest.approx(answers["probabilities"][1], abs=1e-5)
    assert sum(answers["probabilities"][0]) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    "wrong",
    [
        5,
        "seven",
        [[True] * 8] * 8,
        [["5"] * 8] * 8,
        None,
        [[0] * 8] * 7,
        [[0] * 9] * 8,
        [[-1] + [0] * 7] * 8,
        [[256] * 8] * 8,
        [["a"] * 8] * 8,
        [[0] * 8] * 7 + [[0] * 7],
        {"jpg": "x"},
        {"png": 5},
        {"png": "not base64!"},
        {"png": base64.b64encode(b"<svg></svg>").decode()},
    ],
)
def test_what_is_no_picture_is_refused_by_name(model, wrong):
    good = np.zeros((8, 8), int).tolist()
    with pytest.raises(InvalidValue, match=r"^inputs\[1\]: expected") as error:
        recipe.predict(model, [good, wrong])
    assert error.value.field == "inputs[1]"


# Forks -------------------------------------------------------------------------------------------


def snapshot_of(learner: Learner, step: int) -> bytes:
    """A snapshot on its way to another run."""
    return base64.b64decode(cut(pack({step: learner.saved()}), step)[1])


def test_a_fork_goes_on_exactly_where_the_run_was():
    settings = {**QUICK, "dropout": 0.3, "normalisation": True, "rotate": 10.0, "mixup": 0.2}
    config = CnnConfig(**settings)
    straight = Learner(config, album("digits"))
    for _step in range(8):
        straight.step()
    other = Learner(config, album("digits"))
    other.restore(snapshot_of(straight, 8), 8)
    for _step in range(8):
        straight.step(), other.step()
    ends = other.net.state_dict()
    for name, tensor in straight.net.state_dict().items():
        assert torch.equal(tensor, ends[name]), name


def test_a_fork_cannot_change_the_architecture():
    straight = Learner(CnnConfig(**QUICK), album("digits"))
    other = Learner(CnnConfig(**QUICK, architecture="n1"), album("digits"))
    with pytest.raises(InvalidValue, match="architecture"):
        other.restore(snapshot_of(straight, 0), 0)


# What a reviewer found ---------------------------------------------------------------------------


def test_an_epoch_never_ends_on_a_batch_of_one_picture():
    config = CnnConfig(pictures=33, batch_size=32, normalisation=True, epochs=2)
    learner = Learner(config, album("digits"))
    assert len(learner.rows["train"]) == 32
    for _step in range(learner.steps):
        learner.step()


def test_batches_of_one_are_refused_where_batch_norm_compares():
    Learner(CnnConfig(batch_size=1, pictures=10), album("digits"))
    with pytest.raises(InvalidValue, match="at least 2"):
        Learner(CnnConfig(batch_size=1, pictures=10, normalisation=True), album("digits"))


@pytest.mark.parametrize("activation", ["relu", "tanh", "leaky-relu", "sigmoid"])
def test_any_activation_may_follow_an_inception_block(activation):
    blocks = f"inception:4:4:4:4,{activation}"
    config = CnnConfig(architecture="own", blocks=blocks, pictures=64)
    Learner(config, album("digits")).step()


def test_dead_units_of_a_convolution_are_maps_that_answer_to_nothing():
    config = CnnConfig(architecture="own", blocks="conv:4:3,relu", pictures=64)
    learner = Learner(config, album("digits"))
    conv = learner.net.stages.conv1
    with torch.no_grad():
        conv.weight.fill_(1.0)
        conv.bias.copy_(torch.tensor([0.0, 0.0, 0.0, -1e6]))
    assert Gauge(learner).inside()["dead_units"] == pytest.approx(0.25)


def test_l_bfgs_tells_the_penalty_once_and_searches_without_noise():
    settings = {"optimiser": "lbfgs", "l2": 0.1, "batch_size": 400, "pictures": 400}
    learner = Learner(CnnConfig(**settings, dropout=0.5, mixup=0.5), album("digits"))
    gauge = Gauge(learner)
    before = gauge.metrics()["train_loss"]
    learner.step()
    assert gauge.metrics()["train_loss"] == pytest.approx(before, rel=1e-3)


def test_wide_nets_are_evaluated_few_pictures_at_a_time():
    wide = Learner(CnnConfig(architecture="own", blocks="conv:1024:3"), album("digits"))
    assert at_once(wide.net) == VALUES_AT_ONCE["cpu"] // (1024 * 8 * 8)
    assert len(wide.evaluated(wide.rows["val"][:300]).logits) == 300


def test_a_question_that_is_too_much_is_refused(model, monkeypatch):
    with pytest.raises(InvalidValue, match="at most 32 image files"):
        recipe.predict(model, [{"png": ""}] * 33)
    blank = np.zeros((8, 8), int).tolist()
    flops = sum(stage.flops for stage in model.net.plan)
    monkeypatch.setattr(recipe, "WORK", 3 * flops)
    assert len(recipe.predict(model, [blank] * 3)["outputs"]) == 3
    with pytest.raises(InvalidValue, match="at most 3 pictures"):
        recipe.predict(model, [blank] * 4)
