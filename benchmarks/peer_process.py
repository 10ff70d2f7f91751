"""What runs inside a peer's own process: `python -m benchmarks.peer_process NAME FIXED MOVING OUT`.

Each peer reads two files and leaves its transform in the folder OUT, and nothing else. Heavy
packages are imported by the peer that uses them, so that only it pays for them.
"""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import THREADS

WARP = "warp.nii.gz"
AFFINE = "affine.mat"


def greedy(fixed: Path, moving: Path, out: Path, *metric_and_iterations: str) -> None:
    """``greedy -d 3 -m METRIC -n ITERATIONS -wp 0`` through picsl-greedy.

    Without ``-wp 0`` it rounds the field to 0.1 voxel, which its Jacobian shows.
    """
    *metric, iterations = metric_and_iterations
    command = (
        f"-d 3 -i {fixed} {moving} -o {out / WARP} -m {' '.join(metric)} "
        f"-n {iterations} -wp 0 -threads {THREADS}"
    )
    _greedy(command)


def greedy_affine(fixed: Path, moving: Path, out: Path) -> None:
    """Greedy's affine from the centres of the images; world RAS+, fixed to moving, as text."""
    _greedy(
        f"-d 3 -a -m NCC 2x2x2 -ia-image-centers -n 100x50x10 -i {fixed} {moving} "
        f"-o {out / AFFINE} -threads {THREADS}"
    )


def syn_quick(fixed: Path, moving: Path, out: Path) -> None:
    """``antsRegistrationSyNQuick[so]`` through ANTsPy, from the images as they are."""
    ants = importlib.import_module("ants")
    found = ants.registration(
        ants.image_read(str(fixed)),
        ants.image_read(str(moving)),
        type_of_transform="antsRegistrationSyNQuick[so]",
        outprefix=str(out / "ants_"),
    )
    for path in found["fwdtransforms"]:
        shutil.move(path, out / (WARP if path.endswith(".nii.gz") else AFFINE))


def demons(fixed: Path, moving: Path, out: Path, iterations: str) -> None:
    """SimpleITK's fast symmetric-forces demons, coarse to fine, histograms matched first."""
    sitk = importlib.import_module("SimpleITK")
    target = sitk.ReadImage(str(fixed), sitk.sitkFloat32)
    source = sitk.ReadImage(str(moving), sitk.sitkFloat32)
    source = sitk.HistogramMatching(source, target, 1024, 7, True)
    field = None
    for factor, count in zip((4, 2, 1), map(int, iterations.split("x")), strict=True):
        if count:
            field = _demons_level(sitk, target, source, factor, count, field)
    sitk.WriteImage(sitk.Cast(_onto(sitk, field, target), sitk.sitkVectorFloat32), str(out / WARP))


def convex_adam(fixed: Path, moving: Path, out: Path) -> None:
    """ConvexAdam with MIND-SSC and its defaults; displacement in voxels of fixed's grid."""
    nibabel = importlib.import_module("nibabel")
    numpy = importlib.import_module("numpy")
    importlib.import_module("torch").set_num_threads(THREADS)
    adam = importlib.import_module("convexAdam.convex_adam_MIND")
    images = [nibabel.load(path) for path in (fixed, moving)]
    voxels = numpy.asarray(adam.convex_adam_pt(*(image.get_fdata() for image in images)))
    world = voxels @ images[0].affine[:3, :3].T * numpy.array([-1.0, -1.0, 1.0])
    field = nibabel.Nifti1Image(world[:, :, :, None].astype("float32"), images[0].affine)
    field.header.set_intent("vector")
    field.to_filename(out / WARP)


PEERS: dict[str, Callable[..., None]] = {
    "greedy": greedy,
    "greedy_affine": greedy_affine,
    "syn_quick": syn_quick,
    "demons": demons,
    "convex_adam": convex_adam,
}


def main(words: Sequence[str]) -> None:
    """Run the peer that the first word names."""
    name, fixed, moving, out, *options = words
    PEERS[name](Path(fixed), Path(moving), Path(out), *options)


def _demons_level(
    sitk: Any, fixed: Any, moving: Any, factor: int, iterations: int, start: Any
) -> Any:
    fixed, moving = (_shrunk(sitk, image, factor) for image in (fixed, moving))
    engine = sitk.FastSymmetricForcesDemonsRegistrationFilter()
    engine.SetNumberOfIterations(iterations)
    engine.SetSmoothDisplacementField(True)
    engine.SetStandardDeviations(1.5)
    if start is None:
        return engine.Execute(fixed, moving)
    return engine.Execute(fixed, moving, _onto(sitk, start, fixed))


def _shrunk(sitk: Any, image: Any, factor: int) -> Any:
    if factor == 1:
        return image
    sigmas = [0.5 * factor * spacing for spacing in image.GetSpacing()]
    smooth = sitk.SmoothingRecursiveGaussian(image, sigmas)
    return sitk.Shrink(smooth, [factor] * image.GetDimension())


def _onto(sitk: Any, field: Any, image: Any) -> Any:
    same = field.GetSize() == image.GetSize()
    return field if same else sitk.Resample(field, image, sitk.Transform(), sitk.sitkLinear)


def _greedy(command: str) -> None:
    importlib.import_module("picsl_greedy").Greedy3D().execute(command)


if __name__ == "__main__":
    main(sys.argv[1:])
