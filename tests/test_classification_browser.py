"""The classification page as a visitor has it: real server, real Chromium, real runs."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
from browsing import LAST_RUN, press, run_shown, state, until
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

SMALL = "/classification?data=circles&samples=200&layers=1&units_1=4&epochs=30&v=1"
NO_FAULT = re.compile(r"/_stcore/(health|host-config)$")
"""Streamlit looks for its server below the page's own path first."""

PICTURE = (
    ".gl-net canvas, .gl-multiple canvas, .st-key-card_picture .js-plotly-plot .main-svg >> nth=0"
)

OUTPUT = """() => {
  const canvas = document.querySelector('.gl-net canvas');
  const left = Math.round(canvas.width * 0.55);
  const { data } = canvas.getContext('2d').getImageData(left, 0, canvas.width - left, canvas.height);
  return new Uint32Array(data.buffer).reduce((sum, pixel) => (sum * 31 + pixel) | 0, 0);
}"""
"""What the large map of the network looks like, as a number."""

SURFACES = """() => {
  window.surfaces = [];
  document.addEventListener('gallery:drawn', ({ detail: { part, step } }) => {
    const plot = document.querySelector('.st-key-card_picture .js-plotly-plot');
    const field = plot?.data?.find(({ type }) => type === 'heatmap');
    if (part !== 'picture' || !field?.z.length) return;
    window.surfaces.push([step, field.z.length, field.z[0].length, field.z[40][40]]);
  });
}"""

NETWORK = f"""(() => {{
  const stream = {LAST_RUN};
  const {{ theta }} = stream.frame('net').data;
  const bytes = Uint8Array.from(atob(theta.b64), (c) => c.charCodeAt(0));
  return [...new Float32Array(bytes.buffer)];
}})()"""
"""The weights in the frame on show."""


LAID_OUT = """() => {
  const parts = ['svg.gl-points', '.st-key-card_picture .nsewdrag'];
  const widths = parts.map((part) => document.querySelector(part)?.getBoundingClientRect().width);
  return Math.abs(widths[0] - widths[1]) < 1;
}"""
"""Whether the layer that is drawn on covers the plot."""


@pytest.fixture
def guest(visitor):
    """A visitor on whose console nothing may go wrong."""
    told = []

    def keep(message):
        if message.type == "error" and not NO_FAULT.search(message.location["url"]):
            told.append(f"{message.text} ({message.location['url']})")

    def arrive(**options):
        page = visitor(**{"viewport": {"width": 1440, "height": 1000}, **options})
        page.on("console", keep)
        return page

    yield arrive
    assert told == []


def at(page, path):
    """The page once its picture is there."""
    page.goto(path)
    page.wait_for_selector(".gl-chip[data-state]")
    page.wait_for_selector(PICTURE)
    return page


def view(page, name):
    page.locator(".st-key-card_picture").get_by_role("radio", name=name, exact=True).click()


def below(page, name):
    page.locator(".st-key-classification-below").get_by_role("radio", name=name).click()


def another_run(page, before):
    """Wait for a run after `before` and its end; its settings."""
    page.wait_for_function(
        f"{LAST_RUN}?.terminal?.type === 'done' && {LAST_RUN}.source.id !== {json.dumps(before)}"
    )
    return page.request.get(f"/api/v1/runs/{run_shown(page)}").json()["config"]


PLACES = """() => {
  const canvas = document.querySelector('.gl-net canvas');
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const found = [];
  for (let x = left + 20; x < left + width / 2; x += 17) for (let y = top + 30; y < top + height; y += 6) {
    canvas.dispatchEvent(new PointerEvent('pointermove', { clientX: x, clientY: y, pointerType: 'mouse' }));
    if (canvas.style.cursor === 'pointer') found.push([x, y]);
  }
  canvas.dispatchEvent(new PointerEvent('pointerleave'));
  return found;
}"""
"""Where there is something to point at, left of the large map."""


def spot(page, found):
    """The first place of the network whose tooltip matches; the pointer stays there."""
    for x, y in page.evaluate(PLACES):
        page.mouse.move(x, y)
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        tip = page.locator(".gl-net .gl-tip")
        if tip.is_visible() and re.search(found, tip.inner_text(), re.DOTALL):
            return x, y
    pytest.fail(f"found nothing that says {found}")


def overflow(page):
    return page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )


# The picture -------------------------------------------------------------------------------------


