"""The files of a data set: from the data folder, from the cache, or downloaded once.

Torch-free. A file is only ever handed out after its checksum was found right. Where none is
published, a file has to be a sound archive; the checksum of the first one that was downloaded is
written beside it, and expected from then on.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import logging
import os
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import pooch
import requests

from engine.data.archives import Unreadable, check
from engine.data.progress import tell
from engine.data.registry import DataFile, DataSource, source
from engine.errors import Corrupt, GalleryError, StorageFull, Unavailable
from engine.settings import settings
from engine.words import _

log = logging.getLogger(__name__)

CHUNK = 64 * 1024
TIMEOUT = 30.0
"""Seconds without a byte after which a download is given up."""
SHRUNK = 4
"""How many times larger an archive of photographs may become; they hardly do, a bomb does."""

Progress = Callable[[int], None]
"""Told how many bytes are here so far."""


def fetch(name: str, progress: Progress | None = None) -> tuple[Path, ...]:
    """The files of the data set `name`, in the order of the registry.

    Looks in `GALLERY_DATA_DIR`, then in the cache, then for a gzipped copy of it in
    `GALLERY_DATA_DIR` (`path` + ".gz", unpacked into the cache), then downloads; nothing is kept
    of a download that breaks off or is not the file expected.

    Parameters
    ----------
    progress
        Called with the bytes that are here so far, of `source(name).bytes`; without it, whoever
        listens to `engine.data.progress` is told.

    Raises
    ------
    InvalidValue
        When there is no such data set.
    Unavailable
        When a file cannot be downloaded (no address, no network, no answer, an HTTP error).
    Corrupt
        When what was downloaded has another checksum, or is no sound archive.
    StorageFull
        When there is no room for it.
    """
    paths, here = [], 0
    progress = progress or _told(source(name))
    for file in source(name).files:
        paths.append(fetch_file(file, _counted_on(progress, here)))
        here += file.bytes
        progress(here)
    return tuple(paths)


def _told(files: DataSource) -> Progress:
    what = _("Getting the files: {title}").format(title=_(files.title))
    return lambda done: tell(what, done / files.bytes)


def _counted_on(progress: Progress, here: int) -> Progress:
    return lambda done: progress(here + done)


def held(file: DataFile) -> Path | None:
    """Where a file of the right size lies already (its checksum not compared), if anywhere."""
    for path in _places(file):
        if path.is_file() and _may_have(file, path.stat().st_size):
            return path
    packed = _packed(file)
    return packed if packed is not None and _unpacked_size(packed) == file.bytes else None


def checksum(file: DataFile) -> str:
    """The sha256 that a download has to have: the registry's, else the recorded one, else empty."""
    return file.sha256 or _recorded(file)


def _whole(sha256: str) -> bool:
    """Whether it is a whole checksum, not only the beginning of one."""
    return len(sha256) == hashlib.sha256().digest_size * 2


def _may_have(file: DataFile, size: int) -> bool:
    return size == file.bytes if _whole(file.sha256) else 0 < size <= file.bytes


def _packed(file: DataFile) -> Path | None:
    """A gzipped copy of the file in the data folder, if there is one and it could be compared."""
    folder = settings().data_dir if _whole(file.sha256) else None
    path = folder / f"{file.path}.gz" if folder is not None else None
    return path if path is not None and path.is_file() else None


def _unpacked_size(path: Path) -> int:
    """What the last four bytes of a gzip file tell of its content (RFC 1952)."""
    with path.open("rb") as stream:
        stream.seek(max(path.stat().st_size - 4, 0))
        return int.from_bytes(stream.read(4), "little")


def _places(file: DataFile) -> list[Path]:
    folders = [settings().data_dir, settings().cache_dir]
    return [folder / file.path for folder in folders if folder is not None]


