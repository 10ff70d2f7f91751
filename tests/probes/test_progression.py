"""Two visits: aligned in every arm by one interpolation, and what cannot be paired is named."""

import json
from shutil import copyfile
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as parquet
import pytest
import torch

from probes.study.arms import (
    Registrar,
    centre_translation,
    sample_smoothed,
    structure_box,
    tilted_grid,
)
from probes.study.blocks import chosen_structures
from probes.table import read_study_table
from probes.table.columns import TableColumns
from regkit import Affine, Volume
from regkit.cli import main
from regkit.geometry.affines import homogeneous, rotation
from regkit.io import read


def run(path, folder, *words):
    return main(["probe", "progression", "-c", str(path), "-o", str(folder), "-q", *words])


def settings(visits, **more):
    return {
        "table": str(visits / "people.csv"), "visits": ["bl", "m12"],
        "outcome": {"column": "grows", "positive": 1}, "shape": [32, 32],
        "structures": [2], "registration": {"preset": "fast"}, "folds": 3,
        "features": [{"source": "volumes"}, {"source": "intensity", "pooling": ["roi", "grid:4"]}],
        "arms": ["unaligned", "rigid"], **more,
    }  # fmt: skip


def test_every_arm_is_blurred_alike(grid):
    """White noise keeps the same share of its variance, moved or not, on its own spacing or not."""
    large = grid.window((0, 0, 0), (48, 52, 40))
    # Of the same spacing as the image: without the tilt, voxels would fall on voxels.
    onto = tilted_grid(large, large.reoriented("RAS").shape)
    turn = homogeneous(rotation([0.1, 0.05, -0.08]), [1.3, -2.2, 0.7])
    about = homogeneous(np.eye(3), large.centre)
    unaligned, rigid = (
        np.mean([_left(phi, large, onto, seed) for seed in range(3)])
        for phi in (centre_translation(large, large), Affine(about @ turn @ np.linalg.inv(about)))
    )
    assert unaligned == pytest.approx(rigid, rel=0.06)
    assert unaligned == pytest.approx((2 / 3) ** 3, rel=0.08)
    # What the tilt is for: voxels on voxels are not blurred at all.
    assert _left(Affine.identity(), large, large, 0) == pytest.approx(1, rel=0.05)


def _left(phi, grid, onto, seed):
    """The variance that is left of white noise of variance 1."""
    drawn = torch.randn(1, *grid.shape, generator=torch.Generator().manual_seed(seed))
    found = sample_smoothed(Volume(drawn, grid), phi, onto)
    return found.data[:, 8:-8, 8:-8, 8:-8].var().item()


def test_the_known_pose_is_undone_and_the_unaligned_arm_keeps_it(head):
    pose = homogeneous(rotation([0, 0, 0.2]), [3.0, -2.0, 1.0])
    moved = Volume(head.data, pose @ head.grid.affine)  # the same head, elsewhere
    onto = tilted_grid(head.grid, (24, 28, 20))
    here = sample_smoothed(head, Affine.identity(), onto)
    there = sample_smoothed(moved, Affine(pose), onto)
    assert torch.allclose(here.data, there.data, atol=1e-3)
    unaligned = sample_smoothed(moved, centre_translation(head.grid, moved.grid), onto)
    assert (unaligned.data - here.data).abs().max() > 10
    assert np.abs(onto.centre - head.grid.centre).max() < min(head.grid.spacing)


def test_a_crop_holds_its_structures(parts):
    box = structure_box(chosen_structures(parts, [5]), margin=4.0)
    points = parts.grid.world_points()[parts.data[0] == 5]
    assert bool(box.contains(points).all())
    assert np.prod(box.shape) < np.prod(parts.shape) / 2


def test_a_transform_is_found_once_and_kept(visits, tmp_path, monkeypatch):
    first, second = (read(visits / f"p1_{visit}.nii.gz") for visit in ("bl", "m12"))
    options = {"preset": "fast", "linear": {"iterations": 12}}
    registrar = Registrar(options, tmp_path)
    found = registrar.find("rigid", first, second)
    monkeypatch.setattr("probes.study.arms.register", None)  # whoever calls it fails
    again = Registrar(options, tmp_path)
    kept = again.find("rigid", first, second)
    np.testing.assert_array_equal(found.matrix, kept.matrix)
    assert registrar.verdicts == again.verdicts
    with pytest.raises(TypeError):  # of other images nothing is kept
        again.find("rigid", second, first)


@pytest.fixture
def fast(monkeypatch):
    """Registrations that find the translation of the centres; `Registrar` itself has a test."""

    def found(reference, image, **options):
        quality = SimpleNamespace(verdict="pass")
        phi = centre_translation(reference.grid, image.grid)
        return SimpleNamespace(transform=phi, quality=quality, metrics={"folding": 0.0})

    monkeypatch.setattr("probes.study.arms.register", found)


