"""A visitor's own data of either kind: how settings name them, and how jobs carry them (torch-free).

A topic takes one kind. Its config has a hidden setting of the kind's name, which holds the digest;
the data themselves are a job's attachment of that name, and become a file only when a run is shared.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from types import MappingProxyType

from engine.config import Config
from engine.data.own_albums import ALBUM, OwnAlbum
from engine.data.tables import OWN, TABLE, Table

__all__ = ["ALBUM", "KINDS", "OWN", "TABLE", "OwnData", "attached", "digest", "file_of", "kind_of"]

OwnData = Table | OwnAlbum

KINDS: Mapping[str, Callable[[bytes], OwnData]] = MappingProxyType(
    {TABLE: Table.unpack, ALBUM: OwnAlbum.unpack}
)
"""What each kind is unpacked by; untrusted bytes raise InvalidValue."""


def kind_of(names: Container[str]) -> str:
    """The kind that a topic with settings of these names takes; empty where it takes none."""
    return next((kind for kind in KINDS if kind in names), "")


def digest(config: Config) -> str:
    """The digest of the data that these settings refer to; empty where they name none."""
    return str(getattr(config, kind_of(config.settings()), "") or "")


def attached(attachments: Container[str]) -> list[str]:
    """Which kinds are among a job's attachments."""
    return [kind for kind in KINDS if kind in attachments]


def file_of(kind: str) -> str:
    """What the data are called among the files of a shared run."""
    return f"{kind}.safetensors"
