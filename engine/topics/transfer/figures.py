"""The pictures of the transfer topic; their live traces follow the frames of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from engine.data.names import written
from engine.data.tables import OWN
from engine.errors import InvalidValue
from engine.figures import BLUE, CATEGORIES, GREY, ORANGE, View, blank, faded, live
from engine.figures.confusion import confusion
from engine.topics.cnn.figures import pad
from engine.topics.transfer import material
from engine.topics.transfer.plain import check_models
from engine.topics.transfer.spec import SIDES, TransferConfig
from engine.words import N_, _

if TYPE_CHECKING:
    from engine.data.own_albums import OwnAlbum

__all__ = ["at_hand", "baselines", "curves", "pad", "problem", "tried_first", "views"]

WAYS = ("grad-cam", "occlusion")
"""How its models can be asked why: see `explain`."""
DERIVED = frozenset({"confusion_share", "confusion_count"})
"""What no frame holds: the browser works it out."""
COLOURS = dict(zip(SIDES, CATEGORIES, strict=False))
TITLES = {"scratch": N_("from scratch"), "frozen": N_("frozen"), "tuned": N_("fine-tuned")}
PERCENT = {"tickformat": ".0%", "range": [0, 1.02]}


def views(config: TransferConfig, own: OwnAlbum | None = None) -> tuple[View, ...]:
    """The ways of looking at a run of these settings, the main picture first."""
    return _of_fusion(config, own) if config.task == "fusion" else _of_race(config, own)


def _of_race(config: TransferConfig, own: OwnAlbum | None) -> tuple[View, ...]:
    def view(name: str, title: str, help: str, draw: Callable[[], go.Figure], panel: Any) -> View:
        return View(name, title, "learning", help, draw, panel)

    found = [
        view(
            "race",
            _("Race"),
            _(
                "Accuracy on test pictures while all learn; bands reach from the worst to the best seed."
            ),
            lambda: race(config),
            "picture",
        ),
        view(
            "embedding",
            _("Feature space"),
            _(
                "Test pictures as the head sees them, before and after training, in three dimensions."
            ),
            lambda: race(config),
            "embedding",
        ),
        view(
            "useful",
            _("Useful pictures"),
            _(
                "Which training pictures help the neighbours of the test pictures, and which mislead."
            ),
            lambda: race(config),
            "useful",
        ),
        *_judged(config, own, "learning", _("the best of these nets")),
    ]
    if config.task == "sizes":
        title, help = _("Few or many"), _("Accuracy by the number of pictures of each class.")
        found.insert(0, view("sizes", title, help, lambda: by_size(config), "picture"))
    return tuple(found)


def _of_fusion(config: TransferConfig, own: OwnAlbum | None) -> tuple[View, ...]:
    return (
        View(
            "fusion",
            _("Fusion"),
            "fused",
            _("Each model alone, and their answers fused by four rules."),
            lambda: agreement(config),
            "fusion",
        ),
        View(
            "agreement",
            _("Agreement"),
            "fused",
            _("How often each two models answer alike: what they agree on, a vote cannot mend."),
            lambda: agreement(config),
        ),
        View(
            "diversity",
            _("Why it helps"),
            "fused",
            _("What the average gains is how far the models lie from it."),
            diversity,
        ),
        *_judged(config, own, "fused", _("the weighted average")),
    )


def _judged(config: TransferConfig, own: OwnAlbum | None, kind: str, of: str) -> tuple[View, View]:
    help = _("The pictures that {net} is surest of, and wrong about.").format(net=of)
    return (
        View("mistakes", _("Mistakes"), kind, help, lambda: mixed_up(config, own), "mistakes"),
        View(
            "confusion",
            _("Confusion"),
            kind,
            _("Which class is taken for which; click a cell to see its pictures."),
            lambda: mixed_up(config, own),
        ),
    )


def names_of(config: TransferConfig, own: OwnAlbum | None = None) -> list[str]:
    """Names of the classes, translated; none of pictures that are not here."""
    if config.data == OWN:
        return list(own.classes) if own is not None else []
    return [_(name) for name in material.classes(config.data)]


def mixed_up(config: TransferConfig, own: OwnAlbum | None = None) -> go.Figure:
    """Actual against predicted class."""
    return confusion(names_of(config, own), _("test pictures"))


def race(config: TransferConfig) -> go.Figure:
    """Test accuracy of every way to learn, by step, and the best that pixels alone give."""
    figure = blank(
        xaxis={"title": {"text": _("step")}, "showgrid": False, "range": [0, config.epochs]},
        yaxis={"title": {"text": _("test pictures told right")}, **PERCENT},
        meta={"live": {"xaxis.range": "ends"}},
    )
    for side in SIDES:
        _band(figure, side, "race", "race_step")
    _line(figure, "ends", "best_pixels", _("best on pixels alone"))
    return figure


def by_size(config: TransferConfig) -> go.Figure:
    """Test accuracy of every way to learn, by the pictures of each class."""
    figure = blank(
        xaxis={
            "title": {"text": _("pictures of each class")},
            "type": "log",
            "tickvals": list(material.SIZES),
            "ticktext": [str(size) for size in material.SIZES],
            "range": [-0.05, 1.75],
            "showgrid": False,
        },
        yaxis={"title": {"text": _("test pictures told right")}, **PERCENT},
    )
    for side in SIDES:
        _band(figure, side, "size", "images")
    _line(figure, "images", "by_logistic", _("logistic regression on pixels"))
    _line(figure, "images", "by_neighbour", _("nearest neighbour on pixels"), "dot")
    return figure


def _band(figure: go.Figure, side: str, prefix: str, x: str) -> None:
    """The mean of the seeds, and the range that they lie in."""
    colour = COLOURS[side]
    edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(x=[], y=[], meta=live(x=x, y=f"{prefix}_{side}_low"), **edge)
    figure.add_scatter(
        x=[],
        y=[],
        fill="tonexty",
        fillcolor=faded(colour, 0.16),
        meta=live(x=x, y=f"{prefix}_{side}_high"),
        **edge,
    )
    figure.add_scatter(
        x=[],
        y=[],
        name=_(TITLES[side]),
        mode="lines+markers",
        marker={"size": 5},
        line={"color": colour, "width": 2.5},
        meta=live(x=x, y=f"{prefix}_{side}"),
        hovertemplate=f"{_(TITLES[side])}: %{{y:.1%}}<extra></extra>",
    )


def _line(figure: go.Figure, x: str, y: str, title: str, dash: str = "dash") -> None:
    figure.add_scatter(
        x=[],
        y=[],
        name=title,
        mode="lines",
        line={"color": GREY, "width": 1.5, "dash": dash},
        meta=live(x=x, y=y),
        hovertemplate=f"{title}: %{{y:.1%}}<extra></extra>",
    )


def agreement(config: TransferConfig) -> go.Figure:
    """Share of the test pictures on which each two models answer alike."""
    titles = [
        written(f"{number}. {config.settings()['model_1'].label(name)}")
        for number, name in enumerate(config.models, 1)
    ]
    figure = blank(
        xaxis={"side": "top", "showgrid": False, "tickangle": 0},
        yaxis={"autorange": "reversed", "showgrid": False},
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
    )
    figure.add_heatmap(
        x=[str(number) for number in range(1, len(titles) + 1)],
        y=titles,
        z=[],
        zmin=0.5,
        zmax=1,
        colorscale="Viridis",
        showscale=False,
        texttemplate="%{z:.1%}",
        meta=live(z="agreement"),
        hovertemplate="%{y} · %{x}: %{z:.1%}<extra></extra>",
    )
    return figure


def diversity() -> go.Figure:
    """Krogh and Vedelsby's identity as bars, and what each pair gains beside how it disagrees."""
    figure = blank(
        xaxis={"domain": [0, 0.42], "showgrid": False},
        yaxis={"title": {"text": _("squared error (Brier)")}, "rangemode": "tozero"},
        xaxis2={
            "domain": [0.56, 1],
            "anchor": "y2",
            "title": {"text": _("pictures on which two disagree")},
            "tickformat": ".0%",
            "rangemode": "tozero",
        },
        yaxis2={
            "anchor": "x2",
            "title": {"text": _("gain of their average over the better")},
            "tickformat": "+.1%",
        },
    )
    figure.add_bar(
        x=[_("models, mean"), _("− diversity"), _("= average")],
        y=[],
        marker={"color": [GREY, ORANGE, BLUE]},
        texttemplate="%{y:.3f}",
        textposition="outside",
        cliponaxis=False,
        meta=live(y="errors"),
        hovertemplate="%{x}: %{y:.4f}<extra></extra>",
    )
    figure.add_scatter(
        x=[],
        y=[],
        text=[],
        mode="markers+text",
        textposition="top center",
        marker={"size": 10, "color": BLUE},
        xaxis="x2",
        yaxis="y2",
        meta=live(x="apart", y="gain", text="pairs"),
        hovertemplate="%{text}: %{x:.1%}, %{y:+.2%}<extra></extra>",
    )
    return figure