def test_the_surface_follows_training(guest):
    page = at(guest(), "/classification?data=circles&epochs=20000&speed=fast&v=1")
    view(page, "Surface")
    page.evaluate(SURFACES)
    until(page, "running")
    page.wait_for_function("new Set(surfaces.map(([step]) => step)).size >= 12")
    assert state(page) == "running"
    drawn = page.evaluate("surfaces")
    assert {(rows, columns) for _step, rows, columns, _value in drawn} == {(120, 120)}
    values = {value for *_place, value in drawn}
    assert len(values) >= 10
    assert all(0 <= value <= 1 for value in values)
    steps = [step for step, *_ in drawn]
    assert steps == sorted(steps)


def test_hover_shows_a_neuron_and_an_edited_weight_changes_the_surface(guest):
    page = at(guest(), SMALL)
    another_run(page, None)
    page.mouse.move(5, 5)
    page.wait_for_timeout(400)  # the map at rest is finer than the one that moves
    whole = page.evaluate(OUTPUT)
    spot(page, r"^neuron \d, layer 1\b.*bias")
    page.wait_for_function(f"({OUTPUT})() !== {whole}")

    before, parent = page.evaluate(NETWORK), run_shown(page)
    page.mouse.click(*spot(page, r"^[xy] → neuron \d, layer 1"))
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    number = dialog.get_by_label("Value").nth(1)
    shown = page.evaluate(OUTPUT)
    number.fill("9.5")
    page.wait_for_function(f"({OUTPUT})() !== {shown}")
    number.press("Enter")
    page.wait_for_function(f"{LAST_RUN}.source.id !== '{parent}' && {LAST_RUN}.frame('net')")
    until(page, "paused")
    after = page.evaluate(NETWORK)
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert [b for _a, b in changed] == [9.5]

    press(page, "main")
    until(page, "done")
    assert sum(a != b for a, b in zip(after, page.evaluate(NETWORK), strict=True)) > 1


def test_a_clicked_cell_lists_its_samples_and_stops_the_film(guest):
    page = at(guest(), "/classification?preset=iris")
    view(page, "Confusion")
    page.wait_for_selector(".js-plotly-plot .heatmaplayer image")
    area = page.locator(".st-key-card_picture .nsewdrag").bounding_box()
    page.mouse.click(area["x"] + area["width"] / 6, area["y"] + area["height"] / 6)
    card = page.locator(".st-key-card_samples")
    expect(card).to_contain_text("test rows of “setosa” were taken for “setosa” at step")
    expect(card.get_by_test_id("stDataFrame")).to_be_visible()
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    number = page.evaluate("document.querySelector('.js-plotly-plot').data[0].text[0][0]")
    expect(card).to_contain_text(f"{number} test rows")


def test_a_cell_of_other_data_is_forgotten(guest):
    page = at(guest(), "/classification")
    view(page, "Confusion")
    page.wait_for_selector(".js-plotly-plot .heatmaplayer image")
    area = page.locator(".st-key-card_picture .nsewdrag").bounding_box()
    page.mouse.click(area["x"] + area["width"] / 4, area["y"] + area["height"] / 4)
    card = page.locator(".st-key-card_samples")
    expect(card).to_contain_text("were taken for")
    page.get_by_role("combobox", name="Data").first.click()
    page.get_by_role("option").filter(has_text="Iris").first.click()
    another_run(page, None)
    expect(card).to_contain_text("Click a cell to see what is in it")
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_a_point_of_a_third_class_is_in_the_data_and_trains_again(guest):
    drawn = ";".join(f"{x / 10},{y / 10},{int(x > 0)}" for x in (-8, -4, 4, 8) for y in (-5, 0, 5))
    page = at(guest(), f"/classification?data=drawn&drawn={drawn}&layers=1&epochs=20&v=1")
    another_run(page, None)
    before = run_shown(page)
    view(page, "Surface")
    page.get_by_role("button", name="Draw points").click()
    page.get_by_role("button", name="Add a class").click()
    page.wait_for_function(LAID_OUT)
    box = page.locator("svg.gl-points").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 8)
    config = another_run(page, before)
    points = config["drawn"].split(";")
    assert [p for p in points if p.endswith(",2")] == points[-1:]
    assert len(points) == 13
    classes = page.evaluate(f"{LAST_RUN}.told.arrays.architecture.classes.length")
    assert classes == 3


