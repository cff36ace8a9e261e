"""How fast a shipped model answers over HTTP, and what that does to the pages.

`python -m engine bench serving`. The real server with the settings we ship on 127.0.0.1; the
clients, with a visitor's cookie and connections kept alive, are one other process. Alone and eight
in parallel they ask for one row after another as fast as they are answered. Then the same eight
ask 150 times a second in all, while a tab reruns the Regression page without a pause
(`tests/rerun_client.py`), in turns with the same tab left alone.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from engine import ROOT
from engine.bench.browser import Server
from engine.bench.figure import Figure, by_name, p95
from engine.checkpoints.shelf import manifest

PREFERRED = (("classification", "credit"), ("regression", "sine"))
"""Checkpoints by topic and name; the first that is shipped is asked."""
SECONDS = 6
CLIENTS = 8
RATE = 150
"""Requests a second: the target, and the load beside which the page is rerun."""
LATENCY_TARGET = 30
SLOWDOWN_TARGET = 1.3
TURNS = 3
PAGE = "regression"
LIMIT = 60


def measure() -> dict[str, Figure]:
    """Latency of one client, throughput of eight, and the page's rerun time beside them."""
    topic, name = shipped()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "runs")
        try:
            server.wait()
            load(server.url, 1, seconds=1).result()  # the model is read, the code is warm
            model = f"{topic}/{name}"
            return by_name([alone(server.url, model), parallel(server.url, model), beside(server)])
        finally:
            server.stop()


def shipped() -> tuple[str, str]:
    """Topic and name of the checkpoint that is asked."""
    there = {(entry.topic, entry.name) for entry in manifest().checkpoints}
    return next(choice for choice in PREFERRED if choice in there)


def alone(url: str, model: str) -> Figure:
    """Milliseconds of one request after the other."""
    times = load(url, 1).result()["milliseconds"]
    how = f"POST predict, one row, {model}: sent → answer read, one client over {SECONDS} s."
    return p95("predict, one row", times, "ms", LATENCY_TARGET, how)


def parallel(url: str, model: str) -> Figure:
    """Requests a second of eight clients that never wait."""
    answer = load(url, CLIENTS).result()
    times = answer["milliseconds"]
    return Figure(
        f"predict, {CLIENTS} clients",
        len(times) / answer["seconds"],
        "1/s",
        "at least",
        RATE,
        len(times),
        f"POST predict, one row, {model}: requests answered a second, {CLIENTS} clients that ask "
        f"again at once, over {SECONDS} s; beside it their milliseconds.",
        {"p50": median(times), "p95": float(np.percentile(times, 95))},
    )


def beside(server: Server) -> Figure:
    """Rerun time of the page beside the load, against the page alone; measured in turns."""
    quiet, loaded, rates, flat_out = [], [], [], []
    for _turn in range(TURNS):
        quiet.append(rerun_seconds(server.url))
        running = load(server.url, CLIENTS, rate=RATE)
        loaded.append(rerun_seconds(server.url))
        answer = running.result()
        rates.append(len(answer["milliseconds"]) / answer["seconds"])
    running = load(server.url, CLIENTS)
    flat_out.append(rerun_seconds(server.url))
    running.result()
    ratios = [with_load / without for with_load, without in zip(loaded, quiet, strict=True)]
    return Figure(
        "rerun beside predictions",
        median(ratios),
        "×",
        "at most",
        SLOWDOWN_TARGET,
        TURNS,
        f"Rerun time of the Regression page, one tab that reruns without a pause, while {CLIENTS} "
        f"clients ask {RATE} times a second in all, over its time without them. Beside it both in "
        "ms, the requests answered a second, and the ratio while the clients never wait.",
        {
            "alone": 1000 * median(quiet),
            "loaded": 1000 * median(loaded),
            "answered": median(rates),
            "never waiting": flat_out[0] / median(quiet),
        },
    )


