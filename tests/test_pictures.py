"""Pictures with classes: what is converted, cached and preferred; strangers' files decoded."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import subprocess
import sys
import tarfile
import zlib
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageFile
from sklearn.datasets import load_digits

from engine import ROOT, data
from engine.data import arrays, decoding, pictures, progress, registry
from engine.data.decoding import BadPicture, decode, decode_fitted, fitted
from engine.errors import InvalidValue, Unavailable
from engine.settings import settings

SHARED = ROOT.parent / "shared" / "data"

# Albums ------------------------------------------------------------------------------------------


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """An empty data folder and an empty cache."""
    made = SimpleNamespace(data=tmp_path / "data", cache=tmp_path / "cache")
    made.data.mkdir()
    monkeypatch.setenv("GALLERY_DATA_DIR", str(made.data))
    monkeypatch.setenv("GALLERY_CACHE_DIR", str(made.cache))
    settings.cache_clear()
    yield made
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def small(folders, monkeypatch):
    """CIFAR-10 with 4 pictures in a batch: 24 in all, and its two sources of files made here."""
    monkeypatch.setattr(pictures, "BATCH", 4)
    monkeypatch.setattr(pictures, "CHUNK", 3)  # so that a batch takes two
    monkeypatch.setitem(pictures.TRAINING, "cifar10", 20)
    random = np.random.default_rng(0)
    # each picture is one colour, which JPEG keeps almost
    pixels = np.tile(random.integers(0, 256, (24, 1, 1, 3), dtype=np.uint8), (1, 32, 32, 1))
    pixels[:, :4] = 255 - pixels[:, :4]  # rows are not columns
    labels = np.arange(24, dtype=np.uint8) % 10
    made = SimpleNamespace(pixels=pixels, labels=labels, folders=folders)
    made.files = {"cifar-10": official(pixels, labels), "cifar-10-jpeg": lossy(pixels, labels)}
    known = []
    for source in registry.SOURCES:
        if source.name in made.files:
            content = made.files[source.name]
            url = "http://127.0.0.1:9/" if source.files[0].url else ""  # nobody answers there
            file = data.DataFile(
                source.files[0].path, url, len(content), hashlib.sha256(content).hexdigest()
            )
            source = data.DataSource(source.name, source.title, source.licence, (file,))
        known.append(source)
    monkeypatch.setattr(registry, "SOURCES", tuple(known))

    def put(name):
        path = folders.data / data.source(name).files[0].path
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(made.files[name])
        return path

    made.put = put
    return made


def official(pixels, labels):
    """An archive as the publisher's: its members in no order, a text among them."""
    planes = pixels.transpose(0, 3, 1, 2).reshape(24, -1)
    records = np.column_stack([labels, planes])
    members = {name: records[4 * i : 4 * i + 4].tobytes() for i, name in enumerate(BATCHES)}
    members["batches.meta.txt"] = b"airplane\n"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in sorted(members, key=lambda name: name[::-1]):
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = len(members[name])
            archive.addfile(info, io.BytesIO(members[name]))
    return buffer.getvalue()


