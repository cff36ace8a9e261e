"""A visitor's own table: what a file may hold, what is made of it, and the part of the page."""

from __future__ import annotations

import csv
import dataclasses
import json
import struct
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save
from streamlit.testing.v1 import AppTest

from engine import ROOT
from engine.data import reading, sheets, tables
from engine.data.reading import BadSheet
from engine.data.sheets import read_sheet
from engine.data.tables import Table
from engine.errors import InvalidValue


def table(rows=12, names=("a", "b"), target="y", **changed):
    x = np.arange(rows * len(names), dtype=np.float64).reshape(rows, len(names))
    values = {"x": x, "y": np.arange(rows), "features": names, "target": target}
    return Table(**{**values, **changed})


def lines(*rows, head="a,b,c", count=12):
    """A CSV of `count` good rows below `head`, and then `rows`."""
    good = [f"{n},{n * n % 7},{'xyz'[n % 3]}" for n in range(count)]
    return "\n".join([head, *good, *rows]) + "\n"


def read(text, name="some.csv"):
    return read_sheet(text if isinstance(text, bytes) else text.encode(), name)


def column(sheet, name):
    return next(c for c in sheet.columns if c.name == name)


def refusal(payload):
    with pytest.raises(BadSheet) as caught:
        read(payload)
    error = caught.value
    assert error.field == "file"
    assert error.message.startswith("some.csv: expected ")
    assert str(error) == error.message
    return error.message


@pytest.fixture
def unparsed(monkeypatch):
    """Fails a test in which cells are parsed beyond the sample that tells the delimiter."""

    def parse(*_arguments):
        pytest.fail("cells were parsed before the sizes were known")

    monkeypatch.setattr(reading, "_parsed", parse)


# --- Table ----------------------------------------------------------------------------------------


def test_a_table_is_float32_and_read_only():
    made = table()
    assert made.x.dtype == made.y.dtype == np.float32
    for array in (made.x, made.y):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.target = "z"


def test_a_table_does_not_change_with_the_array_it_was_made_of():
    x = np.arange(24, dtype=np.float32).reshape(12, 2)
    made = table(x=x)
    x[0, 0] = 99
    assert made.x[0, 0] == 0


def test_tables_are_equal_by_their_digest():
    made, same = table(), table()
    assert made == same
    assert hash(made) == hash(same)
    assert len(made.digest) == 64
    others = [table(target="z"), table(names=("a", "c")), table(y=np.arange(12) * 2.0), "a table"]
    assert all(made != other for other in others)


def test_the_digest_is_the_same_everywhere():
    assert table().digest == "be5bceaf918d5eba1ff3fa6d15fb1cd5da36541f33134238324b7b88707446a1"


def test_names_cannot_be_shifted_between_features_without_a_new_digest():
    assert table(names=("a", "b,c")) != table(names=("a,b", "c"))


def test_a_table_survives_packing():
    made = table(names=("größe", "district=north"))
    again = Table.unpack(made.pack())
    assert again == made
    assert again.features == ("größe", "district=north")
    assert again.pack() == made.pack()
    np.testing.assert_array_equal(again.x, made.x)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"x": np.zeros(12)}, "x of shape (rows, features)"),
        ({"y": np.zeros(11)}, "x of shape (rows, features)"),
        ({"rows": 9}, "10 to 200,000 rows, received 9"),
        ({"names": ()}, "1 to 200 features, received 0"),
        ({"names": [str(n) for n in range(201)]}, "1 to 200 features, received 201"),
        ({"features": ("a",)}, "a name for each of 2 features, received 1"),
        ({"features": ("a", "")}, "printable characters, received ''"),
        ({"features": ("a", "b\n")}, "printable characters, received 'b\\n'"),
        ({"features": ("a", "b" * 129)}, "names of 1 to 128"),
        ({"features": ("a", 3)}, "printable characters, received 3"),
        ({"features": ("a", "y")}, "a different name for each column, received 'y'"),
        ({"x": np.full((12, 2), np.nan)}, "finite numbers up to ±1e+15 in x, received nan"),
        ({"x": np.full((12, 2), 1e39)}, "in x, received inf"),
        ({"x": np.full((12, 2), 1e16)}, "finite numbers up to ±1e+15 in x"),
        ({"y": np.full(12, -np.inf)}, "in y, received -inf"),
        ({"y": np.ones(12)}, "two different values of the target, received 1.0"),
    ],
)
def test_what_a_table_refuses(changed, words):
    with pytest.raises(InvalidValue) as caught:
        table(**changed)
    assert words in caught.value.message
    assert caught.value.field == "table"


def test_a_table_has_at_most_two_million_numbers():
    # one row beyond, seen by its shape alone: nothing is allocated
    x = np.broadcast_to(np.float32(0), (10_001, 200))
    with pytest.raises(InvalidValue, match="at most 2,000,000 numbers"):
        tables._check_shapes(x.shape, (10_001,))
    tables._check_shapes((10_000, 200), (10_000,))


