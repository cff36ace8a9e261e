"""The part *Ask why* of the page of pictures: which picture and which model the browser is handed."""

from __future__ import annotations

import io

import numpy as np
import pytest
import streamlit as st
from conftest import wait_terminal
from inline_pages import panels
from PIL import Image
from streamlit.testing.v1 import AppTest

from engine import service
from engine.data import pictures
from engine.data.pictures import album
from engine.errors import GalleryError, Unavailable
from pages._frame import page as frame
from pages._frame import trying, why

SCRIPT = """
import streamlit as st
from pages._frame.page import show
show("cnn")
st.button("trigger", on_click=lambda: st.session_state["now"](), key="trigger")
"""
SMALL = {"data": "digits", "pictures": "200", "epochs": "1", "v": "1"}


class Browser:
    """Stands for the panels: keeps their callbacks, and sends what a test has them send."""

    def __init__(self, monkeypatch, test):
        self.test, self.callbacks, self.value = test, {}, {}
        for module in (frame, why, trying):
            monkeypatch.setattr(module, "panel", self.keeping(module.panel))
        monkeypatch.setattr(why, "sent", lambda look, name, trigger: self.value.get(trigger, {}))

    def keeping(self, panel):
        def kept(part, source, *, key, callbacks=None, **data):
            held = st.session_state.get(key, {})
            assert hasattr(held, "get"), f"{held} is kept under the panel's name"
            self.callbacks[key] = callbacks or {}
            return panel(part, source, key=key, callbacks=callbacks, **data)

        return kept

    def send(self, panel, trigger, value):
        """A trigger of a panel, as Streamlit handles it: its callback, then the script."""
        self.value = {trigger: value}
        self.test.session_state["now"] = self.callbacks[f"cnn.{panel}"][f"on_{trigger}_change"]
        self.test.button(key="trigger").click().run()
        assert not self.test.exception


@pytest.fixture
def opened(running, monkeypatch):
    """A page with a run of few digits that has ended."""

    def arrive(**query):
        test = AppTest.from_string(SCRIPT, default_timeout=60)
        test.query_params.update(SMALL | query)
        browser = Browser(monkeypatch, test)
        test.run()
        run = test.session_state["cnn.visit"].run
        assert wait_terminal(running.manager, run).type == "done"
        test.session_state["cnn.visit"].ended.add(run)
        test.run()
        assert not test.exception
        return test, browser, run

    return arrive


def rows(number, name="digits"):
    return album(name).pixels[number, ..., 0].tolist()


def last_frame(test, run):
    history = service.current().history(run, test.session_state["owner"])
    return history.frames[-1]["data"]


def asked(test):
    return panels(test).get("why")


def test_the_part_opens_on_the_picture_inside_and_the_run_on_show(opened):
    test, _browser, run = opened()
    test.session_state["cnn.below"] = "why"
    test.run()
    frame = asked(test)
    assert frame["model"] == run
    assert frame["url"] == "/api/v1/cnn/explain"
    assert frame["classes"] == [str(k) for k in range(10)]
    number = last_frame(test, run)["number"]
    assert frame["about"] == f"Picture {number:,}"
    assert frame["picture"] == rows(number)
    assert frame["label"] == album("digits").labels[number]
    assert frame["asked"] == 0


def test_the_button_inside_and_a_map_of_a_convolution_ask_about_the_picture_shown(opened):
    test, browser, run = opened()
    browser.send("maps", "asked", {"run": run})
    first = asked(test)
    assert test.session_state["cnn.below"] == "why"
    assert (first["begin"], first["asked"]) == ({}, 1)
    browser.send("maps", "chosen", {"stage": "conv2", "channel": 5, "step": 3, "run": run})
    second = asked(test)
    assert second["begin"] == {"method": "convolution", "stage": "conv2", "channel": 5}
    assert (second["asked"], second["picture"]) == (2, first["picture"])


