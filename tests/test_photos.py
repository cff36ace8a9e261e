"""Photographs: ants and bees of the registry, folders of this machine, twins among pictures."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from engine import ROOT, data
from engine.data import arrays, folders, photos, progress, registry, twins
from engine.data.pictures import Album
from engine.errors import Corrupt, InvalidValue, StorageFull, Unavailable
from engine.settings import settings

SHARED = ROOT.parent / "shared" / "data"
PLACE = "GALLERY_PICTURES_DIR/cats-dogs"


@pytest.fixture
def rooms(tmp_path, monkeypatch):
    """An empty data folder, an empty folder of pictures and an empty cache."""
    made = SimpleNamespace(**{name: tmp_path / name for name in ("data", "pictures", "cache")})
    for name in ("data", "pictures"):
        getattr(made, name).mkdir()
    for name in ("data", "pictures", "cache"):
        monkeypatch.setenv(f"GALLERY_{name.upper()}_DIR", str(getattr(made, name)))
    settings.cache_clear()
    yield made
    monkeypatch.undo()
    settings.cache_clear()


def colour(number):
    """A colour that tells which picture it is."""
    return (20 + 7 * number % 200, 255 - 11 * number % 200, 3 * number % 256)


def saved(number=0, kind="PNG", size=(30, 20)):
    """An image file of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour(number)).save(buffer, kind, quality=95)
    return buffer.getvalue()


def fill(folder, *names, count=3, first=0):
    """`count` pictures in each of these folders; all of another colour."""
    paths = []
    for place, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            paths.append(folder / name / f"{number}.png")
            paths[-1].write_bytes(saved(first + count * place + number))
    return paths


@pytest.fixture
def pets(rooms):
    """Cats and dogs, with a part to test them on."""
    pets = rooms.pictures / "cats-dogs"
    fill(pets / "train", "cat", "dog")
    fill(pets / "test", "dog", "cat", count=2, first=6)
    return pets


def colours(album):
    """The middle of each picture."""
    return [tuple(picture[112, 112].tolist()) for picture in album.pixels]


def files_in(folder):
    return sorted(p for p in folder.rglob("*") if p.is_file())


def refusal(name="cats-dogs", error=Unavailable):
    with pytest.raises(error) as caught:
        photos.photos(name)
    return caught.value.message


# Folders -----------------------------------------------------------------------------------------


def test_a_folder_with_a_folder_for_each_class(rooms):
    fill(rooms.pictures / "fruit", "pear", "Apple")
    album = photos.photos("fruit")
    assert (album.pixels.shape, album.pixels.dtype) == ((6, 224, 224, 3), np.uint8)
    assert album.classes == photos.classes("fruit") == ("Apple", "pear")
    assert album.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert album.labels.dtype == np.int64
    assert (album.training, album.note) == (6, "")
    assert colours(album) == [colour(n) for n in (3, 4, 5, 0, 1, 2)]


@pytest.mark.parametrize(
    ("train", "test"), [("train", "test"), ("Training", "VAL"), ("train", "validation")]
)
def test_a_folder_with_an_official_test_part(rooms, train, test):
    fill(rooms.pictures / "cats-dogs" / test, "dog", "cat", count=2, first=6)
    fill(rooms.pictures / "cats-dogs" / train, "cat", "dog")
    album = photos.photos("cats-dogs")
    assert album.classes == ("cat", "dog")
    assert album.training == 6
    assert album.labels.tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 1, 1]
    assert colours(album) == [colour(n) for n in (0, 1, 2, 3, 4, 5, 8, 9, 6, 7)]


def test_the_middle_square_is_kept(rooms):
    paths = fill(rooms.pictures / "fruit", "apple", "pear")
    wide = np.zeros((50, 150, 3), dtype=np.uint8)
    wide[:, 50:100] = (200, 10, 90)
    Image.fromarray(wide).save(paths[0])
    assert (photos.photos("fruit").pixels[0, 5:-5, 5:-5] == (200, 10, 90)).all()


def test_photographs_are_made_small_once_and_mapped_afterwards(pets, rooms):
    first = photos.photos("cats-dogs")
    assert isinstance(first.pixels, np.memmap)
    before = [(path, path.stat().st_mtime_ns) for path in files_in(rooms.cache)]
    again = photos.photos("cats-dogs")
    assert np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(first.labels, again.labels)
    assert [(path, path.stat().st_mtime_ns) for path in files_in(rooms.cache)] == before
    assert len(before) == 2


def test_pixels_cannot_be_written_to(pets):
    """So that they do not count as memory of a job, however many there are."""
    with pytest.raises(ValueError, match="read-only"):
        photos.photos("cats-dogs").pixels[:] = 0


