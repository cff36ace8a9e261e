"""Topics that have a page (tests and benchmarks bring topics without one)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from engine.spec import TopicSpec
from engine.topics import topics

PAGES = Path(__file__).resolve().parent.parent


@cache
def with_page() -> tuple[TopicSpec, ...]:
    """Specs of all topics with a file in `pages/`, in their order."""
    return tuple(t for t in topics().values() if (PAGES / f"{t.name}.py").is_file())
