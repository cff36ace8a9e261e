"""A visitor's own pictures read: a zip archive or several files, a folder for each class.

Torch-free. Names are only read as words: no name of a stranger ever becomes a path.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple, NoReturn

import numpy as np

from engine.data.archives import SIGNATURES, Member, Unreadable, members
from engine.data.decoding import MOST_BYTES, BadPicture, Fitted, decode_fitted
from engine.data.names import NAMED, label
from engine.data.own_albums import (
    ALBUM,
    CLASSES_LIMIT,
    FEW_PICTURES,
    FILES_LIMIT,
    OwnAlbum,
    check_side,
    most_pictures,
)
from engine.data.reading import Advised
from engine.words import N_, _

__all__ = ["ALBUM", "BadAlbum", "Gathered", "OwnAlbum", "Picture", "fit", "gather", "made", "read"]

BYTES_LIMIT = 64 * 2**20
"""Of a zip archive, or of all files together, which are in memory at once."""
UNPACKED_LIMIT = 128 * 2**20
"""Of the files in a zip archive: pictures hardly become smaller in one, a bomb does."""
PIXELS_LIMIT = 10**9
"""Of all pictures together: some ten seconds of decoding, and eighty photographs of 12 megapixels
each. Without it 5,000 small files could ask for an hour."""

SYSTEM = ("__MACOSX", "Thumbs.db", "desktop.ini")
"""What file managers put into folders unasked, beside names that begin with a dot."""
DRIVE = re.compile(r"[A-Za-z]:/")

OUTSIDE = N_("Left out, as their names lead out of the archive ({count:,}): {names}.")
LOOSE = N_("Left out, as they lie in no folder that tells their class ({count:,}): {names}.")
UNFIT = N_("Left out, as they are no pictures that can be read ({count:,}): {names}.")
TWICE = N_("The same picture again, left out ({count:,}): {names}.")
ACROSS = N_("The same picture in another class before, left out ({count:,}): {names}.")
ALONE = N_("Classes with one picture only, left out ({count:,}): {names}.")
SMALLER = N_("Choose fewer pictures, or make them smaller: 256 pixels a side are plenty.")


class BadAlbum(Advised):
    """Files that cannot be read as pictures of several classes."""

    def __init__(self, expected: str, received: str, advice: str) -> None:
        super().__init__(_("the pictures"), expected, received, advice)
        self.field = "file"


class Picture(NamedTuple):
    """A picture that has found its class.

    Attributes
    ----------
    label
        Name of its class.
    name
        How it is called, for messages.
    pixels : ndarray of uint8, shape (side, side, 3)
    """

    label: str
    name: str
    pixels: np.ndarray


class Gathered(NamedTuple):
    """Pictures of any number of classes.

    Attributes
    ----------
    pictures
    notes
        What was left out of the files, and why.
    rule
        How classes were told from folders, where that is not plain.
    """

    pictures: tuple[Picture, ...] = ()
    notes: tuple[str, ...] = ()
    rule: str = ""


class Found(NamedTuple):
    """A picture in a file: how it is called, its folders from the outside in, its pixels."""

    name: str
    folders: tuple[str, ...]
    pixels: np.ndarray


class LeftOut:
    """What was left out and why, in words."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}

    def add(self, text: str, name: str) -> None:
        """Leave out a file or class called `name`, for the reason that `text` gives."""
        self._names.setdefault(text, []).append(name)

    def notes(self) -> list[str]:
        """A sentence for each reason, with the first names and how many more there are."""
        return [
            _(text).format(count=len(names), names=_some(names))
            for text in (OUTSIDE, LOOSE, UNFIT, TWICE, ACROSS, ALONE)
            if (names := self._names.get(text))
        ]


def read(files: Sequence[tuple[str, bytes]], side: int = 32) -> OwnAlbum:
    """Sort a visitor's pictures into classes.

    Parameters
    ----------
    files
        Names and contents: one zip archive, or pictures as "class/name".
    side
        Pixels to which the middle square of each picture is fitted.

    Raises
    ------
    BadAlbum
        When they are too many or too large, or are not at least two classes of at least
        `FEW_PICTURES` pictures.
    InvalidValue
        When `side` is out of range.
    """
    return made(gather(files, side))


