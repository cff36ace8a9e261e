"""Photographs with classes, large enough for networks that were trained on ImageNet. Torch-free.

Ants and bees come from the registry; cats and dogs, and fruit, lie in folders of this machine
(`GALLERY_PICTURES_DIR`). Either is made small once, and mapped from the cache afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from engine.data import arrays
from engine.data.albums import fit
from engine.data.archives import Member, Unreadable, members
from engine.data.arrays import LEFT_OUT, Parts, Stored
from engine.data.copies import Copy, arrays_of, best, here
from engine.data.decoding import MOST_BYTES, MOST_PIXELS
from engine.data.folders import File, Listing, listing
from engine.data.names import listed
from engine.data.own_albums import CLASSES_LIMIT, FEW_PICTURES
from engine.data.pictures import Album
from engine.errors import Corrupt, GalleryError, InvalidValue, Unavailable
from engine.settings import settings
from engine.words import N_, _

PHOTOS = ("hymenoptera", "cats-dogs", "fruit")
INSECTS = (N_("ants"), N_("bees"))
CLASSES = {"hymenoptera": INSECTS, "cats-dogs": (N_("cat"), N_("dog")), "fruit": ()}
"""Names of the classes; of a folder that is here those of its folders are taken."""
TITLES = {"cats-dogs": N_("Cats and dogs"), "fruit": N_("Fruit")}
MISSING = {
    "cats-dogs": N_("There are no cat and dog pictures on this machine."),
    "fruit": N_("There are no fruit pictures on this machine."),
}

SIDE = 224
"""Pixels that most networks of ImageNet take."""
SHAPE = (SIDE, SIDE, 3)
CHUNK = 64
"""Photographs that are made small at a time: 10 MB."""
TRAINING, TESTING = 244, 153
"""Photographs of ants and bees in each part."""
INSECT = re.compile(r"(?:.*/)?(train|val)/(ants|bees)/([^/.][^/]*\.jpe?g)", re.IGNORECASE)
"""Beside them lies a gif that says that a picture was not found."""

Labelled = Sequence[tuple[int, Member]]
"""Photographs that have not been read yet, and their classes."""


def photos(name: str) -> Album:
    """The photographs `name`: one of `PHOTOS`.

    Returns
    -------
    Album
        Pixels of shape (N, 224, 224, 3), the middle square of each; they cannot be written to.

    Raises
    ------
    GalleryError
        When there are none of this name, they are not here, or a file cannot be had.
    """
    classes(name)
    if name == "hymenoptera":
        pixels, labels = arrays_of(best(COPIES), "r")
        return _album(name, pixels, labels, INSECTS, TRAINING)
    found = _listing(name)
    stored = Stored(f"{name}-{found.digest[:12]}", SHAPE, "r")
    pixels, labels = arrays.mapped(stored) or _converted(name, found, stored)
    return _album(name, pixels, labels, found.classes, found.training, found.notes)


def at_hand(name: str) -> bool:
    """Whether `photos` has what it needs on this machine.

    Raises
    ------
    InvalidValue
        When there are no such photographs.
    """
    classes(name)
    if name == "hymenoptera":
        return any(map(here, COPIES))
    try:
        _listing(name)
    except GalleryError:
        return False
    return True


def classes(name: str) -> tuple[str, ...]:
    """Names of the classes; of a folder that is not here those that are known beforehand.

    Raises
    ------
    InvalidValue
        When there are no such photographs.
    """
    if name not in PHOTOS:
        expected = _("one of {choices}").format(choices=", ".join(PHOTOS))
        raise InvalidValue.of("data", expected, name)
    folder = _folder(name)
    return (listing(folder).classes if folder else ()) or CLASSES[name]


def _album(
    name: str,
    pixels: np.ndarray,
    labels: np.ndarray,
    names: tuple[str, ...],
    training: int,
    notes: Sequence[str] = (),
) -> Album:
    """What is left of the photographs once those that cannot be read are left out."""
    kept = labels != LEFT_OUT
    learned = np.bincount(labels[:training][kept[:training]], minlength=len(names))
    few = [_(name) for name, count in zip(names, learned, strict=True) if count < FEW_PICTURES]
    if few:
        text = _(
            "{title}: expected at least {few} readable training pictures of each class, received "
            "fewer of {names}."
        )
        raise Unavailable(text.format(title=_place(name), few=FEW_PICTURES, names=listed(few)))
    bad = len(labels) - np.count_nonzero(kept)
    if bad:
        text = _(
            "Left out, as they are damaged or too large (at most {pixels} megapixels and {bytes} "
            "MB): {count:,}."
        )
        limits = {"pixels": MOST_PIXELS // 2**20, "bytes": MOST_BYTES // 2**20}
        notes = (*notes, text.format(count=bad, **limits))
    return Album(
        pixels, labels[kept].astype(np.int64), names, int(kept[:training].sum()), " ".join(notes)
    )


# Folders of this machine -------------------------------------------------------------------------


def _folder(name: str) -> Path | None:
    folder = settings().pictures_dir
    return folder / name if folder is not None and name in TITLES else None


def _place(name: str) -> str:
    """What the folder is called in messages: where it lies is nobody's business."""
    return f"GALLERY_PICTURES_DIR/{name}" if name in TITLES else name


