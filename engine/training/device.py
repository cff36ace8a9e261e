"""Choice of the device."""

from __future__ import annotations

import torch

from engine.errors import Unavailable
from engine.words import _


def choose(wish: str) -> str:
    """Return `"cuda"` or `"cpu"` for `"auto"`, `"cpu"` or `"cuda"`.

    Raises
    ------
    Unavailable
        When CUDA is asked for and there is none.
    """
    if wish == "cuda" and not torch.cuda.is_available():
        raise Unavailable(
            _("device: expected a CUDA device for 'cuda', found none. Use 'auto' or 'cpu'."),
            field="device",
        )
    if wish == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return wish
