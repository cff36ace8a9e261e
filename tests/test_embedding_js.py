"""The embedding of pictures in real Chromium: two clouds, turning, pointing, t-SNE, classes."""

from __future__ import annotations

import base64
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
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
)
from test_maps_js import mosaic

pytestmark = pytest.mark.browser

WORDS = {
    "before": "Before training",
    "after": "After training",
    "pca": "PCA",
    "tsne": "t-SNE",
    "taken": "{actual}, taken for {predicted}",
    "right": "{actual}",
    "later": "t-SNE is worked out when training ends.",
    "none": "Train to see the pictures in space",
    "flat": "Without WebGL: two components",
    "wrong": "wrong",
}
CLASSES = ["cat", "dog", "<b>"]
COLORS = ["#d9772b", "#3b82c4", "#1cb58a"]
LABELS = [0, 0, 1, 2]
PREDICTED = [1, 0, 1, 2]  # the first one is wrong
SIDE = 8
REACH = 32767
MIDDLE = [0, 0, -4247]  # where the camera looks at first
BEFORE = [MIDDLE, [REACH, REACH, REACH], [REACH, -REACH, 0], [-REACH, REACH, 0]]
AFTER = [[-REACH, 0, REACH], MIDDLE, [REACH, 0, 0], [0, REACH, -REACH]]
TSNE = [[REACH, 0, 0], [0, REACH, 0], [0, 0, REACH], [-REACH, 0, 0]]
NODES = "[...document.querySelectorAll('.gl-cloud .gl-plot')]"
CAMERAS = f"{NODES}.map((n) => n._fullLayout.scene.camera.eye)"
ALIKE = f"""() => {{
  const [one, other] = {CAMERAS};
  return ["x", "y", "z"].every((axis) => Math.abs(one[axis] - other[axis]) < 1e-6);
}}"""


def encoded(values: Any, dtype: str = "int16") -> dict[str, Any]:
    array = np.array(values, dtype)
    b64 = base64.b64encode(array.tobytes()).decode()
    return {"dtype": dtype, "shape": list(array.shape), "b64": b64}


def sheet() -> dict[str, Any]:
    """Four pictures of one colour each."""
    tiles = np.zeros((4, SIDE, SIDE, 3), np.uint8)
    tiles[:] = np.array([[200, 0, 0], [0, 200, 0], [0, 0, 200], [90, 90, 90]])[:, None, None]
    size = {"columns": 2, "count": 4, "height": SIDE, "width": SIDE}
    return {"webp": mosaic(tiles, 2), **size}


def space(step: int, positions: Any = None, predicted: Any = PREDICTED, **more: Any) -> Any:
    found = {"pca": encoded(positions or AFTER), "predicted": encoded(predicted, "uint8")}
    return {"kind": "space", "step": step, "data": {"embedding": found | more}}


def ended(step: int = 20) -> dict[str, Any]:
    return space(step, tsne_before=encoded(TSNE), tsne_after=encoded(TSNE[::-1]))


def arrays() -> dict[str, Any]:
    points = {"sheet": sheet(), "labels": LABELS}
    return {"classes": CLASSES, "points": points, "before": {"pca": encoded(BEFORE)}}


def history(*frames: Any) -> dict[str, Any]:
    steps = [frame["step"] for frame in frames]
    started = {"time": 0, "device": "cpu", "parameters": 2, "samples": 4, "steps_total": 20}
    return {
        "run": "r1",
        "started": started | {"arrays": arrays()},
        "metrics": {"step": steps, "epoch": steps, "time": steps},
        "frames": list(frames),
        "notes": [],
        "terminal": {"type": "done", "time": 9, "data": {"metrics": {}}},
    }


def show_space(page, source=RECORDING, **data):
    common = {"kind": "space", "height": 320, "label": "Space", "words": WORDS, "colors": COLORS}
    show(page, "embedding", source, **common | data)


def drawn(page, step):
    page.wait_for_selector(f".gallery-live[data-step='{step}'] .gl-plot canvas")
    page.evaluate(TWO_FRAMES)


