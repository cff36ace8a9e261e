"""Making the shipped checkpoints: the same recipes, seeds and settings give the same files."""

from __future__ import annotations

from collections.abc import Callable

from engine import recordings, topics
from engine.checkpoints import shelf
from engine.checkpoints.cards import Card, DataCard, Examples
from engine.checkpoints.loading import tensor_cards
from engine.checkpoints.recipes import Recipe, recipe_of
from engine.errors import GalleryError
from engine.events import Event
from engine.history import History
from engine.jobs.job import JobSpec, versions
from engine.recordings import RecordingSink
from engine.training.context import Inbox

NOT_METRICS = ("seconds", "steps")
"""Figures of a run that say nothing of its model."""


class _Made(RecordingSink):
    """What training leaves behind; it is told about too."""

    def __init__(self, history: History, show: Callable[[Event], None]) -> None:
        super().__init__(history)
        self._show = show

    def event(self, event: Event) -> None:
        super().event(event)
        self._show(event)


def train(topic: str, name: str, show: Callable[[Event], None] = lambda event: None) -> Card:
    """Train a checkpoint by its recipe and write its weights, its card and the manifest.

    The run of one that takes long is written as the recording of its preset, too.

    Parameters
    ----------
    show
        Called with every event of the training.

    Raises
    ------
    NotFound
        When there is no such recipe.
    GalleryError
        When training fails; nothing is written.
    """
    from engine.jobs.perform import perform

    recipe = recipe_of(topic, name)
    # On the CPU with so many threads: the only way to get the same numbers everywhere.
    values, threads = recipe.values(topic), recipe.threads
    job = JobSpec.checked(topic, values, device="cpu", threads=threads)
    made = _Made(recordings.begun(job, recipe.preset), show)
    perform(job, Inbox(), made)
    end = made.history.terminal
    if end is None or end["type"] != "done":
        raise GalleryError(end["data"]["message"] if end else "")
    if recipe.half:
        made.weights = halved(made.weights)
    card = _card(recipe, job, made)
    shelf.write(card, made.weights)
    preset = topics.topic(topic).preset(recipe.preset)
    if recipe.recorded and preset is not None:
        recordings.write(topics.topic(topic), preset, made.history)
    return card


def halved(payload: bytes) -> bytes:
    """The same tensors in half precision; whole numbers and those that stand alone stay."""
    from safetensors.torch import load as parse
    from safetensors.torch import save

    tensors = parse(payload)
    return save(
        {n: t.half() if t.dim() and t.is_floating_point() else t for n, t in tensors.items()}
    )


def _card(recipe: Recipe, job: JobSpec, made: _Made) -> Card:
    from safetensors.torch import load as parse

    from engine.serving import Signature  # which reads cards

    weights = parse(made.weights)
    topic = topics.recipe(job.topic)
    model = topic.load(job.parsed(), weights)
    inputs = list(recipe.inputs) or topic.example_inputs()
    outputs = topic.predict(model, inputs)["outputs"]
    signature = Signature.of_run(made.history.started)
    told = {n: v for n, v in made.history.final.items() if n not in NOT_METRICS}
    return Card(
        name=recipe.name,
        topic=job.topic,
        title=recipe.title,
        architecture=" ".join(str(model).split()),
        config=job.config,
        data=DataCard(name=recipe.data, licence=recipe.licence),
        metrics=recipe.measure(job.parsed(), model) if recipe.again else told,
        measured=recipe.measured,
        command=shelf.train_command(f"{job.topic}/{recipe.name}"),
        versions=versions(),
        device=made.history.started["device"],
        sha256=shelf.digest(made.weights),
        tensors=tensor_cards(weights),
        features=signature.features,
        classes=signature.classes,
        ranges=signature.ranges,
        examples=Examples(inputs=inputs, outputs=outputs, tolerance=recipe.tolerance),
    )
