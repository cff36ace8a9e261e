"""A visitor's own pictures: archives and files good and bad, and the album that is made of them."""

from __future__ import annotations

import dataclasses
import io
import json
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save

from engine.data import albums, archives, own_albums
from engine.data.albums import BadAlbum, OwnAlbum, read
from engine.data.decoding import Fitted
from engine.errors import InvalidValue

ADVICE = "Put the pictures of each class into a folder of their own."


def picture(number, kind="PNG", size=(6, 5)):
    """An image file; every number gives another one."""
    shades = np.random.default_rng(number).integers(0, 256, (*size, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(shades).save(buffer, kind)
    return buffer.getvalue()


def few(*folders, count=3):
    """`count` different pictures in each folder."""
    return [
        (f"{folder}/{n}.png", picture([*folder.encode(), n]))
        for folder in folders
        for n in range(count)
    ]


def zipped(files, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return [("mine.zip", buffer.getvalue())]


def refusal(files, **options):
    with pytest.raises(BadAlbum) as caught:
        read(files, **options)
    assert caught.value.field == "file"
    assert str(caught.value) == caught.value.message
    assert caught.value.message.startswith("the pictures: expected ")
    return caught.value.message.removeprefix("the pictures: expected ")


@pytest.fixture
def undecoded(monkeypatch):
    """Fails a test in which a picture is decoded or a file unpacked."""
    monkeypatch.setattr(albums, "decode_fitted", lambda *_: pytest.fail("decoded"))
    monkeypatch.setattr(archives, "_content", lambda *_: pytest.fail("unpacked"))


# What is read ------------------------------------------------------------------------------------


def test_folders_of_an_archive_are_classes():
    album = read(zipped(few("dog", "cat")))
    assert album.classes == ("cat", "dog")
    assert (album.pixels.shape, album.pixels.dtype) == ((6, 32, 32, 3), np.uint8)
    assert album.labels.tolist() == [1, 1, 1, 0, 0, 0]
    assert album.labels.dtype == np.int64
    assert album.notes == ()


def test_files_with_a_class_before_their_name_give_the_same_album():
    assert read(few("dog", "cat")) == read(zipped(few("dog", "cat")))
    assert read(few("dog", "cat")) == read(zipped(few("dog", "cat"), zipfile.ZIP_STORED))


def test_pictures_are_fitted():
    red = np.zeros((10, 30, 3), dtype=np.uint8)
    red[:, 10:20, 0] = 255
    buffer = io.BytesIO()
    Image.fromarray(red).save(buffer, "PNG")
    album = read([*few("a", "b"), ("a/red.png", buffer.getvalue())], side=16)
    assert album.pixels.shape == (7, 16, 16, 3)
    assert (album.pixels[-1] == (255, 0, 0)).all()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_every_format_is_taken(kind):
    files = [(f"{c}/{n}", picture(2 * n + (c == "b"), kind)) for c in "ab" for n in range(2)]
    assert read(files).labels.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("folders", "classes"),
    [
        (("pets/train/cat", "pets/train/dog"), ("cat", "dog")),
        (("cat/images", "dog/images"), ("cat", "dog")),
        (("train/cat", "train/dog", "val/cat", "val/dog"), ("cat", "dog")),
        (("cat", "dog/poodle"), ("cat", "poodle")),
        (("Äpfel\\rot", "Äpfel\\grün"), ("grün", "rot")),
        (("./cat", ".//dog"), ("cat", "dog")),
    ],
)
def test_the_innermost_folder_that_differs_is_the_class(folders, classes):
    album = read(few(*folders))
    assert album.classes == classes
    assert len(album.labels) == 3 * len(folders)
    nested = any(len(albums._parts(folder)) > 1 for folder in folders)
    listed = ", ".join(f"“{name}”" for name in classes)
    rule = f"A picture's class is its innermost folder whose name differs: {listed}."
    assert album.notes == ((rule,) if nested else ())


def test_a_text_beside_the_folders_does_not_change_the_rule():
    album = read([*few("all/cat/images", "all/dog/images"), ("all/README.txt", b"my pets")])
    assert album.classes == ("cat", "dog")


def test_what_file_managers_leave_behind_is_passed_over_in_silence():
    files = [
        ("__MACOSX/cat/._1.png", b"shadow"),
        ("cat/.DS_Store", b"x"),
        ("dog/Thumbs.db", b"x"),
        ("cat/desktop.ini", b"x"),
        (".git/config", b"x"),
    ]
    assert read(zipped([*files, *few("cat", "dog")])).notes == ()


def test_names_of_classes_are_made_fit_to_be_shown():
    album = read(few("a\tb\x00", "c" * 99))
    assert album.classes == ("a b", "c" * 59 + "…")


# What is left out --------------------------------------------------------------------------------


def test_names_that_lead_out_are_left_out():
    names = [
        "../cat/1.png",
        "/etc/cat/2.png",
        "C:\\cat\\3.png",
        "cat/../../4.png",
        "\\\\host\\x\\5",
    ]
    album = read(zipped([*few("cat", "dog"), *((n, picture(i)) for i, n in enumerate(names))]))
    assert len(album.labels) == 6
    assert album.notes == (
        "Left out, as their names lead out of the archive (5): “../cat/1.png”, “/etc/cat/2.png”, "
        "“C:\\cat\\3.png”, “cat/../../4.png”, “\\\\host\\x\\5”.",
    )


def test_pictures_without_a_folder_are_left_out():
    album = read([*few("cat", "dog"), ("stray.png", picture(99))])
    assert album.notes == (
        "Left out, as they lie in no folder that tells their class (1): “stray.png”.",
    )


def test_a_picture_above_the_folders_that_differ_is_left_out():
    album = read([*few("cat/images", "dog/images"), ("images/1.png", picture(99))])
    assert album.classes == ("cat", "dog")
    assert "no folder that tells their class (1): “images/1.png”." in album.notes[-1]


def test_files_that_are_no_pictures_are_left_out_counted_and_named():
    bad = [
        ("cat/x.svg", b"<svg/>"),
        ("cat/x.png", b"<!doctype html>"),
        ("cat/cut.jpg", picture(5, "JPEG", (64, 64))[:-500]),
        ("cat/notes.txt", b"words"),
        ("dog/none.png", b""),
        ("dog/more.txt", b"words"),
    ]
    album = read(zipped([*few("cat", "dog"), *bad]))
    assert len(album.labels) == 6
    assert album.notes == (
        "Left out, as they are no pictures that can be read (6): “cat/x.svg” (an SVG drawing), "
        "“cat/x.png” (a web page (HTML)), “cat/cut.jpg” (a damaged or cut off one), "
        "“cat/notes.txt” (text), “dog/none.png” (an empty file) and 1 more.",
    )


def test_a_huge_picture_is_left_out():
    header = b"IHDR" + struct.pack(">II", 9_000, 9_000) + picture(1)[24:29]
    huge = picture(1)[:12] + header + struct.pack(">I", zlib.crc32(header)) + picture(1)[33:]
    album = read([*few("cat", "dog"), ("cat/huge.png", huge)])
    assert album.notes[0].endswith("(1): “cat/huge.png” (9,000 × 9,000 pixels).")


def test_a_large_file_is_left_out_without_being_unpacked(monkeypatch):
    monkeypatch.setattr(albums, "MOST_BYTES", 2**20)
    files = zipped([*few("cat", "dog"), ("cat/large.bmp", bytes(2**20 + 1))])
    unpacked, content = [], archives._content
    monkeypatch.setattr(
        archives, "_content", lambda a, i: unpacked.append(i.filename) or content(a, i)
    )
    album = read(files)
    assert album.notes[0].endswith("(1): “cat/large.bmp” (1.0 MB).")
    assert len(unpacked) == 6
    assert "cat/large.bmp" not in unpacked


def test_the_same_picture_is_kept_once():
    again = [("cat/copy.png", picture(1)), ("cat/0.png", picture(1))]
    buffer = io.BytesIO()
    Image.open(io.BytesIO(picture(1))).save(buffer, "BMP")  # the same pixels in another format
    album = read([*few("cat", "dog"), *again, ("cat/copy.bmp", buffer.getvalue())])
    assert len(album.labels) == 7
    assert album.notes == ("The same picture again, left out (2): “cat/0.png”, “cat/copy.bmp”.",)


def test_the_same_picture_in_two_classes_is_kept_in_the_first():
    album = read([*few("dog", "cat"), ("dog/x.png", picture(1)), ("cat/y.png", picture(1))])
    assert np.bincount(album.labels).tolist() == [3, 4]
    assert album.notes == ("The same picture in another class before, left out (1): “cat/y.png”.",)


def test_a_class_of_one_picture_is_left_out():
    album = read(few("cat", "dog") + few("emu", count=1))
    assert album.classes == ("cat", "dog")
    assert len(album.labels) == 6
    assert album.notes == ("Classes with one picture only, left out (1): “emu”.",)


def test_a_class_of_copies_is_one_of_one_picture():
    files = [*few("cat", "dog"), *((f"emu/{n}.png", picture(1)) for n in range(9))]
    assert read(files).classes == ("cat", "dog")


# What is refused ---------------------------------------------------------------------------------


def test_one_class_is_refused():
    assert refusal(zipped(few("cat"))) == (
        f"at least two classes of at least 2 different pictures, received “cat”. {ADVICE}"
    )


@pytest.mark.parametrize("files", [[], zipped([]), zipped([("cat/", b"")])])
def test_nothing_is_refused(files):
    assert refusal(files) == (
        f"at least two classes of at least 2 different pictures, received none. {ADVICE}"
    )


def test_why_nothing_remains_is_told():
    files = [*few("cat"), ("dog/1.png", b"words"), ("1.png", picture(1))]
    assert refusal(zipped(files)) == (
        "at least two classes of at least 2 different pictures, received “cat”. "
        "Left out, as they lie in no folder that tells their class (1): “1.png”. "
        "Left out, as they are no pictures that can be read (1): “dog/1.png” (text). " + ADVICE
    )


def test_too_many_classes_are_refused():
    most = [str(n) for n in range(20)]
    assert len(read(few(*most, count=2)).classes) == 20
    assert refusal(few(*most, "x", count=2)) == (
        "at most 20 classes, received 21. "
        "Leave out some, or put pictures that belong together into one."
    )


def test_five_thousand_files_are_taken_and_no_more(monkeypatch):
    shades = iter(np.arange(5_000, dtype=np.uint32).view(np.uint8).reshape(-1, 1, 1, 4)[..., :3])
    monkeypatch.setattr(
        albums,
        "decode_fitted",
        lambda _content, side, _channels: Fitted(np.tile(next(shades), (side, side, 1)), area=1),
    )
    files = [(f"{n % 2}/{n}.png", b"x") for n in range(5_000)]
    assert len(read(zipped(files)).labels) == 5_000
    more = zipped([*files, ("0/x.png", b"x")])
    monkeypatch.setattr(albums, "decode_fitted", lambda *_: pytest.fail("decoded"))
    assert refusal(more).startswith(
        "at most 5,000 pictures, received 5,001. Choose fewer pictures;"
    )


def test_fewer_large_pictures_fit_and_how_many_is_told(monkeypatch, undecoded):
    monkeypatch.setattr(own_albums, "PIXELS_LIMIT", 7 * 3 * 128**2)
    assert refusal(zipped(few("cat", "dog", count=4)), side=128) == (
        "at most 7 pictures, each made 128 × 128 pixels large, received 8. "
        "Choose fewer pictures; some hundred of each class are enough to begin with."
    )


def test_pictures_gathered_before_count_too(monkeypatch):
    monkeypatch.setattr(own_albums, "PIXELS_LIMIT", 7 * 3 * 128**2)
    before = albums.gather(few("cat", count=4), 128).pictures
    with pytest.raises(BadAlbum, match=r"at most 7 pictures, each made 128 × 128 .* received 8\."):
        albums.gather(few("dog", count=4), 128, before=before)


@pytest.mark.parametrize(
    ("side", "count"), [(8, 5_000), (32, 5_000), (64, 5_000), (96, 2_222), (128, 1_250)]
)
def test_as_many_pictures_fit_as_their_bytes_allow(side, count):
    assert own_albums.most_pictures(side) == count


def test_an_archive_of_many_entries_is_refused_before_its_table_is_read(monkeypatch):
    monkeypatch.setattr(archives, "ENTRIES_LIMIT", 30)
    files = zipped([(f"{n}/", b"") for n in range(31)])
    monkeypatch.setattr(zipfile, "ZipFile", lambda *_: pytest.fail("opened"))
    assert refusal(files).startswith("a whole zip archive, received a zip archive of more than 30")


def test_a_bomb_is_refused_before_it_is_unpacked(undecoded):
    """256 MB of zeros in 260 KB."""
    files = zipped([(f"{n % 2}/{n}.png", bytes(2**22)) for n in range(64)])
    assert len(files[0][1]) < 300_000
    assert refusal(files) == (
        "at most 128 MB when unpacked, received 256 MB. "
        "Choose fewer pictures, or make them smaller: 256 pixels a side are plenty."
    )


def test_an_archive_that_lies_about_a_size_is_not_unpacked_beyond_it(monkeypatch):
    name, payload = zipped([*few("a", "b"), ("a/bomb.png", bytes(2**20))])[0]
    entry = payload.rindex(b"PK\x01\x02")
    lying = payload[: entry + 24] + struct.pack("<I", 100) + payload[entry + 28 :]
    sizes = []
    monkeypatch.setattr(albums, "decode_fitted", spy(albums.decode_fitted, sizes))
    album = read([(name, lying)])
    assert album.notes[0].endswith("(1): “a/bomb.png” (damaged in the archive).")
    assert max(sizes) < 2**10


def spy(function, sizes):
    def called(content, *more):
        sizes.append(len(content))
        return function(content, *more)

    return called


def test_entries_that_share_their_bytes_count_each(undecoded):
    """A bomb without nesting: a thousand lines of the table name the same compressed bytes."""
    (_name, payload), *_ = zipped([("0/a.png", bytes(2**20))])
    entry, end = payload.index(b"PK\x01\x02"), payload.index(b"PK\x05\x06")
    table = payload[entry:end] * 1_000
    tail = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1_000, 1_000, len(table), entry, 0)
    bomb = payload[:entry] + table + tail
    assert refusal([("mine.zip", bomb)]).startswith(
        "at most 128 MB when unpacked, received 1,000 MB"
    )


def test_a_zip_in_a_zip_is_no_picture():
    inner = zipped(few("cat"))[0][1]
    album = read(zipped([*few("a", "b"), ("a/inner.zip", inner)]))
    assert "“a/inner.zip” (a zip archive or an Office document)" in album.notes[0]


def test_too_many_bytes_are_refused(monkeypatch, undecoded):
    monkeypatch.setattr(albums, "BYTES_LIMIT", 2**20)
    files = [("a/1.png", bytes(2**19)), ("a/2.png", bytes(2**19 + 1))]
    assert refusal(files).startswith("at most 1 MB, received 1 MB. Choose fewer pictures")


def test_too_many_pixels_in_all_are_refused(monkeypatch):
    monkeypatch.setattr(albums, "PIXELS_LIMIT", 6 * 30)
    assert read(few("a", "b")).classes == ("a", "b")
    assert refusal(few("a", "b", count=4)) == (
        "at most 0 megapixels in all, received more. "
        "Choose fewer pictures, or make them smaller: 256 pixels a side are plenty."
    )


def test_one_file_that_is_no_archive_is_refused():
    assert refusal([("cat/1.png", picture(1))]) == (
        "a zip archive with a folder for each class, or several pictures of each class, received "
        "one file that is no zip archive. Put the folders with pictures into a zip archive, and "
        "choose that."
    )


@pytest.mark.parametrize("cut", [lambda p: p[:50], lambda p: p[:-30], lambda p: p[: len(p) // 2]])
def test_an_archive_that_is_cut_off_is_refused(cut):
    name, payload = zipped(few("cat", "dog"))[0]
    assert refusal([(name, cut(payload))]) == (
        "a whole zip archive, received a zip archive that is damaged or cut off. "
        "Make the archive again, of the folders with pictures alone."
    )


def test_no_damage_raises_anything_else():
    """Bytes of an archive changed at random: an album, or words."""
    random = np.random.default_rng(0)
    name, payload = zipped(few("cat", "dog"))[0]
    whole = np.frombuffer(payload, dtype=np.uint8)
    start = payload.index(b"PK\x01\x02")
    for low in (0, start):
        for _ in range(100):
            damaged = whole.copy()
            damaged[random.integers(low, len(whole), 3)] = random.integers(0, 256, 3)
            try:
                album = read([(name, damaged.tobytes())])
            except BadAlbum:
                continue
            assert len(album.classes) == 2


def test_a_locked_archive_is_told():
    name, payload = zipped(few("cat", "dog"))[0]
    for at in range(len(payload) - 10):
        if payload[at : at + 4] == b"PK\x01\x02":
            payload = payload[: at + 8] + b"\x01" + payload[at + 9 :]
    assert "“cat/0.png” (locked with a password)" in refusal([(name, payload)])


def test_other_packings_are_not_unpacked(monkeypatch):
    files = zipped(few("cat", "dog"), zipfile.ZIP_LZMA)
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("unpacked"))
    assert "(packed in an unusual way)" in refusal(files)


@pytest.mark.parametrize("side", [7, 129])
def test_a_side_out_of_range_is_refused(side, undecoded):
    with pytest.raises(InvalidValue) as caught:
        read(few("cat", "dog"), side=side)
    assert caught.value.message == f"side: expected 8 to 128 pixels, received {side}."


# The album ---------------------------------------------------------------------------------------


def album(count=6, side=8, classes=("a", "b"), **changed):
    pixels = np.arange(count * side * side * 3).reshape(count, side, side, 3) % 251
    values = {"pixels": pixels.astype(np.uint8), "labels": np.arange(count) % len(classes)}
    return OwnAlbum(**{**values, "classes": classes, **changed})


def test_an_album_is_read_only_and_its_own():
    pixels = np.zeros((4, 8, 8, 3), dtype=np.uint8)
    made = album(4, pixels=pixels)
    pixels[:] = 1
    assert not made.pixels.any()
    for array in (made.pixels, made.labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.classes = ("c", "d")
    assert repr(made) == "OwnAlbum(4 pictures, 8 × 8, 2 classes)"


def test_an_album_is_lent_as_others_are():
    made = album()
    lent = made.album()
    assert np.array_equal(lent.pixels, made.pixels)
    assert np.array_equal(lent.labels, made.labels)
    assert (lent.classes, lent.training, lent.note) == (("a", "b"), 6, "")
    lent.pixels[:] = 0
    assert made.pixels.any()


def test_albums_are_equal_by_their_digest():
    made = album(notes=("something was left out",))
    assert made == album()
    assert hash(made) == hash(album())
    others = [album(classes=("a", "c")), album(8), album(side=9), album(labels=[1, 0] * 3), 5]
    assert all(made != other for other in others)


def test_the_digest_is_the_same_everywhere():
    assert album().digest == "051b88b3c0aa61c61abed5a5ccf88e00e2ad90b8632307fbf9d82d36c4fabe48"


def test_an_album_survives_packing():
    made = album(classes=("größe", "b"))
    again = OwnAlbum.unpack(made.pack())
    assert again == made
    assert again.classes == ("größe", "b")
    assert again.pack() == made.pack()
    assert (again.pixels.dtype, again.labels.dtype) == (np.uint8, np.int64)
    assert OwnAlbum.unpack(album(notes=("x",)).pack()).notes == ()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"pixels": np.zeros((6, 8, 8), np.uint8)}, "pixels of shape (pictures, side, side, 3)"),
        ({"pixels": np.zeros((6, 8, 9, 3), np.uint8)}, "pixels of shape (pictures, side, side, 3)"),
        ({"pixels": np.zeros((6, 8, 8, 1), np.uint8)}, "pixels of shape (pictures, side, side, 3)"),
        ({"pixels": np.zeros((6, 8, 8, 3)) + 0.5}, "whole numbers in the range of uint8"),
        ({"pixels": np.full((6, 8, 8, 3), 256)}, "whole numbers in the range of uint8"),
        ({"labels": [0] * 5}, "labels of shape (pictures)"),
        ({"labels": [0, 1, 0, 1, 0, 0.5]}, "whole numbers in the range of int64"),
        ({"side": 7}, "8 to 128 pixels, received 7"),
        ({"side": 129}, "8 to 128 pixels, received 129"),
        ({"count": 3}, "4 to 5,000 pictures of 8 × 8 pixels, received 3"),
        ({"count": 5_001}, "4 to 5,000 pictures of 8 × 8 pixels, received 5001"),
        ({"count": 1_251, "side": 128}, "4 to 1,250 pictures of 128 × 128 pixels, received 1251"),
        ({"classes": ("a",)}, "2 to 20 classes, received 1"),
        ({"classes": [str(n) for n in range(21)]}, "2 to 20 classes, received 21"),
        ({"classes": ("a", "")}, "1 to 128 printable characters, received ''"),
        ({"classes": ("a", "b\n")}, "1 to 128 printable characters, received 'b\\n'"),
        ({"classes": ("a", 3)}, "1 to 128 printable characters, received 3"),
        ({"classes": ("a", "a")}, "a different name for each class, received 'a'"),
        ({"labels": [0, 1, 0, 1, 0, 2]}, "from 0 to 1, received (0, 2)"),
        ({"labels": [0, 1, 0, 1, 0, -1]}, "from 0 to 1, received (-1, 1)"),
        ({"labels": [0, 0, 0, 0, 0, 1]}, "at least 2 pictures of each class, received [5, 1]"),
    ],
)
def test_a_wrong_album_is_refused(changed, words):
    with pytest.raises(InvalidValue) as caught:
        album(**changed)
    assert words in caught.value.message


