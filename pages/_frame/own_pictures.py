"""The visitor's own pictures: load a zip archive, or the pictures of one class after the other, or
take them with the webcam.

Everything changes in callbacks, so that the album is up to date when the page script reads it
(`own.current_data`), before its controls are drawn. What is loaded is never changed but replaced:
what it was before can be brought back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from engine.data.albums import BYTES_LIMIT, BadAlbum, Gathered, OwnAlbum, gather, made
from engine.data.archives import SIGNATURES
from engine.data.decoding import fitted
from engine.data.names import LABEL_LENGTH, label
from engine.data.own_albums import CLASSES_LIMIT, FEW_PICTURES, most_pictures
from engine.errors import GalleryError, InvalidValue
from engine.spec import TopicSpec
from engine.words import _
from pages._frame.own import Loaded, remove
from pages._frame.own_example import EXAMPLE_SHAPES, shapes
from pages._frame.uploads import forget
from pages._frame.visit import Visit, key
from pages._frame.webcam import can_record, recorded, webcam
from pages._frame.words import plain

TYPES = ["zip", "png", "jpg", "jpeg", "webp", "gif", "bmp"]
SHOWN = 8
"""Pictures of a class that are shown."""
GAP = 2
"""Pixels between them."""

OnChange = Callable[[Visit, Loaded], None]


@dataclass
class Pictures(Loaded):
    """The visitor's own pictures.

    Attributes
    ----------
    gathered
        All pictures with their classes, and what was left out of the files loaded last.
    album
        The pictures of classes that have enough of them; None until there are two such classes.
    """

    gathered: Gathered = field(default_factory=Gathered)
    album: OwnAlbum | None = None

    @property
    def data(self) -> OwnAlbum | None:
        return self.album

    @property
    def title(self) -> str:
        return _("the pictures as they were")

    @property
    def classes(self) -> dict[str, list[np.ndarray]]:
        """The pictures by the name of their class, in the order of an album's classes."""
        found: dict[str, list[np.ndarray]] = {}
        for picture in sorted(self.gathered.pictures, key=lambda p: (p.label.casefold(), p.label)):
            found.setdefault(picture.label, []).append(picture.pixels)
        return found


def pictures_of(spec: TopicSpec) -> Pictures:
    """The pictures of this visit."""
    own: Pictures = st.session_state.setdefault(key(spec, "own"), Pictures())
    return own


def own_pictures(spec: TopicSpec, visit: Visit, on_change: OnChange) -> OwnAlbum | None:
    """Draw what loads or takes them and, once there are pictures, their classes; returns the album.

    Parameters
    ----------
    on_change
        Told what the pictures were before they are changed, to undo it later.
    """
    own = pictures_of(spec)
    told = (spec, visit, on_change)
    if can_record(spec) and _way(spec) == "camera":
        counts = {name: len(pictures) for name, pictures in own.classes.items()}
        webcam(spec, counts, own.uploads, partial(_take_recorded, *told))
    else:
        _uploader(spec, own, told)
    if own.problem:
        stays = " " + _("The pictures loaded before stay in use.") if own.gathered.pictures else ""
        st.error(plain(own.problem + stays), icon=":material/error:")
    if not own.gathered.pictures:
        _beginning(spec, told)
        return None
    _summary(spec, own, told)
    st.caption(
        _(
            "They stay in this server's memory for your visit; they are stored only if you share a "
            "run of them."
        )
    )
    st.button(
        _("Remove all"),
        key=key(spec, "own_remove"),
        icon=":material/delete:",
        on_click=_press_remove,
        args=told,
    )
    return own.album


def _way(spec: TopicSpec) -> str:
    ways = {"file": _("Upload"), "camera": _("Webcam")}
    way: str = st.segmented_control(
        _("Where from"),
        list(ways),
        default="file",
        format_func=ways.__getitem__,
        required=True,
        key=key(spec, "own_from"),
        label_visibility="collapsed",
    )
    return way


def _uploader(spec: TopicSpec, own: Pictures, told: tuple[Any, ...]) -> None:
    """Takes an archive at once; asks for the class of pictures that lie in no folder."""
    side = spec.picture_side
    pending = st.file_uploader(
        _("A zip, or pictures of one class (at most {limit} MB a file)").format(
            limit=BYTES_LIMIT // 2**20
        ),
        type=TYPES,
        accept_multiple_files=True,
        max_upload_size=BYTES_LIMIT // 2**20,
        key=_upload_key(spec, own),
        on_change=_take_archive,
        args=told,
        help=_(
            "In a zip archive, a folder for each class. At most {files:,} pictures of {classes} "
            "classes; the middle square of each is made {side} × {side} pixels small."
        ).format(files=most_pictures(side), classes=CLASSES_LIMIT, side=side),
    )
    if pending:
        _class_form(spec, len(pending), told)


def _upload_key(spec: TopicSpec, own: Pictures) -> str:
    return key(spec, f"own_files_{own.uploads}")


def _class_form(spec: TopicSpec, count: int, told: tuple[Any, ...]) -> None:
    """Asks for the class of the pictures in the uploader; *Enter* adds them."""
    with st.form(key(spec, "own_form"), border=False):
        st.text_input(
            _("Add to class"),
            max_chars=LABEL_LENGTH,
            placeholder=_("its name"),
            key=_class_key(spec),
        )
        st.form_submit_button(
            _("Add ({count:,})").format(count=count),
            icon=":material/add:",
            key=key(spec, "own_add"),
            on_click=_press_add,
            args=told,
        )


def _class_key(spec: TopicSpec) -> str:
    return key(spec, f"own_class_{pictures_of(spec).uploads}")