BATCHES = [*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"]


def lossy(pixels, labels):
    arrays = {}
    for split, rows in (("train", slice(20)), ("test", slice(20, None))):
        files = [saved(picture, "JPEG", quality=75) for picture in pixels[rows]]
        arrays[f"{split}_jpeg"] = np.frombuffer(b"".join(files), dtype=np.uint8)
        arrays[f"{split}_offsets"] = np.cumsum([0, *map(len, files)])
        arrays[f"{split}_labels"] = labels[rows].astype(np.int64)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def saved(picture, kind, **options):
    """The bytes of an image file of an array or of a Pillow image."""
    buffer = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def files_in(folder):
    return sorted(p for p in folder.rglob("*") if p.is_file())


def test_digits_come_along_and_reach_from_black_to_white():
    album = pictures.album("digits")
    expected = load_digits()
    assert pictures.at_hand("digits")
    assert (album.pixels.shape, album.pixels.dtype) == ((1797, 8, 8, 1), np.uint8)
    assert np.array_equal(album.pixels[..., 0], np.rint(expected.images * 255 / 16))
    assert album.pixels.max() == 255
    assert np.array_equal(album.labels, expected.target)
    assert album.labels.dtype == np.int64
    assert album.classes == tuple("0123456789")
    assert (album.training, album.note) == (1797, "")
    album.pixels[:] = album.labels[:] = 0
    assert pictures.album("digits").pixels.any()


def test_an_unknown_album_is_refused():
    for look in (pictures.album, pictures.at_hand, pictures.classes):
        with pytest.raises(InvalidValue) as caught:
            look("own")
        assert caught.value.message == (
            f"data: expected one of {', '.join(pictures.CLASSES)}, received 'own'."
        )


def test_each_album_has_ten_classes_or_half_of_them():
    for name in pictures.CLASSES:
        half = name in ("cifar10-first", "cifar10-second")
        assert len(set(pictures.classes(name))) == (5 if half else 10)
    assert pictures.classes("cifar10")[3] == "cat"


def test_the_official_cifar_is_read_pixel_by_pixel(small):
    small.put("cifar-10")
    album = pictures.album("cifar10")
    assert np.array_equal(album.pixels, small.pixels)
    assert np.array_equal(album.labels, small.labels)
    assert (album.pixels.dtype, album.labels.dtype) == (np.uint8, np.int64)
    assert (album.training, album.note) == (20, "")
    assert album.classes == pictures.THINGS


def test_the_lossy_cifar_is_close_and_says_so(small):
    small.put("cifar-10-jpeg")
    album = pictures.album("cifar10")
    assert album.pixels.shape == small.pixels.shape
    difference = album.pixels.astype(int) - small.pixels
    assert 0 < np.abs(difference).mean() < 4
    assert np.array_equal(album.labels, small.labels)
    assert album.labels.dtype == np.int64
    assert "lossy JPEG files (quality 75)" in album.note


def test_the_official_cifar_is_preferred(small):
    assert not pictures.at_hand("cifar10")
    small.put("cifar-10-jpeg")
    assert pictures.at_hand("cifar10")
    assert pictures.album("cifar10").note
    path = small.put("cifar-10")
    assert not pictures.album("cifar10").note
    path.unlink()
    assert not pictures.album("cifar10").note  # its arrays are in the cache


def test_without_any_copy_the_official_cifar_is_asked_for(small):
    with pytest.raises(Unavailable, match=r"cifar-10-binary\.tar\.gz: no download from") as caught:
        pictures.album("cifar10")
    instead = "The digits of 8 × 8 pixels and your own pictures need no download."
    assert caught.value.message.endswith(instead)
    assert files_in(small.folders.cache) == []


@pytest.mark.parametrize("name", ["cifar-10", "cifar-10-jpeg"])
def test_an_album_is_converted_once_and_mapped_afterwards(small, name):
    path = small.put(name)
    first = pictures.album("cifar10")
    assert isinstance(first.pixels, np.memmap)
    path.unlink()
    assert pictures.at_hand("cifar10")
    again = pictures.album("cifar10")
    assert np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(first.labels, again.labels)
    assert len(files_in(small.folders.cache)) == 2


def test_writing_to_an_album_stays_with_the_process(small):
    small.put("cifar-10")
    album = pictures.album("cifar10")
    before = [p.read_bytes() for p in files_in(small.folders.cache)]
    album.pixels[:] = 0
    album.pixels.flush()
    assert [p.read_bytes() for p in files_in(small.folders.cache)] == before
    assert np.array_equal(pictures.album("cifar10").pixels, small.pixels)


@pytest.mark.parametrize(
    "spoil", [lambda array: array[:-1], lambda array: array.astype(np.float32), lambda array: 1]
)
def test_arrays_of_another_form_are_made_again(small, spoil):
    small.put("cifar-10")
    pictures.album("cifar10")
    for path in files_in(small.folders.cache):
        if "pictures" in path.name:
            array = np.load(path)
            path.unlink()
            np.save(path, spoil(array))
    again = pictures.album("cifar10").pixels
    assert again.dtype == np.uint8
    assert np.array_equal(again, small.pixels)


def test_progress_is_told_from_the_files_to_the_last_picture(small):
    small.put("cifar-10")
    told = []
    with progress.heard_by(lambda what, share: told.append((what.split(":")[0], share))):
        pictures.album("cifar10")
    shares = [share for what, share in told if what == "Unpacking, this once"]
    assert told[0] == ("Getting the files", 1.0)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(shares) == 12
    told.clear()
    with progress.heard_by(lambda what, share: told.append((what, share))):
        pictures.album("cifar10")
    assert told == []


def test_a_full_disk_does_not_stop_a_run(small, monkeypatch, caplog):
    small.put("cifar-10")

    def full(path, content):
        next(iter(content))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(arrays, "write_whole", full)
    album = pictures.album("cifar10")
    assert np.array_equal(album.pixels, small.pixels)
    assert np.array_equal(album.labels, small.labels)
    assert "No space left on device" in caplog.text


def test_no_more_than_a_part_is_in_memory(small, monkeypatch):
    """What is written of the pixels comes in parts of CHUNK pictures."""
    small.put("cifar-10")
    sizes = []
    write = arrays.write_whole

    def watched(path, content):
        content = [content] if isinstance(content, bytes) else list(content)
        sizes.append([len(part) for part in content])
        write(path, iter(content))

    monkeypatch.setattr(arrays, "write_whole", watched)
    pictures.album("cifar10")
    one = 32 * 32 * 3
    assert sizes[0] == [128, *[3 * one, one] * 6]


def test_idx_files_become_an_album(folders, monkeypatch):
    random = np.random.default_rng(0)
    shades = random.integers(0, 256, (12, 28, 28), dtype=np.uint8)
    labels = np.arange(12, dtype=np.uint8) % 10
    paths = []
    for number, array in enumerate((shades[:10], labels[:10], shades[10:], labels[10:])):
        header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
        paths.append(folders.data / f"{number}.gz")
        paths[-1].write_bytes(gzip.compress(header + array.tobytes()))
    monkeypatch.setattr(data, "fetch", lambda name: tuple(paths))
    album = pictures.album("mnist")
    assert np.array_equal(album.pixels, shades[..., None])
    assert np.array_equal(album.labels, labels)
    assert (album.training, album.note) == (60_000, "")
    assert isinstance(album.pixels, np.memmap)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data folder is not here")
def test_the_lossy_cifar_of_the_shared_folder(folders, monkeypatch):
    monkeypatch.setenv("GALLERY_DATA_DIR", str(SHARED))
    settings.cache_clear()
    album = pictures.album("cifar10")
    assert album.pixels.shape == (60_000, 32, 32, 3)
    assert np.bincount(album.labels[: album.training]).tolist() == [5_000] * 10
    assert np.bincount(album.labels[album.training :]).tolist() == [1_000] * 10
    mean = album.pixels[: album.training].mean((0, 1, 2)) / 255
    assert mean == pytest.approx([0.4914, 0.4822, 0.4465], abs=1e-3)  # as of the original pixels


def test_pages_can_use_them_without_heavy_modules():
    code = (
        "import sys; from engine.data import albums, decoding, pictures;"
        "pictures.album('digits'); pictures.at_hand('cifar10');"
        "print(sorted({'torch', 'sklearn', 'pandas', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


# Strangers' files --------------------------------------------------------------------------------

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def quarters(size=16):
    """A picture whose corners are red, green (right), blue (below) and white."""
    picture = np.empty((size, size, 3), dtype=np.uint8)
    half = size // 2
    picture[:half, :half], picture[:half, half:] = RED, GREEN
    picture[half:, :half], picture[half:, half:] = BLUE, WHITE
    return picture


def chunk(kind, content):
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png(width, height, depth, colour, packed, *chunks):
    """A PNG put together by hand; `packed` is its compressed rows."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = b"".join(chunk(kind, content) for kind, content in chunks)
    body = chunk(b"IHDR", header) + body + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def huge_png(side=13_000):
    """169 megapixels of black in 164 KB."""
    packer = zlib.compressobj(9)
    row = bytes(1 + side)
    packed = b"".join([packer.compress(row * 100) for _ in range(side // 100)])
    return png(side, side, 8, 0, packed + packer.flush())


def refusal(payload, **options):
    with pytest.raises(BadPicture) as caught:
        decode(payload, **options)
    assert caught.value.field == "picture"
    assert str(caught.value) == caught.value.message
    return caught.value.message


@pytest.fixture
def undecoded(monkeypatch):
    """Fails a test in which pixels are decoded."""

    def load(*_arguments):
        pytest.fail("pixels were decoded before the size was known")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    monkeypatch.setattr(Image.Image, "convert", load)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {}),
        ("JPEG", {}),
        ("GIF", {}),
    ],
)
def test_each_format_is_read(kind, options):
    pixels = decode(saved(quarters(64), kind, **options))
    assert (pixels.shape, pixels.dtype) == ((64, 64, 3), np.uint8)
    lossy = 40 if kind in ("JPEG", "WEBP") and not options else 0
    corners = pixels[8::48, 8::48].astype(int)
    assert np.abs(corners - [[RED, GREEN], [BLUE, WHITE]]).max() <= lossy


def test_one_pixel_is_a_picture():
    for kind in ("PNG", "BMP", "GIF", "WEBP", "JPEG"):
        pixels = decode(saved(np.full((1, 1, 3), 255, dtype=np.uint8), kind))
        assert pixels.tolist() == [[[255, 255, 255]]]


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_small_file_of_169_megapixels_is_refused_unread(undecoded):
    payload = huge_png()
    assert len(payload) < 170_000
    assert refusal(payload) == (
        "the picture: expected at most 16,777,216 pixels, received 13,000 × 13,000 pixels. "
        "Make the picture smaller."
    )


@pytest.mark.filterwarnings("error")
def test_where_warnings_are_errors_a_huge_picture_is_refused_too(undecoded):
    message = "the picture: expected at most 16,777,216 pixels, received many more."
    assert refusal(huge_png()).startswith(message)


def test_what_pillow_itself_calls_a_bomb_is_refused(undecoded):
    assert "received many more" in refusal(png(60_000, 60_000, 8, 0, b""))


@pytest.mark.parametrize(
    "header",
    [
        b"VP8X\x0a\0\0\0\0\0\0\0\xff\x3f\0\xff\x3f\0",
        b"VP8L\x0a\0\0\0\x2f" + (0x3FFF | 0x3FFF << 14).to_bytes(4, "little") + bytes(5),
        b"VP8 \x0a\0\0\0\0\0\0\x9d\x01\x2a\xff\x3f\xff\x3f",
    ],
    ids=["extended", "lossless", "lossy"],
)
def test_a_huge_webp_is_refused_before_libwebp_makes_room_for_it(monkeypatch, header):
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("opened"))
    payload = b"RIFF" + (4 + len(header)).to_bytes(4, "little") + b"WEBP" + header
    side = 16_384 if b"VP8X" in header or b"VP8L" in header else 16_383
    assert f"received {side:,} × {side:,}" in refusal(payload)


@pytest.mark.parametrize(
    "options", [{}, {"lossless": True}, {"save_all": True, "append_images": []}]
)
@pytest.mark.parametrize("alpha", [False, True])
def test_the_size_of_a_webp_is_read_right(options, alpha):
    image = Image.new("RGBA" if alpha else "RGB", (30, 17), (200, 0, 0, 99) if alpha else "red")
    assert decoding._webp_size(saved(image, "WEBP", **options)) == (30, 17)


def test_the_limit_of_pixels_is_met_exactly():
    payload = saved(np.zeros((20, 10, 3), dtype=np.uint8), "PNG")
    assert decode(payload, most_pixels=200).shape == (20, 10, 3)
    assert "at most 199 pixels, received 10 × 20" in refusal(payload, most_pixels=199)


def test_a_file_of_too_many_bytes_is_refused_unread(monkeypatch, undecoded):
    monkeypatch.setattr(decoding, "MOST_BYTES", 2**20)
    payload = saved(quarters(), "PNG") + bytes(2**20)
    assert "expected at most 1 MB, received 1.0 MB" in refusal(payload)


def test_a_jpeg_of_many_scans_is_refused_unread(undecoded):
    payload = saved(quarters(), "JPEG", progressive=True)
    start = payload.index(b"\xff\xda")
    assert "at most 100 scans" in refusal(payload[:start] + payload[start:-2] * 20 + b"\xff\xd9")


def test_a_progressive_jpeg_is_read():
    assert decode(saved(quarters(), "JPEG", progressive=True)).shape == (16, 16, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_a_picture_that_is_cut_off_is_refused(kind):
    """As `verify` would not: the pixels have to be there."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    payload = saved(noise, kind)
    message = refusal(payload[: len(payload) * 2 // 3], name="cat.jpg")
    assert message.startswith("cat.jpg: expected a ")
    assert "damaged" in message
    assert message.endswith("Save the picture as PNG or JPEG, and choose that file.")


def test_a_truncated_jpeg_is_told_in_words():
    payload = saved(quarters(64), "JPEG")
    assert refusal(payload[:-60], name="cat.jpg") == (
        "cat.jpg: expected a whole JPEG file, received a damaged or cut off one. "
        "Save the picture as PNG or JPEG, and choose that file."
    )


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_no_damage_raises_anything_else(kind):
    """Bytes changed at random: a picture comes out, or words."""
    random = np.random.default_rng(1)
    whole = np.frombuffer(saved(quarters(), kind), dtype=np.uint8)
    for _ in range(100):
        damaged = whole.copy()
        damaged[random.integers(0, len(whole), 4)] = random.integers(0, 256, 4)
        with suppress(BadPicture):
            assert decode(damaged.tobytes(), most_pixels=10_000).dtype == np.uint8


def test_cmyk_becomes_the_right_colours():
    inks = np.zeros((16, 16, 4), dtype=np.uint8)
    inks[:8, :8] = (0, 255, 255, 0)  # red
    inks[:8, 8:] = (255, 0, 255, 0)  # green
    inks[8:, :8] = (255, 255, 0, 0)  # blue
    payload = saved(Image.fromarray(inks, mode="CMYK"), "JPEG", quality=100, subsampling=0)
    assert Image.open(io.BytesIO(payload)).mode == "CMYK"
    corners = decode(payload)[4::8, 4::8].astype(int)
    assert np.abs(corners - [[RED, GREEN], [BLUE, WHITE]]).max() < 8


def test_16_bits_are_scaled_not_cut_off():
    ramp = np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16)
    grey = decode(saved(Image.fromarray(ramp), "PNG"))
    assert np.array_equal(grey, np.repeat(np.arange(256).reshape(16, 16, 1), 3, 2))
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in np.stack([ramp] * 3, 2))
    colour = decode(png(16, 16, 16, 2, zlib.compress(rows)))
    assert np.array_equal(colour, grey)


def test_16_bit_transparency_is_laid_over_white():
    rows = b"\0" + struct.pack(">3H", 0, 30_000, 65_535)
    payload = png(3, 1, 16, 0, zlib.compress(rows), (b"tRNS", struct.pack(">H", 30_000)))
    assert decode(payload)[0, :, 0].tolist() == [0, 255, 255]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(kind):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "lime")]
    options = {"lossless": True} if kind == "WEBP" else {}
    payload = saved(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert Image.open(io.BytesIO(payload)).n_frames == 3
    assert (decode(payload) == RED).all()


def test_transparency_is_laid_over_white():
    image = Image.new("RGBA", (3, 1))
    image.putdata([(255, 0, 0, 255), (0, 0, 0, 0), (0, 0, 255, 128)])
    for kind, options in (("PNG", {}), ("WEBP", {"lossless": True, "exact": True})):
        first, clear, half = decode(saved(image, kind, **options))[0].tolist()
        assert (first, clear) == ([255, 0, 0], [255, 255, 255])
        assert half == pytest.approx([127, 127, 255], abs=1)
    grey = Image.new("LA", (1, 1), (0, 0))
    assert decode(saved(grey, "PNG")).tolist() == [[[255] * 3]]
    indexed = Image.new("P", (2, 1))
    indexed.putpalette([9, 9, 9, 200, 100, 50])
    indexed.putdata([0, 1])
    pixels = decode(saved(indexed, "PNG", transparency=0))
    assert pixels.tolist() == [[[255] * 3, [200, 100, 50]]]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_turned_picture_comes_out_upright(kind, orientation):
    upright = quarters(32)[:, :24]  # higher than wide
    backwards = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, 3),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}, "PNG": {}}
    payload = saved(np.ascontiguousarray(backwards), kind, exif=exif, **options[kind])
    pixels = decode(payload)
    assert pixels.shape == upright.shape
    assert np.abs(pixels[4::8, 4::8].astype(int) - upright[4::8, 4::8]).max() < 16