def gather(
    files: Sequence[tuple[str, bytes]],
    side: int = 32,
    *,
    loose: str = "",
    before: Sequence[Picture] = (),
) -> Gathered:
    """Find the pictures in files, and their classes; more can be gathered to them later.

    The class of a picture is its innermost folder whose name differs between the pictures:
    `pets/train/cat/1.jpg` and `pets/train/dog/2.jpg` are a cat and a dog, and so are
    `cat/images/1.jpg` and `dog/images/2.jpg`.

    Parameters
    ----------
    files, side
        As of `read`.
    loose
        Class of the pictures that lie in no folder; without it they are left out.
    before
        Pictures gathered before, which come first in what is returned.

    Raises
    ------
    BadAlbum
        When all together are too many or too large, or of too many classes.
    InvalidValue
        When `side` is out of range.
    """
    check_side(side)
    left_out = LeftOut()
    found = _decoded(_members(files, side, loose), side, left_out, loose)
    level = _level([picture.folders for picture in found])
    more = list(_labelled(found, level, left_out, before))
    pictures = (*before, *more)
    if len(pictures) > most_pictures(side):
        _refuse_count(len(pictures), side)
    names = {picture.label for picture in pictures}
    if len(names) > CLASSES_LIMIT:
        expected = _("at most {limit} classes").format(limit=CLASSES_LIMIT)
        advice = _("Leave out some, or put pictures that belong together into one.")
        raise BadAlbum(expected, f"{len(names)}", advice)
    nested = any(len(picture.folders) > 1 for picture in found)
    rule = _rule(sorted({picture.label for picture in more}, key=str.casefold)) if nested else ""
    return Gathered(pictures, tuple(left_out.notes()), rule)


def made(gathered: Gathered) -> OwnAlbum:
    """The album of the pictures in classes that have enough of them.

    Raises
    ------
    BadAlbum
        When there are fewer than two such classes.
    """
    counts = Counter(picture.label for picture in gathered.pictures)
    alone = LeftOut()
    for name, count in counts.items():
        if count < FEW_PICTURES:
            alone.add(ALONE, f"“{name}”")
    classes = sorted((n for n, c in counts.items() if c >= FEW_PICTURES), key=str.casefold)
    notes = [*gathered.notes, *alone.notes()]
    if len(classes) < 2:
        _refuse_few(classes, notes)
    if gathered.rule:
        notes.insert(0, gathered.rule)
    kept = [picture for picture in gathered.pictures if picture.label in classes]
    labels = np.array([classes.index(picture.label) for picture in kept], dtype=np.int64)
    return OwnAlbum(np.stack([p.pixels for p in kept]), labels, tuple(classes), tuple(notes))


# Files -------------------------------------------------------------------------------------------


def _members(files: Sequence[tuple[str, bytes]], side: int, loose: str) -> list[Member]:
    """What the visitor has chosen: their sizes checked, nothing unpacked yet."""
    size = sum(len(content) for _name, content in files)
    if size > BYTES_LIMIT:
        _refuse_bytes(_("at most {limit} MB"), BYTES_LIMIT, size)
    chosen = [_alone(name, content) for name, content in files]
    if len(files) == 1:
        (content,) = (content for _name, content in files)
        if content.startswith(SIGNATURES):
            chosen = _in_archive(content)
        elif not loose:
            raise BadAlbum(
                _("a zip archive with a folder for each class, or several pictures of each class"),
                _("one file that is no zip archive"),
                _("Put the folders with pictures into a zip archive, and choose that."),
            )
    chosen = [member for member in chosen if not _of_system(member.name)]
    if len(chosen) > most_pictures(side):
        _refuse_count(len(chosen), side)
    unpacked = sum(member.size for member in chosen)
    if unpacked > UNPACKED_LIMIT:
        _refuse_bytes(_("at most {limit} MB when unpacked"), UNPACKED_LIMIT, unpacked)
    return chosen


def _alone(name: str, content: bytes) -> Member:
    return Member(name, len(content), lambda: content)


def _in_archive(content: bytes) -> list[Member]:
    try:
        return members(content)
    except Unreadable as error:
        advice = _("Make the archive again, of the folders with pictures alone.")
        raise BadAlbum(_("a whole zip archive"), str(error), advice) from None


def _refuse_count(count: int, side: int) -> NoReturn:
    limit = most_pictures(side)
    expected = _("at most {limit:,} pictures").format(limit=limit)
    if limit < FILES_LIMIT:
        expected = _("at most {limit:,} pictures, each made {side} × {side} pixels large")
        expected = expected.format(limit=limit, side=side)
    advice = _("Choose fewer pictures; some hundred of each class are enough to begin with.")
    raise BadAlbum(expected, f"{count:,}", advice)


