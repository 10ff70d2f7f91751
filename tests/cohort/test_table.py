import json

import pytest

from regkit import InputError
from regkit.cohort import read_pair_table
from regkit.cohort.parsing import value_of
from regkit.cohort.problems import TableError


def test_csv_has_the_lines_of_its_text(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text('\ufefffixed, moving\n\na.nii,"two\nlines"\nb.nii,\n', encoding="utf-8")
    table = read_pair_table(path)
    assert table.columns == ("fixed", "moving")
    assert [each.line for each in table.records] == [3, 5]
    assert table.records[0].values == {"fixed": "a.nii", "moving": "two\nlines"}
    assert table.records[1].values == {"fixed": "b.nii"}


def test_json_lines_and_parquet_say_the_same_as_csv(tmp_path):
    import pyarrow
    from pyarrow import parquet

    rows = [{"image": "a.nii", "seed": 3, "mask": None}, {"image": "b.nii", "seed": 4}]
    text = "\n".join(map(json.dumps, rows))
    (tmp_path / "t.jsonl").write_text(text)
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "t.parquet")
    (tmp_path / "t.tsv").write_text("image\tseed\na.nii\t3\nb.nii\t4\n")
    lines, columns = read_pair_table(tmp_path / "t.jsonl"), read_pair_table(tmp_path / "t.parquet")
    assert [each.values for each in lines.records] == [each.values for each in columns.records]
    assert columns.at(2) == "t.parquet: row 2"
    texts = read_pair_table(tmp_path / "t.tsv")
    assert [{k: value_of(v) for k, v in each.values.items()} for each in texts.records] == [
        each.values for each in lines.records
    ]


@pytest.mark.parametrize("text", [
    "\ufefffixed;moving\r\na.nii;b,c.nii\r\n;\r\n",
    "sep=;\r\nfixed;moving\r\na.nii;b,c.nii\r\n",
    "fixed\tmoving\na.nii\tb,c.nii\n",
    'fixed,moving,,\r\na.nii,"b,c.nii",,\r\n,,,\r\n',
    'fixed,moving\ra.nii,"b,c.nii"\r',
])  # fmt: skip
def test_tables_as_spreadsheets_write_them(tmp_path, text):
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode())
    table = read_pair_table(path)
    assert table.columns == ("fixed", "moving")
    assert [each.values for each in table.records] == [{"fixed": "a.nii", "moving": "b,c.nii"}]
    assert table.records[0].line == (3 if text.startswith("sep") else 2)


@pytest.mark.parametrize(("name", "text", "lines"), [
    ("t.csv", "a,b\n1\n1,2\n1,2,3\n", (2, 4)),
    ("t.jsonl", '{"a": 1}\n{\n[1]\n', (2, 3)),
])  # fmt: skip
def test_all_rows_that_are_none_are_named(tmp_path, name, text, lines):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(TableError) as refused:
        read_pair_table(path)
    assert len(refused.value.problems) == len(lines)
    for line, said in zip(lines, refused.value.problems, strict=True):
        assert said.startswith(f"{name}: line {line}")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("t.xlsx", "x", "is no table by its name; allowed: .csv, .tsv, .jsonl, .parquet"),
        ("t.csv", "fixed,moving\n", "has no rows"),
        ("t.csv", "\n\n", "is empty; the first line must name the columns"),
        ("t.csv", "fixed,fixed\na,b\n", "has the column 'fixed' twice"),
        ("t.csv", "fixed,\na,b\n", "column 2 has no name"),
        ("t.csv", 'fixed\n"a"b\n', "line 2: is no CSV"),
        ("t.parquet", "PAR1 or not", "is no Parquet file"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, name, text, said):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError, match=rf"^{name}: {said}"):
        read_pair_table(path)


def test_text_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"fixed\n\xff\xfe\n")
    with pytest.raises(InputError, match="cannot be read as a table: not UTF-8 text"):
        read_pair_table(path)
    with pytest.raises(InputError, match="not found"):
        read_pair_table(tmp_path / "nowhere.csv")
