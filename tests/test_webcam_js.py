"""The panels of the webcam in real Chromium, with a camera that Chromium makes up."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from browsing import until
from PIL import Image
from playwright.sync_api import expect
from test_live_js import TWO_FRAMES, opened, served, show, site  # noqa: F401
from test_pad_js import HELD

from engine.bench import browser as bench
from pages._frame.webcam import JPEG, watch_words, webcam_words

pytestmark = pytest.mark.browser

FAKE_CAMERAS = [
    "--use-fake-device-for-media-stream=device-count=2",
    "--use-fake-ui-for-media-stream",
]
WORDS = webcam_words()
# Counts what is asked of the cameras, and keeps the tracks that were given.
SPIED = """() => {
  Object.assign(window, { cameras: [], tracks: [] });
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    cameras.push(wanted);
    const stream = await real(wanted);
    tracks.push(stream.getVideoTracks()[0]);
    return stream;
  };
}"""
# A camera that sees four stripes, 320 × 160: the outer two are no part of the middle square.
STRIPES = """(facing) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 160 });
  const context = canvas.getContext("2d");
  const paint = () => ["#00ff00", "#ff0000", "#0000ff", "#00ff00"].forEach((color, k) => {
    context.fillStyle = color;
    context.fillRect(80 * k, 0, 80, 160);
  });
  setInterval(paint, 30);
  paint();
  navigator.mediaDevices.getUserMedia = async () => {
    const stream = canvas.captureStream(30);
    stream.getVideoTracks()[0].getSettings = () => ({ facingMode: facing });
    return stream;
  };
}"""
FAILING = """(name) => {
  navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", name));
}"""
HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture(scope="module")
def browser():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench, "CHROMIUM_FLAGS", [*bench.CHROMIUM_FLAGS, *FAKE_CAMERAS])
        with bench.chromium() as browser:
            yield browser


@pytest.fixture
def page(opened):  # noqa: F811
    page = opened(viewport={"width": 900, "height": 900})
    page.evaluate(SPIED)
    return page


def show_webcam(page, counts=None, **data):
    classes = [{"name": n, "count": c} for n, c in (counts or {}).items()]
    common = {"classes": classes, "side": 64, "most": 80, "longest": 60, "taken": 0, "words": WORDS}
    show(page, "webcam", None, **common | data)
    page.evaluate(TWO_FRAMES)


def button(page, name):
    return page.get_by_role("button", name=name)


def start(page):
    button(page, "Start camera").click()
    expect(button(page, "Stop")).to_be_visible()


@pytest.fixture
def filming(page):
    """A panel with two classes whose camera is on."""
    show_webcam(page, {"cat": 3, "dog": 0})
    start(page)
    return page


def pictures_taken(page, least):
    """Waits until so many pictures of the recording were taken."""
    page.wait_for_function(
        "(n) => document.querySelector('.gl-film b').textContent >= n", arg=least
    )


def press(page, name):
    """The mouse goes down on the button of a class, and stays there."""
    place = button(page, name).bounding_box()
    page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    page.mouse.down()


def hold(page, name, least=1):
    press(page, name)
    pictures_taken(page, least)
    page.mouse.up()


def sent(page) -> list[dict[str, Any]]:
    assert all(name == "recorded" for name, _value in page.evaluate("told"))
    return [value for _name, value in page.evaluate("told")]


def decoded(frame: str) -> np.ndarray:
    content = base64.b64decode(frame, validate=True)
    assert content.startswith(JPEG)
    return np.asarray(Image.open(io.BytesIO(content), formats=["JPEG"]))


def said(page):
    return page.locator(".gl-webcam-told")


# Recording ------------------------------------------------------------------------------------------


def test_the_camera_is_asked_for_by_a_click_only(page):
    show_webcam(page, {"cat": 3})
    assert page.evaluate("cameras") == []
    expect(button(page, "cat")).to_be_disabled()
    start(page)
    assert len(page.evaluate("cameras")) == 1
    assert "audio" not in page.evaluate("cameras[0]")
    expect(button(page, "cat")).to_be_enabled()
    button(page, "Stop").click()
    expect(button(page, "Start camera")).to_be_visible()
    expect(button(page, "cat")).to_be_disabled()
    assert page.evaluate("tracks.map((t) => t.readyState)") == ["ended"]


def test_a_held_class_takes_different_pictures_and_sends_them_once(filming):
    page = filming
    expect(button(page, "cat")).to_have_text("cat3")
    press(page, "cat")
    pictures_taken(page, 3)
    expect(page.locator(".gl-film")).to_be_visible()
    assert sent(page) == []
    page.mouse.up()
    (recording,) = sent(page)
    assert recording.keys() == {"label", "frames"}
    assert recording["label"] == "cat"
    frames = recording["frames"]
    assert len(frames) >= 3
    assert len(set(frames)) == len(frames)
    assert {decoded(frame).shape for frame in frames} == {(64, 64, 3)}
    expect(page.locator(".gl-film")).to_be_hidden()
    expect(button(page, "cat")).to_have_text(f"cat{3 + len(frames)}")
    expect(said(page)).to_have_text(f"Pictures of cat taken: {len(frames)}.")


def test_it_may_be_let_go_outside_the_button(filming):
    page = filming
    press(page, "cat")
    pictures_taken(page, 2)
    page.mouse.move(5, 5)
    pictures_taken(page, 3)
    assert sent(page) == []
    page.mouse.up()
    assert [recording["label"] for recording in sent(page)] == ["cat"]
    expect(page.locator(".gl-film")).to_be_hidden()


@pytest.mark.parametrize("key", [" ", "Enter"])
def test_keys_hold_a_class_too(filming, key):
    page = filming
    button(page, "dog").focus()
    page.keyboard.down(key)
    pictures_taken(page, 1)
    page.keyboard.down(key)  # a key that is held repeats
    pictures_taken(page, 2)
    page.keyboard.up(key)
    assert [recording["label"] for recording in sent(page)] == ["dog"]


def test_a_key_ends_with_the_focus(filming):
    page = filming
    button(page, "dog").focus()
    page.keyboard.down(" ")
    pictures_taken(page, 1)
    page.get_by_placeholder("New class").focus()
    assert [recording["label"] for recording in sent(page)] == ["dog"]


def test_a_finger_holds_a_class(opened):  # noqa: F811
    page = opened(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    show_webcam(page, {"cat": 0})
    start(page)
    place = button(page, "cat").bounding_box()
    at = {"x": place["x"] + 9, "y": place["y"] + 9}
    touch = page.context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [at]})
    pictures_taken(page, 1)
    away = {"x": at["x"], "y": at["y"] + 200}
    touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [away]})
    pictures_taken(page, 2)
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert [recording["label"] for recording in sent(page)] == ["cat"]


def test_it_ends_by_itself_where_there_are_enough(page):
    show_webcam(page, {"cat": 0}, most=3)
    start(page)
    press(page, "cat")
    page.wait_for_function("told.length")
    (recording,) = sent(page)
    assert len(recording["frames"]) == 3
    expect(said(page)).to_contain_text("3, as many as there can be")
    page.mouse.up()
    assert len(sent(page)) == 1


def test_one_that_was_sent_is_taken_before_the_next_goes(filming):
    page = filming
    hold(page, "cat")
    hold(page, "dog")
    assert [recording["label"] for recording in sent(page)] == ["cat"]
    kept = len(sent(page)[0]["frames"])
    show_webcam(page, {"cat": 3, "dog": 0})  # another rerun, which knows nothing of them yet
    expect(button(page, "cat")).to_have_text(f"cat{3 + kept}")
    assert len(sent(page)) == 1
    show_webcam(page, {"cat": 3 + kept, "dog": 0}, taken=1)
    assert [recording["label"] for recording in sent(page)] == ["cat", "dog"]
    expect(button(page, "cat")).to_have_text(f"cat{3 + kept}")
    new = len(sent(page)[1]["frames"])
    expect(button(page, "dog")).to_have_text(f"dog{new}")
    show_webcam(page, {"cat": 3 + kept, "dog": new}, taken=2)
    expect(button(page, "dog")).to_have_text(f"dog{new}")
    assert len(sent(page)) == 2


def test_a_rerun_does_not_let_go_of_a_button(filming):
    page = filming
    press(page, "dog")
    pictures_taken(page, 1)
    show_webcam(page, {"bird": 2, "cat": 3, "dog": 0}, taken=1)
    pictures_taken(page, 2)
    assert sent(page) == []
    page.mouse.up()
    assert [recording["label"] for recording in sent(page)] == ["dog"]
    expect(button(page, "bird")).to_be_visible()


# Classes --------------------------------------------------------------------------------------------


def test_a_new_class_is_named_and_recorded(page):
    show_webcam(page)
    expect(said(page)).to_have_text(WORDS["first"])
    expect(button(page, "Add")).to_be_disabled()
    start(page)
    expect(page.get_by_placeholder("New class")).to_be_focused()
    page.keyboard.type("  my   cat ")
    page.keyboard.press("Enter")
    expect(button(page, "my cat")).to_be_focused()
    expect(button(page, "my cat")).to_have_text("my cat0")
    page.get_by_placeholder("New class").fill("my cat")
    button(page, "Add").click()
    expect(page.locator(".gl-hold")).to_have_count(1)
    hold(page, "my cat")
    (recording,) = sent(page)
    assert recording["label"] == "my cat"
    show_webcam(page, {"my cat": 7}, taken=1)
    expect(page.locator(".gl-hold")).to_have_text(["my cat7"])


def test_classes_stay_where_they_are(page):
    show_webcam(page, {"dog": 2})
    page.get_by_placeholder("New class").fill("cat")
    button(page, "Add").click()
    show_webcam(page, {"ant": 1, "cat": 4, "dog": 2}, taken=1)
    expect(page.locator(".gl-hold")).to_have_text(["dog2", "cat4", "ant1"])
    show_webcam(page, {"ant": 1, "dog": 2}, taken=2)  # it was removed
    expect(page.locator(".gl-hold")).to_have_text(["dog2", "ant1"])


def test_where_pictures_will_be_kept_is_said_until_there_are_some(page):
    show_webcam(page)
    expect(page.get_by_text(WORDS["notice"])).to_be_visible()
    show_webcam(page, {"cat": 1})  # then the page says so
    expect(page.get_by_text(WORDS["notice"])).to_be_hidden()


def test_the_name_of_a_class_is_no_markup(page):
    show_webcam(page, {"<b>x</b>": 1})
    expect(page.locator(".gl-hold span")).to_have_text("<b>x</b>")
    assert page.locator(".gl-hold span b").count() == 0


# The camera -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "word"),
    [
        ("NotAllowedError", "refused"),
        ("NotFoundError", "absent"),
        ("NotReadableError", "busy"),
        ("OverconstrainedError", "absent"),
    ],
)
def test_without_a_camera_it_says_what_to_do(page, error, word):
    show_webcam(page, {"cat": 0})
    page.evaluate(FAILING, error)
    button(page, "Start camera").click()
    expect(page.locator(".gl-camera p")).to_have_text(WORDS[word])
    expect(button(page, "Start camera")).to_be_enabled()
    expect(button(page, "cat")).to_be_disabled()
    page.evaluate(STRIPES, "user")  # it was allowed
    start(page)
    expect(page.locator(".gl-camera p")).to_have_text("")


def test_where_browsers_open_no_camera_it_says_why(page):
    show_webcam(page)
    page.evaluate("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
    button(page, "Start camera").click()
    expect(page.locator(".gl-camera p")).to_have_text(WORDS["insecure"])


@pytest.mark.parametrize(
    ("facing", "left", "right"),
    [("user", [0, 0, 255], [255, 0, 0]), ("environment", [255, 0, 0], [0, 0, 255])],
)
def test_what_is_shown_is_what_is_kept(page, facing, left, right):
    page.evaluate(STRIPES, facing)
    show_webcam(page, {"cat": 0})
    start(page)
    hold(page, "cat")
    kept = decoded(sent(page)[0]["frames"][0]).astype(int)
    assert abs(kept[:, 4:28] - left).max() < 12
    assert abs(kept[:, 36:60] - right).max() < 12
    flips = page.locator("video").evaluate("(v) => new DOMMatrix(getComputedStyle(v).transform).a")
    assert flips == (-1 if facing == "user" else 1)


def test_of_several_cameras_the_next_can_be_had(filming):
    page = filming
    first = page.evaluate("tracks[0].getSettings().deviceId")
    button(page, "Other camera").click()
    page.wait_for_function("tracks.length === 2")
    expect(button(page, "Stop")).to_be_visible()
    assert page.evaluate("tracks[0].readyState") == "ended"
    assert page.evaluate("tracks[1].getSettings().deviceId") != first
    hold(page, "cat", 2)
    assert len(sent(page)) == 1


def test_the_camera_goes_off_with_its_panel(filming):
    press(filming, "cat")
    pictures_taken(filming, 1)
    filming.evaluate("hide('webcam')")
    assert filming.evaluate("tracks.map((t) => t.readyState)") == ["ended"]
    filming.mouse.up()
    assert sent(filming) == []


def test_the_camera_goes_off_when_the_page_is_hidden(filming):
    page = filming
    press(page, "cat")
    pictures_taken(page, 1)
    page.evaluate(HIDE, True)
    assert page.evaluate("tracks.map((t) => t.readyState)") == ["ended"]
    assert [recording["label"] for recording in sent(page)] == ["cat"]  # nothing is lost
    page.evaluate(HIDE, False)
    expect(button(page, "Start camera")).to_be_visible()


def test_a_camera_that_comes_too_late_is_turned_off(page):
    page.evaluate(
        """() => { const real = navigator.mediaDevices.getUserMedia;
        window.allowed = new Promise((go) => { window.allow = go; });
        navigator.mediaDevices.getUserMedia = async (wanted) => { await allowed; return real(wanted); }; }"""
    )
    show_webcam(page)
    button(page, "Start camera").click()
    page.evaluate("hide('webcam')")
    page.evaluate("allow()")
    page.wait_for_function("tracks.length && tracks[0].readyState === 'ended'")


# Watching -------------------------------------------------------------------------------------------

CLASSES = ["cat", "dog", "<i>owl</i>"]


def likely(winner: int, share: float = 0.9, **more: Any) -> dict[str, Any]:
    shares = [(1 - share) / 2] * 3
    shares[winner] = share
    return {"outputs": [winner], "probabilities": [shares], **more}


def show_watch(page, **data):
    common = {"url": "/predict", "model": "mine", "side": 64, "height": 380, "classes": CLASSES}
    show(page, "watch", None, **common | {"words": watch_words()} | data)
    page.evaluate(TWO_FRAMES)


@pytest.fixture
def watching(page):
    """A panel whose camera is on; its questions wait for the test's answers."""
    page.evaluate(HELD)
    show_watch(page)
    start(page)
    page.wait_for_function("asked.length === 1")
    return page


