"""The pictures of the CNN topic; their live traces follow the frames of a run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from engine.config import Config
from engine.data import pictures
from engine.data.names import written
from engine.data.tables import OWN
from engine.figures import BLUE, ORANGE, View, blank, live
from engine.figures.confusion import confusion
from engine.topics.cnn.editor import layers_of, with_layers
from engine.topics.cnn.spec import OFFICIAL_TEST, CnnConfig
from engine.words import _

if TYPE_CHECKING:
    from engine.data.own_albums import OwnAlbum

__all__ = ["at_hand", "baselines", "layers_of", "pad", "views", "with_layers"]

DERIVED = frozenset({"confusion_share", "confusion_count"})
"""What no frame holds: the browser works it out."""


def views(config: CnnConfig, own: OwnAlbum | None = None) -> tuple[View, ...]:
    """The ways of looking at a run of these settings, the main picture first."""
    given = partial(_view, config, own)
    return (
        given(
            "maps",
            _("Inside"),
            _("What every layer makes of one picture: its filters and its feature maps."),
            sizes,
            "maps",
        ),
        given(
            "confusion",
            _("Confusion"),
            _("Which class is taken for which; click a cell to see its pictures."),
            mixed_up,
        ),
        given("classes", _("Classes"), _("The share of each class that is found."), by_class),
        given(
            "mistakes",
            _("Mistakes"),
            _("The pictures that the network is surest of, and wrong about."),
            by_class,
            "mistakes",
        ),
        given(
            "sizes",
            _("Sizes"),
            _("How large values and gradients are in every layer: neither may die out or explode."),
            sizes,
        ),
    )


def _view(
    config: CnnConfig,
    own: OwnAlbum | None,
    name: str,
    title: str,
    help: str,
    draw: Callable[[CnnConfig, OwnAlbum | None], go.Figure],
    panel: Any = "picture",
) -> View:
    return View(name, title, "inside", help, lambda: draw(config, own), panel)


def names_of(config: CnnConfig, own: OwnAlbum | None = None) -> list[str]:
    """Names of the classes, translated; none of own pictures that are not here."""
    if config.data == OWN:
        return list(own.classes) if own is not None else []
    return [_(name) for name in pictures.classes(config.data)]


def measured_on(config: CnnConfig) -> str:
    """Which pictures the confusion counts, in words."""
    if config.data in OFFICIAL_TEST:
        return _("test pictures")
    return _("held-out pictures") if config.validation else _("training pictures")


def mixed_up(config: CnnConfig, own: OwnAlbum | None = None) -> go.Figure:
    """Actual against predicted class."""
    return confusion(names_of(config, own), measured_on(config))


def by_class(config: CnnConfig, own: OwnAlbum | None = None) -> go.Figure:
    """The share of each class that is found."""
    names = [written(name) for name in names_of(config, own)]
    figure = blank(
        xaxis={
            "title": {"text": _("share that is found ({rows})").format(rows=measured_on(config))},
            "range": [0, 1.2],  # room for the figures behind the bars
            "tickvals": [0, 0.25, 0.5, 0.75, 1],
            "tickformat": ".0%",
        },
        yaxis={"type": "category", "autorange": "reversed", "showgrid": False},
    )
    figure.add_bar(
        x=[],
        y=names,
        orientation="h",
        marker={"color": BLUE},
        texttemplate="%{x:.1%}",
        textposition="outside",
        cliponaxis=False,
        meta=live(x="class_accuracy"),
        hovertemplate="%{y}: %{x:.1%}<extra></extra>",
    )
    return figure


def sizes(config: CnnConfig, own: OwnAlbum | None = None) -> go.Figure:
    """Root mean square of the values and of the gradients of every layer with weights."""
    figure = blank(
        xaxis={"type": "category", "showgrid": False},
        yaxis={
            "type": "log",
            "exponentformat": "power",
            "dtick": 1,
            "title": {"text": _("root mean square")},
        },
        barmode="group",
    )
    for array, name, color in (
        ("activation_norm", _("values that leave the layer"), BLUE),
        ("gradient_norm", _("gradient of its weights"), ORANGE),
    ):
        figure.add_scatter(
            x=[],
            y=[],
            name=name,
            mode="lines+markers",
            marker={"size": 9},
            line={"color": color, "width": 2},
            meta=live(x="weighted", y=array),
            hovertemplate="%{x}: %{y:.3g}<extra></extra>",
        )
    return figure


def pad(config: Config) -> dict[str, Any] | None:
    """What a pad to draw on needs for a net of these settings; None for one that sees colours.

    Returns
    -------
    dict
        `side` (pixels), `classes` (names), `about` (what to draw).
    """
    data = getattr(config, "data", "")
    side = {"digits": 8, "mnist-8x8": 8, "mnist": 28, "fashion-mnist": 28}.get(data)
    if side is None:
        return None
    clothes = data == "fashion-mnist"
    what = _("something to wear, filled with ink") if clothes else _("a digit")
    text = _("Draw {what}. The drawing is centred and scaled as the {side} × {side} pictures were.")
    about = text.format(what=what, side=side)
    return {"side": side, "classes": [_(name) for name in pictures.classes(data)], "about": about}


def tried_first(config: CnnConfig) -> str:
    """The checkpoint that is tried first beside these settings: of digits the one that sees more."""
    return {"digits": "mnist", "own": "cifar10"}.get(config.data, config.data)


def at_hand(config: CnnConfig) -> bool:
    """Whether the pictures are here; own ones are where the visit is."""
    return config.data == OWN or pictures.at_hand(config.data)


def baselines(config: CnnConfig, own: OwnAlbum | None = None) -> list[dict[str, Any]]:
    """What is reached without a network."""
    return [
        {
            "title": _("Nearest mean"),
            "live": "nearest_mean",
            "help": _(
                "Accuracy of the simplest classifier: each class is the mean of 5,000 training "
                "pictures at most; measured on 1,000."
            ),
        }
    ]
