"""Folders of pictures on this machine: which files there are, and of which classes. Torch-free.

Nothing that lies outside of a folder is read, whatever the links in it lead to.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from engine.data.albums import SYSTEM
from engine.data.names import label, listed
from engine.words import _

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")
"""What the names of pictures end with; other files are passed over."""
TRAINING = ("train", "training")
TEST = ("test", "val", "validation")
"""Folders of the two parts, in any case of letters; the first that is there is taken."""
MOST = 2_000
"""Pictures of a class and part: enough to fine-tune a network, and soon read."""

Classes = Mapping[str, Sequence[Path]]


class File(NamedTuple):
    """A picture that has not been read yet.

    Attributes
    ----------
    path
        Without links.
    label
        Index of its class.
    size, changed
        Bytes, and the time of its last change in nanoseconds.
    """

    path: Path
    label: int
    size: int
    changed: int


class Listing(NamedTuple):
    """The pictures of a folder.

    Attributes
    ----------
    classes
        Names of the class folders, in the order of the alphabet.
    files
        Those for training first.
    training
        How many these are; all where there is no test part.
    notes
        What is not taken, in words.
    """

    classes: tuple[str, ...]
    files: tuple[File, ...]
    training: int
    notes: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of names, sizes and times of change: another one once anything changed."""
        files = [(str(f.path), f.label, f.size, f.changed) for f in self.files]
        return sha256(json.dumps([self.classes, self.training, files]).encode()).hexdigest()


def listing(root: Path) -> Listing:
    """The pictures in a folder with a folder for each class, or `train` and `test` with those.

    A folder that does not exist or cannot be read has no pictures.
    """
    root = root.resolve()
    parts = {path.name.casefold(): path for path in _inside(root, root) if path.is_dir()}
    first = next((parts[name] for name in TRAINING if name in parts), None)
    second = next((parts[name] for name in TEST if name in parts), None) if first else None
    learned = _classes(first or root, root)
    tested = _classes(second, root) if second else {}
    names = sorted(learned, key=lambda name: (name.casefold(), name))
    unknown = sorted(set(tested) - set(learned))
    training = _files(names, learned)
    test = _files(names, tested)
    here = sum(len(of.get(name, ())) for of in (learned, tested) for name in names)
    notes = []
    if unknown:
        text = _("Test pictures of classes without training pictures are left out: {names}.")
        notes.append(text.format(names=listed(unknown)))
    if len(training) + len(test) < here:
        text = _(
            "Of each class and part at most {limit:,} pictures are taken: {count:,} of {all:,}."
        )
        notes.append(text.format(limit=MOST, count=len(training) + len(test), all=here))
    return Listing(tuple(names), (*training, *test), len(training), tuple(notes))


def _classes(folder: Path, root: Path) -> dict[str, list[Path]]:
    """Pictures by the name of the folder that they lie in; folders without any are none."""
    found: dict[str, list[Path]] = {}
    for inner in _inside(folder, root):
        name = label(inner.name)
        pictures = [p for p in _inside(inner, root) if _is_picture(p)] if inner.is_dir() else []
        if name and pictures:
            found.setdefault(name, []).extend(pictures)
    return found


def _inside(folder: Path, root: Path) -> list[Path]:
    """What a folder holds, by name, links replaced by what they lead to; nothing outside `root`."""
    try:
        with os.scandir(folder) as entries:
            found = sorted((e for e in entries if not _of_system(e.name)), key=lambda e: e.name)
    except OSError:
        return []
    paths = []
    for entry in found:
        path = Path(entry.path)
        if entry.is_symlink():
            try:
                path = path.resolve(strict=True)
            except (OSError, RuntimeError):  # it leads nowhere, or in a circle
                continue
            if not path.is_relative_to(root):
                continue
        paths.append(path)
    return paths


def _of_system(name: str) -> bool:
    return name.startswith(".") or name in SYSTEM


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.is_file()


def _files(names: Sequence[str], classes: Classes) -> list[File]:
    """Up to `MOST` pictures of each class, spread evenly over all of them."""
    found = []
    for number, name in enumerate(names):
        paths = classes.get(name, ())
        count = min(MOST, len(paths))
        for path in (paths[k * len(paths) // count] for k in range(count)):
            stat = path.stat()
            found.append(File(path, number, stat.st_size, stat.st_mtime_ns))
    return found
