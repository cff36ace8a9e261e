"""The HTTP API: every route, the event stream, and the exact words of its errors."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
import uvicorn
from fastapi.openapi.models import OpenAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.testclient import TestClient

from engine import ROOT, api, recordings, service
from engine.api import predictions, stream
from engine.api.assets import plotly_url
from engine.errors import Unavailable
from engine.events import INLINE_LIMIT, Event
from engine.jobs.inline import InlineExecutor
from engine.jobs.job import JobSpec
from engine.jobs.manager import JobManager
from engine.jobs.sink import TaskSink
from engine.service import Service
from engine.settings import Settings
from engine.topics import topic

PRESETS = ", ".join(preset.id for preset in topic("regression").presets)

ASSETS = {"live.js": "export const one = 1;", "live.css": "p {}", "notes.txt": "private"}


class Task:
    """A job that does what the test says."""

    def __init__(self, job: JobSpec, sink: TaskSink) -> None:
        self.job, self.sink = job, sink
        self.sent: list[Mapping[str, Any]] = []

    def send(self, message: Mapping[str, Any]) -> None:
        self.sent.append(message)
        if message["type"] == "cancel":
            self.end("cancelled")

    def kill(self) -> None:
        self.end("cancelled")

    def event(self, kind: str, data: Mapping[str, Any] | None = None, step: int = 0) -> None:
        self.sink.event(Event(kind, data or {}, step, time=1.5))

    def end(self, kind: str = "done", **data: Any) -> None:
        if kind == "done":
            self.sink.artifact("weights.safetensors", b"weights")
        self.event(kind, data)
        self.sink.ended(None)


class Stage:
    """An executor whose jobs are played by the test."""

    ready = True
    broken = False

    def __init__(self, slots: int = 4) -> None:
        self.slots = slots
        self.on_ready = lambda: None
        self.tasks: list[Task] = []

    def open(self) -> None: ...

    def close(self) -> None: ...

    def start(self, job: JobSpec, sink: TaskSink) -> Task:
        self.tasks.append(Task(job, sink))
        return self.tasks[-1]


class Predictors:
    """Answers twice the input, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def predict(self, topic: str, inputs: list[Any], **model: Any) -> dict[str, Any]:
        if "weights" in model:
            model["weights"] = model["weights"]()
        self.asked.append({"topic": topic, "inputs": inputs, **model})
        return {"outputs": [2 * x if isinstance(x, float | int) else 1 for x in inputs]}

    async def answer(self, *arguments: Any, **model: Any) -> dict[str, Any]:
        return self.predict(*arguments, **model)


class Stagehand(Service):
    """A service without a fork host: runs on `executor`, and predictors that add up."""

    def __init__(self, configuration: Settings, executor: Any) -> None:
        super().__init__(configuration)
        self.manager = JobManager(executor, configuration, self.store)
        self.predictors = Predictors()
        self.executor = executor


def make_service(folder: Path, executor: Any, **settings: Any) -> Any:
    """A service without a fork host; its files are in `folder`."""
    configuration = Settings(
        runs_dir=str(folder / "runs"), cache_dir=folder / "cache", secret="s", **settings
    )
    return Stagehand(configuration, executor)


@contextmanager
def serving(made: Any) -> Iterator[Any]:
    made.manager.open()
    service._current = made
    try:
        yield made
    finally:
        made.manager.close()
        made.store.close()
        service._current = None


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Any]:
    with serving(make_service(tmp_path, Stage())) as made:
        yield made


def make_app(folder: Path, **more: Any) -> Starlette:
    """The application as Streamlit builds it: our middleware outside of its gzip."""
    assets = folder / "assets"
    assets.mkdir()
    for name, text in ASSETS.items():
        (assets / name).write_text(text)
    around = [*api.middleware(), Middleware(GZipMiddleware, minimum_size=1)]
    return Starlette(routes=api.routes(asset_dir=assets), middleware=around, **more)


@pytest.fixture
def app(tmp_path: Path, house: Any) -> Starlette:
    return make_app(tmp_path)


def visitor(app: Starlette, address: str = "10.0.0.1") -> TestClient:
    """A browser that has opened a page, and so has its cookie."""
    client = TestClient(app, client=(address, 50000), raise_server_exceptions=False)
    client.get("/healthz")
    return client


@pytest.fixture
def client(app: Starlette) -> TestClient:
    return visitor(app)


def start(client: TestClient, **body: Any) -> str:
    answer = client.post("/api/v1/runs", json={"topic": "regression", **body})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["run"])


def play(task: Task, steps: int = 3) -> None:
    """A short run from its start to just before its end."""
    task.event("started", {"device": "cpu", "parameters": 2, "samples": 9, "steps_total": steps})
    for step in range(1, steps + 1):
        task.event("metric", {"epoch": step, "values": {"train_mse": 1 / step}}, step)
        task.event("frame", {"kind": "fit", "data": {"fit": [step]}, "kept": True}, step)


