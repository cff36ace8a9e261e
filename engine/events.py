"""Events of a run: what workers tell, and what pages, API and stores read.

An event is JSON: `{"run", "seq", "time", "type", "step", "data"}`. A run ends in exactly one of
the `TERMINAL` types.
"""

from __future__ import annotations

import base64
import io
import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from PIL import Image

TERMINAL = frozenset({"done", "failed", "cancelled", "timeout", "lost"})
TYPES = (
    frozenset({"queued", "progress", "started", "metric", "frame", "note", "artifact"}) | TERMINAL
)

INLINE_LIMIT = 256 * 1024
"""Bytes of `data` above which an event is to be fetched by URL."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened in a run.

    `run` and `seq` are stamped by the `RunLog` that records it; `time` (Unix seconds) is taken
    where it happened.
    """

    type: str
    data: Mapping[str, Any] = field(default_factory=dict)
    step: int | None = None
    time: float = field(default_factory=time.time)
    run: str = ""
    seq: int = 0

    @property
    def terminal(self) -> bool:
        return self.type in TERMINAL

    def stamped(self, run: str, seq: int) -> Event:
        """The same event with its place in the run's log."""
        return replace(self, run=run, seq=seq)

    def as_dict(self) -> dict[str, Any]:
        """The event as plain JSON values."""
        plain: dict[str, Any] = json.loads(self.to_json())
        return plain

    def to_json(self) -> str:
        """One line of strict JSON (no NaN: a number that is not finite becomes null)."""
        return dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Event:
        return cls(**json.loads(text))


def dumps(value: Any) -> str:
    """Compact strict JSON; not-finite numbers become null, arrays their encoded form."""
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"), default=_plain)
    except ValueError:
        return json.dumps(_finite(value), allow_nan=False, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return encode_array(value)
    if isinstance(value, np.generic):
        return _finite(value.item())
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} does not belong in an event")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return value


def encode_array(array: np.ndarray) -> dict[str, Any]:
    """Return `{"dtype", "shape", "b64"}` of an array of any shape (little-endian, C order)."""
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return {
        "dtype": array.dtype.name,
        "shape": list(array.shape),
        "b64": base64.b64encode(little.tobytes()).decode("ascii"),
    }


def encode_image(pixels: np.ndarray, quality: int = 80, lossless: bool = False) -> dict[str, str]:
    """Return `{"webp"}` (base64) of a picture: uint8, (H, W) grey or (H, W, 3) RGB."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "WEBP", quality=quality, lossless=lossless)
    return {"webp": base64.b64encode(stream.getvalue()).decode("ascii")}


def decode_array(encoded: Mapping[str, Any]) -> np.ndarray:
    """Inverse of `encode_array`."""
    raw = base64.b64decode(encoded["b64"])
    return np.frombuffer(raw, dtype=np.dtype(encoded["dtype"])).reshape(encoded["shape"]).copy()
