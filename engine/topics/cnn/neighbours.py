"""The training pictures that look most alike to a net."""

from __future__ import annotations

from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from engine.data.pictures import CLASSES, Album, album, at_hand
from engine.errors import NotFound
from engine.topics.cnn.asking import Asked
from engine.topics.cnn.batches import taken
from engine.topics.cnn.models import PictureNet
from engine.topics.cnn.parts import parts
from engine.topics.cnn.pictures import rounded, tiles
from engine.words import _

SEARCHED = 2_000
"""Training pictures that are compared with."""
BYTES = 24 * 2**20
"""Of the features of one net."""
NETS = 4
"""Nets whose features are kept."""
AT_ONCE = 100
"""Pictures in one pass through the net."""
K, K_LIMIT = 12, 48


class Shelf(NamedTuple):
    """Training pictures as a net sees them: `rows` of the `source`, and unit vectors (n, D)."""

    source: Album
    rows: np.ndarray
    features: Tensor


_shelves: WeakKeyDictionary[PictureNet, Shelf] = WeakKeyDictionary()


def has_looked(net: PictureNet) -> bool:
    """Whether the pictures that the net has learned from are here since an earlier question."""
    return net in _shelves


def similar(asked: Asked) -> dict[str, Any]:
    """The training pictures nearest to this one in what the last layer is given (by cosine).

    Itself is not among them.

    Options: `k` (12). The first question to a net takes longer: it looks at its training
    pictures; a large net at more of them with each question, until it has seen `SEARCHED`.

    Returns
    -------
    dict
        `index` (in the data set), `label` and `distance` (1 − cosine, 0 to 2) of the nearest,
        nearest first, and a `mosaic` of them; `searched` of `pictures` training pictures; `note`:
        what there is to say of this copy of the data.

    Raises
    ------
    NotFound
        When the pictures are not at hand.
    """
    k = asked.options.whole("k", 1, K_LIMIT, K)
    source = pictures_of(asked)
    learned = parts(asked.config, source)["train"]
    shelf = looked_at(asked, source, learned)
    own = unit(asked.net, asked.picture)[0]
    cosine, place = (shelf.features @ own).topk(min(k + 1, len(shelf.rows)))
    rows = shelf.rows[place.numpy()]
    asked_for = (asked.picture[0].permute(1, 2, 0) * 255).round().byte().numpy()
    other = (source.pixels[rows] != asked_for).any((1, 2, 3))
    rows, cosine = rows[other][:k], cosine[torch.from_numpy(other)][:k]
    return {
        "index": rows.tolist(),
        "label": source.labels[rows].tolist(),
        "distance": rounded((1 - cosine).clamp(min=0), 6),
        "mosaic": tiles(source.pixels[rows]),
        "searched": len(shelf.rows),
        "pictures": len(learned),
        "note": source.note,
    }


def pictures_of(asked: Asked) -> Album:
    """What the net has learned from: the visitor's own, or a data set."""
    if asked.own is not None:
        return asked.own
    if has_looked(asked.net):
        return _shelves[asked.net].source
    name = asked.config.data
    if name not in CLASSES or not at_hand(name):
        raise NotFound(_("The pictures that this model has learned from are not on this machine."))
    return album(name)


def looked_at(asked: Asked, source: Album, learned: np.ndarray) -> Shelf:
    """Training pictures as the net sees them: those it has seen, and more as `BUDGET` allows."""
    net = asked.net
    shelf = _shelves.pop(net, None)
    size = unit(net, asked.picture).shape[1]
    if shelf is None:
        shelf = Shelf(source, np.zeros(0, np.int64), torch.zeros(0, size))
    most = min(SEARCHED, len(learned), max(1, BYTES // (4 * size)))
    done = len(shelf.rows)
    more = min(most - done, max(AT_ONCE, asked.affordable))
    if more > 0:
        chosen = np.random.default_rng(0).permutation(learned)[done : done + more]
        pixels = torch.from_numpy(source.pixels)
        batches = torch.from_numpy(chosen).split(AT_ONCE)
        seen = [unit(net, taken(pixels, rows)) for rows in batches]
        shelf = Shelf(source, np.append(shelf.rows, chosen), torch.cat([shelf.features, *seen]))
    while len(_shelves) >= NETS:
        del _shelves[next(iter(_shelves))]
    _shelves[net] = shelf  # at the end: the one that was asked longest ago goes first
    return shelf


@torch.no_grad()
def unit(net: PictureNet, x: Tensor) -> Tensor:
    """What the last layer is given for pictures (N, C, H, W), as vectors (N, D) of length 1."""
    return normalize(net.features(x).flatten(1), dim=1)
