"""BIDS: images of subjects and sessions, with their tables beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from probes.table.columns import TableColumns
from probes.table.rows import ImagePlace, ProbeRow, ProbeTable
from regkit.cohort.table import read_pair_table
from regkit.errors import InputError

_NAME = re.compile(
    r"sub-(?P<sub>[A-Za-z0-9]+)_(?:ses-(?P<ses>[A-Za-z0-9]+)_)?(?:\w+-[A-Za-z0-9]+_)*"
    r"[A-Za-z0-9]+\.nii(\.gz)?"
)


def read_bids_table(path: Path, columns: TableColumns) -> ProbeTable:
    """Read a BIDS data set: ``participants.tsv``, ``sessions.tsv``, and anatomical images.

    ``columns.image`` is how names end that are taken: a suffix, ``T1w`` unless it is told, or
    entities before it such as ``run-1_T1w``. The values of a row are the columns of
    ``participants.tsv``, and over them those of the subject's sessions.

    Parameters
    ----------
    path
        The folder of the data set.
    columns
        What is taken.

    Raises
    ------
    InputError
        If there is no ``participants.tsv``, or a subject is not in it.
    """
    people, table = participants(path)
    kind = "T1w" if columns.image == "image" else columns.image
    rows, files, names = [], [table], dict[str, None]()
    for line, (sub, ses, image) in enumerate(bids_images(path, kind), start=1):
        if sub not in people:
            raise InputError(f"{table.name}: has no row of sub-{sub}, whose image is {image.name}")
        sessions = path / f"sub-{sub}" / f"sub-{sub}_sessions.tsv"
        known = {**people[sub], **_session(sessions, ses)}
        files += [sessions] if sessions.is_file() and sessions not in files else []
        names |= dict.fromkeys(known)
        rows.append(ProbeRow(line, sub, ImagePlace(image), ses, values=known))
    return ProbeTable(path, tuple(files), tuple(rows), tuple(names), "image")


def participants(path: Path) -> tuple[dict[str, dict[str, Any]], Path]:
    """Read ``participants.tsv``: the values of each subject, without ``sub-``.

    Raises
    ------
    InputError
        If it is not there.
    """
    table = path / "participants.tsv"
    if not table.is_file():
        raise InputError(f"{path.name}: has no participants.tsv, which says what subjects have")
    records = read_pair_table(table).records
    return {
        str(each.values.get("participant_id", "")).removeprefix("sub-"): dict(each.values)
        for each in records
    }, table


def bids_images(path: Path, kind: str) -> Iterator[tuple[str, str, Path]]:
    """Find the images of a kind: subject, session and file, in order.

    Parameters
    ----------
    path
        The folder of the data set; derivatives are left out.
    kind
        How names end, such as ``T1w`` or ``run-1_T1w``.
    """
    for image in sorted(path.glob("sub-*/**/*.nii*")):
        found = _NAME.fullmatch(image.name)
        if found and is_of_kind(image, kind):
            yield found["sub"], found["ses"] or "", image


def is_of_kind(image: Path, kind: str) -> bool:
    """Tell whether the name of an image ends in a suffix, and in entities before it.

    Examples
    --------
    >>> name = Path("sub-01_acq-fast_run-1_T1w.nii.gz")
    >>> [is_of_kind(name, kind) for kind in ("T1w", "run-1_T1w", "run-2_T1w", "1w")]
    [True, True, False, False]
    """
    return image.name.partition(".")[0].endswith(f"_{kind}")


def _session(path: Path, session: str) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    for each in read_pair_table(path).records:
        if str(each.values.get("session_id", "")).removeprefix("ses-") == session:
            return each.values
    return {}
