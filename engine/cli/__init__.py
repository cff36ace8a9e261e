"""The command line: `python -m engine …`. Only the commands that compute import torch."""

from __future__ import annotations

from typing import Any

import click

from engine import __version__
from engine.cli.bench import bench
from engine.cli.checkpoints import checkpoints
from engine.cli.data import data
from engine.cli.export import export
from engine.cli.predict import predict
from engine.cli.recordings import recordings
from engine.cli.run import run
from engine.cli.topics import topics
from engine.errors import GalleryError, InvalidValue
from engine.words import _

INTERRUPTED = 130
"""Exit code of a command ended by Ctrl-C, as shells have it."""


class Misused(click.ClickException):
    """An invalid value: the same exit code as for a wrong option."""

    exit_code = 2


class Commands(click.Group):
    """Turns errors meant for people into one line and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GalleryError as error:
            failure = Misused if isinstance(error, InvalidValue) else click.ClickException
            raise failure(error.message) from None
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)


@click.group(
    cls=Commands,
    commands=[topics, run, predict, export, checkpoints, data, bench, recordings],
    help=_("The PyTorch Live Gallery without a browser: train, predict, look after the files."),
)
@click.version_option(__version__, prog_name="PyTorch Live Gallery")
def main() -> None:
    """The group of all commands."""
