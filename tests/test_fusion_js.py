"""Several models' answers fused, in real Chromium: rules, bars, weights, one picture, own numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect
from test_live_js import (  # noqa: F401
    LIVE_STREAM,
    RECORDING,
    RUN,
    STREAM,
    TWO_FRAMES,
    browser,
    opened,
    served,
    show,
    site,
    told,
)
from test_maps_js import mosaic

from engine.events import encode_array

pytestmark = pytest.mark.browser

WORDS = {
    "accuracy": "Right answers",
    "of": "{count} of the {total} test pictures",
    "single": "best single model",
    "weight": "Weight",
    "equal": "All weights are 0: each model counts the same.",
    "best": "the best",
    "vote": "Majority vote",
    "average": "Average",
    "weighted": "Weighted average",
    "stacked": "Stacking",
    "later": "Stacking learns when the models have: it answers at the end.",
    "none": "Train to see what several models know together.",
    "picture": "Picture",
    "number": "{number} of {count}",
    "before": "The picture before",
    "next": "The next picture",
    "truth": "This is",
    "disagree": "only where the models disagree",
    "agree": "The models agree on every picture here.",
    "answer": "Answer",
    "right": "right",
    "wrong": "wrong",
    "own": "Try your own numbers",
    "back": "Back to the pictures",
    "again": "Start again",
    "own_title": "Your own numbers",
    "own_about": "Change what the models say, and how much each of them counts.",
    "model": "Model {name}",
    "class": "Class {number}",
    "tie": "a tie, the highest sum counts",
    "bad": "Write numbers from 0 to 1, not only 0 in a row: until then the last result stays.",
    "scaled": "A row that does not add up to 1 is scaled.",
}
COLORS = [
    "#3b82c4", "#d9772b", "#009e73", "#cc79a7", "#b8960c",
    "#56b4e9", "#7d848c", "#7a4a30", "#4c3f9e", "#c3c7cc",
]  # fmt: skip
CLASSES = ["cat", "dog", "<b>"]
MODELS = ["tree", "net", "forest"]
# Three models, five pictures, three classes.
PROBABILITIES = np.array(
    [
        [[230, 25, 0], [204, 51, 0], [0, 255, 0], [51, 204, 0], [153, 0, 102]],
        [[102, 153, 0], [153, 102, 0], [0, 204, 51], [153, 102, 0], [0, 153, 102]],
        [[102, 153, 0], [0, 51, 204], [0, 153, 102], [153, 102, 0], [0, 51, 204]],
    ],
    np.uint8,
)
LABELS = [0, 0, 1, 1, 2]
# Worked out by hand. The tree is right about pictures 0 to 3, the net about 1 and 2, the forest about 2
# and 4; the vote (a tie at 4, where the sums are 0.6, 0.8 and 1.6) about 1, 2 and 4; the average about all.
SCORES = {"tree": "80.0 %", "net": "40.0 %", "forest": "40.0 %"}
SCORES |= {"Majority vote": "60.0 %", "Average": "100.0 %"}
PLACES = [3, 0, 4, 2, 1]  # of them, they agree on 2 alone
GREYS = [40, 80, 120, 160, 200]


def frame(step: int = 0, probabilities=PROBABILITIES, **more: Any) -> dict[str, Any]:
    greys = np.ones((5, 8, 8), np.uint8) * np.uint8(GREYS)[:, None, None]
    sheet = {"webp": mosaic(greys, 3), "columns": 3, "count": 5, "height": 8, "width": 8}
    fusion = {
        "probabilities": encode_array(probabilities),
        "labels": encode_array(np.uint8(LABELS)),
        "total": 2000,
        "sheet": sheet,
        "places": PLACES,
    }
    return {"kind": "fusion", "step": step, "data": {"fusion": fusion | more}}


def history(*frames, models=MODELS) -> dict[str, Any]:
    steps = [frame["step"] for frame in frames]
    started = {"time": 0, "device": "cpu", "parameters": 2, "samples": 6, "steps_total": 100}
    return {
        "run": "r1",
        "started": started | {"arrays": {"classes": CLASSES, "models": models}},
        "metrics": {"step": steps, "epoch": steps, "time": steps},
        "frames": list(frames),
        "notes": [],
        "terminal": {"type": "done", "time": 9, "data": {"metrics": {}}},
    }


def show_fusion(page, source=RECORDING, **data):
    common = {"kind": "fusion", "height": 400, "label": "Fusion", "words": WORDS}
    common |= {"colors": COLORS, "weights": [1, 1, 1]}
    show(page, "fusion", source, **common | data)
    page.evaluate(TWO_FRAMES)


def scores(page) -> dict[str, str]:
    """What stands beside each bar."""
    rows = page.locator(".gl-fusion-scores tbody tr")
    read = """(r) => {
      const { firstChild, lastChild } = r.querySelector(".gl-fusion-score");
      return [firstChild, lastChild].map((n) => n.textContent);
    }"""
    return dict(row.evaluate(read) for row in rows.all())


def table(page) -> dict[str, list[str]]:
    """What stands in the table about one picture, by its lines; of cells that are typed, what is typed."""
    read = "(r) => [...r.children].map((c) => c.querySelector('input')?.value ?? c.textContent)"
    lines = [row.evaluate(read) for row in page.locator(".gl-fusion-shares tr").all()]
    return {name: rest for name, *rest in lines}


def bold(page, line: str) -> list[str]:
    """The winning cells of a line."""
    row = page.locator(
        ".gl-fusion-shares tr", has=page.get_by_role("rowheader", name=line, exact=True)
    )
    read = (
        "(c) => [c.querySelector('input')?.value ?? c.textContent, getComputedStyle(c).fontWeight]"
    )
    told_ = [cell.evaluate(read) for cell in row.locator("td[data-winner]").all()]
    assert {weight for _, weight in told_} <= {"400", "700"}
    return [text for text, weight in told_ if weight == "700"]


def slide(page, name: str, *weights: float, release: bool = True) -> None:
    """Drag a slider over these weights."""
    for weight in weights:
        page.get_by_role("slider", name=f"Weight: {name}").evaluate(
            "(e, v) => { e.value = v; e.dispatchEvent(new Event('input')); }", str(weight)
        )
    if release:
        page.get_by_role("slider", name=f"Weight: {name}").dispatch_event("change")


def number(page):
    """Which picture it is, of how many."""
    return page.locator(".gl-fusion-picture span > span")


@pytest.fixture
def arrived(opened, site):  # noqa: F811
    """A page on which the end of a run is drawn."""
    site.histories["/history"] = history(frame(9, stacked=encode_array(np.uint8(LABELS))))
    page = opened(viewport={"width": 720, "height": 600})
    show_fusion(page)
    page.wait_for_selector(".gl-fusion[data-shown=true]")
    return page


@pytest.fixture
def example(arrived):
    arrived.get_by_role("button", name="Try your own numbers").click()
    return arrived


# The rules ------------------------------------------------------------------------------------------


def rule(page, name: str, *given: Any) -> Any:
    script = "async ([name, given]) => (await import('/live/fusion_rules.js'))[name](...given)"
    return page.evaluate(script, [name, given])


CLASSIC = [[0.9, 0.1, 0], [0.4, 0.6, 0], [0.4, 0.6, 0]]


def test_vote_and_average_differ_on_the_classic_example(opened):  # noqa: F811
    page = opened()
    assert rule(page, "votes", CLASSIC) == [1, 2, 0]
    assert rule(page, "voted", CLASSIC) == 1
    assert rule(page, "averaged", CLASSIC) == pytest.approx([1.7 / 3, 1.3 / 3, 0])
    assert rule(page, "top", rule(page, "averaged", CLASSIC)) == 0


@pytest.mark.parametrize(
    ("rows", "winner"),
    [
        ([[0.6, 0.4, 0], [0, 0.9, 0.1]], 1),  # one vote each: 0.6 and 1.3
        ([[0.9, 0.1, 0], [0, 0.6, 0.4]], 0),  # one vote each: 0.9 and 0.7
        ([[0.5, 0, 0.5], [0.1, 0.4, 0.5], [0.5, 0.4, 0.1]], 0),  # of equals the first
        ([[0.4, 0.6, 0], [0.6, 0.4, 0], [0.3, 0.3, 0.4], [0, 0.2, 0.8]], 2),  # 1, 1, 2 votes
        ([[0.1, 0.9, 0], [0.1, 0.9, 0], [0.9, 0, 0.1], [0.9, 0, 0.1]], 0),  # 2.0 against 1.8
        ([[0.1, 0, 0.9], [0.9, 0, 0.1], [0, 1, 0]], 0),  # three that tie at 1.0
    ],
)
def test_a_tie_of_votes_goes_to_the_highest_sum(opened, rows, winner):  # noqa: F811
    assert rule(opened(), "voted", rows) == winner


def test_a_class_with_a_high_sum_and_fewer_votes_does_not_win(opened):  # noqa: F811
    # Class 2 has no vote at all and a sum of 1.47, the highest; classes 0 and 1 have 2 and 1.
    rows = [[0.51, 0, 0.49], [0.51, 0, 0.49], [0, 0.51, 0.49]]
    assert rule(opened(), "voted", rows) == 0


def test_weights_are_shares_of_their_sum(opened):  # noqa: F811
    page = opened()
    assert rule(page, "weighed", CLASSIC, [1, 0.5, 0.5]) == pytest.approx([0.65, 0.35, 0])
    assert rule(page, "weighed", CLASSIC, [0.2, 0.1, 0.1]) == pytest.approx([0.65, 0.35, 0])
    assert rule(page, "weighed", CLASSIC, [0, 1, 0]) == pytest.approx([0.4, 0.6, 0])
    assert rule(page, "weighed", CLASSIC, [0, 0, 0]) == pytest.approx([1.7 / 3, 1.3 / 3, 0])
    assert rule(page, "normalised", [0.5, 1, 0.5]) == [0.25, 0.5, 0.25]


def test_sums_of_decimal_fractions_tie(opened):  # noqa: F811
    assert 0.1 + 0.2 > 0.3
    assert rule(opened(), "top", [0.3, 0.1 + 0.2, 0.3]) == 0


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.25", 0.25), (" 1 ", 1), ("0,5", 0.5), ("0", 0), (".5", 0.5)]
    + [(text, None) for text in ("", " ", "-0.1", "1.01", "one", "0.5.1", "NaN", "Infinity")],
)
def test_only_numbers_from_0_to_1_are_probabilities(opened, text, value):  # noqa: F811
    assert rule(opened(), "typed", text) == value


def test_rows_are_scaled_to_add_up_to_1(opened):  # noqa: F811
    page = opened()
    assert rule(page, "scaled", [1, 0.5, 0.5]) == [0.5, 0.25, 0.25]
    assert rule(page, "scaled", [0, 0, 0]) is None


def test_the_columns_are_what_anybody_favours_most(opened):  # noqa: F811
    page = opened()
    rows = [[0, 0.9, 0.04, 0, 0.06, 0], [0.2, 0.3, 0.1, 0, 0, 0.4]]
    assert rule(page, "favoured", rows, 4) == [0, 1, 2, 5]  # 0.2, 0.9, 0.1, 0.4; not 0.06
    assert rule(page, "favoured", rows, 9) == [0, 1, 2, 4, 5]  # nobody takes 3 for possible
    split = [[0.3, 0.28, 0, 0.21, 0.21], [0.9, 0.05, 0.05, 0, 0], [0.2, 0.19, 0.24, 0.19, 0.18]]
    assert rule(page, "favoured", split, 2) == [0, 2]  # an answer comes before a second best


def test_a_block_of_bytes_becomes_rows(opened):  # noqa: F811
    script = """async ([bytes, shape]) =>
      (await import("/live/fusion_rules.js")).picturesOf(Uint8Array.from(bytes), shape)"""
    block = np.arange(2 * 3 * 4).reshape(2, 3, 4) * 5
    told_ = opened().evaluate(script, [block.ravel().tolist(), [2, 3, 4]])
    assert np.array(told_) == pytest.approx(block.transpose(1, 0, 2) / 255)


# Bars -----------------------------------------------------------------------------------------------


def test_models_and_rules_are_measured_on_the_pictures(arrived):
    weighted = {"Weighted average": "100.0 %", "Stacking": "100.0 %"}
    assert scores(arrived) == SCORES | weighted
    expect(arrived.locator(".gl-fusion-head p")).to_contain_text("5 of the 2,000 test pictures")


def test_the_best_is_marked_by_a_sign_and_bold(arrived):
    stars = [
        row.get_by_role("img", name="the best").count() for row in arrived.get_by_role("row").all()
    ]
    assert stars == [0, 0, 0, 0, 0, 1, 1, 1] + [0] * 8
    weights = "(rows) => rows.map((r) => getComputedStyle(r.querySelector('.gl-fusion-score')).fontWeight)"
    told_ = arrived.locator(".gl-fusion-scores tbody tr").evaluate_all(weights)
    assert told_ == ["400"] * 4 + ["650"] * 3


def test_bars_are_as_long_as_the_scores_and_a_line_is_at_the_best_model(arrived):
    read = """(rows) => rows.map((r) => {
      const track = r.querySelector("th > div:last-child");
      const [whole, bar] = [track, track.firstChild].map((n) => n.getBoundingClientRect().width);
      return [bar / whole, parseFloat(getComputedStyle(track, "::after").left) / whole];
    })"""
    rows = arrived.locator(".gl-fusion-scores tbody tr")
    arrived.wait_for_function(
        "document.getAnimations().every((one) => one.playState === 'finished')"
    )
    bars, lines = zip(*rows.evaluate_all(read), strict=True)
    assert bars == pytest.approx([0.8, 0.4, 0.4, 0.6, 1, 1, 1], abs=0.01)
    assert lines == pytest.approx([0.8] * 7, abs=0.01)
    assert arrived.locator(".gl-fusion-scores thead").inner_text().split("\n")[0] == "0 %"


def test_bars_of_good_models_begin_later_and_say_so(opened, site):  # noqa: F811
    surely = np.zeros((2, 20, 3), np.uint8)
    surely[..., 0] = 255
    surely[0, :4] = [0, 255, 0]  # 80 % and 100 %
    labels = encode_array(np.zeros(20, np.uint8))
    wide = frame(probabilities=surely, labels=labels)
    site.histories["/history"] = history(wide, models=MODELS[:2])
    page = opened()
    show_fusion(page)
    assert scores(page)["tree"] == "80.0 %"
    axis = page.locator(".gl-fusion-scores thead .gl-fusion-score span")
    assert axis.all_inner_texts() == ["50 %", "100 %"]
    bar = page.locator(".gl-fusion-scores th b").first
    assert float(bar.evaluate("(b) => parseFloat(b.style.width)")) == pytest.approx(60)


def test_stacking_answers_at_the_end(opened, site):  # noqa: F811
    stacked = encode_array(np.uint8([0, 0, 1, 0, 0]))
    site.histories["/history"] = history(frame(0), frame(9, stacked=stacked))
    page = opened()
    show_fusion(page)
    assert scores(page)["Stacking"] == "60.0 %"
    page.evaluate(f"{STREAM}.seek(0)")
    page.evaluate(TWO_FRAMES)
    assert scores(page)["Stacking"] == "–"
    assert table(page)["Stacking"] == ["", "", "–"]
    title = page.get_by_role("row", name="Stacking").first.locator("span").last
    expect(title).to_have_attribute("title", WORDS["later"])


def test_frames_that_come_are_drawn(opened, site):  # noqa: F811
    del site.histories["/history"]
    page = opened()
    show_fusion(page, RUN)
    page.wait_for_function("window.sources?.['/events']")
    emit = "([type, step, data]) => sources['/events'].emit(type, step, data)"
    arrays = {"classes": CLASSES, "models": MODELS}
    page.evaluate(emit, ["started", 0, {"arrays": arrays, "steps_total": 9, "device": "cpu"}])
    unsure = np.full((3, 5, 3), 85, np.uint8)  # then the first class is the answer
    for step, probabilities, expected in ((1, unsure, "40.0 %"), (2, PROBABILITIES, "60.0 %")):
        data = frame(probabilities=probabilities)["data"]
        page.evaluate(emit, ["frame", step, {"kind": "fusion", "data": data}])
        page.wait_for_function(f"{LIVE_STREAM}.frame('fusion')?.step === {step}")
        vote = page.locator(".gl-fusion-scores tr", has_text="Majority vote")
        expect(vote).to_contain_text(expected)


def test_without_a_run_it_says_what_to_do(opened):  # noqa: F811
    page = opened()
    show_fusion(page, source=None)
    expect(page.get_by_text(WORDS["none"])).to_be_visible()
    expect(page.locator(".gl-fusion-picture canvas")).to_be_hidden()
    page.get_by_role("button", name="Try your own numbers").click()
    expect(page.get_by_text(WORDS["none"])).to_be_hidden()
    assert table(page)["Average"] == ["0.57", "0.43", "0.00", "Class 1"]


# Weights --------------------------------------------------------------------------------------------


def test_a_moved_weight_shows_at_once_and_is_told_when_it_is_let_go(arrived):
    slide(arrived, "tree", 0.9, 0.5, 0, release=False)
    # Without the tree: the means of net and forest are right about 2 and 4 and, at 1, cat ties with nothing.
    slide(arrived, "forest", 0, release=False)
    assert scores(arrived)["Weighted average"] == scores(arrived)["net"] == "40.0 %"
    assert scores(arrived)["Average"] == "100.0 %"
    numbers = arrived.locator(".gl-fusion-number").all_inner_texts()
    assert [text for text in numbers if text] == ["0.00", "1.00", "0.00"]
    assert told(arrived, "weights") == []
    slide(arrived, "forest", 0.25)
    arrived.wait_for_function("told.length")
    assert told(arrived, "weights") == [{"weights": [0, 1, 0.25]}]


def test_several_arrow_keys_are_one_change(arrived):
    slider = arrived.get_by_role("slider", name="Weight: net")
    slider.focus()
    for _ in range(3):
        slider.press("ArrowLeft")
    arrived.wait_for_function("told.length")
    assert told(arrived, "weights") == [{"weights": [1, 0.85, 1]}]


def test_weights_of_0_count_the_same_and_it_is_said(arrived):
    for name in MODELS:
        slide(arrived, name, 0, release=False)
    assert scores(arrived)["Weighted average"] == "100.0 %"
    expect(arrived.get_by_role("status")).to_have_text(WORDS["equal"])
    slide(arrived, "net", 0.05, release=False)
    assert scores(arrived)["Weighted average"] == "40.0 %"
    expect(arrived.get_by_role("status")).to_have_text("")


def test_it_begins_with_the_weights_of_the_page(opened, site):  # noqa: F811
    site.histories["/history"] = history(frame())
    page = opened()
    show_fusion(page, weights=[0, 0.5, 0])
    assert scores(page)["Weighted average"] == "40.0 %"
    assert page.get_by_role("slider", name="Weight: net").input_value() == "0.5"


@pytest.mark.parametrize("weights", [[0, 0.5, 0, 1], [0, 0.5]])
def test_weights_of_another_number_of_models_do_no_harm(opened, site, weights):  # noqa: F811
    site.histories["/history"] = history(frame())
    page = opened()
    show_fusion(page, weights=weights)
    numbers = page.locator(".gl-fusion-number").all_inner_texts()
    expected = ["0.00", "0.50", f"{[*weights, 1][2]:.2f}"]
    assert [text for text in numbers if text] == expected


def test_the_page_does_not_take_back_what_was_moved_since(arrived):
    slide(arrived, "net", 0.5)
    arrived.wait_for_function("told.length === 1")
    slide(arrived, "net", 0)
    arrived.wait_for_function("told.length === 2")
    net = arrived.get_by_role("slider", name="Weight: net")
    for told_ in ([1, 1, 1], [1, 0.5, 1]):  # what was, and a late echo
        show_fusion(arrived, weights=told_)
        assert net.input_value() == "0"
    show_fusion(arrived, weights=[1, 0, 1])
    assert net.input_value() == "0"
    show_fusion(arrived, weights=[1, 0.5, 1])  # now it is the page that wants it
    assert net.input_value() == "0.5"


# One picture ----------------------------------------------------------------------------------------


def test_a_picture_on_which_they_disagree_comes_first(arrived):
    expect(number(arrived)).to_have_text("1 of 4")
    expect(arrived.locator(".gl-fusion-picture b")).to_have_text("dog")
    assert table(arrived) == {
        "": ["cat", "dog", "Answer"],
        "tree": ["0.20", "0.80", "✓dog"],
        "net": ["0.60", "0.40", "✗cat"],
        "forest": ["0.60", "0.40", "✗cat"],
        "Majority vote": ["2", "1", "✗cat"],
        "Average": ["0.47", "0.53", "✓dog"],
        "Weighted average": ["0.47", "0.53", "✓dog"],
        "Stacking": ["", "", "✓dog"],
    }
    assert [bold(arrived, line) for line in ("tree", "Majority vote", "Average", "Stacking")] == [
        ["0.80"],
        ["2"],
        ["0.53"],
        [],
    ]
    wrong = arrived.get_by_role("row", name="Majority vote").locator(".gl-fusion-answer i")
    expect(wrong).to_have_accessible_name("wrong")


def test_a_weight_moves_the_line_of_the_picture_too(arrived):
    slide(arrived, "tree", 0, release=False)
    assert table(arrived)["Weighted average"] == ["0.60", "0.40", "✗cat"]
    assert bold(arrived, "Weighted average") == ["0.60"]


def test_buttons_and_arrow_keys_go_through_the_pictures(arrived):
    pixel = """() => document.querySelector(".gl-fusion canvas").getContext("2d")
      .getImageData(9, 9, 1, 1).data[0]"""

    def shown(grey, of):
        arrived.wait_for_function(f"({pixel})() === {grey}")  # it is decoded first
        expect(number(arrived)).to_have_text(of)

    shown(GREYS[0], "1 of 4")
    arrived.get_by_role("button", name="The next picture").click()
    shown(GREYS[1], "2 of 4")
    arrived.keyboard.press("ArrowRight")  # the keyboard goes on from there
    shown(GREYS[2], "3 of 4")
    expect(arrived.locator(".gl-fusion-picture b")).to_have_text("<b>")  # never markup
    arrived.keyboard.press("ArrowRight")
    shown(GREYS[4], "4 of 4")  # on the fourth of the sheet they agree
    arrived.keyboard.press("ArrowRight")
    shown(GREYS[0], "1 of 4")
    arrived.get_by_role("button", name="The picture before").press("ArrowLeft")
    shown(GREYS[4], "4 of 4")
    picture = arrived.get_by_role("slider", name="Picture")
    expect(picture).to_have_attribute("aria-valuetext", "4 of 4: cat")


def test_all_pictures_can_be_gone_through(arrived):
    arrived.get_by_role("checkbox", name=WORDS["disagree"]).uncheck()
    expect(number(arrived)).to_have_text("1 of 5")
    for _ in range(3):
        arrived.get_by_role("button", name="The next picture").click()
    expect(number(arrived)).to_have_text("4 of 5")
    assert {line[-1] for name, line in table(arrived).items() if name} == {"✓dog"}


def test_where_they_agree_on_all_it_is_said(opened, site):  # noqa: F811
    site.histories["/history"] = history(frame(probabilities=PROBABILITIES[[0, 0, 0]]))
    page = opened()
    show_fusion(page)
    expect(page.get_by_text(WORDS["agree"])).to_be_visible()
    expect(page.get_by_role("button", name="The next picture")).to_be_hidden()
    page.get_by_role("checkbox", name=WORDS["disagree"]).uncheck()
    expect(page.get_by_text(WORDS["agree"])).to_be_hidden()
    expect(number(page)).to_have_text("1 of 5")


def test_the_picture_that_one_went_to_stays_as_the_models_change(opened, site):  # noqa: F811
    site.histories["/history"] = history(frame(0), frame(9, PROBABILITIES[[0, 0, 0]]))
    page = opened()
    show_fusion(page)
    page.evaluate(f"{STREAM}.seek(0)")
    page.evaluate(TWO_FRAMES)
    page.get_by_role("button", name="The next picture").click()
    expect(number(page)).to_have_text("2 of 4")
    page.evaluate(f"{STREAM}.seek(9)")
    page.evaluate(TWO_FRAMES)
    expect(number(page)).to_have_text("1 of 1")
    assert table(page)["forest"] == ["0.90", "0.10", "✓cat"]  # picture 0, now as the tree says


def test_a_sheet_that_cannot_be_read_leaves_the_numbers(opened, site):  # noqa: F811
    sheet = {"webp": "bm90IGEgcGljdHVyZQ==", "columns": 3, "count": 5, "height": 8, "width": 8}
    site.histories["/history"] = history(frame(sheet=sheet))
    page = opened()
    show_fusion(page)
    assert table(page)["tree"] == ["0.20", "0.80", "✓dog"]


def test_a_tie_is_explained(arrived):
    expect(arrived.get_by_role("status")).to_have_text("")
    for _ in range(2):
        arrived.get_by_role("button", name="The next picture").click()
    assert table(arrived)["Majority vote"] == ["1", "1", "1", "✓<b>"]
    expect(arrived.get_by_role("status")).to_have_text(
        "Majority vote: a tie, the highest sum counts"
    )


# Own numbers ----------------------------------------------------------------------------------------


def field(page, model: str, number: int):
    return page.get_by_role("textbox", name=f"Model {model}: Class {number}")


CLASSIC_TABLE = {
    "": ["Class 1", "Class 2", "Class 3", "Answer"],
    "Model A": ["0.9", "0.1", "0", "Class 1"],
    "Model B": ["0.4", "0.6", "0", "Class 2"],
    "Model C": ["0.4", "0.6", "0", "Class 2"],
    "Majority vote": ["1", "2", "0", "Class 2"],
    "Average": ["0.57", "0.43", "0.00", "Class 1"],
    "Weighted average": ["0.57", "0.43", "0.00", "Class 1"],
}


def sums(page) -> list[str]:
    return page.locator(".gl-fusion-scores small").all_inner_texts()


def test_the_example_begins_where_vote_and_average_differ(example):
    assert table(example) == CLASSIC_TABLE
    assert sums(example) == ["B, C", "(0.9 + 0.4 + 0.4) / 3", "(0.9 + 0.4 + 0.4) / 3"]
    assert bold(example, "Majority vote") == ["2"]
    assert bold(example, "Model B") == ["0.6"]
    assert bold(example, "Average") == ["0.57"]
    expect(example.locator(".gl-fusion-picture canvas")).to_be_hidden()


def test_typed_numbers_change_the_answers(example):
    field(example, "A", 1).fill("0,5")
    field(example, "A", 2).fill("0.5")
    assert table(example)["Majority vote"] == ["1", "2", "0", "Class 2"]
    assert table(example)["Average"] == ["0.43", "0.57", "0.00", "Class 2"]
    assert field(example, "A", 1).input_value() == "0,5"
    field(example, "C", 3).fill("1")
    field(example, "C", 1).fill("0")
    field(example, "C", 2).fill("0")
    assert sums(example)[0] == f"B ({WORDS['tie']})"  # 0.9, 1.1, 1.0


def test_weights_apply_to_the_example_and_are_its_own(example):
    slide(example, "Model A", 0.5)
    slide(example, "Model B", 0.75)
    assert table(example)["Weighted average"] == ["0.51", "0.49", "0.00", "Class 1"]
    assert sums(example)[2] == "(0.5 · 0.9 + 0.75 · 0.4 + 0.4) / 2.25"
    slide(example, "Model A", 0.05)
    assert table(example)["Weighted average"] == ["0.41", "0.59", "0.00", "Class 2"]
    example.get_by_role("button", name="Back to the pictures").click()
    assert example.get_by_role("slider", name="Weight: tree").input_value() == "1"
    slide(example, "tree", 0.5)
    example.wait_for_function("told.length")
    assert told(example, "weights") == [{"weights": [0.5, 1, 1]}]


@pytest.mark.parametrize("text", ["", "-0.1", "1.1", "a lot"])
def test_a_bad_number_is_marked_and_the_last_good_result_stays(example, text):
    field(example, "B", 1).fill(text)
    expect(field(example, "B", 1)).to_have_attribute("aria-invalid", "true")
    expect(field(example, "B", 2)).to_have_attribute("aria-invalid", "false")
    expect(example.get_by_role("status")).to_have_text(WORDS["bad"])
    assert table(example) == CLASSIC_TABLE | {"Model B": [text, "0.6", "0", "Class 2"]}
    slide(example, "Model A", 0)  # goes on with what was good
    assert table(example)["Weighted average"] == ["0.40", "0.60", "0.00", "Class 2"]
    field(example, "B", 1).fill("0.4")
    expect(field(example, "B", 1)).to_have_attribute("aria-invalid", "false")
    expect(example.get_by_role("status")).to_have_text("")


def test_a_row_of_0_is_no_answer(example):
    for k in (1, 2):
        field(example, "C", k).fill("0")
    expect(example.get_by_role("status")).to_have_text(WORDS["bad"])
    expect(field(example, "C", 3)).to_have_attribute("aria-invalid", "true")
    assert table(example)["Majority vote"] == ["1", "2", "0", "Class 2"]


def test_rows_that_do_not_add_up_are_scaled_and_it_is_said(example):
    field(example, "A", 3).fill("0.8")
    expect(example.get_by_role("status")).to_have_text(WORDS["scaled"])
    # A counts as 0.5, 0.056, 0.444.
    assert table(example)["Average"] == ["0.43", "0.42", "0.15", "Class 1"]
    assert table(example)["Model A"] == ["0.9", "0.1", "0.8", "Class 1"]
    assert sums(example)[1] == "(0.5 + 0.4 + 0.4) / 3"


def test_own_numbers_stay_until_one_starts_again(example):
    field(example, "A", 1).fill("0.2")
    field(example, "A", 2).fill("0.8")
    example.get_by_role("button", name="Back to the pictures").click()
    assert "tree" in table(example)
    expect(example.get_by_role("button", name="Start again")).to_be_hidden()
    example.get_by_role("button", name="Try your own numbers").click()
    assert table(example)["Model A"] == ["0.2", "0.8", "0", "Class 2"]
    example.get_by_role("button", name="Start again").click()
    assert table(example) == CLASSIC_TABLE


def test_frames_that_come_leave_what_is_typed(opened, site):  # noqa: F811
    site.histories["/history"] = history(frame(0), frame(9))
    page = opened()
    show_fusion(page)
    page.get_by_role("button", name="Try your own numbers").click()
    field(page, "A", 1).fill("0.")
    page.evaluate(f"{STREAM}.seek(0)")
    page.evaluate(TWO_FRAMES)
    expect(field(page, "A", 1)).to_be_focused()
    page.keyboard.type("3")
    assert table(page)["Model A"] == ["0.3", "0.1", "0", "Class 1"]


# Room -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [390, 720, 1100])
@pytest.mark.parametrize("count", [2, 5])
def test_it_fits_and_the_lines_of_both_tables_lie_side_by_side(opened, site, width, count):  # noqa: F811
    probabilities = np.repeat(PROBABILITIES, 2, axis=0)[:count]
    models = [f"a network with a long name {k}" for k in range(count)]
    site.histories["/history"] = history(frame(0, probabilities), models=models)
    page = opened(viewport={"width": width, "height": 900})
    show_fusion(page, weights=[1] * count)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide == width
    for cell in page.locator(".gl-fusion-shares td").all():
        assert cell.evaluate("(c) => c.className || c.scrollWidth <= c.clientWidth")
    read = "(rows) => rows.map((r) => r.getBoundingClientRect().top)"
    left, right = (
        page.locator(f".gl-fusion-{name} tr").evaluate_all(read) for name in ("scores", "shares")
    )
    if width == 390:
        assert min(right) > max(left)
    else:
        assert left == pytest.approx(right, abs=1)
        assert page.locator(".gl-fusion").bounding_box()["height"] <= 400
