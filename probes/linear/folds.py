"""Folds of a cross-validation, in which no subject is on both sides."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from probes.linear.target import RowNumbers, Target
from regkit.errors import InputError


@dataclass(frozen=True, eq=False)
class Fold:
    """One split of the rows.

    Parameters
    ----------
    train, test
        FloatArray of rows.
    seed, number
        Which one it is.
    """

    train: RowNumbers
    test: RowNumbers
    seed: int = 0
    number: int = 0


@dataclass(frozen=True)
class FoldPlan:
    """How rows are split.

    Parameters
    ----------
    outer, inner
        How many folds probes are judged by, and how many choose their settings inside each.
    seeds
        Of the deals of subjects to folds; all of them are averaged.
    split
        A word for each row, ``train`` or ``test``, where somebody else has split them.
    """

    outer: int = 5
    inner: int = 3
    seeds: tuple[int, ...] = (0, 1, 2)
    split: tuple[str, ...] | None = None

    def folds(self, target: Target) -> list[Fold]:
        """List the outer folds of all seeds, or the one that ``split`` says."""
        if self.split is not None:
            return [given_folds(self.split, target.subjects)]
        return [fold for seed in self.seeds for fold in grouped_folds(target, self.outer, seed)]


def grouped_folds(target: Target, count: int, seed: int) -> list[Fold]:
    """Deal subjects to folds, each of which gets its share of every stratum.

    Parameters
    ----------
    target
        Whose each row is, and what it has.
    count
        How many folds.
    seed
        The same seed gives the same folds.

    Examples
    --------
    >>> target = Target("class", np.array([0.0, 1.0] * 4), tuple("aabbccdd"))
    >>> sorted(fold.test.tolist() for fold in grouped_folds(target, 4, seed=0))
    [[0, 1], [2, 3], [4, 5], [6, 7]]
    """
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(target.names))
    dealt = order[np.argsort(target.strata[order], kind="stable")]
    fold_of = np.empty(len(order), np.intp)
    fold_of[dealt] = np.arange(len(order)) % count
    rows = fold_of[target.owners]
    return [
        Fold(np.flatnonzero(rows != n), np.flatnonzero(rows == n), seed, n) for n in range(count)
    ]


def given_folds(split: Sequence[str], subjects: Sequence[Hashable]) -> Fold:
    """Return the fold that somebody else has made.

    Parameters
    ----------
    split
        ``train`` or ``test`` for each row.
    subjects
        Whose each row is.

    Raises
    ------
    InputError
        If a subject is on both sides, or a side is empty.
    """
    sides = {
        word: {who for who, side in zip(subjects, split, strict=True) if side == word}
        for word in ("train", "test")
    }
    both = sides["train"] & sides["test"]
    if both:
        name = min(map(str, both))
        raise InputError(
            f"subject {name!r} is in train and in test ({len(both)} subjects are); a probe would "
            "know whom it is judged on. Put all rows of a subject on one side"
        )
    for word, there in sides.items():
        if not there:
            raise InputError(f"no row of the split is {word!r}; allowed: train and test")
    words = np.array(split)
    return Fold(np.flatnonzero(words == "train"), np.flatnonzero(words == "test"))