def test_exif_data_that_cannot_be_read_turn_nothing():
    payload = png(1, 1, 8, 0, zlib.compress(b"\0\x07"), (b"eXIf", b"no such thing"))
    assert decode(payload).tolist() == [[[7, 7, 7]]]


@pytest.mark.parametrize(
    ("payload", "what"),
    [
        (b"", "an empty file"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"></svg>', "an SVG drawing"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- made --><svg/>', "an SVG drawing"),
        (b"\n<!DOCTYPE html><html><body>404</body></html>", "a web page (HTML)"),
        (b"<html></html>", "a web page (HTML)"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"PK\x03\x04", "a zip archive or an Office document"),
        (b"\0\0\0\x18ftypheic", "a HEIC picture"),
        (b"\0\0\0\x18ftypavif", "an AVIF picture"),
        (b"\0\0\0\x18ftypmp42", "a video"),
        (b"a list, of words\n", "text"),
        (bytes(100), "another kind of file"),
        (b"\x89PNG\r\n\x1a\n", "a damaged PNG"),
        (b"\xff\xd8\xff\xe0", "a damaged JPEG"),
        (saved(quarters(), "TIFF"), "a TIFF picture"),
        (saved(quarters(), "ICO"), "an icon"),
        (saved(quarters(), "PPM"), "another kind of file"),
    ],
)
def test_what_is_no_picture_is_told_in_words(payload, what):
    assert refusal(payload, name="cat.png") == (
        f"cat.png: expected a picture as PNG, JPEG, WebP, GIF or BMP, received {what}. "
        "Save the picture as PNG or JPEG, and choose that file."
    )


def test_a_name_is_made_fit_to_be_shown():
    assert refusal(b"", name="a\nb\x00" + "c" * 99).startswith("a b " + "c" * 55 + "…: ")


# Fitted ------------------------------------------------------------------------------------------


def test_the_middle_square_is_kept():
    wide = np.zeros((10, 30, 3), dtype=np.uint8)
    wide[:, 10:20] = (10, 20, 30)
    assert (fitted(wide, 5, 3) == (10, 20, 30)).all()
    assert (fitted(wide.transpose(1, 0, 2), 5, 3) == (10, 20, 30)).all()


def test_fine_patterns_become_grey_not_stripes():
    stripes = np.zeros((64, 64, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    small = fitted(stripes, 8, 3)
    assert small.shape == (8, 8, 3)
    assert np.abs(small.astype(int) - 127).max() < 12


def test_grey_is_that_of_itu_r_601():
    colours = np.array([[RED, GREEN], [BLUE, WHITE]], dtype=np.uint8)
    grey = [
        int(fitted(np.full((4, 4, 3), c, np.uint8), 4, 1)[0, 0, 0]) for c in colours.reshape(4, 3)
    ]
    assert grey == [76, 150, 29, 255]


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 1), (4, 4, 3)])
@pytest.mark.parametrize("channels", [1, 3])
def test_grey_and_colour_are_fitted_to_both(shape, channels):
    made = fitted(np.full(shape, 77, dtype=np.uint8), 6, channels)
    assert (made.shape, made.dtype) == ((6, 6, channels), np.uint8)
    assert (made == 77).all()
    made[0] = 1  # belongs to the caller


