"""Everything that is wrong with a table, found before anything starts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from regkit.errors import InputError

_SHOWN = 100


class TableError(InputError):
    """A table with which nothing was started.

    Parameters
    ----------
    name
        The table.
    problems
        One line each.
    """

    def __init__(self, name: str, problems: Sequence[str]) -> None:
        count = f"{len(problems)} problems" if len(problems) != 1 else "1 problem"
        super().__init__(f"{name}: {count}, nothing was started; mend it and try again")
        self.name, self.problems = name, tuple(problems)

    def __reduce__(self) -> tuple[type[TableError], tuple[str, tuple[str, ...]]]:
        return type(self), (self.name, self.problems)

    def lines(self) -> list[str]:
        """What a person is shown: the problems, and how many more there are."""
        more = len(self.problems) - _SHOWN
        return [*self.problems[:_SHOWN], *([f"and {more} more"] if more > 0 else [])]


class Problems:
    """Collects what is wrong, each thing once, in the order in which it was found."""

    def __init__(self) -> None:
        self._found: dict[str, None] = {}

    def add(self, problem: str) -> None:
        """Take note of one, on one line."""
        self._found.setdefault(" ".join(problem.split()))

    @contextmanager
    def at(self, place: str) -> Iterator[None]:
        """Turn an error of the user into a problem of ``place``."""
        try:
            yield
        except InputError as error:
            self.add(f"{place}: {error}")

    def __len__(self) -> int:
        return len(self._found)

    def refuse(self, name: str) -> None:
        """Raise what was found.

        Raises
        ------
        TableError
            If anything was.
        """
        if self._found:
            raise TableError(name, tuple(self._found))
