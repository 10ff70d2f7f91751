"""Refuse an image that two subjects have: a probe would be judged by what it was fitted on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable

from probes.table import ProbeRow
from regkit.digests import sha256
from regkit.errors import InputError


def check_owners(rows: Iterable[ProbeRow], what: str) -> None:
    """Refuse rows of two subjects that name one image, or files of the same bytes.

    No grouping by subject keeps such an image on one side of a fold. Of archives and folders of
    slices the place alone is compared.

    Parameters
    ----------
    rows
        Of a table.
    what
        What messages begin with.

    Raises
    ------
    InputError
        Naming both rows.
    """
    alike: dict[Hashable, list[ProbeRow]] = defaultdict(list)
    for row in rows:
        alike[_size(row)].append(row)
    for same in alike.values():
        if len({row.subject for row in same}) > 1:
            _check_alike(same, what)


def _check_alike(rows: Iterable[ProbeRow], what: str) -> None:
    seen: dict[Hashable, ProbeRow] = {}
    for row in rows:
        first = seen.setdefault(_content(row), row)
        if first.subject != row.subject:
            raise InputError(
                f"{what} {row.line}: the image of subject {row.subject!r} is that of subject "
                f"{first.subject!r} in {what.rpartition(' ')[2]} {first.line}, to the byte "
                f"({row.image.name}); give each its own, or one name to both"
            )


def _is_file(row: ProbeRow) -> bool:
    return not row.image.member and row.image.path.is_file()


def _size(row: ProbeRow) -> Hashable:
    return row.image.path.stat().st_size if _is_file(row) else row.image


def _content(row: ProbeRow) -> Hashable:
    return sha256(row.image.path) if _is_file(row) else row.image
