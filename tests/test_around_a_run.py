"""What surrounds a run, below the pages: comparing, the bin, forks, private runs, the code panel."""

from __future__ import annotations

import time
from base64 import b64encode

import numpy as np
import pytest
from conftest import wait_for, wait_terminal
from safetensors.numpy import save

from engine import comparing, service, topics
from engine.data.tables import Table
from engine.errors import Forbidden, GalleryError, InvalidValue, NotFound
from engine.jobs import forking
from engine.jobs.job import JobSpec
from engine.runs import bin as bins
from engine.runs.bin import Bin
from engine.settings import Settings
from engine.spec import Metric
from engine.topics.source import sources

MSE = Metric("val_mse", "Validation MSE", "lower")


# Comparing ---------------------------------------------------------------------------------------


def test_seed_noise_is_told_from_a_difference():
    random = np.random.default_rng(3)
    same, other = random.normal(1, 0.1, 8), random.normal(1, 0.1, 8)
    better = random.normal(0.5, 0.1, 8)
    assert not comparing.compare(same, other).beyond_noise
    found = comparing.compare(same, better)
    assert found.beyond_noise
    assert found.low < found.difference < found.high < 0
    assert found.difference == pytest.approx(better.mean() - same.mean())


def test_false_alarms_of_the_verdict_are_as_rare_as_promised():
    random = np.random.default_rng(1)
    pairs = random.normal(0, 1, (400, 2, 6))
    alarms = sum(comparing.compare(a, b).beyond_noise for a, b in pairs)
    assert 0.01 <= alarms / 400 <= 0.09


@pytest.mark.parametrize("few", [[1.0], [1.0, 1.1]])
def test_too_few_seeds_say_so(few):
    words = comparing.verdict(MSE, ("A", "B"), [few, [1.0, 2.0, 3.0]])
    assert words.startswith("Train both runs with 3 or more seeds")


def test_the_verdict_is_a_sentence():
    values = [[1.0, 1.1, 0.9, 1.0], [0.5, 0.55, 0.45, 0.5]]
    words = comparing.verdict(MSE, ("run A", "run B"), values)
    assert words.startswith(
        "Validation MSE of run B is 0.5 lower than that of run A (95 % interval"
    )
    assert words.endswith("more than seed noise. (Welch's t-test, 4 and 4 seeds)")


def test_runs_are_compared_on_what_they_did_not_train_on():
    metrics = [Metric("train_mse", "a"), Metric("val_mse", "b"), Metric("test_mse", "c")]
    both = {"train_mse": 1.0, "val_mse": 2.0}
    assert comparing.shared_metric(metrics, both, {**both, "test_mse": 3.0}).name == "val_mse"
    assert comparing.shared_metric(metrics, both, {}) is None


# The bin -----------------------------------------------------------------------------------------


@pytest.fixture
def deleted():
    return []


def test_a_run_in_the_bin_can_be_taken_back_by_its_owner_only(deleted):
    rubbish = Bin(lambda run, owner: deleted.append((run, owner)))
    rubbish.put("run", "me")
    assert "run" in rubbish
    assert not rubbish.take_back("run", "somebody")
    assert rubbish.take_back("run", "me")
    assert "run" not in rubbish
    assert rubbish.sweep(everything=True) == 0
    assert deleted == []


def test_the_bin_is_emptied_after_a_while_and_at_the_end(deleted, monkeypatch):
    rubbish = Bin(lambda run, owner: deleted.append((run, owner)))
    rubbish.put("later", "me")
    monkeypatch.setattr(bins, "KEPT_SECONDS", -1.0)
    rubbish.put("old", "me")
    assert rubbish.sweep() == 1
    assert deleted == [("old", "me")]
    assert rubbish.sweep(everything=True) == 1
    assert not rubbish.take_back("later", "me")


def test_a_run_that_has_expired_meanwhile_does_no_harm():
    def gone(run: str, owner: str) -> None:
        raise NotFound("gone")

    rubbish = Bin(gone)
    rubbish.put("run", "me")
    assert rubbish.sweep(everything=True) == 1


def finished(house, owner="me", **values):
    """A stored run of the regression topic."""
    wait_for(lambda: house.manager.ready, "the workers")
    job = JobSpec.checked("regression", {"epochs": 5, **values}, device="cpu")
    run = house.manager.submit(job, owner)
    wait_terminal(house.manager, run)
    house.manager.wait_stored(run)
    return run


def test_nobody_can_throw_away_somebody_elses_shared_run(house):
    run = finished(house)
    house.store.share(run, "me")
    assert house.history(run, "stranger").terminal
    with pytest.raises(Forbidden):
        house.throw_away(run, "stranger")
    assert run not in house.bin
    house.throw_away(run, "me")
    with pytest.raises(NotFound):  # its link works no more
        house.history(run, "stranger")
    assert not house.take_back(run, "stranger")
    assert house.take_back(run, "me")
    assert house.history(run, "stranger").terminal


def test_a_run_lets_go_of_what_it_went_on_from(house):
    parent = finished(house)
    at, snapshot = forking.cut(house.artifact(parent, forking.SNAPSHOTS, "me"), 3)
    job = JobSpec.checked(
        "regression",
        {"epochs": 5},
        device="cpu",
        attachments={"snapshot": snapshot},
        fork={"run": parent, "step": at},
    )
    run = house.manager.submit(job, "me")
    wait_terminal(house.manager, run)
    assert house.manager.get(run).job.attachments == {}