def test_a_study_from_visits_to_a_report(visits, study, tmp_path, fast):
    path = study(**settings(visits), cache=str(tmp_path / "cache"))
    out = tmp_path / "out"
    assert run(path, out) == 0
    rows = parquet.read_table(out / "results.parquet").to_pylist()
    areas = {(r["features"], r["arm"]): r["value"] for r in rows
             if r["metric"] == "auc" and r["kind"] == "baseline"
             and r["layer"] in ("volumes", "chosen inside the fold")}  # fmt: skip
    assert set(areas) == {("volumes", ""), ("intensity", "unaligned"), ("intensity", "rigid")}
    assert areas["volumes", ""] > 0.95  # the oracle: the hole grows by a third of its area
    compared = [r for r in rows if r["kind"] == "difference"]
    assert [r["compared_with"] for r in compared] == ["baseline: intensity, unaligned"]
    page = (out / "report.html").read_text()
    assert "What the probes look at" in page
    assert "Both visits are sampled once" in page
    record = json.loads((out / "run.json").read_text())
    assert sum(record["registrations"]["rigid"].values()) == 12


def test_an_atlas_brings_both_visits_to_one_grid(visits, study, tmp_path):
    more = {
        "reference": "atlas", "atlas": str(visits / "p0_bl.nii.gz"),
        "atlas_labels": str(visits / "p0_bl_labels.nii.gz"), "crop": True, "permutations": 0,
        "arms": ["unaligned"], "combine": "both", "maps": False,
        "features": [{"source": "intensity", "pooling": ["grid:4", "std"]}],
    }  # fmt: skip
    assert run(study(**settings(visits, **more)), tmp_path / "out") == 0
    record = str(tmp_path / "out/run.json")
    words = ["rerun", record, "--data", str(visits), "-o", str(tmp_path / "again"), "-q"]
    assert main(words) == 0
    first, again = (tmp_path / each / "results.parquet" for each in ("out", "again"))
    assert first.read_bytes() == again.read_bytes()


def _rows(visits, tmp_path, change):
    """The table with some lines changed, its images where they are."""
    lines = (visits / "people.csv").read_text().splitlines()
    text = "\n".join(change(lines)) + "\n"
    place = visits / f"{tmp_path.name}.csv"
    place.write_text(text)
    return str(place)