def test_one_pixel_is_made_larger():
    assert (fitted(np.full((1, 1, 3), 9, dtype=np.uint8), 8, 3) == 9).all()


LEFT_HALF_CLEAR = np.where(np.arange(30) < 15, 0, 255).astype(np.uint8)


def several_kinds():
    """Pictures of 30 × 20 pixels in every way that takes its own path."""
    noise = np.random.default_rng(0).integers(0, 256, (20, 30, 4), dtype=np.uint8)
    colour = Image.fromarray(noise[..., :3])
    turned = Image.Exif()
    turned[decoding.ORIENTATION] = 6
    clear = Image.fromarray(np.dstack([noise[..., :3], np.tile(LEFT_HALF_CLEAR, (20, 1))]))
    return {
        "colour": saved(colour, "PNG"),
        "grey": saved(colour.convert("L"), "PNG"),
        "black and white": saved(colour.convert("1"), "PNG"),
        "palette": saved(colour.quantize(16), "PNG", transparency=3),
        "16 bit": saved(noise[..., 0].astype(np.uint16) * 257, "PNG"),
        "transparent": saved(clear, "PNG"),
        "turned": saved(colour, "JPEG", exif=turned),
        "print": saved(colour.convert("CMYK"), "JPEG"),
    }


@pytest.mark.parametrize("kind", several_kinds())
@pytest.mark.parametrize("channels", [1, 3])
def test_a_file_can_be_fitted_as_it_is_decoded(kind, channels):
    payload = several_kinds()[kind]
    found = decode_fitted(payload, 8, channels)
    assert found.area == 600
    assert found.pixels.shape == (8, 8, channels)
    assert np.array_equal(found.pixels, fitted(decode(payload), 8, channels))
    assert found.pixels.std() > 5


