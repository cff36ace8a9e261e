"""Points and tables of the classification topic: what is made, read, split, spoilt and refused."""

from __future__ import annotations

import gzip
import struct
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn import datasets

from engine import ROOT
from engine.data import bundled, source
from engine.data.tables import CLASSES_LIMIT, Table
from engine.errors import Corrupt, GalleryError, InvalidValue
from engine.settings import settings
from engine.topics.classification import data, made, stored
from engine.topics.classification.data import TEST, TRAIN, VALIDATION, Dataset
from engine.topics.classification.spec import (
    BUNDLED,
    DRAWN_POINTS,
    MADE,
    TABLES,
    ClassificationConfig,
)

SHARED = ROOT.parent / "shared" / "data"


def rows(**values) -> Dataset:
    return data.make(ClassificationConfig(**values))


def counts(dataset: Dataset, part: int | None = None) -> list[int]:
    """Rows of each class."""
    y = dataset.y if part is None else dataset.of(part)[1]
    return np.bincount(y, minlength=len(dataset.classes)).tolist()


def same(one: Dataset, other: Dataset) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one[:3], other[:3], strict=True))


def lines(x: np.ndarray) -> set[bytes]:
    return {row.tobytes() for row in x}


def table(x: np.ndarray, y: np.ndarray, classes: tuple[str, ...]) -> SimpleNamespace:
    """What `make` reads of an own table."""
    names = tuple(f"f{i}" for i in range(x.shape[1]))
    return SimpleNamespace(
        x=x.astype(np.float32), y=y.astype(np.float32), features=names, target="t", classes=classes
    )


def own(sizes: list[int], features: int = 3, **values) -> Dataset:
    """An own table with so many rows of each class, every row different."""
    y = np.repeat(np.arange(len(sizes)), sizes)
    x = np.random.default_rng(1).normal(size=(len(y), features))
    names = tuple(f"c{k}" for k in range(len(sizes)))
    return data.make(ClassificationConfig(data="own", **values), table(x, y, names))


@pytest.fixture
def shared_data(monkeypatch, tmp_path):
    """The data folder of developers, and an empty cache."""
    if not SHARED.is_dir():
        pytest.skip(f"no data in {SHARED}")
    monkeypatch.setenv("GALLERY_DATA_DIR", str(SHARED))
    monkeypatch.setenv("GALLERY_CACHE_DIR", str(tmp_path))
    settings.cache_clear()
    stored._read.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def small_mnist(monkeypatch, tmp_path):
    """Made idx files of 30 + 10 pictures in the place of MNIST's; the pixels of each split."""
    monkeypatch.setenv("GALLERY_CACHE_DIR", str(tmp_path / "cache"))
    settings.cache_clear()
    monkeypatch.setattr(stored, "TRAINING", 30)
    monkeypatch.setattr(stored, "TESTING", 10)
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (40, 28, 28), dtype=np.uint8)
    labels = np.arange(40, dtype=np.uint8) % 10
    parts = (pictures[:30], labels[:30], pictures[30:], labels[30:])
    paths = []
    for number, array in enumerate(parts):
        header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
        paths.append(tmp_path / f"{number}.gz")
        paths[-1].write_bytes(gzip.compress(header + array.tobytes()))
    asked = []
    monkeypatch.setattr("engine.data.fetch", lambda name: asked.append(name) or tuple(paths))
    yield SimpleNamespace(pictures=pictures, labels=labels, asked=asked, paths=paths, tmp=tmp_path)
    monkeypatch.undo()
    settings.cache_clear()


# Made points


@pytest.mark.parametrize("name", MADE)
def test_made_points_have_their_shapes_and_reach_from_minus_one_to_one(name):
    dataset = rows(data=name, samples=600, classes=4)
    classes = {"blobs": 4, "three-spirals": 3}.get(name, 2)
    assert dataset.x.shape == (600, 2)
    assert (dataset.x.dtype, dataset.y.dtype, dataset.part.dtype) == ("f4", "i8", "i1")
    assert len(dataset.classes) == classes == len(set(dataset.y))
    assert counts(dataset, VALIDATION) != [0] * classes
    assert (dataset.part == VALIDATION).sum() == 300
    reach = 1.2 if name == "blobs" else 1.0
    assert 0.75 < np.abs(dataset.x).max(0).min() <= np.abs(dataset.x).max() <= reach