def give(page, told, status=200):
    """Answers the question that waits."""
    page.evaluate("([t, s]) => asked.at(-1).give(t, s)", [told, status])
    page.evaluate(TWO_FRAMES)


def asked_again(page, count):
    page.wait_for_function("(n) => asked.length === n", arg=count)


def verdict(page):
    return page.locator(".gl-verdict")


def test_nothing_is_asked_before_the_camera_is_on(page):
    page.evaluate(HELD)
    show_watch(page)
    expect(verdict(page)).to_have_text("nothing yet")
    assert page.evaluate("[cameras.length, asked.length]") == [0, 0]
    start(page)
    page.wait_for_function("asked.length === 1")
    question = page.evaluate("(({ url, model, inputs }) => ({ url, model, inputs }))(asked[0])")
    (picture,) = question.pop("inputs")
    assert question == {"url": "/predict", "model": "mine"}
    assert picture.keys() == {"png"}
    assert decoded(picture["png"]).shape == (64, 64, 3)


def test_bars_follow_the_answers(watching):
    page = watching
    bars = page.get_by_role("list", name="Probability of each class").locator("li")
    expect(bars).to_have_count(3)
    for count, winner in enumerate((1, 2, 0), 2):
        give(page, likely(winner))
        expect(verdict(page).locator("b")).to_have_text(CLASSES[winner])
        expect(verdict(page).locator("span")).to_have_text("90 %")
        expect(page.locator('.gl-bars [data-winner="true"]')).to_contain_text(CLASSES[winner])
        width = "(e) => parseFloat(e.style.width)"
        assert bars.nth(winner).locator("i b").evaluate(width) == 90
        asked_again(page, count)
    pictures = page.evaluate("asked.map(({ inputs }) => inputs[0].png)")
    assert len(set(pictures)) == 4
    expect(page.get_by_text("answers a second")).to_be_visible()


