"""A visitor's own pictures: gathered, learned from, kept private, shared; and what is previewed."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import json
from base64 import b64encode
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import wait_for, wait_terminal
from PIL import Image
from safetensors.torch import load as parse

from engine import service, topics
from engine.data import own
from engine.data.albums import BadAlbum, Gathered, gather, made
from engine.data.own_albums import ALBUM, CLASSES_LIMIT, OwnAlbum
from engine.data.tables import Table
from engine.errors import GalleryError, InvalidValue, NotFound
from engine.events import decode_array
from engine.jobs import manager
from engine.jobs.job import JobSpec
from engine.jobs.perform import perform
from engine.jobs.predictor import Predictor
from engine.settings import Settings
from engine.topics.cnn import figures, preview, recipe, samples
from engine.topics.cnn.parts import parts
from engine.topics.cnn.spec import SPEC, CnnConfig
from engine.training.context import Inbox
from pages._frame.own_example import shapes
from tests.test_contract import Collector


def png(number: int) -> bytes:
    """A small picture; every number gives another one."""
    pixels = np.random.default_rng(number).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def files(first: int, count: int = 3) -> list[tuple[str, bytes]]:
    return [(f"{n}.png", png(n)) for n in range(first, first + count)]


@pytest.fixture(scope="module")
def album() -> OwnAlbum:
    """The example: three shapes."""
    return made(Gathered(shapes()))


def settings(album: OwnAlbum, **more: object) -> dict[str, object]:
    return {"data": "own", "album": album.digest, **more}


def job(album: OwnAlbum, **more: object) -> JobSpec:
    attached = {ALBUM: b64encode(album.pack()).decode()}
    return JobSpec.checked("cnn", settings(album, **more), device="cpu", attachments=attached)


@pytest.fixture(scope="module")
def learned(album: OwnAlbum) -> Collector:
    sink = Collector()
    perform(job(album), Inbox(), sink)
    assert sink.events[-1].type == "done", sink.events[-1].data
    return sink


# Gathered upload by upload -------------------------------------------------------------------------


def test_classes_are_added_one_after_the_other():
    cats = gather(files(0), loose="cat")
    with pytest.raises(BadAlbum, match="two classes"):
        made(cats)
    both = gather(files(10), loose="dog", before=cats.pictures)
    more = gather(files(20, 2), loose="cat", before=both.pictures)
    album = made(more)
    assert album.classes == ("cat", "dog")
    assert np.bincount(album.labels).tolist() == [5, 3]
    assert made(both) != album


def test_what_was_there_before_is_known_again():
    cats = gather(files(0), loose="cat")
    again = gather(files(0), loose="cat", before=cats.pictures)
    assert again.pictures == cats.pictures
    assert "The same picture again" in again.notes[0]
    other = gather(files(0), loose="dog", before=cats.pictures)
    assert other.pictures == cats.pictures
    assert "in another class before" in other.notes[0]


def test_one_file_is_enough_for_a_class_that_is_named():
    assert len(gather(files(0, 1), loose="cat").pictures) == 1
    with pytest.raises(BadAlbum, match="no zip archive"):
        gather(files(0, 1))


def test_too_many_classes_are_refused_upload_by_upload():
    pictures = ()
    for number in range(CLASSES_LIMIT):
        pictures = gather(files(10 * number, 1), loose=f"class {number}", before=pictures).pictures
    with pytest.raises(BadAlbum, match=f"at most {CLASSES_LIMIT} classes"):
        gather(files(9999, 1), loose="one more", before=pictures)


def test_a_bad_picture_leaves_the_others_in():
    found = gather([*files(0), ("bad.png", b"<svg xmlns='x'></svg>")], loose="cat")
    assert len(found.pictures) == 3
    assert "“bad.png” (an SVG drawing)" in found.notes[0]


# Learned from --------------------------------------------------------------------------------------


def test_a_run_over_own_pictures_learns(learned: Collector):
    assert learned.final["val_accuracy"] >= 0.8  # chance: 0.33
    assert learned.final["train_accuracy"] >= 0.9
    started = next(e for e in learned.events if e.type == "started").data
    assert started["arrays"]["architecture"] == {"classes": ["disc", "square", "triangle"]}
    assert started["arrays"]["image"] == [32, 32, 3]
    assert started["samples"] == 192


def test_a_model_of_own_pictures_answers_without_them(album: OwnAlbum, learned: Collector):
    config = CnnConfig(**settings(album))
    weights = parse(learned.artifacts["weights.safetensors"])
    model = recipe.load(config, weights)
    rows = parts(config, album.album())["train"][:40]
    answers = recipe.predict(model, [album.pixels[row].tolist() for row in rows])
    assert len(answers["probabilities"][0]) == 3
    assert (np.array(answers["outputs"]) == album.labels[rows]).mean() > 0.7


def test_a_cell_shows_its_pictures_while_the_album_is_here(album: OwnAlbum, learned: Collector):
    told = next(e for e in learned.events if e.type == "started").data["arrays"]
    frame = [e for e in learned.events if e.type == "frame"][-1].data["data"]
    config = CnnConfig(**settings(album))
    cell = samples.of_cell(config, album, told, frame, 0, 0)
    assert cell.found == frame["confusion"][0][0] > 0
    np.testing.assert_array_equal(cell.pictures, album.pixels[list(cell.rows)])
    with pytest.raises(GalleryError, match="not in this visit"):
        samples.of_cell(config, None, told, frame, 0, 0)


def test_figures_name_the_classes_of_the_album(album: OwnAlbum):
    odd = dataclasses.replace(album, classes=("<b>bold</b>", "%{x}", "c"))
    config = CnnConfig(**settings(odd))
    drawn = {view.name: view.draw() for view in figures.views(config, odd)}
    names = list(drawn["classes"].data[0].y)
    assert names == ["&lt;b&gt;bold&lt;/b&gt;", "%&#123;x}", "c"]
    assert all(view.draw() is not None for view in figures.views(config))
    assert figures.at_hand(config)
    assert figures.pad(config) is None


@pytest.mark.parametrize("side", [8, 64])
def test_pictures_of_another_size_are_refused(album: OwnAlbum, side: int):
    other = OwnAlbum(np.zeros((4, side, side, 3), np.uint8), np.array([0, 0, 1, 1]), ("a", "b"))
    with pytest.raises(InvalidValue, match="32 × 32"):
        recipe.pictures(CnnConfig(**settings(other)), {ALBUM: other.pack()})


def test_pictures_that_are_gone_are_missed_in_words(album: OwnAlbum):
    sink = Collector()
    perform(JobSpec.checked("cnn", settings(album), device="cpu"), Inbox(), sink)
    assert sink.events[-1].type == "failed"
    assert "stay with a visit" in sink.events[-1].data["message"]


@pytest.mark.parametrize("digest", ["ab", "AB" * 32, "../" + "a" * 61])
def test_only_a_digest_names_an_album(digest: str):
    with pytest.raises(InvalidValue):
        CnnConfig.parse({"data": "own", "album": digest})


# One mechanism for tables and pictures -------------------------------------------------------------


def test_a_topic_takes_one_kind_of_own_data(album: OwnAlbum):
    assert own.kind_of(SPEC.config.settings()) == "album"
    assert own.kind_of({"table": 1}) == "table"
    assert own.kind_of({"seed": 1}) == ""
    assert own.digest(CnnConfig(**settings(album))) == album.digest
    assert own.digest(CnnConfig()) == ""
    table = Table(np.arange(20).reshape(10, 2), np.arange(10), ("a", "b"), "c")
    for data, kind in ((album, "album"), (table, "table")):
        assert own.KINDS[kind](data.pack()) == data


@pytest.fixture
def house(tmp_path):
    configuration = Settings(runs_dir=str(tmp_path), device="cpu", slots=1)
    yield service.start(service.Service(configuration))
    service.stop()


def test_a_run_of_own_pictures_is_private_until_it_is_shared(house, album: OwnAlbum):
    wait_for(lambda: house.manager.ready, "the workers")
    run = house.manager.submit(job(album, epochs=1), "me")
    end = wait_terminal(house.manager, run)
    assert end.type == "done", end.data
    house.manager.wait_stored(run)
    assert OwnAlbum.unpack(house.own_data(run, ALBUM, "me")) == album
    for asker in ("me", "other"):
        with pytest.raises(NotFound):
            house.store.summary(run, asker)
    with pytest.raises(NotFound):
        house.own_data(run, ALBUM, "other")
    house.manager.publish(run)
    house.store.share(run, "me")
    assert OwnAlbum.unpack(house.own_data(run, ALBUM, "other")) == album
    assert house.store.history(run, "other").config["album"] == album.digest


def test_similar_ones_are_looked_for_among_them_and_they_come_along_once(house, album: OwnAlbum):
    wait_for(lambda: house.manager.ready, "the workers")
    asked_for: list[str] = []

    def data(kind: str) -> bytes:
        asked_for.append(kind)
        return house.own_data(run, kind, asker)

    async def similar(index: int) -> dict[str, Any]:
        rows = album.pixels[index].tolist()
        weights = {"weights": lambda: house.artifact(run, "weights.safetensors", "me")}
        model = {"key": run, "config": config.model_dump(), "data": data, **weights}
        return await house.predictors.explain("cnn", "similar", rows, {"k": 3}, **model)

    async def all_of_it() -> list[dict[str, Any]]:
        with pytest.raises(NotFound, match="not here any more"):
            await similar(0)
        nonlocal asker
        asker = "me"
        return [await similar(index) for index in (0, 0, 1)]

    asker, submitted = "other", job(album, epochs=1)
    run, config = house.manager.submit(submitted, "me"), submitted.parsed()
    assert wait_terminal(house.manager, run).type == "done"
    first, again, other = asyncio.run(all_of_it())
    assert asked_for == ["album", "album"]
    assert first == again != other
    learned = parts(config, album.album())["train"]
    assert set(first["index"]) <= set(learned.tolist()) - {0}
    assert first["label"] == album.labels[first["index"]].tolist()
    assert first["pictures"] == len(learned)


def test_old_private_runs_go_when_their_data_take_too_much(house, album: OwnAlbum, monkeypatch):
    wait_for(lambda: house.manager.ready, "the workers")
    same = job(album, epochs=1, pictures=32)
    size = len(same.attachments[ALBUM])
    runs = []
    for one in (same, same, job(album, epochs=1, pictures=32)):
        attachments = dict(one.attachments)  # the text itself is shared by the first two
        runs.append(house.manager.submit(dataclasses.replace(one, attachments=attachments), "me"))
        wait_terminal(house.manager, runs[-1])
        house.manager.wait_stored(runs[-1])
    assert {run.id for run in house.manager.runs_of("me")} == set(runs)
    left = sum(map(len, house.manager.get(runs[2]).artifacts.values()))
    assert left > 10_000  # weights and snapshots count, too
    monkeypatch.setattr(manager, "PRIVATE_BYTES", int(1.5 * size) + 2 * left)
    house.manager.submit(JobSpec.checked("faulty", {}, device="cpu"), "me")
    assert {run.id for run in house.manager.runs_of("me")} & set(runs) == {runs[2]}


def test_what_runs_leave_behind_counts_and_shared_data_only_once() -> None:
    data = "x" * 100
    left = [{"weights": bytes(n)} for n in (50, 60, 70)]
    runs: list[Any] = [
        SimpleNamespace(job=SimpleNamespace(attachments={"a": data}), artifacts=one) for one in left
    ]
    fits = {169: 0, 170: 1, 229: 1, 230: 2, 279: 2, 280: 3}
    assert {most: manager._within(runs, most) for most in fits} == fits


# Previewed -----------------------------------------------------------------------------------------


def answer(topic: str, **changed: object) -> dict[str, Any]:
    """What a predictor answers that is asked for a preview."""
    config = topics.topic(topic).config(**changed).model_dump()
    request = {"operation": "preview", "topic": topic, "attachments": {}, "config": config}
    found: dict[str, Any] = json.loads(Predictor().answer(request, None))
    return found


def asked(**changed: object) -> dict[str, Any]:
    """A preview of the CNN topic, its pictures as arrays."""
    found = answer("cnn", **changed)
    return found | {name: decode_array(found[name]) for name in ("picture", "versions")}


def test_nothing_switched_on_changes_nothing():
    found = asked()
    assert found["versions"].shape == (0, 8, 8, 1)
    pictures = recipe.pictures(CnnConfig(), {})
    np.testing.assert_array_equal(found["picture"], pictures.pixels[found["number"]])
    assert found["label"] == pictures.classes[pictures.labels[found["number"]]]


def test_the_picture_previewed_is_learned_from_and_can_be_chosen():
    train = parts(CnnConfig(), recipe.pictures(CnnConfig(), {}))["train"]
    assert [asked(shown=n)["number"] for n in (0, 3, len(train))] == [train[0], train[3], train[0]]


def test_mirroring_gives_the_picture_or_its_mirror_image():
    found = asked(flip=0.5)
    picture = found["picture"]
    same = [(version == picture).all() for version in found["versions"]]
    mirrored = [(version == picture[:, ::-1]).all() for version in found["versions"]]
    assert len(same) == preview.VERSIONS
    assert all(np.logical_xor(same, mirrored))
    assert any(same)
    assert any(mirrored)


@pytest.mark.parametrize(
    "changed",
    [{"rotate": 30.0}, {"crop": 2}, {"cutout": 3}, {"zoom": 0.3}, {"shear": 0.3}, {"mixup": 1.0}],
)
def test_the_versions_differ(changed):
    found = asked(**changed)
    kinds = {version.tobytes() for version in found["versions"]}
    assert len(kinds) > 4
    again = asked(**changed)
    np.testing.assert_array_equal(found["versions"], again["versions"])


def test_mixup_blends_with_other_training_pictures():
    found = asked(mixup=1.0, validation=0.0)
    pictures = recipe.pictures(CnnConfig(), {}).pixels.reshape(-1, 64).astype(float)
    own = found["picture"].astype(float).ravel()
    for version in found["versions"].astype(float).reshape(-1, 64):
        toward, wanted = pictures - own, version - own
        share = (toward @ wanted) / np.maximum((toward**2).sum(1), 1)
        left = np.abs(wanted - share[:, None] * toward).max(1)
        assert left.min() <= 1  # rounding


def test_own_pictures_are_previewed(album: OwnAlbum):
    config = CnnConfig(**settings(album, grey=1.0))
    found = recipe.preview(config, {ALBUM: album.pack()})
    versions = decode_array(found["versions"])
    assert versions.shape == (12, 32, 32, 3)
    assert (versions == versions[..., :1]).all()
    assert found["label"] in album.classes


def test_nobody_waits_for_a_download(monkeypatch):
    monkeypatch.setattr(recipe.stored, "at_hand", lambda name: False)
    monkeypatch.setattr(recipe.stored, "album", lambda name: pytest.fail("fetched"))
    with pytest.raises(NotFound, match="not on this machine"):
        recipe.preview(CnnConfig(data="cifar10"), {})


def test_topics_without_a_preview_say_so():
    assert answer("regression")["error"]["message"] == "This topic has no preview."
