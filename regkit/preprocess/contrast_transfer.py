"""Show moving in the contrast of fixed, for a network that knows one contrast only."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_BINS = 48
_DARK = 0.02  # what is not brighter is background, which stays as it is
_FEW = 1e-3  # of the mean number of voxels in a bin: fewer tell little


def transfer_contrast(moving: Tensor, fixed: Tensor) -> Tensor:
    """Replace each intensity of ``moving`` by what ``fixed`` shows there on average.

    Roughly aligned images are enough: most voxels lie in the right tissue.

    Parameters
    ----------
    moving, fixed
        Of one shape, in [0, 1], aligned affinely or better. What is dark stays dark.

    Returns
    -------
    Tensor
        In [0, 1]; ``moving`` itself where the two have nothing in common.

    Notes
    -----
    The conditional mean is the function whose share of fixed's variance is the correlation ratio
    (Roche et al., MICCAI 1998, eq. 3).

    Examples
    --------
    >>> image = torch.rand(9, 9, 9, generator=torch.Generator().manual_seed(0))
    >>> bool((transfer_contrast(1 - image, image) - image).abs().mean() < 0.03)
    True
    """
    both = (moving > _DARK) & (fixed > _DARK)
    if not bool(both.any()):
        return moving
    low, share = _bins(moving[both])
    seen = fixed[both]
    count = _spread(low, share, torch.ones_like(seen))
    total = _spread(low, share, seen)
    few = _FEW * len(seen) / _BINS
    curve = (total + few * seen.mean()) / (count + few)
    low, share = _bins(moving)
    return torch.where(moving > _DARK, torch.lerp(curve[low], curve[low + 1], share), moving)


def _bins(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the bin below each value, and how far it is to the next."""
    at = values.clamp(0, 1) * (_BINS - 1)
    low = at.long().clamp(max=_BINS - 2)
    return low, at - low


def _spread(low: Tensor, share: Tensor, values: Tensor) -> Tensor:
    """Sum ``values`` by bin, over neighbouring bins."""
    sums = values.new_zeros(_BINS).index_add_(0, low, (1 - share) * values)
    sums.index_add_(0, low + 1, share * values)
    wide = functional.pad(sums[None, None], (1, 1), mode="replicate")[0, 0]
    return wide[:-2] / 4 + wide[1:-1] / 2 + wide[2:] / 4
