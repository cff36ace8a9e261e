"""What is taken home of a run: notebook, TensorBoard log, card and model, animations."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import MethodType, SimpleNamespace
from typing import Any

import av
import nbformat
import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient
from test_api import error_of, make_app, make_service, serving, start, visitor

from engine import ROOT
from engine.api import exports
from engine.errors import InvalidValue, NotFound
from engine.exports.animation import BYTES_LIMIT, assemble
from engine.exports.card import LICENCE
from engine.exports.notebook import notebook
from engine.exports.replay import script_of
from engine.exports.tensorboard import tensorboard_log
from engine.history import History
from engine.jobs.inline import InlineExecutor
from engine.runs.files import digest
from engine.service import Service
from pages._frame import take

# Notebook ----------------------------------------------------------------------------------------

SCRIPT = '''"""What it is.

Needs only PyTorch."""

# %% Data
# Points and
#   their noise.
x = [1, 2]

# not words of the notebook: code came first
y = """
#  %% not a marker
"""

# %%
total = sum(x)

# %% Only words
# without code

# %%% not a marker either
print(total, repr(y))
'''


def cells_of(text: str) -> list[Any]:
    whole = nbformat.reads(text, as_version=4)
    nbformat.validate(whole)
    assert (whole.nbformat, whole.nbformat_minor) == (4, 5)
    return list(whole.cells)


def test_a_notebook_has_the_words_and_the_code_of_the_script() -> None:
    cells = cells_of(notebook(SCRIPT, "Title"))
    assert [(c.cell_type, c.source) for c in cells[:4]] == [
        ("markdown", "# Title"),
        ("markdown", "What it is.\n\nNeeds only PyTorch."),
        ("markdown", "## Data\n\nPoints and\n  their noise."),
        ("code", SCRIPT[SCRIPT.index("x = [") : SCRIPT.index("\n\n# %%\n")]),
    ]
    assert [c.source for c in cells[4:6]] == ["total = sum(x)", "## Only words\n\nwithout code"]
    assert cells[-1].source.endswith("print(total, repr(y))")
    assert len({c.id for c in cells}) == len(cells)


def test_the_code_cells_joined_do_what_the_script_does(tmp_path: Path) -> None:
    def output(code: str) -> str:
        file = tmp_path / "code.py"
        file.write_text(code)
        return subprocess.run(
            [sys.executable, file], capture_output=True, text=True, check=True
        ).stdout

    cells = cells_of(notebook(SCRIPT, "Title"))
    joined = "\n".join(c.source for c in cells if c.cell_type == "code")
    assert output(joined) == output(SCRIPT) == "3 '\\n#  %% not a marker\\n'\n"


def test_a_script_without_markers_is_one_cell() -> None:
    cells = cells_of(notebook("import math\nprint(math.pi)\n", "Pi"))
    assert [c.source for c in cells] == ["# Pi", "import math\nprint(math.pi)"]


# TensorBoard -------------------------------------------------------------------------------------


def measured() -> History:
    history = History("ab" * 16, "regression", {"seed": 3, "model": "linear"})
    history.started = {"time": 1000.5}
    history.metrics = {
        "step": [0, 10, 20],
        "epoch": [0, 1, 2],
        "time": [1000.5, 1001.25, 1002.0],
        "train_mse": [4.0, 2.0, 1.0],
        "val_mse": [None, 2.5, None],
    }
    return history


def test_tensorboard_reads_every_metric_with_step_and_time(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with zipfile.ZipFile(io.BytesIO(tensorboard_log(measured()))) as archive:
        (name,) = archive.namelist()
        archive.extractall(tmp_path)
    folder, _, file = name.partition("/")
    assert folder == "regression-abababab"
    assert "tfevents" in file
    read = EventAccumulator(str(tmp_path / folder)).Reload()
    assert set(read.scalars.Keys()) | set(read.tensors.Keys()) == {
        "train_mse",
        "val_mse",
        "settings",
    }

    def points(tag: str) -> list[tuple[int, float, float]]:
        return [(e.step, e.wall_time, e.value) for e in read.Scalars(tag)]

    assert points("train_mse") == [(0, 1000.5, 4.0), (10, 1001.25, 2.0), (20, 1002.0, 1.0)]
    assert points("val_mse") == [(10, 1001.25, 2.5)]
    (settings,) = read.Tensors("settings")
    assert b"| model | linear |" in settings.tensor_proto.string_val[0]
    assert read.summary_metadata["settings"].plugin_data.plugin_name == "text"


def test_the_same_run_gives_the_same_log() -> None:
    assert tensorboard_log(measured()) == tensorboard_log(measured())


def test_a_run_without_measurements_has_a_log_too() -> None:
    assert zipfile.is_zipfile(io.BytesIO(tensorboard_log(History("0" * 32, "regression"))))


# Animation ---------------------------------------------------------------------------------------

COLOURS = [(238, 76, 44), (20, 60, 200), (0, 150, 90), (250, 200, 0)]


def url(image: Image.Image, kind: str = "PNG", **options: Any) -> str:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    payload = base64.b64encode(stream.getvalue()).decode()
    return f"data:image/{kind.lower()};base64,{payload}"


def frame(
    position: int, size: tuple[int, int] = (64, 48), kind: str = "PNG", **options: Any
) -> str:
    return url(Image.new("RGB", size, COLOURS[position % 4]), kind, **options)


LOSSLESS = [("PNG", {}), ("WEBP", {"lossless": True}), ("JPEG", {"quality": 98})]


@pytest.mark.parametrize(("kind", "options"), LOSSLESS)
def test_a_gif_shows_every_frame_in_its_colour(kind: str, options: dict[str, Any]) -> None:
    made = assemble([frame(i, kind=kind, **options) for i in range(4)], "gif", 10)
    with Image.open(io.BytesIO(made)) as gif:
        assert (gif.format, gif.n_frames, gif.size) == ("GIF", 4, (64, 48))
        assert gif.info["loop"] == 0
        for position, colour in enumerate(COLOURS):
            gif.seek(position)
            assert gif.info["duration"] == (100 if position < 3 else 1500)
            assert gif.convert("RGB").getpixel((30, 20)) == pytest.approx(colour, abs=4)


def test_an_mp4_is_h264_that_browsers_play() -> None:
    made = assemble([frame(i, (65, 49)) for i in range(4)], "mp4", 8)
    with av.open(io.BytesIO(made)) as video:
        stream = video.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height) == (64, 48)
        assert float(stream.average_rate) == 8
        pictures = [f.to_ndarray(format="rgb24") for f in video.decode(stream)]
    assert len(pictures) == 4
    for picture, colour in zip(pictures, COLOURS, strict=True):
        assert picture[20, 30] == pytest.approx(np.array(colour), abs=12)


@pytest.mark.parametrize("format", ["gif", "mp4"])
def test_one_frame_of_the_smallest_and_the_largest_size(format: str) -> None:
    for size in [(16, 16), (1600, 1000)]:
        with av.open(io.BytesIO(assemble([frame(0, size)], format, 1))) as made:
            (picture,) = made.decode(video=0)
            assert (picture.width, picture.height) == size


def test_what_is_transparent_is_white() -> None:
    made = assemble([url(Image.new("RGBA", (32, 32), (255, 0, 0, 0)))], "gif", 1)
    with Image.open(io.BytesIO(made)) as gif:
        assert gif.convert("RGB").getpixel((5, 5)) == (255, 255, 255)


def truncated(kind: str) -> str:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    whole = url(Image.fromarray(noise), kind)
    return whole[: len(whole) // 2 // 4 * 4 + len(f"data:image/{kind.lower()};base64,") % 4]


def huge() -> str:
    """A PNG whose header claims 50,000 × 50,000 pixels."""
    prefix, _, payload = GOOD.partition(",")
    png = bytearray(base64.b64decode(payload))
    png[16:24] = (50_000).to_bytes(4, "big") * 2
    png[29:33] = zlib.crc32(png[12:29]).to_bytes(4, "big")
    return f"{prefix},{base64.b64encode(png).decode()}"


GOOD = frame(0)
SVG = "data:image/svg+xml;base64," + base64.b64encode(b"<svg/>").decode()
AS_PNG = GOOD.replace("image/png", "image/webp")


@pytest.mark.parametrize(
    ("frames", "format", "fps", "field", "words"),
    [
        ([GOOD], "avi", 5, "format", "one of gif, mp4, received 'avi'"),
        ([GOOD], "gif", 0, "fps", "a whole number from 1 to 30, received 0"),
        ([GOOD], "mp4", 31, "fps", "a whole number from 1 to 30, received 31"),
        ([], "gif", 5, "frames", "1 to 90 frames, received 0"),
        ([GOOD] * 91, "gif", 5, "frames", "1 to 90 frames, received 91"),
        (["x" * BYTES_LIMIT, GOOD], "gif", 5, "frames", "at most 12000000 bytes in all"),
        ([GOOD, "hello"], "gif", 5, "frames[1]", "a data URL of a PNG, WebP or JPEG image"),
        ([SVG], "gif", 5, "frames[0]", "a data URL of a PNG, WebP or JPEG image"),
        (["data:image/png;base64,a?b="], "gif", 5, "frames[0]", "expected base64"),
        (["data:image/png;base64,"], "gif", 5, "frames[0]", "a PNG image, received b''"),
        ([AS_PNG], "gif", 5, "frames[0]", "a WEBP image, received b'\\x89PNG"),
        ([frame(0, (1602, 100))], "mp4", 5, "frames[0]", "1600 × 1000 pixels, received (1602"),
        ([frame(0, (100, 1001))], "mp4", 5, "frames[0]", "1600 × 1000 pixels, received (100"),
        ([frame(0, (15, 100))], "mp4", 5, "frames[0]", "16 × 16 to 1600 × 1000 pixels"),
        ([huge()], "gif", 5, "frames[0]", "16 × 16 to 1600 × 1000 pixels"),
        ([GOOD, frame(1, (64, 50))], "gif", 5, "frames[1]", "the first frame, (64, 48)"),
        ([GOOD, truncated("PNG")], "gif", 5, "frames[1]", "expected the size of the first frame"),
        ([truncated("PNG")], "gif", 5, "frames[0]", "expected a whole image"),
        ([truncated("PNG")], "mp4", 5, "frames[0]", "expected a whole image"),
        ([truncated("JPEG")], "mp4", 5, "frames[0]", "expected a whole image"),
        ([truncated("WEBP")], "mp4", 5, "frames[0]", "expected a"),
    ],
)
def test_frames_are_not_trusted(
    frames: list[str], format: str, fps: int, field: str, words: str
) -> None:
    with pytest.raises(InvalidValue) as caught:
        assemble(frames, format, fps)
    assert caught.value.field == field
    assert words in caught.value.message
    assert len(caught.value.message) < 300


# Over HTTP ---------------------------------------------------------------------------------------


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """A visitor of a service that trains in this process."""
    made = make_service(tmp_path, InlineExecutor())
    if not hasattr(made, "artifact"):
        made.artifact = MethodType(Service.artifact, made)
    with serving(made):
        yield visitor(make_app(tmp_path))


def trained(client: TestClient, **body: Any) -> str:
    run = start(client, **{"preset": "R2", "config": {"epochs": 30}, **body})
    client.get(f"/api/v1/runs/{run}/events")  # ends with the run
    return run


def test_everything_of_a_run_can_be_downloaded(client: TestClient, tmp_path: Path) -> None:
    run = trained(client)
    base = f"/api/v1/runs/{run}"

    book = client.get(f"{base}/notebook.ipynb")
    assert book.headers["content-disposition"].endswith(f'"regression-{run[:8]}.ipynb"')
    assert cells_of(book.text)[0].source == f"# Regression: run {run[:8]}"
    code = [c.source for c in cells_of(book.text) if c.cell_type == "code"]
    script = client.get(f"{base}/script.py").text
    assert all(part in script for part in code)

    log = client.get(f"{base}/tensorboard.zip")
    assert log.headers["content-type"] == "application/zip"
    assert len(zipfile.ZipFile(io.BytesIO(log.content)).namelist()) == 1

    weights = client.get(f"{base}/weights").content
    card = client.get(f"{base}/card.json").json()
    assert card["artifact"] == {
        "name": "weights.safetensors",
        "bytes": len(weights),
        "sha256": digest(weights),
    }
    assert card["architecture"]["config"]["epochs"] == 30
    assert card["data"]["samples"] == 256
    assert (card["seed"], card["device"], card["licence"]) == (0, "cpu", LICENCE)
    final = client.get(f"{base}/history").json()["terminal"]["data"]["metrics"]
    assert card["metrics"] == {k: v for k, v in final.items() if k not in ("seconds", "steps")}
    assert card["versions"]["torch"]

    archive = zipfile.ZipFile(io.BytesIO(client.get(f"{base}/model.zip").content))
    assert set(archive.namelist()) == {"weights.safetensors", "card.json"}
    assert json.loads(archive.read("card.json")) == card
    archive.extractall(tmp_path / "model")
    loaded = subprocess.run(
        [sys.executable, "-c", card["load"]["python"]],
        cwd=tmp_path / "model",
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert loaded.stdout.startswith("Regressor("), loaded.stderr


@pytest.mark.parametrize("what", ["notebook.ipynb", "tensorboard.zip", "card.json", "model.zip"])
def test_a_foreign_run_gives_nothing_away(client: TestClient, what: str) -> None:
    run = trained(client)
    stranger = visitor(client.app)  # type: ignore[arg-type]
    answer = stranger.get(f"/api/v1/runs/{run}/{what}")
    assert answer.status_code == 404
    unknown = stranger.get(f"/api/v1/runs/{'0' * 32}/{what}")
    assert error_of(answer) == error_of(unknown)


def test_a_fork_has_no_script_and_says_why() -> None:
    fork = History("0" * 32, "regression", fork={"run": "1" * 32, "step": 9})
    with pytest.raises(NotFound, match="A fork goes on from another run's weights"):
        script_of(fork)


@pytest.mark.parametrize(
    ("history", "said"),
    [
        (History("0" * 32, "regression"), ""),
        (History("0" * 32, "regression", fork={"run": "1" * 32, "step": 9}), "A fork goes on"),
        (History("0" * 32, "regression", notes=[{"step": 3, "edit": {"0": 1.0}}]), "set by hand"),
    ],
)
def test_only_what_can_be_downloaded_is_offered(
    monkeypatch: pytest.MonkeyPatch, history: History, said: str
) -> None:
    kept = SimpleNamespace(history=lambda run, asker: history)
    monkeypatch.setattr(take.service, "current", lambda: kept)
    monkeypatch.setattr(take, "owner", lambda: "me")
    reason = take.no_script(history.run)
    assert said in reason
    assert bool(reason) == bool(said)
    offered = [file["url"].rpartition("/")[2] for file in take.files("r", scripted=not reason)]
    assert ("script.py" in offered) == ("notebook.ipynb" in offered) == (not said)
    assert {"history.csv", "model.zip", "tensorboard.zip"} <= set(offered)


def test_the_script_begins_with_the_settings_of_step_0() -> None:
    """The record's settings are those at the end; the notes tell what was before."""
    history = History("0" * 32, "regression", {"data": "points", "learning_rate": 0.75})
    rates = [(4, 0.25, 0.5), (9, 0.5, 0.75)]
    history.notes = [
        {"step": step, "set": {"learning_rate": after}, "was": {"learning_rate": before}}
        for step, before, after in rates
    ]
    assert "0.25" in script_of(history)


