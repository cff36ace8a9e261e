"""The run as a script in plain PyTorch: alone, it ends on the same metrics (torch-free).

A script is put together from the parts that its settings need, and says nothing of the others.
With several seeds its members train one after the other, where the run trained them at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from textwrap import fill, indent
from typing import Any, NamedTuple

import numpy as np

from engine.data.tables import Table
from engine.errors import NotFound
from engine.topics.regression import data
from engine.topics.regression import script_texts as texts
from engine.topics.regression.data import Dataset
from engine.topics.regression.spec import NETWORKS, RegressionConfig
from engine.training.streams import stream_seed
from engine.words import _

NUMBERS_LIMIT = 200_000
"""Numbers of the data that a script holds at most."""

PARTS = {"train": data.TRAIN, "val": data.VALIDATION, "test": data.TEST}


class Cell(NamedTuple):
    """A part of the script: a heading, a sentence or two, and code."""

    title: str
    words: str
    code: str


def script(
    config: RegressionConfig,
    table: Table | None = None,
    changes: Sequence[tuple[int, Mapping[str, Any]]] = (),
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
        When the data are too large to be written into a script.
    GalleryError
        When they cannot be had.
    """
    dataset = data.make(config, table)
    if dataset.x.size + dataset.y.size > NUMBERS_LIMIT:
        text = _("The data have more than {limit:,} numbers, too many to be written into a script.")
        raise NotFound(text.format(limit=NUMBERS_LIMIT))
    rates = {step: new["learning_rate"] for step, new in changes if "learning_rate" in new}
    return Writer(config, dataset, rates).whole()