def fetch_file(file: DataFile, progress: Progress) -> Path:
    """One file, as `fetch` has those of a data set."""
    for path in _places(file):
        if path.is_file():
            flaw = _flaw(file, path)
            if not flaw:
                return path
            log.warning("%s is not the file expected (%s); passed over", path, flaw)
    packed = _packed(file)
    if packed is not None and _unpack(packed, file):
        return _cached(file)
    return _download(file, progress)


def _flaw(file: DataFile, path: Path) -> str:
    """Why this cannot be the file; empty when it is, or when nobody can tell."""
    cached = path == _cached(file)
    expected = file.sha256 or (_recorded(file) if cached else "")
    if expected:
        return "" if pooch.file_hash(str(path)).startswith(expected) else "wrong checksum"
    flaw = _unsound(file, path)
    if cached and not flaw:
        with suppress(OSError):  # a cache that cannot be written is none to guard
            _record(file, path)
    return flaw


def _cached(file: DataFile) -> Path:
    return settings().cache_dir / file.path


def _unpack(packed: Path, file: DataFile) -> bool:
    """Put the content of a gzip file into the cache, if its checksum is the one expected."""
    try:
        with gzip.open(packed) as stream:
            content = stream.read(file.bytes + 1)
    except (OSError, EOFError, zlib.error):
        content = b""
    if hashlib.sha256(content).hexdigest() != file.sha256:
        log.warning("%s does not hold the file expected (wrong checksum); passed over", packed)
        return False
    try:
        write_whole(_cached(file), content)
    except OSError as error:
        raise _unwritable(file, error) from None
    return True


def write_whole(path: Path, content: bytes | memoryview | Iterable[bytes]) -> None:
    """Write a file of the cache so that others see all of it or nothing.

    Parameters
    ----------
    content
        All of it, or parts that are written as they come.

    Raises
    ------
    OSError
        When it cannot be written; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.writelines([content] if isinstance(content, bytes | memoryview) else content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise


def _download(file: DataFile, progress: Progress) -> Path:
    if not file.url:
        raise _unpublished(file)
    path = _cached(file)
    pooch.get_logger().setLevel(logging.WARNING)
    meter = _Meter(file, progress)
    download = pooch.HTTPDownloader(meter, chunk_size=CHUNK, timeout=TIMEOUT)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _check_room(file, shutil.disk_usage(path.parent).free)
        if _whole(known := checksum(file)):
            pooch.retrieve(file.url, f"sha256:{known}", path.name, path.parent, downloader=download)
        else:
            _download_first(file, path, download)
    except requests.RequestException as error:
        raise _unreachable(file, error) from None
    except ValueError:  # pooch's word for a wrong checksum
        raise _wrong(file) from None
    except OSError as error:
        raise _unwritable(file, error) from None
    return path


def _download_first(file: DataFile, path: Path, download: pooch.HTTPDownloader) -> None:
    """Download a file whose whole checksum nobody knows yet: looked at, recorded, then kept."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        download(file.url, name, None)
        if flaw := _unsound(file, Path(name)):
            raise _wrong(file) if file.sha256 else _no_archive(file, flaw)
        if not file.sha256:
            _record(file, Path(name))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise


def _unsound(file: DataFile, path: Path) -> str:
    """What is wrong with a file, in words; empty when nothing is.

    It has to have the beginning of a checksum that is known, else to be a sound archive.
    """
    if not _may_have(file, path.stat().st_size):
        return _("{size:,} bytes").format(size=path.stat().st_size)
    if file.sha256:
        return "" if pooch.file_hash(str(path)).startswith(file.sha256) else _("another checksum")
    try:
        check(path.read_bytes(), SHRUNK * file.bytes)
    except Unreadable as error:
        return str(error)
    return ""


def _record(file: DataFile, path: Path) -> None:
    """Write the checksum of what lies at `path` as that of the file, in the way of sha256sum."""
    line = f"{pooch.file_hash(str(path))}  {_cached(file).name}\n"
    write_whole(_record_of(file), line.encode())


