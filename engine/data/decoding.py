"""Image files from a stranger: known by their first bytes, measured before they are decoded.

Torch-free. Whatever comes out is 8-bit colour, the right way up, on white.
"""

from __future__ import annotations

import io
import warnings
from threading import Lock
from typing import NamedTuple, NoReturn

import numpy as np
from PIL import Image

from engine.data.names import label
from engine.data.reading import CONTROLS, Advised
from engine.words import N_, _

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
"""Pillow reads some forty more, whose code strangers need not reach."""
MOST_BYTES = 16 * 2**20
MOST_PIXELS = 2**24
"""4096 × 4096, so that a photograph of 12 megapixels (4032 × 3024) passes; Pillow takes 4 bytes
for each pixel, and twice that for a moment where there is transparency."""
MOST_SCANS = 100
"""Of a progressive JPEG, whose scans each cost as much as a whole picture; 10 are usual."""

ORIENTATION = 0x0112
"""Tag of EXIF that says how the camera was held."""
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What puts a picture of each orientation the right way up."""
WIDE = 257
"""16-bit values for each 8-bit one: 65535 / 255."""

HEAD = 1024
"""Bytes by which a file is known."""
SIGNATURES = {
    b"\x89PNG": N_("a damaged PNG"),
    b"\xff\xd8\xff": N_("a damaged JPEG"),
    b"GIF8": N_("a damaged GIF"),
    b"RIFF": N_("a damaged WebP, or a sound or video"),
    b"BM": N_("a damaged BMP"),
    b"PK\x03\x04": N_("a zip archive or an Office document"),
    b"\x1f\x8b": N_("a gzip archive"),
    b"%PDF": N_("a PDF document"),
    b"II*\x00": N_("a TIFF picture"),
    b"MM\x00*": N_("a TIFF picture"),
    b"8BPS": N_("a Photoshop document"),
    b"\x00\x00\x01\x00": N_("an icon"),
}
BRANDS = {b"avi": N_("an AVIF picture"), b"hei": N_("a HEIC picture"), b"mif": N_("a HEIC picture")}
"""What stands behind "ftyp" in the fifth byte."""

_one_at_a_time = Lock()
"""The memory of one large picture is bounded; that of a hundred visitors' is not."""

# Whatever Pillow warns of is refused below in words; nobody needs a line of Python beside them.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)


class BadPicture(Advised):
    """A file that is no picture we take."""

    def __init__(self, name: str, expected: str, received: str, advice: str) -> None:
        super().__init__(name, expected, received, advice)
        self.field = "picture"


class Fitted(NamedTuple):
    """An image file as a model sees it.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (side, side, channels)
    area
        Pixels of the whole picture in the file.
    """

    pixels: np.ndarray
    area: int


def decode(payload: bytes, *, most_pixels: int = MOST_PIXELS, name: str = "") -> np.ndarray:
    """The pixels of an untrusted image file.

    Of an animated one the first frame; transparency is laid over white; 16 bits become 8; turned
    as its EXIF data ask for.

    Parameters
    ----------
    payload
        The file: PNG, JPEG, WebP, GIF or BMP.
    most_pixels
        What its header may announce; more is refused before a pixel is decoded.
    name
        What the visitor calls it; used in messages only.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        Read-only, as it shares its memory with Pillow.

    Raises
    ------
    BadPicture
        When it is another kind of file, too large, damaged or cut off.
    """
    with _one_at_a_time:
        return np.asarray(_whole(payload, most_pixels, name))


def decode_fitted(payload: bytes, side: int, channels: int, *, name: str = "") -> Fitted:
    """The same as `fitted(decode(payload), side, channels)` in a third of the memory.

    Raises
    ------
    BadPicture
        As `decode`.
    """
    with _one_at_a_time:
        image = _whole(payload, MOST_PIXELS, name)
        area = image.width * image.height
        return Fitted(_small(image, side, channels), area)


def fitted(pixels: np.ndarray, side: int, channels: int) -> np.ndarray:
    """The middle square of a picture, made as large as a model's pictures.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (H, W), (H, W, 1) or (H, W, 3)
    side
        Pixels of the square afterwards; made smaller with antialiasing.
    channels
        1 for grey (ITU-R BT.601), or 3.

    Returns
    -------
    ndarray of uint8, shape (side, side, channels)
    """
    grey = pixels.shape[2:] == (1,)
    image = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if grey else pixels))
    return _small(image, side, channels)


def _small(image: Image.Image, side: int, channels: int) -> np.ndarray:
    """What `fitted` returns. No copy is made that is not needed: a large picture takes 64 MB."""
    edge = min(image.size)
    left, top = (image.width - edge) // 2, (image.height - edge) // 2
    if image.width != image.height:
        image = image.crop((left, top, left + edge, top + edge))
    mode = "L" if channels == 1 else "RGB"
    if image.mode != mode:
        image = image.convert(mode)
    image = image.resize((side, side), Image.Resampling.BICUBIC)
    return np.array(image).reshape(side, side, channels)


