"""The block language, the known architectures, and the nets that are made of them."""

from __future__ import annotations

import copy
import subprocess
import sys
from math import prod

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from engine import ROOT
from engine.errors import InvalidValue
from engine.topics.cnn import architectures, blocks, models
from engine.topics.cnn.architectures import INSPECTED, INSPECTED_SHAPE, NAMES, text_of
from engine.topics.cnn.blocks import KINDS, Block, check, parse, plan, written
from engine.training.layers import table

pytestmark = pytest.mark.filterwarnings("ignore:TF32 acceleration:UserWarning")

GREY, COLOUR, TINY = (1, 28, 28), (3, 32, 32), (1, 8, 8)
USUAL = dict.fromkeys(NAMES, COLOUR) | dict.fromkeys(INSPECTED, INSPECTED_SHAPE)
USUAL |= dict.fromkeys(("n1", "n6", "lenet5", "lstm", "bilstm"), GREY) | {"small": TINY}
TRAINED = [name for name in NAMES if name not in INSPECTED]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def made(text: str, shape: tuple[int, ...] = COLOUR, classes: int = 10, seed: int = 0):
    half = [0.5] * shape[0]
    return models.build(text, shape, classes, mean=half, deviation=half, generator=seeded(seed))


def unbuilt(text: str, shape: tuple[int, ...], classes: int = 10) -> models.PictureNet:
    """The net with sizes alone: even VGG-16 costs nothing."""
    with torch.device("meta"):
        return models.PictureNet(check(text, shape, classes, inspect=True), seeded())


# ------------------------------------------------------------------- reading


def test_what_a_text_leaves_out_is_filled_in():
    assert parse(" Conv:16:5, relu ,maxpool:2,conv:8:4:2, conv:8:3:1:0,dropout:.25,norm") == (
        Block("conv", (16, 5, 1, 2)),
        Block("relu"),
        Block("maxpool", (2, 2, 0)),
        Block("conv", (8, 4, 2, 2)),
        Block("conv", (8, 3, 1, 0)),
        Block("dropout", (0.25,)),
        Block("norm"),
    )
    assert parse("") == parse("  ") == ()


def test_the_written_text_is_the_shortest_with_the_same_blocks():
    text = (
        "conv:16:5:1:2,conv:16:5:2:2,conv:8:3:1:0,maxpool:3:3,maxpool:3:2:1,lstm:9:1,dropout:0.50"
    )
    short = "conv:16:5,conv:16:5:2,conv:8:3:1:0,maxpool:3,maxpool:3:2:1,lstm:9,dropout:0.5"
    assert written(parse(text)) == short
    assert parse(short) == parse(text)


