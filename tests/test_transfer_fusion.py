"""Fusing several models' answers: rules against sums done by hand, and why it helps."""

from __future__ import annotations

import numpy as np
import pytest
from test_transfer import trained

from engine.topics.transfer import fusion

SURE = [0.9, 0.1, 0.0]
DOUBT = [0.4, 0.6, 0.0]


def three(*answers) -> np.ndarray:
    """Models × one picture × classes."""
    return np.array([[answer] for answer in answers])


def test_the_majority_may_be_wrong_where_the_average_is_right():
    p = three(SURE, DOUBT, DOUBT)
    assert fusion.vote(p).tolist() == [1]  # two of three say so
    assert fusion.fused(p, [1 / 3] * 3)[0] == pytest.approx([1.7 / 3, 1.3 / 3, 0])
    assert fusion.fused(p, [1 / 3] * 3).argmax(1).tolist() == [0]


def test_a_tie_goes_to_the_class_with_more_probability():
    assert fusion.vote(three([0.9, 0.1, 0], [0.2, 0.8, 0])).tolist() == [0]
    assert fusion.vote(three([0.6, 0.4, 0], [0.1, 0.9, 0])).tolist() == [1]


def test_weights_decide():
    p = three([0.7, 0.3, 0], [0.2, 0.8, 0])
    assert fusion.fused(p, [0.6, 0.4])[0] == pytest.approx([0.5, 0.5, 0])
    assert fusion.fused(p, [0.7, 0.3]).argmax(1).tolist() == [0]
    assert fusion.fused(p, [0.5, 0.5]).argmax(1).tolist() == [1]
    assert fusion.fused(p, [0, 1])[0] == pytest.approx([0.2, 0.8, 0])


def test_agreement_counts_equal_answers():
    p = np.array([[[1, 0], [1, 0], [0, 1], [0, 1]], [[1, 0], [0, 1], [0, 1], [1, 0]]], float)
    assert fusion.agreement(p).tolist() == [[1, 0.5], [0.5, 1]]


def test_what_an_average_gains_is_the_diversity_of_its_models():
    random = np.random.default_rng(0)
    p = random.dirichlet(np.ones(4), (3, 50))
    labels = random.integers(4, size=50)
    shares = [0.5, 0.3, 0.2]
    singles, diversity, together = fusion.ambiguity(p, labels, shares)
    assert singles - diversity == pytest.approx(together)
    assert diversity > 0
    assert fusion.ambiguity(np.stack([p[0]] * 3), labels, shares)[1] == pytest.approx(0)


def test_pairs_tell_how_they_disagree_and_what_that_gains():
    p = np.array([[[0.9, 0.1], [0.6, 0.4]], [[0.4, 0.6], [0.1, 0.9]]])
    ((i, j, apart, gain),) = fusion.pairs(p, np.array([0, 1]))
    assert (i, j, apart) == (0, 1, 1.0)
    assert gain == pytest.approx(0.5)  # each alone is right once, their average twice


def test_stacking_learns_whom_to_trust():
    random = np.random.default_rng(0)
    labels = random.integers(2, size=400)
    right = np.eye(2)[labels] * 0.8 + 0.1
    noise = np.repeat(random.random((400, 1)), 2, 1)
    noise[:, 1] = 1 - noise[:, 0]
    p = np.stack([right, noise])
    stacking = fusion.Stacking(p[:, :200], labels[:200])
    assert fusion.accuracy(stacking(p[:, 200:]), labels[200:]) == 1.0


def test_a_run_of_fusion_measures_singles_and_rules():
    sink = trained(
        task="fusion", images=10, model_1="mlp", model_2="small", model_3="frozen", epochs=15
    )
    final = sink.final
    singles = [final[f"test_accuracy_model_{n}"] for n in (1, 2, 3)]
    assert min(singles) > 0.6
    assert final["test_accuracy_average"] > min(singles)
    assert {f"test_accuracy_{rule}" for rule in ("vote", "weighted", "stacked")} <= final.keys()
    frame = [e for e in sink.events if e.type == "frame"][-1].data["data"]
    assert frame["errors"][0] - frame["errors"][1] == pytest.approx(frame["errors"][2], abs=1e-4)
    assert frame["fusion"]["probabilities"]["shape"] == [3, 250, 10]
    assert frame["one_right"] >= max(singles) - 0.01
