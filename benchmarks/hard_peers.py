"""What runs inside a peer's own process: `python -m benchmarks.hard_peers NAME FIXED MOVING OUT`.

Each peer runs the recipe that its makers publish for the kind of transform that is asked for. It
leaves in the folder OUT its affine (``matrix.txt`` in RAS+, or a transform file of ITK), a
field on fixed's grid, or both: the field comes first, as in ANTs. Heavy packages are imported by
the peer that uses them, so that only it pays for them.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import THREADS

MATRIX, AFFINE, WARP = "matrix.txt", "affine.mat", "warp.nii.gz"
LIMIT_S = 600
_SAMPLES = 50_000
_LEVELS = ((4, 2.0), (2, 1.0), (1, 0.0))  # shrink factors, and sigmas in voxels


@dataclass(frozen=True)
class Job:
    """Two files, their masks, and how far to go.

    ``kind`` is ``rigid``, ``affine`` or ``deformable``; ``across`` tells that the images are of
    two contrasts, which greedy's users must know to choose its metric.
    """

    fixed: Path
    moving: Path
    out: Path
    kind: str
    across: bool
    fixed_mask: Path | None
    moving_mask: Path | None


def ants(job: Job) -> None:
    """``Rigid``, ``Affine`` or ``antsRegistrationSyNQuick[s]`` of ANTsPy."""
    package = importlib.import_module("ants")
    names = {"rigid": "Rigid", "affine": "Affine", "deformable": "antsRegistrationSyNQuick[s]"}
    found = package.registration(
        package.image_read(str(job.fixed)),
        package.image_read(str(job.moving)),
        type_of_transform=names[job.kind],
        outprefix=str(job.out / "ants_"),
        mask=job.fixed_mask and package.image_read(str(job.fixed_mask)),
        moving_mask=job.moving_mask and package.image_read(str(job.moving_mask)),
    )
    for path in found["fwdtransforms"]:
        shutil.move(path, job.out / (WARP if path.endswith(".nii.gz") else AFFINE))


def greedy(job: Job) -> None:
    """An affine from the centres of the images, then a field; NMI across contrasts, NCC else."""
    run = importlib.import_module("picsl_greedy").Greedy3D().execute
    metric = "-m NMI" if job.across else "-m NCC 2x2x2"
    pair = f"-d 3 -i {job.fixed} {job.moving} {metric} -n 100x50x10 -threads {THREADS}"
    pair += f" -gm {job.fixed_mask}" if job.fixed_mask else ""
    pair += f" -mm {job.moving_mask}" if job.moving_mask else ""
    freedom = 6 if job.kind == "rigid" else 12
    matrix = job.out / MATRIX
    run(f"{pair} -a -dof {freedom} -ia-image-centers -o {matrix}")
    if job.kind == "deformable":
        # Without -wp 0 the field is rounded to 0.1 voxel.
        run(f"{pair} -it {matrix} -wp 0 -o {job.out / WARP}")


def simple_itk(job: Job) -> None:
    """Mattes mutual information in three levels, as the notebooks do; then a B-spline."""
    sitk = importlib.import_module("SimpleITK")
    fixed, moving = (
        sitk.ReadImage(str(path), sitk.sitkFloat32) for path in (job.fixed, job.moving)
    )
    linear = _linear(sitk, job, fixed, moving)
    if job.kind != "deformable":
        sitk.WriteTransform(linear, str(job.out / "affine.tfm"))
        return
    whole = _spline(sitk, job, fixed, moving, linear)
    field = sitk.TransformToDisplacementField(
        whole,
        sitk.sitkVectorFloat64,
        fixed.GetSize(),
        fixed.GetOrigin(),
        fixed.GetSpacing(),
        fixed.GetDirection(),
    )
    sitk.WriteImage(sitk.Cast(field, sitk.sitkVectorFloat32), str(job.out / WARP))


def elastix(job: Job) -> None:
    """The default parameter maps of elastix: rigid; rigid, affine; or these and B-spline."""
    itk = importlib.import_module("itk")
    names = {"rigid": 1, "affine": 2, "deformable": 3}[job.kind]
    maps = itk.ParameterObject.New()
    for name in ("rigid", "affine", "bspline")[:names]:
        maps.AddParameterMap(itk.ParameterObject.GetDefaultParameterMap(name))
    engine = itk.ElastixRegistrationMethod.New(
        *(itk.imread(str(path), itk.F) for path in (job.fixed, job.moving))
    )
    engine.SetParameterObject(maps)
    if job.fixed_mask:
        engine.SetFixedMask(itk.imread(str(job.fixed_mask), itk.UC))
    if job.moving_mask:
        engine.SetMovingMask(itk.imread(str(job.moving_mask), itk.UC))
    # Its number of threads is left alone: to set it crashes 0.25.4. The environment bounds them.
    engine.UpdateLargestPossibleRegion()
    if job.kind == "deformable":
        found = engine.GetTransformParameterObject()
        # It also writes a file into the folder that it is run from.
        with contextlib.chdir(job.out):
            field = itk.transformix_deformation_field(engine.GetMovingImage(), found)
        itk.imwrite(field, str(job.out / WARP))
    else:
        _write_matrix(engine.GetCombinationTransform(), job.out / MATRIX)


def _write_matrix(linear: Any, path: Path) -> None:
    """A linear transform of ITK, which is in LPS+, as a matrix in RAS+: where it takes points."""
    numpy = importlib.import_module("numpy")
    corners = numpy.vstack([numpy.zeros(3), numpy.eye(3)])
    taken = numpy.array([list(linear.TransformPoint(point.tolist())) for point in corners])
    matrix = numpy.eye(4)
    matrix[:3, :3], matrix[:3, 3] = (taken[1:] - taken[0]).T, taken[0]
    flip = numpy.diag([-1.0, -1.0, 1.0, 1.0])
    numpy.savetxt(path, flip @ matrix @ flip)


PEERS: dict[str, Callable[[Job], None]] = {
    "ants": ants,
    "greedy": greedy,
    "simple_itk": simple_itk,
    "elastix": elastix,
}


def main(words: Sequence[str]) -> None:
    """Run the peer that the first word names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=tuple(PEERS))
    for name in ("fixed", "moving", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--kind", choices=("rigid", "affine", "deformable"), required=True)
    parser.add_argument("--across", action="store_true")
    parser.add_argument("--fixed-mask", type=Path)
    parser.add_argument("--moving-mask", type=Path)
    given = vars(parser.parse_args(words))
    _stop_after(LIMIT_S)
    PEERS[given.pop("peer")](Job(**given))


def _stop_after(seconds: int) -> None:
    """End this process then, with words if its library lets Python speak, else without."""

    def stop() -> None:
        print(f"stopped after {seconds} s", file=sys.stderr, flush=True)
        os._exit(1)

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    signal.alarm(seconds + 10)


def _linear(sitk: Any, job: Job, fixed: Any, moving: Any) -> Any:
    """Rigid or affine from the centres of the fields of view."""
    kind = sitk.Euler3DTransform() if job.kind == "rigid" else sitk.AffineTransform(3)
    start = sitk.CenteredTransformInitializer(
        fixed, moving, kind, sitk.CenteredTransformInitializerFilter.GEOMETRY
    )
    engine = _by_information(sitk, job, _SAMPLES / fixed.GetNumberOfPixels())
    # The plain gradient descent of some notebooks leaves the image on many of these pairs.
    engine.SetOptimizerAsRegularStepGradientDescent(
        learningRate=2.0, minStep=1e-4, numberOfIterations=200, gradientMagnitudeTolerance=1e-8
    )
    engine.SetOptimizerScalesFromPhysicalShift()
    engine.SetInitialTransform(start, inPlace=False)
    return engine.Execute(fixed, moving)


def _spline(sitk: Any, job: Job, fixed: Any, moving: Any, linear: Any) -> Any:
    """A B-spline of two to eight cells along each axis, by L-BFGS, behind ``linear``."""
    spline = sitk.BSplineTransformInitializer(fixed, [2] * 3, order=3)
    engine = _by_information(sitk, job, _SAMPLES / 4 / fixed.GetNumberOfPixels())
    engine.SetOptimizerAsLBFGS2(
        solutionAccuracy=1e-2, numberOfIterations=100, deltaConvergenceTolerance=0.01
    )
    engine.SetMovingInitialTransform(linear)
    engine.SetInitialTransformAsBSpline(spline, inPlace=True, scaleFactors=[1, 2, 4])
    engine.Execute(fixed, moving)
    return sitk.CompositeTransform([linear, spline])


def _by_information(sitk: Any, job: Job, share: float) -> Any:
    engine = sitk.ImageRegistrationMethod()
    engine.SetMetricAsMattesMutualInformation(numberOfHistogramBins=50)
    engine.SetMetricSamplingStrategy(engine.RANDOM)
    engine.SetMetricSamplingPercentage(min(1.0, share), 1)
    engine.SetInterpolator(sitk.sitkLinear)
    engine.SetShrinkFactorsPerLevel([factor for factor, _ in _LEVELS])
    engine.SetSmoothingSigmasPerLevel([sigma for _, sigma in _LEVELS])
    engine.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()
    if job.fixed_mask:
        engine.SetMetricFixedMask(sitk.ReadImage(str(job.fixed_mask), sitk.sitkUInt8))
    if job.moving_mask:
        engine.SetMetricMovingMask(sitk.ReadImage(str(job.moving_mask), sitk.sitkUInt8))
    return engine


if __name__ == "__main__":
    main(sys.argv[1:])
