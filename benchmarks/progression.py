"""`python -m benchmarks.progression`: a known change between two visits, and what is found of it.

Two real brains (brain_t1) are deformed, atrophied, turned, scanned with noise and gain by the
longitudinal phantom, whose truth is the integral of the Jacobian determinant of its own map. Each
case is measured both ways by regkit and by ANTsPy (rigid, then SyN with CC on the full resolution)
on the same two images with the same labels. Unless --whole is given the source is cut to a box
around the ventricles, so that a case takes minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import torch

import regkit as rk
from benchmarks.data import data_folder
from benchmarks.machine import describe
from benchmarks.register import machine_text
from benchmarks.table import Row, Table
from probes.phantom import (
    FREESURFER_GROUPS,
    Anatomy,
    AtrophyRates,
    Course,
    acquire,
    acquire_labels,
    known_changes,
    known_volumes,
    random_course,
)
from probes.progression import ProgressionConfig, measure_progression
from regkit.errors import require
from regkit.volume import Labels, Volume

STRUCTURES = {"lateral ventricles": (4, 43), "hippocampi": (17, 53)}
_ROOM = 20  # voxels around the structures of a source that is cut
_ITERATIONS = (40, 20, 20)  # of SyN; the last ones at full resolution


@dataclass(frozen=True)
class Case:
    """A person who is scanned twice.

    Parameters
    ----------
    source
        Brain ``a`` or ``b``.
    rate
        Growth of the ventricles in percent; the hippocampi lose 0.6 of it, the rest 0.14.
    seed
        Of shape, pose, gain and noise.
    noise
        Of either visit, as a share of white matter.
    shading
        How much the gain varies over the head.
    """

    source: str
    rate: float
    seed: int
    noise: tuple[float, float] = (0.02, 0.02)
    shading: float = 0.0

    @property
    def name(self) -> str:
        """What the table calls it."""
        one, two = (f"{100 * each:g}" for each in self.noise)
        shaded = f", shading {100 * self.shading:g} %" if self.shading else ""
        return f"{self.source}{self.seed} {self.rate:+g} %, noise {one}/{two} %{shaded}"


CASES = (
    Case("a", 5.0, 1),
    Case("a", 0.0, 2, (0.02, 0.03)),
    Case("b", 2.0, 3, (0.03, 0.02)),
    Case("b", -3.0, 4),
    Case("a", 1.0, 5, shading=0.05),
    Case("b", 0.0, 6),
    Case("a", -5.0, 7, (0.03, 0.03)),
    Case("b", 5.0, 8, (0.01, 0.02)),
)
_COLUMNS = {
    "case": "", "structure": "", "true %": ".3f", "of labels %": ".3f", "regkit %": ".3f",
    "± noise": ".3f", "error": "+.3f", "there + back": "+.3f", "ANTs error": "+.3f",
    "ANTs there + back": "+.3f", "regkit CPU s": ".0f", "ANTs CPU s": ".0f",
}  # fmt: skip


def main() -> int:
    """Print one table of all cases."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.progression", description=__doc__)
    parser.add_argument("--whole", action="store_true", help="whole brains, not a box of them")
    parser.add_argument("--cases", type=int, nargs="+", default=list(range(len(CASES))))
    parser.add_argument(
        "--spacing", type=float, default=None, help="mm; that of the source if none"
    )
    parser.add_argument("--peers", action="store_true", help="ANTsPy too")
    parser.add_argument(
        "--keep", type=Path, help="folder of finished measurements, which are not repeated"
    )
    asked = parser.parse_args()
    rows = [row for number in asked.cases for row in rows_of(CASES[number], asked)]
    print(machine_text(describe(threads=torch.get_num_threads())))
    what = "whole brains" if asked.whole else "a box around the ventricles"
    spacing = "1 mm" if asked.spacing is None else f"{asked.spacing:g} mm"
    title = f"Known changes between two visits, {spacing}, {what}"
    print(f"\n{Table(title, _COLUMNS, rows, _notes(rows)).markdown()}")
    return 0


