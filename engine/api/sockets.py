"""Options of the server's own sockets."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

OPEN_FILES = Path("/dev/fd")


def send_at_once() -> None:
    """Switch Nagle's algorithm off on all TCP sockets of this process.

    Streamlit binds its socket in a way that keeps asyncio from doing so, and small answers then
    wait up to 40 ms for the browser's delayed acknowledgement. Connections inherit the option
    from the listening socket. To be called when that is bound (in the lifespan).
    """
    for file in OPEN_FILES.iterdir():
        with suppress(OSError):  # not a socket, or closed meanwhile
            _without_delay(os.dup(int(file.name)))


def _without_delay(fd: int) -> None:
    try:
        one = socket.socket(fileno=fd)
    except OSError:
        os.close(fd)
        raise
    with one:
        if one.family in (socket.AF_INET, socket.AF_INET6) and one.type == socket.SOCK_STREAM:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
