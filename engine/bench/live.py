"""How live the live view is, in a real Chromium on the Regression page.

`python -m engine bench browser`. The real server, one visitor with a window of 1440 × 900, nothing
mocked. All moments are taken inside the page: the click when the browser hands it to the document,
the drawing when plotly has finished it (`plotly_afterplot`, or the live view's `gallery:drawn` in
the same task), the worker's own time as it stands in each event. Every metric counts for the
curves and every frame for the picture, also those that share a drawing with a later one.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

from playwright.sync_api import Browser, Page

from engine.bench.browser import visitor
from engine.bench.figure import Figure, by_name, p95

PRESSES = 20
SLIDES = 20
OPENINGS = 10
SCRUB_SECONDS = 4
WATCH = 6
"""Seconds over which drawings are counted."""
LONG_RUN = "/regression?epochs=20000&units=64&layers=4"
PRESS_TARGET = 0.5
RATE_TARGET = 10
DRAWN_TARGET = 0.15
SLIDE_TARGET = 0.5
SCRUB_TARGET = 10
OPEN_TARGET = 1.5

INSTRUMENT = """() => {
  const run = () => [...galleryStreams.values()].findLast((s) => s.source.kind === "run");
  const gauge = window.gauge = { presses: [], delays: [], redraws: [0, 0], plots: [], run };
  gauge.plots = [...document.querySelectorAll(".js-plotly-plot")];
  gauge.plots.forEach((node, i) => node.on("plotly_afterplot", () => (gauge.redraws[i] += 1)));
  const waiting = { picture: [], curves: [] };
  gauge.listen = (stream) => {
    const ingest = stream.ingest.bind(stream);
    stream.ingest = (events) => {
      for (const { type, time } of events) {
        if (type === "frame") waiting.picture.push(time);
        if (type === "metric") waiting.curves.push(time);
      }
      ingest(events);
    };
  };
  const pressed = () => { [gauge.pressed, gauge.before] = [performance.now(), run()]; };
  document.addEventListener("click", pressed, true);
  document.addEventListener("keydown", pressed, true);
  document.addEventListener("gallery:drawn", ({ detail }) => {
    const now = Date.now() / 1000;
    gauge.delays.push(...(waiting[detail.part] ?? []).splice(0).map((time) => now - time));
    const stream = run();
    if (detail.part !== "picture" || !gauge.pressed || stream === gauge.before) return;
    if (!stream?.frames.size) return; // the empty picture of a run that has just begun
    gauge.presses.push((performance.now() - gauge.pressed) / 1000);
    gauge.pressed = null;
  });
}"""
REPLACED = (
    "gauge.plots.filter((p, i) => p !== document.querySelectorAll('.js-plotly-plot')[i]).length"
)


def measure() -> dict[str, Figure]:
    """Press or slide → first point, drawings a second, event → drawn, nodes replaced, scrubbing, opening."""
    with visitor() as page:
        figures = [*press_often(page), slide_often(page), *watch_long_run(page)]
        return by_name([*figures, scrub(page), open_shared(page)])


def instrumented(page: Page, path: str) -> None:
    """Open a page and take the time in it from now on."""
    page.goto(path)
    page.wait_for_function(
        "document.querySelectorAll('.js-plotly-plot .scatterlayer').length === 2"
    )
    page.evaluate(INSTRUMENT)


def press_often(page: Page) -> list[Figure]:
    """Press Train again and again, each time after the last run has ended."""
    instrumented(page, "/regression")
    train = page.locator(".st-key-bar_main button")
    for press in range(PRESSES):
        train.filter(has_text="Train").click()
        page.wait_for_function(f"gauge.presses.length === {press + 1} && gauge.run().terminal")
        train.filter(has_text="Train").wait_for()
    return [
        p95(
            "Train pressed → first drawn point",
            page.evaluate("gauge.presses"),
            "s",
            PRESS_TARGET,
            "From the click in the page to the first picture of the new run that shows its model.",
        ),
        replaced(page, f"{PRESSES} runs, one after another"),
    ]


def watch_long_run(page: Page) -> list[Figure]:
    """Count drawings while a run of some seconds trains."""
    instrumented(page, LONG_RUN)
    page.wait_for_selector(".gl-chip[data-state=running]")
    page.evaluate("gauge.listen(gauge.run())")
    page.evaluate("[gauge.begun, gauge.redraws] = [performance.now(), [0, 0]]")
    page.wait_for_timeout(1000 * WATCH)
    seen: dict[str, Any] = page.evaluate(
        "({ redraws: gauge.redraws, delays: gauge.delays, ended: gauge.run().terminal,"
        " seconds: (performance.now() - gauge.begun) / 1000 })"
    )
    if seen["ended"]:
        raise RuntimeError(f"expected a run of more than {WATCH} s, received {seen['ended']}")
    how = "Plots that plotly has finished in one second while a network trains at full speed."
    rates = [
        Figure(
            f"updates of the {panel}",
            redraws / seen["seconds"],
            "1/s",
            "at least",
            RATE_TARGET,
            redraws,
            how,
        )
        for panel, redraws in zip(("picture", "curves"), seen["redraws"], strict=True)
    ]
    drawn = p95(
        "event → drawn",
        seen["delays"],
        "s",
        DRAWN_TARGET,
        "From the worker's time in each metric and frame to the end of its drawing.",
    )
    return [*rates, drawn, replaced(page, "one long run")]


SCRUB = """async (seconds) => {
  const slider = document.querySelector(".gl-timeline input[type=range]");
  const end = performance.now() + 1000 * seconds;
  const [begun, before] = [performance.now(), gauge.redraws[0]];
  let at = 0;
  while (performance.now() < end) {
    at = (at + 1) % (Number(slider.max) + 1);
    slider.value = at;
    slider.dispatchEvent(new Event("input"));
    await new Promise(requestAnimationFrame);
  }
  return [gauge.redraws[0] - before, (performance.now() - begun) / 1000];
}"""


def slide_often(page: Page) -> Figure:
    """Move a slider that trains again, step by step, each time after the last run has ended."""
    instrumented(page, "/regression?epochs=300")
    thumb = page.locator(".st-key-regression-noise").get_by_role("slider")
    thumb.focus()
    for slide in range(SLIDES):
        thumb.press("ArrowRight" if slide % 2 else "ArrowLeft")
        page.wait_for_function(f"gauge.presses.length === {slide + 1} && gauge.run().terminal")
    return p95(
        "slider moved → redrawn fit",
        page.evaluate("gauge.presses"),
        "s",
        SLIDE_TARGET,
        "From the key that moves the noise slider to the first picture of the run it starts.",
    )


def scrub(page: Page) -> Figure:
    """Drag the time machine's slider through a finished run, one frame of the run a video frame."""
    instrumented(page, "/regression?preset=R1")
    page.wait_for_timeout(1000)
    redraws, seconds = page.evaluate(SCRUB, SCRUB_SECONDS)
    return Figure(
        "scrubbing",
        redraws / seconds,
        "1/s",
        "at least",
        SCRUB_TARGET,
        redraws,
        "Pictures that plotly has finished in one second while the time slider moves.",
    )


