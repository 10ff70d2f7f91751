"""Points in a structure and beside it: its middle first, then all over."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from foundation.prompts.perturbations.ball import ball_depth
from foundation.prompts.perturbations.structure import Structure
from foundation.prompts.prompts import PointPrompt
from regkit.errors import InputError
from regkit.settings import near
from regkit.volume import Points, Volume

SPREADS = ("farthest", "random")


def points_of_mask(
    mask: Volume,
    *,
    positive: int = 1,
    negative: int = 0,
    within: float = 10.0,
    spread: str = "farthest",
    generator: np.random.Generator | None = None,
) -> PointPrompt:
    """Return points in a structure, the innermost first, and points beside it.

    Parameters
    ----------
    mask
        ``(1, i, j, k)``.
    positive
        How many lie inside, at least 1; fewer, where the mask has fewer voxels.
    negative
        How many lie outside.
    within
        How far these lie from the structure at most, in world units.
    spread
        ``"farthest"``: each is the farthest from those before it; ``"random"``: drawn, after the
        innermost.
    generator
        The source of chance; needed by ``"random"``.

    Raises
    ------
    EmptyMaskError
        If the mask is empty.
    InputError
        If a number, a distance or ``spread`` is not allowed.
    """
    _check_points(positive, negative, within, spread, generator)
    structure = Structure.around(mask, 0.0)
    first = innermost_point(structure)
    index = np.argwhere(structure.inside)
    if spread == "random" and generator is not None:
        others = index[(index != first).any(axis=1)]
        inner = np.concatenate([first[None], random_points(others, positive - 1, generator)])
    else:
        inner = farthest_points(index, first, structure, positive)
    inside = as_world_points(structure, inner)
    outside = _points_beside(mask, negative, within, spread, generator)
    signs = torch.arange(len(inside) + len(outside)) < len(inside)
    return PointPrompt(Points(torch.cat([inside, outside])), signs)


def innermost_point(structure: Structure) -> NDArray[np.int64]:
    """Return the index ``(d,)``, in the part, of the voxel that lies deepest inside.

    Of equals, it is the one nearest to the centroid, and of those the first.
    """
    depth = ball_depth(structure.inside, structure.spacing) * structure.inside
    deep = np.argwhere(depth >= depth.max() - 1e-9)
    centre = np.argwhere(structure.inside).mean(axis=0)
    apart = np.linalg.norm((deep - centre) * structure.spacing, axis=1)
    return np.asarray(deep[int(np.argmin(np.round(apart, 9)))])


def farthest_points(
    index: NDArray[np.int64], first: NDArray[np.int64], structure: Structure, count: int
) -> NDArray[np.int64]:
    """Choose voxels, each the farthest from those before it.

    Parameters
    ----------
    index
        ``(N, d)``, from which they are chosen.
    first
        ``(d,)``, the first one.
    structure
        Whose spacing counts.
    count
        How many; fewer where ``index`` holds fewer.

    Returns
    -------
    NDArray
        ``(count, d)``.
    """
    places = index * np.array(structure.spacing)
    chosen = [first]
    apart = np.linalg.norm(places - first * structure.spacing, axis=1)
    while len(chosen) < count and apart.max() > 0:
        chosen.append(index[int(np.argmax(apart))])
        latest = chosen[-1] * np.array(structure.spacing)
        apart = np.minimum(apart, np.linalg.norm(places - latest, axis=1))
    return np.stack(chosen)


def random_points(
    index: NDArray[np.int64], count: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Draw voxels without repetition.

    Parameters
    ----------
    index
        ``(N, d)``, from which they are drawn.
    count
        How many; fewer where there are fewer.
    generator
        The source of chance.

    Returns
    -------
    NDArray
        ``(count, d)``.
    """
    return index[generator.permutation(len(index))[:count]]


def indices_beside(mask: Volume, within: float) -> tuple[Structure, NDArray[np.int64]]:
    """Return voxels outside of a structure, ``(N, d)``, no farther than ``within`` from it.

    Distances are from centre to centre, in world units; all lie in the field of view.
    """
    structure = Structure.around(mask, within)
    distance = structure.signed_distance(within)
    near = (distance > 0) & (distance <= within) & structure.in_view
    return structure, np.argwhere(near)


def as_world_points(structure: Structure, index: NDArray[np.int64]) -> torch.Tensor:
    """Turn indices ``(N, d)`` of the part into world points, float64 ``(N, d)``."""
    return structure.grid.to_world(torch.from_numpy(index.astype(np.float64)))


def _points_beside(
    mask: Volume,
    count: int,
    within: float,
    spread: str,
    generator: np.random.Generator | None,
) -> torch.Tensor:
    structure, index = indices_beside(mask, within)
    if not count or not len(index):
        return torch.empty(0, mask.ndim, dtype=torch.float64)
    if spread == "random" and generator is not None:
        return as_world_points(structure, random_points(index, count, generator))
    first = index[int(np.argmax(structure.signed_distance(within)[tuple(index.T)]))]
    return as_world_points(structure, farthest_points(index, first, structure, count))


def _check_points(
    positive: int, negative: int, within: float, spread: str, generator: object
) -> None:
    if positive < 1 or negative < 0 or not (np.isfinite(within) and within > 0):
        raise InputError(
            f"points: {positive} positive and {negative} negative ones within {within}; give at "
            "least 1, at least 0, and a distance above 0"
        )
    if spread not in SPREADS:
        raise InputError(f"points: spread {spread!r}{near(spread, SPREADS)}")
    if spread == "random" and generator is None:
        raise InputError("points: spread 'random' needs a generator; pass a seeded one")
