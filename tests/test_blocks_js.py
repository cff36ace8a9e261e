"""The block editor in real Chromium: the same sizes and reasons as Python, and what is sent when."""

from __future__ import annotations

import random
import re
from collections import Counter
from typing import Any

import pytest
from playwright.sync_api import expect
from test_live_js import TWO_FRAMES, Finger, browser, opened, served, show, site, told  # noqa: F401

from engine.errors import InvalidValue
from engine.topics.cnn.architectures import INSPECTED
from engine.topics.cnn.blocks import KINDS, MAX_BLOCKS, Block, check, parse, plan, written
from engine.topics.cnn.editor import layers_of
from engine.topics.cnn.spec import CnnConfig
from pages._frame.words import blocks_words

pytestmark = pytest.mark.browser

LANGUAGE = {
    "words": blocks_words(),
    **{n: layers_of(CnnConfig())[n] for n in ("kinds", "limits", "phrases")},
}
PLANNED = """async ([language, asked]) => {
  const { Language } = await import("/live/blocks_plan.js");
  const known = new Language(language);
  return asked.map(({ text, shape, classes, trained }) => {
    const blocks = known.read(text);
    const found = known.plan(blocks, { shape, classes, trained });
    const { stages, refusal, possible, parameters, flops } = found;
    const outside = blocks.findIndex((block) => known.outside(block));
    return { written: known.written(blocks), outside, refusal, possible, parameters, flops,
      stages: stages.map(({ block, ...rest }) => ({ ...rest, kind: block.kind, values: block.values })) };
  });
}"""


# The language -------------------------------------------------------------------------------------


def some_number(rng: random.Random, parameter) -> str:
    """Mostly small, sometimes anything, rarely beyond what is allowed."""
    if not parameter.whole:
        return rng.choice(["0", "0.5", ".25", "0.123456", "0.000001", "0.9", "0.90", "0.95"])
    low, high = int(parameter.low), int(parameter.high)
    chance = rng.random()
    if chance < 0.02:
        return str(rng.choice([high + 1, high + 100, low - 1]) if low else high + 1)
    return str(rng.randint(low, high) if chance < 0.2 else rng.randint(low, min(high, low + 4)))