def seek(page, step):
    page.evaluate(f"{STREAM}.seek({step})")
    drawn(page, step)


def places(page, cloud):
    """Where the points of a cloud are, (N, 3) from -1 to 1."""
    trace = page.evaluate(f"(({{ x, y, z }}) => [x, y, z])({NODES}[{cloud}].data[0])")
    return np.array(trace).T


def scaled(values):
    return pytest.approx(np.array(values) / REACH)


def middle(page, cloud):
    box = page.locator(".gl-cloud .gl-plot").nth(cloud).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page, cloud, across, down=20):
    x, y = middle(page, cloud)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + across, y + down, steps=5)
    page.mouse.up()


def ring(page, cloud):
    """Where the ring of a cloud is, or None."""
    place = "(({ visible, x, y, z }) => (visible ? [x[0], y[0], z[0]] : null))"
    return page.evaluate(f"{place}({NODES}[{cloud}].data[1])")


@pytest.fixture
def page(opened, site):  # noqa: F811
    site.histories["/history"] = history(space(0, BEFORE), space(10), ended())
    page = opened(viewport={"width": 900, "height": 700})
    show_space(page)
    drawn(page, 20)
    return page


# Clouds ---------------------------------------------------------------------------------------------


def test_pictures_are_points_before_and_after_training(page):
    headings = page.locator(".gl-cloud figcaption")
    expect(headings).to_have_text(["Before training", "After training"])
    assert places(page, 0) == scaled(BEFORE)
    assert places(page, 1) == scaled(AFTER)
    seek(page, 0)
    assert places(page, 1) == scaled(BEFORE)
    first, second = (page.locator(".gl-cloud").nth(k).bounding_box() for k in (0, 1))
    assert first["y"] == second["y"]
    assert first["width"] == pytest.approx(second["width"], abs=1)
    expect(page.get_by_text(WORDS["flat"])).to_be_hidden()


def test_axes_stay_as_they_are_and_say_no_numbers(page):
    axes = (
        f"{NODES}.flatMap(({{ _fullLayout: {{ scene }} }}) => [scene.xaxis, scene.yaxis, scene.zaxis])"
        ".map(({ range, showticklabels, title }) => [...range, showticklabels, title.text])"
    )
    before = page.evaluate(axes)
    assert all(axis[2:] == [False, ""] for axis in before)
    seek(page, 0)
    assert page.evaluate(axes) == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_classes_have_their_colours_and_wrong_answers_an_outline(opened, site, scheme):  # noqa: F811
    site.histories["/history"] = history(space(10))
    page = opened(scheme)
    show_space(page)
    drawn(page, 10)
    before, after = page.evaluate(f"{NODES}.map(({{ data: [{{ marker }}] }}) => marker)")
    rgb = [f"rgb({','.join(str(int(c[k : k + 2], 16)) for k in (1, 3, 5))})" for c in COLORS]
    text = page.locator(".gl-embedding").evaluate("(e) => getComputedStyle(e).color")
    text = text.replace(" ", "")
    assert before["color"] == after["color"] == [rgb[k] for k in LABELS]
    assert after["line"]["color"] == [text, *after["color"][1:]]
    assert after["size"][0] > after["size"][1] == after["size"][2]
    assert before["line"]["color"] == before["color"]
    assert len(set(before["size"])) == 1
    expect(page.locator(".gl-legend .gl-key")).to_have_text([*CLASSES, "wrong"])


