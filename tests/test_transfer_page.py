"""The script of the page of transfer learning: every task, every choice of data, weights, refusals."""

from __future__ import annotations

import pytest
from conftest import wait_for
from inline_pages import message, panels
from streamlit.testing.v1 import AppTest

from engine import recordings
from engine.data import fetching
from engine.errors import Unavailable
from engine.topics import figures, topic
from engine.topics.transfer.spec import SPEC, TransferConfig
from pages._frame import page as frame

RECORDED = [preset.id for preset in SPEC.presets if preset.id in recordings.names(SPEC.name)]
FUSION = {"task": "fusion", "images": "20", "model_1": "mlp", "model_2": "small", "model_3": "lstm"}


@pytest.fixture
def open_page(running):
    def show(**query):
        test = AppTest.from_string(
            "from pages._frame.page import show\nshow('transfer')\n", default_timeout=30
        )
        test.query_params.update(query)
        return test.run()

    return show


def run_of(test):
    return test.session_state["transfer.visit"].run


def shown(test):
    """Names of the settings whose controls are on the page."""
    widgets = [*test.slider, *test.select_slider, *test.selectbox, *test.button_group, *test.toggle]
    return {w.key.split(".")[1] for w in widgets if w.key and w.key.startswith("transfer.")}


@pytest.mark.parametrize("preset", RECORDED)
def test_a_preset_opens_on_its_recording(open_page, preset):
    test = open_page(preset=preset)
    assert not test.exception
    assert [*test.error] == []
    assert run_of(test) == ""
    (main,) = (d for d in panels(test).values() if d["part"] in ("picture", "fusion"))
    assert main["source"]["url"] == f"/api/v1/recordings/transfer/{preset}?play=once"


@pytest.mark.parametrize(
    ("task", "there", "away"),
    [
        ("compare", {"images", "depth", "backbone"}, {"model_1"}),
        ("sizes", {"depth", "backbone"}, {"model_1", "images"}),
        ("fusion", {"images", "backbone", "model_1", "model_3"}, {"depth", "scratch"}),
    ],
)
def test_each_task_has_its_own_controls(open_page, task, there, away):
    query = {"preset": {"compare": "digits", "sizes": "sizes", "fusion": "T3"}[task]}
    controls = shown(open_page(**query))
    assert there <= controls
    assert not away & controls


@pytest.mark.parametrize("view", ["embedding", "useful", "mistakes", "confusion"])
def test_every_view_has_its_panel(open_page, view):
    test = open_page()
    test.session_state["transfer.view"] = view
    test.run()
    assert not test.exception
    wanted = {"embedding": "embedding", "useful": "useful", "mistakes": "mistakes"}
    assert wanted.get(view, "picture") in panels(test)


def test_curves_are_those_of_the_models_that_are_fused():
    assert figures("transfer").curves(TransferConfig())[0] == "test_accuracy_scratch"
    fused = TransferConfig(task="fusion", model_1="mlp", model_2="small", model_3="none")
    assert figures("transfer").curves(fused) == (
        "test_accuracy_model_1",
        "test_accuracy_model_2",
        "test_accuracy_average",
    )


def sent(monkeypatch, test, weights):
    """What the panel sends, as the page takes it."""
    state = {"transfer.fusion": {"weights": {"weights": weights}}}
    visit = test.session_state["transfer.visit"]
    put = []
    monkeypatch.setattr(frame.st, "session_state", state)
    monkeypatch.setattr(frame, "put_values", lambda spec, visit, values: put.append(values))
    frame.weighed(topic("transfer"), visit)
    monkeypatch.undo()
    return put


def test_moved_weights_are_kept_and_need_no_other_run(open_page, monkeypatch):
    test = open_page(preset="T3")
    (values,) = sent(monkeypatch, test, [1, 0.5, 0])
    assert values["weights"] == "1,0.5,0"
    moved = open_page(**FUSION, weights="1,0.5,0")
    assert run_of(moved) == ""
    fusion = panels(moved)["fusion"]
    assert fusion["weights"] == pytest.approx([2 / 3, 1 / 3, 0])
    assert fusion["source"]["url"] == "/api/v1/recordings/transfer/T3?play=once"


@pytest.mark.parametrize("weights", [None, "1,1", [2, 1, 1], [-1, 0, 0], ["a"], [1] * 9, {"a": 1}])
def test_forged_weights_change_nothing(open_page, monkeypatch, weights):
    assert sent(monkeypatch, open_page(preset="T3"), weights) == []


def test_models_that_do_not_fit_are_refused_before_a_run(open_page):
    test = open_page(**{**FUSION, "model_2": "lenet5"})
    assert run_of(test) == ""
    said = " ".join(info.value for info in test.info).replace("\\", "")
    assert "model_2: expected a model for pictures of 8 × 8 pixels" in said


def test_photographs_that_are_not_here_are_told_how_to_come(open_page, running):
    test = open_page(data="fruit")
    run = run_of(test)
    wait_for(lambda: running.manager.get(run).log.terminal, "the end")
    end = running.manager.get(run).log.terminal
    assert end.type == "failed"
    assert "There are no fruit pictures on this machine." in end.data["message"]
    assert "GALLERY_PICTURES_DIR/fruit" in end.data["message"]


def test_a_refused_download_says_what_needs_none(open_page, running, monkeypatch):
    def refuse(file, progress):
        raise Unavailable("no connection")

    monkeypatch.setattr("engine.data.weights.fetch_file", refuse)
    query = {"task": "fusion", "model_1": "resnet18", "model_2": "small", "model_3": "none"}
    test = open_page(**query)
    run = run_of(test)
    wait_for(lambda: running.manager.get(run).log.terminal, "the end")
    told = running.manager.get(run).log.terminal.data["message"]
    assert told.startswith("no connection EfficientNet-Lite0, and the backbones")


def test_a_bad_link_says_what_was_expected(open_page):
    test = open_page(task="fusion", weights="7", v="1")
    assert "weights" in message(test)


def test_weights_of_a_publisher_have_the_checksum_in_their_name(tmp_path, monkeypatch):
    """A file that lies there counts only if its checksum begins as its name says."""
    import hashlib

    from engine.data import weights
    from engine.settings import Settings

    content = b"tensors"
    digits = hashlib.sha256(content).hexdigest()[:8]
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / f"net-{digits}.pth").write_bytes(content)
    (folder / "net-00000000.pth").write_bytes(content)
    monkeypatch.setattr(
        fetching, "settings", lambda: Settings(data_dir=tmp_path, cache_dir=tmp_path / "c")
    )
    address = "http://127.0.0.1:9/{}"
    assert weights.fetched(address.format(f"net-{digits}.pth"), 100).read_bytes() == content
    with pytest.raises(Unavailable, match="need no download"):
        weights.fetched(address.format("net-00000000.pth"), 100)
