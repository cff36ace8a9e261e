"""`topics`: what can be trained, its presets and what others have published."""

from __future__ import annotations

import click

from engine import topics as known
from engine.cli.table import print_table
from engine.events import dumps
from engine.spec import Published
from engine.words import _


@click.command(help=_("List the topics, their presets and the published figures."))
@click.option("--json", "as_json", is_flag=True, help=_("Everything, settings too, as JSON."))
def topics(as_json: bool) -> None:
    if as_json:
        from engine.api.topics import describe  # the API's answer, word for word

        click.echo(dumps([describe(spec) for spec in known.topics().values()]))
        return
    rows = [
        (spec.name, p.id, _(p.title), ", ".join(map(published_text, p.published)) or "–")
        for spec in known.topics().values()
        for p in spec.presets
    ]
    print_table((_("topic"), _("preset"), _("title"), _("published")), rows)


def published_text(published: Published) -> str:
    """One published figure, for example `train_mse 0.3775`."""
    return f"{published.metric} {published.value:g}"
