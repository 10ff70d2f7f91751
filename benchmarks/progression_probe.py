"""Do features need alignment to tell who progresses? Linear probes on a longitudinal phantom.

``python -m benchmarks.progression_probe DATA OUT [--subjects 32]``. DATA is the folder of real
images. Two real T1 brains, at 2 mm, are deformed into people who differ in shape; half of them
progress. Every visit has its own pose, noise and gain and is sampled once. The folder OUT gets the
phantom, the table and the configuration, with which `regkit probe progression` can be run again,
and its results. The ceiling is a probe of the changes of volume that the phantom knows;
``--ceiling`` runs it alone, in seconds, beside volumes of the labels.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from probes.phantom import (
    FREESURFER_GROUPS,
    Anatomy,
    AtrophyRates,
    Course,
    random_course,
    write_phantom,
)
from regkit.cli import main as regkit
from regkit.io import read, read_labels
from regkit.resample import warp
from regkit.transforms import Affine

# Percent a year: ventricles, hippocampi, the rest; mean and standard deviation of each group.
_STABLE = ((1.5, 0.8), (-0.5, 0.3), -0.1)
_PROGRESSING = ((6.0, 1.5), (-3.0, 0.8), -0.3)
_STRUCTURES = (4, 17, 43, 53)  # FreeSurfer: lateral ventricles and hippocampi
_CEILING = "known change"
_SOURCE, _SPACING = 2.0, 2.5  # mm of the source brains and of a visit


def people(data: Path, subjects: int) -> Iterator[tuple[Anatomy, Course]]:
    """Draw the people; every second progresses, every second pair is made of the other brain.

    Parameters
    ----------
    data
        The folder of real images.
    subjects
        How many.
    """
    brains = [_brain(data, name) for name in "ab"]
    generator = np.random.default_rng(0)
    for number in range(subjects):
        ventricles, hippocampi, rest = _PROGRESSING if number % 2 else _STABLE
        percent = {
            "ventricles": float(generator.normal(*ventricles)),
            "hippocampi": float(generator.normal(*hippocampi)),
        }
        rates = AtrophyRates(FREESURFER_GROUPS, percent, rest)
        yield brains[number // 2 % 2], random_course(
            brains[number // 2 % 2], f"p{number:02d}", rates, seed=number, spacing=_SPACING
        )  # fmt: skip


def _brain(data: Path, name: str) -> Anatomy:
    image = read(data / f"brain_t1/{name}_t1.nii.gz").load()
    labels = read_labels(data / f"brain_t1/{name}_labels.nii.gz").load()
    grid = image.grid.with_spacing(_SOURCE)
    same = Affine.identity(3)
    return Anatomy(warp(image, same, onto=grid), warp(labels, same, onto=grid), {})


def write_study(folder: Path, arms: Sequence[str], deepbet: Path | None) -> Path:
    """Write the table and the configuration of the study beside a phantom, and return the latter.

    Parameters
    ----------
    folder
        The phantom.
    arms
        As `regkit probe progression` knows them.
    deepbet
        The folder of the two networks in the wheel of deepbet 1.0.2; left out if None.
    """
    known = _known_changes(folder)
    changes = [f"change_of_{label}" for label in _STRUCTURES]
    with (folder / "study.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["subject", "visit", "image", "labels", "progressed", *changes])
        for row in _tab_separated(folder / "visits.tsv"):
            progressed = int(row["subject"][1:]) % 2
            names = [row[name] for name in ("subject", "session", "image", "labels")]
            writer.writerow([*names, progressed, *known[row["subject"]]])
    backbone = {"pooling": ["mean", "std", "roi"]}
    given: dict[str, Any] = {
        "study": "Who progresses, and does alignment matter?", "table": "study.csv",
        "visits": ["01", "02"], "outcome": {"column": "progressed", "positive": 1},
        "structures": list(_STRUCTURES), "covariates": changes, "reference": "visit",
        "arms": list(arms),
        "shape": [80, 80, 80], "registration": {"preset": "fast"}, "cache": "features-cache",
        "margin": 0.1,
        "features": [
            {"source": "covariates", "name": _CEILING},
            {"source": "volumes"}, {"source": "intensity", "pooling": ["roi", "grid:6"]},
            {"source": "gradicon=small", **backbone},
            {"source": "gradicon=small", **backbone, "random": True},
        ],
    }  # fmt: skip
    if deepbet is not None:
        network = {"source": f"deepbet={deepbet.absolute()}", "name": "deepbet", **backbone}
        given["features"] += [network, {**network, "random": True}]
    path = folder / "study.yaml"
    path.write_text(json.dumps(given, indent=1))
    return path


def _tab_separated(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def _known_changes(folder: Path) -> dict[str, list[str]]:
    """By how many percent each structure of each person changes until the second visit."""
    known = {
        (row["subject"], int(row["label"])): row["change_percent"]
        for row in _tab_separated(folder / "known_volumes.tsv")
        if row["session"] == "02"
    }
    people = dict.fromkeys(subject for subject, _ in known)
    return {each: [known[each, label] for label in _STRUCTURES] for each in people}


def only_the_ceiling(study: Path) -> Path:
    """Write a configuration of the probes that need no network, and return it."""
    given = json.loads(study.read_text())
    given["features"] = [
        each for each in given["features"] if each["source"] in ("covariates", "volumes")
    ]
    path = study.with_name("ceiling.yaml")
    path.write_text(json.dumps(given, indent=1))
    return path


def main(words: Sequence[str] | None = None) -> int:
    """Make the phantom where it is missing, then run the study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--subjects", type=int, default=32)
    parser.add_argument("--arms", nargs="+", default=["unaligned", "rigid", "affine", "deformable"])
    parser.add_argument("--deepbet", type=Path, help="data/models of the wheel of deepbet 1.0.2")
    parser.add_argument("--ceiling", action="store_true", help="the known change alone")
    wanted = parser.parse_args(words)
    if not (wanted.out / "visits.tsv").exists():
        write_phantom(people(wanted.data, wanted.subjects), wanted.out)
    study = write_study(wanted.out, wanted.arms, wanted.deepbet)
    study = only_the_ceiling(study) if wanted.ceiling else study
    results = wanted.out / ("ceiling" if wanted.ceiling else "results")
    given = ["probe", "progression", "--config", str(study), "-o", str(results), "--overwrite"]
    return regkit(given)


if __name__ == "__main__":
    sys.exit(main())