def test_what_is_fitted_at_once_is_refused_alike():
    with pytest.raises(BadPicture) as caught:
        decode_fitted(b"<svg/>", 8, 3, name="a.png")
    assert caught.value.message == refusal(b"<svg/>", name="a.png")


def in_a_process_of_its_own(code, *arguments):
    command = [sys.executable, "-W", "default", "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)


def test_the_largest_picture_takes_its_pixels_once(tmp_path):
    """Pillow holds 16 megapixels in 64 MB; each copy of them would be as much again."""
    (tmp_path / "large.jpg").write_bytes(saved(Image.new("RGB", (4096, 4096), "red"), "JPEG"))
    (tmp_path / "small.jpg").write_bytes(saved(Image.new("RGB", (64, 64), "red"), "JPEG"))
    code = """
import resource, sys
from pathlib import Path
from engine.data.decoding import decode_fitted

most = []
for name in ("small.jpg", "large.jpg"):
    decode_fitted((Path(sys.argv[1]) / name).read_bytes(), 32, 3)
    most.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print((most[1] - most[0]) * (1 if sys.platform == "darwin" else 1024))
"""
    assert int(in_a_process_of_its_own(code, tmp_path).stdout) < 100 * 2**20


def test_a_huge_picture_is_refused_without_a_warning_of_python(tmp_path):
    (tmp_path / "huge.png").write_bytes(huge_png())
    code = """
import sys
from pathlib import Path
from engine.data.decoding import BadPicture, decode

try:
    decode(Path(sys.argv[1]).read_bytes())
except BadPicture as error:
    print(error)
"""
    told = in_a_process_of_its_own(code, tmp_path / "huge.png")
    assert "13,000 × 13,000 pixels" in told.stdout
    assert told.stderr == ""
