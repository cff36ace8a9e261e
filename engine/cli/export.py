"""`export`: a trained model as a program for other runtimes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from engine import topics
from engine.errors import InvalidValue, NotFound
from engine.words import _

WEIGHTS, RECORD = "weights.safetensors", "history.json"
"""What `run --save` leaves in its folder."""


@click.command(help=_("Write a trained model of TOPIC for other runtimes, and check the file."))
@click.argument("topic")
@click.option("--checkpoint", "name", metavar="NAME", help=_("A shipped model of the topic."))
@click.option(
    "--run",
    "folder",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    metavar="DIR",
    help=_("A folder that `run --save` has made."),
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["pt2", "onnx"]),
    required=True,
    help=_("pt2 (torch.export) or onnx."),
)
@click.option(
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help=_("The file to write."),
)
def export(topic: str, name: str | None, folder: Path | None, kind: str, output: Path) -> None:
    spec = topics.topic(topic)
    if (name is None) == (folder is None):
        expected = _("either --checkpoint or --run")
        raise InvalidValue.of("model", expected, name and str(folder))
    from engine.checkpoints import load
    from engine.exports import program

    model = load(spec.name, name)[0] if name is not None else saved(spec.name, folder)
    content, difference = program.export(spec.name, model, kind)
    output.write_bytes(content)
    text = _(
        "{file}: {size:,} bytes; its answers differ from the model's by at most {difference:.2g}."
    )
    click.echo(text.format(file=output, size=len(content), difference=difference))


def saved(topic: str, folder: Path | None) -> Any:
    """The model of a saved run.

    Raises
    ------
    NotFound
        When a file is missing.
    InvalidValue
        When it is a run of another topic.
    """
    from safetensors.torch import load_file

    from engine.history import History

    assert folder is not None
    for file in (RECORD, WEIGHTS):
        if not (folder / file).is_file():
            text = _("{folder}: expected a run saved with `run --save`; there is no {file}.")
            raise NotFound(text.format(folder=folder, file=file))
    history = History.from_json((folder / RECORD).read_text())
    if history.topic != topic:
        expected = _("a run of the topic {topic}").format(topic=topic)
        raise InvalidValue.of("run", expected, history.topic)
    config = topics.topic(topic).config.parse(history.config)
    return topics.recipe(topic).load(config, load_file(folder / WEIGHTS))
