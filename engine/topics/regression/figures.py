"""The pictures of the regression topic; their live traces follow the frames of a run.

What moves is blue (the model), the data are orange, baselines are grey and dotted. Ranges are
those of the data, so that nothing jumps while a model learns. Where the data cannot be had (no
network), a picture shows what the run itself tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from engine.data.names import written
from engine.errors import GalleryError
from engine.figures import BLUE, GREY, ORANGE, View, blank, faded, live
from engine.topics.regression import data, features
from engine.topics.regression.data import TEST, TRAIN, VALIDATION, Dataset, at_hand
from engine.topics.regression.spec import ONE_VARIABLE, RegressionConfig
from engine.words import _

if TYPE_CHECKING:
    from engine.data.tables import Table

HEADROOM = 0.12
"""Share of the range left free at both ends."""

BOOSTING_ROWS = 2_000
"""Training rows that gradient boosting gets at most, as `boosting.MOST_ROWS` (not imported: scikit-learn)."""

SYMBOLS = {TRAIN: "circle", VALIDATION: "circle-open", TEST: "diamond-open"}
DOTTED = {"color": GREY, "width": 1.5, "dash": "dot"}
GAP = 0.15
"""Share of the height between two rows of small figures: ticks of one, title of the other."""

UNSEEN_WIDTH = {"survey": 6}
"""Features of data that are not here, where they are fewer than are shown."""

FEW_VALUES = 10
"""A target of at most this many values has its points spread sideways."""


def views(config: RegressionConfig, table: Table | None = None) -> tuple[View, ...]:
    """The ways of looking at a run of these settings, the main picture first."""
    given = partial(_view, config, table)
    plane = ""
    if not (config.model == "linear" and one_variable(config, table)):
        plane = " " + _("Of all parameters it shows the plane in which the path moves most.")
    fit = given("fit", _("Fit"), "fit", _("The model's curve through the points."), _fit)
    actual = given(
        "actual",
        _("Predicted vs actual"),
        "fit",
        _("Each row's prediction against its true value; on the line it is exact."),
        _actual,
    )
    residuals = given(
        "residuals",
        _("Residuals"),
        "fit",
        _("What the model leaves unexplained; a pattern says that it could learn more."),
        _residuals,
    )
    importance = given(
        "importance",
        _("Importance"),
        "importance",
        _("How much worse the model predicts when one feature's values are shuffled."),
        _importance,
    )
    dependence = given(
        "dependence",
        _("Partial dependence"),
        "dependence",
        _("The mean prediction if one feature had the same value in every row."),
        _dependence,
    )
    surface = given(
        "surface",
        _("Loss surface"),
        "surface",
        _("The loss around the optimiser's path, seen from above.") + plane,
        _surface,
    )
    landscape = given(
        "surface-3d",
        _("Loss surface 3-D"),
        "surface",
        _("The loss around the optimiser's path as a landscape: drag to turn it.") + plane,
        _landscape,
    )
    if one_variable(config, table):
        return fit, actual, residuals, surface, landscape
    return actual, residuals, importance, dependence, surface, landscape


def _view(
    config: RegressionConfig,
    table: Table | None,
    name: str,
    title: str,
    kind: str,
    help: str,
    draw: Any,
) -> View:
    return View(name, title, kind, help, lambda: draw(config, dataset(config, table)))


def picture(config: RegressionConfig, table: Table | None = None) -> go.Figure:
    """The main picture."""
    return views(config, table)[0].draw()


def one_variable(config: RegressionConfig, table: Table | None = None) -> bool:
    """Whether the fit can be drawn as a curve."""
    return config.data in ONE_VARIABLE or (table is not None and table.x.shape[1] == 1)


def dataset(config: RegressionConfig, table: Table | None = None) -> Dataset | None:
    """The data of the configuration; None where they are not here or cannot be read."""
    if not at_hand(config):
        return None
    try:
        made = data.make(config, table)
    except GalleryError:
        return None
    return made if len(made.x) else None


def problem(config: RegressionConfig, table: Table | None = None) -> str:
    """Why nothing can be learned from the data, in words; empty where something can."""
    if not at_hand(config):
        return ""
    try:
        data.check(data.make(config, table))
    except GalleryError as error:
        return error.message
    return ""


def points(config: RegressionConfig) -> dict[str, list[Any]] | None:
    """Points that can be moved, as `x`, `y` and whether they are `held` out, in data order.

    None if the data are not points on a plane.
    """
    if config.data not in ONE_VARIABLE:
        return None
    made = dataset(config)
    if made is None:
        return {"x": [], "y": [], "held": []}
    return {
        "x": made.x[:, 0].tolist(),
        "y": made.y.tolist(),
        "held": (made.part != TRAIN).tolist(),
    }


# Fit ---------------------------------------------------------------------------------------------


def _fit(config: RegressionConfig, made: Dataset | None) -> go.Figure:
    figure = blank(xaxis={"title": {"text": _("x")}}, yaxis={"title": {"text": _("y")}})
    _add_band(figure, config)
    if made is not None:
        x = data.grid(made)
        figure.update_xaxes(range=[float(x[0]), float(x[-1])], title_text=written(made.features[0]))
        figure.update_yaxes(range=_range(made.y), title_text=_target(made))
        _add_baselines(figure, made, x)
        for part in _parts(made):
            _add_points(figure, *made.of(part), part)
    figure.add_scatter(
        x=[],
        y=[],
        mode="lines",
        name=_("model"),
        line={"color": BLUE, "width": 3},
        meta=live(x="grid", y="fit", ghost=True),
        hovertemplate="x %{x:.3~g}<br>" + _("model") + " %{y:.3~g}<extra></extra>",
    )
    return figure


def _add_band(figure: go.Figure, config: RegressionConfig) -> None:
    """What lies between `low` and `high`, if a run of these settings has them."""
    if config.loss == "quantile":
        name = _("10–90 % of the points")
    elif config.seeds > 1:
        name = _("± 1 sd of the seeds")
    else:
        return
    line: dict[str, Any] = {"width": 0, "color": faded(BLUE, 0.0)}
    common = {"mode": "lines", "line": line, "hoverinfo": "skip"}
    figure.add_scatter(x=[], y=[], meta=live(x="grid", y="low"), **common)
    figure.add_scatter(
        x=[],
        y=[],
        name=name,
        fill="tonexty",
        fillcolor=faded(BLUE, 0.2),
        meta=live(x="grid", y="high"),
        **common,
    )


def _add_baselines(figure: go.Figure, made: Dataset, x: np.ndarray) -> None:
    """The least-squares line and the curve of gradient boosting."""
    weights, intercept = data.least_squares(made)
    figure.add_scatter(
        x=_plain(x),
        y=[],
        mode="lines",
        name=_("gradient boosting"),
        line={"color": faded(GREY, 0.45), "width": 1, "shape": "hvh"},
        hovertemplate=_("gradient boosting") + " %{y:.3~g}<extra></extra>",
        meta=live(y="boosted"),
    )
    ends = x[[0, -1]].astype(float)
    figure.add_scatter(
        x=_plain(ends),
        y=_plain(weights[0] * ends + intercept),
        mode="lines",
        name=_("least squares"),
        line=DOTTED,
        hovertemplate=_("least squares: y = %.3g x + %.3g") % (weights[0], intercept)
        + "<extra></extra>",
    )


def _add_points(figure: go.Figure, x: np.ndarray, y: np.ndarray, part: int) -> None:
    name = _part_names()[part]
    figure.add_scatter(
        x=_plain(x[:, 0]),
        y=_plain(y),
        mode="markers",
        name=name,
        marker={"color": ORANGE, "symbol": SYMBOLS[part], **_dots(len(y))},
        hovertemplate="x %{x:.3~g}<br>y %{y:.3~g}<extra>" + name + "</extra>",
    )


# Predictions -------------------------------------------------------------------------------------


def _actual(config: RegressionConfig, made: Dataset | None) -> go.Figure:
    figure = blank(
        xaxis={"title": {"text": _("actual")}}, yaxis={"title": {"text": _("predicted")}}
    )
    marker = {"color": BLUE}
    hover = f"{_('actual')} %{{customdata:.4~g}}<br>{_('predicted')} %{{y:.4~g}}"
    if made is None:
        figure.add_scatter(
            x=[],
            y=[],
            mode="lines",
            line={"color": GREY, "width": 1},
            meta=live(x="actual", y="actual"),
            hoverinfo="skip",
        )
        figure.add_scatter(
            x=[],
            y=[],
            mode="markers",
            name=_("rows"),
            marker={**marker, **_dots(data.SHOWN_ROWS)},
            meta=live(x="actual", y="predicted", customdata="actual"),
            hovertemplate=f"{hover}<extra></extra>",
        )
        return figure
    low, high = _range(made.y)
    level = float(made.of(TRAIN)[1].mean())
    target = _target(made)
    figure.update_xaxes(range=[low, high], title_text=f"{_('actual')} {target}")
    figure.update_yaxes(range=[low, high], title_text=f"{_('predicted')} {target}")
    _add_line(figure, [low, high], [low, high], _("exact"), {"color": GREY, "width": 1})
    _add_line(figure, [low, high], [level, level], _("mean only"), DOTTED)
    shown = data.shown(made)
    y, part = made.y[shown], made.part[shown]
    x = _spread(y)
    for one in _parts(made):
        # rows of other parts have no x and are not drawn: `predicted` is that of all rows
        figure.add_scatter(
            x=[v if here else None for v, here in zip(_plain(x), part == one, strict=True)],
            y=[],
            customdata=_plain(y),
            mode="markers",
            name=_part_names()[one],
            marker={**marker, "symbol": SYMBOLS[one], **_dots(len(y))},
            meta=live(y="predicted"),
            hovertemplate=f"{hover}<extra>{_part_names()[one]}</extra>",
        )
    return figure


def _residuals(config: RegressionConfig, made: Dataset | None) -> go.Figure:
    """Residual = actual - predicted, against the prediction; its histogram at the right."""
    figure = blank(
        xaxis={"title": {"text": _("predicted")}, "domain": [0, 0.86]},
        yaxis={"title": {"text": _("actual - predicted").replace("-", "−")}},
        xaxis2={
            "domain": [0.88, 1],
            "visible": False,
            "fixedrange": True,
        },
        bargap=0.08,
    )
    symbols: Any = "circle"
    count = data.SHOWN_ROWS
    bins: dict[str, Any] = {"nbinsy": 31}
    if made is not None:
        shown = data.shown(made)
        count = len(shown)
        symbols = [SYMBOLS[int(part)] for part in made.part[shown]]
        low, high = _range(made.y)
        reach = _residual_reach(made)
        bars = 2 * min(15, max(4, round(count**0.5))) + 1
        bins = {"ybins": {"start": -reach, "end": reach, "size": 2 * reach / bars}}
        figure.update_xaxes(
            range=[low, high], title_text=f"{_('predicted')} {_target(made)}", selector=0
        )
        figure.update_yaxes(range=[-reach, reach])
        figure.update_layout(xaxis2_range=[0, min(0.6, 11 / bars) * count])
        _add_line(figure, [low, high], [0, 0], "", {"color": GREY, "width": 1})
        spread = float(np.sqrt(np.mean(least_squares_residuals(made) ** 2)))
        for i, level in enumerate((spread, -spread)):
            name = "" if i else _("± RMSE of least squares")
            _add_line(figure, [low, high], [level, level], name, DOTTED)
        for part in _parts(made):  # the names of the symbols
            marker = {"color": BLUE, "symbol": SYMBOLS[part]}
            figure.add_scatter(
                x=[None], y=[None], mode="markers", name=_part_names()[part], marker=marker
            )
    figure.add_scatter(
        x=[],
        y=[],
        mode="markers",
        marker={"color": BLUE, "symbol": symbols, **_dots(count)},
        meta=live(x="predicted", y="residual"),
        hovertemplate=_("predicted")
        + " %{x:.4~g}<br>"
        + _("residual")
        + " %{y:.3~g}<extra></extra>",
    )
    figure.add_histogram(
        y=[],
        xaxis="x2",
        marker={"color": faded(BLUE, 0.45)},
        meta=live(y="residual"),
        hovertemplate=_("residual") + " %{y}<br>%{x} " + _("rows") + "<extra></extra>",
        **bins,
    )
    return figure


def least_squares_residuals(made: Dataset) -> np.ndarray:
    """actual - predicted (N,) of the closed-form fit, for all rows."""
    weights, intercept = data.least_squares(made)
    residuals: np.ndarray = made.y - (made.x.astype(float) @ weights + intercept)
    return residuals


def _residual_reach(made: Dataset) -> float:
    """Half the range of a residual axis: least squares' largest residual, with headroom."""
    largest = float(np.abs(least_squares_residuals(made)).max())
    return (1 + HEADROOM) * max(largest, 1e-3 * float(np.ptp(made.y)), 1e-9)


