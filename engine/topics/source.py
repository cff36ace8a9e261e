"""A topic's own source as text, for the code panel: read by `ast`, so nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache

from engine.topics import folder, topic

TREE = ast.FunctionDef | ast.ClassDef


@cache
def sources(name: str) -> Mapping[str, str]:
    """The functions and classes that a topic's spec names in `code`, as `{module.name: source}`.

    Raises
    ------
    LookupError
        When the spec names something that its files do not have.
    """
    return {path: _source(name, path) for path in topic(name).code}


def _source(name: str, path: str) -> str:
    module, _, wanted = path.partition(".")
    text = (folder(name) / f"{module}.py").read_text()
    for node in ast.parse(text).body:
        if isinstance(node, TREE) and node.name == wanted:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            return "\n".join(text.splitlines()[first - 1 : node.end_lineno])
    raise LookupError(f"engine/topics/{name}/{module}.py has no {wanted}")
