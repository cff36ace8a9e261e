"""Errors that are shown to people: what was expected, what was received, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.words import _

RECEIVED_LIMIT = 80
"""Characters of a received value that a message repeats."""


def shorten(value: object, limit: int = RECEIVED_LIMIT) -> str:
    """Return `repr(value)` on one line, cut to `limit` characters."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


class GalleryError(Exception):
    """An error whose message a visitor may read.

    Attributes
    ----------
    code : str
        Stable machine-readable name, used in the HTTP API.
    status : int
        HTTP status.
    field : str or None
        The setting or argument at fault.
    """

    code = "error"
    status = 400

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


@dataclass(frozen=True)
class Problem:
    """One invalid value: the field, what was expected and what was received."""

    field: str
    expected: str
    received: str

    @property
    def text(self) -> str:
        return _("{field}: expected {expected}, received {received}.").format(
            field=self.field, expected=self.expected, received=self.received
        )


class InvalidValue(GalleryError):
    """One or more values are outside what their fields allow."""

    code = "invalid_value"
    status = 422

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(" ".join(p.text for p in problems), field=problems[0].field)
        self.problems = tuple(problems)

    @classmethod
    def of(cls, field: str, expected: str, received: object) -> InvalidValue:
        return cls([Problem(field, expected, shorten(received))])


class NotFound(GalleryError):
    """Nothing is known under this name (or the asker may not know of it)."""

    code = "not_found"
    status = 404


class Forbidden(GalleryError):
    """The asker is not the owner."""

    code = "forbidden"
    status = 403


class Conflict(GalleryError):
    """The thing exists, but is not in a state that allows this."""

    code = "conflict"
    status = 409


class Unavailable(GalleryError):
    """A part of the service is not there at the moment (warming up, not installed)."""

    code = "unavailable"
    status = 503


class Rejected(GalleryError):
    """A job was not admitted.

    Attributes
    ----------
    retry_after : float
        Seconds after which another try makes sense.
    """

    code = "rejected"
    status = 429

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StorageFull(GalleryError):
    """A run could not be written: no room on the disk, or a quota is used up."""

    code = "storage_full"
    status = 507


class Corrupt(GalleryError):
    """Stored bytes are not what was written: a checksum, a shape or a name is wrong."""

    code = "corrupt"
    status = 500
