"""The drawing pad in real Chromium: what the network gets, when it is asked, what is said."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect
from sklearn.datasets import load_digits
from test_live_js import TWO_FRAMES, browser, opened, served, show, site, told  # noqa: F401

pytestmark = pytest.mark.browser

WORDS = {
    "hint": "Draw a digit",
    "undo": "Undo",
    "clear": "Clear",
    "brush": "Brush",
    "sees": "What the network gets",
    "nothing": "It waits for a drawing.",
    "unknown": "not a digit",
    "why": "Ask why",
    "answer": "Probabilities",
    "busy": "Busy: asking again",
    "unavailable": "Not there: asking again",
    "offline": "No connection: asking again",
}
CLASSES = [str(k) for k in range(10)]
PREPARE = """async ([ink, width, height, side]) => {
  const { prepared } = await import("/live/picture_prep.js");
  const made = prepared(Float32Array.from(ink), width, height, side);
  return made && [...made];
}"""
# Answers wait in `asked` until the test gives them; `most` is how many waited at once.
HELD = """() => {
  Object.assign(window, { asked: [], waiting: 0, most: 0 });
  window.fetch = (url, { body, signal }) => new Promise((give, fail) => {
    window.most = Math.max(window.most, ++window.waiting);
    const over = (end) => (value) => { window.waiting -= 1; end(value); };
    signal.addEventListener("abort", () => over(fail)(new DOMException("", "AbortError")));
    asked.push({ url, ...JSON.parse(body), give: (told, status = 200) =>
      over(give)(new Response(JSON.stringify(told), { status })), lose: over(fail) });
  });
}"""

SEEN = """() => [...document.querySelector(".gl-pad figure canvas").getContext("2d")
  .getImageData(0, 0, 28, 28).data].filter((v, i) => i % 4 === 0)"""


def likely(winner: int, share: float = 0.91) -> dict[str, Any]:
    shares = [(1 - share) / 9] * 10
    shares[winner] = share
    return {"outputs": [winner], "probabilities": [shares]}


def prepared(page, ink: np.ndarray, side: int = 28) -> np.ndarray | None:
    height, width = ink.shape
    made = page.evaluate(PREPARE, [ink.ravel().tolist(), width, height, side])
    return None if made is None else np.array(made).reshape(side, side)


def balance(picture: np.ndarray) -> tuple[float, float]:
    """Row and column of the centre of mass."""
    places = np.arange(len(picture))
    mass = picture.sum()
    return picture.sum(1) @ places / mass, picture.sum(0) @ places / mass


def box(picture: np.ndarray) -> tuple[int, int]:
    """Height and width of what is not black."""
    rows, columns = (np.flatnonzero(picture.any(axis)) for axis in (1, 0))
    return int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


# The picture ----------------------------------------------------------------------------------------


def test_a_blank_sheet_is_no_picture(opened):  # noqa: F811
    page = opened()
    assert prepared(page, np.zeros((40, 30))) is None
    assert prepared(page, np.full((40, 30), 0.01)) is None
    assert prepared(page, np.zeros((16, 16)), 8) is None


@pytest.mark.parametrize("corner", [(0, 0), (31, 7), (60, 180)])
def test_a_rectangle_becomes_one_of_twenty_pixels_in_the_middle(opened, corner):  # noqa: F811
    ink = np.zeros((200, 240))
    y, x = corner
    ink[y : y + 100, x : x + 50] = 1
    made = prepared(opened(), ink)
    expected = np.zeros((28, 28))
    expected[4:24, 9:19] = 255
    rows, columns = np.flatnonzero(made.any(1)), np.flatnonzero(made.any(0))
    assert (len(rows), len(columns)) == (20, 10)
    rolled = np.roll(expected, (rows[0] - 4, columns[0] - 9), (0, 1))
    assert made == pytest.approx(rolled, abs=0.01)
    assert balance(made) == pytest.approx((14, 14), abs=0.5)


def test_edges_are_the_mean_of_what_they_cover(opened):  # noqa: F811
    ink = np.zeros((40, 40))
    ink[:, 0] = ink[:, 39] = 1  # two lines of half a pixel each
    made = prepared(opened(), ink)
    columns = np.flatnonzero(made.any(0))
    assert np.ptp(columns) == 19
    assert set(made[:, columns].ravel().round(2)) == {0, 127.5}


@pytest.mark.parametrize("seed", range(6))
def test_any_scribble_is_fitted_and_balanced(opened, seed):  # noqa: F811
    rng = np.random.default_rng(seed)
    ink = np.zeros((120, 150))
    for _ in range(5):
        y, x = rng.integers(0, 80, 2)
        height, width = rng.integers(5, 40, 2)
        ink[y : y + height, x : x + width] = rng.uniform(0.3, 1)
    made = prepared(opened(), ink)
    assert max(box(made)) == 20
    assert balance(made) == pytest.approx((14, 14), abs=0.5)
    rows, columns = (np.ptp(np.flatnonzero(ink.any(axis))) + 1 for axis in (1, 0))
    scale = 20 / max(rows, columns)
    assert made.sum() == pytest.approx(255 * ink.sum() * scale**2, rel=1e-4)
    assert made.min() >= 0
    assert made.max() <= 255


def test_what_is_heavy_on_one_side_is_moved_but_never_cut_off(opened):  # noqa: F811
    ink = np.zeros((100, 100))
    ink[:, :4] = 1
    ink[50, :] = 1
    made = prepared(opened(), ink)
    assert made.sum() == pytest.approx(255 * ink.sum() / 25, rel=1e-4)
    assert np.flatnonzero(made.any(0))[-1] == 27  # as far as there is room


@pytest.mark.parametrize("index", range(0, 60, 7))
def test_a_digit_of_scikit_learn_stays_as_it_is(opened, index):  # noqa: F811
    digit = load_digits().images[index]
    large = np.kron(digit / 16, np.ones((10, 10)))
    made = prepared(opened(), large, 8) * 16 / 255
    rows, _columns = balance(digit)
    assert balance(made)[0] == pytest.approx(rows, abs=0.01)  # it fills its eight rows
    assert box(made)[0] == 8
    assert abs(balance(made)[1] - 3.5) <= 0.5
    moved = digit.sum(0), made.sum(0)
    assert moved[1].sum() == pytest.approx(moved[0].sum(), rel=1e-3)


def test_the_pictures_of_another_side_have_the_same_proportions(opened):  # noqa: F811
    ink = np.zeros((50, 50))
    ink[10:40, 20:30] = 1
    made = prepared(opened(), ink, 56)
    assert box(made)[0] == 40
    assert balance(made) == pytest.approx((28, 28), abs=0.5)


# The pad --------------------------------------------------------------------------------------------


def show_pad(page, **data):
    common = {"url": "/predict", "model": "digits", "side": 28, "height": 380}
    common |= {"label": "Drawing pad", "classes": CLASSES, "words": WORDS}
    show(page, "pad", None, **common | data)
    page.evaluate(TWO_FRAMES)


def places(page, *shares):
    """Points of the pad on the page."""
    paper = page.get_by_role("img", name="Drawing pad").bounding_box()
    return [(paper["x"] + x * paper["width"], paper["y"] + y * paper["height"]) for x, y in shares]


def stroke(page, *shares, steps=4):
    first, *rest = places(page, *shares)
    page.mouse.move(*first)
    page.mouse.down()
    for place in rest:
        page.mouse.move(*place, steps=steps)
    page.mouse.up()
    page.evaluate(TWO_FRAMES)


SEVEN = (0.1, 0.15), (0.45, 0.15), (0.25, 0.6)


def asked(page) -> list[dict[str, Any]]:
    return page.evaluate("asked.map(({ url, model, inputs }) => ({ url, model, inputs }))")


def give(page, told_now, status=200):
    """Answers the question that waits."""
    page.evaluate("([t, s]) => asked.at(-1).give(t, s)", [told_now, status])
    page.evaluate(TWO_FRAMES)


def answer_all(page, told_now=None, status=200):
    """Answers until the newest drawing has been asked about."""
    while page.evaluate("waiting"):
        give(page, told_now or likely(7), status)
        page.wait_for_timeout(150)  # longer than the pad rests between questions


def ink_of(page) -> int:
    paper = page.get_by_role("img", name="Drawing pad")
    return paper.evaluate(
        "(c) => c.getContext('2d').getImageData(0, 0, c.width, c.height).data"
        ".filter((v, i) => i % 4 === 3 && v > 0).length"
    )


def verdict(page):
    return page.locator(".gl-verdict")


@pytest.fixture
def held(opened):  # noqa: F811
    """A page whose questions wait for the test's answers."""
    page = opened(viewport={"width": 900, "height": 600})
    page.evaluate(HELD)
    show_pad(page)
    return page


