"""Make a pair with known truth: a slice, and the same slice bent by a known displacement."""

from __future__ import annotations

import torch
from torch import Tensor

from foundation.features.sweep import Correspondence
from regkit.errors import InputError
from regkit.kernels.sampling import sample
from regkit.kernels.smoothing import gaussian
from regkit.preprocess.foreground import foreground
from regkit.preprocess.intensity import normalise
from regkit.volume.volume import Volume

_BEND, _SMOOTH = 4.0, 12.0  # pixels: length of the longest move, width of a bend
_REACH = 12


def known_pair(
    fixed: Volume, moving: Volume, index: int | None, places: int, generator: torch.Generator
) -> Correspondence:
    """Bend a slice of ``moving``, which lies on ``fixed``'s grid and shows the same.

    Parameters
    ----------
    fixed, moving
        2-D, or 3-D of which one slice is taken. They may be one image, or two contrasts of one
        person.
    index
        The slice along the last axis; None: the middle one.
    places
        How many are drawn where fixed has tissue.
    generator
        Draws the displacement and the places.

    Raises
    ------
    InputError
        If the grids differ, there is no such slice, or it shows no tissue.
    """
    if fixed.grid.shape != moving.grid.shape:
        raise InputError(
            f"{moving.name or 'moving'}: has {moving.grid.shape} voxels and fixed "
            f"{fixed.grid.shape}; a sweep takes two images on one grid"
        )
    scaled = [normalise(image, "auto") for image in (fixed, moving)]
    images = [_slice(image, index) for image in scaled]
    tissue = _slice(foreground(scaled[0]), index)
    u = _bend(tuple(images[0].shape[1:]), generator)
    found = torch.nonzero(tissue[0] > 0)
    if len(found) == 0:
        raise InputError(f"{fixed.name or 'fixed'}: slice {index} shows no tissue; name another")
    chosen = found[torch.randperm(len(found), generator=generator)[:places]]
    rows = torch.stack(torch.meshgrid(*map(torch.arange, tissue.shape[1:]), indexing="ij"))
    bent = sample(images[1], (rows + u).movedim(0, -1))
    return Correspondence(
        images[0][None], bent[None], chosen, _inverse(u, chosen), _REACH + int(_BEND)
    )


def _slice(image: Volume, index: int | None) -> Tensor:
    if image.ndim == 2:
        return image.data.float()
    count = image.grid.shape[2]
    at = count // 2 if index is None else index
    if not 0 <= at < count:
        raise InputError(f"slice {index} is not there; allowed: 0 to {count - 1}")
    return image.data[..., at].float().contiguous()


def _bend(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Draw a displacement ``(2, H, W)`` in pixels.

    The bent image shows at ``x`` what was at ``x + u(x)``.
    """
    u = gaussian(torch.randn(2, *shape, generator=generator), _SMOOTH)
    longest = float(torch.linalg.vector_norm(u, dim=0).max())
    return u * (_BEND / longest)


def _inverse(u: Tensor, places: Tensor) -> Tensor:
    """Find where in the bent image the places are: ``y + u(y) = place``, by iteration."""
    y = places.float()
    for _ in range(30):
        y = places - sample(u, y).movedim(0, -1)
    return y
