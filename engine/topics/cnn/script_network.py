"""The cells of a run's script with its layers and its network (torch-free)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod

from engine.topics.classification.script_cells import Cell, apart
from engine.topics.cnn import blocks
from engine.topics.cnn import script_texts as texts
from engine.topics.cnn.blocks import Stage
from engine.topics.cnn.script_plan import Plan


def layers(plan: Plan) -> Cell:
    """Layers that PyTorch does not have."""
    found = [texts.STANDARDISE] * plan.config.standardise
    if "dropout" in plan.kinds:
        live = "dropout" in plan.changed
        found.append(texts.LIVE_DROPOUT if live else texts.DROPOUT)
    found += [texts.GLOBAL_AVERAGE] * ("gap" in plan.kinds)
    found += [texts.ROWS] * bool(plan.kinds & {"lstm", "bilstm"})
    for kind in ("residual", "bottleneck"):
        stages = [stage for stage in plan.stages if stage.block.kind == kind]
        if stages:
            # even where the picture keeps its size, as one of a single pixel does
            resized = any(s.input != s.output or s.block.numbers[1] > 1 for s in stages)
            found.append(texts.residual(kind, resized))
    found += [texts.INCEPTION] * ("inception" in plan.kinds)
    return Cell("Layers", "Layers that PyTorch has not got." * bool(found), apart(*found))


def model(plan: Plan) -> Cell:
    """The network, and its weights at the start."""
    rows = ["Standardise()"] * plan.config.standardise
    lines = "".join(f"    {row},\n" for row in rows)
    lines += "".join(f"    {line}\n" for stage in plan.stages for line in written(plan, stage))
    code = [f"model = nn.Sequential(\n{lines})", initial(plan)]
    if "dropout" in plan.kinds:
        code.append(texts.SILENCED)
    move = "model = model.to(device)"
    if plan.convolutional:
        move = "model = model.to(device, memory_format=torch.channels_last)"
    words = "Behind a layer stands what it gives, where that has another shape. "
    words += "Weights start uniform in ±1/√(inputs of a unit)"
    if plan.kinds & {"lstm", "bilstm"}:
        words += ", those of an LSTM in ±1/√(its units)"
    words += ", as PyTorch's own do."
    return Cell("Model", words, "\n".join([*code, move]))


def initial(plan: Plan) -> str:
    kinds = ["nn.Conv2d"] * plan.convolutional + ["nn.Linear"]
    text = texts.INITIALISE
    if plan.kinds & {"lstm", "bilstm"}:
        text = texts.INITIALISE_ROWS
    return text.format(seed=plan.seed("weights"), kinds=" | ".join(kinds))


def written(plan: Plan, stage: Stage) -> Iterator[str]:
    """A stage as modules, one a line; a shape behind it where it is a new one."""
    *before, last = modules(plan, stage)
    for module in before:
        yield f"{module},"
    shape = f"  # {' × '.join(map(str, stage.output))}" if stage.output != stage.input else ""
    yield f"{last},{shape}"


def modules(plan: Plan, stage: Stage) -> Iterator[str]:
    block, given = stage.block, stage.input
    if block.kind == "dense":
        if len(given) > 1:
            yield "nn.Flatten()"
        yield f"nn.Linear({prod(given)}, {block.numbers[0]})"
    elif block.kind == "dropout":
        yield "Dropout()" if "dropout" in plan.changed else f"Dropout({block.values[0]!r})"
    elif block.kind in texts.MODULES:
        yield texts.MODULES[block.kind]
    else:
        yield _SIZED[block.kind](stage)


def _conv(stage: Stage) -> str:
    channels, kernel, stride, padding = stage.block.numbers
    more = f", stride={stride}" * (stride > 1) + f", padding={padding}" * (padding > 0)
    return f"nn.Conv2d({stage.input[0]}, {channels}, {kernel}{more})"


def _pool(stage: Stage) -> str:
    kernel, stride, padding = (*stage.block.numbers, 0)[:3]
    name = "nn.MaxPool2d" if stage.block.kind == "maxpool" else "nn.AvgPool2d"
    more = f", stride={stride}" * (stride != kernel) + f", padding={padding}" * (padding > 0)
    return f"{name}({kernel}{more})"


def _norm(stage: Stage) -> str:
    return f"nn.BatchNorm{'1d' if len(stage.input) == 1 else '2d'}({stage.input[0]})"


def _residual(stage: Stage) -> str:
    channels, stride = stage.block.numbers
    name = stage.block.kind.capitalize()
    return f"{name}({stage.input[0]}, {channels}{f', stride={stride}' * (stride > 1)})"


def _inception(stage: Stage) -> str:
    narrow, medium, wide, pooled = stage.block.numbers
    first = (narrow, *blocks.reductions(stage.block))
    return f"Inception({stage.input[0]}, {first}, {medium}, {wide}, {pooled})"


def _rows(stage: Stage) -> str:
    hidden, count = stage.block.numbers
    more = ", bidirectional=True" * (stage.block.kind == "bilstm")
    width = stage.input[0] * stage.input[2]
    return f"Rows({width}, {hidden}, {count}, batch_first=True{more})"


_SIZED: dict[str, Callable[[Stage], str]] = {
    "conv": _conv,
    "maxpool": _pool,
    "avgpool": _pool,
    "norm": _norm,
    "residual": _residual,
    "bottleneck": _residual,
    "inception": _inception,
    "lstm": _rows,
    "bilstm": _rows,
}
