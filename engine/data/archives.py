"""The files in a stranger's zip archive; nothing is unpacked before its size was looked at.

Torch-free. Names in it are only words: nothing is ever written to them.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from engine.words import _

SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
"""First bytes of an archive, and of an empty one."""
ENTRY = b"PK\x01\x02"
"""Begins each line of an archive's table of contents."""
ENTRIES_LIMIT = 20_000
"""Counted before the table is read, which takes some 500 bytes of memory for each: files, folders,
and the shadows that macOS adds to both."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The others may ask for gigabytes before they give a byte, and no usual program writes them."""
ENCRYPTED = 0x1

BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)
"""What reading a damaged archive raises."""


class Unreadable(Exception):
    """Why an archive or a file in it cannot be read, in words."""


class Member(NamedTuple):
    """A file of an archive, or one that came alone.

    Attributes
    ----------
    size
        Its bytes, or what the archive says that it holds.
    read
        Its content; raises `Unreadable`.
    """

    name: str
    size: int
    read: Callable[[], bytes]


def members(payload: bytes) -> list[Member]:
    """The files of a zip archive, without its folders.

    Raises
    ------
    Unreadable
        When it is damaged, or has more than `ENTRIES_LIMIT` entries.
    """
    if payload.count(ENTRY) > ENTRIES_LIMIT:
        text = _("a zip archive of more than {limit:,} entries")
        raise Unreadable(text.format(limit=ENTRIES_LIMIT))
    try:
        archive = zipfile.ZipFile(io.BytesIO(payload))
    except BROKEN:
        raise Unreadable(_("a zip archive that is damaged or cut off")) from None
    infos = (info for info in archive.infolist() if not info.is_dir())
    return [Member(i.filename, i.file_size, partial(_content, archive, i)) for i in infos]


def check(payload: bytes, most: int) -> None:
    """Read every file of a zip archive once, which compares their checksums (CRC-32).

    Parameters
    ----------
    most
        Bytes that all of them may have.

    Raises
    ------
    Unreadable
        When it is no archive, an empty, damaged or locked one, or holds more.
    """
    if not payload.startswith(SIGNATURES):
        raise Unreadable(_("no zip archive"))
    files = members(payload)
    size = sum(file.size for file in files)
    if not size:
        raise Unreadable(_("an empty zip archive"))
    if size > most:
        raise Unreadable(_("a zip archive of {size:,.0f} MB").format(size=size / 2**20))
    for file in files:
        file.read()


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """A file unpacked: never more than the archive says that it holds."""
    if info.flag_bits & ENCRYPTED:
        raise Unreadable(_("locked with a password"))
    if info.compress_type not in METHODS:
        raise Unreadable(_("packed in an unusual way"))
    try:
        with archive.open(info) as stream:
            return stream.read(info.file_size)
    except BROKEN:
        raise Unreadable(_("damaged in the archive")) from None
