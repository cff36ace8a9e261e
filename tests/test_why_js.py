"""Ask why, in real Chromium: what is asked and when, and what is drawn of the answers."""

from __future__ import annotations

import base64
import json
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect
from test_live_js import RECORDING, browser, opened, served, show, site, told  # noqa: F401
from test_maps_js import WORDS as MAP_WORDS
from test_maps_js import flat, mosaic, stage

from engine.events import encode_array
from pages._frame.words import answer_words, mistake_words, why_words

pytestmark = pytest.mark.browser

WORDS = why_words()
CLASSES = ["cat", "dog", "<b>"]
SIDE = 6
PICTURE = (np.arange(SIDE * SIDE).reshape(SIDE, SIDE) * 7).tolist()
SURE = {"output": 1, "probabilities": [0.2, 0.7, 0.1]}
BLUE, ORANGE = (59, 130, 196), (217, 119, 42)
# Answers wait in `asked` until the test gives them; `most` is how many waited at once.
HELD = """() => {
  Object.assign(window, { asked: [], waiting: 0, most: 0 });
  const real = window.fetch;
  const held = (url, options) => new Promise((give, fail) => {
    window.most = Math.max(window.most, ++window.waiting);
    const over = (end) => (value) => { window.waiting -= 1; end(value); };
    options.signal.addEventListener("abort", () => over(fail)(new DOMException("", "AbortError")));
    asked.push({ url, ...JSON.parse(options.body), lose: () => over(fail)(new TypeError("")),
      give: (told, status = 200) => over(give)(new Response(JSON.stringify(told), { status })) });
  });
  window.fetch = (url, options = {}) => (options.method === "POST" ? held : real)(url, options);
}"""
PIXELS = """(c) => [c.width, c.height, ...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"""


def found(method: str, **more: Any) -> dict[str, Any]:
    return {"method": method, **SURE, **more}


def of_maps() -> dict[str, Any]:
    conv = stage("conv1", flat([0, 255, 0, 255], SIDE), size=4)
    return found("maps", stages=[conv, {"name": "out", "values": [1, 2, 3], "size": 3}])


def convolution(stride=1, padding=1, dilation=1, channels=2, kernel=3, seed=0) -> dict[str, Any]:
    """A convolution of random numbers, worked out here one pixel after the other."""
    rng = np.random.default_rng(seed)
    given = rng.normal(size=(channels, 7, 7)).astype(np.float32)
    weight = rng.normal(size=(channels, kernel, kernel)).astype(np.float32)
    padded = np.pad(given, ((0, 0), (padding, padding), (padding, padding)))
    reach = dilation * (kernel - 1) + 1
    size = (padded.shape[1] - reach) // stride + 1
    made = np.zeros((size, size), np.float32)
    for row in range(size):
        for column in range(size):
            y, x = row * stride, column * stride
            window = padded[:, y : y + reach : dilation, x : x + reach : dilation]
            made[row, column] = (window * weight).sum() + 0.25
    return found(
        "convolution",
        stage="conv1",
        stages=["conv1", "conv2"],
        channel=0,
        channels=4,
        stride=[stride] * 2,
        padding=[padding] * 2,
        dilation=[dilation] * 2,
        kernel=encode_array(weight),
        bias=0.25,
        map=encode_array(made),
        input=encode_array(given),
    )


def heat(method: str, values: np.ndarray, **more: Any) -> dict[str, Any]:
    return found(
        method,
        target=1,
        stage="conv1",
        stages=["conv1", "conv2"],
        size=[3, 3],
        heat=encode_array(values.astype(np.float32)),
        sum=float(values.sum()),
        **more,
    )


def fooled(epsilon: float, seen: int = 2) -> dict[str, Any]:
    change = np.full((1, SIDE, SIDE), epsilon, np.float32)
    change[0, 0, 0] = -epsilon
    changed = (np.array(PICTURE, np.uint8) + round(255 * epsilon))[..., None].astype(np.uint8)
    return found(
        "fool",
        epsilon=epsilon,
        source=1,
        target=None,
        picture=encode_array(changed),
        change=encode_array(change),
        after=[0.1, 0.2, 0.7],
        seen=seen,
        smallest=12 / 255,
        ladder=[12 / 255],
    )


