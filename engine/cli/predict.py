"""`predict`: one answer of a shipped checkpoint for each line, or CSV row, of input."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, TextIO

import click

from engine import scoring, serving, topics
from engine.data.names import listed
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
    help=_(
        "One input a line, a number, a CSV row of numbers or a text; or a CSV whose first line "
        "names the features, in any order; - reads standard input."
    ),
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help=_("Write the rows with their answers as CSV."),
)
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON object a line."))
def predict(topic: str, name: str, file: TextIO, output: Path | None, as_json: bool) -> None:
    spec = topics.topic(topic)
    signature = serving.Signature.of_checkpoint(spec.name, name)
    text = read_text(file)
    if signature.features and scoring.has_header(text, signature.features):
        found = scoring.read_rows(text.encode(), "input", signature.features)
        header, cells = found.header, list[Any](found.cells)
        shown, inputs = named_cells(found), list[Any](found.inputs)
        for remark in (*found.remarks, *ignored(found.ignored)):
            click.echo(remark, err=True)
    else:
        shown = inputs = read_inputs(text)
        cells = [i if isinstance(i, list) else [i] for i in inputs]
        header = column_names(signature.features, cells)
    answer = answered(spec.name, name, inputs)
    if output is not None:
        output.write_text(scoring.scored(header, cells, answer, signature), encoding="utf-8")
        return
    outputs = scoring.named(answer, signature)
    columns = {"input": shown, "output": outputs}
    if "probabilities" in answer:
        columns["probabilities"] = answer["probabilities"]
    for values in zip(*columns.values(), strict=True):
        result = dict(zip(columns, values, strict=True))
        click.echo(dumps(result) if as_json else result["output"])


def named_cells(found: scoring.Rows) -> list[Any]:
    """Each row as an object by column."""
    return [dict(zip(found.header, row, strict=True)) for row in found.cells]


def answered(topic: str, name: str, inputs: list[Any]) -> dict[str, Any]:
    """What the checkpoint says to all inputs."""
    from engine.checkpoints import load

    model, _card = load(topic, name)
    answer: dict[str, Any] = topics.recipe(topic).predict(model, inputs)
    return answer


def ignored(columns: tuple[str, ...]) -> list[str]:
    """Says which columns the model does not know, if there are any."""
    text = _("Not used, as the model does not know them: {names}.")
    return [text.format(names=listed(columns))] if columns else []


def column_names(features: tuple[str, ...], cells: list[list[Any]]) -> list[str]:
    """Names for the columns of a file without a header."""
    width = len(cells[0])
    if len(features) == width:
        return list(features)
    return ["input"] if width == 1 else [f"input {n + 1}" for n in range(width)]


def read_text(file: TextIO) -> str:
    """All of a file.

    Raises
    ------
    InvalidValue
        When it is not text.
    """
    try:
        return file.read()
    except UnicodeDecodeError as error:
        received = error.object[error.start :]
        raise InvalidValue.of("input", _("UTF-8 text, one input a line"), received) from None


def read_inputs(text: str) -> list[Any]:
    """One input for each line that is not blank.

    Raises
    ------
    InvalidValue
        When there is none.
    """
    inputs = [parsed(line.strip()) for line in text.splitlines() if line.strip()]
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
