"""The run as a script in plain PyTorch: alone, it ends on the same metrics (torch-free).

A script is put together from the parts that its settings need, and says nothing of the others.
Networks that the run trained at once (seeds, variants, folds) train one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import fill, indent
from typing import TYPE_CHECKING

from engine.topics.classification import script_measuring
from engine.topics.classification.script_cells import Cell, wrapped
from engine.topics.classification.script_inputs import inputs
from engine.topics.classification.script_network import layers, model, objective
from engine.topics.classification.script_plan import Change, Plan
from engine.topics.classification.script_training import train_function, trained_network, training
from engine.topics.classification.spec import BUNDLED, OFFICIAL_TEST, ClassificationConfig
from engine.training.streams import stream_seed

if TYPE_CHECKING:
    from engine.data.tables import Table


def script(
    config: ClassificationConfig, table: Table | None = None, changes: Sequence[Change] = ()
) -> str:
    """Source of a program that trains as the run did and prints its final metrics as JSON.

    Parameters
    ----------
    table
        The visitor's own, for `data="own"`.
    changes
        What was changed while the run trained: the step after which, and the new values.

    Raises
    ------
    NotFound
        When an own table is too large to be written into a script.
    GalleryError
        When the data cannot be had.
    """
    plan = Plan(config, table, changes)
    cells = [preparation(plan), *learning(plan), script_measuring.result(plan)]
    return introduction(plan) + "".join(cell.written() for cell in cells if cell.code)


def introduction(plan: Plan) -> str:
    data = plan.config.data
    title = plan.config.settings()["data"].label(data)
    needs = "PyTorch and NumPy"
    needs += ", and scikit-learn for its data" * (data in BUNDLED)
    needs += ", and torchvision for the pictures" * (data in OFFICIAL_TEST)
    words = (
        f"A run of the PyTorch Live Gallery as a program of its own. It needs {needs}, and prints "
        "the final metrics of that run as one line of JSON."
    )
    return f'"""Classification: {title}.\n\n{fill(words, 98, break_on_hyphens=False)}\n"""'


def preparation(plan: Plan) -> Cell:
    needed = {
        "copy": plan.patience > 0,
        "json": True,
        "math": plan.config.schedule in ("cosine", "one-cycle")
        or (plan.scheduled and plan.steps is None),
        "statistics": plan.members > 1,
    }
    imports = [f"import {module}" for module, need in needed.items() if need]
    parts = ["from itertools import pairwise"] * (plan.swept == "layers" or plan.fixed_biases)
    own = "\n".join([*imports, *parts, *plan.rows.modules()])
    others = sorted(["from torch import nn", *plan.rows.imports()])
    lines = "\n".join(["import numpy as np", "import torch", *others])
    code = f"{own}\n\n{lines}\n\ntorch.set_num_threads(1)"
    words = "On the CPU and with one thread, as the numbers depend on it."
    if plan.rows.random or plan.folds:
        words += " NumPy's generators are seeded with the seed of the data and a purpose's number."
    if plan.streamed:
        words += " PyTorch's are seeded with numbers made from the seed of the run and a purpose."
    return Cell("Preparation", words, code)


def learning(plan: Plan) -> Iterator[Cell]:
    """All between the imports and the result: what is the same for all networks stands first."""
    rows, choosing = plan.rows, plan.rows.choosing()
    functions = [layers(plan), objective(plan)]
    networks = [model(plan), training(plan)]
    measuring = [script_measuring.measures(plan), script_measuring.metrics(plan)]
    if plan.folds:
        functions.append(train_function(plan))
        networks = [trained_network(plan)]
    if plan.rows_swept:
        made = [*rows.before(), *rows.after(), inputs(plan)]
        yield from [choosing, *functions, loop_over(plan, [*made, *networks, measuring[1]])]
        return
    yield from [*rows.before(), choosing, *rows.after(), inputs(plan), *functions]
    if plan.several or plan.swept != "none":
        yield measuring[0]
        yield loop_over(plan, [*networks, measuring[1]])
    else:
        yield from [*networks, *measuring]
    yield script_measuring.cross_validation(plan)


# Several networks --------------------------------------------------------------------------------


def loop_over(plan: Plan, body: Sequence[Cell]) -> Cell:
    """Cells in a loop over all values, and over all seeds."""
    depth = plan.several + (plan.swept != "none")
    cells = [cell.inside(depth) for cell in body if cell.code]
    lines = "\n\n".join([*cells, "members.append(metrics)"])
    setup = []
    if plan.several:
        setup += [streams(plan)] * plan.seeded
        each = "seeds in streams" if plan.seeded else f"_ in range({plan.config.seeds})"
        lines = f"for {each}:\n{indent(lines, '    ')}"
    words = f"{plan.config.seeds} networks from as many random starts."
    title = "Training, seed by seed"
    if plan.swept != "none":
        setup.append(f"values = {wrapped(plan.values)}")
        lines = f"for {plan.swept} in values:\n{indent(lines, '    ')}"
        lines += f"\n{indent(script_measuring.told(plan), '    ')}"
        words = f"{plan.members} networks, for {len(plan.values)} values."
        title = "Training, value by value"
    setup.append("members = []")
    words += " The run trained them at once."
    return Cell(title, words, "\n".join([*setup, lines]))


def streams(plan: Plan) -> str:
    """The seeds of each network's generators."""
    first = plan.config.seed
    each = [
        {name: stream_seed(seed, name) for name in plan.streamed}
        for seed in range(first, first + plan.config.seeds)
    ]
    listed = "".join(f"    {seeds},\n" for seeds in each).replace("'", '"')
    return f"streams = [\n{listed}]"