def packed(header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def tensor(shape, dtype="F32", start=0, end=0):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


NAMES = {"table": json.dumps({"features": ["a"], "target": "y"})}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"not a table",
        b"\xff" * 100,
        struct.pack("<Q", 2**63) + b"{}",
        packed(b"[" * 1000),
        packed(b'{"x": ' * 50_000),
        packed(b"[]"),
        packed({}),
        packed({"x": tensor([10, 1]), "y": tensor([10])}),
        packed({"__metadata__": NAMES, "x": tensor([10, 1]), "y": tensor([10]), "z": tensor([0])}),
        packed({"__metadata__": NAMES, "x": 3, "y": 4}),
        packed({"__metadata__": NAMES, "x": tensor([10, 1], "BF16"), "y": tensor([10], "BF16")}),
        packed({"__metadata__": NAMES, "x": tensor([10, 1]), "y": tensor([10])}),
        packed({"__metadata__": NAMES, "x": tensor([0, 10**18]), "y": tensor([0])}),
        packed({"__metadata__": NAMES, "x": tensor([10, -1]), "y": tensor([10])}),
        packed({"__metadata__": NAMES, "x": tensor([10.0, 1]), "y": tensor(["10"])}),
        packed({"__metadata__": {"table": 7}, "x": tensor([10, 1]), "y": tensor([10])}),
        packed({"__metadata__": {"table": "["}, "x": tensor([10, 1]), "y": tensor([10])}),
        packed({"__metadata__": {"table": "[" * 9999}, "x": tensor([10, 1]), "y": tensor([10])}),
        packed({"__metadata__": {"table": "{}"}, "x": tensor([10, 1]), "y": tensor([10])}),
        packed({"__metadata__": {}, "x": tensor([10, 1]), "y": tensor([10])}),
        packed(
            b'{"__metadata__":{"table":"{\\"features\\":[\\"a\\"],\\"target\\":\\"y\\"}"},'
            b'"x":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]},'
            b'"x":{"dtype":"F32","shape":[10,1],"data_offsets":[0,40]},'
            b'"y":{"dtype":"F32","shape":[10],"data_offsets":[40,80]}}',
            bytes(80),
        ),
    ],
)
def test_hostile_bytes_are_not_unpacked(payload):
    with pytest.raises(InvalidValue) as caught:
        Table.unpack(payload)
    assert caught.value.field == "table"
    assert len(caught.value.message) < 300


@pytest.mark.parametrize(
    ("arrays", "names"),
    [
        ({"x": np.full((10, 1), np.nan, np.float32)}, None),
        ({"y": np.full(10, np.inf, np.float32)}, None),
        ({"x": np.zeros((10, 1))}, None),
        ({"x": np.zeros((10, 2), np.float32)}, None),
        ({"x": np.zeros((9, 1), np.float32)}, None),
        ({}, {"features": ["\ud800"], "target": "y"}),
        ({}, {"features": ["y"], "target": "y"}),
        ({}, {"features": [["a"]], "target": "y"}),
        ({}, {"features": "a", "target": "y"}),
        ({}, {"features": ["a"], "target": None}),
    ],
)
def test_wrong_tables_are_not_unpacked(arrays, names):
    good = {"x": np.zeros((10, 1), np.float32), "y": np.arange(10, dtype=np.float32)}
    metadata = {"table": json.dumps(names or {"features": ["a"], "target": "y"})}
    Table.unpack(save(good, metadata=NAMES))
    with pytest.raises(InvalidValue):
        Table.unpack(save({**good, **arrays}, metadata=metadata))


def test_a_packed_table_is_measured_before_it_is_read(monkeypatch):
    monkeypatch.setattr(tables, "_header", lambda payload: pytest.fail("it was read"))
    with pytest.raises(InvalidValue, match=r"at most 9,\d+,\d+ bytes"):
        Table.unpack(bytes(tables.PACKED_LIMIT + 1))


@pytest.mark.parametrize("module", ["engine.data.sheets", "engine.data.tables"])
def test_tables_load_neither_torch_nor_streamlit(module):
    code = f"import sys, {module}; sys.exit(bool({{'torch', 'streamlit'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


# --- bad files ------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [b"", b"\n\n  \n", b"\xef\xbb\xbf", b"\xff\xfe"])
def test_an_empty_file(payload):
    assert "received an empty file. Choose a file that has rows." in refusal(payload)


def test_one_column():
    message = refusal("a\n" + "1\n" * 20)
    assert "expected at least two columns, separated by commas, semicolons or tabs" in message
    assert "received one column" in message


def test_ragged_rows_are_named_by_line():
    message = refusal(lines("1,2", "1,2,x", "1,2,3,4"))
    assert "expected 3 cells in every line, as in line 1" in message
    assert "received 2 in line 14, 4 in line 16." in message


def test_many_ragged_rows_are_counted():
    message = refusal(lines(*["1,2"] * 9))
    assert "2 in line 18 and 4 more such lines." in message
    assert "line 19" not in message


