"""`predict`: one answer of a shipped checkpoint for each line of input."""

from __future__ import annotations

import csv
from typing import Any, TextIO

import click

from engine import topics
from engine.errors import InvalidValue
from engine.events import dumps
from engine.words import _


@click.command(help=_("Answer each line of a file with a checkpoint of TOPIC."))
@click.argument("topic")
@click.option(
    "--checkpoint", "name", required=True, metavar="NAME", help=_("A shipped model of the topic.")
)
@click.option(
    "--input",
    "file",
    required=True,
    type=click.File(encoding="utf-8-sig"),
    metavar="FILE|-",
    help=_("One input a line, a number, a CSV row of numbers or a text; - reads standard input."),
)
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON object a line."))
def predict(topic: str, name: str, file: TextIO, as_json: bool) -> None:
    spec = topics.topic(topic)
    inputs = read_inputs(file)
    from engine.checkpoints import load

    model, _card = load(spec.name, name)
    answer = topics.recipe(spec.name).predict(model, inputs)
    columns = {"input": inputs, "output": answer["outputs"]}
    if "probabilities" in answer:
        columns["probabilities"] = answer["probabilities"]
    for values in zip(*columns.values(), strict=True):
        result = dict(zip(columns, values, strict=True))
        click.echo(dumps(result) if as_json else result["output"])


def read_inputs(file: TextIO) -> list[Any]:
    """One input for each line that is not blank.

    Raises
    ------
    InvalidValue
        When there is none, or the file is not text.
    """
    try:
        inputs = [parsed(line.strip()) for line in file if line.strip()]
    except UnicodeDecodeError as error:
        received = error.object[error.start :]
        raise InvalidValue.of("input", _("UTF-8 text, one input a line"), received) from None
    if not inputs:
        raise InvalidValue.of("input", _("at least one line"), "")
    return inputs


def parsed(line: str) -> Any:
    """A number, a list of numbers (a CSV row), or the line as it is."""
    try:
        numbers = [float(cell) for cell in next(csv.reader([line]))]
    except ValueError:
        return line
    return numbers[0] if len(numbers) == 1 else numbers
