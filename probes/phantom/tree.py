"""A phantom on disk: a BIDS data set, its structures as derivatives, and tables of the truth."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from probes.phantom.anatomy import Anatomy
from probes.phantom.course import Course
from probes.phantom.scanner import acquire, acquire_labels
from probes.phantom.truth import known_volumes
from regkit.errors import InputError
from regkit.io import save
from regkit.io.names import display_name

VISITS, VOLUMES = "visits.tsv", "known_volumes.tsv"
_BIDS = {"BIDSVersion": "1.10.0"}
_NAME = "Longitudinal phantom: real brains, deformed by a known change of volume"


def write_phantom(people: Iterable[tuple[Anatomy, Course]], folder: Path) -> Path:
    """Scan people at all their visits, and write what is known of them.

    ``visits.tsv`` has a row a visit: subject, session, image, labels, years since the first visit,
    age, and the rates of the groups, in percent of their volume per year. ``known_volumes.tsv`` has
    a row a structure and visit, with its volume and by how much of the first visit's it has
    changed. Images are those of a BIDS data set, labels its derivatives.

    Parameters
    ----------
    people
        Each with the source brain.
    folder
        It must not exist; it appears complete or not at all.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        If it exists, there is nobody, or two people have one name.
    """
    if folder.exists():
        raise InputError(f"{display_name(folder)}: exists; name a folder that does not")
    part = folder.with_name(f".{folder.name}.{os.getpid()}")
    part.mkdir(parents=True)
    try:
        _write_all(people, part)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _write_all(people: Iterable[tuple[Anatomy, Course]], folder: Path) -> None:
    visits, volumes, names = list[dict[str, Any]](), list[dict[str, Any]](), list[str]()
    for anatomy, course in people:
        if course.subject in names:
            raise InputError(f"two people are called {course.subject!r}; give each their own name")
        names.append(course.subject)
        visits += _scanned(anatomy, course, folder)
        volumes += _truth_rows(anatomy, course)
    if not names:
        raise InputError("there is nobody to scan; give at least one person")
    _write_table(folder / VISITS, visits)
    _write_table(folder / VOLUMES, volumes)
    _write_table(folder / "participants.tsv", [{"participant_id": f"sub-{n}"} for n in names])
    _write_json(folder / "dataset_description.json", {"Name": _NAME, **_BIDS})
    made = {"DatasetType": "derivative", "GeneratedBy": [{"Name": "regkit"}]}
    derived = {"Name": "Structures of the phantom", **_BIDS, **made}
    _write_json(folder / "derivatives/phantom/dataset_description.json", derived)


def _scanned(anatomy: Anatomy, course: Course, folder: Path) -> list[dict[str, Any]]:
    """Write the scans of a person, and return the rows about them."""
    rows = []
    for visit in course.visits:
        stem = Path(f"sub-{course.subject}", f"ses-{visit.name}", "anat")
        name = f"sub-{course.subject}_ses-{visit.name}"
        image = stem / f"{name}_T1w.nii.gz"
        labels = Path("derivatives", "phantom") / stem / f"{name}_dseg.nii.gz"
        for path in (image, labels):
            (folder / path).parent.mkdir(parents=True)
        save(acquire(anatomy, course, visit), folder / image)
        save(acquire_labels(anatomy, course, visit), folder / labels)
        rows.append(
            {
                "subject": course.subject, "session": visit.name, "image": image.as_posix(),
                "labels": labels.as_posix(), "years": f"{visit.years:g}",
                "age": f"{course.age + visit.years:.1f}",
                **{f"rate_{name}": f"{rate:g}" for name, rate in course.rates.percent.items()},
                "rate_rest": f"{course.rates.rest:g}",
            }
        )  # fmt: skip
    return rows


def _truth_rows(anatomy: Anatomy, course: Course) -> list[dict[str, Any]]:
    volumes = known_volumes(anatomy, course)
    first = volumes[course.visits[0].name]
    return [
        {
            "subject": course.subject, "session": visit, "label": str(label),
            "name": anatomy.names.get(label, str(label)), "volume_mm3": f"{volume:.4f}",
            "change_percent": f"{100 * (volume / first[label] - 1):.5f}",
        }
        for visit, structures in volumes.items()
        for label, volume in structures.items()
    ]  # fmt: skip


def _write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        columns = list(dict.fromkeys(key for row in rows for key in row))
        writer = csv.DictWriter(file, columns, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
