"""What is written: SimpleITK alone reproduces it, and the same seed gives the same bytes."""

from __future__ import annotations

import hashlib
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import regkit as rk
from benchmarks.data import PairFiles, brain_pairs
from benchmarks.methods import DEFAULT, record
from benchmarks.quality import overlap
from benchmarks.session import Session, say
from benchmarks.table import Row, Table

_READ = {"pair": "", "mean difference, % of range": ".4f", "Dice regkit": ".4f"}
_ITK = {"Dice SimpleITK": ".4f", "difference": ".5f"}


def simpleitk_case(session: Session) -> list[Table]:
    """transform.h5 applied by SimpleITK alone to the moving image and labels."""
    rows = [_compare(session, pair) for pair in brain_pairs()]
    notes = ("Mean absolute difference to warped.nii.gz over all voxels; default preset.",)
    return [Table("transform.h5 in SimpleITK", {**_READ, **_ITK}, rows, notes)]


def determinism_case(session: Session) -> list[Table]:
    """The digest of warped.nii.gz of two runs."""
    pair = brain_pairs()[0]
    digests = []
    for run in (1, 2):
        warped = record(_register(session, pair), "warped")
        digests.append(hashlib.sha256(warped.read_bytes()).hexdigest())
        say(f"run {run}: {digests[-1][:16]}")
    same = "yes" if len(set(digests)) == 1 else "NO"
    row = {"first run": digests[0][:16], "second run": digests[1][:16], "same bytes": same}
    columns = dict.fromkeys(row, "")
    return [Table("SHA-256 of warped.nii.gz, same seed, two processes", columns, [row])]


def _register(session: Session, pair: PairFiles) -> Path:
    out = session.place(DEFAULT, pair.fixed)
    say(f"{DEFAULT.name}: {pair.name}")
    DEFAULT.run(pair.fixed, pair.moving, out, device=session.device)
    return out


def _compare(session: Session, pair: PairFiles) -> Row:
    out = _register(session, pair)
    sitk = import_module("SimpleITK")
    phi = sitk.ReadTransform(str(record(out, "transform")))
    ours = sitk.GetArrayFromImage(sitk.ReadImage(str(record(out, "warped")))).astype(np.float64)
    theirs = _resampled(pair.fixed, pair.moving, phi, labels=False).astype(np.float64)
    labels = _resampled(pair.fixed_labels, pair.moving_labels, phi, labels=True)
    fixed, moving = map(rk.read_labels, (pair.fixed_labels, pair.moving_labels))
    # SimpleITK's arrays run k, j, i.
    stored = rk.Labels(torch.from_numpy(labels.T.astype(np.int32).copy()), fixed.grid)
    own = overlap(DEFAULT.found(out), fixed, moving, pair.scored)["Dice"]
    other = overlap(rk.Affine.identity(), fixed, stored, pair.scored)["Dice"]
    return {
        "pair": pair.name,
        "mean difference, % of range": 100 * np.abs(ours - theirs).mean() / np.ptp(ours),
        "Dice regkit": own,
        "Dice SimpleITK": other,
        "difference": abs(own - other),
    }


def _resampled(fixed: Path, moving: Path, phi: Any, *, labels: bool) -> NDArray[Any]:
    sitk = import_module("SimpleITK")
    how = sitk.sitkNearestNeighbor if labels else sitk.sitkLinear
    kind = sitk.sitkInt32 if labels else sitk.sitkFloat32
    image = sitk.ReadImage(str(moving), kind)
    resampled = sitk.Resample(image, sitk.ReadImage(str(fixed)), phi, how, 0.0)
    array: NDArray[Any] = sitk.GetArrayFromImage(resampled)
    return array
