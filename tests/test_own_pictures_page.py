"""The CNN page with a visitor's own pictures, and its preview of augmentation, under AppTest."""

from __future__ import annotations

import io
import tomllib
import zipfile

import numpy as np
import pytest
from conftest import wait_for, wait_terminal
from inline_pages import message, panels
from PIL import Image
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.testing.v1 import AppTest

from engine import ROOT
from engine.data import albums, decoding, pictures, reading
from engine.data.own_albums import OwnAlbum
from engine.errors import NotFound, Unavailable
from engine.events import encode_array
from pages._frame import picture

EMPTY_ZIP = b"PK\x05\x06" + bytes(18)


@pytest.fixture
def open_page(running):
    def opened(**query):
        script = "from pages._frame.page import show\nshow('cnn')\n"
        test = AppTest.from_string(script, default_timeout=60)
        test.query_params.update(query)
        return run(test)

    return opened


@pytest.fixture
def page(open_page):
    return open_page(data="own", epochs="1")


def run(test):
    test.run()
    assert not test.exception
    return test


def png(number):
    """A small picture; every number gives another one."""
    pixels = np.random.default_rng(number).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def zipped(**counts):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for folder, count in counts.items():
            for n in range(count):
                archive.writestr(f"{folder}/{n}.png", png([*folder.encode(), n]))
    return buffer.getvalue()


def upload(test, *files):
    """Put files (name, content) into the uploader."""
    kinds = [(name, content, "application/octet-stream") for name, content in files]
    test.file_uploader[0].set_value(kinds)
    return run(test)


def add(test, name, *files):
    """Put pictures into the uploader and name their class."""
    upload(test, *files)
    test.text_input(key=f"cnn.own_class_{own(test).uploads}").set_value(name)
    test.button(key="cnn.own_add").click()
    return run(test)


def own(test):
    return test.session_state["cnn.own"]


def counts(test):
    return {name: len(found) for name, found in own(test).classes.items()}


def visit(test):
    return test.session_state["cnn.visit"]


def said(test):
    texts = [*test.caption, *test.error, *test.info, *test.markdown]
    return " ".join(element.value for element in texts).replace("\\", "")


def trained(test, running):
    name = visit(test).run
    assert name
    wait_for(lambda: running.manager.get(name).stored, "the end")
    end = running.manager.get(name).log.terminal
    assert end.type == "done", end.data
    return running.manager.get(name)


def images(test):
    """How many pictures the page shows."""
    return sum(len(found.proto.imgs) for found in test.get("image"))


# Loaded --------------------------------------------------------------------------------------------


def test_before_there_are_pictures_nothing_trains(page):
    assert visit(page).run == ""
    assert page.file_uploader[0].proto.max_upload_size_mb == 64
    assert "at most 64 MB a file" in page.file_uploader[0].label
    page.button(key="bar_main").click()
    run(page)
    assert message(page).startswith("There are no pictures yet.")


def test_an_archive_is_loaded_and_trained_on_at_once(page, running):
    upload(page, ("mine.zip", zipped(cat=6, dog=5)))
    assert counts(page) == {"cat": 6, "dog": 5}
    assert "11 pictures of 2 classes." in said(page)
    assert images(page) >= 2
    assert trained(page, running).config.album == own(page).album.digest


def test_the_server_takes_what_the_page_promises():
    """Streamlit answers 413 to more than its own limit, whatever an uploader says."""
    with (ROOT / ".streamlit" / "config.toml").open("rb") as file:
        most = tomllib.load(file)["server"]["maxUploadSize"] * 2**20
    assert most >= max(albums.BYTES_LIMIT, decoding.MOST_BYTES, reading.BYTES_LIMIT)


