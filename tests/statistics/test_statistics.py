"""Intervals and tests by subject, against worked examples and SciPy."""

import numpy as np
import pytest
from scipy import stats

from regkit import InputError
from regkit.statistics import bootstrap_interval, equivalence, holm, paired_difference

SKEWED = np.exp(np.random.default_rng(5).normal(size=25))


def _seeded(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("method", "theirs"), [("bca", "BCa"), ("percentile", "percentile")])
@pytest.mark.parametrize("statistic", [np.mean, np.median])
def test_the_interval_is_that_of_scipy(method, theirs, statistic):
    ours = bootstrap_interval(
        SKEWED, generator=_seeded(), statistic=statistic, method=method, resamples=20000
    )
    other = stats.bootstrap(
        (SKEWED,), statistic, method=theirs, n_resamples=20000, random_state=_seeded(1)
    ).confidence_interval
    width = other.high - other.low
    assert ours.estimate == statistic(SKEWED)
    assert (ours.low, ours.high) == pytest.approx(tuple(other), abs=0.05 * width)


def test_the_interval_of_a_mean_is_as_wide_as_theory_says():
    values = _seeded(3).normal(10.0, 2.0, size=400)
    found = bootstrap_interval(values, generator=_seeded(), method="percentile")
    expected = 2 * stats.norm.ppf(0.975) * values.std() / np.sqrt(len(values))
    assert found.high - found.low == pytest.approx(expected, rel=0.1)


def test_the_same_seed_gives_the_same_interval():
    first, second = (bootstrap_interval(SKEWED, generator=_seeded(7)) for _ in range(2))
    assert first == second


def test_scores_of_one_subject_count_once():
    once = bootstrap_interval([1.0, 2.0, 4.0], generator=_seeded())
    often = bootstrap_interval(
        [1.0, 0.0, 2.0, 4.0, 4.0, 4.0], subjects=[*"abbccc"], generator=_seeded()
    )
    assert often == bootstrap_interval([1.0, 1.0, 4.0], generator=_seeded())
    assert often != once


def test_scores_that_do_not_vary_have_an_interval_of_no_width():
    found = bootstrap_interval([3.0, 3.0, 3.0], generator=_seeded())
    assert (found.low, found.high) == (3.0, 3.0)


def test_five_differences_of_one_sign_have_the_smallest_p_that_five_can():
    found = paired_difference([2, 3, 4, 5, 7], [1, 1, 1, 1, 1], generator=_seeded())
    assert found.p == 2 / 2**5
    assert found.interval.estimate == pytest.approx(3.2)
    assert found.subjects == 5


def test_many_differences_have_the_p_of_scipy():
    first, second = SKEWED, SKEWED + _seeded(2).normal(0.3, 1.0, size=len(SKEWED))
    theirs = stats.ttest_rel(first, second).pvalue
    ours = paired_difference(first, second, generator=_seeded())
    assert ours.p == pytest.approx(theirs, abs=0.03)
    back = paired_difference(second, first, generator=_seeded())
    assert back.interval.estimate == pytest.approx(-ours.interval.estimate)


def test_no_difference_has_a_p_of_one():
    assert paired_difference([1, 2, 3], [1, 2, 3], generator=_seeded()).p == 1


def test_holm_by_a_worked_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []


def test_equivalence_is_two_one_sided_tests_of_scipy():
    first, second = SKEWED, SKEWED + _seeded(2).normal(0.02, 0.1, size=len(SKEWED))
    found = equivalence(first, second, margin=0.08)
    tests = (
        stats.ttest_1samp(first - second, -0.08, alternative="greater"),
        stats.ttest_1samp(first - second, 0.08, alternative="less"),
    )
    interval = stats.ttest_1samp(first - second, 0).confidence_interval(0.9)
    assert found.p == pytest.approx(max(test.pvalue for test in tests))
    assert (found.interval.low, found.interval.high) == pytest.approx(tuple(interval))
    assert found.equivalent == (abs(found.interval.low) < 0.08 and found.interval.high < 0.08)


def test_a_constant_difference_is_equivalent_inside_the_margin_alone():
    assert equivalence([1.5, 2.5], [1.0, 2.0], margin=0.6).equivalent
    assert not equivalence([1.5, 2.5], [1.0, 2.0], margin=0.4).equivalent


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda g: bootstrap_interval([1.0], generator=g), "1 subject; at least 2"),
        (lambda g: bootstrap_interval([1, np.nan], generator=g), "finite numbers"),
        (lambda g: bootstrap_interval([[1, 2]], generator=g), r"shape \(1, 2\)"),
        (lambda g: bootstrap_interval([1, 2], subjects=["a"], generator=g), "1 subjects of 2"),
        (lambda g: bootstrap_interval([1, 2], level=95, generator=g), "level 95"),
        (lambda g: bootstrap_interval([1, 2], resamples=0, generator=g), "resamples 0"),
        (lambda g: bootstrap_interval([1, 2], method="normal", generator=g), "method 'normal'"),
        (lambda g: paired_difference([1, 2], [1], generator=g), "2 and 1 scores are no pairs"),
        (lambda g: holm([0.1, 1.2]), "from 0 to 1"),
        (lambda g: holm([np.nan]), "from 0 to 1"),
        (lambda g: equivalence([1, 2], [1, 3], margin=0), "margin 0"),
        (lambda g: equivalence([1, 2], [1, 3], margin=1, alpha=0.5), "alpha 0.5"),
    ],
)
def test_what_cannot_be_used_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call(_seeded())