def test_a_drawing_is_sent_centred_and_answered_in_bars(opened, site):  # noqa: F811
    site.answer = (200, "application/json", json.dumps(likely(7)).encode())
    page = opened(viewport={"width": 900, "height": 600})
    show_pad(page)
    expect(page.get_by_text("Draw a digit")).to_be_visible()
    expect(verdict(page)).to_have_text("It waits for a drawing.")
    assert site.posted == []
    stroke(page, *SEVEN)
    expect(verdict(page).locator("b")).to_have_text("7")
    expect(verdict(page).locator("span")).to_have_text("91 %")
    expect(page.get_by_text("Draw a digit")).to_be_hidden()
    newest = page.evaluate(SEEN)
    while np.ravel(site.posted[-1]["inputs"][0]).tolist() != newest:
        page.wait_for_timeout(50)
    question = site.posted[-1]
    assert question["model"] == "digits"
    (rows,) = question["inputs"]
    picture = np.array(rows)
    assert picture.shape == (28, 28)
    assert picture.dtype.kind == "i"
    assert balance(picture) == pytest.approx((14, 14), abs=0.6)
    assert max(box(picture)) == 20
    assert picture.max() == 255
    winner = page.locator('.gl-bars [data-winner="true"]')
    expect(winner).to_have_count(1)
    expect(winner).to_contain_text("91 %")
    bars = page.get_by_role("list", name="Probabilities").locator("li")
    expect(bars).to_have_count(10)
    assert bars.nth(7).locator("i b").evaluate("(e) => parseFloat(e.style.width)") == 91


