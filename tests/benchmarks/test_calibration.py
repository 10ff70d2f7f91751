"""The judge of quality: what counts as bad, and how rates are counted."""

import numpy as np
import pytest

import regkit as rk
from benchmarks import calibration
from benchmarks.hard_pairs.pair import HardPair

GRID = rk.Grid((8, 8, 8), np.eye(4))
IMAGE = rk.Volume(np.zeros(GRID.shape, np.float32), GRID)
LABELS = rk.Labels(np.ones(GRID.shape, np.uint8), GRID)


def _pair(**known):
    return HardPair("p", IMAGE, IMAGE, **known)


@pytest.mark.parametrize(
    ("known", "value", "best", "bad"),
    [
        ({"truth": rk.Affine.identity()}, 2.9, 0.0, False),
        ({"truth": rk.Affine.identity()}, 3.1, 0.0, True),
        ({"fixed_labels": LABELS}, 0.65, 0.7, False),
        ({"fixed_labels": LABELS}, 0.55, 0.7, True),
        ({}, float("nan"), 0.0, True),
    ],
)
def test_what_is_bad(known, value, best, bad):
    assert calibration._is_bad(_pair(**known), value, best) is bad


def test_overlap_judges_where_no_truth_is_known():
    pair = _pair(fixed_labels=LABELS, moving_labels=LABELS)
    away = rk.Affine([[1, 0, 0, 4], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    assert calibration._judged(pair, rk.Affine.identity()) == 1
    assert calibration._judged(pair, away) == pytest.approx(2 / 3)


def test_rates_are_of_each_half():
    cases = [
        {"half": "tune", "severity": -1.0, "bad": False},
        {"half": "tune", "severity": 2.0, "bad": True},
        {"half": "judge", "severity": 0.5, "bad": False},
        {"half": "judge", "severity": -0.5, "bad": True},
    ]
    rows = {row["half"]: row for row in calibration.table(cases).rows}
    assert rows["tune"]["AUC"] == 1
    assert rows["judge"]["AUC"] == 0
    assert rows["judge"]["bad: pass %"] == 100
    assert rows["all"]["good"] == 2


def test_ties_count_half():
    assert calibration.area(np.array([0.0]), np.array([0.0])) == 0.5