def packed(*, metadata=None, **changed):
    """A safetensors file like that of `pack`, with something changed."""
    made = album()
    arrays = {"pixels": made.pixels, "labels": made.labels, **changed}
    names = {"album": json.dumps({"classes": ["a", "b"]})} if metadata is None else metadata
    return save({k: v for k, v in arrays.items() if v is not None}, metadata=names)


def test_what_is_changed_below_is_sound_without():
    assert OwnAlbum.unpack(packed()) == album()


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"1234567",
        bytes(100),
        b"\xff" * 100,
        (2**40).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (4).to_bytes(8, "little") + b"null",
        packed()[:-1],
        packed() + b"x",
        packed(labels=None),
        packed(more=np.zeros(3)),
        packed(pixels=np.zeros((6, 8, 8, 3), np.float32)),
        packed(labels=np.zeros(6, np.int32)),
        packed(labels=np.zeros(5, np.int64)),
        packed(pixels=np.zeros((6, 8, 8, 4), np.uint8)),
        packed(metadata={}),
        packed(metadata={"album": "["}),
        packed(metadata={"album": "[]"}),
        packed(metadata={"album": "{}"}),
        packed(metadata={"album": '{"classes": "ab"}'}),
        packed(metadata={"album": '{"classes": [["a"], "b"]}'}),
        packed(metadata={"album": "[" * 20_000}),
        packed(metadata={"album": '{"classes": ["a", "b", "c"]}'}),
    ],
)
def test_a_packed_album_that_is_not_sound_is_refused(payload):
    with pytest.raises(InvalidValue, match=r"^(album|side): expected"):
        OwnAlbum.unpack(payload)


