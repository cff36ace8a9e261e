"""A visitor's own table for classification: what becomes a class, what is asked, what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import save
from streamlit.testing.v1 import AppTest

from engine.data.classes import BadTarget
from engine.data.reading import BadSheet
from engine.data.sheets import read_sheet
from engine.data.tables import CLASSES_LIMIT, NAME_LIMIT, Table
from engine.errors import InvalidValue
from pages._frame.own_example import fruit


def table(**changed):
    x = np.arange(24, dtype=np.float64).reshape(12, 2)
    values = {"x": x, "y": np.arange(12) % 3, "features": ("a", "b"), "target": "kind"}
    return Table(**{**values, "classes": ("p", "q", "r"), **changed})


def sheet_of(*labels, rows=24, name="some.csv"):
    """A sheet of two columns of numbers (quantities) and these labels, in turn, in column `c`."""
    lines = [f"{n * 1.5},{n * n},{labels[n % len(labels)]}" for n in range(rows)]
    return read_sheet("\n".join(["a,b,c", *lines]).encode(), name, "classes")


def refused(sheet, *choice, **more):
    with pytest.raises(InvalidValue) as caught:
        sheet.prepare(*choice, **more)
    return caught.value.message


# --- Table ----------------------------------------------------------------------------------------


def test_classes_survive_packing():
    made = table(classes=("größe", "no", "?"))
    again = Table.unpack(made.pack())
    assert again == made
    assert again.classes == ("größe", "no", "?")
    assert again.pack() == made.pack()
    assert again.y.tolist() == [0.0, 1.0, 2.0] * 4


def test_the_digest_covers_the_classes():
    plain = table(classes=())
    digests = {t.digest for t in (plain, table(), table(classes=("p", "r", "q")))}
    assert len(digests) == 3
    assert table().digest == table().digest
    assert "classes" not in plain.pack().decode("latin-1")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"classes": ("p",), "y": np.arange(12) % 2}, "2 to 50 classes, received 1"),
        ({"classes": tuple(map(str, range(51)))}, "2 to 50 classes, received 51"),
        ({"classes": ("p", "q", "p")}, "a different name for each class, received 'p'"),
        ({"classes": ("p", "q", "")}, "printable characters, received ''"),
        ({"classes": ("p", "q", "r\n")}, "printable characters, received 'r\\n'"),
        ({"classes": ("p", "q", "r" * (NAME_LIMIT + 1))}, "names of 1 to 128"),
        ({"classes": ("p", "q", ["r"])}, "printable characters, received ['r']"),
        ({"classes": ("p", "q")}, "whole numbers from 0 to 1, received 2.0"),
        ({"y": np.arange(12) % 3 - 1}, "whole numbers from 0 to 2, received -1.0"),
        ({"y": np.arange(12) % 3 * 0.5}, "whole numbers from 0 to 2, received 0.5"),
        ({"y": np.ones(12)}, "two different values of the target"),
        ({"y": np.full(12, np.nan)}, "finite numbers"),
    ],
)
def test_what_a_table_of_classes_refuses(changed, words):
    with pytest.raises(InvalidValue) as caught:
        table(**changed)
    assert words in caught.value.message
    assert caught.value.field == "table"


@pytest.mark.parametrize(
    "classes",
    [
        [],
        "pqr",
        None,
        {"p": 0},
        ["p", "q"],
        ["p", "q", "q"],
        ["p", "q", 3],
        ["p", "q", ["r"]],
        ["p", "q", "\ud800"],
        ["p", "q", "r" * 129],
        list(map(str, range(51))),
    ],
)
def test_forged_classes_are_not_unpacked(classes):
    arrays = {"x": np.zeros((12, 1), np.float32), "y": (np.arange(12) % 3).astype(np.float32)}
    names = {"features": ["a"], "target": "y"}

    def packed(**more):
        return save(arrays, metadata={"table": json.dumps({**names, **more})})

    assert Table.unpack(packed()).classes == ()
    assert Table.unpack(packed(classes=["p", "q", "r"])).classes == ("p", "q", "r")
    with pytest.raises(InvalidValue) as caught:
        Table.unpack(packed(classes=classes))
    assert caught.value.field == "table"
    assert len(caught.value.message) < 300


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -1, 0.5, 3])
def test_forged_indices_are_not_unpacked(wrong):
    y = (np.arange(12) % 3).astype(np.float32)
    y[5] = wrong
    arrays = {"x": np.zeros((12, 1), np.float32), "y": y}
    names = json.dumps({"features": ["a"], "target": "y", "classes": ["p", "q", "r"]})
    with pytest.raises(InvalidValue):
        Table.unpack(save(arrays, metadata={"table": names}))


def test_the_longest_names_fit_into_a_packed_table():
    wide = "𝔸" * (NAME_LIMIT - 3)
    features = tuple(f"{wide}{n}" for n in range(200))
    classes = tuple(f"{wide}{n}" for n in range(CLASSES_LIMIT))
    x = np.arange(100 * 200).reshape(100, 200)
    made = table(x=x, y=np.arange(100) % 50, features=features, target="y", classes=classes)
    assert Table.unpack(made.pack()) == made


# --- what becomes a class -------------------------------------------------------------------------


def test_texts_are_classes_in_order():
    made = sheet_of("pear", "apple", "fig").prepared("c", ["a"])
    assert made.table.classes == ("apple", "fig", "pear")
    assert made.table.y[:4].tolist() == [2, 0, 1, 2]
    assert made.remarks == ()
    assert made.rare == ()


def test_an_all_text_table_can_be_classified():
    rows = "".join(f"{'xy'[n % 2]},{'pq'[n // 3 % 2]}\n" for n in range(12))
    made = read_sheet(f"a,b\n{rows}".encode(), "some.csv", "classes").prepare("b", ["a"])
    assert made.features == ("a=x", "a=y")
    assert made.classes == ("p", "q")
    with pytest.raises(BadSheet, match="at least one column of numbers"):
        read_sheet(f"a,b\n{rows}".encode(), "some.csv")


@pytest.mark.parametrize("stray", ["yes ", " yes", '" yes"', "yes\t", "\u00a0yes", "yes\u200b"])
def test_stray_spaces_are_removed_and_said(stray):
    made = sheet_of("yes", "no", stray).prepared("c", ["a"])
    assert made.table.classes == ("no", "yes")
    assert made.remarks == ("Stray spaces were removed from labels of “c”: 8.",)


def test_stray_spaces_within_a_label_count_too():
    made = sheet_of("New York", "New  York", "Oslo").prepared("c", ["a"])
    assert made.table.classes == ("New York", "Oslo")
    assert "Stray spaces" in made.remarks[0]


def test_spaces_after_commas_do_not_keep_quotes_from_quoting():
    rows = "".join(f'{n}, {n % 5}, "{"xy"[n % 2]}, z"\n' for n in range(12))
    sheet = read_sheet(f"a, b, c\n{rows}".encode(), "some.csv", "classes")
    assert sheet.prepare("c", ["a"]).classes == ("x, z", "y, z")


def test_labels_that_differ_in_case_are_kept_apart_and_said():
    made = sheet_of("Yes", "no", "yes", "YES").prepared("c", ["a"])
    assert made.table.classes == ("YES", "Yes", "no", "yes")
    assert "differ only in upper and lower case" in made.remarks[0]
    assert made.remarks[0].endswith("“YES”, “Yes”, “yes”.")


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (("true", "false"), ("false", "true")),
        (("0", "1"), ("0", "1")),
        (("1.0", "0"), ("0", "1")),
        (("-1", "1"), ("-1", "1")),
        (("0.5", "1.5"), ("0.5", "1.5")),
        (tuple("12345"), tuple("12345")),
        (tuple("0123456789"), tuple("0123456789")),
    ],
)
def test_booleans_and_few_whole_numbers_are_classes_unasked(labels, classes):
    sheet = sheet_of(*labels)
    assert not sheet.quantity("c")
    made = sheet.prepared("c", ["a"])
    assert made.table.classes == classes
    numeric = labels[0] != "true"
    assert any("each of its" in remark for remark in made.remarks) == numeric


def test_codes_of_more_digits_than_float32_has_stay_apart():
    made = sheet_of("100000001", "100000002", "300000000").prepare("c", ["a"])
    assert made.classes == ("100000001", "100000002", "300000000")
    assert np.bincount(made.y.astype(int)).tolist() == [8, 8, 8]


def test_text_beyond_the_features_limit_can_still_be_classes():
    sheet = sheet_of(*(f"n{n}" for n in range(50)), rows=100)
    assert "c" not in sheet.usable
    assert "c" in sheet.targets
    assert len(sheet.prepare("c", ["a"]).classes) == 50


def test_rows_without_a_label_are_left_out():
    made = sheet_of("x", "y", "").prepared("c", ["a"])
    assert len(made.table.y) == 16
    assert made.remarks == ("Rows left out because they lack “c”: 8.",)


def test_missing_numbers_are_left_out_as_well():
    rows = "".join(f"{n if n % 4 else ''},{n * 2.5},{n % 2},{n % 3}\n" for n in range(24))
    sheet = read_sheet(f"a,b,k,c\n{rows}".encode(), "some.csv", "classes")
    made = sheet.prepare("c", ["a", "b"])
    assert made.x.shape == (18, 2)
    kept = [n for n in range(24) if n % 4]
    assert made.y.tolist() == [n % 3 for n in kept]
    assert len(sheet.prepare("c", ["a", "b"], "median").y) == 24


def test_a_class_that_loses_all_its_rows_is_dropped_and_said():
    rows = "".join(f"{'' if n % 3 == 1 else n},{n},{'xyz'[n % 3]}\n" for n in range(24))
    sheet = read_sheet(f"a,b,c\n{rows}".encode(), "some.csv", "classes")
    made = sheet.prepared("c", ["a"])
    assert made.table.classes == ("x", "z")
    assert set(made.table.y) == {0, 1}
    assert "Classes without a row that remains: “y”." in made.remarks


# --- what is asked --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels", [("0.5", "1", "1.5"), tuple(map(str, range(11))), ("1e9", "3", "2.25", "7")]
)
def test_what_looks_like_a_quantity_is_asked(labels):
    sheet = sheet_of(*labels)
    assert sheet.quantity("c")
    assert sheet.ways("c") == ("values", "median")
    message = refused(sheet, "c", ["a"])
    assert "expected whether each value is a class, or the column is split at its median" in message
    assert "“c”, which looks like a quantity" in message
    assert len(sheet.prepare("c", ["a"], by="values").classes) == len(labels)


def test_a_quantity_is_split_at_its_median():
    sheet = sheet_of(*map(str, range(24)))
    made = sheet.prepared("c", ["a"], by="median")
    assert made.table.classes == ("at most 11.5", "above 11.5")
    assert made.table.y.tolist() == [0] * 12 + [1] * 12
    assert made.remarks == ("“c” was split at 11.5, the median of the rows that remain.",)


def test_the_median_is_that_of_the_rows_that_remain():
    rows = "".join(f"{n if n < 12 else ''},{n}\n" for n in range(40))
    sheet = read_sheet(f"a,c\n{rows}".encode(), "some.csv", "classes")
    assert sheet.prepare("c", ["a"], by="median").classes == ("at most 5.5", "above 5.5")


def test_nothing_lies_above_a_median_that_is_the_highest_value():
    message = refused(sheet_of("1", "2", "3", "3", "3"), "c", ["a"], by="median")
    assert "values above the median (3) of “c”" in message
    assert "at least half of the rows have the highest value. Choose another" in message


def test_few_whole_numbers_can_be_split_too_when_asked_for():
    made = sheet_of(*"12345").prepare("c", ["a"], by="median")
    assert made.classes == ("at most 3", "above 3")


def test_text_has_no_median():
    message = refused(sheet_of("x", "y"), "c", ["a"], by="median")
    assert "expected a column of more than two different numbers to split" in message


# --- what is refused ------------------------------------------------------------------------------


def test_ten_thousand_classes_of_text():
    sheet = sheet_of(*(f"n{n}" for n in range(10_000)), rows=10_000)
    assert "c" not in sheet.targets
    assert sheet.unfit == {"c": "10,000 different values, at most 50 classes"}
    message = refused(sheet, "c", ["a"])
    assert message == (
        "target: expected at most 50 classes, received 10,000. Choose another column."
    )


def test_ten_thousand_classes_of_numbers():
    sheet = sheet_of(*map(str, range(10_000)), rows=10_000)
    assert sheet.ways("c") == ("median",)
    message = refused(sheet, "c", ["a"], by="values")
    assert "expected at most 50 classes, received 10,000. Split it at its median" in message


@pytest.mark.parametrize(
    ("labels", "received"), [(("x",), "1"), (("5",), "1"), (("x", ""), "“x”"), (("",), "0")]
)
def test_one_class_only(labels, received):
    sheet = sheet_of(*labels)
    assert "c" not in sheet.targets
    assert sheet.unfit == {"c": "no values" if received == "0" else "one class only"}
    message = refused(sheet, "c", ["a"])
    expected = f"target: expected at least two classes, received {received}. Choose another column."
    assert message == expected


def test_one_class_only_in_the_rows_that_remain():
    rows = "".join(f"{'' if n % 2 else n},{n},{'xy'[n % 2]}\n" for n in range(24))
    sheet = read_sheet(f"a,b,c\n{rows}".encode(), "some.csv", "classes")
    assert "expected at least two classes, received “x”. Choose" in refused(sheet, "c", ["a"])


def test_a_file_without_anything_to_tell_apart():
    rows = "".join(f"n{n},x\n" for n in range(60))
    with pytest.raises(BadSheet) as caught:
        read_sheet(f"a,b\n{rows}".encode(), "some.csv", "classes")
    message = caught.value.message
    assert "expected at least one column of 2 to 50 classes" in message
    assert "“a” (60 different values, at most 50 classes), “b” (one class only)" in message
    assert caught.value.field == "file"


def test_a_class_with_one_row_is_kept_and_said():
    made = sheet_of(*["x", "y"] * 11, "x", "lone").prepared("c", ["a"])
    assert made.table.classes == ("lone", "x", "y")
    assert made.rare == ("lone",)
    assert "one row only, which is learned from" in made.remarks[0]
    assert made.remarks[0].endswith("never measured: “lone”.")


def test_a_class_with_one_row_is_left_out_on_request():
    made = sheet_of(*["x", "y"] * 11, "x", "lone").prepared("c", ["a"], leave_rare=True)
    assert made.table.classes == ("x", "y")
    assert made.table.y.tolist() == [0, 1] * 11 + [0]
    assert made.table.x[:, 0].tolist() == [n * 1.5 for n in range(23)]
    assert made.rare == ("lone",)
    assert made.remarks == ("Classes with one row only, left out: “lone”.",)


def test_leaving_out_what_would_leave_one_class():
    message = refused(sheet_of(*["x"] * 23, "lone"), "c", ["a"], leave_rare=True)
    assert "received “x” beside 1 left out with one row only. Keep these too" in message
    with pytest.raises(BadTarget):
        sheet_of(*(f"n{n}" for n in range(24))).prepare("c", ["a"], leave_rare=True)


def test_leaving_out_so_many_rows_that_too_few_are_left():
    labels = ["x", "x", "y", "y", *(f"n{n}" for n in range(10))]
    message = refused(sheet_of(*labels, rows=14), "c", ["a"], leave_rare=True)
    assert "expected at least 10 rows" in message
    assert message.endswith("received 4.")


def test_a_sheet_of_numbers_knows_no_classes():
    rows = "".join(f"{n},{n % 3}\n" for n in range(12))
    sheet = read_sheet(f"a,c\n{rows}".encode(), "some.csv")
    assert not sheet.quantity("a")
    assert sheet.ways("c") == ()
    assert sheet.prepare("c", ["a"]).classes == ()


def random_table(seed):
    """A table of random labels and numbers, or a refusal in words; nothing else comes of it."""
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 5))
    cells = random.choice(
        ["", "1", "2", "0.5", "1e400", " x", "x", "X", '"a, b"', "é", "?"], count, replace=False
    )
    rows = [f"{n},{','.join(random.choice(cells, 2))}" for n in range(int(random.integers(9, 30)))]
    text = "\n".join(["a,b,c", *rows])
    try:
        sheet = read_sheet(text.encode(), "some.csv", "classes")
        target = sheet.openings[0]
        by = sheet.ways(target)[-1]
        made = sheet.prepare(target, sheet.features(target), "median", by, bool(seed % 2))
    except InvalidValue as error:
        assert "expected" in error.message  # noqa: PT017 - either way is right
        return "refused"
    assert np.bincount(made.y.astype(int), minlength=len(made.classes)).min() > seed % 2
    assert Table.unpack(made.pack()) == made
    return "read"


def test_random_files_become_classes_or_are_refused_in_words():
    results = [random_table(seed) for seed in range(100)]
    assert results.count("read") >= 20
    assert results.count("refused") >= 5


# --- the page -------------------------------------------------------------------------------------

SCRIPT = """
import streamlit as st
from engine.topics.classification.spec import SPEC
from pages._frame.own import current_table
from pages._frame.own_table import own_table
before = current_table(SPEC)
drawn = own_table(SPEC, None)
assert drawn is before, "the table has to be known before its controls are drawn"
"""


@pytest.fixture
def page():
    return AppTest.from_string(SCRIPT, default_timeout=30).run()


def own(test):
    return test.session_state["classification.own"]


def csv_of(*labels, rows=24):
    lines = [f"{n * 1.5},{n * n},{labels[n % len(labels)]}" for n in range(rows)]
    return "\n".join(["a,b,c", *lines])


def upload(test, text, name="some.csv"):
    test.file_uploader[0].upload(name, text.encode(), "text/csv")
    return run(test)


def run(test):
    test.run()
    assert not test.exception
    return test


def target(test, name):
    test.selectbox(key="classification.own_target").set_value(name)
    return run(test)


def words(test):
    said = [*test.caption, *test.error, *test.info]
    return " ".join(c.value for c in said).replace("\\", "")


def has(test, kind, name):
    return f"classification.own_{name}" in [w.key for w in test.get(kind)]


def test_the_page_begins_with_an_example_of_classes(page):
    page.button(key="classification.own_example").click()
    run(page)
    made = own(page).table
    assert made.classes == ("apple", "lemon", "plum")
    assert made.target == "fruit"
    assert "3 classes: " in words(page)
    assert not has(page, "radio", "by")
    assert not has(page, "toggle", "rare")


def test_the_example_can_be_learned_but_not_by_one_feature():
    made = read_sheet(fruit(), "fruit.csv", "classes").prepare("fruit", ["weight", "length"])
    means = np.array([made.x[made.y == k].mean(axis=0) for k in range(3)])
    scale = made.x.std(axis=0)
    distance = (((made.x[:, None] - means) / scale) ** 2).sum(axis=2)
    accuracy = (distance.argmin(axis=1) == made.y).mean()
    assert 0.8 <= accuracy < 1


def test_a_column_of_classes_is_preferred_to_a_quantity(page):
    rows = "".join(f"{'xyz'[n % 3]},{n},{n * 1.5}\n" for n in range(24))
    upload(page, "kind,a,b\n" + rows)
    assert own(page).choice.target == "kind"
    assert page.selectbox(key="classification.own_target").options == ["kind", "a", "b"]
    assert own(page).table.classes == ("x", "y", "z")
    assert "3 classes: x 8, y 8, z 8." in words(page)


def test_names_of_single_rows_are_not_preferred(page):
    rows = "".join(f"{n * 1.5},{'xy'[n % 2]},name {n}\n" for n in range(24))
    upload(page, "a,kind,name\n" + rows)
    assert own(page).choice.target == "kind"
    assert set(page.selectbox(key="classification.own_target").options) == {"a", "kind", "name"}


def test_a_quantity_is_asked_and_the_last_table_stays_until_then(page):
    upload(page, csv_of("x", "y"))
    made = own(page).table
    target(page, "a")
    asked = page.radio(key="classification.own_by")
    assert asked.value is None
    assert "“a” looks like a quantity" in asked.label.replace("\\", "")
    assert asked.options == [
        "each value is a class",
        "two classes: above the median, and not above it",
    ]
    assert own(page).table is made
    assert "“some.csv”, loaded before, stays in use." in words(page)
    page.multiselect(key="classification.own_features").set_value(["b"])
    run(page)
    assert page.radio(key="classification.own_by").value is None
    assert own(page).table is made
    page.radio(key="classification.own_by").set_value("median")
    run(page)
    assert own(page).table.classes == ("at most 17.25", "above 17.25")
    assert own(page).table.features == ("b",)
    assert not page.info
    page.radio(key="classification.own_by").set_value("values")
    run(page)
    assert len(own(page).table.classes) == 24
    target(page, "c")
    assert not has(page, "radio", "by")
    target(page, "a")
    assert page.radio(key="classification.own_by").value is None


def test_a_first_file_of_quantities_waits_for_an_answer(page):
    rows = "".join(f"{n},{n * 1.5}\n" for n in range(60))
    upload(page, "a,b\n" + rows)
    assert own(page).table is None
    assert page.radio(key="classification.own_by").options == [
        "two classes: above the median, and not above it"
    ]
    assert "Choose what its classes are, or another target." in words(page)
    assert "stays in use" not in words(page)
    page.radio(key="classification.own_by").set_value("median")
    run(page)
    assert own(page).table.classes == ("at most 44.25", "above 44.25")
    assert "60 of 60 rows in use" in words(page)


def test_another_file_of_quantities_keeps_the_table_until_it_is_answered(page):
    upload(page, csv_of("x", "y"), name="first.csv")
    made = own(page).table
    upload(page, "a,b\n" + "".join(f"{n},{n * 1.5}\n" for n in range(60)), name="second.csv")
    assert own(page).table is made
    assert "“first.csv”, loaded before, stays in use." in words(page)
    assert "second.csv: 0 of 60 rows in use" in words(page)
    page.radio(key="classification.own_by").set_value("median")
    run(page)
    assert len(own(page).table.y) == 60
    assert "first.csv" not in words(page)


def test_few_whole_numbers_are_classes_and_can_be_split(page):
    upload(page, csv_of(*"12345"))
    assert own(page).table.classes == tuple("12345")
    assert page.radio(key="classification.own_by").value == "values"
    page.radio(key="classification.own_by").set_value("median")
    run(page)
    assert len(own(page).table.classes) == 2


def test_classes_with_one_row_are_said_and_left_out_on_request(page):
    upload(page, csv_of(*["x", "y"] * 11, "x", "lone"))
    assert own(page).table.classes == ("lone", "x", "y")
    assert "never measured: “lone”." in words(page)
    page.toggle(key="classification.own_rare").set_value(True)
    run(page)
    assert own(page).table.classes == ("x", "y")
    assert "left out: “lone”." in words(page)
    page.toggle(key="classification.own_rare").set_value(False)
    run(page)
    assert own(page).table.classes == ("lone", "x", "y")


def test_leaving_out_too_much_says_so_and_can_be_taken_back(page):
    upload(page, csv_of(*["x"] * 23, "lone"))
    made = own(page).table
    page.toggle(key="classification.own_rare").set_value(True)
    run(page)
    assert "Keep these too" in words(page)
    assert "The last choice that worked stays in use." in words(page)
    assert own(page).table is made
    page.toggle(key="classification.own_rare").set_value(False)
    run(page)
    assert not page.error
    assert own(page).table == made


def test_columns_that_are_not_offered_say_why(page):
    rows = "".join(f"{'xy'[n % 2]},{n},only,*n{n}*\n" for n in range(60))
    upload(page, "kind,a,one,id\n" + rows)
    assert own(page).choice.target == "kind"
    assert "one" not in page.selectbox(key="classification.own_target").options
    said = "Not offered: “one” (one class only); “id” (60 different values, at most 50 classes)."
    assert said in words(page)


def test_a_refused_file_says_that_the_table_before_is_still_in_use(page):
    upload(page, csv_of("x", "y"), name="good.csv")
    made = own(page).table
    upload(page, "a,b\n" + "n,x\n" * 20, name="bad.csv")
    assert "bad.csv: expected at least one column of 2 to 50 classes" in words(page)
    assert "“good.csv”, loaded before, stays in use." in words(page)
    assert own(page).table is made
    assert page.selectbox(key="classification.own_target").value == "c"
    assert "24 of 24 rows in use" in words(page)


def test_removed_classes_can_be_put_back(page):
    upload(page, csv_of(*"12345"))
    page.radio(key="classification.own_by").set_value("median")
    run(page)
    made = own(page).table
    page.button(key="classification.own_remove").click()
    run(page)
    assert own(page).table is None
    page.button(key="classification.own_put_back").click()
    run(page)
    assert own(page).table is made
    assert page.radio(key="classification.own_by").value == "median"
