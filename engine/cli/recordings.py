"""`recordings`: train the runs that pages open on."""

from __future__ import annotations

import click

from engine.words import _


@click.command(help=_("Record all runs again, TOPIC's, or one PRESET of it; prints the files."))
@click.argument("topic", required=False)
@click.argument("preset", required=False)
def recordings(topic: str | None, preset: str | None) -> None:
    from engine.recordings import record_all

    for path in record_all(topic, preset):
        click.echo(path)