def rerun_seconds(url: str) -> float:
    """Mean time of one rerun."""
    script = ROOT / "tests" / "rerun_client.py"
    command = [sys.executable, str(script), url, PAGE, "1", str(SECONDS)]
    result = subprocess.run(command, stdout=subprocess.PIPE, timeout=LIMIT, check=True)
    answer = json.loads(result.stdout)
    return float(answer["seconds"] / answer["reruns"])


class Load:
    """Clients at work in another process."""

    def __init__(self, url: str, clients: int, seconds: float, rate: float) -> None:
        command = [sys.executable, "-m", __name__, url, str(clients), str(seconds), str(rate)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)

    def result(self) -> dict[str, Any]:
        """`milliseconds` of every request, and the `seconds` in which they were made."""
        told, _errors = self._process.communicate(timeout=LIMIT)
        if self._process.returncode:
            raise RuntimeError("the clients failed")
        answer: dict[str, Any] = json.loads(told)
        return answer


def load(url: str, clients: int, *, seconds: float = SECONDS, rate: float = 0) -> Load:
    """Set clients to work; `rate` requests a second in all, 0 for as many as are answered.

    Beside a page the load goes on for longer than the reruns are counted, whose tab has to arrive.
    """
    return Load(url, clients, seconds + (4 if rate else 0), rate)


# The clients' process ----------------------------------------------------------------------------


class Client:
    """One connection that is kept alive; asks for a row and reads the answer."""

    def __init__(self, url: str) -> None:
        self.address = urlsplit(url)
        topic, name = shipped()
        row = example(topic, name)
        self.body = json.dumps({"model": name, "inputs": [row]}).encode()
        self.path = f"/api/v1/{topic}/predict"
        self.cookie = ""

    async def connect(self) -> None:
        host, port = self.address.hostname, self.address.port
        self.reader, self.writer = await asyncio.open_connection(host, port)
        head, _body = await self.ask("GET", "/healthz", b"")
        cookies = [line for line in head if line.lower().startswith("set-cookie:")]
        self.cookie = cookies[0].partition(":")[2].partition(";")[0].strip()

    async def ask(self, method: str, path: str, body: bytes) -> tuple[list[str], bytes]:
        """Head lines and body of the answer."""
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: {self.address.netloc}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        ]
        if self.cookie:
            lines.append(f"Cookie: {self.cookie}")
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        length = next(line for line in head if line.lower().startswith("content-length:"))
        return head, await self.reader.readexactly(int(length.partition(":")[2]))

    async def predict(self) -> float:
        """Milliseconds until the answer was there."""
        sent = time.perf_counter()
        head, body = await self.ask("POST", self.path, self.body)
        if " 200 " not in head[0]:
            raise RuntimeError(f"{head[0]}: {body.decode()}")
        return 1000 * (time.perf_counter() - sent)

    async def predict_until(self, end: float, pause: float) -> list[float]:
        """Ask again and again; with a `pause`, at moments that far apart."""
        times: list[float] = []
        due = time.perf_counter()
        while time.perf_counter() < end:
            times.append(await self.predict())
            due += pause
            await asyncio.sleep(max(0.0, due - time.perf_counter()) if pause else 0)
        return times


def example(topic: str, name: str) -> Any:
    """An input that the checkpoint's card shows."""
    from engine.checkpoints import card

    return card(topic, name).examples.inputs[0]


async def work(url: str, clients: int, seconds: float, rate: float) -> dict[str, Any]:
    """All clients until the time is over."""
    made = [Client(url) for _client in range(clients)]
    for client in made:
        await client.connect()
    begun = time.perf_counter()
    pause = clients / rate if rate else 0.0
    working = (client.predict_until(begun + seconds, pause) for client in made)
    times = [t for each in await asyncio.gather(*working) for t in each]
    return {"milliseconds": times, "seconds": time.perf_counter() - begun}


def main(arguments: Sequence[str]) -> None:
    url, clients, seconds, rate = arguments
    print(json.dumps(asyncio.run(work(url, int(clients), float(seconds), float(rate)))))


if __name__ == "__main__":
    main(sys.argv[1:])
