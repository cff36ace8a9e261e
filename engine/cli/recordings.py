"""`recordings`: train the runs that pages open on."""

from __future__ import annotations

import click

from engine.words import _


@click.command(help=_("Record every topic's runs again, or TOPIC's; prints the files written."))
@click.argument("topic", required=False)
def recordings(topic: str | None) -> None:
    from engine.recordings import record_all

    for path in record_all(topic):
        click.echo(path)
