"""FrameAligner: a reference made ready once, with which any number of frames is aligned.

A frame is the fixed image of the linear engine and the reference the moving one, so that noise
of the frame is never interpolated. The reference is sampled in voxels of half the size, through
which a cubic spline was laid before: linear interpolation between its own voxels blurs the more,
the further a point is from their centres, which draws motions towards whole voxels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from regkit.geometry.affines import Matrix
from regkit.geometry.grid import Grid
from regkit.kernels.smoothing import gaussian
from regkit.kernels.spline import spline_refined
from regkit.losses.registry import make
from regkit.losses.similarity import Similarity
from regkit.preprocess.foreground import foreground, unit_length
from regkit.preprocess.intensity import normalise
from regkit.preprocess.nodata import fill_nodata
from regkit.registration.linear import best_of, motion_of, optimize_affine
from regkit.registration.linear_loss import evaluate, with_blank
from regkit.registration.pair import LevelPair, coarser, with_soft_border
from regkit.resample import resample, warp
from regkit.transforms import Affine
from regkit.volume.volume import Labels, Volume

_FACTORS = (2.0, 1.0)  # voxels of the levels; the coarse one catches large steps
_SMOOTHING = 0.7  # voxels; measured on brains: less leaves noise, more costs detail
_FINER = 2
_ITERATIONS, _TOLERANCE = 50, 1e-6
_RADIUS = 2  # voxels, of the windows of local similarities


@dataclass(frozen=True)
class FrameFit:
    """How a frame lies on the reference.

    Parameters
    ----------
    affine
        World affine from the reference to the frame (4, 4); None where there is none to find.
    gain
        By how much the loss is better than that of an image which shows nothing; NaN where there
        is no affine, as the overlap.
    overlap
        The share of the body that lies inside the frame.
    """

    affine: Matrix | None
    gain: float = float("nan")
    overlap: float = float("nan")


@dataclass(frozen=True, eq=False)
class FrameAligner:
    """See the head of this module; :meth:`of` makes it.

    Parameters
    ----------
    levels
        The reference at each size of voxel, coarse to fine.
    body
        Where the reference shows something.
    points
        World points of the body ``(N, 3)``.
    unit
        What stands for a millimetre of a human body, in world units.
    similarity
        What compares.
    kind
        ``rigid`` or ``affine``.
    """

    levels: tuple[LevelPair, ...]
    body: Labels
    points: Matrix
    unit: float
    similarity: Similarity
    kind: str

    @classmethod
    def of(cls, reference: Volume, kind: str, similarity: str) -> FrameAligner:
        """Make a reference ready.

        Parameters
        ----------
        reference
            An image of one channel, in any intensities.
        kind
            ``rigid`` or ``affine``: what a frame may do.
        similarity
            The name of one that compares intensities.

        Raises
        ------
        InputError
            If the reference has no contrast.
        """
        image = normalise(reference)
        unit = unit_length(image)
        body = foreground(image, unit)
        chosen = make(similarity, _RADIUS).at(float(np.mean(image.grid.spacing)) / unit)
        index = torch.nonzero(body.data[0]).double()
        points: Matrix = image.grid.to_world(index).numpy()
        levels = tuple(_reference_level(image, factor, chosen) for factor in _FACTORS)
        return cls(levels, body, points, unit, chosen, kind)

    @property
    def centre(self) -> Matrix:
        """The middle of the body, a world point ``(3,)``."""
        middle: Matrix = self.points.mean(axis=0)
        return middle

    def fit(self, frame: Volume, starts: Sequence[Matrix]) -> FrameFit:
        """Align a frame of one channel.

        Parameters
        ----------
        frame
            On any grid of the world of the reference.
        starts
            World affines from the reference to the frame (4, 4), of which the best one is improved.
        """
        if not has_contrast(frame):
            return FrameFit(None)
        image = normalise(frame)
        known = [np.asarray(np.linalg.inv(each)) for each in starts]
        for number, level in enumerate(self.levels):
            at = self._against(level, image, known[-1])
            if not bool(at.weight.any()):
                return FrameFit(None)
            start = best_of(at, known, self.similarity)
            kind = "rigid" if number == 0 else self.kind
            motion = motion_of(at, kind, start, planar=False)
            found, _ = optimize_affine(
                at, motion, self.similarity, _ITERATIONS, _TOLERANCE, lambda *_: None
            )
            known = [found]
        gain = at.blank - evaluate(at, known[0], self.similarity)
        affine = np.asarray(np.linalg.inv(known[0]))
        return FrameFit(affine, gain, self.share_inside(frame.grid, affine))

    def share_inside(self, grid: Grid, affine: Matrix) -> float:
        """Return how much of the body an affine (4, 4) from the reference leaves in a grid."""
        moved = Affine(affine)(torch.from_numpy(self.points))
        return float(grid.contains(moved).double().mean())

    def _against(self, level: LevelPair, image: Volume, start: Matrix) -> LevelPair:
        """A level with the frame as its fixed image, which counts where the body may be."""
        grid = image.grid if level is self.levels[-1] else coarser(image.grid, _FACTORS[0])
        weight = warp(self.body, Affine(start), onto=grid).data[0].float()
        if image.valid is not None:
            weight = weight * _known(image.valid, image.grid, grid)[0]
        fixed = self.similarity.features(_smooth(image, grid).data)
        return with_blank(replace(level, grid=grid, fixed=fixed, weight=weight), self.similarity)


def has_contrast(frame: Volume) -> bool:
    """Tell whether not all voxels that have data are alike."""
    if frame.valid is not None and not bool(frame.valid.any()):
        return False
    low, high = frame.data_values().aminmax()
    return bool(low < high)


def _known(valid: Tensor, here: Grid, grid: Grid) -> Tensor:
    """1 where voxels ``(*spatial)`` have data, on another grid, ``(1, *shape)``."""
    return resample(Labels(valid, here), grid).data.float()


def _smooth(image: Volume, grid: Grid) -> Volume:
    there = fill_nodata(image if grid is image.grid else resample(image, grid))
    return there.with_data(gaussian(there.data, [_SMOOTHING] * 3).contiguous())


def _reference_level(image: Volume, factor: float, similarity: Similarity) -> LevelPair:
    """The reference as moving image, and as fixed one until a frame takes that place."""
    smooth = _smooth(image, image.grid if factor == 1 else coarser(image.grid, factor))
    fine = torch.from_numpy(spline_refined(smooth.data.numpy(), _FINER)).clamp_(0, 1)
    step = np.diag([1 / _FINER] * 3 + [1.0])
    grid = smooth.grid.placed(tuple(fine.shape[1:]), smooth.grid.affine @ step)
    return with_soft_border(
        LevelPair(
            grid=smooth.grid,
            fixed=similarity.features(smooth.data),
            weight=torch.ones(smooth.grid.shape),
            moving=similarity.features(fine),
            moving_weight=None if image.valid is None else _known(image.valid, image.grid, grid),
            moving_grid=grid,
        )
    )
