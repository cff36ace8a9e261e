"""How many script reruns of the Regression page a second the server answers.

`python -m engine bench reruns`. The real server with the settings we ship; websocket clients in
one other process (`tests/rerun_client.py`) each ask for the next rerun as soon as the last one has
finished, as a visitor does who drags a slider. Every rerun must send the whole page.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from engine import ROOT
from engine.bench.browser import Server
from engine.bench.figure import Figure, by_name

PAGE = "regression"
CLIENTS = (1, 2, 4)
SECONDS = 8
LIMIT = 60
TARGET = 40


def measure() -> dict[str, Figure]:
    """Reruns a second of all clients together, by number of clients."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "runs")
        try:
            server.wait()
            return by_name([rate(server.url, clients) for clients in CLIENTS])
        finally:
            server.stop()


def rate(url: str, clients: int) -> Figure:
    """Reruns a second with this many clients."""
    script = ROOT / "tests" / "rerun_client.py"
    command = [sys.executable, str(script), url, PAGE, str(clients), str(SECONDS)]
    result = subprocess.run(command, stdout=subprocess.PIPE, timeout=LIMIT, check=True)
    answer = json.loads(result.stdout)
    noun = "client" if clients == 1 else "clients"
    return Figure(
        f"reruns, {clients} {noun}",
        answer["reruns"] / answer["seconds"],
        "1/s",
        "at least",
        TARGET,
        answer["reruns"],
        f"Finished script runs of the Regression page ({answer['elements']} elements each) a "
        f"second, {clients} websocket {noun} over {SECONDS} s.",
    )
