"""The data registry: the right bytes or a clear message, never a half-written file."""

from __future__ import annotations

import dataclasses
import errno
import gzip
import hashlib
import io
import os
import shutil
import threading
import zipfile
from collections import namedtuple
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from engine import ROOT, data
from engine.data import registry
from engine.errors import Corrupt, InvalidValue, StorageFull, Unavailable
from engine.settings import settings

PAYLOAD = bytes(range(256)) * 1024
SHA256 = hashlib.sha256(PAYLOAD).hexdigest()
SHARED = ROOT.parent / "shared" / "data"
NAMES = (
    "auto-mpg",
    "somerville-happiness",
    "sonar",
    "credit-default",
    "mnist",
    "fashion-mnist",
    "cifar-10",
    "cifar-10-jpeg",
    "hymenoptera",
    "hymenoptera-repacked",
)
UNPUBLISHED = ("cifar-10-jpeg", "hymenoptera-repacked")
NOT_SHARED = {"cifar-10", "hymenoptera"}
"""Copies that are not in the shared folder: another one of the same pictures is."""


class Handler(BaseHTTPRequestHandler):
    """Serves PAYLOAD well or badly, by path."""

    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path == "/missing":
            self.send_error(404)
            return
        body = self.server.bodies.get(self.path, PAYLOAD)
        self.send_response(200)
        if self.path != "/endless":
            size = len(PAYLOAD) if self.path == "/broken" else len(body)
            self.send_header("Content-Length", str(size))
        self.end_headers()
        try:
            self.wfile.write(body)
            while self.path == "/endless":
                self.wfile.write(PAYLOAD)
        except OSError:
            pass  # the client has had enough

    def log_message(self, *_):
        """Quiet."""


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.asked = []
        running.bodies = {"/wrong": PAYLOAD[::-1], "/broken": PAYLOAD[:100_000]}
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        running.url = f"http://127.0.0.1:{running.server_port}"
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """An empty data folder and an empty cache, as the settings name them."""
    Folders = namedtuple("Folders", "data cache")
    made = Folders(tmp_path / "data", tmp_path / "cache")
    made.data.mkdir()
    monkeypatch.setenv("GALLERY_DATA_DIR", str(made.data))
    monkeypatch.setenv("GALLERY_CACHE_DIR", str(made.cache))
    settings.cache_clear()
    yield made
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def known(server, folders, monkeypatch):
    """Put a data set at a path of the server into the registry."""

    def add(path: str = "/good", url: str = "") -> data.DataSource:
        file = data.DataFile("test/numbers.bin", (url or server.url) + path, len(PAYLOAD), SHA256)
        source = data.DataSource("numbers", "Numbers", "none", (file,))
        monkeypatch.setattr(registry, "SOURCES", (source,))
        return source

    return add


def files_in(folder):
    return [p for p in folder.rglob("*") if p.is_file()]


def put(folder, payload: bytes):
    path = folder / "test" / "numbers.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(payload)
    return path


# The registry


def test_the_registry_is_complete():
    assert tuple(data.sources()) == NAMES
    for source in data.sources().values():
        assert source.title
        assert source.licence
        assert source.bytes > 0
        for file in source.files:
            assert file.url.startswith("https://") or source.name in UNPUBLISHED
            assert len(file.sha256) == 64 or source.name == "hymenoptera"
            assert ".." not in file.path
            assert not file.path.startswith("/")


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data folder is not here")
@pytest.mark.parametrize("name", sorted({*data.sources()} - NOT_SHARED))
def test_the_shared_copies_are_the_files_expected(folders, monkeypatch, name):
    monkeypatch.setenv("GALLERY_DATA_DIR", str(SHARED))
    settings.cache_clear()
    source = data.source(name)
    for path, file in zip(data.fetch(name), source.files, strict=True):
        assert data.held(file) is not None
        assert path == SHARED / file.path or (SHARED / f"{file.path}.gz").is_file()
    assert [p.stat().st_size for p in data.fetch(name)] == [f.bytes for f in source.files]


def test_an_unknown_name_is_refused():
    with pytest.raises(InvalidValue) as caught:
        data.fetch("iris")
    assert caught.value.message == (f"data: expected one of {', '.join(NAMES)}, received 'iris'.")


