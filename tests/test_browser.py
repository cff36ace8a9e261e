"""What only a browser shows: the live view, links, presence. Real server, real Chromium."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from browsing import LAST_RUN, opened, press, run_shown, state, trained, until
from conftest import wait_for
from playwright.sync_api import expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

pytestmark = pytest.mark.browser

PAGES = ["/", "/regression"]
SIZES = [(1440, 900), (390, 844)]
RECORD = """() => {
  window.drawn = [];
  document.addEventListener("gallery:drawn", (event) => window.drawn.push(event.detail));
  window.plots = [...document.querySelectorAll(".js-plotly-plot")];
}"""
CURVE = "document.querySelector('.js-plotly-plot').data.at(-1).y"


def count_reruns(page):
    """A list that grows by one with every run of the page script, as its websocket tells."""
    reruns = []

    def on_frame(frame):
        message = ForwardMsg()
        message.ParseFromString(frame)
        if message.WhichOneof("type") == "new_session":
            reruns.append(message)

    page.on("websocket", lambda websocket: websocket.on("framereceived", on_frame))
    return reruns


def step_shown(page):
    text = page.locator(".gl-chip").inner_text()
    return int(re.search(r"step ([\d,]+) of", text)[1].replace(",", ""))


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_opens_on_a_moving_picture(visitor, path, width, height, scheme):
    page = visitor(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.goto(path)
    page.wait_for_selector(".gallery-live canvas, .js-plotly-plot .scatterlayer")
    page.evaluate(RECORD)
    page.wait_for_function("new Set(window.drawn.map((d) => d.step)).size > 5")
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) <= 0
    assert page.get_by_test_id("stException").count() == 0


def test_reduced_motion_shows_the_end_and_stays_still(visitor):
    page = opened(visitor(reduced_motion="reduce"))
    page.evaluate(RECORD)
    page.wait_for_timeout(4000)
    assert {d["step"] for d in page.evaluate("window.drawn")} <= {1500}
    assert step_shown(page) == 1500


def test_off_screen_nothing_is_drawn(visitor):
    page = opened(visitor(viewport={"width": 800, "height": 300}), "/regression?preset=R1")
    page.evaluate(RECORD)
    page.evaluate("document.querySelector('.stMain').scrollTo(0, 1e6)")
    page.wait_for_timeout(500)
    page.evaluate("window.drawn.length = 0")
    page.wait_for_timeout(3000)
    assert [d for d in page.evaluate("window.drawn") if d["part"] == "picture"] == []


def test_training_draws_into_the_same_node_without_a_rerun(visitor):
    page = visitor()
    reruns = count_reruns(page)
    opened(page, "/regression?preset=R1")
    page.wait_for_timeout(500)
    reruns.clear()
    page.evaluate(RECORD)
    page.evaluate("window.redraws = 0; plots[0].on('plotly_afterplot', () => { redraws += 1; })")
    trained(page)
    drawn = [d for d in page.evaluate("window.drawn") if d["part"] == "picture" and d["time"]]
    assert len({d["step"] for d in drawn}) >= 5
    assert drawn[-1]["step"] == 10_000
    assert page.evaluate("window.redraws") >= 5
    same = "window.plots.every((p, i) => p === document.querySelectorAll('.js-plotly-plot')[i])"
    assert page.evaluate(same)
    # One rerun for the press, one for the end, none between.
    assert len(reruns) == 2
    expect(page.locator(".gl-published")).to_contain_text("✓ reproduced")


def test_the_curve_on_the_screen_is_the_trained_model(visitor):
    page = opened(visitor(), "/regression?preset=R1")
    trained(page)
    x, y = page.evaluate(CURVE.replace(".y", ".x")), page.evaluate(CURVE)
    names = page.locator(".gl-metrics div > span").all_inner_texts()
    cells = dict(zip(names, page.locator(".gl-metrics div > b").all_inner_texts(), strict=True))
    slope = (y[-1] - y[0]) / (x[-1] - x[0])
    assert slope == pytest.approx(float(cells["Slope"]), abs=2e-3)
    assert float(cells["Train MSE"]) <= 0.3776


def test_a_cold_deep_link_opens_with_its_settings_and_trains(visitor):
    page = opened(visitor(), "/regression?data=line&learning_rate=0.05&units=4&v=1")
    until(page, "running", "done")
    assert page.evaluate("document.querySelector('.js-plotly-plot').layout.yaxis.range[0]") > 1.5
    slider = page.locator("[class*='st-key-regression-learning_rate']").get_by_role("slider")
    assert slider.get_attribute("aria-valuetext") == "0.05"


def test_a_link_with_a_wrong_value_says_so_and_nothing_runs(visitor):
    page = opened(visitor(), "/regression?learning_rate=7e6")
    expect(page.get_by_test_id("stAlert")).to_contain_text(
        "learning_rate: expected a number from 1e-06 to 1000000, received '7e6'."
    )
    assert run_shown(page) is None


@pytest.mark.parametrize(
    ("field", "kind", "forged", "words"),
    [
        ("units", "double", 1e9, "a whole number from 1 to 128, received 1000000000.0."),
        ("learning_rate", "string", "7e6", "a number from 1e-06 to 1000000, received '7e6'."),
        ("model", "string", "Tree", "one of linear, polynomial, mlp, noisy, received 'Tree'."),
    ],
)
def test_a_forged_widget_frame_is_explained_and_nothing_runs(visitor, field, kind, forged, words):
    """A visitor who writes to the websocket themselves."""
    page = visitor()
    forge = {"on": False}

    def through(route):
        upstream = route.connect_to_server()

        def pass_on(frame):
            message = BackMsg()
            message.ParseFromString(frame)
            if forge["on"] and message.WhichOneof("type") == "rerun_script":
                for widget in message.rerun_script.widget_states.widgets:
                    if widget.id.endswith(f"regression.{field}"):
                        getattr(widget, f"{kind}_array_value").data[:] = [forged]
                frame = message.SerializeToString()
            upstream.send(frame)

        route.on_message(pass_on)

    page.route_web_socket(re.compile("_stcore/stream"), through)
    opened(page)
    forge["on"] = True
    press(page, "main")
    expect(page.get_by_test_id("stAlert")).to_contain_text(f"{field}: expected {words}")
    assert run_shown(page) is None


def test_a_live_slider_changes_the_running_job(visitor):
    page = opened(visitor(), "/regression?speed=fast&epochs=20000")
    until(page, "running")
    run = run_shown(page)
    slider = page.locator("[class*='st-key-regression-learning_rate']").get_by_role("slider")
    slider.focus()
    slider.press("ArrowRight")
    expect(page.locator(".gl-note")).to_contain_text("Changed while training: learning_rate = 0.02")
    assert state(page) == "running"
    assert run_shown(page) == run


def test_a_changed_setting_trains_again(visitor):
    page = opened(visitor())
    page.locator("[class*='st-key-regression-model']").get_by_role("combobox").click()
    page.get_by_role("option", name="Straight line").click()
    expect(page).to_have_url(re.compile("model=linear"))
    page.wait_for_function(f"{LAST_RUN}?.terminal")
    line = page.evaluate(CURVE)
    bends = [b - a for a, b in pairwise(line)]
    assert max(bends) - min(bends) < 1e-3


def test_pause_step_and_go_on_with_the_keyboard(visitor):
    page = opened(visitor(), "/regression?speed=fast&epochs=20000")
    until(page, "running")
    page.locator("h1").click()
    page.keyboard.press("Space")
    until(page, "paused")
    before = step_shown(page)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".gl-chip")).to_contain_text(f"step {before + 1:,} of")
    page.keyboard.press("Space")
    until(page, "running")
    page.keyboard.press("r")
    until(page, "paused")
    assert step_shown(page) == 0


def test_keys_do_nothing_while_somebody_types(visitor):
    page = opened(visitor())
    page.get_by_text("More settings").click()
    box = page.locator(".st-key-regression-seed input")
    box.click()
    box.press("r")
    box.press("Space")
    page.wait_for_timeout(500)
    assert run_shown(page) is None


def test_save_and_share_shows_the_same_run_to_another_visitor(visitor):
    page = opened(visitor(), "/regression?preset=R2")
    trained(page)
    shown = page.locator(".gl-metrics").inner_text()
    curve = page.evaluate(CURVE)
    press(page, "share")
    page.get_by_role("button", name="Save & share").click()
    page.wait_for_url("**/regression?run=*")
    expect(page.get_by_text("The link works until")).to_be_visible()
    link = page.url

    friend = visitor()
    opened(friend, link)
    until(friend, "done")
    assert friend.locator(".gl-metrics").inner_text() == shown
    assert friend.evaluate(CURVE) == curve
    assert run_shown(friend) is None

    page.get_by_role("button", name="Stop sharing").click()
    expect(page.get_by_text("The link no longer works.")).to_be_visible()
    late = visitor()
    opened(late, link)
    expect(late.get_by_test_id("stAlert")).to_contain_text("There is no such run")


def test_an_unsaved_run_is_nobody_elses(visitor, server):
    page = opened(visitor())
    trained(page)
    run = run_shown(page)
    assert page.request.get(f"/api/v1/runs/{run}").status == 200
    stranger = visitor()
    opened(stranger)
    assert stranger.request.get(f"/api/v1/runs/{run}").status == 404
    assert stranger.request.get(f"/api/v1/runs/{run}/events").status == 404
    assert stranger.request.delete(f"/api/v1/runs/{run}").status == 404


def test_closing_the_tab_ends_the_run_after_the_grace(visitor):
    page = opened(visitor(), "/regression?speed=slow&units=8")
    until(page, "running")
    run, context = run_shown(page), page.context
    page.close()
    wait_for(
        lambda: context.request.get(f"/api/v1/runs/{run}").json()["state"] == "cancelled",
        "the run to be cancelled",
    )


def test_a_dropped_websocket_does_not(visitor):
    page = visitor()
    sockets = []

    def through(route):
        sockets.append(route)
        route.connect_to_server()

    page.route_web_socket(re.compile("_stcore/stream"), through)
    opened(page, "/regression?speed=fast&epochs=20000")
    until(page, "running")
    run = run_shown(page)
    before = step_shown(page)
    sockets[-1].close()
    page.wait_for_timeout(4000)  # longer than the grace
    assert len(sockets) >= 2
    assert page.request.get(f"/api/v1/runs/{run}").json()["state"] == "running"
    assert run_shown(page) == run
    assert step_shown(page) > before
    press(page, "main")
    until(page, "paused")


def test_a_reload_while_training_loses_nothing_that_was_asked(visitor):
    page = opened(visitor(), "/regression?units=8&epochs=300&v=1")
    until(page, "done")
    page.reload()
    page.wait_for_selector(".gl-chip[data-state]")
    until(page, "done")
    assert "units=8" in page.url


def test_without_a_stream_the_page_polls_and_draws_all_the_same(visitor):
    page = visitor()
    page.route(re.compile(r"/runs/\w+/events"), lambda route: route.abort())
    opened(page, "/regression?preset=R1")
    page.evaluate(RECORD)
    press(page, "main")
    page.wait_for_selector(".gl-chip[data-state=done]:has-text('MB · done')", timeout=20_000)
    drawn = [d for d in page.evaluate("window.drawn") if d["part"] == "picture" and d["time"]]
    assert drawn[-1]["step"] == 10_000


def test_images_are_drawn_on_a_canvas(visitor):
    """The image panel with an encoded array: blue for +1, orange for -1."""
    page = opened(visitor())
    colours = page.evaluate(
        """async () => {
          const { Image } = await import("/api/v1/assets/image.js");
          const root = document.createElement("div");
          const panel = new Image(root, { data: { height: 20 } });
          panel.update({ array: "field", label: "field" });
          const b64 = btoa(String.fromCharCode(...new Uint8Array(new Float32Array([1, -1]).buffer)));
          const data = { field: { dtype: "float32", shape: [1, 2], b64 } };
          await panel.draw({ frame: () => ({ step: 0, data }) });
          const canvas = root.querySelector("canvas");
          return [0, 1].map((x) => [...canvas.getContext("2d").getImageData(x, 0, 1, 1).data]);
        }"""
    )
    assert colours == [[59, 130, 196, 255], [217, 119, 42, 255]]


def test_the_home_card_leads_to_its_page(visitor):
    page = visitor()
    page.goto("/")
    page.get_by_role("link", name=re.compile("A line through 19 points")).click()
    page.wait_for_url("**/regression**")
    page.wait_for_selector(".js-plotly-plot .scatterlayer")
    expect(page.get_by_role("combobox", name="Preset")).to_have_value(
        "R1 · A line through 19 points"
    )


def test_the_running_ui_process_has_no_torch(visitor, server):
    page = opened(visitor())
    trained(page)
    maps = Path(f"/proc/{server.process.pid}/maps")
    if not maps.is_file():
        pytest.skip("needs /proc")
    assert "libtorch" not in maps.read_text()