def test_files_that_were_read_are_not_kept_for_the_visit(page, monkeypatch):
    forgotten, remove_file = [], MemoryUploadedFileManager.remove_file

    def removing(manager, session_id, file_id):
        forgotten.append(manager.get_files(session_id, [file_id])[0].name)
        remove_file(manager, session_id, file_id)

    monkeypatch.setattr(MemoryUploadedFileManager, "remove_file", removing)
    upload(page, ("a.png", png(0)), ("b.png", png(1)))
    assert forgotten == []  # they still wait for the name of their class
    add(page, "cat", ("a.png", png(0)), ("b.png", png(1)))
    assert sorted(forgotten) == ["a.png", "b.png"]
    upload(page, ("bad.zip", b"PK\x03\x04" + bytes(40)))
    assert forgotten[2:] == ["bad.zip"]
    assert counts(page) == {"cat": 2}


def test_pictures_are_added_to_a_class_that_is_named(page, running):
    upload(page, *[(f"{n}.png", png(n)) for n in range(3)])
    assert not own(page).gathered.pictures
    add(page, "cat", *[(f"{n}.png", png(n)) for n in range(3)])
    assert counts(page) == {"cat": 3}
    assert "One class so far; its pictures: 3." in said(page)
    assert "Two classes of at least 2 pictures are needed." in said(page)
    assert visit(page).run == ""
    add(page, "dog", *[(f"{n}.png", png(n)) for n in range(3, 6)])
    assert counts(page) == {"cat": 3, "dog": 3}
    first = trained(page, running).config.album
    add(page, "cat", ("more.png", png(9)))
    assert counts(page) == {"cat": 4, "dog": 3}
    assert trained(page, running).config.album == own(page).album.digest != first


def test_a_class_without_a_name_is_asked_for_and_nothing_is_lost(page):
    files = [(f"{n}.png", png(n)) for n in range(2)]
    add(page, "  ", *files)
    assert "Type the name of the class" in message(page)
    assert len(page.file_uploader[0].value) == 2
    page.text_input(key="cnn.own_class_0").set_value("cat")
    page.button(key="cnn.own_add").click()
    run(page)
    assert counts(page) == {"cat": 2}
    assert not page.error


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([("a.zip", EMPTY_ZIP)], "no new picture"),
        ([("a.zip", b"PK\x03\x04" + bytes(40))], "a whole zip archive"),
        ([("a.zip", zipped(**{"..": 3}))], "lead out of the archive"),
        ([("mine.zip", zipped(cat=3, dog=3))], "The same picture again"),
    ],
)
def test_a_bad_archive_leaves_what_was_loaded(page, files, words):
    upload(page, ("mine.zip", zipped(cat=3, dog=3)))
    before = own(page).album
    upload(page, *files)
    assert words in message(page)
    assert message(page).endswith("The pictures loaded before stay in use.")
    assert own(page).album is before
    assert not page.file_uploader[0].value


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", "an SVG drawing"),
        (b"", "an empty file"),
        (png(0)[:60], "a damaged or cut off one"),
    ],
)
def test_a_bad_picture_is_refused_in_words(page, content, words):
    add(page, "cat", ("bad.png", content))
    assert words in message(page)
    assert "stay in use" not in message(page)
    assert counts(page) == {}


def test_what_was_left_out_is_said(page):
    add(page, "cat", ("a.png", png(0)), ("b.png", png(0)), ("c.png", b"text"))
    assert counts(page) == {"cat": 1}
    assert "again, left out (1): “b.png”" in said(page)
    assert "“c.png” (text)" in said(page)


def test_names_of_classes_are_no_markup(page):
    upload(page, ("mine.zip", zipped(**{"**cat**": 2, "<b>$x$</b>": 2})))
    shown = [one.caption for found in page.get("image") for one in found.proto.imgs]
    assert "\\*\\*cat\\*\\*\\: 2" in shown
    assert not any("**cat**" in caption for caption in shown)


# Removed and brought back --------------------------------------------------------------------------


