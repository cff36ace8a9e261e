"""The panels of the live view alone: a fake component, a canned run, no Streamlit, real Chromium."""

from __future__ import annotations

import base64
import json
import math
import re
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from engine import ROOT
from engine.bench.browser import chromium

pytestmark = pytest.mark.browser

LIVE = ROOT / "pages" / "_live"
TYPES = {".js": "text/javascript", ".css": "text/css"}
THEMES = {
    "light": ("#faf9f7", "#f1efeb", "#1d2126", "#e8e5df", "#2b6cb0", "#ffffff"),
    "dark": ("#0f1216", "#1d222a", "#e7eaee", "#272d36", "#63a4e8", "#161a20"),
}
HARNESS = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="/live/live.css">
<style>
  :root {{ --st-font: system-ui, sans-serif; --st-background-color: {0}; --st-orange-color: #d9772b;
    --st-secondary-background-color: {1}; --st-text-color: {2}; --st-border-color: {3};
    --st-primary-color: {4}; --st-green-color: #2f855a; --gallery-card: {5}; }}
  body {{ margin: 0; padding: 16px; background: {0}; color: {2}; display: grid; gap: 12px; }}
  .card {{ background: {5}; border: 1px solid {3}; border-radius: 12px; padding: 14px;
    min-width: 0; }}
</style><body>
<script type="module">
  import {{ mount, unmount }} from "/live/live.js";
  window.told = [];
  const shown = {{}};
  window.show = (name, data) => {{
    if (!shown[name]) {{
      const parentElement = document.createElement("div");
      parentElement.className = "card";
      parentElement.innerHTML = '<div class="gallery-live"></div>';
      document.body.append(parentElement);
      shown[name] = {{ parentElement, setTriggerValue: (n, value) => told.push([n, value]),
        setStateValue: (n, value) => told.push([n, value]) }};
    }}
    shown[name].data = {{ plotly: "/plotly.min.js", theme: "light", height: 300, ...data }};
    mount(shown[name]);
  }};
  window.hide = (name) => {{ unmount(shown[name].parentElement); shown[name].parentElement.remove();
    delete shown[name]; }};
  window.ready = true;
</script></body>"""
FAKE_EVENTS = """window.sources = {};
window.EventSource = class extends EventTarget {
  constructor(url) { super(); this.readyState = 1; sources[url] = this; this.seq = 0;
    setTimeout(() => this.onopen?.()); }
  close() { this.readyState = 2; }
  emit(type, step, data) {
    const event = { type, step, data, seq: ++this.seq, time: 1000 + this.seq, run: "r1" };
    this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(event) }));
  }
};"""

STEPS = sorted({round(1.4**k) for k in range(28)} | {0, 10_000})
GRID = [k / 20 for k in range(41)]
DATA_X = [0.1, 0.4, 0.8, 1.2, 1.6, 1.9]
DATA_Y = [0.3, 0.6, 1.1, 1.0, 1.7, 2.0]
CURVES = [
    {"name": "loss", "title": "Train MSE", "color": "#3b82c4"},
    {"name": "val_loss", "title": "Validation MSE", "color": "#d9772b"},
]
WORDS = {
    "timeline": {
        "play": "Play",
        "pause": "Pause",
        "time": "Step shown",
        "step": "step {step} of {total}",
        "live": "Live",
        "end": "To the end",
        "fork": "Fork here",
        "fork_help": "Go on from step {step} with other settings",
    },
    "curves": {"log": "log", "smoothing": "smoothing"},
    "metrics": {
        "figure": "Figure",
        "published": "published",
        "measured": "measured",
        "seeds": "10 seeds",
        "seeds_help": "",
        "reproduced": "reproduced",
        "missed": "not reached",
        "at most": "at most {target}",
        "failed": "The run failed.",
        "missing": "This run could not be loaded.",
        "earlier": "Measured at step {step}.",
    },
    "edit": {
        "edit": "Edit points",
        "hint": "Click to add, drag to move, double-click to delete",
        "clear": "Clear",
        "full": "{limit} points at most",
    },
    "runs": {
        "runs": "Your runs",
        "pin": "Pin",
        "when": "When",
        "settings": "What differs",
        "seconds": "Time",
        "seed": "Seed",
        "restore": "Restore",
        "delete": "Delete",
        "undo": "Undo",
        "empty": "No runs yet: press Train.",
        "full": "Six runs are pinned already.",
        "failed": "failed",
    },
    "exports": {
        "png": "Picture (PNG)",
        "html": "Picture (HTML)",
        "gif": "Animation (GIF)",
        "mp4": "Animation (MP4)",
        "drawing": "Drawing {done} of {total} …",
        "encoding": "Encoding …",
        "saved": "Saved.",
        "failed": "That did not work.",
        "no_picture": "There is no picture on this page.",
        "step": "step {step} of {total}",
    },
}


def slope(step: int) -> float:
    """What the canned run has learned at a step."""
    return 1 - math.exp(-step / 200)


def history(bend: float = 0.0, sd: bool = True, terminal: bool = True) -> dict[str, Any]:
    """A run whose model is a line (plus a bend) that turns up to y = x."""
    loss = [0.02 + (1 - slope(s)) ** 2 for s in STEPS]
    band = {"loss_sd": [0.2 * v for v in loss]} if sd else {}
    frames: list[dict[str, Any]] = [{"kind": "fit", "step": s, "data": fit(s, bend)} for s in STEPS]
    frames[-2]["passing"] = True
    if terminal:
        frames.append({"kind": "surface", "step": STEPS[-1], "data": surface()})
    return {
        "run": "r1",
        "started": {
            "time": 0,
            "device": "cpu",
            "parameters": 2,
            "samples": 6,
            "steps_total": 10_000,
            "arrays": {"grid": GRID},
        },
        "metrics": {
            "step": STEPS,
            "epoch": STEPS,
            "time": [s / 1000 for s in STEPS],
            "loss": loss,
            "val_loss": [1.5 * v for v in loss],
            **band,
        },
        "frames": frames,
        "notes": [
            {"step": 10, "level": "info", "text": f"note {i}", "title": f"Title {i}"}
            for i in range(6)
        ],
        "terminal": {
            "type": "done",
            "time": 9,
            "data": {"metrics": {"loss": 0.0123, "seconds": 0.5, "steps": 10_000}},
        }
        if terminal
        else None,
    }


def fit(step: int, bend: float = 0.0) -> dict[str, Any]:
    mean = [slope(step) * x + bend * x * (2 - x) for x in GRID]
    return {"fit": mean, "low": [y - 0.2 for y in mean], "high": [y + 0.2 for y in mean]}


def surface() -> dict[str, Any]:
    axis = [k / 10 for k in range(-10, 11)]
    values = struct.pack("<441f", *(a * a + b * b for b in axis for a in axis))
    encoded = {"dtype": "float32", "shape": [21, 21], "b64": base64.b64encode(values).decode()}
    path = [1 - slope(s) for s in STEPS]
    return {
        "a": axis,
        "b": axis,
        "z": encoded,
        "path_a": path,
        "path_b": path,
        "path_z": [2 * p * p for p in path],
        "path_step": STEPS,
    }


def picture_figure() -> dict[str, Any]:
    markers = {"color": "#d9772b", "size": 8}
    hair = {"color": "#3b82c4", "width": 0}
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines",
                "line": hair,
                "meta": {"live": {"x": "grid", "y": "low"}},
                "hoverinfo": "skip",
            },
            {
                "type": "scatter",
                "mode": "lines",
                "line": hair,
                "fill": "tonexty",
                "fillcolor": "rgba(59,130,196,0.2)",
                "name": "mean ± sd",
                "meta": {"live": {"x": "grid", "y": "high"}},
            },
            {
                "type": "scatter",
                "mode": "markers",
                "name": "training",
                "x": DATA_X,
                "y": DATA_Y,
                "marker": markers,
            },
            {
                "type": "scatter",
                "mode": "lines",
                "name": "model",
                "line": {"color": "#3b82c4", "width": 3},
                "meta": {"live": {"x": "grid", "y": "fit"}, "ghost": True},
            },
        ],
        "layout": flat_layout({"range": [0, 2]}, {"range": [-0.5, 2.5]}),
    }


def flat_layout(xaxis: dict[str, Any], yaxis: dict[str, Any]) -> dict[str, Any]:
    axis = {"gridcolor": "rgba(125,132,140,0.18)", "zeroline": False, "automargin": True}
    return {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 44, "r": 16, "t": 8, "b": 34},
        "font": {"size": 12},
        "showlegend": False,
        "xaxis": axis | xaxis,
        "yaxis": axis | yaxis,
    }


def surface_figure() -> dict[str, Any]:
    path = {"x": "path_a", "y": "path_b", "z": "path_z"}
    return {
        "data": [
            {
                "type": "surface",
                "name": "loss",
                "showscale": False,
                "colorscale": "Viridis",
                "meta": {"live": {"x": "a", "y": "b", "z": "z"}},
            },
            {
                "type": "scatter3d",
                "mode": "lines",
                "name": "path",
                "line": {"color": "#d9772b", "width": 5},
                "meta": {"live": path, "until": "path_step"},
            },
        ],
        "layout": {
            "paper_bgcolor": "rgba(0,0,0,0)",
            "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
            "showlegend": False,
            "scene": {"xaxis": {"title": {"text": "a"}}},
        },
    }


class Site:
    """Serves the panels, the harness, canned histories; remembers what is posted."""

    def __init__(self) -> None:
        self.histories: dict[str, Any] = {}
        self.posted: list[dict[str, Any]] = []
        self.answer: tuple[int, str, bytes] = (200, "image/gif", b"GIF89a")
        self.asked: list[str] = []
        self.plotly = (files("plotly") / "package_data" / "plotly.min.js").read_bytes()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send(*site.get(self.path))

            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                site.posted.append(json.loads(self.rfile.read(length)))
                self.send(*site.answer)

            def send(self, status: int, media_type: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-type", media_type)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def get(self, path: str) -> tuple[int, str, bytes]:
        path, _, query = path.partition("?")
        self.asked.append(path)
        if path == "/":
            colours = THEMES["dark" if "dark" in query else "light"]
            return 200, "text/html", HARNESS.format(*colours).encode()
        if path == "/plotly.min.js":
            return 200, "text/javascript", self.plotly
        if path in self.histories:
            return 200, "application/json", json.dumps(self.histories[path]).encode()
        file = LIVE / Path(path).name
        if path.startswith("/live/") and file.suffix in TYPES and file.is_file():
            return 200, TYPES[file.suffix], file.read_bytes()
        return 404, "text/plain", b""


@pytest.fixture(scope="module")
def served():
    site = Site()
    yield site
    site.http.shutdown()


@pytest.fixture
def site(served):
    served.histories = {"/history": history(), "/other": history(bend=0.5, sd=False)}
    served.posted.clear()
    served.asked.clear()
    served.answer = (200, "image/gif", b"GIF89a")
    return served


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def opened(browser, site):
    """Opens the harness; errors in it fail the test."""
    contexts, errors = [], []

    def arrive(query="", **options):
        context = browser.new_context(base_url=site.url, **options)
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.add_init_script(FAKE_EVENTS)
        page.goto(f"/?{query}")
        page.wait_for_function("window.ready")
        return page

    yield arrive
    for context in contexts:
        context.close()
    assert errors == []


# The page -------------------------------------------------------------------------------------

RECORDING = {"kind": "recording", "url": "/history", "play": "", "id": "r1"}
RUN = {"kind": "run", "id": "r1", "url": "/events", "history": "/history"}
STREAM = "galleryStreams.get('/history')"
LIVE_STREAM = "galleryStreams.get('/events')"
OVERLAYS = [{"url": "/other", "title": "16 units", "color": "#009e73"}]
FIGURE = "document.querySelector('.js-plotly-plot')"
TWO_FRAMES = "() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))"


def show(page, part, source=RECORDING, slot=None, **data):
    """Mount a panel, or hand a mounted one new data."""
    page.evaluate(
        "([n, d]) => show(n, d)", [slot or part, {"part": part, "source": source, **data}]
    )


def show_timeline(page, source=RECORDING, fork=True):
    show(page, "timeline", source, words=WORDS["timeline"], fork=fork)
    page.wait_for_function(f"galleryStreams.get('{source['url']}').started")


def show_curves(page, source=RECORDING, overlays=()):
    axes = flat_layout({"title": {"text": "step"}}, {"tickformat": ".2~g"})
    figure = {"data": [], "layout": axes}
    data = {"curves": CURVES, "figure": figure, "height": 170, "overlays": list(overlays)}
    show(page, "curves", source, label="curves", words=WORDS["curves"], **data)


def show_picture(page, source=RECORDING, **data):
    figure = {"figure": picture_figure(), "kind": "fit", "label": "picture"}
    show(page, "picture", source, **figure | data)
    page.wait_for_selector(".js-plotly-plot .main-svg")


def show_editor(page, x=DATA_X, y=DATA_Y, limit=200, **data):
    edit = {"limit": limit, "words": WORDS["edit"]}
    show_picture(page, edit=edit, points={"x": x, "y": y}, **data)


def show_metrics(page, source=RECORDING, **data):
    metrics = [{"name": c["name"], "title": c["title"], "help": ""} for c in CURVES]
    figures = {"metrics": metrics, "baselines": [], "published": []}
    show(page, "metrics", source, words=WORDS["metrics"], **figures | data)


def told(page, name):
    """Values of a trigger, in order."""
    return [value for n, value in page.evaluate("told") if n == name]


def traces(page):
    return page.evaluate(f"{FIGURE}.data.map(({{x, y, name, line}}) => ({{x, y, name, line}}))")


def model(page):
    return traces(page)[-1]["y"]


def seek(page, step, stream=STREAM):
    page.evaluate(f"{stream}.seek({step})")
    page.evaluate(TWO_FRAMES)


# The time machine -----------------------------------------------------------------------------


def test_seek_shows_rows_and_frames_up_to_the_step_and_follow_the_end(opened):
    page = opened()
    show_picture(page)
    show_timeline(page)
    page.wait_for_function(f"{FIGURE}?.data?.at(-1).y.length")
    assert page.evaluate(f"{STREAM}.steps()") == STEPS  # the surface at the end adds none
    between = (STEPS[9] + STEPS[10]) / 2
    seek(page, between)
    assert model(page) == pytest.approx(fit(STEPS[9])["fit"])
    assert page.evaluate(f"{STREAM}.columns.step[{STREAM}.count - 1]") == STEPS[9]
    assert page.evaluate(f"{STREAM}.frame('surface').step") == STEPS[-1]
    page.evaluate(f"{STREAM}.follow()")
    page.evaluate(TWO_FRAMES)
    assert model(page) == pytest.approx(fit(STEPS[-1])["fit"])
    assert page.evaluate(f"{STREAM}.cursor") is None


def test_metrics_are_those_of_the_step_and_final_ones_only_at_the_end(opened):
    page = opened()
    show_metrics(page)
    value = page.locator(".gl-metrics b").first
    expect(value).to_contain_text("0.0123")
    seek(page, STEPS[-1])  # the last step is the end
    expect(value).to_contain_text("0.0123")
    seek(page, STEPS[10])
    expect(value).to_contain_text(f"{0.02 + (1 - slope(STEPS[10])) ** 2:.4g}")


def test_a_row_that_did_not_measure_a_metric_shows_the_one_before(opened, site):
    site.histories["/history"]["metrics"]["val_loss"][10] = None
    page = opened()
    show_metrics(page)
    page.wait_for_function(f"{STREAM}.started")
    seek(page, STEPS[10])
    before = 1.5 * (0.02 + (1 - slope(STEPS[9])) ** 2)
    expect(page.locator(".gl-metrics b").nth(1)).to_contain_text(f"{before:.4g}")


def test_every_seek_is_drawn_by_all_panels_in_the_next_frame(opened):
    page = opened(viewport={"width": 1440, "height": 1400})
    show_picture(page)
    show_timeline(page)
    show_curves(page)
    show_metrics(page)
    page.wait_for_function(
        "document.querySelectorAll('.js-plotly-plot .scatterlayer').length === 2"
    )
    drawn = page.evaluate(
        f"""async () => {{
          const drawn = {{}};
          document.addEventListener("gallery:drawn", ({{ detail }}) =>
            (drawn[detail.part] ??= []).push(detail.step));
          for (const step of {STREAM}.steps().slice(0, 12)) {{
            {STREAM}.seek(step);
            await ({TWO_FRAMES})();
          }}
          return drawn;
        }}"""
    )
    assert {part: steps[-12:] for part, steps in drawn.items()} == dict.fromkeys(
        ("picture", "timeline", "curves", "metrics"), STEPS[:12]
    )


def test_slider_arrows_move_one_frame(opened):
    page = opened()
    show_timeline(page)
    slider = page.get_by_role("slider", name="Step shown")
    slider.focus()
    slider.press("ArrowLeft")
    slider.press("ArrowLeft")
    assert page.evaluate(f"{STREAM}.cursor") == STEPS[-3]
    expect(slider).to_have_attribute("aria-valuetext", f"step {STEPS[-3]:,} of 10,000")
    slider.press("ArrowRight")
    assert page.evaluate(f"{STREAM}.cursor") == STEPS[-2]
    slider.press("ArrowRight")
    assert page.evaluate(f"{STREAM}.cursor") is None


def test_fork_names_the_nearest_kept_frame(opened):
    page = opened()
    show_timeline(page)
    fork = page.get_by_role("button", name="Fork here")
    seek(page, STEPS[-2])  # a passing frame
    assert fork.get_attribute("title") == f"Go on from step {STEPS[-3]:,} with other settings"
    fork.click()
    page.evaluate(f"{STREAM}.follow()")
    fork.click()
    assert told(page, "fork") == [
        {"run": "r1", "step": STEPS[-3]},
        {"run": "r1", "step": STEPS[-1]},
    ]


def test_without_fork_there_is_no_such_button(opened):
    page = opened()
    show_timeline(page, fork=False)
    expect(page.get_by_role("button", name="Play")).to_be_enabled()
    assert page.get_by_role("button", name="Fork here").count() == 0


def test_play_goes_through_the_frames_to_the_end_and_pause_stops(opened):
    page = opened()
    show_timeline(page)
    page.evaluate(
        "seen = []; document.addEventListener('gallery:drawn', (e) => seen.push(e.detail.step))"
    )
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("new Set(seen).size > 5")
    page.get_by_role("button", name="Pause").click()
    at = page.evaluate(f"{STREAM}.cursor")
    page.wait_for_timeout(500)
    assert page.evaluate(f"{STREAM}.cursor") == at != STEPS[0]
    page.evaluate("seen = []")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(f"!{STREAM}.playing", timeout=15_000)
    seen = page.evaluate("seen")
    assert seen == sorted(seen)  # on from where it was, not from the start
    assert min(seen) >= at
    assert page.evaluate(f"{STREAM}.cursor") is None


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_recording_plays_by_itself_unless_motion_is_reduced(opened, site, motion):
    site.histories["/r"] = history()
    page = opened(reduced_motion=motion)
    show_timeline(page, {"kind": "recording", "url": "/r", "play": "once"})
    stream = "galleryStreams.get('/r')"
    if motion == "reduce":
        page.wait_for_timeout(3500)
        assert page.evaluate(f"{stream}.cursor") is None
        page.get_by_role("button", name="Play").click()  # asked for, it does
    page.wait_for_function(f"{stream}.cursor === {STEPS[0]}")


def test_a_click_with_the_mouse_leaves_space_to_the_bar(opened):
    page = opened()
    show_timeline(page)
    show(page, "status", words={"key": "", "recorded": "", "rate": "", "step": "", "done": ""})
    page.evaluate(
        """pressed = 0;
        document.body.insertAdjacentHTML("beforeend",
          '<div class="st-key-bar_main"><button onclick="pressed += 1">Train</button></div>')"""
    )
    page.get_by_role("button", name="Fork here").click()
    page.keyboard.press("Space")
    assert page.evaluate("pressed") == 1
    page.get_by_role("slider").focus()
    page.keyboard.press("Space")
    assert page.evaluate("pressed") == 2
    page.get_by_role("button", name="Play").focus()
    page.keyboard.press("Space")  # whoever works by keyboard means the button
    assert page.evaluate("pressed") == 2
    assert page.evaluate(f"Boolean({STREAM}.playing)")


# A run that trains ------------------------------------------------------------------------------


def test_the_status_tells_of_files_on_their_way(opened):
    page = opened()
    words = {"queued": "place {rank}", "connecting": "", "step": "step {step} of {total}"}
    show(page, "status", RUN, words={**words, "rate": "", "left": "", "memory": ""})
    emit(page, "queued", None, {"rank": 1})
    expect(page.locator(".gl-chip")).to_have_text("place 1")
    emit(page, "progress", None, {"text": "Getting the files: MNIST", "share": 0.254})
    expect(page.locator(".gl-chip")).to_have_text("Getting the files: MNIST · 25 %")
    assert ["begun", "r1"] in page.evaluate("told")
    emit(page, "started", 0, history()["started"])
    expect(page.locator(".gl-chip")).to_contain_text("step 0 of")


def start_run(page, first=0):
    """A live run with metrics and frames at steps `first` and 10."""
    show_timeline_of_run(page)
    emit(page, "started", 0, history()["started"])
    for step in (first, 10):
        emit_step(page, step)
    page.wait_for_function(f"{LIVE_STREAM}.columns.step.includes(10)")


def show_timeline_of_run(page):
    show(page, "timeline", RUN, words=WORDS["timeline"], fork=True)


def emit(page, kind, step, data):
    page.evaluate("([t, s, d]) => sources['/events'].emit(t, s, d)", [kind, step, data])


def emit_step(page, step, kept=True):
    emit(page, "metric", step, {"epoch": step, "values": {"loss": 1 / (1 + step)}, "before": []})
    emit(page, "frame", step, {"kind": "fit", "data": fit(step), "kept": kept})


def test_a_cursor_stays_while_the_run_goes_on(opened, site):
    page = opened()
    start_run(page)
    expect(page.get_by_role("button", name="Live")).not_to_be_visible()
    seek(page, 0, LIVE_STREAM)
    emit_step(page, 20, kept=False)
    page.wait_for_function(f"{LIVE_STREAM}.steps().includes(20)")
    assert page.evaluate(f"{LIVE_STREAM}.frame('fit').step") == 0
    assert page.evaluate(f"{LIVE_STREAM}.count") == 1
    page.get_by_role("button", name="Live").click()
    assert page.evaluate(f"{LIVE_STREAM}.frame('fit').step") == 20
    assert page.evaluate(f"{LIVE_STREAM}.count") == 3
    page.get_by_role("button", name="Fork here").click()
    assert told(page, "fork") == [{"run": "r1", "step": 10}]
    assert "/history" not in site.asked


def test_who_comes_late_gets_what_was_missed(opened, site):
    site.histories["/history"] = history(terminal=False)
    page = opened()
    start_run(page, first=5)
    page.wait_for_function(f"{LIVE_STREAM}.steps().length > 2")
    steps = sorted({*STEPS, 5, 10})
    assert page.evaluate(f"{LIVE_STREAM}.steps()") == steps
    assert page.evaluate(f"{LIVE_STREAM}.columns.step") == steps
    lengths = page.evaluate(f"Object.values({LIVE_STREAM}.columns).map((c) => c.length)")
    assert set(lengths) == {len(steps)}
    own = steps.index(5)
    assert page.evaluate(f"{LIVE_STREAM}.columns.loss[{own}]") == pytest.approx(1 / 6)


def test_the_end_of_a_run_brings_the_frames_that_were_too_quick(opened):
    page = opened()
    start_run(page)
    emit(page, "done", 10_000, {"metrics": {"loss": 0.5, "steps": 10_000, "seconds": 1}})
    page.wait_for_function(f"{LIVE_STREAM}.steps().length > 2")
    assert page.evaluate(f"{LIVE_STREAM}.frame('surface').step") == STEPS[-1]
    assert page.evaluate(f"{LIVE_STREAM}.value('loss')") == 0.5


def test_a_figure_that_was_measured_earlier_says_so(opened, site):
    record = history()
    record["metrics"]["val_loss"] = [v if i % 5 == 0 else None for i, v in enumerate(STEPS)]
    site.histories["/history"] = record
    page = opened()
    show_timeline(page)
    show_metrics(page)
    loss, validation = page.locator(".gl-metrics div").all()
    for shown, measured in ((STEPS[7], STEPS[5]), (STEPS[10], None)):
        page.evaluate(f"{STREAM}.seek({shown})")
        page.evaluate(TWO_FRAMES)
        earlier = re.compile("gl-earlier")
        expect(loss).not_to_have_class(earlier)
        if measured is None:
            expect(validation).not_to_have_class(earlier)
        else:
            expect(validation).to_have_class(earlier)
            expect(validation.locator("b")).to_have_attribute(
                "title", f"Measured at step {measured}."
            )


def test_a_diagnosis_replaces_what_it_said_before(opened, site):
    record = history()
    told = [("a", "rose by 40 %"), (None, "stopped early"), ("a", "rose by 50 %")]
    record["notes"] = [
        {"step": 10 * i, "level": "info", "text": text, **({"diagnosis": name} if name else {})}
        for i, (name, text) in enumerate(told)
    ]
    site.histories["/history"] = record
    page = opened()
    show_timeline(page)
    show_metrics(page)
    expect(page.locator(".gl-note")).to_have_text(["rose by 50 %", "stopped early"])
    page.evaluate(f"{STREAM}.seek(14)")
    expect(page.locator(".gl-note")).to_have_text(["stopped early", "rose by 40 %"])


def test_a_history_that_is_not_there_does_no_harm(opened, site):
    del site.histories["/history"]
    page = opened()
    start_run(page, first=5)
    page.wait_for_timeout(1500)
    assert page.evaluate(f"{LIVE_STREAM}.steps()") == [5, 10]
    assert site.asked.count("/history") == 2


def test_a_long_run_is_thinned_but_keeps_its_kept_frames(opened):
    page = opened()
    start_run(page)
    page.evaluate(
        """() => { for (let step = 11; step < 2000; step += 1) sources["/events"].emit("frame",
             step, { kind: "fit", data: { fit: [step] }, kept: step % 100 === 0 }); }"""
    )
    page.wait_for_function(f"{LIVE_STREAM}.steps().at(-1) === 1999")
    steps = page.evaluate(f"{LIVE_STREAM}.steps()")
    assert 300 <= len(steps) <= 600
    assert {0, 10, *range(100, 2000, 100)} <= set(steps)


# Curves -------------------------------------------------------------------------------------------


def test_curves_have_a_band_and_overlays(opened):
    page = opened()
    show_curves(page, overlays=OVERLAYS)
    page.wait_for_function(f"{FIGURE}?.data?.length === 6")
    other, other_val, low, high, train, val = traces(page)
    assert (other["line"]["color"], other["name"]) == ("#009e73", "16 units")
    assert other_val["line"]["dash"] == "dot"
    metrics = history()["metrics"]
    assert train["y"] == pytest.approx(metrics["loss"])
    assert val["y"] == pytest.approx(metrics["val_loss"])
    assert high["y"] == pytest.approx([1.2 * v for v in metrics["loss"]])
    assert low["y"] == pytest.approx([max(0.7 * 0.02, 0.8 * v) for v in metrics["loss"]])
    expect(page.locator(".gl-legend")).to_contain_text("16 units")
    show_curves(page)
    page.wait_for_function(f"{FIGURE}.data.length === 4")
    expect(page.locator(".gl-legend")).not_to_contain_text("16 units")


def test_the_curves_cursor_stands_at_the_step_and_can_be_dragged(opened):
    page = opened()
    show_curves(page)
    page.wait_for_selector(".js-plotly-plot .scatterlayer")
    page.wait_for_function(f"{STREAM}.steps().length")
    step = min(STEPS, key=lambda s: abs(s - 5000))
    seek(page, step)
    axis = page.evaluate(
        f"(({{_offset, _length}}) => [_offset, _length])({FIGURE}._fullLayout.xaxis)"
    )
    plot = page.locator(".gl-plot").bounding_box()
    cursor = page.locator(".gl-cursor")
    x = cursor.evaluate("(e) => e.getBoundingClientRect().left")
    assert x == pytest.approx(plot["x"] + axis[0] + axis[1] * step / 10_000, abs=1)
    assert len(traces(page)[-1]["y"]) == len(STEPS)  # veiled, not cut
    page.mouse.move(x, plot["y"] + 60)
    page.mouse.down()
    page.mouse.move(plot["x"] + axis[0] + axis[1] * 0.12, plot["y"] + 60, steps=4)
    page.mouse.up()
    assert page.evaluate(f"{STREAM}.cursor") == min(STEPS, key=lambda s: abs(s - 1200))


def test_curves_grow_without_being_drawn_anew(opened):
    page = opened()
    show_curves(page, RUN)
    page.wait_for_function("window.Plotly")
    emit(page, "started", 0, history()["started"])
    for step in (0, 1):
        emit_step(page, step)
    page.wait_for_function(f"{FIGURE}?.data?.at(0)?.y.length === 2")
    page.evaluate(
        """anew = 0; const react = Plotly.react;
        Plotly.react = (...all) => { anew += 1; return react(...all); }; 0"""
    )
    emit_step(page, 2)
    page.wait_for_function(f"{FIGURE}.data[0].y.length === 3")
    assert traces(page)[0]["y"] == [1, 1 / 2, pytest.approx(1 / 3)]
    assert page.evaluate("anew") == 0


# Pictures -----------------------------------------------------------------------------------------


def test_the_picture_binds_frames_and_what_the_start_said(opened):
    page = opened()
    show_picture(page, overlays=OVERLAYS)
    page.wait_for_function(f"{FIGURE}.data.length === 5")
    ghost, low, high, points, line = traces(page)
    assert ghost["x"] == low["x"] == high["x"] == line["x"] == GRID
    assert ghost["y"] == pytest.approx(fit(STEPS[-1], 0.5)["fit"])
    assert (ghost["name"], ghost["line"]["color"]) == ("16 units", "#009e73")
    assert low["y"] == pytest.approx(fit(STEPS[-1])["low"])
    assert points["x"] == DATA_X
    keys = page.locator(".gl-legend .gl-key")
    expect(keys).to_have_text(["mean ± sd", "training", "model", "16 units"])
    seek(page, 10)  # the overlay stays as it ended
    assert traces(page)[0]["y"] == ghost["y"]


def test_dotted_properties_are_bound_and_the_figure_stays_as_it_is(opened):
    page = opened()
    made = page.evaluate(
        """async () => {
          const { bound } = await import("/live/binding.js");
          const trace = { error_x: { color: "red", array: [0] },
                          meta: { live: { "error_x.array": "sd", x: "gone" } } };
          return [bound(trace, { data: { sd: [1, 2] } }, null, 0), trace];
        }"""
    )
    assert made[0]["error_x"] == {"color": "red", "array": [1, 2]}
    assert made[0]["x"] == []
    assert made[1]["error_x"] == {"color": "red", "array": [0]}


def test_a_layout_is_bound_once_the_run_has_told(opened):
    page = opened()
    made = page.evaluate(
        """async () => {
          const { boundLayout } = await import("/live/binding.js");
          const layout = { xaxis: { title: { text: "?" }, range: [0, 1] },
            meta: { live: { "xaxis.title.text": "a_title", "xaxis.range": "a_range" } } };
          const frame = { data: { a_title: "slope" } };
          return [boundLayout(layout, frame, null), layout];
        }"""
    )
    assert made[0]["xaxis"] == {"title": {"text": "slope"}, "range": [0, 1]}
    assert made[1]["xaxis"]["title"]["text"] == "?"


def drag(page, start, end):
    """With the mouse over the picture, between two shares of its width."""
    box = page.locator(".gl-picture").bounding_box()
    page.mouse.move(box["x"] + start * box["width"], box["y"] + 120)
    page.mouse.down()
    page.mouse.move(box["x"] + end * box["width"], box["y"] + 180, steps=5)
    page.mouse.up()


def test_a_3d_picture_follows_the_cursor_and_keeps_its_camera(opened):
    page = opened()
    show_picture(page, figure=surface_figure(), kind="surface")
    page.wait_for_function(f"{FIGURE}?.data?.at(1)?.x.length === {len(STEPS)}")
    assert page.evaluate(f"{FIGURE}.data[0].z.length") == 21
    assert page.evaluate(f"{FIGURE}.data[0].z[20][0]") == pytest.approx(2)
    eye = f"{FIGURE}._fullLayout.scene.camera.eye.x"
    before = page.evaluate(eye)
    drag(page, 0.5, 0.4)
    page.wait_for_function(f"{eye} !== {before}")
    turned = page.evaluate(eye)
    seek(page, STEPS[4])
    assert page.evaluate(f"{FIGURE}.data[1].x.length") == 5
    assert page.evaluate(eye) == turned


def test_a_zoom_stays_while_the_run_goes_on(opened):
    page = opened()
    show_picture(page)
    page.wait_for_function(f"{FIGURE}.data.at(-1).y.length")
    drag(page, 0.3, 0.6)
    xrange = f"{FIGURE}._fullLayout.xaxis.range"
    page.wait_for_function(f"{xrange}[0] > 0.1")
    zoomed = page.evaluate(xrange)
    seek(page, STEPS[4])
    assert page.evaluate(xrange) == zoomed


def test_bars_and_heat_maps_have_a_legend_only_if_they_ask_for_it(opened):
    page = opened()
    data = [
        {"type": "bar", "name": "a", "x": [1], "y": [1], "marker": {"color": ["#123456"]}},
        {"type": "heatmap", "z": [[1, 2]], "showscale": False},
        {"type": "contour", "name": "b", "z": [[1, 2], [2, 3]], "showlegend": False},
    ]
    show_picture(page, figure={"data": data, "layout": flat_layout({}, {})})
    expect(page.locator(".gl-legend .gl-key")).to_have_text(["a"])


# Points -------------------------------------------------------------------------------------------


def place(page, x, y):
    """Where a point of the data is on the screen."""
    return page.evaluate(
        f"""([x, y]) => {{
          const {{ xaxis, yaxis }} = {FIGURE}._fullLayout;
          const {{ left, top }} = document.querySelector(".gl-points").getBoundingClientRect();
          return [left + xaxis.d2p(x), top + yaxis.d2p(y)];
        }}""",
        [x, y],
    )


def edit(page):
    page.get_by_role("button", name="Edit points").click()
    page.wait_for_selector(".gl-points circle")


def close_to(points):
    return [pytest.approx(point, abs=0.01) for point in points]


def last_edit(page, count):
    page.wait_for_function(f"told.length === {count}")
    return told(page, "edited")[-1]["points"]


ORIGINAL = [list(point) for point in zip(DATA_X, DATA_Y, strict=True)]


def test_points_are_added_dragged_and_deleted_with_the_mouse(opened):
    page = opened(viewport={"width": 1000, "height": 700})
    show_editor(page)
    edit(page)
    svg = page.locator(".gl-points")
    page.mouse.move(*place(page, 1, 2))
    assert svg.get_attribute("data-does") == "add"
    page.mouse.click(*place(page, 1, 2))
    points = last_edit(page, 1)
    assert points == close_to([*ORIGINAL, [1, 2]])
    assert all(round(v, 4) == v for point in points for v in point)

    page.mouse.move(*place(page, *ORIGINAL[2]))
    assert svg.get_attribute("data-does") == "move"
    page.mouse.down()
    page.mouse.move(*place(page, 0.9, -0.2), steps=3)
    circle = page.locator(".gl-points circle").nth(2).bounding_box()
    centre = (circle["x"] + circle["width"] / 2, circle["y"] + circle["height"] / 2)
    assert centre == pytest.approx(place(page, 0.9, -0.2), abs=1)  # with the pointer, at once
    assert len(told(page, "edited")) == 1
    page.mouse.up()
    assert last_edit(page, 2)[2] == pytest.approx([0.9, -0.2], abs=0.01)

    page.mouse.dblclick(*place(page, 0.9, -0.2))
    assert last_edit(page, 3) == close_to([*ORIGINAL[:2], *ORIGINAL[3:], [1, 2]])
    page.mouse.click(*place(page, *ORIGINAL[0]), button="right")
    assert last_edit(page, 4) == close_to([ORIGINAL[1], *ORIGINAL[3:], [1, 2]])
    page.mouse.move(*place(page, 1, 2))
    page.keyboard.press("Delete")
    assert last_edit(page, 5) == close_to([ORIGINAL[1], *ORIGINAL[3:]])


def test_a_double_click_on_an_empty_place_adds_one_point(opened):
    page = opened()
    show_editor(page)
    edit(page)
    page.mouse.dblclick(*place(page, 1, 2))
    page.wait_for_timeout(300)
    assert told(page, "edited") == [{"points": close_to([*ORIGINAL, [1, 2]])}]


def test_a_point_stays_within_the_axes_which_do_not_move(opened):
    page = opened()
    show_editor(page)
    edit(page)
    x, y = place(page, *ORIGINAL[5])
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 900, y - 900, steps=3)
    page.mouse.up()
    points = last_edit(page, 1)
    assert points[5] == pytest.approx([2, 2.5], abs=1e-3)
    figure = picture_figure()
    figure["layout"]["yaxis"]["range"] = [-5, 5]
    figure["data"][2] |= {"x": [p[0] for p in points], "y": [p[1] for p in points]}
    show_editor(page, *zip(*points, strict=True), figure=figure)
    page.evaluate(TWO_FRAMES)
    assert page.evaluate(f"{FIGURE}._fullLayout.yaxis.range") == [-0.5, 2.5]
    page.get_by_role("button", name="Edit points").click()
    page.wait_for_function(f"{FIGURE}._fullLayout.yaxis.range[1] === 5")
    assert page.locator(".gl-points").count() == 0


def test_plotly_does_not_take_the_drag(opened):
    page = opened()
    show_editor(page)
    edit(page)
    page.mouse.move(*place(page, 1, 2))
    page.mouse.down()
    page.mouse.move(*place(page, 1.5, 0), steps=4)
    page.mouse.up()
    assert page.evaluate(f"{FIGURE}._fullLayout.xaxis.range") == [0, 2]
    assert last_edit(page, 1)[-1] == pytest.approx([1.5, 0], abs=0.01)


def test_the_limit_clear_and_the_pages_own_points(opened):
    page = opened()
    show_editor(page, limit=6)
    edit(page)
    page.mouse.click(*place(page, 1, 2))
    expect(page.locator(".gl-hint")).to_have_text("6 points at most")
    assert page.locator(".gl-points").get_attribute("data-does") == "nothing"
    page.get_by_role("button", name="Clear").click()
    assert told(page, "edited") == [{"points": []}]
    show_editor(page, limit=6)  # from before the click: passed over
    assert page.locator(".gl-points circle").count() == 0
    show_editor(page, [], [], limit=6)
    show_editor(page, limit=6)  # now it is the page's undo
    assert page.locator(".gl-points circle").count() == 6


def test_points_are_edited_with_the_keyboard(opened):
    page = opened()
    show_editor(page)
    edit(page)
    svg = page.locator(".gl-points")
    svg.focus()
    svg.press("ArrowRight")
    svg.press("ArrowRight")
    svg.press("Shift+ArrowUp")
    points = last_edit(page, 1)
    assert points[1] == pytest.approx([0.4, 0.6 + 0.03], abs=0.005)
    svg.press("Delete")
    assert len(last_edit(page, 2)) == 5
    svg.press("Enter")
    assert last_edit(page, 3)[-1] == pytest.approx([1, 1], abs=0.01)


def test_an_interrupted_drag_changes_nothing(opened):
    page = opened()
    show_editor(page)
    edit(page)
    page.mouse.move(*place(page, *ORIGINAL[0]))
    page.mouse.down()
    page.mouse.move(*place(page, 1, 2), steps=3)
    page.keyboard.press("Escape")
    page.mouse.up()
    assert told(page, "edited") == []
    centre = page.locator(".gl-points circle").first.evaluate(
        "(c) => [+c.getAttribute('cx'), +c.getAttribute('cy')]"
    )
    box = page.locator(".gl-points").evaluate(
        "(s) => { const b = s.getBoundingClientRect(); return [b.left, b.top]; }"
    )
    at = [a + b for a, b in zip(centre, box, strict=True)]
    assert at == pytest.approx(place(page, *ORIGINAL[0]), abs=0.5)


class Finger:
    """Touches of the screen as Chromium gets them."""

    def __init__(self, page) -> None:
        self.page = page
        self.session = page.context.new_cdp_session(page)

    def touch(self, kind, *at):
        points = [{"x": at[0], "y": at[1]}] if at else []
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def down(self, *at):
        self.touch("touchStart", *at)

    def move(self, *at):
        self.touch("touchMove", *at)

    def up(self):
        self.touch("touchEnd")


def test_points_are_added_dragged_and_deleted_by_touch(opened):
    page = opened(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 800})
    show_editor(page)
    edit(page)
    finger = Finger(page)
    finger.down(*place(page, 1, 2))
    finger.up()
    assert last_edit(page, 1) == close_to([*ORIGINAL, [1, 2]])

    x, y = place(page, *ORIGINAL[3])
    to_x, to_y = place(page, 1.4, 0.1)
    finger.down(x, y)
    for part in (0.3, 0.6, 1):
        finger.move(x + part * (to_x - x), y + part * (to_y - y))
    finger.up()
    assert last_edit(page, 2)[3] == pytest.approx([1.4, 0.1], abs=0.02)
    assert page.evaluate("scrollY") == 0

    finger.down(*place(page, *ORIGINAL[0]))
    points = last_edit(page, 3)  # while the finger is still down
    finger.up()
    page.wait_for_timeout(200)
    assert points == close_to([*ORIGINAL[1:3], [1.4, 0.1], *ORIGINAL[4:], [1, 2]])
    assert len(told(page, "edited")) == 3


# Metrics, runs --------------------------------------------------------------------------------------


def test_notes_come_newest_first(opened):
    page = opened()
    show_metrics(page)
    notes = page.locator(".gl-note")
    expect(notes).to_have_text([f"Title {i} note {i}" for i in (5, 4, 3, 2)])
    assert page.locator(".gl-note b").all_inner_texts() == [f"Title {i}" for i in (5, 4, 3, 2)]


def test_several_seeds_show_their_deviation(opened):
    page = opened()
    show_metrics(page)
    expect(page.locator(".gl-metrics small")).to_have_text([" ± 0.004"])


def rows(pinned=1, count=8):
    return [
        {
            "run": f"r{i}",
            "when": f"12:0{i}",
            "settings": f"units {i} <img src=x>",
            "metrics": ["0.38"],
            "seconds": 0.6,
            "seed": i,
            "state": "failed" if i == 0 else "done",
            "pinned": i < pinned,
            "color": "#009e73",
            "shown": i == 1,
        }
        for i in range(count)
    ]


def show_runs(page, **data):
    table = {"rows": rows(), "heads": ["Train MSE"], "limit": 6, "canUndo": False}
    show(page, "runs", None, words=WORDS["runs"], **table | data)


def test_runs_are_pinned_restored_and_deleted(opened):
    page = opened()
    show_runs(page, canUndo=True)
    table = page.get_by_role("table")
    assert table.locator("th").all_inner_texts() == [
        *("", "When", "What differs", "Train MSE", "Time", "Seed", ""),
    ]
    assert table.locator("img").count() == 0
    expect(table.locator("tr").nth(1)).to_contain_text("failed")
    page.get_by_label("Pin: 12:00").uncheck()
    page.get_by_label("Pin: 12:03").check()
    page.get_by_role("button", name="Restore: 12:02").click()
    page.get_by_role("button", name="Delete: 12:02").click()
    page.get_by_role("button", name="Undo").click()
    assert told(page, "action") == [
        {"kind": "unpin", "run": "r0"},
        {"kind": "pin", "run": "r3"},
        {"kind": "restore", "run": "r2"},
        {"kind": "delete", "run": "r2"},
        {"kind": "undo", "run": ""},
    ]


def test_six_runs_at_most_are_pinned(opened):
    page = opened()
    show_runs(page, rows=rows(pinned=6))
    boxes = page.get_by_role("checkbox")
    assert [boxes.nth(i).is_disabled() for i in range(8)] == [False] * 6 + [True] * 2
    assert page.locator(".gl-pin").nth(7).get_attribute("title") == "Six runs are pinned already."


def test_the_focus_stays_on_its_run_when_the_table_changes(opened):
    page = opened()
    show_runs(page)
    page.get_by_label("Pin: 12:03").focus()
    show_runs(page, rows=rows(pinned=3)[2:])
    assert page.evaluate("document.activeElement.dataset.run") == "r3"


def test_an_empty_table_says_what_to_do_and_a_wide_one_scrolls_in_itself(opened):
    page = opened(viewport={"width": 390, "height": 700})
    show_runs(page, rows=[])
    expect(page.get_by_text("No runs yet: press Train.")).to_be_visible()
    expect(page.get_by_role("table")).not_to_be_visible()
    show_runs(page)
    expect(page.get_by_text("No runs yet: press Train.")).not_to_be_visible()
    region = page.get_by_role("region", name="Your runs")
    assert region.evaluate("(e) => e.scrollWidth > e.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


# Take it with you -----------------------------------------------------------------------------------


def show_exports(page, **data):
    show_picture(page)
    page.wait_for_function(f"{FIGURE}.data.at(-1).y.length")
    link = {"url": "/x.csv", "title": "History (CSV)", "help": "By step.", "download": "x.csv"}
    more = {"files": [link], "figure": picture_figure(), "kind": "fit", "name": "line-r1"}
    words = {"words": WORDS["exports"], "animate": "/animate", "title": "A </script> line"}
    show(page, "exports", RECORDING, **more | words | data)


def saved(page, name, folder):
    """Press a button and keep what the browser downloads."""
    with page.expect_download() as download:
        page.get_by_role("button", name=name).click()
    file = folder / download.value.suggested_filename
    download.value.save_as(file)
    return file


def test_the_html_figure_works_alone_without_a_network(opened, browser, tmp_path):
    page = opened()
    show_exports(page)
    seek(page, STEPS[8])
    file = saved(page, "Picture (HTML)", tmp_path)
    assert file.name == "line-r1.html"
    context = browser.new_context(offline=True)
    alone, errors = context.new_page(), []
    alone.on("pageerror", lambda error: errors.append(str(error)))
    alone.on("request", lambda r: errors.append(r.url) if r.url.startswith("http") else None)
    alone.goto(file.as_uri())
    alone.wait_for_selector("#figure .scatterlayer .trace")
    assert alone.evaluate("figure.data.at(-1).y") == pytest.approx(fit(STEPS[8])["fit"])
    assert alone.title() == "A </script> line"
    assert errors == []
    context.close()


def test_the_png_is_twice_the_size_with_an_opaque_ground(opened, tmp_path):
    page = opened()
    show_exports(page)
    file = saved(page, "Picture (PNG)", tmp_path)
    from PIL import Image

    with Image.open(file) as image:
        width = page.locator(".gl-picture").evaluate("(e) => e.clientWidth")
        assert image.size == (2 * width, 2 * 332)
        corner = image.convert("RGBA").getpixel((2, 2))
    assert corner == (255, 255, 255, 255)


def test_the_animation_is_drawn_off_screen_posted_and_saved(opened, site, tmp_path):
    site.histories["/history"]["frames"] = [
        {"kind": "fit", "step": s, "data": fit(s)} for s in range(100)
    ]
    page = opened()
    show_exports(page)
    page.evaluate(f"redrawn = 0; {FIGURE}.on('plotly_afterplot', () => (redrawn += 1))")
    file = saved(page, "Animation (GIF)", tmp_path)
    assert (file.name, file.read_bytes()) == ("line-r1.gif", b"GIF89a")
    expect(page.get_by_text("Saved.")).to_be_visible()
    (body,) = site.posted
    assert (body["format"], body["fps"], len(body["frames"])) == ("gif", 10, 60)
    assert len(set(body["frames"])) == 60
    from io import BytesIO

    from PIL import Image

    head, _, picture = body["frames"][-1].partition(",")
    assert re.fullmatch(r"data:image/(webp|png);base64", head)
    assert Image.open(BytesIO(base64.b64decode(picture))).size == (800, 450)
    assert page.evaluate("redrawn") == 0


def test_a_refused_animation_says_why(opened, site):
    refused = {"error": {"code": "too_many", "message": "Only one at a time.", "field": None}}
    site.answer = (429, "application/json", json.dumps(refused).encode())
    site.histories["/history"]["frames"] = site.histories["/history"]["frames"][:3]
    page = opened()
    show_exports(page)
    page.get_by_role("button", name="Animation (MP4)").click()
    expect(page.get_by_text("Only one at a time.")).to_be_visible()
    expect(page.get_by_role("button", name="Animation (MP4)")).to_be_enabled()


def test_files_are_links_and_no_picture_is_said(opened):
    page = opened()
    show_exports(page)
    link = page.get_by_role("link", name="History (CSV)")
    assert (link.get_attribute("href"), link.get_attribute("download")) == ("/x.csv", "x.csv")
    page.evaluate("hide('picture')")
    page.get_by_role("button", name="Picture (PNG)").click()
    expect(page.get_by_text("There is no picture on this page.")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_jumps_or_overflows(opened, scheme, width):
    """The timeline keeps its height in all states, and its row its places."""
    page = opened(scheme, viewport={"width": width, "height": 900})
    show_timeline(page)
    page.wait_for_function(f"{STREAM}.steps().length")
    boxes = []
    for step in ("null", STEPS[1], STEPS[-3]):
        seek(page, step)
        boxes.append(page.locator(".gl-timeline").bounding_box())
        boxes[-1]["slider"] = page.get_by_role("slider").bounding_box()
    assert all(a == b for a, b in pairwise(boxes))
    inside = page.locator(".gl-times > :not(.gl-away)").evaluate_all(
        "(all) => all.every((e) => e.offsetTop + e.offsetHeight <= e.parentElement.offsetTop"
        " + e.parentElement.offsetHeight + 1)"
    )
    assert inside
    assert page.evaluate("document.documentElement.scrollWidth") <= width