def test_one_question_at_a_time(watching):
    page = watching
    page.wait_for_timeout(400)  # five questions, if it did not wait for the answer
    assert page.evaluate("asked.length") == 1
    for count in range(2, 6):
        give(page, likely(0))
        asked_again(page, count)
    assert page.evaluate("most") == 1


def test_questions_are_eighty_milliseconds_apart(watching):
    """By a clock that the test turns; Chromium rounds it to a millisecond or two."""
    page = watching
    page.clock.install()
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 60)

    def answer(winner):
        page.evaluate("(t) => asked.at(-1).give(t)", likely(winner))
        expect(verdict(page).locator("b")).to_have_text(CLASSES[winner])

    answer(0)
    while page.evaluate("asked.length") == 1:
        page.clock.run_for(1)
    answer(1)
    page.clock.run_for(70)
    assert page.evaluate("asked.length") == 2
    page.clock.run_for(10)
    assert page.evaluate("asked.length") == 3


def test_what_is_none_of_them_is_said(watching):
    give(watching, likely(1, known=[False]))
    expect(verdict(watching)).to_have_text("Looks like none of them.")
    expect(watching.locator('.gl-bars [data-winner="true"]')).to_have_count(0)


@pytest.mark.parametrize(
    ("failing", "word"),
    [
        ("asked.at(-1).give({ error: { message: 'x' } }, 429)", "busy"),
        ("asked.at(-1).give({ error: { message: 'x' } }, 503)", "unavailable"),
        ("asked.at(-1).lose(new TypeError('lost'))", "offline"),
        ("asked.at(-1).give({}, 200)", "offline"),
    ],
)
def test_what_fails_is_said_and_asked_again(watching, failing, word):
    page = watching
    page.evaluate(failing)
    expect(page.locator(".gl-told")).to_have_text(watch_words()[word])
    asked_again(page, 2)
    give(page, likely(1))
    expect(page.locator(".gl-told")).to_have_text("")
    expect(verdict(page).locator("b")).to_have_text("dog")


