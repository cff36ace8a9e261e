"""The page scripts under AppTest, over an executor without processes."""

from __future__ import annotations

import json

from engine.jobs.inline import InlineExecutor
from engine.jobs.manager import JobManager
from engine.service import Service
from engine.settings import Settings


class InlineService(Service):
    """The service of these tests: no processes, no sweeping."""

    def __init__(self, folder) -> None:
        super().__init__(Settings(runs_dir=str(folder), device="cpu", owner_grace=60))
        self.manager = JobManager(InlineExecutor(), self.settings, self.store)
        self.predictors = None

    def open(self):
        self.manager.open()

    def close(self):
        self.bin.sweep(everything=True)
        self.manager.close()
        self.store.close()


def panels(test):
    """Data of the live panels by part."""
    found = {}

    def walk(block):
        for child in getattr(block, "children", {}).values():
            proto = getattr(child, "proto", None)
            if getattr(child, "type", "") == "bidi_component":
                data = json.loads(proto.json)
                found[data["part"]] = data
            walk(child)

    walk(test._tree)
    return found


def message(test):
    """The error on show, without the backslashes that keep Markdown quiet."""
    return test.error[0].value.replace("\\", "")


def value(test, name):
    return test.session_state[f"regression.{name}"]


def run_of(test):
    return test.session_state["regression.visit"].run