def test_ragged_lines_are_counted_right_after_a_cell_of_two_lines():
    assert "received 2 in line 16." in refusal(lines('1,2,"x\ny"', "1,2"))


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        (['3,4,"x', "1,2,y"], "received none from line 14 to line 15"),
        (['3,4,"x', '1,2,"y"'], "received none from line 14 to line 15"),
        (['3,4,"x"y'], "received none from line 14 to line 14"),
    ],
)
def test_an_unclosed_quote(rows, place):
    message = refusal(lines(*rows))
    assert 'a closing quotation mark (")' in message
    assert place in message


def test_an_unclosed_quote_before_much_text():
    message = refusal(lines('3,4,"x', *["1,2,y"] * 40_000))
    assert "expected cells of at most 131,072 characters" in message
    assert "an unclosed quotation mark, from line 14 on" in message


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_with_a_name(encoding):
    sheet = read(lines(head="größe,b,Ω").encode(encoding))
    assert [c.name for c in sheet.columns] == ["größe", "b", "Ω"]
    assert any("UTF-16" in remark for remark in sheet.remarks) == (encoding == "utf-16")


def test_utf_16_without_its_mark():
    message = refusal(lines().encode("utf-16-le"))
    assert "received NUL bytes, as in UTF-16 without its mark" in message
    assert "Save the table as CSV (UTF-8)" in message


def test_utf_16_that_is_cut_off():
    assert "bytes that are no UTF-8 or UTF-16" in refusal(lines().encode("utf-16")[:-1])


@pytest.mark.parametrize(
    ("encoded", "name"),
    [("größe".encode("latin-1"), "größe"), (b"\x80", "€"), (b"\x81\xe9", "é")],
)
def test_latin_1(encoded, name):
    sheet = read(encoded + lines(head=",b,c").encode())
    assert sheet.columns[0].name == name
    assert any("not UTF-8" in remark and "Latin-1" in remark for remark in sheet.remarks)


def test_nul_bytes():
    message = refusal(lines("1,\0,x"))
    assert "received NUL bytes" in message
    assert "(line 14)" in message


def test_control_characters():
    assert "received the character U+001B (line 14)" in refusal(lines("1,\x1b[2J,x"))


