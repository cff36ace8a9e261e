"""Websocket clients that ask for script reruns as browsers do; started by `engine.bench.reruns`.

`python tests/rerun_client.py URL PAGE CLIENTS SECONDS` prints `{"reruns", "seconds"}`. It stands
outside the engine, which knows nothing of streamlit. Each client has a visitor's cookies and asks
for the next rerun when the last has finished; one that didn't run the whole page is an error.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import urllib.request
from http.cookiejar import CookieJar

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

WAIT = 30
"""Seconds a rerun may take before it counts as stuck."""


def cookies(url: str) -> str:
    """The cookies that a new visitor gets."""
    jar = CookieJar()
    urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar)).open(url, timeout=WAIT)
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


class Client:
    """One tab that is open on the page."""

    def __init__(self, socket: ClientConnection, page: str) -> None:
        self.socket = socket
        self.page = page
        self.page_hash = ""
        self.elements = 0

    async def rerun(self) -> int:
        """Have the script run once, to its end; returns the number of elements it sent."""
        message = BackMsg()
        message.rerun_script.page_script_hash = self.page_hash
        message.rerun_script.page_name = self.page
        await self.socket.send(message.SerializeToString())
        elements = 0
        while True:
            answer = ForwardMsg()
            answer.ParseFromString(await asyncio.wait_for(self.socket.recv(), WAIT))
            kind = answer.WhichOneof("type")
            if kind == "navigation":
                self.page_hash = answer.navigation.page_script_hash
            elif kind == "delta" and answer.delta.HasField("new_element"):
                if answer.delta.new_element.WhichOneof("type") == "exception":
                    raise RuntimeError(f"the page failed: {answer.delta.new_element.exception}")
                elements += 1
            elif kind == "script_finished":
                if answer.script_finished != ForwardMsg.FINISHED_SUCCESSFULLY:
                    raise RuntimeError(f"the script ended early: {answer.script_finished}")
                return elements

    async def arrive(self) -> None:
        """The first runs, after which every rerun sends the same elements."""
        for _run in range(3):
            self.elements = await self.rerun()

    async def rerun_until(self, end: float) -> int:
        """Rerun as often as possible until `end`; returns how often."""
        count = 0
        while time.perf_counter() < end:
            elements = await self.rerun()
            if elements != self.elements:
                raise RuntimeError(f"expected {self.elements} elements, received {elements}")
            count += 1
        return count


async def measure(url: str, page: str, clients: int, seconds: float) -> dict[str, float]:
    """Reruns of all clients together, and how long they took."""
    address = url.replace("http", "ws", 1) + "/_stcore/stream"
    sockets = [
        await connect(
            address,
            subprotocols=["streamlit"],
            origin=url,
            additional_headers={"Cookie": cookies(f"{url}/healthz")},
            max_size=None,
        )
        for _client in range(clients)
    ]
    tabs = [Client(socket, page) for socket in sockets]
    for tab in tabs:
        await tab.arrive()
    begun = time.perf_counter()
    counts = await asyncio.gather(*(tab.rerun_until(begun + seconds) for tab in tabs))
    taken = time.perf_counter() - begun
    for socket in sockets:
        await socket.close()
    return {"reruns": sum(counts), "seconds": taken, "elements": tabs[0].elements}


if __name__ == "__main__":
    url, page, clients, seconds = sys.argv[1:]
    print(json.dumps(asyncio.run(measure(url, page, int(clients), float(seconds)))))