def test_what_the_model_refuses_is_not_asked_again(watching):
    page = watching
    give(page, {"error": {"message": "There is no such model."}}, 404)
    expect(page.locator(".gl-told")).to_have_text("There is no such model.")
    page.wait_for_timeout(300)
    assert page.evaluate("asked.length") == 1
    show_watch(page, model="other")
    asked_again(page, 2)
    assert page.evaluate("asked[1].model") == "other"
    expect(page.locator(".gl-told")).to_have_text("")


def test_another_model_begins_anew(watching):
    page = watching
    give(page, likely(1))
    asked_again(page, 2)
    show_watch(page, model="other", classes=["day", "night"])
    expect(verdict(page)).to_have_text("nothing yet")
    asked_again(page, 3)
    assert page.evaluate("[waiting, asked[2].model]") == [1, "other"]
    expect(page.locator(".gl-bars li")).to_have_count(2)


@pytest.mark.parametrize("end", ["hide('watch')", f"({HIDE})(true)"])
def test_it_ends_with_the_camera(watching, end):
    page = watching
    page.evaluate(end)
    assert page.evaluate("tracks.map((t) => t.readyState)") == ["ended"]
    page.evaluate(TWO_FRAMES)
    assert page.evaluate("waiting") == 0  # the question was called back
    page.wait_for_timeout(300)
    assert page.evaluate("asked.length") == 1


