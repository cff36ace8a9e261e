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
        "seeds": _("10 seeds"),
        "seeds_help": _("Median and range over ten seeds, trained by `make recordings`."),
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
    }
