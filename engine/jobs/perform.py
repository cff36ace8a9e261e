"""Carry out one job in this process: what the worker, the inline executor and the CLI share."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping

import torch
from safetensors.torch import save

from engine import topics
from engine.data import progress
from engine.errors import GalleryError
from engine.events import Event
from engine.jobs.forking import SNAPSHOTS
from engine.jobs.job import JobSpec
from engine.jobs.sink import Sink
from engine.training import device, snapshots
from engine.training.context import Cancelled, Context, Inbox
from engine.words import _, language

log = logging.getLogger(__name__)

WEIGHTS = "weights.safetensors"


def perform(job: JobSpec, inbox: Inbox, sink: Sink) -> None:
    """Train; `sink` receives the events, of which exactly one, the last, is terminal."""
    context = None
    try:
        language.set(job.language)
        torch.set_num_threads(job.threads)
        config = job.parsed()
        context = Context(
            config,
            device.choose(job.device),
            inbox,
            paused=job.paused,
            attachments=job.attached(),
            fork_step=job.fork["step"] if job.fork else 0,
            edits=job.fork.get("edits") if job.fork else None,
            tell=sink.event,
        )
        with progress.heard_by(context.preparing):
            for event in topics.recipe(job.topic).run(config, context):
                if event.terminal:
                    _hand_over(context, sink)
                sink.event(event)
                if event.terminal:
                    return
        raise RuntimeError("the recipe yielded no terminal event")
    except Cancelled:
        end = Event("cancelled", {}, context.steps_done if context else None)
    except Exception as error:
        end = Event("failed", {"message": _explain(error)}, context.steps_done if context else None)
    if context is not None:
        for event in context.unsaid():
            sink.event(event)
        _hand_over(context, sink)
    sink.event(end)


def _hand_over(context: Context, sink: Sink) -> None:
    """What a run leaves beside its events: frames, snapshots and, when it is done, weights."""
    sink.frames(context.frames_held())
    files = {}
    if context.snapshots:
        files[SNAPSHOTS] = snapshots.pack(context.snapshots)
    if context.weights is not None:
        files[WEIGHTS] = pack(context.weights)
    for name, payload in files.items():
        digest = hashlib.sha256(payload).hexdigest()
        sink.artifact(name, payload)
        sink.event(Event("artifact", {"name": name, "bytes": len(payload), "sha256": digest}))


def pack(weights: Mapping[str, torch.Tensor]) -> bytes:
    """Weights as safetensors bytes (contiguous, on the CPU)."""
    return save({name: t.detach().cpu().contiguous() for name, t in weights.items()})


def _explain(error: Exception) -> str:
    """A message for the visitor; what is not meant for them goes to the log."""
    if isinstance(error, GalleryError):
        return error.message
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error):
        return _("Out of memory. Try fewer points, a smaller batch or a smaller network.")
    log.exception("a job failed")
    return _("The training code stopped with an error ({kind}). It has been logged.").format(
        kind=type(error).__name__
    )
