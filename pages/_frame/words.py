"""Words that the live view needs, translated."""

from __future__ import annotations

import re

from engine.words import _

MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|<>~:$-])")


def plain(text: str) -> str:
    """Text that Markdown leaves as it is: it may hold what a visitor wrote into a link."""
    return MARKDOWN.sub(r"\\\1", text)


def status_words() -> dict[str, str]:
    """States and parts of the status line."""
    return {
        "idle": _("press Train"),
        "connecting": _("connecting …"),
        "queued": _("waiting, place {rank} in the queue"),
        "running": "",
        "paused": _("paused"),
        "done": _("done"),
        "failed": _("failed"),
        "cancelled": _("stopped"),
        "timeout": _("out of time"),
        "lost": _("lost"),
        "missing": _("not there"),
        "recorded": _("Recorded"),
        "rate": _("{rate} steps/s"),
        "step": _("step {step} of {total}"),
        "left": _("{time} left"),
        "memory": _("{memory} MB"),
        "key": _("Key: {key}"),
        "space": _("space"),
    }


def curve_words() -> dict[str, str]:
    """Switches of the curves."""
    return {"log": _("log"), "smoothing": _("smoothing")}


def metric_words() -> dict[str, str]:
    """Heads, verdicts and ends."""
    return {
        "figure": _("Figure"),
        "published": _("published"),
        "measured": _("measured"),
        "seeds": _("median of 10 seeds"),
        "seeds_help": _(
            "Median and range over ten seeds, trained by `make recordings`; ✓ where they reproduce it."
        ),
        "reproduced": _("reproduced"),
        "missed": _("not reached"),
        "at most": _("reproduced if at most {target}"),
        "at least": _("reproduced if at least {target}"),
        "about": _("reproduced if within {tolerance} of {target}"),
        "cancelled": _("Stopped before the end: by you, or because you started another run."),
        "timeout": _("Stopped: out of time."),
        "lost": _("The run was lost: the server was restarted while it trained. Train again."),
        "failed": _("The run failed."),
        "missing": _("This run could not be loaded. Reload the page, or train anew."),
        "earlier": _("Measured at step {step}: of a quick run not every step is measured in full."),
        "empty": _("What a run measures appears here."),
    }


def timeline_words() -> dict[str, str]:
    """The time machine."""
    return {
        "play": _("Play"),
        "pause": _("Pause"),
        "time": _("Step shown"),
        "step": _("step {step} of {total}"),
        "live": _("Live"),
        "end": _("To the end"),
        "fork": _("Fork here"),
        "fork_help": _("Go on from step {step} with other settings"),
    }


def point_words() -> dict[str, str]:
    """Adding, dragging and deleting points."""
    return {
        "edit": _("Edit points"),
        "hint": _("Click to add, drag to move, double-click or long-press to delete."),
        "clear": _("Clear"),
        "full": _("{limit} points at most"),
        "new": _("Begin a new drawing"),
    }


def brush_words() -> dict[str, str]:
    """Painting points of several classes."""
    return point_words() | {
        "edit": _("Draw points"),
        "hint": _(
            "Press and drag to paint, drag a point to move it; double-click or long-press deletes."
        ),
        "empty": _("Press and drag on the plot to paint points; choose another class and go on."),
        "classes": _("Class of new points"),
        "add_class": _("Add a class"),
        "eraser": _("Eraser"),
        "key": _("Key: {key}"),
    }


def run_words() -> dict[str, str]:
    """The table of runs; how a run ended, where it was not well."""
    return {
        "runs": _("Your runs"),
        "pin": _("Overlay"),
        "when": _("When"),
        "settings": _("Settings that differ"),
        "seconds": _("Time"),
        "seed": _("Seed"),
        "restore": _("Restore"),
        "restore_help": _("Set every control as it was, and show this run"),
        "delete": _("Delete"),
        "delete_help": _("Delete this run; Undo brings it back for five minutes"),
        "undo": _("Undo"),
        "empty": _("No runs yet: press Train. They are kept here for some hours."),
        "full": _("Six runs are overlaid already"),
        "failed": _("failed"),
        "cancelled": _("stopped"),
        "timeout": _("out of time"),
        "lost": _("lost"),
    }


def export_words() -> dict[str, str]:
    """Buttons and progress of the exports."""
    return {
        "png": _("Picture (PNG)"),
        "html": _("Picture (HTML)"),
        "gif": _("Animation (GIF)"),
        "mp4": _("Animation (MP4)"),
        "drawing": _("Drawing {done} of {total} …"),
        "encoding": _("Encoding …"),
        "saved": _("Saved."),
        "failed": _("That did not work. Try again."),
        "no_picture": _("There is no picture yet."),
        "step": _("step {step} of {total}"),
    }


def network_words() -> dict[str, str]:
    """The network, its tooltips, and the window in which a weight is changed."""
    return {
        "inputs": _("Inputs"),
        "neuron": _("1 neuron"),
        "neurons": _("{count} neurons"),
        "classes": _("Classes"),
        "output": _("Output"),
        "certainty": _("faded where it is uncertain"),
        "more": _("+ {count}"),
        "held": _("held out"),
        "links": _("Weights"),
        "input": _("input {name}"),
        "class": _("class {name}"),
        "unit": _("neuron {unit}, layer {layer}"),
        "short": _("neuron {unit}"),
        "bias": _("bias"),
        "change": _("Click to change it"),
        "which": _("Which weight"),
        "value": _("Value"),
        "close": _("Close"),
        "local": _("Seen here only. Train to go on from your own weights."),
        "none": _("Press Train, and the network appears."),
        "large": _("This network has too many weights to be drawn here. Choose another view."),
    }


def multiples_words() -> dict[str, str]:
    """The small surfaces of a sweep."""
    return {
        "accuracy": _("accuracy {val} (training {train})"),
        "best": _("best"),
        "choose": _("click to go on with it"),
        "broken": _("diverged"),
        "bars": _("No surfaces: these networks have too many weights to be sent."),
    }
