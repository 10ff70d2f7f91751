"""Whether a smooth field explains a pair, and how smooth it then stays."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from regkit.kernels.smoothing import gaussian
from regkit.registration.agreement import Agreement
from regkit.registration.config import FieldConfig
from regkit.registration.descent import Descent, DescentResult

_BETTER = 0.86  # of the distance of blocks through a smooth field, that a free one must come below
_IN_PLACE = 0.33  # voxels: blocks of one person lie nearer than this through a smooth field
_FIELD_OF_VIEW = 12  # widths of a smooth step
_BLUR = 2.0  # voxels: what a start knows of single gyri and sulci does not pass for smooth


def first_level(
    descent: Descent,
    u: Tensor,
    config: FieldConfig,
    is_one_anatomy: Callable[[Tensor, Tensor], bool] | None,
    *,
    started: bool,
) -> tuple[DescentResult, SmoothShare]:
    """Find a smooth field on the coarsest level, then a free one, and return the one that will do.

    Between two people a smooth field explains little of what differs; within one it explains
    nearly all, and what a free one adds to it is noise.

    Parameters
    ----------
    descent
        The coarsest level.
    u
        Displacement to begin with, ``(3, *spatial)``, in voxels of the field's grid.
    config
        Settings; ``smooth.one_anatomy_share`` is what the smooth field must explain of the gain.
    is_one_anatomy
        Judges by the images beside the loss, through the smooth displacement and the free one; None
        where the loss alone decides.
    started
        Whether ``u`` is a start rather than zero: the smooth field then begins with what is smooth
        of it, the free one with all of it, and both gain on the identity.
    """
    quiet = descent.run(
        gaussian(u, _BLUR, zero=True) if started else u, coarse_smooth_config(config)
    )
    free = descent.run(u if started else quiet.u, config)
    if not quiet.level.values:
        return replace(quiet, u=u), SmoothShare(0.0, smooth=False)
    first = descent.loss_of(torch.zeros_like(u)) if started else quiet.first
    share = (first - quiet.last) / (first - free.last) if free.last < first else 0.0
    smooth = share >= config.smooth.one_anatomy_share
    if is_one_anatomy is not None and config.smooth.one_anatomy_share <= 1:
        smooth = smooth or is_one_anatomy(quiet.u, free.u)
    both = replace(free.level, values=quiet.level.values + free.level.values)
    return replace(quiet if smooth else free, level=both), SmoothShare(share, smooth)


@dataclass(frozen=True)
class SmoothShare:
    """The share of a free field's gain that a smooth one has, and whether it will do."""

    share: float
    smooth: bool


def is_enough(quiet: Agreement, free: Agreement, *, across: bool) -> bool:
    """Tell whether blocks lie as well through a smooth field as they should, beside a free one.

    Measured at the coarsest level, in its voxels. Through a smooth field the blocks of one person
    lie 0.09 to 0.2 off within a contrast and 0.3 to 0.57 between T1, T2 and FLAIR, those of two
    people 0.38 to 3.4. Through a free one it is 0.89 to 1.2 of that for one person, 0.5 to
    0.82 for two.

    Parameters
    ----------
    quiet, free
        The agreement through the smooth field, and through the free one.
    across
        Whether the similarity is for images of different contrasts, whose blocks never lie so near.
    """
    near = across or quiet.residual < _IN_PLACE
    return near and free.residual > _BETTER * quiet.residual


def coarse_smooth_config(config: FieldConfig) -> FieldConfig:
    """Change ``config`` for a smooth field on the coarsest level."""
    return config.model_copy(update={"field_sigma": config.smooth.field_sigma})


def smooth_config(config: FieldConfig, shape: tuple[int, ...], finer: float) -> FieldConfig:
    """Change ``config`` for a smooth field on a finer level.

    Parameters
    ----------
    config
        The settings of a free field.
    shape
        Voxels of the level along every axis. A step is no wider than a share of the field of view.
    finer
        Size of the voxels of the coarsest level over that of this one.
    """
    widest = min(n for n in shape if n > 1) / _FIELD_OF_VIEW
    lengths = {
        "field_sigma": config.smooth.field_sigma * math.sqrt(finer),
        "update_sigma": min(config.smooth.update_sigma, max(widest, config.update_sigma)),
    }
    return config.model_copy(update=lengths)
