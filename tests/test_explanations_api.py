"""`POST /api/v1/{topic}/explain`: whose models, which questions, how many; and the worker behind."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest
from conftest import WAIT
from test_api import (
    Stage,
    error_of,
    finish,
    forget_memory,
    make_app,
    make_service,
    messages,
    serving,
    ship,
    visitor,
)

from engine import topics
from engine.api import explanations
from engine.api.security import BODY_LIMIT
from engine.errors import NotFound
from engine.events import decode_array
from engine.jobs.inference import InferencePool, Refused
from engine.jobs.inline import InlineExecutor
from engine.jobs.predictor import Predictor
from engine.settings import Settings

ADDRESS = "/api/v1/regression/explain"
FOUND = {"method": "maps", "output": 1, "probabilities": [0.25, 0.75], "stages": []}


class Explainers:
    """Gives the same explanation of everything, and notes what it was asked."""

    def __init__(self):
        self.asked = []

    async def explain(self, topic, method, value, options, **model):
        if "weights" in model:
            model["weights"] = model["weights"]()
        self.asked.append(
            {"topic": topic, "method": method, "input": value, "options": options, **model}
        )
        return FOUND


class InThisProcess:
    """Explains in this process as a worker does."""

    def __init__(self):
        self.predictor = Predictor()

    async def explain(
        self,
        topic,
        method,
        value,
        options,
        *,
        checkpoint=None,
        key="",
        config=None,
        weights=None,
        data=None,
    ):
        request = {
            **{"topic": topic, "inputs": [value], "checkpoint": checkpoint, "config": config},
            **{"operation": "explain", "method": method, "options": options},
            "key": key or checkpoint,
        }
        answer = json.loads(self.predictor.answer(request, weights() if weights else None))
        if "error" in answer:
            raise Refused(answer["error"])
        return answer


@pytest.fixture
def house(tmp_path):
    made = make_service(tmp_path, Stage())
    made.predictors = Explainers()
    with serving(made):
        yield made


@pytest.fixture
def app(tmp_path, house):
    return make_app(tmp_path)


@pytest.fixture
def client(app):
    return visitor(app)


def question(model, **changes):
    return {"model": model, "method": "maps", "input": [[0]], **changes}


# Whose model, and what is handed on --------------------------------------------------------------


def test_a_run_is_explained_with_its_own_weights(client, house):
    run = finish(client, house)
    for _source in ("memory", "store"):
        answer = client.post(ADDRESS, json=question(run, options={"target": 2}))
        assert (answer.status_code, answer.json()) == (200, FOUND)
        asked = house.predictors.asked[-1]
        with pytest.raises(NotFound, match="not here any more"):
            asked.pop("data")("table")
        assert asked.pop("config")["data"] == "sine"
        assert asked == {
            "topic": "regression",
            "method": "maps",
            "input": [[0]],
            "options": {"target": 2},
            "key": run,
            "weights": b"weights",
        }
        forget_memory(house)


def test_a_shipped_checkpoint_is_explained_and_options_may_be_left_out(client, house, monkeypatch):
    ship(monkeypatch, "regression/line", "cnn/digits")
    assert client.post(ADDRESS, json=question("line", input={"png": "eA=="})).json() == FOUND
    (asked,) = house.predictors.asked
    assert asked.pop("data")
    assert asked == {
        **{"topic": "regression", "method": "maps", "options": {}},
        **{"input": {"png": "eA=="}, "checkpoint": "line"},
    }


@pytest.mark.parametrize("model", ["digits", "../regression/line", "", "line\0"])
def test_an_unknown_model_is_answered_with_the_known_ones(client, house, monkeypatch, model):
    ship(monkeypatch, "regression/line", "cnn/digits")
    answer = client.post(ADDRESS, json=question(model))
    assert answer.status_code == 422
    assert error_of(answer)["message"] == (
        f"model: expected the id of a run, or one of the checkpoints: line, received {model!r}."
    )
    assert house.predictors.asked == []


def test_a_foreign_run_looks_like_one_that_is_not_there(app, client, house):
    run = finish(client, house)
    for _source in ("memory", "store"):
        stranger = visitor(app)
        answers = [stranger.post(ADDRESS, json=question(model)) for model in (run, "0" * 32)]
        assert [a.status_code for a in answers] == [404, 404]
        assert answers[0].text == answers[1].text
        forget_memory(house)
    assert house.predictors.asked == []
    assert client.post(ADDRESS, json=question(run)).status_code == 200


def test_a_model_explains_its_own_topic_only(client, house):
    run = finish(client, house)
    answer = client.post("/api/v1/classification/explain", json=question(run))
    assert answer.status_code == 422
    assert error_of(answer)["message"] == (
        f"model: expected a run of the topic classification, received '{run}'."
    )
    answer = client.post("/api/v1/nothing/explain", json=question(run))
    assert (answer.status_code, error_of(answer)["field"]) == (422, "topic")


# Questions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ('{"model": "line", "method": "maps"}', "input", "expected a value, received nothing."),
        ('{"model": "line", "input": 1}', "method", "expected a value, received nothing."),
        (
            '{"model": "line", "input": 1, "method": ""}',
            "method",
            "expected a text that is not empty, received ''.",
        ),
        ('{"model": "line", "input": 1, "method": 3}', "method", "expected a text, received 3."),
        (
            '{"model": "line", "input": [[1, NaN]], "method": "maps"}',
            "input",
            "expected finite numbers only, received [[1, nan]].",
        ),
        (
            '{"model": "line", "input": 1, "method": "fool", "options": {"epsilon": 1e999}}',
            "options",
            "expected finite numbers only, received {'epsilon': inf}.",
        ),
        (
            '{"model": "line", "input": 1, "method": "fool", "options": [1]}',
            "options",
            "expected an object, received [1].",
        ),
        (
            '{"model": "line", "input": 1, "method": "maps", "epsilon": 1}',
            "epsilon",
            "expected no field of this name, received 1.",
        ),
        ('{"model": "line"', "body", 'expected JSON, received \'{"model": "line"\'.'),
    ],
)
def test_bad_questions_are_answered_clearly(client, house, monkeypatch, body, field, message):
    ship(monkeypatch, "regression/line")
    answer = client.post(ADDRESS, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    error = error_of(answer)
    assert (error["field"], error["message"]) == (field, f"{field}: {message}")
    assert house.predictors.asked == []


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_not_read(client, house, chunked):
    body = b" " * (BODY_LIMIT + 1)
    answer = client.post(ADDRESS, content=iter([body[:1000], body[1000:]]) if chunked else body)
    assert (answer.status_code, error_of(answer)["code"]) == (413, "too_large")
    assert house.predictors.asked == []


def test_other_sites_cannot_ask(client, house, monkeypatch):
    ship(monkeypatch, "regression/line")
    foreign = {"origin": "https://elsewhere.example"}
    assert client.post(ADDRESS, json=question("line"), headers=foreign).status_code == 403
    assert house.predictors.asked == []


def test_too_many_explanations_are_turned_away_and_places_come_back(client, house, monkeypatch):
    ship(monkeypatch, "regression/line")
    monkeypatch.setattr(explanations, "_places", threading.BoundedSemaphore(1))
    explanations._places.acquire()
    answer = client.post(ADDRESS, json=question("line"))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
    assert house.predictors.asked == []
    explanations._places.release()

    async def refuse(*_arguments, **_model):
        raise Refused({"code": "x", "message": "no", "field": None, "status": 422})

    with monkeypatch.context() as patch:
        patch.setattr(house.predictors, "explain", refuse)
        for _turn in range(3):
            assert client.post(ADDRESS, json=question("line")).status_code == 422
    assert client.post(ADDRESS, json=question("line")).status_code == 200


def test_the_route_is_described(client):
    document = client.get("/api/v1/openapi.json").json()
    described = document["paths"]["/{topic}/explain"]["post"]
    answer = described["responses"]["200"]["content"]["application/json"]["schema"]
    schemas = document["components"]["schemas"]
    assert set(schemas[answer["$ref"].split("/")[-1]]["properties"]) == set(FOUND) - {"stages"}
    taken = described["requestBody"]["content"]["application/json"]["schema"]
    schema = schemas[taken["$ref"].split("/")[-1]]
    assert set(schema["required"]) == {"model", "method", "input"}
    for method in methods():
        assert f"`{method}`" in schema["description"]


def methods():
    from engine.topics.cnn.explain import METHODS

    return METHODS


# The worker --------------------------------------------------------------------------------------


def test_a_topic_without_explanations_says_so():
    request = {
        **{"topic": "regression", "key": "sine", "checkpoint": "sine", "config": {}},
        **{"inputs": [[1.0]], "operation": "explain", "method": "maps", "options": {}},
    }
    answer = json.loads(Predictor().answer(request, None))
    assert answer["error"] == {
        "code": "not_found",
        "message": "This topic has no explanations.",
        "field": None,
        "status": 404,
    }


def test_explanations_have_a_worker_of_their_own(warm_executor):
    pool = InferencePool(warm_executor.host, Settings(memory=2048, inference_timeout=WAIT))

    async def both():
        await pool.answer("regression", [[1.0]], checkpoint="sine")
        (answering,) = (line for line in pool._lines if line)
        for _turn in range(2):
            with pytest.raises(Refused) as raised:
                await pool.explain("regression", "maps", [1.0], {}, checkpoint="sine")
            assert (raised.value.status, raised.value.code) == (404, "not_found")
        (explaining,) = (line for line in pool._lines if line and line is not answering)
        assert (answering.asked, explaining.asked) == (1, 2)
        await pool.answer("regression", [[1.0]], checkpoint="sine")
        assert (answering.asked, explaining.asked) == (2, 2)

    try:
        asyncio.run(both())
    finally:
        pool.close()


def test_weights_of_a_run_are_sent_to_the_explainer_once(warm_executor):
    pool = InferencePool(warm_executor.host, Settings(memory=2048, inference_timeout=WAIT))
    sent = []

    def weights():
        from engine.checkpoints import shelf

        sent.append(1)
        return (shelf.FOLDER / "regression" / "sine.safetensors").read_bytes()

    config = topics.topic("regression").config.parse({"epochs": 1}).model_dump()

    async def twice():
        model = {"key": "a" * 32, "config": config, "weights": weights}
        for _turn in range(2):
            with pytest.raises(Refused, match="no explanations"):
                await pool.explain("regression", "maps", [1.0], {}, **model)

    try:
        asyncio.run(twice())
    finally:
        pool.close()
    assert sent == [1]


# The real thing ----------------------------------------------------------------------------------


def test_a_real_run_is_asked_why(tmp_path):
    made = make_service(tmp_path, InlineExecutor())
    made.predictors = InThisProcess()
    with serving(made):
        app = make_app(tmp_path)
        client = visitor(app)
        body = {"topic": "cnn", "config": {"epochs": 1, "pictures": 300}}
        run = client.post("/api/v1/runs", json=body).json()["run"]
        assert messages(client.get(f"/api/v1/runs/{run}/events").text)[-1][1] == "done"
        row = [[255 if c in (3, 4) else 0 for c in range(8)] for _r in range(8)]

        def ask(method, picture=row, client=client, **options):
            asked = {"model": run, "method": method, "input": picture, "options": options}
            return client.post("/api/v1/cnn/explain", json=asked)

        for method in methods():
            answer = ask(method)
            assert answer.status_code == 200, answer.text
            told = answer.json()
            assert told["method"] == method
            assert sum(told["probabilities"]) == pytest.approx(1, abs=1e-4)
        heat = decode_array(ask("occlusion").json()["heat"])
        assert heat.shape == (8, 8)
        refused = ask("saliency")
        assert refused.status_code == 422
        assert error_of(refused)["message"].startswith("method: expected one of maps, ")
        assert error_of(ask("grad-cam", target=10))["field"] == "options.target"
        assert error_of(ask("maps", picture=[[0] * 8] * 7))["field"] == "input"
        assert ask("maps", client=visitor(app)).status_code == 404