@pytest.mark.parametrize("name", MADE)
def test_the_same_seed_gives_the_same_points_and_another_one_others(name):
    first = rows(data=name, data_seed=3, noise=0.1, label_noise=0.1)
    assert same(first, rows(data=name, data_seed=3, noise=0.1, label_noise=0.1))
    assert not same(first, rows(data=name, data_seed=4, noise=0.1, label_noise=0.1))


def test_xor_is_reference_run_c1():
    dataset = rows(data="xor", samples=200, validation=0.5)
    product = dataset.x[:, 0] * dataset.x[:, 1]
    assert np.array_equal(dataset.y, (product >= 0).astype(int))
    assert [len(dataset.of(part)[0]) for part in (TRAIN, VALIDATION, TEST)] == [100, 100, 0]
    assert np.abs(dataset.x.mean(0)).max() < 0.15
    assert np.allclose(dataset.x.std(0), 1 / np.sqrt(3), atol=0.06)


def test_the_ring_is_class_0_and_the_disc_class_1():
    dataset = rows(data="circles", samples=400)
    radius = np.hypot(*dataset.x.T)
    assert radius[dataset.y == 0].min() >= 0.7 - 1e-6
    assert radius[dataset.y == 1].max() <= 0.5 + 1e-6


def test_the_checkerboard_has_sixteen_squares():
    dataset = rows(data="checkerboard", samples=2000)
    square = np.floor((dataset.x + 1) * 2).astype(int)
    assert len({tuple(s) for s in square}) == 16
    assert np.array_equal(dataset.y, square.sum(1) % 2)


@pytest.mark.parametrize(("name", "arms"), [("spirals", 2), ("three-spirals", 3)])
def test_spirals_turn_by_1_75_and_share_no_point(name, arms):
    dataset = rows(data=name, samples=300)
    assert len(np.unique(dataset.x, axis=0)) == 300
    for k in range(arms):
        arm = dataset.x[dataset.y == k].astype(float)
        radius = np.hypot(*arm.T)
        angle = np.arctan2(arm[:, 0], arm[:, 1])
        expected = 2 * np.pi * (1.75 * radius + k / arms)
        assert np.abs(np.exp(1j * angle) - np.exp(1j * expected)).max() < 1e-3
        assert radius.max() == pytest.approx(1)


def test_noise_moves_points_but_not_labels():
    still, moved = rows(data="xor", samples=2000), rows(data="xor", samples=2000, noise=0.2)
    assert np.array_equal(still.y, moved.y)
    assert np.array_equal(still.part, moved.part)
    assert (moved.x - still.x).std() == pytest.approx(0.2, rel=0.05)


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("imbalance", [0.02, 0.3])
def test_the_last_class_is_as_rare_as_asked(name, imbalance):
    dataset = rows(data=name, samples=500, imbalance=imbalance)
    *others, last = counts(dataset)
    assert sum(others) + last == 500
    assert max(others) - min(others) <= 1
    assert last == pytest.approx(imbalance * others[0], abs=1)
    assert np.bincount(dataset.of(TRAIN)[1]).min() >= 1


def test_sizes_add_up_and_are_never_empty():
    for total in (10, 11, 500):
        for classes in range(2, 7):
            for imbalance in (0.02, 0.5, 1.0):
                sizes = made.sizes(total, classes, imbalance)
                assert sum(sizes) == total
                assert min(sizes) >= 1
    assert made.sizes(200, 2, 1.0) == [100, 100]


# Wrong labels, held-out rows, repeated rows


@pytest.mark.parametrize("name", ["spirals", "blobs", "iris"])
def test_wrong_labels_are_only_in_the_training_part(name):
    right = rows(data=name, label_noise=0.0)
    wrong = rows(data=name, label_noise=0.3)
    differ = right.y != wrong.y
    train = right.part == TRAIN
    assert np.array_equal(right.part, wrong.part)
    assert not differ[~train].any()
    assert differ.sum() == round(0.3 * train.sum())


def test_label_noise_leaves_a_row_of_every_class():
    for seed in range(20):
        dataset = rows(
            data="blobs", classes=6, samples=10, imbalance=0.02, label_noise=0.5, data_seed=seed
        )
        assert min(counts(dataset, TRAIN)) >= 1


def test_no_split_takes_the_last_row_of_a_class():
    for seed in range(30):
        dataset = rows(data="moons", samples=50, imbalance=0.02, validation=0.9, data_seed=seed)
        assert min(counts(dataset, TRAIN)) >= 1
        assert (dataset.part == VALIDATION).sum() == 45


