"""A mask as logits, as some models take it."""

from __future__ import annotations

import numpy as np
import torch

from foundation.prompts.perturbations.structure import Structure
from regkit.errors import InputError
from regkit.volume import Volume


def logits_of_mask(mask: Volume, *, inside: float = 10.0, outside: float = -20.0) -> Volume:
    """Return a mask as logits of two values; 10 and -20 are those of the robustness paper.

    Parameters
    ----------
    mask
        ``(1, i, j, k)``; what is above 0.5 counts.
    inside, outside
        The two values.

    Returns
    -------
    Volume
        float32 on the same grid.
    """
    data = torch.where(mask.data[:1] > 0.5, inside, outside).float()
    return Volume(data, mask.grid, mask.name, mask.valid)


def smooth_logits_of_mask(mask: Volume, *, width: float = 1.0, most: float = 10.0) -> Volume:
    """Return a mask as logits that fall with the distance from its surface.

    They are those of a step that a Gaussian of the standard deviation ``width`` has blurred: the
    logit of the normal distribution at the signed distance, 0 on the surface.

    Parameters
    ----------
    mask
        ``(1, i, j, k)``; what is above 0.5 counts.
    width
        In world units, above 0.
    most
        Logits are cut at plus and minus this value.

    Returns
    -------
    Volume
        float32 on the same grid.

    Raises
    ------
    EmptyMaskError
        If the mask is empty.
    InputError
        If a number is not positive, or the grid is sheared.
    """
    if not (np.isfinite(width) and width > 0 and most > 0):
        raise InputError(f"smooth logits: width {width} and most {most} must be above 0")
    structure = Structure.around(mask, 6 * width)
    distance = structure.signed_distance
    # Between centres on both sides of a face the distance jumps by twice the way between them.
    half = min(structure.spacing) / 2
    x = torch.from_numpy(-np.sign(distance) * (np.abs(distance) - half)).double() / width
    logits = (torch.special.log_ndtr(x) - torch.special.log_ndtr(-x)).clamp(-most, most)
    return Volume(structure.spread_out(logits.float(), -most), mask.grid, mask.name, mask.valid)