class Writer:
    """Writes the script of one run.

    Parameters
    ----------
    rates
        New learning rates by the number of steps that were done before.
    """

    def __init__(
        self, config: RegressionConfig, dataset: Dataset, rates: Mapping[int, float]
    ) -> None:
        self.config, self.dataset, self.rates = config, dataset, rates
        self.features = dataset.x.shape[1]
        self.noisy = config.model == "noisy"
        self.dropout = config.model in NETWORKS and config.dropout > 0
        self.random = self.noisy or self.dropout
        self.polynomial = config.model == "polynomial"
        self.scaled = self.polynomial or config.scaling != "none"
        self.scaled_target = config.scaling == "both"
        self.penalised = bool(config.l1 or (config.l2 and config.optimiser != "adamw"))
        self.rows = int((dataset.part == data.TRAIN).sum())
        self.size = min(config.batch_size or self.rows, self.rows)
        self.whole_batches = self.size == self.rows
        self.held_out = bool((dataset.part == data.VALIDATION).any())
        self.patience = config.patience if self.held_out else 0
        self.stops = bool(self.patience or config.target)
        self.quantiles = config.loss == "quantile"
        self.steered = config.schedule != "constant" or bool(rates)

    def whole(self) -> str:
        """All cells, in order."""
        cells = [self.preparation(), self.data(), self.scaling(), self.parts(), self.objective()]
        body = [self.model(), self.training(), self.metrics()]
        if self.config.seeds > 1:
            body = [self.seed_by_seed(body)]
        cells += [*body, self.result()]
        title = self.config.settings()["data"].label(self.config.data)
        docstring = (
            f'"""Regression: {title}. A run of the PyTorch Live Gallery as a program of its own.\n\n'
            "Needs only PyTorch, and prints the final metrics of that run as one line of JSON.\n"
            '"""\n'
        )
        return docstring + "".join(_written(cell) for cell in cells if cell.code)

    # Data ------------------------------------------------------------------------------------

    def preparation(self) -> Cell:
        needed = {
            "copy": self.patience > 0,
            "json": True,
            "math": self.config.schedule in ("cosine", "one-cycle"),
            "statistics": self.config.seeds > 1,
        }
        imports = "\n".join(f"import {module}" for module, need in needed.items() if need)
        code = f"{imports}\n\nimport torch\nfrom torch import nn\n\ntorch.set_num_threads(1)"
        return Cell(
            "Preparation", "On the CPU and with one thread, as the numbers depend on it.", code
        )

    def data(self) -> Cell:
        names = ", ".join([*self.dataset.features, self.dataset.target])
        words = f"Each row holds {names}. The model learns from the rows of `train` alone."
        parts = [(name, self.dataset.of(part)) for name, part in PARTS.items()]
        inside = "".join(f'    "{name}": {_tensor(x, y)},\n' for name, (x, y) in parts if len(x))
        lines = [f"rows = {{\n{inside}}}", 'x, y = rows["train"][:, :-1], rows["train"][:, -1:]']
        return Cell("Data", words, "\n".join([*lines, *([] if self.scaled else self.inputs())]))

    def scaling(self) -> Cell:
        if not self.scaled:
            return Cell("", "", "")
        words = "Inputs come to mean 0 and standard deviation 1"
        if self.polynomial:
            words = "Inputs come to the range -1…1, where Legendre polynomials are at home"
        if self.scaled_target:
            to = "the range 0…1" if self.config.output == "sigmoid" else "mean 0, deviation 1"
            words += f"; the target comes to {to}"
        scales = "\n".join([*self.input_scale(), *self.target_scale()])
        code = _apart(scales, *self.prepare(), "\n".join(self.inputs()))
        return Cell("Scaling", f"{words}. Metrics are in the units of the data.", code)

    def input_scale(self) -> Iterator[str]:
        x, _y = self.dataset.of(data.TRAIN)
        numeric = ((x != 0) & (x != 1)).any(0)
        numeric &= [name not in self.dataset.unscaled for name in self.dataset.features]
        yield "exact = x.double()"
        if self.polynomial:
            yield "low, high = exact.amin(0), exact.amax(0)"
            yield "shift, spread = (low + high) / 2, (high - low) / 2"
        elif numeric.all():
            yield "shift, spread = exact.mean(0), exact.std(0)"
        else:
            yield f"numeric = torch.tensor({numeric.tolist()})  # the others are codes"
            yield "shift = torch.where(numeric, exact.mean(0), 0.0)"
            yield "spread = torch.where(numeric, exact.std(0), 1.0)"
        if (x == x[0]).all(0).any():
            yield "spread = torch.where(spread > 0, spread, 1.0)  # a column that never changes"
        yield "shift, spread = shift.float(), spread.float()"

    def target_scale(self) -> Iterator[str]:
        if not self.scaled_target:
            return
        _x, y = self.dataset.of(data.TRAIN)
        yield "exact = y.double()"
        if self.config.output == "sigmoid":
            yield "target_shift, target_spread = exact.min(), exact.max() - exact.min()"
        else:
            yield "target_shift, target_spread = exact.mean(), exact.std()"
        if (y == y[0]).all():
            yield "target_spread = torch.where(target_spread > 0, target_spread, 1.0)"
        yield "target_shift, target_spread = target_shift.float(), target_spread.float()"

    def prepare(self) -> Iterator[str]:
        """Functions from the units of the data to those of training, and back."""
        prepared = "(x - shift) / spread"
        if self.polynomial:
            yield _function("legendre(x)", texts.LEGENDRE.format(degree=self.config.degree))
            prepared = f"legendre({prepared})"
        yield _function("prepare(x)", f"return {prepared}")
        if self.scaled_target:
            restored = "return outputs.double() * target_spread + target_shift"
            yield _function("restore(outputs)", restored)

    def inputs(self) -> Iterator[str]:
        """What training works on."""
        yield f"inputs, targets = {self.prepared('x')}, {self.scaled_to('y')}"
        if self.held_out:
            x, y = 'rows["val"][:, :-1]', 'rows["val"][:, -1:]'
            yield f"held_x, held_y = {self.prepared(x)}, {self.scaled_to(y)}"

    def scaled_to(self, target: str) -> str:
        return f"({target} - target_shift) / target_spread" if self.scaled_target else target

    def prepared(self, rows: str) -> str:
        return f"prepare({rows})" if self.scaled else rows

    def restored(self, outputs: str) -> str:
        return f"restore({outputs})" if self.scaled_target else f"{outputs}.double()"

    # Model and loss ------------------------------------------------------------------------------

    def parts(self) -> Cell:
        """Layers that PyTorch does not have, or not with a generator of their own."""
        classes, words = [], []
        if self.random:
            words.append("Random layers draw from a generator of this run.")
        if self.noisy:
            classes.append(texts.NOISE.format(sd=self.config.input_noise))
        if self.dropout:
            classes.append(texts.DROPOUT.format(rate=self.config.dropout))
        if self.quantiles:
            words.append("The quantiles of 10, 50 and 90 % cannot cross.")
            classes.append(texts.QUANTILES)
        return Cell("Layers", " ".join(words), _apart(*classes))

    def objective(self) -> Cell:
        """The loss, and the schedule if there is one."""
        title, words = "Loss", texts.LOSS_WORDS[self.config.loss]
        parts = [texts.LOSSES[self.config.loss].format(huber_delta=self.config.huber_delta)]
        if self.penalised:
            words += " To it comes a penalty on the weights, but not on the biases."
            parts.append(_function("penalty(model)", self.penalty()))
        if self.config.schedule != "constant":
            title += " and schedule"
            words += " The learning rate has a factor, given the share t of all steps that is done."
            parts.append(_function("factor(t)", texts.SCHEDULES[self.config.schedule]))
        return Cell(title, words, _apart(*parts))

    def penalty(self) -> str:
        l1, l2 = self.config.l1, self.config.l2 if self.config.optimiser != "adamw" else 0.0
        lines = ['weights = [p for name, p in model.named_parameters() if name.endswith("weight")]']
        terms = [f"[{l1} * w.abs().sum() for w in weights]"] * bool(l1)
        terms += [f"[{l2} / 2 * w.square().sum() for w in weights]"] * bool(l2)
        return "\n".join([*lines, f"return torch.stack({' + '.join(terms)}).sum()"])

    def value(self, inputs: str, targets: str) -> str:
        """The loss of a batch, penalties included."""
        loss = f"loss(model({inputs}), {targets})"
        return f"({loss} + penalty(model))" if self.penalised else loss

    def model(self) -> Cell:
        layers = "".join(f"    {layer},\n" for layer in self.layers())
        code = f"model = nn.Sequential(\n{layers})\n{self.generator('weights')}\n{texts.INITIALISE}"
        words = "Weights start uniform in ±1/√(inputs of the layer), PyTorch's own default."
        return Cell("Model", words, code)

    def layers(self) -> Iterator[str]:
        config = self.config
        widths = [self.features * (config.degree if self.polynomial else 1)]
        if config.model in NETWORKS:
            halvings = [i if config.taper else 0 for i in range(config.layers)]
            widths += [max(1, config.units >> halved) for halved in halvings]
        if self.noisy:
            yield "Noise()"
        for before, after in pairwise(widths):
            yield f"nn.Linear({before}, {after})"
            yield texts.ACTIVATIONS[config.activation]
            if self.dropout:
                yield "Dropout()"
        yield f"nn.Linear({widths[-1]}, {3 if self.quantiles else 1})"
        if self.quantiles:
            yield "Quantiles()"
        if config.output == "sigmoid":
            yield "nn.Sigmoid()"

    def generator(self, stream: str) -> str:
        alone = self.config.seeds == 1
        seed = stream_seed(self.config.seed, stream) if alone else f'seeds["{stream}"]'
        return f"{stream} = torch.Generator().manual_seed({seed})"

    # Training ------------------------------------------------------------------------------------

    def training(self) -> Cell:
        """The optimiser and the loop."""
        words = [
            "All rows at once in every step."
            if self.whole_batches
            else f"Batches of {self.size} rows, shuffled in every epoch."
        ]
        if self.patience:
            words.append(
                f"Training ends after {self.patience} epochs without a better loss on the rows "
                "held out, and goes back to the best weights."
            )
        if self.config.target:
            words.append(f"It ends as soon as the loss is at most {self.config.target}.")
        lines = [*self.before_loop(), *self.loop()]
        if self.patience:
            lines.append("model.load_state_dict(kept)")
        return Cell("Training", " ".join(words), "\n".join(lines))

    def before_loop(self) -> Iterator[str]:
        config, parameters = self.config, "model.parameters()"
        if config.optimiser == "adamw" and config.l2:
            parameters = texts.DECAYED.format(l2=config.l2)
        optimiser = texts.OPTIMISERS[config.optimiser]
        yield "optimiser = torch.optim." + optimiser.format(
            parameters=parameters, rate=config.learning_rate
        )
        if self.random:
            yield self.generator("noise")
        if not self.whole_batches:
            yield self.generator("batches")
        if self.steered:
            yield f"rate = {config.learning_rate}"
        if self.rates:
            yield f"changes = {self.rates}  # rates that were set after so many steps"
        if self.patience:
            yield f'kept, best, best_epoch = {texts.COPY}, float("inf"), 0'
        if self.steered and not self.whole_batches:
            yield "step = 0"

    def loop(self) -> Iterator[str]:
        epochs = self.config.epochs
        if self.whole_batches and not self.stops:
            yield f"for step in range({epochs}):"
            yield from _indented(self.step("inputs", "targets"))
            return
        yield f"for epoch in range(1, {epochs + 1}):"
        if self.whole_batches:
            if self.steered:
                yield "    step = epoch - 1"
            yield from _indented(self.step("inputs", "targets"))
        else:
            yield texts.BATCHES.format(size=self.size)
            yield from _indented(_indented(self.step("batch_x", "batch_y")))
            if self.steered:
                yield "        step += 1"
        if self.stops:
            yield from _indented(self.end_of_epoch())

    def step(self, inputs: str, targets: str) -> Iterator[str]:
        """One step of the optimiser."""
        if self.rates:
            yield "rate = changes.get(step, rate)"
        if self.steered:
            steps = self.config.epochs * -(-self.rows // self.size)
            scheduled = self.config.schedule != "constant"
            yield "for group in optimiser.param_groups:"
            yield f'    group["lr"] = {f"rate * factor(step / {steps})" if scheduled else "rate"}'
        value = self.value(inputs, targets)
        if self.config.optimiser == "lbfgs":
            yield texts.CLOSURE.format(value=value)
            yield "optimiser.step(closure)"
        else:
            yield "optimiser.zero_grad()"
            yield f"{value}.backward()"
            yield "optimiser.step()"

    def end_of_epoch(self) -> Iterator[str]:
        """Early stopping, and the target."""
        if self.random:
            yield "model.eval()"
        yield "with torch.no_grad():"
        if self.patience:
            yield "    held_loss = loss(model(held_x), held_y).item()"
        if self.config.target:
            yield f"    reached = {self.value('inputs', 'targets')}.item() <= {self.config.target}"
        if self.random:
            yield "model.train()"
        reasons = []
        if self.patience:
            yield "if held_loss < best:"
            yield f"    best, best_epoch, kept = held_loss, epoch, {texts.COPY}"
            reasons.append(f"epoch - best_epoch >= {self.patience}")
        if self.config.target:
            if self.patience:
                yield f"if reached:\n    kept = {texts.COPY}"
            reasons.insert(0, "reached")
        yield f"if {' or '.join(reasons)}:"
        yield "    break"

    # Metrics ----------------------------------------------------------------------------------------

    def metrics(self) -> Cell:
        words = "In the units of the data; the losses in those of training."
        lines = ["model.eval()"] if self.random else []
        lines += ["metrics = {}", "with torch.no_grad():", "    for part, table in rows.items():"]
        lines += _indented(_indented(self.errors()))
        lines += [f'    metrics["train_loss"] = {self.value("inputs", "targets")}.item()']
        if self.held_out:
            lines += ['    metrics["val_loss"] = loss(model(held_x), held_y).item()']
        if self.config.model == "linear" and self.features == 1 and len([*self.layers()]) == 1:
            ends = self.prepared("torch.tensor([[0.0], [1.0]]).double()")
            lines += [texts.LINE.format(ends=self.restored(f"model.double()({ends})"))]
        return Cell("Metrics", words, "\n".join(lines))

    def errors(self) -> Iterator[str]:
        """The metrics of one part of the data."""
        predicted = "outputs"
        yield "actual = table[:, -1:].double()"
        answers = f"model({self.prepared('table[:, :-1]')})"
        yield f"outputs = {self.restored(answers)}"
        if self.quantiles:
            predicted = "middle"
            yield "low, middle, high = outputs.split(1, dim=1)"
        yield texts.ERRORS.format(predicted=predicted)
        if self.quantiles:
            yield texts.COVERAGE

    def seed_by_seed(self, body: Sequence[Cell]) -> Cell:
        """The cells of one member in a loop over all of them."""
        streams = ["weights"] + ["noise"] * self.random
        streams += ["batches"] * (self.size < self.rows)
        first = self.config.seed
        each = [
            {stream: stream_seed(seed, stream) for stream in streams}
            for seed in range(first, first + self.config.seeds)
        ]
        listed = "".join(f"    {seeds},\n" for seeds in each).replace("'", '"')
        parts = [f"{_comment(f'{c.title}. {c.words}')}\n{c.code}" for c in body]
        inside = indent("\n\n".join([*parts, "members.append(metrics)"]), "    ")
        code = f"streams = [\n{listed}]\nmembers = []\nfor seeds in streams:\n{inside}"
        words = f"{len(each)} models from as many random starts; the run trained them at once."
        return Cell("Training, seed by seed", words, code)

    def result(self) -> Cell:
        if self.config.seeds == 1:
            return Cell("Result", "", "print(json.dumps(metrics))")
        return Cell("Result", "Means and standard deviations over the seeds.", texts.MEANS)


def _written(cell: Cell) -> str:
    words = f"{_comment(cell.words)}\n" if cell.words else ""
    return f"\n# %% {cell.title}\n{words}{cell.code}\n"


def _comment(words: str) -> str:
    return fill(words, 94, initial_indent="# ", subsequent_indent="# ", break_long_words=False)


def _function(head: str, body: str) -> str:
    return f"def {head}:\n{indent(body, '    ')}"


def _apart(*parts: str) -> str:
    """Functions and classes with two empty lines between them."""
    return "\n\n\n".join(parts)


def _indented(lines: Iterable[str]) -> list[str]:
    return [indent(line, "    ") for line in lines]


def _tensor(x: np.ndarray, y: np.ndarray) -> str:
    """Rows as the source of a tensor; numbers as short as float32 allows."""
    listed = [f"[{', '.join(map(str, row))}]" for row in np.column_stack([x, y])]
    several = max(1, 86 // (max(map(len, listed)) + 2))
    lines = (", ".join(listed[i : i + several]) for i in range(0, len(listed), several))
    inside = "".join(f"            {line},\n" for line in lines)
    return f"torch.tensor(\n        [\n{inside}        ]\n    )"