def test_splits_of_tables_are_disjoint_stratified_and_the_same_for_a_data_seed():
    dataset = own([100, 50, 2, 1], test_share=0.2, validation=0.25)
    sizes = {part: counts(dataset, part) for part in (TRAIN, VALIDATION, TEST)}
    expected = {TRAIN: [60, 30, 2, 1], VALIDATION: [20, 10, 0, 0], TEST: [20, 10, 0, 0]}
    for part, size in sizes.items():
        assert np.abs(np.array(size) - expected[part]).max() <= 1
    assert sum(map(sum, sizes.values())) == len(dataset.x) == 153
    assert min(sizes[TRAIN]) >= 1
    tests = [
        lines(own([100, 50, 2, 1], test_share=0.2, **values).of(TEST)[0])
        for values in ({"validation": 0.0}, {"validation": 0.5, "label_noise": 0.2})
    ]
    assert tests[0] == tests[1] == lines(dataset.of(TEST)[0])
    assert tests[0] < lines(own([100, 50, 2, 1], test_share=0.4).of(TEST)[0])
    assert tests[0] != lines(own([100, 50, 2, 1], test_share=0.2, data_seed=1).of(TEST)[0])


def test_a_pair_is_parted_by_a_large_share_but_never_taken_whole():
    dataset = own([40, 2], test_share=0.5, validation=0.0)
    assert counts(dataset, TEST) == [20, 1]
    assert counts(dataset, TRAIN) == [20, 1]


def test_made_points_have_no_test_part():
    assert not (rows(data="moons", test_share=0.5).part == TEST).any()


def test_repeating_training_rows_balances_them_and_leaks_nothing():
    plain = own([90, 30, 10], test_share=0.2, validation=0.25)
    dataset = own([90, 30, 10], test_share=0.2, validation=0.25, oversample="training")
    assert counts(dataset, TRAIN) == [counts(plain, TRAIN)[0]] * 3
    train = lines(dataset.of(TRAIN)[0])
    assert train == lines(plain.of(TRAIN)[0])
    for part in (VALIDATION, TEST):
        assert np.array_equal(dataset.of(part)[0], plain.of(part)[0])
        assert not train & lines(dataset.of(part)[0])


def test_repeating_before_the_split_leaks_copies_of_test_rows():
    dataset = own([90, 30], test_share=0.2, validation=0.25, oversample="before")
    assert counts(dataset) == [90, 90]
    for part in (VALIDATION, TEST):
        x, y = dataset.of(part)
        train = lines(dataset.of(TRAIN)[0])
        assert train & lines(x[y == 1])
        assert not train & lines(x[y == 0])


def test_rows_are_repeated_evenly():
    dataset = own([95, 10], test_share=0.0, validation=0.0, oversample="training")
    rare = dataset.x[dataset.y == 1]
    _rows, times = np.unique(rare, axis=0, return_counts=True)
    assert sorted(set(times)) == [9, 10]
    assert len(times) == 10


def test_repeating_too_much_is_refused(monkeypatch):
    monkeypatch.setattr(data, "OVERSAMPLED_LIMIT", 500)
    with pytest.raises(GalleryError) as caught:
        own([90, 30], validation=0.0, test_share=0.0, oversample="training")
    assert caught.value.field == "oversample"
    assert caught.value.message == (
        "Expected at most 500 numbers (rows × features) after repeating rare classes, received "
        "540. Weight the classes instead."
    )


# Drawn points


def test_drawn_points_are_read():
    x, y = data.drawn("0.5,-1,0; 2e-1,3,2;")
    assert x.tolist() == [[0.5, -1.0], [0.2, 3.0]]
    assert y.tolist() == [0, 2]
    for empty in ("", "  ", ";", " ; "):
        assert [len(array) for array in data.drawn(empty)] == [0, 0]
    dataset = rows(data="drawn", drawn="0,0,0;1,1,1;0.5,1,1", validation=0.0)
    assert dataset.classes == ("class 0", "class 1")
    assert dataset.y.tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    "point",
    ["1,2", "1,2,3,4", "a,2,0", "1,nan,0", "1,inf,0", "1,2e7,0", "1,2,6", "1,2,-1", "1,2,x"],
)
def test_a_drawn_point_that_cannot_be_read_is_named(point):
    with pytest.raises(InvalidValue) as caught:
        data.drawn(f"0,0,0;{point};1,1,1")
    assert caught.value.field == "drawn"
    assert caught.value.message == (
        "drawn: expected points as x,y,class;x,y,class in finite numbers, classes from 0 to 5, "
        f"received '{point}'."
    )


