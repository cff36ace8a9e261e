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


def map_words() -> dict[str, str]:
    """The picture on its way through a convolutional network."""
    return {
        "input": _("Picture"),
        "filters": _("Filters"),
        "maps": _("Feature maps"),
        "map": _("map {number} of {count}"),
        "filter": _("filter {number} of {count}"),
        "first": _("the first {count}"),
        "low": _("lowest"),
        "high": _("highest"),
        "answer": _("Probability of each class"),
        "truth": _("true"),
        "right": _("right"),
        "wrong": _("wrong: this is {name}"),
        "hint": _("Point at a map to see it large."),
        "none": _("Press Train to see what every layer makes of a picture."),
    }


def mistake_words() -> dict[str, str]:
    """The sheet of mistakes."""
    return {
        "as": _("{actual} taken for {predicted}, {percent}"),
        "none": _("No mistakes among the pictures that are measured."),
    }


def embedding_words() -> dict[str, str]:
    """Pictures as points in space."""
    return {
        "before": _("Before: as the backbone sees them"),
        "after": _("After fine-tuning"),
        "pca": "PCA",
        "tsne": "t-SNE",
        "taken": _("{actual}, taken for {predicted}"),
        "right": "{actual}",
        "wrong": _("taken for another class"),
        "later": _("t-SNE is worked out when training ends."),
        "flat": _("This browser draws no space: the first two directions."),
        "none": _("Press Train to see what the network makes of its pictures."),
    }


def useful_words() -> dict[str, str]:
    """The sheet of useful training pictures."""
    return {
        "best": _("Helped most"),
        "worst": _("Helped least, or misled"),
        "value": _("{value} %"),
        "none": _("It is worked out when training ends."),
    }


def fusion_words() -> dict[str, str]:
    """Several models' answers made one."""
    return {
        "accuracy": _("Right answers"),
        "of": _("{count} of the {total} test pictures"),
        "single": _("best single model"),
        "weight": _("Weight"),
        "equal": _("All weights are 0: each model counts the same."),
        "best": _("the best"),
        "vote": _("Majority vote"),
        "average": _("Average"),
        "weighted": _("Weighted average"),
        "stacked": _("Stacking"),
        "later": _("Stacking learns when the models have: it answers at the end."),
        "none": _("Train to see what several models know together."),
        "picture": _("Picture"),
        "number": _("{number} of {count}"),
        "before": _("The picture before"),
        "next": _("The next picture"),
        "truth": _("This is"),
        "disagree": _("only where the models disagree"),
        "agree": _("The models agree on every picture here."),
        "answer": _("Answer"),
        "right": _("right"),
        "wrong": _("wrong"),
        "own": _("Try your own numbers"),
        "back": _("Back to the pictures"),
        "again": _("Start again"),
        "own_title": _("Your own numbers"),
        "own_about": _("Change what the models say, and how much each of them counts."),
        "model": _("Model {name}"),
        "class": _("Class {number}"),
        "tie": _("a tie, the highest sum counts"),
        "bad": _(
            "Write numbers from 0 to 1, not only 0 in a row: until then the last result stays."
        ),
        "scaled": _("A row that does not add up to 1 is scaled."),
    }


def pad_words() -> dict[str, str]:
    """The pad to draw on."""
    return {
        "hint": _("Draw here, with the mouse or a finger."),
        "undo": _("Undo"),
        "clear": _("Clear"),
        "brush": _("Brush"),
        "sees": _("What the network sees"),
        "nothing": _("nothing yet"),
        "unknown": _("Looks like none of them."),
        "why": _("Ask why"),
        "answer": _("Probability of each class"),
        "busy": _("Many are drawing. Trying again …"),
        "unavailable": _("The network cannot answer now. Trying again …"),
        "offline": _("No connection. Trying again …"),
    }


def answer_words() -> dict[str, str]:
    """What a network answers to a picture that was brought."""
    return {
        "sees": _("What the network sees"),
        "why": _("Ask why"),
        "answer": _("Probability of each class"),
    }