def test_a_map_that_no_convolution_makes_opens_nothing(opened):
    test, browser, run = opened()
    browser.send("maps", "chosen", {"stage": "pool1", "channel": 0, "step": 3, "run": run})
    assert asked(test) is None


def test_a_mistake_and_then_one_of_its_neighbours_one_click_each(opened):
    test, browser, run = opened()
    test.session_state["cnn.view"] = "mistakes"
    test.run()
    assert panels(test)["mistakes"]["words"]["why"] == "Ask why"
    browser.send("mistakes", "asked", {"number": 17})
    assert asked(test)["picture"] == rows(17)
    assert asked(test)["model"] == run
    browser.send("why", "asked", {"number": 1200, "method": "similar"})
    found = asked(test)
    assert (found["picture"], found["about"]) == (rows(1200), "Picture 1,200")
    assert found["begin"] == {"method": "similar"}
    assert found["label"] == album("digits").labels[1200]


@pytest.mark.parametrize("number", [-1, 10**9, "1", None, True])
def test_a_number_that_is_no_picture_of_the_data_is_no_question(opened, number):
    test, browser, _run = opened()
    test.session_state["cnn.view"] = "mistakes"
    test.run()
    browser.send("mistakes", "asked", {"number": number})
    assert asked(test) is None
    if type(number) is int:
        assert "There is no picture" in test.error[0].value


def test_a_cell_of_the_confusion_matrix_holds_pictures_that_can_be_asked_about(opened):
    test, browser, run = opened()
    test.session_state["cnn.view"] = "confusion"
    test.run()
    counts = np.array(last_frame(test, run)["confusion"])
    actual, predicted = np.unravel_index(np.argmax(counts), counts.shape)
    test.selectbox(key="cnn.cell_actual").set_value(int(actual))
    test.selectbox(key="cnn.cell_predicted").set_value(int(predicted)).run()
    assert not test.exception
    sheet = panels(test)["mistakes"]
    assert sheet["words"]["why"] == "Ask why"
    labels = album("digits").labels[sheet["mistakes"]["index"]]
    assert set(labels) == {actual}
    browser.send("cell_sheet", "asked", {"number": sheet["mistakes"]["index"][0]})
    assert asked(test)["picture"] == rows(sheet["mistakes"]["index"][0])


def test_a_drawing_is_asked_about_as_it_is_and_nothing_else_is(opened):
    test, browser, run = opened()
    assert panels(test)["pad"]["words"]["why"] == "Ask why"
    drawing = np.random.default_rng(0).integers(0, 256, (8, 8)).tolist()
    for wrong in (None, [], drawing[:7], [[300] * 8] * 8, [["x"] * 8] * 8, {"png": ""}):
        browser.send("pad", "asked", {"picture": wrong})
        assert asked(test) is None
    browser.send("pad", "asked", {"picture": drawing})
    found = asked(test)
    assert (found["picture"], found["label"], found["model"]) == (drawing, None, run)
    assert found["about"] == "your drawing"


def test_another_picture_is_some_picture(opened):
    test, _browser, _run = opened()
    test.session_state["cnn.below"] = "why"
    test.run()
    before = asked(test)["asked"]
    test.button(key="cnn.why_other").click().run()
    assert not test.exception
    assert asked(test)["asked"] == before + 1
    assert np.array(asked(test)["picture"]).shape == (8, 8)


def test_while_it_learns_it_says_that_it_cannot_be_asked_yet(running, monkeypatch):
    test = AppTest.from_string(SCRIPT, default_timeout=60)
    test.query_params.update(SMALL)
    Browser(monkeypatch, test)
    monkeypatch.setattr(why, "models", lambda look: [])
    test.run()
    test.session_state["cnn.below"] = "why"
    test.run()
    assert not test.exception
    assert asked(test) is None
    assert any("still learning" in info.value for info in test.info)


