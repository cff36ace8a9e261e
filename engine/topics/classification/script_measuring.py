"""The cells of a run's script that measure its networks and print the metrics (torch-free)."""

from __future__ import annotations

from collections.abc import Iterator

from engine.topics.classification import script_texts as texts
from engine.topics.classification.script_cells import NOTHING, Cell, apart, indented
from engine.topics.classification.script_plan import Plan


def measures(plan: Plan) -> Cell:
    if plan.swept != "none":
        return NOTHING
    return Cell("Measures", texts.MEASURES_WORDS, apart(texts.AUC, texts.CALIBRATION_ERROR))


def metrics(plan: Plan) -> Cell:
    lines = ["metrics = {}", "with torch.no_grad():"]
    lines.append("    for name, (part_x, part_y) in parts.items():")
    lines += indented(indented(scores(plan)))
    if plan.config.class_weights:
        value = plan.exactly("model(inputs)", "targets")
        lines.append(f'    metrics["train_loss"] = loss({value}).item()')
    if plan.penalised:
        lines.append('    metrics["train_loss"] += penalty(model).item()')
    words = "Losses in double precision, as small ones would lose their digits." * plan.binary
    return Cell("Metrics", words, "\n".join(lines))


def scores(plan: Plan) -> Iterator[str]:
    """The metrics of one part of the data."""
    loss = f"{plan.plain_loss}({plan.exactly('logits', 'part_y')})"
    yield "logits = model(part_x)"
    yield f'metrics[f"{{name}}_loss"] = {loss}.item()'
    yield f"right = ({plan.right('logits', 'part_y')}).float()"
    yield 'metrics[f"{name}_accuracy"] = right.mean().item()'
    if plan.swept == "none":
        yield "found = [right[part_y == k].mean() for k in part_y.unique()]"
        yield 'metrics[f"{name}_balanced_accuracy"] = torch.stack(found).mean().item()'
        yield from ranking(plan)
        yield 'metrics[f"{name}_ece"] = calibration_error(p, part_y)'


def ranking(plan: Plan) -> Iterator[str]:
    """Probabilities, and the area under the ROC curve."""
    if plan.binary:
        yield "p = torch.stack([torch.sigmoid(-logits), torch.sigmoid(logits)], 1)"
        area = "auc(p[:, 1], part_y == 1)"
    else:
        yield "p = torch.softmax(logits, 1)"
        some = f"range({plan.classes})"
        if plan.lacking:
            yield "some = [k for k in part_y.unique() if (part_y != k).any()]"
            some = "some"
        yield f"areas = [auc(p[:, k], part_y == k) for k in {some}]"
        area = "sum(areas) / len(areas)"
    assign = f'metrics[f"{{name}}_auc"] = {area}'
    yield f"if len(part_y.unique()) > 1:\n    {assign}" if plan.lacking else assign


def cross_validation(plan: Plan) -> Cell:
    if not plan.folds:
        return NOTHING
    code = texts.FOLDS.format(
        seed=plan.value("data_seed"),
        fewest="fewest = len(order) - len(folds[0])\n" * plan.uneven,
        cut="[:fewest]" * plan.uneven,
        folds=plan.folds,
        arguments=", streams[0]" * plan.seeded + ", stopping=False" * plan.stops,
        right=plan.right("model(inputs[fold])", "targets[fold]"),
    )
    for_all = "for metrics in members:\n    " * plan.several
    code += f'\n{for_all}metrics["cv_accuracy"] = right / len(targets)'
    words = "Every row is answered by a network that has not seen its fold."
    if plan.uneven:
        words += " All of them learn from as many rows, so one more is left out with smaller folds."
    return Cell("Cross-validation", words, code)


def told(plan: Plan) -> str:
    """A line of the table of a sweep."""
    names = [name for name in ("train", "val") if name in plan.rows.parts]
    means = [f'{name} = metrics["{name}_accuracy"]' for name in names]
    if plan.several:
        mean = 'statistics.fmean(m["{name}_accuracy"] for m in members[-{count}:])'
        means = [f"{name} = {mean.format(name=name, count=plan.config.seeds)}" for name in names]
    told = ", ".join(f"{name} {{{name}:.3f}}" for name in names)
    return "\n".join([*means, f'print(f"{{{plan.swept}:>10}}: accuracy {told}")'])


def result(plan: Plan) -> Cell:
    if plan.members == 1:
        return Cell("Result", "", "print(json.dumps(metrics))")
    words = "Means and standard deviations over all networks."
    several = texts.NOT_DIVERGED + texts.MEANS if plan.swept != "none" else texts.MEANS
    return Cell("Result", words, several)
