"""Topics are found by folder: `engine/topics/<topic>/spec.py` with a `SPEC`.

`GALLERY_EXTRA_TOPICS` names one more folder of topics (tests and benchmarks bring their own).
An ImportError in a topic is never swallowed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any

from engine.config import Config
from engine.errors import InvalidValue, NotFound
from engine.settings import settings
from engine.spec import TopicSpec
from engine.words import _

if TYPE_CHECKING:
    from engine.data.tables import Table

Change = tuple[int, Mapping[str, Any]]

if settings().extra_topics is not None:
    __path__.append(str(settings().extra_topics))


@cache
def topics() -> Mapping[str, TopicSpec]:
    """All topics by name, in the order their specs ask for."""
    folders = {f.name for p in __path__ for f in Path(p).iterdir() if (f / "spec.py").is_file()}
    specs = [import_module(f"{__name__}.{name}.spec").SPEC for name in sorted(folders)]
    return MappingProxyType({s.name: s for s in sorted(specs, key=lambda s: (s.order, s.name))})


def topic(name: str) -> TopicSpec:
    """The spec of one topic.

    Raises
    ------
    InvalidValue
        When there is no topic of this name.
    """
    found = topics().get(name)
    if found is None:
        expected = _("one of {choices}").format(choices=", ".join(topics()))
        raise InvalidValue.of("topic", expected, name)
    return found


def recipe(name: str) -> ModuleType:
    """The torch side of a topic; imported only in workers and on the command line."""
    return import_module(f"{__name__}.{topic(name).name}.recipe")


def figures(name: str) -> ModuleType:
    """The figures of a topic (torch-free)."""
    return import_module(f"{__name__}.{topic(name).name}.figures")


def samples(name: str) -> ModuleType | None:
    """What finds the rows behind a cell of a topic's figure (torch-free), if the topic has it."""
    if not (folder(name) / "samples.py").is_file():
        return None
    return import_module(f"{__name__}.{name}.samples")


def challenges(name: str) -> ModuleType | None:
    """Goals and questions of a topic (torch-free), if it has them: `CHALLENGES` and `QUESTIONS`."""
    if not (folder(name) / "challenges.py").is_file():
        return None
    return import_module(f"{__name__}.{name}.challenges")


def has_script(name: str) -> bool:
    """Whether runs of a topic can be written as a standalone program."""
    return (folder(name) / "script.py").is_file()


def script(
    name: str, config: Config, table: Table | None = None, changes: Sequence[Change] = ()
) -> str:
    """A standalone program in plain PyTorch that trains as a run of this topic does.

    Parameters
    ----------
    table
        The visitor's own table, where `config` asks for it.
    changes
        What was changed while the run trained: the step after which, and the new values.

    Raises
    ------
    NotFound
        When the topic has none.
    """
    if not has_script(name):
        raise NotFound(_("This topic has no script."))
    source: str = import_module(f"{__name__}.{name}.script").script(config, table, changes)
    return source


def folder(name: str) -> Path:
    """The folder that holds a topic's files."""
    module = import_module(f"{__name__}.{topic(name).name}.spec")
    assert module.__file__ is not None
    return Path(module.__file__).parent
