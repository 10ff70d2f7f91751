"""Skill, its chance and its intervals: scikit-learn's values, and planted reliance."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from probes.reliance.answers import RelianceCondition
from probes.reliance.chance import chance
from probes.reliance.index import reliance
from probes.reliance.skill import bootstrap_weights, check_truth, skill
from regkit import InputError

_N = 200


def _resampled(weights: np.ndarray) -> np.ndarray:
    return np.repeat(np.arange(len(weights)), weights.astype(int))


@pytest.fixture
def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Answers that know something, rounded so that many are equal; classes; weights."""
    generator = np.random.default_rng(3)
    truth = generator.integers(3, size=_N)
    answers = (np.eye(3)[truth] + generator.normal(size=(_N, 3))).round(1)
    return answers, truth.astype(float), bootstrap_weights(_N, 20, generator)


@pytest.mark.parametrize(
    ("task", "peer"),
    [
        ("classes", lambda a, t: metrics.balanced_accuracy_score(t, a.argmax(1))),
        (
            "ranking",
            lambda a, t: np.mean([metrics.roc_auc_score(t == k, a[:, k]) for k in range(3)]),
        ),
        (
            "ordinal",
            lambda a, t: metrics.cohen_kappa_score(t, a.argmax(1), weights="quadratic"),
        ),
    ],
)
def test_scikit_learn_gives_the_same_in_every_sample(drawn, task, peer):
    answers, truth, weights = drawn
    found = skill(task, answers, truth, weights)
    wanted = [peer(answers[own], truth[own]) for own in map(_resampled, weights)]
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_average_precision_is_that_of_scikit_learn(drawn):
    answers, truth, weights = drawn
    labels = np.stack([truth > 0, truth == 1, truth < 2], 1).astype(float)
    found = skill("several-labels", answers, labels, weights)
    wanted = [
        np.mean(
            [metrics.average_precision_score(labels[own, k], answers[own, k]) for k in range(3)]
        )
        for own in map(_resampled, weights)
    ]
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_chance_is_what_knowing_nothing_gives(drawn):
    _, truth, weights = drawn
    generator = np.random.default_rng(0)
    for task in ("classes", "ranking", "ordinal"):
        scores = [
            skill(task, generator.normal(size=(_N, 3)), truth, weights[:1])[0] for _ in range(200)
        ]
        assert np.mean(scores) == pytest.approx(chance(task, truth, weights)[0], abs=0.01)


def _rare(count: int, positive: int, labels: int, generator: np.random.Generator) -> np.ndarray:
    truth = np.zeros((count, labels))
    for column in truth.T:
        column[generator.choice(count, positive, replace=False)] = 1
    return truth


@pytest.mark.parametrize(("count", "positive"), [(60, 1), (200, 4), (100, 40)])
def test_chance_of_rare_labels_is_what_random_orders_get(count, positive):
    """By scikit-learn on drawn orders: several times the frequency where a label is rare."""
    generator = np.random.default_rng(1)
    truth = _rare(count, positive, 1, generator)[:, 0]
    drawn = [
        metrics.average_precision_score(truth, generator.normal(size=count)) for _ in range(3000)
    ]
    (found,) = chance("several-labels", truth[:, None], np.ones((1, count)))
    assert found == pytest.approx(np.mean(drawn), rel=0.06)


def test_a_model_that_guesses_rare_labels_has_no_skill():
    """With the frequency of the labels as chance, every one of these would be judged skilled."""
    judged = 0
    for seed in range(30):
        generator = np.random.default_rng(seed)
        truth = _rare(80, 2, 12, generator)
        answers = generator.normal(size=(2, *truth.shape)).astype(np.float32)
        weights = bootstrap_weights(len(truth), 200, generator)
        least = chance("several-labels", truth, weights)
        try:
            reliance(answers, _conditions(1), truth, "several-labels", weights, chance=least)
        except InputError:
            continue
        judged += 1
    assert judged <= 4


def test_subjects_are_drawn_whole():
    weights = bootstrap_weights(6, 50, np.random.default_rng(0), ["a", "a", "b", "b", "b", "c"])
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 2] == weights[:, 4]).all()
    assert weights[1:].std() > 0


def _conditions(levels: int) -> list[RelianceCondition]:
    plain = [RelianceCondition()]
    return plain + [RelianceCondition("bilateral", n, n / 10) for n in range(1, levels + 1)]


def test_a_planted_loss_is_the_index():
    """A third of the answers become random at either level: a third of the skill is lost."""
    generator = np.random.default_rng(1)
    truth = np.arange(3000) % 2
    plain = np.eye(2)[truth]
    lost = plain.copy()
    lost[generator.permutation(3000)[:1000]] = np.eye(2)[generator.integers(2, size=1000)]
    answers = np.stack([plain, lost, lost]).astype(np.float32)
    weights = bootstrap_weights(3000, 300, generator)
    found = reliance(answers, _conditions(2), truth.astype(float), "classes", weights, chance=0.5)
    (one,) = found.indices
    assert one.index.estimate == pytest.approx(1 / 3, abs=0.03)
    assert one.index.low < 1 / 3 < one.index.high


def test_intervals_cover_the_truth():
    """Of 100 data sets, about 95 intervals hold the index that was planted."""
    covered = 0
    for seed in range(100):
        generator = np.random.default_rng(seed)
        truth = np.arange(300) % 2
        wrong = generator.random(300) < 0.25  # flipped: the skill above chance is halved
        answers = np.stack([np.eye(2)[truth], np.eye(2)[truth ^ wrong]]).astype(np.float32)
        weights = bootstrap_weights(300, 300, generator)
        found = reliance(
            answers, _conditions(1), truth.astype(float), "classes", weights, chance=0.5
        )
        covered += found.indices[0].index.low <= 0.5 <= found.indices[0].index.high
    assert 88 <= covered <= 100


def test_a_model_without_skill_has_none_to_lose():
    generator = np.random.default_rng(0)
    truth = np.arange(100.0) % 2
    answers = generator.normal(size=(2, 100, 2)).astype(np.float32)
    weights = bootstrap_weights(100, 100, generator)
    with pytest.raises(InputError, match="it has no skill of which a share could be lost"):
        reliance(answers, _conditions(1), truth, "classes", weights, chance=0.5)


@pytest.mark.parametrize(
    ("task", "truth", "message"),
    [
        ("classes", np.array([0, 5.0]), "labels name 6 classes, the model answers for 3"),
        ("classes", np.array([0, 0.5]), "must be one whole number an image"),
        ("classes", np.array([[0, 1.0]]), "must be one whole number an image"),
        ("ordinal", np.array([2.0, 2]), "all images have the class 2; two classes are needed"),
        ("several-labels", np.array([[0, 1.0]]), "has 2 labels, the model answers for 3"),
        ("several-labels", np.array([0, 1.0]), "must be rows of 0 and 1"),
        ("several-labels", np.array([[0, 2.0]]), "must be rows of 0 and 1"),
    ],
)
def test_labels_that_do_not_fit_the_task_are_refused(task, truth, message):
    with pytest.raises(InputError, match=message):
        check_truth(task, truth, 3)
