"""Networks side by side: their gradients, sweeps, stops, forks, and what they answer afterwards."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load as parse_weights
from test_contract import Collector
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from engine.errors import InvalidValue
from engine.events import decode_array
from engine.jobs.forking import cut
from engine.jobs.job import JobSpec
from engine.jobs.perform import perform
from engine.topics.classification import recipe, scores
from engine.topics.classification.architecture import Architecture
from engine.topics.classification.learner import Learner, positions
from engine.topics.classification.models import fill, initial, network
from engine.topics.classification.pictures import aligned, projection
from engine.topics.classification.spec import ClassificationConfig
from engine.topics.classification.stacked import Stacked, objective, slope
from engine.topics.classification.variants import members, values
from engine.training.context import Inbox
from engine.training.seeds import generator

QUICK = dict(data="circles", samples=120, noise=0.05, epochs=30, units_1=5, units_2=4)


def run(job: dict | None = None, **changes) -> Collector:
    sink = Collector()
    spec = JobSpec.checked("classification", {**QUICK, **changes}, device="cpu", **(job or {}))
    perform(spec, Inbox(), sink)
    return sink


def learner(**changes) -> Learner:
    return Learner(ClassificationConfig(**{**QUICK, **changes}), recipe.rows({}))


# The gradient --------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["relu", "leaky-relu", "tanh", "sigmoid", "gelu", "sine"])
@pytest.mark.parametrize("normalisation", ["none", "batch", "layer"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_the_gradient_by_hand_is_that_of_autograd(activation, normalisation, outputs):
    shape = Architecture((3, 6, 5, outputs), activation, normalisation)
    random = generator(0, "weights")
    theta = torch.stack([initial(ClassificationConfig(), shape, random) for _ in range(2)])
    theta = theta + 0.1 * torch.randn(theta.shape, generator=random)
    stacked = Stacked(shape, theta.clone())
    x = torch.randn(11, 3, generator=random)
    y = torch.randint(max(2, outputs), (11,), generator=random)
    logits = stacked.forward(x.T, train=True)
    target = y.float() if outputs == 1 else y
    losses = objective(logits, target)
    stacked.backward(slope(logits, target))
    for k in range(2):
        net = network(shape)
        fill(net, shape, theta[k], torch.cat([torch.zeros(11), torch.ones(11)]))
        net.train()
        answer = net(x)
        if outputs == 1:
            loss = binary_cross_entropy_with_logits(answer[:, 0], y.float())
        else:
            loss = cross_entropy(answer, y)
        loss.backward()
        expected = torch.cat([p.grad.flatten() for p in net.parameters()])
        torch.testing.assert_close(logits[k].T, answer, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(losses[k], loss, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(stacked.gradient[k], expected, atol=1e-6, rtol=1e-4)
        if normalisation == "batch":
            running = [m.running_mean for m in net if isinstance(m, nn.BatchNorm1d)]
            torch.testing.assert_close(stacked.statistics[k, :11], torch.cat(running))


def test_the_weighted_loss_is_pytorchs():
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 4, 20, generator=random)
    y = torch.randint(4, (20,), generator=random)
    weights = torch.tensor([0.5, 1.0, 2.0, 4.0])
    leaf = logits[0].T.clone().requires_grad_()
    expected = cross_entropy(leaf, y, weights)
    expected.backward()
    torch.testing.assert_close(objective(logits, y, weights[None])[0], expected.detach())
    torch.testing.assert_close(slope(logits, y, weights[None])[0].T, leaf.grad)


@pytest.mark.parametrize(
    "optimiser", ["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "lbfgs"]
)
def test_every_optimiser_lowers_the_loss(optimiser):
    rate = {"lbfgs": 1.0, "sgd": 0.5}.get(optimiser, 0.05)
    sink = run(optimiser=optimiser, learning_rate=rate, l1=0.001, l2=0.001)
    losses = [e.data["values"]["train_loss"] for e in sink.events if e.type == "metric"]
    assert sink.events[-1].type == "done"
    assert sink.final["train_loss"] < losses[0]


@pytest.mark.parametrize(
    "changes",
    [
        dict(layers=0),
        dict(layers=6),
        dict(normalisation="batch", batch_size=16),
        dict(normalisation="layer", activation="gelu"),
        dict(dropout=0.3, input_noise=0.1),
        dict(activation="sine", squares=True, product=True, sines=True),
        dict(data="blobs", classes=5, class_weights=True, imbalance=0.2),
        dict(data="three-spirals", schedule="one-cycle", batch_size=20),
        dict(data="iris", label_noise=0.1, oversample="training"),
        dict(data="digits", scaling="range", batch_size=64, epochs=3, units_1=16),
        dict(initialisation="he"),
        dict(initialisation="large"),
    ],
)
def test_all_kinds_of_runs_end_well(changes):
    sink = run(**changes)
    assert sink.events[-1].type == "done", sink.events[-1].data
    assert 0 <= sink.final["train_accuracy"] <= 1


def test_networks_that_start_from_zero_stay_alike():
    sink = run(initialisation="zero", data="xor", epochs=100)
    model = recipe.load(
        ClassificationConfig(**{**QUICK, "data": "xor", "initialisation": "zero"}),
        parse_weights(sink.artifacts["weights.safetensors"]),
    )
    first = model.nets[0][0].weight
    assert torch.equal(first, first[:1].expand_as(first))


# Many at once --------------------------------------------------------------------------------------

SWEEPS = [
    dict(sweep="learning_rate", sweep_from=0.001, sweep_to=0.05),
    dict(sweep="units", sweep_from=1, sweep_to=7),
    dict(sweep="layers", sweep_from=0, sweep_to=3),
    dict(sweep="samples", sweep_from=40, sweep_to=120),
    dict(sweep="noise", sweep_from=0.0, sweep_to=0.2),
    dict(sweep="label_noise", sweep_from=0.0, sweep_to=0.4),
    dict(sweep="imbalance", sweep_from=0.1, sweep_to=1.0),
    dict(sweep="data_seed", sweep_from=0, sweep_to=4),
    dict(sweep="batch_size", sweep_from=4, sweep_to=40),
    dict(sweep="epochs", sweep_from=3, sweep_to=20),
    dict(sweep="dropout", sweep_from=0.0, sweep_to=0.6),
    dict(sweep="input_noise", sweep_from=0.0, sweep_to=0.3),
    dict(sweep="l1", sweep_from=0.0, sweep_to=0.02),
    dict(sweep="l2", sweep_from=0.0, sweep_to=0.02, optimiser="adamw"),
    # (not Adam: before a normalisation a bias has no gradient, and Adam makes steps of its rounding)
    dict(sweep="units", sweep_from=1, sweep_to=6, normalisation="batch", optimiser="momentum"),
    dict(sweep="units", sweep_from=4, sweep_to=6, normalisation="layer", optimiser="momentum"),
    dict(sweep="units", sweep_from=2, sweep_to=6, activation="sigmoid", optimiser="momentum"),
    dict(sweep="learning_rate", sweep_to=0.5, schedule="cosine", optimiser="sgd"),
]


@pytest.mark.parametrize("settings", SWEEPS, ids=lambda s: "-".join(map(str, s.values())))
def test_a_sweep_ends_where_its_variants_end_alone(settings):
    """Within 1e-4 of every parameter: a batched product sums in another order."""
    few = dict(epochs=8, batch_size=24, seeds=2, variants=4, learning_rate=0.02)
    config = ClassificationConfig(**{**QUICK, **few, **settings})
    together = Learner(config, recipe.rows({}))
    for _ in range(together.steps):
        together.step()
    for placed in together.placed:
        alone = Learner(placed.member.config, recipe.rows({}))
        for _ in range(alone.steps):
            alone.step()
        _shape, row, statistics = together.row(placed)
        torch.testing.assert_close(row, alone.groups[0].nets.theta[0], atol=1e-4, rtol=1e-3)
        torch.testing.assert_close(
            statistics, alone.groups[0].nets.statistics[0], atol=1e-4, rtol=1e-3
        )


def test_seeds_at_once_have_a_spread_and_a_value_each():
    sink = run(seeds=4)
    assert sink.final["val_accuracy_sd"] >= 0
    each = sink.events[-1].data["seeds"]["val_accuracy"]
    assert len(each) == 4
    assert sink.final["val_accuracy"] == pytest.approx(np.mean(each))


def test_a_sweep_tells_every_variant_and_keeps_the_best():
    sink = run(sweep="learning_rate", variants=5, sweep_from=1e-6, sweep_to=0.1, epochs=60, seeds=2)
    told = sink.events[0].data["arrays"]
    frame = [e for e in sink.events if e.type == "frame"][-1].data["data"]
    assert told["sweep_value"] == [1e-06, 1.778e-05, 0.0003162, 0.005623, 0.1]
    theta = decode_array(frame["theta"])
    assert theta.shape == (10, told["architectures"][0]["parameters"])
    assert len(frame["sweep_val"]) == 5
    best = int(np.argmax(frame["sweep_val"]))
    assert best > 1
    weights = parse_weights(sink.artifacts["weights.safetensors"])
    assert torch.equal(weights["nets.0.0.weight"].flatten(), torch.from_numpy(theta[2 * best][:10]))


def test_a_sweep_over_units_saves_a_smaller_network():
    sink = run(sweep="units", variants=3, sweep_from=1, sweep_to=3, seeds=1)
    config = ClassificationConfig(**{**QUICK, "sweep": "units", "variants": 3})
    model = recipe.load(config, parse_weights(sink.artifacts["weights.safetensors"]))
    assert model.nets[0][0].out_features <= 3
    assert len(recipe.predict(model, recipe.example_inputs())["outputs"]) == 4


def test_too_many_networks_are_refused():
    sink = run(sweep="noise", variants=64, seeds=5)
    assert sink.events[-1].type == "failed"
    assert "at most 256" in sink.events[-1].data["message"]


def test_the_values_of_a_sweep_stay_within_the_setting():
    config = ClassificationConfig(sweep="dropout", sweep_from=0.5, sweep_to=5.0, variants=3)
    assert values(config) == [0.5, 0.65, 0.8]
    assert values(ClassificationConfig(sweep="layers", variants=16)) == [0, 1, 2, 3, 4, 5, 6]
    assert [m.config.layers for m in members(ClassificationConfig(sweep="layers", variants=3))] == [
        0,
        3,
        6,
    ]


def test_a_smaller_network_has_its_places_in_a_larger_one():
    small, large = (Architecture((2, n, 1), "tanh", "none") for n in (2, 3))
    assert positions(small, large).tolist() == [0, 1, 2, 3, 6, 7, 9, 10, 12]


# Stopping, folds, forks ----------------------------------------------------------------------------


def test_training_stops_at_the_target_accuracy():
    sink = run(target_accuracy=0.9, epochs=2000)
    assert sink.events[-1].data["metrics"]["steps"] < 2000
    assert sink.final["train_accuracy"] >= 0.9 - 1e-6
    assert any("at least 90" in e.data["text"] for e in sink.events if e.type == "note")


def test_patience_brings_the_best_weights_back():
    changes = dict(data="moons", noise=0.4, samples=60, units_1=32, epochs=600, label_noise=0.2)
    stopped, whole = run(patience=20, **changes), run(**changes)
    assert stopped.final["steps"] < 600
    assert stopped.final["val_loss"] < whole.final["val_loss"]


def test_cross_validation_answers_for_rows_that_were_not_seen():
    """Labels that mean nothing are learned by heart, but not predicted."""
    changes = dict(data="moons", noise=0.5, label_noise=0.5, samples=120, validation=0.0)
    sink = run(folds=5, units_1=64, units_2=64, epochs=500, learning_rate=0.02, **changes)
    assert sink.final["train_accuracy"] > 0.9
    assert sink.final["cv_accuracy"] < 0.75
    made = learner(folds=5, validation=0.0)
    assert sorted(np.concatenate(made.folds)) == list(range(len(made.materials[0].y["train"])))


@pytest.mark.parametrize("oversample", ["training", "before"])
def test_repeated_rows_are_not_cross_validated(oversample):
    """Copies of what is left out would be learned: the figure would be too good."""
    sink = run(data="breast-cancer", folds=3, epochs=2, oversample=oversample)
    assert "cv_accuracy" not in sink.final
    assert any("not cross-validated" in e.data["text"] for e in sink.events if e.type == "note")


def test_a_fork_goes_on_exactly_where_the_run_was():
    settings = dict(batch_size=16, dropout=0.2, optimiser="momentum", normalisation="batch")
    whole = run(**settings)
    step, payload = cut(whole.artifacts["snapshots.safetensors"], 17)
    job = dict(attachments={"snapshot": payload}, fork={"run": "0" * 32, "step": step})
    again = run(job, **settings)
    assert again.events[0].step == step
    assert again.artifacts["weights.safetensors"] == whole.artifacts["weights.safetensors"]


def test_weights_set_by_hand_are_taken_over():
    made = learner()
    made.edit({3: 7.5})
    assert made.groups[0].nets.theta[0, 3] == 7.5
    with pytest.raises(InvalidValue, match="a parameter from 0 to"):
        made.edit({10_000: 1.0})
    with pytest.raises(InvalidValue):
        learner(seeds=2).edit({0: 1.0})


def test_a_live_change_reaches_the_networks():
    made = learner()
    made.adapt(made.config.changed({"learning_rate": 0.5, "l2": 0.1, "dropout": 0.25}), {})
    group = made.groups[0]
    assert group._optimisers[0].param_groups[0]["lr"] == 0.5
    assert group.nets.dropping
    assert group.penalty() > 0


def test_a_diverging_run_says_so():
    broken = dict(
        optimiser="sgd", activation="relu", initialisation="large", units_1=64, units_2=64
    )
    sink = run(learning_rate=10_000.0, layers=6, **broken)
    assert sink.events[-1].type == "failed"
    assert "Diverged at step" in sink.events[-1].data["message"]


def test_variants_that_diverge_leave_the_others_alone():
    settings = dict(optimiser="sgd", activation="relu", initialisation="large", epochs=30)
    rates = dict(sweep="learning_rate", sweep_from=0.1, sweep_to=1e4, variants=6)
    sink = run(**settings, **rates)
    assert sink.events[-1].type == "done"
    frame = [e for e in sink.events if e.type == "frame"][-1].data["data"]
    alone = run(**settings, learning_rate=0.1)
    assert frame["sweep_val"][3:] == [None] * 3
    assert frame["sweep_val"][0] == pytest.approx(alone.final["val_accuracy"], abs=1e-4)
    left = [v for v in frame["sweep_val"] if v is not None]
    assert sink.final["val_accuracy"] == pytest.approx(np.mean(left), abs=1e-4)
    (note,) = (e.data["text"] for e in sink.events if e.type == "note")
    assert note.endswith("100, 1000, 10000.")
    hopeless = run(**settings, **{**rates, "sweep_from": 100.0})
    assert hopeless.events[-1].type == "failed"
    assert hopeless.events[-1].data["message"].startswith("Diverged at step ")


def test_a_sweep_beyond_its_setting_says_where_it_ends():
    sink = run(sweep="label_noise", sweep_from=0.1, sweep_to=5.0, variants=3, validation=0.0)
    texts = [e.data["text"] for e in sink.events if e.type == "note"]
    assert texts[0] == "“Wrong labels” can be 0 to 0.5: the sweep ends there."
    test = run(data="iris", sweep="l2", variants=2, validation=0.0, test_share=0.3)
    assert (
        "chosen on the test rows" in [e.data["text"] for e in test.events if e.type == "note"][-1]
    )


def test_a_sweep_of_several_groups_loses_only_what_diverges():
    settings = dict(optimiser="sgd", learning_rate=100.0, activation="relu", initialisation="large")
    sink = run(sweep="layers", variants=7, sweep_to=6, units_1=64, units_2=64, **settings)
    assert sink.events[-1].type == "done"
    (note,) = (e.data["text"] for e in sink.events if e.type == "note")
    assert "Diverged: " in note


# What a run tells ----------------------------------------------------------------------------------


def test_frames_hold_the_network_that_is_saved():
    sink = run(data="blobs", classes=3)
    frame = [e for e in sink.events if e.type == "frame"][-1].data["data"]
    config = ClassificationConfig(**{**QUICK, "data": "blobs", "classes": 3})
    model = recipe.load(config, parse_weights(sink.artifacts["weights.safetensors"]))
    theta = torch.from_numpy(decode_array(frame["theta"])[0])
    assert torch.equal(theta, nn.utils.parameters_to_vector(model.nets[0].parameters()))
    counts = np.array(frame["confusion"])
    assert counts.sum() == 60
    assert np.trace(counts) / counts.sum() == pytest.approx(sink.final["val_accuracy"])


def test_the_saved_model_answers_as_was_measured():
    from engine.topics.classification import data

    sink = run(squares=True, product=True, seeds=2)
    config = ClassificationConfig(**{**QUICK, "squares": True, "product": True, "seeds": 2})
    model = recipe.load(config, parse_weights(sink.artifacts["weights.safetensors"]))
    rows = data.make(config)
    x, y = rows.of(data.VALIDATION)
    answers = recipe.predict(model, x.tolist())
    p = np.array(answers["probabilities"])
    frame = [e for e in sink.events if e.type == "frame"][-1].data["data"]
    assert np.mean(p.argmax(1) == y) == pytest.approx(np.trace(frame["confusion"]) / len(y))
    with pytest.raises(InvalidValue, match="a list of 2 finite numbers"):
        recipe.predict(model, [[1.0, float("nan")]])


def test_a_table_is_projected_and_its_picture_does_not_tumble():
    sink = run(data="iris", validation=0.25)
    told = sink.events[0].data["arrays"]
    frames = [e.data["data"] for e in sink.events if e.type == "frame"]
    frames += [f["data"] for f in sink.held]
    assert len(told["input_x"]) == len(told["projected_label"]) == len(frames[0]["hidden_x"]) == 150
    assert told["architecture"]["extent"] is None
    assert "theta" in frames[0]


def test_a_projection_is_turned_like_another():
    random = torch.Generator().manual_seed(0)
    flat = projection(torch.randn(50, 4, generator=random))
    turned = flat @ torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(aligned(turned, flat), flat)


# Scores --------------------------------------------------------------------------------------------


def test_scores_are_scikit_learns():
    from sklearn.metrics import balanced_accuracy_score, roc_auc_score, roc_curve

    random = np.random.default_rng(0)
    y = random.integers(0, 3, 200)
    logits = random.normal(size=(1, 3, 200)) + np.eye(3)[y].T
    p = scores.probabilities(torch.tensor(logits))
    labels, winner = torch.tensor(y)[None], p.argmax(1)
    assert float(scores.auc(p, labels)) == pytest.approx(
        roc_auc_score(y, p[0].T.numpy(), multi_class="ovr"), abs=1e-9
    )
    assert float(scores.balanced_accuracy(winner, labels, 3)) == pytest.approx(
        balanced_accuracy_score(y, winner[0].numpy())
    )
    x, hits, _ = roc_curve(y == 1, p[0, 1].numpy(), drop_intermediate=False)
    at = torch.linspace(0, 1, 101, dtype=torch.float64)
    expected = np.interp(at[1:-1], x, hits)
    assert np.abs(scores.roc(p[0, 1], labels[0] == 1, at)[1:-1].numpy() - expected).max() < 0.1


def test_ties_count_half():
    p = torch.full((1, 2, 4), 0.5)
    assert float(scores.auc(p, torch.tensor([[0, 1, 0, 1]]))) == 0.5


def test_calibration_error_of_a_liar():
    p = torch.tensor([[[0.1, 0.1], [0.9, 0.9]]])
    assert float(scores.ece(p, torch.tensor([[0, 0]]))) == pytest.approx(0.9)
    assert float(scores.ece(p, torch.tensor([[1, 1]]))) == pytest.approx(0.1)


def test_precision_at_a_recall():
    score = torch.tensor([0.9, 0.8, 0.7, 0.6])
    positive = torch.tensor([True, False, True, False])
    at = torch.tensor([0.5, 1.0], dtype=torch.float64)
    assert scores.precision_recall(score, positive, at).tolist() == pytest.approx([1.0, 2 / 3])


def test_numbers_that_leave_the_range_of_the_model_are_refused():
    made = learner(squares=True)
    made.groups[0].nets.layers[0].weight[:] = torch.tensor([1.0, 1.0, 1.0, -1.0])  # x² − y²
    model = made.classifier()
    with pytest.raises(InvalidValue, match="can compute with") as caught:
        recipe.predict(model, [[0.0, 0.0], [1e25, 1e25]])
    assert caught.value.field == "inputs[1]"


def test_the_range_test_finds_a_rate_that_learns():
    found = recipe.range_test(ClassificationConfig(**QUICK), {})
    assert 1e-4 < found["suggestion"] < 1.0