def test_more_points_than_can_be_drawn_are_explained_and_a_new_drawing_begins(guest):
    page = at(guest(), "/classification")
    view(page, "Surface")
    edit = page.get_by_role("button", name="Draw points")
    edit.click()
    bar = page.locator(".gl-points-bar")
    expect(bar).to_contain_text("These are 500 points, and at most 400 can be changed by hand.")
    assert page.locator("svg.gl-points").count() == 0
    colors = edit.evaluate(
        "(e) => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]"
    )
    assert colors[0] != colors[1]  # it is under the pointer, and still to be read
    edit.click()
    expect(bar).to_be_hidden()
    edit.click()
    page.get_by_role("button", name="Begin a new drawing").click()
    page.wait_for_url("**data=drawn**")
    expect(bar).to_contain_text("Press and drag on the plot to paint points")
    expect(page.locator("svg.gl-points")).to_be_visible()


def test_a_network_too_large_to_be_sent_says_why_there_is_no_surface(guest):
    large = "data=circles&samples=40&layers=2&units_1=200&units_2=100&epochs=1&v=1"
    page = at(guest(), f"/classification?{large}")
    another_run(page, None)
    names = page.locator(".st-key-card_picture").get_by_role("radio").all_inner_texts()
    assert names == ["Surface", "Confusion", "ROC and PR", "Calibration"]
    expect(page.locator(".js-plotly-plot .annotation").first).to_contain_text(
        "No surface: it is drawn from the weights"
    )
    at(page, f"/classification?{large}&sweep=l2&variants=16")
    another_run(page, None)
    expect(page.locator(".gl-name")).to_contain_text("too many weights")
    heights = page.locator(".gl-multiple canvas").evaluate_all(
        "(all) => all.map((c) => { const { data } = c.getContext('2d').getImageData(0, 0, 1,"
        " c.height); return data.filter((v, i) => i % 4 === 3 && v).length / c.height; })"
    )
    accuracy = page.locator(".gl-multiple small").all_inner_texts()
    assert len(accuracy) == 16
    for height, text in zip(heights, accuracy, strict=True):
        assert height == pytest.approx(float(text.removesuffix(" %")) / 100, abs=0.03)


def test_a_clicked_variant_of_a_sweep_becomes_the_setting(guest):
    page = at(guest(), "/classification?preset=rates")
    tile = page.locator(".gl-multiple").nth(8)
    expect(tile).to_contain_text("%")
    rate = float(tile.locator("span").inner_text())
    tile.click()
    config = another_run(page, None)
    assert config["sweep"] == "none"
    assert config["learning_rate"] == pytest.approx(rate, rel=0.05)
    page.wait_for_selector(".gl-net canvas")


# Challenges --------------------------------------------------------------------------------------


def test_a_goal_is_missed_and_then_reached(guest):
    start = "data=circles&noise=0.05&samples=600&epochs=300&layers=1&units_1=4&v=1"
    page = at(guest(), f"/classification?{start}")
    another_run(page, None)
    at(page, f"/classification?{start}&challenge=smallest-circle")
    below(page, "Challenges")
    active = page.locator(".st-key-challenge_active")
    before = run_shown(page)
    press(page, "main")
    another_run(page, before)
    expect(active).to_contain_text("Not yet.")
    before = run_shown(page)
    units = page.locator("[class*='st-key-classification-units_1']").get_by_role("slider")
    units.focus()
    units.press("ArrowLeft")
    assert another_run(page, before)["units_1"] == 3
    expect(active).to_contain_text("Done.")
    expect(page.locator(".st-key-challenge_smallest-circle")).to_contain_text("✓ done")


def test_a_prediction_is_made_first_and_revealed_after_training(guest):
    page = at(guest(), "/classification?challenge=line-xor")
    below(page, "Challenges")
    active = page.locator(".st-key-challenge_active")
    ask = active.get_by_role("button", name="Train and see")
    expect(ask).to_be_disabled()
    expect(active).not_to_contain_text("±")
    active.get_by_text("95 % or more right").click()
    expect(ask).to_be_enabled()
    ask.click()
    expect(active).to_contain_text("It turned out otherwise: 60 % or less right.")
    expect(active).to_contain_text("±")


# Sharing and serving -----------------------------------------------------------------------------