def test_frames_are_drawn_in_the_same_nodes(opened, site):  # noqa: F811
    del site.histories["/history"]
    page = opened()
    show_space(page, RUN)
    page.wait_for_function("window.sources?.['/events']")
    emit = "([type, step, data]) => sources['/events'].emit(type, step, data)"
    page.evaluate(emit, ["started", 0, {"arrays": arrays(), "steps_total": 20, "device": "cpu"}])
    page.wait_for_selector(".gl-cloud canvas")
    assert places(page, 0) == scaled(BEFORE)
    assert places(page, 1).size == 0
    page.evaluate(emit, ["frame", 0, space(0, BEFORE)])
    page.evaluate("([t, s, f]) => sources['/events'].emit(t, s, f)", ["frame", 5, space(5)])
    drawn(page, 5)
    page.evaluate(f"window.nodes = [...{NODES}, ...document.querySelectorAll('.gl-cloud canvas')]")
    page.evaluate(emit, ["frame", 9, space(9, BEFORE)])
    drawn(page, 9)
    assert places(page, 1) == scaled(BEFORE)
    same = f"[...{NODES}, ...document.querySelectorAll('.gl-cloud canvas')]"
    assert page.evaluate(f"{same}.every((node, i) => node === nodes[i])")
    assert page.evaluate(f"{LIVE_STREAM}.frame('space').step") == 9


def test_where_nothing_is_trained_the_first_cloud_has_all_the_room(opened, site):  # noqa: F811
    site.histories["/history"] = history({"kind": "space", "step": 0, "data": {}})
    page = opened(viewport={"width": 900, "height": 700})
    show_space(page)
    drawn(page, 0)
    expect(page.locator(".gl-cloud").nth(1)).to_be_hidden()
    room = page.locator(".gl-clouds").bounding_box()["width"]
    assert page.locator(".gl-cloud").first.bounding_box()["width"] == pytest.approx(room)
    assert page.evaluate(f"{NODES}[0]._fullLayout.width") == pytest.approx(room, abs=1)
    expect(page.get_by_text("wrong")).to_have_count(0)


def test_the_first_cloud_makes_room_for_the_second(opened, site):  # noqa: F811
    site.histories["/history"] = history({"kind": "space", "step": 0, "data": {}}, space(10))
    page = opened(viewport={"width": 900, "height": 700})
    show_space(page)
    drawn(page, 10)
    for step, both in [(0, False), (10, True)]:
        seek(page, step)
        expect(page.locator(".gl-cloud").nth(1)).to_be_visible(visible=both)
        fits = (
            f"(({{ _fullLayout, clientWidth }}) => _fullLayout.width === clientWidth)({NODES}[0])"
        )
        page.wait_for_function(fits)


def test_without_a_run_it_says_what_to_do(opened):  # noqa: F811
    page = opened()
    show_space(page, source=None)
    expect(page.get_by_text("Train to see the pictures in space")).to_be_visible()
    expect(page.get_by_role("radio", name="PCA")).to_be_hidden()
    expect(page.locator(".gl-cloud").first).to_be_hidden()


@pytest.mark.parametrize("width", [360, 700, 1200])
def test_on_a_narrow_page_one_cloud_is_below_the_other(opened, site, width):  # noqa: F811
    site.histories["/history"] = history(space(10))
    page = opened(viewport={"width": width, "height": 900})
    show_space(page)
    drawn(page, 10)
    first, second = (page.locator(".gl-cloud").nth(k).bounding_box() for k in (0, 1))
    assert (second["y"] >= first["y"] + first["height"]) == (width == 360)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_another_width_is_taken_up(page):
    page.set_viewport_size({"width": 420, "height": 900})
    fits = f"{NODES}.every(({{ _fullLayout, clientWidth }}) => _fullLayout.width === clientWidth)"
    page.wait_for_function(f"document.querySelector('[data-narrow=true]') && {fits}")


def test_without_webgl_it_shows_two_components_and_says_so(opened, site):  # noqa: F811
    site.histories["/history"] = history(space(10))
    page = opened()
    page.evaluate("""() => { const { getContext } = HTMLCanvasElement.prototype;
      HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
        return kind.includes("webgl") ? null : getContext.call(this, kind, ...more); }; }""")
    show_space(page)
    expect(page.get_by_text(WORDS["flat"])).to_be_visible()
    page.wait_for_selector(".gl-cloud .scatterlayer .point")
    kinds = page.evaluate(f"{NODES}.map(({{ data }}) => data[0].type)")
    assert kinds == ["scatter", "scatter"]
    trace = page.evaluate(f"(({{ x, y }}) => [x, y])({NODES}[1].data[0])")
    found = np.array(trace).T
    assert found == scaled([place[:2] for place in AFTER])
    page.locator(".gl-cloud").nth(0).locator(".point").nth(0).hover(force=True)
    expect(page.locator(".gl-embedding-tip b")).to_have_text("cat, taken for dog")


