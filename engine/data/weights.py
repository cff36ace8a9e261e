"""Weights that PyTorch gives away for its own networks: downloaded once, checksum compared.

Torch-free: what is handed out is a file. Its name holds the beginning of its checksum, as all names
there do.
"""

from __future__ import annotations

import re
from pathlib import Path

from engine.data.fetching import fetch_file
from engine.data.progress import tell
from engine.data.registry import DataFile
from engine.errors import Corrupt, StorageFull, Unavailable
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
        When what was downloaded has not the checksum in its name.
    StorageFull
        When there is no room for it.
    """
    name = url.rpartition("/")[2]
    named = NAMED.fullmatch(name)
    assert named is not None, url
    file = DataFile(f"{FOLDER}/{name}", url, most, named["sha256"])
    text = _("Getting the weights: {name}").format(name=name)
    try:
        return fetch_file(file, lambda done: tell(text, min(1.0, done / most)))
    except (Unavailable, Corrupt, StorageFull) as error:
        instead = _(
            "EfficientNet-Lite0, and the backbones of MNIST and CIFAR-10, need no download: choose "
            "one of them."
        )
        raise type(error)(f"{error.message} {instead}", field="backbone") from None
