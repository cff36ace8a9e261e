"""The maps of a convolutional network in real Chromium: tiles, frames, enlargement, choosing."""

from __future__ import annotations

import base64
import io
import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from test_live_js import (  # noqa: F401
    LIVE_STREAM,
    RECORDING,
    RUN,
    STREAM,
    TWO_FRAMES,
    browser,
    opened,
    served,
    show,
    site,
    told,
)

pytestmark = pytest.mark.browser

WORDS = {
    "input": "input",
    "filters": "filters",
    "maps": "feature maps",
    "map": "map {number} of {count}",
    "filter": "filter {number} of {count}",
    "first": "the first {count}",
    "low": "low",
    "high": "high",
    "answer": "Answer",
    "truth": "true",
    "right": "right",
    "wrong": "wrong: this is {name}",
    "hint": "Point at a map to see it large",
    "none": "Train to see inside",
}
CLASSES = ["cat", "dog", "<b>"]
LOWEST, HIGHEST = (68, 1, 84), (253, 231, 37)  # of viridis
ORANGE, BLUE = (217, 119, 42), (59, 130, 196)
WATCH = """async () => {
  const { Maps } = await import("/live/maps.js");
  const { draw } = Maps.prototype;
  Maps.prototype.draw = function (stream) { window.maps = this; return draw.call(this, stream); };
}"""
PIXEL = """([stage, channel, across, down]) => {
  const { canvas, context, ...one } = maps.stages[stage];
  const [x, y, width, height] = maps.place(one, channel);
  const at = [x + across * width, y + down * height].map(Math.floor);
  return [...context.getImageData(...at, 1, 1).data].slice(0, 3);
}"""
MIDDLE = """([stage, channel]) => {
  const { canvas, ...one } = maps.stages[stage];
  const [x, y, width, height] = maps.place(one, channel).map((value) => value / maps.ratio);
  const { left, top } = canvas.getBoundingClientRect();
  return [left + x + width / 2, top + y + height / 2];
}"""


def webp(pixels: np.ndarray) -> str:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "WEBP", lossless=True)
    return base64.b64encode(stream.getvalue()).decode()


