"""The page of pictures as a visitor has it: real server, real Chromium, shipped models."""

from __future__ import annotations

import re

import pytest
from browsing import LAST_RUN
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

ONE = [(0.5, 0.2 + 0.06 * i) for i in range(11)]
HOUSE = [(0.1, 0.9), (0.5, 0.1), (0.9, 0.9), (0.1, 0.9), (0.3, 0.9), (0.3, 0.5), (0.7, 0.5)]
HOUSE.append((0.7, 0.9))
CHANGES = """() => {
  window.answers = 0;
  const fetched = window.fetch;
  window.fetch = async (...request) => {
    const response = await fetched(...request);
    if (String(request[0]).endsWith("/predict")) window.answers += 1;
    return response;
  };
}"""


def at(page, path):
    page.goto(path)
    page.wait_for_selector(".gl-chip[data-state]")
    page.locator(".gl-pad canvas").first.wait_for()
    return page


def draw(page, points):
    page.locator(".gl-pad-paper canvas").scroll_into_view_if_needed()
    box = page.locator(".gl-pad-paper canvas").bounding_box()
    places = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=3)
    page.mouse.up()


def choose(page, title):
    page.locator(".st-key-cnn-below").get_by_role("radio", name=title, exact=True).click()


def way(page, title):
    page.locator(".gl-ways").get_by_role("button", name=title, exact=True).click()


def test_a_drawn_digit_is_known_a_house_is_not_and_no_script_runs_for_it(visitor):
    page = visitor(viewport={"width": 1440, "height": 900})
    sent = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    at(page, "/cnn")
    page.evaluate(CHANGES)
    assert sent.pop()  # Streamlit has been asked for the page
    sent.clear()
    draw(page, ONE)
    expect(page.locator(".gl-pad .gl-verdict")).to_contain_text("1")
    expect(page.locator(".gl-pad li[data-winner=true] .gl-bar-name")).to_have_text("1")
    assert page.evaluate("answers") >= 2  # it answered while the hand was moving
    page.locator(".gl-pad").get_by_role("button", name="Clear").click()
    draw(page, HOUSE)
    expect(page.locator(".gl-pad .gl-verdict")).to_contain_text("Looks like none of them.")
    assert sent == []


def test_one_click_from_a_drawing_to_why_and_to_what_is_like_it(visitor):
    page = at(visitor(viewport={"width": 1440, "height": 900}), "/cnn")
    page.get_by_role("combobox", name="Model", exact=True).click()  # whose pictures are bundled
    page.get_by_role("option", name="Digits, 8 × 8 pixels").click()
    expect(page.locator(".st-key-card_below")).to_contain_text("as the 8 × 8 pictures were")
    draw(page, ONE)
    expect(page.locator(".gl-pad .gl-verdict")).to_contain_text("1")
    page.locator(".gl-pad").get_by_role("button", name="Ask why").click()
    expect(page.locator(".gl-why .gl-through, .gl-why section canvas").first).to_be_visible()
    for title in ("Grad-CAM", "Integrated gradients", "Occlusion"):
        way(page, title)
        expect(page.locator(".gl-why section canvas").first).to_be_visible()
        expect(page.locator(".gl-why .gl-told").first).to_have_text("")
    way(page, "Similar pictures")
    expect(page.locator(".gl-alike figure").nth(11)).to_be_visible()
    page.locator(".gl-alike button").first.click()  # a training picture is asked about in its turn
    expect(page.locator(".gl-why figcaption").first).to_have_text(re.compile(r"Picture [\d,]+"))


def test_one_click_from_a_cell_to_its_pictures_and_from_one_to_why(visitor):
    page = at(visitor(viewport={"width": 1440, "height": 900}), "/cnn?epochs=2&pictures=400&v=1")
    page.wait_for_function(f"{LAST_RUN}?.terminal?.type === 'done'")
    picture = page.locator(".st-key-card_picture")
    picture.get_by_role("radio", name="Confusion", exact=True).click()
    page.wait_for_selector(".st-key-card_picture .heatmaplayer image")
    area = picture.locator(".nsewdrag").bounding_box()
    page.mouse.click(area["x"] + area["width"] / 20, area["y"] + area["height"] / 20)
    sheet = page.locator(".st-key-card_samples .gl-mistake button")
    expect(sheet.first).to_be_visible()
    sheet.first.click()
    expect(page.locator(".gl-why")).to_be_visible()
    way(page, "Grad-CAM")
    expect(page.locator(".gl-why section canvas").first).to_be_visible()
    way(page, "Similar pictures")
    expect(page.locator(".gl-alike figure").first).to_be_visible()


def test_sliders_that_are_no_longer_shown_change_nothing(visitor):
    page = at(visitor(viewport={"width": 1440, "height": 900}), "/cnn")
    choose(page, "Augmentation")
    expect(page.get_by_role("slider", name="Mirror")).to_be_visible()  # at 0
    choose(page, "Runs")
    page.get_by_role("combobox", name="Preset").click()
    page.get_by_role("option").filter(has_text="N3 ·").click()  # which mirrors half of its pictures
    expect(page).to_have_url(re.compile("preset=N3"))
    for view in ("Confusion", "Mistakes", "Classes"):
        page.locator(".st-key-card_picture").get_by_role("radio", name=view, exact=True).click()
        expect(page.locator("[data-testid=stApp]")).to_have_attribute(
            "data-test-script-state", "notRunning"
        )
        expect(page).to_have_url(re.compile("preset=N3"))
        expect(page.locator(".gl-chip")).to_contain_text("Recorded")
    choose(page, "Augmentation")
    expect(page.get_by_role("slider", name="Mirror")).to_have_value("0.5")