# Where files come from


def test_a_file_is_downloaded_once(known, server, folders):
    source = known()
    assert data.held(source.files[0]) is None
    seen = []
    (path,) = data.fetch("numbers", seen.append)
    assert path == folders.cache / "test" / "numbers.bin"
    assert path.read_bytes() == PAYLOAD
    assert seen == sorted(seen)
    assert seen[-1] == len(PAYLOAD)
    assert len(seen) > 2
    assert data.held(source.files[0]) == path
    assert data.fetch("numbers") == (path,)
    assert server.asked == ["/good"]
    assert files_in(folders.cache) == [path]


def test_the_data_folder_comes_first(known, server, folders):
    known()
    put(folders.cache, PAYLOAD)
    path = put(folders.data, PAYLOAD)
    assert data.fetch("numbers") == (path,)
    assert server.asked == []


def test_a_damaged_copy_in_the_data_folder_is_passed_over(known, server, folders, caplog):
    known()
    damaged = put(folders.data, b"something else")
    (path,) = data.fetch("numbers")
    assert path == folders.cache / "test" / "numbers.bin"
    assert damaged.read_bytes() == b"something else"
    assert caplog.messages == [f"{damaged} is not the file expected (wrong checksum); passed over"]


def test_a_damaged_copy_in_the_cache_is_replaced(known, server, folders):
    known()
    path = put(folders.cache, PAYLOAD[:-1])
    assert data.fetch("numbers") == (path,)
    assert path.read_bytes() == PAYLOAD


def test_a_gzipped_copy_in_the_data_folder_is_unpacked_into_the_cache(known, server, folders):
    (file,) = known().files
    packed = put(folders.data, b"").rename(folders.data / "test" / "numbers.bin.gz")
    packed.write_bytes(gzip.compress(PAYLOAD))
    assert data.held(file) == packed
    (path,) = data.fetch("numbers")
    assert path == folders.cache / "test" / "numbers.bin"
    assert path.read_bytes() == PAYLOAD
    assert files_in(folders.cache) == [path]
    assert server.asked == []


@pytest.mark.parametrize(
    "content",
    [gzip.compress(PAYLOAD[::-1]), gzip.compress(PAYLOAD * 3), gzip.compress(PAYLOAD)[:-9], b"x"],
    ids=["another file", "a longer one", "cut off", "not gzip"],
)
def test_a_gzipped_copy_of_another_file_is_passed_over(known, server, folders, caplog, content):
    known()
    packed = put(folders.data, b"").rename(folders.data / "test" / "numbers.bin.gz")
    packed.write_bytes(content)
    (path,) = data.fetch("numbers")
    assert path.read_bytes() == PAYLOAD
    assert server.asked == ["/good"]
    assert caplog.messages == [
        f"{packed} does not hold the file expected (wrong checksum); passed over"
    ]


def test_a_cache_that_cannot_be_written_is_told_for_a_gzipped_copy(known, folders):
    known()
    packed = put(folders.data, b"").rename(folders.data / "test" / "numbers.bin.gz")
    packed.write_bytes(gzip.compress(PAYLOAD))
    folders.cache.write_text("a file where a folder should be")
    with pytest.raises(Unavailable, match="cannot be written"):
        data.fetch("numbers")


# What goes wrong


def test_a_wrong_file_is_not_kept(known, folders):
    url = known("/wrong").files[0].url
    with pytest.raises(Corrupt) as caught:
        data.fetch("numbers")
    assert caught.value.message == (
        f"test/numbers.bin: expected sha256 {SHA256} from {url}, received another file; "
        "nothing was kept. Try again; if it stays so the publisher has changed the file, and the "
        "one expected has to be put into the folder that GALLERY_DATA_DIR names, "
        "as test/numbers.bin."
    )
    assert files_in(folders.cache) == []


def test_a_wrong_file_does_not_replace_an_old_one(known, folders):
    known("/wrong")
    path = put(folders.cache, b"old")
    with pytest.raises(Corrupt):
        data.fetch("numbers")
    assert path.read_bytes() == b"old"
    assert files_in(folders.cache) == [path]


def test_a_download_without_end_is_stopped(known, folders):
    known("/endless")
    with pytest.raises(Corrupt):
        data.fetch("numbers")
    assert files_in(folders.cache) == []