def finish(client: TestClient, house: Any) -> str:
    """Start a run and play it to its end; returns its id when it is stored."""
    run = start(client)
    play(house.executor.tasks[-1])
    house.executor.tasks[-1].end("done", metrics={"train_mse": 0.25, "steps": 3})
    house.manager.wait_stored(run)
    return run


def forget_memory(house: Any) -> None:
    """As after a restart: only the store knows."""
    house.manager._runs.clear()


def messages(text: str) -> list[tuple[int, str, Any]]:
    """`(id, event, data)` of each server-sent event."""
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found


def error_of(answer: httpx2.Response) -> dict[str, Any]:
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "field"}
    return dict(body["error"])


# Topics --------------------------------------------------------------------------------------


def test_topics_tell_fields_presets_and_published_figures(client: TestClient) -> None:
    listed = {t["name"]: t for t in client.get("/api/v1/topics").json()}
    fields = {f["name"]: f for f in listed["regression"]["fields"]}
    rate = fields["learning_rate"]
    assert (rate["low"], rate["high"], rate["default"]) == (1e-6, 1e6, 0.01)
    assert rate["live"]
    assert rate["scale"] == "log"
    assert rate["kind"] == "float"
    assert rate["help"] == "Size of each step; it can be changed while the model learns."
    assert fields["data"]["choices"][:3] == ["points", "line", "sine"]
    assert fields["data"]["labels"]["points"] == "19 points"
    r1 = next(p for p in listed["regression"]["presets"] if p["id"] == "R1")
    assert r1["values"]["epochs"] == 10_000
    assert r1["published"][0]["metric"] == "train_mse"
    assert r1["published"][0]["value"] == 0.3775


# Starting ------------------------------------------------------------------------------------


def test_a_run_is_accepted_with_its_addresses(client: TestClient, house: Any) -> None:
    answer = client.post("/api/v1/runs", json={"topic": "regression"})
    run = answer.json()["run"]
    assert answer.status_code == 202
    assert answer.json() == {
        "run": run,
        "url": f"/api/v1/runs/{run}",
        "events": f"/api/v1/runs/{run}/events",
    }
    assert answer.headers["location"] == f"/api/v1/runs/{run}"
    assert house.manager.get(run).attended


