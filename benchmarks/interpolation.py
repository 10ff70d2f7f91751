"""`python -m benchmarks.interpolation`: CPU seconds of interpolations, beside SimpleITK's.

Two million random points in an image of 180x200x180, one thread. SimpleITK samples them through a
displacement field on a row of voxels; its windowed sinc of Lanczos has the radius of regkit's, 5.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import torch

from benchmarks.machine import describe
from benchmarks.register import machine_text
from benchmarks.table import Row, Table
from regkit.kernels import backend
from regkit.kernels.interpolation import sample_smoothly, sample_voted
from regkit.kernels.sampling import sample
from regkit.kernels.spline import spline_coefficients

sitk: Any = import_module("SimpleITK")

_SHAPE, _POINTS = (180, 200, 180), 2_000_000
_COLUMNS = {"interpolation": "", "regkit": ".2f", "SimpleITK": ".2f", "times": ".1f"}


def main() -> int:
    """Print one table."""
    print(machine_text(describe()), flush=True)
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(1, *_SHAPE, generator=generator)
    labels = torch.randint(0, 40, (1, *_SHAPE), generator=generator).to(torch.int16)
    size = torch.tensor(_SHAPE, dtype=torch.float64) - 1
    points = torch.rand(_POINTS, 3, generator=generator).double() * size
    ways: dict[str, tuple[torch.Tensor, Callable[[], Any], int]] = {
        "linear": (image, lambda: sample(image, points), sitk.sitkLinear),
        "cubic": (
            image,
            lambda: sample_smoothly(
                torch.from_numpy(spline_coefficients(image.numpy())), points, "cubic"
            ),
            sitk.sitkBSpline,
        ),
        "sinc": (
            image,
            lambda: sample_smoothly(image, points, "sinc"),
            sitk.sitkLanczosWindowedSinc,
        ),
        "label": (labels, lambda: sample_voted(labels, points), sitk.sitkLabelLinear),
    }
    torch.set_num_threads(1)
    rows: list[Row] = []
    with backend.threads(1):
        for name, (whole, ours, interpolator) in ways.items():
            theirs = _by_itk(whole, points, interpolator)
            seconds = _cpu(ours), _cpu(theirs)
            values = (name, *seconds, seconds[1] / seconds[0])
            rows.append(dict(zip(_COLUMNS, values, strict=True)))
    notes = ("CPU seconds, the coefficients of the spline included, the best of two.",)
    print(f"\n{Table('Interpolation of 2 million points', _COLUMNS, rows, notes).markdown()}")
    return 0


def _cpu(work: Callable[[], Any]) -> float:
    found = []
    for _ in range(2):
        begin = time.process_time()
        work()
        found.append(time.process_time() - begin)
    return min(found)


def _by_itk(whole: torch.Tensor, points: torch.Tensor, interpolator: int) -> Callable[[], Any]:
    moved = points.numpy().copy()
    moved[:, 0] -= np.arange(len(moved))
    field = sitk.GetImageFromArray(moved.reshape(1, 1, -1, 3), isVector=True)
    image = sitk.GetImageFromArray(whole[0].numpy().transpose(2, 1, 0))
    resample = sitk.ResampleImageFilter()
    resample.SetSize((len(moved), 1, 1))
    resample.SetTransform(sitk.DisplacementFieldTransform(field))
    resample.SetInterpolator(interpolator)
    resample.SetNumberOfThreads(1)
    return lambda: resample.Execute(image)


if __name__ == "__main__":
    sys.exit(main())
