"""The run as a script in plain PyTorch: alone, it ends on the same metrics (torch-free).

A script is put together from the parts that its settings need, and says nothing of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING

from engine.data.tables import OWN
from engine.errors import NotFound
from engine.topics.classification.script_cells import Cell
from engine.topics.cnn import script_data, script_texts
from engine.topics.cnn.script_augmentation import augmentation
from engine.topics.cnn.script_network import layers, model
from engine.topics.cnn.script_plan import Change, Plan
from engine.topics.cnn.script_training import answers, metrics, now, objective, training
from engine.topics.cnn.spec import CnnConfig
from engine.words import _

if TYPE_CHECKING:
    from engine.data.tables import Table


def script(config: CnnConfig, table: Table | None = None, changes: Sequence[Change] = ()) -> str:
    """Source of a program that trains as the run did and prints its final metrics as JSON.

    Parameters
    ----------
    table
        None: pictures come in none.
    changes
        What was changed while the run trained: the step after which, and the new values.

    Raises
    ------
    NotFound
        Of a visitor's own pictures, which are too large to be written into a script, and of
        those that are made of others.
    """
    if config.data == OWN:
        raise NotFound(_("Your own pictures are too many numbers to be written into a script."))
    if config.data not in script_data.COUNTS:
        raise NotFound(_("These pictures are made of others, which no script does yet."))
    plan = Plan(config, changes)
    cells = [
        preparation(plan),
        *script_data.cells(plan),
        augmentation(plan),
        layers(plan),
        model(plan),
        objective(plan),
        answers(plan),
        now(plan),
        training(plan),
        metrics(plan),
    ]
    return introduction(plan) + "".join(cell.written() for cell in cells if cell.code)


def introduction(plan: Plan) -> str:
    title = plan.config.settings()["data"].label(plan.config.data)
    words = (
        "A run of the PyTorch Live Gallery as a program of its own. It needs PyTorch, NumPy and "
        f"{script_data.needs(plan)}, and prints the final metrics of that run as one line of JSON."
    )
    return f'"""Pictures: {title}.\n\n{fill(words, 98, break_on_hyphens=False)}\n"""'


def preparation(plan: Plan) -> Cell:
    """Imports, and where it trains."""
    modules = {
        "copy": plan.patience > 0,
        "json": True,
        "math": plan.config.schedule in ("cosine", "one-cycle") or plan.used("rotate"),
        "os": plan.official,
    }
    own = [f"import {module}" for module, need in modules.items() if need]
    own += script_data.modules(plan)
    others = [*script_data.imports(plan), "from torch import nn"]
    functions = ["affine_grid"] * plan.warped + ["cross_entropy"] + ["grid_sample"] * plan.warped
    functions += ["max_pool2d"] * ("inception" in plan.kinds)
    others.append(f"from torch.nn.functional import {', '.join(functions)}")
    others += script_data.later_imports(plan)
    packages = "\n".join(["import numpy as np", "import torch", *others])
    code = f"{chr(10).join(own)}\n\n{packages}\n\n{script_texts.DEVICE}"
    return Cell("Preparation", script_texts.PREPARATION_WORDS, code)