def alike() -> dict[str, Any]:
    tiles = flat([10, 200, 90], SIDE)
    sheet = {"webp": mosaic(tiles, 2), "columns": 2, "count": 3, "height": SIDE, "width": SIDE}
    return found(
        "similar",
        index=[7, 300, 12],
        label=[1, 1, 0],
        distance=[0.01, 0.25, 0.5],
        mosaic=sheet,
        searched=2000,
        pictures=50_000,
        note="",
    )


def show_why(page, method="maps", **data):
    begin = {"method": method}
    common = {"url": "/explain", "model": "digits", "picture": PICTURE, "about": "Picture 5"}
    common |= {"label": 1, "asked": 1, "begin": begin, "classes": CLASSES, "height": 400}
    show(page, "why", None, **(common | {"words": WORDS, "maps": MAP_WORDS} | data))


def answers(site, answer: dict[str, Any], status: int = 200) -> None:  # noqa: F811
    site.answer = (status, "application/json", json.dumps(answer).encode())


def asked(page) -> list[dict[str, Any]]:
    return page.evaluate("asked.map(({ give, lose, ...question }) => question)")


def give(page, answer: dict[str, Any], status: int = 200) -> None:
    """Answer the question that waits."""
    page.wait_for_function("waiting")
    page.evaluate("([told, status]) => asked.at(-1).give(told, status)", [answer, status])


def way(page, name: str):
    return page.get_by_role("button", name=WORDS[name], exact=True)


def slid(page, name: str, value: float) -> None:
    """Move a slider, as a drag to there does."""
    page.get_by_label(name).evaluate(
        "(e, v) => { e.value = v; e.dispatchEvent(new Event('input')); }", str(value)
    )


def pixels(canvas) -> np.ndarray:
    """(H, W, 3) of a canvas."""
    width, height, *values = canvas.evaluate(PIXELS)
    return np.array(values).reshape(height, width, 4)[..., :3]


@pytest.fixture
def page(opened):  # noqa: F811
    return opened(viewport={"width": 1360, "height": 900})


@pytest.fixture
def held(page):
    """A page whose questions wait for the test's answers."""
    page.evaluate(HELD)
    return page


# Asking ---------------------------------------------------------------------------------------------


def test_it_asks_for_the_maps_first_and_says_whether_the_answer_is_right(page, site):  # noqa: F811
    answers(site, of_maps())
    show_why(page, begin={})
    expect(page.locator(".gl-through .gl-stage").nth(1)).to_contain_text("conv1")
    question = {"model": "digits", "method": "maps", "input": PICTURE, "options": {}}
    assert site.posted == [question]
    answers(site, heat("occlusion", np.ones((SIDE, SIDE)), window=2, baseline="grey", patches=9))
    way(page, "occlusion").click()
    expect(page.locator("aside .gl-verdict")).to_have_text("dogright, 70 %")
    assert page.locator("aside figcaption").inner_text() == "Picture 5"
    show_why(page, label=0)
    expect(page.locator("aside .gl-verdict")).to_have_text("dogwrong: this is cat")
    assert [q["method"] for q in site.posted] == ["maps", "occlusion"]  # the picture is the same


def test_what_is_known_is_not_asked_again_until_the_picture_or_the_model_changes(
    page,
    site,  # noqa: F811
):
    answers(site, heat("grad-cam", np.ones((SIDE, SIDE))))
    show_why(page, "grad-cam")
    what = page.locator(".gl-blame .gl-what")
    expect(what).to_contain_text("“dog”")
    answers(site, alike())
    way(page, "similar").click()
    expect(page.locator(".gl-alike figure")).to_have_count(3)
    way(page, "grad-cam").click()
    expect(what).to_contain_text("“dog”")
    assert len(site.posted) == 2
    answers(site, heat("grad-cam", np.ones((SIDE, SIDE))) | {"target": 2})
    show_why(page, "grad-cam", model="another")
    expect(what).to_contain_text("“<b>”")
    assert [q["model"] for q in site.posted] == ["digits", "digits", "another"]
    other = np.flipud(PICTURE).tolist()
    show_why(page, "grad-cam", model="another", picture=other)
    page.wait_for_function("document.querySelector('.gl-why').dataset.state !== 'asking'")
    assert site.posted[-1]["input"] == other


