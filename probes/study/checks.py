"""Refuse rows and splits that no probe can use."""

from __future__ import annotations

from collections.abc import Sequence

from probes.linear import Target
from probes.linear.folds import given_folds
from probes.study.config import ProbeConfig
from probes.table import ProbeRow, ProbeTable
from regkit.errors import InputError


def check_row(row: ProbeRow, table: ProbeTable, config: ProbeConfig) -> None:
    """Refuse a row whose structures are needed and are not there, or lie elsewhere.

    Parameters
    ----------
    row
        Of the table.
    table
        Which messages name.
    config
        Which structures are wanted.

    Raises
    ------
    InputError
        Naming the row.
    """
    if config.structures and row.labels is None:
        raise InputError(
            f"{table.what} {row.line}: has no label map, which `structures` are taken from; fill "
            f"the column {config.columns.labels!r}"
        )
    row.check_labels(table.what)


def check_split(split: Sequence[str], target: Target, config: ProbeConfig, what: str) -> None:
    """Refuse a split with a subject on both sides, or sides that no probe can use.

    Parameters
    ----------
    split
        ``train`` or ``test`` for each row.
    target
        Of the same rows.
    config
        How many inner folds there are.
    what
        What messages begin with.

    Raises
    ------
    InputError
        Naming the subject, or the class.
    """
    try:
        fold = given_folds(split, target.subjects)
    except InputError as error:
        raise InputError(f"{what}: {error}") from None
    target.rows(fold.train).check_folds(config.inner_folds, f"{what}, train")
    if target.kind == "class" and len(set(target.truth[fold.test])) < 2:
        raise InputError(f"{what}, test: has one class alone; a probe is judged by both")
