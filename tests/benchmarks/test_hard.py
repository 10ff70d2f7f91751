"""Who is wrong, who says so, and what of it is kept and shown."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import regkit as rk
from benchmarks import hard
from benchmarks.hard_pairs import families
from benchmarks.hard_pairs.judging import Outcome, best_dice, judged, started, tally, verdict
from benchmarks.hard_pairs.methods import FIELD, LINEAR, OWN, PEERS, Files, peer_transform
from benchmarks.hard_pairs.pair import HardPair
from benchmarks.hard_pairs.tables import of_family, summary
from benchmarks.hard_peers import MATRIX, WARP
from regkit.geometry.affines import homogeneous

GOOD = Outcome("f", "p", "tune", "m", start=8.0, mean=0.4, p95=0.5, worst=0.6, seconds=2.0)
OVERLAP = replace(GOOD, start=None, mean=None, p95=None, worst=None, dice_start=0.5, dice=0.8)
STRANGER = replace(GOOD, start=None, mean=None, p95=None, worst=None, solvable=False)
REFUSED = replace(GOOD, mean=None, p95=None, worst=None, seconds=None, error="no")


@pytest.fixture
def pair(head, parts) -> HardPair:
    """``head`` and the same 4 mm aside."""
    move = homogeneous(np.eye(3), [4.0, 0.0, 0.0])
    moving = rk.Volume(head.data, rk.Grid(head.grid.shape, move @ head.grid.affine))
    points = head.grid.to_world(torch.tensor([[10.0, 12.0, 9.0], [12.0, 12.0, 9.0]]))
    return HardPair("p", head, moving, rk.Affine(move), points.double(), family="f")


@pytest.mark.parametrize(
    ("outcome", "wrong"),
    [
        (GOOD, False),
        (replace(GOOD, mean=3.1), True),
        (replace(GOOD, start=1.2, mean=2.5), True),
        (replace(GOOD, start=0.1, mean=0.9), False),
        (replace(GOOD, mean=float("nan")), True),
        (REFUSED, True),
        (STRANGER, True),
        (replace(STRANGER, verdict="pass"), True),
        (replace(STRANGER, verdict="doubtful"), False),
        (replace(STRANGER, error="nothing in common"), False),
    ],
)
def test_what_a_failure_is(outcome, wrong):
    assert outcome.failed() is wrong


def test_overlap_fails_against_the_best_that_goes_as_far():
    poor = replace(OVERLAP, method="n", dice=0.65)
    field = replace(OVERLAP, method="m field", dice=0.9)
    best = best_dice([OVERLAP, poor, field])[OVERLAP.case]
    assert best == 0.8
    assert poor.failed(best)
    assert not OVERLAP.failed(best)


def test_tally_counts_what_was_not_said():
    outcomes = [
        replace(GOOD, verdict="fail"),
        replace(GOOD, mean=5.0, p95=6.0),
        replace(GOOD, mean=7.0, p95=9.0, verdict="doubtful"),
        REFUSED,
    ]
    found = tally(outcomes, {})
    assert (found.failures, found.silent, found.refused, found.alarms) == (3, 1, 1, 1)
    assert found.worst == 8.0  # the refused one stays where it was
    assert found.mean == pytest.approx((0.4 + 5 + 7 + 8) / 4)
    assert found.seconds == 2.0


def test_judge_measures_the_truth_and_the_start(pair):
    before = started(pair, "m")
    assert before.start == pytest.approx(4.0)
    assert judged(before, pair, pair.truth).mean == pytest.approx(0.0, abs=1e-9)


def test_errors_are_in_millimetres_of_the_unscaled_body(pair):
    assert started(replace(pair, scale=0.1), "m").start == pytest.approx(40.0)


def test_labels_judge_where_no_truth_is(pair, parts):
    alone = replace(pair, truth=None, fixed_labels=parts, moving_labels=parts)
    assert started(alone, "m").dice_start == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("record", "says"),
    [({"quality": {"verdict": "fail"}}, "fail"), ({"quality": None}, "none"), ({}, "none")],
)
def test_verdict_is_what_run_json_says(record, says, tmp_path):
    (tmp_path / "result").mkdir()
    assert verdict(tmp_path) == "none"
    (tmp_path / "result" / "run.json").write_text(json.dumps(record))
    assert verdict(tmp_path) == says


def test_peers_are_told_kind_masks_and_contrast(pair):
    files = Files(Path("f.nii.gz"), Path("m.nii.gz"), moving_mask=Path("mask.nii.gz"))
    greedy = next(each for each in PEERS if each.name == "greedy linear")
    method = greedy.method(replace(pair, across=True), files)
    words = " ".join(method.words(files.fixed, files.moving, Path("out")))
    assert words.endswith("--kind rigid --across --moving-mask mask.nii.gz")


def test_peers_enter_fields_where_the_truth_asks_for_one(pair):
    entered = {each.name for each in (*OWN, *PEERS) if each.enters(pair)}
    assert {"regkit field", "regkit linear", "ANTsPy linear"} <= entered
    assert "ANTsPy field" not in entered
    bent = replace(pair, transform="deformable")
    assert all(each.enters(bent) for each in PEERS)


def test_field_of_a_peer_comes_before_its_matrix(tmp_path, grid):
    turn = np.diag([2.0, 1.0, 1.0, 1.0])
    u = torch.zeros(3, *grid.shape)
    u[0] = 1.5
    np.savetxt(tmp_path / MATRIX, turn)
    rk.write_transform(rk.DisplacementField(u, grid), tmp_path / WARP)
    point = torch.from_numpy(grid.centre)[None]
    expected = (point[0, 0] + 1.5) * 2
    assert float(peer_transform(tmp_path)(point)[0, 0]) == pytest.approx(float(expected), abs=1e-4)


def test_a_peer_that_leaves_nothing(tmp_path):
    with pytest.raises(FileNotFoundError, match="no transform was written"):
        peer_transform(tmp_path)


def test_rows_of_two_runs_are_joined(tmp_path):
    path, other = tmp_path / "rows.json", replace(GOOD, method="n")
    hard.keep(path, {}, [GOOD])
    hard.keep(path, {}, [replace(GOOD, mean=0.2), other])
    assert hard.read(path) == [replace(GOOD, mean=0.2), other]


def test_tables_mark_what_is_wrong():
    outcomes = [GOOD, replace(GOOD, method="n", mean=5.0), replace(REFUSED, method="o")]
    row = of_family("f", outcomes).rows[0]
    assert [row[name] for name in ("start", "m", "n", "o")] == ["8.00", "0.40", "5.00 ✗", "refused"]
    said = of_family("f", [replace(GOOD, mean=5.0, verdict="fail")]).rows[0]
    assert said["m"] == "5.00 (!)"
    rows = summary(outcomes).rows
    assert [row["of them silent"] for row in rows if row["family"] == "all"] == [0, 1, 0]


def test_page_has_a_place_for_every_family():
    page = hard.PAGE.read_text()
    assert all(f"<!-- {name} -->" in page for name in ("machine", "summary", *families()))


def test_results_of_other_runs_are_shown_alone(tmp_path, capsys):
    path = tmp_path / "rows.json"
    hard.keep(path, {}, [GOOD])
    assert hard.main(["--no-run", "--beside", str(path)]) == 0
    assert "| p | tune | 8.00 | 0.40 |" in capsys.readouterr().out


def test_results_that_are_not_there(tmp_path, capsys):
    with pytest.raises(SystemExit):
        hard.main(["--no-run", "--beside", str(tmp_path / "none.json")])
    assert "none.json: no such file" in capsys.readouterr().err


def test_chosen_contenders():
    assert [each.name for each in hard.contenders(["regkit"], [LINEAR])] == ["regkit linear"]
    assert hard.contenders([], [FIELD]) == []


def test_a_tool_that_is_not_installed_is_skipped(monkeypatch, capsys):
    monkeypatch.setattr("benchmarks.hard_pairs.methods.find_spec", lambda _: None)
    assert hard.contenders(["greedy"], [LINEAR]) == []
    assert "skipped greedy linear: picsl_greedy is not installed" in capsys.readouterr().err