def test_a_new_question_begins_as_it_asks_and_a_rerun_changes_nothing(page, site):  # noqa: F811
    answers(site, convolution())
    show_why(page, asked=4, begin={"method": "convolution", "stage": "conv1", "channel": 3})
    expect(page.locator(".gl-step-sums tr")).to_have_count(4)
    assert site.posted[-1]["options"] == {"stage": "conv1", "channel": 3, "whole": True}
    answers(site, alike())
    way(page, "similar").click()
    expect(page.locator(".gl-alike figure")).to_have_count(3)
    show_why(page, asked=4, begin={"method": "convolution", "stage": "conv1", "channel": 3})
    assert way(page, "similar").get_attribute("aria-pressed") == "true"
    show_why(page, asked=5, begin={"method": "convolution", "stage": "conv1", "channel": 3})
    assert way(page, "convolution").get_attribute("aria-pressed") == "true"


def test_one_question_at_a_time_and_then_the_newest(held):
    show_why(held, "fool")
    for levels in (9, 20, 31):
        slid(held, WORDS["epsilon"], levels)
    assert len(asked(held)) == 1
    give(held, fooled(8 / 255))
    held.wait_for_function("asked.length === 2")
    assert asked(held)[-1]["options"] == {"epsilon": 31 / 255}
    give(held, fooled(31 / 255, seen=0))
    expect(held.locator(".gl-fool-after .gl-verdict b")).to_have_text("cat")
    assert held.evaluate("[most, waiting, asked.length]") == [1, 0, 2]


def test_another_way_does_not_wait_for_the_last_one(held):
    show_why(held, "occlusion")
    way(held, "grad-cam").click()
    assert [q["method"] for q in asked(held)] == ["occlusion", "grad-cam"]
    give(held, heat("grad-cam", np.ones((SIDE, SIDE))))
    expect(held.locator(".gl-blame .gl-what")).to_contain_text("Grad-CAM")
    expect(held.locator(".gl-why-head .gl-told")).to_have_text("")


@pytest.mark.parametrize(
    ("fail", "said"),
    [
        ("asked.at(-1).give({}, 429)", WORDS["busy"]),
        ("asked.at(-1).give({}, 503)", WORDS["unavailable"]),
        ("asked.at(-1).lose()", WORDS["offline"]),
    ],
)
def test_what_passes_is_said_and_tried_again(held, fail, said):
    show_why(held, "grad-cam")
    held.evaluate(f"() => {{ {fail}; }}")
    expect(held.locator(".gl-why-head .gl-told")).to_have_text(said)
    held.wait_for_function("asked.length === 2")
    give(held, heat("grad-cam", np.ones((SIDE, SIDE))))
    expect(held.locator(".gl-why-head .gl-told")).to_have_text("")
    expect(held.locator(".gl-blame .gl-what")).to_contain_text("“dog”")


def test_what_cannot_be_had_is_said_in_the_servers_words_and_not_asked_again(page, site):  # noqa: F811
    message = "The pictures are <not> here."
    answers(site, {"error": {"code": "not_found", "message": message}}, 404)
    show_why(page, "similar")
    expect(page.locator(".gl-why-head .gl-told")).to_have_text(message)
    page.wait_for_timeout(700)  # longer than the first wait before another try
    assert len(site.posted) == 1


# Feature maps and one convolution -------------------------------------------------------------------