def test_a_class_can_be_removed_and_brought_back(page, running):
    upload(page, ("mine.zip", zipped(cat=3, dog=3, owl=3)))
    page.selectbox(key=f"cnn.own_drop_{own(page).uploads}").set_value("cat")
    run(page)
    assert counts(page) == {"dog": 3, "owl": 3}
    assert own(page).album.classes == ("dog", "owl")
    page.button(key="cnn.undo").click()
    run(page)
    assert counts(page) == {"cat": 3, "dog": 3, "owl": 3}
    assert trained(page, running).config.album == own(page).album.digest


def test_an_addition_can_be_undone(page):
    upload(page, ("mine.zip", zipped(cat=3, dog=3)))
    first = own(page).album
    add(page, "cta", ("new.png", png(1)))
    assert counts(page) == {"cat": 3, "cta": 1, "dog": 3}
    assert "one picture only, left out (1): “cta”" in said(page)
    page.button(key="cnn.undo").click()
    run(page)
    assert own(page).album is first


def test_all_pictures_can_be_removed_and_brought_back(page, running):
    page.button(key="cnn.own_example").click()
    run(page)
    album = own(page).album
    assert trained(page, running).config.album == album.digest
    run(page)
    page.button(key="cnn.own_remove").click()
    run(page)
    assert page.button(key="cnn.own_example")
    assert visit(page).values["album"] == ""
    page.button(key="bar_main").click()
    run(page)
    assert message(page).startswith("There are no pictures yet.")
    page.button(key="cnn.undo").click()
    run(page)
    assert own(page).album is album
    assert visit(page).values["album"] == album.digest


# Pictures that cannot be had -----------------------------------------------------------------------


def test_a_run_without_its_pictures_says_why_and_leaves_the_rest_usable(
    open_page, running, monkeypatch
):
    def unreachable(_name):
        raise Unavailable("There is no network.")

    monkeypatch.setattr(pictures, "album", unreachable)
    test = open_page(data="mnist", epochs="1")
    run_id = visit(test).run
    assert wait_terminal(running.manager, run_id).data["message"] == "There is no network."
    visit(test).ended.add(run_id)
    for part in ("try", "why"):
        test.session_state["cnn.below"] = part
        run(test)
        offered = [box for box in test.selectbox if box.label == "Model"]
        assert "the run on show" not in " ".join(offered[0].options)
        assert offered[0].options


# Private -------------------------------------------------------------------------------------------


def test_own_pictures_are_not_stored_and_nobody_else_sees_them(page, open_page, running):
    page.button(key="cnn.own_example").click()
    run(page)
    done = trained(page, running)
    running.manager.wait_stored(done.id)
    with pytest.raises(NotFound):
        running.store.summary(done.id, page.session_state["owner"])
    other = open_page(data="own", album=done.config.album)
    assert other.session_state["owner"] != page.session_state["owner"]
    assert "cnn.own" not in other.session_state or own(other).album is None
    other.button(key="bar_main").click()
    run(other)
    assert "somebody's own pictures" in message(other)
    assert open_page(run=done.id).error


def test_a_link_holds_no_more_than_the_digest(page):
    page.button(key="cnn.own_example").click()
    run(page)
    found = dict(page.query_params)
    assert found.keys() == {"data", "album", "epochs", "v"}
    assert own(page).album.digest in str(found["album"])


def test_sharing_says_that_the_pictures_go_along(page, open_page, running):
    page.button(key="cnn.own_example").click()
    run(page)
    done = trained(page, running)
    visit(page).ended.add(done.id)
    page.session_state["bar_share"] = True
    run(page)
    assert "Your pictures too" in said(page)
    running.manager.publish(done.id)
    running.store.share(done.id, page.session_state["owner"])
    friend = open_page(run=done.id)
    assert friend.session_state["cnn.run_own"] == own(page).album
    figure = choose_view(friend, "confusion")
    assert figure["data"][0]["x"] == list(own(page).album.classes)


def choose_view(test, name):
    test.session_state["cnn.view"] = name
    return panels(run(test))["picture"]["figure"]


