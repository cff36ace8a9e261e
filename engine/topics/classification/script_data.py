"""The part of a run's script that makes or reads its rows and splits them (torch-free)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from textwrap import indent, wrap
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.errors import NotFound
from engine.topics.classification import data, made, stored
from engine.topics.classification import script_texts as texts
from engine.topics.classification.script_cells import Cell, apart
from engine.topics.classification.spec import (
    BUNDLED,
    MADE,
    OFFICIAL_TEST,
    PLANE,
    ClassificationConfig,
)
from engine.words import _

if TYPE_CHECKING:
    from engine.data.tables import Table

NUMBERS_LIMIT = 200_000
"""Numbers of the data that a script holds at most."""

URL_WIDTH = 90
"""Columns that an address takes before it is broken, spaces after its slashes included."""

PARTS = {"train": data.TRAIN, "val": data.VALIDATION, "test": data.TEST}

SWEPT = ("samples", "noise", "imbalance", "label_noise", "data_seed")
"""Settings that decide on the rows and can be swept."""

UNTOUCHED = {"validation": 0.0, "test_share": 0.0, "label_noise": 0.0, "oversample": "none"}
"""Settings that leave rows as they come."""


class Facts(NamedTuple):
    """What a script has to know of the data.

    Attributes
    ----------
    features, classes
        Numbers of them; features as the network gets them.
    rows
        Of the training part.
    parts
        Names of those that have rows.
    constant
        Whether an input is the same in all training rows.
    lacking
        Whether a part has no rows of some class.
    """

    features: int
    classes: int
    rows: int
    parts: tuple[str, ...]
    constant: bool
    lacking: bool


def facts(config: ClassificationConfig, table: Table | None) -> Facts:
    """Those of a configuration; MNIST and its like need no files for it.

    Raises
    ------
    GalleryError
        When the data cannot be had.
    """
    if config.data in OFFICIAL_TEST:
        held = round(config.validation * stored.TRAINING)
        parts = ("train", "val", "test") if held else ("train", "test")
        return Facts(stored.SIDE**2, 10, stored.TRAINING - held, parts, True, False)
    dataset = data.make(config, table)
    counts = {
        name: np.bincount(dataset.of(part)[1], minlength=len(dataset.classes))
        for name, part in PARTS.items()
    }
    x, y = dataset.of(data.TRAIN)
    if config.data in PLANE:
        x = data.expand(x, data.inputs(config))
    return Facts(
        features=x.shape[1],
        classes=len(dataset.classes),
        rows=len(y),
        parts=tuple(name for name, count in counts.items() if count.any()),
        constant=bool((x == x[:1]).all(0).any()),
        lacking=any(not count.all() for count in counts.values() if count.any()),
    )


class Rows:
    """Writes the cells that give `x`, `y` and, if there is more than one, each row's `part`.

    Parameters
    ----------
    configs
        Of every variant of a sweep, or the only one.
    known
        Facts of them.
    value
        Source of the value of a setting: a number, or the name of what is swept.
    swept
        Its name, or `none`.
    """

    def __init__(
        self,
        configs: Sequence[ClassificationConfig],
        known: Sequence[Facts],
        table: Table | None,
        value: Callable[[str], str],
        swept: str,
    ) -> None:
        self.configs, self.config = configs, configs[0]
        self.value, self.swept = value, swept
        self.table, self.classes = table, known[0].classes
        self.parts = max((each.parts for each in known), key=len)
        self.official = self.config.data in OFFICIAL_TEST
        self.mislabelled = any(config.label_noise for config in configs)
        self.stratified = self.config.data not in PLANE

    # What it needs -----------------------------------------------------------------------------

    def modules(self) -> Iterator[str]:
        """Imports from Python itself."""
        if self.config.data in texts.FILES:
            yield "from pathlib import Path"
            yield "from urllib.request import urlretrieve"

    def imports(self) -> Iterator[str]:
        """Beside NumPy and PyTorch."""
        if self.config.data in BUNDLED:
            yield f"from sklearn.datasets import {texts.LOADERS[self.config.data]}"
        if self.official:
            yield f"from torchvision.datasets import {texts.TORCHVISION[self.config.data]}"

    def choosing(self) -> Cell:
        """Functions that tell in which order rows are taken away."""
        held = self.held("test") or self.held("val")
        names = ["shuffled"] * (self.mislabelled or (held and not self.stratified))
        names += ["stratified"] * (held and self.stratified)
        words = " ".join(texts.CHOOSING_WORDS[name] for name in names)
        return Cell("Choosing rows", words, apart(*(texts.CHOOSING[name] for name in names)))

    def held(self, part: str) -> bool:
        """Whether rows are taken away for it."""
        return part in self.parts and not (part == "test" and self.official)

    @property
    def random(self) -> bool:
        """Whether rows are made, chosen or repeated at random."""
        config = self.config
        return config.data in MADE or bool(self.choosing().code) or config.oversample != "none"

    # Rows --------------------------------------------------------------------------------------

    def before(self) -> Iterator[Cell]:
        """The rows as they come."""
        name = self.config.data
        words = texts.DATA_WORDS.get(name, texts.LISTED_WORDS)
        yield Cell("Data", words.format(classes=self.classes), "\n".join(self.source()))
        if self.config.oversample == "before":
            lines = self.oversampled(split=self.official)
            yield Cell("Rare classes", texts.REPEATED_BEFORE, "\n".join(lines))

    def after(self) -> Iterator[Cell]:
        """Their parts, and what is done to the one to learn from."""
        words = " ".join(texts.PART_WORDS[name] for name in self.parts)
        yield Cell("Parts", words, "\n".join(self.splits()))
        if self.mislabelled:
            words = "Some of the rows to learn from get the label of another class."
            yield Cell("Wrong labels", words, "\n".join(self.wrong_labels()))
        if self.config.oversample == "training":
            lines = self.oversampled(split=len(self.parts) > 1)
            yield Cell("Rare classes", texts.REPEATED, "\n".join(lines))

    def source(self) -> Iterator[str]:
        name = self.config.data
        if name in MADE:
            yield from self.made()
        elif name in BUNDLED:
            yield texts.BUNDLED.format(loader=texts.LOADERS[name])
        elif self.official:
            yield texts.PICTURES.format(name=texts.TORCHVISION[name])
            yield f'part = np.repeat(["train", "test"], [{stored.TRAINING}, {stored.TESTING}])'
        elif name in texts.FILES:
            yield from self.file()
        else:
            yield self.listed()

    def file(self) -> Iterator[str]:
        from engine.data import source

        (file,) = source(stored.SOURCES[self.config.data]).files
        lines = wrap(file.url.replace("/", "/ "), URL_WIDTH)  # broken after slashes
        broken = "".join(f'    "{line.replace(" ", "")}"\n' for line in lines)
        yield texts.FETCHED.format(url=broken, file=file.url.rpartition("/")[2])
        yield texts.FILES[self.config.data]

    def listed(self) -> str:
        """Own rows and drawn points, number by number."""
        dataset = data.make(self.config.changed(UNTOUCHED), self.table)
        if dataset.x.size + dataset.y.size > NUMBERS_LIMIT:
            text = _(
                "The data have more than {limit:,} numbers, too many to be written into a script."
            )
            raise NotFound(text.format(limit=NUMBERS_LIMIT))
        listed = [
            f"[{', '.join(map(str, row))}, {label}]"
            for row, label in zip(dataset.x, dataset.y, strict=True)
        ]
        several = max(1, 90 // (max(map(len, listed)) + 2))
        lines = (", ".join(listed[i : i + several]) for i in range(0, len(listed), several))
        return texts.LISTED.format(rows="".join(f"        {line},\n" for line in lines))

    def made(self) -> Iterator[str]:
        """Points from numbers and a seed."""
        name = self.config.data
        yield self.seeded(data.POINTS_STREAM)
        yield from self.counts()
        if name in texts.RULES:
            yield from self.ruled()
        else:
            shape = texts.SHAPES[name].format(classes=self.classes)
            yield texts.SHAPED.format(shape=indent(shape, "    "), classes=self.classes)
        yield "order = random.permutation(len(x))"
        if any(config.noise for config in self.configs):
            yield f"x = x + {self.value('noise')} * random.standard_normal(x.shape)"
        yield "x, y = x[order].astype(np.float32), y[order]"

    def ruled(self) -> Iterator[str]:
        """Points in a square whose classes follow a rule."""
        rule = texts.RULES[self.config.data]
        samples = self.value("samples")
        yield texts.RULED.format(samples=samples, rule=rule)
        balanced = {config.imbalance == 1 for config in self.configs}
        more = texts.MORE_OF_EACH.format(samples=samples, rule=rule)
        if balanced == {False}:
            yield more
        elif False in balanced:
            yield f"if imbalance < 1:\n{indent(more, '    ')}"

    def counts(self) -> Iterator[str]:
        """Rows of each class, where they are fixed."""
        if self.config.data in texts.RULES and all(c.imbalance == 1 for c in self.configs):
            return
        sizes = [made.sizes(c.samples, self.classes, c.imbalance) for c in self.configs]
        if all(size == sizes[0] for size in sizes):
            yield f"counts = {sizes[0]}"
            return
        each = (
            f"    {getattr(config, self.swept)}: {size},\n"
            for config, size in zip(self.configs, sizes, strict=True)
        )
        yield f"counts = {{\n{''.join(each)}}}[{self.swept}]"

    # Parts -------------------------------------------------------------------------------------

    def seeded(self, stream: int) -> str:
        return f"random = np.random.default_rng([{self.value('data_seed')}, {stream}])"

    def splits(self) -> Iterator[str]:
        """Rows held out, first those of the test part."""
        if len(self.parts) > 1 and not self.official:
            yield 'part = np.full(len(y), "train")'
        order = "stratified" if self.stratified else "shuffled"
        whole = not self.official
        shares = {"test": "test_share", "val": "validation"}
        streams = {"test": data.TEST_STREAM, "val": data.HELD_STREAM}
        for part in filter(self.held, ("test", "val")):
            yield self.seeded(streams[part])
            if whole:
                share = f"round({self.value(shares[part])} * len(y))"
                yield f'part[{order}(y, random)[: {share}]] = "{part}"'
            else:
                share = f"round({self.value(shares[part])} * len(free))"
                yield 'free = np.flatnonzero(part == "train")'
                yield f'part[free[{order}(y[free], random)[: {share}]]] = "{part}"'
            whole = False

    def wrong_labels(self) -> Iterator[str]:
        whole = len(self.parts) == 1
        if not whole:
            yield 'free = np.flatnonzero(part == "train")'
        share = f"round({self.value('label_noise')} * len({'y' if whole else 'free'}))"
        yield self.seeded(data.LABEL_STREAM)
        yield (
            f"wrong = shuffled(y, random)[: {share}]"
            if whole
            else f"wrong = free[shuffled(y[free], random)[: {share}]]"
        )
        others = f"random.integers(1, {self.classes}, len(wrong))"
        yield f"y[wrong] = (y[wrong] + {others}) % {self.classes}"

    def oversampled(self, *, split: bool) -> Iterator[str]:
        """Rows of rare classes repeated, behind all others."""
        if split:
            yield 'free = np.flatnonzero(part == "train")'
        yield texts.OVERSAMPLE.format(
            seed=self.value("data_seed"),
            stream=data.REPEAT_STREAM,
            of="[free]" if split else "",
            rows="free[y[free] == k]" if split else "np.flatnonzero(y == k)",
        )
        yield "x, y = x[repeated], y[repeated]"
        if split:
            yield "part = part[repeated]"