def _refuse_bytes(expected: str, limit: int, size: int) -> NoReturn:
    received = _("{size:,.0f} MB").format(size=size / 2**20)
    raise BadAlbum(expected.format(limit=limit // 2**20), received, _(SMALLER))


def _parts(name: str) -> list[str]:
    """Folders and file of a name, by whatever system it was written."""
    return [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]


def _of_system(name: str) -> bool:
    parts = _parts(name)
    return any(p in SYSTEM or (p.startswith(".") and p != "..") for p in parts)


def _leads_out(name: str) -> bool:
    name = name.replace("\\", "/")
    return name.startswith("/") or DRIVE.match(name) is not None or ".." in _parts(name)


# Pictures ----------------------------------------------------------------------------------------


def _decoded(chosen: Sequence[Member], side: int, left_out: LeftOut, loose: str) -> list[Found]:
    """The files that are pictures and lie in a folder, one in memory at a time."""
    found, pixels = [], 0
    for member in chosen:
        parts = _parts(member.name)
        name = label("/".join(parts[-2:])) or "?"
        if _leads_out(member.name):
            left_out.add(OUTSIDE, f"“{label(member.name)}”")
        elif len(parts) < 2 and not loose:
            left_out.add(LOOSE, f"“{name}”")
        else:
            try:
                picture = fit(member, side)
            except Unreadable as error:
                left_out.add(UNFIT, f"“{name}” ({error})")
                continue
            pixels += picture.area
            if pixels > PIXELS_LIMIT:
                _refuse_pixels()
            folders = tuple(parts[:-1]) or (loose,)
            found.append(Found(name, folders, picture.pixels))
    return found


def fit(member: Member, side: int) -> Fitted:
    """A picture in a file as a model sees it, in colour.

    Raises
    ------
    Unreadable
        When it is none, too large or damaged.
    """
    if member.size > MOST_BYTES:
        raise Unreadable(_("{size:,.1f} MB").format(size=member.size / 2**20))
    try:
        return decode_fitted(member.read(), side, 3)
    except BadPicture as error:
        raise Unreadable(error.problems[0].received) from None


def _refuse_pixels() -> NoReturn:
    expected = _("at most {limit:,} megapixels in all").format(limit=PIXELS_LIMIT // 10**6)
    raise BadAlbum(expected, _("more"), _(SMALLER))


# Classes -----------------------------------------------------------------------------------------


def _level(folders: Sequence[tuple[str, ...]]) -> int:
    """Which folder names the class: 1 is the innermost; the first whose names differ."""
    deepest = max(map(len, folders), default=1)
    for level in range(1, deepest + 1):
        if len({of[-level] if level <= len(of) else "" for of in folders}) > 1:
            return level
    return 1


def _labelled(
    found: Sequence[Found], level: int, left_out: LeftOut, before: Sequence[Picture]
) -> Iterator[Picture]:
    """Pictures with the names of their classes; the same pixels once only."""
    seen = {_key(picture.pixels): picture.label for picture in before}
    for picture in found:
        if len(picture.folders) < level:
            left_out.add(LOOSE, f"“{picture.name}”")
            continue
        name = label(picture.folders[-level]) or "?"
        key = _key(picture.pixels)
        if key in seen:
            left_out.add(TWICE if seen[key] == name else ACROSS, f"“{picture.name}”")
            continue
        seen[key] = name
        yield Picture(name, picture.name, picture.pixels)


def _key(pixels: np.ndarray) -> bytes:
    return sha256(pixels.tobytes()).digest()


def _refuse_few(classes: Sequence[str], notes: Sequence[str]) -> NoReturn:
    expected = _("at least two classes of at least {few} different pictures")
    advice = _("Put the pictures of each class into a folder of their own.")
    received = _some([f"“{name}”" for name in classes]) if classes else _("none")
    raise BadAlbum(expected.format(few=FEW_PICTURES), received, " ".join([*notes, advice]))


def _rule(classes: Sequence[str]) -> str:
    text = _("A picture's class is its innermost folder whose name differs: {names}.")
    return text.format(names=_some([f"“{name}”" for name in classes]))


def _some(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    text = ", ".join(names[:NAMED])
    if len(names) > NAMED:
        text += " " + _("and {count:,} more").format(count=len(names) - NAMED)
    return text