# Features ----------------------------------------------------------------------------------------


def _importance(config: RegressionConfig, made: Dataset | None) -> go.Figure:
    figure = blank(
        xaxis={
            "title": {"text": _("growth of the MSE when shuffled")},
            "rangemode": "tozero",
            "zeroline": True,
            "zerolinecolor": faded(GREY, 0.6),
        },
        yaxis={"type": "category", "ticklabelstandoff": 6, "showgrid": False},
        bargap=0.35,
    )
    if made is not None:
        held = next(p for p in (TEST, VALIDATION, TRAIN) if (made.part == p).any())
        where = _("{part} rows").format(part=_part_names()[held])
        figure.update_xaxes(title_text=_("growth of the MSE when shuffled") + f" ({where})")
    figure.add_bar(
        x=[],
        y=[],
        orientation="h",
        marker={"color": BLUE, "cornerradius": 3},
        error_x={"type": "data", "array": [], "color": GREY, "thickness": 1.25, "width": 3},
        meta=live({"error_x.array": "sd"}, x="increase", y="features"),
        hovertemplate="%{y}: %{x:.3~g} ± %{error_x.array:.2~g}<extra></extra>",
    )
    return figure


def _dependence(config: RegressionConfig, made: Dataset | None) -> go.Figure:
    columns = list(range(UNSEEN_WIDTH.get(config.data, features.SHOWN)))
    if made is not None:
        columns = features.strongest(made.x, made.y)
        line = data.least_squares(made)
    across = min(3, len(columns))
    down = -(-len(columns) // across)
    figure = blank(margin={"l": 44, "r": 12, "t": 24, "b": 24})
    plain = figure.layout.xaxis.to_plotly_json()
    for i, column in enumerate(columns):
        row, place = divmod(i, across)
        axis = "" if i == 0 else str(i + 1)
        left, width = place / across, 1 / across - 0.03
        height = (1 - GAP * (down - 1)) / down
        top = 1 - row * (height + GAP)
        figure.layout[f"xaxis{axis}"] = {
            **plain,
            "domain": [left, left + width + 0.03 * (place == across - 1)],
            "anchor": f"y{axis}",
            "nticks": 4,
            "tickfont": {"size": 10},
            "showgrid": False,
        }
        figure.layout[f"yaxis{axis}"] = {
            **plain,
            "domain": [max(0.0, top - height), min(1.0, top)],
            "anchor": f"x{axis}",
            "matches": None if i == 0 else "y",
            "nticks": 4,
            "tickfont": {"size": 10},
            "showticklabels": place == 0,
        }
        if made is not None:
            _add_level(figure, made, line, column, axis)
            figure.add_annotation(
                text=written(made.features[column]),
                x=left,
                y=top,
                xref="paper",
                yref="paper",
                xanchor="left",
                yanchor="bottom",
                showarrow=False,
            )
        figure.add_scatter(
            x=[],
            y=[],
            xaxis=f"x{axis}",
            yaxis=f"y{axis}",
            mode="lines+markers",
            marker={"size": 3.5},
            line={"color": BLUE, "width": 2.5},
            name=_("model"),
            showlegend=i == 0,
            meta=live(x=f"x{i}", y=f"y{i}", ghost=True),
            hovertemplate="%{x:.3~g}: %{y:.4~g}<extra></extra>",
        )
    return figure


def _add_level(
    figure: go.Figure, made: Dataset, line: tuple[np.ndarray, float], column: int, axis: str
) -> None:
    """The least-squares line's dependence on one feature: a line through the means."""
    weights, intercept = line
    x = made.of(TRAIN)[0].astype(float)
    low, high = np.quantile(x[:, column], [0.05, 0.95])
    if len(np.unique(x[:, column])) <= FEW_VALUES:
        low, high = x[:, column].min(), x[:, column].max()
    ends = np.array([low, high])
    level = float((x @ weights).mean() + intercept - weights[column] * x[:, column].mean())
    figure.add_scatter(
        x=_plain(ends),
        y=_plain(level + weights[column] * ends),
        xaxis=f"x{axis}",
        yaxis=f"y{axis}",
        mode="lines",
        line=DOTTED,
        name=_("least squares"),
        showlegend=axis == "",
        hoverinfo="skip",
    )


# Loss surface ------------------------------------------------------------------------------------


def _surface(config: RegressionConfig, made: Dataset | None) -> go.Figure:
    axes = {
        f"{axis}axis.{property}": f"{name}_{array}"
        for axis, name in (("x", "a"), ("y", "b"))
        for property, array in (("title.text", "title"), ("range", "range"))
    }
    ticks = {"colorbar.tickvals": "tick_log", "colorbar.ticktext": "tick"}
    figure = blank(meta=live(axes))
    figure.update_xaxes(showgrid=False)
    figure.update_yaxes(showgrid=False)
    figure.add_contour(
        x=[],
        y=[],
        z=[],
        colorscale="Viridis",
        ncontours=24,
        contours={"coloring": "heatmap"},
        line={"width": 0.5, "color": "rgba(255,255,255,0.35)"},
        colorbar=_colorbar(),
        meta=live(ticks, x="a", y="b", z="z_log", customdata="z"),
        hovertemplate="%{x:.4~g}, %{y:.4~g}<br>" + _("loss") + " %{customdata:.4~g}<extra></extra>",
    )
    path = live(x="path_a", y="path_b", customdata="path_z", until="path_step")
    figure.add_scatter(
        x=[],
        y=[],
        mode="lines",
        line={"color": "rgba(0,0,0,0.55)", "width": 5},
        meta=live(x="path_a", y="path_b", until="path_step"),
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=[],
        y=[],
        mode="lines+markers",
        name=_("optimiser's path"),
        line={"color": "#ffffff", "width": 2},
        marker={"color": "#ffffff", "size": 3.5},
        meta=path,
        hovertemplate="%{x:.4~g}, %{y:.4~g}<br>" + _("loss") + " %{customdata:.4~g}<extra></extra>",
    )
    figure.add_scatter(
        x=[],
        y=[],
        mode="markers",
        name=_("least squares"),
        marker={
            "symbol": "x-thin",
            "size": 10,
            "color": GREY,
            "line": {"color": "#ffffff", "width": 2},
        },
        meta=live(x="best_a", y="best_b"),
        hovertemplate=_("least squares") + " %{x:.4~g}, %{y:.4~g}<extra></extra>",
    )
    _add_end(figure, "scatter", x="end_a", y="end_b")
    return figure


def _landscape(config: RegressionConfig, made: Dataset | None) -> go.Figure:
    axis: dict[str, Any] = {"title": {"font": {"size": 10}}, "tickfont": {"size": 10}, "nticks": 5}
    axes = {f"scene.{x}axis.title.text": f"{name}_title" for x, name in (("x", "a"), ("y", "b"))}
    ticks = {"scene.zaxis.tickvals": "tick_log", "scene.zaxis.ticktext": "tick"}
    figure = blank(
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        scene={
            "xaxis": axis,
            "yaxis": axis,
            "zaxis": {**axis, "title": {"text": _("loss (log scale)"), **axis["title"]}},
            "camera": {"eye": {"x": 1.45, "y": -1.45, "z": 0.95}, "center": {"z": -0.12}},
            "aspectratio": {"x": 1.15, "y": 1.15, "z": 0.8},
        },
        meta=live(axes | ticks),
    )
    figure.add_surface(
        x=[],
        y=[],
        z=[],
        colorscale="Viridis",
        showscale=False,
        opacity=0.95,
        lighting={"ambient": 0.75, "diffuse": 0.5, "specular": 0.05},
        meta=live(x="a", y="b", z="z_log", customdata="z"),
        hovertemplate="%{x:.4~g}, %{y:.4~g}<br>" + _("loss") + " %{customdata:.4~g}<extra></extra>",
    )
    figure.add_scatter3d(
        x=[],
        y=[],
        z=[],
        mode="lines",
        name=_("optimiser's path"),
        line={"color": ORANGE, "width": 6},
        meta=live(x="path_a", y="path_b", z="path_height", until="path_step"),
        hoverinfo="skip",
    )
    _add_end(figure, "scatter3d", x="end_a", y="end_b", z="end_height")
    return figure


def _add_end(figure: go.Figure, kind: str, **axes: str) -> None:
    """Where the run came to."""
    figure.add_trace(
        {
            "type": kind,
            **{axis: [] for axis in axes},
            "mode": "markers",
            "name": _("end of the run"),
            "marker": {
                "color": ORANGE,
                "size": 5 if kind == "scatter3d" else 10,
                "line": {"color": "#ffffff", "width": 1.5},
            },
            "meta": {"live": axes},
            "hoverinfo": "skip",
        }
    )


def _colorbar() -> dict[str, Any]:
    return {
        "title": {"text": _("loss (log scale)"), "side": "right"},
        "thickness": 10,
        "outlinewidth": 0,
        "ticks": "",
        "xpad": 8,
    }


# Baselines ---------------------------------------------------------------------------------------


def baselines(config: RegressionConfig, table: Table | None = None) -> Iterator[dict[str, Any]]:
    """What simple methods reach on the same held-out rows: title, value, help."""
    made = dataset(config, table)
    if made is None or not (made.part == TRAIN).any():
        return
    part = next(p for p in (TEST, VALIDATION, TRAIN) if (made.part == p).any())
    x, y = made.of(part)
    measured = _("Mean squared error on the {part} rows.").format(part=_part_names()[part])
    if set(np.unique(made.y)) == {0.0, 1.0}:
        measured += " " + _("The target is 0 or 1: always answering one half gives 0.25.")

    def reached(title: str, predicted: Any, how: str) -> dict[str, Any]:
        value = float(np.mean((y - predicted) ** 2))
        return {"title": title, "value": value, "help": f"{how} {measured}"}

    weights, intercept = data.least_squares(made)
    line = _("Best line") if made.one_variable else _("Least squares")
    yield reached(line, x @ weights + intercept, _("The closed-form solution, without training."))
    yield reached(_("Mean only"), made.of(TRAIN)[1].mean(), _("Always answers the training mean."))
    how = _("scikit-learn's GradientBoostingRegressor with its default settings.")
    if (made.part == TRAIN).sum() > BOOSTING_ROWS:
        how += " " + _("It learned from {count:,} of the rows.").format(count=BOOSTING_ROWS)
    help = f"{how} {measured} " + _("A run works it out at its end.")
    yield {"title": _("Gradient boosting"), "live": "boosting_mse", "help": help}


# Small things ------------------------------------------------------------------------------------


def _part_names() -> dict[int, str]:
    return {TRAIN: _("training"), VALIDATION: _("validation"), TEST: _("test")}


def _parts(made: Dataset) -> list[int]:
    return [part for part in SYMBOLS if (made.part == part).any()]


def _target(made: Dataset) -> str:
    name = written(made.target)
    return f"{name} ({made.unit})" if made.unit else name


def _add_line(
    figure: go.Figure, x: list[float], y: list[float], name: str, line: dict[str, Any]
) -> None:
    figure.add_scatter(x=x, y=y, mode="lines", name=name or None, line=line, hoverinfo="skip")


def _dots(count: int) -> dict[str, float]:
    """Size and opacity of so many markers: all of them are to be seen."""
    if count <= 150:
        return {"size": 8, "opacity": 0.9}
    return {"size": 6, "opacity": 0.8} if count <= 500 else {"size": 5, "opacity": 0.6}


def _spread(y: np.ndarray) -> np.ndarray:
    """Values to draw at; a few values that many rows share are spread, or they would hide all."""
    values = np.unique(y)
    if len(values) > FEW_VALUES or len(values) < 2:
        return y
    reach = 0.12 * float(np.diff(values).min())
    return np.asarray(y + np.random.default_rng(0).uniform(-reach, reach, len(y)))


def _range(values: np.ndarray) -> list[float]:
    low, high = float(values.min()), float(values.max())
    margin = HEADROOM * ((high - low) or 1.0)
    return [low - margin, high + margin]


def _plain(values: np.ndarray) -> list[float]:
    return [float(f"{value:.6g}") for value in values.tolist()]
