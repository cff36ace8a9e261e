"""The run as a script in plain PyTorch: alone, it ends on the same metrics (torch-free).

A script is put together from the parts that its settings need, and says nothing of the others.
Networks that the run trained at once (seeds, variants, folds) train one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from textwrap import fill, indent
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.topics.classification import script_texts as texts
from engine.topics.classification.script_data import SWEPT, Rows, facts
from engine.topics.classification.spec import BUNDLED, OFFICIAL_TEST, PLANE, ClassificationConfig
from engine.topics.classification.variants import Number, values, variant
from engine.topics.regression.script_texts import CLOSURE, COPY, OPTIMISERS, SCHEDULES
from engine.training.streams import stream_seed

if TYPE_CHECKING:
    from engine.data.tables import Table

Change = tuple[int, Mapping[str, Any]]

LIVE = ("learning_rate", "l1", "l2", "dropout", "input_noise")
"""Settings that can be changed while a run trains, and change what it learns."""


class Cell(NamedTuple):
    """A part of the script: a heading, a sentence or two, and code."""

    title: str
    words: str
    code: str


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
    return Writer(config, table, changes).program()


class Writer:
    """Writes the script of one run."""

    def __init__(
        self, config: ClassificationConfig, table: Table | None, changes: Sequence[Change]
    ) -> None:
        self.config = config
        self.values: list[Number] = values(config)
        self.variants = [variant(config, value) for value in self.values] or [config]
        self.swept = config.sweep
        self.changes = merged(changes, {name for name in LIVE if name != self.swept})
        self.changed = {name for new in self.changes.values() for name in new}
        apart = self.variants if self.swept in (*SWEPT, "none") else self.variants[:1]
        self.known = [facts(each, table) for each in apart]
        self.rows = Rows(apart, self.known, table, self.value, self.swept)
        first = self.known[0]
        self.features, self.classes = first.features, first.classes
        self.binary = first.classes == 2
        self.held_out = "val" in self.rows.parts
        self.folds = config.folds if config.folds > 1 and self.swept == "none" else 0
        self.several = config.seeds > 1
        self._training()

    def _training(self) -> None:
        """What the loop needs."""
        config, random = self.config, self.config.optimiser != "lbfgs"
        self.noisy = random and self.used("input_noise")
        self.dropout = random and self.used("dropout") and any(c.layers for c in self.variants)
        self.random = self.noisy or self.dropout
        self.batch_norm = config.normalisation == "batch"
        self.modes = self.random or (self.batch_norm and any(c.layers for c in self.variants))
        self.decayed = config.optimiser == "adamw" and self.used("l2")
        self.penalised = self.used("l1") or (self.used("l2") and not self.decayed)
        counts = [known.rows for known in self.known]
        if self.folds:
            counts.append(counts[0] - -(-counts[0] // self.folds))
        sizes = {c.batch_size for c in self.variants}
        self.sizes = {min(size or count, count) for size in sizes for count in counts}
        whole = {0 < (size or count) >= count for size in sizes for count in counts}
        uncertain = config.data in OFFICIAL_TEST and config.oversample != "none"
        self.full_batch, self.mixed = whole == {True}, len(whole) > 1
        self.single_rows = self.batch_norm and (
            uncertain or any(count % size == 1 for size in self.sizes for count in counts)
        )
        self.patience = config.patience if self.held_out else 0
        self.target = config.target_accuracy
        self.stops = bool(self.patience or self.target)
        self.scheduled = config.schedule != "constant"
        self.steered = self.scheduled or bool(self.changes)
        self.one_length = len({c.epochs for c in self.variants}) == 1 and len(self.sizes) == 1
        self.steps = None
        if self.one_length and len(set(counts)) == 1 and not uncertain:
            self.steps = config.epochs * -(-counts[0] // min(self.sizes))

    def used(self, name: str) -> bool:
        """Whether a number is other than 0 for some network at some time."""
        return name in self.changed or any(getattr(c, name) for c in self.variants)

    def value(self, name: str) -> str:
        """Source of the value of a setting."""
        if name == self.swept:
            return name
        return f'now["{name}"]' if name in self.changed else repr(getattr(self.config, name))

    def program(self) -> str:
        """All cells, in order."""
        rows = [self.data(), self.inputs()]
        functions = [self.splitting(), self.parts(), self.objective(), self.measures()]
        if self.folds:
            body = [self.train_function(), self.call(), self.metrics()]
        else:
            body = [self.model(), self.training(), self.metrics()]
        if self.swept in SWEPT:
            cells = [*functions, self.loop_over([*rows, *body])]
        else:
            looped = self.several or self.swept != "none"
            if self.folds and looped:
                functions, body = [*functions, body[0]], body[1:]
            learning = [self.loop_over(body)] if looped else body
            cells = [functions[0], *rows, *functions[1:], *learning, self.cross_validation()]
        cells = [self.preparation(), *cells, self.result()]
        title = self.config.settings()["data"].label(self.config.data)
        needs = "PyTorch and NumPy"
        needs += ", and scikit-learn for its data" * (self.config.data in BUNDLED)
        needs += ", and torchvision for the pictures" * (self.config.data in OFFICIAL_TEST)
        words = (
            f"Classification: {title}.\n",
            "A run of the PyTorch Live Gallery as a program of its own. It needs "
            f"{needs}, and prints the final metrics of that run as one line of JSON.",
        )
        docstring = f'"""{words[0]}\n{fill(words[1], 98)}\n"""\n'
        return docstring + "".join(_written(cell) for cell in cells if cell.code)

    # Data ------------------------------------------------------------------------------------

    def preparation(self) -> Cell:
        needed = {
            "copy": self.patience > 0,
            "json": True,
            "math": self.config.schedule in ("cosine", "one-cycle")
            or (self.scheduled and self.steps is None),
            "statistics": self.members > 1,
        }
        imports = "\n".join(f"import {module}" for module, need in needed.items() if need)
        pairs = "\nfrom itertools import pairwise" if self.swept == "layers" else ""
        others = ["from torch import nn", *self.rows.imports()]
        lines = "\n".join(["import numpy as np", "import torch", *sorted(others)])
        code = f"{imports}{pairs}\n\n{lines}\n\ntorch.set_num_threads(1)"
        return Cell(
            "Preparation", "On the CPU and with one thread, as the numbers depend on it.", code
        )

    @property
    def members(self) -> int:
        """Networks, without those of a cross-validation."""
        return len(self.variants) * self.config.seeds

    def splitting(self) -> Cell:
        functions = self.rows.functions()
        words = " ".join(texts.SPLIT_WORDS[name] for name in functions)
        return Cell("Orders", words, _apart(*functions.values()))

    def data(self) -> Cell:
        words = "Points on a plane, in classes from 0." if self.config.data in PLANE else ""
        if len(self.rows.parts) > 1:
            words += " The network learns from the rows of `train` alone."
        return Cell("Data", words.strip(), "\n".join(self.rows.lines()))

    def inputs(self) -> Cell:
        """Tensors of each part, scaled."""
        lines = [*self.features_of_points(), *self.scaling()]
        lines.append("y = torch.from_numpy(y)" + ".float()" * self.binary)
        if len(self.rows.parts) > 1:
            names = ", ".join(f'"{name}"' for name in self.rows.parts)
            lines.append(
                f"parts = {{name: (x[part == name], y[part == name]) for name in ({names})}}"
            )
        else:
            lines.append('parts = {"train": (x, y)}')
        lines.append('inputs, targets = parts["train"]')
        if self.patience:
            lines.append('held_x, held_y = parts["val"]')
        if self.config.class_weights:
            lines.append(texts.CLASS_WEIGHTS.format(classes=self.classes))
        words = {
            "none": "As tensors.",
            "standard": "Inputs come to mean 0 and standard deviation 1.",
            "range": "Inputs come to the range 0…1.",
        }[self.config.scaling]
        return Cell("Inputs", words, "\n".join(lines))

    def features_of_points(self) -> Iterator[str]:
        """Squares, product and sines of points on a plane."""
        config = self.config
        added = []
        if config.data in PLANE:
            added += ["x", "x**2"] if config.squares else ["x"]
            added += ["x[:, 0] * x[:, 1]"] if config.product else []
            added += ["np.sin(3 * x)"] if config.sines else []
        if len(added) > 1:
            yield f"x = np.column_stack([{', '.join(added)}])"
        yield "x = torch.from_numpy(x)"

    def scaling(self) -> Iterator[str]:
        learned = 'x[part == "train"]' if len(self.rows.parts) > 1 else "x"
        if self.config.scaling == "standard":
            yield f"spread, shift = torch.std_mean({learned}.double(), 0)"
            yield "spread, shift = spread.float(), shift.float()"
        elif self.config.scaling == "range":
            yield f"shift = {learned}.amin(0)"
            yield f"spread = {learned}.amax(0) - shift"
        else:
            return
        if any(known.constant for known in self.known):
            yield "spread = torch.where(spread > 0, spread, 1.0)  # columns that never change"
        yield "x = (x - shift) / spread"

    # Model and loss ----------------------------------------------------------------------------

    def parts(self) -> Cell:
        """Layers that PyTorch does not have, or not with a generator of their own."""
        code, classes, words = [], [], []
        if self.changed:
            words.append("`now` holds the settings that were changed while the run trained.")
            code.append("now = {}")
        if self.random:
            words.append("Random layers draw from a generator of this run.")
            code.append("noise = torch.Generator()")
        if self.noisy:
            sd = self.value("input_noise")
            idle = "not self.training" + f" or {sd} == 0" * ("input_noise" in self.changed)
            classes.append(texts.NOISE.format(sd=sd, idle=idle))
        if self.dropout:
            rate = self.value("dropout")
            variable = "dropout" in self.changed or self.swept == "dropout"
            idle = "not self.training" + f" or {rate} == 0" * variable
            classes.append(texts.DROPOUT.format(rate=rate, idle=idle))
        if self.config.activation == "sine" and any(c.layers for c in self.variants):
            classes.append(texts.SINE)
        if self.single_rows:
            words.append("Batches of a single row, which PyTorch refuses, have a variance of 0.")
            classes.append(texts.SINGLE_ROWS)
        first = ["\n".join(code)] * bool(code)
        return Cell("Layers", " ".join(words), _apart(*first, *classes))

    def objective(self) -> Cell:
        """The loss, and the schedule if there is one."""
        config = self.config
        title, words = "Loss", "The cross-entropy is minimised."
        plain = texts.PLAIN_LOSSES[self.binary]
        parts = [f"{'plain_loss' if config.class_weights else 'loss'} = {plain}"]
        if config.class_weights:
            words += " An error counts the more, the rarer its class."
            parts.append(texts.WEIGHTED_LOSSES[self.binary])
        if self.penalised:
            words += " To it comes a penalty on the weights, but not on the biases."
            parts.append(_function("penalty(model)", self.penalty()))
        if self.scheduled:
            title += " and schedule"
            words += " The learning rate has a factor, given the share t of all steps that is done."
            parts.append(_function("factor(t)", SCHEDULES[config.schedule]))
        return Cell(title, words, _apart(*parts))

    def penalty(self) -> str:
        terms = [f"{self.value('l1')} * w.abs().sum()"] * self.used("l1")
        if not self.decayed:
            terms += [f"{self.value('l2')} / 2 * w.square().sum()"] * self.used("l2")
        weights = "[p for p in model.parameters() if p.dim() == 2]"
        return f"weights = {weights}\nreturn sum({' + '.join(terms)} for w in weights)"

    def objective_of(self, inputs: str, targets: str) -> str:
        """What training minimises, penalties included."""
        loss = f"loss(model({inputs}), {targets})"
        return f"({loss} + penalty(model))" if self.penalised else loss

    def exactly(self, logits: str, y: str) -> str:
        """What the loss is measured of; in PyTorch's, that of two classes cancels if it is small."""
        return f"{logits}.double(), {y}.double()" if self.binary else f"{logits}, {y}"

    def model(self) -> Cell:
        words, code = texts.INITIALISATIONS[self.config.initialisation]
        lines = [*self.sequential()]
        if self.config.initialisation != "zero":
            lines.append(self.generator("weights"))
        lines += ["with torch.no_grad():", "    for layer in model:"]
        lines += ["        if isinstance(layer, nn.Linear):", indent(code, " " * 12)]
        return Cell("Model", words, "\n".join(lines))

    def sequential(self) -> Iterator[str]:
        outputs = 1 if self.binary else self.classes
        if self.swept == "layers":
            most = max(self.variants, key=lambda config: config.layers)
            yield f"widths = [{self.features}, *{list(most.widths)}[:layers]]"
            yield "stack = []"
            yield "for before, after in pairwise(widths):"
            yield f"    stack += [{', '.join(self.hidden('before', 'after'))}]"
            noise = "Noise(), " * self.noisy
            flat = ", nn.Flatten(0)" * self.binary
            yield f"model = nn.Sequential({noise}*stack, nn.Linear(widths[-1], {outputs}){flat})"
            return
        widths = [str(self.features), *map(str, self.config.widths)]
        if self.swept == "units":
            widths[1:] = ["units"] * self.config.layers
        layers = ["Noise()"] * self.noisy
        for before, after in pairwise(widths):
            layers += self.hidden(before, after)
        layers.append(f"nn.Linear({widths[-1]}, {outputs})")
        layers += ["nn.Flatten(0)"] * self.binary
        yield f"model = nn.Sequential(\n{''.join(f'    {layer},{chr(10)}' for layer in layers)})"

    def hidden(self, inputs: str, outputs: str) -> Iterator[str]:
        """One hidden layer."""
        yield f"nn.Linear({inputs}, {outputs})"
        if self.config.normalisation != "none":
            kind = texts.NORMALISATIONS[self.config.normalisation]
            yield f"{'BatchNorm' if self.single_rows else kind}({outputs})"
        yield texts.ACTIVATIONS[self.config.activation]
        if self.dropout:
            yield "Dropout()"

    def seed(self, stream: str) -> str:
        if self.several:
            return f'seeds["{stream}"]'
        return str(stream_seed(self.config.seed, stream))

    def generator(self, stream: str) -> str:
        return f"{stream} = torch.Generator().manual_seed({self.seed(stream)})"

    # Training ------------------------------------------------------------------------------------

    def training(self) -> Cell:
        """The optimiser and the loop."""
        words = ["Batches, shuffled in every epoch."]
        if self.full_batch:
            words = ["All rows at once in every step."]
        if self.patience:
            words.append(
                f"Training ends after {self.patience} epochs without a better loss on the rows "
                "held out, and goes back to the best weights."
            )
        if self.target:
            words.append(f"It ends as soon as the training accuracy is at least {self.target}.")
        lines = [*self.before_loop(), *self.loop()]
        if self.patience:
            back = "model.load_state_dict(kept)"
            lines.append(f"if stopping:\n    {back}" if self.folds else back)
        if self.modes:
            lines.append("model.eval()")
        return Cell("Training", " ".join(words), "\n".join(lines))

    def before_loop(self) -> Iterator[str]:
        config, parameters = self.config, "model.parameters()"
        if self.changed:
            first = ", ".join(f'"{n}": {getattr(config, n)}' for n in LIVE if n in self.changed)
            yield f"now.update({{{first}}})"
            yield f"changes = {self.changes}  # after so many steps".replace("'", '"')
        if self.decayed:
            parameters = texts.DECAYED.format(l2=self.value("l2"))
        yield "optimiser = torch.optim." + OPTIMISERS[config.optimiser].format(
            parameters=parameters, rate=self.value("learning_rate")
        )
        if self.random:
            yield f"noise.manual_seed({self.seed('noise')})"
        if not self.full_batch:
            yield self.generator("batches")
        if self.mixed:
            every = " or len(inputs)" * any(c.batch_size == 0 for c in self.variants)
            yield f"size = {self.value('batch_size')}{every}"
        if self.scheduled and self.steps is None:
            per_epoch = "" if self.full_batch else f" * math.ceil(len(inputs) / {self.size})"
            yield f"steps = {self.value('epochs')}{per_epoch}"
        if self.patience:
            yield f'kept, best, best_epoch = {COPY}, float("inf"), 0'
        if self.steered and not self.plain_loop:
            yield "step = 0"

    @property
    def size(self) -> str:
        """Source of the rows of a batch."""
        if self.mixed:
            return "size"
        return self.value("batch_size")

    @property
    def plain_loop(self) -> bool:
        """Whether steps need not be counted in epochs."""
        return self.full_batch and not self.stops

    def loop(self) -> Iterator[str]:
        epochs = self.value("epochs")
        if self.plain_loop:
            yield f"for step in range({epochs}):"
            yield from _indented(self.step("inputs", "targets"))
            return
        last = f"{epochs} + 1" if self.swept == "epochs" else self.config.epochs + 1
        counted = f"range(1, {last})" if self.patience else f"range({epochs})"
        yield f"for epoch in {counted}:"
        if self.full_batch:
            yield from _indented(self.counted("inputs", "targets"))
        else:
            text = texts.BATCHES_OR_ALL if self.mixed else texts.BATCHES
            yield indent(text.format(size=self.size), "    ")
            yield from _indented(_indented(self.counted("batch_x", "batch_y")))
        if self.stops:
            yield from _indented(self.end_of_epoch())

    def counted(self, inputs: str, targets: str) -> Iterator[str]:
        yield from self.step(inputs, targets)
        if self.steered:
            yield "step += 1"

    def step(self, inputs: str, targets: str) -> Iterator[str]:
        """One step of the optimiser."""
        if self.changed:
            yield "now.update(changes.get(step, {}))"
        rate = self.value("learning_rate")
        if self.scheduled:
            rate = f"{rate} * factor(step / {self.steps or 'steps'})"
        if self.scheduled or "learning_rate" in self.changed:
            yield f'for group in optimiser.param_groups:\n    group["lr"] = {rate}'
        if self.decayed and "l2" in self.changed:
            yield 'optimiser.param_groups[0]["weight_decay"] = now["l2"]'
        value = self.objective_of(inputs, targets)
        if self.config.optimiser == "lbfgs":
            yield CLOSURE.format(value=value[1:-1] if self.penalised else value)
            yield "optimiser.step(closure)"
        else:
            yield "optimiser.zero_grad()"
            yield f"{value}.backward()"
            yield "optimiser.step()"

    def end_of_epoch(self) -> Iterator[str]:
        """Early stopping, and the goal."""
        if self.folds:
            yield "if not stopping:\n    continue"
        if self.modes:
            yield "model.eval()"
        yield "with torch.no_grad():"
        if self.patience:
            loss = "plain_loss" if self.config.class_weights else "loss"
            yield f"    held_loss = {loss}({self.exactly('model(held_x)', 'held_y')}).item()"
        if self.target:
            yield f"    accuracy = ({self.right('model(inputs)', 'targets')}).float().mean()"
        if self.modes:
            yield "model.train()"
        if self.patience:
            yield "if held_loss < best:"
            yield f"    best, best_epoch, kept = held_loss, epoch, {COPY}"
        yield from self.end()

    def end(self) -> Iterator[str]:
        """When to stop."""
        reasons = []
        if self.target:
            reached = f"accuracy >= {self.target} - 1e-6"
            reasons.append(reached)
        if self.patience and self.target:
            yield f"if {reached}:\n    kept = {COPY}"
        if self.patience:
            reasons.append(f"epoch - best_epoch >= {self.patience}")
        yield f"if {' or '.join(reasons)}:\n    break"

    def right(self, logits: str, y: str) -> str:
        """Source of whether each row is told rightly."""
        return f"({logits} > 0) == {y}" if self.binary else f"{logits}.argmax(1) == {y}"

    # Several networks ----------------------------------------------------------------------------

    def train_function(self) -> Cell:
        """Model and training as a function, as folds need them again."""
        model, training = self.model(), self.training()
        inside = f"{model.code}\n\n{training.code}\nreturn model"
        given = ["inputs", "targets", *["seeds"] * self.seeded, *["stopping=True"] * self.stops]
        words = f"{model.words} {training.words}"
        if self.stops:
            words += " Networks that leave out a fold learn to the end."
        return Cell("Training", words, _function(f"train({', '.join(given)})", inside))

    def call(self) -> Cell:
        seeds = ", seeds" * self.seeded
        return Cell("The network", "", f"model = train(inputs, targets{seeds})")

    def cross_validation(self) -> Cell:
        if not self.folds:
            return Cell("", "", "")
        arguments = ", streams[0]" * self.seeded + ", stopping=False" * self.stops
        code = texts.FOLDS.format(
            seed=self.value("data_seed"),
            folds=self.folds,
            arguments=arguments,
            right=self.right("model(inputs[fold])", "targets[fold]"),
        )
        for_all = "for metrics in members:\n    " * self.several
        code += f'\n{for_all}metrics["cv_accuracy"] = right / len(targets)'
        words = "Every row is answered by a network that has not seen its fold."
        return Cell("Cross-validation", words, code)

    def loop_over(self, body: Sequence[Cell]) -> Cell:
        """Cells in a loop over all values, and over all seeds."""
        parts = [f"{_comment(f'{c.title}. {c.words}'.strip())}\n{c.code}" for c in body if c.code]
        lines = "\n\n".join([*parts, "members.append(metrics)"])
        setup = []
        if self.several:
            setup += [self.streams()] * self.seeded
            each = "seeds in streams" if self.seeded else f"_ in range({self.config.seeds})"
            lines = f"for {each}:\n{indent(lines, '    ')}"
        words = f"{self.config.seeds} networks from as many random starts."
        title = "Training, seed by seed"
        if self.swept != "none":
            setup.append(f"values = {_wrapped(self.values)}")
            lines = f"for {self.swept} in values:\n{indent(lines, '    ')}"
            lines += f"\n{indent(self.told(), '    ')}"
            words = f"{self.members} networks, for {len(self.values)} values."
            title = "Training, value by value"
        setup.append("members = []")
        words += " The run trained them at once."
        return Cell(title, words, "\n".join([*setup, lines]))

    def streams(self) -> str:
        """The seeds of each network's generators."""
        first = self.config.seed
        each = [
            {name: stream_seed(seed, name) for name in self.streamed}
            for seed in range(first, first + self.config.seeds)
        ]
        listed = "".join(f"    {seeds},\n" for seeds in each).replace("'", '"')
        return f"streams = [\n{listed}]"

    @property
    def streamed(self) -> list[str]:
        """What a network draws random numbers for."""
        drawn = {
            "weights": self.config.initialisation != "zero",
            "noise": self.random,
            "batches": not self.full_batch,
        }
        return [name for name, is_drawn in drawn.items() if is_drawn]

    @property
    def seeded(self) -> bool:
        """Whether the seeds of generators differ from network to network."""
        return self.several and bool(self.streamed)

    def told(self) -> str:
        """A line of the table of a sweep."""
        names = [name for name in ("train", "val") if name in self.rows.parts]
        means = [f'{name} = metrics["{name}_accuracy"]' for name in names]
        if self.several:
            mean = 'statistics.fmean(m["{name}_accuracy"] for m in members[-{count}:])'
            means = [
                f"{name} = {mean.format(name=name, count=self.config.seeds)}" for name in names
            ]
        told = ", ".join(f"{name} {{{name}:.3f}}" for name in names)
        return "\n".join([*means, f'print(f"{{{self.swept}:>10}}: accuracy {told}")'])

    # Metrics -------------------------------------------------------------------------------------

    def measures(self) -> Cell:
        if self.swept != "none":
            return Cell("", "", "")
        return Cell("Measures", texts.MEASURES_WORDS, _apart(texts.AUC, texts.CALIBRATION_ERROR))

    def metrics(self) -> Cell:
        lines = ["metrics = {}", "with torch.no_grad():"]
        lines.append("    for name, (part_x, part_y) in parts.items():")
        lines += _indented(_indented(self.scores()))
        if self.config.class_weights:
            value = self.exactly("model(inputs)", "targets")
            lines.append(f'    metrics["train_loss"] = loss({value}).item()')
        if self.penalised:
            lines.append('    metrics["train_loss"] += penalty(model).item()')
        words = "Losses in double precision, as small ones cancel." if self.binary else ""
        return Cell("Metrics", words, "\n".join(lines))

    def scores(self) -> Iterator[str]:
        """The metrics of one part of the data."""
        loss = "plain_loss" if self.config.class_weights else "loss"
        yield "logits = model(part_x)"
        yield f'metrics[f"{{name}}_loss"] = {loss}({self.exactly("logits", "part_y")}).item()'
        yield f"right = ({self.right('logits', 'part_y')}).float()"
        yield 'metrics[f"{name}_accuracy"] = right.mean().item()'
        if self.swept == "none":
            yield from self.all_scores()

    def all_scores(self) -> Iterator[str]:
        """Those that a sweep does not have."""
        yield "found = [right[part_y == k].mean() for k in part_y.unique()]"
        yield 'metrics[f"{name}_balanced_accuracy"] = torch.stack(found).mean().item()'
        if self.binary:
            yield "p = torch.stack([torch.sigmoid(-logits), torch.sigmoid(logits)], 1)"
            area = "auc(p[:, 1], part_y == 1)"
        else:
            yield "p = torch.softmax(logits, 1)"
            some = f"range({self.classes})"
            if self.lacking:
                yield "some = [k for k in part_y.unique() if (part_y != k).any()]"
                some = "some"
            yield f"areas = [auc(p[:, k], part_y == k) for k in {some}]"
            area = "sum(areas) / len(areas)"
        assign = f'metrics[f"{{name}}_auc"] = {area}'
        if self.lacking:
            yield f"if len(part_y.unique()) > 1:\n    {assign}"
        else:
            yield assign
        yield 'metrics[f"{name}_ece"] = calibration_error(p, part_y)'

    @property
    def lacking(self) -> bool:
        """Whether a part has no rows of some class."""
        return any(known.lacking for known in self.known)

    def result(self) -> Cell:
        if self.members == 1:
            return Cell("Result", "", "print(json.dumps(metrics))")
        words = "Means and standard deviations over all networks."
        return Cell("Result", words, texts.MEANS)


def merged(changes: Sequence[Change], names: set[str]) -> dict[int, dict[str, Any]]:
    """New values of these settings by the number of steps that were done before."""
    found: dict[int, dict[str, Any]] = {}
    for step, new in changes:
        if kept := {name: value for name, value in new.items() if name in names}:
            found[step] = found.get(step, {}) | kept
    return found


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


def _wrapped(numbers: Sequence[Number]) -> str:
    """A list in lines of readable length."""
    text = f"[{', '.join(map(str, numbers))}]"
    if len(text) < 86:
        return text
    inside = fill(text[1:-1], 92, initial_indent="    ", subsequent_indent="    ")
    return f"[\n{inside},\n]"
