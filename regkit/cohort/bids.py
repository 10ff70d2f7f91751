"""Images of a BIDS data set as a table, and registrations of them as derivatives."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from regkit import __version__
from regkit.cohort.plan import Plan, PlannedPair
from regkit.cohort.problems import Problems
from regkit.cohort.table import PairTable, TableRecord
from regkit.errors import InputError, require
from regkit.io.atomic import disk_errors
from regkit.io.names import display_name
from regkit.runs.register.names import stem

DESCRIPTION, IGNORED = "dataset_description.json", ".bidsignore"
BIDS_FOLDER = "bids"
_VERSION = "1.10.0"
_IMAGES = (".nii", ".nii.gz")
_KEPT = ("sub", "ses", "acq", "ce", "rec", "run", "datatype")
_SUFFIX = {"suffix": "T1w"}


def read_bids(root: Path, wanted: Mapping[str, str]) -> PairTable:
    """The images of a data set, one a session, as a table for pairing.

    Parameters
    ----------
    root
        Where ``dataset_description.json`` is.
    wanted
        Entities that an image must have, such as ``{"suffix": "FLAIR", "acq": "3d"}``; its suffix
        is ``T1w`` if none is named.

    Raises
    ------
    InputError
        If there is no data set, or no such image in it.
    TableError
        If a session has several.
    """
    if not (root / DESCRIPTION).is_file():
        raise InputError(f"{display_name(root)}: is no BIDS data set; it has no {DESCRIPTION}")
    index = require("bids2table", extra="cohort").index_dataset(root)
    asked = {**_SUFFIX, **wanted}
    for name in asked:
        if name not in index.column_names:
            raise InputError(
                f"BIDS has no entity {name!r:.40}; give one such as acq, run or suffix"
            )
    rows = [row for row in index.to_pylist() if row["ext"] in _IMAGES and _has(row, asked)]
    if not rows:
        said = ", ".join(f"{name} {value}" for name, value in asked.items())
        raise InputError(f"{display_name(root)}: has no image of {said}; choose other entities")
    _refuse_several(root, rows)
    records = tuple(TableRecord(n, _values(row)) for n, row in enumerate(rows, start=1))
    columns = ("image", "subject", *(["session"] if any(row["ses"] for row in rows) else []))
    return PairTable(root.absolute() / root.absolute().name, columns, records, "image")


def write_derivatives(plan: Plan, root: Path) -> Path:
    """Give the results of registrations that are done the names of BIDS derivatives.

    Files are linked where the file system can, else copied. Transforms are outside the schema of
    BIDS 1.10; a ``.bidsignore`` says so.

    Parameters
    ----------
    plan
        Of registrations of images of ``root``.
    root
        The raw data set.

    Returns
    -------
    Path
        The derivative data set, ``bids`` in the folder of the plan.

    Raises
    ------
    ResourceError
        If the disk is full.
    """
    folder = plan.folder / BIDS_FOLDER
    with disk_errors(plan.folder):
        folder.mkdir(exist_ok=True)
        _write(folder / DESCRIPTION, _description(root))
        (folder / IGNORED).write_text("*_xfm.*\n", encoding="utf-8")
        (folder / "README").write_text(_README, encoding="utf-8")
        for each in plan.pairs:
            if (plan.folder / each.row.name / "run.json").is_file():
                _derive(plan, each, root, folder)
    return folder


def _derive(plan: Plan, planned: PlannedPair, root: Path, folder: Path) -> None:
    """One warped image and both transforms, each with its sidecar."""
    bids = require("bids2table", extra="cohort")
    moving, fixed = planned.row.file("moving"), planned.row.file("fixed")
    entities = bids.parse_bids_entities(moving)
    base = {name: entities[name] for name in _KEPT if name in entities}
    here, there = _space(bids, moving, root), _space(bids, fixed, root)
    about = {"Sources": [_address(path, root) for path in (moving, fixed)]}
    warped = {**base, "space": there, "suffix": entities["suffix"], "ext": ".nii.gz"}
    # Raw images of BIDS have their skull, and BIDS wants it said.
    reference = {"SpatialReference": _address(fixed, root), "SkullStripped": False}
    _place(bids, folder, plan, planned, "warped.nii.gz", warped, {**about, **reference})
    for name, ends in (("transform.h5", (here, there)), ("inverse.h5", (there, here))):
        along = {**base, "from": ends[0], "to": ends[1], "mode": "image", "suffix": "xfm"}
        _place(bids, folder, plan, planned, name, {**along, "ext": ".h5"}, about)


def _place(
    bids: Any, folder: Path, plan: Plan, planned: PlannedPair, name: str,
    entities: Mapping[str, str], about: Mapping[str, Any],
) -> None:  # fmt: skip
    path = folder / bids.format_bids_path(dict(entities))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    source = plan.folder / planned.row.name / name
    try:
        os.link(source, path)
    except OSError:
        shutil.copyfile(source, path)
    _write(folder / bids.format_bids_path({**entities, "ext": ".json"}), about)


def _space(bids: Any, path: Path, root: Path) -> str:
    """A label for the space of an image: of letters and digits alone, as BIDS wants it."""
    entities = bids.parse_bids_entities(path) if path.is_relative_to(root.absolute()) else {}
    words = [f"{key}{entities[key]}" for key in ("sub", "ses", "run") if key in entities]
    return re.sub(r"[^A-Za-z0-9]", "", "".join(words) or stem(path)) or "fixed"


def _address(path: Path, root: Path) -> str:
    """A BIDS URI within the raw data set; the base name of a file from elsewhere."""
    if path.is_relative_to(root.absolute()):
        return f"bids:raw:{path.relative_to(root.absolute()).as_posix()}"
    return f"file:{path.name}"


def _description(root: Path) -> dict[str, Any]:
    return {
        "Name": f"Registrations of {display_name(root.absolute())}",
        "BIDSVersion": _VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "regkit", "Version": __version__}],
        "DatasetLinks": {"raw": root.absolute().as_uri()},
    }


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _has(row: Mapping[str, Any], asked: Mapping[str, str]) -> bool:
    return all(str(row[name]) == value for name, value in asked.items())


def _values(row: Mapping[str, Any]) -> dict[str, Any]:
    found = {"image": row["path"], "subject": row["sub"], "session": row["ses"]}
    return {name: value for name, value in found.items() if value is not None}


def _refuse_several(root: Path, rows: list[dict[str, Any]]) -> None:
    problems = Problems()
    for (subject, session), names in _sessions(rows):
        if len(names) > 1:
            of = f"sub-{subject}" + (f" ses-{session}" if session else "")
            problems.add(
                f"{display_name(root)}: {of} has {len(names)} such images ({', '.join(names)}); "
                "choose one by --bids-filter, such as run=1"
            )
    problems.refuse(display_name(root))


def _sessions(rows: list[dict[str, Any]]) -> Iterator[tuple[tuple[Any, Any], list[str]]]:
    found: dict[tuple[Any, Any], list[str]] = defaultdict(list)
    for row in rows:
        found[row["sub"], row["ses"]].append(Path(row["path"]).name)
    yield from found.items()


_README = """Registrations by regkit: images in another space, and transforms between them.

`*_from-A_to-B_mode-image_xfm.h5` resamples an image in space A on the grid of one in space B; ITK
and ANTs read it. Transform files are outside the schema of BIDS, hence .bidsignore.
"""
