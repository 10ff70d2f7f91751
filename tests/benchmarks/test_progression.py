"""What the benchmark of change keeps, and how it counts."""

from argparse import Namespace

import pytest

from benchmarks.progression import CASES, Measured, kept


def test_a_finished_measurement_is_not_repeated(tmp_path):
    made = []

    def measure():
        made.append(1)
        return Measured({"v": 1.5}, {"v": -1.5}, seconds=len(made), noise={"v": 0.2})

    asked = Namespace(whole=False, spacing=2.0, keep=tmp_path / "kept")
    first = kept("regkit", CASES[0], asked, measure)
    assert first == kept("regkit", CASES[0], asked, measure)
    assert len(made) == 1
    kept("ANTs", CASES[0], asked, measure)
    kept("regkit", CASES[1], asked, measure)
    kept("regkit", CASES[0], Namespace(**{**vars(asked), "spacing": None}), measure)
    kept("regkit", CASES[0], Namespace(**{**vars(asked), "keep": None}), measure)
    assert len(made) == 5


def test_there_and_back_are_nothing_where_the_direction_does_not_matter():
    """From 100 to 105 is +5 %; back it is -4.76 %."""
    one = Measured({"v": 5.0}, {"v": 100 * (100 / 105 - 1)}, seconds=3.0, noise={"v": 0.2})
    cells = one.cells("v", truth=4.9, who="")
    assert cells["there + back"] == pytest.approx(0, abs=1e-12)
    assert cells["error"] == pytest.approx(0.1)
    assert cells["regkit CPU s"] == 3.0
    other = Measured({"v": 5.0}, {"v": -4.0}, seconds=1.0).cells("v", 4.9, "ANTs ")
    assert other["ANTs there + back"] > 0.7
    assert "± noise" not in other
