"""Probes whose truth is known: leaks that must not help, oracles that must, and chance."""

import warnings

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    r2_score,
    roc_auc_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from probes.linear import (
    Fold,
    FoldPlan,
    ProbeFit,
    Target,
    choose_columns,
    compare_probes,
    fit_probe,
    given_folds,
    grouped_folds,
    permutation_control,
    score_probe,
)
from probes.linear.cox import CoxProblem
from probes.linear.differences import with_holm
from probes.linear.estimators import FITTINGS, Reduction
from probes.linear.nested import FoldFit, ProbeSettings
from probes.linear.scores import SubjectDraws, drawn_scores
from regkit.errors import InputError

QUICK = ProbeSettings(FoldPlan(outer=4, inner=3, seeds=(0,)), strengths=(1.0, 100.0))


SHORT = ProbeSettings(FoldPlan(outer=3, inner=2, seeds=(0,)), strengths=(10.0,))


def classes(subjects=48, visits=2, seed=0):
    """A class of each subject, the same at all visits."""
    drawn = np.random.default_rng(seed)
    of_subject = drawn.permutation(np.arange(subjects) % 2)
    names = tuple(f"s{n}" for n in range(subjects) for _ in range(visits))
    return Target("class", np.repeat(of_subject, visits).astype(float), names)


def measured(features, target, settings=QUICK, draws=300):
    fit = fit_probe(features, target, settings)
    return {
        score.metric: score.interval
        for score in score_probe(fit, target, SubjectDraws.of(target, draws, seed=1))
    }


def noise(target, width, seed=3):
    return np.random.default_rng(seed).normal(size=(len(target), width))


def test_no_subject_is_in_both_folds_and_every_row_is_judged_once():
    target = classes()
    folds = grouped_folds(target, 5, seed=2)
    assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(len(target)))
    for fold in folds:
        sides = [set(target.owners[part]) for part in (fold.train, fold.test)]
        assert not sides[0] & sides[1]
        assert abs(target.truth[fold.test].mean() - 0.5) < 0.11


def test_an_oracle_reaches_its_ceiling():
    target = classes()
    clean = target.truth[:, None] + 0.01 * noise(target, 1)
    assert measured(clean, target)["auc"].estimate == 1
    # Two normal distributions two apart: the area is the normal distribution at 2 / sqrt(2).
    many = classes(subjects=800, visits=1)
    apart = 2 * many.truth[:, None] + noise(many, 1)
    found = measured(apart, many)["auc"]
    assert found.estimate == pytest.approx(0.921, abs=0.02)
    assert found.low < 0.921 < found.high


def test_shuffled_labels_are_at_chance_within_the_interval():
    target = classes(subjects=60)
    features = np.concatenate([target.truth[:, None], noise(target, 20)], axis=1)
    generator, found = np.random.default_rng(5), []
    for _ in range(12):
        found.append(measured(features, target.shuffled(generator))["auc"])
    assert np.mean([each.estimate for each in found]) == pytest.approx(0.5, abs=0.06)
    assert sum(each.low < 0.5 < each.high for each in found) >= 10


def test_outcomes_are_exchanged_whatever_the_number_of_visits():
    """With as many kinds of subjects as there are subjects, none would have anybody to exchange."""
    subjects = np.repeat(np.arange(24), np.arange(1, 25))
    target = Target("class", (subjects % 2).astype(float), tuple(subjects))
    generator = np.random.default_rng(0)
    for _ in range(5):
        other = target.shuffled(generator)
        per_subject = [set(other.truth[target.owners == n]) for n in range(24)]
        assert all(len(each) == 1 for each in per_subject)
        kept = np.mean([each == {n % 2} for n, each in enumerate(per_subject)])
        assert 0.2 < kept < 0.8
    changing = Target("class", np.array([0.0, 0, 1, 0, 0, 1]), tuple("aaabbb"))
    assert changing.shuffled(generator).truth.tolist() == [0, 0, 1, 0, 0, 1]


def test_subjects_who_change_class_are_dealt_evenly():
    """A table of visits at the last of which a few convert: most of their rows are of class 0."""
    subjects = np.repeat(np.arange(30), 5)
    truth = np.where((subjects < 5) & (np.arange(150) % 5 == 4), 1.0, 0.0)
    target = Target("class", truth, tuple(subjects))
    for seed in range(30):
        for outer in grouped_folds(target, 5, seed):
            inside = target.rows(outer.train)
            trained = [inside.truth[fold.train] for fold in grouped_folds(inside, 3, seed)]
            assert all(0 < part.mean() < 1 for part in trained)


