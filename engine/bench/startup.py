"""How soon the gallery is there after `streamlit run app.py`, and how much memory it takes.

`python -m engine bench startup`. Each start is a fresh server process on a fresh runs folder (the
files it reads are in the system's cache from the second start on; the compiled Python files are
there from the first). The probes are asked every 20 ms. An empty tab of a Chromium with an empty
cache opens the home page as soon as `/healthz` answers, while torch is still warming up; it counts
as painted when the first card has been drawn. Memory is read in the last of these servers, after a
visitor has been on every page and has trained.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page

from engine import ROOT
from engine.bench.browser import Server, chromium
from engine.bench.figure import Figure, by_name, middle
from engine.topics import topics

STARTS = 5
MEGABYTE = 2**20
TOY_RUN = "/regression?epochs=20000&speed=fast"
"""Trains slowly for long enough to be looked at."""
SETTLE = 3
"""Seconds of training after which a job's memory is read."""


def measure() -> dict[str, Figure]:
    """Times of several starts; memory in the last one."""
    times: list[tuple[float, float, float]] = []
    with chromium() as browser:
        for start in range(STARTS):
            with tempfile.TemporaryDirectory() as folder:
                tab = browser.new_page()
                begun = time.monotonic()
                server = Server(Path(folder) / "runs")
                try:
                    times.append(start_times(server, tab, begun))
                    if start == STARTS - 1:
                        memory = memory_figures(server, browser)
                finally:
                    server.stop()
    healthy, painted, ready = zip(*times, strict=True)
    from_start = "Seconds from the start of the process to the first 200; median of fresh starts."
    return by_name(
        [
            middle("start → /healthz", healthy, "s", "at most", 4, from_start),
            middle(
                "/healthz → home page painted",
                painted,
                "s",
                "at most",
                2,
                "Seconds from the first 200 of /healthz to the first card drawn in Chromium.",
            ),
            middle("start → /readyz", ready, "s", "at most", 20, from_start),
            *memory,
        ]
    )


def start_times(server: Server, tab: Page, begun: float) -> tuple[float, float, float]:
    """Seconds from `begun` to healthy, from there to painted, from `begun` to ready."""
    tab.add_init_script(
        "document.addEventListener('gallery:drawn', ({ detail }) => "
        "(window.painted ||= detail.part === 'card' && detail.step > 0))"
    )
    server.wait("/healthz")
    healthy = time.monotonic()
    tab.goto(server.url)
    tab.wait_for_function("window.painted")
    painted = time.monotonic()
    server.wait("/readyz")
    ready = time.monotonic()
    tab.close()
    return healthy - begun, painted - healthy, ready - begun


def memory_figures(server: Server, browser: Browser) -> list[Figure]:
    """Resident memory of the UI process, what it has mapped, private memory of a small job."""
    page = browser.new_page(base_url=server.url)
    ui = psutil.Process(server.process.pid)
    private = private_of_a_job(ui, page)
    visited = visit_all(page)
    libraries = {Path(m.path).name for m in ui.memory_maps()}
    torch = sum(name.startswith("libtorch") for name in libraries)
    resident = ui.memory_info().rss / MEGABYTE
    after = f"after {visited} pages were visited and one run trained"
    return [
        Figure("UI process", resident, "MB", "at most", 250, 1, f"Resident memory (RSS) {after}."),
        Figure(
            "libtorch in the UI process",
            torch,
            "",
            "at most",
            0,
            1,
            f"Files it has mapped {after}.",
        ),
        Figure(
            "a toy job",
            private,
            "MB",
            "at most",
            40,
            1,
            f"Private memory (USS) of the worker after {SETTLE} s of a 1-16-16-1 network.",
        ),
    ]


def private_of_a_job(ui: psutil.Process, page: Page) -> float:
    """Private memory, in MB, of the worker that trains a small network."""
    host = next(p for p in ui.children() if "engine.jobs.host" in p.cmdline())
    others = set(host.children())
    page.goto(TOY_RUN)
    page.wait_for_selector(".gl-chip[data-state=running]")
    time.sleep(SETTLE)
    (worker,) = set(host.children()) - others
    return float(worker.memory_full_info().uss) / MEGABYTE


def visit_all(page: Page) -> int:
    """Open the home page and every topic's page; returns how many."""
    names = ["", *(name for name in topics() if (ROOT / "pages" / f"{name}.py").is_file())]
    for name in names:
        page.goto(f"/{name}")
        page.wait_for_selector(".gallery-live canvas, .js-plotly-plot .scatterlayer")
    return len(names)
