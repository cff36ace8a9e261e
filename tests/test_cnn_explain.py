"""“Ask why” of the CNN topic: attributions, convolution by hand, fooling, neighbours."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d, cosine_similarity, cross_entropy

from engine.data.pictures import album
from engine.errors import InvalidValue, NotFound
from engine.events import decode_array
from engine.topics.cnn import asking, neighbours
from engine.topics.cnn.explain import METHODS, explain
from engine.topics.cnn.fooling import LADDER
from engine.topics.cnn.models import build
from engine.topics.cnn.parts import parts
from engine.topics.cnn.pictures import MOST_MAPS
from engine.topics.cnn.spec import CnnConfig

LINEAR = "dense:5"
"""Two dense layers with nothing between them."""
SMALL = "conv:4:3,relu,maxpool:2,conv:6:3,relu"


def net_of(text, shape=(1, 8, 8), classes=3, *, seed=0, **config):
    """A net with PyTorch's own first weights, which leaves its pictures as they are."""
    net = build(
        text,
        shape,
        classes,
        mean=[0.0] * shape[0],
        deviation=[1.0] * shape[0],
        generator=torch.Generator().manual_seed(seed),
    )
    net.eval()
    net.config = CnnConfig(**config)
    return net


def picture_of(shape=(1, 8, 8), seed=1):
    """Random whole grey levels."""
    levels = torch.randint(0, 256, (1, *shape), generator=torch.Generator().manual_seed(seed))
    return levels / 255


def ask(net, method, picture=None, **options):
    """What is explained, after a way through JSON."""
    picture = picture_of(net.shape) if picture is None else picture
    found = explain(net, method, picture, options, net.config)
    return json.loads(json.dumps(found, allow_nan=False))


def heat_of(found):
    return torch.from_numpy(decode_array(found["heat"]))


def slope_of(net, label):
    """The gradient (C, H, W) of a logit of a linear net."""
    x = torch.zeros(1, *net.shape, requires_grad=True)
    return torch.autograd.grad(net(x)[0, label], x)[0][0]


@torch.no_grad()
def flatten_weights(net, rows):
    """Make a linear net of two classes whose logits are ±`rows` · picture."""
    first, last = (m for m in net.modules() if isinstance(m, torch.nn.Linear))
    for layer in (first, last):
        layer.weight.zero_()
        layer.bias.zero_()
    first.weight[0] = rows.flatten()
    last.weight[:, 0] = torch.tensor([1.0, -1.0])


