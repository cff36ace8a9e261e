"""Take it with you: files of the run on show, figures and an animation of it."""

from __future__ import annotations

import streamlit as st

from engine import service
from engine.errors import GalleryError
from engine.exports.replay import unscripted
from engine.words import _
from pages._frame.look import Look
from pages._frame.visit import owner
from pages._frame.words import export_words
from pages._live import base_url, panel

SCRIPTED = ("script.py", "notebook.ipynb")
"""Downloads that train the run again."""


def take_menu(look: Look) -> None:
    """The popover; its content is made only while it is open."""
    menu = st.popover(_("Export"), icon=":material/download:", on_change="rerun", key="bar_take")
    if not menu.open:
        return
    reason = no_script(look.ended)
    with menu:
        panel(
            "exports",
            look.source,
            key=f"{look.spec.name}.exports",
            files=files(look.ended, scripted=not reason) if look.ended else [],
            figure=look.figure,
            kind=look.view.kind,
            title=_(look.spec.title),
            name=look.spec.name,
            animate=f"{base_url()}api/v1/animations",
            height=450,
            words=export_words(),
        )
        if not look.ended:
            st.caption(_("Train first: an ended run can be taken along as data, weights and code."))
        elif reason:
            st.caption(reason)


def no_script(run: str) -> str:
    """Why an ended run has neither script nor notebook; empty where it has them."""
    if not run:
        return ""
    try:
        return unscripted(service.current().history(run, owner()))
    except GalleryError as error:  # it is gone meanwhile
        return error.message


def files(run: str, *, scripted: bool = True) -> list[dict[str, str]]:
    """Downloads of an ended run: address, title, help.

    Parameters
    ----------
    scripted
        Whether a program can end on the run's metrics: else there is none among them.
    """
    kinds = {
        "history.csv": (_("Metrics by step (CSV)"), _("For a spreadsheet.")),
        "model.zip": (
            _("Weights and card (ZIP)"),
            _("safetensors, and a card that says how they came about."),
        ),
        "script.py": (
            _("Script (Python)"),
            _("Plain PyTorch; run alone, it ends on the same metrics."),
        ),
        "notebook.ipynb": (_("Notebook (Jupyter)"), _("The script as cells.")),
        "tensorboard.zip": (
            _("TensorBoard log (ZIP)"),
            _("Unpack it and point TensorBoard at the folder."),
        ),
    }
    return [
        {"url": f"{base_url()}api/v1/runs/{run}/{kind}", "title": title, "help": help}
        for kind, (title, help) in kinds.items()
        if scripted or kind not in SCRIPTED
    ]
