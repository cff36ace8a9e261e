"""The part of a run's script that gets its pictures and parts them (torch-free)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.data import pictures
from engine.topics.classification.script_cells import NOTHING, Cell, apart, function
from engine.topics.cnn import script_texts as texts

if TYPE_CHECKING:
    from engine.topics.cnn.script_plan import Plan

COUNTS = {"digits": 1797} | {name: pictures.TRAINING[name] for name in texts.TORCHVISION}
"""Pictures that are meant for training, of the data that a script can get."""
TESTING = 10_000
"""Pictures of an official test part."""
CLASSES = 10
MEASURED = 10_000
"""Training pictures that mean and standard deviation are taken from."""
LOSSY = "cifar-10-jpeg"


def lossy(plan: Plan) -> bool:
    """Whether runs learn from a copy of these pictures that nobody can download."""
    return plan.official and pictures.copy_of(plan.config.data).source == LOSSY


def needs(plan: Plan) -> str:
    """Packages, in words."""
    if not plan.official:
        return "scikit-learn for its data"
    return "torchvision for the pictures" + " (and Pillow for a copy of them)" * lossy(plan)


def modules(plan: Plan) -> Iterator[str]:
    """Imports from Python itself, after the plain ones."""
    if lossy(plan):
        yield "from io import BytesIO"
        yield "from itertools import pairwise"
    if plan.official:
        yield "from pathlib import Path"


def imports(plan: Plan) -> Iterator[str]:
    """From packages that come before PyTorch in the alphabet."""
    if lossy(plan):
        yield "from PIL import Image"
    if not plan.official:
        yield "from sklearn.datasets import load_digits"


def later_imports(plan: Plan) -> Iterator[str]:
    """From packages that come after it."""
    if plan.official:
        yield f"from torchvision.datasets import {texts.TORCHVISION[plan.config.data]}"


def cells(plan: Plan) -> Iterator[Cell]:
    yield the_pictures(plan)
    yield parts(plan)
    yield scale(plan)
    yield tensors(plan)


def the_pictures(plan: Plan) -> Cell:
    """All of them, as bytes."""
    name = plan.config.data
    if not plan.official:
        return Cell("Pictures", texts.DATA_WORDS[name], texts.DIGITS)
    official = (texts.COLOURED if plan.coloured else texts.GREY).format(
        name=texts.TORCHVISION[name]
    )
    words = f"{texts.DATA_WORDS[name]} {texts.FOLDER_WORDS}"
    if lossy(plan):
        return Cell(
            "Pictures",
            f"{words} {texts.LOSSY_WORDS}",
            f"{texts.FOLDER}\n{texts.lossy(official)}",
        )
    return Cell("Pictures", words, f"{texts.FOLDER}\n{official}")


def parts(plan: Plan) -> Cell:
    """Numbers of the pictures of each part."""
    there, held = COUNTS[plan.config.data], plan.held
    rows, lines = {"train": f"np.arange({there})"}, []
    if held or plan.count < there:
        lines.append(
            f"order = np.random.default_rng([{plan.config.data_seed}]).permutation({there})"
        )
        end = "" if plan.count == there - held else str(held + plan.count)
        rows["train"] = f"np.sort(order[{held or ''}:{end}])"
    if held:
        rows["val"] = f"np.sort(order[:{held}])"
    if plan.official:
        rows["test"] = f"np.arange({there}, {there + TESTING})"
    lines.append("rows = {")
    lines += [f'    "{name}": {source},' for name, source in rows.items()]
    words = " ".join(texts.PART_WORDS[name] for name in rows)
    return Cell("Parts", words, "\n".join([*lines, "}"]))


def scale(plan: Plan) -> Cell:
    """Mean and standard deviation of the colours."""
    if not plan.config.standardise:
        return NOTHING
    every = -(-plan.count // MEASURED)
    code = texts.SCALE.format(
        some=f'rows["train"][::{every}]' if every > 1 else 'rows["train"]',
        channels=plan.shape[0],
    )
    words = "Mean and standard deviation of each colour channel, over the training pictures."
    if every > 1:
        words = f"{words[:-1]}, of which some suffice."
    return Cell("Brightness", words, code)


def tensors(plan: Plan) -> Cell:
    taken = (
        "pictures[numbers].permute(0, 3, 1, 2)" if plan.coloured else "pictures[numbers][:, None]"
    )
    body = f"return {taken} / 255"
    words = (
        "`taken` gives the pictures of these numbers: N × channels × height × width, from 0 to 1."
    )
    return Cell("Tensors", words, apart(texts.TENSORS, function("taken(numbers)", body)))