def at_hand(config: TransferConfig) -> bool:
    """Whether the pictures are here; own ones are where the visit is."""
    return config.data == OWN or material.at_hand(config.data)


def problem(config: TransferConfig, own: OwnAlbum | None = None) -> str:
    """Why a run of these settings could not even begin; empty where nothing speaks against it."""
    if config.task != "fusion":
        return ""
    height, _width, channels = material.shape_of(config)
    try:
        check_models(config, height, channels, len(names_of(config, own)))
    except InvalidValue as error:
        return error.message
    return ""


def curves(config: TransferConfig) -> tuple[str, ...]:
    """Names of the metrics that are drawn as curves."""
    if config.task != "fusion":
        return tuple(f"test_accuracy_{side}" for side in SIDES)
    models = tuple(f"test_accuracy_model_{n}" for n in range(1, len(config.models) + 1))
    return (*models, "test_accuracy_average")


def tried_first(config: TransferConfig) -> str:
    """The model that pictures are shown to first: only a visitor's own run can answer."""
    return ""


def baselines(config: TransferConfig, own: OwnAlbum | None = None) -> list[dict[str, Any]]:
    """What is reached without a backbone, or with nothing else."""
    if config.task == "fusion":
        return []
    found = [
        {
            "title": _("Logistic regression on pixels"),
            "live": "logistic",
            "help": _("scikit-learn's, on the same training pictures; the mean over the seeds."),
        },
        {
            "title": _("Nearest neighbour on pixels"),
            "live": "neighbour",
            "help": _("The training picture at the smallest distance tells the class."),
        },
    ]
    if config.data == "digits":
        found.append(
            {
                "title": _("The backbone as it comes"),
                "live": "as_it_comes",
                "help": _(
                    "Its own last layer, which has learned MNIST's digits, on these: without any "
                    "of the pictures here."
                ),
            }
        )
    return found
