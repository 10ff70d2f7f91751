"""Layouts of ucsdbiag/Prompt-Robustness-MedSegFMs at 2b15f26, with numbers of our own."""

import json

import pytest

from foundation.studies.released import mean_dice, read_released, released_cells
from foundation.studies.robustness.page import baseline_of
from foundation.studies.summary import Judgement, summarise_cells
from regkit import InputError


@pytest.fixture
def keyed(tmp_path):
    """A file for each condition, a case for each key; one case lacks a structure."""
    folder = tmp_path / "evals"
    folder.mkdir()
    clean = {f"B/{n:04}.npz": {"1": 0.9, "4": 0.7 + n / 100, "mean_dice": 0.0} for n in range(8)}
    del clean["B/0003.npz"]["4"]
    wide = {
        case: {label: value - 0.2 for label, value in labels.items()}
        for case, labels in clean.items()
    }
    (folder / "no-aug.json").write_text(json.dumps(clean))
    (folder / "dilate_radius=3.json").write_text(json.dumps(wide))
    return folder


@pytest.fixture
def unkeyed(tmp_path):
    path = tmp_path / "all_logs.json"
    lists = {"liver": {"dilate": {"1": [0.9, 0.8], "2": [0.7, 0.6]}, "shift": [0.5, 0.4]}}
    lists["gallbladder"] = {"dilate": {"1": [0.4], "2": [float("nan"), 0.2]}, "shift": [0.3]}
    path.write_text(json.dumps(lists))
    return path


def test_means_are_over_cases_of_means_over_structures(keyed):
    means = mean_dice(read_released(keyed))
    by_case = [(0.9 + 0.7 + n / 100) / 2 if n != 3 else 0.9 for n in range(8)]
    assert means["none", 0] == pytest.approx(sum(by_case) / 8, abs=1e-12)
    assert means["dilate", 3] == pytest.approx(sum(by_case) / 8 - 0.2, abs=1e-12)


def test_without_cases_means_are_over_structures(unkeyed):
    means = mean_dice(read_released(unkeyed))
    assert means == {
        ("dilate", 1): pytest.approx((0.85 + 0.4) / 2),
        ("dilate", 2): pytest.approx((0.65 + 0.2) / 2),
        ("shift", 0): pytest.approx((0.45 + 0.3) / 2),
    }


def test_scores_with_cases_are_compared_in_pairs(keyed):
    cells = released_cells(read_released(keyed), "nnInteractive")
    found = summarise_cells(cells, baseline_of, Judgement(resamples=200))
    (worse,) = (f for f in found if f.difference)
    assert worse.difference.estimate.mean == pytest.approx(-0.2)
    assert worse.difference.estimate.subjects == 8
    assert worse.difference.p == pytest.approx(2 / 2**8)


def test_scores_without_cases_are_not_paired(unkeyed):
    with pytest.raises(InputError, match="do not say of which case"):
        released_cells(read_released(unkeyed), "SAM-Med3D")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read as JSON"),
        ("[1]", "no file of scores"),
        ('{"liver": [0.5]}', "no file of scores"),
        ('{"liver": {"dilate": {"one": [0.5]}}}', "no file of scores"),
        ('{"liver": {"dilate": 0.5}}', "no file of scores"),
        ('{"a": {"1": 1.5, "mean_dice": 1}}', "1.5 is no Dice"),
        ('{"a": {"1": true, "mean_dice": 1}}', "True is no Dice"),
    ],
)
def test_other_files_are_refused(tmp_path, text, said):
    path = tmp_path / "scores.json"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read_released(path)


def test_a_path_may_be_text(keyed):
    assert read_released(str(keyed)) == read_released(keyed)
    file = keyed / "no-aug.json"
    assert read_released(str(file)) == read_released(file)


def test_a_folder_without_scores_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"holds no \.json file"):
        read_released(tmp_path)
