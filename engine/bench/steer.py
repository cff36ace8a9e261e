"""How soon a live setting shows in the decision surface, in a real Chromium.

`python -m engine bench steer`. The real server, one visitor with a window of 1440 × 900, the
Classification page with its default network in batches of 8, so that training lasts; nothing
mocked. The learning rate is a live field: a key moves its slider, up and down in turn and not in
step with the pictures, while the network trains at full speed. The time goes from that key, as the
document is handed it, to the end of the first drawing (`gallery:drawn`) of a frame whose step comes
after the one at which the worker took the change over, as the run's own note about it tells
(`Changed while training`, with the step). So it holds the slider's own delay, the script run, the
worker's next frame and the drawing. Measured for the picture the page opens on, the network with
its large map, and for the surface as plotly draws it. Updates are drawings of frames that were not
drawn before.
"""

from __future__ import annotations

import random

from playwright.sync_api import Page

from engine.bench.browser import visitor
from engine.bench.figure import Figure, by_name, p95

PRESSES = 20
WATCH = 6
"""Seconds over which drawings are counted."""
REST = (100, 400)
"""Milliseconds between a drawing and the next key, from and to."""
TARGET = 0.5
RATE_TARGET = 5
LONG_RUN = "/classification?batch_size=8&epochs=20000"
VIEWS = (("network", "Network"), ("picture", "Surface"))
"""Parts of the live view, and the titles of the views that they draw."""

INSTRUMENT = """(part) => {
  const run = () => [...galleryStreams.values()].findLast((s) => s.source.kind === "run");
  const gauge = window.gauge = { times: [], updates: 0, begun: performance.now(), run };
  document.addEventListener("keydown", () => {
    [gauge.pressed, gauge.notes] = [performance.now(), run().notes.length];
  }, true);
  document.addEventListener("gallery:drawn", ({ detail }) => {
    const frame = run()?.frame("net");
    if (detail.part !== part || !frame || frame === gauge.frame) return;
    gauge.frame = frame;
    gauge.updates += 1;
    const change = gauge.pressed && run().notes.slice(gauge.notes).find(({ set }) => set);
    if (!change || frame.step <= change.step) return;
    gauge.times.push((performance.now() - gauge.pressed) / 1000);
    gauge.pressed = null;
  });
}"""


def measure() -> dict[str, Figure]:
    """Key → surface and updates a second, for both pictures."""
    with visitor() as page:
        return by_name([figure for view in VIEWS for figure in look(page, *view)])


def look(page: Page, part: str, title: str) -> list[Figure]:
    """Count, then steer, in a run of its own."""
    page.goto(LONG_RUN)
    page.wait_for_selector(".gl-chip[data-state=running]")
    page.get_by_role("radio", name=title, exact=True).click()
    page.wait_for_timeout(1000)  # the view is drawn
    page.evaluate(INSTRUMENT, part)
    figures = [watched(page, title), steered(page, title)]
    if page.evaluate("gauge.run().terminal !== null"):
        raise RuntimeError("expected the run to outlast its measurement; train for more epochs")
    return figures


def watched(page: Page, title: str) -> Figure:
    """Drawings of new frames a second."""
    page.wait_for_timeout(1000 * WATCH)
    updates, seconds = page.evaluate("[gauge.updates, (performance.now() - gauge.begun) / 1000]")
    return Figure(
        f"updates of the {title.lower()}",
        updates / seconds,
        "1/s",
        "at least",
        RATE_TARGET,
        updates,
        "Frames drawn in one second while the network trains at full speed.",
    )


def steered(page: Page, title: str) -> Figure:
    """Move the learning rate again and again."""
    wait = random.Random(0)
    thumb = page.locator(".st-key-classification-learning_rate").get_by_role("slider")
    thumb.focus()
    for press in range(PRESSES):
        page.wait_for_timeout(wait.uniform(*REST))
        thumb.press("ArrowLeft" if press % 2 else "ArrowRight")
        page.wait_for_function(f"gauge.times.length === {press + 1}")
    return p95(
        f"learning rate moved → {title.lower()}",
        page.evaluate("gauge.times"),
        "s",
        TARGET,
        "From the key that moves the slider to the first drawing of a frame that was trained with "
        "the new rate.",
    )
