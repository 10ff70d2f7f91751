"""Layouts of ucsdbiag/Prompt-Robustness-MedSegFMs at 2b15f26, with numbers of our own."""

import json
from os import environ
from pathlib import Path

import pytest

from foundation.studies.released import mean_dice, read_released, released_cells
from foundation.studies.robustness.page import baseline_of
from foundation.studies.summary import Judgement, summarise_cells
from regkit import InputError
from regkit.cli import main


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


PUBLISHED = {
    "nnInteractive/evals_nninteractive": {
        ("none", 0): 0.9015, ("shift", 0): 0.7546, ("dilate", 1): 0.8002, ("dilate", 2): 0.7134,
        ("dilate", 3): 0.6268, ("dilate", 5): 0.4581, ("dilate", 8): 0.2561, ("erode", 1): 0.7337,
        ("erode", 2): 0.5558, ("erode", 3): 0.3860, ("erode", 5): 0.1604, ("erode", 8): 0.0508,
        ("hole", 1): 0.8259, ("hole", 3): 0.8864, ("hole", 5): 0.8984,
    },
    "SAM-Med3D/evals_sammed3d": {
        ("none", 0): 0.8025, ("shift", 0): 0.8004, ("dilate", 1): 0.8056, ("dilate", 2): 0.8015,
        ("dilate", 3): 0.7936, ("dilate", 5): 0.7590, ("dilate", 8): 0.6766, ("erode", 1): 0.7898,
        ("erode", 2): 0.7726, ("erode", 3): 0.7518, ("erode", 5): 0.7214, ("erode", 8): 0.6959,
        ("hole", 1): 0.7716, ("hole", 3): 0.7919, ("hole", 5): 0.7982,
    },
}  # fmt: skip


@pytest.mark.parametrize("folder", PUBLISHED)
def test_the_scores_of_the_paper_have_the_means_of_the_paper(folder, capsys):
    """Its files have no licence and are not here: REGKIT_PAPER_SCORES names a checkout of them."""
    if "REGKIT_PAPER_SCORES" not in environ:
        pytest.skip("REGKIT_PAPER_SCORES names no checkout of Prompt-Robustness-MedSegFMs")
    place = Path(environ["REGKIT_PAPER_SCORES"]) / folder
    assert main(["study", "released", str(place), "--json"]) == 0
    found = {
        (each["perturbation"], each["radius"]): each for each in json.loads(capsys.readouterr().out)
    }
    for condition, dice in PUBLISHED[folder].items():
        assert found[condition]["dice"] == pytest.approx(dice, abs=1e-4)
    cases = {each["cases"] for each in found.values()}
    assert cases == ({None} if folder.startswith("SAM") else {None, 29, 30})


def test_the_table_of_released_scores_pairs_those_with_cases_alone(keyed, unkeyed, capsys):
    assert main(["study", "released", str(keyed), "--model", "nnInteractive"]) == 0
    dilated, clean = capsys.readouterr().out.splitlines()[1:]
    assert clean.split()[:3] == ["none", "0.8281", "15"]
    assert dilated.split()[:4] == ["dilate", "3", "0.6281", "15"]
    assert "-0.200 [-0.200, -0.200] (n = 8)" in dilated
    assert dilated.endswith("0.00781")
    assert main(["study", "released", str(unkeyed)]) == 0
    rows = capsys.readouterr().out.splitlines()[1:]
    assert [row.split()[0] for row in rows] == ["dilate", "dilate", "shift"]
    assert all("no case is named  not paired" in row for row in rows)


def test_scores_that_are_not_there_are_one_line(tmp_path, capsys):
    assert main(["study", "released", str(tmp_path / "nowhere.json")]) == 2
    said = capsys.readouterr().err.strip()
    assert "nowhere.json" in said
    assert said.count("\n") == 0


def test_a_path_may_be_text(keyed):
    assert read_released(str(keyed)) == read_released(keyed)
    file = keyed / "no-aug.json"
    assert read_released(str(file)) == read_released(file)


def test_a_folder_without_scores_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"holds no \.json file"):
        read_released(tmp_path)
