"""Which parts of a picture speak for a class: three ways, by captum.

Captum brings matplotlib along, 35 MB and half a second: it is imported where it is used. All
three attribute the logit of the class; its probability hardly moves where a net is sure.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from engine.errors import InvalidValue
from engine.topics.cnn.asking import Asked
from engine.topics.cnn.stepping import encoded
from engine.words import _

STEPS, STEPS_LIMIT = 32, 256
"""Pictures between the baseline and the picture itself."""
PATCHES_LIMIT = 1024
"""Places of the patch that covers a part of the picture."""
AT_ONCE = 16
"""Changed pictures in one pass through the net."""
BACKWARD = 3
"""What a pass there and back costs, in passes."""
BASELINES = {"black": 0.0, "grey": 0.5, "white": 1.0}


def grad_cam(asked: Asked) -> dict[str, Any]:
    """Where the maps of a layer speak for a class (Grad-CAM, Selvaraju et al. 2017).

    Options: `target` (a class; the one that the net sees), `stage` (the last convolution). Of a
    net that looks twice, what it sees in the picture itself, not in the mirror image.

    Returns
    -------
    dict
        `target`, `stage`, `stages` (all that have maps), `size` of those maps (h, w), `heat`
        (H, W) from 0, enlarged to the picture, and `sum` of the heat before that.
    """
    from captum.attr import LayerAttribution, LayerGradCam

    stages = mapped(asked)
    stage = asked.options.choice("stage", stages, asked.net.last_conv() or stages[-1])
    target = asked.target()
    method = LayerGradCam(asked.net, asked.net.stages.get_submodule(stage))
    coarse = method.attribute(fresh(asked), target, relu_attributions=True).detach()
    heat = LayerAttribution.interpolate(coarse, asked.picture.shape[2:], "bilinear")
    return {
        "target": target,
        "stage": stage,
        "stages": stages,
        "size": list(coarse.shape[2:]),
        "heat": encoded(heat[0, 0]),
        "sum": float(coarse.sum()),
    }


def mapped(asked: Asked) -> list[str]:
    """Names of the stages whose output has rows and columns."""
    with torch.no_grad():
        passed = asked.net.activations(asked.picture)
    names = [name for name, values in passed if values.dim() == 4]
    if not names:
        expected = _("a method for a net without feature maps, such as occlusion")
        raise InvalidValue.of("method", expected, "grad-cam")
    return names


def integrated_gradients(asked: Asked) -> dict[str, Any]:
    """What each pixel adds on the way from a baseline to the picture (Sundararajan et al. 2017).

    Options: `target` (a class; the one that the net sees), `steps` (32), `baseline` (black).

    Returns
    -------
    dict
        `target`, `steps`, `baseline`; `heat` (H, W), signed, the sum over the colours; its `sum`;
        the `difference` between the logits of picture and baseline, which the exact integral
        would sum to; `delta`, how far this one is from it.
    """
    from captum.attr import IntegratedGradients

    most = max(1, min(STEPS_LIMIT, asked.affordable // BACKWARD))
    steps = asked.options.whole("steps", 1, most, min(STEPS, most))
    baseline = asked.options.choice("baseline", BASELINES, "black")
    target = asked.target()
    heat, delta = IntegratedGradients(asked.answers).attribute(
        fresh(asked),
        baselines=BASELINES[baseline],
        target=target,
        n_steps=steps,
        internal_batch_size=AT_ONCE,
        return_convergence_delta=True,
    )
    heat = heat.detach().double()
    return {
        "target": target,
        "steps": steps,
        "baseline": baseline,
        "heat": encoded(heat[0].sum(0)),
        "sum": float(heat.sum()),
        "difference": float(heat.sum() - delta[0]),
        "delta": float(delta[0]),
    }


def occlusion(asked: Asked) -> dict[str, Any]:
    """How much the net loses when a patch covers a part of the picture (Zeiler & Fergus 2014).

    Options: `target` (a class; the one that the net sees), `window` (side of the patch in pixels;
    a seventh of the picture), `stride` (half the patch), `baseline` (its colour: black in grey
    pictures, grey in coloured ones).

    Returns
    -------
    dict
        `target`, `window`, `stride`, `baseline`, `patches` (places of the patch); `heat` (H, W):
        by how much the class's logit falls, the mean over the patches that cover a pixel;
        its `sum`.
    """
    from captum.attr import Occlusion

    _one, channels, height, width = asked.picture.shape
    side = min(height, width)
    window = asked.options.whole("window", 1, side, min(side, max(2, round(side / 7))))
    most = min(PATCHES_LIMIT, asked.affordable)
    least = least_stride(height, width, window, most)
    stride = asked.options.whole("stride", least, window, max(least, window // 2))
    default = "black" if channels == 1 else "grey"
    baseline = asked.options.choice("baseline", BASELINES, default)
    target = asked.target()
    with torch.no_grad():
        heat = Occlusion(asked.answers).attribute(
            asked.picture,
            sliding_window_shapes=(channels, window, window),
            strides=(channels, stride, stride),
            baselines=BASELINES[baseline],
            target=target,
            perturbations_per_eval=AT_ONCE,
        )[0, 0]  # the patch covers all colours, so each has the same heat
    return {
        "target": target,
        "window": window,
        "stride": stride,
        "baseline": baseline,
        "patches": patches(height, width, window, stride),
        "heat": encoded(heat),
        "sum": float(heat.sum()),
    }


def patches(height: int, width: int, window: int, stride: int) -> int:
    """Places of a patch that together cover the picture; the last ones may reach over its edge."""
    rows, columns = (math.ceil((side - window) / stride) + 1 for side in (height, width))
    return rows * columns


def least_stride(height: int, width: int, window: int, most: int) -> int:
    """The smallest stride with at most that many places; no part is left out.

    Raises
    ------
    InvalidValue
        When even patches that only touch are too many.
    """
    strides = range(1, window + 1)
    found = next((s for s in strides if patches(height, width, window, s) <= most), None)
    if found is None:
        expected = _("a larger patch: at most {most} can be tried with this net")
        raise InvalidValue.of("options.window", expected.format(most=most), window)
    return found


def fresh(asked: Asked) -> Tensor:
    """The picture as a tensor of its own that collects a gradient."""
    return asked.picture.clone().requires_grad_()
