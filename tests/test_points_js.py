"""Painting points of several classes, and cells that can be clicked, in real Chromium."""

from __future__ import annotations

import math
from typing import Any

import pytest
from playwright.sync_api import expect
from test_live_js import (  # noqa: F401
    FIGURE,
    RUN,
    TWO_FRAMES,
    Finger,
    browser,
    flat_layout,
    last_edit,
    opened,
    place,
    seek,
    served,
    show,
    show_editor,
    show_picture,
    show_timeline,
    site,
    told,
)

from engine.figures import CLASS_COLORS, CLASS_SYMBOLS

pytestmark = pytest.mark.browser

WORDS = {
    "edit": "Draw points",
    "hint": "Press and drag to paint",
    "clear": "Clear",
    "full": "{limit} points at most",
    "empty": "Paint points, choose another class and go on",
    "classes": "Class of new points",
    "add_class": "Add a class",
    "eraser": "Eraser",
    "key": "Key: {key}",
}
CLASSES = [
    {"name": f"class {k}", "color": CLASS_COLORS[k], "symbol": CLASS_SYMBOLS[k]} for k in range(6)
]
START = [[-1, 0, 0], [0.5, 1, 1], [1, -1, 1]]


def plane(points: list[list[float]] = START) -> dict[str, Any]:
    """Figure of points on a plane whose classes lie over a coloured ground."""
    grid = [-1.2, 0, 1.2]
    ground = {"type": "heatmap", "x": grid, "y": grid, "z": [[0.5] * 3] * 3, "showscale": False}
    markers = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": CLASSES[k]["name"],
            "x": [p[0] for p in points if p[2] == k],
            "y": [p[1] for p in points if p[2] == k],
            "marker": {"color": CLASSES[k]["color"], "symbol": CLASSES[k]["symbol"]},
        }
        for k in range(2)
    ]
    axes = ({"range": [-1.2, 1.2]}, {"range": [-1.2, 1.2]})
    return {"data": [ground, *markers], "layout": flat_layout(*axes)}


def show_brush(page, points=START, limit=400, held=None, own=True, note="", **data):
    """Mount the picture as the page of a topic with classes does."""
    edit = {"limit": limit, "words": WORDS, "classes": CLASSES, "own": own, "note": note}
    given = {"x": [p[0] for p in points], "y": [p[1] for p in points]}
    given |= {"label": [p[2] for p in points], "held": held or [False] * len(points)}
    more = {"figure": plane(points), "edit": edit, "points": given, "height": 360}
    show_picture(page, **more | data)


def start(page):
    page.get_by_role("button", name="Draw points").click()
    page.wait_for_selector(".gl-points path")


def swatch(page, k):
    return page.get_by_role("button", name=f"class {k}")


def paint(page, *corners):
    """Press at the first place, go through the others, let go."""
    page.mouse.move(*place(page, *corners[0]))
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*place(page, *corner), steps=8)
    page.mouse.up()


def pixel(page, x, y):
    return [float(v) for v in place(page, x, y)]


def test_a_click_adds_one_point_of_the_chosen_class(opened):  # noqa: F811
    page = opened()
    show_brush(page)
    start(page)
    page.mouse.click(*place(page, 0, 0.5))
    assert last_edit(page, 1) == [
        *START,
        [pytest.approx(0, abs=0.01), pytest.approx(0.5, abs=0.01), 0],
    ]
    swatch(page, 1).click()
    page.mouse.click(*place(page, -0.5, -0.5))
    assert last_edit(page, 2)[-1][2] == 1
    assert type(last_edit(page, 2)[-1][2]) is int