def _notes(rows: Sequence[Row]) -> list[str]:
    lines = [
        "Errors are against the true change of the structure, in percent of its volume; `of "
        "labels` is the true change of the region of its voxels at the baseline. `there + back` "
        "adds the changes in percent of the mean volume of both directions, each with the labels "
        "of its own baseline: 0 where nothing depends on the direction. CPU seconds are those of "
        "one direction, of regkit with its four repeats for the noise; `± noise` is half of their "
        "interval of 95 %."
    ]
    for name in STRUCTURES:
        some = [row for row in rows if row["structure"] == name]
        for who, key in (("regkit", "error"), ("ANTs", "ANTs error")):
            errors = [row[key] for row in some if row.get(key) is not None]
            if errors:
                size = mean(abs(each) for each in errors)
                worst = max(abs(each) for each in errors)
                lines.append(
                    f"{who}, {name}: mean error {mean(errors):+.3f}, mean absolute error "
                    f"{size:.3f}, largest {worst:.3f} ({len(errors)} cases)."
                )
    return ["\n\n".join(lines)]


@cache
def _anatomy(source: str, whole: bool) -> Anatomy:
    folder = data_folder() / "brain_t1"
    image = rk.read(folder / f"{source}_t1.nii.gz").load()
    labels = rk.read_labels(folder / f"{source}_labels.nii.gz").load()
    if whole:
        return Anatomy(image, labels, {})
    wanted = [value for group in FREESURFER_GROUPS.values() for value in group]
    inside = np.argwhere(np.isin(labels.data[0].numpy(), wanted))
    start = np.maximum(inside.min(axis=0) - _ROOM, 0)
    shape = np.minimum(inside.max(axis=0) + 1 + _ROOM, labels.shape) - start
    box = start.tolist(), shape.tolist()
    return Anatomy(image.window(*box), labels.window(*box), {})


def rows_of(case: Case, asked: argparse.Namespace) -> list[Row]:
    """The rows of a case, with what was kept of it."""
    scanned = Scanned(case, asked.whole, asked.spacing)
    truth = scanned.truth
    ours = kept("regkit", case, asked, lambda: _regkit(scanned.scans, scanned.labels))
    cells = {name: ours.cells(name, truth[name][0], "") for name in STRUCTURES}
    if asked.peers:
        ants = kept("ANTs", case, asked, lambda: _ants(scanned.scans, scanned.labels))
        for name in STRUCTURES:
            cells[name] |= ants.cells(name, truth[name][0], "ANTs ")
    return [
        {"case": case.name, "structure": name, "true %": true, "of labels %": of, **cells[name]}
        for name, (true, of) in truth.items()
    ]


def kept(
    who: str, case: Case, asked: argparse.Namespace, measure: Callable[[], Measured]
) -> Measured:
    """What one program found in a case, from the folder of finished ones where it is there."""
    if asked.keep is None:
        return measure()
    how = [asked.whole, asked.spacing]
    path: Path = asked.keep / f"{case.name} {how} {who}.json".replace("/", "_")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(measure())))
    return Measured(**json.loads(path.read_text()))


@dataclass(frozen=True)
class Scanned:
    """The two visits of a case, made when they are first asked for."""

    case: Case
    whole: bool
    spacing: float | None

    @cached_property
    def course(self) -> Course:
        """The person of the case."""
        case, anatomy = self.case, _anatomy(self.case.source, self.whole)
        percent = {"ventricles": case.rate, "hippocampi": -0.6 * case.rate}
        rates = AtrophyRates(FREESURFER_GROUPS, percent, rest=-0.14 * case.rate)
        return random_course(
            anatomy, case.name, rates, seed=case.seed, noise=case.noise, shading=case.shading,
            spacing=self.spacing,
        )  # fmt: skip

    @cached_property
    def scans(self) -> list[Volume]:
        """Of both visits."""
        anatomy = _anatomy(self.case.source, self.whole)
        return [acquire(anatomy, self.course, visit) for visit in self.course.visits]

    @cached_property
    def labels(self) -> list[Labels]:
        """Of both visits."""
        anatomy = _anatomy(self.case.source, self.whole)
        return [acquire_labels(anatomy, self.course, visit) for visit in self.course.visits]

    @cached_property
    def truth(self) -> dict[str, tuple[float, float]]:
        """The change of each structure, and that of the region of its labels, in percent."""
        anatomy, first = _anatomy(self.case.source, self.whole), self.labels[0]
        volumes = list(known_volumes(anatomy, self.course, _values()).values())
        one, two = self.course.visits
        of_labels = known_changes(self.course, first, one, two, _values())
        return {
            name: (_true(volumes, group), _weighted(first, of_labels, group))
            for name, group in STRUCTURES.items()
        }