def test_a_map_of_a_convolution_is_made_step_by_step(page, site):  # noqa: F811
    answers(site, of_maps())
    show_why(page)
    canvas = page.locator(".gl-maps-through canvas").first
    expect(canvas).to_be_visible()
    page.wait_for_function("document.querySelector('.gl-through').dataset.step === '0'")
    answers(site, convolution())
    canvas.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".gl-stepper .gl-step-sums tr").first).to_be_visible()
    assert way(page, "convolution").get_attribute("aria-pressed") == "true"
    assert site.posted[-1]["method"] == "convolution"
    assert site.posted[-1]["options"]["stage"] == "conv1"
    assert site.posted[-1]["options"]["channel"] > 0


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"stride": 2, "padding": 0},
        {"dilation": 2, "padding": 2},
        {"channels": 1, "kernel": 5, "padding": 2, "stride": 2},
        {"channels": 5, "kernel": 1, "padding": 0},
    ],
)
def test_every_pixel_is_the_sum_that_is_drawn(page, site, shape):  # noqa: F811
    answer = convolution(**shape)
    answers(site, answer)
    show_why(page, "convolution")
    output = page.get_by_role("img", name="What goes out: conv1")
    expect(output).to_be_visible()
    made = np.frombuffer(base64.b64decode(answer["map"]["b64"]), np.float32)
    made = made.reshape(answer["map"]["shape"])
    output.focus()
    for _ in range(len(made)):  # to the first pixel
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowLeft")
    total = page.locator(".gl-step-sums tr").last.locator("td")
    for row in range(len(made)):
        for column in range(len(made)):
            expect(page.locator(".gl-step-output small")).to_have_text(
                f"row {row + 1}, column {column + 1}"
            )
            said = float(total.inner_text().replace("=", "").replace("\u2212", "-"))
            assert said == pytest.approx(made[row, column], abs=2e-4)
            page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        for _ in range(len(made)):
            page.keyboard.press("ArrowLeft")


def test_window_kernel_and_products_stand_beside_each_other_with_zeros_beyond_the_edge(
    page,
    site,  # noqa: F811
):
    answer = convolution()
    answers(site, answer)
    show_why(page, "convolution")
    output = page.get_by_role("img", name="What goes out: conv1")
    expect(output).to_be_visible()
    box = output.bounding_box()
    page.mouse.move(box["x"] + 3, box["y"] + 3)  # the first pixel
    expect(page.locator(".gl-step-output small")).to_have_text("row 1, column 1")
    given = np.frombuffer(base64.b64decode(answer["input"]["b64"]), np.float32)
    kernel = np.frombuffer(base64.b64decode(answer["kernel"]["b64"]), np.float32)
    window = np.pad(given.reshape(2, 7, 7)[0], 1)[:3, :3].ravel()

    def numbers(name):
        texts = page.locator(f".gl-step-{name} .gl-grid span").all_inner_texts()
        return [float(text.replace("\u2212", "-")) for text in texts]

    assert numbers("window") == pytest.approx(window, abs=0.0051)
    assert numbers("kernel") == pytest.approx(kernel[:9], abs=0.0051)
    assert numbers("products") == pytest.approx(window * kernel[:9], abs=0.0051)
    beyond = page.locator(".gl-step-window [data-beyond='true']")
    expect(beyond).to_have_count(5)
    page.locator(".gl-step-channels button").nth(1).click()
    expect(page.locator(".gl-step-input small")).to_have_text("channel 2 of 2")
    assert numbers("kernel") == pytest.approx(kernel[9:], abs=0.0051)
    # from the input: the pixel whose window has its middle there
    box = page.locator(".gl-step-input canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 4.5 / 9, box["y"] + box["height"] * 6.5 / 9)
    expect(page.locator(".gl-step-output small")).to_have_text("row 6, column 4")


def test_it_goes_over_every_pixel_and_the_pointer_ends_that(page, site):  # noqa: F811
    answers(site, convolution(stride=3))
    show_why(page, "convolution")
    place = page.locator(".gl-step-output small")
    expect(place).to_have_text("row 2, column 2")
    page.evaluate("""() => { window.seen = [];
      new MutationObserver(([{ target }]) => seen.push(target.textContent)).observe(
        document.querySelector(".gl-step-output small"), { childList: true }); }""")
    page.get_by_role("button", name=WORDS["play"]).click()
    expect(page.get_by_role("button", name=WORDS["pause"])).to_be_visible()
    expect(place).to_have_text("row 3, column 3")
    expect(page.get_by_role("button", name=WORDS["play"])).to_be_visible()
    every = [f"row {r}, column {c}" for r in (1, 2, 3) for c in (1, 2, 3)]
    assert list(dict.fromkeys(page.evaluate("seen"))) == every
    page.get_by_role("button", name=WORDS["play"]).click()
    page.locator(".gl-step-output canvas").hover()
    expect(page.get_by_role("button", name=WORDS["play"])).to_be_visible()


def test_another_layer_and_map_are_asked_for(page, site):  # noqa: F811
    answers(site, convolution())
    show_why(page, "convolution")
    expect(page.locator(".gl-step-sums tr")).to_have_count(4)
    page.get_by_label(WORDS["map"]).select_option("3")
    wait_asked(page, site.posted, {"channel": 3, "whole": True})
    page.get_by_label(WORDS["layer"]).select_option("conv2")
    wait_asked(page, site.posted, {"stage": "conv2", "whole": True})


def wait_asked(page, posted, options):
    """Until the last question has these options."""
    for _turn in range(100):
        if posted[-1]["options"] == options:
            return
        page.wait_for_timeout(50)
    assert posted[-1]["options"] == options


# Heat -----------------------------------------------------------------------------------------------


def test_heat_covers_the_picture_as_far_as_the_slider_says(page, site):  # noqa: F811
    values = np.zeros((SIDE, SIDE))
    values[0, 0], values[0, 1] = 2, -2
    more = {"steps": 32, "baseline": "black", "difference": 0.5, "delta": 0.0}
    answers(site, heat("integrated-gradients", values, **more))
    show_why(page, "integrated-gradients")
    canvas = page.locator(".gl-blame canvas")
    expect(page.locator(".gl-blame .gl-what")).to_contain_text("from a black picture")
    slid(page, WORDS["strength"], 0)
    plain = np.array(PICTURE)[..., None].repeat(3, 2)
    assert np.array_equal(pixels(canvas), plain)
    slid(page, WORDS["strength"], 1)
    shown = pixels(canvas)
    assert shown[0, 0] == pytest.approx(BLUE, abs=1)
    assert shown[0, 1] == pytest.approx(ORANGE, abs=1)
    assert np.ptp(shown[1:], axis=(0, 1)).max() <= 1  # nothing of the picture is left
    slid(page, WORDS["strength"], 0.5)
    assert np.array_equal(pixels(canvas)[1:], plain[1:])  # without heat it stays as it is
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 1.5 / SIDE, box["y"] + 4)
    expect(page.locator(".gl-readout")).to_have_text("row 1, column 2: \u22122")