def test_a_feature_that_encodes_the_subject_does_not_help():
    target = classes(visits=3)
    codes = np.random.default_rng(9).normal(size=(len(target.names), 60))[target.owners]
    assert abs(measured(codes, target)["auc"].estimate - 0.5) < 0.2
    # The canary can sing: with rows of a subject on both sides it tells everything.
    rows = Target("class", target.truth, tuple(range(len(target))))
    assert measured(codes, rows)["auc"].estimate > 0.95


def test_groups_reach_the_inner_folds(monkeypatch):
    target, seen = classes(visits=3), []
    plain = grouped_folds

    def watched(given, count, seed):
        folds = plain(given, count, seed)
        seen.extend((given, fold) for fold in folds)
        return folds

    monkeypatch.setattr("probes.linear.nested.grouped_folds", watched)
    fit_probe(noise(target, 4), target, QUICK)
    assert len(seen) == 4 * 3
    for given, fold in seen:
        assert not set(given.owners[fold.train]) & set(given.owners[fold.test])


def test_nothing_of_the_test_rows_is_in_the_fit():
    """Whatever the features of a test row are, the scores of all others stay."""
    target = classes(subjects=24)
    features = noise(target, 12)
    fold = grouped_folds(target, 4, seed=0)[0]
    spoiled = features.copy()
    spoiled[fold.test[0]] *= 1e6
    one, other = (fit_probe(each, target, QUICK).folds[0] for each in (features, spoiled))
    np.testing.assert_allclose(one.score[1:], other.score[1:])
    assert one.strength == other.strength


def test_all_components_are_the_model_without_them():
    target = classes(subjects=40, visits=1)
    features = noise(target, 300) * np.linspace(1, 9, 300) + 4
    reduction = Reduction.fitted_on(features, None)
    (model,) = FITTINGS["class"](reduction(features), target, (10.0,))
    scaled = make_pipeline(StandardScaler(), LogisticRegression(C=10 / 300, tol=1e-8))
    scaled.fit(features, target.truth)
    theirs = scaled.decision_function(features)
    np.testing.assert_allclose(model(reduction(features)), theirs, atol=1e-3)
    weights = reduction.features_of(model.weights)
    by_hand = features @ weights
    np.testing.assert_allclose(by_hand - by_hand.mean(), theirs - theirs.mean(), atol=1e-3)


def test_measures_are_those_of_scikit_learn():
    target = classes(subjects=30, visits=1)
    score = 2 * target.truth - 0.7 + noise(target, 1)[:, 0]
    chance = 1 / (1 + np.exp(-score))
    rows = np.arange(len(target))
    fold = FoldFit(Fold(rows, rows), score, chance, 0.5, 0.0, 1.0, np.zeros(1))
    draws = SubjectDraws.of(target, 10, seed=0)
    found = {n: v[0] for n, v in drawn_scores(ProbeFit((fold,)), target, draws).items()}
    said = score > 0
    assert found["auc"] == pytest.approx(roc_auc_score(target.truth, score))
    assert found["f1"] == pytest.approx(f1_score(target.truth, said))
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(target.truth, said))
    assert found["brier"] == pytest.approx(brier_score_loss(target.truth, chance))
    slope = LogisticRegression(C=np.inf).fit(score[:, None], target.truth).coef_[0, 0]
    assert found["calibration_slope"] == pytest.approx(slope, rel=1e-3)
    numbers = Target("number", score, target.subjects)
    fold = FoldFit(Fold(rows, rows), chance, chance, score.mean(), 0.0, 1.0, np.zeros(1))
    found = drawn_scores(ProbeFit((fold,)), numbers, draws)
    assert found["r2"][0] == pytest.approx(r2_score(score, chance))
    assert found["correlation"][0] == pytest.approx(np.corrcoef(score, chance)[0, 1])


def test_intervals_draw_subjects_and_not_rows():
    """Ten visits of a subject that say the same are no more evidence than one."""
    few = classes(subjects=40, visits=1)
    features = few.truth[:, None] + 1.2 * noise(few, 1)
    many = Target("class", np.repeat(few.truth, 10), tuple(np.repeat(few.subjects, 10)))
    wide, same = measured(features, few)["auc"], measured(np.repeat(features, 10, 0), many)["auc"]
    assert same.high - same.low == pytest.approx(wide.high - wide.low, rel=0.15)


def test_rare_classes_are_told_and_probabilities_keep_the_prior():
    drawn = np.random.default_rng(0)
    truth = (np.arange(300) % 12 == 0).astype(float)
    target = Target("class", truth, tuple(range(300)))
    found = measured(2.5 * truth[:, None] + drawn.normal(size=(300, 1)), target)
    assert found["balanced_accuracy"].estimate > 0.8
    assert abs(found["calibration_error"].estimate) < 0.02
    assert 0.6 < found["calibration_slope"].estimate < 1.4