def _values() -> list[int]:
    return [value for group in STRUCTURES.values() for value in group]


def _true(volumes: Sequence[Mapping[int, float]], group: Sequence[int]) -> float:
    before, after = (sum(each[value] for value in group) for each in volumes)
    return 100 * (after / before - 1)


def _weighted(labels: Labels, changes: Mapping[int, float], group: Sequence[int]) -> float:
    counts = {value: float((labels.data == value).sum()) for value in group}
    return sum(counts[v] * changes[v] for v in group) / sum(counts.values())


@dataclass(frozen=True)
class Measured:
    """Changes by structure in percent of the baseline: there, back, and the noise of the first."""

    there: Mapping[str, float]
    back: Mapping[str, float]
    seconds: float
    noise: Mapping[str, float] | None = None

    def cells(self, name: str, truth: float, who: str) -> dict[str, Any]:
        """What the table says of a structure."""
        both = sum(200 * each[name] / (200 + each[name]) for each in (self.there, self.back))
        own = (
            {}
            if self.noise is None
            else {"regkit %": self.there[name], "± noise": self.noise[name]}
        )
        return {
            **own,
            f"{who}error": self.there[name] - truth,
            f"{who}there + back": both,
            f"{who or 'regkit '}CPU s": self.seconds,
        }


def _regkit(scans: Sequence[Volume], labels: Sequence[Labels]) -> Measured:
    begin = time.process_time()
    there = measure_progression(scans[0], scans[1], labels[0], structures=STRUCTURES)
    seconds = time.process_time() - begin
    alone = ProgressionConfig(repeats=0)
    back = measure_progression(scans[1], scans[0], labels[1], structures=STRUCTURES, config=alone)
    found = [{each.name: each.percent for each in way.changes} for way in (there, back)]
    noise = {each.name: each.interval[1] - each.percent for each in there.changes}
    return Measured(found[0], found[1], seconds, noise)


def _ants(scans: Sequence[Volume], labels: Sequence[Labels]) -> Measured:
    ants: Any = require("ants", extra="bench")
    with tempfile.TemporaryDirectory() as folder:
        images = []
        for number, scan in enumerate(scans):
            scan.save(Path(folder) / f"{number}.nii.gz")
            images.append(ants.image_read(str(Path(folder) / f"{number}.nii.gz")))
        begin = time.process_time()
        there = _ants_changes(ants, images[0], images[1], labels[0])
        seconds = time.process_time() - begin
        back = _ants_changes(ants, images[1], images[0], labels[1])
    return Measured(there, back, seconds)


def _ants_changes(ants: Any, fixed: Any, moving: Any, labels: Labels) -> dict[str, float]:
    """The mean Jacobian determinant of SyN after a rigid alignment, which keeps volumes."""
    rigid = ants.registration(fixed, moving, type_of_transform="Rigid", random_seed=1)
    found = ants.registration(
        fixed, moving, type_of_transform="SyNOnly", initial_transform=rigid["fwdtransforms"][0],
        syn_metric="CC", syn_sampling=2, reg_iterations=_ITERATIONS, random_seed=1,
    )  # fmt: skip
    warp = next(path for path in found["fwdtransforms"] if path.endswith(".nii.gz"))
    growth = ants.create_jacobian_determinant_image(fixed, warp, False).numpy()
    values = labels.data[0].numpy()
    return {
        name: 100 * (float(growth[np.isin(values, group)].mean()) - 1)
        for name, group in STRUCTURES.items()
    }


if __name__ == "__main__":
    sys.exit(main())
