"""Serving: names of features, untrusted inputs, scored tables, exported programs, workers' lines."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import signal
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
import torch
from conftest import WAIT, wait_for
from safetensors.torch import load as parse
from starlette.testclient import TestClient
from test_api import make_app, make_service, messages, serving, start, visitor

from engine import api, checkpoints, scoring, service, topics
from engine.api import predictions
from engine.errors import GalleryError, InvalidValue, Unavailable
from engine.exports import program
from engine.jobs.inference import InferencePool, Refused
from engine.jobs.inline import InlineExecutor
from engine.jobs.job import JobSpec
from engine.jobs.predictor import Predictor
from engine.serving import Signature, rows
from engine.settings import Settings

PEOPLE = Signature(("age", "income", "city=Rome"), ("no", "yes"))


# Names -------------------------------------------------------------------------------------------


def test_objects_and_lists_give_the_same_rows_in_any_order():
    assert rows([[1, 2.5, 0], {"city=Rome": 0, "age": 1, "income": 2.5}], PEOPLE) == [
        [1, 2.5, 0],
        [1, 2.5, 0],
    ]
    assert rows([3, [4], {"x": 5}], Signature(("x",))) == [[3], [4], [5]]


def test_a_model_without_names_gets_the_inputs_as_they_are():
    assert rows(["a text", {"a": 1}, [1]], Signature()) == ["a text", {"a": 1}, [1]]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            {"age": 1, "income": 2},
            "expected the 3 features of the model (“age”, “income”, “city=Rome”), "
            "received nothing for “city=Rome”.",
        ),
        (
            {"age": 1, "income": 2, "city=Rome": 0, "Age": 3},
            "expected the 3 features of the model (“age”, “income”, “city=Rome”), "
            "received “Age”, which it does not know.",
        ),
        (
            {"Age": 1, "income": 2, "city=Rome": 0},
            "expected the 3 features of the model (“age”, “income”, “city=Rome”), "
            "received nothing for “age” and “Age”, which it does not know.",
        ),
        (
            [1, 2],
            "expected 3 numbers (“age”, “income”, “city=Rome”), as a list or as an object by name, "
            "received [1, 2].",
        ),
        (
            7,
            "expected 3 numbers (“age”, “income”, “city=Rome”), as a list or as an object by name, "
            "received 7.",
        ),
        ([1, 2, True], "expected a finite number for “city=Rome”, received True."),
        ([1, None, 3], "expected a finite number for “income”, received None."),
        ([1, "2", 3], "expected a finite number for “income”, received '2'."),
        ([1, [2], 3], "expected a finite number for “income”, received [2]."),
        ([1, float("nan"), 3], "expected a finite number for “income”, received nan."),
        ([float("inf"), 2, 3], "expected a finite number for “age”, received inf."),
        ([10**400, 2, 3], f"expected a finite number for “age”, received {str(10**400)[:79]}…."),
        (
            {"age": 1, "income": {}, "city=Rome": 0},
            "expected a finite number for “income”, received {}.",
        ),
    ],
)
def test_the_first_wrong_input_is_named(value, message):
    with pytest.raises(InvalidValue) as raised:
        rows([[1, 2, 3], [1, 2, 3], [1, 2, 3], value, "later"], PEOPLE)
    assert raised.value.message == f"inputs[3]: {message}"
    assert raised.value.field == "inputs[3]"


def test_many_names_are_counted():
    signature = Signature(tuple(f"f{n}" for n in range(784)))
    with pytest.raises(InvalidValue) as raised:
        rows([{"f0": 1}], signature)
    assert "“f5” and 778 more" in raised.value.message
    assert len(raised.value.message) < 250


def test_shipped_models_and_runs_tell_their_features():
    assert Signature.of_checkpoint("regression", "sine") == Signature(("x",), ())
    told = {"arrays": {"features": ["a", "b"], "architecture": {"classes": ["no", "yes"]}}}
    assert Signature.of_run(told) == Signature(("a", "b"), ("no", "yes"))
    assert Signature.of_run({}) == Signature()


# Over HTTP ---------------------------------------------------------------------------------------


class Answering:
    """Predictors that answer in this process as a worker does."""

    def __init__(self):
        self.predictor = Predictor()

    async def answer(self, topic, inputs, *, checkpoint=None, key="", config=None, weights=None):
        request = {
            "topic": topic,
            "inputs": inputs,
            "checkpoint": checkpoint,
            "key": key or checkpoint,
            "config": config,
        }
        answer = json.loads(self.predictor.answer(request, weights() if weights else None))
        if "error" in answer:
            raise Refused(answer["error"])
        return answer


@pytest.fixture
def client(tmp_path):
    made = make_service(tmp_path, InlineExecutor())
    made.predictors = Answering()
    with serving(made):
        yield visitor(make_app(tmp_path))


def ask(client: TestClient, inputs, model="sine"):
    body = inputs if isinstance(inputs, str) else json.dumps({"model": model, "inputs": inputs})
    headers = {"content-type": "application/json"}
    return client.post("/api/v1/regression/predict", content=body, headers=headers)


def test_a_number_a_list_and_an_object_are_answered_alike(client):
    alike = [ask(client, [value]).json() for value in (1.5, [1.5], {"x": 1.5})]
    assert alike[0] == alike[1] == alike[2]
    model, _card = checkpoints.load("regression", "sine")
    expected = topics.recipe("regression").predict(model, [1.5])["outputs"]
    assert alike[0]["outputs"] == pytest.approx(expected)


def test_a_run_is_asked_by_name(client):
    run = start(client, config={"data": "diabetes", "epochs": 2, "model": "linear"})
    messages(client.get(f"/api/v1/runs/{run}/events").text)
    features = client.get(f"/api/v1/runs/{run}/history").json()["started"]["arrays"]["features"]
    row = {name: n / 10 for n, name in enumerate(features)}
    shuffled = dict(sorted(row.items(), reverse=True))
    answer = ask(client, [list(row.values()), row, shuffled], run)
    assert answer.status_code == 200, answer.text
    outputs = answer.json()["outputs"]
    assert outputs == pytest.approx(outputs[:1] * 3)
    service.current().manager._runs.clear()  # as after a restart: the store knows it
    assert ask(client, [shuffled], run).json()["outputs"] == pytest.approx(outputs[:1])
    del shuffled[features[4]]
    refused = ask(client, [row, shuffled], run)
    assert refused.status_code == 422
    assert refused.json()["error"]["field"] == "inputs[1]"
    assert f"nothing for “{features[4]}”" in refused.json()["error"]["message"]


def test_a_classifier_is_asked_by_name(client):
    body = {"topic": "classification", "config": {"data": "iris", "epochs": 3}}
    run = client.post("/api/v1/runs", json=body).json()["run"]
    messages(client.get(f"/api/v1/runs/{run}/events").text)
    arrays = client.get(f"/api/v1/runs/{run}/history").json()["started"]["arrays"]
    assert arrays["architecture"]["classes"]
    row = dict.fromkeys(reversed(arrays["features"]), 1.0)
    question = {"model": run, "inputs": [row]}
    answer = client.post("/api/v1/classification/predict", json=question).json()
    (probabilities,) = answer["probabilities"]
    assert len(probabilities) == len(arrays["architecture"]["classes"]) == 3
    assert answer["outputs"] == [int(np.argmax(probabilities))]
    question["inputs"] = [{**row, "stranger": 1}]
    refused = client.post("/api/v1/classification/predict", json=question)
    assert refused.status_code == 422
    assert "“stranger”, which it does not know" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (
            '{"model": "sine", "inputs": [1, NaN]}',
            422,
            "inputs.1: expected finite numbers only, received nan.",
        ),
        (
            '{"model": "sine", "inputs": [1, -Infinity]}',
            422,
            "inputs.1: expected finite numbers only, received -inf.",
        ),
        (
            '{"model": "sine", "inputs": [true]}',
            422,
            "inputs[0]: expected a finite number for “x”, received True.",
        ),
        (
            '{"model": "sine", "inputs": [[[1]]]}',
            422,
            "inputs[0]: expected a finite number for “x”, received [1].",
        ),
        (
            '{"model": "sine", "inputs": [1e31]}',
            422,
            "inputs[0]: expected a finite number for “x”, received 1e+31.",
        ),
        (
            '{"model": "sine", "inputs": {"x": 1}}',
            422,
            "inputs: expected a list, received {'x': 1}.",
        ),
        ('{"model": "sine", "inputs": [1', 422, "body: expected JSON, received "),
        (
            json.dumps({"model": "sine", "inputs": [1] * 10_001}),
            422,
            "inputs: expected at most 10,000 items, received ",
        ),
    ],
)
def test_bad_questions_are_answered_clearly(client, body, status, message):
    answer = ask(client, body)
    assert answer.status_code == status
    assert answer.json()["error"]["message"].startswith(message)
    assert len(answer.text) < 400


def test_a_megabyte_is_too_large_and_just_less_is_looked_at(client):
    numbers = ",".join(["1"] * 500_000)
    large = f'{{"model": "sine", "inputs": [[{numbers}]]}}'
    assert ask(client, large).status_code == 413
    assert ask(client, large).json()["error"]["code"] == "too_large"
    answer = ask(client, large.replace(",1" * 100, "", 1))
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "inputs[0]"


def test_nesting_without_end_is_refused(client):
    for depth in (300, 900, 100_000):
        body = f'{{"model": "sine", "inputs": [{"[" * depth}{"]" * depth}]}}'
        assert ask(client, body).status_code in (400, 422), depth


def test_many_rows_are_answered_in_order(client):
    inputs = np.linspace(-3, 3, 3000).tolist()
    outputs = ask(client, inputs).json()["outputs"]
    assert outputs[:3] == pytest.approx(ask(client, inputs[:3]).json()["outputs"], abs=1e-5)
    assert len(outputs) == 3000


def test_predictions_keep_their_distance_only_while_a_page_is_in_use(client, monkeypatch):
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    monkeypatch.setattr(predictions.asyncio, "sleep", sleep)
    monkeypatch.setattr(predictions.time, "monotonic", lambda: 100.0)
    pace = predictions.Pace()
    service.current().drawn_at = 0.0

    async def three():
        for _turn in range(3):
            await pace.wait()

    asyncio.run(three())
    assert slept == []
    service.current().page_drawn()
    asyncio.run(three())
    assert slept == pytest.approx([1 / predictions.PACE, 2 / predictions.PACE])


def test_the_class_of_the_reference_service_is_an_index(client, monkeypatch):
    listed = [SimpleNamespace(topic="classification", name="credit")]
    manifest = SimpleNamespace(checkpoints=listed)
    monkeypatch.setattr(predictions.shelf, "manifest", lambda: manifest)
    signature = Signature(("a", "b"), ("pays", "defaults"))
    monkeypatch.setattr(predictions.Signature, "of_checkpoint", lambda topic, name: signature)

    async def answer(topic, inputs, **model):
        return {"outputs": ["defaults"]}

    monkeypatch.setattr(service.current().predictors, "answer", answer)
    told = client.post("/prediction", json={"data": [[0.5, 1]]})
    assert told.json() == {"status": "ok", "result": 1}
    told = client.post("/prediction", json={"data": [[0.5]]})
    assert told.status_code == 422
    assert told.json()["message"].startswith("inputs[0]: expected 2 numbers (“a”, “b”)")
    told = client.post("/prediction", content='{"data": [[true, "1"]]}')
    assert told.status_code == 422


def test_the_reference_service_takes_shares_of_ranges(client):
    """Reference run C9: its row is of class 1; a client who was never late is of class 0."""
    late = (
        "0.0606 0.5 0.3333 0.4828 0.4 0.4 0.4 0.4 0.4 0.4 0.1651 0.0869 0.098 0.1825 0.1054 0.2807"
    )
    row = [float(v) for v in f"{late} 0.0016 0 0.0033 0.0027 0.0031 0.0021".split()]
    told = client.post("/prediction", json={"data": [row]})
    assert told.json() == {"status": "ok", "result": 1}
    card = checkpoints.card("classification", "credit")
    assert len(card.features) == len(card.ranges) == 22
    for units, output in zip(card.examples.inputs, card.examples.outputs, strict=True):
        shares = [
            (v - low) / (high - low) for v, (low, high) in zip(units, card.ranges, strict=True)
        ]
        told = client.post("/prediction", json={"data": [shares]})
        assert told.json() == {"status": "ok", "result": output}
    assert list(card.examples.outputs) == [1, 0]
    told = client.post("/prediction", json={"data": [row[:21]]})
    assert told.status_code == 422
    assert told.json()["message"].startswith("inputs[0]: expected 22 numbers")


# Tables ------------------------------------------------------------------------------------------


def test_columns_are_found_by_name():
    payload = b"id;income;city; age\n=1+1;2,5;Rome;31\n-7;3,5;Bern;42\n"
    signature = PEOPLE._replace(features=("age", "income", "city=Rome", "city=Bern"))
    found = scoring.read_rows(payload, "people.csv", signature.features)
    assert found.inputs == [[31, 2.5, 1, 0], [42, 3.5, 0, 1]]
    assert found.ignored == ("id",)
    assert found.remarks == ("Commas are decimal, points group thousands, in: “income”.",)
    answer = {"outputs": [1, 0], "probabilities": [[0.25, 0.75], [0.5, 0.5]]}
    text = scoring.scored(found.header, found.cells, answer, signature)
    assert list(csv.reader(io.StringIO(text))) == [
        ["id", "income", "city", "age", "prediction", "probability of no", "probability of yes"],
        ["'=1+1", "2,5", "Rome", "31", "yes", "0.25", "0.75"],
        ["-7", "3,5", "Bern", "42", "no", "0.5", "0.5"],
    ]


def test_names_that_are_taken_and_formulas_in_names():
    answer = {"outputs": ["=cmd()"], "low": [-1.0], "high": [1.0]}
    text = scoring.scored(["prediction", "@x"], [["1", "-2"]], answer, Signature())
    assert text.splitlines() == ["prediction,'@x,prediction (2),low,high", "1,-2,'=cmd(),-1.0,1.0"]


def test_one_column_of_two_features_says_which_is_missing():
    with pytest.raises(InvalidValue) as caught:
        scoring.read_rows(b"x\n1\n2\n", "x.csv", ("x", "y"))
    assert caught.value.message == (
        "header: expected a column for each of “x”, “y”, received none named “y”."
    )


def test_one_column_is_enough_for_one_feature():
    assert scoring.read_rows(b'"x"\n1\n\n-2.5\n', "x.csv", ("x",)).inputs == [[1.0], [-2.5]]


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (
            b"income,city\n1,Rome\n",
            "header: expected a column for each of “age”, “income”, “city=Rome”, "
            "received none named “age”.",
        ),
        (
            b"Age,name\n1,2\n",
            "header: expected a column for each of “age”, “income”, “city=Rome”, "
            "received none named “age”, “income”, “city”.",
        ),
        (
            b"age,age,income,city\n1,2,3,Rome\n",
            "header: expected each name once, received “age”.",
        ),
        (
            b"age,income,city\n1,2,Rome\n1,many,Rome\n",
            "line 3: expected a finite number for “income”, received 'many'.",
        ),
        (
            b"age,income,city\n1,,Rome\n",
            "line 2: expected a finite number for “income”, received nothing.",
        ),
        (
            b"age,income,city\n1,1e400,Rome\n",
            "line 2: expected a finite number for “income”, received '1e400'.",
        ),
        (
            b"age,income,city\n1,2,Rome\n1,2,Paris\n",
            "line 3: expected one of “Rome” for “city”, received 'Paris'.",
        ),
        (
            b"age,income,city\n",
            "people.csv: expected at least one row below the names, received ''.",
        ),
        (b"", "people.csv: expected text: a table"),
        (b"PK\x03\x04", "people.csv: expected text: a table"),
        (b"age,income,city\n1,2\n", "people.csv: expected 3 cells in every line"),
        (b"x" * (10 * 2**20 + 1), "people.csv: expected at most 10 MB"),
    ],
)
def test_bad_tables_are_refused_with_their_line(payload, message):
    with pytest.raises(InvalidValue) as raised:
        scoring.read_rows(payload, "people.csv", PEOPLE.features)
    assert raised.value.message.startswith(message)


def test_many_classes_have_one_probability():
    answer = {"outputs": [3], "probabilities": [[0.0, 0.1, 0.2, 0.7] + [0.0] * 40]}
    text = scoring.scored(["x"], [["1"]], answer, Signature(("x",), tuple("abcd")))
    assert text.splitlines() == ["x,prediction,probability", "1,d,0.7"]


# Programs ----------------------------------------------------------------------------------------

CONFIGS = [
    {},
    {"seeds": 3},
    {"loss": "quantile"},
    {"model": "polynomial", "degree": 4},
    {"model": "noisy", "activation": "gelu", "dropout": 0.2},
    {"output": "sigmoid", "data": "diabetes"},
]


@pytest.mark.parametrize("kind", ["pt2", "onnx"])
@pytest.mark.parametrize("values", CONFIGS, ids=str)
def test_exported_programs_answer_as_the_model_does(kind, values):
    config = topics.topic("regression").config.parse({"epochs": 3, **values})
    model, features = model_of(config)
    recipe = topics.recipe("regression")
    content, difference = program.export("regression", model, kind)
    assert difference <= 1e-5
    assert str(Path.cwd()).encode() not in content
    x = torch.randn(5, features, generator=torch.Generator().manual_seed(1))
    outputs = run_program(kind, content, x)
    answer = recipe.predict(model, x.tolist())
    names = ("low", "outputs", "high") if "low" in answer else ("outputs",)
    expected = np.stack([answer[name] for name in names], 1)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-5)


CLASSIFIERS = [
    {"data": "circles"},
    {"data": "spirals", "squares": True, "sines": True, "normalisation": "batch"},
    {"data": "blobs", "normalisation": "layer", "activation": "gelu", "seeds": 3},
    {"data": "iris", "dropout": 0.2, "activation": "sine", "layers": 1},
]


@pytest.mark.parametrize("kind", ["pt2", "onnx"])
@pytest.mark.parametrize("values", CLASSIFIERS, ids=str)
def test_exported_classifiers_give_the_probabilities(kind, values):
    config = topics.topic("classification").config.parse({"epochs": 3, **values})
    model, _features = model_of(config, "classification")
    recipe = topics.recipe("classification")
    content, difference = program.export("classification", model, kind)
    assert difference <= 1e-5
    example = recipe.exportable(model)[1]
    x = torch.randn(5, example.shape[1], generator=torch.Generator().manual_seed(1))
    answer = recipe.predict(model, x.tolist())
    probabilities = run_program(kind, content, x)
    np.testing.assert_allclose(probabilities, answer["probabilities"], atol=2e-5)
    assert probabilities.argmax(1).tolist() == answer["outputs"]
    assert probabilities.sum(1) == pytest.approx(1, abs=1e-5)


def model_of(config, topic="regression"):
    """The model of a short run, and its number of features."""
    from engine.jobs.perform import perform
    from engine.training.context import Inbox

    kept = {}
    sink = SimpleNamespace(
        event=lambda event: None, artifact=kept.__setitem__, frames=lambda frames: None
    )
    perform(JobSpec.checked(topic, config.model_dump(), device="cpu"), Inbox(), sink)
    model = topics.recipe(topic).load(config, parse(kept["weights.safetensors"]))
    return model, len(model.shift)


def run_program(kind, content, x):
    """The answers of an exported file in its own runtime."""
    if kind == "onnx":
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        return session.run(None, {"inputs": x.numpy()})[0]
    return torch.export.load(io.BytesIO(content)).module()(x).detach().numpy()


def test_a_program_that_differs_is_not_given_away(monkeypatch):
    model, _card = checkpoints.load("regression", "sine")
    write, _read = program.FORMATS["pt2"]
    wrong = {"pt2": (write, lambda content: lambda x: model(x) + 1e-4)}
    monkeypatch.setattr(program, "FORMATS", wrong)
    with pytest.raises(GalleryError, match=r"differs from the model by 0\.0001"):
        program.export("regression", model, "pt2")


def test_unknown_formats_and_topics_that_export_nothing():
    with pytest.raises(InvalidValue, match="format: expected one of pt2, onnx, received 'pkl'"):
        program.export("regression", None, "pkl")
    with pytest.raises(GalleryError, match="cannot be exported"):
        program.export("faulty", None, "onnx")


# Workers -----------------------------------------------------------------------------------------


@pytest.fixture
def pool(warm_executor):
    made = InferencePool(warm_executor.host, Settings(memory=2048, inference_timeout=WAIT))
    yield made
    made.close()


def test_coroutines_share_a_worker_and_get_their_own_answers(pool):
    async def ask_all():
        asked = [pool.answer("regression", [[n / 10]], checkpoint="sine") for n in range(40)]
        answers = await asyncio.gather(*asked)
        assert sum(line is not None for line in pool._lines) == 1
        return [answer["outputs"][0] for answer in answers]

    together = asyncio.run(ask_all())
    alone = pool.predict("regression", [[n / 10] for n in range(40)], checkpoint="sine")
    assert together == pytest.approx(alone["outputs"], abs=1e-6)


def test_a_refusal_reaches_only_who_asked(pool):
    async def both():
        good = pool.answer("regression", [[1.0]], checkpoint="sine")
        bad = pool.answer("regression", [[1.0, 2.0]], checkpoint="sine")
        return await asyncio.gather(good, bad, return_exceptions=True)

    good, bad = asyncio.run(both())
    assert len(good["outputs"]) == 1
    assert isinstance(bad, Refused)
    assert bad.status == 422


def test_a_dead_worker_is_told_and_replaced(pool):
    async def killed():
        await pool.answer("regression", [[1.0]], checkpoint="sine")
        (line,) = (line for line in pool._lines if line)
        os.kill(line._worker.pid, signal.SIGSTOP)
        waiting = asyncio.create_task(pool.answer("regression", [[1.0]], checkpoint="sine"))
        await asyncio.sleep(0)
        while not line.waiting:
            await asyncio.sleep(0.001)
        os.kill(line._worker.pid, signal.SIGKILL)
        with pytest.raises(Unavailable):
            await waiting
        return await pool.answer("regression", [[1.0]], checkpoint="sine")

    assert len(asyncio.run(killed())["outputs"]) == 1


def test_a_worker_that_says_nothing_is_killed(warm_executor):
    pool = InferencePool(warm_executor.host, Settings(inference_timeout=WAIT))

    async def silent():
        await pool.answer("regression", [[1.0]], checkpoint="sine")
        pool._timeout = 0.2
        (line,) = (line for line in pool._lines if line)
        os.kill(line._worker.pid, signal.SIGSTOP)
        with pytest.raises(Unavailable):
            await pool.answer("regression", [[1.0]], checkpoint="sine")
        assert not line.open

    try:
        asyncio.run(silent())
    finally:
        pool.close()


def test_weights_are_sent_once(pool):
    config = topics.topic("regression").config.parse({"epochs": 1})
    sent = []

    def payload():
        sent.append(1)
        return (checkpoints.shelf.FOLDER / "regression" / "sine.safetensors").read_bytes()

    async def twice():
        model = {"key": "a" * 32, "config": config.model_dump(), "weights": payload}
        return [await pool.answer("regression", [[1.0]], **model) for _turn in range(2)]

    first, second = asyncio.run(twice())
    assert first == second
    assert len(sent) == 1


@pytest.mark.parametrize("kind", ["pt2", "onnx"])
def test_a_worker_exports_and_is_gone(pool, warm_executor, kind):
    before = set(warm_executor.host._workers)
    made = pool.export("regression", kind, checkpoint="sine")
    x = torch.tensor([[0.5], [1.0], [1.5]])
    expected = pool.predict("regression", x.tolist(), checkpoint="sine")["outputs"]
    np.testing.assert_allclose(run_program(kind, made.content, x)[:, 0], expected, atol=1e-5)
    assert made.difference <= 1e-5
    wait_for(lambda: len(set(warm_executor.host._workers) - before) <= 1, "the end of the exporter")


def test_few_files_are_made_at_once(pool, monkeypatch):
    monkeypatch.setattr(pool, "_exports", threading.BoundedSemaphore(1))
    monkeypatch.setattr(pool, "_timeout", 0.01)
    with pool._exports, pytest.raises(Unavailable, match="Other files"):
        pool.export("regression", "pt2", checkpoint="sine")


def test_a_run_is_exported_over_http(tmp_path, pool):
    made = make_service(tmp_path, InlineExecutor())
    made.predictors = pool
    with serving(made):
        client = visitor(make_app(tmp_path))
        run = start(client, config={"epochs": 2})
        messages(client.get(f"/api/v1/runs/{run}/events").text)
        answer = client.get(f"/api/v1/runs/{run}/model.onnx")
        assert answer.status_code == 200, answer.text
        assert float(answer.headers["x-max-difference"]) <= 1e-5
        assert answer.headers["content-disposition"].endswith('-model.onnx"')
        onnxruntime.InferenceSession(answer.content, providers=["CPUExecutionProvider"])
        assert client.get(f"/api/v1/runs/{run}/model.zip").content[:2] == b"PK"
        assert client.get(f"/api/v1/runs/{run}/model.pkl").status_code == 422
        assert client.get(f"/api/v1/runs/{'0' * 32}/model.pt2").status_code == 404
        stranger = visitor(make_app_again(tmp_path))
        assert stranger.get(f"/api/v1/runs/{run}/model.pt2").status_code == 404


def make_app_again(folder):
    """A second application over the same service, for another visitor."""
    from starlette.applications import Starlette

    return Starlette(routes=api.routes(asset_dir=folder / "assets"), middleware=api.middleware())


# The command line --------------------------------------------------------------------------------


@pytest.fixture
def engine():
    from click.testing import CliRunner

    from engine.cli import main

    return lambda *line, **more: CliRunner().invoke(main, [str(a) for a in line], **more)


def test_a_csv_with_a_header_is_scored(engine, tmp_path):
    (tmp_path / "rows.csv").write_text("id,x\na,1.5\nb,0\n")
    asked = ("predict", "regression", "--checkpoint", "sine", "--input", tmp_path / "rows.csv")
    told = engine(*asked, "--json")
    assert told.exit_code == 0, told.output
    plain = engine(*asked[:-1], "-", "--json", input="1.5\n0\n")
    answers = [json.loads(line) for line in told.stdout.splitlines()]
    assert [a["input"] for a in answers] == [{"id": "a", "x": "1.5"}, {"id": "b", "x": "0"}]
    outputs = [json.loads(line)["output"] for line in plain.stdout.splitlines()]
    assert [a["output"] for a in answers] == outputs
    assert told.stderr == "Not used, as the model does not know them: “id”.\n"
    scored = engine(*asked, "--output", tmp_path / "scored.csv")
    assert (scored.exit_code, scored.stdout) == (0, "")
    written = list(csv.DictReader((tmp_path / "scored.csv").open()))
    assert [(row["id"], row["x"]) for row in written] == [("a", "1.5"), ("b", "0")]
    assert [float(row["prediction"]) for row in written] == pytest.approx(outputs)


def test_rows_without_a_header_are_written_too(engine, tmp_path):
    asked = ("predict", "regression", "--checkpoint", "sine", "--input", "-", "--output")
    told = engine(*asked, tmp_path / "out.csv", input="1.5\n0\n")
    assert told.exit_code == 0, told.output
    first, *others = (tmp_path / "out.csv").read_text().splitlines()
    assert (first, len(others)) == ("x,prediction", 2)


def test_a_wrong_cell_of_a_csv_is_named(engine):
    told = engine(
        "predict", "regression", "--checkpoint", "sine", "--input", "-", input="x\n1\n?\n"
    )
    assert told.exit_code == 2
    assert told.stderr == "Error: line 3: expected a finite number for “x”, received '?'.\n"


@pytest.mark.parametrize("kind", ["pt2", "onnx"])
def test_a_checkpoint_and_a_saved_run_are_exported(engine, tmp_path, kind):
    file = tmp_path / f"sine.{kind}"
    asked = ("export", "regression", "--format", kind, "--output", file)
    told = engine(*asked, "--checkpoint", "sine")
    assert told.exit_code == 0, told.output
    assert "differ from the model's by at most" in told.stdout
    x = torch.tensor([[0.0], [1.5], [2.0]])
    model, _card = checkpoints.load("regression", "sine")
    expected = topics.recipe("regression").predict(model, x.tolist())["outputs"]
    np.testing.assert_allclose(run_program(kind, file.read_bytes(), x)[:, 0], expected, atol=1e-5)
    saved = tmp_path / "run"
    engine("run", "regression", "--set", "epochs=2", "--save", saved)
    told = engine(*asked, "--run", saved)
    assert told.exit_code == 0, told.output
    assert engine(*asked).exit_code == 2
    (saved / "weights.safetensors").unlink()
    told = engine(*asked, "--run", saved)
    assert told.exit_code == 1
    assert "there is no weights.safetensors" in told.stderr


# The page ----------------------------------------------------------------------------------------


class Blocking(Answering):
    """As pages ask."""

    def predict(self, topic, inputs, **model):
        return asyncio.run(self.answer(topic, inputs, **model))

    def export(self, topic, kind, **_model):
        return SimpleNamespace(content=kind.encode(), difference=2e-7)


@pytest.fixture
def serve_part(running, page):
    """The page with its part *Serve* open; arguments are those of the link."""
    running.predictors = Blocking()

    def open_part(**query):
        test = page(**query)
        wait_for(lambda: not running.manager._running, "the end of the run")
        test.session_state["regression.below"] = "serve"
        return test.run()

    return open_part


def test_the_page_shows_calls_of_a_shipped_model(serve_part):
    test = serve_part(preset="sine")
    assert not test.exception
    curl, python = (code.value for code in test.code)
    assert "/api/v1/regression/predict" in curl
    body = json.loads(curl.partition("-d '")[2].removesuffix("'"))
    card = checkpoints.card("regression", body["model"])
    assert body["inputs"] == [{"x": card.examples.inputs[0]}]
    compile(python, "call.py", "exec")
    assert not test.info


def test_the_page_shows_calls_of_the_run_on_show_and_who_may_ask(serve_part):
    test = serve_part(epochs="20", samples="64")
    run = test.session_state["regression.visit"].run
    test.session_state["regression.visit"].ended.add(run)
    test.run()
    assert not test.exception
    assert run in test.code[0].value
    assert [key in test.info[0].value for key in ("private", "Save & share")] == [True, True]


def test_the_page_offers_programs_with_their_agreement(serve_part):
    test = serve_part(preset="sine")
    test.button(key="regression.programs").click().run()
    assert not test.exception
    told = [c.value for c in test.caption if "Largest difference" in c.value]
    assert told == ["Largest difference from the model's own answers: 2e-07."] * 2


def test_the_page_scores_a_table_in_parts(running, monkeypatch):
    from pages._frame import serving as part

    running.predictors = Blocking()
    monkeypatch.setattr(scoring, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(part.st, "session_state", {})
    model = predictions.checkpoint_model("regression", "sine")
    served = part.Served("sine", model, [0.0])
    rows, text = part.score("regression", served, b"x,name\n1,a\n2,b\n3,c\n", "t.csv")
    assert rows.ignored == ("name",)
    alone = running.predictors.predict("regression", [[1.0], [2.0], [3.0]], **model.arguments)
    scores = [float(row["prediction"]) for row in csv.DictReader(io.StringIO(text))]
    assert scores == pytest.approx(alone["outputs"])


def test_an_own_table_is_not_kept_for_its_example(monkeypatch):
    from engine.data.tables import Table
    from pages._frame import serving as panel

    x, y = np.eye(12, 2, dtype=np.float32), (np.arange(12) % 2).astype(np.float32)
    table = Table(x, y, ("a", "b"), "kind", classes=("no", "yes"))
    spec = topics.topic("classification")
    config = spec.config(data="own", table=table.digest)
    store = SimpleNamespace(history=lambda *_who: SimpleNamespace(config=config.model_dump()))
    model = predictions.Model({}, Signature(("a", "b")))
    monkeypatch.setattr(panel, "run_model", lambda *_which: model)
    monkeypatch.setattr(panel, "owner", lambda: "me")
    monkeypatch.setattr(panel.service, "current", lambda: store)
    kept = panel.first_row.cache_info().currsize
    look = SimpleNamespace(spec=spec, ended="0" * 32, config=config, own=table)
    assert panel.from_run(look).example in x.tolist()
    assert panel.first_row.cache_info().currsize == kept


def test_quotes_in_names_survive_the_shell():
    import shlex

    from pages._frame.serving import curl_call

    words = shlex.split(curl_call("http://x/", {"inputs": [{"it's": 1}]}).replace("\\\n", ""))
    assert json.loads(words[-1]) == {"inputs": [{"it's": 1}]}