def test_it_rests_while_nobody_can_see_it(watching):
    page = watching
    page.evaluate("document.body.style.paddingBottom = '3000px'")
    page.evaluate("window.scrollTo(0, 2500)")
    page.wait_for_timeout(100)  # for the observer, which tells nobody when it has looked
    give(page, likely(1))
    page.wait_for_timeout(300)
    assert page.evaluate("asked.length") == 1
    page.evaluate("window.scrollTo(0, 0)")
    asked_again(page, 2)


# The page -------------------------------------------------------------------------------------------


def test_a_network_answers_to_the_camera_as_long_as_it_is_on(visitor):
    """The whole way, with the shapes of the example."""
    page = visitor(viewport={"width": 1440, "height": 900}, permissions=["camera"])
    page.goto("/cnn?data=own&epochs=1&v=1")
    button(page, "Use an example").click()
    until(page, "done")
    page.locator(".st-key-cnn-below").get_by_role("radio", name="Try it", exact=True).click()
    page.get_by_role("radio", name="Live", exact=True).click()
    expect(page.locator(".gl-watch .gl-verdict")).to_have_text("nothing yet")
    with page.expect_response("**/api/v1/cnn/predict") as told:
        start(page)
    shares = told.value.json()["probabilities"][0]
    assert sum(shares) == pytest.approx(1)
    expect(page.locator(".gl-watch .gl-bar-name")).to_have_text(["disc", "square", "triangle"])
    expect(page.locator('.gl-watch .gl-bars [data-winner="true"]')).to_have_count(1)
    expect(page.get_by_text("answers a second")).to_be_visible()
    page.get_by_role("radio", name="Upload", exact=True).click()
    expect(page.locator(".gl-watch")).to_have_count(0)