def test_config_changes_the_preset_and_seed_changes_both(client: TestClient, house: Any) -> None:
    start(client, preset="R2", config={"samples": 64, "seed": 1}, seed=5)
    config = house.executor.tasks[-1].job.config
    assert (config["data"], config["samples"], config["seed"]) == ("line", 64, 5)
    assert config["epochs"] == 2000


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        (
            '{"topic": "regression", "config": {"learning_rate": 7e6}}',
            "learning_rate",
            "learning_rate: expected a number from 1e-06 to 1000000, received 7000000.0.",
        ),
        (
            '{"topic": "regression", "config": {"learning_rate": NaN}}',
            "learning_rate",
            "learning_rate: expected a number from 1e-06 to 1000000, received nan.",
        ),
        (
            '{"topic": "regression", "config": {"noise": 1e999}}',
            "noise",
            "noise: expected a number from 0 to 1, received inf.",
        ),
        (
            '{"topic": "regression", "config": {"model": "forest"}}',
            "model",
            "model: expected one of linear, polynomial, mlp, noisy, received 'forest'.",
        ),
        (
            '{"topic": "regression", "seed": -1}',
            "seed",
            "seed: expected a whole number from 0 to 2147483647, received -1.",
        ),
        (
            '{"topic": "regression", "preset": "R9"}',
            "preset",
            f"preset: expected one of {PRESETS}, received 'R9'.",
        ),
        ('{"config": {}}', "topic", "topic: expected a value, received nothing."),
        ('{"topic": 7}', "topic", "topic: expected a text, received 7."),
        (
            '{"topic": "regression", "speed": 1}',
            "speed",
            "speed: expected no field of this name, received 1.",
        ),
        (
            '{"topic": "regression", "config": [1]}',
            "config",
            "config: expected an object, received [1].",
        ),
        (
            '{"topic": "regression", "seed": 1.5}',
            "seed",
            "seed: expected a whole number, received 1.5.",
        ),
        ('{"topic": ', "body", "body: expected JSON, received '{\"topic\": '."),
        (
            "[]",
            "body",
            "body: expected a JSON object (sent with Content-Type: application/json), received [].",
        ),
        ("", "body", "body: expected a value, received nothing."),
    ],
)
def test_invalid_runs_name_field_range_and_value(
    client: TestClient, house: Any, body: str, field: str, message: str
) -> None:
    answer = client.post("/api/v1/runs", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    error = error_of(answer)
    assert (error["field"], error["message"]) == (field, message)
    assert house.executor.tasks == []


def test_an_unknown_topic_is_answered_with_the_known_ones(client: TestClient) -> None:
    error = error_of(client.post("/api/v1/runs", json={"topic": "../x"}))
    assert error["code"] == "invalid_value"
    assert error["field"] == "topic"
    assert error["message"].startswith("topic: expected one of ")
    assert error["message"].endswith(", received '../x'.")


def test_a_full_queue_says_when_to_try_again(tmp_path: Path) -> None:
    with serving(make_service(tmp_path, Stage(slots=1), queue=0)):
        app = make_app(tmp_path)
        start(visitor(app))
        answer = visitor(app).post("/api/v1/runs", json={"topic": "regression"})
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "10"
    assert error_of(answer) == {
        "code": "rejected",
        "message": "All places are taken (0 runs are waiting). Try again shortly.",
        "field": None,
    }


def test_one_address_may_start_only_so_many_runs_a_minute(tmp_path: Path) -> None:
    with serving(make_service(tmp_path, Stage(), jobs_per_minute=2)):
        app = make_app(tmp_path)
        codes = [
            visitor(app).post("/api/v1/runs", json={"topic": "regression"}).status_code
            for _ in range(3)
        ]
        start(visitor(app, "10.0.0.2"))
    assert codes == [202, 202, 429]


# State and control ---------------------------------------------------------------------------


def test_status_of_a_running_and_of_a_stored_run(client: TestClient, house: Any) -> None:
    run = start(client, seed=3)
    play(house.executor.tasks[-1])
    status = client.get(f"/api/v1/runs/{run}").json()
    assert (status["state"], status["step"], status["steps_total"]) == ("running", 3, 3)
    assert status["config"]["seed"] == 3
    assert status["rank"] is None
    house.executor.tasks[-1].end("done", metrics={"train_mse": 0.25, "steps": 3})
    house.manager.wait_stored(run)
    forget_memory(house)
    stored = client.get(f"/api/v1/runs/{run}").json()
    assert stored == {
        **status,
        "state": "done",
        "metrics": {"train_mse": 0.25, "steps": 3},
    }


def test_a_metric_that_is_not_finite_is_null(client: TestClient, house: Any) -> None:
    run = start(client)
    house.executor.tasks[-1].end("done", metrics={"train_mse": float("nan")})
    assert client.get(f"/api/v1/runs/{run}").json()["metrics"] == {"train_mse": None}


def test_controls_reach_the_worker(client: TestClient, house: Any) -> None:
    run = start(client)
    task = house.executor.tasks[-1]
    for kind in ("pause", "step", "resume"):
        assert client.post(f"/api/v1/runs/{run}/control", json={"type": kind}).status_code == 204
    changed = {"type": "set", "values": {"learning_rate": "0.5"}}
    assert client.post(f"/api/v1/runs/{run}/control", json=changed).status_code == 204
    assert [m["type"] for m in task.sent] == ["pause", "step", "resume", "set"]
    assert task.sent[-1] == {"type": "set", "values": {"learning_rate": 0.5}}
    assert client.post(f"/api/v1/runs/{run}/control", json={"type": "cancel"}).status_code == 204
    assert client.get(f"/api/v1/runs/{run}").json()["state"] == "cancelled"
    answer = client.post(f"/api/v1/runs/{run}/control", json={"type": "pause"})
    assert (answer.status_code, error_of(answer)["message"]) == (409, "This run has ended.")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"type": "stop"},
            "type: expected one of pause, resume, step, cancel, set, edit, received 'stop'.",
        ),
        (
            {"type": "set", "values": {"samples": 64}},
            "samples: expected a setting that can change while training "
            "(learning_rate, speed), received 64.",
        ),
        (
            {"type": "set", "values": {"learning_rate": 0}},
            "learning_rate: expected a number from 1e-06 to 1000000, received 0.",
        ),
        ({"type": "pause", "now": 1}, "now: expected no field of this name, received 1."),
    ],
)
def test_invalid_controls_change_nothing(
    client: TestClient, house: Any, body: Any, message: str
) -> None:
    run = start(client)
    answer = client.post(f"/api/v1/runs/{run}/control", json=body)
    assert (answer.status_code, error_of(answer)["message"]) == (422, message)
    assert house.executor.tasks[-1].sent == []


# Events --------------------------------------------------------------------------------------