BAD = {
    "no pair": (lambda lines: lines[:-1],
                "subject 'p11' has visit 'bl' and no 'm12' (1 lack one); add it, or set"),
    "twice": (lambda lines: [*lines, lines[-1]],
              "are both visit 'm12' of subject 'p11'; leave one image of each visit"),
    "one image of two people": (
        lambda lines: [line.replace("p5_m12.nii.gz", "copied.nii.gz") for line in lines],
        "line 13: the image of subject 'p5' is that of subject 'p2' in line 7, to the byte "
        "(copied.nii.gz); give each its own, or one name to both"),
    "no visit": (lambda lines: [line.replace(",m12,", ",m24,").replace(",bl,", ",b,")
                                for line in lines], "has no visit bl or m12; its visits: b, m24"),
    "one class": (lambda lines: [lines[0], *(line for line in lines if ",1,0.15," in line)],
                  "no row has class 0; a probe needs both"),
    "few subjects": (lambda lines: lines[:5], "2 subjects are fewer than the 3 that 3 folds"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_tables_that_cannot_be_used_are_named_first(
    name, visits, study, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("probes.study.progression_task.sample_smoothed", None)
    copyfile(visits / "p2_m12.nii.gz", visits / "copied.nii.gz")
    change, message = BAD[name]
    path = study(**settings(visits, table=_rows(visits, tmp_path, change)))
    assert run(path, tmp_path / "out") == 2
    assert message in capsys.readouterr().err


def _graded(lines):
    """A grade that rises by 1 in whoever grows, and a score that the follow-up alone has."""
    cells = [line.split(",") for line in lines[1:]]
    rows = [
        [*c, str(int(c[1] == "m12" and c[4] == "1")), "" if c[1] == "bl" else "9"] for c in cells
    ]
    return [f"{lines[0]},grade,score", *map(",".join, rows)]


def test_an_outcome_says_of_which_visit_it_is(visits, study, tmp_path, capsys):
    table = _rows(visits, tmp_path, _graded)
    volumes = {"table": table, "features": [{"source": "volumes"}], "permutations": 0}

    def told(outcome, **more):
        path = study(**settings(visits, **{**volumes, "outcome": outcome, **more}))
        return run(path, tmp_path / "out", "--overwrite")

    assert told({"column": "grade", "positive": 1}) == 2
    assert "grade of subject 'p1' is '1', and '0' at 'bl'; say which is meant as outcome.visit" in (
        capsys.readouterr().err
    )
    assert told({"column": "grade", "positive": 1, "visit": "baseline"}) == 2
    assert "no grade is '1'; its values are 0" in capsys.readouterr().err
    for visit in ("follow-up", "change"):
        assert told({"column": "grade", "positive": 1, "visit": visit}) == 0
        said = parquet.read_table(tmp_path / "out/predictions.parquet").to_pylist()
        assert {(each["subject"], each["truth"]) for each in said} == {
            (f"p{n}", n % 2) for n in range(12)
        }
    assert told({"column": "labels", "visit": "change"}) == 2
    assert "which is no number; a change is that of numbers" in capsys.readouterr().err
    assert told({"time": "age", "event": "grows", "visit": "change"}) == 2
    assert "a change is that of a column" in capsys.readouterr().err
    grade = {"column": "grade", "positive": 1, "visit": "change"}
    assert told(grade, covariates=["score"]) == 2  # the follow-up knows how it went
    assert "has no score; fill it, leave the row out" in capsys.readouterr().err


SIDES = {
    "a visit on each side": (
        lambda subject, visit: (
            "train" if (subject < 6) ^ (subject == 2 and visit == "m12") else "test"
        ),
        "subject 'p2' is in test, and in train at 'bl'; put all rows of a subject on one side",
    ),
    "one side": (lambda subject, visit: "train", "no row of the split is 'test'"),
    "one class of a side": (
        lambda subject, visit: "test" if subject in (8, 10) else "train",
        "test: has one class alone",
    ),
    "no side": (lambda subject, visit: "val", "side is 'val'; allowed: train, test"),
}


@pytest.mark.parametrize("name", SIDES)
def test_no_subject_is_on_both_sides_of_a_split(name, visits, study, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("probes.study.progression_task.sample_smoothed", None)
    side, message = SIDES[name]

    def split(lines):
        cells = [line.split(",") for line in lines[1:]]
        return [f"{lines[0]},side", *(",".join([*c, side(int(c[0][1:]), c[1])]) for c in cells)]

    path = study(**settings(visits, table=_rows(visits, tmp_path, split), split="side"))
    assert run(path, tmp_path / "out") == 2
    assert message in capsys.readouterr().err


def test_both_knees_of_a_subject_are_on_one_side(visits, study, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("probes.study.progression_task.sample_smoothed", None)

    def knees(lines):
        """Every second person becomes the left knee of the one before."""
        cells = [line.split(",") for line in lines[1:]]
        numbers = [int(c[0][1:]) for c in cells]
        rows = [
            [f"p{n // 2}", *c[1:], "LEFT" if n % 2 else "RIGHT", "test" if n % 4 == 1 else "train"]
            for n, c in zip(numbers, cells, strict=True)
        ]
        return [f"{lines[0]},unit,side", *map(",".join, rows)]

    path = study(**settings(visits, table=_rows(visits, tmp_path, knees), split="side"))
    assert run(path, tmp_path / "out") == 2
    assert "subject 'p0' is in train and in test (3 subjects are)" in capsys.readouterr().err


def test_labels_on_another_grid_are_named(visits, study, tmp_path, capsys):
    def swapped(lines):
        return [line.replace("p3_bl_labels.nii.gz", "odd.nii.gz") for line in lines]

    from regkit.io import save
    from regkit.volume import Labels

    if not (visits / "odd.nii.gz").exists():
        save(Labels(np.ones((1, 9, 9), np.uint8), np.eye(3)), visits / "odd.nii.gz")
    path = study(**settings(visits, table=_rows(visits, tmp_path, swapped)))
    assert run(path, tmp_path / "out") == 2
    assert "odd.nii.gz lies on 9x9" in capsys.readouterr().err


def test_visits_without_their_pair_can_be_left_out(visits, study, tmp_path, capsys):
    table = _rows(visits, tmp_path, lambda lines: lines[:-1])
    path = study(**settings(visits, table=table, unpaired="leave out"))
    assert (
        main(["probe", "progression", "-c", str(path), "-o", str(tmp_path / "o"), "--dry-run"]) == 0
    )
    assert "1 subjects lack a visit and are left out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"arms": ["rigid", "rigid"]}, "every arm is named once"),
        ({"reference": "atlas"}, "reference atlas needs `atlas`"),
        ({"crop": True, "structures": [], "features": [{"source": "intensity"}]},
         "crop needs `structures`"),
        ({"registration": {"similarty": "mi"}}, "registration:"),
        ({"registration": {"transform": "rigid"}}, "the arms name the transform"),
        ({"shape": [8, 8, 8]}, "has 2 axes; shape (8, 8, 8) has 3"),
        ({"arms": ["elastic"]}, "arms"),
    ],
)  # fmt: skip
def test_settings_that_do_not_fit_are_named(more, message, visits, study, tmp_path, capsys):
    assert run(study(**settings(visits, **more)), tmp_path / "out") == 2
    assert message in capsys.readouterr().err


def test_the_table_of_visits_is_read(visits):
    table = read_study_table("table", visits / "people.csv", TableColumns())
    assert len(table.rows) == 24
