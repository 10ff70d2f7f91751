"""From rows of a table to what a probe is to tell, and to what is known beside images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from probes.linear import Target
from probes.linear.target import FloatArray
from probes.study.config import OutcomeChoice, ProbeConfig
from probes.table import ProbeRow, ProbeTable
from regkit.errors import InputError

_YES, _NO = {"1", "true", "yes"}, {"0", "false", "no"}


def with_outcome(rows: Sequence[ProbeRow], outcome: OutcomeChoice) -> list[ProbeRow]:
    """Return the rows that have an outcome at all."""
    needed = [outcome.column] if outcome.column else [outcome.time, outcome.event]
    return [row for row in rows if all(str(row.values.get(each, "")) != "" for each in needed)]


def target_of(rows: Sequence[ProbeRow], table: ProbeTable, config: ProbeConfig) -> Target:
    """Make the target of rows that have an outcome, and refuse one that no probe can be judged by.

    Parameters
    ----------
    rows
        Of the table.
    table
        Which messages name.
    config
        What is to be told, and by how many folds.

    Raises
    ------
    InputError
        If a value cannot be used, or there are too few subjects; naming the row.
    """
    outcome, subjects = config.outcome, tuple(row.subject for row in rows)
    names = [outcome.column] if outcome.column else [outcome.time, outcome.event]
    for name in names:
        if name not in table.columns:
            raise InputError(f"{table.name}: has no column {name!r}, which the outcome names")
    if not rows:
        raise InputError(f"{table.name}: no row has an outcome in {' and '.join(names)}")
    if outcome.time:
        event = np.array([_truth(row, outcome.event, table) for row in rows])
        times = np.array([_number(row, outcome.time, table) for row in rows])
        target = Target("survival", times, subjects, event)
    elif outcome.positive:
        words = [_word(row.values[outcome.column]) for row in rows]
        positive = {_word(each) for each in outcome.positive}
        unknown = positive - set(words)
        if unknown:
            there = ", ".join(sorted(set(words))[:12])
            raise InputError(
                f"{table.name}: no {outcome.column} is {min(unknown)!r}; its values are {there}"
            )
        target = Target("class", np.array([w in positive for w in words], float), subjects)
    else:
        numbers = np.array([_number(row, outcome.column, table) for row in rows])
        target = Target("number", numbers, subjects)
    if not config.split:
        target.check_folds(config.folds, table.name, config.inner_folds)
    return target


def split_of(rows: Sequence[ProbeRow], table: ProbeTable, config: ProbeConfig) -> list[str] | None:
    """Return ``train`` or ``test`` of each row, where the configuration names a column of them.

    Parameters
    ----------
    rows
        Of the table.
    table
        Which messages name.
    config
        Whose ``split`` is the column.

    Raises
    ------
    InputError
        If a row says something else.
    """
    if not config.split:
        return None
    words = [str(row.values.get(config.split, "")) for row in rows]
    for row, word in zip(rows, words, strict=True):
        if word not in ("train", "test"):
            raise InputError(
                f"{table.what} {row.line}: {config.split} is {word!r:.40}; allowed: train, test"
            )
    return words


def covariates_of(rows: Sequence[ProbeRow], table: ProbeTable, names: Sequence[str]) -> FloatArray:
    """Turn columns into numbers ``(n, p)``: words become one column a word but the first.

    Parameters
    ----------
    rows
        Of the table.
    table
        Which messages name.
    names
        Of columns.

    Raises
    ------
    InputError
        If a row has none of them.
    """
    parts: list[FloatArray] = []
    for name in names:
        values = [row.values.get(name) for row in rows]
        for row, value in zip(rows, values, strict=True):
            if value is None or str(value) == "":
                raise InputError(
                    f"{table.what} {row.line}: has no {name}; fill it, leave the row out, or leave "
                    "the covariate out"
                )
        parts.append(_numbers(rows, name, table))
    return np.concatenate(parts, axis=1) if parts else np.zeros((len(rows), 0))


def _numbers(rows: Sequence[ProbeRow], name: str, table: ProbeTable) -> FloatArray:
    """A column of numbers, or a column a word; never words because one number cannot be read."""
    words = [str(row.values[name]) for row in rows]
    unread = [n for n, word in enumerate(words) if not _is_number(word)]
    if not unread:
        return np.array([[float(word)] for word in words])
    if len(unread) < len(words):
        n = unread[0]
        raise InputError(
            f"{table.what} {rows[n].line}: {name} is {words[n]!r:.40}, and a number in "
            f"{len(words) - len(unread)} rows; write numbers or words throughout, or list what "
            "means that it is not known as columns.missing"
        )
    known = sorted(set(words))
    return np.array([[float(word == each) for each in known[1:]] for word in words])


def _is_number(word: str) -> bool:
    try:
        return bool(np.isfinite(float(word)))
    except ValueError:
        return False


def _number(row: ProbeRow, name: str, table: ProbeTable) -> float:
    try:
        found = float(row.values[name])
    except (TypeError, ValueError):
        found = float("nan")
    if not np.isfinite(found):
        raise InputError(
            f"{table.what} {row.line}: {name} is {row.values[name]!r:.40}, which is no number; for "
            "classes name the values that count as 1 as outcome.positive"
        )
    return found


def _truth(row: ProbeRow, name: str, table: ProbeTable) -> bool:
    word = _word(row.values[name]).lower()
    if word not in _YES | _NO:
        raise InputError(f"{table.what} {row.line}: {name} is {word!r:.40}; allowed: 0 and 1")
    return word in _YES


def _word(value: Any) -> str:
    """A value as a user writes it: 1.0 is 1, as which a column with gaps is often stored."""
    word = str(value)
    return str(int(float(word))) if _is_number(word) and float(word).is_integer() else word
