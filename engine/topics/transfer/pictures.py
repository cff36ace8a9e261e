"""Frames of a run, and what is the same in all of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.events import encode_array
from engine.topics.cnn.pictures import tiles
from engine.topics.transfer import embedding, useful
from engine.topics.transfer.backbones import OURS
from engine.topics.transfer.contestants import Contestant
from engine.topics.transfer.learner import Learner
from engine.topics.transfer.measuring import Jury, Race, some_of
from engine.topics.transfer.spec import SIDES

POINTS, PHOTO_POINTS = 300, 150
"""Test pictures that become points in space; of photographs fewer, whose thumbnails are larger."""
THUMBNAIL = 32
MISTAKES, USEFUL = 12, 24
DISAGREED = 40
"""Pictures on which models disagree that are sent."""
JUDGES = 500
"""Test pictures that training pictures are judged by."""

Arrays = dict[str, Any]


def thumbnails(pixels: np.ndarray, side: int = THUMBNAIL) -> np.ndarray:
    """Pictures (n, H, W, C) made small by the means of square blocks; small ones as they are."""
    block = max(1, pixels.shape[1] // side)
    if block == 1:
        return np.ascontiguousarray(pixels)
    side = pixels.shape[1] // block
    cut = pixels[:, : side * block, : side * block].astype(np.float32)
    shape = (len(cut), side, block, side, block, cut.shape[3])
    return np.asarray(cut.reshape(shape).mean((2, 4)).round().astype(np.uint8))


def common(learner: Learner) -> Arrays:
    """What every run tells when it begins."""
    album = learner.album
    classes = list(album.classes)
    return {
        "architecture": {"classes": classes},
        "classes": classes,
        "image": list(album.pixels.shape[1:]),
        "measured_on": "test",
        "backbone": learner.maker.backbone,
    }


def judged(answers: np.ndarray, confidence: np.ndarray, labels: np.ndarray, classes: int) -> Arrays:
    """Confusion, and what every measured picture was taken for."""
    pairs = np.bincount(labels * classes + answers, minlength=classes**2)
    return {
        "confusion": pairs.reshape(classes, classes).tolist(),
        "predicted": encode_array(answers.astype(np.uint8)),
        "confidence": encode_array(np.rint(255 * confidence).astype(np.uint8)),
    }


def mistakes(learner: Learner, numbers: np.ndarray, p: np.ndarray) -> Arrays:
    """The pictures that are surest to be told wrong, the worst first; p: (n, classes)."""
    album = learner.album
    answers, confidence = p.argmax(1), p.max(1)
    wrong = np.flatnonzero(answers != album.labels[numbers])
    worst = wrong[confidence[wrong].argsort(kind="stable")[::-1]][:MISTAKES]
    found: Arrays = {
        "index": numbers[worst].tolist(),
        "actual": album.labels[numbers[worst]].tolist(),
        "predicted": answers[worst].tolist(),
        "confidence": confidence[worst].round(3).tolist(),
    }
    sheet = tiles(thumbnails(album.pixels[numbers[worst]], 64)) if len(worst) else {}
    return {**sheet, **found}


class RacePictures:
    """Frames of ways to learn beside each other."""

    def __init__(self, learner: Learner, race: Race) -> None:
        self.learner, self.race = learner, race
        many = POINTS if learner.maker.backbone in OURS else PHOTO_POINTS
        rows = learner.rows[race.largest, 0]
        self.points = some_of(rows.test, many)
        self._before = self._features(race.members("frozen")[0])
        self._turned: np.ndarray | None = embedding.pca(self._before)

    def _features(self, contestant: Contestant) -> np.ndarray:
        return np.asarray(contestant.features(self.points).float().cpu())

    def arrays(self) -> Arrays:
        """What the run tells when it begins."""
        race, album = self.race, self.learner.album
        assert self._turned is not None
        simple = race.on_pixels
        return common(self.learner) | {
            "points": {
                "sheet": tiles(thumbnails(album.pixels[self.points])),
                "labels": album.labels[self.points].tolist(),
            },
            "before": {"pca": embedding.encoded(self._turned)},
            "images": race.sizes,
            "total": self.learner.steps,
            "logistic": simple[-1]["logistic"],
            "neighbour": simple[-1]["neighbour"],
            "by_logistic": [one["logistic"] for one in simple],
            "by_neighbour": [one["neighbour"] for one in simple],
            "as_it_comes": race.as_it_comes(),
            "best_pixels": [max(simple[-1].values())] * 2,
            "ends": [0, self.learner.steps],
            "useful": self._useful(),
        }

    def draw(self, whole: bool = False) -> tuple[str, Arrays]:
        """The kind of frame and its arrays; of all that is measured at the end, the `whole`."""
        race, learner = self.race, self.learner
        first = race.first
        tested = first.rows.test if whole else self.points
        p = first.logits(tested).softmax(1).cpu().numpy()
        labels = learner.album.labels[tested]
        frame: Arrays = {
            "race_step": list(race.steps),
            **judged(p.argmax(1), p.max(1), labels, len(learner.album.classes)),
            "mistakes": mistakes(learner, tested, p),
        }
        for side in SIDES:
            for name, place in (("", 0), ("_low", 1), ("_high", 2)):
                curve = race.curves.get(side, [])
                frame[f"race_{side}{name}"] = [round(row[place], 4) for row in curve]
                sizes = race.by_size.get(side, [])
                frame[f"size_{side}{name}"] = [round(row[place], 4) for row in sizes]
        if "tuned" in race.sides:
            frame["embedding"] = self._embedding(race.members("tuned")[0])
        return "learning", frame

    def _embedding(self, tuned: Contestant) -> Arrays:
        found = embedding.aligned(embedding.pca(self._features(tuned)), self._turned)
        self._turned = found
        answers = tuned.logits(self.points).argmax(1).byte().cpu().numpy()
        return {"pca": embedding.encoded(found), "predicted": encode_array(answers)}

    def afterwards(self) -> tuple[str, Arrays]:
        """The last frame, with what takes too long for all of them."""
        kind, frame = self.draw(whole=True)
        seed = self.learner.config.seed
        drawn = dict(frame.get("embedding", {}))
        drawn["tsne_before"] = embedding.encoded(embedding.tsne(self._before, seed))
        if "tuned" in self.race.sides:
            after = self._features(self.race.members("tuned")[0])
            drawn["tsne_after"] = embedding.encoded(embedding.tsne(after, seed))
        return kind, frame | {"embedding": drawn}

    def _useful(self) -> Arrays:
        """Training pictures of the first seed, from the most useful to the least."""
        frozen, album = self.race.members("frozen")[0], self.learner.album
        train, test = frozen.rows.train, some_of(frozen.rows.test, JUDGES)
        features = [frozen.features(numbers).float().cpu().numpy() for numbers in (train, test)]
        values = useful.shapley(features[0], album.labels[train], features[1], album.labels[test])
        order = values.argsort(kind="stable")[::-1]
        if len(order) > USEFUL:
            order = np.concatenate([order[: USEFUL // 2], order[-USEFUL // 2 :]])
        return {
            **tiles(thumbnails(album.pixels[train[order]], 64)),
            "index": train[order].tolist(),
            "actual": album.labels[train[order]].tolist(),
            "value": values[order].round(5).tolist(),
            "total": len(train),
        }


class JuryPictures:
    """Frames of models whose answers are fused."""

    def __init__(self, learner: Learner, jury: Jury, titles: list[str]) -> None:
        self.learner, self.jury, self.titles = learner, jury, titles

    def arrays(self) -> Arrays:
        """What the run tells when it begins."""
        count = len(self.titles)
        names = [f"{i + 1} & {j + 1}" for i in range(count) for j in range(i + 1, count)]
        return common(self.learner) | {"models": self.titles, "pairs": names}

    def draw(self, whole: bool = False) -> tuple[str, Arrays]:
        """The kind of frame and its arrays; of all that is measured at the end, the `whole`."""
        learner, jury = self.learner, self.jury
        p = jury.probabilities(whole)
        numbers = jury.rows.test if whole else jury.numbers
        labels = learner.album.labels[numbers]
        answers = jury.answers(p)["weighted"]
        together = np.einsum("m,mnc->nc", jury.shares, p)
        frame = {
            **judged(answers, together.max(1), labels, len(learner.album.classes)),
            **jury.inside(p, labels),
            "mistakes": mistakes(learner, numbers, together),
        }
        return "fused", frame | {"fusion": self._fusion(p, numbers)}

    def _fusion(self, p: np.ndarray, numbers: np.ndarray) -> Arrays:
        """What the browser fuses anew for other weights: the answers to some test pictures."""
        jury, album = self.jury, self.learner.album
        here = np.flatnonzero(np.isin(numbers, jury.numbers, assume_unique=True))
        some, rows = p[:, here], numbers[here]
        answers = some.argmax(2)
        differ = (answers != answers[0]).any(0)
        places = np.argsort(~differ, kind="stable")[:DISAGREED]
        found: Arrays = {
            "probabilities": encode_array(np.rint(255 * some).astype(np.uint8)),
            "labels": encode_array(album.labels[rows].astype(np.uint8)),
            "total": len(jury.rows.test),
            "sheet": tiles(thumbnails(album.pixels[rows[places]])),
            "places": places.tolist(),
        }
        if jury.stacking is not None:
            found["stacked"] = encode_array(jury.stacking(some).astype(np.uint8))
        return found