@pytest.mark.parametrize(
    ("format", "media_type", "begins"),
    [("gif", "image/gif", b"GIF89a"), ("mp4", "video/mp4", b"\x00\x00\x00")],
)
def test_an_animation_over_http(
    client: TestClient, format: str, media_type: str, begins: bytes
) -> None:
    body = {"format": format, "fps": 5, "frames": [frame(i) for i in range(3)]}
    answer = client.post("/api/v1/animations", json=body)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type
    assert f'filename="animation.{format}"' in answer.headers["content-disposition"]
    assert answer.content.startswith(begins)


def test_a_bad_animation_is_named_over_http(client: TestClient) -> None:
    body: dict[str, Any] = {"format": "gif", "fps": 5, "frames": ["x"]}
    answer = client.post("/api/v1/animations", json=body)
    assert (answer.status_code, error_of(answer)["field"]) == (422, "frames[0]")
    answer = client.post("/api/v1/animations", json={**body, "fps": "fast"})
    assert (answer.status_code, error_of(answer)["field"]) == (422, "fps")


def test_animations_have_a_limit_of_their_own(client: TestClient) -> None:
    def post(size: int) -> int:
        body = {"format": "gif", "fps": 5, "frames": ["x" * size]}
        return client.post("/api/v1/animations", json=body).status_code

    assert post(2_000_000) == 422  # read, and found to be no image
    assert post(12_600_000) == 413
    assert client.post("/api/v1/runs", json={"topic": "x" * 2_000_000}).status_code == 413


def test_at_most_two_animations_are_made_at_once(client: TestClient) -> None:
    body = {"format": "gif", "fps": 5, "frames": [GOOD]}
    for _ in range(exports.ASSEMBLED_AT_ONCE):
        assert exports._places.acquire(blocking=False)
    try:
        answer = client.post("/api/v1/animations", json=body)
        assert answer.status_code == 429
        assert error_of(answer)["code"] == "rejected"
        assert answer.headers["retry-after"] == "5"
    finally:
        for _ in range(exports.ASSEMBLED_AT_ONCE):
            exports._places.release()
    assert client.post("/api/v1/animations", json=body).status_code == 200
    refused = client.post("/api/v1/animations", json={**body, "fps": 99})
    assert refused.status_code == 422
    answers = [client.post("/api/v1/animations", json=body).status_code for _ in range(3)]
    assert answers == [200] * 3  # a refusal gives its place back


@pytest.mark.parametrize("module", ["animation", "card", "notebook", "replay", "tensorboard"])
def test_exports_need_no_torch(module: str) -> None:
    code = f"import sys, engine.exports.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
