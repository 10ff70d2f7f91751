"""Where the template of a group begins: a grid that holds every body, laid on one centre."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from regkit.geometry.affines import Matrix, homogeneous
from regkit.geometry.grid import Grid
from regkit.geometry.world import World
from regkit.preprocess.foreground import foreground
from regkit.preprocess.intensity import Modality, normalise, window
from regkit.registration.check import check_image
from regkit.transforms import Affine
from regkit.volume.volume import Volume

_POINTS = 500_000  # of a body: where it lies is known from a part of its voxels
_MARGIN = 0.1  # of the box around all bodies, on every side


@dataclass(frozen=True)
class GroupMember:
    """What the group must know of one image before any is registered.

    Parameters
    ----------
    centre
        Of its body, ``(d,)`` in world units.
    low, high
        Corners of the box around its body, ``(d,)`` from the centre.
    spacing
        Side of a cube (a square in 2-D) as large as one of its voxels.
    intensities
        The two that become 0 and 1.
    world
        In which it lies.
    """

    centre: Matrix
    low: Matrix
    high: Matrix
    spacing: float
    intensities: tuple[float, float]
    world: World


def measure_member(image: Volume, modality: Modality = "auto") -> GroupMember:
    """Find the body of an image, and the range of its intensities.

    Parameters
    ----------
    image
        Of one channel, ``(1, *spatial)``.
    modality
        How its intensities come to [0, 1].

    Raises
    ------
    InputError
        If it cannot be registered, such as one without contrast.
    """
    check_image(image)
    body = foreground(normalise(image, modality))
    index = torch.nonzero(body.data[0])
    points = image.grid.to_world(index[:: max(1, len(index) // _POINTS)].double()).numpy()
    centre = points.mean(axis=0)
    real = [s for s, n in zip(image.grid.spacing, image.grid.shape, strict=True) if n > 1]
    return GroupMember(
        centre,
        points.min(axis=0) - centre,
        points.max(axis=0) - centre,
        math.prod(real) ** (1 / len(real)),
        window(image.data_values()[0].float(), modality),
        image.grid.world,
    )


def common_grid(members: Sequence[GroupMember], voxel: float | None = None) -> Grid:
    """Lay a grid along the axes of the world around all bodies, put on their common centre.

    Parameters
    ----------
    members
        The group.
    voxel
        Side of its voxels in world units; the geometric mean of those of the images if None.

    Examples
    --------
    >>> one = GroupMember(np.zeros(2), np.full(2, -5.0), np.full(2, 5.0), 1.0, (0, 1), World())
    >>> common_grid([one, one])
    Grid(12x12, 1x1 mm, RA)
    """
    low = np.min([each.low for each in members], axis=0)
    high = np.max([each.high for each in members], axis=0)
    room = _MARGIN * (high - low)
    size = voxel or math.exp(float(np.mean([math.log(each.spacing) for each in members])))
    size = float(f"{size:.4g}")  # the last bits of headers are no size of a voxel
    shape = np.maximum(1, np.ceil((high - low + 2 * room) / size - 1e-6)).astype(int)
    world = members[0].world
    step = size * np.eye(len(low)) * (-1 if world == World.pixels() else 1)
    middle = common_centre(members) + (low + high) / 2
    start = middle - step @ ((shape - 1) / 2)
    return Grid(tuple(shape.tolist()), homogeneous(step, start), world)


def common_centre(members: Sequence[GroupMember]) -> Matrix:
    """Return the mean of the centres of all bodies, ``(d,)`` in world units."""
    out: Matrix = np.mean([each.centre for each in members], axis=0)
    return out


def first_transforms(members: Sequence[GroupMember]) -> list[Affine]:
    """Return shifts from the template to each image that lay the bodies on their common centre.

    Each maps world points of the template (fixed) to world points of an image (moving).
    """
    middle = common_centre(members)
    return [Affine(homogeneous(np.eye(len(middle)), each.centre - middle)) for each in members]
