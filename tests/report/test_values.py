from pathlib import Path

import pytest

from regkit.report.values import flat, plain


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1 / 3, "0.3333"),
        (False, "no"),
        (None, "None"),
        (Path("/a/b/c.nii"), "c.nii"),
        ("/a/b c/d.nii", "d.nii"),
        ("regkit register /a/b.nii ~/c.nii x", "regkit register b.nii c.nii x"),
        ("T1/T2", "T1/T2"),
        ("Linux-6.1", "Linux-6.1"),
        ({"file": "/a/b.nii", "n": 2}, "file b.nii, n 2"),
        ((8.0, 4.0), "8 4"),
    ],
)
def test_values_are_short_and_private(value, shown):
    assert plain(value) == shown


def test_nested_options_become_dotted_names():
    assert flat({"a": {"b": 1, "c": [2, 3]}, "d": []}) == [("a.b", "1"), ("a.c", "2 3"), ("d", "")]


def test_what_is_not_set_is_left_out():
    assert flat({"a": None, "b": {"c": None, "d": 1}}) == [("b.d", "1")]
