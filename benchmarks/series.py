"""`python -m benchmarks.series`: motion correction beside ANTsPy and SimpleITK, on known motion.

Every method runs in a process of its own and reads the same 4-D file, the peers on two threads,
regkit on the one that is its default; seconds include starting Python. `still` is what is left when
nothing is corrected.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import regkit as rk
from benchmarks.machine import describe
from benchmarks.measure import Cost, ProcessFailedError, measured
from benchmarks.methods import REGKIT
from benchmarks.register import machine_text
from benchmarks.series_phantoms import (
    MakePhantom,
    SeriesPhantom,
    bold_phantom,
    diffusion_phantom,
    enhancement_phantom,
    motion_errors,
)
from benchmarks.table import Row, Table
from regkit.geometry.affines import Matrix, homogeneous, rotation
from regkit.io import save_series
from regkit.registration.series.gradients import rotated_gradients

_CASES: dict[str, MakePhantom] = {
    "brain, one contrast, gain ±10 %": bold_phantom,
    "brain, more noise": lambda count: bold_phantom(count, noise=0.1),
    "brain, diffusion b = 0 and 1000": diffusion_phantom,
    "prostate, contrast enhancement": enhancement_phantom,
}
_COLUMNS = {
    "case": "", "method": "", "error mm": ".3f", "worst frame mm": ".3f", "wall s a frame": ".2f",
    "CPU s a frame": ".2f", "peak GB": ".2f",
}  # fmt: skip
_REGKIT = {
    "regkit": (),
    "regkit, reference 0": ("--reference", "0"),
    "regkit, reference mean": ("--reference", "mean"),
}
_PEERS = {
    "ANTsPy motion_correction": "ants",
    "ANTsPy motion_correction, fixed = frame 0": "ants0",
    "SimpleITK Euler, Mattes": "sitk",
}
_MODULES = {"ants": "ants", "ants0": "ants", "sitk": "SimpleITK"}
_PEER_WORD = "--peer"
_NOTE = (
    "Error: mean over the points of the body and over all frames, without the rigid motion that "
    "all frames share. Seconds are of whole processes, start included, over the number of frames."
)


def main(words: Sequence[str] | None = None) -> int:
    """Print one table; with ``--peer``, be the process of one."""
    given = sys.argv[1:] if words is None else list(words)
    if given[:1] == [_PEER_WORD]:
        np.save(given[3], np.array(_RUN[given[1]](given[2])))
        return 0
    parser = argparse.ArgumentParser(prog="python -m benchmarks.series", description=__doc__)
    parser.add_argument("--frames", type=int, default=12, help="how many frames a series has")
    parser.add_argument("--only", default="", help="cases whose name holds this word")
    asked = parser.parse_args(given)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, make in _CASES.items():
            if asked.only in name:
                rows += _race(name, make(asked.frames), Path(folder))
    notes = [_NOTE, *_gradient_note()]
    table = Table(f"Known motion, {asked.frames} frames", _COLUMNS, rows, notes)
    print(machine_text(describe()), table.markdown(), sep="\n\n")
    return 0


def _race(case: str, phantom: SeriesPhantom, folder: Path) -> list[Row]:
    path = save_series(phantom.frames, folder / "series.nii.gz", overwrite=True)
    rows = [_row(case, "still", [np.eye(4)] * len(phantom.frames), phantom, None)]
    for method, options in _REGKIT.items():
        out = folder / "out"
        line = [*REGKIT, "series", str(path), "-o", str(out), *options, "--overwrite", "--quiet"]
        cost = measured(line, folder / "log.txt")
        found = [_affine(each) for each in sorted((out / "transforms").iterdir())]
        rows.append(_row(case, method, found, phantom, cost))
    for method, kind in _PEERS.items():
        if find_spec(_MODULES[kind]) is not None:
            rows.append(_peer_row(case, method, kind, path, phantom))
    return rows


def _peer_row(case: str, method: str, kind: str, path: Path, phantom: SeriesPhantom) -> Row:
    out = path.with_name("found.npy")
    line = [sys.executable, "-m", "benchmarks.series", _PEER_WORD, kind, str(path), str(out)]
    try:
        cost = measured(line, path.with_name("log.txt"))
    except ProcessFailedError as error:
        return {"case": case, "method": f"{method}: failed: {error}"}
    return _row(case, method, list(np.load(out)), phantom, cost)


def _row(
    case: str, method: str, found: list[Matrix], phantom: SeriesPhantom, cost: Cost | None
) -> Row:
    errors, count = motion_errors(found, phantom), len(found)
    row: dict[str, Any] = {
        "case": case, "method": method, "error mm": float(errors.mean()),
        "worst frame mm": float(errors.max()),
    }  # fmt: skip
    if cost is not None:
        row |= {
            "wall s a frame": cost.wall / count, "CPU s a frame": cost.cpu / count,
            "peak GB": cost.peak,
        }  # fmt: skip
    print(row, file=sys.stderr, flush=True)
    return row


def _affine(path: Path | str) -> Matrix:
    phi = rk.read_transform(path)
    if not isinstance(phi, rk.Affine):
        raise TypeError(f"{path} holds no affine")
    return phi.matrix


def _ants(path: str, frame: int | None = None) -> list[Matrix]:
    """``ants.motion_correction`` with its defaults; its fixed is the mean of the frames."""
    ants = importlib.import_module("ants")
    image = ants.image_read(path)
    fixed = None if frame is None else ants.slice_image(image, axis=3, idx=frame)
    found = ants.motion_correction(image, fixed=fixed)
    return [_affine(files[0]) for files in found["motion_parameters"]]


def _sitk(path: str) -> list[Matrix]:
    """Rigid registration of each frame with the first one, from the frame before it."""
    sitk = importlib.import_module("SimpleITK")
    image = sitk.ReadImage(path, sitk.sitkFloat32)
    frames = [image[..., number] for number in range(image.GetSize()[3])]
    kind = sitk.CenteredTransformInitializerFilter.GEOMETRY
    start = sitk.CenteredTransformInitializer(frames[0], frames[0], sitk.Euler3DTransform(), kind)
    out: list[Matrix] = []
    for frame in frames:
        method = sitk.ImageRegistrationMethod()
        method.SetMetricAsMattesMutualInformation(32)
        method.SetInterpolator(sitk.sitkLinear)
        method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, 100)
        method.SetOptimizerScalesFromPhysicalShift()
        method.SetShrinkFactorsPerLevel([2, 1])
        method.SetSmoothingSigmasPerLevel([1, 0])
        method.SetInitialTransform(start, inPlace=True)
        method.Execute(frames[0], frame)
        with tempfile.TemporaryDirectory() as folder:
            file = f"{folder}/phi.tfm"
            sitk.WriteTransform(start, file)
            out.append(_affine(file))
    return out


_RUN: dict[str, Callable[[str], list[Matrix]]] = {
    "ants": _ants,
    "ants0": lambda path: _ants(path, 0),
    "sitk": _sitk,
}


def _gradient_note() -> list[str]:
    """How far turned directions are off those of DIPY, in a world whose axes are those of FSL."""
    if find_spec("dipy") is None:
        return []
    gradients = importlib.import_module("dipy.core.gradients")
    random = np.random.default_rng(0)
    directions = random.normal(size=(31, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    directions[0] = 0
    turns = [
        homogeneous(rotation(list(angles)), np.zeros(3))
        for angles in random.uniform(-0.5, 0.5, size=(31, 3))
    ]
    table = gradients.gradient_table(
        np.array([0.0, *[1000.0] * 30]), bvecs=directions, b0_threshold=50
    )
    theirs = gradients.reorient_bvecs(table, turns[1:]).bvecs
    # DIPY takes directions along the world; along FSL's axes of a left-handed image x is turned.
    flip = np.array([-1.0, 1.0, 1.0])
    ours = rotated_gradients(directions * flip, turns, np.diag([-1.0, 1.0, 1.0, 1.0])) * flip
    return [
        f"Turned gradients: at most {float(np.abs(ours - theirs).max()):.1e} off DIPY's "
        "reorient_bvecs (30 directions, rotations up to 0.5 rad about each axis)."
    ]


if __name__ == "__main__":
    sys.exit(main())
