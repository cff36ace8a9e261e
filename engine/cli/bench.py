"""`bench`: ratios against a reference, measured side by side."""

from __future__ import annotations

import click

from engine.cli.table import print_table
from engine.errors import InvalidValue
from engine.events import dumps
from engine.words import _


@click.command(help=_("Measure all benchmarks, or NAME."))
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON object a benchmark."))
def bench(name: str | None, as_json: bool) -> None:
    from engine.bench import benchmarks

    if name is not None and name not in benchmarks:
        expected = _("one of {choices}").format(choices=", ".join(benchmarks))
        raise InvalidValue.of("name", expected, name)
    for which in [name] if name else benchmarks:
        result = benchmarks[which]()
        if as_json:
            click.echo(dumps({"benchmark": which, **result}))
        else:
            print_table((which, ""), [(figure, str(value)) for figure, value in result.items()])
