"""Files that come with scikit-learn, which is never imported for them. Torch-free."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from engine.errors import GalleryError
from engine.words import _


def bundled(file: str) -> Path:
    """Where scikit-learn keeps a file of its data; importing it would take half a second.

    Raises
    ------
    GalleryError
        When scikit-learn is not installed.
    """
    found = find_spec("sklearn")
    if found is None or not found.submodule_search_locations:
        text = _("These data come with scikit-learn, which is not installed; install it.")
        raise GalleryError(text, field="data")
    return Path(found.submodule_search_locations[0]) / "datasets" / "data" / file
