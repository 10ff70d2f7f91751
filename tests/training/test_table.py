"""Tables are checked before the first step, and say what was meant."""

import json

import pytest

from regkit import InputError
from regkit.training.table import read_table


@pytest.fixture
def folder(tmp_path):
    for name in ("anna_t1.nii.gz", "anna_t2.nii.gz", "anna_labels.nii.gz"):
        (tmp_path / name).touch()
    return tmp_path


def _csv(folder, text):
    path = folder / "brain.csv"
    path.write_text(text)
    return path


def test_csv_and_json_say_the_same(folder):
    rows = [{"image": "anna_t1.nii.gz", "modality": "T1", "subject": "anna"}]
    listed = folder / "brain.json"
    listed.write_text(json.dumps({"data": rows}))
    table = _csv(folder, "image,modality,subject\nanna_t1.nii.gz,T1,anna\n")
    assert read_table(table) == read_table(listed)


def test_what_is_left_out_has_defaults(folder):
    (row,) = read_table(_csv(folder, "image\nanna_t1.nii.gz\n"))
    assert (row.modality, row.subject, row.labels, row.mask) == ("other", "anna_t1", None, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image,modalty\nanna_t1.nii.gz,T1\n", "column 'modalty' is unknown; did you mean 'modal"),
        ("image\nanna_t3.nii.gz\n", "row 1: anna_t3.nii.gz does not exist; did you mean 'anna_t"),
        ("image\nelse/anna_t1.nii.gz\n", "the folder does not exist either"),
        ("image\nzzz\n", "zzz does not exist; check the path"),
        (
            "image,modality\nanna_t1.nii.gz,FLAR\n",
            "modality 'FLAR' is unknown; did you mean 'FLAIR'",
        ),
        ("image,subject\nanna_t1.nii.gz,a\nanna_t2.nii.gz,a\n", "rows 1 and 2 are both other of a"),
        ("image,subject\n,anna\n", "row 1 has no image"),
        ("image\n", "has no rows"),
    ],
)
def test_what_is_wrong_is_said_with_what_is_near(folder, text, said):
    allowed = ("T1", "FLAIR") if "FLAR" in text else ()
    with pytest.raises(InputError) as error:
        read_table(_csv(folder, text), modalities=allowed)
    assert said in str(error.value)


def test_a_table_that_is_none_is_refused(folder):
    (folder / "a.json").write_text("3")
    (folder / "b.csv").write_bytes(b"\xff\xfe\xff")
    for name, said in (("a.json", "is not a list of rows"), ("b.csv", "cannot be read")):
        with pytest.raises(InputError, match=said):
            read_table(folder / name)


def test_a_table_that_is_not_there_is_told_with_its_columns(tmp_path):
    with pytest.raises(InputError, match="there is no such table; give CSV or JSON with the col"):
        read_table(tmp_path / "brain.csv")
