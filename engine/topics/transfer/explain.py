"""Where a net looks: Grad-CAM and occlusion of the picture that was asked about."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from engine.errors import InvalidValue
from engine.topics.cnn.asking import Options
from engine.topics.cnn.attribution import BASELINES, least_stride, patches
from engine.topics.cnn.pictures import rounded
from engine.topics.cnn.stepping import encoded
from engine.topics.transfer.model import Answering
from engine.topics.transfer.nets import TransferNet
from engine.words import _

PATCHES = 225
"""Places of the patch that covers a part of the picture: some seconds of a net of photographs."""
AT_ONCE = 16


def explain(
    model: Answering, method: str, picture: Tensor, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Explain what the model answers to one picture.

    Parameters
    ----------
    method
        `grad-cam` or `occlusion`.
    picture : Tensor, shape (1, C, H, W)
        From 0 to 1.
    options
        Untrusted; `target` (a class; the one that the model sees), and of occlusion `window`,
        `stride` and `baseline`.

    Returns
    -------
    dict
        `method`; `output`, the class that the model sees, and the `probabilities` of all; what
        the method finds, as in `engine.topics.cnn.attribution`.

    Raises
    ------
    InvalidValue
        When there is no such method, option or class, or a number is out of range.
    """
    if method not in METHODS:
        expected = _("one of {choices}").format(choices=", ".join(METHODS))
        raise InvalidValue.of("method", expected, method)
    answer, known = METHODS[method]
    with torch.no_grad():
        p = model(picture)[0]
    found = answer(model, picture, Options(options, known), p)
    return {"method": method, "output": int(p.argmax()), "probabilities": rounded(p, 6), **found}


def grad_cam(model: Answering, picture: Tensor, options: Options, p: Tensor) -> dict[str, Any]:
    """Where the last maps of the backbone speak for a class (Selvaraju et al. 2017).

    Of several nets the first that has maps is asked.
    """
    from captum.attr import LayerAttribution, LayerGradCam

    net = next((net for net in model.nets if net.maps), None)
    if net is None:
        expected = _("a method for a net without feature maps, such as occlusion")
        raise InvalidValue.of("method", expected, "grad-cam")
    assert isinstance(net, TransferNet)
    target = options.whole("target", 0, len(p) - 1, int(p.argmax()))
    stages = net.stages
    method = LayerGradCam(net, stages.get_submodule(net.maps))
    x = picture.clone().requires_grad_()
    coarse = method.attribute(x, target, relu_attributions=True).detach()
    heat = LayerAttribution.interpolate(coarse, picture.shape[2:], "bilinear")
    return {
        "target": target,
        "stage": net.maps,
        "stages": [net.maps],
        "size": list(coarse.shape[2:]),
        "heat": encoded(heat[0, 0]),
        "sum": float(coarse.sum()),
    }


def occlusion(model: Answering, picture: Tensor, options: Options, p: Tensor) -> dict[str, Any]:
    """How much the answer loses when a patch covers a part of the picture (Zeiler & Fergus 2014)."""
    from captum.attr import Occlusion

    _one, channels, height, width = picture.shape
    side = min(height, width)
    window = options.whole("window", 1, side, max(2, round(side / 7)))
    least = least_stride(height, width, window, PATCHES)
    stride = options.whole("stride", least, window, max(least, math.ceil(window / 2)))
    baseline = options.choice("baseline", BASELINES, "black" if channels == 1 else "grey")
    target = options.whole("target", 0, len(p) - 1, int(p.argmax()))
    with torch.no_grad():
        heat = Occlusion(lambda x: model(x).clamp(min=1e-9).log()).attribute(
            picture,
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


METHODS = {
    "grad-cam": (grad_cam, ("target",)),
    "occlusion": (occlusion, ("target", "window", "stride", "baseline")),
}
