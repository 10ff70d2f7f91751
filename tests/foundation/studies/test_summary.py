import pytest

from foundation.studies.robustness.page import baseline_of
from foundation.studies.summary import (
    FAILURE,
    Judgement,
    PromptCondition,
    signed_rank,
    summarise_cells,
)

FEW = Judgement(resamples=200)


def of(findings, perturbation):
    return next(f for f in findings if f.condition.perturbation == perturbation)


def test_a_subject_with_many_images_counts_once(cell):
    cells = [cell(case="a", subject="p", dice=1.0)]
    cells += [cell(case=f"b{n}", subject="q", dice=0.0) for n in range(9)]
    (found,) = summarise_cells(cells, baseline_of, FEW)
    assert (found.score.mean, found.score.subjects) == (0.5, 2)


def test_structures_of_a_case_count_alike_however_often_they_were_drawn(cell):
    cells = [cell(label="large", dice=1.0, seed=n) for n in range(5)] + [
        cell(label="small", dice=0)
    ]
    (found,) = summarise_cells(cells, baseline_of, FEW)
    assert found.score.mean == 0.5
    assert found.score.interval is None  # one subject


def test_differences_are_of_the_questions_that_both_answered(cell):
    cells = []
    for subject in "pq":
        about = {"case": subject, "subject": subject}
        cells += [cell(label="large", dice=0.9, **about), cell(label="small", dice=0.2, **about)]
        bad = {"perturbation": "erode", "magnitude": 4.0, "unit": "mm", **about}
        cells += [cell(label="large", dice=0.8, **bad)]
        cells += [cell(label="small", dice=None, status="empty_prompt", **bad)]
    found = of(summarise_cells(cells, baseline_of, FEW), "erode")
    # The mean rose, since the small structure dropped out; the difference says what happened.
    assert found.score.mean == pytest.approx(0.8)
    assert found.difference.estimate.mean == pytest.approx(-0.1)
    assert found.states == {"done": 2, "empty_prompt": 2}
    assert found.difference.p is None  # two subjects


def test_p_is_corrected_for_all_conditions_of_a_model(cell):
    cells = []
    for n in range(8):
        about = {"case": f"c{n}", "subject": f"s{n}"}
        cells.append(cell(dice=0.9, **about))
        for magnitude in (1.0, 2.0, 3.0):
            bad = {"perturbation": "shift", "magnitude": magnitude, "unit": "mm"}
            cells.append(cell(dice=0.9 - 0.01 * (n + magnitude), **bad, **about))
    found = [f.difference for f in summarise_cells(cells, baseline_of, FEW) if f.difference]
    assert [d.p for d in found] == [2 / 2**8] * 3
    assert [d.p_holm for d in found] == [pytest.approx(6 / 2**8)] * 3


def test_the_order_of_cells_changes_nothing(cell):
    cells = [
        cell(case=f"c{n}", subject=f"s{n}", dice=(n * 37 % 11) / 11, perturbation=p)
        for n in range(7)
        for p in ("none", "shift")
    ]
    mixed = (cells[k::3] for k in (2, 0, 1))
    first, second = (
        summarise_cells(c, baseline_of, FEW) for c in (cells, [c for some in mixed for c in some])
    )
    assert of(first, "shift") == of(second, "shift")


def test_empty_results_fail_and_have_no_distance(cell):
    cells = [
        cell(case="a", subject="a", dice=0.0, hd95=None, status="empty_result"),
        cell(case="b", subject="b", dice=0.9, hd95=2.0),
    ]
    (found,) = summarise_cells(cells, baseline_of, Judgement(FAILURE, resamples=200))
    assert (found.score.mean, found.score.subjects) == (0.5, 2)
    (distance,) = summarise_cells(cells, baseline_of, Judgement("hd95", resamples=200))
    assert (distance.score.mean, distance.score.subjects) == (2.0, 1)


def test_nothing_measured_is_no_number(cell):
    (found,) = summarise_cells([cell(status="unsupported", dice=None)], baseline_of, FEW)
    assert found.score is None
    (failure,) = summarise_cells(
        [cell(status="unsupported", dice=None)], baseline_of, Judgement(FAILURE)
    )
    assert failure.score is None


def test_failures_are_an_outcome_of_their_own_by_subject(cell):
    """Their share counts subjects alike, is compared in pairs, and has that of the prompts."""
    cells = []
    for n in range(6):
        about = {"subject": f"s{n}"}
        for image in range(1 + 4 * (n == 0)):  # the first subject has five images
            about["case"] = f"c{n}-{image}"
            cells.append(cell(dice=0.9, prompt_dice=1.0, **about))
            bad = {"perturbation": "shift", "magnitude": 4.0, "unit": "mm"}
            cells.append(cell(dice=0.1 if n < 3 else 0.6, prompt_dice=0.4, **bad, **about))
    found = of(summarise_cells(cells, baseline_of, Judgement(FAILURE, resamples=500)), "shift")
    assert (found.score.mean, found.score.subjects) == (0.5, 6)
    assert found.score.interval.low < 0.5 < found.score.interval.high
    assert found.change.mean == 0.5
    assert found.difference.p == pytest.approx(0.25)  # three of six differ
    assert (found.echo.mean, found.echo.subjects) == (1.0, 6)
    assert found.gain.mean == -0.5


def test_the_prompt_itself_has_an_interval_and_a_model_is_compared_with_it(cell):
    """By subject, in pairs, with the same draws whatever the model."""
    cells = [
        cell(model=model, case=f"c{n}", subject=f"s{n}", dice=0.5 + 0.01 * n + more,
             prompt_dice=0.5 + 0.01 * n)
        for model, more in (("m", 0.1), ("other", -0.2))
        for n in range(8)
    ]  # fmt: skip
    one, two = summarise_cells(cells, baseline_of, FEW)
    assert one.echo == two.echo
    assert one.echo.mean == pytest.approx(0.535)
    assert 0.50 < one.echo.interval.low < 0.53 < 0.54 < one.echo.interval.high < 0.57
    for found, gain in ((one, 0.1), (two, -0.2)):
        estimate = found.gain
        assert (estimate.mean, estimate.interval.low, estimate.interval.high) == pytest.approx(
            (gain, gain, gain)
        )


def test_a_measure_that_a_prompt_has_not_is_not_compared_with_it(cell):
    (found,) = summarise_cells([cell(hd95=2.0, prompt_dice=0.4)], baseline_of, Judgement("hd95"))
    assert (found.echo, found.gain) == (None, None)


def test_the_signed_rank_test_is_that_of_scipy_and_needs_six():
    assert signed_rank([0.1] * 5) is None
    assert signed_rank([0.0] * 8) == 1.0
    assert signed_rank([1, 2, 3, 4, 5, -6, 7]) == pytest.approx(0.21875)


def test_a_baseline_has_none(cell):
    assert baseline_of(PromptCondition.of(cell())) is None
