"""The block editor on the side of the page: what it is given, and what it may put into settings."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import wait_terminal
from inline_pages import panels
from streamlit.testing.v1 import AppTest

from engine.data import pictures
from engine.errors import InvalidValue
from engine.topics import topic
from engine.topics.cnn.architectures import INSPECTED, NAMES
from engine.topics.cnn.blocks import DEFAULTS, KINDS, MAX_TEXT, check, parse, written
from engine.topics.cnn.editor import SOURCES, layers_of, with_layers
from engine.topics.cnn.figures import views
from engine.topics.cnn.parts import SHAPES
from engine.topics.cnn.spec import CnnConfig
from pages._frame import blocks as part
from pages._frame import visit as visits
from pages._frame.runs import undo
from pages._frame.visit import Visit

SPEC = topic("cnn")
MINE = "conv:4:3,relu,maxpool:2"


# What the editor is given -------------------------------------------------------------------------


@pytest.mark.parametrize("data", ["digits", "mnist", "fashion-mnist", "cifar10", "own"])
def test_every_architecture_is_shown_for_the_pictures_of_the_settings(data):
    config = CnnConfig(data=data, architecture="n2", normalisation=True, dropout=0.25, blocks=MINE)
    given = json.loads(json.dumps(layers_of(config)))
    assert given["chosen"] == "n2"
    shown = {one["name"]: one for one in given["shown"]}
    assert set(shown) == {*NAMES, "own"}
    assert shown["own"]["text"] == MINE
    assert "norm" in shown["n2"]["text"]
    assert "dropout:0.25" in shown["n2"]["text"]
    for name, one in shown.items():
        assert written(parse(one["text"])) == one["text"]
        assert one["trained"] == (name not in INSPECTED)
        assert one["shape"] == ([3, 224, 224] if name in INSPECTED else list(SHAPES[data]))
        assert (str(SOURCES[name].year) in one["about"]) if name in SOURCES else True
    assert all(check(shown[n]["text"], (3, 224, 224), 1000, inspect=True) for n in INSPECTED)


def test_the_shapes_are_those_that_are_trained():
    trained = CnnConfig.settings()["data"].choices
    stored = {d: copies[0].shape for d, copies in pictures.COPIES.items() if d in trained}
    assert {data: (c, h, w) for data, (h, w, c) in stored.items()}.items() <= SHAPES.items()
    assert SHAPES["own"] == (3, pictures.COLOUR_SIDE, pictures.COLOUR_SIDE)


def test_own_pictures_bring_their_classes():
    album = SimpleNamespace(classes=("cat", "dog", "cow"))
    config = CnnConfig(data="own", architecture="own", blocks=MINE)
    classes = {one["classes"] for one in layers_of(config, album)["shown"] if one["trained"]}
    assert classes == {3}
    assert len(views(config)) > 0  # and nothing breaks where they are not here
    assert {one["classes"] for one in layers_of(config)["shown"] if one["trained"]} == {10}


def test_blocks_of_a_broken_link_are_empty_and_say_why():
    given = layers_of(CnnConfig(architecture="own", blocks="conv:16:3,warp:9"))
    own = next(one for one in given["shown"] if one["name"] == "own")
    assert own["text"] == ""
    assert "block 2 to be one of" in own["about"]


def test_every_number_of_every_kind_is_described():
    kinds = layers_of(CnnConfig())["kinds"]
    assert list(kinds) == list(KINDS)
    for name, kind in kinds.items():
        assert kind["title"]
        assert kind["help"]
        assert len(kind["parameters"]) == len(KINDS[name].parameters)
        for parameter in kind["parameters"]:
            assert parameter["default"] in {"", *DEFAULTS}
            assert parameter["short"]
            assert len(parameter["short"]) <= 8


@pytest.mark.parametrize("share", ["0.000001", "0.1234", "0.9", "0"])
def test_written_shares_can_be_read_again(share):
    assert parse(written(parse(f"dropout:{share}"))) == parse(f"dropout:{share}")


# What it may put into the settings ----------------------------------------------------------------


def test_blocks_become_settings_in_their_shortest_form():
    config = CnnConfig(data="mnist")
    found = with_layers(config, "own", "Conv:16:3:1:1, relu")
    assert found == {"architecture": "own", "blocks": "conv:16:3,relu"}
    assert with_layers(config, "lenet5") == {"architecture": "lenet5"}


@pytest.mark.parametrize(
    ("name", "text", "field", "said"),
    [
        ("own", "conv:16:3,maxpool:9", "blocks", "block 2"),
        ("own", "conv:16:99", "blocks", "block 1"),
        ("own", ["conv:16:3"], "blocks", "blocks as text"),
        ("own", None, "blocks", "blocks as text"),
        ("own", "relu," * 61, "blocks", "at most 60 blocks"),
        ("own", "dense:0000001," * 145, "blocks", f"at most {MAX_TEXT:,} characters"),
        ("own", "dense:4096,dense:4096,dense:4096", "blocks", "30 million parameters"),
        ("n6", "", "blocks", "block 6"),
        ("vgg16", "", "architecture", "of the list"),
        ("../x", "", "architecture", "of the list"),
        (None, "", "architecture", "of the list"),
        (["own"], "", "architecture", "of the list"),
    ],
)
def test_what_is_impossible_is_refused(name, text, field, said):
    with pytest.raises(InvalidValue, match=said) as raised:
        with_layers(CnnConfig(data="digits"), name, text)
    assert raised.value.field == field


# The page -----------------------------------------------------------------------------------------


def open_page(**query):
    test = AppTest.from_string(
        "from pages._frame.page import show\nshow('cnn')\n", default_timeout=60
    )
    test.query_params.update(query)
    test.session_state["cnn.below"] = part.PART
    return test.run()


def test_the_editor_is_part_of_the_page_and_a_link_brings_blocks_that_train(running):
    test = open_page(architecture="own", blocks=MINE, epochs="1", pictures="200", v="1")
    assert not test.exception
    given = panels(test)["blocks"]
    assert given["chosen"] == "own"
    assert next(one for one in given["shown"] if one["name"] == "own")["text"] == MINE
    assert given["held"] == ""
    assert given["answered"] == 0
    run = test.session_state["cnn.visit"].run
    assert wait_terminal(running.manager, run).type == "done"
    layers = running.manager.get(run).log.history.started["layers"]
    assert [layer["name"] for layer in layers] == ["conv1", "relu1", "pool1", "out"]


def test_a_classroom_link_holds_the_architecture(running):
    test = open_page(architecture="n10", lock="architecture", epochs="1", pictures="200", v="1")
    assert not test.exception
    assert "holds the architecture fast" in panels(test)["blocks"]["held"]


@pytest.fixture
def visit(monkeypatch):
    """What the page shows, and its session, in which the editor's message lies."""
    session: dict[str, Any] = {}
    for module in (part, visits):
        monkeypatch.setattr(module, "st", SimpleNamespace(session_state=session))
    made = Visit(values=SPEC.config().model_dump())
    return SimpleNamespace(spec=SPEC, visit=made, config=SPEC.config(), own=None), session