def test_events_come_in_order_up_to_the_terminal_one(client: TestClient, house: Any) -> None:
    run = finish(client, house)
    answer = client.get(f"/api/v1/runs/{run}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-accel-buffering"] == "no"
    assert "content-encoding" not in answer.headers
    told = messages(answer.text)
    numbers = [number for number, _, _ in told]
    assert numbers == sorted(set(numbers))
    assert [kind for _, kind, _ in told] == ["started", *["metric"] * 3, "frame", "done"]
    for number, kind, event in told:
        assert set(event) == {"run", "seq", "time", "type", "step", "data"}
        assert (event["run"], event["seq"], event["type"]) == (run, number, kind)


def test_a_stream_resumes_after_the_last_event_received(client: TestClient, house: Any) -> None:
    run = finish(client, house)
    address = f"/api/v1/runs/{run}/events"
    everything = messages(client.get(address).text)
    third = everything[2][0]
    assert messages(client.get(f"{address}?after={third}").text) == everything[3:]
    # On reconnection the address is still the old one; the header is newer.
    headers = {"last-event-id": str(third)}
    assert messages(client.get(f"{address}?after=1", headers=headers).text) == everything[3:]


@pytest.mark.parametrize("after", [10**3, 10**30])
def test_asked_beyond_the_end_a_stream_tells_the_end(
    client: TestClient, house: Any, after: int
) -> None:
    run = finish(client, house)
    for _source in ("memory", "store"):
        told = messages(client.get(f"/api/v1/runs/{run}/events?after={after}").text)
        assert [kind for _, kind, _ in told] == ["done"]
        forget_memory(house)


def test_a_stored_run_is_replayed(client: TestClient, house: Any) -> None:
    run = finish(client, house)
    forget_memory(house)
    told = messages(client.get(f"/api/v1/runs/{run}/events").text)
    kinds = [kind for _, kind, _ in told]
    assert kinds == ["started", *["metric", "frame"] * 3, "done"]
    assert [number for number, _, _ in told] == list(range(1, 9))
    assert told[-1][2]["data"] == {"metrics": {"train_mse": 0.25, "steps": 3}}


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "nan"])
def test_a_bad_event_number_is_refused(client: TestClient, house: Any, after: str) -> None:
    run = start(client)
    answer = client.get(f"/api/v1/runs/{run}/events?after={after}")
    assert answer.status_code == 422
    assert error_of(answer)["field"] == "after"
    answer = client.get(f"/api/v1/runs/{run}/events", headers={"last-event-id": after})
    assert answer.status_code == 422
    assert error_of(answer)["field"] == "Last-Event-ID"


def test_a_large_event_is_told_by_address(client: TestClient, house: Any) -> None:
    run = start(client)
    task = house.executor.tasks[-1]
    large = {"kind": "picture", "data": {"pixels": "x" * INLINE_LIMIT}, "kept": True}
    task.event("frame", large, 1)
    task.event("frame", {"kind": "fit", "data": {}}, 1)
    task.event("frame", {"kind": "fit", "data": {}}, 2)
    task.end()
    told = messages(client.get(f"/api/v1/runs/{run}/events").text)
    assert told[0] == (1, "frame", {"url": f"/api/v1/runs/{run}/events/1"})
    whole = client.get(told[0][2]["url"])
    assert whole.json()["data"] == large
    assert whole.json()["seq"] == 1
    gone = client.get(f"/api/v1/runs/{run}/events/2")
    assert gone.status_code == 404
    assert error_of(gone)["message"] == (
        "This event is not kept any more; a newer one has taken its place."
    )
    house.manager.wait_stored(run)
    forget_memory(house)
    assert client.get(f"/api/v1/runs/{run}/events/1").json()["data"]["data"] == large["data"]


@contextmanager
def listening(app: Starlette) -> Iterator[str]:
    """A real server on a free port; gives its address."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


def test_a_live_stream_is_not_held_up_and_counts_as_presence(
    app: Starlette, house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: queue.Queue[tuple[str, str]] = queue.Queue()
    monkeypatch.setattr(house.manager, "arrive", lambda owner: seen.put(("arrive", owner)))
    monkeypatch.setattr(house.manager, "depart", lambda owner: seen.put(("depart", owner)))
    monkeypatch.setattr(stream, "HEARTBEAT", 0.05)
    with listening(app) as address, httpx2.Client(base_url=address, timeout=20) as browser:
        browser.get("/healthz")
        run = browser.post("/api/v1/runs", json={"topic": "regression"}).json()["run"]
        owner = house.manager.get(run).owner
        task = house.executor.tasks[-1]
        gzip_please = {"accept-encoding": "gzip"}
        with browser.stream("GET", f"/api/v1/runs/{run}/events", headers=gzip_please) as answer:
            lines = answer.iter_lines()
            assert ": heartbeat" in lines  # an idle stream shows that it is alive
            task.event("started", {"device": "cpu"})
            assert "event: started" in lines  # told before the next one happens
            task.event("metric", {"epoch": 1, "values": {}}, 1)
            assert "event: metric" in lines
            assert "id: 2" in lines
            assert stream.open_streams() == 1
            assert seen.get(timeout=10) == ("arrive", owner)
            assert seen.empty()
        assert seen.get(timeout=10) == ("depart", owner)
        task.end()
    assert stream.open_streams() == 0


def test_open_streams_do_not_keep_the_server_from_stopping(tmp_path: Path) -> None:
    """SIGTERM while a run streams: the lifespan ends properly, and soon."""
    script = """
