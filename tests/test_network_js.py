"""The network and the small multiples of a sweep in real Chromium: maps, edits, choosing."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import expect
from test_live_js import (  # noqa: F401
    LIVE_STREAM,
    RECORDING,
    RUN,
    TWO_FRAMES,
    browser,
    opened,
    served,
    show,
    site,
    told,
)
from torch import nn

from pages._frame import weights
from pages._frame.words import multiples_words, network_words

pytestmark = pytest.mark.browser

ACTIVATIONS = {
    "relu": nn.ReLU,
    "leaky-relu": nn.LeakyReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
}
PLANE = ("x", "y", "x²", "y²", "xy", "sin 3x", "sin 3y")
CLASSES = [
    {"color": "#d9772b", "symbol": "circle"},
    {"color": "#3b82c4", "symbol": "square"},
    {"color": "#1cb58a", "symbol": "diamond"},
]


class Sine(nn.Module):
    """The activation that torch.nn lacks."""

    def forward(self, x):
        return torch.sin(x)


def made(widths, outputs, activation="tanh", norm="none", inputs=PLANE[:2], seed=0, **more):
    """A network of random weights and statistics, and what a run tells of it."""
    torch.manual_seed(seed)
    modules: list[nn.Module] = []
    layers: list[dict[str, Any]] = []
    last = len(inputs)
    for units in widths:
        modules.append(nn.Linear(last, units))
        layers.append({"kind": "linear", "inputs": last, "outputs": units})
        if norm != "none":
            modules.append({"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}[norm](units))
            layers.append({"kind": norm, "units": units})
        modules.append(ACTIVATIONS.get(activation, Sine)())
        layers.append({"kind": "activation", "name": activation})
        last = units
    modules.append(nn.Linear(last, outputs))
    layers.append({"kind": "linear", "inputs": last, "outputs": outputs})
    net = nn.Sequential(*modules).eval()
    for module in modules:
        if isinstance(module, nn.BatchNorm1d | nn.LayerNorm):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
        if isinstance(module, nn.BatchNorm1d):
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.2, 3.0)
    architecture = {
        "inputs": list(inputs),
        "shift": [0.1 * i for i in range(len(inputs))],
        "spread": [0.6 + 0.1 * i for i in range(len(inputs))],
        "layers": layers,
        "outputs": outputs,
        "classes": ["red", "green", "blue"][: max(2, outputs)],
        "parameters": sum(p.numel() for p in net.parameters()),
        "extent": [-1.2, 1.2, -1.0, 1.4],
        **more,
    }
    return net, architecture


def theta(*nets) -> dict[str, Any]:
    """A frame's encoded weights: parameters in order, then running statistics."""
    rows = []
    for net in nets:
        parts = [p.detach().reshape(-1) for p in net.parameters()]
        for module in net:
            if isinstance(module, nn.BatchNorm1d):
                parts += [module.running_mean, module.running_var]
        rows.append(torch.cat(parts).numpy())
    array = np.stack(rows).astype(np.float32)
    text = base64.b64encode(array.tobytes()).decode()
    return {"dtype": "float32", "shape": list(array.shape), "b64": text}


def expanded(points, architecture):
    """The network's inputs of points on a plane, by numpy."""
    x, y = points.T
    known = {"x": x, "y": y, "x²": x**2, "y²": y**2, "xy": x * y}
    known |= {"sin 3x": np.sin(3 * x), "sin 3y": np.sin(3 * y)}
    columns = np.stack([known[n] for n in architecture["inputs"]], 1)
    return (columns - architecture["shift"]) / architecture["spread"]


def probabilities(net, inputs):
    with torch.no_grad():
        out = net(torch.tensor(inputs, dtype=torch.float32)).double()
    if out.shape[1] == 1:
        return torch.sigmoid(out).numpy()
    return torch.softmax(out, 1).numpy()


