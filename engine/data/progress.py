"""What is being got ready before a run begins: files on their way, pictures being unpacked.

Who waits listens; who works tells, and need not know whether anyone does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str, float], None]
"""Told what is being done, in words, and how much of it, from 0 to 1; may raise to end it."""

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Within this block `tell` reaches `listener`."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def tell(what: str, share: float) -> None:
    """Say how far something is; nothing happens where nobody listens."""
    if listener := _listener.get():
        listener(what, share)
