"""Means of a group: of transforms, so that a template lies amid its images, and of the images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.linalg import expm, logm
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry.affines import Matrix
from regkit.geometry.grid import Grid
from regkit.kernels.fields import remove_folds
from regkit.kernels.smoothing import gaussian
from regkit.registration.template_start import GroupMember
from regkit.resample import antialias, warp
from regkit.transforms import Affine, DisplacementField, Transform, compose, links
from regkit.transforms.displacement import from_index
from regkit.volume.volume import Volume

ReadMember = Callable[[], Volume]
"""Reads one image of a group, so that not all of them are in memory."""

_SHARPENED = 1.0  # voxels: what an average of aligned images has lost is finer


@dataclass(frozen=True)
class RecentredGroup:
    """A group seen from its own mean.

    Parameters
    ----------
    transforms
        One an image: world points of the new template to world points of the image.
    mean
        World points of the old template to those of the new one: the mean of the group, which is
        taken out.
    """

    transforms: tuple[Transform, ...]
    mean: Transform


def log_affine(matrix: Matrix) -> Matrix:
    """Return the logarithm of an affine ``(d + 1, d + 1)``, whatever its direction.

    Raises
    ------
    InputError
        If it has none that is real: it mirrors, or turns by half a circle.

    Examples
    --------
    >>> log_affine(np.diag([np.e, 1.0, 1.0])).round(6).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    linear = np.linalg.eigvals(matrix[:-1, :-1])
    if bool((np.abs(linear.imag) < 1e-6 * np.abs(linear))[linear.real <= 0].any()):
        raise InputError(
            "an image is mirrored, or turned by half a circle against the others, and has no mean "
            "with them; turn it, or mend the orientation in its header"
        )
    out: Matrix = np.real(logm(matrix))
    return out


def mean_affine(matrices: Sequence[Matrix]) -> Matrix:
    """Return the log-Euclidean mean of affines ``(d + 1, d + 1)`` that have one direction.

    Raises
    ------
    InputError
        If one of them has no logarithm.

    Notes
    -----
    Arsigny et al., WBIR 2006: the mean of the inverses is the inverse of the mean.

    Examples
    --------
    >>> mean_affine([np.diag([2.0, 1.0, 1.0]), np.diag([0.5, 1.0, 1.0])]).round(6).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    out: Matrix = np.real(expm(np.mean([log_affine(each) for each in matrices], axis=0)))
    out[-1] = np.eye(len(out))[-1]
    return out


def recentre(transforms: Sequence[Transform]) -> RecentredGroup:
    """Move the template into the mean shape of its group.

    The mean is that of the affines, of their logarithms, after that of the displacements that go
    before them. Its inverse goes before every transform.

    Parameters
    ----------
    transforms
        One an image: world points of the template (fixed) to world points of the image (moving),
        affines or affines after a displacement.

    Raises
    ------
    InputError
        If their affines have no mean.
    """
    fields = [each for phi in transforms for each in links(phi) if not isinstance(each, Affine)]
    grids = [each.grid for each in fields if isinstance(each, DisplacementField)]
    if not grids:
        return _recentred_affines([_matrix(phi) for phi in transforms])
    grid = min(grids, key=lambda each: each.voxel_volume)
    parts = [phi.on(grid) for phi in transforms]
    middle = Affine(mean_affine([matrix for matrix, _ in parts]))
    u = _mean_displacement([u for _, u in parts], grid)
    back = u.inverse()
    whole = [
        _with_field(matrix @ middle.inverse().matrix, middle, _field(v, grid), back)
        for matrix, v in parts
    ]
    return RecentredGroup(tuple(whole), compose(middle, u))


def _recentred_affines(matrices: Sequence[Matrix]) -> RecentredGroup:
    middle = Affine(mean_affine(matrices))
    back = middle.inverse().matrix
    return RecentredGroup(tuple(Affine(each @ back) for each in matrices), middle)


def _matrix(phi: Transform) -> Matrix:
    if not isinstance(phi, Affine):
        raise InputError(f"{phi!r} is no affine, and has no displacement on a grid")
    return phi.matrix


def _mean_displacement(fields: Sequence[Tensor], grid: Grid) -> DisplacementField:
    """The mean of displacements in world units, smoothed where it folds."""
    total = torch.zeros(grid.ndim, *grid.shape, dtype=torch.float64)
    for each in fields:
        total += each
    whole = DisplacementField((total / len(fields)).float(), grid)
    return from_index(remove_folds(whole.index_displacement()), grid)


def _field(u: Tensor, grid: Grid) -> DisplacementField:
    return DisplacementField(u.expand(grid.ndim, *grid.shape).contiguous(), grid)


def _with_field(
    matrix: Matrix, middle: Affine, own: DisplacementField, back: DisplacementField
) -> Transform:
    """``matrix`` after one displacement, in place of the whole chain."""
    points = back.grid.world_points()
    moved = compose(middle, own, back, middle.inverse())(points) - points
    u = DisplacementField(moved.movedim(-1, 0).float().contiguous(), back.grid)
    return compose(Affine(matrix), u)


def mean_image(
    images: Sequence[ReadMember],
    members: Sequence[GroupMember],
    transforms: Sequence[Transform],
    grid: Grid,
) -> Volume:
    """Average the images of a group, each brought to [0, 1] and resampled once.

    Parameters
    ----------
    images
        Each read when its turn comes.
    members
        What is known of them.
    transforms
        World points of ``grid`` (fixed) to world points of each image (moving).
    grid
        Where the mean lies, of ``shape``.

    Returns
    -------
    Volume
        ``(1, *shape)`` float32 in [0, 1]; 0 where fewer than half of the images have data.
    """
    total = torch.zeros(grid.shape, dtype=torch.float64)
    count = torch.zeros(grid.shape, dtype=torch.float64)
    for read, member, phi in zip(images, members, transforms, strict=True):
        warped = warp_member(scale_member(read(), member), phi, grid)
        known = warped.valid if warped.valid is not None else torch.ones(grid.shape)
        total += torch.where(known > 0, warped.data[0], 0.0)
        count += known
    enough = count >= max(1, len(images) / 2)
    mean = torch.where(enough, total / count.clamp(min=1), 0.0)
    return Volume(mean.float()[None], grid, "template")


def scale_member(image: Volume, member: GroupMember) -> Volume:
    """Bring an image of one channel, ``(1, *spatial)``, to [0, 1]; it says where it has data."""
    low, high = member.intensities
    data = ((image.data.float() - low) / (high - low)).clamp_(0, 1)
    valid = torch.ones(image.shape, dtype=torch.bool) if image.valid is None else image.valid
    return replace(image, data=data.masked_fill_(~valid, 0), valid=valid)


def warp_member(image: Volume, phi: Transform, grid: Grid) -> Volume:
    """Resample an image through ``phi``, smoothed first where voxels of ``grid`` are larger.

    Parameters
    ----------
    image
        What is resampled, ``(C, *spatial)``.
    phi
        World points of ``grid`` (fixed) to world points of ``image`` (moving).
    grid
        Where the result lies.
    """
    return warp(antialias(image, grid), phi.between(None, None), onto=grid)


def sharpen(image: Volume, amount: float) -> Volume:
    """Add what a Gaussian of one voxel takes away from an image in [0, 1], times ``amount``.

    ``image`` is ``(C, *spatial)`` and keeps its range; an ``amount`` of 0 changes nothing.
    """
    detail = image.data - gaussian(image.data, _SHARPENED)
    return image.with_data((image.data + amount * detail).clamp(0, 1)) if amount else image
