"""An image that was cut out of its surroundings, beside one that shows them.

A brain without its skull has one value all around it. Beside a whole head that is no air which the
head lacks: nothing is known there, and an affine that takes it for air makes the brain as large as
the head.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy
import torch
from numpy.typing import NDArray
from torch import Tensor

from regkit.geometry.affines import Matrix
from regkit.kernels.components import components
from regkit.kernels.distance import distance_to
from regkit.registration.alignment import align
from regkit.registration.comparison import compare_affine
from regkit.registration.config import RegisterConfig
from regkit.registration.pair import Pair, at_spacing, extent_of, inverse_if, swap_images
from regkit.registration.prepared import everything
from regkit.registration.result import EngineStage, OnEngineProgress
from regkit.registration.state import EngineState
from regkit.resample import resample, warp
from regkit.transforms import Affine
from regkit.volume.volume import Labels, Volume

_BORDER = 0.9  # of the outermost voxels have the value of what was cut away
_SMALLER = 0.8  # of the other body
_COARSE = 4.0  # millimetres
_AROUND = 6.0, 16.0  # millimetres from what was kept: beyond the margin of a body, within a scalp
_SHOWN = 0.5  # of what lies around
_MATCHED = 0.8  # of the blocks of what was kept: 0.96 and more in place, else 0.4 to 0.6


def spare_surroundings(
    pair: Pair, state: EngineState, config: RegisterConfig, on_progress: OnEngineProgress
) -> tuple[Pair, EngineState]:
    """Let what was cut away from one image count for nothing, if the other one shows it.

    Parameters
    ----------
    pair
        The images at body scale.
    state
        What is known before.
    config
        Settings of the linear engine.
    on_progress
        Called at every iteration.

    Returns
    -------
    pair, state
        Both as they were; or the pair with a mask of what was kept, and the affines that are known
        by it.
    """
    kept = _kept(pair)
    if kept is None:
        return pair, state
    which, masked = kept
    known = state if state.initial is not None else _aligned(masked, state, config, on_progress)
    if not _is_part(masked, which, known.affine):
        return pair, state
    other = "fixed" if which == "moving" else "moving"
    note = (
        f"{which} was cut out of what {other} shows around it (all else has one value): only what "
        "was kept counts"
    )
    return masked, known.after(EngineStage("notice", "", "", 0.0, note=note))


def cut_out(image: Volume) -> Labels | None:
    """Find what was kept of an image around which all has one value, or None.

    Parameters
    ----------
    image
        In any dimension.

    Returns
    -------
    Labels or None
        1 wherever it is not that value, or not connected to the border, less the outermost voxels;
        None where nothing is left, or more than a tenth of the border shows something.

    Examples
    --------
    >>> values = np.zeros((9, 9, 9))
    >>> values[2:7, 2:7, 2:7] = 1
    >>> values[4, 4, 4] = 0
    >>> int(cut_out(Volume(values, np.eye(4))).data.sum())
    27
    >>> cut_out(Volume(np.arange(64.0).reshape(4, 4, 4), np.eye(4))) is None
    True
    """
    rim = _rim(image.data)
    value = rim.median(dim=1).values
    if float((rim == value[:, None]).all(0).float().mean()) < _BORDER:
        return None
    same = (image.data == value.reshape(-1, *[1] * image.ndim)).all(0)
    parts, _ = components(same.numpy())
    outer = np.unique(_rim(torch.from_numpy(parts)[None]).numpy())
    away = np.isin(parts, outer[outer > 0])
    # The outermost voxels of what was kept are mixed with what was put in place of the rest.
    kept = scipy.ndimage.binary_erosion(~away, _cross(image), border_value=1)
    return Labels(torch.from_numpy(kept.astype(np.uint8)), image.grid) if kept.any() else None


def _cross(image: Volume) -> NDArray[np.bool_]:
    """A voxel and its neighbours along the axes that have several."""
    whole: NDArray[np.bool_] = scipy.ndimage.generate_binary_structure(image.ndim, 1)
    return whole[tuple(slice(1, 2) if n == 1 else slice(None) for n in image.grid.shape)]


def _rim(data: Tensor) -> Tensor:
    """The outermost voxels of ``(C, *spatial)``, ``(C, N)``."""
    axes = [axis for axis in range(1, data.ndim) if data.shape[axis] > 1]
    return torch.cat([data.select(axis, end).flatten(1) for axis in axes for end in (0, -1)], 1)


def _kept(pair: Pair) -> tuple[str, Pair] | None:
    """Which image may have been cut out, and the pair with a mask of what was kept of it."""
    fixed, moving = extent_of(pair.region), extent_of(pair.moving_body)
    if fixed < _SMALLER * moving and pair.fixed_region is None:
        kept = cut_out(pair.fixed)
        if kept is not None:
            return "fixed", replace(pair, region=kept, scope=kept, fixed_region=kept)
    elif moving < _SMALLER * fixed and pair.moving_region is None:
        kept = cut_out(pair.moving)
        if kept is not None:
            return "moving", replace(pair, moving_body=kept, moving_region=kept)
    return None


def _aligned(
    pair: Pair, state: EngineState, config: RegisterConfig, on_progress: OnEngineProgress
) -> EngineState:
    """Both images aligned in coarse voxels."""
    linear = config.linear.model_copy(update={"spacings": config.linear.spacings[:1]})
    start = state.affine if state.affines else None
    coarse = config.model_copy(update={"linear": linear})
    affines, stages = align(pair, coarse, start, on_progress)
    return state.after(*stages, affines=tuple(affines))


def _is_part(pair: Pair, which: str, affine: Matrix) -> bool:
    """Whether what was kept is found in the other image, and lies amid more of it.

    Of two brains without their skulls the smaller one is found only where it is as large as the
    other, with nothing around it.
    """
    found = compare_affine(pair, affine).matched
    return found >= _MATCHED and _shown_around(pair, which, affine) >= _SHOWN


def _shown_around(pair: Pair, which: str, affine: Matrix) -> float:
    """Share of what lies around the one that was cut out in which the other has tissue."""
    back = which == "moving"
    seen, there = (swap_images(pair) if back else pair), Affine(inverse_if(back, affine))
    grid = at_spacing(seen.fixed.grid, _COARSE)
    kept = resample(seen.region, grid).data[0].numpy() > 0
    far = distance_to(kept, grid.spacing, limit=_AROUND[1])
    around = torch.from_numpy((far > _AROUND[0]) & (far <= _AROUND[1]))
    body, view = (
        warp(each, there, onto=grid).data[0][around] > 0
        for each in (seen.moving_body, everything(seen.moving))
    )
    return float(body.sum() / max(int(view.sum()), 1))
