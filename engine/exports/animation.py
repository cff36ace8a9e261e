"""Frames drawn by a browser, put together as a GIF or an MP4. The frames are not trusted."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import av
import numpy as np
from PIL import Image

from engine.errors import RECEIVED_LIMIT, InvalidValue
from engine.words import _

Format = Literal["gif", "mp4"]

FRAMES_LIMIT = 90
BYTES_LIMIT = 12_000_000
"""Of all data URLs together."""
LOWEST_SIDE, WIDTH_LIMIT, HEIGHT_LIMIT = 16, 1600, 1000
FPS_LIMIT = 30
HOLD = 1500
"""Milliseconds for which a GIF shows its last frame before it begins again."""

PREFIX = re.compile(r"data:image/(png|webp|jpeg);base64,")

ENCODER = {"preset": "veryfast", "crf": "20", "threads": "1"}
"""One thread: pages and jobs need the other cores."""

SAMPLED, SAMPLE_WIDTH = 9, 400
"""Frames, and their width, from which a GIF's colours are chosen."""


def assemble(frames: Sequence[str], format: str, fps: int) -> bytes:
    """An animation of `frames`.

    Parameters
    ----------
    frames
        Data URLs of PNG, WebP or JPEG images, all of one size; what is transparent gets white.
    format
        `"gif"` (plays for ever) or `"mp4"` (H.264, yuv420p: what every browser and phone plays;
        sides are cut to even numbers).
    fps
        Frames a second; a GIF counts in hundredths of a second.

    Raises
    ------
    InvalidValue
        Naming the argument, or the first frame, at fault.
    """
    if format not in get_args(Format):
        expected = _("one of {choices}").format(choices=", ".join(get_args(Format)))
        raise InvalidValue.of("format", expected, format)
    if not 1 <= fps <= FPS_LIMIT:
        expected = _("a whole number from 1 to {high}").format(high=FPS_LIMIT)
        raise InvalidValue.of("fps", expected, fps)
    found = checked(frames)
    return gif(found, fps) if format == "gif" else mp4(found, fps)


# Untrusted frames --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Frame:
    """One image of which only the header was read; `name` is that in error messages."""

    name: str
    kind: str
    payload: bytes
    size: tuple[int, int]

    def pixels(self) -> Image.Image:
        """The image as RGB, on white.

        Raises
        ------
        InvalidValue
            When it is truncated or damaged.
        """
        try:
            with Image.open(io.BytesIO(self.payload), formats=[self.kind]) as image:
                rgba = image.convert("RGBA")
        except Exception:  # Pillow has no one error for what is wrong inside of an image
            raise InvalidValue.of(self.name, _("a whole image"), self.payload[-20:]) from None
        white = Image.new("RGB", rgba.size, "white")
        white.paste(rgba, mask=rgba.getchannel("A"))
        return white


def checked(urls: Sequence[str]) -> list[Frame]:
    """The frames, if their number, bytes, kinds and sizes are acceptable; nothing is decoded yet."""
    if not 1 <= len(urls) <= FRAMES_LIMIT:
        expected = _("1 to {count} frames").format(count=FRAMES_LIMIT)
        raise InvalidValue.of("frames", expected, len(urls))
    size = sum(map(len, urls))
    if size > BYTES_LIMIT:
        expected = _("at most {limit} bytes in all").format(limit=BYTES_LIMIT)
        raise InvalidValue.of("frames", expected, size)
    frames = [_frame(url, f"frames[{position}]") for position, url in enumerate(urls)]
    for frame in frames:
        if frame.size != frames[0].size:
            expected = _("the size of the first frame, {size}").format(size=frames[0].size)
            raise InvalidValue.of(frame.name, expected, frame.size)
    return frames


def _frame(url: str, name: str) -> Frame:
    prefix = PREFIX.match(url)
    if prefix is None:
        expected = _("a data URL of a PNG, WebP or JPEG image (base64)")
        raise InvalidValue.of(name, expected, url[:RECEIVED_LIMIT])
    kind = prefix[1].upper()
    try:
        payload = base64.b64decode(url[prefix.end() :], validate=True)
    except ValueError:
        raise InvalidValue.of(name, _("base64"), url[:RECEIVED_LIMIT]) from None
    try:
        with Image.open(io.BytesIO(payload), formats=[kind]) as image:
            width, height = image.size
    except Image.DecompressionBombError:
        width = height = 10**6
    except Exception:  # see `pixels`
        expected = _("a {kind} image").format(kind=kind)
        raise InvalidValue.of(name, expected, payload[:20]) from None
    if not (LOWEST_SIDE <= width <= WIDTH_LIMIT and LOWEST_SIDE <= height <= HEIGHT_LIMIT):
        expected = _("{low} × {low} to {width} × {height} pixels").format(
            low=LOWEST_SIDE, width=WIDTH_LIMIT, height=HEIGHT_LIMIT
        )
        raise InvalidValue.of(name, expected, (width, height))
    return Frame(name, kind, payload, (width, height))


# Writing -----------------------------------------------------------------------------------------


def gif(frames: Sequence[Frame], fps: int) -> bytes:
    """The frames as a GIF. All share their colours, so that a background does not flicker."""
    palette = _palette(frames)
    first, *others = (
        frame.pixels().quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames
    )
    durations = [round(100 / fps) * 10] * len(others) + [HOLD]
    stream = io.BytesIO()
    first.save(stream, "GIF", save_all=True, append_images=others, duration=durations, loop=0)
    return stream.getvalue()


def _palette(frames: Sequence[Frame]) -> Image.Image:
    """256 colours of frames from beginning to end."""
    count = min(SAMPLED, len(frames))
    positions = {i * (len(frames) - 1) // max(1, count - 1) for i in range(count)}
    width = min(frames[0].size[0], SAMPLE_WIDTH)
    height = max(1, frames[0].size[1] * width // frames[0].size[0])
    strip = Image.new("RGB", (width, height * len(positions)))
    for row, position in enumerate(sorted(positions)):
        sample = frames[position].pixels().resize((width, height), Image.Resampling.NEAREST)
        strip.paste(sample, (0, row * height))
    return strip.quantize(256)


def mp4(frames: Sequence[Frame], fps: int) -> bytes:
    """The frames as an MP4, one decoded at a time."""
    width, height = (side // 2 * 2 for side in frames[0].size)
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=fps, options=ENCODER)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            picture = frame.pixels().crop((0, 0, width, height))
            container.mux(video.encode(av.VideoFrame.from_ndarray(np.asarray(picture), "rgb24")))
        container.mux(video.encode())
    return stream.getvalue()