# Turning --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cloud", [0, 1])
def test_turning_one_cloud_turns_the_other(page, cloud):
    before = page.evaluate(CAMERAS)
    drag(page, cloud, 60)
    page.wait_for_function(ALIKE)
    after = page.evaluate(CAMERAS)
    assert abs(after[0]["x"] - before[0]["x"]) > 0.05
    drag(page, 1 - cloud, -90, -30)
    page.wait_for_function(ALIKE)
    assert page.evaluate(CAMERAS)[0] != pytest.approx(after[0])


def test_the_other_cloud_turns_while_the_pointer_is_down(page):
    x, y = middle(page, 0)
    before = page.evaluate(CAMERAS)[1]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 50, y + 20, steps=5)
    page.wait_for_function(f"Math.abs({CAMERAS}[1].x - {before['x']}) > 0.05")
    page.mouse.up()
    page.wait_for_function(ALIKE)


def test_turning_comes_to_rest(page):
    drag(page, 0, 60)
    page.wait_for_function(ALIKE)
    page.evaluate(TWO_FRAMES)
    page.evaluate(f"""() => {{ window.turns = 0;
      for (const node of {NODES}) node.on("plotly_relayout", () => {{ turns += 1; }}); }}""")
    for _ in range(5):
        page.evaluate(TWO_FRAMES)
    assert page.evaluate("turns") == 0


def test_it_can_go_while_it_turns(page):
    x, y = middle(page, 0)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 20)
    page.evaluate("hide('embedding')")  # a page error would fail the test
    page.mouse.move(x + 90, y + 20)
    page.mouse.up()
    page.evaluate(TWO_FRAMES)
    expect(page.locator(".gl-cloud")).to_have_count(0)


def test_frames_and_steps_keep_the_side_it_is_seen_from(page):
    drag(page, 1, 70)
    page.wait_for_function(ALIKE)
    turned = page.evaluate(CAMERAS)
    seek(page, 0)
    assert page.evaluate(CAMERAS) == [pytest.approx(eye) for eye in turned]


def test_the_side_it_began_with_comes_back_in_both(page):
    before = page.evaluate(CAMERAS)[0]
    drag(page, 0, 70)
    page.wait_for_function(ALIKE)
    assert page.evaluate(CAMERAS)[0] != pytest.approx(before)
    page.locator(".gl-cloud").first.hover()
    page.locator(".modebar-btn[data-attr=resetDefault]").first.click()
    page.wait_for_function(f"{CAMERAS}.every((eye) => Math.abs(eye.x - {before['x']}) < 1e-6)")


@pytest.mark.parametrize(
    ("key", "changes"),
    [("ArrowLeft", "xy"), ("ArrowRight", "xy"), ("ArrowUp", "xyz"), ("+", "xyz")],
)
def test_keys_turn_both_clouds(page, key, changes):
    before = page.evaluate(CAMERAS)[0]
    page.get_by_role("img", name="Space: After training").focus()
    page.keyboard.press(key)
    page.wait_for_function(f"{CAMERAS}.every((eye) => Math.abs(eye.x - {before['x']}) > 0.01)")
    assert page.evaluate(ALIKE)
    after = page.evaluate(CAMERAS)[0]
    changed = [axis for axis in "xyz" if after[axis] != pytest.approx(before[axis], abs=1e-9)]
    assert changed == list(changes)


def test_keys_of_the_buttons_in_the_corner_turn_nothing(page):
    page.evaluate("""() => { window.wanted = [];
      document.addEventListener("keydown", (event) => wanted.push(event.defaultPrevented)); }""")
    page.locator(".modebar-btn").first.focus()
    page.keyboard.press("ArrowLeft")
    page.get_by_role("img", name="Space: After training").focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("wanted") == [False, True]