def test_too_many_drawn_points_are_refused():
    with pytest.raises(InvalidValue, match=f"at most {DRAWN_POINTS} points, received 401"):
        data.drawn(";".join(["0,0,1"] * (DRAWN_POINTS + 1)))


# Tables of scikit-learn


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_tables_are_those_of_scikit_learn(name):
    loader = getattr(datasets, f"load_{name.replace('-', '_')}")()
    table = stored.rows(name)
    assert np.array_equal(table.x, loader.data.astype(np.float32))
    assert np.array_equal(table.y, loader.target)
    assert table.features == tuple(loader.feature_names)
    assert table.classes == tuple(str(label) for label in loader.target_names)
    assert table.image == ((8, 8) if name == "digits" else None)


def test_a_table_that_was_changed_is_not_handed_out_again():
    first = rows(data="iris", label_noise=0.5)
    first.x[:] = 0
    assert stored.rows("iris").x.any()
    assert counts(rows(data="iris")) == [50, 50, 50]


def test_a_missing_scikit_learn_is_told(monkeypatch):
    monkeypatch.setattr(bundled, "find_spec", lambda name: None)
    stored._read.cache_clear()
    with pytest.raises(GalleryError, match="scikit-learn, which is not installed"):
        rows(data="wine")


# Own tables


def test_an_own_table_gives_its_rows_and_names():
    dataset = own([12, 8], test_share=0.25, validation=0.0)
    assert dataset.features == ("f0", "f1", "f2")
    assert dataset.classes == ("c0", "c1")
    assert counts(dataset) == [12, 8]
    assert counts(dataset, TEST) == [3, 2]


def test_a_real_table_with_classes_is_taken():
    x = np.arange(20.0)[:, None]
    given = Table(x, np.arange(20) % 2, ("a",), "kind", classes=("no", "yes"))
    dataset = data.make(ClassificationConfig(data="own", label_noise=0.5), given)
    assert dataset.classes == ("no", "yes")
    assert given.y.tolist() == [0, 1] * 10  # the labels of the table stay right


@pytest.mark.parametrize("y", [np.arange(20) / 2, np.full(20, -1), np.arange(20)])
def test_a_table_of_numbers_is_refused(y):
    config = ClassificationConfig(data="own")
    with pytest.raises(GalleryError) as caught:
        data.make(config, table(np.ones((20, 1)), y, ("a", "b")))
    assert caught.value.field == "table"
    assert caught.value.message == (
        "Expected a table whose target “t” is a class, received numbers. Load it again on this "
        "page, with a column of classes as target."
    )
    with pytest.raises(GalleryError, match="received numbers"):
        data.make(config, table(np.ones((20, 1)), np.arange(20) % 2, ()))


def test_a_table_that_is_gone_is_told():
    with pytest.raises(GalleryError, match="not here any more") as caught:
        data.make(ClassificationConfig(data="own"))
    assert caught.value.field == "table"


# What cannot be learned from


def dataset(y: list[int], x: list[float] | None = None, classes: int = 2, part: int = TRAIN):
    positions = np.array(x if x is not None else range(len(y)), dtype=np.float32)[:, None]
    names = tuple(f"class {k}" for k in range(classes))
    parts = np.full(len(y), part, dtype=np.int8)
    return Dataset(positions, np.array(y, dtype=np.int64), parts, ("x",), names)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (dataset([]), "There are no points to tell apart. Put some of each class on the plot."),
        (
            dataset([0], part=TRAIN),
            "Expected rows of at least two classes, received only “class 0”. Add another.",
        ),
        (
            dataset([0, 1], part=TEST),
            "Expected at least two rows to learn from, received 0. Add rows.",
        ),
        (
            dataset([0, 0, 0]),
            "Expected rows of at least two classes, received only “class 0”. Add another.",
        ),
        (
            dataset([1, 1, 1]),
            "Expected rows of at least two classes, received only “class 1”. Add another.",
        ),
        (
            dataset([0, 2, 0, 2], classes=3),
            "Expected a row of every class to learn from, received none of “class 1”. "
            "Add rows of it, or number the classes without gaps.",
        ),
        (
            dataset([0, 1, 1], x=[2.0, 2.0, 2.0]),
            "Expected inputs that differ, received 3 rows to learn from that are all alike. "
            "Move a point, or choose other features.",
        ),
        (
            dataset([0, 1], classes=10_000),
            f"Expected at most {CLASSES_LIMIT} classes, received 10,000. Choose another column as "
            "target, or fit it as a number with Regression.",
        ),
    ],
)
def test_data_that_teach_nothing_are_refused(given, message):
    with pytest.raises(GalleryError) as caught:
        data.check(given)
    assert caught.value.field == "data"
    assert caught.value.message == message