@pytest.mark.parametrize(
    ("text", "expected", "received"),
    [
        ("relu,cnov:16:3", "block 2 to be one of conv, maxpool", "'cnov:16:3'"),
        ("relu,,norm", "block 2 to be one of", "''"),
        ("relu,", "block 2 to be one of", "''"),
        ("conv:16", "block 1 (conv) to have these numbers", "channels, kernel, stride (optional)"),
        ("conv:16:3:1:1:1", "these numbers, each after a colon", "'conv:16:3:1:1:1'"),
        ("relu:3", "block 1 (relu) to have no numbers", "'relu:3'"),
        ("dense", "these numbers, each after a colon: neurons", "'dense'"),
        ("inception:1:2:3", "channels of the pool branch", "'inception:1:2:3'"),
        ("dense:many", "the neurons of block 1 (dense) to be a whole number", "'many'"),
        ("dense:-4", "a whole number from 1 to 4096", "'-4'"),
        ("dense:1e3", "a whole number from 1 to 4096", "'1e3'"),
        ("dense:１２", "a whole number from 1 to 4096", "'１２'"),
        ("dense:0", "from 1 to 4096", "'0'"),
        ("dense:4097", "from 1 to 4096", "'4097'"),
        ("dense:" + "9" * 500, "from 1 to 4096", "…"),
        ("conv:1025:3", "channels of block 1 (conv) to be a whole number from 1 to 1024", "1025"),
        ("conv:8:16", "the kernel of block 1 (conv) to be a whole number from 1 to 15", "'16'"),
        ("conv:8:3:0", "the stride of block 1 (conv) to be a whole number from 1 to 8", "'0'"),
        ("conv:8:3:9", "from 1 to 8", "'9'"),
        ("conv:8:3:1:16", "the padding of block 1 (conv) to be a whole number from 0 to 15", "16"),
        ("maxpool:3:1:2", "the padding of block 1 (maxpool) to be at most half its kernel, 1", "2"),
        ("lstm:1025", "the hidden of block 1 (lstm) to be a whole number from 1 to 1024", "1025"),
        ("bilstm:8:5", "the layers of block 1 (bilstm) to be a whole number from 1 to 4", "'5'"),
        ("dropout:0.95", "the share of block 1 (dropout) to be a number from 0 to 0.9", "'0.95'"),
        ("dropout:nan", "a number from 0 to 0.9", "'nan'"),
        ("dropout:.", "a number from 0 to 0.9", "'.'"),
        ("dropout:", "a number from 0 to 0.9", "''"),
        (",".join(["relu"] * 61), "at most 60 blocks", "received 61"),
        ("dense:10," + "x" * 3000, "at most 2,000 characters", "received 3,009 characters"),
    ],
)
def test_a_bad_text_is_refused_in_words(text, expected, received):
    with pytest.raises(InvalidValue) as raised:
        parse(text)
    assert raised.value.field == "blocks"
    assert expected in raised.value.message
    assert received in raised.value.message
    assert len(raised.value.message) < 500


def test_the_limits_themselves_are_allowed():
    assert len(parse(",".join(["relu"] * 60))) == 60
    parse("conv:1024:15:8:15,maxpool:15:15:7,residual:1024:8,dropout:0.9,dropout:0,dense:4096")
    parse("lstm:1024:4")
    assert len(parse("relu" + " " * 1996)) == 1


# ------------------------------------------------------- sizes, weights, FLOPs

EVERY_KIND = [
    ("", (2, 3, 5)),
    ("conv:7:5:3:1", (3, 31, 17)),
    ("conv:4:4", (1, 9, 9)),
    ("conv:4:1:8:15", (1, 5, 7)),
    ("conv:6:3:2,norm,leaky-relu,maxpool:3:2:1,silu", (3, 23, 29)),
    ("maxpool:5:4:2,avgpool:3:2,tanh", (2, 33, 20)),
    ("avgpool:4,sigmoid,maxpool:2:1", (2, 13, 11)),
    ("conv:5:3,gap,norm,gelu,dense:7,norm,relu,dropout:0.3", (1, 7, 9)),
    ("residual:3,residual:3:2,residual:9,residual:9:3", (3, 21, 15)),
    ("bottleneck:2,bottleneck:2,bottleneck:3:2", (8, 11, 14)),
    ("bottleneck:2:1,residual:8", (8, 5, 5)),
    ("inception:3:5:7:2,inception:1:1:1:1", (4, 9, 13)),
    ("dense:9,dense:4", (3, 4, 5)),
    ("conv:4:3,lstm:6:3,relu", (1, 6, 7)),
    ("bilstm:5:2,dropout:0.5,dense:3", (3, 6, 7)),
]


def test_every_kind_is_measured():
    seen = {block.kind for text, _shape in EVERY_KIND for block in parse(text)}
    assert seen == set(KINDS)


def measured(net: models.PictureNet, device: str = "cpu") -> dict[str, int]:
    """FLOPs that torch counts in each stage; those of an LSTM as of its products one by one."""
    found = dict.fromkeys((stage.name for stage in net.plan), 0)
    for row in table(net, torch.zeros(1, *net.shape, device=device)):
        found[row["name"].split(".")[1]] += row["flops"]
    for stage in net.plan:
        if "lstm" in stage.block.kind:
            with torch.backends.mkldnn.flags(enabled=False), FlopCounterMode(display=False) as c:
                net.get_submodule(f"stages.{stage.name}")(torch.zeros(1, *stage.input))
            found[stage.name] = c.get_total_flops()
    return found