def test_any_class_can_be_asked_for_and_another_picture_begins_with_its_own(page, site):  # noqa: F811
    answers(site, heat("occlusion", np.ones((SIDE, SIDE)), window=2, baseline="grey", patches=9))
    show_why(page, "occlusion")
    target = page.get_by_label(WORDS["target"])
    expect(target).to_have_value("1")
    expect(target.locator("option").nth(1)).to_have_text("dog (its answer)")
    assert site.posted[-1]["options"] == {}
    target.select_option("2")
    page.get_by_label(WORDS["patch"], exact=True).select_option("3")
    page.wait_for_timeout(200)
    assert site.posted[-1]["options"] == {"target": 2, "window": 3}
    show_why(page, "occlusion", picture=np.flipud(PICTURE).tolist())
    page.wait_for_timeout(200)
    assert site.posted[-1]["options"] == {}


# Similar pictures, and fooling ----------------------------------------------------------------------


def test_each_similar_picture_can_be_asked_about(page, site):  # noqa: F811
    answers(site, alike())
    show_why(page, "similar")
    cells = page.locator(".gl-alike figure")
    expect(cells).to_have_count(3)
    expect(cells.nth(2)).to_contain_text("cat")
    expect(cells.nth(2)).to_contain_text("distance 0.500")
    expect(page.locator(".gl-alike [data-right='false']")).to_have_count(1)
    page.wait_for_function(
        "document.querySelectorAll('.gl-alike canvas')[1].getContext('2d').getImageData(5, 5, 1, 1).data[3]"
    )
    assert pixels(cells.nth(1).locator("canvas"))[5, 5] == pytest.approx((200,) * 3, abs=6)
    cells.nth(1).get_by_role("button").click()
    assert told(page, "asked") == [{"number": 300, "method": "similar"}]


