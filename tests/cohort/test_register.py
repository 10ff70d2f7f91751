"""Rows of pairs, one after the other in this process."""

from dataclasses import replace

import numpy as np
import pytest

from regkit import Grid, Volume
from regkit.cohort import kind_called, plan_cohort, read_pair_table
from regkit.cohort import register as rows
from regkit.geometry.affines import homogeneous
from regkit.runs import run
from tests.cohort.test_cluster import FEW, bytes_of
from tests.cohort.test_results import rows_of


@pytest.fixture
def plan(head, parts, tmp_path):
    """Two images, with labels, onto one atlas."""
    head.save(tmp_path / "atlas.nii.gz")
    parts.save(tmp_path / "parts.nii.gz")
    lines = ["fixed,fixed_mask,moving,moving_labels,fixed_labels,subject"]
    for n in (1, 2):
        grid = Grid(head.grid.shape, homogeneous(np.eye(3), [n, -1, 0]) @ head.grid.affine)
        Volume(head.data, grid).save(tmp_path / f"s{n}.nii.gz")
        parts.with_data(parts.data).save(tmp_path / f"p{n}.nii.gz")
        lines.append(f"atlas.nii.gz,parts.nii.gz,s{n}.nii.gz,p{n}.nii.gz,parts.nii.gz,0{n}")
    (tmp_path / "pairs.csv").write_text("\n".join(lines))
    table = read_pair_table(tmp_path / "pairs.csv")
    return plan_cohort(table, kind_called("register"), tmp_path / "out", options=FEW)


def test_an_atlas_that_is_prepared_once_changes_no_byte(plan, serially, monkeypatch, tmp_path):
    calls, prepare = [], rows.prepare
    monkeypatch.setattr(rows, "prepare", lambda *a, **k: calls.append(a) or prepare(*a, **k))
    done = serially(plan)
    assert (done.count.done, len(calls)) == (2, 1)
    for each in plan.pairs:
        run(replace(each.job, folder=tmp_path / "single" / each.row.name))
    assert bytes_of(tmp_path / "single") == {
        name: content
        for name, content in bytes_of(plan.folder).items()
        if name.parts[0] != "thumbnails"
    }


def test_rows_carry_what_was_measured(plan, serially):
    serially(plan)
    first = rows_of(plan.folder)[0]
    assert first["output"] == "01_s1_to_atlas"
    assert first["moving_labels"] == "p1.nii.gz"
    for name in ("dice_mean", "similarity", "affine_distance", "growth", "check_drift", "folding"):
        assert first[name] != ""
    assert (plan.folder / "thumbnails" / "01_s1_to_atlas.jpg").stat().st_size > 1000
    again = serially(plan, resume=True)
    assert again.count.before == 2
    kept = rows_of(plan.folder)[0]
    changes = {"before"}
    assert {k: v for k, v in kept.items() if k not in changes} == {
        k: v for k, v in first.items() if k not in changes
    }
