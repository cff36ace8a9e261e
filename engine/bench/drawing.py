"""How soon the page of pictures answers a hand that draws, and a visitor who asks why.

`python -m engine bench pictures`. The real server and a real Chromium with a window of 1440 × 900.
Strokes go over the pad for some seconds, as a mouse draws them. Of each pointer event the time is
taken until the bars have changed by the first answer to a question that was asked a video frame
after it or later, and have been painted. Grad-CAM is asked for over HTTP from the page, the second
and later questions to each shipped model. The digits are the opening preset, a job of the local
executor on one thread.
"""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

from engine.bench.browser import visitor
from engine.bench.child import OWNER, wait_idle, warm_manager
from engine.bench.figure import Figure, by_name, middle, p95
from engine.bench.solution import milliseconds_to_goal
from engine.checkpoints import shelf
from engine.events import dumps
from engine.jobs.job import JobSpec

STROKES, POINTS, PAUSE = 24, 16, 16
"""Of the drawing; a point each so many milliseconds."""
QUESTIONS = 20
TURNS = 5
BARS_TARGET, RATE_TARGET, WHY_TARGET = 150, 8, 300
GOAL, GOAL_TARGET = 0.95, 5

INSTRUMENT = """() => {
  const FRAME = 17; // ms: the pad looks at the drawing once a video frame
  const gauge = (window.gauge = { delays: [], updates: [] });
  const pad = document.querySelector(".gl-pad-paper canvas");
  const bars = document.querySelector(".gl-pad-says ul");
  let points = [], asked = [];
  pad.addEventListener("pointermove", () => points.push(performance.now()));
  const fetched = window.fetch;
  window.fetch = async (...request) => {
    const seen = performance.now() - FRAME;
    const drawn = points.filter((time) => time <= seen);
    points = points.filter((time) => time > seen);
    const response = await fetched(...request);
    asked.push(...drawn);
    return response;
  };
  new MutationObserver(() => {
    const answered = asked.splice(0);
    requestAnimationFrame(() => requestAnimationFrame((now) => {
      gauge.delays.push(...answered.map((time) => now - time));
      if (answered.length) gauge.updates.push(now);
    }));
  }).observe(bars, { subtree: true, childList: true, attributes: true });
}"""
ASKED = """async (body) => {
  const begun = performance.now();
  const response = await fetch("/api/v1/cnn/explain",
    { method: "POST", headers: { "Content-Type": "application/json" }, body });
  if (!response.ok) throw new Error(await response.text());
  await response.json();
  return performance.now() - begun;
}"""


def measure() -> dict[str, Figure]:
    """Pointer → bars, answers a second, Grad-CAM of each shipped model, the digits' 95 %."""
    with visitor() as page:
        figures = [*draw(page), *ask_why(page)]
    return by_name([*figures, learn_digits()])


def draw(page: Page) -> list[Figure]:
    """Strokes over the whole pad, again and again on a cleared one."""
    page.goto("/cnn")
    paper = page.locator(".gl-pad-paper canvas")
    paper.scroll_into_view_if_needed()
    page.wait_for_timeout(3000)  # what else the page does at its opening is over
    stroke(page, 0)
    page.wait_for_function("document.querySelector('.gl-pad-says .gl-bar-value').textContent")
    page.evaluate(INSTRUMENT)
    for number in range(STROKES):
        stroke(page, number)
    page.wait_for_timeout(500)
    seen: dict[str, Any] = page.evaluate("gauge")
    updates = seen["updates"]
    seconds = (updates[-1] - updates[0]) / 1000
    how = "Answers that changed the bars, a second, while the mouse draws."
    rate = (len(updates) - 1) / seconds
    return [
        p95(
            "draw → bars",
            seen["delays"],
            "ms",
            BARS_TARGET,
            "From a pointer event to the painted bars of an answer that knows it.",
        ),
        Figure("bars while drawing", rate, "1/s", "at least", RATE_TARGET, len(updates), how),
    ]


def stroke(page: Page, number: int) -> None:
    """One line across the middle of the pad, each at another slant; every fourth on clean paper."""
    if number and number % 4 == 0:
        page.locator(".gl-pad-tools button").nth(1).click()
    box = page.locator(".gl-pad-paper canvas").bounding_box()
    assert box is not None
    left, right = (box["x"] + box["width"] * share for share in (0.25, 0.75))
    slant = (number % 7 - 3) / 8
    for i in range(POINTS + 1):
        along = i / POINTS
        height = 0.5 + slant * (along - 0.5)
        page.mouse.move(left + (right - left) * along, box["y"] + box["height"] * height)
        if i == 0:
            page.mouse.down()
        page.wait_for_timeout(PAUSE)
    page.mouse.up()


def ask_why(page: Page) -> list[Figure]:
    """Grad-CAM of every shipped model of pictures, for the first input on its card."""
    figures = []
    for entry in shelf.manifest().checkpoints:
        if entry.topic != "cnn":
            continue
        example = shelf.card(entry.topic, entry.name).examples.inputs[0]
        body = {"model": entry.name, "method": "grad-cam", "input": example, "options": {}}
        times = [page.evaluate(ASKED, dumps(body)) for _question in range(1 + QUESTIONS)]
        how = f"POST explain with method grad-cam, model {entry.name}: asked → answer read."
        figures.append(p95(f"Grad-CAM, {entry.name}", times[1:], "ms", WHY_TARGET, how))
    return figures


def learn_digits() -> Figure:
    """Seconds until a held-out accuracy of 95 % is told, by the opening preset."""
    with warm_manager() as manager:
        times = []
        for seed in range(TURNS):
            job = JobSpec.checked("cnn", {"seed": seed}, device="cpu")
            run = manager.submit(job, OWNER, attended=False)
            wait_idle(manager, look_every=0.01)
            times.append(milliseconds_to_goal(manager.events(run), "val_accuracy", GOAL) / 1000)
    how = (
        f"From `started` to the first metric with {GOAL:.0%} of 359 held-out digits; seeds 0 to "
        f"{TURNS - 1}, one thread of a fresh worker."
    )
    name = f"digits live, time to {GOAL:.0%}"
    return middle(name, times, "s", "at most", GOAL_TARGET, how)