def test_it_is_never_seen_from_straight_above_or_from_inside(page):
    page.get_by_role("img", name="Space: Before training").focus()
    for key in ["ArrowUp"] * 14 + ["+"] * 14:
        page.keyboard.press(key)
    page.evaluate(TWO_FRAMES)
    eye = page.evaluate(CAMERAS)[0]
    x, y, z = eye["x"], eye["y"], eye["z"] + 0.06
    assert np.hypot(x, y) > 0.01
    assert np.linalg.norm([x, y, z]) == pytest.approx(0.3)


def test_the_wheel_scrolls_the_page_until_a_cloud_is_taken_hold_of(page):
    before = page.evaluate(CAMERAS)[0]
    page.evaluate("document.body.style.minHeight = '3000px'")
    x, y = middle(page, 1)
    page.mouse.move(x, y + 50)
    page.mouse.wheel(0, 50)
    page.wait_for_function("scrollY === 50")
    assert page.evaluate(CAMERAS)[0] == before
    page.mouse.down()
    page.mouse.up()
    page.mouse.wheel(0, 50)
    page.wait_for_function(f"{CAMERAS}.every((eye) => eye.x > {before['x']} + 0.01)")
    assert page.evaluate("scrollY") == 50


def test_it_turns_while_frames_come_in(opened, site):  # noqa: F811
    del site.histories["/history"]
    page = opened(viewport={"width": 900, "height": 700})
    show_space(page, RUN)
    page.wait_for_function("window.sources?.['/events']")
    emit = "([type, step, data]) => sources['/events'].emit(type, step, data)"
    page.evaluate(emit, ["started", 0, {"arrays": arrays(), "steps_total": 20, "device": "cpu"}])
    page.evaluate(emit, ["frame", 0, space(0)])
    drawn(page, 0)
    x, y = middle(page, 0)
    page.mouse.move(x, y)
    page.mouse.down()
    seen = []
    for k in range(1, 6):
        page.mouse.move(x + 20 * k, y)
        page.evaluate(emit, ["frame", k, space(k)])
        drawn(page, k)
        seen.append(page.evaluate(CAMERAS)[1]["x"])
    page.mouse.up()
    assert all(one != pytest.approx(next) for one, next in pairwise(seen))


@pytest.fixture
def touched(opened, site):  # noqa: F811
    """A page under a finger, and how the finger moves."""
    site.histories["/history"] = history(space(10))
    page = opened(viewport={"width": 390, "height": 700}, has_touch=True, is_mobile=True)
    show_space(page)
    drawn(page, 10)
    session = page.context.new_cdp_session(page)

    def swipe(across, down):
        x, y = middle(page, 0)
        for k in range(7):
            at = {"x": x + across * k / 6, "y": y + down * k / 6}
            kind = "touchMove" if k else "touchStart"
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [at]})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    return page, swipe


def test_a_finger_turns_both_clouds(touched):
    page, swipe = touched
    before = page.evaluate(CAMERAS)[1]
    swipe(80, 10)
    page.wait_for_function(f"{CAMERAS}.every((eye) => Math.abs(eye.x - {before['x']}) > 0.05)")
    assert page.evaluate(ALIKE)
    assert page.evaluate("scrollY") == 0


def test_a_finger_scrolls_the_page(touched):
    page, swipe = touched
    before = page.evaluate(CAMERAS)
    swipe(0, -90)
    page.wait_for_function("scrollY > 30")
    assert page.evaluate(CAMERAS) == before


def test_a_tap_points(touched):
    page, _ = touched
    page.touchscreen.tap(*middle(page, 0))
    expect(page.locator(".gl-embedding-tip")).to_have_text("cat, taken for dog")