def test_ten_thousand_classes_of_an_own_table_are_refused_at_once():
    with pytest.raises(GalleryError, match="at most 50 classes, received 10,000"):
        own([1] * 10_000, features=1, oversample="before")


@pytest.mark.parametrize("name", [*MADE, *BUNDLED])
def test_all_data_that_come_along_pass(name):
    for values in ({}, {"oversample": "before"}, {"imbalance": 0.02, "validation": 0.9}):
        data.check(rows(data=name, samples=10, classes=6, **values))


# Inputs and pictures


def test_inputs_are_those_asked_for():
    assert data.inputs(ClassificationConfig()) == ("x", "y")
    names = data.inputs(ClassificationConfig(squares=True, product=True, sines=True))
    assert names == ("x", "y", "x²", "y²", "xy", "sin 3x", "sin 3y")
    points = np.array([[0.5, -2.0], [1.0, 3.0]], dtype=np.float32)
    expanded = data.expand(points, names)
    assert expanded.dtype == np.float32
    x, y = points.T
    expected = np.stack([x, y, x**2, y**2, x * y, np.sin(3 * x), np.sin(3 * y)], axis=1)
    assert np.allclose(expanded, expected)
    assert np.array_equal(data.expand(points, ("x", "y")), points)


def test_the_extent_is_that_of_the_page_or_a_square_around_far_points():
    assert data.extent(rows(data="moons", noise=0.5)) == (-1.2, 1.2, -1.2, 1.2)
    assert data.extent(rows(data="drawn", drawn="")) == (-1.2, 1.2, -1.2, 1.2)
    assert data.extent(rows(data="drawn", drawn="-1,1,0;1,1.1,1")) == (-1.2, 1.2, -1.2, 1.2)
    far = data.extent(rows(data="drawn", drawn="0,0,0;10,5,1"))
    assert far == pytest.approx((-0.5, 10.5, -3.0, 8.0))
    assert data.extent(rows(data="drawn", drawn="7,7,0")) == (6.0, 8.0, 6.0, 8.0)


def test_long_tables_are_shown_in_part():
    few, many = dataset([0, 1]), dataset([0] * 5000)
    assert data.shown(few).tolist() == [0, 1]
    assert len(data.shown(many)) == data.SHOWN_ROWS
    assert (np.diff(data.shown(many)) > 0).all()


def test_a_part_that_lies_together_is_not_copied():
    whole = dataset([0, 1, 0, 1])
    assert np.shares_memory(whole.of(TRAIN)[0], whole.x)
    whole.part[1] = VALIDATION
    x, y = whole.of(TRAIN)
    assert (x[:, 0].tolist(), y.tolist()) == ([0, 2, 3], [0, 0, 1])
    assert [len(a) for a in whole.of(TEST)] == [0, 0]


# Files


