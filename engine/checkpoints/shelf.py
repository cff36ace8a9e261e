"""The checkpoints folder: manifest, cards and weights files, read with care and written whole.

Torch-free. Paths come from a topic and a name alone, never from what a file says of itself.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from engine import ROOT
from engine.checkpoints.cards import Card, Entry, FileEntry, Manifest
from engine.errors import Corrupt, NotFound, shorten
from engine.words import _

FOLDER = ROOT / "checkpoints"
MANIFEST = "manifest.json"

BUDGET = 60 * 10**6
"""Bytes of everything in the folder."""
WEIGHTS_LIMIT = 20 * 10**6
"""Bytes of one weights file: the largest share of the budget that a topic has."""
TEXT_LIMIT = 10**6
"""Bytes of the manifest, and of a card."""

Model = TypeVar("Model", bound=BaseModel)


def list_checkpoints() -> tuple[Card, ...]:
    """The cards of all shipped checkpoints, by topic and name.

    Raises
    ------
    NotFound, Corrupt
        When the manifest or a card is missing or damaged.
    """
    return tuple(card(e.topic, e.name) for e in manifest().checkpoints)


def card(topic: str, name: str) -> Card:
    """The card of one checkpoint.

    Raises
    ------
    NotFound
        When there is no such checkpoint, or its card is missing.
    Corrupt
        When the card is not the one in the manifest.
    """
    listed = entry(topic, name)
    found = _parse(Card, read(listed.card, TEXT_LIMIT), listed.card.file)
    expected = _described(topic, name, listed.weights.sha256)
    received = _described(found.topic, found.name, found.sha256)
    if received != expected:
        raise damaged(listed.card.file, expected, received)
    return found


def _described(topic: str, name: str, sha256: str) -> str:
    return _("the card of {topic}/{name} with weights {sha256}").format(
        topic=topic, name=name, sha256=sha256
    )


def entry(topic: str, name: str) -> Entry:
    """What the manifest says of one checkpoint.

    Raises
    ------
    NotFound
        When it is not listed.
    """
    listed = manifest().checkpoints
    for candidate in listed:
        if (candidate.topic, candidate.name) == (topic, name):
            return candidate
    known = ", ".join(f"{e.topic}/{e.name}" for e in listed) or _("none")
    text = _("checkpoint: expected one of {known}, received {received}.")
    raise NotFound(
        text.format(known=known, received=shorten(f"{topic}/{name}")), field="checkpoint"
    )


def manifest() -> Manifest:
    """Everything that is shipped; nothing where there is no manifest yet.

    Raises
    ------
    Corrupt
        When it cannot be read, or names other files than a checkpoint's own.
    """
    path = FOLDER / MANIFEST
    if not path.exists():
        return Manifest()
    _check_size(MANIFEST, TEXT_LIMIT)
    found = _parse(Manifest, path.read_bytes(), MANIFEST)
    for e in found.checkpoints:
        expected, received = file_names(e.topic, e.name), (e.weights.file, e.card.file)
        if received != expected:
            raise damaged(MANIFEST, " + ".join(expected), " + ".join(received))
    return found


def file_names(topic: str, name: str) -> tuple[str, str]:
    """Weights file and card of a checkpoint, relative to the folder."""
    return f"{topic}/{name}.safetensors", f"{topic}/{name}.json"


def read(listed: FileEntry, limit: int) -> bytes:
    """The bytes of a listed file, after its size and its checksum were found right.

    Raises
    ------
    NotFound
        When it is missing.
    Corrupt
        When it is larger than `limit` bytes, or its checksum is another.
    """
    path = FOLDER / listed.file
    if not path.is_file():
        text = _("{file}: expected a file, found none. {advice}")
        raise NotFound(text.format(file=_shown(listed.file), advice=_advice(listed.file)))
    _check_size(listed.file, limit)
    payload = path.read_bytes()
    if digest(payload) != listed.sha256:
        raise damaged(
            listed.file,
            _("sha256 {sha256} ({bytes} bytes)").format(sha256=listed.sha256, bytes=listed.bytes),
            _("{sha256} ({bytes} bytes)").format(sha256=digest(payload), bytes=len(payload)),
        )
    return payload


def _check_size(file: str, limit: int) -> None:
    size = (FOLDER / file).stat().st_size
    if size > limit:
        expected = _("at most {limit} bytes").format(limit=limit)
        raise damaged(file, expected, _("{size} bytes").format(size=size))


def digest(payload: bytes) -> str:
    """SHA-256 as 64 hex digits."""
    return hashlib.sha256(payload).hexdigest()


def _parse(model: type[Model], payload: bytes, file: str) -> Model:
    try:
        return model.model_validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "JSON"
        expected = _("a valid {place} ({problem})").format(place=place, problem=first["msg"])
        raise damaged(file, expected, shorten(first["input"])) from None


def damaged(file: str, expected: str, received: str) -> Corrupt:
    """The error for a file, named relative to the folder, that is not what it should be."""
    text = _("{file}: expected {expected}, received {received}. {advice}")
    return Corrupt(
        text.format(file=_shown(file), expected=expected, received=received, advice=_advice(file))
    )


def _shown(file: str) -> str:
    return f"checkpoints/{file}"


def _advice(file: str) -> str:
    if file == MANIFEST:
        return _("Restore it with `git checkout -- checkpoints`.")
    text = _("Restore it with `git checkout -- checkpoints`, or make it again with `{command}`.")
    return text.format(command=train_command(file.rsplit(".", 1)[0]))


def train_command(full_name: str) -> str:
    """The shell command that makes the checkpoint `topic/name`."""
    return f"python -m engine checkpoints train {full_name}"


def write(new: Card, weights: bytes) -> None:
    """Put a checkpoint on the shelf: weights, card and manifest, none of them half-written.

    The manifest goes last; whoever reads in between is told that a checksum does not match.
    """
    weights_file, card_file = file_names(new.topic, new.name)
    card_bytes = _to_json(new)
    listed = Entry(
        name=new.name,
        topic=new.topic,
        weights=_listed(weights_file, weights),
        card=_listed(card_file, card_bytes),
    )
    manifest_bytes = _to_json(manifest().with_entry(listed))
    _replace({weights_file: weights, card_file: card_bytes, MANIFEST: manifest_bytes})


def _listed(file: str, payload: bytes) -> FileEntry:
    return FileEntry(file=file, bytes=len(payload), sha256=digest(payload))


def _to_json(model: BaseModel) -> bytes:
    return model.model_dump_json(indent=2).encode() + b"\n"


def _replace(payloads: Mapping[str, bytes]) -> None:
    """Write each file beside its place; when all are written, move them there."""
    places = {FOLDER / file: payload for file, payload in payloads.items()}
    beside = {path: path.with_name(f".{path.name}.new") for path in places}
    try:
        for path, payload in places.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with beside[path].open("wb") as file:
                file.write(payload)
                file.flush()
                os.fsync(file.fileno())
        for path, written in beside.items():
            written.replace(path)
    finally:
        for written in beside.values():
            written.unlink(missing_ok=True)
