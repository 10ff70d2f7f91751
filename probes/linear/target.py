"""Target: what a probe is to tell, one value a row, and whose each row is."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError

FloatArray = NDArray[np.float64]
RowNumbers = NDArray[np.intp]
TargetKind = Literal["class", "number", "survival"]
_BINS = 4  # of numbers, so that every fold has small and large ones


@dataclass(frozen=True, eq=False)
class Target:
    """What is to be told of every row, and whose the row is.

    Parameters
    ----------
    kind
        ``class``: 0 or 1; ``number``; ``survival``: time to an event, or to the end of watching.
    truth
        ``(n,)``: the class, the number, or the time.
    subjects
        ``(n,)``: whose each row is; rows of one subject never part.
    event
        ``(n,)``, of survival alone: True where the event was seen at that time.

    Raises
    ------
    InputError
        If the numbers are not as many, not finite, or not of that kind.

    Examples
    --------
    >>> target = Target("class", np.array([0.0, 1.0, 1.0]), ("a", "b", "b"))
    >>> target.owners.tolist(), target.strata.tolist()
    ([0, 1, 1], [0, 2])
    """

    kind: TargetKind
    truth: FloatArray
    subjects: tuple[Hashable, ...]
    event: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        if len(self.truth) != len(self.subjects) or not np.isfinite(self.truth).all():
            raise InputError(
                f"{len(self.truth)} outcomes of {len(self.subjects)} rows must be as many, and "
                "finite; leave out the rows that have none"
            )
        if self.kind == "class" and not np.isin(self.truth, (0.0, 1.0)).all():
            raise InputError("an outcome of the kind class is 0 or 1 in every row")
        if self.kind == "survival" and (self.event is None or bool((self.truth <= 0).any())):
            raise InputError("survival needs times above 0 and whether each is of an event")

    def __len__(self) -> int:
        return len(self.truth)

    @cached_property
    def names(self) -> tuple[Hashable, ...]:
        """The subjects, each once, in the order in which they first occur."""
        return tuple(dict.fromkeys(self.subjects))

    @cached_property
    def owners(self) -> RowNumbers:
        """The number of each row's subject, ``(n,)``."""
        number = {name: n for n, name in enumerate(self.names)}
        return np.array([number[name] for name in self.subjects], np.intp)

    @cached_property
    def strata(self) -> RowNumbers:
        """What every fold should have its share of, by subject ``(subjects,)``.

        Whether none, some or all of a subject's rows are of class 1 or of an event, or a quarter
        of the numbers. Each class is dealt evenly then, those who change from one to the other too.
        """
        rows = self.event.astype(float) if self.event is not None else self.truth
        means = np.bincount(self.owners, rows) / np.bincount(self.owners)
        if self.kind != "number":
            return np.asarray((means > 0).astype(np.intp) + (means == 1), np.intp)
        edges = np.quantile(means, np.arange(1, _BINS) / _BINS)
        return np.searchsorted(edges, means).astype(np.intp)

    def rows(self, which: RowNumbers) -> Self:
        """Return the same of some rows."""
        event = None if self.event is None else self.event[which]
        return replace(
            self, truth=self.truth[which], event=event,
            subjects=tuple(self.subjects[n] for n in which),
        )  # fmt: skip

    def shuffled(self, generator: np.random.Generator) -> Self:
        """Return the same with the outcomes of whole subjects exchanged.

        The outcomes of one subject go to one other, in their order, so that what belongs to a
        subject stays together. Where that one has fewer rows, or more, some are left out or
        repeated: subjects that only changed places with their like would often keep their own.
        """
        rows = [np.flatnonzero(self.owners == n) for n in range(len(self.names))]
        source = np.empty(len(self), np.intp)
        for to, given in enumerate(generator.permutation(len(rows))):
            spread = np.linspace(0, len(rows[given]) - 1, len(rows[to])).round().astype(np.intp)
            source[rows[to]] = rows[given][spread]
        event = None if self.event is None else self.event[source]
        return replace(self, truth=self.truth[source], event=event)

    def check_folds(self, folds: int, what: str, inner: int = 0) -> None:
        """Refuse what cannot be split into ``folds`` that can be trained without and judged.

        Parameters
        ----------
        folds
            How many.
        what
            What messages begin with, such as the name of a table.
        inner
            How many folds are made of what each of them is trained on; 0 for none.

        Raises
        ------
        InputError
            If there is one class alone, or a class has fewer subjects than there are folds.
        """
        how = f"{folds} folds" + (f", and {inner} inside each," if inner else "")
        least = _fewest(folds, inner)
        if len(self.names) < least:
            raise InputError(
                f"{what}: {len(self.names)} subjects are fewer than the {least} that {how} "
                "need; give more subjects, or fewer folds"
            )
        if self.kind == "number":
            if np.ptp(self.truth) == 0:
                raise InputError(f"{what}: the outcome is {self.truth[0]:g} in every row")
            return
        self._check_classes(_fewest(folds, min(inner, 2)), how, what)

    def _check_classes(self, least: int, how: str, what: str) -> None:
        flags = self.event if self.event is not None else self.truth > 0
        names = ("an event", "no event") if self.event is not None else ("class 1", "class 0")
        for name, has in zip(names, (flags, ~flags), strict=True):
            owners = len(set(self.owners[has].tolist()))
            if self.event is not None and name == "no event":
                continue  # everybody may have had it
            if owners == 0:
                raise InputError(f"{what}: no row has {name}; a probe needs both")
            if owners < least:
                raise InputError(
                    f"{what}: {owners} subjects have {name}, fewer than the {least} that {how} "
                    "need; give more subjects, or fewer folds"
                )


def _fewest(folds: int, left: int) -> int:
    """Subjects of whom ``left`` are trained on whichever fold is left out, and 3 at least."""
    return next(n for n in count(max(folds, 3)) if n - math.ceil(n / folds) >= left)