def test_bundled_data_are_at_hand_and_others_only_with_their_files(monkeypatch, tmp_path):
    monkeypatch.setenv("GALLERY_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("GALLERY_CACHE_DIR", str(tmp_path / "cache"))
    settings.cache_clear()
    there = {name for name in TABLES if data.at_hand(ClassificationConfig(data=name))}
    assert there == {*BUNDLED, "own"}
    for file in source("mnist").files:
        path = tmp_path / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        with path.open("r+b") as stream:
            stream.truncate(file.bytes)
    assert data.at_hand(ClassificationConfig(data="mnist"))
    assert not data.at_hand(ClassificationConfig(data="fashion-mnist"))
    monkeypatch.undo()
    settings.cache_clear()


def test_pictures_are_converted_once_and_mapped_afterwards(small_mnist):
    first = rows(data="mnist", validation=0.2)
    assert first.x.dtype == np.float32
    assert np.array_equal(first.x, small_mnist.pictures.reshape(40, 784) / np.float32(255))
    assert np.array_equal(first.y, small_mnist.labels)
    assert (first.part[30:] == TEST).all()
    assert not (first.part[:30] == TEST).any()
    assert (first.part == VALIDATION).sum() == 6
    assert first.image == (28, 28)
    kept = sorted(p.name for p in (small_mnist.tmp / "cache" / "arrays").iterdir())
    assert len(kept) == 2
    assert data.at_hand(ClassificationConfig(data="mnist"))
    assert same(first, rows(data="mnist", validation=0.2))
    assert small_mnist.asked == ["mnist"]
    assert isinstance(stored._arrays("mnist")[0], np.memmap)


def test_numbered_rows_are_those_of_the_pictures(small_mnist):
    config = ClassificationConfig(data="mnist", label_noise=0.2, oversample="before")
    whole, numbers = data.make(config), data.numbered(config)
    assert np.array_equal(whole.y, numbers.y)
    assert np.array_equal(whole.part, numbers.part)
    assert np.array_equal(data.pixels(config, numbers.x[:, 0].astype(int)), whole.x)


def test_a_damaged_array_is_made_again(small_mnist):
    first = rows(data="mnist")
    for path in (small_mnist.tmp / "cache" / "arrays").iterdir():
        path.write_bytes(path.read_bytes()[:-5])
    assert same(first, rows(data="mnist"))
    assert small_mnist.asked == ["mnist", "mnist"]


def test_a_cache_that_cannot_be_written_does_not_stop_a_run(small_mnist, caplog):
    (small_mnist.tmp / "cache").write_text("a file where a folder should be")
    assert len(rows(data="mnist").x) == 40
    assert "cannot be written" in caplog.text


def test_an_idx_file_of_another_form_is_refused(small_mnist):
    small_mnist.paths[0].write_bytes(gzip.compress(bytes((0, 0, 8, 1, 0, 0, 0, 9, 1))))
    with pytest.raises(Corrupt, match=r"expected an idx file of bytes, received shape \(9,\)"):
        rows(data="mnist")


def test_sonar_is_reference_run_c8(shared_data):
    dataset = rows(data="sonar", validation=0.0, test_share=0.0)
    assert dataset.x.shape == (208, 60)
    assert dict(zip(dataset.classes, counts(dataset), strict=True)) == {"rock": 97, "mine": 111}
    assert dataset.x.min() >= 0
    assert dataset.x.max() == 1
    assert dataset.features[::59] == ("band 1", "band 60")


def test_credit_is_reference_run_c7(shared_data):
    plain = rows(data="credit", test_share=0.2, validation=0.25)
    assert plain.x.shape == (30_000, 22)
    assert counts(plain) == [23_364, 6_636]
    assert plain.features[:4] == ("LIMIT_BAL", "EDUCATION", "MARRIAGE", "AGE")
    assert [len(plain.of(part)[0]) for part in (TRAIN, VALIDATION, TEST)] == [18_000, 6_000, 6_000]
    assert plain.x[0, :4].tolist() == [20_000, 2, 1, 24]
    leaking = rows(data="credit", test_share=0.2, validation=0.25, oversample="before")
    assert counts(leaking) == [23_364, 23_364]
    x, y = leaking.of(TEST)
    copies = lines(leaking.of(TRAIN)[0]) & lines(x[y == 1])
    assert len(copies) > 0.8 * len(lines(x[y == 1]))


@pytest.mark.parametrize("name", data.LARGE)
def test_pictures_are_the_public_ones(shared_data, name):
    dataset = rows(data=name, validation=0.1)
    assert dataset.x.shape == (70_000, 784)
    assert (dataset.x.min(), dataset.x.max()) == (0, 1)
    mean = {"mnist": 0.1307, "fashion-mnist": 0.2860}[name]  # known to everybody who scales them
    assert dataset.x[:60_000].mean(dtype=float) == pytest.approx(mean, abs=1e-4)
    assert np.bincount(dataset.y[60_000:]).sum() == 10_000
    assert dataset.y[:3].tolist() == {"mnist": [5, 0, 4], "fashion-mnist": [9, 0, 0]}[name]
    assert [len(dataset.of(part)[0]) for part in (VALIDATION, TEST)] == [6_000, 10_000]


def test_pages_can_use_it_without_heavy_modules():
    code = (
        "import sys; from engine.topics.classification import data;"
        "from engine.topics.classification.spec import ClassificationConfig as C;"
        "data.make(C()); data.make(C(data='digits')); data.at_hand(C(data='iris'));"
        "print(sorted({'torch', 'sklearn', 'pandas', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