def test_what_is_shown_is_what_is_sent(held):
    stroke(held, *SEVEN)
    assert len(asked(held)) == 1
    shown = held.get_by_role("img", name="What the network gets").evaluate(
        "(c) => [c.width, c.height, ...c.getContext('2d').getImageData(0, 0, c.width, c.height)"
        ".data.filter((v, i) => i % 4 === 0)]"
    )
    give(held, likely(7))
    answer_all(held)
    assert shown == [28, 28, *np.ravel(asked(held)[-1]["inputs"][0]).tolist()]


def test_one_question_at_a_time_then_the_newest_drawing(held):
    page = held
    stroke(page, *SEVEN, steps=20)
    stroke(page, (0.2, 0.4), (0.4, 0.4), steps=20)
    assert len(asked(page)) == 1
    first = asked(page)[0]["inputs"][0]
    give(page, likely(1))
    expect(verdict(page).locator("b")).to_have_text("1")  # it follows the hand
    page.wait_for_function("asked.length === 2")
    newest = page.evaluate(SEEN)
    assert np.ravel(asked(page)[1]["inputs"][0]).tolist() == newest
    assert asked(page)[1]["inputs"][0] != first
    give(page, likely(7))
    expect(verdict(page).locator("b")).to_have_text("7")
    page.wait_for_timeout(300)
    assert len(asked(page)) == 2  # nothing new was drawn
    assert page.evaluate("most") == 1


def test_undo_takes_back_a_stroke_and_a_clearing(held):
    page = held
    undo, clear = page.get_by_role("button", name="Undo"), page.get_by_role("button", name="Clear")
    expect(undo).to_be_disabled()
    expect(clear).to_be_disabled()
    stroke(page, *SEVEN)
    one = ink_of(page)
    stroke(page, (0.6, 0.7), (0.8, 0.9))
    two = ink_of(page)
    assert two > one > 0
    undo.click()
    assert ink_of(page) == one
    clear.click()
    assert ink_of(page) == 0
    expect(page.get_by_text("Draw a digit")).to_be_visible()
    undo.click()
    assert ink_of(page) == one
    undo.click()
    page.evaluate(TWO_FRAMES)
    assert ink_of(page) == 0
    expect(undo).to_be_disabled()