def open_shared(page: Page) -> Figure:
    """Open the link of a shared run in a fresh window."""
    instrumented(page, "/regression?epochs=500")
    page.wait_for_function("gauge.run()?.terminal")
    link = page.evaluate(
        "fetch(`/api/v1/runs/${gauge.run().source.id}/share`, { method: 'POST' })"
        ".then((answer) => answer.json()).then((share) => share.url)"
    )
    browser = page.context.browser
    assert browser is not None
    seconds = [opened(browser, page.url, link) for _opening in range(OPENINGS)]
    return p95(
        "shared run opened → drawn",
        seconds,
        "s",
        OPEN_TARGET,
        "From the start of the navigation, with an empty cache, to its picture.",
    )


def opened(browser: Browser, base: str, link: str) -> float:
    """Seconds from the start of the navigation to the first picture, in a new context."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script(
        """document.addEventListener("gallery:drawn", ({ detail }) => {
          if (detail.part === "picture" && detail.step > 0) {
            globalThis.drawnAfter ??= performance.now() / 1000;
          }
        })"""
    )
    try:
        visitor = context.new_page()
        visitor.goto(urljoin(base, link))
        seconds = visitor.wait_for_function("globalThis.drawnAfter").json_value()
    finally:
        context.close()
    return float(seconds)


def replaced(page: Page, during: str) -> Figure:
    """How many plotly nodes are not the ones that were there at first."""
    return Figure(
        f"nodes replaced, {during}",
        page.evaluate(REPLACED),
        "",
        "at most",
        0,
        page.evaluate("gauge.plots.length"),
        "Plotly nodes of the page that are no longer the same at the end.",
    )