def agrees_with_the_plan(net: models.PictureNet, device: str = "cpu") -> None:
    net.eval()
    x = torch.zeros(2, *net.shape, device=device)
    outputs = net.activations(x)
    assert [name for name, _output in outputs] == [stage.name for stage in net.plan]
    for stage, module, (_name, output) in zip(net.plan, net.stages, outputs, strict=True):
        assert stage.problem == ""
        assert tuple(output.shape) == (2, *stage.output), stage
        assert sum(p.numel() for p in module.parameters()) == stage.parameters, stage
    assert measured(net, device) == {stage.name: stage.flops for stage in net.plan}


@pytest.mark.parametrize(("text", "shape"), EVERY_KIND, ids=lambda value: str(value)[:40])
def test_the_plan_tells_what_the_real_layers_are(text, shape):
    net = made(text, shape, classes=3)
    agrees_with_the_plan(net)
    assert net.plan == plan(parse(text), shape, 3)
    assert net.plan[-1].name == "out"
    for before, after in zip(net.plan, net.plan[1:], strict=False):
        assert before.output == after.input


@pytest.mark.parametrize("normalisation", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_the_plan_of_every_known_architecture(name, normalisation):
    shape = USUAL[name]
    text = text_of(name, shape=shape, normalisation=normalisation, dropout=0.1)
    rows = name in ("lstm", "bilstm")
    net = made(text, shape) if rows else unbuilt(text, shape)
    agrees_with_the_plan(net, "cpu" if rows else "meta")


@pytest.mark.parametrize("size", range(1, 12))
@pytest.mark.parametrize("kernel", range(1, 6))
def test_a_window_slides_as_in_torch(size, kernel):
    for stride in (1, 2, 3):
        for padding in (0, 1, 3):
            for dilation in (1, 2):
                positions = blocks.slide(size, kernel, stride, padding, dilation)
                layer = nn.Conv1d(1, 1, kernel, stride, padding, dilation, device="meta")
                if positions < 1:
                    with pytest.raises(RuntimeError, match=r"(?i)kernel size|output size|small"):
                        layer(torch.empty(1, 1, size, device="meta"))
                else:
                    out = layer(torch.empty(1, 1, size, device="meta"))
                    assert out.shape[2] == positions


def test_stages_are_counted_for_each_kind():
    text = "conv:4:3,relu,maxpool:2,conv:4:3,tanh,relu,avgpool:2,leaky-relu,gap,dense:3"
    names = "conv1 relu1 pool1 conv2 tanh1 relu2 pool2 leaky-relu1 gap1 dense1 out"
    assert " ".join(stage.name for stage in plan(parse(text), GREY, 10)) == names


# ---------------------------------------------------------------- impossible


@pytest.mark.parametrize(
    ("text", "place", "needs", "gets", "remedy"),
    [
        ("conv:4:7:1:0", 1, "at least 7 × 7 pixels", "5 × 5", "smaller kernel"),
        ("conv:4:9:1:1", 1, "at least 9 × 9 pixels", "7 × 7 with the padding", "more padding"),
        ("maxpool:2,maxpool:2,relu,maxpool:2", 4, "at least 2 × 2", "1 × 1", "shrink"),
        ("avgpool:6", 1, "at least 6 × 6", "5 × 5", "smaller kernel"),
        ("dense:8,conv:4:3", 2, "a picture", "a vector of 8 values", "before the first dense"),
        ("gap,maxpool:2", 2, "a picture", "a vector of 3 values", "gap"),
        ("gap,gap", 2, "a picture", "a vector of 3 values", "move it"),
        ("lstm:6,conv:4:3", 2, "a picture", "a vector of 6 values", "lstm"),
        ("bilstm:6,lstm:3", 2, "a picture", "a vector of 12 values", "move it"),
        ("relu,dense:8,residual:4", 3, "a picture", "a vector of 8 values", "move it"),
        ("dense:8,bottleneck:4", 2, "a picture", "a vector of 8 values", "move it"),
        ("dense:8,inception:1:1:1:1", 2, "a picture", "a vector of 8 values", "move it"),
    ],
)
def test_an_impossible_block_says_what_it_needs(text, place, needs, gets, remedy):
    text += ",relu,dense:5"
    stages = plan(parse(text), (3, 5, 5), 10)
    at = place - 1
    assert all(stage.output and not stage.problem for stage in stages[:at])
    assert [word for word in (needs, gets, remedy) if word not in stages[at].problem] == []
    assert (stages[at].output, stages[at].input) == ((), (*stages[:at], stages[at])[-1].input)
    assert all(stage[2:] == ((), (), 0, 0, "") for stage in stages[place:])
    assert len(stages) == len(parse(text)) + 1
    with pytest.raises(InvalidValue) as raised:
        check(text, (3, 5, 5), 10)
    message = raised.value.message
    assert raised.value.field == "blocks"
    assert f"block {place} ({stages[at].block.text})" in message
    assert [word for word in (needs, gets, remedy) if word not in message] == []
    with pytest.raises(InvalidValue):
        made(text, (3, 5, 5))


@pytest.mark.parametrize(
    ("text", "shape", "said"),
    [
        ("dense:4096,dense:4096,dense:1024", COLOUR, "16.8 million of them in dense2"),
        ("conv:1024:1,dense:4096", COLOUR, "4,295.0 million of them in dense1"),
        ("conv:64:3,conv:1024:3,conv:256:3,gap", COLOUR, "million FLOPs for a picture"),
        ("conv:512:1," + ",".join(["relu"] * 20), COLOUR, "million values between the layers"),
        ("conv:16:1:4" + ",residual:16" * 4, (3, 700, 700), "million values between the layers"),
    ],
)
def test_what_is_too_large_to_train_is_refused(text, shape, said):
    with pytest.raises(InvalidValue) as raised:
        check(text, shape, 10)
    assert raised.value.field == "blocks"
    assert said in raised.value.message


@pytest.mark.parametrize("name", NAMES)
def test_known_architectures_can_be_trained_or_looked_at(name):
    text = text_of(name, shape=USUAL[name], dropout=0.5)
    if name in INSPECTED:
        check(text, USUAL[name], 1000, inspect=True)
        with pytest.raises(InvalidValue):
            check(text, USUAL[name], 1000)
    else:
        check(text, COLOUR, 10)
        check(text_of(name, shape=GREY, dropout=0.5), GREY, 10)


def test_looking_has_a_limit_too():
    with pytest.raises(InvalidValue, match="at most 200 million"):
        check("dense:4096", INSPECTED_SHAPE, 10, inspect=True)


# ------------------------------------------------------------- architectures


@pytest.mark.parametrize(
    ("name", "shape", "classes", "parameters"),
    [
        ("n1", GREY, 10, 28_938),
        ("lenet5", GREY, 10, 61_706),
        ("alexnet", INSPECTED_SHAPE, 1000, 62_378_344),
        ("vgg16", INSPECTED_SHAPE, 1000, 138_357_544),
        # Published 64 fewer: their first convolution has no bias.
        ("resnet18", INSPECTED_SHAPE, 1000, 11_689_512 + 64),
        ("resnet50", INSPECTED_SHAPE, 1000, 25_557_032 + 64),
    ],
)
def test_known_architectures_have_as_many_parameters_as_published(name, shape, classes, parameters):
    stages = plan(parse(text_of(name, shape=shape)), shape, classes)
    assert sum(stage.parameters for stage in stages) == parameters


def test_lenet_has_the_sizes_of_the_paper():
    sizes = [(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), (120,), (84,), (10,)]
    for shape in (GREY, (1, 32, 32)):
        stages = plan(parse(text_of("lenet5", shape=shape)), shape, 10)
        assert [s.output for s in stages if s.block.kind != "tanh"] == sizes


def test_the_experiments_are_as_their_sources_tell():
    def text(name: str, shape: tuple[int, ...] = COLOUR, **known: object) -> str:
        return text_of(name, shape=shape, **known)

    assert text("n1", GREY) == "conv:16:5:1:2,relu,maxpool:2,conv:32:5:1:2,relu,maxpool:2"
    assert text("n2", dropout=0.2) == (
        "conv:10:3:1:1,relu,maxpool:2,conv:20:3:1:1,relu,maxpool:2,conv:40:3:1:1,relu,maxpool:2,"
        "dropout:0.2,dense:100,relu,dropout:0.2"
    )
    assert text("n2", normalisation=True, dropout=0.2) == (
        "conv:10:3:1:1,norm,relu,maxpool:2,conv:20:3:1:1,norm,relu,maxpool:2,"
        "conv:40:3:1:1,norm,relu,maxpool:2,dropout:0.2,dense:100,norm,relu,dropout:0.2"
    )
    assert text("n6", GREY) == (
        "conv:64:3:1:0,relu,maxpool:2,conv:128:3:1:0,relu,maxpool:2,dense:128,relu"
    )
    assert text("n10") == "conv:18:3:1:1,relu,maxpool:2,dense:64,relu"
    assert (text("lstm", GREY), text("bilstm", GREY)) == ("lstm:128:2", "bilstm:128:2")
    n5 = plan(parse(text("n5")), COLOUR, 10)
    assert [stage.output for stage in n5] == [
        *[(16, 32, 32)] * 7,
        *[(32, 16, 16)] * 4,
        *[(64, 8, 8)] * 4,
        (64,),
        (10,),
    ]
    assert [stage.name for stage in n5[:3]] == ["conv1", "norm1", "relu1"]


@pytest.mark.parametrize("name", NAMES)
def test_the_lists_of_switches_are_true(name):
    plain = text_of(name, shape=USUAL[name])
    with_norm = text_of(name, shape=USUAL[name], normalisation=True)
    fixed = name in (*architectures.ALWAYS_NORMALISED, "lstm", "bilstm")
    assert (plain == with_norm) == fixed
    assert ("norm" in plain) == (name in architectures.ALWAYS_NORMALISED)
    changed = text_of(name, shape=USUAL[name], dropout=0.3)
    assert (plain != changed) == (name in architectures.WITH_DROPOUT)
    assert ("dropout:0" in plain) == (name in architectures.WITH_DROPOUT)


@pytest.mark.parametrize("name", ["small", "n1", "n2", "vgg", "googlenet", "n5", "resnet9"])
def test_the_smallest_digits_pass_through(name):
    check(text_of(name, shape=TINY), TINY, 10)


def test_an_unknown_architecture_is_refused():
    with pytest.raises(InvalidValue, match="architecture: expected one of small, n1, n2"):
        text_of("resnet99", shape=COLOUR)


# --------------------------------------------------------------------- nets

MIXED = [
    "conv:6:3,relu,maxpool:2,conv:6:3,tanh,maxpool:2,dense:8,relu",
    "conv:6:3,norm,relu,leaky-relu,maxpool:3:2:1,conv:6:3,sigmoid,tanh,maxpool:2,dense:8,sigmoid",
    "relu,maxpool:2,leaky-relu,conv:4:3,gelu,maxpool:2,silu,avgpool:2,relu,relu,gap,tanh,relu",
    "conv:4:3,leaky-relu,avgpool:2,relu,residual:6:2,relu,inception:2:2:2:2,tanh,maxpool:2,relu",
    "residual:4,maxpool:2,lstm:6,relu,tanh,dense:5,leaky-relu,dropout:0,relu",
    "conv:4:3,norm,dropout:0,relu,bilstm:4,sigmoid",
    "bottleneck:2:2,tanh,relu,maxpool:1,sigmoid,norm,silu,maxpool:2,relu,norm",
]


QUICK = [name for name in TRAINED if name not in ("resnet9", "resnet18")]


@pytest.mark.parametrize("text", [*MIXED, *QUICK])
def test_training_computes_the_same_function_and_gradient(text):
    """Whatever goes first, and whatever is overwritten: against the stages one after the other."""
    shape = GREY if USUAL.get(text) == GREY else (3, 16, 16)
    text = text if text in MIXED else text_of(text, shape=shape)
    net = made(text, shape).double().train()
    x = torch.rand(3, *shape, dtype=torch.float64, generator=seeded(1), requires_grad=True)
    wanted = [x, *net.parameters()]

    logits = net(x)
    by_stages = net.activations(x)[-1][1]
    torch.testing.assert_close(logits, by_stages)
    gradients = torch.autograd.grad(logits.square().sum(), wanted)
    expected = torch.autograd.grad(by_stages.square().sum(), wanted)
    for ours, theirs in zip(gradients, expected, strict=True):
        torch.testing.assert_close(ours, theirs)
    assert sum(bool(g.abs().sum() > 0) for g in gradients) > len(gradients) / 2


class Seen(TorchDispatchMode):
    """How many values each kind of operation is given."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, int] = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.__name__.split(".")[0]
        if args and isinstance(args[0], torch.Tensor):
            self.values[name] = self.values.get(name, 0) + args[0].numel()
        return func(*args, **(kwargs or {}))


def test_what_changes_places_with_a_pool_never_decreases():
    assert len(models.MONOTONE) == 4
    for name, activation in models.MONOTONE.items():
        steps = activation(torch.linspace(-9, 9, 999)).diff()
        assert steps.min() >= 0, name
        assert steps.max() > 0, name


def test_training_pools_first_and_overwrites():
    net = made("conv:8:3,norm,relu,leaky-relu,maxpool:2,conv:4:3,gelu,maxpool:2", (1, 8, 8))
    x = torch.rand(5, 1, 8, 8)
    net.train()
    with Seen() as seen:
        net(x)
    after_the_pool = 5 * 8 * 4 * 4
    assert seen.values["relu_"] == seen.values["leaky_relu"] == after_the_pool
    assert "relu" not in seen.values
    assert seen.values["gelu"] == 5 * 4 * 4 * 4, "not monotone: it has to see every value"
    net.eval()
    with Seen() as seen:
        net(x)
    assert seen.values["relu"] == 4 * after_the_pool
    assert "relu_" not in seen.values


def test_activations_are_those_of_each_stage():
    net = made("conv:8:3,relu,maxpool:2,residual:8,dense:6,relu", (1, 8, 8)).eval()
    x = torch.rand(2, 1, 8, 8, generator=seeded(3))
    found = dict(net.activations(x))
    conv = net.stages[0]
    expected = nn.functional.conv2d((x - 0.5) / 0.5, conv.weight, conv.bias, padding=1)
    torch.testing.assert_close(found["conv1"], expected)
    assert found["conv1"].min() < 0, "the ReLU after it must not write over it"
    torch.testing.assert_close(found["relu1"], expected.clamp(min=0))
    torch.testing.assert_close(found["out"], net(x))
    assert found["dense1"].min() < 0


def test_hooks_in_eval_mode_see_every_stage_unchanged():
    text = text_of("googlenet", shape=COLOUR) + ",dense:9,relu"
    net = made(text).eval()
    seen: dict[str, torch.Tensor] = {}
    for name, module in net.stages.named_modules():
        if isinstance(module, nn.Conv2d) or "." not in name:
            module.register_forward_hook(lambda _m, _x, y, name=name: seen.update({name: y}))
    x = torch.rand(1, *COLOUR, generator=seeded())
    net(x)
    for name, output in net.activations(x):
        torch.testing.assert_close(seen[name], output)
    assert all(seen[name].min() < 0 for name in seen if "first" in name or "conv" in name)


def test_pictures_are_standardised_inside():
    net = models.build(
        "relu", (2, 3, 3), 2, mean=[0.1, 0.2], deviation=[0.5, 0.25], generator=seeded()
    )
    x = torch.rand(4, 2, 3, 3)
    before = x.clone()
    mean, deviation = (torch.tensor(v).reshape(2, 1, 1) for v in ([0.1, 0.2], [0.5, 0.25]))
    torch.testing.assert_close(net.standardised(x), (x - mean) / deviation)
    net.train()
    net(x)
    assert torch.equal(x, before), "the visitor's picture is not written over"
    assert {"shift", "scale"} <= set(net.state_dict())


def test_the_layout_of_memory_changes_nothing():
    text = "conv:8:3,norm,relu,maxpool:2,residual:8,inception:2:4:4:2,dense:6"
    net = made(text).train()
    x = torch.rand(2, *COLOUR, generator=seeded())
    expected = net(x)
    net = copy.deepcopy(net).to(memory_format=torch.channels_last)
    found = net(x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_the_rows_are_read_from_above():
    net = made("lstm:5:2", (3, 6, 4), seed=2).eval()
    x = torch.rand(2, 3, 6, 4)
    rows = net.standardised(x).permute(0, 2, 1, 3).reshape(2, 6, 12)
    _outputs, (hidden, _cell) = nn.LSTM.forward(net.stages[0], rows)
    torch.testing.assert_close(dict(net.activations(x))["lstm1"], hidden[-1])
    changed = x.clone()
    changed[:, :, 0] += 1  # the first row is remembered to the end
    assert not torch.allclose(net(changed), net(x))


def test_both_directions_are_taken_at_the_last_row():
    net = made("bilstm:5", (1, 6, 4)).eval()
    x = torch.rand(1, 1, 6, 4)
    found = dict(net.activations(x))["bilstm1"]
    changed = x.clone()
    changed[:, :, 0] += 1
    after = dict(net.activations(changed))["bilstm1"]
    assert not torch.allclose(found[:, :5], after[:, :5])
    assert torch.equal(found[:, 5:], after[:, 5:]), "from below, the last row is the first read"


# ------------------------------------------------------------------ weights


def test_one_seed_one_net():
    text = text_of("n5", shape=COLOUR) + ",dense:7"
    one, same, other = made(text, seed=1), made(text, seed=1), made(text, seed=2)
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, same.state_dict()[name]), name
    learned = [n for n, p in one.named_parameters() if p.dim() > 1]
    assert all(not torch.equal(one.state_dict()[n], other.state_dict()[n]) for n in learned)
    assert one.random.initial_seed() == same.random.initial_seed() != other.random.initial_seed()


@pytest.mark.parametrize(
    ("text", "layer"),
    [
        ("conv:16:5:2:1", lambda: nn.Conv2d(3, 16, 5, 2, 1)),
        ("dense:50", lambda: nn.Linear(3 * 32 * 32, 50)),
        ("lstm:7:2", lambda: nn.LSTM(96, 7, 2)),
        ("bilstm:7:2", lambda: nn.LSTM(96, 7, 2, bidirectional=True)),
    ],
)
def test_weights_are_drawn_as_torch_draws_them(text, layer):
    with torch.random.fork_rng():
        torch.manual_seed(5)
        expected = list(layer().parameters())
    found = list(made(text, seed=5).stages[0].parameters())
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ["resnet9", "googlenet"])
def test_weights_within_blocks_have_the_usual_bounds(name):
    net = made(text_of(name, shape=COLOUR, normalisation=True))
    norms = 0
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            bound = module.weight[0].numel() ** -0.5
            assert 0.9 * bound < module.weight.abs().max() <= bound
            if module.bias is not None:
                assert 0 < module.bias.abs().max() <= bound
        elif isinstance(module, nn.BatchNorm2d):
            norms += 1
            fresh = nn.BatchNorm2d(module.num_features).state_dict()
            assert all(torch.equal(t, fresh[n]) for n, t in module.state_dict().items())
    assert norms > 4
    assert all(t.isfinite().all() for t in net.state_dict().values())


def test_building_and_training_leave_the_random_numbers_of_the_process_alone():
    before = torch.get_rng_state()
    net = made("conv:8:3,norm,relu,dropout:0.5,bilstm:4:2,dense:9").train()
    net(torch.zeros(2, *COLOUR)).sum().backward()
    assert torch.equal(before, torch.get_rng_state())


# ------------------------------------------------------------------ dropout


def test_dropout_silences_its_share_and_keeps_the_mean():
    net = made("dropout:0.25", (1, 100, 100)).train()
    out = net.stages[0](torch.full((4, 1, 100, 100), 3.0))
    assert set(out.unique().tolist()) == {0.0, 4.0}
    assert abs(float((out == 0).float().mean()) - 0.25) < 0.01
    net.set_dropout(0.6)
    assert abs(float((net.stages[0](torch.ones(9, 999)) == 0).float().mean()) - 0.6) < 0.02
    net.eval()
    assert torch.equal(net.stages[0](out), out)


def test_dropout_can_be_turned_up_from_nothing():
    net = made(text_of("n2", shape=COLOUR)).train()
    x = torch.rand(2, *COLOUR, generator=seeded())
    assert torch.equal(net(x), net(x))
    net.set_dropout(0.5)
    assert not torch.equal(net(x), net(x))


def test_dropout_goes_on_where_it_was():
    text = "dropout:0.5,dense:20,dropout:0.3"
    net, other = made(text).train(), made(text).train()
    x = torch.rand(2, *COLOUR, generator=seeded())
    assert torch.equal(net(x), other(x)), "one seed, one noise"
    state = net.random.get_state()
    expected = net(x)
    assert not torch.equal(net(x), expected)
    twin = copy.deepcopy(net)
    other.random.set_state(state)
    assert torch.equal(other(x), expected)
    assert torch.equal(twin(x), net(x)), "a copy goes on as the original does"
    assert torch.equal(twin(x), net(x)), "and does not draw from the original's generator"


# ------------------------------------------------------------- looking inside


@pytest.mark.parametrize("name", TRAINED)
def test_what_is_watched(name):
    shape = USUAL[name]
    net = made(text_of(name, shape=shape, normalisation=True), shape).eval()
    x = torch.rand(3, *shape, generator=seeded())
    outputs = dict(net.activations(x))

    watched = net.weighted()
    expected = [s.name for s in net.plan if s.parameters and s.block.kind != "norm"]
    assert [stage for stage, _weight in watched] == expected
    own = {id(p) for p in net.parameters()}
    assert all(id(weight) in own and weight.dim() > 1 for _stage, weight in watched)
    gradients = torch.autograd.grad(net(x).square().sum(), [weight for _stage, weight in watched])
    assert all(bool(g.abs().max() > 0) for g in gradients)

    features = net.features(x)
    assert features.shape == (3, prod(net.plan[-1].input))
    torch.testing.assert_close(net.stages[-1](features), net(x))

    last = net.last_conv()
    if name in ("lstm", "bilstm"):
        assert last is None
        assert net.first_filters() is None
    else:
        assert outputs[last].dim() == 4
        assert outputs[last].shape[2:].numel() > 1
        filters = net.first_filters()
        assert filters.shape == net.stages[0].weight.shape
        assert not filters.requires_grad


@pytest.mark.parametrize(
    ("text", "last", "filters"),
    [
        ("", None, None),
        ("dense:5", None, None),
        ("conv:4:8:1:0,relu", None, (4, 3, 8, 8)),
        ("conv:4:3,relu,conv:5:8:1:0", "conv1", (4, 3, 3, 3)),
        ("norm,relu,residual:4,gap", "residual1", (4, 3, 3, 3)),
        ("bottleneck:4,conv:3:3,maxpool:8", "conv1", (4, 3, 1, 1)),
        ("avgpool:2,inception:2:2:2:2", "inception1", (4, 3, 1, 1)),
    ],
)
def test_first_filters_and_last_convolution(text, last, filters):
    net = made(text, (3, 8, 8))
    found = net.first_filters()
    assert net.last_conv() == last
    assert (None if found is None else tuple(found.shape)) == filters


def test_all_weights_decay_but_no_bias_and_no_norm():
    net = made("conv:4:3,norm,relu,residual:8,inception:2:2:2:2,norm,lstm:3:2,norm,dense:4")
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    kept = {id(p) for m in norms for p in m.parameters()}
    kept |= {id(p) for n, p in net.named_parameters() if "bias" in n}
    expected = [id(p) for p in net.parameters() if id(p) not in kept]
    assert [id(p) for p in net.decayed()] == expected
    assert len(expected) == 1 + 3 + 4 + 4 + 2


def test_the_language_needs_no_torch():
    code = "import sys, engine.topics.cnn.architectures, engine.topics.cnn.blocks as b\n"
    code += "b.check('conv:4:3', (3, 8, 8), 2); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
