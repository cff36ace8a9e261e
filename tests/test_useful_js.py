"""The training pictures that helped most and least, in real Chromium: halves, bars, thumbnails."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect
from test_live_js import (  # noqa: F401
    RECORDING,
    STREAM,
    TWO_FRAMES,
    browser,
    opened,
    served,
    show,
    site,
)
from test_maps_js import flat, mosaic

pytestmark = pytest.mark.browser

WORDS = {
    "best": "Helped most",
    "worst": "Helped least",
    "value": "{value} %",
    "none": "Worked out when training ends.",
}
CLASSES = ["cat", "dog", "<b>"]
BLUE, ORANGE = "rgb(59, 130, 196)", "rgb(217, 119, 43)"
VALUES = [0.04, 0.0125, 0.0001, -0.0004, -0.02]
NAMES = ["dog", "cat", "<b>", "cat", "dog"]
SAID = ["+4.0 %", "+1.3 %", "0.0 %", "0.0 %", "−2.0 %"]
SHADES = [10, 60, 110, 160, 210]


def useful(values: Any = VALUES, side: int = 8, tiles: Any = None) -> dict[str, Any]:
    """A sheet of pictures of one shade each."""
    count = len(values)
    tiles = flat(SHADES[:count], side) if tiles is None else tiles
    actual = [CLASSES.index(name) for name in NAMES[:count]]
    size = {"columns": 2, "count": count, "height": side, "width": side}
    said = {"index": list(range(count)), "actual": actual, "value": values, "total": [300]}
    return {"webp": mosaic(tiles, 2), **size, **said}


def history(*data: dict[str, Any]) -> dict[str, Any]:
    """A run whose frames, at steps 0, 1, …, have these data."""
    steps = list(range(len(data)))
    started = {"time": 0, "device": "cpu", "parameters": 2, "samples": 4, "steps_total": 9}
    return {
        "run": "r1",
        "started": started | {"arrays": {"classes": CLASSES}},
        "metrics": {"step": steps, "epoch": steps, "time": steps},
        "frames": [{"kind": "end", "step": k, "data": one} for k, one in enumerate(data)],
        "notes": [],
        "terminal": {"type": "done", "time": 9, "data": {"metrics": {}}},
    }


def show_useful(page, source=RECORDING, **data):
    common = {"kind": "end", "height": 200, "label": "Useful pictures", "words": WORDS}
    show(page, "useful", source, **common | data)


def cells(page, title):
    return page.get_by_role("list", name=title).get_by_role("listitem")


@pytest.fixture
def page(opened, site):  # noqa: F811
    site.histories["/history"] = history({}, {"useful": useful()})
    page = opened(viewport={"width": 900, "height": 700})
    show_useful(page)
    expect(page.locator(".gl-mistake")).to_have_count(5)
    return page


def test_each_picture_stands_in_one_half_the_extremes_first(page):
    best, worst = cells(page, "Helped most"), cells(page, "Helped least")
    expect(best.locator("figcaption")).to_have_text(NAMES[:3])
    expect(best.locator("small")).to_have_text(SAID[:3])
    expect(worst.locator("figcaption")).to_have_text(NAMES[:2:-1])
    expect(worst.locator("small")).to_have_text(SAID[:2:-1])
    expect(page.get_by_text(WORDS["none"])).to_be_hidden()
    expect(page.get_by_role("heading")).to_have_text(["Helped most", "Helped least"])


def test_bars_begin_in_the_middle_and_go_to_the_side_of_their_sign(page):
    figures = [*cells(page, "Helped most").all(), *reversed(cells(page, "Helped least").all())]
    for figure, value in zip(figures, VALUES, strict=True):
        line, bar = figure.locator("i").bounding_box(), figure.locator("i b")
        box = bar.bounding_box()
        middle = line["x"] + line["width"] / 2
        assert box["width"] == pytest.approx(line["width"] / 2 * abs(value) / 0.04, abs=0.5)
        begin = box["x"] if value > 0 else box["x"] + box["width"]
        assert begin == pytest.approx(middle, abs=0.5)
        colour = bar.evaluate("(b) => getComputedStyle(b).backgroundColor")
        assert colour == (BLUE if value > 0 else ORANGE)


def test_each_picture_is_cut_from_its_own_place(page):
    pixel = "(c) => c.getContext('2d').getImageData(40, 40, 1, 1).data[0]"
    page.wait_for_function(
        "[...document.querySelectorAll('.gl-mistake canvas')].every((c) => c.width === 84)"
    )
    figures = [*cells(page, "Helped most").all(), *reversed(cells(page, "Helped least").all())]
    for figure, shade in zip(figures, SHADES, strict=True):
        assert figure.locator("canvas").evaluate(pixel) == pytest.approx(shade, abs=6)


@pytest.mark.parametrize(("side", "sharp"), [(8, True), (96, False)])
def test_only_small_pictures_are_enlarged_pixel_by_pixel(opened, site, side, sharp):  # noqa: F811
    tile = np.zeros((1, side, side), np.uint8)
    tile[:, ::2] = 255  # lines of one pixel
    site.histories["/history"] = history({"useful": useful([0.01], side, tile)})
    page = opened()
    show_useful(page)
    canvas = page.locator(".gl-mistake canvas")
    page.wait_for_function("document.querySelector('.gl-mistake canvas')?.width === 84")
    column = "(c) => [...c.getContext('2d').getImageData(40, 0, 1, 84).data].filter((_, k) => k % 4 === 0)"
    shades = canvas.evaluate(column)
    assert all(shade < 20 or shade > 235 for shade in shades) == sharp


def test_a_single_picture_leaves_no_empty_half(opened, site):  # noqa: F811
    site.histories["/history"] = history({"useful": useful([-0.01])})
    page = opened()
    show_useful(page)
    expect(cells(page, "Helped most").locator("small")).to_have_text(["−1.0 %"])
    expect(page.get_by_text("Helped least")).to_be_hidden()


def test_a_frame_without_them_says_so(page):
    page.evaluate(f"{STREAM}.seek(0)")
    expect(page.get_by_text(WORDS["none"])).to_be_visible()
    expect(page.locator(".gl-mistake")).to_have_count(0)
    expect(page.get_by_text("Helped most")).to_be_hidden()
    page.evaluate(f"{STREAM}.seek(1)")
    expect(page.locator(".gl-mistake")).to_have_count(5)
    expect(page.get_by_text(WORDS["none"])).to_be_hidden()


def test_without_a_run_it_says_so(opened):  # noqa: F811
    page = opened()
    show_useful(page, source=None)
    expect(page.get_by_text(WORDS["none"])).to_be_visible()


def test_pictures_without_any_use_have_no_bars(opened, site):  # noqa: F811
    site.histories["/history"] = history({"useful": useful([0.0, 0.0])})
    page = opened()
    show_useful(page)
    expect(page.locator(".gl-mistake small")).to_have_text(["0.0 %", "0.0 %"])
    widths = page.locator(".gl-mistake i b").evaluate_all(
        "(bars) => bars.map((b) => b.offsetWidth)"
    )
    assert widths == [0, 0]


def test_cells_are_made_once_and_used_again(opened, site):  # noqa: F811
    site.histories["/history"] = history({"useful": useful([0.01, 0.0])}, {"useful": useful()})
    page = opened()
    show_useful(page)
    page.evaluate(f"{STREAM}?.seek(0)")
    expect(page.locator(".gl-mistake")).to_have_count(2)
    page.evaluate("window.first = document.querySelector('.gl-mistake')")
    page.evaluate(f"{STREAM}.seek(1)")
    expect(page.locator(".gl-mistake")).to_have_count(5)
    page.evaluate(TWO_FRAMES)
    assert page.evaluate("first === document.querySelector('.gl-mistake')")
    expect(page.locator(".gl-mistake small").first).to_have_text("+4.0 %")


@pytest.mark.parametrize("width", [340, 900])
def test_nothing_is_wider_than_the_page(opened, site, width):  # noqa: F811
    site.histories["/history"] = history({"useful": useful()})
    page = opened(viewport={"width": width, "height": 700})
    show_useful(page)
    expect(page.locator(".gl-mistake")).to_have_count(5)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
