"""A job: what to train, for whom, and the limits it runs under."""

from __future__ import annotations

import secrets
from base64 import b64decode
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from engine import __version__
from engine.config import Config
from engine.topics import topic


def new_run_id() -> str:
    """A 128-bit id that cannot be guessed, as 32 hex digits."""
    return secrets.token_hex(16)


@dataclass(frozen=True)
class JobSpec:
    """Everything a worker needs to train one run.

    Parameters
    ----------
    topic
        Name of the topic.
    config
        Validated values of the topic's `Config`.
    device
        `"auto"`, `"cpu"` or `"cuda"`.
    threads
        Torch threads.
    paused
        Whether the run waits at step 0 for a `step` or `resume`.
    language
        Of the words in the run's notes and errors.
    attachments
        Bytes (base64) that the settings refer to: the visitor's own `table` or `album`, the
        `snapshot` that a fork goes on from.
    fork
        `{"run", "step"}` of the snapshot; `"edits"` are weights set by hand, as `checked_edits`
        (forking.py) gives them.
    """

    topic: str
    config: dict[str, Any] = field(default_factory=dict)
    device: str = "auto"
    threads: int = 1
    paused: bool = False
    language: str = "en"
    attachments: dict[str, str] = field(default_factory=dict)
    fork: dict[str, Any] | None = None

    @classmethod
    def checked(cls, name: str, values: dict[str, Any], **limits: Any) -> JobSpec:
        """Validate the topic and its settings.

        Raises
        ------
        InvalidValue
            Naming each field at fault.
        """
        config = topic(name).config.parse(values)
        return cls(name, config.model_dump(), **limits)

    def attached(self) -> dict[str, bytes]:
        """The attachments as bytes."""
        return {name: b64decode(text) for name, text in self.attachments.items()}

    def parsed(self) -> Config:
        return topic(self.topic).config.parse(self.config)


def versions() -> dict[str, str]:
    """Versions that a run's numbers depend on."""
    return dict(_VERSIONS)


# Looked up on import: Streamlit changes `sys.path` while scripts run, and a look-up may miss.
_VERSIONS = {"gallery": __version__, "torch": version("torch"), "numpy": version("numpy")}