def test_by_keys_it_is_cleared_and_taken_back(held):
    page = held
    stroke(page, *SEVEN)
    page.get_by_role("img", name="Drawing pad").focus()
    page.keyboard.press("Delete")
    assert ink_of(page) == 0
    page.keyboard.press("Control+z")
    assert ink_of(page) > 0
    page.keyboard.press("Escape")
    assert ink_of(page) == 0


def test_after_clearing_a_late_answer_says_nothing(held):
    page = held
    stroke(page, *SEVEN)
    page.get_by_role("button", name="Clear").click()
    page.evaluate(TWO_FRAMES)
    expect(verdict(page)).to_have_text("It waits for a drawing.")
    assert page.evaluate("waiting") == 0
    stroke(page, *SEVEN)
    page.wait_for_function("asked.length === 2")
    give(page, likely(3))
    expect(verdict(page).locator("b")).to_have_text("3")
    page.get_by_role("button", name="Clear").click()
    expect(verdict(page)).to_have_text("It waits for a drawing.")
    assert page.locator(".gl-bars i b").first.evaluate("(e) => parseFloat(e.style.width)") == 0


def test_a_tap_is_a_dot(held):
    stroke(held, (0.5, 0.5))
    assert ink_of(held) > 50
    picture = np.array(asked(held)[0]["inputs"][0])
    assert max(box(picture)) == 20  # as large as any drawing


def test_a_wider_brush_makes_wider_strokes(held):
    page = held
    stroke(page, *SEVEN)
    thin = ink_of(page)
    page.get_by_role("button", name="Clear").click()
    page.get_by_label("Brush").fill("1.75")
    stroke(page, *SEVEN)
    assert ink_of(page) > 1.5 * thin


def test_what_fits_no_class_is_said(held):
    page = held
    stroke(page, *SEVEN)
    give(page, likely(3) | {"known": [False]})
    expect(verdict(page)).to_have_text("not a digit")
    expect(page.locator('.gl-bars [data-winner="true"]')).to_have_count(0)
    stroke(page, (0.2, 0.4), (0.4, 0.4))
    page.wait_for_function("asked.length > 1")
    give(page, likely(3) | {"known": [True]})
    expect(verdict(page).locator("b")).to_have_text("3")


@pytest.mark.parametrize(
    ("failing", "said"),
    [
        ("asked.at(-1).give({ error: { message: 'x' } }, 429)", "Busy: asking again"),
        ("asked.at(-1).give({ error: { message: 'x' } }, 503)", "Not there: asking again"),
        ("asked.at(-1).lose(new TypeError('lost'))", "No connection: asking again"),
        ("asked.at(-1).give({}, 200)", "No connection: asking again"),
    ],
)
def test_what_fails_is_said_and_asked_again(held, failing, said):
    page = held
    stroke(page, *SEVEN)
    page.evaluate(failing)
    expect(page.get_by_text(said)).to_be_visible()
    page.wait_for_function("asked.length > 1")
    give(page, likely(2))
    expect(page.get_by_text(said)).to_have_count(0)
    expect(verdict(page).locator("b")).to_have_text("2")


def test_what_the_model_refuses_is_said_and_not_asked_again(held):
    page = held
    stroke(page, *SEVEN)
    answer_all(page, {"error": {"message": "There is no such model."}}, 404)
    count = len(asked(page))
    expect(page.get_by_text("There is no such model.")).to_be_visible()
    page.wait_for_timeout(800)
    assert len(asked(page)) == count
    stroke(page, (0.2, 0.4), (0.4, 0.4))
    page.wait_for_function(f"asked.length > {count}")