GRID = np.stack(np.meshgrid(np.linspace(-1.2, 1.2, 25), np.linspace(-1, 1.4, 25)), -1)
POINTS = GRID.reshape(-1, 2)  # row by row, as the browser has them

FORWARD = """async ([architecture, theta, side]) => {
  const f = await import("/live/forward.js");
  const [row] = f.networks(theta);
  const { layers, logits } = f.forward(architecture, row, f.gridInputs(architecture, side));
  const lists = (columns) => columns.map((column) => [...column]);
  return { layers: layers.map(lists), probabilities: lists(f.probabilities(logits)) };
}"""
SURFACE = """async ([architecture, theta]) => {
  const { bound } = await import("/live/binding.js");
  const trace = { meta: { live: { x: "surface_x", y: "surface_y", z: "surface" } } };
  const frame = { data: { theta } }, told = { arrays: { architecture } };
  const made = bound(trace, frame, told, 0);
  return { ...made, same: bound(trace, frame, told, 0).z === made.z };
}"""

NETWORKS = [
    *(((8, 8), 1, activation, "none", PLANE[:2]) for activation in (*ACTIVATIONS, "sine")),
    ((6, 5), 1, "tanh", "batch", PLANE[:2]),
    ((6, 5), 3, "gelu", "layer", PLANE[:2]),
    ((7,), 3, "sine", "batch", PLANE),
    ((5, 9, 4), 3, "relu", "layer", PLANE),
    ((), 1, "tanh", "none", PLANE),
    ((), 3, "tanh", "none", PLANE[:2]),
]