def _listing(name: str) -> Listing:
    folder = _folder(name)
    found = listing(folder) if folder is not None else None
    if found is None or not found.classes:
        text = _("Put a folder for each class into {place}, or choose My own pictures.")
        raise Unavailable(f"{_(MISSING[name])} {text.format(place=_place(name))}")
    if not 2 <= len(found.classes) <= CLASSES_LIMIT:
        text = _(
            "{place}: expected 2 to {limit} folders with pictures, one for each class, received "
            "{count}."
        )
        count = len(found.classes)
        raise Unavailable(text.format(place=_place(name), limit=CLASSES_LIMIT, count=count))
    return found


def _converted(name: str, found: Listing, stored: Stored) -> tuple[np.ndarray, np.ndarray]:
    labelled = [(file.label, _member(file)) for file in found.files]
    what = _("Making pictures small, this once: {title}").format(title=_(TITLES[name]))
    made = arrays.converted(stored, what, lambda: (len(labelled), _parts(labelled)))
    arrays.forget_others(stored, name)
    return made


def _member(file: File) -> Member:
    return Member(file.path.name, file.size, partial(_content, file.path))


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MOST_BYTES + 1)
    except OSError as error:  # it is gone, or locked
        raise Unreadable(str(error)) from None


def _parts(labelled: Labelled) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Photographs made small, as `arrays.Parts`."""
    for start in range(0, len(labelled), CHUNK):
        some = labelled[start : start + CHUNK]
        labels = np.array([label for label, _member in some], dtype=np.uint8)
        pixels = []
        for place, (_label, member) in enumerate(some):
            try:
                pixels.append(fit(member, SIDE).pixels)
            except Unreadable:
                labels[place] = LEFT_OUT
        yield np.array(pixels, dtype=np.uint8).reshape(-1, *SHAPE), labels


# Ants and bees -----------------------------------------------------------------------------------


def _insects(files: Sequence[Path]) -> tuple[int, Parts]:
    """The photographs of the archive: those in `train` first, by class and name."""
    (path,) = files
    found = sorted(
        (match[1].lower() == "val", match[2].lower(), match[3], member)
        for member in _members(path)
        if (match := INSECT.fullmatch(member.name))
    )
    testing = sum(test for test, *_rest in found)
    if (len(found) - testing, testing) != (TRAINING, TESTING):
        raise _other(path, len(found) - testing, testing)
    labelled = [(int(kind == "bees"), member) for _test, kind, _name, member in found]
    return len(labelled), _parts(labelled)


def _members(path: Path) -> list[Member]:
    try:
        return members(path.read_bytes())
    except Unreadable:
        raise _other(path, 0, 0) from None


def _other(path: Path, training: int, testing: int) -> Corrupt:
    text = _(
        "{file}: expected {training} photographs of ants and bees for training and {testing} for "
        "testing, received {here} and {there}. Remove the file."
    )
    return Corrupt(
        text.format(file=path, training=TRAINING, testing=TESTING, here=training, there=testing)
    )


COPIES = (Copy("hymenoptera-repacked", SHAPE, _insects), Copy("hymenoptera", SHAPE, _insects))
"""Ways to have ants and bees; the pictures are the same, the checksum of the first is known."""
