"""Gradient tables of FSL: what is read, written and refused."""

import numpy as np
import pytest

from regkit import InputError
from regkit.io.gradients import read_gradients, write_directions, write_weightings

DIRECTIONS = np.array([[0.0, 0, 0], [1, 0, 0], [0, 0.6, -0.8]])


def test_there_and_back(tmp_path):
    write_directions(DIRECTIONS, tmp_path / "a.bvec")
    write_weightings(np.array([0.0, 1000, 2500]), tmp_path / "a.bval")
    found = read_gradients(tmp_path / "a.bvec", tmp_path / "a.bval", 3)
    assert np.allclose(found.directions, DIRECTIONS)
    assert found.weightings.tolist() == [0, 1000, 2500]
    assert (tmp_path / "a.bval").read_text() == "0 1000 2500\n"
    assert len((tmp_path / "a.bvec").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("bvec", "bval", "said"),
    [
        ("1 0\n0 1\n0 0\n", None, r"has 3 rows of 2 numbers, and the series has 3 frames"),
        ("0 0 0\n" * 2, None, "2 rows of 3 numbers"),
        ("1 0 x\n0 1 0\n0 0 1\n", None, "is not a table of numbers"),
        ("1 0 nan\n0 1 0\n0 0 1\n", None, "some are not finite"),
        ("1 0 0\n0 1 0\n0 0 0.9\n", None, "direction of frame 2 has length 0.9"),
        ("1 0 0\n0 1 0\n0 0 0\n", "0 1000 1000\n", "direction of frame 2 has length 0;"),
        ("1 0 0\n0 1 0\n0 0 1\n", "0 1000\n", "a.bval: has 1 rows of 2 numbers"),
        ("1 0 0\n0 1 0\n0 0 1\n", "0 -5 0\n", "frame 1 has b = -5"),
    ],
)
def test_tables_that_do_not_fit(tmp_path, bvec, bval, said):
    (tmp_path / "a.bvec").write_text(bvec)
    if bval is not None:
        (tmp_path / "a.bval").write_text(bval)
    with pytest.raises(InputError, match=said):
        read_gradients(tmp_path / "a.bvec", None if bval is None else tmp_path / "a.bval", 3)


def test_a_table_that_lies_on_its_side(tmp_path):
    (tmp_path / "a.bvec").write_text("1 0 0\n" * 4)
    with pytest.raises(InputError, match="turn rows into columns"):
        read_gradients(tmp_path / "a.bvec", None, 4)