def test_a_stroke_paints_a_spray_along_the_way_of_one_class(opened):  # noqa: F811
    page = opened(viewport={"width": 900, "height": 600})
    show_brush(page)
    start(page)
    swatch(page, 1).click()
    paint(page, (-0.8, -0.8), (0.2, -0.8), (0.2, 0.6))
    made = last_edit(page, 1)[3:]
    (x0, y0), (x1, y1), (_, y2) = (pixel(page, *c) for c in ((-0.8, -0.8), (0.2, -0.8), (0.2, 0.6)))
    length = (x1 - x0) + (y1 - y2)
    assert len(made) == pytest.approx(1 + length / 12, abs=3)
    assert {p[2] for p in made} == {1}
    places = [pixel(page, p[0], p[1]) for p in made]
    off = [min(distance(p, (x0, y0), (x1, y1)), distance(p, (x1, y1), (x1, y2))) for p in places]
    assert max(off) < 16
    assert max(off) > 1  # scattered, not on a string
    assert len(told(page, "edited")) == 1


def distance(point, start, end):
    """From a point to a line between two places."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    share = ((point[0] - start[0]) * dx + (point[1] - start[1]) * dy) / (dx * dx + dy * dy)
    share = min(1, max(0, share))
    return math.hypot(point[0] - start[0] - share * dx, point[1] - start[1] - share * dy)


def test_a_stroke_ends_at_the_limit_and_within_the_axes(opened):  # noqa: F811
    page = opened(viewport={"width": 900, "height": 600})
    show_brush(page, limit=12)
    start(page)
    paint(page, (-1.1, 1.1), (1.19, 1.19), (1.19, -1.19), (-1.1, -1.1))
    points = last_edit(page, 1)
    assert len(points) == 12
    assert all(abs(v) <= 1.2001 for point in points for v in point[:2])
    expect(page.locator(".gl-hint")).to_have_text("12 points at most")
    page.mouse.click(*place(page, -0.5, 0.4))
    assert len(told(page, "edited")) == 1


def test_a_point_is_moved_with_its_class_and_deleted(opened):  # noqa: F811
    page = opened(viewport={"width": 900, "height": 600})
    show_brush(page)
    start(page)
    paint(page, (0.5, 1), (-0.2, 0.3))
    near = pytest.approx
    assert last_edit(page, 1) == [
        START[0],
        [near(-0.2, abs=0.01), near(0.3, abs=0.01), 1],
        START[2],
    ]
    page.mouse.dblclick(*place(page, -0.2, 0.3))
    assert last_edit(page, 2) == [START[0], START[2]]
    page.mouse.click(*place(page, -1, 0), button="right")
    assert last_edit(page, 3) == [START[2]]


def test_the_eraser_clears_what_it_passes_over(opened):  # noqa: F811
    page = opened(viewport={"width": 900, "height": 600})
    points = [[0.1 * k - 0.5, 0, k % 2] for k in range(11)] + [[0, 1, 0]]
    show_brush(page, points)
    start(page)
    page.get_by_role("button", name="Eraser").click()
    assert page.locator(".gl-points").get_attribute("data-does") == "erase"
    paint(page, (-1, 0), (0.01, 0))
    left = last_edit(page, 1)
    assert left[-1] == [0, 1, 0]
    assert all(p[0] > 0.01 for p in left[:-1])
    assert len(left) > 3
    page.mouse.click(*place(page, -0.5, -0.8))  # nothing there
    page.wait_for_timeout(100)
    assert len(told(page, "edited")) == 1
    swatch(page, 0).click()
    page.mouse.click(*place(page, -0.5, -0.8))
    assert last_edit(page, 2)[-1][2] == 0


def test_classes_are_added_and_chosen_by_keys(opened):  # noqa: F811
    page = opened()
    show_brush(page)
    start(page)
    expect(page.locator(".gl-class:visible")).to_have_text(["class 0", "class 1"])
    page.keyboard.press("5")  # there is no third one yet
    expect(swatch(page, 0)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("3")
    expect(swatch(page, 2)).to_have_attribute("aria-pressed", "true")
    for _ in range(3):
        page.get_by_role("button", name="Add a class").click()
    expect(page.locator(".gl-class:visible")).to_have_count(6)
    expect(page.get_by_role("button", name="Add a class")).not_to_be_visible()
    page.keyboard.press("4")
    page.locator(".gl-points").press("Enter")
    assert last_edit(page, 1)[-1] == [pytest.approx(0, abs=0.01), pytest.approx(0, abs=0.01), 3]
    page.keyboard.press("e")
    expect(page.get_by_role("button", name="Eraser")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("2")
    expect(page.get_by_role("button", name="Eraser")).to_have_attribute("aria-pressed", "false")
    page.locator(".gl-points").press("ArrowLeft")
    page.keyboard.press("Delete")
    assert len(last_edit(page, 2)) == 3


def test_points_have_colour_and_symbol_of_their_class_and_held_out_ones_are_open(opened):  # noqa: F811
    page = opened()
    show_brush(page, held=[False, True, False])
    start(page)
    marks = page.locator(".gl-points path")
    fills = marks.evaluate_all("(all) => all.map((e) => getComputedStyle(e).fill)")
    strokes = marks.evaluate_all("(all) => all.map((e) => getComputedStyle(e).stroke)")
    orange, blue, white = "rgb(217, 119, 43)", "rgb(59, 130, 196)", "rgb(255, 255, 255)"
    assert fills == [orange, white, blue]
    assert strokes == [white, blue, white]
    shapes = marks.evaluate_all("(all) => all.map((e) => e.getAttribute('d'))")
    assert "A" in shapes[0]  # a circle
    assert "A" not in shapes[1]
    assert page.evaluate(f"{FIGURE}.data.map((t) => t.visible !== false)") == [True, False, False]
    samples = page.locator(".gl-legend .gl-key")
    expect(samples).to_have_count(2)
    assert samples.nth(1).locator("svg.gl-symbol").count() == 1  # class 1 is a square there too


def test_an_empty_drawing_waits_with_the_brush_on_and_says_what_to_do(opened):  # noqa: F811
    page = opened(viewport={"width": 900, "height": 600})
    show_brush(page, [])
    expect(page.locator(".gl-hint")).to_have_text(WORDS["empty"])
    page.wait_for_function(f"{FIGURE}._fullLayout.xaxis.range[0] === -1.2")
    page.wait_for_selector(".gl-points[data-does=paint]")
    paint(page, (-0.5, 0), (0.5, 0))
    points = last_edit(page, 1)
    assert len(points) > 10
    show_brush(page, points, note="Received only “class 0”.")
    expect(page.locator(".gl-hint")).to_have_text("Received only “class 0”.")
    show_brush(page, own=False)  # other data: nothing to be painted there
    expect(page.locator(".gl-points")).to_have_count(0)
    expect(page.locator(".gl-points-bar")).not_to_be_visible()


def test_the_brush_that_was_put_away_stays_away(opened):  # noqa: F811
    page = opened()
    show_brush(page, [])
    page.wait_for_selector(".gl-points")
    page.get_by_role("button", name="Draw points").click()
    show_brush(page, [], height=361)
    assert page.locator(".gl-points").count() == 0


def test_the_bar_hides_nothing_and_moves_nothing(opened):  # noqa: F811
    page = opened(viewport={"width": 700, "height": 700})
    show_brush(page)
    card = page.locator(".card").bounding_box()
    start(page)
    page.wait_for_timeout(200)
    assert page.locator(".card").bounding_box() == card
    bar, plot = (
        page.locator(".gl-points-bar").bounding_box(),
        page.locator(".gl-plot").bounding_box(),
    )
    assert bar["y"] + bar["height"] <= plot["y"]
    drawn = page.evaluate(f"{FIGURE}._fullLayout.height")
    assert drawn == pytest.approx(plot["height"], abs=1)
    before = page.locator(".gl-plot").bounding_box()
    page.mouse.move(*place(page, -1, 0))  # coordinates come up
    assert page.locator(".gl-plot").bounding_box() == before
    page.get_by_role("button", name="Draw points").click()
    page.wait_for_function(f"{FIGURE}._fullLayout.height === 360")
    assert page.locator(".card").bounding_box() == card


def test_points_without_classes_have_no_brush(opened):  # noqa: F811
    page = opened()
    show_editor(page)
    page.get_by_role("button", name="Edit points").click()
    page.wait_for_selector(".gl-points circle")
    assert page.locator(".gl-class").count() == 0
    page.keyboard.press("2")
    paint(page, (1, 2), (1.5, 0))
    assert last_edit(page, 1)[-1] == [pytest.approx(1.5, abs=0.02), pytest.approx(0, abs=0.02)]
    assert len(told(page, "edited")) == 1


def test_a_finger_paints_and_a_long_press_deletes(opened):  # noqa: F811
    page = opened(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 800})
    show_brush(page)
    start(page)
    page.wait_for_timeout(200)
    finger = Finger(page)
    x, y = place(page, -0.6, -0.8)
    finger.down(x, y)
    for part in range(1, 6):
        finger.move(x + 20 * part, y)
    finger.up()
    painted = last_edit(page, 1)
    assert len(painted) == pytest.approx(3 + 9, abs=2)
    assert page.evaluate("scrollY") == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    finger.down(*place(page, *START[0][:2]))
    assert last_edit(page, 2) == painted[1:]
    finger.up()


# Cells --------------------------------------------------------------------------------------------


def matrix() -> dict[str, Any]:
    names = ["cat", "dog", "cow"]
    cells = {
        "type": "heatmap",
        "x": names,
        "y": names,
        "z": [[1, 0.2, 0], [0, 1, 0.5], [0.1, 0, 1]],
        "showscale": False,
        "meta": {"cells": True},
    }
    axes = ({"type": "category"}, {"type": "category", "autorange": "reversed"})
    return {"data": [cells], "layout": flat_layout(*axes)}


def click_cell(page, row, column):
    x, y = page.evaluate(
        f"""([row, column]) => {{
          const {{ xaxis, yaxis }} = {FIGURE}._fullLayout;
          const {{ left, top }} = {FIGURE}.getBoundingClientRect();
          return [left + xaxis._offset + xaxis.c2p(column), top + yaxis._offset + yaxis.c2p(row)];
        }}""",
        [row, column],
    )
    page.mouse.move(x - 3, y)
    page.mouse.move(x, y)
    page.wait_for_timeout(100)
    page.mouse.click(x, y)


def test_a_click_on_a_cell_names_its_classes_the_run_and_the_step(opened):  # noqa: F811
    page = opened()
    show_timeline(page)
    show_picture(page, figure=matrix())
    page.wait_for_selector(".heatmaplayer image")
    click_cell(page, 1, 2)
    page.wait_for_function("told.length === 1")
    seek(page, 11)
    click_cell(page, 2, 0)
    page.wait_for_function("told.length === 2")
    assert told(page, "cell") == [
        {"actual": 1, "predicted": 2, "run": "r1", "step": None},
        {"actual": 2, "predicted": 0, "run": "r1", "step": 11},
    ]


def test_other_heat_maps_do_not_tell_of_clicks(opened):  # noqa: F811
    page = opened()
    figure = matrix()
    del figure["data"][0]["meta"]
    show_picture(page, figure=figure)
    page.wait_for_selector(".heatmaplayer image")
    click_cell(page, 1, 2)
    page.wait_for_timeout(300)
    assert told(page, "cell") == []


def test_points_that_stand_out_are_ringed(opened):  # noqa: F811
    page = opened()
    show_brush(page)
    show_brush(page, marked={"x": [0.5, 1], "y": [1, -1]})
    page.wait_for_function(f"{FIGURE}.data.length === 4")
    ring = page.evaluate(
        f"(({{ x, y, marker }}) => ({{ x, y, s: marker.symbol }}))({FIGURE}.data[3])"
    )
    assert ring == {"x": [0.5, 1], "y": [1, -1], "s": "circle-open"}
    show_brush(page)
    page.wait_for_function(f"{FIGURE}.data.length === 3")