def change(path):
    path.write_bytes(saved(50))


def touch(path):
    os.utime(path, ns=(1, 1))


def rename(path):
    path.rename(path.with_name("other.png"))


@pytest.mark.parametrize("how", [change, touch, rename, os.remove])
def test_a_changed_folder_is_converted_anew(pets, rooms, how):
    photos.photos("cats-dogs")
    before = files_in(rooms.cache)
    how(pets / "train" / "cat" / "1.png")
    told = []
    with progress.heard_by(lambda what, share: told.append((what, share))):
        album = photos.photos("cats-dogs")
    assert told == [("Making pictures small, this once: Cats and dogs", 1.0)]
    assert len(album.labels) == (9 if how is os.remove else 10)
    assert (colour(50) in colours(album)) == (how is change)
    after = files_in(rooms.cache)
    assert len(after) == 2
    assert not set(before) & set(after)  # what is of no use any more is removed


def test_pictures_that_cannot_be_read_are_left_out_and_counted(pets, monkeypatch):
    (pets / "train" / "cat" / "1.png").write_bytes(b"<!doctype html>")
    (pets / "train" / "dog" / "0.png").write_bytes(b"")
    (pets / "test" / "dog" / "1.png").write_bytes(saved()[:60])
    (pets / "train" / "cat" / "notes.txt").write_text("passed over")
    (pets / "train" / "cat" / "._0.png").write_text("passed over")
    album = photos.photos("cats-dogs")
    assert album.note == (
        "Left out, as they are damaged or too large (at most 16 megapixels and 16 MB): 3."
    )
    assert album.training == 4
    assert album.labels.tolist() == [0, 0, 1, 1, 0, 0, 1]
    assert colours(album) == [colour(n) for n in (0, 2, 4, 5, 8, 9, 6)]
    again = photos.photos("cats-dogs")
    assert again.note == album.note
    assert np.array_equal(again.pixels, album.pixels)


def test_a_picture_that_goes_while_it_is_waited_for_is_left_out(pets, monkeypatch):
    listing = folders.listing

    def listed(root):
        found = listing(root)
        (pets / "test" / "cat" / "0.png").unlink(missing_ok=True)
        return found

    monkeypatch.setattr(photos, "listing", listed)
    monkeypatch.setattr(photos, "classes", lambda name: ())  # which lists the folder too
    assert photos.photos("cats-dogs").note.endswith(": 1.")


def test_of_many_pictures_some_are_taken_evenly(rooms, monkeypatch):
    monkeypatch.setattr(folders, "MOST", 4)
    fill(rooms.pictures / "cats-dogs", "cat", count=8)
    fill(rooms.pictures / "cats-dogs", "dog", count=3, first=8)
    album = photos.photos("cats-dogs")
    assert colours(album) == [colour(n) for n in (0, 2, 4, 6, 8, 9, 10)]
    assert album.note == "Of each class and part at most 4 pictures are taken: 7 of 11."


def test_test_pictures_of_unknown_classes_are_left_out(pets):
    fill(pets / "test", "emu", first=20)
    album = photos.photos("cats-dogs")
    assert len(album.labels) == 10
    assert album.note == ("Test pictures of classes without training pictures are left out: “emu”.")


def test_links_that_lead_out_are_not_followed(pets, rooms):
    outside = rooms.data / "outside"
    fill(outside, "emu", first=30)
    (pets / "train" / "emu").symlink_to(outside / "emu")
    (pets / "train" / "cat" / "x.png").symlink_to(outside / "emu" / "0.png")
    (pets / "train" / "cat" / "y.png").symlink_to("../../../../data/outside/emu/0.png")
    (pets / "train" / "cat" / "gone.png").symlink_to("nowhere.png")
    (pets / "train" / "cat" / "circle.png").symlink_to("circle.png")
    (pets / "train" / "cat" / "again.png").symlink_to("../dog/0.png")  # which stays inside
    album = photos.photos("cats-dogs")
    assert album.classes == ("cat", "dog")
    assert album.labels[: album.training].tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert sorted(set(colours(album))) == sorted(colour(n) for n in range(10))


def test_a_folder_of_pictures_may_be_a_link_itself(pets, rooms):
    (rooms.pictures / "fruit").symlink_to(pets)
    assert photos.photos("fruit").classes == ("cat", "dog")


def test_what_is_no_file_is_not_opened(pets):
    os.mkfifo(pets / "train" / "cat" / "endless.png")
    assert len(photos.photos("cats-dogs").labels) == 10


