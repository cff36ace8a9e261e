"""A real server and visitors in a real Chromium, for the browser tests."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from engine.bench.browser import Server, chromium

LAST_RUN = "[...galleryStreams.values()].findLast((s) => s.source.kind === 'run')"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(
        tmp_path_factory.mktemp("server") / "runs", GALLERY_OWNER_GRACE="1.5", GALLERY_SLOTS="2"
    )
    server.wait()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def visitor(browser, server):
    """A fresh visitor: a browser context of its own, whose page errors fail the test."""
    contexts, errors = [], []

    def arrive(**options):
        context = browser.new_context(base_url=server.url, **options)
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(error.stack or str(error)))
        return page

    yield arrive
    for context in contexts:
        context.close()
    assert errors == [], errors


def state(page):
    return page.locator(".gl-chip").get_attribute("data-state")


def opened(page, path="/regression"):
    page.goto(path)
    page.wait_for_selector(".js-plotly-plot .scatterlayer")
    page.wait_for_selector(".gl-chip[data-state]")
    return page


def press(page, name):
    page.locator(f".st-key-bar_{name} button:visible").first.click()


def until(page, *states):
    page.wait_for_selector(",".join(f".gl-chip[data-state={s}]" for s in states))


def trained(page):
    """Press Train and wait for the end and the script rerun that follows it."""
    before = run_shown(page)
    press(page, "main")
    page.wait_for_function(
        f"({LAST_RUN})?.terminal && {LAST_RUN}.source.id !== {json.dumps(before)}"
    )
    expect(page.locator(".st-key-bar_main")).to_contain_text("Train")


def run_shown(page):
    """The id of the run that the page follows."""
    return page.evaluate(f"({LAST_RUN})?.source.id ?? null")
