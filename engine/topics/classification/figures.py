"""The pictures of the classification topic; their live traces follow the frames of a run.

Every class has its colour and its symbol: class 0 is an orange circle, class 1 a blue square.
Held-out rows are open. Where the data cannot be had (no network, or too large to draw), a picture
shows what the run itself tells.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from engine.data.names import written
from engine.errors import GalleryError
from engine.figures import GREY, View, blank, live
from engine.topics.classification import data
from engine.topics.classification.architecture import Architecture, most_drawn
from engine.topics.classification.baselines import baselines
from engine.topics.classification.data import LARGE, TRAIN, Dataset, at_hand
from engine.topics.classification.figures_parts import (
    certainty,
    color,
    dataset,
    flat,
    names_of,
    plain,
    say,
    size_of,
    symbol,
    width_of,
)
from engine.topics.classification.figures_quality import (
    CURVES,
    calibration,
    confusion,
    roc,
    side_by_side,
)
from engine.topics.classification.figures_sweep import sweep
from engine.topics.classification.spec import PLANE, ClassificationConfig
from engine.words import _

if TYPE_CHECKING:
    from engine.data.tables import Table

__all__ = ["at_hand", "baselines", "dataset", "picture", "points", "problem", "views"]

PROJECTED = 600
"""Rows that are projected; drawn by lot with seed 0, as the run does."""

DERIVED = frozenset(
    {
        "surface",
        "surface_x",
        "surface_y",
        "surface_class",
        "surface_probability",
        "confusion_share",
        "confusion_count",
        *(f"auc_text_{k}" for k in range(CURVES)),
    }
)
"""What no frame holds: the browser works it out from weights, counts and areas."""

Draw = Callable[[ClassificationConfig, "Dataset | None"], go.Figure]


def views(config: ClassificationConfig, table: Table | None = None) -> tuple[View, ...]:
    """The ways of looking at a run of these settings, the main picture first."""
    given = partial(_view, config, table)
    plane = config.data in PLANE
    if config.sweep != "none":
        curve = given("sweep", _("Sweep"), _sweep_help(), sweep, kind="sweep")
        grid = given("multiples", _("Variants"), _multiples_help(), sweep, "multiples", "sweep")
        return (grid, curve) if plane else (curve,)
    quality = (
        given("confusion", _("Confusion"), _confusion_help(), confusion),
        given("roc", _("ROC and PR"), _roc_help(), roc),
        given("calibration", _("Calibration"), _calibration_help(), calibration),
    )
    if plane:
        network = given("network", _("Network"), _network_help(), surface, "network")
        large = parameters(config, table) > most_drawn(plane)
        below = given("surface", _("Surface"), _surface_help(), surface), *quality
        return below if large else (network, *below)
    first = given("projection", _("Projection"), _projection_help(), projection)
    if not 0 < parameters(config, table) <= most_drawn(plane):
        return first, *quality
    help = _("Every neuron; links are weights: blue adds, orange takes away.")
    return first, *quality, given("network", _("Network"), help, projection, "network")


def _view(
    config: ClassificationConfig,
    table: Table | None,
    name: str,
    title: str,
    help: str,
    draw: Draw,
    panel: Any = "picture",
    kind: str = "net",
) -> View:
    def figure() -> go.Figure:
        return draw(config, dataset(config, table))

    return View(name, title, kind, help, figure, panel)


def _network_help() -> str:
    return _(
        "What every neuron answers at each point; links are weights: blue adds, orange takes away."
    )


def _surface_help() -> str:
    return _("The class that the network expects at each point; the paler, the less sure it is.")


def _projection_help() -> str:
    return _("Rows in two dimensions: as they come in, and as the last hidden layer sees them.")


def _confusion_help() -> str:
    return _("How many rows of each class got which answer; click a cell to see them.")


def _roc_help() -> str:
    return _("Hits against false alarms, and precision against recall, at every threshold.")


def _calibration_help() -> str:
    return _("Whether the network is right as often as it is sure.")


def _multiples_help() -> str:
    return _("The surface of every variant, all of them at the same step.")


def _sweep_help() -> str:
    return _("The accuracy that each value of the setting reaches.")


def picture(config: ClassificationConfig, table: Table | None = None) -> go.Figure:
    """The main picture."""
    return views(config, table)[0].draw()


def parameters(config: ClassificationConfig, table: Table | None = None) -> int:
    """Numbers that the network learns; 0 where its inputs are not known before the run."""
    made = dataset(config, table)
    width, classes = width_of(config, made), len(names_of(config, made))
    if not width or not classes:
        return 0
    sizes = (width, *config.widths, 1 if classes == 2 else classes)
    return Architecture(sizes, config.activation, config.normalisation).parameters


def problem(config: ClassificationConfig, table: Table | None = None) -> str:
    """Why nothing can be learned from the data, in words; empty where something can."""
    if config.data in LARGE or not at_hand(config):
        return ""
    try:
        data.check(data.make(config, table))
    except GalleryError as error:
        return error.message
    return ""


def points(config: ClassificationConfig, table: Table | None = None) -> dict[str, Any] | None:
    """Points on a plane as `x`, `y`, class `label` and whether `held` out, in data order.

    `classes` are the names of the classes. None if the data are not points on a plane.
    """
    if config.data not in PLANE:
        return None
    made = dataset(config, table)
    if made is None:
        return {"x": [], "y": [], "label": [], "held": [], "classes": []}
    return {
        "x": made.x[:, 0].tolist(),
        "y": made.x[:, 1].tolist(),
        "label": made.y.tolist(),
        "held": (made.part != TRAIN).tolist(),
        "classes": list(made.classes),
    }


# Surface -----------------------------------------------------------------------------------------


def surface(config: ClassificationConfig, made: Dataset | None) -> go.Figure:
    """What the network expects everywhere, under the points."""
    figure = blank(margin={"l": 36, "r": 8, "t": 8, "b": 30})
    x0, x1, y0, y1 = data.extent(made) if made is not None else (-1.2, 1.2, -1.2, 1.2)
    usual = {"showgrid": False, "constrain": "domain", "nticks": 6}
    figure.update_xaxes(range=[x0, x1], title_text=_("x"), **usual)
    figure.update_yaxes(range=[y0, y1], title_text=_("y"), scaleanchor="x", **usual)
    names = names_of(config, made)
    if parameters(config) > most_drawn(plane=True):
        say(figure, _too_large(), above=True)
    else:
        _add_surface(figure, names)
    if made is not None:
        _add_points(figure, made, names)
    return figure


def _too_large() -> str:
    text = _(
        "No surface: it is drawn from the weights, and more than {most} of them are too many to "
        "be sent with every picture. The other views show how well this network does."
    )
    return text.format(most=f"{most_drawn(plane=True):,}")


def _add_surface(figure: go.Figure, names: tuple[str, ...]) -> None:
    count = max(2, len(names))
    bindings = {"x": "surface_x", "y": "surface_y", "z": "surface"}
    if count == 2:
        hover = f"{names[1] if len(names) > 1 else '1'} %{{z:.1%}}"
    else:
        bindings |= {"text": "surface_class", "customdata": "surface_probability"}
        hover = "%{text} %{customdata:.1%}"
    figure.add_heatmap(
        x=[],
        y=[],
        z=[],
        zmin=0,
        zmax=1 if count == 2 else count,
        zsmooth="best" if count == 2 else False,
        colorscale=certainty(count),
        showscale=False,
        meta=live(bindings),
        hovertemplate=f"{hover}<br>x %{{x:.2f}}, y %{{y:.2f}}<extra></extra>",
    )


def _add_points(figure: go.Figure, made: Dataset, names: tuple[str, ...]) -> None:
    """Those of each class: filled the rows to learn from, open the ones held out."""
    held = made.part != TRAIN
    look = size_of(len(made.y))
    for k, name in enumerate(names):
        for is_open in (False, True):
            chosen = (made.y == k) & (held == is_open)
            if not chosen.any() and is_open:
                continue
            ring = {"color": color(k), "width": 1.75} if is_open else {"color": "#fff", "width": 1}
            figure.add_scatter(
                x=plain(made.x[chosen, 0]),
                y=plain(made.x[chosen, 1]),
                mode="markers",
                name=name,
                showlegend=not is_open,
                marker={
                    "symbol": symbol(k),
                    "color": "#ffffff" if is_open else color(k),
                    "line": ring,
                    **look,
                },
                hovertemplate=f"{name}<br>x %{{x:.2f}}, y %{{y:.2f}}<extra></extra>",
            )
    if held.any():
        marker = {"symbol": "circle-open", "color": GREY}
        figure.add_scatter(x=[None], y=[None], mode="markers", name=_("held out"), marker=marker)


# Projection --------------------------------------------------------------------------------------


def projection(config: ClassificationConfig, made: Dataset | None) -> go.Figure:
    """Rows by the two directions in which they differ most, before the network and inside it."""
    figure = blank()
    last = _("output") if config.layers == 0 else _("last hidden layer")
    first, second = f"{_('component')} 1", f"{_('component')} 2"
    side_by_side(
        figure,
        (f"{first}<br><b>{_('inputs')}</b>", second),
        (f"{first}<br><b>{last}</b>", second),
        range=None,
        showgrid=False,
        nticks=5,
    )
    if config.data == "own" and made is None:
        say(figure, _("Load a table under “Data” to see its rows."))
        figure.update_xaxes(visible=False)
        figure.update_yaxes(visible=False)
    names = names_of(config, made)
    for k, name in enumerate(names):  # the names of colours and symbols
        marker = {"color": color(k), "symbol": symbol(k)}
        figure.add_scatter(x=[None], y=[None], mode="markers", name=name, marker=marker)
    bound, look = _classes_projected(names, made)
    for arrays, axes in (("input", {}), ("hidden", {"xaxis": "x2", "yaxis": "y2"})):
        figure.add_scatter(
            x=[],
            y=[],
            mode="markers",
            meta=live(bound, x=f"{arrays}_x", y=f"{arrays}_y"),
            **axes,
            **look,
        )
    return figure


def _classes_projected(
    names: tuple[str, ...], made: Dataset | None
) -> tuple[dict[str, str], dict[str, Any]]:
    """How the rows show their class: by what is bound, and by what is known already."""
    marker: dict[str, Any] = {"size": 6, "opacity": 0.85}
    if made is not None:
        label = made.y[projected(made)]
        marker |= {"color": [color(k) for k in label], "symbol": [symbol(k) for k in label]}
        text = [written(names[k]) for k in label]
        return {}, {"marker": marker, "text": text, "hovertemplate": "%{text}<extra></extra>"}
    count = max(2, len(names))
    marker |= {"colorscale": flat(count), "cmin": -0.5, "cmax": count - 0.5}
    bound = {"marker.color": "projected_label", "marker.symbol": "projected_label"}
    return bound, {"marker": marker, "hoverinfo": "skip"}


def projected(made: Dataset) -> np.ndarray:
    """Row numbers of the rows that a run projects, at most `PROJECTED` of those shown, in order."""
    shown = data.shown(made)
    chosen = np.random.default_rng(0).permutation(len(shown))[:PROJECTED]
    return np.asarray(shown[np.sort(chosen)])
