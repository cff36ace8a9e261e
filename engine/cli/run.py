"""`run`: train one run and tell of it, for people or as one JSON event a line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from engine import topics
from engine.cli.executors import NAMES, OWNER, follow, manager_on
from engine.cli.progress import Progress
from engine.cli.saving import save_run
from engine.cli.table import print_table
from engine.config import Config
from engine.errors import InvalidValue
from engine.jobs.job import JobSpec
from engine.settings import settings
from engine.spec import Published, TopicSpec
from engine.words import _

EXIT_CODES = {"done": 0, "cancelled": 130}
"""By terminal event; 1 for every other."""


@click.command(help=_("Train TOPIC once. Exits with 0 only when the run is done."))
@click.argument("topic")
@click.option("--preset", "preset_id", metavar="ID", help=_("Settings of a reference run."))
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="FIELD=VALUE",
    help=_("Change one setting; may be given again and again."),
)
@click.option("--seed", type=int, help=_("Number that fixes all randomness."))
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default=lambda: settings().device,
    show_default=_("GALLERY_DEVICE, or auto"),
    help=_("Where to train."),
)
@click.option(
    "--executor",
    type=click.Choice(NAMES),
    default="inline",
    show_default=True,
    help=_("In this process, or in a worker as the service has them."),
)
@click.option(
    "--save",
    "folder",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help=_("Write history.json, history.csv and weights.safetensors into a folder."),
)
@click.option("--json", "as_json", is_flag=True, help=_("Print one event a line."))
@click.pass_context
def run(
    ctx: click.Context,
    topic: str,
    preset_id: str | None,
    changes: tuple[str, ...],
    seed: int | None,
    device: str,
    executor: str,
    folder: Path | None,
    as_json: bool,
) -> None:
    spec = topics.topic(topic)
    config = chosen(spec, preset_id, changes, seed)
    job = JobSpec.checked(topic, config.model_dump(), device=device, threads=settings().threads)
    if folder is not None:
        _make(folder)
    progress = Progress(spec)
    with manager_on(executor) as manager:
        trained = manager.get(manager.submit(job, OWNER, attended=False))
        for event in follow(manager, trained.id):
            if as_json:
                click.echo(event.to_json())
            else:
                progress.show(event)
    history = trained.log.history
    if folder is not None:
        save_run(folder, history, trained.artifacts)
    if history.final and not as_json:
        print_metrics(spec, config, history.final)
    ctx.exit(EXIT_CODES.get(trained.state, 1))


def chosen(
    spec: TopicSpec, preset_id: str | None, changes: tuple[str, ...], seed: int | None
) -> Config:
    """The settings: those of the preset, then each change, then the seed.

    Raises
    ------
    InvalidValue
        For an unknown preset or field, a value out of range, a change without `=`.
    """
    values: dict[str, Any] = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals:
            raise InvalidValue.of("set", _("field=value"), change)
        values[name.strip()] = value.strip()
    if seed is not None:
        values["seed"] = seed
    return spec.config.parse(spec.values(preset_id, values))


def _make(folder: Path) -> None:
    """Make the folder before the training, so that nothing is trained in vain."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        text = _("a folder that can be made ({reason})").format(reason=error.strerror)
        raise InvalidValue.of("save", text, str(folder)) from None


def print_metrics(spec: TopicSpec, config: Config, final: Mapping[str, float]) -> None:
    """The final metrics, published figures beside them where the settings are a preset's."""
    preset = spec.matching_preset(config)
    published = {p.metric: p for p in preset.published} if preset else {}
    rows = [
        (name, f"{value:.6g}", _verdict(published.get(name), value))
        for name, value in final.items()
    ]
    print_table((_("metric"), _("measured"), _("published")), rows)


def _verdict(published: Published | None, measured: float) -> str:
    """A published figure and whether `measured` reproduces it; empty if there is none."""
    if published is None:
        return ""
    verdict = _("reproduced") if published.reached(measured) else _("not reproduced")
    return f"{published.value:g}  ({verdict}: {_accepted(published)})"


def _accepted(published: Published) -> str:
    """The range that counts as reproducing a figure, in words."""
    text = {
        "at most": _("at most {target:g}"),
        "at least": _("at least {target:g}"),
        "about": _("{target:g} ± {tolerance:g}"),
    }[published.relation]
    return text.format(target=published.target, tolerance=published.tolerance)
