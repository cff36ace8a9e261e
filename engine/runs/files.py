"""Files of runs in a local folder or at any fsspec URL: written whole or not at all."""

from __future__ import annotations

import hashlib
import io
import logging
import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from engine.errors import Corrupt
from engine.runs.room import disk_full
from engine.words import _

log = logging.getLogger(__name__)

FOLDER = "files"


def digest(payload: bytes) -> str:
    """SHA-256 as 64 hex digits."""
    return hashlib.sha256(payload).hexdigest()


class Files:
    """The files under `url`; their names come from the store, never from a visitor."""

    def __init__(self, url: str) -> None:
        self._fs, self._root = url_to_fs(url)
        self._fs.makedirs(self._at(""), exist_ok=True)

    @property
    def local(self) -> Path | None:
        """The folder that was given, if it is on this machine."""
        return Path(self._root) if isinstance(self._fs, LocalFileSystem) else None

    def _at(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{FOLDER}/{name}".rstrip("/")

    def write(self, payloads: Mapping[str, bytes]) -> None:
        """Store all `payloads` by name, or none of them. Names must be new.

        Raises
        ------
        StorageFull
            When there is no room.
        Corrupt
            When what was written does not read back the same.
        """
        try:
            with disk_full():
                for name, payload in payloads.items():
                    self._write(name, payload)
                self._sync_folder()
        except BaseException:
            self.remove([*payloads, *map(_temporary, payloads)])
            raise

    def _write(self, name: str, payload: bytes) -> None:
        temporary, final = self._at(_temporary(name)), self._at(name)
        with self._fs.open(temporary, "wb") as file:
            file.write(payload)
            file.flush()
            _sync(file)
        if digest(self._fs.cat_file(temporary)) != digest(payload):
            raise Corrupt(_("A file of this run was damaged while it was written. Try again."))
        if self.local:
            Path(temporary).replace(final)
        else:
            self._fs.mv(temporary, final)

    def _sync_folder(self) -> None:
        """Make the renames last through a power cut."""
        if self.local:
            descriptor = os.open(self._at(""), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def read(self, name: str, sha256: str) -> bytes:
        """The bytes stored under `name`.

        Raises
        ------
        FileNotFoundError
            When there is no such file.
        Corrupt
            When the bytes have another checksum.
        """
        payload: bytes = self._fs.cat_file(self._at(name))
        if digest(payload) != sha256:
            raise Corrupt(
                _("A stored file of this run is damaged (wrong checksum). Train the run again.")
            )
        return payload

    def names(self) -> set[str]:
        """Names of all files here, finished or not."""
        self._fs.invalidate_cache()
        try:
            paths = self._fs.ls(self._at(""), detail=False)
        except FileNotFoundError:  # an object store has no empty folders
            return set()
        return {path.rsplit("/", 1)[-1] for path in paths}

    def remove(self, names: Iterable[str]) -> None:
        """Remove the files that exist; what cannot be removed now is left to the next sweep."""
        for name in names:
            try:
                self._fs.rm_file(self._at(name))
            except FileNotFoundError:
                pass
            except OSError:
                log.exception("a file of a run could not be removed")

    def remove_older(self, names: Iterable[str], moment: datetime) -> int:
        """Remove those of `names` last written before `moment`; returns how many."""
        old = [name for name in names if self._older(name, moment)]
        self.remove(old)
        return len(old)

    def _older(self, name: str, moment: datetime) -> bool:
        try:
            modified: datetime = self._fs.modified(self._at(name))
        except FileNotFoundError:  # renamed or removed since it was listed
            return False
        return modified < moment


def _temporary(name: str) -> str:
    return f".{name}"


def _sync(file: io.IOBase) -> None:
    try:
        descriptor = file.fileno()
    except io.UnsupportedOperation:  # not a file of the operating system
        return
    os.fsync(descriptor)