def _record_of(file: DataFile) -> Path:
    return settings().cache_dir / f"{file.path}.sha256"


def _recorded(file: DataFile) -> str:
    """The checksum that was recorded; empty when there is none."""
    try:
        found = re.match(r"[0-9a-f]{64}\b", _record_of(file).read_text("utf-8"))
    except (OSError, ValueError):
        return ""
    return found.group() if found else ""


class _Meter:
    """What pooch calls while it downloads: passes the news on, stops what grows too long."""

    def __init__(self, file: DataFile, progress: Progress) -> None:
        self.total = 0  # set by pooch to what the server announces
        self._file = file
        self._progress = progress
        self._done = 0

    def update(self, amount: int) -> None:
        # pooch counts whole chunks: the last one may go beyond, none may begin there
        if self._done > self._file.bytes:
            raise _wrong(self._file)
        self._done += amount
        self._progress(min(self._done, self._file.bytes))

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        """Nothing to close."""


def _check_room(file: DataFile, free: int) -> None:
    if free < file.bytes:
        raise _no_room(file)


def _no_room(file: DataFile) -> GalleryError:
    text = _("{file}: expected room for {bytes} bytes in {folder}, found less. {advice}")
    advice = _("Make room, or name another folder in GALLERY_CACHE_DIR.")
    folder = settings().cache_dir
    return StorageFull(text.format(file=file.path, bytes=file.bytes, folder=folder, advice=advice))


def _unwritable(file: DataFile, error: OSError) -> GalleryError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return _no_room(file)
    text = _("{file}: {folder} cannot be written ({reason}). Name another in GALLERY_CACHE_DIR.")
    reason = error.strerror or type(error).__name__
    return Unavailable(text.format(file=file.path, folder=settings().cache_dir, reason=reason))


def _unpublished(file: DataFile) -> GalleryError:
    text = _(
        "{file}: there is no public address to download it from. Put the file into the folder that "
        "GALLERY_DATA_DIR names, as {file}; its sha256 is {sha256}."
    )
    return Unavailable(text.format(file=file.path, sha256=file.sha256))


def _unreachable(file: DataFile, error: requests.RequestException) -> GalleryError:
    text = _(
        "{file}: no download from {url} ({reason}). Check the network and try again, or put the "
        "file into the folder that GALLERY_DATA_DIR names, as {file}."
    )
    return Unavailable(text.format(file=file.path, url=file.url, reason=_reason(error)))


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return _("no answer")
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return _("it broke off")
    if isinstance(error, requests.ConnectionError):
        return _("no connection")
    return type(error).__name__


def _wrong(file: DataFile) -> GalleryError:
    if not file.sha256:
        return _other(file)
    text = _(
        "{file}: expected sha256 {sha256} from {url}, received another file; nothing was kept. "
        "Try again; if it stays so the publisher has changed the file, and the one expected has "
        "to be put into the folder that GALLERY_DATA_DIR names, as {file}."
    )
    return Corrupt(text.format(file=file.path, sha256=file.sha256, url=file.url))


def _other(file: DataFile) -> GalleryError:
    """What was downloaded is not what it was the first time, or is too long to be it at all."""
    known = _recorded(file)
    if not known:
        return _no_archive(file, _("more"))
    text = _(
        "{file}: expected sha256 {sha256} from {url}, as at the first download, received another "
        "file; nothing was kept. Try again; if it stays so the publisher has changed the file: "
        "remove {record} to take the new one."
    )
    return Corrupt(text.format(file=file.path, sha256=known, url=file.url, record=_record_of(file)))


def _no_archive(file: DataFile, received: str) -> GalleryError:
    text = _(
        "{file}: expected a whole zip archive of at most {bytes:,} bytes from {url}, received "
        "{received}; nothing was kept. Try again, or put the file into the folder that "
        "GALLERY_DATA_DIR names, as {file}."
    )
    return Corrupt(text.format(file=file.path, bytes=file.bytes, url=file.url, received=received))
