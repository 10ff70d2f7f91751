"""Refuse what cannot be registered, before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence

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


def check_image(volume: Volume, shares: Sequence[float] | None = None) -> None:
    """At least 8 voxels along two axes; finite and with contrast in each channel that counts.

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
    """Two images of the same dimension and channels in one world, each usable.

    Returns
    -------
    tuple
        What each channel counts, in all 1, by its weight if there are ``weights``.

    Raises
    ------
    InputError
        If they are not.
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
    """Only CT tells how dense tissue is, so that its mass can be conserved.

    Raises
    ------
    InputError
        If ``tuning.conserve`` asks for it and an image is not CT.
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
    """A transform to start from moves points of the world that the images are in.

    Raises
    ------
    InputError
        If its dimension is another one.
    """
    if initial is not None and initial.ndim != ndim:
        raise InputError(
            f"the initial transform is {initial.ndim}-D and the images {ndim}-D; "
            "give a transform of their dimension"
        )


def check_overlap(pair: Pair, affine: Matrix) -> None:
    """Some of where fixed counts must lie in moving's field of view under a world affine.

    Raises
    ------
    InputError
        If nothing does.
    """
    index = torch.nonzero(pair.region.data[0])[::101].double()
    points = Affine(affine)(pair.region.grid.to_world(index))
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
    """Labels are whole numbers, in the dimension of their image.

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
    """Whether the middle of ``other`` lies inside ``grid``."""
    return bool(grid.contains(torch.from_numpy(other.centre)))


def as_mask(mask: Volume | None, image: Volume) -> Labels | None:
    """``mask`` as 0/1 labels on the grid of ``image``.

    Raises
    ------
    InputError
        If it lies on another grid, or holds no voxel.
    """
    if mask is None:
        return None
    name = mask.name or "mask"
    mask = flattened_with(mask, image)
    apart = (
        float(abs(mask.grid.corners() - image.grid.corners()).max())
        if (mask.grid.shape == image.grid.shape)
        else float("inf")
    )
    if apart > 0.01 * min(image.grid.spacing):
        raise InputError(
            f"{name}: lies on {mask.grid}, its image {image.name!r} on {image.grid}; "
            "resample the mask onto the image"
        )
    inside = mask.data[:1] > 0
    if mask.valid is not None:
        inside &= mask.valid
    if not bool(inside.any()):
        raise InputError(f"{name}: has no voxel above 0; a mask must hold some")
    return Labels(inside.to(torch.uint8), image.grid, name)