def test_another_model_is_asked_about_the_same_drawing(held):
    page = held
    stroke(page, *SEVEN)
    ink = ink_of(page)
    show_pad(page, model="fashion", classes=[f"garment {k}" for k in range(10)])
    assert ink_of(page) == ink
    page.wait_for_function("asked.length > 1 && waiting === 1")
    assert asked(page)[-1]["model"] == "fashion"
    give(page, likely(4))
    expect(verdict(page).locator("b")).to_have_text("garment 4")


def test_the_picture_has_the_side_of_the_model(held):
    page = held
    show_pad(page, side=8)
    stroke(page, *SEVEN)
    answer_all(page)
    rows = np.array(asked(page)[-1]["inputs"][0])
    assert rows.shape == (8, 8)
    assert box(rows)[0] == 8


def test_without_a_model_one_can_draw_and_nothing_is_asked(held):
    page = held
    show_pad(page, model="")
    stroke(page, *SEVEN)
    assert ink_of(page) > 0
    assert asked(page) == []
    expect(page.get_by_role("button", name="Ask why")).to_be_disabled()


def test_a_rerun_of_the_script_asks_nothing_anew(held):
    page = held
    stroke(page, *SEVEN)
    answer_all(page)
    count, ink = len(asked(page)), ink_of(page)
    show_pad(page)
    page.wait_for_timeout(200)
    assert len(asked(page)) == count
    assert ink_of(page) == ink
    expect(verdict(page).locator("b")).to_have_text("7")


def test_ask_why_tells_the_picture(held):
    page = held
    why = page.get_by_role("button", name="Ask why")
    expect(why).to_be_disabled()
    stroke(page, *SEVEN)
    why.click()
    (sent,) = told(page, "asked")
    shown = page.evaluate(SEEN)
    assert np.ravel(sent["picture"]).tolist() == shown
    assert max(shown) == 255


def test_a_finger_draws_and_the_page_stays(opened):  # noqa: F811
    page = opened(viewport={"width": 390, "height": 500}, has_touch=True, is_mobile=True)
    page.evaluate(HELD)
    show_pad(page)
    finger = page.context.new_cdp_session(page)

    def touch(kind, *points):
        spots = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(points)]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": spots})

    down, middle, up = places(page, (0.3, 0.8), (0.5, 0.5), (0.6, 0.2))
    (other,) = places(page, (0.9, 0.9))
    touch("touchStart", down)
    touch("touchMove", middle)
    touch("touchStart", middle, other)  # a second finger draws nothing
    touch("touchMove", up, other)
    touch("touchEnd")
    page.evaluate(TWO_FRAMES)
    strokes = page.evaluate("document.querySelector('.gl-pad-paper canvas').width") and ink_of(page)
    assert strokes > 100
    assert page.evaluate("scrollY") == 0
    corner = page.get_by_role("img", name="Drawing pad").evaluate(
        "(c) => c.getContext('2d').getImageData(c.width * 0.85, c.height * 0.85,"
        " c.width * 0.1, c.height * 0.1).data.some((v) => v > 0)"
    )
    assert not corner
    assert len(asked(page)) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 700, 390])
def test_it_stays_within_the_page_and_nothing_jumps(opened, width, scheme):  # noqa: F811
    page = opened(scheme, viewport={"width": width, "height": 1000})
    page.evaluate(HELD)
    show_pad(page, classes=["Ankle boot or shoe"] * 10)
    height = "() => document.querySelector('.gl-pad').offsetHeight"
    before = page.evaluate(height)
    stroke(page, *SEVEN)
    give(page, likely(3))
    page.evaluate(TWO_FRAMES)
    assert page.evaluate(height) == before
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    paper = page.get_by_role("img", name="Drawing pad").bounding_box()
    assert paper["width"] == pytest.approx(paper["height"])
    assert paper["width"] >= 300
    if width > 600:
        assert math.isclose(before, 380, abs_tol=2)


def test_a_pad_that_is_taken_away_asks_no_more(held):
    page = held
    stroke(page, *SEVEN)
    page.evaluate("hide('pad')")
    page.wait_for_timeout(300)
    assert page.evaluate("waiting") == 0
    assert len(asked(page)) == 1
