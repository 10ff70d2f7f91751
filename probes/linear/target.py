"""Target: what a probe is to tell, one value a row, and whose each row is."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cached_property
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
    ([0, 1, 1], [0, 1])
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

        The class that most rows of a subject have, a quarter of the numbers, or whether there was
        an event.
        """
        rows = self.event.astype(float) if self.event is not None else self.truth
        means = np.bincount(self.owners, rows) / np.bincount(self.owners)
        if self.kind != "number":
            return (means >= 0.5).astype(np.intp)
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

        Subjects that have as many rows as each other change places, so that what belongs to a
        subject stays together.
        """
        source = np.arange(len(self))
        counts = np.bincount(self.owners)
        for count in np.unique(counts):
            alike = np.flatnonzero(counts == count)
            for to, given in zip(alike, generator.permutation(alike), strict=True):
                source[self.owners == to] = np.flatnonzero(self.owners == given)
        event = None if self.event is None else self.event[source]
        return replace(self, truth=self.truth[source], event=event)

    def check_folds(self, folds: int, what: str) -> None:
        """Refuse what cannot be split into ``folds`` that can be trained without and judged.

        Parameters
        ----------
        folds
            How many.
        what
            What messages begin with, such as the name of a table.

        Raises
        ------
        InputError
            If there is one class alone, or a class has fewer subjects than there are folds.
        """
        least = max(folds, 3)
        if len(self.names) < least:
            raise InputError(
                f"{what}: {len(self.names)} subjects are fewer than the {least} that {folds} folds "
                "need; give more subjects, or fewer folds"
            )
        if self.kind == "number":
            if np.ptp(self.truth) == 0:
                raise InputError(f"{what}: the outcome is {self.truth[0]:g} in every row")
            return
        self._check_classes(least, folds, what)

    def _check_classes(self, least: int, folds: int, what: str) -> None:
        flags = self.event if self.event is not None else self.truth > 0
        names = ("an event", "no event") if self.event is not None else ("class 1", "class 0")
        for name, has in zip(names, (flags, ~flags), strict=True):
            count = len(set(self.owners[has].tolist()))
            if self.event is not None and name == "no event":
                continue  # everybody may have had it
            if count == 0:
                raise InputError(f"{what}: no row has {name}; a probe needs both")
            if count < least:
                raise InputError(
                    f"{what}: {count} subjects have {name}, fewer than the {least} that {folds} "
                    "folds need; give more subjects, or fewer folds"
                )
