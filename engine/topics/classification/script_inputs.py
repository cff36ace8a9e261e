"""The cells of a run's script that bring its rows to the network (torch-free)."""

from __future__ import annotations

from collections.abc import Iterator

from engine.topics.classification import script_texts as texts
from engine.topics.classification.script_cells import Cell
from engine.topics.classification.script_plan import Plan
from engine.topics.classification.spec import PLANE


def inputs(plan: Plan) -> Cell:
    """Tensors of each part, scaled."""
    lines = [*features(plan), *scaling(plan)]
    lines.append("y = torch.from_numpy(y)" + ".float()" * plan.binary)
    if plan.split:
        names = ", ".join(f'"{name}"' for name in plan.rows.parts)
        lines.append(f"parts = {{name: (x[part == name], y[part == name]) for name in ({names})}}")
    else:
        lines.append('parts = {"train": (x, y)}')
    lines.append('inputs, targets = parts["train"]')
    if plan.patience:
        lines.append('held_x, held_y = parts["val"]')
    words = texts.SCALING_WORDS[plan.config.scaling]
    if plan.config.class_weights:
        lines.append(texts.CLASS_WEIGHTS.format(classes=plan.classes))
        words += " The rarer a class, the larger its weight."
    return Cell("Inputs", words, "\n".join(lines))


def features(plan: Plan) -> Iterator[str]:
    """Squares, product and sines of points on a plane."""
    config = plan.config
    added = []
    if config.data in PLANE:
        added += ["x", "x**2"] if config.squares else ["x"]
        added += ["x[:, 0] * x[:, 1]"] if config.product else []
        added += ["np.sin(3 * x)"] if config.sines else []
    if len(added) > 1:
        yield f"x = np.column_stack([{', '.join(added)}])"
    yield "x = torch.from_numpy(x)"


def scaling(plan: Plan) -> Iterator[str]:
    learned = 'x[part == "train"]' if plan.split else "x"
    if plan.config.scaling == "standard":
        yield f"spread, shift = torch.std_mean({learned}.double(), 0)"
        yield "spread, shift = spread.float(), shift.float()"
    elif plan.config.scaling == "range":
        yield f"shift = {learned}.amin(0)"
        yield f"spread = {learned}.amax(0) - shift"
    else:
        return
    if plan.constant:
        yield "spread = torch.where(spread > 0, spread, 1.0)  # columns that never change"
    yield "x = (x - shift) / spread"