@pytest.mark.parametrize(("widths", "outputs", "activation", "norm", "inputs"), NETWORKS)
def test_the_forward_pass_is_that_of_pytorch(opened, widths, outputs, activation, norm, inputs):  # noqa: F811
    net, architecture = made(widths, outputs, activation, norm, inputs)
    got = opened().evaluate(FORWARD, [architecture, theta(net), 25])
    x = expanded(POINTS, architecture)
    np.testing.assert_allclose(np.transpose(got["probabilities"]), probabilities(net, x), atol=1e-5)
    values, hidden = torch.tensor(x, dtype=torch.float32), []
    with torch.no_grad():
        for module in net[:-1]:
            values = module(values)
            if not isinstance(module, nn.Linear | nn.BatchNorm1d | nn.LayerNorm):
                hidden.append(values.numpy().T)
    assert len(got["layers"]) == len(hidden) == len(widths)
    for ours, theirs in zip(got["layers"], hidden, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_gelu_is_exact_not_the_tanh_approximation(opened):  # noqa: F811
    x = np.linspace(-5, 5, 401)
    script = """async (xs) => { const { erf } = await import("/live/forward.js"); return xs.map(erf); }"""
    got = opened().evaluate(script, x.tolist())
    assert np.abs(got - torch.erf(torch.tensor(x)).numpy()).max() < 1e-6


def test_the_surface_is_the_mean_over_the_networks(opened):  # noqa: F811
    nets = [made((8, 8), 1, seed=seed)[0] for seed in range(3)]
    architecture = made((8, 8), 1)[1]
    got = opened().evaluate(SURFACE, [architecture, theta(*nets)])
    assert np.allclose(got["x"], np.linspace(-1.2, 1.2, 120))
    assert np.allclose(got["y"], np.linspace(-1.0, 1.4, 120))
    grid = np.stack(np.meshgrid(got["x"], got["y"]), -1).reshape(-1, 2)
    x = expanded(grid, architecture)
    mean = np.mean([probabilities(net, x) for net in nets], 0).reshape(120, 120)
    np.testing.assert_allclose(got["z"], mean, atol=1e-5)
    assert got["same"]  # not computed twice for a frame


def test_the_surface_of_several_classes_is_class_and_certainty(opened):  # noqa: F811
    net, architecture = made((8, 8), 3, seed=4)
    got = np.array(opened().evaluate(SURFACE, [architecture, theta(net)])["z"])
    axes = np.meshgrid(np.linspace(-1.2, 1.2, 120), np.linspace(-1.0, 1.4, 120))
    share = probabilities(net, expanded(np.stack(axes, -1).reshape(-1, 2), architecture))
    ordered = np.sort(share, 1)
    sure = ordered[:, -1] - ordered[:, -2] > 1e-4
    kind = np.floor(got).reshape(-1)
    assert len(set(kind)) > 1
    assert (kind == share.argmax(1))[sure].all()
    expected = np.clip((share.max(1) - 1 / 3) / (2 / 3), 0, 0.999)
    np.testing.assert_allclose((got.reshape(-1) - kind)[sure], expected[sure], atol=1e-4)


def test_a_large_network_is_computed_more_coarsely_and_still_right(opened):  # noqa: F811
    net, architecture = made((110, 110), 1, seed=2)
    got = np.array(opened().evaluate(SURFACE, [architecture, theta(net)])["z"])
    axes = np.meshgrid(np.linspace(-1.2, 1.2, 120), np.linspace(-1.0, 1.4, 120))
    exact = probabilities(net, expanded(np.stack(axes, -1).reshape(-1, 2), architecture))
    assert got.shape == (120, 120)
    assert 0 < np.abs(got - exact.reshape(120, 120)).max() < 0.01


# The network --------------------------------------------------------------------------------------

SPRITE = "document.querySelector('.gl-net canvas')"
PIXELS = f"() => {SPRITE}.toDataURL()"
INKED = f"""() => {{ const c = {SPRITE}, d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
  let ink = 0; for (let i = 3; i < d.length; i += 4) ink += d[i] > 0; return ink / (d.length / 4); }}"""
WATCH = """async () => {
  const { Network } = await import("/live/network.js");
  const { draw } = Network.prototype;
  Network.prototype.draw = function (stream) { window.network = this; return draw.call(this, stream); };
}"""
LINK = """([layer, unit, input]) => {
  const { layout, canvas } = window.network, { left, top } = canvas.getBoundingClientRect();
  const link = layout.links.find((one) => one.layer === layer && one.unit === unit && one.input === input);
  return { x: left + link.bends[6], y: top + link.bends[7], index: link.index };
}"""
UNIT = """([column, unit]) => {
  const { layout, canvas } = window.network, { left, top } = canvas.getBoundingClientRect();
  const { x, y } = layout.columns[column].units[unit];
  return [left + x + layout.size / 2, top + y + layout.size / 2];
}"""
DATA = {
    "x": [-1, 0.5, 0.2, 1],
    "y": [0, 0.5, 1, -0.5],
    "label": [0, 1, 1, 0],
    "held": [False, True, False, False],
}


def history(architecture, frames, kind="net", terminal=True, **arrays):
    """A finished run with these frames, step → data."""
    steps = list(frames)
    return {
        "run": "r1",
        "started": {
            "time": 0,
            "device": "cpu",
            "parameters": architecture["parameters"],
            "samples": 4,
            "steps_total": 10,
            "arrays": {"architecture": architecture, **arrays},
        },
        "metrics": {
            "step": steps,
            "epoch": steps,
            "time": steps,
            "train_accuracy": [0.5] * len(steps),
        },
        "frames": [{"kind": kind, "step": s, "data": frames[s]} for s in steps],
        "notes": [],
        "terminal": {"type": "done", "time": 9, "data": {"metrics": {"seconds": 1, "steps": 10}}}
        if terminal
        else None,
    }


WORDS = network_words() | {"range": weights.allowed()}


def show_network(page, source=RECORDING, **data):
    page.evaluate(WATCH)
    common = {"kind": "net", "height": 400, "label": "Network", "points": DATA, "edit": "run"}
    show(page, "network", source, classes=CLASSES, words=WORDS, **common | data)


def drawn(page):
    page.wait_for_function("window.network?.theta")
    page.evaluate(TWO_FRAMES)


SHAPES = {
    "two classes": ((8, 8), 1, {}),
    "three classes": ((8, 8), 3, {}),
    "no hidden layer": ((), 1, {}),
    "six layers": ((8, 12, 3, 20, 1, 2), 1, {"inputs": PLANE}),
    "a table": ((8, 4), 3, {"inputs": [f"feature {i} <b>" for i in range(20)], "extent": None}),
    "a table of two classes": ((4,), 1, {"inputs": ["a", "b"], "extent": None}),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [700, 390])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_network_is_drawn_within_its_box(opened, site, shape, width, scheme):  # noqa: F811
    widths, outputs, more = SHAPES[shape]
    net, architecture = made(widths, outputs, **more)
    site.histories["/history"] = history(architecture, {0: {"theta": theta(net)}})
    page = opened(scheme, viewport={"width": width, "height": 900})
    show_network(page, points=DATA if architecture["extent"] else None)
    drawn(page)
    assert page.evaluate(INKED) > 0.04
    layout = page.evaluate(
        "() => ({ width: network.width, height: network.height, output: network.layout.output,"
        " size: network.layout.size, units: network.layout.columns.flatMap((c) => c.units) })"
    )
    for unit in layout["units"]:
        assert 0 <= unit["x"] <= layout["width"] - layout["size"]
        assert 0 <= unit["y"] <= layout["height"] - layout["size"]
    assert layout["size"] >= 10
    if architecture["extent"]:
        output = layout["output"]
        assert output["side"] >= 180
        assert output["x"] + output["side"] <= layout["width"]
        assert output["y"] + output["side"] < layout["height"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_of_many_units_the_first_ten_are_shown(opened, site):  # noqa: F811
    net, architecture = made((12, 13), 1)
    site.histories["/history"] = history(architecture, {0: {"theta": theta(net)}})
    page = opened()
    show_network(page)
    drawn(page)
    columns = "network.layout.columns.map(({ units, more }) => [units.length, more])"
    assert page.evaluate(columns) == [[2, 0], [12, 0], [10, 3]]


def test_the_picture_follows_the_time_slider(opened, site):  # noqa: F811
    first, architecture = made((4,), 1)
    second = made((4,), 1, seed=1)[0]
    frames = {0: {"theta": theta(first)}, 10: {"theta": theta(second)}}
    site.histories["/history"] = history(architecture, frames)
    page = opened()
    show_network(page)
    drawn(page)
    page.wait_for_function("network.rested")
    page.evaluate(TWO_FRAMES)
    end = page.evaluate(PIXELS)
    page.evaluate("galleryStreams.get('/history').seek(0)")
    page.wait_for_function("network.rested && network.frame.step === 0")
    page.evaluate(TWO_FRAMES)
    assert page.evaluate(PIXELS) != end
    page.evaluate("galleryStreams.get('/history').seek(10)")
    page.wait_for_function("network.rested && network.frame.step === 10")
    page.evaluate(TWO_FRAMES)
    assert page.evaluate(PIXELS) == end


def test_a_network_that_is_too_large_says_so(opened, site):  # noqa: F811
    architecture = made((4,), 1)[1]
    site.histories["/history"] = history(architecture, {0: {"predicted": []}})
    page = opened()
    show_network(page)
    page.wait_for_function("window.network?.drawn")
    page.evaluate(TWO_FRAMES)
    assert 0 < page.evaluate(INKED) < 0.04  # only words


def weight_at(page, index):
    """The weight as the panel draws it."""
    return page.evaluate("(index) => network.theta[index]", index)


def edited(page):
    return told(page, "edited")


@pytest.fixture
def network(opened, site):  # noqa: F811
    """A page with a network that can be edited."""
    net, architecture = made((4, 3), 1)
    site.histories["/history"] = history(architecture, {7: {"theta": theta(net)}})
    page = opened(viewport={"width": 720, "height": 600})
    show_network(page)
    drawn(page)
    return page


def test_hover_tells_the_weight_and_shows_the_unit_large(network):
    page = network
    link = page.evaluate(LINK, [0, 2, 1])
    page.mouse.move(link["x"], link["y"])
    tip = page.locator(".gl-tip")
    expect(tip).to_contain_text("y → neuron 3, layer 1")
    weight = weight_at(page, link["index"])
    shown = float(tip.locator("b").inner_text().replace("−", "-"))
    assert shown == pytest.approx(weight, abs=1e-3)
    assert page.evaluate("network.aim()") is None
    page.mouse.move(*page.evaluate(UNIT, [2, 1]))
    expect(tip).to_contain_text("neuron 2, layer 2")
    page.wait_for_function("network.aim() === '1/1' && network.range")
    page.mouse.move(5, 5)
    expect(tip).to_be_hidden()
    page.wait_for_function("network.aim() === null && network.range === null")


def test_a_weight_that_is_changed_changes_the_surface_at_once(network):
    page = network
    link = page.evaluate(LINK, [0, 2, 1])
    surface = "[...network.sheets.large.pixels].reduce((a, b) => (a * 31 + b) | 0, 0)"
    before = page.evaluate(surface)
    page.mouse.click(link["x"], link["y"])
    number = page.get_by_label("Value").nth(1)
    slider = page.get_by_role("slider")
    expect(slider).to_be_focused()
    slider.evaluate("(e) => { e.value = 2.5; e.dispatchEvent(new Event('input')); }")
    page.evaluate(TWO_FRAMES)
    assert page.evaluate(surface) != before
    assert weight_at(page, link["index"]) == 2.5
    expect(number).to_have_value("2.5")
    assert edited(page) == []  # the hand is still on it
    slider.evaluate("(e) => e.dispatchEvent(new Event('change'))")
    page.wait_for_function("told.length")
    assert edited(page) == [{"run": "r1", "step": 7, "index": link["index"], "value": 2.5}]


def test_the_bias_of_a_unit_and_its_weights_are_changed_by_keys(network):
    page = network
    page.locator(".gl-net canvas").focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    dialog = page.get_by_role("dialog", name="neuron 2, layer 1")
    expect(dialog).to_be_visible()
    bias = 4 * 2 + 1
    number = page.get_by_label("Value").nth(1)
    number.fill("-1.25")
    number.press("Enter")
    expect(dialog).to_be_hidden()
    assert edited(page) == [{"run": "r1", "step": 7, "index": bias, "value": -1.25}]
    page.keyboard.press("Enter")
    page.get_by_label("Which weight").select_option("y")
    number.fill("3")
    number.press("Escape")
    assert edited(page)[-1] == {"run": "r1", "step": 7, "index": 1 * 2 + 1, "value": 3}


def test_what_is_no_number_is_not_taken(network):
    page = network
    link = page.evaluate(LINK, [0, 2, 1])
    page.mouse.click(link["x"], link["y"])
    number = page.get_by_label("Value").nth(1)
    for wrong in ("", "1e9"):
        number.fill(wrong)
        number.dispatch_event("change")
    page.wait_for_timeout(400)
    assert edited(page) == []
    assert page.evaluate("network.edits.size") == 0


def test_a_number_out_of_range_stays_and_says_what_is_allowed(network):
    page = network
    link = page.evaluate(LINK, [0, 2, 1])
    page.mouse.click(link["x"], link["y"])
    before = weight_at(page, link["index"])
    dialog = page.get_by_role("dialog")
    number = page.get_by_label("Value").nth(1)
    number.fill("")
    number.press_sequentially("1e9")  # on the way there is a 1, and it is not meant
    said = dialog.get_by_text("Not set: a weight is a number from −1,000,000 to 1,000,000.")
    expect(said).to_be_visible()
    number.press("Enter")
    expect(dialog).to_be_visible()
    expect(number).to_have_value("1e9")
    expect(number).to_have_attribute("aria-invalid", "true")
    page.wait_for_timeout(400)
    assert edited(page) == []
    assert weight_at(page, link["index"]) == before
    number.fill("2")
    expect(said).to_have_count(0)
    number.press("Enter")
    expect(dialog).to_be_hidden()
    assert [sent["value"] for sent in edited(page)] == [2]


def test_an_edit_that_was_sent_outlives_a_number_out_of_range(network):
    page = network
    link = page.evaluate(LINK, [0, 2, 1])
    number = page.get_by_label("Value").nth(1)
    for typed in ("4", "e"):  # of "1e" the 1 would be tried on the way
        page.mouse.click(link["x"], link["y"])
        number.fill("")
        number.press_sequentially(typed)
        number.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert weight_at(page, link["index"]) == 4
    number.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert [sent["value"] for sent in edited(page)] == [4]


def test_on_a_recording_an_edit_stays_on_the_screen(network):
    page = network
    show_network(page, edit="local")
    link = page.evaluate(LINK, [0, 2, 1])
    page.mouse.click(link["x"], link["y"])
    expect(page.get_by_text("Train to go on from your own weights")).to_be_visible()
    number = page.get_by_label("Value").nth(1)
    number.fill("4")
    number.press("Enter")
    page.evaluate(TWO_FRAMES)
    assert weight_at(page, link["index"]) == 4
    assert edited(page) == []


def test_several_networks_are_only_looked_at(network):
    page = network
    show_network(page, edit="")
    link = page.evaluate(LINK, [0, 2, 1])
    page.mouse.click(link["x"], link["y"])
    expect(page.get_by_role("dialog")).not_to_be_visible()
    expect(page.locator(".gl-tip")).to_be_visible()


def test_an_edit_stands_until_the_run_has_taken_it_up(opened, site):  # noqa: F811
    net, architecture = made((4,), 1)
    frame = {"kind": "net", "data": {"theta": theta(net)}}
    page = opened()
    show_network(page, RUN)
    page.wait_for_function("window.sources?.['/events']")
    emit = "([type, step, data]) => sources['/events'].emit(type, step, data)"
    arrays = {"arrays": {"architecture": architecture}, "steps_total": 100, "device": "cpu"}
    page.evaluate(emit, ["started", 0, arrays])
    page.evaluate(emit, ["frame", 5, frame])
    drawn(page)
    page.evaluate("() => { network.edit(3, 9); network.send(3, 9); }")
    page.evaluate(emit, ["frame", 6, frame])
    page.wait_for_function("network.frame.step === 6 && network.theta[3] === 9")
    page.evaluate(emit, ["note", 7, {"level": "info", "text": "", "edit": {"3": 9}}])
    page.evaluate(emit, ["frame", 7, frame])
    page.wait_for_function("network.frame.step === 7 && network.theta[3] === 9")
    page.evaluate(emit, ["frame", 8, frame])
    page.wait_for_function("network.frame.step === 8 && network.edits.size === 0")
    assert page.evaluate("network.theta[3]") != 9


def test_a_step_that_is_shown_anew_replaces_what_there_was(opened, site):  # noqa: F811
    del site.histories["/history"]
    architecture = made((4,), 1)[1]
    page = opened()
    show_network(page, RUN)
    page.wait_for_function("window.sources?.['/events']")
    emit = "([type, step, data]) => sources['/events'].emit(type, step, data)"
    arrays = {"arrays": {"architecture": architecture}, "steps_total": 100, "device": "cpu"}
    page.evaluate(emit, ["started", 0, arrays])
    for accuracy, seed in ((0.5, 0), (0.75, 1)):
        values = {"epoch": 1, "values": {"train_accuracy": accuracy}}
        page.evaluate(emit, ["metric", 5, values])
        data = {"kind": "net", "data": {"theta": theta(made((4,), 1, seed=seed)[0])}}
        page.evaluate(emit, ["frame", 5, data])
    page.wait_for_function(f"{LIVE_STREAM}.columns.train_accuracy[0] === 0.75")
    assert page.evaluate(f"{LIVE_STREAM}.columns.step") == [5]
    drawn(page)
    second = next(made((4,), 1, seed=1)[0].parameters()).reshape(-1)[0].item()
    page.wait_for_function("(w) => Math.abs(network.theta[0] - w) < 1e-6", arg=second)
    assert page.evaluate(f"{LIVE_STREAM}.film.get('net').length") == 1


# Small multiples ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "width"), [(2, 700), (16, 700), (64, 700), (64, 390)])
def test_variants_stand_side_by_side_and_one_is_chosen(opened, site, count, width):  # noqa: F811
    nets = [made((4,), 1, seed=seed)[0] for seed in range(2 * count)]
    architecture = made((4,), 1)[1]
    values = [0.01 * 1.2**v for v in range(count)]
    accuracy = [0.5 + 0.4 * v / count for v in range(count)]
    accuracy[count // 2] = 0.97
    data = {"theta": theta(*nets), "sweep_train": accuracy, "sweep_val": accuracy}
    sweep = {
        "sweep_value": values,
        "architectures": [architecture],
        "variant_architecture": [0] * count,
    }
    site.histories["/history"] = history(architecture, {0: data}, "sweep", **sweep)
    page = opened(viewport={"width": width, "height": 900})
    more = {"kind": "sweep", "height": 400, "label": "Variants", "name": "Rate", "choose": True}
    show(page, "multiples", RECORDING, classes=CLASSES, words=multiples_words(), **more)
    tiles = page.get_by_role("group", name="Variants").get_by_role("button")
    expect(tiles).to_have_count(count)
    best = page.locator('.gl-multiple[data-best="true"]')
    expect(best).to_have_count(1)
    expect(best).to_contain_text("97.0 %")
    painted = (
        tiles.nth(1)
        .locator("canvas")
        .evaluate(
            "(c) => new Set(new Uint32Array(c.getContext('2d')"
            ".getImageData(0, 0, c.width, c.height).data.buffer)).size"
        )
    )
    assert painted > 5
    tiles.nth(count // 2).hover()
    expect(page.locator(".gl-now")).to_contain_text("accuracy 97.0 %")
    tiles.nth(count // 2).click()
    assert told(page, "chosen") == [{"value": pytest.approx(values[count // 2])}]
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_tile_shows_the_first_seed_of_its_variant(opened, site):  # noqa: F811
    constant = [made((), 1, seed=0)[0] for _ in range(4)]
    for net, bias in zip(constant, (9.0, -9.0, -9.0, 9.0), strict=True):
        nn.init.zeros_(net[0].weight)
        nn.init.constant_(net[0].bias, bias)
    architecture = made((), 1)[1]
    data = {"theta": theta(*constant), "sweep_train": [0.5, 0.6], "sweep_val": [0.5, 0.6]}
    sweep = {"sweep_value": [1, 2], "architectures": [architecture], "variant_architecture": [0, 0]}
    site.histories["/history"] = history(architecture, {0: data}, "sweep", **sweep)
    page = opened()
    more = {"kind": "sweep", "height": 400, "label": "Variants", "name": "Rate", "choose": False}
    show(page, "multiples", RECORDING, classes=CLASSES, words=multiples_words(), **more)
    tiles = page.locator(".gl-multiple canvas")
    expect(tiles).to_have_count(2)
    page.wait_for_function("document.querySelector('.gl-multiple canvas').width > 20")
    middle = "(c) => [...c.getContext('2d').getImageData(c.width / 2, c.height / 2, 1, 1).data]"
    blue, orange = (tiles.nth(v).evaluate(middle) for v in range(2))
    assert blue[2] > blue[0]
    assert orange[0] > orange[2]