def test_a_cell_of_own_pictures_shows_them(page, running):
    page.button(key="cnn.own_example").click()
    run(page)
    trained(page, running)
    choose_view(page, "confusion")
    for name in ("cell_actual", "cell_predicted"):
        page.selectbox(key=f"cnn.{name}").set_value(0)
        run(page)
    cell = page.session_state["cnn.cell"].cell
    assert cell.found > 0
    np.testing.assert_array_equal(cell.pictures, own(page).album.pixels[list(cell.rows)])


def test_own_pictures_are_not_kept_by_what_all_visitors_share(page):
    caches = (picture._figure, picture._views, picture._baselines)
    before = [cache.cache_info().currsize for cache in caches]
    page.button(key="cnn.own_example").click()
    run(page)
    assert [cache.cache_info().currsize for cache in caches] == before
    assert isinstance(own(page).album, OwnAlbum)


# Augmentation --------------------------------------------------------------------------------------


class Previewer:
    """Stands in for the inference pool."""

    def __init__(self):
        self.asked = []

    def preview(self, topic, config, attachments):
        self.asked.append((topic, config, attachments))
        count = 12 if config["flip"] else 0
        return {
            "picture": encode_array(np.zeros((8, 8, 1), np.uint8)),
            "versions": encode_array(np.zeros((count, 8, 8, 1), np.uint8)),
            "label": "3",
            "number": 5,
        }


@pytest.fixture
def previewed(open_page, running):
    running.predictors = Previewer()
    test = open_page(epochs="1", pictures="100")
    test.session_state["cnn.below"] = "augmentation"
    return run(test)


def test_a_preview_follows_the_sliders_without_training(previewed, running):
    test = previewed
    assert "Nothing is changed yet" in said(test)
    few = images(test)
    test.toggle(key="cnn.live").set_value(False)
    run(test)
    before = visit(test).run
    assert len(running.predictors.asked) == 1
    test.slider(key="cnn.flip").set_value(0.5)
    run(test)
    assert images(test) == few + 12
    assert len(running.predictors.asked) == 2
    assert visit(test).run == before
    test.session_state["cnn.learning_rate"] = 0.01
    run(test)
    assert len(running.predictors.asked) == 2
    assert running.predictors.asked[1][1]["flip"] == 0.5


def test_its_sliders_stand_beside_the_preview_and_not_twice(previewed):
    previewed.session_state["cnn.more"] = True
    run(previewed)
    assert [w.key for w in previewed.slider].count("cnn.rotate") == 1
    assert previewed.slider(key="cnn.dropout")
    previewed.slider(key="cnn.rotate").set_value(30.0)
    run(previewed)
    previewed.session_state["cnn.below"] = "notes"
    run(previewed)
    assert previewed.slider(key="cnn.rotate").value == 30.0


def test_own_pictures_are_sent_along_to_be_previewed(page, running):
    running.predictors = Previewer()
    page.session_state["cnn.below"] = "augmentation"
    run(page)
    assert "Load your own pictures first." in said(page)
    assert running.predictors.asked == []
    page.button(key="cnn.own_example").click()
    run(page)
    ((_topic, config, attachments),) = running.predictors.asked
    assert config["album"] == own(page).album.digest
    assert attachments.keys() == {"album"}


def test_a_preview_that_cannot_be_made_says_why(previewed, running):
    class Busy:
        def preview(self, *asked):
            raise Unavailable("All predictors are busy. Try again shortly.")

    running.predictors = Busy()
    previewed.session_state["cnn.flip"] = 1.0
    run(previewed)
    assert "All predictors are busy" in said(previewed)


def test_only_topics_that_change_pictures_offer_a_preview(running):
    script = "from pages._frame.page import show\nshow('regression')\n"
    test = run(AppTest.from_string(script, default_timeout=60))
    offered = test.get("button_group")
    labels = {option for group in offered for option in getattr(group, "options", [])}
    assert "Augmentation" not in labels