def test_a_shared_run_opens_elsewhere_and_answers_the_curl_of_its_panel(guest):
    page = at(guest(), SMALL)
    another_run(page, None)
    metrics = page.locator(".gl-metrics").inner_text()
    press(page, "share")
    page.get_by_role("button", name="Save & share").click()
    page.wait_for_url("**/classification?run=*")
    page.keyboard.press("Escape")
    below(page, "Serve")
    command = page.locator(".st-key-card_below code", has_text="curl -s").first.inner_text()
    answer = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    told = json.loads(answer.stdout)
    run = page.url.partition("run=")[2].partition("&")[0]
    assert run in command
    assert "error" not in told
    [row] = told["probabilities"]
    assert sum(row) == pytest.approx(1, abs=1e-5)

    friend = at(guest(), page.url)
    until(friend, "done")
    assert friend.locator(".gl-metrics").inner_text() == metrics
    friend.wait_for_selector(".gl-net canvas")


# Any width ---------------------------------------------------------------------------------------


def titles_stay_apart(page):
    """The four titles of a projection cover neither each other nor the plots."""
    page.wait_for_function("document.querySelectorAll('.scatterlayer .point').length > 200")
    card = ".st-key-card_picture"
    boxes = """(all) => all.map((e) => e.getBoundingClientRect())
      .map(({ left, right, top, bottom }) => [left, right, top, bottom])"""
    names = ("xtitle", "x2title", "ytitle", "y2title")
    titles = page.locator(", ".join(f"{card} .g-{name}" for name in names)).evaluate_all(boxes)
    plots = page.locator(f"{card} .nsewdrag").evaluate_all(boxes)
    assert (len(titles), len(plots)) == (4, 2)
    for i, (left, right, top, bottom) in enumerate(titles):
        assert 0 <= left < right <= 390
        for l2, r2, t2, b2 in [*titles[:i], *plots]:
            assert right <= l2 + 1 or r2 <= left + 1 or bottom <= t2 + 1 or b2 <= top + 1


@pytest.mark.parametrize("path", ["/classification", "/classification?preset=iris"])
def test_nothing_makes_a_phone_scroll_sideways(guest, path):
    page = at(guest(viewport={"width": 390, "height": 844}, color_scheme="dark"), path)
    if "iris" in path:
        titles_stay_apart(page)
    for name in page.locator(".st-key-card_picture").get_by_role("radio").all_inner_texts():
        view(page, name)
        page.wait_for_selector(PICTURE)
        assert overflow(page) <= 0, name
    for name in page.locator(".st-key-classification-below").get_by_role("radio").all_inner_texts():
        below(page, name)
        expect(page.locator(".st-key-card_below")).not_to_be_empty()
        assert overflow(page) <= 0, name


def test_a_card_of_home_follows_a_logarithmic_axis(guest):
    page = guest()
    page.goto("/_stcore/health")  # a page without a script
    places = page.evaluate(
        """async () => {
          const { Card } = await import('/api/v1/assets/card.js');
          const root = document.createElement('div');
          root.style.width = '200px';
          document.body.append(root);
          const card = new Card(root, { data: { height: 100 } });
          const trace = { type: 'scatter', mode: 'lines', x: [0.01, 0.1, 1], y: [0, 0.5, 1], line: {} };
          const layout = { xaxis: { type: 'log', range: [-3, 1] }, yaxis: { range: [0, 1] } };
          card.update({ figure: { data: [trace], layout }, href: '', label: '', title: '', summary: '' });
          const at = [];
          for (const name of ['moveTo', 'lineTo']) card.context[name] = (x, y) => at.push([x, y]);
          card.draw({ frame: () => null, told: {} });
          root.remove();
          return at.map(([x, y]) => [x / card.width, y / card.height]);
        }"""
    )
    assert places == [
        [pytest.approx(x), pytest.approx(y)] for x, y in ((0.25, 1), (0.5, 0.5), (0.75, 0))
    ]


def test_an_area_that_cannot_be_measured_is_a_dash(guest):
    page = guest()
    page.goto("/_stcore/health")  # a page without a script
    told = page.evaluate(
        """async () => {
          const { derived } = await import('/api/v1/assets/derived.js');
          const frame = { auc_1: null, auc_2: 0.9384 };
          return ['auc_text_0', 'auc_text_1', 'auc_text_2'].map((name) => derived(name, frame, {}));
        }"""
    )
    assert told == ["–", "–", "0.938"]
