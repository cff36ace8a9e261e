"""`data list | fetch`: the data sets that topics need."""

from __future__ import annotations

import sys

import click
from tqdm import tqdm

from engine import data as sets
from engine.cli.table import print_table
from engine.words import _


@click.group(help=_("The data sets that topics train on."))
def data() -> None:
    """The group of the commands below."""


@data.command("list", help=_("List them with size, licence and whether they are here."))
def list_them() -> None:
    rows = [
        (s.name, _(s.title), f"{s.bytes:,}", s.licence, _place(s)) for s in sets.sources().values()
    ]
    print_table((_("data set"), _("title"), _("bytes"), _("licence"), _("is here")), rows)


def _place(source: sets.DataSource) -> str:
    return _("yes") if all(sets.held(f) for f in source.files) else _("no")


@data.command(help=_("Have the files of NAME here, downloaded if need be; prints their paths."))
@click.argument("name")
def fetch(name: str) -> None:
    size = sets.source(name).bytes
    # `disable=None`: no bar where stderr is a file
    with tqdm(total=size, unit="B", unit_scale=True, file=sys.stderr, disable=None) as bar:
        paths = sets.fetch(name, lambda done: bar.update(done - bar.n))
    for path in paths:
        click.echo(path)