def mosaic(tiles: np.ndarray, columns: int) -> str:
    """Tiles (N, H, W) or (N, H, W, 3) beside each other without gaps, row by row."""
    count, height, width = tiles.shape[:3]
    rows = -(-count // columns)
    sheet = np.zeros((rows * height, columns * width, *tiles.shape[3:]), np.uint8)
    for k, tile in enumerate(tiles):
        y, x = k // columns * height, k % columns * width
        sheet[y : y + height, x : x + width] = tile
    return webp(sheet)


def stage(name: str, tiles: np.ndarray, columns: int = 4, **more: Any) -> dict[str, Any]:
    count, height, width = tiles.shape
    sizes = {"count": count, "height": height, "width": width, "columns": columns}
    return {"name": name, "webp": mosaic(tiles, columns), **sizes, "low": -1.5, "high": 2.5} | more


def filters(tiles: np.ndarray, columns: int = 4) -> dict[str, Any]:
    count, side = tiles.shape[:2]
    return {"webp": mosaic(tiles, columns), "columns": columns, "side": side, "count": count}


def flat(values, side: int) -> np.ndarray:
    """One tile of each value."""
    return np.ones((len(values), side, side), np.uint8) * np.uint8(values)[:, None, None]


def halves(count: int, side: int) -> np.ndarray:
    """Tiles whose upper half is lowest and whose lower half is highest."""
    tiles = np.zeros((count, side, side), np.uint8)
    tiles[:, side // 2 :] = 255
    return tiles


def inside(step: int = 0, **more: Any) -> dict[str, Any]:
    """A frame of a small network: filters of both signs, one stage flat, one of halves."""
    data = {
        "probabilities": [0.2, 0.7, 0.1],
        "label": 1,
        "filters": filters(flat([0, 128, 255, 0, 255, 128], 3)),
        "maps": [
            stage("conv1", flat([0, 255, 0, 255, 0, 255], 12)),
            stage("relu1", halves(6, 12)),
        ],
        "input": {"webp": webp(np.full((28, 28), 200, np.uint8))},
    }
    return {"kind": "inside", "step": step, "data": data | more}


def history(*frames, **arrays) -> dict[str, Any]:
    steps = [frame["step"] for frame in frames]
    known = {"classes": CLASSES, "image": [28, 28, 1]}
    started = {"time": 0, "device": "cpu", "parameters": 2, "samples": 6, "steps_total": 100}
    return {
        "run": "r1",
        "started": started | {"arrays": known | arrays},
        "metrics": {"step": steps, "epoch": steps, "time": steps},
        "frames": list(frames),
        "notes": [],
        "terminal": {"type": "done", "time": 9, "data": {"metrics": {}}},
    }


def show_maps(page, source=RECORDING, **data):
    page.evaluate(WATCH)
    common = {"kind": "inside", "height": 420, "label": "Inside", "words": WORDS}
    show(page, "maps", source, **common | data)


def painted(page, step=0):
    page.wait_for_function(f"window.maps?.root.dataset.step === '{step}'")
    page.evaluate(TWO_FRAMES)


def point_at(page, stage_at, channel):
    page.mouse.move(*page.evaluate(MIDDLE, [stage_at, channel]))


@pytest.fixture
def arrived(opened, site):  # noqa: F811
    """A page on which a frame is drawn."""
    site.histories["/history"] = history(inside())
    page = opened(viewport={"width": 1200, "height": 700})
    show_maps(page)
    painted(page)
    return page


# What is drawn --------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_filters_are_coloured_by_sign_and_maps_by_strength(opened, site, scheme):  # noqa: F811
    site.histories["/history"] = history(inside())
    page = opened(scheme)
    show_maps(page)
    painted(page)
    zero = page.evaluate("maps.look.middle")
    for channel, colour in enumerate([ORANGE, zero, BLUE, ORANGE, BLUE, zero]):
        shown = page.evaluate(PIXEL, [0, channel, 0.5, 0.5])
        assert shown == pytest.approx(list(colour), abs=6), channel
    for channel in range(6):
        shown = page.evaluate(PIXEL, [1, channel, 0.5, 0.5])
        assert shown == pytest.approx(list((LOWEST, HIGHEST)[channel % 2]), abs=3)
        upper, lower = (page.evaluate(PIXEL, [2, channel, 0.5, at]) for at in (0.3, 0.7))
        assert upper == pytest.approx(list(LOWEST), abs=3)
        assert lower == pytest.approx(list(HIGHEST), abs=3)
    dark = scheme == "dark"
    assert (sum(zero) < 300) == dark


def test_a_map_is_cut_from_its_own_place_of_the_mosaic(opened, site):  # noqa: F811
    rng = np.random.default_rng(0)
    tiles = rng.choice([0, 255], size=(7, 2, 2)).astype(np.uint8)
    site.histories["/history"] = history(inside(maps=[stage("conv1", tiles, columns=3)]))
    page = opened(viewport={"width": 1200, "height": 700})
    show_maps(page)
    painted(page)
    for channel, tile in enumerate(tiles):
        for row in range(2):
            for column in range(2):
                place = [1, channel, 0.25 + column / 2, 0.25 + row / 2]
                expected = HIGHEST if tile[row, column] else LOWEST
                assert page.evaluate(PIXEL, place) == pytest.approx(list(expected), abs=3)


def test_colour_pictures_and_their_filters_keep_their_colours(opened, site):  # noqa: F811
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 220
    tiles = np.zeros((2, 3, 3, 3), np.uint8)
    tiles[1] = (10, 200, 90)
    frame = inside(input={"webp": webp(red)}, filters=filters(tiles, 2))
    site.histories["/history"] = history(frame, image=[32, 32, 3])
    page = opened()
    show_maps(page)
    painted(page)
    assert page.evaluate(PIXEL, [0, 1, 0.5, 0.5]) == [10, 200, 90]
    picture = "(c) => [...c.getContext('2d').getImageData(9, 9, 1, 1).data].slice(0, 3)"
    assert page.locator(".gl-maps-in canvas").first.evaluate(picture) == [220, 0, 0]


def test_names_and_sizes_stand_above_the_stages(arrived):
    captions = arrived.locator("figcaption").all_inner_texts()
    plain = [" ".join(text.replace("\u2009", " ").split()) for text in captions]
    assert plain == [
        "input 1 × 28 × 28",
        "filters 6 × 3 × 3",
        "conv1 6 × 12 × 12",
        "relu1 6 × 12 × 12",
    ]
    names = [
        c.get_attribute("aria-label") for c in arrived.locator(".gl-maps-through canvas").all()
    ]
    assert [name.split(",")[0] for name in names] == ["filters", "conv1", "relu1"]


def test_of_many_channels_it_says_how_many_are_shown(opened, site):  # noqa: F811
    shown = stage("conv1", flat(range(32), 4), columns=8, shape=[64, 4, 4])
    site.histories["/history"] = history(inside(maps=[shown]))
    page = opened()
    show_maps(page)
    painted(page)
    caption = page.locator("figcaption").nth(2).inner_text().replace("\u2009", "")
    assert caption.split() == ["conv1", "64×4×4"]
    conv1 = page.get_by_role("img", name="conv1")
    expect(conv1).to_have_accessible_name(re.compile("64.*, the first 32"))
    point_at(page, 1, 31)
    expect(page.locator(".gl-lens > div")).to_contain_text("map 32 of 64, 4 × 4")


@pytest.mark.parametrize(
    ("probabilities", "said"),
    [([0.2, 0.7, 0.1], ["dog", "right"]), ([0.9, 0.1, 0], ["cat", "wrong: this is dog"])],
)
def test_the_answer_is_judged_in_words(opened, site, probabilities, said):  # noqa: F811
    site.histories["/history"] = history(inside(probabilities=probabilities))
    page = opened()
    show_maps(page)
    painted(page)
    assert page.locator(".gl-verdict > *").all_inner_texts() == said
    rows = page.get_by_role("list", name="Answer").locator("li")
    expect(rows).to_have_count(3)
    expect(rows.nth(1)).to_contain_text("true")
    expect(rows.nth(0).locator("small")).to_be_hidden()
    expect(rows.nth(2)).to_contain_text("<b>")  # a name is never markup
    for row, share in zip(rows.all(), probabilities, strict=True):
        expect(row).to_contain_text(f"{share:.0%}".replace("%", " %"))
        wide = row.locator("i b").evaluate("(e) => parseFloat(e.style.width)")
        assert wide == pytest.approx(100 * share)
    winner = page.locator('.gl-bars [data-winner="true"]')
    expect(winner).to_contain_text(said[0])


def test_names_of_the_page_come_before_those_of_the_run(opened, site):  # noqa: F811
    site.histories["/history"] = history(inside())
    page = opened()
    show_maps(page, classes=["Katze", "Hund", "x"])
    painted(page)
    expect(page.locator(".gl-verdict b")).to_have_text("Hund")


def test_a_network_without_maps_shows_its_picture_and_answer(opened, site):  # noqa: F811
    site.histories["/history"] = history(inside(maps=[], filters=None))
    page = opened()
    show_maps(page)
    painted(page)
    expect(page.locator(".gl-maps-through canvas")).to_have_count(0)
    expect(page.locator(".gl-verdict b")).to_have_text("dog")
    pixel = "(c) => [...c.getContext('2d').getImageData(9, 9, 1, 1).data].slice(0, 3)"
    assert page.locator(".gl-maps-in canvas").first.evaluate(pixel) == [200, 200, 200]
    expect(page.get_by_text("Point at a map")).to_be_hidden()
    expect(page.locator(".gl-key:visible")).to_have_count(0)


def test_without_maps_a_narrow_page_has_no_gap(opened, site):  # noqa: F811
    site.histories["/history"] = history(inside(maps=[], filters=None))
    page = opened(viewport={"width": 390, "height": 844})
    show_maps(page)
    painted(page)
    picture, answer = (page.locator(f".gl-maps-{name}").bounding_box() for name in ("in", "out"))
    assert 0 <= answer["y"] - picture["y"] - picture["height"] < 30


def test_without_a_run_it_says_what_to_do(opened):  # noqa: F811
    page = opened()
    show_maps(page, source=None)
    expect(page.get_by_text("Train to see inside")).to_be_visible()


def test_a_run_that_failed_before_its_first_frame_leaves_no_empty_boxes(opened, site):  # noqa: F811
    failed = {"type": "failed", "time": 9, "data": {"message": "No download."}}
    site.histories["/history"] = history() | {"terminal": failed}
    page = opened()
    show_maps(page)
    expect(page.get_by_text("Train to see inside")).to_be_visible()
    for canvas in page.locator(".gl-maps canvas").all():
        expect(canvas).to_be_hidden()


# Frames ---------------------------------------------------------------------------------------------


def test_frames_are_drawn_on_the_same_canvases(opened, site):  # noqa: F811
    second = inside(8, maps=[stage("conv1", flat([255] * 6, 12)), stage("relu1", halves(6, 12))])
    site.histories["/history"] = history(inside(0), second)
    page = opened()
    show_maps(page)
    painted(page, 8)
    page.evaluate("window.nodes = [...document.querySelectorAll('.gl-maps canvas, .gl-bars li')]")
    assert page.evaluate(PIXEL, [1, 0, 0.5, 0.5]) == pytest.approx(list(HIGHEST), abs=3)
    page.evaluate(f"{STREAM}.seek(0)")
    painted(page, 0)
    assert page.evaluate(PIXEL, [1, 0, 0.5, 0.5]) == pytest.approx(list(LOWEST), abs=3)
    same = (
        "nodes.every((n, i) => n === document.querySelectorAll('.gl-maps canvas, .gl-bars li')[i])"
    )
    assert page.evaluate(same)


def test_of_frames_that_come_faster_than_they_are_drawn_the_last_one_stays(opened, site):  # noqa: F811
    del site.histories["/history"]
    page = opened()
    show_maps(page, RUN)
    page.wait_for_function("window.sources?.['/events']")
    emit = "(all) => all.forEach(([type, step, data]) => sources['/events'].emit(type, step, data))"
    arrays = {"classes": CLASSES, "image": [28, 28, 1]}
    events: list[Any] = [["started", 0, {"arrays": arrays, "steps_total": 100, "device": "cpu"}]]
    for step in range(20):
        maps = [stage("conv1", flat([255 * (step == 19)] * 6, 12))]
        events.append(["frame", step, {"kind": "inside", "data": inside(maps=maps)["data"]}])
    page.evaluate(emit, events)
    painted(page, 19)
    assert page.evaluate(PIXEL, [1, 3, 0.5, 0.5]) == pytest.approx(list(HIGHEST), abs=3)


def test_a_picture_that_cannot_be_read_leaves_the_one_before(opened, site):  # noqa: F811
    del site.histories["/history"]
    page = opened()
    show_maps(page, RUN)
    page.wait_for_function("window.sources?.['/events']")
    emit = "([type, step, data]) => sources['/events'].emit(type, step, data)"
    arrays = {"classes": CLASSES, "image": [28, 28, 1]}
    page.evaluate(emit, ["started", 0, {"arrays": arrays, "steps_total": 9, "device": "cpu"}])
    page.evaluate(emit, ["frame", 1, {"kind": "inside", "data": inside()["data"]}])
    painted(page, 1)
    broken = inside(input={"webp": "bm90IGEgcGljdHVyZQ=="})["data"]
    page.evaluate(emit, ["frame", 2, {"kind": "inside", "data": broken}])
    page.wait_for_function(f"{LIVE_STREAM}.frame('inside').step === 2 && !maps.reading")
    page.evaluate(TWO_FRAMES)
    assert page.evaluate("maps.root.dataset.step") == "1"
    page.evaluate(emit, ["frame", 3, {"kind": "inside", "data": inside()["data"]}])
    painted(page, 3)


def test_another_network_is_drawn_anew(opened, site):  # noqa: F811
    site.histories["/history"] = history(inside())
    site.histories["/other"] = history(inside(5, maps=[stage("conv1", flat([255] * 3, 6))]))
    page = opened()
    show_maps(page)
    painted(page)
    page.mouse.click(*page.evaluate(MIDDLE, [2, 5]))
    show_maps(page, RECORDING | {"url": "/other", "id": "r2"})
    painted(page, 5)
    expect(page.locator(".gl-maps-through canvas")).to_have_count(2)
    assert page.evaluate("maps.chosen") is None
    assert page.evaluate(PIXEL, [1, 2, 0.5, 0.5]) == pytest.approx(list(HIGHEST), abs=3)


# Pointing and choosing ------------------------------------------------------------------------------


def test_the_map_pointed_at_is_enlarged_with_its_number_and_range(arrived):
    page = arrived
    large = page.locator(".gl-lens > div")
    expect(page.get_by_text("Point at a map to see it large")).to_be_visible()
    expect(large).to_be_hidden()
    point_at(page, 2, 4)
    expect(large).to_be_visible()
    expect(large).to_contain_text("relu1")
    expect(large).to_contain_text("map 5 of 6, 12 × 12")
    assert large.locator("small span").all_inner_texts() == ["\N{MINUS SIGN}1.5", "2.5"]
    pixels = large.locator("canvas").evaluate(
        "(c) => [0.25, 0.75].map((at) => [...c.getContext('2d')"
        ".getImageData(c.width / 2, Math.floor(at * c.height), 1, 1).data].slice(0, 3))"
    )
    for shown, expected in zip(pixels, (LOWEST, HIGHEST), strict=True):
        assert shown == pytest.approx(list(expected), abs=3)
    assert large.locator("canvas").evaluate("(c) => c.clientWidth") >= 100
    point_at(page, 0, 2)
    expect(large).to_contain_text("filter 3 of 6, 3 × 3")
    page.mouse.move(2, 2)
    expect(large).to_be_hidden()


def test_what_is_enlarged_follows_the_frames(opened, site):  # noqa: F811
    bright = inside(8, maps=[stage("conv1", flat([255] * 6, 12), high=9.25)])
    dull = inside(0, maps=[stage("conv1", flat([0] * 6, 12), high=1.25)])
    site.histories["/history"] = history(dull, bright)
    page = opened(viewport={"width": 1200, "height": 700})
    show_maps(page)
    painted(page, 8)
    point_at(page, 1, 1)
    expect(page.locator(".gl-lens small")).to_contain_text("9.25")
    page.evaluate(f"{STREAM}.seek(0)")
    painted(page, 0)
    expect(page.locator(".gl-lens small")).to_contain_text("1.25")
    pixel = "(c) => [...c.getContext('2d').getImageData(5, 5, 1, 1).data].slice(0, 3)"
    shown = page.locator(".gl-lens canvas").evaluate(pixel)
    assert shown == pytest.approx(list(LOWEST), abs=3)


def test_a_click_chooses_a_map_and_a_filter_the_channel_it_makes(arrived):
    page = arrived
    page.mouse.click(*page.evaluate(MIDDLE, [2, 4]))
    page.mouse.click(*page.evaluate(MIDDLE, [0, 2]))
    assert told(page, "chosen") == [
        {"stage": "relu1", "channel": 4, "step": 0, "run": "r1"},
        {"stage": "conv1", "channel": 2, "step": 0, "run": "r1"},
    ]
    page.mouse.move(2, 2)
    expect(page.locator(".gl-lens > div")).to_contain_text("filter 3 of 6")  # it stays in view


def test_by_keys_one_goes_through_the_maps_and_chooses(arrived):
    page = arrived
    page.evaluate("import('/live/keys.js').then(({ listenToKeys }) => listenToKeys())")
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend',"
        ' \'<div class="st-key-bar_step"><button onclick="window.stepped = 1">→</button></div>\')'
    )
    page.keyboard.press("Tab")
    large = page.locator(".gl-lens > div")
    expect(large).to_contain_text("filter 1 of 6")
    across = page.evaluate("maps.stages[0].across")
    for _ in range(across):
        page.keyboard.press("ArrowRight")
    expect(large).to_contain_text("conv1")
    expect(large).to_contain_text("map 1 of 6")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    down = page.evaluate("maps.stages[1].across")
    assert told(page, "chosen") == [{"stage": "conv1", "channel": down, "step": 0, "run": "r1"}]
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    expect(large).to_contain_text(f"filter {across} of 6")
    assert page.evaluate("window.stepped") is None  # the arrows are the maps' own


def test_a_tap_enlarges_and_the_next_one_chooses(opened, site):  # noqa: F811
    site.histories["/history"] = history(inside())
    page = opened(viewport={"width": 390, "height": 900}, has_touch=True, is_mobile=True)
    show_maps(page)
    painted(page)
    page.touchscreen.tap(*page.evaluate(MIDDLE, [1, 3]))
    expect(page.locator(".gl-lens > div")).to_contain_text("map 4 of 6")
    assert told(page, "chosen") == []
    page.touchscreen.tap(*page.evaluate(MIDDLE, [1, 3]))
    page.wait_for_function("told.length")
    assert [one["channel"] for one in told(page, "chosen")] == [3]


# Room -----------------------------------------------------------------------------------------------

NETWORKS = {
    "small": [("conv1", 6, 28), ("pool1", 6, 14)],
    "usual": [
        *[("conv1", 16, 28), ("relu1", 16, 28), ("pool1", 16, 14)],
        *[("conv2", 32, 14), ("relu2", 32, 14), ("pool2", 32, 7)],
    ],
    "deep": [(f"residual{k}", 32, 8) for k in range(1, 15)],
}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("width", [1440, 1000, 700, 390])
def test_all_of_it_stays_within_its_box(opened, site, network, width):  # noqa: F811
    maps = [stage(name, flat(range(n), side)) for name, n, side in NETWORKS[network]]
    first = filters(flat(range(NETWORKS[network][0][1]), 5))
    site.histories["/history"] = history(inside(maps=maps, filters=first))
    page = opened(viewport={"width": width, "height": 1000})
    height = "() => document.querySelector('.gl-maps').clientHeight"
    show_maps(page, source=None)
    page.evaluate(TWO_FRAMES)
    before = page.evaluate(height)
    show_maps(page)
    painted(page)
    narrow = width < 600
    if narrow and network == "deep":
        assert page.evaluate(height) > before  # the page scrolls, and not a part of it
    else:
        assert page.evaluate(height) == before  # nothing jumps
    if width >= 700:
        assert before == 420
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    beyond = """() => {
      const { through } = maps;
      return [through.scrollWidth - through.clientWidth, through.scrollHeight - through.clientHeight];
    }"""
    wider, higher = page.evaluate(beyond)
    scrolls = not narrow and (network == "deep" or width == 700)
    assert (higher if narrow else wider) <= 0 or scrolls
    assert (higher if not narrow else wider) <= 0
    if not narrow:
        captions = [c.bounding_box() for c in page.locator(".gl-maps-through figcaption").all()]
        for one, other in pairwise(captions):
            assert one["x"] + one["width"] <= other["x"] + 1
    tiles = page.evaluate("maps.stages.map(({ tile }) => tile)")
    assert min(tiles) >= 15
    bars = page.locator(".gl-bars").bounding_box()
    box = page.locator(".gl-maps").bounding_box()
    assert bars["y"] + bars["height"] <= box["y"] + box["height"] + 1
    assert bars["x"] + bars["width"] <= box["x"] + box["width"] + 1


def test_tiles_of_as_many_maps_are_as_large_and_room_is_used(opened):  # noqa: F811
    page = opened()
    tiled = """async ([counts, across, along]) => (await import("/live/maps.js"))
        .tiled(counts.map((count) => ({ count, room: 60 })), across, along, 18, 64)"""
    places = page.evaluate(tiled, [[16, 32, 16], 380, 240])
    assert places[0] == places[2]
    for counts, along in (([16, 32], 150), ([16, 32], 400), ([6, 6, 6], 900), ([1], 64)):
        for place in page.evaluate(tiled, [counts, 380, along]):
            per = -(-place["count"] // place["lines"])
            assert per * place["side"] + 3 * (per - 1) <= 380
            assert 18 <= place["side"] <= 64
    assert page.evaluate(tiled, [[16] * 9, 380, 540])[0]["side"] == 20
    assert page.evaluate(tiled, [[16] * 9, 380, 539]) is None
    small, large = (page.evaluate(tiled, [[16, 32], 380, along]) for along in (140, 400))
    assert large[1]["side"] > small[1]["side"]


def test_a_turned_page_is_arranged_anew(arrived):
    page = arrived
    page.set_viewport_size({"width": 390, "height": 900})
    page.wait_for_function("maps.narrow && maps.arranged")
    page.evaluate(TWO_FRAMES)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    shown = page.evaluate(PIXEL, [2, 4, 0.5, 0.7])
    assert shown == pytest.approx(list(HIGHEST), abs=3)
    point_at(page, 1, 2)
    expect(page.locator(".gl-lens > div")).to_contain_text("map 3 of 6")
