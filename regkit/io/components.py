"""Components: which numbers of a voxel are a vector or a tensor, and along which axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.geometry.affines import Matrix
from regkit.io.atomic import write_atomically
from regkit.io.formats.nifti.warps import ITK_VECTORS, SYMMETRIC
from regkit.io.formats.table import writer
from regkit.io.header import Header
from regkit.io.lps import lps
from regkit.io.nifti_vectors import intent_of, vector_writers
from regkit.io.voxels import array_of
from regkit.io.writing import save_series
from regkit.volume.volume import Volume

ComponentKind = Literal["vectors", "tensors"]
TensorOrder = Literal["nifti", "fsl", "mrtrix", "dipy"]
ComponentAxes = Literal["ras", "lps", "voxel", "fsl"]

_LOWER = ((0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2))
_ORDERS: dict[str, tuple[tuple[int, int], ...]] = {
    "nifti": _LOWER,
    "dipy": _LOWER,
    "fsl": ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)),
    "mrtrix": ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)),
}
# What dtifit and dwi2tensor write; NIfTI and dipy do not say it.
_AXES_OF: dict[str | None, ComponentAxes] = {"fsl": "fsl", "mrtrix": "ras"}


@dataclass(frozen=True)
class Components:
    """What the values of a voxel mean together.

    Parameters
    ----------
    kind
        ``vectors`` of as many values as there are axes, or symmetric ``tensors`` of six.
    axes
        The axes of the components: those of the world, ``ras`` or ``lps``; those of the image's
        voxels, ``voxel``; or those of FSL, ``fsl``: of the voxels with the first one turned round
        where the image is stored right-handed.
    order
        In which a program writes the six values of a tensor: ``nifti`` and ``dipy`` xx, xy, yy, xz,
        yz, zz; ``fsl`` xx, xy, xz, yy, yz, zz; ``mrtrix`` xx, yy, zz, xy, xz, yz.

    Examples
    --------
    >>> Components.of("tensors", order="mrtrix").axes
    'ras'
    """

    kind: ComponentKind
    axes: ComponentAxes
    order: TensorOrder | None = None

    def __post_init__(self) -> None:
        orders = (None,) if self.kind == "vectors" else tuple(_ORDERS)
        if self.axes not in get_args(ComponentAxes) or self.order not in orders:
            raise InputError(
                f"{self.kind} in the order {self.order!s:.20} along {self.axes!s:.20} are unknown"
            )

    @classmethod
    def of(
        cls,
        kind: ComponentKind,
        *,
        axes: ComponentAxes | None = None,
        order: TensorOrder | None = None,
    ) -> Components:
        """Make them as a user describes them.

        Parameters
        ----------
        kind, axes, order
            As of the class; axes may be left out where the program whose order it is has its own.

        Raises
        ------
        InputError
            If the axes are not clear.
        """
        chosen = axes or _AXES_OF.get(order)
        if chosen is None:
            raise InputError(
                f"the axes of the {kind} are not clear; give --axes, one of "
                f"{', '.join(get_args(ComponentAxes))}"
            )
        return cls(kind, chosen, order)

    def count(self, ndim: int) -> int:
        """How many values a voxel has."""
        return 6 if self.kind == "tensors" else ndim

    def in_world(self, values: Tensor, grid: Grid) -> Tensor:
        """Turn the values of an image into vectors or matrices of its world.

        Parameters
        ----------
        values
            ``(n, ...)``, as the file has them.
        grid
            Of the image.

        Returns
        -------
        Tensor
            ``(..., d)`` or ``(..., 3, 3)`` float64, along the axes of the world.
        """
        axes = torch.from_numpy(_directions(self.axes, grid))
        vectors = values.double().movedim(0, -1)
        if self.kind == "vectors":
            return vectors @ axes.T
        return axes @ vectors[..., self._positions] @ axes.T

    def as_stored(self, values: Tensor, grid: Grid) -> Tensor:
        """Undo :meth:`in_world` for an image on ``grid``: ``(n, ...)``."""
        axes = torch.from_numpy(_directions(self.axes, grid))
        if self.kind == "vectors":
            return (values @ axes).movedim(-1, 0)
        own = axes.T @ values @ axes
        return torch.stack([own[..., i, j] for i, j in self._pairs])

    @property
    def _pairs(self) -> tuple[tuple[int, int], ...]:
        return _ORDERS[str(self.order)]

    @property
    def _positions(self) -> Tensor:
        """Where each entry of the matrix is among the six values, ``(3, 3)``."""
        found = torch.empty(3, 3, dtype=torch.long)
        for number, (i, j) in enumerate(self._pairs):
            found[i, j] = found[j, i] = number
        return found


def save_components(
    frames: Sequence[Volume],
    path: Path,
    components: Components,
    *,
    like: Header,
    repetition: float | None = None,
) -> None:
    """Write vectors or tensors as the file that they were read from has them.

    Parameters
    ----------
    frames
        One image whose channels they are, or one for each component.
    path
        A NIfTI file says what its channels are: 1005 for tensors, for vectors what ``like`` says.
    components
        What they are.
    like
        The header of that file.
    repetition
        Seconds from one frame to the next, where they are known.

    Raises
    ------
    InputError, ResourceError
        As :func:`regkit.io.writing.save`.
    """
    form = writer(path, frames[0].grid.world)
    if len(frames) > 1 or form.name != "NIfTI" or frames[0].ndim != 3:
        save_series(frames, path, repetition=repetition)
        return
    intent = SYMMETRIC if components.kind == "tensors" else ITK_VECTORS
    if like.format == form.name and components.kind == "vectors":
        intent = intent_of(like.path)
    data = array_of(frames[0])[..., None, :]
    write_atomically(path, *vector_writers(data, frames[0].grid, intent), overwrite=False)


def _directions(axes: str, grid: Grid) -> Matrix:
    """Unit vectors of the world ``(d, d)``, a column for each axis of the components."""
    if axes == "ras":
        return np.eye(grid.ndim)
    if axes == "lps":
        return lps(grid.ndim)[:-1, :-1].copy()
    if grid.straightened() is not grid:
        raise InputError(
            f"the axes of the voxels are not at right angles, so that --axes {axes} means no "
            "rotation; give --axes ras or lps"
        )
    unit: Matrix = grid.affine[:-1, :-1] / np.array(grid.spacing)
    if axes == "fsl" and np.linalg.det(unit) > 0:
        unit[:, 0] *= -1
    return unit
