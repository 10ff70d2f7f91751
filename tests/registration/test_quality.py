"""What a result is said to be worth."""

import dataclasses
import json

import numpy as np
import pytest

import regkit as rk
from regkit.registration.agreement import Agreement
from regkit.registration.quality import Evidence, Quality, QualityCheck, assess

GOOD = Evidence(
    placed=Agreement(150, 0.0, 1.0, 0.3, 0.3),
    aligned=Agreement(150, 0.01, 0.98, 0.5, 0.5),
    information=0.5,
    elsewhere=0.08,
    drift=0.005,
    astray=0.0,
    overlap=0.98,
    stretch=0.05,
    growth=0.02,
)
METRICS = {"folding": 0.0, "inverse_consistency_p95": 0.2}


def _judged(**changes):
    return assess(dataclasses.replace(GOOD, **changes), METRICS, extent=180.0)


def test_a_good_result_passes():
    quality = _judged()
    assert quality.verdict == "pass"
    assert quality.reasons == ()


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("matched", {"placed": Agreement(150, 0.4, 0.3, 2.0, 2.0)}),
        ("residual", {"placed": Agreement(150, 0.0, 1.0, 3.0, 3.0)}),
        ("chance", {"aligned": Agreement(150, 0.45, 0.3, 2.0, 2.0)}),
        ("information", {"information": 0.08}),
        ("astray", {"astray": 0.3}),
        ("drift", {"drift": 0.3}),
        ("overlap", {"overlap": 0.01}),
        ("stretch", {"stretch": 0.9}),
        ("growth", {"growth": -1.5}),
    ],
)
def test_every_check_can_fail(name, changes):
    quality = _judged(**changes)
    assert quality.verdict == "fail"
    failed = {check.name for check in quality.checks if check.verdict == "fail"}
    assert name in failed
    assert quality.reasons


@pytest.mark.parametrize(
    ("name", "metrics"),
    [
        ("folding", {"folding": 0.05}),
        ("inverse", {"inverse_consistency_p95": 30.0}),
        ("inverse", {"inverse_consistency_p95": float("nan")}),
    ],
)
def test_the_map_is_checked(name, metrics):
    quality = assess(GOOD, METRICS | metrics, extent=180.0)
    assert {check.name for check in quality.checks if check.verdict == "fail"} == {name}


def test_the_worst_check_decides_and_comes_first():
    quality = Quality((QualityCheck("a", 0.5, 1, "A."), QualityCheck("b", 1.5, 1, "B.")))
    assert (quality.verdict, quality.reasons) == ("fail", ("B.", "A."))
    assert str(quality) == "fail. B. A."


def test_nothing_checked_is_no_pass():
    assert Quality(()).verdict == "doubtful"


def test_it_is_written_as_json():
    again = json.loads(json.dumps(_judged(astray=0.3).as_dict()))
    assert again["verdict"] == "fail"
    assert again["numbers"]["astray"] == 0.3


def test_a_right_registration_passes_and_a_wrong_place_does_not(texture, move, turn):
    moving = move(turn, image=texture)
    right = rk.register(texture, moving, transform="rigid")
    assert right.quality.verdict == "pass"
    rng = np.random.default_rng(0)
    noise = moving.with_data(moving.data.new_tensor(rng.random(moving.data.shape)))
    wrong = rk.register(texture, noise, transform="rigid")
    assert wrong.quality.verdict == "fail"
    assert "quality fail" in repr(wrong)