def test_without_a_folder_the_visitor_is_told_what_to_do(rooms, monkeypatch):
    cats = (
        "There are no cat and dog pictures on this machine. Put a folder for each class into "
        "GALLERY_PICTURES_DIR/cats-dogs, or choose My own pictures."
    )
    fruit = (
        "There are no fruit pictures on this machine. Put a folder for each class into "
        "GALLERY_PICTURES_DIR/fruit, or choose My own pictures."
    )
    (rooms.pictures / "fruit" / "apple").mkdir(parents=True)  # an empty one is none
    assert (refusal("cats-dogs"), refusal("fruit")) == (cats, fruit)
    monkeypatch.delenv("GALLERY_PICTURES_DIR")
    settings.cache_clear()
    assert (refusal("cats-dogs"), refusal("fruit")) == (cats, fruit)
    assert not photos.at_hand("cats-dogs")
    assert not photos.at_hand("fruit")
    assert photos.classes("cats-dogs") == ("cat", "dog")
    assert photos.classes("fruit") == ()


@pytest.mark.parametrize("count", [1, 21])
def test_too_few_and_too_many_classes_are_refused(rooms, count):
    fill(rooms.pictures / "cats-dogs", *map(str, range(count)), count=2)
    assert not photos.at_hand("cats-dogs")
    assert refusal() == (
        f"{PLACE}: expected 2 to 20 folders with pictures, one for each class, received {count}."
    )


def test_a_class_that_cannot_be_read_is_refused(pets):
    for number in range(2):
        (pets / "train" / "dog" / f"{number}.png").write_bytes(b"words")
    assert refusal() == (
        f"{PLACE}: expected at least 2 readable training pictures of each class, received fewer "
        "of “dog”."
    )


def test_a_folder_that_is_here_is_at_hand(pets):
    assert photos.at_hand("cats-dogs")
    assert not photos.at_hand("fruit")


def test_a_full_disk_is_told_where_memory_would_not_do(pets, rooms, monkeypatch, caplog):
    def full(path, content):
        next(iter(content))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(arrays, "write_whole", full)
    album = photos.photos("cats-dogs")  # ten pictures fit into memory
    assert colours(album) == [colour(n) for n in (0, 1, 2, 3, 4, 5, 8, 9, 6, 7)]
    assert "No space left on device" in caplog.text
    monkeypatch.setattr(arrays, "IN_MEMORY", 1_000_000)
    assert refusal(error=StorageFull) == (
        "Making pictures small, this once: Cats and dogs: expected room for 1 MB in "
        f"{rooms.cache}, which cannot be written (No space left on device). Make room, or name "
        "another folder in GALLERY_CACHE_DIR."
    )


def test_an_unknown_name_is_refused():
    for look in (photos.photos, photos.at_hand, photos.classes):
        with pytest.raises(InvalidValue) as caught:
            look("own")
        assert caught.value.message == (
            "data: expected one of hymenoptera, cats-dogs, fruit, received 'own'."
        )


