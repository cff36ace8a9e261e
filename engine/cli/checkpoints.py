"""`checkpoints list | verify | train`: the models that are shipped."""

from __future__ import annotations

from collections.abc import Mapping

import click

from engine import checkpoints as shipped
from engine import topics
from engine.checkpoints import recipes, shelf
from engine.cli.progress import Progress
from engine.cli.table import print_table
from engine.errors import GalleryError, InvalidValue
from engine.words import _


@click.group(help=_("The trained models that are shipped."))
def checkpoints() -> None:
    """The group of the commands below."""


@checkpoints.command("list", help=_("List them with size and metrics."))
def list_them() -> None:
    rows = []
    for card in shipped.list_checkpoints():
        curves = topics.topic(card.topic).curves
        metrics = {n: v for n, v in card.metrics.items() if n in curves}
        size = shelf.entry(card.topic, card.name).weights.bytes
        rows.append((card.full_name, _(card.title), f"{size:,}", in_words(metrics)))
    print_table((_("checkpoint"), _("title"), _("bytes"), _("metrics")), rows)


@checkpoints.command(help=_("Check files and outputs of all, or of TOPIC/NAME."))
@click.argument("name", required=False)
@click.option("--data", is_flag=True, help=_("Measure the metrics on the data set again too."))
@click.pass_context
def verify(ctx: click.Context, name: str | None, data: bool) -> None:
    listed = [(e.topic, e.name) for e in shelf.manifest().checkpoints]
    broken = False
    for topic, which in [split(name)] if name else listed:
        problems = _problems(topic, which, data)
        broken = broken or bool(problems)
        click.echo(f"{topic}/{which}: {_('problems') if problems else _('ok')}")
        for problem in problems:
            click.echo(f"  {problem}")
    ctx.exit(1 if broken else 0)


def _problems(topic: str, name: str, data: bool) -> list[str]:
    try:
        return shipped.verify(shipped.card(topic, name), data=data)
    except GalleryError as error:
        return [error.message]


@checkpoints.command(help=_("Make all of them again, or TOPIC/NAME, by the recipe."))
@click.argument("name", required=False)
def train(name: str | None) -> None:
    for topic, which in [split(name)] if name else list(recipes.recipes()):
        progress = Progress(topics.topic(topic))
        card = shipped.train(topic, which, progress.show)
        click.echo(f"{card.full_name}: {in_words(card.metrics)}")


def in_words(metrics: Mapping[str, float]) -> str:
    """Names and values in one line."""
    return ", ".join(f"{name} {value:.5g}" for name, value in metrics.items())


def split(full_name: str) -> tuple[str, str]:
    """Topic and name out of `topic/name`."""
    topic, slash, name = full_name.partition("/")
    if not slash:
        raise InvalidValue.of("name", _("topic/name, for example regression/line"), full_name)
    return topic, name
