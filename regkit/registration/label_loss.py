"""Labels of both images, which pull structures onto each other beside the intensities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy
import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry.affines import Matrix
from regkit.geometry.grid import Grid
from regkit.kernels.smoothing import gaussian
from regkit.kernels.warping import displacement_gradient, upsample_adjoint, warp_grid
from regkit.losses.dice import dice_slope
from regkit.registration.canonical import canonical
from regkit.registration.check import check_beside
from regkit.registration.config import RegisterConfig
from regkit.volume.volume import Labels, Volume

_SOFT = 0.5  # voxels, over which a border is spread so that it pulls
_MARGIN = 3  # voxels, in which what is spread comes to nothing
_MOST = 1 << 26  # memberships of one image: 256 MB of float32, of which fine-tuning holds ten
StructureBox = tuple[slice, ...]


@dataclass(frozen=True)
class LevelLabels:
    """Structures on the working grid of one level.

    Parameters
    ----------
    fixed
        ``(*shape)``, 1 to ``count``, or 0.
    moving, m
        The same of moving ``(1, *spatial)`` on its own grid, and from working index to its index.
    weight
        Of the Dice loss.
    """

    fixed: Tensor
    moving: Tensor
    m: Matrix
    count: int
    weight: float

    def value_and_gradient(self, u: Tensor, counts: Tensor) -> tuple[float, Tensor]:
        """The loss, and its derivative by a step aside of every voxel, on the grid of ``u``.

        Each structure is looked at in the box around it alone. ``counts (*shape)`` weighs voxels.
        """
        shape = tuple(counts.shape)
        warped = warp_grid(self.moving, self.m, u, shape, nearest=True)[0]
        force, total = torch.zeros(3, *shape, device=u.device), 0.0
        for number, box in self._boxes(warped):
            f, w = (_soft(each[box] == number) for each in (self.fixed, warped))
            loss, slope = dice_slope(f, w, counts[box])
            total += loss
            known = torch.ones_like(w[0])
            force[:, *box] += displacement_gradient(w, known, slope, tuple(known.shape))
        share = self.weight / self.count
        return share * total, share * upsample_adjoint(force, tuple(u.shape[1:]))

    @cached_property
    def _places(self) -> list[StructureBox | None]:
        """Where every structure lies in fixed, which does not move."""
        found: list[StructureBox | None] = scipy.ndimage.find_objects(
            self.fixed.cpu().numpy(), self.count
        )
        return found

    def _boxes(self, warped: Tensor) -> Iterator[tuple[int, StructureBox]]:
        """Around every structure, where it lies in fixed and in what was warped."""
        found = self._places, scipy.ndimage.find_objects(warped.cpu().numpy(), self.count)
        for number, places in enumerate(zip(*found, strict=True), 1):
            there = [place for place in places if place is not None]
            if there:
                yield number, _around(there, warped.shape)


@dataclass(frozen=True)
class LabelGuide:
    """Labels of fixed and of moving in canonical orientation, 1 to ``count`` alike, or 0."""

    fixed: Labels
    moving: Labels
    count: int
    weight: float

    def on(
        self, grid: Grid, affine: Matrix, device: torch.device, *, exchanged: bool = False
    ) -> LevelLabels:
        """On a working grid; ``affine`` leads from the world of fixed to that of moving.

        ``exchanged`` takes moving through ``affine`` for fixed, and the reverse.
        """
        sides = [
            (self.fixed, self.fixed.grid.inverse_affine @ grid.affine),
            (self.moving, self.moving.grid.inverse_affine @ affine @ grid.affine),
        ]
        (fixed, to_fixed), (moving, m) = reversed(sides) if exchanged else sides
        still = torch.zeros(3, 1, 1, 1)
        here = warp_grid(fixed.data, np.asarray(to_fixed), still, grid.shape, nearest=True)[0]
        there = moving.data.to(device)
        return LevelLabels(here.to(device), there, np.asarray(m), self.count, self.weight)

    def memberships(self, affine: Matrix, grid: Grid) -> tuple[Tensor, Tensor]:
        """Of moving, through ``affine``, and of fixed on ``grid``: ``(count, *shape)`` in [0, 1].

        Raises
        ------
        InputError
            If they would take more than 256 MB each.
        """
        if self.count * grid.shape[0] * grid.shape[1] * grid.shape[2] > _MOST:
            size = "x".join(map(str, grid.shape))
            raise InputError(
                f"{self.count} structures on the network's {size} voxels take too much memory; "
                "give labels of fewer, a smaller network shape, or refine='field'"
            )
        cpu = torch.device("cpu")
        there, here = (self.on(grid, affine, cpu, exchanged=way).fixed for way in (True, False))
        each = torch.arange(1, self.count + 1).reshape(-1, 1, 1, 1)
        return gaussian((there == each).float(), _SOFT), gaussian((here == each).float(), _SOFT)


def label_guide(
    fixed: Labels | None, moving: Labels | None, config: RegisterConfig, images: Sequence[Volume]
) -> LabelGuide | None:
    """Make of the labels of both images what guides the deformable engines; None if nothing does.

    Parameters
    ----------
    fixed, moving
        The labels of each image, or None.
    config
        Its ``dice`` is the weight of the labels beside the intensities; with 0 they are only
        compared.
    images
        The fixed and the moving image, in that order.

    Raises
    ------
    InputError
        If labels are missing, would do nothing, or have no structure in common.
    """
    if config.dice == 0:
        if (fixed is None) == (moving is None):
            return None
        raise InputError(
            "labels of one image alone were given, which would do nothing; give fixed_labels and "
            "moving_labels, or warp labels afterwards with regkit.warp"
        )
    if fixed is None or moving is None:
        raise InputError(
            f"dice={config.dice:g} needs fixed_labels and moving_labels; give both, or dice=0"
        )
    for labels, image in zip((fixed, moving), images, strict=True):
        check_beside(labels, image)
    known = [each.without_unknown() for each in (fixed, moving)]
    common = sorted(set(known[0].values) & set(known[1].values))
    if not common:
        raise InputError(
            f"{fixed.name or 'fixed_labels'} and {moving.name or 'moving_labels'} have no label "
            "but 0 in common; give maps that call the same structures by the same numbers"
        )
    numbered = [_numbered(canonical(each), common) for each in known]
    return LabelGuide(numbered[0], numbered[1], len(common), config.dice)


def _numbered(labels: Labels, values: list[int]) -> Labels:
    """``values`` as 1, 2 and so on; 0 elsewhere."""
    known = torch.tensor(values)
    data = labels.data.long()
    at = torch.searchsorted(known, data).clamp(max=len(known) - 1)
    return labels.with_data(torch.where(known[at] == data, at + 1, 0).to(torch.int16))


def _soft(inside: Tensor) -> Tensor:
    return gaussian(inside[None].float(), _SOFT)


def _around(places: list[StructureBox], shape: tuple[int, ...]) -> StructureBox:
    """The box around all, and a margin, inside ``shape``."""
    return tuple(
        slice(
            max(0, min(s.start for s in axis) - _MARGIN),
            min(n, max(s.stop for s in axis) + _MARGIN),
        )
        for axis, n in zip(zip(*places, strict=True), shape, strict=True)
    )
