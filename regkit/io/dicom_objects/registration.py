"""A transform as a DICOM Spatial Registration, or a deformable one where it bends."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from regkit.geometry import Grid
from regkit.geometry.affines import Matrix
from regkit.io.dicom_objects.derived import Making, new_object, refer_to
from regkit.io.dicom_objects.items import code, decimals, item
from regkit.io.dicom_objects.source import DicomSource, image_items
from regkit.io.lps import flip_xy, lps
from regkit.transforms import Affine, Transform

_RIGID = "1.2.840.10008.5.1.4.1.1.66.1"
_DEFORMABLE = "1.2.840.10008.5.1.4.1.1.66.3"
# 100 MB of vectors, and what lies between them: no planning system shows a hundredth of a mm.
_MOST_VECTORS = 2**23
_CLOSE = 0.01
_LOOKED_AT = 4096
_SAME = ("125021", "DCM", "Frame of Reference Identity")
_BY_CONTENT = ("125024", "DCM", "Image Content-based Alignment")


def registration_object(
    phi: Transform, grid: Grid, fixed: DicomSource, moving: DicomSource, making: Making
) -> Any:
    """Make the registration object of a transform: spatial if it is an affine, else deformable.

    Parameters
    ----------
    phi
        World points of fixed to world points of moving, RAS+ mm.
    grid
        That of fixed: where a deformable one is given.
    fixed
        The series whose frame of reference the object has.
    moving
        The series that it brings there.
    making
        When and of what it is made.
    """
    if isinstance(phi, Affine):
        return _spatial(phi, fixed, moving, making)
    return _deformable(phi, grid, fixed, moving, making)


def _spatial(phi: Affine, fixed: DicomSource, moving: DicomSource, making: Making) -> Any:
    """Its matrices lead from each series to the space of fixed, the other way than ``phi``."""
    into_fixed = flip_xy(phi.inverse().matrix)
    items = [_matrix_item(fixed, np.eye(4), _SAME), _matrix_item(moving, into_fixed, _BY_CONTENT)]
    out = _registration(_RIGID, fixed, moving, making)
    out.RegistrationSequence = items
    return out


def _registration(kind: str, fixed: DicomSource, moving: DicomSource, making: Making) -> Any:
    number = int(moving.tags.number("SeriesNumber", 0)) + 2000
    out = new_object(
        kind, fixed, making, series="registration", instance=1, Modality="REG",
        SeriesNumber=number, InstanceNumber=1, ContentLabel="REGISTRATION",
        ContentDescription="By regkit", ContentCreatorName="", SeriesDescription="Registration",
    )  # fmt: skip
    refer_to(out, (fixed, moving))
    return out


def _matrix_item(source: DicomSource, matrix: Matrix, how: tuple[str, str, str]) -> Any:
    steps = [item(
        FrameOfReferenceTransformationMatrixType="RIGID" if _is_rigid(matrix) else "AFFINE",
        FrameOfReferenceTransformationMatrix=decimals(matrix.ravel()),
    )]  # fmt: skip
    return item(
        FrameOfReferenceUID=source.space,
        ReferencedImageSequence=image_items(source.images),
        MatrixRegistrationSequence=[
            item(MatrixSequence=steps, RegistrationTypeCodeSequence=code(*how))
        ],
    )


def _is_rigid(matrix: Matrix) -> bool:
    linear = matrix[:3, :3]
    return bool(np.allclose(linear @ linear.T, np.eye(3), atol=1e-6) and np.linalg.det(linear) > 0)


def _deformable(
    phi: Transform, grid: Grid, fixed: DicomSource, moving: DicomSource, making: Making
) -> Any:
    """Its vectors lead from the space of fixed to that of moving, as ``phi`` does."""
    nodes, error = fitting_nodes(phi, grid)
    points = nodes.world_points()
    vectors = (phi(points) - points) * torch.tensor([-1.0, -1.0, 1.0], dtype=points.dtype)
    affine = lps(3) @ nodes.affine
    along = (affine[:3, :2] / np.array(nodes.spacing[:2])).T
    field = item(
        ImageOrientationPatient=decimals(along.ravel()),
        ImagePositionPatient=decimals(affine[:3, 3]),
        GridDimensions=list(nodes.shape),
        GridResolution=list(nodes.spacing),
        # The first axis of the grid is the fastest, and a vector lies together.
        VectorGridData=vectors.permute(2, 1, 0, 3).float().contiguous().numpy().astype("<f4")
        .tobytes(),
    )  # fmt: skip
    out = _registration(_DEFORMABLE, fixed, moving, making)
    out.DeformableRegistrationSequence = [
        item(
            SourceFrameOfReferenceUID=moving.space,
            ReferencedImageSequence=image_items(moving.images),
            FrameOfReferenceTransformationComment=f"Linear between vectors, to {error:.2g} mm",
            RegistrationTypeCodeSequence=code(*_BY_CONTENT),
            DeformableRegistrationGridSequence=[field],
        )
    ]
    return out


def fitting_nodes(phi: Transform, grid: Grid) -> tuple[Grid, float]:
    """Find a grid of vectors between which a transform is linear enough, or the finest allowed.

    Parameters
    ----------
    phi
        World points of fixed to world points of moving, RAS+ mm.
    grid
        That of fixed.

    Returns
    -------
    nodes, error
        The grid, and by how many millimetres the middle between its vectors is off at most, of
        some thousands that are looked at.
    """
    count = float(np.prod(grid.shape))
    factor = max(1.0, (count / _MOST_VECTORS) ** (1 / 3))
    nodes = vector_nodes(grid, factor)
    error = _between(phi, nodes)
    while error > _CLOSE and np.prod(nodes.shape) * 8 <= _MOST_VECTORS:
        factor /= 2
        nodes = vector_nodes(grid, factor)
        error = _between(phi, nodes)
    return nodes, error


def _between(phi: Transform, nodes: Grid) -> float:
    """How far the mean of the eight vectors around a middle is from the vector there, at most."""
    high = torch.tensor(nodes.shape) - 1
    generator = torch.Generator().manual_seed(0)
    low = (torch.rand(_LOOKED_AT, 3, generator=generator) * high).long().clamp(max=high - 1)
    corners = torch.cartesian_prod(*[torch.arange(2)] * 3)
    around = nodes.to_world((low[:, None] + corners).double())
    middle = nodes.to_world(low.double() + 0.5)
    return float((phi(around).mean(dim=1) - phi(middle)).norm(dim=-1).max())


def vector_nodes(grid: Grid, factor: float = 1.0) -> Grid:
    """Return the nodes of a deformable registration: those of a grid, or ``factor`` times as far.

    Their third axis is the cross product of the others, as DICOM has it.
    """
    spacing = tuple(factor * each for each in grid.spacing)
    nodes = grid if factor == 1 else grid.with_spacing(spacing)
    if factor > 1:  # what is coarser would end before the outer voxels do
        nodes = nodes.window((-1, -1, -1), [n + 2 for n in nodes.shape])
    if np.linalg.det((lps(3) @ nodes.affine)[:3, :3]) > 0:
        return nodes
    turn = np.diag([1.0, 1.0, -1.0, 1.0])
    turn[2, 3] = nodes.shape[2] - 1
    return nodes.placed(nodes.shape, nodes.affine @ turn)
