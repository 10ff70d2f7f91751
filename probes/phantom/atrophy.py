"""A velocity that lets structures grow and shrink at rates that are given.

It is the gradient of a potential, whose Laplacian is the wanted divergence of each voxel: what
tissue loses flows in from beyond the brain, what ventricles gain moves the tissue around them. The
divergence is smooth, so that structures lose some of it to their neighbours; how much each group
has to be given so that its volume changes at its rate is a small linear system, and so exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn
from scipy.ndimage import gaussian_filter, map_coordinates

from probes.flow import Flow, Reals
from probes.phantom.anatomy import Anatomy
from regkit.errors import InputError
from regkit.geometry import Grid

_BLUR = 1.5  # mm: how sharply the divergence ends at the border of a structure
_LATTICE = 2.5  # mm
_ROOM = 24.0  # mm beyond the image
FREESURFER_GROUPS = {"ventricles": (4, 5, 43, 44), "hippocampi": (17, 53)}


@dataclass(frozen=True)
class AtrophyRates:
    """How fast groups of structures change.

    Parameters
    ----------
    groups
        The structures of each group; a structure belongs to one at the most.
    percent
        Of the volume of a group, per year, at the beginning; above 0 it grows.
    rest
        The same for every structure that no group has.
    """

    groups: Mapping[str, tuple[int, ...]]
    percent: Mapping[str, float]
    rest: float = 0.0

    def __post_init__(self) -> None:
        if set(self.groups) != set(self.percent):
            raise InputError(
                f"groups are {sorted(self.groups)} and rates {sorted(self.percent)}; give one "
                "rate for each group"
            )


def lattice_of(grid: Grid) -> Grid:
    """Return where velocities are sampled for images on ``grid``: coarser, and wider."""
    room = [int(np.ceil(_ROOM / s)) for s in grid.spacing]
    wide = [n + 2 * r for n, r in zip(grid.shape, room, strict=True)]
    return grid.window([-r for r in room], wide).with_spacing(_LATTICE)


def atrophy_velocity(anatomy: Anatomy, rates: AtrophyRates) -> Flow:
    """Find the velocity, per year, by which groups of structures change at their rates.

    Parameters
    ----------
    anatomy
        The structures.
    rates
        Of groups, each of which must occur.

    Returns
    -------
    Flow
        Of one year, in the world of ``anatomy``.

    Raises
    ------
    InputError
        If a group holds no voxel.
    """
    masks = _masks(anatomy, rates)
    wanted = np.array([*(rates.percent[name] for name in rates.groups), rates.rest]) / 100
    basis = [_potential_flow(anatomy, mask) for mask in masks]
    mixed = np.array([[_mean_divergence(anatomy, flow, mask) for flow in basis] for mask in masks])
    shares = np.linalg.solve(mixed, wanted)
    flow = basis[0].times(shares[0])
    for share, other in zip(shares[1:], basis[1:], strict=True):
        flow = flow.plus(other.times(share))
    return flow


def _masks(anatomy: Anatomy, rates: AtrophyRates) -> list[NDArray[np.bool_]]:
    """Where each group is, and last where all other structures are."""
    masks = []
    for name, structures in rates.groups.items():
        masks.append(anatomy.mask_of(structures))
        if not masks[-1].any():
            raise InputError(
                f"{anatomy.labels.name or 'labels'}: group {name!r} ({structures}) has no voxel; "
                "name structures that occur"
            )
    grouped = {each for structures in rates.groups.values() for each in structures}
    others = tuple(value for value in anatomy.structures if value not in grouped)
    return [*masks, anatomy.mask_of(others)]


def _potential_flow(anatomy: Anatomy, mask: NDArray[np.bool_]) -> Flow:
    """The flow whose divergence is about 1 in ``mask``, and what balances that outside the head."""
    lattice = lattice_of(anatomy.grid)
    inside = _on_lattice(anatomy, mask, lattice)
    beyond = 1 - _on_lattice(anatomy, anatomy.mask_of(anatomy.structures), lattice)
    source = inside - beyond * (inside.sum() / beyond.sum())
    return Flow.of(_gradient(_poisson(source, lattice), lattice), lattice)


def _on_lattice(anatomy: Anatomy, mask: NDArray[np.bool_], lattice: Grid) -> Reals:
    """How much of ``mask`` there is around each point of the lattice."""
    blur = [max(_BLUR, _LATTICE / 2) / s for s in anatomy.grid.spacing]
    smooth = gaussian_filter(mask.astype(np.float64), blur)
    to_image = anatomy.grid.inverse_affine @ lattice.affine
    axes = [
        np.arange(n) * to_image[axis, axis] + to_image[axis, 3]
        for axis, n in enumerate(lattice.shape)
    ]
    out: Reals = map_coordinates(smooth, np.meshgrid(*axes, indexing="ij"), order=1)
    return out


def _poisson(source: Reals, lattice: Grid) -> Reals:
    """The potential whose Laplacian is ``source``; nothing passes the border of the lattice."""
    waves = [
        (np.pi * np.arange(n) / (n * s)) ** 2
        for n, s in zip(lattice.shape, lattice.spacing, strict=True)
    ]
    total = waves[0][:, None, None] + waves[1][:, None] + waves[2]
    total[0, 0, 0] = np.inf
    out: Reals = idctn(-dctn(source) / total)
    return out


def _gradient(potential: Reals, lattice: Grid) -> Reals:
    """World vectors ``(3, ...)``."""
    along = np.stack(np.gradient(potential, *lattice.spacing))
    axes = lattice.affine[:3, :3] / lattice.spacing
    out: Reals = np.einsum("ab,b...->a...", axes, along)
    return out


def _mean_divergence(anatomy: Anatomy, flow: Flow, mask: NDArray[np.bool_]) -> float:
    """How fast the volume of ``mask`` changes, as a share of it."""
    parts = [flow.divergence(points) for points in anatomy.points_in(mask)]
    return float(np.concatenate(parts).mean())
