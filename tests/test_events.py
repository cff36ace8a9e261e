"""Events and histories: strict JSON, arrays, images, CSV."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from engine.events import Event, decode_array, dumps, encode_array, encode_image
from engine.history import History
from engine.jobs.log import RunLog


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "float64"])
@pytest.mark.parametrize("shape", [(3,), (2, 3), (0, 4), ()])
def test_arrays_survive(dtype, shape):
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    decoded = decode_array(json.loads(json.dumps(encode_array(array))))
    assert decoded.dtype == array.dtype
    np.testing.assert_array_equal(decoded, array)


def test_images_are_webp():
    pixels = np.full((8, 12, 3), (200, 30, 90), np.uint8)
    image = Image.open(io.BytesIO(base64.b64decode(encode_image(pixels)["webp"])))
    assert (image.format, image.size) == ("WEBP", (12, 8))
    np.testing.assert_allclose(np.asarray(image)[4, 6], (200, 30, 90), atol=8)


def test_json_is_strict():
    text = dumps({"a": float("nan"), "b": [float("inf"), 1.5], "c": np.float32(2.5)})
    assert json.loads(text) == {"a": None, "b": [None, 1.5], "c": 2.5}
    with pytest.raises(TypeError, match="object does not belong in an event"):
        dumps({"a": object()})


def test_an_event_survives_its_json():
    event = Event("metric", {"values": {"train_loss": 0.25}}, 3, 12.5, "run", 7)
    assert Event.from_json(event.to_json()) == event


def metric(step, **values):
    return Event("metric", {"epoch": float(step), "values": values}, step)


def test_a_history_keeps_columns_of_equal_length():
    history = History()
    history.append(metric(1, train_loss=1.0))
    history.append(metric(2, train_loss=0.5, val_loss=0.6))
    assert history.metrics["val_loss"] == [None, 0.6]
    assert history.series("val_loss") == ([2], [0.6])
    assert list(history.metrics) == ["step", "epoch", "time", "train_loss", "val_loss"]


def test_measurements_that_travelled_together_become_rows():
    history = History()
    before = [{"step": 1, "epoch": 1.0, "time": 1.0, "values": {"train_loss": 2.0}}]
    data = {"epoch": 2.0, "values": {"train_loss": 1.0}, "before": before}
    history.append(Event("metric", data, 2))
    assert history.metrics["step"] == [1, 2]
    assert history.metrics["train_loss"] == [2.0, 1.0]


def test_a_passing_frame_gives_way_to_the_next_of_its_kind():
    history = History()
    for step, kind, kept in [(1, "a", True), (2, "a", False), (2, "b", False), (3, "a", False)]:
        history.append(Event("frame", {"kind": kind, "data": {}, "kept": kept}, step))
    assert [(f["kind"], f["step"]) for f in history.frames] == [("a", 1), ("b", 2), ("a", 3)]


def test_nothing_follows_the_end():
    log = RunLog(History("run"))
    assert log.append(Event("done", {"metrics": {}})).seq == 1
    assert log.append(Event("failed", {})) is None
    assert log.history.terminal["type"] == "done"


def test_a_history_survives_its_json_and_replays():
    log = RunLog(History("run", "regression", {"seed": 0}))
    log.append(Event("started", {"device": "cpu", "steps_total": 2}))
    log.append(metric(1, train_loss=1.0))
    log.append(Event("frame", {"kind": "fit", "data": {"fit": [1]}, "kept": True}, 1))
    log.append(Event("done", {"metrics": {"train_loss": 1.0}}, 1))
    again = History.from_json(log.history.to_json())
    assert again == log.history
    replayed = list(again.events())
    assert [e.type for e in replayed] == ["started", "metric", "frame", "done"]
    assert [e.seq for e in replayed] == [1, 2, 3, 4]


def test_csv_cells_are_no_formulas():
    history = History(metrics={"step": [1], "=cmd": ["+1"], "plain": [-0.5]})
    assert history.to_csv().splitlines() == ["step,'=cmd,plain", "1,'+1,-0.5"]
