"""Refuse what cannot be registered, before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry.affines import Matrix
from regkit.geometry.grid import Grid
from regkit.geometry.world import check_same_world
from regkit.preprocess.channels import shares_of
from regkit.preprocess.intensity import is_ct
from regkit.registration.config import RegisterConfig
from regkit.registration.flat import flattened_with
from regkit.registration.pair import Pair
from regkit.transforms import Affine, Transform
from regkit.volume.volume import Labels, Volume

_LEAST = 8
_LOOKED_AT = 10_000  # voxels, of those where fixed counts


def check_image(volume: Volume, shares: Sequence[float] | None = None) -> None:
    """Refuse an image of fewer than 8 voxels along two axes, not finite, or without contrast.

    ``shares`` say which channels count: those above 0, all of them by default.

    Raises
    ------
    InputError
        If any of that does not hold.
    """
    name = volume.name or "image"
    if sorted(volume.grid.shape)[-2] < _LEAST:
        size = "x".join(map(str, volume.grid.shape))
        raise InputError(f"{name}: is {size} voxels; at least {_LEAST} along two axes are needed")
    for number, values in enumerate(volume.data_values()):
        if shares is None or shares[number] > 0:
            _check_contrast(name, values, number if volume.channels > 1 else None)


def _check_contrast(name: str, values: Tensor, channel: int | None) -> None:
    """Finite values that are not all alike; ``channel`` is the number of one of several."""
    low, high = values.aminmax()
    if not bool(torch.isfinite(low + high)):
        raise InputError(f"{name}: has voxels that are not finite; read it with nan=0")
    if low != high:
        return
    nothing = f"all voxels are {low.item():g}; it has no contrast to register"
    if channel is None:
        raise InputError(f"{name}: {nothing}")
    raise InputError(
        f"{name}: channel {channel}: {nothing}. Choose other channels, or give it a channel weight "
        "of 0"
    )


def check_pair(
    fixed: Volume, moving: Volume, weights: Sequence[float] | None = None
) -> tuple[float, ...]:
    """Refuse two images that cannot be compared, or either of which cannot be registered.

    Parameters
    ----------
    fixed, moving
        The images, which must agree in dimension, world and number of channels.
    weights
        What each channel counts, of any sum; all count alike if None.

    Returns
    -------
    tuple
        The share of each channel; in all they are 1.

    Raises
    ------
    InputError
        If the images do not agree, a channel that counts has no contrast or values that are not
        finite, or the weights do not fit the channels.
    """
    if fixed.ndim != moving.ndim:
        raise InputError(
            f"{fixed.name or 'fixed'} is {fixed.ndim}-D and {moving.name or 'moving'} is "
            f"{moving.ndim}-D; both must have the same dimension"
        )
    names = fixed.name or "fixed", moving.name or "moving"
    check_same_world(fixed.grid.world, moving.grid.world, names)
    if fixed.channels != moving.channels:
        counts = [f"{n} channel{'s' * (n > 1)}" for n in (fixed.channels, moving.channels)]
        raise InputError(
            f"{names[0]} has {counts[0]} and {names[1]} has {counts[1]}; both must have the same: "
            "choose them with channel or channels (--channels) when they are read"
        )
    shares = shares_of(fixed.channels, weights)
    check_image(fixed, shares)
    check_image(moving, shares)
    return shares


def check_mass(fixed: Volume, moving: Volume, config: RegisterConfig) -> None:
    """Refuse to conserve mass in images other than CT, which alone tells how dense tissue is.

    Parameters
    ----------
    fixed, moving
        The images.
    config
        Says by ``tuning.conserve`` whether mass is conserved, and by ``modality`` and
        ``moving_modality`` what the images are; ``auto`` goes by their values.

    Raises
    ------
    InputError
        If mass is to be conserved and an image is not CT.
    """
    if config.tuning.conserve != "mass":
        return
    modalities = (config.modality, config.moving_modality or config.modality)
    for volume, modality in zip((fixed, moving), modalities, strict=True):
        if not (modality == "ct" or (modality == "auto" and is_ct(volume.data_values()))):
            raise InputError(
                f"{volume.name or 'image'}: conserve: mass needs CT on both sides, and this is not "
                "taken for CT; set modality ct if it is, or conserve: nothing"
            )


def check_initial(initial: Transform | None, ndim: int) -> None:
    """Refuse an initial transform of another dimension than the images.

    Parameters
    ----------
    initial
        World points of fixed to world points of moving, or None.
    ndim
        The dimension of the images.

    Raises
    ------
    InputError
        If the dimensions differ.
    """
    if initial is not None and initial.ndim != ndim:
        raise InputError(
            f"the initial transform is {initial.ndim}-D and the images {ndim}-D; "
            "give a transform of their dimension"
        )


def check_overlap(pair: Pair, affine: Matrix) -> None:
    """Refuse a start at which nothing of fixed lies in moving's field of view.

    Parameters
    ----------
    pair
        The images; fixed counts where it has tissue, or in its mask.
    affine
        World affine from fixed to moving (4, 4).

    Raises
    ------
    InputError
        If they do not overlap; the message says how far they lie apart.
    """
    mask = pair.region.data[0].numpy()
    voxels = np.flatnonzero(mask)
    chosen = np.unravel_index(voxels[:: max(1, len(voxels) // _LOOKED_AT)], mask.shape)
    some = torch.from_numpy(np.stack(chosen, axis=-1)).double()
    points = Affine(affine)(pair.region.grid.to_world(some))
    if not bool(pair.moving.grid.contains(points).any()):
        raise InputError(
            f"{pair.fixed.name or 'fixed'} and {pair.moving.name or 'moving'} do not overlap: "
            f"fixed begins {_widths(points, pair.moving.grid):.1f} times the width of moving's "
            "field of view from its middle; start from init='centers' or 'auto'"
        )


def _widths(points: Tensor, grid: Grid) -> float:
    """How far the nearest of ``points`` is from the middle of ``grid``, in its longest sides."""
    apart = float((points - torch.from_numpy(grid.centre)).norm(dim=-1).min())
    return apart / max(n * s for n, s in zip(grid.shape, grid.spacing, strict=True) if n > 1)


def check_beside(labels: Volume, image: Volume) -> None:
    """Refuse labels that are not whole numbers, or not in the dimension of their image.

    Raises
    ------
    InputError
        If not.
    """
    if not isinstance(labels, Labels):
        name = labels.name or "labels"
        raise InputError(f"{name}: is an image, not labels; read it with regkit.read_labels")
    check_same_dimension(labels, image)


def check_same_dimension(labels: Volume, image: Volume) -> None:
    """Refuse labels of another dimension than the images.

    Raises
    ------
    InputError
        Naming both.
    """
    if labels.ndim != image.ndim:
        name, whose = labels.name or "labels", image.name or "its image"
        raise InputError(
            f"{name}: is {labels.ndim}-D and {whose} {image.ndim}-D; labels must have the "
            "dimension of the images"
        )


def holds_middle(grid: Grid, other: Grid) -> bool:
    """Tell whether the middle of ``other`` lies inside ``grid``."""
    return bool(grid.contains(torch.from_numpy(other.centre)))


def as_mask(mask: Volume | None, image: Volume) -> Labels | None:
    """Read ``mask``, on the grid of ``image``, as labels 0 and 1.

    Raises
    ------
    InputError
        If it lies on another grid, or holds no voxel.
    """
    if mask is None:
        return None
    name = mask.name or "mask"
    mask = flattened_with(mask, image)
    if not mask.grid.lies_on(image.grid):
        raise InputError(
            f"{name}: lies on {mask.grid}, its image {image.name!r} on {image.grid}, "
            f"{mask.grid.apart(image.grid)}; resample the mask onto the image"
        )
    inside = mask.data[:1] > 0
    if mask.valid is not None:
        inside &= mask.valid
    if not bool(inside.any()):
        raise InputError(f"{name}: has no voxel above 0; a mask must hold some")
    return Labels(inside.to(torch.uint8), image.grid, name)
