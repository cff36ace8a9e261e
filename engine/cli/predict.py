"""`predict`: one answer of a shipped checkpoint for each picture, line or CSV row."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import click
import numpy as np

from engine import scoring, serving, topics
from engine.checkpoints import shelf
from engine.data.decoding import decode_fitted
from engine.data.names import listed
from engine.errors import InvalidValue
from engine.events import dumps
from engine.words import _

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class Asked(NamedTuple):
    """What a model is asked.

    Attributes
    ----------
    header, cells
        The table that answers are written beside.
    shown, inputs
        Each input as it is told again, and as the model takes it.
    """

    header: list[str]
    cells: list[list[Any]]
    shown: list[Any]
    inputs: list[Any]


@click.command(
    help=_(
        "Answer picture files, or each line of a text file, with MODEL: topic/name as "
        "`checkpoints list` has it, or a topic with --checkpoint."
    )
)
@click.argument("model")
@click.argument("pictures", nargs=-1, metavar="[PICTURE]...", type=FILE)
@click.option(
    "--checkpoint", "name", metavar="NAME", help=_("A shipped model, where MODEL is a topic alone.")
)
@click.option(
    "--input",
    "file",
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
def predict(
    model: str,
    pictures: tuple[Path, ...],
    name: str | None,
    file: TextIO | None,
    output: Path | None,
    as_json: bool,
) -> None:
    topic, name = named_model(model, name)
    signature = serving.Signature.of_checkpoint(topic, name)
    size = picture_size(shelf.card(topic, name).examples.inputs)
    if size is not None:
        asked = asked_of_pictures(pictures, size, file)
    else:
        asked = asked_of_lines(file, signature, pictures)
    answer = answered(topic, name, asked.inputs, singly=size is not None)
    if output is not None:
        table = scoring.scored(asked.header, asked.cells, answer, signature)
        output.write_text(table, encoding="utf-8")
        return
    columns = {"input": asked.shown, "output": scoring.named(answer, signature)}
    columns |= {key: answer[key] for key in ("probabilities", "known") if key in answer}
    for values in zip(*columns.values(), strict=True):
        result = dict(zip(columns, values, strict=True))
        plain = result["output"] if size is None else in_words(result)
        click.echo(dumps(result) if as_json else plain)


def named_model(model: str, name: str | None) -> tuple[str, str]:
    """Topic and name of a checkpoint, which may stand in one word.

    Raises
    ------
    InvalidValue
        When there is no such topic, or the name stands nowhere or twice.
    """
    topic, slash, behind = model.partition("/")
    topic = topics.topic(topic).name
    if bool(slash) == (name is not None):
        expected = _("topic/name as in cnn/mnist, or a topic with --checkpoint")
        given = model if name is None else f"{model} --checkpoint {name}"
        raise InvalidValue.of("model", expected, given)
    return topic, name if name is not None else behind


# Pictures ----------------------------------------------------------------------------------------


def picture_size(examples: Sequence[Any]) -> tuple[int, int] | None:
    """Side and channels of the pictures that a model takes, by its card's examples; None: it takes none."""
    try:
        shape = np.shape(examples[0])
    except (IndexError, ValueError):  # no example, or rows of different lengths
        return None
    if len(shape) not in (2, 3) or shape[0] != shape[1]:
        return None
    return shape[0], 1 if len(shape) == 2 else shape[2]


def asked_of_pictures(files: Sequence[Path], size: tuple[int, int], text: TextIO | None) -> Asked:
    """Pictures as rows of pixels.

    Raises
    ------
    InvalidValue
        When there is none, or a file is no picture; names the file.
    """
    if text is not None or not files:
        expected = _("picture files behind the model's name, as it takes pictures")
        raise InvalidValue.of("pictures", expected, _("none") if text is None else "--input")
    side, channels = size
    found = [decode_fitted(f.read_bytes(), side, channels, name=f.name).pixels for f in files]
    for file, pixels in zip(files, found, strict=True):
        if channels == 1 and on_bright_ground(pixels[..., 0]):
            remark = _(
                "{picture}: its ground is bright; this model learned bright ink on a dark one."
            )
            click.echo(remark.format(picture=file), err=True)
    names = [str(file) for file in files]
    rows = [(p[..., 0] if channels == 1 else p).tolist() for p in found]
    return Asked([_("picture")], [[name] for name in names], names, rows)


def on_bright_ground(pixels: np.ndarray) -> bool:
    """Whether most of the edge of a grey picture (H, W) is bright, as ink on paper."""
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return bool(np.median(edge) > 127)


def in_words(result: dict[str, Any]) -> str:
    """The answer to a picture on one line."""
    text = _("{picture}: {answer} ({share:.1%})")
    if not result.get("known", True):
        text = _("{picture}: {answer} ({share:.1%}); unlike what this model has learned")
    share = max(result["probabilities"])
    return text.format(picture=result["input"], answer=result["output"], share=share)


# Lines -------------------------------------------------------------------------------------------


def asked_of_lines(
    file: TextIO | None, signature: serving.Signature, pictures: Sequence[Path]
) -> Asked:
    """A CSV with a header, or an input on each line.

    Raises
    ------
    InvalidValue
        When pictures are given instead, or the file holds nothing that the model takes.
    """
    if pictures:
        expected = _("a file of numbers behind --input, as this model takes no pictures")
        raise InvalidValue.of("input", expected, str(pictures[0]))
    if file is None:
        raise click.MissingParameter(param_hint="--input", param_type="option")
    text = read_text(file)
    if signature.features and scoring.has_header(text, signature.features):
        found = scoring.read_rows(text.encode(), "input", signature.features)
        for remark in (*found.remarks, *ignored(found.ignored)):
            click.echo(remark, err=True)
        return Asked(found.header, list(found.cells), named_cells(found), list(found.inputs))
    inputs = read_inputs(text)
    cells = [i if isinstance(i, list) else [i] for i in inputs]
    return Asked(column_names(signature.features, cells), cells, inputs, inputs)


def named_cells(found: scoring.Rows) -> list[Any]:
    """Each row as an object by column."""
    return [dict(zip(found.header, row, strict=True)) for row in found.cells]


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


# Answers -----------------------------------------------------------------------------------------


def answered(topic: str, name: str, inputs: list[Any], *, singly: bool) -> dict[str, list[Any]]:
    """What the checkpoint says to all inputs; asked one after the other where many are too much."""
    from engine.checkpoints import load

    model, _card = load(topic, name)
    ask = topics.recipe(topic).predict
    answers = [ask(model, [value]) for value in inputs] if singly else [ask(model, inputs)]
    return {key: [value for a in answers for value in a[key]] for key in answers[0]}
