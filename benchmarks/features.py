"""`python -m benchmarks.features`: missing anatomy under known warps, by similarity.

One image lacks the skull, or a third of the brain; the error is measured inside what both have.
Every similarity drives the same field engine from the same start; none is told what is missing.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.machine import describe
from benchmarks.missing import SCANS, SUBJECTS, Scene, Subject
from benchmarks.register import machine_text
from benchmarks.scores import SECONDS, Measure, Score, Scores, compared, kept
from benchmarks.session import say
from benchmarks.table import Table
from regkit import Volume
from regkit.kernels.backend import threads
from regkit.losses.registry import BUILT_IN_SIMILARITIES
from regkit.registration.choice import similarity_of
from regkit.registration.config import FeatureConfig, FieldConfig, SmoothConfig
from regkit.registration.field import register_field
from regkit.registration.pair import pair_of
from regkit.registration.planar import drop_field
from regkit.registration.prepared import PreparedImage
from regkit.transforms import DisplacementField

METHODS = (*BUILT_IN_SIMILARITIES, "features:small-diffusion", "features:small-diffusion+lncc2")
FIELDS = {
    # What a user gets, who says nothing: the engine decides whether one anatomy is seen.
    "default": FieldConfig(),
    # What a user gets, who knows that it is one person: the truth of every scene here.
    "smooth": FieldConfig(smooth=SmoothConfig(one_anatomy_share=0)),
}
MEASURES = (Measure("mean", "mean mm"), Measure("p95", "p95 mm"))
_SLICES = 3


def main(words: Sequence[str] | None = None) -> int:
    """Run warp by warp, and print one table a scene."""
    wanted = _parser().parse_args(words)
    print(machine_text(describe()), flush=True)
    if wanted.keep:
        wanted.keep.mkdir(parents=True, exist_ok=True)
    subjects = {kind: SUBJECTS[kind](wanted.spacing) for kind in wanted.subjects}
    cases = [(kind, lacking) for kind in subjects for lacking in ("fixed", "moving")]
    found: dict[tuple[str, str], list[Scores]] = {case: [] for case in cases}
    for seed in range(wanted.first, wanted.first + wanted.warps):
        for kind, lacking in cases:
            say(f"{kind}, lacking in {lacking}: warp {seed}")
            found[kind, lacking].append(_scores(subjects[kind], lacking, seed, wanted))
    tables = [_table(case, scores, wanted) for case, scores in found.items()]
    print("\n\n".join(table.markdown() for table in tables))
    print(f"\npeak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")
    if wanted.json:
        wanted.json.write_text(json.dumps([table.as_dict() for table in tables], indent=2))
    return 0


def _table(case: tuple[str, str], scenes: Sequence[Scores], wanted: argparse.Namespace) -> Table:
    kind, lacking = case
    title = (
        f"{kind} lacking in {lacking}, {wanted.ndim}-D at {wanted.spacing:g} mm, {wanted.scan} "
        f"scan, {wanted.field} field"
    )
    return compared(title, scenes, MEASURES, tuple(BUILT_IN_SIMILARITIES))


def _scores(subject: Subject, lacking: str, seed: int, wanted: argparse.Namespace) -> Scores:
    parts = subject.slices(_SLICES) if wanted.ndim == 2 else [subject]
    scene = parts[seed % len(parts)].scene(seed, lacking=lacking, scan=SCANS[wanted.scan])
    words = (subject.name, lacking, wanted.ndim, wanted.spacing, wanted.scan, wanted.field, seed)
    path = wanted.keep / f"{'-'.join(map(str, words))}.json" if wanted.keep else None
    return kept(path, ["before", *wanted.methods], partial(_score, scene, wanted.field))


def _score(scene: Scene, field: str, name: str) -> Score:
    begin = time.process_time()
    known = name == "before"
    phi = None if known else registered(scene.fixed, scene.moving, name, FIELDS[field])
    seconds = 0.0 if known else time.process_time() - begin
    off = scene.errors(phi or (lambda points: points)).numpy()
    return {"mean": float(off.mean()), "p95": float(np.quantile(off, 0.95)), SECONDS: seconds}


def registered(fixed: Volume, moving: Volume, name: str, config: FieldConfig) -> DisplacementField:
    """The field engine alone, on one thread, from the identity."""
    with threads(1):
        pair = pair_of(
            PreparedImage(fixed, modality="mr"),
            PreparedImage(moving, modality="mr"),
            multiple=max(config.factors),
            max_voxels=config.max_voxels,
            device=torch.device("cpu"),
        )
        similarity = similarity_of(name, config.radius, FeatureConfig(), 0)
        found, *_ = register_field(pair, np.eye(4), similarity, config, lambda _: None)
    return drop_field(found) if pair.planar else found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--warps", type=int, default=30)
    parser.add_argument("--first", type=int, default=0, help="seed of the first warp")
    parser.add_argument("--ndim", type=int, choices=(2, 3), default=2)
    parser.add_argument("--spacing", type=float, default=2.0, help="mm")
    parser.add_argument("--scan", choices=tuple(SCANS), default="other")
    parser.add_argument("--field", choices=tuple(FIELDS), default="default")
    parser.add_argument("--subjects", nargs="+", choices=tuple(SUBJECTS), default=[*SUBJECTS])
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="go on with what is there")
    parser.add_argument("--json", type=Path)
    return parser


if __name__ == "__main__":
    sys.exit(main())