def test_pages_can_use_them_without_heavy_modules():
    code = (
        "import sys; from engine.data import photos, twins;"
        "photos.at_hand('fruit'); photos.classes('hymenoptera');"
        "print(sorted({'torch', 'sklearn', 'pandas', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


# Ants and bees -----------------------------------------------------------------------------------


def insects(train=(2, 2), val=(1, 2)):
    """An archive like the tutorial's, of some ants and bees."""
    buffer = io.BytesIO()
    number = 0
    with zipfile.ZipFile(buffer, "w") as archive:
        for part, counts in (("val", val), ("train", train)):
            for kind, count in zip(("bees", "ants"), reversed(counts), strict=True):
                for _number in range(count):
                    name = f"hymenoptera_data/{part}/{kind}/{number}.jpg"
                    archive.writestr(name, saved(number, "JPEG"))
                    number += 1
        archive.writestr("hymenoptera_data/train/ants/imageNotFound.gif", saved(0, "GIF"))
        archive.writestr("__MACOSX/hymenoptera_data/train/ants/._0.jpg", b"shadow")
    return buffer.getvalue()


@pytest.fixture
def few(rooms, monkeypatch):
    """Four photographs to learn from, three to test; nobody answers where they are published."""
    monkeypatch.setattr(photos, "TRAINING", 4)
    monkeypatch.setattr(photos, "TESTING", 3)
    content = insects()
    known = []
    for source in registry.SOURCES:
        if source.name.startswith("hymenoptera"):
            (file,) = source.files
            url = "http://127.0.0.1:9/" if file.url else ""
            size = len(content) + 1_000 if file.url else len(content)
            sha256 = "" if file.url else hashlib.sha256(content).hexdigest()
            file = data.DataFile(file.path, url, size, sha256)
            source = data.DataSource(source.name, source.title, source.licence, (file,))
        known.append(source)
    monkeypatch.setattr(registry, "SOURCES", tuple(known))

    def put(content=content, folder=rooms.data):
        path = folder / registry.HYMENOPTERA
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return put


def test_ants_and_bees_come_from_the_archive(few, rooms):
    assert not photos.at_hand("hymenoptera")
    path = few()
    assert photos.at_hand("hymenoptera")
    album = photos.photos("hymenoptera")
    assert album.pixels.shape == (7, 224, 224, 3)
    assert album.classes == ("ants", "bees")
    assert album.labels.tolist() == [0, 0, 1, 1, 0, 1, 1]
    assert (album.training, album.note) == (4, "")
    expected = np.array([colour(n) for n in (5, 6, 3, 4, 2, 0, 1)])
    assert np.abs(np.array(colours(album)) - expected).max() < 12  # JPEG
    path.unlink()
    assert photos.at_hand("hymenoptera")
    assert np.array_equal(photos.photos("hymenoptera").pixels, album.pixels)
    assert [path.name[:21] for path in files_in(rooms.cache)] == ["hymenoptera-repacked-"] * 2


@pytest.mark.parametrize("folder", ["data", "cache"])
def test_the_official_archive_is_taken_too(few, rooms, folder):
    content = insects() + b"\0\0"  # as sound, but with another checksum
    few(content, getattr(rooms, folder))
    assert photos.at_hand("hymenoptera")
    assert photos.photos("hymenoptera").labels.tolist() == [0, 0, 1, 1, 0, 1, 1]
    recorded = [p.read_text().split()[0] for p in rooms.cache.rglob("*.sha256")]
    assert recorded == ([] if folder == "data" else [hashlib.sha256(content).hexdigest()])
    assert len(list((rooms.cache / "arrays").iterdir())) == 2
    for path in rooms.cache.rglob("*.npy"):
        assert path.name.startswith("hymenoptera-")
        assert not path.name.startswith("hymenoptera-repacked-")


def test_without_a_network_the_visitor_is_told_what_needs_none(few, rooms):
    assert refusal("hymenoptera") == (
        "hymenoptera/hymenoptera_data.zip: no download from http://127.0.0.1:9/ (no connection). "
        "Check the network and try again, or put the file into the folder that GALLERY_DATA_DIR "
        "names, as hymenoptera/hymenoptera_data.zip. "
        "The digits of 8 × 8 pixels and your own pictures need no download."
    )
    assert files_in(rooms.cache) == []


def test_an_archive_of_other_pictures_is_refused(few):
    path = few(insects(train=(1, 1)))
    assert refusal("hymenoptera", Corrupt) == (
        f"{path}: expected 4 photographs of ants and bees for training and 3 for testing, received "
        "2 and 3. Remove the file."
    )


def test_progress_is_told_while_photographs_are_made_small(few, monkeypatch):
    monkeypatch.setattr(photos, "CHUNK", 4)
    few()
    told = []
    with progress.heard_by(lambda what, share: told.append((what, share))):
        photos.photos("hymenoptera")
    title = "Hymenoptera, packed again (without a public address: see GALLERY_DATA_DIR)"
    assert told[1:] == [(f"Unpacking, this once: {title}", share) for share in (4 / 7, 1.0)]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data folder is not here")
def test_ants_and_bees_of_the_shared_folder(rooms, monkeypatch):
    monkeypatch.setenv("GALLERY_DATA_DIR", str(SHARED))
    settings.cache_clear()
    album = photos.photos("hymenoptera")
    assert album.pixels.shape == (397, 224, 224, 3)
    assert np.bincount(album.labels[: album.training]).tolist() == [123, 121]
    assert np.bincount(album.labels[album.training :]).tolist() == [70, 83]
    assert album.note == ""
    rows = np.arange(397)
    assert twins.warnings(album, rows[:244], rows[244:]) == ()


# Twins -------------------------------------------------------------------------------------------

ROWS = np.arange(60)


@pytest.fixture(scope="module")
def scenes():
    """60 pictures (60, 96, 96, 3) of soft blobs, as photographs are."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (60, 6, 6, 3), dtype=np.uint8)
    return np.stack([enlarged(c, 96) for c in coarse])


def enlarged(picture, side):
    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC))


def again(picture):
    """The same picture, saved as JPEG once more."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=60)
    return np.asarray(Image.open(buffer))


def test_bits_of_a_hash_say_which_cell_is_lighter():
    """Worked out by hand: light grows to the right in the rows above, and falls in those below."""
    ramp = np.repeat(np.arange(9, dtype=np.uint8) * 20, 4)
    picture = np.empty((1, 32, 36, 1), dtype=np.uint8)
    picture[0, :16, :, 0], picture[0, 16:, :, 0] = ramp, ramp[::-1]
    (found,) = twins.hashes(picture, np.array([0]))
    assert found.tobytes() == b"\xff" * 4 + b"\x00" * 4
    colourful = np.repeat(picture, 3, axis=3)
    assert twins.hashes(colourful, np.array([0])) == found


@pytest.mark.parametrize("side", [8, 9, 28, 100])
def test_a_plain_picture_has_no_bits(side):
    """Whatever its colour: rounding errors are no differences."""
    plain = np.full((256, side, side, 3), np.arange(256).reshape(-1, 1, 1, 1), dtype=np.uint8)
    plain[..., 1] = 77
    assert not twins.hashes(plain, np.arange(256)).any()


def test_different_pictures_are_no_twins(scenes):
    assert twins.twins(scenes, ROWS[:40], ROWS[40:]) == (0, 0)


def test_the_very_same_picture_is_both(scenes):
    pixels = np.concatenate([scenes, scenes[:5]])
    assert twins.twins(pixels, ROWS, np.arange(60, 65)) == (5, 5)
    assert twins.twins(pixels, ROWS[:3], np.arange(60, 65)) == (3, 3)


def test_a_picture_saved_again_is_a_near_copy(scenes):
    pixels = np.concatenate([scenes, np.stack([again(picture) for picture in scenes])])
    assert twins.twins(pixels, ROWS, ROWS + 60) == (60, 0)


def test_three_bits_are_near_and_four_are_not():
    random = np.random.default_rng(1)
    bits = random.integers(0, 2, 64)
    cells = np.concatenate([[100]] * 8).reshape(8, 1)
    pixels = np.empty((6, 8, 9, 1), dtype=np.uint8)
    for number in range(6):
        flipped = bits.copy()
        flipped[5 : 5 + number] ^= 1
        steps = np.where(flipped.reshape(8, 8), 9, -9)
        pixels[number, ..., 0] = np.concatenate([cells, cells + steps.cumsum(1)], axis=1)
    found = [twins.twins(pixels, np.array([0]), np.array([k])).near for k in range(6)]
    assert found == [1, 1, 1, 1, 0, 0]


def test_parts_give_what_the_whole_gives(scenes, monkeypatch):
    pixels = np.concatenate([scenes, scenes[:5]])
    whole = twins.hashes(pixels, np.arange(65))
    monkeypatch.setattr(twins, "PIXELS_AT_ONCE", 3 * scenes[0].size)
    monkeypatch.setattr(twins, "PAIRS_AT_ONCE", 150)
    assert np.array_equal(twins.hashes(pixels, np.arange(65)), whole)
    assert twins.twins(pixels, ROWS, np.arange(60, 65)) == (5, 5)


def test_where_there_is_nothing_there_are_no_twins(scenes):
    none = ROWS[:0]
    assert twins.twins(scenes, none, ROWS) == (0, 0)
    assert twins.twins(scenes, ROWS, none) == (0, 0)
    assert twins.twins(scenes[:0], none, none) == (0, 0)


def described(pixels, labels, training, **options):
    album = Album(pixels, np.array(labels), ("cat", "dog", "emu"), training)
    rows = np.arange(len(labels))
    return twins.warnings(album, rows[:training], rows[training:], **options)


def test_copies_across_the_split_are_told(scenes):
    pixels = np.concatenate([scenes, scenes[:12]])
    labels = np.arange(72) % 3
    text = (
        "12 of the 32 test pictures have a near copy among the training pictures: the accuracy "
        "will look better than it is."
    )
    assert described(pixels, labels, 40) == (text,)
    assert described(pixels, labels, 40, copies=False) == ()
    assert described(pixels[:61], labels[:61], 40) == (
        "One of the 21 test pictures has a near copy among the training pictures: the accuracy "
        "will look better than it is.",
    )


def test_very_unequal_classes_are_told(scenes):
    assert described(scenes, [0] * 40 + [1] * 12 + [2] * 8, 50) == (
        "Classes are of very unequal size (“cat” 40, “emu” 8): always answering “cat” is right "
        "67 % of the time.",
    )
    assert described(scenes, [0] * 39 + [1] * 13 + [2] * 8, 50) == ()