# Pointing -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cloud", "point", "said", "colour"),
    [(0, 0, "cat, taken for dog", [200, 0, 0]), (1, 1, "cat", [0, 200, 0])],
)
def test_a_point_shows_its_picture_and_is_ringed_in_both(page, cloud, point, said, colour):
    assert [ring(page, 0), ring(page, 1)] == [None, None]
    x, y = middle(page, cloud)
    page.mouse.move(x - 3, y)
    page.mouse.move(x, y)
    tip = page.locator(".gl-embedding-tip")
    expect(tip).to_have_text(said)
    canvas = tip.locator("canvas")
    expect(canvas).to_be_visible()
    pixel = "(c) => [...c.getContext('2d').getImageData(36, 36, 1, 1).data].slice(0, 3)"
    assert canvas.evaluate(pixel) == pytest.approx(colour, abs=6)
    page.wait_for_function(f"{NODES}.every(({{ data }}) => data[1].visible)")
    assert ring(page, 0) == scaled(BEFORE[point])
    assert ring(page, 1) == scaled(AFTER[point])
    expect(page.locator(".gl-cloud .hovertext")).to_have_count(0)  # plotly's own box
    box = tip.bounding_box()
    assert box["x"] > x or box["x"] + box["width"] < x
    page.mouse.move(5, 5)
    expect(tip).to_be_hidden()
    page.wait_for_function(f"{NODES}.every(({{ data }}) => !data[1].visible)")


def test_a_name_is_never_markup(opened, site):  # noqa: F811
    site.histories["/history"] = history(space(10, [AFTER[0], AFTER[1], AFTER[2], MIDDLE]))
    page = opened(viewport={"width": 900, "height": 700})
    show_space(page)
    drawn(page, 10)
    page.mouse.move(*middle(page, 1), steps=3)
    expect(page.locator(".gl-embedding-tip b")).to_have_text("<b>")


@pytest.mark.parametrize("way", ["pointer", "keyboard"])
def test_pointing_at_a_class_fades_the_others(page, way):
    colours = f"{NODES}.map(({{ data: [{{ marker }}] }}) => marker.color)"
    before = page.evaluate(colours)
    key = page.get_by_role("button", name="cat")
    key.hover() if way == "pointer" else key.focus()
    page.wait_for_function(f"{colours}[0][2] !== {before[0][2]!r}")
    for now, then in zip(page.evaluate(colours), before, strict=True):
        assert now[:2] == then[:2]
        assert all(pale != full for pale, full in zip(now[2:], then[2:], strict=True))
    page.mouse.move(5, 5) if way == "pointer" else key.blur()
    page.wait_for_function(f"{colours}[0][2] === {before[0][2]!r}")
    assert page.evaluate(colours) == before


# t-SNE ----------------------------------------------------------------------------------------------


def test_tsne_can_be_chosen_once_it_is_there(page):
    pca, tsne = (page.get_by_role("radio", name=name) for name in ("PCA", "t-SNE"))
    expect(pca).to_be_checked()
    expect(tsne).to_be_enabled()
    seek(page, 10)
    expect(tsne).to_be_disabled()
    expect(page.get_by_title(WORDS["later"])).to_be_visible()
    page.evaluate(f"{STREAM}.follow()")
    drawn(page, 20)
    expect(tsne).to_be_enabled()
    expect(page.get_by_title(WORDS["later"])).to_have_count(0)
    tsne.check()
    page.wait_for_selector("[data-method=tsne]")
    assert places(page, 0) == scaled(TSNE)
    assert places(page, 1) == scaled(TSNE[::-1])


def test_the_switch_is_moved_by_keys(page):
    page.get_by_role("radio", name="PCA").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="t-SNE")).to_be_checked()
    page.wait_for_selector("[data-method=tsne]")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("[data-method=pca]")
    assert places(page, 1) == scaled(AFTER)


def test_a_step_without_tsne_shows_pca(page):
    page.get_by_role("radio", name="t-SNE").check()
    page.wait_for_selector("[data-method=tsne]")
    seek(page, 10)
    expect(page.get_by_role("radio", name="PCA")).to_be_checked()
    assert places(page, 0) == scaled(BEFORE)
    assert places(page, 1) == scaled(AFTER)