import sys
from contextlib import asynccontextmanager
from pathlib import Path
import socket, uvicorn
from engine import api, service
from test_api import Stage, make_app, make_service, serving

folder, door = Path(sys.argv[1]), socket.socket(fileno=int(sys.argv[2]))

@asynccontextmanager
async def lifespan(app):
    with serving(make_service(folder, Stage())), api.ending_with_process():
        yield
    print("closed", flush=True)

app = make_app(folder, lifespan=lifespan)
uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[door])
"""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        port = door.getsockname()[1]
        search = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), str(door.fileno())],
            pass_fds=[door.fileno()],
            env={**os.environ, "PYTHONPATH": search},
            stdout=subprocess.PIPE,
            text=True,
        )
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as browser:
            browser.get("/healthz")
            run = browser.post("/api/v1/runs", json={"topic": "regression"}).json()["run"]
            with browser.stream("GET", f"/api/v1/runs/{run}/events") as answer:
                assert answer.status_code == 200
                process.send_signal(signal.SIGTERM)
                assert list(answer.iter_lines()) == []
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    assert output == "closed\n"


# Results -------------------------------------------------------------------------------------


def test_history_and_weights_of_a_finished_run(client: TestClient, house: Any) -> None:
    run = finish(client, house)
    for _source in ("memory", "store"):
        history = client.get(f"/api/v1/runs/{run}/history").json()
        assert history["metrics"]["step"] == [1, 2, 3]
        assert [f["step"] for f in history["frames"]] == [1, 2, 3]
        assert history["terminal"]["type"] == "done"
        answer = client.get(f"/api/v1/runs/{run}/weights")
        assert answer.content == b"weights"
        assert answer.headers["content-disposition"] == (
            f'attachment; filename="{run[:8]}.safetensors"'
        )
        script = client.get(f"/api/v1/runs/{run}/script.py")
        assert script.headers["content-type"].startswith("text/x-python")
        compile(script.text, "script.py", "exec")
        forget_memory(house)


@pytest.mark.parametrize("what", ["history.csv", "script.py", "weights"])
def test_results_come_after_the_end(client: TestClient, house: Any, what: str) -> None:
    answer = client.get(f"/api/v1/runs/{start(client)}/{what}")
    assert answer.status_code == 409
    assert error_of(answer) == {
        "code": "conflict",
        "message": "This run has not ended yet.",
        "field": None,
    }


def test_the_history_of_a_running_run_is_what_there_is_so_far(
    client: TestClient, house: Any
) -> None:
    record = client.get(f"/api/v1/runs/{start(client)}/history").json()
    assert record["terminal"] is None
    assert record["topic"] == "regression"


def test_a_run_without_weights_says_so(client: TestClient, house: Any) -> None:
    run = start(client)
    client.post(f"/api/v1/runs/{run}/control", json={"type": "cancel"})
    answer = client.get(f"/api/v1/runs/{run}/weights")
    assert answer.status_code == 404
    assert error_of(answer)["message"] == "Nothing of this name is stored of this run."


def test_the_table_holds_numbers_and_no_formula(client: TestClient, house: Any) -> None:
    run = start(client)
    task = house.executor.tasks[-1]
    for step, text in enumerate(["=1+1", "+1", "-1", "@a", "\tb", "\rc", "plain"], start=1):
        task.event("metric", {"epoch": text, "values": {"=loss": -0.5}}, step)
    task.event("metric", {"epoch": 8, "values": {}}, 8)
    task.end()
    answer = client.get(f"/api/v1/runs/{run}/history.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert f'filename="regression-{run[:8]}.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert list(rows[0]) == ["step", "epoch", "time", "'=loss"]
    texts = [row["epoch"] for row in rows]
    assert texts == ["'=1+1", "'+1", "'-1", "'@a", "'\tb", "'\rc", "plain", "8"]
    assert [row["'=loss"] for row in rows] == ["-0.5"] * 7 + [""]


def test_a_shared_run_is_seen_by_all_until_revoked(
    client: TestClient, app: Starlette, house: Any
) -> None:
    run = finish(client, house)
    friend = visitor(app)
    reading = ["", "/history", "/history.csv", "/script.py", "/weights", "/events", "/events/1"]
    codes = [friend.get(f"/api/v1/runs/{run}{what}").status_code for what in reading]
    assert codes == [404] * len(reading)
    share = client.post(f"/api/v1/runs/{run}/share").json()
    assert share["url"] == f"/regression?run={run}"
    assert "T" in share["expires"]
    codes = [friend.get(f"/api/v1/runs/{run}{what}").status_code for what in reading]
    assert codes == [200] * len(reading)
    for method, what in [("POST", "/share"), ("DELETE", "/share"), ("DELETE", "")]:
        answer = friend.request(method, f"/api/v1/runs/{run}{what}")
        assert answer.status_code == 403
        assert error_of(answer)["message"] == ("Only the visitor who made this run can do this.")
    assert client.delete(f"/api/v1/runs/{run}/share").status_code == 204
    assert friend.get(f"/api/v1/runs/{run}/history").status_code == 404


def test_a_running_run_cannot_be_shared(client: TestClient, house: Any) -> None:
    answer = client.post(f"/api/v1/runs/{start(client)}/share")
    assert (answer.status_code, error_of(answer)["code"]) == (409, "conflict")


def test_reports_from_enough_addresses_hide_a_run(
    client: TestClient, app: Starlette, house: Any
) -> None:
    run = finish(client, house)
    client.post(f"/api/v1/runs/{run}/share")
    friend = visitor(app)
    report = f"/api/v1/runs/{run}/report"
    for _ in range(3):  # a new cookie each time, but the same address: one reporter
        assert visitor(app).post(report, json={"reason": "spam"}).status_code == 204
    assert friend.get(f"/api/v1/runs/{run}").status_code == 200
    for address in ("10.0.0.7", "10.0.0.8"):
        assert visitor(app, address).post(report, json={"reason": "spam"}).status_code == 204
    assert friend.get(f"/api/v1/runs/{run}").status_code == 404
    answer = friend.post(report, json={"reason": "  "})
    assert error_of(answer)["message"] == (
        "reason: expected a text that is not empty, received '  '."
    )


def test_a_deleted_run_is_gone(client: TestClient, house: Any) -> None:
    finished, running = finish(client, house), start(client)
    for run in (finished, running):
        assert client.delete(f"/api/v1/runs/{run}").status_code == 204
        for what in ("", "/history", "/events", "/weights"):
            assert client.get(f"/api/v1/runs/{run}{what}").status_code == 404
        assert client.delete(f"/api/v1/runs/{run}").status_code == 404
    assert house.executor.tasks[-1].sent == [{"type": "cancel"}]


def test_delete_my_data_deletes_mine_only(client: TestClient, app: Starlette, house: Any) -> None:
    friend = visitor(app)
    theirs = finish(friend, house)
    mine, running = finish(client, house), start(client)
    assert client.delete("/api/v1/me").json() == {"deleted": 2}
    assert house.manager.counts()["running"] == 0
    for run in (mine, running):
        assert client.get(f"/api/v1/runs/{run}").status_code == 404
    assert friend.get(f"/api/v1/runs/{theirs}").status_code == 200
    assert visitor(app).delete("/api/v1/me").json() == {"deleted": 0}


# Predictions ---------------------------------------------------------------------------------


def test_a_run_predicts_with_its_own_weights(client: TestClient, house: Any) -> None:
    run = finish(client, house)
    for _source in ("memory", "store"):
        answer = client.post("/api/v1/regression/predict", json={"model": run, "inputs": [1, 2.5]})
        assert answer.json() == {"outputs": [2, 5.0]}
        asked = house.predictors.asked[-1]
        assert (asked["key"], asked["weights"], asked["inputs"]) == (run, b"weights", [1, 2.5])
        assert asked["config"]["data"] == "sine"
        forget_memory(house)


def ship(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let the manifest list these checkpoints (`topic/name`) and no other."""
    listed = [
        SimpleNamespace(topic=topic, name=name) for topic, name in (n.split("/") for n in names)
    ]
    manifest = SimpleNamespace(checkpoints=listed)
    monkeypatch.setattr(predictions.shelf, "manifest", lambda: manifest)
    monkeypatch.setattr(
        predictions.Signature, "of_checkpoint", lambda topic, name: predictions.Signature()
    )


