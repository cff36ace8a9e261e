"""Pictures brought to a network that sees colours: from a file and from the webcam, in Chromium."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from browsing import until
from PIL import Image
from playwright.sync_api import expect

from engine.bench import browser as real
from engine.data import decoding

pytestmark = pytest.mark.browser

WEBCAM = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
ANSWER = ".st-key-card_below .gl-pad-says .gl-bar-name"


@pytest.fixture(scope="module")
def browser():
    """A browser with a webcam, whose picture is green."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(real, "CHROMIUM_FLAGS", [*real.CHROMIUM_FLAGS, *WEBCAM])
        with real.chromium() as browser:
            yield browser


@pytest.fixture
def page(visitor):
    """A network that has learned the three shapes of the example."""
    page = visitor(viewport={"width": 1440, "height": 900}, permissions=["camera"])
    page.goto("/cnn?data=own&epochs=1&v=1")
    page.get_by_role("button", name="Use an example").click()
    until(page, "done")
    page.locator(".st-key-cnn-below").get_by_role("radio", name="Try it", exact=True).click()
    expect(page.locator(".st-key-card_below")).to_contain_text("It knows:")
    return page


def file(name, payload):
    return {"name": name, "mimeType": "image/png", "buffer": payload}


def bring(page, payload):
    chosen = page.locator(".st-key-cnn-brought input[type=file]")
    chosen.set_input_files(file("mine.png", payload))


def noise(side):
    """A file of about three bytes a pixel."""
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


def test_a_picture_from_the_webcam_is_answered(page):
    page.get_by_role("radio", name="Webcam", exact=True).click()
    page.wait_for_function("document.querySelector('video')?.readyState === 4")  # it plays
    page.get_by_role("button", name="Take Photo").click()
    expect(page.locator(ANSWER)).to_have_count(3)


def test_a_file_as_large_as_the_page_promises_is_answered_a_bad_one_is_told(page):
    payload = noise(2048)
    assert 10 * 2**20 < len(payload) < decoding.MOST_BYTES
    bring(page, payload)
    expect(page.locator(ANSWER)).to_have_count(3)
    bring(page, b"<svg/>")
    told = page.locator(".st-key-card_below [data-testid=stAlert]")
    expect(told).to_contain_text("mine.png: expected a picture as PNG, JPEG, WebP, GIF or BMP")
    expect(told).to_contain_text("received an SVG drawing")
    expect(page.locator(ANSWER)).to_have_count(0)


def test_one_click_from_ones_own_picture_to_similar_ones_one_has_loaded(page):
    buffer = io.BytesIO()
    Image.new("RGB", (40, 40), "teal").save(buffer, "PNG")
    bring(page, buffer.getvalue())
    expect(page.locator(ANSWER)).to_have_count(3)
    page.locator(".st-key-card_below").get_by_role("button", name="Ask why").click()
    page.locator(".gl-ways").get_by_role("button", name="Similar pictures", exact=True).click()
    expect(page.locator(".gl-alike figure").nth(11)).to_be_visible()
    page.locator(".gl-alike button").first.click()
    expect(page.locator(".gl-why figcaption").first).to_have_text(re.compile(r"Picture [\d,]+"))
