"""Own pictures by webcam, and the live answers, under AppTest: what a page takes from a browser."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import streamlit as st
from inline_pages import message, panels
from PIL import Image
from streamlit.testing.v1 import AppTest

from engine.data.names import LABEL_LENGTH
from engine.topics import topic
from pages._frame import webcam
from pages._frame.webcam import FRAMES_LIMIT

SCRIPT = """
import streamlit as st
from pages._frame.page import show
show("cnn")
st.button("trigger", on_click=lambda: st.session_state["now"](), key="trigger")
"""
SIDE = 64


def jpeg(number, side=SIDE):
    """A picture as the browser sends it; every number gives another one."""
    pixels = np.random.default_rng(number).integers(0, 256, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return base64.b64encode(buffer.getvalue()).decode()


class Browser:
    """Stands for the panel: keeps its callback, and sends what a test has it send."""

    def __init__(self, monkeypatch, test):
        self.test, self.callback, self.value = test, None, None
        monkeypatch.setattr(webcam, "panel", self.keeping(webcam.panel))
        monkeypatch.setattr(webcam, "_sent", lambda spec: self.value)

    def keeping(self, panel):
        def kept(part, source, *, key, callbacks, **data):
            held = st.session_state.get(key, {})
            assert hasattr(held, "get"), f"{held} is kept under the panel's name"
            self.callback = callbacks["on_recorded_change"]
            return panel(part, source, key=key, callbacks=callbacks, **data)

        return kept

    def send(self, value):
        """A trigger, as Streamlit handles it: its callback, then the script."""
        self.value = value
        self.test.session_state["now"] = self.callback
        self.test.button(key="trigger").click()
        run(self.test)

    def record(self, label, *numbers):
        self.send({"label": label, "frames": [jpeg(n) for n in numbers]})


@pytest.fixture
def large(running):
    """A topic whose pictures are large enough for a webcam."""
    spec = topic("cnn")
    before = spec.picture_side
    object.__setattr__(spec, "picture_side", SIDE)
    yield
    object.__setattr__(spec, "picture_side", before)


@pytest.fixture
def page(large):
    test = AppTest.from_string(SCRIPT, default_timeout=60)
    test.query_params.update({"data": "own", "epochs": "1"})
    test.session_state["cnn.live"] = False
    return run(test)


@pytest.fixture
def filmed(page, monkeypatch):
    """The page with the webcam chosen, and its browser."""
    browser = Browser(monkeypatch, page)
    page.session_state["cnn.own_from"] = "camera"
    run(page)
    return page, browser


def run(test):
    test.run()
    assert not test.exception
    return test


def own(test):
    return test.session_state["cnn.own"]


def counts(test):
    return {name: len(found) for name, found in own(test).classes.items()}


def uploaders(test):
    """Those of own pictures."""
    return [found for found in test.file_uploader if found.key.startswith("cnn.own_files")]


def said(test):
    return " ".join(element.value for element in [*test.caption, *test.info]).replace("\\", "")


# Recorded -------------------------------------------------------------------------------------------


def test_uploads_come_first_and_tell_how_small_they_are_made(page):
    assert uploaders(page)
    assert "webcam" not in panels(page)
    assert "made 64 × 64 pixels small" in page.file_uploader[0].help


def test_small_pictures_are_only_uploaded(running):
    test = AppTest.from_string(SCRIPT, default_timeout=60)
    test.query_params.update({"data": "own", "epochs": "1"})
    test.session_state["cnn.own_from"] = "camera"
    run(test)
    assert "webcam" not in panels(test)
    assert "made 32 × 32 pixels small" in test.file_uploader[0].help


def test_recorded_pictures_become_classes_and_an_album(filmed):
    page, browser = filmed
    told = panels(page)["webcam"]
    assert (told["classes"], told["side"], told["most"]) == ([], SIDE, FRAMES_LIMIT)
    assert not uploaders(page)
    browser.record("thumb", 1, 2, 3)
    assert counts(page) == {"thumb": 3}
    assert "Two classes of at least 2 pictures are needed." in said(page)
    browser.record("fist", 4, 5)
    browser.record("  thumb ", 6)
    assert counts(page) == {"fist": 2, "thumb": 4}
    assert own(page).album.classes == ("fist", "thumb")
    assert own(page).album.pixels.shape == (6, SIDE, SIDE, 3)
    named = [{"name": "fist", "count": 2}, {"name": "thumb", "count": 4}]
    assert panels(page)["webcam"]["classes"] == named
    assert not page.error


def test_the_browser_is_told_that_a_recording_was_taken(filmed):
    page, browser = filmed
    numbers = [panels(page)["webcam"]["taken"]]
    for value in ({"label": "a", "frames": [jpeg(1)]}, "nonsense", {"label": "a", "frames": ["?"]}):
        browser.send(value)
        numbers.append(panels(page)["webcam"]["taken"])
    assert len(set(numbers)) == 4


def test_what_was_there_before_is_brought_back(filmed):
    page, browser = filmed
    browser.record("thumb", 1, 2)
    browser.record("fist", 3, 4)
    album = own(page).album
    browser.record("fits", 5)
    assert counts(page) == {"fist": 2, "fits": 1, "thumb": 2}
    page.button(key="cnn.undo").click()
    run(page)
    assert own(page).album is album


def test_recorded_and_uploaded_pictures_make_one_album(filmed):
    page, browser = filmed
    page.button(key="cnn.own_example").click()
    run(page)
    shapes = counts(page)
    assert own(page).album.pixels.shape[1] == SIDE
    browser.record("face", 1, 2)
    assert counts(page) == {**shapes, "face": 2}
    assert own(page).album.pixels.shape == (sum(shapes.values()) + 2, SIDE, SIDE, 3)


def test_the_same_picture_again_is_left_out(filmed):
    page, browser = filmed
    browser.record("thumb", 1, 2, 2)
    assert counts(page) == {"thumb": 2}
    assert "The same picture again, left out (1): “webcam 3.jpg”." in said(page)
    browser.record("fist", 1, 2)
    assert counts(page) == {"thumb": 2}
    assert message(page).startswith("There is no new picture among them.")


def test_pictures_of_any_size_are_made_as_small_as_the_topics(filmed):
    page, browser = filmed
    browser.send({"label": "thumb", "frames": [jpeg(1, 200)]})
    (picture,) = own(page).gathered.pictures
    assert picture.pixels.shape == (SIDE, SIDE, 3)


# Forged ---------------------------------------------------------------------------------------------

ONE = [jpeg(0)]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "recorded: expected a class and its pictures, received None."),
        ("thumb", "recorded: expected a class and its pictures, received 'thumb'."),
        ({"label": "x"}, "recorded: expected a class and its pictures"),
        ({"label": "x", "frames": ONE, "side": 9}, "recorded: expected a class and its pictures"),
        ({"label": "x", "frames": "abc"}, "frames: expected 1 to 80 pictures, received 'abc'."),
        ({"label": "x", "frames": []}, "frames: expected 1 to 80 pictures, received 0."),
        ({"label": "x", "frames": ONE * 10_000}, "expected 1 to 80 pictures, received 10000."),
        ({"label": 7, "frames": ONE}, "label: expected the name of a class, received 7."),
        ({"label": ["x"], "frames": ONE}, "label: expected the name of a class"),
        ({"label": " \n\u0000", "frames": ONE}, "label: expected the name of a class"),
        (
            {"label": "x", "frames": [7]},
            "frames: expected pictures as base64 of a JPEG, received 7.",
        ),
        ({"label": "x", "frames": [None]}, "frames: expected pictures as base64 of a JPEG"),
        ({"label": "x", "frames": ["?!"]}, "base64 of a JPEG, received '?!'."),
        ({"label": "x", "frames": ["é"]}, "frames: expected pictures as base64 of a JPEG"),
        ({"label": "x", "frames": ["UEsDBA=="]}, "base64 of a JPEG, received 'UEsDBA=='."),
        ({"label": "x", "frames": [*ONE, "QUJD"]}, "base64 of a JPEG, received 'QUJD'."),
        (
            {"label": "x", "frames": ["/9j/" * 10**5]},
            "frames: expected pictures as base64 of a JPEG",
        ),
        (
            {"label": "x", "frames": ["/9j/"]},
            "There is no new picture among them. Left out, as they",
        ),
    ],
)
def test_what_no_panel_sends_changes_nothing_but_a_message(filmed, value, words):
    page, browser = filmed
    browser.record("thumb", 1, 2)
    browser.record("fist", 3, 4)
    album = own(page).album
    browser.send(value)
    assert words in message(page)
    assert message(page).endswith("The pictures loaded before stay in use.")
    assert own(page).album is album


def test_the_name_of_a_class_is_text_and_no_path(filmed):
    page, browser = filmed
    browser.record("<b onclick=x>**thumb**</b>", 1, 2)
    browser.record("../../etc/passwd", 3)
    browser.record("x" * 5000, 4)
    names = ["<b onclick=x>**thumb**</b>", "../../etc/passwd", "x" * (LABEL_LENGTH - 1) + "…"]
    assert sorted(counts(page)) == sorted(names)
    shown = [one.caption for found in page.get("image") for one in found.proto.imgs]
    assert any("\\<b onclick=x\\>\\*\\*thumb" in caption for caption in shown)
    assert not any("<b" in caption.replace("\\<", "") for caption in shown)
    assert not page.error


def test_there_are_only_so_many_classes(filmed):
    page, browser = filmed
    for number in range(20):
        browser.record(f"class {number}", number)
    browser.record("one more", 99)
    assert "at most 20 classes" in message(page)
    assert len(counts(page)) == 20