@pytest.mark.parametrize(
    ("path", "reason"), [("/broken", "it broke off"), ("/missing", "HTTP 404")]
)
def test_a_download_that_fails_leaves_nothing(known, folders, path, reason):
    url = known(path).files[0].url
    with pytest.raises(Unavailable) as caught:
        data.fetch("numbers")
    assert caught.value.message == (
        f"test/numbers.bin: no download from {url} ({reason}). Check the network and try again, "
        "or put the file into the folder that GALLERY_DATA_DIR names, as test/numbers.bin."
    )
    assert files_in(folders.cache) == []


def test_no_network_is_told(known, server, folders):
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as other:
        free_port = other.server_port
    known(url=f"http://127.0.0.1:{free_port}")
    with pytest.raises(Unavailable, match=r"\(no connection\)"):
        data.fetch("numbers")
    assert files_in(folders.cache) == []


def test_a_file_without_an_address_is_asked_for(known, server, folders, monkeypatch):
    """Told in words, without a download; used when it lies in the data folder."""
    (file,) = known().files
    unpublished = dataclasses.replace(file, url="")
    source = data.DataSource("numbers", "Numbers", "none", (unpublished,))
    monkeypatch.setattr(registry, "SOURCES", (source,))
    with pytest.raises(Unavailable) as caught:
        data.fetch("numbers")
    assert caught.value.message == (
        "test/numbers.bin: there is no public address to download it from. Put the file into the "
        f"folder that GALLERY_DATA_DIR names, as test/numbers.bin; its sha256 is {SHA256}."
    )
    assert not folders.cache.exists()
    path = put(folders.data, PAYLOAD)
    assert data.fetch("numbers") == (path,)
    assert server.asked == []


def test_room_is_looked_for_first(known, server, folders, monkeypatch):
    known()
    usage = shutil.disk_usage(folders.data)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(StorageFull) as caught:
        data.fetch("numbers")
    assert caught.value.message == (
        f"test/numbers.bin: expected room for {len(PAYLOAD)} bytes in {folders.cache}, found less. "
        "Make room, or name another folder in GALLERY_CACHE_DIR."
    )
    assert server.asked == []


def test_a_disk_that_fills_up_is_told(known, folders):
    known()

    def fill(done):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(StorageFull):
        data.fetch("numbers", fill)
    assert files_in(folders.cache) == []


def test_a_cache_that_cannot_be_written_is_told(known, folders):
    known()
    folders.cache.write_text("a file where a folder should be")
    with pytest.raises(Unavailable) as caught:
        data.fetch("numbers")
    assert caught.value.message == (
        f"test/numbers.bin: {folders.cache} cannot be written (Not a directory). "
        "Name another in GALLERY_CACHE_DIR."
    )


# Files whose checksum nobody has published

LIMIT = 10_000