def test_a_shipped_checkpoint_predicts(
    client: TestClient, house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship(monkeypatch, "regression/line", "gan/digits")
    question = {"model": "line", "inputs": [3]}
    assert client.post("/api/v1/regression/predict", json=question).json() == {"outputs": [6]}
    assert house.predictors.asked == [{"topic": "regression", "inputs": [3], "checkpoint": "line"}]
    for name in ("../regression/line", "digits", "line.safetensors", "", "line\0"):
        answer = client.post("/api/v1/regression/predict", json={**question, "model": name})
        assert answer.status_code == 422
        assert error_of(answer)["message"] == (
            f"model: expected the id of a run, or one of the checkpoints: line, received {name!r}."
        )


@pytest.mark.parametrize(
    ("topic", "body", "status", "message"),
    [
        (
            "regression",
            '{"model": "x", "inputs": [[1, Infinity]]}',
            422,
            "inputs.0: expected finite numbers only, received [1, inf].",
        ),
        (
            "regression",
            '{"model": "x", "inputs": [{"a": [1e400]}]}',
            422,
            "inputs.0: expected finite numbers only, received {'a': [inf]}.",
        ),
        (
            "regression",
            '{"model": "x", "inputs": []}',
            422,
            "inputs: expected at least one item, received [].",
        ),
        (
            "regression",
            '{"model": "x", "inputs": 1}',
            422,
            "inputs: expected a list, received 1.",
        ),
        (
            "regression",
            '{"model": "%s", "inputs": [1]}' % ("0" * 32),
            404,
            "There is no such run; it may be private or have expired.",
        ),
    ],
)
def test_invalid_questions(
    client: TestClient, topic: str, body: str, status: int, message: str
) -> None:
    answer = client.post(
        f"/api/v1/{topic}/predict", content=body, headers={"content-type": "application/json"}
    )
    assert (answer.status_code, error_of(answer)["message"]) == (status, message)


def test_a_model_answers_its_own_topic_only(
    client: TestClient, house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finish(client, house)
    monkeypatch.setattr(predictions.topics, "topic", lambda name: None)
    answer = client.post("/api/v1/gan/predict", json={"model": run, "inputs": [1]})
    assert answer.status_code == 422
    assert error_of(answer)["message"] == (
        f"model: expected a run of the topic gan, received '{run}'."
    )


def test_too_many_predictions_are_turned_away(
    client: TestClient, house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finish(client, house)
    monkeypatch.setattr(predictions, "_places", threading.BoundedSemaphore(1))
    predictions._places.acquire()
    question = {"model": run, "inputs": [1]}
    answer = client.post("/api/v1/regression/predict", json=question)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
    predictions._places.release()
    assert client.post("/api/v1/regression/predict", json=question).status_code == 200


def test_predictors_that_warm_up_are_unavailable(
    client: TestClient, house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finish(client, house)

    def warming_up(*_arguments: Any, **_model: Any) -> None:
        raise Unavailable("The trainer is warming up. Try again in a few seconds.")

    monkeypatch.setattr(house.predictors, "predict", warming_up)
    answer = client.post("/api/v1/regression/predict", json={"model": run, "inputs": [1]})
    assert (answer.status_code, error_of(answer)["code"]) == (503, "unavailable")


def test_reference_prediction(
    client: TestClient, house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship(monkeypatch)
    answer = client.post("/prediction", json={"data": [[0.5] * 22]})
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "error",
        "message": "No model is installed for this address yet.",
    }
    ship(monkeypatch, "classification/credit")
    answer = client.post("/prediction", json={"data": [[0.5] * 22]})
    assert answer.json() == {"status": "ok", "result": 1}
    assert house.predictors.asked == [
        {"topic": "classification", "inputs": [[0.5] * 22], "checkpoint": "credit"}
    ]


@pytest.mark.parametrize(
    "body", ["", "{", "[]", '{"data": []}', '{"data": [["x"]]}', '{"data": [[NaN]]}']
)
def test_reference_prediction_of_something_else(client: TestClient, body: str) -> None:
    answer = client.post("/prediction", content=body)
    assert answer.status_code == 422
    assert answer.json() == {
        "status": "error",
        "message": 'Expected {"data": [[…]]} with one row of finite numbers.',
    }


# Files ---------------------------------------------------------------------------------------


def test_recordings_are_served_gzipped_and_kept(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "FOLDER", tmp_path)
    recordings.names.cache_clear()
    (tmp_path / "regression").mkdir()
    (tmp_path / "regression" / "R1.json.gz").write_bytes(gzip.compress(b'{"run": "x"}'))
    answer = client.get("/api/v1/recordings/regression/R1?play=loop")
    assert answer.json() == {"run": "x"}
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["cache-control"] == "public, max-age=86400"
    tag = answer.headers["etag"]
    for known in (tag, f'"other", W/{tag}'):
        again = client.get("/api/v1/recordings/regression/R1", headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
    assert error_of(client.get("/api/v1/recordings/regression/R2")) == {
        "code": "not_found",
        "message": "There is no such recording.",
        "field": None,
    }
    recordings.names.cache_clear()


def test_plotly_of_the_installed_version_is_kept_for_good(client: TestClient) -> None:
    answer = client.get(plotly_url())
    assert answer.status_code == 200
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "Plotly" in answer.text
    assert client.get("/api/v1/assets/plotly-0.0.1.min.js").status_code == 404
    assert plotly_url() == f"/api/v1/assets/plotly-{version('plotly')}.min.js"


def test_scripts_of_the_live_view_are_asked_for_again(client: TestClient) -> None:
    answer = client.get("/api/v1/assets/live.js")
    assert answer.text == ASSETS["live.js"]
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    headers = {"if-none-match": answer.headers["etag"]}
    assert client.get("/api/v1/assets/live.js", headers=headers).status_code == 304
    assert client.get("/api/v1/assets/live.css").headers["content-type"].startswith("text/css")
    assert client.get("/api/v1/assets/notes.txt").status_code == 404


# Probes --------------------------------------------------------------------------------------


def test_probes(client: TestClient, house: Any) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert (client.get("/readyz").status_code, client.get("/readyz").json()) == (
        200,
        {"status": "ready"},
    )
    house.executor.ready = False
    assert (client.get("/readyz").status_code, client.get("/readyz").json()) == (
        503,
        {"status": "warming up"},
    )
    assert client.get("/metrics").status_code == 404


def test_figures_for_prometheus(tmp_path: Path) -> None:
    with serving(make_service(tmp_path, Stage(slots=4), metrics=True)):
        client = visitor(make_app(tmp_path))
        start(client)
        text = client.get("/metrics").text
    assert 'gallery_runs{state="running"} 1.0' in text
    assert 'gallery_runs{state="queued"} 0.0' in text
    assert "gallery_slots 4.0" in text
    assert "gallery_ready 1.0" in text
    assert "gallery_streams 0.0" in text


# Description ---------------------------------------------------------------------------------


def test_the_description_is_openapi_and_complete(client: TestClient) -> None:
    document = client.get("/api/v1/openapi.json").json()
    OpenAPI.model_validate(document)
    assert document["servers"] == [{"url": "/api/v1"}]
    text = json.dumps(document)
    for name in text.split("#/components/schemas/")[1:]:
        assert name.split('"')[0] in document["components"]["schemas"]
    methods = {(m, p): o for p, ms in document["paths"].items() for m, o in ms.items()}
    operations = [o["operationId"] for o in methods.values()]
    assert len(operations) == len(set(operations))
    run = "/runs/{run_id}"
    assert set(methods) == {
        ("get", "/topics"),
        ("post", "/runs"),
        ("get", run),
        ("delete", run),
        ("get", f"{run}/events"),
        ("get", f"{run}/events/{{seq}}"),
        ("post", f"{run}/control"),
        ("get", f"{run}/history"),
        ("get", f"{run}/history.csv"),
        ("get", f"{run}/script.py"),
        ("get", f"{run}/weights"),
        ("get", f"{run}/notebook.ipynb"),
        ("get", f"{run}/tensorboard.zip"),
        ("get", f"{run}/card.json"),
        ("get", f"{run}/model.zip"),
        ("get", f"{run}/model.{{kind}}"),
        ("post", "/animations"),
        ("post", f"{run}/share"),
        ("delete", f"{run}/share"),
        ("post", f"{run}/report"),
        ("delete", "/me"),
        ("post", "/{topic}/predict"),
        ("post", "/{topic}/explain"),
        ("get", "/assets/plotly-{number}.min.js"),
        ("get", "/assets/{name}"),
        ("get", "/recordings/{topic}/{name}"),
    }
    for operation in methods.values():
        for status in ("4XX", "422", "5XX"):
            (content,) = operation["responses"][status]["content"].values()
            assert content["schema"] == {"$ref": "#/components/schemas/ErrorBody"}
    table = methods["get", f"{run}/history.csv"]["responses"]["200"]["content"]
    assert list(table) == ["text/csv"]


def test_no_page_that_loads_scripts_from_elsewhere(client: TestClient) -> None:
    assert client.get("/api/v1/docs").status_code == 404
    assert client.get("/api/v1/redoc").status_code == 404


# The real thing ------------------------------------------------------------------------------


def test_a_real_run_over_the_api(tmp_path: Path) -> None:
    with serving(make_service(tmp_path, InlineExecutor())):
        client = visitor(make_app(tmp_path))
        run = start(client, preset="R2", config={"epochs": 50})
        told = messages(client.get(f"/api/v1/runs/{run}/events").text)
        kinds = [kind for _, kind, _ in told]
        assert kinds[-1] == "done"
        assert kinds.count("done") == 1
        assert {"started", "metric", "frame", "artifact"} <= set(kinds)
        assert client.get(f"/api/v1/runs/{run}/weights").content[8:9] == b"{"  # safetensors
        assert client.get(f"/api/v1/runs/{run}").json()["metrics"]["steps"] == 50
        assert client.post(f"/api/v1/runs/{run}/share").status_code == 200


def test_the_api_needs_no_torch() -> None:
    code = "import sys, engine.api; sys.exit('torch' in sys.modules or 'streamlit' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