def test_what_a_header_claims_is_looked_at_before_the_arrays(monkeypatch):
    monkeypatch.setattr(own_albums, "load", lambda _payload: pytest.fail("loaded"))
    header = {
        "__metadata__": {"album": '{"classes": ["a", "b"]}'},
        "pixels": {"dtype": "U8", "shape": [10**9, 64, 64, 3], "data_offsets": [0, 0]},
        "labels": {"dtype": "I64", "shape": [10**9], "data_offsets": [0, 0]},
    }
    text = json.dumps(header).encode()
    with pytest.raises(
        InvalidValue, match="4 to 5,000 pictures of 64 × 64 pixels, received 1000000000"
    ):
        OwnAlbum.unpack(len(text).to_bytes(8, "little") + text)


def test_too_large_a_package_is_refused(monkeypatch):
    monkeypatch.setattr(own_albums, "PACKED_LIMIT", 100)
    with pytest.raises(InvalidValue, match="at most 100 bytes"):
        OwnAlbum.unpack(album().pack())


def test_the_largest_album_can_be_packed():
    """Its limit is no smaller than what the limits of its parts allow."""
    names = [f"{n:02}" + "ü" * 126 for n in range(20)]
    header = len(json.dumps(json.dumps({"classes": names})))
    assert header + 1_000 < own_albums.HEADER_LIMIT
    for side in range(own_albums.SIDE_LEAST, own_albums.SIDE_MOST + 1):
        arrays = own_albums.most_pictures(side) * (side * side * 3 + 8)
        assert 8 + header + 1_000 + arrays <= own_albums.PACKED_LIMIT


def test_an_album_of_large_pictures_survives_packing():
    made = album(4, side=128)
    again = OwnAlbum.unpack(made.pack())
    assert again == made
    assert again.album().pixels.shape == (4, 128, 128, 3)