def _beginning(spec: TopicSpec, told: tuple[Any, ...]) -> None:
    st.button(
        _("Use an example"),
        key=key(spec, "own_example"),
        icon=":material/category:",
        help=_("{count} generated pictures of three shapes.").format(count=EXAMPLE_SHAPES),
        on_click=_take_example,
        args=told,
    )


def _summary(spec: TopicSpec, own: Pictures, told: tuple[Any, ...]) -> None:
    """What is missing for an album, how many there are, the first of each class, what was left out."""
    classes = own.classes
    if own.album is None:
        text = _("Two classes of at least {few} pictures are needed. Add more.")
        st.info(text.format(few=FEW_PICTURES), icon=":material/add_photo_alternate:")
    one = _("One class so far; its pictures: {count:,}.")
    text = _("{count:,} pictures of {classes} classes.") if len(classes) > 1 else one
    st.caption(text.format(count=len(own.gathered.pictures), classes=len(classes)))
    notes = own.gathered.notes if own.album is None else own.album.notes
    for note in notes:
        st.caption(plain(note))
    shown = st.expander(
        _("Classes"), expanded=True, key=key(spec, "own_classes"), on_change="rerun"
    )
    if not shown.open:
        return
    with shown:
        for name, pictures in classes.items():
            count = _("{name}: {count:,}").format(name=name, count=len(pictures))
            st.image(strip(pictures[:SHOWN]), caption=plain(count), output_format="PNG")
        st.selectbox(
            _("Remove a class"),
            list(classes),
            index=None,
            placeholder=_("none"),
            key=_drop_key(spec),
            on_change=_choose_drop,
            args=told,
        )


def strip(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures (side, side, 3) side by side on white, (side, n · (side + GAP) − GAP, 3)."""
    side = pictures[0].shape[0]
    sheet = np.full((side, len(pictures) * (side + GAP) - GAP, 3), 255, np.uint8)
    for place, picture in enumerate(pictures):
        left = place * (side + GAP)
        sheet[:, left : left + side] = picture
    return sheet


# What changes them -------------------------------------------------------------------------------


def _take_archive(spec: TopicSpec, visit: Visit, on_change: OnChange) -> None:
    """A zip archive says itself what its classes are; pictures wait for the name of theirs."""
    files = _uploaded(spec)
    if len(files) == 1 and files[0][1].startswith(SIGNATURES):
        _add(spec, visit, on_change, files, "")


def _press_add(spec: TopicSpec, visit: Visit, on_change: OnChange) -> None:
    name = label(str(st.session_state.get(_class_key(spec)) or ""))
    files = _uploaded(spec)
    if not name:
        pictures_of(spec).problem = _("Type the name of the class that these pictures show.")
    elif files:
        _add(spec, visit, on_change, files, name)


def _take_recorded(spec: TopicSpec, visit: Visit, on_change: OnChange) -> None:
    """Pictures of one class from the webcam; whatever else the browser sent changes nothing."""
    try:
        name, files = recorded(spec)
    except InvalidValue as error:
        own = pictures_of(spec)
        own.problem, own.uploads = error.message, own.uploads + 1
        return
    _add(spec, visit, on_change, files, name)


def _uploaded(spec: TopicSpec) -> list[tuple[str, bytes]]:
    """Names and contents; of a name only what follows its folders, as the class is asked for."""
    return [(_last(file.name), file.getvalue()) for file in _pending(spec)]


def _pending(spec: TopicSpec) -> list[UploadedFile]:
    return st.session_state.get(_upload_key(spec, pictures_of(spec))) or []


def _last(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2] or "?"


def _add(
    spec: TopicSpec,
    visit: Visit,
    on_change: OnChange,
    files: Sequence[tuple[str, bytes]],
    name: str,
) -> None:
    """Add what is in the files; where nothing can be, only the message changes."""
    own = pictures_of(spec)
    before = own.gathered.pictures
    forget(_pending(spec))
    try:
        gathered = gather(files, spec.picture_side, loose=name, before=before)
    except GalleryError as error:
        own.problem, own.uploads = error.message, own.uploads + 1
        return
    if len(gathered.pictures) == len(before):
        nothing = _("There is no new picture among them.")
        own.problem, own.uploads = " ".join([nothing, *gathered.notes]), own.uploads + 1
        return
    _replace(spec, visit, on_change, gathered)


def _replace(spec: TopicSpec, visit: Visit, on_change: OnChange, gathered: Gathered) -> None:
    """Have these pictures; what was there before can be brought back."""
    own = pictures_of(spec)
    try:
        album = made(gathered)
    except BadAlbum:  # two classes are still to come
        album = None
    st.session_state[key(spec, "own")] = Pictures(
        uploads=own.uploads + 1, gathered=gathered, album=album
    )
    if own.gathered.pictures:
        on_change(visit, own)


def _take_example(spec: TopicSpec, visit: Visit, on_change: OnChange) -> None:
    """Generated pictures, as large as the topic's own."""
    found = (p._replace(pixels=fitted(p.pixels, spec.picture_side, 3)) for p in shapes())
    _replace(spec, visit, on_change, Gathered(tuple(found)))


def _drop_key(spec: TopicSpec) -> str:
    return key(spec, f"own_drop_{pictures_of(spec).uploads}")


def _choose_drop(spec: TopicSpec, visit: Visit, on_change: OnChange) -> None:
    """Remove one class."""
    name = st.session_state.get(_drop_key(spec))
    kept = tuple(p for p in pictures_of(spec).gathered.pictures if p.label != name)
    _replace(spec, visit, on_change, Gathered(kept))


def _press_remove(spec: TopicSpec, visit: Visit, on_change: OnChange) -> None:
    removed = remove(spec)
    if removed is not None:
        on_change(visit, removed)
