import dataclasses

import numpy as np
import pytest

from regkit import Affine
from regkit.geometry.affines import about, rotation
from regkit.registration.quality import Quality, QualityCheck
from regkit.report import Check
from regkit.report.registration.checks import quality_verdict, registration_checks
from regkit.report.registration.metric_rows import metric_rows
from regkit.report.registration.rows import global_part_rows, header_rows


def test_global_part(grid):
    turn = Affine(about(grid.centre, 1.1 * rotation([0.0, 0.0, np.pi / 6])))
    rows = dict(global_part_rows(turn, grid))
    assert rows["Rotation"] == "30.00°"
    assert rows["Shift at the centre of the fixed image"] == "0.00 mm"
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
    plain, guided = (metric_rows({"dice_mean": 0.9}, guided=way)[0] for way in ((), ("dice",)))
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
    found = registration_checks(dataclasses.replace(result, quality=Quality(checks)))
    assert found[:2] == [Check(False, "The map folds."), Check(True, "It stays.")]


@pytest.mark.parametrize(
    ("severity", "said"),
    [(-1.0, "Quality: pass."), (0.5, "Quality: doubtful."), (2.0, "Quality: fail.")],
)
def test_the_first_sentence_says_what_the_result_is_worth(severity, said):
    assert quality_verdict(Quality((QualityCheck("a", severity, 0.0, "A."),))).startswith(said)


def test_what_was_not_checked_is_no_pass():
    assert quality_verdict(Quality(())) == "Quality: not checked. Judge the fit by the pictures."