# Measured ----------------------------------------------------------------------------------------


def _whole(payload: bytes, most_pixels: int, name: str) -> Image.Image:
    """What `decode` returns, as Pillow has it."""
    name = label(name) or _("the picture")
    if len(payload) > MOST_BYTES:
        _refuse_bytes(name, len(payload))
    image = _opened(payload, most_pixels, name)
    try:
        image.load()
        return _flat(image)
    except Exception:  # a damaged file may raise anything: OSError, SyntaxError, struct.error …
        _refuse_damaged(name, image)


def _opened(payload: bytes, most_pixels: int, name: str) -> Image.Image:
    """The picture with its header read, and no more."""
    size = _webp_size(payload)
    if size is not None:  # libwebp makes room for all pixels when it is opened
        _check_pixels(name, *size, most_pixels)
    if payload[:3] == b"\xff\xd8\xff" and payload.count(b"\xff\xda") > MOST_SCANS:
        _refuse(name, _("a JPEG of at most {limit} scans").format(limit=MOST_SCANS), _("more"))
    try:
        image = Image.open(io.BytesIO(payload), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        _refuse_pixels(name, _("many more"), most_pixels)
    except Exception:
        _refuse(name, _("a picture as PNG, JPEG, WebP, GIF or BMP"), _kind(payload))
    _check_pixels(name, *image.size, most_pixels)
    return image


def _webp_size(payload: bytes) -> tuple[int, int] | None:
    """Width and height by the header of a WebP file (RFC 9649); None if it is none."""
    if payload[:4] != b"RIFF" or payload[8:12] != b"WEBP" or len(payload) < 30:
        return None
    kind = payload[12:16]
    if kind == b"VP8X":
        width, height = payload[24:27], payload[27:30]
        return int.from_bytes(width, "little") + 1, int.from_bytes(height, "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(payload[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = payload[26:28], payload[28:30]
    return int.from_bytes(width, "little") & 0x3FFF, int.from_bytes(height, "little") & 0x3FFF


def _check_pixels(name: str, width: int, height: int, most_pixels: int) -> None:
    if width * height > most_pixels:
        size = _("{width:,} × {height:,} pixels").format(width=width, height=height)
        _refuse_pixels(name, size, most_pixels)


# Flattened ---------------------------------------------------------------------------------------


def _flat(image: Image.Image) -> Image.Image:
    """8-bit colour on white, the right way up."""
    turn = _turn(image)
    if image.mode.startswith("I"):
        image = _narrowed(image)
    if image.has_transparency_data:
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if image.mode != "RGB":
        image = image.convert("RGB")
    return image if turn is None else image.transpose(turn)


def _turn(image: Image.Image) -> Image.Transpose | None:
    """What EXIF asks for; EXIF data that cannot be read ask for nothing."""
    try:
        return TURNS.get(image.getexif().get(ORIENTATION, 1))
    except Exception:  # as with pixels, anything may be raised
        return None


def _narrowed(image: Image.Image) -> Image.Image:
    """16-bit grey as 8-bit grey: scaled, where Pillow's own conversion cuts off above 255."""
    values = np.asarray(image).astype(np.int32)
    grey = Image.fromarray(np.clip((values + WIDE // 2) // WIDE, 0, 255).astype(np.uint8))
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        shown = np.where(values == clear, 0, 255).astype(np.uint8)
        grey.putalpha(Image.fromarray(shown))
    return grey


# Refused -----------------------------------------------------------------------------------------


def _kind(payload: bytes) -> str:
    """What a file looks like that is no picture we take."""
    if not payload:
        return _("an empty file")
    head = payload[:HEAD]
    for signature, what in SIGNATURES.items():
        if head.startswith(signature):
            return _(what)
    if head[4:8] == b"ftyp":
        return _(BRANDS.get(head[8:11], N_("a video")))
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"<") and b"<svg" in text:
        return _("an SVG drawing")
    if text.startswith((b"<!doctype html", b"<html")):
        return _("a web page (HTML)")
    binary = CONTROLS.search(head.decode("latin-1")) is not None
    return _("another kind of file") if binary else _("text")


def _refuse(name: str, expected: str, received: str) -> NoReturn:
    advice = _("Save the picture as PNG or JPEG, and choose that file.")
    raise BadPicture(name, expected, received, advice) from None


def _refuse_pixels(name: str, received: str, most: int) -> NoReturn:
    expected = _("at most {limit:,} pixels").format(limit=most)
    raise BadPicture(name, expected, received, _("Make the picture smaller.")) from None


def _refuse_bytes(name: str, size: int) -> NoReturn:
    expected = _("at most {limit} MB").format(limit=MOST_BYTES // 2**20)
    received = _("{size:,.1f} MB").format(size=size / 2**20)
    raise BadPicture(name, expected, received, _("Make the picture smaller."))


def _refuse_damaged(name: str, image: Image.Image) -> NoReturn:
    expected = _("a whole {format} file").format(format=image.format)
    _refuse(name, expected, _("a damaged or cut off one"))