# What every answer has ---------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_every_answer_has_the_nets_own_and_leaves_the_net_as_it_was(method):
    net, picture = net_of(SMALL, classes=10), picture_of()
    kept = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    before = picture.clone()
    found = ask(net, method, picture)
    p = net(picture).softmax(1)[0]
    assert found["method"] == method
    assert found["output"] == int(p.argmax())
    assert found["probabilities"] == pytest.approx(p.tolist(), abs=1e-6)
    assert all(torch.equal(kept[name], tensor) for name, tensor in net.state_dict().items())
    assert all(weight.grad is None for weight in net.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
    assert torch.equal(picture, before)
    assert not picture.requires_grad
    assert not net.training


def test_a_net_that_looks_twice_is_explained_as_it_answers():
    net, picture = net_of(SMALL, mirrored=True), picture_of()
    logits = ((net(picture) + net(picture.flip(3))) / 2).detach()
    found = ask(net, "integrated-gradients", picture, target=1)
    assert found["probabilities"] == pytest.approx(logits.softmax(1)[0].tolist(), abs=1e-6)
    black = net(torch.zeros_like(picture))[0, 1].detach()
    assert found["difference"] == pytest.approx(float(logits[0, 1] - black), abs=1e-5)
    assert ask(net, "grad-cam", picture)["output"] == int(logits.argmax())


@pytest.mark.parametrize(
    ("method", "options", "field", "words"),
    [
        ("saliency", {}, "method", "expected one of maps, convolution, grad-cam, "),
        ("maps", {"target": 1}, "options", "expected none with this method, received 'target'"),
        ("grad-cam", {"layer": 1}, "options", "expected only target, stage, received 'layer'"),
        ("grad-cam", {"target": 3}, "options.target", "expected a whole number from 0 to 2, "),
        ("grad-cam", {"target": True}, "options.target", "expected a whole number from 0 to 2, "),
        ("grad-cam", {"target": "1"}, "options.target", "received '1'"),
        ("grad-cam", {"stage": "relu9"}, "options.stage", "expected one of conv1, relu1, "),
        ("grad-cam", {"stage": ["conv1"]}, "options.stage", "expected one of conv1, relu1, "),
        ("convolution", {"stage": "relu1"}, "options.stage", "expected one of conv1, conv2, "),
        ("convolution", {"channel": 4}, "options.channel", "from 0 to 3, received 4"),
        ("convolution", {"row": 8}, "options.row", "from 0 to 7, received 8"),
        ("convolution", {"column": -1}, "options.column", "from 0 to 7, received -1"),
        ("convolution", {"whole": 1}, "options.whole", "expected true or false, received 1"),
        ("integrated-gradients", {"steps": 0}, "options.steps", "from 1 to 256, received 0"),
        ("integrated-gradients", {"steps": 3.5}, "options.steps", "received 3.5"),
        ("integrated-gradients", {"baseline": "red"}, "options.baseline", "black, grey, white"),
        ("occlusion", {"window": 9}, "options.window", "from 1 to 8, received 9"),
        ("occlusion", {"window": 2, "stride": 3}, "options.stride", "from 1 to 2, received 3"),
        ("fool", {"epsilon": 1.5}, "options.epsilon", "expected a number from 0 to 1, "),
        ("fool", {"epsilon": "0.1"}, "options.epsilon", "received '0.1'"),
        ("fool", {"epsilon": float("nan")}, "options.epsilon", "received nan"),
        ("fool", {"target": -1}, "options.target", "from 0 to 2, received -1"),
        ("similar", {"k": 0}, "options.k", "from 1 to 48, received 0"),
        ("similar", {"k": 10**30}, "options.k", "from 1 to 48, received 1000"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(method, options, field, words):
    with pytest.raises(InvalidValue) as raised:
        ask(net_of(SMALL), method, **options)
    assert raised.value.field == field
    assert words in raised.value.message


def test_nothing_is_as_good_as_the_default():
    net = net_of(SMALL)
    assert ask(net, "grad-cam", target=None, stage=None) == ask(net, "grad-cam")


def test_nets_without_maps_and_convolutions_say_so_and_are_explained_otherwise():
    net = net_of("lstm:6:1")
    for method in ("grad-cam", "convolution"):
        with pytest.raises(InvalidValue, match="occlusion") as raised:
            ask(net, method, **{})
        assert raised.value.field == "method"
    for method in ("maps", "integrated-gradients", "occlusion", "fool"):
        ask(net, method)


def test_captum_is_not_loaded_before_it_is_needed():
    code = (
        "import sys, engine.topics.cnn.explain, engine.api.explanations;"
        "print([m for m in ('captum', 'matplotlib') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


# Maps --------------------------------------------------------------------------------------------


def test_maps_of_every_stage_are_the_activations():
    net, picture = net_of("conv:40:3,relu,maxpool:2,dense:100"), picture_of()
    stages = ask(net, "maps", picture)["stages"]
    with torch.no_grad():
        activations = net.activations(picture)
    assert [stage["name"] for stage in stages] == [name for name, _values in activations]
    for stage, (_name, values) in zip(stages, activations, strict=True):
        assert stage["size"] == values.shape[1]
        if values.dim() == 4:
            shown = values[0, :MOST_MAPS]
            assert (stage["count"], stage["height"], stage["width"]) == tuple(shown.shape)
            assert stage["low"] == pytest.approx(float(shown.min()), rel=1e-2, abs=1e-6)
            assert stage["high"] == pytest.approx(float(shown.max()), rel=1e-2)
        else:
            expected = values[0, :64].tolist()
            assert stage["values"] == pytest.approx(expected, rel=1e-2, abs=1e-6)


# One convolution ---------------------------------------------------------------------------------

CONVOLUTIONS = [
    ("conv:4:3:1:1", (1, 8, 8), "conv1"),
    ("conv:4:5:2:2", (3, 9, 8), "conv1"),
    ("conv:4:2:3:0", (3, 11, 8), "conv1"),
    ("conv:4:3:1:0,relu,conv:5:4:2:1", (1, 12, 10), "conv2"),
    ("conv:4:1:1:3", (2, 6, 6), "conv1"),
]


@pytest.mark.parametrize(("text", "shape", "stage"), CONVOLUTIONS, ids=str)
def test_a_convolution_by_hand_equals_torch(text, shape, stage):
    net, picture = net_of(text, shape), picture_of(shape)
    output = dict(net.activations(picture))[stage][0].detach().numpy()
    channels, height, width = output.shape
    for row, column in ((0, 0), (height - 1, width - 1), (height // 2, width // 3)):
        asked = {"stage": stage, "channel": channels - 1, "row": row, "column": column}
        found = ask(net, "convolution", picture, **asked)
        assert {name: found[name] for name in asked} == asked
        products, sums = decode_array(found["products"]), found["sums"]
        window, kernel = decode_array(found["window"]), decode_array(found["kernel"])
        np.testing.assert_allclose(products, window * kernel, rtol=1e-6)
        np.testing.assert_allclose(sums, products.sum((1, 2)), rtol=1e-4, atol=1e-6)
        assert found["total"] == pytest.approx(sum(sums) + found["bias"], abs=1e-9)
        assert found["total"] == pytest.approx(float(output[-1, row, column]), abs=1e-5)
        np.testing.assert_allclose(decode_array(found["map"]), output[-1], atol=1e-6)


@pytest.mark.parametrize(("text", "shape", "stage"), CONVOLUTIONS, ids=str)
def test_a_whole_layer_can_be_gone_over_without_asking_again(text, shape, stage):
    """As the browser does: from input, kernel, bias, stride and padding alone."""
    net = net_of(text, shape)
    found = ask(net, "convolution", stage=stage, channel=1, whole=True)
    given, kernel = decode_array(found["input"]), decode_array(found["kernel"])
    output = decode_array(found["map"])
    (above, left), (down, right) = found["padding"], found["stride"]
    assert found["dilation"] == [1, 1]
    _channels, height, width = given.shape
    for row, column in np.ndindex(output.shape):
        total = found["bias"]
        for c, i, j in np.ndindex(kernel.shape):
            y, x = row * down - above + i, column * right - left + j
            if 0 <= y < height and 0 <= x < width:
                total += float(given[c, y, x]) * float(kernel[c, i, j])
        assert total == pytest.approx(float(output[row, column]), abs=1e-5)


def test_the_window_begins_in_the_padding():
    net = net_of("conv:2:5:2:2")
    found = ask(net, "convolution", row=0, column=3)
    assert found["origin"] == [-2, 4]
    window = decode_array(found["window"])
    assert not window[:, :2].any()  # above the picture
    assert not window[:, :, 4:].any()  # right of it: 4 + 4 is one too many
    np.testing.assert_array_equal(window[0, 2:, :4], picture_of()[0, 0, :3, 4:].numpy())


def test_convolutions_inside_a_block_can_be_asked():
    net, picture = net_of("conv:4:3,residual:6:2"), picture_of()
    names = ask(net, "convolution", picture)["stages"]
    assert len(names) == 4  # the first, two in the block, one beside it
    modules = dict(net.stages.named_modules())
    for name in names:
        seen = []
        hook = modules[name].register_forward_hook(lambda m, x, y, seen=seen: seen.append(y))
        net(picture)
        hook.remove()
        found = ask(net, "convolution", picture, stage=name, channel=1, row=1, column=2)
        assert found["total"] == pytest.approx(float(seen[0].detach()[0, 1, 1, 2]), abs=1e-5)


def test_a_layer_that_is_too_large_is_not_sent_whole():
    net = net_of("conv:20:3,conv:2:3", (1, 60, 60))
    assert "input" in ask(net, "convolution", whole=True)
    with pytest.raises(InvalidValue, match="more than 65,536 values") as raised:
        ask(net, "convolution", **{"stage": "conv2", "whole": True})
    assert raised.value.field == "options.whole"
    assert "total" in ask(net, "convolution", stage="conv2")


# Attributions ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 7, 9)], ids=str)
@pytest.mark.parametrize(("baseline", "level"), [("black", 0.0), ("white", 1.0)])
def test_integrated_gradients_of_a_linear_net_are_weight_times_value(shape, baseline, level):
    net, picture = net_of(LINEAR, shape), picture_of(shape)
    found = ask(net, "integrated-gradients", picture, target=2, baseline=baseline)
    expected = slope_of(net, 2) * (picture[0] - level)
    torch.testing.assert_close(heat_of(found), expected.sum(0), atol=1e-5, rtol=1e-4)
    logits = net(picture) - net(torch.full_like(picture, level))
    difference = logits.detach()[0, 2]
    assert found["difference"] == pytest.approx(float(difference), abs=1e-5)
    assert found["sum"] == pytest.approx(float(difference), abs=1e-5)
    assert abs(found["delta"]) < 1e-5
    assert found["steps"] == 32


def test_more_steps_bring_the_sum_closer_to_the_difference():
    net = net_of("conv:6:3,tanh,dense:8,tanh")
    with torch.no_grad():
        for weight in net.parameters():
            weight *= 4
    picture = picture_of()
    difference = float((net(picture) - net(torch.zeros_like(picture))).detach()[0, 1])
    rough, fine = (ask(net, "integrated-gradients", picture, target=1, steps=n) for n in (1, 256))
    assert abs(fine["sum"] - difference) < 1e-3 < abs(rough["sum"] - difference)
    for found in (rough, fine):
        assert found["difference"] == pytest.approx(difference, abs=1e-4)
        assert found["delta"] == pytest.approx(found["sum"] - difference, abs=1e-4)


@pytest.mark.parametrize(("baseline", "level"), [("black", 0.0), ("grey", 0.5)])
def test_occlusion_of_a_linear_net_is_what_the_patch_held(baseline, level):
    shape = (3, 8, 6)
    net, picture = net_of(LINEAR, shape), picture_of(shape)
    found = ask(net, "occlusion", picture, target=1, window=2, stride=2, baseline=baseline)
    held = (slope_of(net, 1) * (picture[0] - level)).sum(0)
    patches = 4 * avg_pool2d(held[None], 2)
    expected = patches.repeat_interleave(2, 1).repeat_interleave(2, 2)[0]
    torch.testing.assert_close(heat_of(found), expected, atol=1e-5, rtol=1e-4)
    assert found["patches"] == 12


def test_a_net_that_looks_at_one_corner_loses_by_its_patch_alone():
    net, look = net_of(LINEAR, classes=2), torch.zeros(8, 8)
    look[6:, :2] = 1
    flatten_weights(net, look)
    found = ask(net, "occlusion", torch.ones(1, 1, 8, 8), target=0, window=2, stride=1)
    heat = heat_of(found)
    assert (int(heat.argmax()) // 8, int(heat.argmax()) % 8) == (7, 0)
    assert float(heat[7, 0]) == pytest.approx(4)
    assert not heat[:5].any()
    assert not heat[:, 3:].any()
    other = heat_of(ask(net, "occlusion", torch.ones(1, 1, 8, 8), target=1, window=2, stride=1))
    torch.testing.assert_close(other, -heat)


def test_patches_that_reach_over_the_edge_are_counted():
    net = net_of(LINEAR, (1, 8, 8))
    assert ask(net, "occlusion", window=3, stride=2)["patches"] == 16
    assert ask(net, "occlusion", window=8)["patches"] == 1


def test_a_costly_net_gets_fewer_steps_and_larger_strides(monkeypatch):
    net = net_of(SMALL)
    each = sum(stage.flops for stage in net.plan)
    monkeypatch.setattr(asking, "BUDGET", 30 * each)
    assert ask(net, "integrated-gradients")["steps"] == 10  # there and back costs three
    assert ask(net, "occlusion", window=4)["patches"] <= 30
    with pytest.raises(InvalidValue, match=r"options.stride: expected a whole number from 2 to 2"):
        ask(net, "occlusion", **{"window": 2, "stride": 1})
    with pytest.raises(InvalidValue, match="a larger patch: at most 30 can be tried"):
        ask(net, "occlusion", **{"window": 1})


def test_grad_cam_is_the_maps_weighted_by_their_mean_gradient():
    """Two maps, x and 1 − x, and classes that want one of them: the heat is known."""
    net, picture = net_of("conv:2:1,gap", classes=2), 0.2 * picture_of()
    picture[0, 0, 1, 6] = 1
    convolution, last = net.stages.get_submodule("conv1"), net.stages.get_submodule("out")
    with torch.no_grad():
        convolution.weight.copy_(torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1))
        convolution.bias.copy_(torch.tensor([0.0, 1.0]))
        layer = next(m for m in last.modules() if isinstance(m, torch.nn.Linear))
        layer.weight.copy_(torch.tensor([[3.0, 0.0], [-3.0, 2.0]]))
        layer.bias.zero_()
    found = ask(net, "grad-cam", picture, target=0)
    assert (found["stage"], found["size"], found["stages"]) == ("conv1", [8, 8], ["conv1"])
    torch.testing.assert_close(heat_of(found), 3 / 64 * picture[0, 0])
    assert int(heat_of(found).argmax()) == 8 + 6
    assert found["sum"] == pytest.approx(float(3 / 64 * picture.sum()), rel=1e-5)
    other = heat_of(ask(net, "grad-cam", picture, target=1))
    expected = ((2 * (1 - picture) - 3 * picture) / 64).clamp(min=0)[0, 0]
    torch.testing.assert_close(other, expected)
    assert float(other[1, 6]) == 0


def test_grad_cam_of_coarse_maps_is_enlarged_to_the_picture():
    net = net_of("conv:4:3,relu,maxpool:2,conv:6:3,relu,maxpool:2", (3, 16, 12))
    found = ask(net, "grad-cam", stage="pool2")
    assert found["size"] == [4, 3]
    assert heat_of(found).shape == (16, 12)
    assert float(heat_of(found).min()) >= 0
    assert found["stages"] == ["conv1", "relu1", "pool1", "conv2", "relu2", "pool2"]


@pytest.mark.parametrize("text", ["inception:4:4:4:4,gap", "conv:4:3,norm,relu,residual:6:2,gap"])
def test_grad_cam_takes_every_stage_with_maps(text):
    net = net_of(text)
    for stage in ask(net, "grad-cam")["stages"]:
        assert heat_of(ask(net, "grad-cam", stage=stage)).shape == (8, 8)


# Fooling -----------------------------------------------------------------------------------------


def test_fgsm_is_epsilon_times_the_sign_of_the_losss_gradient():
    shape = (3, 8, 8)
    net, picture = net_of(SMALL, shape), picture_of(shape)
    label = int(net(picture).argmax())
    x = picture.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(cross_entropy(net(x), torch.tensor([label])), x)
    expected = (picture + 0.1 * gradient.sign()).clamp(0, 1)
    found = ask(net, "fool", picture, epsilon=0.1)
    change = torch.from_numpy(decode_array(found["change"]))
    torch.testing.assert_close(change, (expected - picture)[0])
    assert float(change.abs().max()) <= 0.1 + 1e-6
    pixels = (255 * expected[0]).round().byte().permute(1, 2, 0)
    np.testing.assert_array_equal(decode_array(found["picture"]), pixels.numpy())
    assert found["before"] == found["probabilities"]
    after = net(expected).softmax(1)[0]
    assert found["after"] == pytest.approx(after.tolist(), abs=1e-5)
    assert (found["source"], found["seen"]) == (label, int(after.argmax()))
    assert after[label] < found["before"][label]


def test_fgsm_towards_a_class_goes_down_its_loss():
    net, picture = net_of(SMALL), picture_of()
    target = int(net(picture).argmin())
    x = picture.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(cross_entropy(net(x), torch.tensor([target])), x)
    found = ask(net, "fool", picture, epsilon=0.02, target=target)
    expected = (picture - 0.02 * gradient.sign()).clamp(0, 1) - picture
    torch.testing.assert_close(torch.from_numpy(decode_array(found["change"])), expected[0])
    assert found["target"] == target
    assert found["after"][target] > found["before"][target]


@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_a_linear_net_is_fooled_at_the_computed_margin(scale):
    """Also one that is so sure that the gradient of its loss is zero in float32."""
    random = torch.Generator().manual_seed(3)
    weights = torch.randn(8, 8, generator=random)
    net = net_of(LINEAR, classes=2)
    flatten_weights(net, scale * weights)
    picture = torch.full((1, 1, 8, 8), 0.5) + 0.03 * weights.sign()
    margin = float((weights * picture[0, 0]).sum() / weights.abs().sum())
    assert 2 / 255 < margin < 0.4  # far enough from the ends of 0 to 1 that nothing is clipped
    found = ask(net, "fool", picture)
    assert found["smallest"] == next(e for e in LADDER if e > margin)
    assert found["ladder"] == list(LADDER)
    for epsilon, label in ((margin - 0.01, 0), (margin + 0.01, 1)):
        assert ask(net, "fool", picture, epsilon=epsilon)["seen"] == label
    assert ask(net, "fool", picture, target=0)["smallest"] == LADDER[0]


def test_a_net_that_looks_at_nothing_cannot_be_fooled():
    net = net_of(LINEAR, classes=2)
    flatten_weights(net, torch.zeros(8, 8))
    found = ask(net, "fool", epsilon=1.0)
    assert found["smallest"] is None
    assert not decode_array(found["change"]).any()
    assert found["before"] == found["after"]


# Neighbours --------------------------------------------------------------------------------------


def test_the_nearest_to_a_training_picture_is_itself_which_is_not_told():
    net, digits = net_of(SMALL, classes=10), album("digits")
    learned = parts(net.config, digits)["train"]
    for index in learned[[0, 77, 1234]]:
        picture = torch.from_numpy(digits.pixels[index]).permute(2, 0, 1)[None] / 255
        others = ask(net, "similar", picture, k=4)
        picture[..., 0, 0] += 1 / 255  # no longer the very same one
        found = ask(net, "similar", picture, k=5)
        assert found["index"][0] == index
        assert found["distance"][0] == pytest.approx(0, abs=1e-3)
        assert found["index"][1:] == others["index"]
        assert found["distance"] == sorted(found["distance"])
        assert found["label"] == digits.labels[found["index"]].tolist()
        assert (found["mosaic"]["count"], found["mosaic"]["height"]) == (5, 8)
        assert set(found["index"]) <= set(learned.tolist())
    assert found["searched"] == found["pictures"] == len(learned) < len(digits.labels)


def test_distances_are_those_between_what_the_last_layer_is_given():
    net, digits, picture = net_of(SMALL, classes=10), album("digits"), picture_of()
    found = ask(net, "similar", picture, k=3)
    rows = torch.from_numpy(digits.pixels[found["index"]]).permute(0, 3, 1, 2) / 255
    near, own = net.features(rows).flatten(1), net.features(picture).flatten(1)
    expected = 1 - cosine_similarity(near, own)
    assert found["distance"] == pytest.approx(expected.tolist(), abs=1e-5)


def test_a_costly_net_sees_more_pictures_with_each_question(monkeypatch):
    net = net_of(SMALL, classes=10)
    each = sum(stage.flops for stage in net.plan)
    monkeypatch.setattr(asking, "BUDGET", 600 * each)
    monkeypatch.setattr(neighbours, "SEARCHED", 1300)
    found = [ask(net, "similar", k=1) for _question in range(4)]
    assert [f["searched"] for f in found] == [600, 1200, 1300, 1300]
    nearest = [f["distance"][0] for f in found]
    assert nearest == sorted(nearest, reverse=True)
    shelf = neighbours._shelves[net]
    assert len(set(shelf.rows.tolist())) == len(shelf.features) == 1300


def test_features_go_with_their_net_and_are_few(monkeypatch):
    neighbours._shelves.clear()
    monkeypatch.setattr(neighbours, "SEARCHED", 50)
    nets = [net_of(SMALL, classes=10, seed=n) for n in range(neighbours.NETS + 1)]
    for net in (*nets[:-1], nets[1], nets[0]):
        ask(net, "similar")
    assert set(neighbours._shelves) == set(nets[:-1])
    ask(nets[-1], "similar")
    assert set(neighbours._shelves) == {*nets} - {nets[2]}
    del net, nets
    gc.collect()
    assert not neighbours._shelves
    monkeypatch.setattr(neighbours, "BYTES", 4 * 16 * 40)
    wide = net_of("dense:16", classes=10)
    assert ask(wide, "similar")["searched"] == 40


def test_without_the_pictures_it_says_so(monkeypatch):
    monkeypatch.setattr(neighbours, "at_hand", lambda name: False)
    with pytest.raises(NotFound, match="not on this machine"):
        ask(net_of(SMALL, classes=10), "similar")


def test_pictures_of_ones_own_are_not_looked_for():
    net = net_of(SMALL, classes=10)
    net.config = SimpleNamespace(data="own", mirrored=False)
    with pytest.raises(NotFound, match="not on this machine"):
        ask(net, "similar")
