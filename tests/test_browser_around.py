"""What surrounds a run, in a real Chromium on the real page: time, forks, runs, points, exports."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import zipfile

import av
import numpy as np
import pytest
from browsing import LAST_RUN, opened, press, run_shown, until
from PIL import Image
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

QUICK = "/regression?epochs=200&samples=48"
FIT = "document.querySelector('.js-plotly-plot').data.find((t) => t.name === 'model').y"
STREAM = "[...galleryStreams.values()].find((s) => s.listeners.size)"


def quick(page, path=QUICK):
    """A page whose run of these settings has ended."""
    opened(page, path)
    until(page, "done")
    expect(page.locator(".gl-runs tbody tr")).not_to_have_count(0)
    return page


def scrub_to(page, share):
    """Move the time slider to a share of its length."""
    page.evaluate(
        """(share) => {
          const slider = document.querySelector(".gl-timeline input[type=range]");
          slider.value = Math.round(share * Number(slider.max));
          slider.dispatchEvent(new Event("input"));
        }""",
        share,
    )
    page.wait_for_timeout(150)


def rows(page):
    return page.locator(".gl-runs tbody tr")


# Time machine and forks ----------------------------------------------------------------------------


def test_scrubbing_shows_the_picture_and_the_figures_of_that_moment(visitor):
    page = quick(visitor())
    mse = page.locator(".gl-metrics b").first
    end, fit = mse.inner_text(), page.evaluate(FIT)
    scrub_to(page, 0)
    expect(page.locator(".gl-timeline .gl-step")).to_contain_text("step 0 of 200")
    assert page.evaluate(FIT) != fit
    assert float(mse.inner_text()) > 2 * float(end)
    page.get_by_role("button", name="To the end").click()
    expect(mse).to_have_text(end)
    assert page.evaluate(FIT) == fit


def test_time_can_be_turned_back_while_a_run_trains(visitor):
    page = opened(visitor(), "/regression?epochs=20000&speed=fast")
    until(page, "running")
    page.wait_for_function(f"{LAST_RUN}.steps().length > 20")
    scrub_to(page, 0.1)
    shown = page.locator(".gl-timeline .gl-step").inner_text()
    page.wait_for_timeout(500)
    assert page.locator(".gl-timeline .gl-step").inner_text() == shown
    page.get_by_role("button", name="Live", exact=True).click()
    expect(page.locator(".gl-timeline .gl-step")).not_to_have_text(shown)


def test_a_fork_goes_on_from_the_step_with_other_settings(visitor):
    page = quick(visitor(), "/regression?epochs=400&samples=48&learning_rate=0.001")
    parent = run_shown(page)
    scrub_to(page, 0.8)
    step = page.evaluate(f"{STREAM}.keptStep()")
    page.get_by_role("button", name="Fork here").click()
    until(page, "paused")
    assert run_shown(page) != parent
    expect(page.locator(".st-key-fork_line")).to_contain_text(f"Runs go on from step {step}.")
    expect(page.locator(".gl-legend").first).to_contain_text("before the fork")
    slider = page.locator("[class*='st-key-regression-learning_rate']").get_by_role("slider")
    slider.focus()
    for _press in range(4):
        slider.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "0.02")
    press(page, "main")
    until(page, "done")
    history = page.evaluate(
        f"fetch(`/api/v1/runs/${{{LAST_RUN}.source.id}}/history`).then((a) => a.json())"
    )
    assert history["fork"] == {"run": parent, "step": step}
    assert history["metrics"]["step"][0] == step
    assert history["config"]["learning_rate"] == 0.02


# Runs ----------------------------------------------------------------------------------------------


def test_runs_are_overlaid_restored_deleted_and_brought_back(visitor):
    page = quick(visitor())
    slider = page.locator("[class*='st-key-regression-units']").get_by_role("slider")
    slider.focus()
    slider.press("ArrowLeft")
    until(page, "done")
    expect(rows(page)).to_have_count(2)
    expect(rows(page).nth(0)).to_contain_text("Units 15")
    rows(page).nth(1).get_by_role("checkbox").check()
    expect(page.locator(".gl-legend").first).to_contain_text("run A")
    rows(page).nth(1).get_by_role("button", name="Restore").click()
    expect(slider).to_have_attribute("aria-valuetext", "16")
    rows(page).nth(0).get_by_role("button", name="Delete").click()
    expect(rows(page)).to_have_count(1)
    page.locator(".st-key-regression-undo button:visible").first.click()
    expect(rows(page)).to_have_count(2)


# Points --------------------------------------------------------------------------------------------


def place(page, x, y):
    """Where a point of the data lies in the window, in px."""
    return page.evaluate(
        """([x, y]) => {
          const node = document.querySelector(".js-plotly-plot");
          const { xaxis, yaxis } = node._fullLayout;
          const box = node.getBoundingClientRect();
          return { x: box.left + xaxis._offset + xaxis.d2p(x), y: box.top + yaxis._offset + yaxis.d2p(y) };
        }""",
        [x, y],
    )


def drawn(page):
    """The points in the address bar."""
    text = page.evaluate("new URL(location).searchParams.get('drawn') ?? ''")
    return [tuple(map(float, pair.split(","))) for pair in text.split(";") if pair]


def edited(page, count):
    page.wait_for_function(
        "(n) => (new URL(location).searchParams.get('drawn') ?? '').split(';').filter(Boolean).length === n",
        arg=count,
    )


DRAWN = "/regression?data=drawn&drawn=0,0;1,1;2,2;4,4&epochs=60&validation=0.0&v=2"


def test_points_are_added_dragged_and_deleted_with_the_mouse(visitor):
    page = opened(visitor(), DRAWN)
    page.get_by_role("button", name="Edit points").click()
    page.wait_for_timeout(500)
    spot = place(page, 3, 1)
    page.mouse.click(**spot)
    edited(page, 5)
    assert drawn(page)[-1] == pytest.approx((3, 1), abs=0.05)
    page.wait_for_timeout(800)  # more than a double click
    begin, end = place(page, 1, 1), place(page, 1, 3)
    page.mouse.move(**begin)
    page.mouse.down()
    page.mouse.move(end["x"], end["y"] - 3, steps=5)
    page.mouse.move(**end)
    page.mouse.up()
    page.wait_for_function(
        """() => new URL(location).searchParams.get("drawn").split(";").some((pair) => {
          const [x, y] = pair.split(",").map(Number);
          return Math.abs(x - 1) < 0.05 && Math.abs(y - 3) < 0.05;
        })"""
    )
    assert len(drawn(page)) == 5
    page.wait_for_timeout(800)
    page.mouse.dblclick(**place(page, 4, 4))
    edited(page, 4)
    assert (4, 4) not in drawn(page)
    page.locator(".st-key-regression-undo button:visible").first.click()
    edited(page, 5)


def test_points_are_added_and_deleted_by_touch(visitor):
    page = opened(
        visitor(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844}), DRAWN
    )
    page.get_by_role("button", name="Edit points").tap()
    page.wait_for_timeout(500)
    page.locator(".js-plotly-plot").first.scroll_into_view_if_needed()
    spot = place(page, 3, 1)
    page.touchscreen.tap(spot["x"], spot["y"])
    edited(page, 5)
    page.wait_for_timeout(800)
    session = page.context.new_cdp_session(page)
    finger = place(page, 3, 1)
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [finger]})
    page.wait_for_timeout(900)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    edited(page, 4)


def test_without_points_the_page_says_what_to_do(visitor):
    page = opened(visitor(), DRAWN)
    page.get_by_role("button", name="Edit points").click()
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_test_id("stAlert")).to_contain_text("There are no points to fit.")
    page.locator(".st-key-regression-undo button:visible").first.click()
    edited(page, 4)
    until(page, "done")


def test_nothing_is_made_anew_when_settings_or_points_change(visitor):
    page = opened(visitor(), DRAWN)
    page.evaluate("window.before = [...document.querySelectorAll('.js-plotly-plot, .gl-chip')]")
    slider = page.locator("[class*='st-key-regression-units']").get_by_role("slider")
    slider.focus()
    for _press in range(3):
        slider.press("ArrowRight")
    expect(page).to_have_url(re.compile("units=19"))
    page.get_by_role("button", name="Edit points").click()
    page.mouse.click(**place(page, 3, 1))
    edited(page, 5)
    until(page, "done")
    assert page.evaluate(
        "before.every((node, i) => node === "
        "document.querySelectorAll('.js-plotly-plot, .gl-chip')[i]) && before.length"
    )


# Divergence ----------------------------------------------------------------------------------------


def test_a_huge_rate_fails_at_its_step_and_keeps_the_last_good_picture(visitor):
    page = opened(visitor(), "/regression?learning_rate=1e6&optimiser=sgd")
    until(page, "failed")
    expect(page.locator(".gl-note.gl-error")).to_contain_text("Diverged at step ")
    fit = page.evaluate(FIT)
    assert len(fit) > 10
    assert np.isfinite(fit).all()
    assert np.abs(fit).max() < 10


# Exports -------------------------------------------------------------------------------------------


@pytest.fixture
def exporting(visitor):
    page = quick(visitor(accept_downloads=True))
    page.get_by_role("button", name="Export").click()
    expect(page.get_by_role("link", name="Script (Python)")).to_be_visible()
    return page


def download(page, name, role="button"):
    with page.expect_download(timeout=60_000) as caught:
        page.get_by_role(role, name=name).click()
    return caught.value


def test_the_animation_opens_and_moves(exporting):
    gif = Image.open(download(exporting, "Animation (GIF)").path())
    assert gif.format == "GIF"
    assert gif.size == (800, 450)
    assert gif.n_frames > 20
    first = np.asarray(gif.convert("RGB")).astype(int)
    gif.seek(gif.n_frames - 1)
    assert np.abs(np.asarray(gif.convert("RGB")) - first).max() > 60
    with av.open(str(download(exporting, "Animation (MP4)").path())) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
        assert film.streams.video[0].codec_context.name == "h264"
    assert len(frames) == gif.n_frames
    assert np.abs(frames[-1].astype(int) - frames[0]).max() > 60


def test_figures_open_on_their_own(exporting, browser, tmp_path):
    assert Image.open(download(exporting, "Picture (PNG)").path()).size[0] >= 800
    file = tmp_path / "picture.html"
    download(exporting, "Picture (HTML)").save_as(file)
    context = browser.new_context(offline=True)
    alone = context.new_page()
    alone.goto(file.as_uri())
    alone.wait_for_selector(".js-plotly-plot .scatterlayer")
    context.close()


def test_files_of_a_run_can_be_taken_along(exporting, tmp_path):
    table = download(exporting, "Metrics by step (CSV)", "link").path().read_text()
    last = list(csv.DictReader(io.StringIO(table)))[-1]
    script = download(exporting, "Script (Python)", "link").path()
    printed = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=True, cwd=tmp_path
    ).stdout
    metrics = json.loads(printed.splitlines()[-1])
    assert metrics["train_mse"] == pytest.approx(float(last["train_mse"]), rel=1e-4)
    names = zipfile.ZipFile(download(exporting, "Weights and card (ZIP)", "link").path()).namelist()
    assert any(name.endswith(".safetensors") for name in names)
    assert any(name.endswith(".json") for name in names)


# Own tables and classrooms -------------------------------------------------------------------------


def test_an_own_csv_is_chosen_and_trained(visitor):
    page = visitor()
    page.goto("/regression?data=own&epochs=100")
    page.wait_for_selector("input[type=file]", state="attached")
    random = np.random.default_rng(0)
    lines = ["size,colour,price"]
    for size, colour in zip(random.uniform(1, 9, 60), random.integers(0, 2, 60), strict=True):
        lines.append(f"{size:.3f},{('red', 'blue')[colour]},{3 * size + 5 * colour:.3f}")
    file = {"name": "mine.csv", "mimeType": "text/csv", "buffer": "\n".join(lines).encode()}
    page.locator("input[type=file]").set_input_files(file)
    until(page, "done")
    expect(page.locator(".st-key-card_settings")).to_contain_text("60 of 60 rows in use")
    broken = {**file, "buffer": b'a,b\n1,"2\n'}
    page.locator("input[type=file]").set_input_files(broken)
    expect(page.get_by_test_id("stAlert")).to_contain_text("quot")
    expect(page.locator(".st-key-card_settings")).to_contain_text("60 of 60 rows in use")


def test_a_classroom_link_embeds_and_locks(visitor):
    page = visitor(viewport={"width": 1400, "height": 900})
    page.goto("/api/v1/openapi.json")  # any page of ours: only those may embed by default
    page.evaluate(
        """(source) => {
          const frame = document.createElement("iframe");
          Object.assign(frame, { src: source, width: 1300, height: 860 });
          document.body.replaceChildren(frame);
        }""",
        "/regression?embed=true&lock=learning_rate&hide=noise&present=1",
    )
    frame = page.frame_locator("iframe")
    expect(frame.locator(".js-plotly-plot .scatterlayer").first).to_be_visible()
    expect(frame.locator("[class*='st-key-regression-noise']")).to_have_count(0)
    slider = frame.locator("[class*='st-key-regression-learning_rate']").get_by_role("slider")
    expect(slider).to_be_disabled()
    expect(frame.locator(".gl-head").first).to_have_css("font-size", "16px")
