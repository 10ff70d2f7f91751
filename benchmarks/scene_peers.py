"""How other programs register two scenes: one band each, on the grid of the reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regkit.errors import require
from regkit.geometry import Grid
from regkit.registration.scenes import GeoScene
from regkit.registration.scenes.placed import placed_by_headers
from regkit.resample import warp
from regkit.transforms import Transform

Floats = NDArray[np.float32]
Way = Callable[[Tensor], Tensor]
_STEPS = 300


@dataclass(frozen=True, eq=False)
class OneBand:
    """What a peer is given: rows and columns of both, where they have data, and the way back.

    All peers get moving placed on the grid of fixed by the headers (linear interpolation), since
    none of them knows a CRS; what they find is judged as a map between the scenes themselves.
    """

    fixed: Floats
    moving: Floats
    both: NDArray[np.bool_]
    grid: Grid
    placed: Transform
    bends: bool
    radar: bool

    def as_map(self, shift: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Way:
        """Make of shifts of ``(..., (row, column))`` a map of world points."""

        def way(points: Tensor) -> Tensor:
            index = self.grid.to_index(points).numpy()
            moved = index + shift(index[..., ::-1])[..., ::-1]
            return self.placed(self.grid.to_world(torch.from_numpy(np.ascontiguousarray(moved))))

        return way


def one_band(fixed: GeoScene, moving: GeoScene, *, bends: bool, radar: bool) -> OneBand:
    """Take the first band of each; SAR in decibels."""
    grid = fixed.grid
    placed = placed_by_headers(grid, moving.grid)
    band = moving.bands[0].with_data(moving.bands[0].data.float())
    there = warp(band, placed.between(grid.world, moving.grid.world), onto=grid)
    known = [each.valid for each in (fixed.bands[0], there) if each.valid is not None]
    both = torch.stack(known).all(0) if known else torch.ones(grid.shape, dtype=torch.bool)
    values = there.data[0].numpy()
    values = 10 * np.log10(np.maximum(values, 1e-3)) if radar else values
    return OneBand(
        np.ascontiguousarray(fixed.bands[0].data[0].float().numpy().T),
        np.ascontiguousarray(values.T.astype(np.float32)),
        np.ascontiguousarray(both.numpy().T), grid, placed, bends, radar,
    )  # fmt: skip


def skimage_phase(pair: OneBand) -> Way:
    """scikit-image: phase correlation, upsampled a hundred times; whole pixels where masked."""
    registration = require("skimage.registration", extra="bench")
    masks: dict[str, Any] = {} if pair.both.all() else {"reference_mask": pair.both}
    found = registration.phase_cross_correlation(
        pair.fixed, pair.moving, upsample_factor=100, **masks
    )
    shift = -np.asarray(found[0], dtype=np.float64)
    return pair.as_map(lambda index: np.broadcast_to(shift, index.shape))


def opencv_ecc(pair: OneBand) -> Way:
    """OpenCV: ECC, a translation started by phase correlation, then an affine where it bends."""
    cv2 = require("cv2", extra="bench")
    (x, y), _ = cv2.phaseCorrelate(pair.fixed.astype(np.float64), pair.moving.astype(np.float64))
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float32)
    until = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _STEPS, 1e-7)
    mask = (pair.both * 255).astype(np.uint8)
    motions = [cv2.MOTION_TRANSLATION] + [cv2.MOTION_AFFINE] * pair.bends
    for motion in motions:
        _, matrix = cv2.findTransformECC(pair.fixed, pair.moving, matrix, motion, until, mask, 5)
    linear = matrix[:, :2].astype(np.float64) - np.eye(2)
    return pair.as_map(lambda i: (i[..., ::-1] @ linear.T + matrix[:, 2])[..., ::-1])


def simpleitk(pair: OneBand) -> Way:
    """SimpleITK: a translation in three levels, then a B-spline of 8 x 8 cells where it bends.

    Correlation within one contrast, Mattes mutual information with SAR.
    """
    sitk = require("SimpleITK", extra="bench")
    fixed, moving = (sitk.GetImageFromArray(each) for each in (pair.fixed, pair.moving))
    mask = sitk.GetImageFromArray(pair.both.astype(np.uint8))
    method = _method(sitk, pair, mask)
    method.SetInitialTransform(sitk.TranslationTransform(2), inPlace=False)
    method.SetOptimizerAsRegularStepGradientDescent(2.0, 1e-4, _STEPS)
    shift = method.Execute(fixed, moving)
    found = shift
    if pair.bends:
        spline = sitk.BSplineTransformInitializer(fixed, [8, 8])
        finer = _method(sitk, pair, mask)
        finer.SetMovingInitialTransform(shift)
        finer.SetInitialTransform(spline, inPlace=True)
        finer.SetOptimizerAsLBFGSB(1e-6, 100)
        finer.Execute(fixed, moving)
        found = sitk.CompositeTransform([shift, spline])
    return pair.as_map(lambda index: _points(found, index))


def _method(sitk: Any, pair: OneBand, mask: Any) -> Any:
    method = sitk.ImageRegistrationMethod()
    if pair.radar:
        method.SetMetricAsMattesMutualInformation(50)
    else:
        method.SetMetricAsCorrelation()
    if not pair.both.all():
        method.SetMetricFixedMask(mask)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetShrinkFactorsPerLevel([4, 2, 1])
    method.SetSmoothingSigmasPerLevel([2, 1, 0])
    method.SetOptimizerScalesFromPhysicalShift()
    return method


def _points(transform: Any, index: NDArray[np.float64]) -> NDArray[np.float64]:
    flat = index[..., ::-1].reshape(-1, 2)
    moved = np.array([transform.TransformPoint(point) for point in flat.tolist()])
    return (moved - flat)[:, ::-1].reshape(index.shape)


Peer = Callable[[OneBand], Way]
PEERS: dict[str, Peer] = {
    "scikit-image": skimage_phase,
    "OpenCV ECC": opencv_ecc,
    "SimpleITK": simpleitk,
}