def test_numbers_are_told_by_ridge():
    target = Target("number", np.linspace(-2, 2, 60), tuple(range(60)))
    features = target.truth[:, None] + 0.1 * noise(target, 3)
    found = measured(features, target)
    assert found["r2"].estimate > 0.98
    assert found["absolute_error"].estimate < 0.15
    assert abs(measured(noise(target, 5), target)["correlation"].estimate) < 0.45


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def _watched(count, columns, seed=4):
    """Components of unlike width, the first of which tells the hazard, and times in whole days."""
    drawn = np.random.default_rng(seed)
    components = drawn.normal(size=(count, columns)) / np.arange(1, columns + 1) ** 2
    time = drawn.exponential(np.exp(-1.5 * components[:, 0]))
    watched = drawn.exponential(2.0, count)
    days = np.ceil(20 * np.minimum(time, watched))
    return components, Target("survival", days, tuple(range(count)), time <= watched)


def test_time_to_event_is_told_by_cox():
    components, target = _watched(80, 2)
    told = measured(components, target, SHORT)["c_index"]
    assert told.low > 0.6
    assert measured(noise(target, 2), target, SHORT)["c_index"].estimate == pytest.approx(
        0.5, abs=0.15
    )


def test_weights_of_cox_are_those_of_lifelines():
    """Almost without a penalty: lifelines penalises columns that it has made equally wide."""
    lifelines = pytest.importorskip("lifelines", reason="lifelines is not installed")
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    components, target = _watched(120, 3)
    assert len(set(target.truth[target.event])) < target.event.sum()  # some at one time
    (model,) = FITTINGS["survival"](components, target, (1e9,))
    table = pandas.DataFrame(components).add_prefix("c")
    table["time"], table["event"] = target.truth, target.event
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of how lifelines calls pandas
        theirs = lifelines.CoxPHFitter().fit(table, "time", "event")
    np.testing.assert_allclose(model.weights, theirs.params_, atol=1e-4)


def test_cox_is_penalised_as_it_says_and_ends_at_the_best_weights():
    """Few events and many components, where Newton's method without damping does not end."""
    components, target = _watched(24, 16, seed=5)
    models = FITTINGS["survival"](components, target, (0.1, 1000.0))
    for model, strength in zip(models, (0.1, 1000.0), strict=True):
        problem = CoxProblem.of(components, target, (strength,))
        best = minimize(
            lambda w, problem=problem: problem.objective(w[None])[0], model.weights + 0.1,
            method="BFGS", options={"gtol": 1e-7},
        )  # fmt: skip
        assert problem.objective(model.weights[None])[0] <= best.fun + 1e-6
        risk = components @ model.weights
        alone = problem.objective(model.weights[None])[0] - model.weights @ model.weights / (
            2 * strength
        )
        assert alone == pytest.approx(_efron(risk, target))


def _efron(risk, target):
    """The partial likelihood, event by event."""
    cost = 0.0
    for day in set(target.truth[target.event]):
        events = risk[target.event & (target.truth == day)]
        alive = np.exp(risk[target.truth >= day]).sum()
        for n in range(len(events)):
            cost += np.log(alive - n / len(events) * np.exp(events).sum())
        cost -= events.sum()
    return cost


def test_the_layer_is_chosen_inside_the_fold():
    target = classes(subjects=60, visits=1)
    good = target.truth[:, None] + 0.5 * noise(target, 1)
    fits = {
        name: fit_probe(features, target, QUICK)
        for name, features in {"noise": noise(target, 10, 8), "good": good}.items()
    }
    chosen = choose_columns(fits)
    assert set(chosen.chosen) == {"good"}
    # Among many layers of noise the best would look good on the folds that it was picked by.
    layers = {f"{n}": fit_probe(noise(target, 5, n + 40), target, QUICK) for n in range(15)}
    draws = SubjectDraws.of(target, 10, seed=0)
    areas = [drawn_scores(each, target, draws)["auc"][0] for each in layers.values()]
    honest = drawn_scores(choose_columns(layers), target, draws)["auc"][0]
    assert honest < max(areas) - 0.05


def test_a_difference_an_equivalence_and_neither():
    target = classes(subjects=120, visits=1)
    told = target.truth[:, None] + 0.4 * noise(target, 1)
    good = fit_probe(told, target, QUICK)
    near = fit_probe(told + 1e-3 * noise(target, 1, 6), target, QUICK)
    bad = fit_probe(noise(target, 3), target, QUICK)
    draws = SubjectDraws.of(target, 400, seed=0)
    assert compare_probes(good, bad, target, draws, margin=0.05).verdict == "different"
    assert compare_probes(good, near, target, draws, margin=0.05).verdict == "equivalent"
    other = fit_probe(noise(target, 3, 11), target, QUICK)
    undecided = compare_probes(bad, other, target, draws, margin=0.01)
    assert undecided.verdict == "undecided"
    assert undecided.p > 0.05
    with pytest.raises(InputError, match="margin 0: allowed is a finite number above 0"):
        compare_probes(good, bad, target, draws, margin=0)


