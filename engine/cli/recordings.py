"""`recordings`: train the runs that pages open on."""

from __future__ import annotations

import click

from engine.words import _


@click.command(help=_("Record every topic's runs again; prints the files written."))
def recordings() -> None:
    from engine.recordings import record_all

    for path in record_all():
        click.echo(path)