def some_text(rng: random.Random) -> str:
    most = rng.choice([0, 2, 5, 9, 14, 14, 90 if rng.random() < 0.2 else 9])
    return ",".join(some_block(rng) for _ in range(rng.randint(most // 2, most)))


def some_block(rng: random.Random) -> str:
    kind = rng.choice([*KINDS])
    parameters = KINDS[kind].parameters
    least = sum(not parameter.default for parameter in parameters)
    given = parameters[: rng.randint(least, len(parameters))]
    return ":".join([kind, *(some_number(rng, parameter) for parameter in given)])


def some_question(rng: random.Random) -> dict[str, Any]:
    shape = rng.choice([(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 224, 224), (2, 9, 31)])
    classes = rng.choice([2, 10, 1000])
    text, trained = some_text(rng), rng.random() < 0.8
    return {"text": text, "shape": shape, "classes": classes, "trained": trained}


def asked_of(page, questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return page.evaluate(PLANNED, [LANGUAGE, questions])


def verdict(question: dict[str, Any]) -> InvalidValue | None:
    """What Python has against a text."""
    try:
        check(
            question["text"],
            question["shape"],
            question["classes"],
            inspect=not question["trained"],
        )
    except InvalidValue as error:
        return error
    return None


def understood(text: str) -> tuple[Block, ...] | None:
    """The blocks of a text, where all of its numbers are inside their ranges."""
    try:
        return parse(text)
    except InvalidValue:
        return None


def agreed(question: dict[str, Any], found: dict[str, Any]) -> str:
    """Compares one answer with Python's; tells what kind of case it was."""
    wrong = verdict(question)
    assert found["possible"] == (wrong is None)
    blocks = understood(question["text"])
    if blocks is None and f"{MAX_BLOCKS} blocks" in wrong.message:
        assert found["refusal"]["expected"] in wrong.message
        return "too many"
    if blocks is None:
        assert found["outside"] == int(re.search(r"block (\d+)", wrong.message)[1]) - 1
        return "outside"
    assert found["outside"] == -1
    assert found["written"] == written(blocks)
    stages = plan(blocks, question["shape"], question["classes"])
    assert [(s["name"], s["kind"], s["values"]) for s in found["stages"]] == [
        (s.name, s.block.kind, list(s.block.values)) for s in stages
    ]
    for name in ("input", "output"):
        assert [s[name] for s in found["stages"]] == [list(getattr(s, name)) for s in stages]
    for name in ("parameters", "flops", "problem"):
        assert [s[name] for s in found["stages"]] == [getattr(s, name) for s in stages]
        if name != "problem":
            assert found[name] == pytest.approx(sum(getattr(s, name) for s in stages), rel=1e-12)
    if any(stage.problem for stage in stages):
        return "impossible"
    if wrong is not None:
        (problem,) = wrong.problems
        refusal = {n: found["refusal"][n] for n in ("expected", "received")}
        assert refusal == {"expected": problem.expected, "received": problem.received}
        return re.search(r"million (\w+)", problem.expected)[1]
    return "possible"


def test_python_and_the_browser_agree_on_every_text(opened):  # noqa: F811
    rng = random.Random(7)
    questions = [some_question(rng) for _ in range(4000)]
    answers = asked_of(opened(), questions)
    cases = Counter(map(agreed, questions, answers))
    least = {"possible": 200, "impossible": 500, "outside": 200, "too many": 5}
    least |= {"parameters": 5, "FLOPs": 5, "values": 5}
    assert {name: cases[name] for name in least if cases[name] < least[name]} == {}
    sized = Counter(
        stage["kind"] for answer in answers for stage in answer["stages"] if stage["output"]
    )
    assert all(sized[kind] > 20 for kind in KINDS)


@pytest.mark.parametrize("data", ["digits", "mnist", "cifar10", "own"])
def test_python_and_the_browser_agree_on_every_architecture(opened, data):  # noqa: F811
    shown = layers_of(CnnConfig(data=data, normalisation=True, dropout=0.3))["shown"]
    assert {one["name"] for one in shown if not one["trained"]} == set(INSPECTED)
    answers = asked_of(opened(), shown)
    assert set(map(agreed, shown, answers)) <= {"possible", "impossible", "values"}
    inspected = {one["name"]: a for one, a in zip(shown, answers, strict=True) if a["possible"]}
    assert inspected["vgg16"]["parameters"] == 138_357_544
    assert inspected["resnet50"]["stages"][-2]["output"] == [2048]


def test_numbers_that_are_as_if_left_out_follow_the_others(opened):  # noqa: F811
    code = """async (language) => {
      const { Language } = await import("/live/blocks_plan.js");
      const known = new Language(language);
      const changed = (text, place, value) => {
        const [block] = known.read(text);
        return known.text({ ...block, values: known.changed(block, place, value) });
      };
      return [changed("conv:16:3", 1, 5), changed("conv:16:3:1:0", 1, 5), changed("maxpool:2", 0, 3),
        changed("maxpool:3:2", 0, 4), changed("conv:16:3", 0, 8), changed("maxpool:2", 1, 1)];
    }"""
    assert opened().evaluate(code, LANGUAGE) == [
        "conv:16:5",
        "conv:16:5:1:0",
        "maxpool:3",
        "maxpool:4:2",
        "conv:8:3",
        "maxpool:2:1",
    ]


# The panel ----------------------------------------------------------------------------------------


def show_blocks(page, config: CnnConfig | None = None, answered=0, held="", **changes):
    data = layers_of(config or CnnConfig(data="mnist", architecture="n1"))
    more = {"answered": answered, "held": held, "words": blocks_words()}
    show(page, "blocks", None, **data | more | changes)
    page.evaluate(TWO_FRAMES)


def built(text: str, data: str = "mnist") -> CnnConfig:
    return CnnConfig(data=data, architecture="own", blocks=text)


def block(page, name: str):
    """A block by the name of its stage."""
    return page.locator(".gl-block", has=page.get_by_text(name, exact=True))


def names(page) -> list[str]:
    return page.locator(".gl-block-title small").all_inner_texts()[1:-1]


def sizes(page) -> list[str]:
    return page.locator(".gl-block-size").all_inner_texts()


def text_of(page) -> str:
    return page.locator(".gl-blocks-foot code").inner_text()


def changes(page, count: int = 1) -> list[dict[str, Any]]:
    """What the page was told once so many changes have been."""
    page.wait_for_function(f"told.length >= {count}")
    return told(page, "changed")


def nothing_is_sent(page):
    page.wait_for_timeout(600)  # longer than a change waits
    assert told(page, "changed") == []


def totals(page) -> list[str]:
    return page.locator(".gl-blocks-foot dd").all_inner_texts()


def test_an_architecture_is_shown_with_sizes_and_costs(opened):  # noqa: F811
    page = opened(viewport={"width": 1400, "height": 800})
    show_blocks(page)
    assert names(page) == ["conv1", "relu1", "pool1", "conv2", "relu2", "pool2"]
    first = "1 × 28 × 28", "16 × 28 × 28", "16 × 28 × 28", "16 × 14 × 14", "32 × 14 × 14"
    assert sizes(page) == [*first, "32 × 14 × 14", "32 × 7 × 7", "10"]
    assert block(page, "conv2").locator("dd").all_inner_texts() == ["12.8\u202fk", "5.02\u202fM"]
    assert totals(page) == ["28,938", "5.68\u202fM", "6 of 60"]
    assert text_of(page) == "conv:16:5,relu,maxpool:2,conv:32:5,relu,maxpool:2"
    expect(page.get_by_text("This is what your runs train.")).to_be_visible()
    drawn = page.locator(".gl-face-front").evaluate_all(
        "(faces) => faces.map((face) => face.getBBox()).map(({ width, height }) => [width, height])"
    )
    assert drawn[3][1] == pytest.approx(drawn[1][1] / 2, abs=0.2)  # half the side
    assert drawn[4][0] == pytest.approx(2 * drawn[3][0], abs=0.2)  # twice the channels
    nothing_is_sent(page)


def test_a_changed_number_makes_an_architecture_of_ones_own(opened):  # noqa: F811
    page = opened(viewport={"width": 1400, "height": 800})
    show_blocks(page)
    conv = block(page, "conv1")
    conv.get_by_role("button", name="More channels").click()
    conv.get_by_role("button", name="More channels").click()
    assert sizes(page)[1] == "32 × 28 × 28"
    expect(page.get_by_role("combobox")).to_have_value("own")
    sent = changes(page)
    text = "conv:32:5,relu,maxpool:2,conv:32:5,relu,maxpool:2"
    assert sent == [{"id": 1, "name": "own", "text": text}]
    parse(text)
    conv.get_by_role("spinbutton", name="kernel").fill("3")
    assert sizes(page)[1] == "32 × 28 × 28"  # the padding follows
    conv.get_by_role("spinbutton", name="kernel").press("ArrowUp")
    assert text_of(page).startswith("conv:32:4,")
    assert changes(page, 2)[1]["text"].startswith("conv:32:4,")


def test_what_is_impossible_says_why_and_is_not_sent(opened):  # noqa: F811
    page = opened(viewport={"width": 1400, "height": 800})
    show_blocks(page, built("conv:16:3,maxpool:2,maxpool:2,dense:8"))
    field = block(page, "pool2").get_by_role("spinbutton", name="kernel")
    field.fill("15")
    bad = page.locator(".gl-block[data-problem=true]")
    expect(bad).to_have_count(1)
    reason = plan(parse("conv:16:3,maxpool:2,maxpool:15,dense:8"), (1, 28, 28), 10)[2].problem
    expect(bad).to_contain_text(reason)
    expect(bad).to_contain_text("pool2")
    assert sizes(page)[3:] == ["impossible here", "?", "?"]
    told = "Impossible at pool2. Your runs keep to the blocks as they were before that."
    expect(page.get_by_role("status")).to_contain_text(told)
    assert totals(page)[:2] == ["–", "–"]
    nothing_is_sent(page)
    show_blocks(page, built("conv:16:3,maxpool:2,maxpool:2,dense:8"))  # a rerun for something else
    assert text_of(page) == "conv:16:3,maxpool:2,maxpool:15,dense:8"
    field.fill("14")
    assert changes(page)[0]["text"] == "conv:16:3,maxpool:2,maxpool:14,dense:8"
    expect(page.locator(".gl-block[data-problem=true]")).to_have_count(0)


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", "The kernel has to be a whole number from 1 to 15."),
        ("0", "The kernel has to be a whole number from 1 to 15."),
        ("2.5", "The kernel has to be a whole number from 1 to 15."),
        ("1e1", "The kernel has to be a whole number from 1 to 15."),
        ("99", "The kernel has to be a whole number from 1 to 15."),
    ],
)
def test_a_number_out_of_range_is_kept_as_typed_and_refused(opened, typed, reason):  # noqa: F811
    page = opened(viewport={"width": 1400, "height": 800})
    show_blocks(page, built("conv:16:3,relu"))
    field = block(page, "conv1").get_by_role("spinbutton", name="kernel")
    field.fill(typed)
    expect(page.locator(".gl-block[data-problem=true]")).to_contain_text(reason)
    expect(field).to_have_value(typed)
    expect(field).to_have_attribute("aria-invalid", "true")
    nothing_is_sent(page)
    field.fill("5")
    assert changes(page)[0]["text"] == "conv:16:5,relu"


def test_too_much_in_all_is_refused_at_the_block_that_has_most(opened):  # noqa: F811
    page = opened(viewport={"width": 1400, "height": 800})
    show_blocks(page, built("conv:64:3,dense:64"))
    block(page, "dense1").get_by_role("spinbutton", name="neurons").fill("4096")
    bad = page.locator(".gl-block[data-problem=true]")
    expect(bad).to_contain_text("dense1")
    expect(bad).to_contain_text("at most 30 million parameters")
    expect(bad).to_contain_text("205.5 million of them in dense1")
    nothing_is_sent(page)


def test_undo_goes_back_to_what_was_trained(opened):  # noqa: F811
    page = opened(viewport={"width": 1400, "height": 800})
    show_blocks(page)
    undo = page.get_by_role("button", name="Undo")
    expect(undo).not_to_be_visible()
    block(page, "relu2").hover()
    block(page, "relu2").get_by_role("button", name="Remove ReLU").click()
    changes(page)
    block(page, "pool2").get_by_role("spinbutton", name="kernel").fill("15")
    expect(page.locator(".gl-block[data-problem=true]")).to_have_count(1)
    undo.click()  # what was typed, together
    assert text_of(page) == "conv:16:5,relu,maxpool:2,conv:32:5,maxpool:2"
    undo.click()
    expect(page.get_by_role("combobox")).to_have_value("n1")
    assert changes(page, 2)[1:] == [{"id": 2, "name": "n1"}]
    expect(undo).not_to_be_visible()


def test_the_last_possible_one_can_be_gone_back_to(opened):  # noqa: F811
    page = opened(viewport={"width": 1400, "height": 800})
    show_blocks(page)
    block(page, "pool1").get_by_role("spinbutton", name="kernel").fill("0")
    page.get_by_role("button", name="Back to the last possible one").click()
    expect(page.get_by_role("combobox")).to_have_value("n1")
    assert sizes(page)[-1] == "10"
    nothing_is_sent(page)


def test_blocks_are_added_from_a_menu_that_knows_what_fits(opened):  # noqa: F811
    page = opened(viewport={"width": 1400, "height": 800})
    show_blocks(page, built("conv:16:3,dense:8"))
    block(page, "dense1").get_by_role("button", name="Add a block after Dense").click()
    menu = page.get_by_role("menu")
    expect(menu).to_be_visible()
    assert menu.get_by_role("menuitem").count() == len(KINDS)
    pool = menu.get_by_role("menuitem", name="Max pool")
    expect(pool).to_contain_text("Needs a picture (channels × height × width).")
    pool.click(force=True)
    expect(menu).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu).not_to_be_visible()
    assert text_of(page) == "conv:16:3,dense:8"
    page.keyboard.press("Enter")  # the button has the focus again
    page.keyboard.press("ArrowDown")
    menu.get_by_role("menuitem", name="Dropout").click()
    assert text_of(page) == "conv:16:3,dense:8,dropout:0.2"
    expect(block(page, "dropout1")).to_be_focused()
    page.locator(".gl-block-plus").first.click()
    menu.get_by_role("menuitem", name="Max pool").click()
    assert text_of(page) == "maxpool:2,conv:16:3,dense:8,dropout:0.2"
    page.wait_for_timeout(600)  # on a slow machine the first block has been sent by itself
    assert changes(page)[-1]["text"] == text_of(page)


def test_every_kind_can_be_added_with_usual_numbers(opened):  # noqa: F811
    page = opened(viewport={"width": 1400, "height": 800})
    show_blocks(page, built(""))
    for count, (kind, known) in enumerate(KINDS.items(), 1):
        page.locator(".gl-block-plus").first.click()
        page.get_by_role("menuitem", name=re.compile(f"^{re.escape(known.title)}")).click()
        sent = changes(page, count)[-1]["text"]
        made = check(sent, (1, 28, 28), 10)
        assert made[0].block.kind == kind
        assert made[0].problem == ""
        show_blocks(page, built(""), answered=count)


def test_keys_choose_move_and_remove(opened):  # noqa: F811
    page = opened(viewport={"width": 1400, "height": 800})
    show_blocks(page, built("conv:16:3,relu,maxpool:2"))
    block(page, "conv1").focus()
    page.keyboard.press("ArrowRight")
    expect(block(page, "relu1")).to_be_focused()
    page.keyboard.press("Shift+ArrowRight")
    assert text_of(page) == "conv:16:3,maxpool:2,relu"
    expect(block(page, "relu1")).to_be_focused()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Shift+ArrowLeft")
    assert text_of(page) == "relu,conv:16:3,maxpool:2"
    page.keyboard.press("Delete")
    assert text_of(page) == "conv:16:3,maxpool:2"
    expect(block(page, "conv1")).to_be_focused()
    page.keyboard.press("Control+z")
    assert text_of(page) == "relu,conv:16:3,maxpool:2"
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    assert text_of(page) == "conv:16:3,relu,maxpool:2"
    reached = page.locator(".gl-flow :is(button, input):not([tabindex='-1'])")
    blocks = {one.evaluate("(node) => node.closest('li').ariaLabel") for one in reached.all()}
    assert len(blocks) <= 2  # the first `+`, and the block that is chosen


def test_buttons_move_a_block(opened):  # noqa: F811
    page = opened(viewport={"width": 1400, "height": 800})
    show_blocks(page, built("conv:16:3,relu,maxpool:2"))
    block(page, "conv1").hover()
    expect(
        block(page, "conv1").get_by_role("button", name="Move Convolution back")
    ).to_be_disabled()
    on = block(page, "conv1").get_by_role("button", name="Move Convolution on")
    on.click()
    on.click()
    assert text_of(page) == "relu,maxpool:2,conv:16:3"
    expect(on).to_be_disabled()


def centre(locator) -> tuple[float, float]:
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.mark.parametrize(("to", "text"), [("pool1", "relu,maxpool:2,conv:16:3"), ("relu1", "")])
def test_a_block_is_dragged_with_the_mouse(opened, to, text):  # noqa: F811
    page = opened(viewport={"width": 1400, "height": 800})
    show_blocks(page, built("conv:16:3,relu,maxpool:2"))
    page.mouse.move(*centre(block(page, "conv1").locator(".gl-block-picture")))
    page.mouse.down()
    x, y = centre(block(page, to))
    page.mouse.move(x - 30, y, steps=5)
    page.mouse.move(x + (6 if text else -6), y, steps=5)
    page.mouse.up()
    assert text_of(page) == (text or "conv:16:3,relu,maxpool:2")
    expect(page.locator("[data-held], [data-drop], [data-dragging]")).to_have_count(0)
    if text:
        assert changes(page)[0]["text"] == text
    else:
        nothing_is_sent(page)


def test_escape_lets_a_dragged_block_go(opened):  # noqa: F811
    page = opened(viewport={"width": 1400, "height": 800})
    show_blocks(page, built("conv:16:3,relu,maxpool:2"))
    page.mouse.move(*centre(block(page, "conv1").locator(".gl-block-picture")))
    page.mouse.down()
    page.mouse.move(*centre(block(page, "pool1")), steps=5)
    expect(page.locator("[data-held]")).to_have_count(1)
    block(page, "conv1").press("Escape")
    page.mouse.up()
    assert text_of(page) == "conv:16:3,relu,maxpool:2"
    expect(page.locator("[data-held]")).to_have_count(0)


def test_a_finger_drags_by_the_dots_in_a_column(opened):  # noqa: F811
    page = opened(viewport={"width": 390, "height": 1200}, has_touch=True)
    show_blocks(page, built("relu,norm,dense:4"))
    finger = Finger(page)
    start = centre(block(page, "relu1").locator(".gl-grip"))
    x, y = centre(block(page, "norm1"))
    finger.touch("touchStart", *start)
    for step in (0.3, 0.7, 1):
        finger.touch("touchMove", x, start[1] + step * (y + 20 - start[1]))
    finger.touch("touchEnd")
    page.evaluate(TWO_FRAMES)
    assert text_of(page) == "norm,relu,dense:4"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_large_ones_are_only_looked_at(opened):  # noqa: F811
    page = opened(viewport={"width": 1400, "height": 800})
    show_blocks(page)
    page.get_by_role("combobox").select_option("resnet50")
    expect(page.locator(".gl-blocks-about")).to_contain_text("He, Zhang, Ren & Sun")
    expect(page.locator(".gl-blocks-about")).to_contain_text("(2015)")
    expect(page.locator(".gl-blocks-about")).to_contain_text("Too large to be trained here")
    assert sizes(page)[0] == "3 × 224 × 224"
    assert totals(page)[0] == "25,557,096"
    expect(page.locator(".gl-blocks button:visible")).to_have_count(0)
    expect(block(page, "conv1").get_by_role("spinbutton").first).not_to_be_editable()
    block(page, "conv1").press("Delete")
    assert sizes(page)[1] == "64 × 112 × 112"
    nothing_is_sent(page)


def test_another_one_can_be_looked_at_trained_and_copied(opened):  # noqa: F811
    page = opened(viewport={"width": 1400, "height": 800})
    show_blocks(page)
    page.get_by_role("combobox").select_option("lenet5")
    expect(page.get_by_role("status")).to_contain_text("Your runs train: Two 5 × 5 convolutions.")
    show_blocks(page, CnnConfig(data="mnist", architecture="n1", normalisation=True))
    expect(page.get_by_role("combobox")).to_have_value("lenet5")
    assert "norm1" in names(page)  # with the settings as they are now
    nothing_is_sent(page)
    page.get_by_role("button", name="Train this one").click()
    assert changes(page) == [{"id": 1, "name": "lenet5"}]
    page.get_by_role("button", name="Edit a copy").click()
    text = next(
        one["text"]
        for one in layers_of(CnnConfig(data="mnist", normalisation=True))["shown"]
        if one["name"] == "lenet5"
    )
    assert changes(page, 2)[1] == {"id": 2, "name": "own", "text": text}


def test_a_named_one_that_does_not_fit_the_pictures_says_so(opened):  # noqa: F811
    page = opened(viewport={"width": 1400, "height": 800})
    show_blocks(page, CnnConfig(data="digits", architecture="small"))
    page.get_by_role("combobox").select_option("n6")
    expect(page.locator(".gl-block[data-problem=true]")).to_contain_text("needs at least")
    expect(page.get_by_role("button", name="Train this one")).not_to_be_visible()
    page.get_by_role("button", name="Edit a copy").click()
    nothing_is_sent(page)
    expect(page.get_by_role("combobox")).to_have_value("own")


def test_the_number_of_blocks_has_an_end(opened):  # noqa: F811
    page = opened(viewport={"width": 1400, "height": 800})
    show_blocks(page, built(",".join(["relu"] * (MAX_BLOCKS - 1))))
    page.locator(".gl-block-plus").first.click()
    page.get_by_role("menuitem", name="Batch norm").click()
    assert totals(page)[2] == "60 of 60"
    expect(page.get_by_text("There is room for 60 blocks; remove one first.")).to_be_visible()
    expect(page.locator(".gl-block-plus:enabled:visible")).to_have_count(0)
    block(page, "norm1").press("Enter")
    expect(page.get_by_role("menu")).to_have_count(0)
    block(page, "norm1").press("Delete")
    expect(page.locator(".gl-block-plus:enabled:visible")).to_have_count(60)


def test_what_is_held_fast_cannot_be_changed(opened):  # noqa: F811
    page = opened(viewport={"width": 1400, "height": 800})
    show_blocks(page, held="Held by a link.")
    expect(page.locator(".gl-blocks-about")).to_have_text("Held by a link.")
    expect(page.locator(".gl-blocks button:visible")).to_have_count(0)
    page.get_by_role("combobox").select_option("lenet5")
    expect(page.locator(".gl-blocks button:visible")).to_have_count(0)


# What the page says -------------------------------------------------------------------------------


def test_answers_are_waited_for_and_later_edits_stay(opened):  # noqa: F811
    page = opened(viewport={"width": 1400, "height": 800})
    show_blocks(page)
    field = block(page, "conv1").get_by_role("spinbutton", name="channels")
    field.fill("20")
    (sent,) = changes(page)
    show_blocks(page)  # a rerun from before the change
    assert text_of(page).startswith("conv:20:5,")
    field.fill("")  # and on, while it is on its way
    show_blocks(page, built(sent["text"]), answered=1)
    expect(field).to_have_value("")
    expect(page.get_by_role("status")).to_contain_text("Impossible at conv1")
    page.get_by_role("button", name="Back to the last possible one").click()
    assert text_of(page) == sent["text"]


def test_a_change_that_is_refused_is_taken_back(opened):  # noqa: F811
    page = opened(viewport={"width": 1400, "height": 800})
    show_blocks(page)
    block(page, "conv1").get_by_role("spinbutton", name="channels").fill("20")
    changes(page)
    show_blocks(page, answered=1)
    expect(page.get_by_role("combobox")).to_have_value("n1")
    assert text_of(page).startswith("conv:16:5,")


def test_the_settings_win_when_they_change_elsewhere(opened):  # noqa: F811
    page = opened(viewport={"width": 1400, "height": 800})
    show_blocks(page)
    block(page, "conv1").get_by_role("spinbutton", name="kernel").fill("0")
    show_blocks(page, CnnConfig(data="mnist", architecture="lstm"))
    expect(page.get_by_role("combobox")).to_have_value("lstm")
    assert names(page) == ["lstm1"]
    nothing_is_sent(page)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".gl-block[data-problem=true]")).to_have_count(1)


def test_other_pictures_are_sized_at_once(opened):  # noqa: F811
    page = opened(viewport={"width": 1400, "height": 800})
    show_blocks(page, built("conv:16:3,maxpool:8"))
    block(page, "pool1").get_by_role("spinbutton", name="kernel").fill("15")
    changes(page)
    block(page, "pool1").get_by_role("spinbutton", name="padding").fill("9")
    show_blocks(page, built("conv:16:3,maxpool:15", "digits"), answered=1)
    assert sizes(page)[0] == "1 × 8 × 8"
    expect(page.locator(".gl-block[data-problem=true]")).to_contain_text("padding")


def test_numbers_go_on_where_the_page_is(opened):  # noqa: F811
    page = opened(viewport={"width": 1400, "height": 800})
    show_blocks(page, answered=41)
    block(page, "conv1").get_by_role("button", name="Less channels").click()
    assert changes(page)[0]["id"] == 42
