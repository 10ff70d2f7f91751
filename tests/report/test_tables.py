import dataclasses
from pathlib import Path

import numpy as np
import pytest
from regkit.report.tables import flat, global_part_rows, header_rows, plain
from regkit.report.verdict import findings, metric_rows, verdict

from regkit import Affine
from regkit.geometry.affines import about, rotation
from regkit.registration.quality import Quality, QualityCheck


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


def test_global_part(grid):
    turn = Affine(about(grid.centre, 1.1 * rotation([0.0, 0.0, np.pi / 6])))
    rows = dict(global_part_rows(turn, grid))
    assert rows["Rotation"] == "30.00°"
    assert rows["Shift at the centre of fixed"] == "0.00 mm"
    assert rows["Mean scale"] == "1.1000"
    mirrored = Affine(np.diag([-1.0, 1.0, 1.0, 1.0]))
    assert dict(global_part_rows(mirrored, grid))["Mean scale"] == "mirrored"


def test_headers_tell_the_tilt(head):
    rows = {name: fixed for name, fixed, _ in header_rows(head, head)}
    assert rows["Orientation"].startswith("LAS, ")
    assert 10 < float(rows["Orientation"].split()[1].rstrip("°")) < 25


def test_metrics_before_and_after_share_a_row():
    metrics = {"folding": 0.0004, "dice_mean_before": 0.5, "dice_mean_after": 0.75}
    rows = {row.label: row for row in metric_rows(metrics)}
    assert (rows["Dice, mean"].before, rows["Dice, mean"].after) == ("0.5", "0.75")
    assert rows["Folding"].after == "0.04 %"
    assert not rows["Folding"].compared


def test_overlap_of_labels_that_guided_is_told_to_be_no_measure():
    plain, guided = (metric_rows({"dice_mean": 0.9}, guided=way)[0] for way in (False, True))
    assert "guided the registration" in guided.meaning
    assert "guided" not in plain.meaning


def test_unknown_and_unmeasured_metrics():
    unknown, unmeasured = metric_rows({"my_score": 2.0, "dice_mean": float("nan")})
    assert (unknown.label, unknown.after, unknown.meaning) == ("my score", "2", "")
    assert unmeasured.after == "not measured"


def test_every_check_is_shown(result):
    checks = (
        QualityCheck("folding", 0.4, 0.02, "The map folds."),
        QualityCheck("drift", -1.0, 0.0, "It stays."),
    )
    found = findings(dataclasses.replace(result, quality=Quality(checks)))
    assert [(f.good, f.text) for f in found[:2]] == [(False, "The map folds."), (True, "It stays.")]


@pytest.mark.parametrize(
    ("severity", "said"),
    [(-1.0, "Quality: pass."), (0.5, "Quality: doubtful."), (2.0, "Quality: fail.")],
)
def test_the_first_sentence_says_what_the_result_is_worth(severity, said):
    assert verdict(Quality((QualityCheck("a", severity, 0.0, "A."),))).startswith(said)


def test_what_was_not_checked_is_no_pass():
    assert verdict(Quality(())) == "Quality: not checked. Judge the fit by the pictures."