# Forks -------------------------------------------------------------------------------------------


def test_the_last_snapshot_before_a_step_is_cut_out():
    file = save({f"{step}/weight": np.full(2, step, np.float32) for step in (0, 10, 100)})
    step, text = forking.cut(file, 50)
    assert step == 10
    job = JobSpec("regression", attachments={"snapshot": text})
    from safetensors.numpy import load

    assert load(job.attached()["snapshot"])["weight"].tolist() == [10, 10]


def test_no_snapshot_is_said_in_words():
    file = save({"10/weight": np.zeros(1, np.float32)})
    with pytest.raises(NotFound, match="kept no snapshot"):
        forking.cut(file, 5)


def test_a_fork_keeps_data_and_model():
    config = topics.topic("regression").config
    forking.check(config(), config(learning_rate=0.5, seed=3))
    with pytest.raises(InvalidValue) as error:
        forking.check(config(), config(layers=3, samples=64))
    assert {p.field for p in error.value.problems} == {"layers", "samples"}


def test_a_fork_goes_on_from_its_step(make_manager):
    manager = make_manager()
    first = JobSpec.checked("regression", {"epochs": 400}, device="cpu")
    parent = manager.submit(first, "me")
    end = wait_terminal(manager, parent)
    assert end.type == "done"
    at, snapshot = forking.cut(manager.get(parent).artifacts[forking.SNAPSHOTS], 200)
    assert 100 < at <= 200
    branch = JobSpec.checked(
        "regression",
        {"epochs": 400},
        device="cpu",
        attachments={"snapshot": snapshot},
        fork={"run": parent, "step": at},
    )
    child = manager.submit(branch, "me")
    fork_end = wait_terminal(manager, child)
    history = manager.get(child).log.history
    assert history.fork == {"run": parent, "step": at}
    assert history.metrics["step"][0] == at
    assert fork_end.data["metrics"]["train_mse"] == pytest.approx(
        end.data["metrics"]["train_mse"], rel=1e-6
    )


# Private runs --------------------------------------------------------------------------------------


@pytest.fixture
def house(tmp_path, monkeypatch):
    monkeypatch.setenv("GALLERY_RUNS_DIR", str(tmp_path))
    yield service.start(service.Service(Settings(runs_dir=str(tmp_path), device="cpu", slots=2)))
    service.stop()


def test_a_run_on_an_own_table_is_stored_only_when_it_is_shared(house):
    random = np.random.default_rng(0)
    x = random.normal(size=(40, 2)).astype(np.float32)
    table = Table(x, x[:, 0] + 1, ("size", "rooms"), "rent")
    job = JobSpec.checked(
        "regression",
        {"data": "own", "table": table.digest, "epochs": 5},
        device="cpu",
        attachments={"table": b64encode(table.pack()).decode()},
    )
    wait_for(lambda: house.manager.ready, "the workers")
    run = house.manager.submit(job, "me")
    end = wait_terminal(house.manager, run)
    assert end.type == "done", end.data
    house.manager.wait_stored(run)
    with pytest.raises(NotFound):
        house.store.summary(run, "me")
    assert house.history(run, "me").final["train_mse"] > 0
    house.manager.publish(run)
    house.store.share(run, "me")
    assert Table.unpack(house.store.artifact(run, "table.safetensors", "other")) == table
    assert house.store.history(run, "other").config["table"] == table.digest


def test_a_private_run_is_gone_once_it_is_forgotten(house):
    table = Table(
        np.ones((12, 1), np.float32) * np.arange(12)[:, None].astype(np.float32),
        np.arange(12, dtype=np.float32),
        ("a",),
        "b",
    )
    values = {"data": "own", "table": table.digest, "epochs": 2}
    job = JobSpec.checked(
        "regression", values, device="cpu", attachments={"table": b64encode(table.pack()).decode()}
    )
    wait_for(lambda: house.manager.ready, "the workers")
    run = house.manager.submit(job, "me")
    wait_terminal(house.manager, run)
    house.delete_run(run, "me")
    with pytest.raises(NotFound):
        house.history(run, "me")


# The code panel ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n, s in topics.topics().items() if s.code])
def test_the_code_panel_shows_source_that_exists(name):
    shown = sources(name)
    assert shown
    for path, source in shown.items():
        assert path.partition(".")[2] in source
        compile(source, path, "exec")


def test_a_long_wait_for_a_run_ends(make_manager):
    manager = make_manager()
    job = JobSpec.checked("regression", {"epochs": 20_000, "speed": "slow"}, device="cpu")
    run = manager.submit(job, "me")
    begun = time.monotonic()
    assert not manager.wait_ended(run, 0.2)
    assert time.monotonic() - begun >= 0.2
    manager.control(run, {"type": "cancel"})
    assert manager.wait_ended(run, 10)


# The learning-rate test ----------------------------------------------------------------------------


def test_a_worker_tests_learning_rates(house):
    wait_for(lambda: house.manager.ready, "the workers")
    found = house.predictors.range_test("regression", {"samples": 64}, {})
    assert len(found["rate"]) == len(found["loss"]) > 50
    assert found["rate"] == sorted(found["rate"])
    assert 1e-4 < found["suggestion"] < 1
    start = found["loss"][0]
    assert min(found["loss"]) < 0.6 * start


def test_a_topic_without_a_rate_test_says_so(house):
    wait_for(lambda: house.manager.ready, "the workers")
    with pytest.raises(GalleryError, match="no learning-rate test"):
        house.predictors.range_test("faulty", {}, {})