@pytest.mark.parametrize(
    ("payload", "what"),
    [
        (b"PK\x03\x04 and so on", "an Excel workbook or a zip archive"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\x89PNG\r\n", "a picture"),
        (b"\x1f\x8b\x08", "a gzip archive"),
    ],
)
def test_files_of_another_kind(payload, what):
    message = refusal(payload)
    assert f"received {what}. Save the table as CSV" in message


def test_all_text():
    message = refusal("a,b\n" + "x,y\nz,w\n" * 10)
    assert "expected at least one column of numbers that differ" in message
    assert "received only columns of text. Write numbers as 1234.5" in message


def test_all_text_says_what_keeps_numbers_from_being_numbers():
    rows = "".join(f"{n},u{n}\n" for n in range(40))
    message = refusal(f"a,b\n{rows}12 €,u\n")
    assert "“a” counts as text: not all its cells are numbers, such as '12 €' in line 42" in message


def test_a_constant_column_is_not_offered():
    sheet = read("k,a,b\n" + "".join(f"5,{n},{n % 4}\n" for n in range(12)))
    assert column(sheet, "k").kind == "constant"
    assert sheet.targets == sheet.usable == ("a", "b")
    assert any("the same value everywhere or none: “k”" in remark for remark in sheet.remarks)
    with pytest.raises(InvalidValue, match="target: expected one of “a”, “b”, received 'k'"):
        sheet.prepare("k", ["a"])
    with pytest.raises(InvalidValue, match="features: expected one of “b”, received 'k'"):
        sheet.prepare("a", ["k"])


def test_only_constant_columns():
    assert "received only constant columns" in refusal("a,b\n" + "1,2\n" * 12)


def test_nothing_to_predict_from():
    message = refusal("a,b\n" + "".join(f"{n},2\n" for n in range(12)))
    assert "expected another column to predict “a” from" in message


def test_numbers_that_are_one_in_float32_are_constant():
    rows = "".join(f"{1e9 + n * 0.01:.2f},{n},{n % 5}\n" for n in range(12))
    assert column(read("a,b,c\n" + rows), "a").kind == "constant"


def test_rounding_is_said():
    rows = "".join(f"{1e8 + n},{n},{n % 5}\n" for n in range(50))
    sheet = read("a,b,c\n" + rows)
    assert column(sheet, "a").kind == "number"
    assert any("7 digits" in remark and "“a”" in remark for remark in sheet.remarks)
    assert not any("“b”" in remark for remark in sheet.remarks)


def test_infinite_numbers_count_as_missing_and_are_said():
    sheet = read(lines("inf,1,x", "-Infinity,1,x", "1e400,1,x", "1e300,1,x", "NaN,1,x", ",1,x"))
    a = column(sheet, "a")
    assert (a.kind, a.missing, a.not_finite) == ("number", 6, 4)
    said = next(remark for remark in sheet.remarks if "1e400" in remark)
    assert said.endswith("4, in “a”.")
    assert np.isfinite(sheet.prepare("b", ["a"]).x).all()
    assert len(sheet.prepare("b", ["a"]).y) == 12


@pytest.mark.parametrize("word", ["", " ", "NA", "n/a", "#N/A", "NaN", "NULL", "None", "?", "-"])
def test_words_for_missing(word):
    assert column(read(lines(f"{word},1,x")), "a").missing == 1


@pytest.mark.parametrize("cell", ["1_000", "١٢", "0x10", "1e", "1 000", "12%", "9" * 101])
def test_what_is_no_number(cell):
    assert column(read(lines(f"{cell},1,x")), "a").kind == "category"


@pytest.mark.parametrize("cell", ["+1", "-.5", "1.", " 7 ", "1E-3", "1e5"])
def test_what_is_a_number(cell):
    a = column(read(lines(f"{cell},1,x")), "a")
    assert a.kind == "number"
    assert a.values[-1] == np.float32(cell)


def test_a_number_of_very_many_digits_costs_nothing():
    assert column(read(lines(f"{'9' * 100_000},1,x")), "a").kind == "category"


def test_duplicate_names_are_numbered():
    sheet = read(lines(head="a,a,a (2)"))
    assert [c.name for c in sheet.columns] == ["a", "a (3)", "a (2)"]
    assert "Columns of the same name were numbered: “a (3)”." in sheet.remarks


def test_columns_without_a_name():
    sheet = read(lines(head="a,, "))
    assert [c.name for c in sheet.columns] == ["a", "column 2", "column 3"]
    assert any("called by their place: “column 2”, “column 3”" in r for r in sheet.remarks)


def test_names_are_made_printable_and_short():
    head = '"two\nlines",\u202eb\u200b,' + "c" * 500
    names = [c.name for c in read(lines(head=head)).columns]
    assert names == ["two lines", "b", "c" * 59 + "…"]


def test_names_that_only_differ_beyond_the_cut_stay_apart():
    head = f"{'a' * 70}1,{'a' * 70}2,c"
    first, second, _ = (c.name for c in read(lines(head=head)).columns)
    assert second == f"{first} (2)"


@pytest.mark.usefixtures("unparsed")
def test_a_hundred_thousand_columns():
    wide = ",".join(f"c{n}" for n in range(100_000)) + "\n" + ",".join("1" * 100_000)
    message = refusal(wide)
    assert "expected at most 1,000 columns, received 100,000." in message


@pytest.mark.usefixtures("unparsed")
def test_quoted_names_with_commas_are_not_counted_as_columns():
    head = ",".join(f'"{",,,,,,,,," * 30}{n}"' for n in range(101))
    assert "100,000" not in refusal(head + "\n" + ",".join(["1"] * 1001) * 2000)


@pytest.mark.usefixtures("unparsed")
def test_ten_million_rows():
    assert "expected at most 10 MB, received 38.1 MB." in refusal(b"1,2\n" * 10_000_000)


@pytest.mark.usefixtures("unparsed")
def test_more_lines_than_allowed_within_the_size_allowed():
    message = refusal(b"1,2\n" * 2_600_000)
    assert "expected at most 200,000 lines, received 2,600,000." in message


@pytest.mark.usefixtures("unparsed")
def test_more_cells_than_allowed():
    message = refusal((b"1," * 60 + b"1\n") * 60_000)
    assert "expected at most 2,000,000 cells (rows × columns), received about 3,660,000" in message


@pytest.mark.usefixtures("unparsed")
def test_500_mb_are_not_even_decoded(monkeypatch):
    monkeypatch.setattr(reading, "_as_text", lambda *_: pytest.fail("it was decoded"))
    assert "expected at most 10 MB, received 500.0 MB." in refusal(bytes(500 * 2**20))


@pytest.mark.usefixtures("unparsed")
def test_one_line_of_ten_mb():
    assert "received 5,000,001" in refusal(b"1," * 5_000_000)


def test_too_few_rows():
    assert "expected at least 10 rows of data, received 9." in refusal(lines(count=9))
    assert "received 0." in refusal("a,b\n")


def test_a_file_that_fills_every_limit_is_read():
    sheet = read("\n".join(["a,b"] + [f"{n},{n % 7}" for n in range(199_999)]))
    assert sheet.rows == 199_999
    assert sheet.prepare("a", ["b"]).x.shape == (199_999, 1)


def test_the_name_of_a_file_is_kept_on_one_short_line():
    with pytest.raises(BadSheet) as caught:
        read_sheet(b"", "a\nb" + "c" * 500)
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 250


# --- rules ----------------------------------------------------------------------------------------


def test_a_plain_file_needs_no_remark():
    sheet = read(lines())
    assert sheet.remarks == ()
    assert [(c.name, c.kind, c.distinct) for c in sheet.columns] == [
        ("a", "number", 12),
        ("b", "number", 4),
        ("c", "category", 3),
    ]
    assert sheet.preview[1] == ("1", "1", "y")
    assert (sheet.rows, len(sheet.preview)) == (12, 8)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_endings(ending):
    sheet = read(lines().replace("\n", ending))
    assert (sheet.rows, sheet.columns[2].categories) == (12, ("x", "y", "z"))


@pytest.mark.parametrize(("delimiter", "word"), [(";", "semicolons"), ("\t", "tabs")])
def test_delimiters(delimiter, word):
    sheet = read(lines('3,4,"x"').replace(",", delimiter))
    assert [c.name for c in sheet.columns] == ["a", "b", "c"]
    assert sheet.remarks == (f"Columns are separated by {word}.",)


def test_a_semicolon_in_a_text_is_no_delimiter():
    rows = "".join(f'{n},{n % 5},"a; b"\n' for n in range(10)) + '1,2,"c; d"\n'
    assert len(read("a,b,c\n" + rows).columns) == 3


def test_quotes_commas_and_spaces_within_cells():
    sheet = read(lines('1, 2, "a ""b"", c"'))
    assert 'a "b", c' in column(sheet, "c").categories


def test_blank_rows_are_left_out_and_said():
    sheet = read(lines("", ",,", "1,2,x", ""))
    assert sheet.rows == 13
    assert "Blank rows left out: 3." in sheet.remarks


def test_a_first_row_of_numbers_is_data():
    sheet = read("".join(f"{n},{n % 4}\n" for n in range(12)))
    assert sheet.rows == 12
    assert sheet.targets == ("column 1", "column 2")
    assert sheet.remarks[0].startswith("The first row holds only numbers")


@pytest.mark.parametrize("head", ["a,2", "2019,x", "NA,NA"])
def test_a_first_row_with_words_names_the_columns(head):
    sheet = read(head + "\n" + "".join(f"{n},{n % 4}\n" for n in range(12)))
    assert [c.name for c in sheet.columns] == head.replace("NA,NA", "NA,NA (2)").split(",")


def numbers(cells, delimiter=";"):
    """Values of a column of these cells beside plain numbers, and the sheet."""
    rows = [f"{n}{delimiter}{cell}" for n, cell in enumerate(cells)]
    sheet = read("\n".join([f"a{delimiter}b", *rows]))
    values = column(sheet, "b").values
    return (None if values is None else values.tolist()), sheet


def test_decimal_commas():
    cells = ["1,5", "2", "-0,25", "1.234,5", "1.234.567,25", "1,5e2", "", "7,0", "8,0", "9,0"]
    values, sheet = numbers(cells)
    expected = [1.5, 2, -0.25, 1234.5, 1234567.25, 150, np.nan, 7, 8, 9]
    np.testing.assert_array_equal(values, np.float32(expected))
    assert "Commas are decimal, points group thousands, in: “b”." in sheet.remarks


def test_decimal_commas_in_quotes_between_commas():
    values, _ = numbers([f'"{n},5"' for n in range(10)], delimiter=",")
    assert values == [n + 0.5 for n in range(10)]


def test_grouped_thousands():
    values, sheet = numbers([f'"{n},234,567.5"' for n in range(1, 10)] + ["12"], delimiter=",")
    assert values[:2] == [1234567.5, 2234567.5]
    assert "Commas group thousands in: “b”." in sheet.remarks


def test_numbers_that_can_be_read_in_two_ways_stay_text():
    _, sheet = numbers([f"1,{n:03d}" for n in range(12)])
    assert column(sheet, "b").kind == "category"
    assert any("1,250 may be read in two ways: “b”" in remark for remark in sheet.remarks)


def test_another_column_decides_what_a_comma_means():
    rows = [f"{n},5;1,{n:03d};1.{n:03d}" for n in range(12)]
    sheet = read("\n".join(["a;b;c", *rows]))
    np.testing.assert_allclose(column(sheet, "b").values, [1 + n / 1000 for n in range(12)])
    np.testing.assert_allclose(column(sheet, "c").values, [1000 + n for n in range(12)])


def test_decimal_points_stay_what_they_are_beside_decimal_commas():
    rows = [f"{n},5;{n}.25" for n in range(12)]
    sheet = read("\n".join(["a;b", *rows]))
    np.testing.assert_allclose(column(sheet, "b").values, [n + 0.25 for n in range(12)])


def test_text_with_many_values_is_not_offered():
    sheet = read("a,b,c\n" + "".join(f"{n},{n % 5},name {n}\n" for n in range(31)))
    assert column(sheet, "c").kind == "text"
    assert sheet.usable == ("a", "b")
    assert any("text with more than 30 different values: “c”" in r for r in sheet.remarks)
    with pytest.raises(InvalidValue, match="features: expected one of “b”, received 'c'"):
        sheet.prepare("a", ["c"])


def test_thirty_categories_are_the_most():
    sheet = read("a,b,c\n" + "".join(f"{n},{n % 5},name {n % 30}\n" for n in range(60)))
    assert len(column(sheet, "c").categories) == 30


def test_a_word_among_numbers_is_named():
    sheet = read(lines("unknown,1,x"))
    assert column(sheet, "a").kind == "category"
    assert any("such as 'unknown' in line 14 (1 of 13)" in remark for remark in sheet.remarks)


def test_remarks_stay_few_however_many_columns_there_are():
    head = ",".join(f"c{n}" for n in range(500))
    rows = [",".join([str(n)] * 500) for n in range(12)]
    odd = ",".join(["?!"] * 499 + ["3"])
    sheet = read("\n".join([head, *rows, odd]))
    assert len(sheet.remarks) <= 10
    assert any("and 489 more" in remark for remark in sheet.remarks)


def test_the_preview_cuts_long_cells():
    sheet = read(lines(f"1,2,{'x' * 99}"))
    assert all(len(cell) <= 40 for row in sheet.preview for cell in row)


# --- preparing ------------------------------------------------------------------------------------


GAPPY = "size,rooms,district,rent\n" + "".join(
    [
        *(f"{20 + n},{n % 4},{'north' if n % 2 else 'south'},{300 + 10 * n}\n" for n in range(20)),
        ",1,north,500\n",
        "30,,south,510\n",
        "31,2,,520\n",
        "32,2,south,\n",
    ]
)


def test_categories_become_one_hot():
    sheet = read(lines())
    made = sheet.prepare("a", ["c", "b"])
    assert made.features == ("b", "c=x", "c=y", "c=z")
    assert made.target == "a"
    assert made.x[:3].tolist() == [[0, 1, 0, 0], [1, 0, 1, 0], [4, 0, 0, 1]]
    assert made.y.tolist() == list(range(12))


def test_the_order_of_choosing_does_not_matter():
    sheet = read(lines())
    assert sheet.prepare("a", ["c", "b"]) == sheet.prepare("a", ["b", "c", "b"])


def test_gaps_are_counted():
    sheet = read(GAPPY)
    gaps = sheet.gaps("rent", sheet.features("rent"))
    assert gaps == (1, 2, {"size": 1, "rooms": 1}, {"district": 1})


def test_rows_with_gaps_are_left_out():
    made = read(GAPPY).prepared("rent", ["size", "rooms", "district"], "drop")
    assert made.table.x.shape == (21, 5)
    assert made.table.features == (
        "size",
        "rooms",
        "district=north",
        "district=south",
        "district=missing",
    )
    assert made.table.x[:, 4].tolist() == [0] * 20 + [1]
    assert made.remarks == (
        "Rows left out because they lack “rent”: 1.",
        "Rows left out because they lack a number: 2.",
    )


@pytest.mark.parametrize("missing", ["mean", "median"])
def test_gaps_are_filled(missing):
    made = read(GAPPY).prepared("rent", ["size", "rooms", "district"], missing)
    known = [20 + n for n in range(20)] + [30, 31]  # the row without a rent does not count
    fill = {"mean": np.mean, "median": np.median}[missing](known)
    assert made.table.x.shape == (23, 5)
    assert made.table.x[20, 0] == np.float32(fill)
    assert f"the {missing} of their column (over all rows): 2." in made.remarks[1]


def test_features_of_one_value_are_left_out():
    rows = "".join(f"{n},{n % 3},u\n" for n in range(12)) + ",7,v\n"
    sheet = read("a,b,c\n" + rows)
    made = sheet.prepared("a", ["b", "c"])
    assert made.table.features == ("b",)
    assert made.remarks[-1].endswith("“c=u”, “c=v”.")
    with pytest.raises(InvalidValue, match="features that differ between the 12 rows"):
        sheet.prepare("a", ["c"])


def test_names_of_categories_do_not_collide():
    rows = "".join(f"{n},{n % 3},{['b=1', '2'][n % 2]}\n" for n in range(12))
    made = read("a,c=2,c\n" + rows).prepare("a", ["c=2", "c"])
    assert made.features == ("c=2", "c=2 (2)", "c=b=1")


def test_categories_that_only_differ_beyond_the_cut_stay_apart():
    rows = "".join(f"{n},{n % 3},{'w' * 80}{n % 2}\n" for n in range(12))
    made = read("a,b,c\n" + rows).prepare("a", ["c"])
    assert len(set(made.features)) == 2


@pytest.mark.parametrize(
    ("target", "features", "missing", "words"),
    [
        ("c", ["a"], "drop", "target: expected one of “a”, “b”, received 'c'"),
        ("nothing", ["a"], "drop", "target: expected one of"),
        ("a", ["a"], "drop", "features: expected one of “b”, “c”, received 'a'"),
        ("a", [], "drop", "features: expected at least one column, received []"),
        ("a", ["b"], "guess", "missing: expected one of drop, mean, median, received 'guess'"),
    ],
)
def test_choices_that_cannot_be(target, features, missing, words):
    with pytest.raises(InvalidValue) as caught:
        read(lines()).prepare(target, features, missing)
    assert words in caught.value.message


def test_ten_rows_have_to_be_left():
    rows = "".join(f"{n},{n % 3 if n < 9 else ''}\n" for n in range(30))
    sheet = read("a,b\n" + rows)
    with pytest.raises(InvalidValue, match=r"at least 10 rows .*fill the gaps.*received 9"):
        sheet.prepare("a", ["b"], "drop")
    assert len(sheet.prepare("a", ["b"], "median").y) == 30
    with pytest.raises(InvalidValue, match="target: expected at least 10 rows"):
        sheet.prepare("b", ["a"], "median")


def test_a_target_that_is_constant_in_the_rows_left():
    rows = "".join(f"5,{n}\n" for n in range(12)) + "6,\n7,\n"
    with pytest.raises(InvalidValue, match="target: expected a target that differs between the 12"):
        read("a,b\n" + rows).prepare("a", ["b"])


def test_more_features_than_a_table_may_have():
    head = ",".join(f"c{n}" for n in range(300))
    rows = [",".join(str((n * k + n) % 307) for k in range(1, 301)) for n in range(12)]
    sheet = read("\n".join([head, *rows]))
    assert len(sheet.features("c0")) == 200
    assert sheet.prepare("c0", sheet.features("c0")).x.shape[0] == 12
    with pytest.raises(InvalidValue, match=r"at most 200 features .*received 299"):
        sheet.prepare("c0", [name for name in sheet.usable if name != "c0"])


def test_more_numbers_than_a_table_may_have(monkeypatch):
    monkeypatch.setattr(sheets, "NUMBERS_LIMIT", 30)
    sheet = read(lines())
    with pytest.raises(InvalidValue, match=r"at most 30 numbers .*received 48"):
        sheet.prepare("a", ["b", "c"])
    assert sheet.features("a") == ("b",)


def random_file(seed):
    """Read a file of random cells, some of them breaking it, and make a table of it."""
    random = np.random.default_rng(seed)
    cells = [
        "",
        "1",
        "-2.5",
        "1e400",
        "nan",
        "x",
        '"a,b"',
        '"1,5"',
        "1.234",
        "é",
        "\u202e",
        ";",
        "?",
    ]
    if seed % 3 == 0:
        cells += ['"', "1,5", "\0", "a\nb"]
    cells = random.choice(cells, size=3, replace=False).tolist()
    width = int(random.integers(1, 4))
    rows = [",".join([str(n), *random.choice(cells, size=width)]) for n in range(40)]
    try:
        sheet = read("\n".join(rows))
        made = sheet.prepare(sheet.targets[-1], sheet.features(sheet.targets[-1]), "median")
    except InvalidValue as error:
        assert "expected" in error.message  # noqa: PT017 - either way is right
        return "refused"
    assert np.isfinite(made.x).all()
    assert Table.unpack(made.pack()) == made
    return "read"


def test_random_files_are_read_or_refused_in_words():
    """Whatever comes, it is a table of finite numbers or an InvalidValue; both happen."""
    results = [random_file(seed) for seed in range(100)]
    assert results.count("read") >= 20
    assert results.count("refused") >= 20


# --- the page -------------------------------------------------------------------------------------

SCRIPT = """
import streamlit as st
from engine.topics import topic
from pages._frame.own import current_table
from pages._frame.own_table import own_table
spec = topic("regression")
before = current_table(spec)
if st.toggle("here", value=True):
    drawn = own_table(spec, None)
    assert drawn is before, "the table has to be known before its controls are drawn"
"""


@pytest.fixture
def page():
    return AppTest.from_string(SCRIPT, default_timeout=30).run()


def own(test):
    return test.session_state["regression.own"]


def upload(test, text, name="some.csv"):
    payload = text if isinstance(text, bytes) else text.encode()
    test.file_uploader[0].upload(name, payload, "text/csv")
    test.run()
    assert not test.exception
    return test


def press(test, name):
    test.button(key=f"regression.own_{name}").click()
    test.run()
    assert not test.exception
    return test


def words(test):
    return " ".join(c.value for c in [*test.caption, *test.error]).replace("\\", "")


def test_the_page_begins_with_an_example(page):
    assert own(page).table is None
    press(page, "example")
    made = own(page).table
    assert made.target == "rent"
    assert made.features[:3] == ("size", "rooms", "district=centre")
    assert "stored only if you share a run of it." in words(page)


def test_a_file_is_taken_with_the_usual_choices(page):
    upload(page, lines())
    assert (own(page).choice.target, own(page).choice.features) == ("b", ("a", "c"))
    assert page.selectbox(key="regression.own_target").value == "b"
    assert page.multiselect(key="regression.own_features").value == ["a", "c"]
    assert "some.csv: 12 of 12 rows in use, 4 features." in words(page)
    assert own(page).table == read(lines()).prepare("b", ["a", "c"])


def test_the_bytes_of_a_file_are_let_go(page):
    upload(page, lines())
    assert page.file_uploader[0].value is None


def test_the_table_is_there_after_leaving_the_page(page):
    upload(page, lines())
    page.selectbox(key="regression.own_target").set_value("a").run()
    made = own(page).table
    page.toggle[0].set_value(False).run()
    assert len(page.file_uploader) == 0
    page.toggle[0].set_value(True).run()
    assert own(page).table is made
    assert page.selectbox(key="regression.own_target").value == "a"
    assert page.multiselect(key="regression.own_features").value == ["b", "c"]


def test_a_bad_file_says_so_and_changes_nothing(page):
    upload(page, lines())
    made = own(page).table
    upload(page, lines("1,2"), name="*bad*.csv")
    assert "*bad*.csv: expected 3 cells in every line" in words(page)
    assert "\\*bad\\*" in page.error[0].value
    assert "“some.csv”, loaded before, stays in use." in words(page)
    assert own(page).table is made
    upload(page, lines(count=15))
    assert not page.error
    assert len(own(page).table.y) == 15


def test_a_bad_first_file(page):
    upload(page, b"")
    assert "received an empty file" in words(page)
    assert own(page).table is None
    assert "stays in use" not in words(page)


def test_another_target(page):
    upload(page, lines())
    page.selectbox(key="regression.own_target").set_value("a").run()
    assert own(page).table.target == "a"
    assert page.multiselect(key="regression.own_features").value == ["b", "c"]


def test_a_choice_of_features_outlasts_another_target(page):
    upload(page, "a,b,c\n" + "".join(f"{n},{n % 5},{n % 3}\n" for n in range(12)))
    page.multiselect(key="regression.own_features").set_value(["a"]).run()
    page.selectbox(key="regression.own_target").set_value("b").run()
    assert own(page).choice.features == ("a",)
    assert own(page).table.features == ("a",)


def test_no_features_is_said_and_the_last_table_stays(page):
    upload(page, lines())
    made = own(page).table
    page.multiselect(key="regression.own_features").set_value([]).run()
    assert "features: expected at least one column" in words(page)
    assert "The last choice that worked stays in use." in words(page)
    assert own(page).table is made
    page.multiselect(key="regression.own_features").set_value(["a"]).run()
    assert not page.error
    assert own(page).table.features == ("a",)


def test_missing_numbers_by_choice(page):
    upload(page, GAPPY)
    box = page.selectbox(key="regression.own_missing")
    assert box.options == ["leave rows out: 2", "fill in the mean", "fill in the median"]
    assert "21 of 24 rows in use" in words(page)
    assert "Missing: size 1, rooms 1, district 1." in words(page)
    box.set_value("mean").run()
    assert own(page).table == read(GAPPY).prepare("rent", ["size", "rooms", "district"], "mean")
    assert "23 of 24 rows in use" in words(page)


def test_a_sheet_of_gaps_opens_with_them_filled(page):
    rows = "".join(f"{n},{n % 3 if n < 9 else ''},{n % 7}\n" for n in range(30))
    upload(page, "a,b,c\n" + rows)
    assert own(page).choice.missing == "median"
    assert len(own(page).table.y) == 30


def test_without_gaps_nothing_is_asked(page):
    upload(page, lines())
    assert [s.key for s in page.selectbox] == ["regression.own_target"]


def test_preview_and_rules(page):
    upload(page, lines(",1,x", head="*a*,b,c"))
    page.session_state["regression.own_preview"] = True
    page.run()
    frame = page.dataframe[0].value
    assert list(frame.columns) == ["*a*", "b", "c"]
    assert frame.iloc[1].tolist() == ["1", "1", "y"]
    rules = " ".join(m.value for m in page.markdown)
    assert "Missing cells: 1" in rules.replace("\\", "")
    assert "lack a number: 1." in rules.replace("\\", "")


def test_remove_and_put_back(page):
    upload(page, lines())
    page.selectbox(key="regression.own_target").set_value("a").run()
    made = own(page).table
    press(page, "remove")
    assert own(page).table is None
    assert page.file_uploader[0].value is None
    press(page, "put_back")
    assert own(page).table is made
    assert page.selectbox(key="regression.own_target").value == "a"
    upload(page, lines(count=15))
    assert len(own(page).table.y) == 15


def test_the_owner_of_the_page_may_undo_the_removal():
    """With `on_remove` the page's own undo brings the table back, and no second button stands here."""
    script = SCRIPT.replace(
        "own_table(spec, None)",
        "own_table(spec, 'the visit', lambda *told: st.session_state.update(told=told))",
    ).replace("spec = ", "from pages._frame.own import put_back\nspec = ")
    script += "\nif 'told' in st.session_state:"
    script += "\n    st.button('undo', on_click=put_back, args=(spec, st.session_state.told[1]))"
    test = AppTest.from_string(script, default_timeout=30).run()
    upload(test, lines())
    made = own(test).table
    press(test, "remove")
    assert test.session_state["told"][0] == "the visit"
    assert "Put the table back" not in [b.label for b in test.button]
    next(b for b in test.button if b.label == "undo").click()
    test.run()
    assert not test.exception
    assert own(test).table is made


def test_the_example_is_a_good_file():
    from pages._frame.own_example import rents

    rows = list(csv.reader(rents().decode().splitlines()))
    assert len(rows) == 121
    sheet = read(rents())
    assert sheet.targets == ("size", "rooms", "rent")
    gaps = sheet.gaps("rent", sheet.features("rent"))
    assert gaps.numbers["size"] > 0
    assert gaps.categories["district"] > 0
    made = sheet.prepare("rent", sheet.features("rent"))
    x = np.column_stack([made.x.astype(float), np.ones(len(made.y))])
    rest = made.y - x @ np.linalg.lstsq(x, made.y, rcond=None)[0]
    assert rest.var() < 0.2 * made.y.var()