def zipped(content: bytes = b"words", method=zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("words.txt", content)
    return buffer.getvalue()


@pytest.fixture
def unpinned(server, monkeypatch):
    """Put an archive without a checksum into the registry, and what the server has of it."""
    file = data.DataFile("test/numbers.bin", f"{server.url}/archive", LIMIT, "")
    source = data.DataSource("numbers", "Numbers", "none", (file,))
    monkeypatch.setattr(registry, "SOURCES", (source,))

    def serve(body: bytes) -> data.DataFile:
        server.bodies["/archive"] = body
        return file

    return serve


def record_of(folders):
    return folders.cache / "test" / "numbers.bin.sha256"


def test_the_checksum_of_a_first_download_is_recorded(unpinned, server, folders):
    file = unpinned(zipped())
    assert (data.held(file), data.checksum(file)) == (None, "")
    (path,) = data.fetch("numbers")
    expected = hashlib.sha256(zipped()).hexdigest()
    assert path.read_bytes() == zipped()
    assert record_of(folders).read_text() == f"{expected}  numbers.bin\n"
    assert data.checksum(file) == expected
    assert data.held(file) == path
    assert data.fetch("numbers") == (path,)
    assert server.asked == ["/archive"]
    assert sorted(files_in(folders.cache)) == [path, record_of(folders)]


def test_what_was_recorded_is_expected_from_then_on(unpinned, server, folders, caplog):
    unpinned(zipped())
    (path,) = data.fetch("numbers")
    path.write_bytes(zipped(b"other words"))  # as sound an archive
    assert data.fetch("numbers") == (path,)
    assert path.read_bytes() == zipped()
    assert caplog.messages == [f"{path} is not the file expected (wrong checksum); passed over"]
    assert server.asked == ["/archive"] * 2


def test_a_publisher_who_changes_the_file_is_told_of(unpinned, server, folders):
    file = unpinned(zipped())
    (path,) = data.fetch("numbers")
    path.unlink()
    unpinned(zipped(b"other words"))
    with pytest.raises(Corrupt) as caught:
        data.fetch("numbers")
    assert caught.value.message == (
        f"test/numbers.bin: expected sha256 {data.checksum(file)} from {file.url}, as at the first "
        "download, received another file; nothing was kept. Try again; if it stays so the "
        f"publisher has changed the file: remove {record_of(folders)} to take the new one."
    )
    assert files_in(folders.cache) == [record_of(folders)]
    record_of(folders).unlink()
    assert data.fetch("numbers") == (path,)
    assert path.read_bytes() == zipped(b"other words")


def test_a_record_that_cannot_be_read_is_none(unpinned, folders):
    file = unpinned(zipped())
    data.fetch("numbers")
    for content in (b"", b"not a checksum", b"\xff\xfe", b"a" * 65):
        record_of(folders).write_bytes(content)
        assert data.checksum(file) == ""
    data.fetch("numbers")
    assert data.checksum(file) == hashlib.sha256(zipped()).hexdigest()


@pytest.mark.parametrize(
    ("body", "received"),
    [
        (b"<!doctype html>", "no zip archive"),
        (zipped()[:-30], "a zip archive that is damaged or cut off"),
        (
            zipped(b"words, words").replace(b"words, words", b"words, wards"),
            "damaged in the archive",
        ),
        (zipped(b""), "an empty zip archive"),
        (zipped(bytes(3 * 2**20), zipfile.ZIP_DEFLATED), "a zip archive of 3 MB"),
        (zipped(bytes(LIMIT)), "10,116 bytes"),
        (zipped(bytes(2 * 65536 + 1)), "more"),
    ],
)
def test_what_is_no_sound_archive_is_not_kept(unpinned, folders, body, received):
    url = unpinned(body).url
    with pytest.raises(Corrupt) as caught:
        data.fetch("numbers")
    assert caught.value.message == (
        f"test/numbers.bin: expected a whole zip archive of at most 10,000 bytes from {url}, "
        f"received {received}; nothing was kept. Try again, or put the file into the folder that "
        "GALLERY_DATA_DIR names, as test/numbers.bin."
    )
    assert files_in(folders.cache) == []


def test_of_the_data_folder_any_sound_archive_is_taken(unpinned, server, folders, caplog):
    """Who runs the service has put it there: it says nothing of what a download has to be."""
    file = unpinned(zipped())
    path = put(folders.data, zipped(b"mine"))
    assert data.held(file) == path
    assert data.fetch("numbers") == (path,)
    assert data.checksum(file) == ""
    assert not folders.cache.exists()
    path.write_bytes(b"PK\x03\x04 and no more")
    (fetched,) = data.fetch("numbers")
    assert fetched.read_bytes() == zipped()
    assert caplog.messages == [
        f"{path} is not the file expected (a zip archive that is damaged or cut off); passed over"
    ]


def test_an_archive_put_into_the_cache_is_recorded_at_its_first_use(unpinned, server, folders):
    file = unpinned(zipped(b"other words"))
    path = put(folders.cache, zipped())
    assert data.fetch("numbers") == (path,)
    assert data.checksum(file) == hashlib.sha256(zipped()).hexdigest()
    assert server.asked == []


def test_a_gzipped_copy_that_cannot_be_compared_is_not_taken(unpinned, server, folders):
    file = unpinned(zipped())
    packed = put(folders.data, b"").rename(folders.data / "test" / "numbers.bin.gz")
    packed.write_bytes(gzip.compress(zipped(b"other words")))
    assert data.held(file) is None
    assert data.fetch("numbers")[0].read_bytes() == zipped()
