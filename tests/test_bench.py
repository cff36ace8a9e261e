"""The benchmarks' own arithmetic and topic; nothing here takes the time."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from engine import ROOT
from engine.bench import MODULES, benchmarks, convolutions, solution, sweeps
from engine.bench.bare import train as train_bare
from engine.bench.child import TOPICS
from engine.bench.figure import Figure, by_name, middle, p95
from engine.bench.topics.benchmark import recipe
from engine.bench.topics.benchmark.parts import make
from engine.bench.topics.benchmark.spec import SPEC, BenchmarkConfig
from engine.events import Event, dumps
from engine.training.context import Context


def final(config):
    """The metrics of the terminal event."""
    *_, last = recipe.run(config, Context(config))
    assert last.type == "done"
    return last.data["metrics"]


def test_every_benchmark_says_its_command():
    assert set(benchmarks) == set(MODULES)
    for name, module in MODULES.items():
        text = (ROOT / "engine" / "bench" / f"{module}.py").read_text()
        assert f"`python -m engine bench {name}`" in text


def test_the_middle_of_measurements():
    figure = middle("ratio", [1.3, 1.0, 1.1], "×", "at most", 1.2, "Side by side.")
    assert (figure.value, figure.n, figure.beside) == (1.1, 3, {"min": 1.0, "max": 1.3})
    assert figure.reached
    assert str(figure) == "1.1 × (target at most 1.2: reached; n = 3, min 1, max 1.3)"


def test_the_95th_percentile_of_measurements():
    figure = p95("wait", [float(n) for n in range(101)], "s", 90, "A hundred and one times.")
    assert (figure.value, figure.beside) == (95.0, {"p50": 50.0, "max": 100.0})
    assert not figure.reached
    assert str(figure) == "95 s (target at most 90: NOT reached; n = 101, p50 50, max 100)"


@pytest.mark.parametrize(
    ("relation", "value", "reached"),
    [
        ("at most", 2.0, True),
        ("at most", 2.01, False),
        ("at least", 2.0, True),
        ("at least", 1.99, False),
        ("about", 2.15, True),
        ("about", 1.8, False),
    ],
)
def test_what_counts_as_reached(relation, value, reached):
    assert Figure("x", value, "", relation, 2.0, 1, "", tolerance=0.16).reached is reached


def test_a_figure_is_written_as_one_json_object():
    figure = Figure("x", 1.0, "s", "about", 1.0, 1, "How.", {"p50": 0.5}, 0.1)
    written = json.loads(dumps(by_name([figure])))["x"]
    assert written.pop("reached") is True
    assert Figure(**written) == figure


def test_the_benchmark_topic_is_found_where_it_is_asked_for():
    code = "from engine import topics; print(topics.recipe('benchmark').debug_config().epochs)"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"GALLERY_EXTRA_TOPICS": str(TOPICS)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(result.stdout) == recipe.debug_config().epochs


def test_the_benchmark_topic_learns_and_tells_what_it_measures():
    config = recipe.debug_config()
    events = list(recipe.run(config, Context(config)))
    measured = [e.data["values"] for e in events if e.type == "metric"]
    assert measured[-1]["train_loss"] < 0.7 * measured[0]["train_loss"]
    assert measured[-1].keys() == {m.name for m in SPEC.metrics} | {"train_loss"}
    frames = [e.data for e in events if e.type == "frame"]
    assert {(f["kind"], len(f["data"]["fit"])) for f in frames} == {("fit", recipe.GRID_POINTS)}


def test_the_small_network_is_the_one_of_the_target():
    parts = make("small", 0)
    shapes = [tuple(p.shape) for p in parts.model.parameters()]
    assert shapes == [(8, 9), (8,), (4, 8), (4,), (1, 4), (1,)]
    assert parts.batch_size == 8


@pytest.mark.parametrize("network", ["small", "large"])
def test_both_sides_of_the_comparison_take_the_same_steps(network):
    metrics = final(BenchmarkConfig(network=network, epochs=3, seed=1))
    _seconds, train_mse = train_bare(network, 3, 1)
    assert metrics["train_mse"] == train_mse
    assert metrics["steps"] == 3 * make(network, 1).steps_per_epoch


def test_a_hanging_run_hangs_at_its_tenth_step(monkeypatch):
    class Asleep(Exception):
        pass

    def sleep(_seconds):
        raise Asleep

    monkeypatch.setattr(recipe.time, "sleep", sleep)
    taken = []
    step = recipe.hanging(lambda: taken.append(1))
    for _ in range(recipe.LAST_STEP - 1):
        step()
    with pytest.raises(Asleep):
        step()
    assert len(taken) == recipe.LAST_STEP - 1


# Classification ----------------------------------------------------------------------------------


def test_the_time_to_solution_is_that_of_the_event_that_tells_it():
    def metric(time, accuracy, *before):
        rows = [{"values": {"train_accuracy": a}} for a in before]
        return Event("metric", {"values": {"train_accuracy": accuracy}, "before": rows}, time=time)

    begun = Event("started", time=10.0)
    late = [begun, metric(10.0, 0.5), metric(10.0625, 0.97, 0.9, 0.99), metric(10.5, 1.0)]
    assert solution.milliseconds_to_goal(late) == 62.5  # when it was told, not when it was measured
    assert solution.milliseconds_to_goal([begun, metric(10.25, solution.GOAL)]) == 250
    assert solution.milliseconds_to_goal([begun, metric(11.0, 0.97)]) == float("inf")


def test_the_plain_script_has_as_many_weights_as_the_page():
    config = solution.ClassificationConfig(data="xor")
    model = solution.network(config)
    shapes = [tuple(p.shape) for p in model.parameters()]
    assert shapes == [(8, 2), (8,), (8, 8), (8,), (1, 8), (1,)]
    assert 0 < solution.plain_milliseconds("circles", 0) < float("inf")


def test_a_sweep_is_compared_with_one_variant_in_everything_else_alike():
    values = {**sweeps.preset(), "epochs": 2}
    sweep, single = (
        sweeps.JobSpec.checked("classification", {**values, **more}).config
        for more in ({"variants": 16}, sweeps.SINGLE)
    )
    assert {n for n in sweep if sweep[n] != single[n]} == {"sweep"}
    assert sweep["variants"] == 16
    taken = sweeps.seconds({**values, **sweeps.SINGLE})
    assert 0 < taken.training < taken.job


def test_the_figure_of_a_sweep():
    figure = sweeps.figure("16 / one", [(1.5, 1.0), (1.7, 2.0), (1.2, 3.0)], 1.6, 0.25)
    assert (figure.value, figure.reached) == (1.5, True)
    assert figure.beside == {"min": 1.2, "max": 1.7, "whole job": 2.0}


def test_a_share_of_the_peak_is_that_of_whole_batches():
    learner = convolutions.learning("n10")
    sizes = {len(next(learner.batches)[0]) for _batch in range(2 * learner.per_epoch)}
    assert sizes == {convolutions.BATCH}