def test_one_difference_among_many_must_hold_for_all_of_them():
    target = classes(subjects=60, visits=1)
    good = fit_probe(target.truth[:, None] + 1.6 * noise(target, 1), target, QUICK)
    bad = fit_probe(noise(target, 3), target, QUICK)
    draws = SubjectDraws.of(target, 400, seed=0)
    found = compare_probes(good, bad, target, draws, margin=0.05)
    assert found.verdict == "different"
    nothing = compare_probes(bad, bad, target, draws, margin=0.05)
    (first, *_) = with_holm([found, *[nothing] * 40])
    assert first.p == found.p < 0.05 < first.p_holm
    assert first.verdict == "undecided"


def test_few_subjects_that_are_never_told_wrongly_are_no_equivalence():
    """Of five subjects a class, some samples hold one class alone and cannot be judged."""
    target = classes(subjects=10, visits=1)
    plan = ProbeSettings(FoldPlan(outer=5, inner=2, seeds=(0,)), strengths=(10.0,))
    fit = fit_probe(target.truth[:, None] + 0.01 * noise(target, 3), target, plan)
    draws = SubjectDraws.of(target, 400, seed=0)
    assert np.isnan(drawn_scores(fit, target, draws)["auc"]).any()
    assert compare_probes(fit, fit, target, draws, margin=0.1).verdict == "undecided"


def test_probes_that_are_never_wrong_have_an_interval_and_are_undecided():
    """12 subjects a class, none told wrongly: at most 0.22 of them may be, at 95 %."""
    target = classes(subjects=24, visits=1)
    fit = fit_probe(target.truth[:, None] + 0.01 * noise(target, 3), target, QUICK)
    draws = SubjectDraws.of(target, 200, seed=0)
    auc = next(each for each in score_probe(fit, target, draws) if each.metric == "auc")
    assert (auc.interval.estimate, auc.interval.high) == (1, 1)
    assert auc.interval.low == pytest.approx(0.05 ** (1 / 12))
    assert compare_probes(fit, fit, target, draws, margin=0.1).verdict == "undecided"


def test_the_permutation_control_tells_signal_from_none():
    target = classes(subjects=40, visits=1)
    columns = {"good": target.truth[:, None] + 0.5 * noise(target, 1), "noise": noise(target, 4)}
    found = permutation_control(columns, target, SHORT, count=19, seed=0)
    assert found.p == 0.05
    assert found.mean == pytest.approx(0.5, abs=0.1)
    nothing = permutation_control({"noise": noise(target, 4, 8)}, target, SHORT, count=19, seed=0)
    assert nothing.p > 0.05


def test_subjects_on_both_sides_of_a_given_split_are_named():
    with pytest.raises(InputError, match="subject 'b' is in train and in test"):
        given_folds(("train", "train", "test"), ("a", "b", "b"))
    with pytest.raises(InputError, match="no row of the split is 'test'"):
        given_folds(("train", "train"), ("a", "b"))


@pytest.mark.parametrize(
    ("target", "folds", "message"),
    [
        (classes(subjects=4, visits=1), 5, "4 subjects are fewer than the 5 that 5 folds need"),
        (classes(subjects=8, visits=1), 5, "4 subjects have class 1, fewer than the 5"),
        (Target("class", np.ones(9), tuple(range(9))), 3, "no row has class 0; a probe needs both"),
        (Target("number", np.ones(9), tuple(range(9))), 3, "the outcome is 1 in every row"),
    ],
)
def test_what_cannot_be_split_is_refused(target, folds, message):
    with pytest.raises(InputError, match=message):
        target.check_folds(folds, "rows.csv")


@pytest.mark.parametrize(
    ("target", "folds", "inner", "message"),
    [
        (classes(subjects=20, visits=1), 5, 20, "20 subjects are fewer than the 25 that 5 folds"),
        (classes(subjects=6, visits=1), 2, 3, "3 subjects have class 1, fewer than the 4 that 2 f"),
    ],
)
def test_folds_inside_folds_have_to_be_filled_too(target, folds, inner, message):
    target.check_folds(folds, "rows.csv")
    with pytest.raises(InputError, match=f"{message}.*and {inner} inside each, need"):
        target.check_folds(folds, "rows.csv", inner)


@pytest.mark.parametrize(
    ("kind", "truth", "message"),
    [
        ("class", [0.0, 2.0], "0 or 1 in every row"),
        ("number", [0.0, np.nan], "must be as many, and finite"),
        ("survival", [1.0, 2.0], "times above 0 and whether"),
    ],
)
def test_outcomes_of_another_kind_are_refused(kind, truth, message):
    with pytest.raises(InputError, match=message):
        Target(kind, np.array(truth), ("a", "b"))