def sent(session, **message):
    session[part.panel_key(SPEC)] = {"changed": {"id": 1, "name": "own", "text": MINE} | message}


def test_no_setting_has_the_key_of_the_panel():
    assert part.panel_key(SPEC) not in {visits.key(SPEC, name) for name in SPEC.config.settings()}


def test_a_change_reaches_the_settings_and_can_be_undone(visit):
    look, session = visit
    sent(session)
    part.blocks_changed(look)
    assert session["cnn.architecture"] == look.visit.values["architecture"] == "own"
    assert session["cnn.blocks"] == look.visit.values["blocks"] == MINE
    assert session["cnn.blocks_answered"] == 1
    assert look.visit.message == ""
    undo(SPEC, look.visit)
    assert look.visit.values["architecture"] == SPEC.config().architecture


def test_what_is_already_so_is_answered_without_an_undo(visit):
    look, session = visit
    sent(session, name=look.config.architecture, id=7)
    part.blocks_changed(look)
    assert session["cnn.blocks_answered"] == 7
    assert look.visit.undo == []


def test_a_refused_change_is_answered_and_explained(visit):
    look, session = visit
    sent(session, text="maxpool:15")
    part.blocks_changed(look)
    assert "block 1" in look.visit.message
    assert session["cnn.blocks_answered"] == 1
    assert look.visit.values == SPEC.config().model_dump()


@pytest.mark.parametrize("held", ["architecture", "blocks"])
def test_what_a_link_holds_fast_stays(visit, held):
    look, session = visit
    look.visit.fixed = {held: SPEC.config().model_dump()[held]}
    sent(session)
    part.blocks_changed(look)
    assert look.visit.values == SPEC.config().model_dump()


@pytest.mark.parametrize(
    "changed", [None, "own", 3, ["own"], {}, {"id": "1"}, {"id": True, "name": 3}, {"id": -1}]
)
def test_forged_messages_change_nothing(visit, changed):
    look, session = visit
    session[part.panel_key(SPEC)] = {"changed": changed}
    part.blocks_changed(look)
    assert look.visit.values == SPEC.config().model_dump()
    assert "cnn.blocks_answered" not in session