def test_the_smallest_change_can_be_set_and_a_class_asked_for(held):
    show_why(held, "fool")
    give(held, fooled(8 / 255))
    after = held.get_by_role("img", name=WORDS["after"])
    expect(held.locator(".gl-enough")).to_contain_text("ε = 12/255 is enough")
    shown = pixels(after)
    assert np.array_equal(shown[..., 0], np.array(PICTURE) + 8)
    change = pixels(held.get_by_role("img", name="Change, × 32"))
    assert change[0, 0] == pytest.approx(ORANGE, abs=1)
    assert change[3, 3] == pytest.approx(BLUE, abs=1)
    held.get_by_role("button", name=WORDS["set"]).click()
    give(held, fooled(12 / 255))
    assert asked(held)[-1]["options"] == {"epsilon": 12 / 255}
    held.get_by_label(WORDS["into"]).select_option("0")
    give(held, fooled(12 / 255) | {"target": 0, "smallest": None})
    assert asked(held)[-1]["options"] == {"epsilon": 12 / 255, "target": 0}
    expect(held.locator(".gl-enough span")).to_have_text(WORDS["never"])
    expect(held.locator(".gl-enough button")).to_be_hidden()


# Pictures that can be asked about -------------------------------------------------------------------


def sheet() -> dict[str, Any]:
    tiles = flat([10, 200], SIDE)
    size = {"columns": 2, "count": 2, "height": SIDE, "width": SIDE}
    said = {"index": [41, 7], "actual": [0, 1], "predicted": [1, 2], "confidence": [0.9, 0.8]}
    return {"webp": mosaic(tiles, 2), **size, **said}


def test_mistakes_are_buttons_where_they_can_be_asked_about(page):
    common = {"kind": "", "height": 0, "label": "Cell", "classes": CLASSES, "mistakes": sheet()}
    show(page, "mistakes", None, words=mistake_words() | {"why": "Ask why"}, **common)
    name = "Ask why: dog taken for <b>, 80 %, #7"
    page.get_by_role("button", name=name).click()
    assert told(page, "asked") == [{"number": 7}]
    show(page, "mistakes", None, words=mistake_words() | {"why": ""}, **common)
    expect(page.locator(".gl-mistake")).to_have_count(2)
    expect(page.locator(".gl-mistake button")).to_have_count(0)


def test_the_answer_to_a_picture_that_was_brought_can_be_asked_about(page):
    coloured = [[[200, 0, 0], [0, 100, 0]], [[0, 0, 50], [9, 9, 9]]]
    shares = [0.1, 0.2, 0.7]
    data = {"picture": coloured, "probabilities": shares, "classes": CLASSES, "height": 300}
    show(page, "answer", None, words=answer_words(), **data)
    expect(page.locator(".gl-verdict")).to_have_text("<b>70 %")
    assert pixels(page.locator("canvas")).tolist() == coloured
    page.get_by_role("button", name="Ask why").click()
    assert told(page, "asked") == [{"picture": coloured}]


@pytest.mark.parametrize("width", [360, 700, 1360])
def test_nothing_is_wider_than_the_page(opened, site, width):  # noqa: F811
    page = opened(viewport={"width": width, "height": 844})
    for answer in (convolution(channels=24, kernel=5, padding=2), fooled(0.1), alike()):
        answers(site, answer)
        show_why(page, answer["method"], asked=answer["method"])
        page.wait_for_timeout(300)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, answer["method"]


@pytest.mark.parametrize("width", [360, 800, 1360])
def test_the_parts_of_a_convolution_stand_beside_each_other(opened, site, width):  # noqa: F811
    page = opened(viewport={"width": width, "height": 844})
    answers(site, convolution())
    show_why(page, "convolution")
    expect(page.locator(".gl-step-products span")).to_have_count(9)
    page.wait_for_timeout(300)
    parts = [part.bounding_box() for part in page.locator(".gl-step-row > :not(i)").all()]
    assert len(parts) == 6
    for one, other in combinations(parts, 2):
        beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
        below = one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
        assert beside or below, (one, other)
