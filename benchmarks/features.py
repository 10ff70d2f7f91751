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
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from benchmarks.machine import describe
from benchmarks.missing import Scene, Subject, brain_and_slab, head_and_brain, other_scan, same_scan
from benchmarks.register import machine_text
from benchmarks.session import say
from benchmarks.table import Row, Table
from regkit.kernels.backend import threads
from regkit.registration.choice import similarity_of
from regkit.registration.config import FeatureConfig, FieldConfig
from regkit.registration.field import register_field
from regkit.registration.pair import prepare
from regkit.registration.planar import drop_field
from regkit.transforms import DisplacementField

METHODS = (
    "mse",
    "lncc",
    "lncc2",
    "mind",
    "mi",
    "features:small-diffusion",
    "features:small-diffusion+lncc2",
)
_SLICES = 3
_RESAMPLED = 2000
_SCANS = {"same": same_scan, "other": other_scan}
_SUBJECTS = {"skull": head_and_brain, "slab": brain_and_slab}
_COLUMNS = {
    "similarity": "",
    "mean mm": ".2f",
    "mean, 95 %": "",
    "p95 mm": ".2f",
    "p95, 95 %": "",
    "CPU s": ".2f",
}


@dataclass
class Errors:
    """Of one similarity: mean and 95th percentile of every warp, and CPU seconds."""

    means: list[float] = field(default_factory=list)
    tails: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def row(self, name: str) -> Row:
        """Means over warps, with bootstrap intervals of 95 %."""
        return {
            "similarity": name,
            "mean mm": float(np.mean(self.means)),
            "mean, 95 %": interval(self.means),
            "p95 mm": float(np.mean(self.tails)),
            "p95, 95 %": interval(self.tails),
            "CPU s": float(np.median(self.seconds)),
        }


def main(words: Sequence[str] | None = None) -> int:
    """Run and print one table a scene."""
    wanted = _parser().parse_args(words)
    print(machine_text(describe()), flush=True)
    tables = []
    for kind in wanted.subjects:
        subject = _SUBJECTS[kind]()
        parts = subject.slices(_SLICES) if wanted.ndim == 2 else [subject]
        for lacking in ("fixed", "moving"):
            table = _table(parts, lacking, wanted)
            print(f"\n{table.markdown()}", flush=True)
            tables.append(table.as_dict())
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")
    if wanted.json:
        wanted.json.write_text(json.dumps(tables, indent=2))
    return 0


def _table(parts: Sequence[Subject], lacking: str, wanted: argparse.Namespace) -> Table:
    before, found = Errors(), {name: Errors() for name in wanted.methods}
    for seed in range(wanted.warps):
        say(f"{parts[0].name}, lacking in {lacking}: warp {seed + 1} of {wanted.warps}")
        scene = parts[seed % len(parts)].scene(seed, lacking=lacking, scan=_SCANS[wanted.scan])
        _judge(before, scene, None, 0.0)
        for name in wanted.methods:
            begin = time.process_time()
            phi = registered(scene, name)
            _judge(found[name], scene, phi, time.process_time() - begin)
    rows = [errors.row(name) for name, errors in [("before", before), *found.items()]]
    title = f"{parts[0].name} lacking in {lacking}, {wanted.ndim}-D, {wanted.scan} scan"
    return Table(title, _COLUMNS, rows, (f"{wanted.warps} warps; intervals by bootstrap.",))


def registered(scene: Scene, name: str) -> DisplacementField:
    """The field engine alone, on one thread, from the identity: the warp is all there is."""
    config = FieldConfig()
    with threads(1):
        pair = prepare(
            scene.fixed,
            scene.moving,
            fixed_mask=None,
            moving_mask=None,
            modality="mr",
            moving_modality="mr",
            multiple=max(config.factors),
            max_voxels=config.max_voxels,
            device=torch.device("cpu"),
        )
        similarity = similarity_of(name, config.radius, FeatureConfig(), 0)
        found, _ = register_field(pair, np.eye(4), similarity, config, lambda _: None)
    return drop_field(found) if pair.planar else found


def interval(values: Sequence[float]) -> str:
    """Bootstrap interval of the mean: 2.5 to 97.5 %.

    Examples
    --------
    >>> interval([1.0, 1.0])
    '1.00 to 1.00'
    """
    draw = np.random.default_rng(0).choice(values, size=(_RESAMPLED, len(values)))
    low, high = np.quantile(draw.mean(axis=1), [0.025, 0.975])
    return f"{low:.2f} to {high:.2f}"


def _judge(errors: Errors, scene: Scene, phi: DisplacementField | None, seconds: float) -> None:
    off = scene.errors(phi if phi is not None else lambda points: points)
    errors.means.append(float(off.mean()))
    errors.tails.append(float(np.quantile(off.numpy(), 0.95)))
    errors.seconds.append(seconds)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--warps", type=int, default=30)
    parser.add_argument("--ndim", type=int, choices=(2, 3), default=2)
    parser.add_argument("--scan", choices=tuple(_SCANS), default="other")
    parser.add_argument("--subjects", nargs="+", choices=tuple(_SUBJECTS), default=[*_SUBJECTS])
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--json", type=Path)
    return parser


if __name__ == "__main__":
    sys.exit(main())