def test_of_a_recording_it_says_that_a_shipped_network_answers(running, monkeypatch):
    test = AppTest.from_string(SCRIPT, default_timeout=60)
    browser = Browser(monkeypatch, test)
    test.run()
    said = "without its weights"
    test.session_state["cnn.below"] = "why"
    test.run()
    assert not any(said in caption.value for caption in test.caption)
    browser.send("maps", "asked", {})
    assert asked(test)["asked"] == 1
    assert any(said in caption.value for caption in test.caption)


def test_of_a_run_that_has_ended_no_other_network_answers(opened):
    test, browser, _run = opened()
    browser.send("maps", "asked", {})
    assert not any("shipped" in caption.value for caption in test.caption)


def test_pictures_that_are_not_here_are_not_waited_for(opened, monkeypatch):
    test, browser, _run = opened()
    monkeypatch.setattr(pictures, "at_hand", lambda name: False)
    browser.send("maps", "asked", {})
    assert asked(test) is None
    assert "not on this machine" in test.error[0].value
    test.session_state["cnn.below"] = "why"
    test.run()
    assert not test.exception
    assert any("Draw or upload" in info.value for info in test.info)


# Pictures in colour -----------------------------------------------------------------------------


def png(color, size=(50, 40)):
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, "PNG")
    return buffer.getvalue()


class Predictors:
    """Answers like a network of ten classes, and keeps what it was shown."""

    def __init__(self):
        self.shown = []

    def predict(self, topic, inputs, **model):
        self.shown.append(inputs)
        return {"outputs": [3], "probabilities": [[0.0] * 3 + [1.0] + [0.0] * 6]}


@pytest.fixture
def answered(running, monkeypatch):
    """`trying.answered` for a network that sees colours."""
    predictors = Predictors()
    monkeypatch.setattr(running, "predictors", predictors)
    monkeypatch.setattr(trying.st, "session_state", {})
    loaded = type("Loaded", (), {"arguments": {"checkpoint": "cifar10"}})
    monkeypatch.setattr(trying, "loaded", lambda look, model: loaded)
    look = type("Look", (), {"spec": type("Spec", (), {"name": "cnn"})})
    model = type("Model", (), {"id": "cifar10", "size": (32, 32, 3)})
    return predictors, lambda payload: trying.answered(look, model, payload, "a.png")


def test_a_file_is_made_as_large_as_the_models_pictures_and_asked_about_once(answered):
    predictors, ask = answered
    seen, shares = ask(png((200, 10, 60)))
    assert np.array(seen).shape == (32, 32, 3)
    assert seen[7][9] == [200, 10, 60]
    assert shares[3] == 1
    assert predictors.shown == [[seen]]
    ask(png((200, 10, 60)))
    assert len(predictors.shown) == 1
    ask(png((0, 10, 60)))
    assert len(predictors.shown) == 2


@pytest.mark.parametrize("payload", [b"", b"<svg/>", b"PK\x03\x04 no", png((1, 2, 3))[:40]])
def test_what_is_no_picture_is_refused_in_words(answered, payload):
    predictors, ask = answered
    with pytest.raises(GalleryError) as refusal:
        ask(payload)
    assert refusal.value.message
    assert predictors.shown == []


def test_nobody_who_answers_is_said_too(answered):
    predictors, ask = answered

    def gone(topic, inputs, **model):
        raise Unavailable("warming up")

    predictors.predict = gone
    with pytest.raises(Unavailable):
        ask(png((1, 2, 3)))


@pytest.mark.parametrize(
    ("training", "number", "words"),
    [
        (3, 2, "Training picture 2"),
        (3, 3, "Test picture 0"),
        (3, 4, "Test picture 1"),
        (5, 4, "Picture 4"),
    ],
)
def test_pictures_of_each_part_are_counted_from_nought(training, number, words):
    pixels = np.zeros((5, 2, 2, 1), np.uint8)
    some = pictures.Album(pixels, np.zeros(5, np.int64), ("a", "b"), training)
    assert why.about_number(some, number) == words