def why_words() -> dict[str, str]:
    """The ways to see how an answer came about."""
    return {
        "ways": _("What to look at"),
        "maps": _("Feature maps"),
        "convolution": _("One convolution"),
        "grad-cam": _("Grad-CAM"),
        "integrated-gradients": _("Integrated gradients"),
        "occlusion": _("Occlusion"),
        "similar": _("Similar pictures"),
        "fool": _("Fool it"),
        "picture": _("The picture"),
        "answer": _("Probability of each class"),
        "truth": _("true"),
        "right": _("right, {percent}"),
        "wrong": _("wrong: this is {name}"),
        "sure": _("{percent} sure"),
        "asking": _("Asking …"),
        "busy": _("Many are asking. Trying again …"),
        "unavailable": _("The network cannot answer now. Trying again …"),
        "gave_up": _("The network does not answer. Choose again to try once more."),
        "offline": _("No connection. Trying again …"),
        "number": _("{number} of {count}"),
        # one convolution
        "layer": _("Layer"),
        "map": _("Map"),
        "play": _("Go over every pixel"),
        "pause": _("Pause"),
        "input": _("What comes in"),
        "channel": _("channel {number} of {count}"),
        "window": _("Window"),
        "kernel": _("Kernel"),
        "products": _("Products"),
        "output": _("What goes out"),
        "pixel": _("row {row}, column {column}"),
        "sum": _("Sum"),
        "others": _("Other channels"),
        "bias": _("Bias"),
        "total": _("The pixel"),
        "padding": _("Beyond the edge it counts zeros."),
        "step_hint": _("Point at a pixel of what goes out, or move with the arrow keys."),
        # heat
        "target": _("Speaks for"),
        "seen": _("{name} (its answer)"),
        "strength": _("Heat over picture"),
        "baseline": _("Compared with"),
        "black": _("a black picture"),
        "grey": _("a grey picture"),
        "white": _("a white picture"),
        "patch": _("Patch"),
        "patch_colour": _("Covered with"),
        "black_patch": _("black"),
        "grey_patch": _("grey"),
        "white_patch": _("white"),
        "patch_size": _("{side} × {side} pixels"),
        "against": _("against"),
        "for": _("for"),
        "at": _("row {row}, column {column}: {value}"),
        "grad-cam_about": _(
            "Where the {size} maps of {stage} speak for “{name}”: each weighted by what it does "
            "to that answer (Grad-CAM)."
        ),
        "integrated-gradients_about": _(
            "What each pixel adds to “{name}” on the way from {baseline} to this one. Together "
            "they make {sum}; the answer itself changes by {difference}."
        ),
        "occlusion_about": _(
            "By how much “{name}” falls when a patch covers a place; {patches} places were tried."
        ),
        "nothing": _("Nothing there speaks for “{name}”."),
        # similar
        "similar_about": _(
            "Training pictures that look most alike to the last layer, nearest first; {searched} "
            "of {pictures} were compared. Click one to ask about it."
        ),
        "distance": _("distance {value}"),
        "ask_this": _("Ask about this one: {name}, distance {value}"),
        # fool
        "epsilon": _("Most that a pixel may change"),
        "epsilon_value": _("ε = {levels}/255"),
        "into": _("It shall see"),
        "anything": _("anything else"),
        "before": _("Before"),
        "change": _("Change"),
        "change_times": _("Change, × {times}"),
        "after": _("After"),
        "was": _("was"),
        "smallest": _("ε = {levels}/255 is enough for “{name}”."),
        "smallest_any": _("ε = {levels}/255 is enough to change its answer."),
        "never": _("No ε that was tried is enough."),
        "set": _("Set it"),
    }


def blocks_words() -> dict[str, str]:
    """The architecture as a row of blocks, and its editor."""
    return {
        "choose": _("Architecture"),
        "trained": _("For the pictures that are chosen"),
        "inspected": _("Only to look at"),
        "edit": _("Edit a copy"),
        "use": _("Train this one"),
        "undo": _("Undo"),
        "last": _("Back to the last possible one"),
        "trains": _("This is what your runs train."),
        "other_trains": _("Only looked at. Your runs train: {name}."),
        "not_yet": _("Impossible at {block}."),
        "last_trains": _("Your runs keep to the blocks as they were before that."),
        "large": _("Too large to be trained here, so there is no copy to edit."),
        "picture": _("Picture"),
        "classes": _("Dense to {n} classes"),
        "classes_help": _("Added by itself: one answer for each class."),
        "block": _("{title} ({name}), block {place} of {count}, gives {size}"),
        "impossible": _("impossible here"),
        "too_much": _("Too much in all: expected {expected}, received {received}."),
        "whole": _("The {name} has to be a whole number from {low} to {high}."),
        "share": _("The {name} has to be a number from {low} to {high}."),
        "most": _("The padding can be at most half the kernel: {most}."),
        "parameters": _("parameters"),
        "flops": _("FLOPs"),
        "flops_each": _("FLOPs for a picture"),
        "blocks": _("blocks"),
        "of": _("{n} of {most}"),
        "full": _("There is room for {n} blocks; remove one first."),
        "add": _("Kinds of blocks"),
        "needs": _("Needs {needs}."),
        "add_after": _("Add a block after {title}"),
        "back": _("Move {title} back"),
        "on": _("Move {title} on"),
        "remove": _("Remove {title}"),
        "drag": _("Drag to move"),
        "more": _("More {name}"),
        "less": _("Less {name}"),
        "added": _("{title} added at place {place}."),
        "moved": _("{title} moved to place {place}."),
        "removed": _("{title} removed."),
        "windows": _("Windows"),
        "shrinking": _("Shrink the picture"),
        "steadying": _("Keep it steady"),
        "activations": _("Activations"),
        "vectors": _("To a vector"),
        "text": _("The same as text, as the link and the command line take it"),
        "hint": _(
            "Drag a block to move it. With keys: arrows choose, Shift and arrows move, Enter adds, "
            "Delete removes, Ctrl+Z takes back."
        ),
    }
