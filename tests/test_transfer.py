"""Transfer learning: what is frozen stays, what is cached is right, and few pictures suffice."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from safetensors.torch import load

from engine.data.pictures import album
from engine.errors import Corrupt, InvalidValue, Unavailable
from engine.jobs.job import JobSpec
from engine.jobs.perform import perform
from engine.topics.cnn.batches import taken
from engine.topics.transfer import backbones, material, recipe, useful
from engine.topics.transfer.learner import Learner
from engine.topics.transfer.measuring import Race
from engine.topics.transfer.nets import make_head
from engine.topics.transfer.spec import SPEC, TransferConfig
from engine.training.context import Inbox
from engine.training.seeds import generator


class Sink:
    """Keeps what a run tells."""

    def __init__(self):
        self.events, self.artifacts = [], {}

    def event(self, event):
        self.events.append(event)

    def artifact(self, name, payload):
        self.artifacts[name] = payload

    def frames(self, frames):
        pass

    @property
    def final(self):
        assert self.events[-1].type == "done", self.events[-1].data
        return self.events[-1].data["metrics"]

    def said(self):
        return [e.data["text"] for e in self.events if e.type == "note"]


def trained(**values) -> Sink:
    sink = Sink()
    perform(JobSpec.checked("transfer", values, device="cpu"), Inbox(), sink)
    return sink


def learner(**values) -> Learner:
    config = TransferConfig.parse({"members": 1, **values})
    return Learner(config, material.stored(config.data))


def one(learner: Learner, side: str):
    return next(c for c in learner.contestants if c.side == side)


def state(module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


# What is frozen ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("side", "depth"), [("frozen", 2), ("tuned", 1), ("tuned", 3)])
def test_frozen_layers_do_not_change_and_the_others_do(side, depth):
    run = learner(depth=depth)
    net = one(run, side).net
    lower, upper, head = state(net.lower), state(net.upper), state(net.head)
    shipped = state(backbones.backbone("mnist-8x8").parts)
    for _step in range(3):
        run.step()
    assert all(torch.equal(lower[n], t) for n, t in net.lower.state_dict().items())
    assert all(torch.equal(shipped[n], t) for n, t in net.lower.state_dict().items())
    assert all(not torch.equal(head[n], t) for n, t in net.head.state_dict().items())
    moved = {n for n, t in net.upper.state_dict().items() if not torch.equal(upper[n], t)}
    statistics = {n for n in upper if "running" in n or "num_batches" in n}
    assert moved == (set(upper) - statistics if side == "tuned" else set())


def test_the_shipped_backbone_is_everybodys_and_stays_as_it_is():
    before = state(backbones.backbone("mnist-8x8").parts)
    run = learner(depth=20, backbone_rate=0.1)
    run.step()
    after = backbones.backbone("mnist-8x8").parts.state_dict()
    assert all(torch.equal(before[n], t) for n, t in after.items())


def test_deeper_unfreezing_lets_more_weights_learn():
    def weights(depth):
        net = one(learner(depth=depth), "tuned").net
        return sum(p.numel() for p in net.parameters() if p.requires_grad)

    counts = [weights(depth) for depth in (1, 2, 3, 4)]
    assert counts == sorted(set(counts))
    assert weights(20) == counts[-1]


@pytest.mark.parametrize("side", ["frozen", "tuned", "scratch"])
def test_cached_features_equal_fresh_ones(side):
    run = learner()
    contestant = one(run, side)
    numbers = torch.from_numpy(contestant.rows.test[:40])
    fresh = contestant.net.frozen(taken(run.pixels, numbers))
    assert torch.allclose(contestant._frozen.plain(numbers), fresh, atol=1e-6)
    whole = contestant.net.eval()(taken(run.pixels, numbers))
    assert torch.allclose(contestant.logits(contestant.rows.test[:40]), whole, atol=1e-5)


def test_augmented_features_are_those_of_changed_pictures():
    run = learner(augmentation="strong", images=3)
    frozen = one(run, "frozen")
    numbers = torch.from_numpy(frozen.rows.train)
    plain, changed = frozen._frozen.plain(numbers), frozen._frozen.changed(numbers)
    assert changed.shape == plain.shape
    assert not torch.allclose(plain, changed)
    assert torch.equal(plain, frozen._frozen.plain(numbers))


def test_each_group_of_weights_has_its_own_rate():
    run = learner(learning_rate=0.01, backbone_rate=0.0001, schedule="constant", optimiser="sgd")
    tuned, scratch = one(run, "tuned"), one(run, "scratch")
    run.step()
    assert {g["name"]: g["lr"] for g in tuned.optimiser.param_groups} == {
        "head": 0.01,
        "backbone": 0.0001,
    }
    assert {g["lr"] for g in scratch.optimiser.param_groups} == {0.01}
    run.adapt(run.config.changed({"backbone_rate": 0.002}))
    run.step()
    assert {g["name"]: g["lr"] for g in tuned.optimiser.param_groups}["backbone"] == 0.002


def test_a_rate_is_what_its_group_moves_by():
    run = learner(
        learning_rate=0.01, backbone_rate=0.001, schedule="constant", optimiser="sgd", l2=0
    )
    tuned = one(run, "tuned")
    before = state(tuned.net.upper)
    run.step()
    parameters = dict(tuned.net.upper.named_parameters())
    for name, parameter in parameters.items():
        assert torch.allclose(before[name] - 0.001 * parameter.grad, parameter, atol=1e-7), name


@pytest.mark.parametrize(
    ("kind", "sizes"),
    [("linear", [192]), ("wide", [192, 4096, 4096]), ("dense", [192, 1000]), ("original", [192])],
)
def test_heads_are_as_their_names_say(kind, sizes):
    head = make_head(kind, backbones.backbone("mnist-8x8"), 7, generator(0, "weights"))
    layers = [m for m in head if isinstance(m, torch.nn.Linear)]
    assert [m.in_features for m in layers] == sizes
    assert layers[-1].out_features == 7
    assert head(torch.zeros(2, 192)).shape == (2, 7)


# Pictures ----------------------------------------------------------------------------------------


def test_a_member_learns_from_so_many_of_each_class_and_is_tested_on_all_others():
    pictures = album("digits")
    config = TransferConfig()
    rows = [material.rows(config, pictures, member, 5) for member in range(3)]
    for each in rows:
        assert np.bincount(pictures.labels[each.train]).tolist() == [5] * 10
        assert sorted([*each.train, *each.test]) == list(range(1797))
    assert len({tuple(each.train) for each in rows}) == 3


def test_all_pictures_leave_a_quarter_of_each_class_for_the_test():
    pictures = album("digits")
    rows = material.rows(TransferConfig(), pictures, 0, 0)
    counts = np.bincount(pictures.labels)
    assert np.bincount(pictures.labels[rows.train]).tolist() == [int(n * 0.75) for n in counts]
    assert len(rows.train) + len(rows.test) == 1797


# It works ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("images", "scratch", "pixels"), [(1, 0.18, 0.12), (5, 0.10, 0.06)])
def test_few_pictures_are_enough(images, scratch, pixels):
    """What the page promises: mean of five seeds, tested on all other digits."""
    sink = trained(images=images)
    final, told = sink.final, sink.events[0].data["arrays"]
    assert final["test_accuracy_frozen"] > 0.9
    best = max(final["test_accuracy_frozen"], final["test_accuracy_tuned"])
    assert best >= final["test_accuracy_scratch"] + scratch
    assert best >= max(told["logistic"], told["neighbour"]) + pixels


def test_the_page_of_a_run_and_the_model_it_leaves_agree():
    sink = trained(members=1, epochs=20)
    config = TransferConfig.parse({"members": 1, "epochs": 20})
    model = recipe.load(config, load(sink.artifacts["weights.safetensors"]))
    pictures = album("digits")
    rows = material.rows(config, pictures, 0, 5)
    x = taken(torch.from_numpy(pictures.pixels), torch.from_numpy(rows.test))
    with torch.no_grad():
        right = (model(x).argmax(1).numpy() == pictures.labels[rows.test]).mean()
    assert right == pytest.approx(sink.final["test_accuracy_tuned"], abs=1e-9)


def test_a_model_whose_backbone_has_changed_is_not_believed():
    weights = load(trained(members=1, epochs=1).artifacts["weights.safetensors"])
    weights["0.frozen"] = weights["0.frozen"] + 1
    with pytest.raises(Corrupt, match="backbone of this model has changed"):
        recipe.load(TransferConfig(members=1, epochs=1), weights)


def test_more_pictures_are_compared_side_by_side():
    sink = trained(task="sizes", members=1, epochs=10, tuned=False)
    told = sink.events[0].data["arrays"]
    assert told["images"] == [1, 2, 5, 10, 20, 50]
    frame = [e for e in sink.events if e.type == "frame"][-1].data["data"]
    assert len(frame["size_frozen"]) == len(frame["size_scratch"]) == 6
    assert frame["size_tuned"] == []
    assert frame["size_frozen"][-1] > frame["size_frozen"][0]


def test_the_value_of_a_picture_is_its_shapley_value():
    random = np.random.default_rng(0)
    train, test = random.normal(size=(6, 3)), random.normal(size=(4, 3))
    labels, truth = np.array([0, 1, 0, 1, 1, 0]), np.array([0, 1, 1, 0])

    def worth(chosen, k=2):
        if not chosen:
            return 0.0
        far = ((test[:, None] - train[None, list(chosen)]) ** 2).sum(2)
        near = np.array(list(chosen))[far.argsort(1)[:, :k]]
        return (labels[near] == truth[:, None]).sum(1).mean() / k

    expected, orders = np.zeros(6), list(permutations(range(6)))
    for order in orders:
        for i, picture in enumerate(order):
            expected[picture] += worth(order[: i + 1]) - worth(order[:i])
    found = useful.shapley(train, labels, test, truth, k=2)
    assert np.allclose(found, expected / len(orders))


def test_a_backbone_tells_its_own_classes_without_any_picture():
    race = Race(learner())
    assert race.as_it_comes() > 0.9
    assert Race(learner(backbone="fashion-mnist")).as_it_comes() is None


# What goes wrong ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"model_2": "none", "model_3": "none"}, "at least two models"),
        ({"model_2": "lenet5"}, "model_2: expected a model for pictures of 8 × 8 pixels"),
        ({"model_2": "shipped"}, "none is shipped that has not seen these pictures"),
    ],
)
def test_models_that_cannot_be_fused_are_refused_in_words(values, said):
    sink = trained(task="fusion", **values)
    assert sink.events[-1].type == "failed"
    assert said in sink.events[-1].data["message"]


def test_a_backbone_that_cannot_be_had_is_stood_in_for(monkeypatch):
    def refuse(file, progress):
        raise Unavailable("No connection.")

    monkeypatch.setattr("engine.data.weights.fetch_file", refuse)
    values = {"backbone": "resnet18", "members": 1, "epochs": 3}
    sink = trained(**values)
    assert sink.events[0].data["arrays"]["backbone"] == "mnist-8x8"
    (said,) = [text for text in sink.said() if "stands in" in text]
    assert said.startswith("No connection. EfficientNet-Lite0")
    assert said.endswith("Meanwhile MNIST made small: 60,000 digits stands in.")
    weights = load(sink.artifacts["weights.safetensors"])
    model = recipe.load(TransferConfig.parse(values), weights)
    assert model(torch.zeros(1, 1, 8, 8)).shape == (1, 10)


def test_weights_in_words_become_shares():
    config = TransferConfig(weights="0.6,0.4")
    assert config.shares(2) == pytest.approx([0.6, 0.4])
    assert config.shares(3) == pytest.approx([0.6, 0.4, 0.0])
    assert TransferConfig(weights="0,0").shares(2) == [0.5, 0.5]
    assert TransferConfig().shares(4) == [0.25] * 4
    for bad in ("1.5", "-1", "a", "0.5,", "1,1,1,1,1,1"):
        with pytest.raises(InvalidValue):
            TransferConfig.parse({"weights": bad})


def test_presets_are_there():
    assert {"T1", "T2", "T3", "T4"} <= {preset.id for preset in SPEC.presets}
