"""Weights that PyTorch gives away for its own networks: downloaded once, checksum compared.

Torch-free: what is handed out is a file. Its name holds the beginning of its checksum, as all names
there do; the whole of it is recorded at the first download, and expected from then on.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from engine.data.fetching import fetch_file
from engine.data.progress import tell
from engine.data.registry import DataFile
from engine.errors import Corrupt, GalleryError, StorageFull, Unavailable
from engine.words import _

FOLDER = "weights"
NAMED = re.compile(r"[\w.-]+-(?P<sha256>[0-9a-f]{8,64})\.pth")


def fetched(url: str, most: int) -> Path:
    """The file of weights at this address: from the data folder, the cache, or downloaded.

    Parameters
    ----------
    most
        Bytes that it may have.

    Raises
    ------
    Unavailable
        When it cannot be downloaded.
    Corrupt
        When what is there, or was downloaded, has not the checksum in its name.
    StorageFull
        When there is no room for it.
    """
    name = url.rpartition("/")[2]
    named = NAMED.fullmatch(name)
    assert named is not None, url
    file = DataFile(f"{FOLDER}/{name}", url, most, sha256="")
    text = _("Getting the weights: {name}").format(name=name)
    try:
        path = fetch_file(file, lambda done: tell(text, min(1.0, done / most)))
    except (Unavailable, StorageFull) as error:
        raise type(error)(f"{error.message} {_instead()}", field="backbone") from None
    with path.open("rb") as stream:
        received = hashlib.file_digest(stream, "sha256").hexdigest()
    if not received.startswith(named["sha256"]):
        raise _wrong(name, named["sha256"], received)
    return path


def _instead() -> str:
    """What there is without a download."""
    return _(
        "EfficientNet-Lite0, and the backbones of MNIST and CIFAR-10, need none: choose one of them."
    )


def _wrong(name: str, expected: str, received: str) -> GalleryError:
    text = _("{file}: expected a sha256 that begins with {expected}, received {received}. {advice}")
    advice = _("Remove the file, and try again.")
    return Corrupt(
        text.format(file=f"{FOLDER}/{name}", expected=expected, received=received, advice=advice),
        field="backbone",
    )
