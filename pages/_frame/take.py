"""Take it with you: files of the run on show, figures and an animation of it."""

from __future__ import annotations

import streamlit as st

from engine.words import _
from pages._frame.look import Look
from pages._frame.words import export_words
from pages._live import base_url, panel


def take_menu(look: Look) -> None:
    """The popover; its content is made only while it is open."""
    menu = st.popover(_("Export"), icon=":material/download:", on_change="rerun", key="bar_take")
    if not menu.open:
        return
    with menu:
        panel(
            "exports",
            look.source,
            key=f"{look.spec.name}.exports",
            files=files(look.ended) if look.ended else [],
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


def files(run: str) -> list[dict[str, str]]:
    """Downloads of an ended run: address, title, help."""
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
    ]
