"""A real server and a real Chromium, for benchmarks and browser tests (development tools)."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from engine import ROOT

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
START_SECONDS = 60


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """`streamlit run app.py` on a free port."""

    def __init__(self, runs: Path, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = runs.parent / "server.log"
        command = [
            *(sys.executable, "-m", "streamlit", "run", "app.py"),
            *("--server.port", str(self.port), "--server.address", "127.0.0.1"),
        ]
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("GALLERY_")}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**inherited, "GALLERY_RUNS_DIR": str(runs), **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(self.url + path, timeout=2) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    def wait(self, path: str = "/readyz") -> None:
        """Wait until a probe says yes."""
        end = time.monotonic() + START_SECONDS
        while not self.answers(path):
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError(f"the server did not come up:\n{self.log.read_text()}")
            time.sleep(0.02)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, headless."""
    path = next((p for p in map(shutil.which, CHROMIUM_NAMES) if p), None)
    if path is None:
        raise RuntimeError("No Chromium on the PATH: run `make test`, which installs it.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@contextmanager
def visitor() -> Iterator[Page]:
    """A page of 1440 × 900 in front of a real server, whose runs go with it."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        server = Server(Path(folder) / "runs")
        try:
            server.wait()
            yield browser.new_page(base_url=server.url, viewport={"width": 1440, "height": 900})
        finally:
            server.stop()
