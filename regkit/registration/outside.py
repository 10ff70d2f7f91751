"""What an image shows where it has no voxels."""

from __future__ import annotations

from regkit.geometry.grid import Grid
from regkit.preprocess.intensity import CT_WINDOW, Modality, is_ct
from regkit.resample import warp
from regkit.transforms import Affine, Transform
from regkit.volume.fill import nearest_fill
from regkit.volume.volume import Volume


def outside_of(channel: Volume, modality: Modality) -> float:
    """Choose what lies outside: air for CT, else the lowest value if it is negative, else zero."""
    if modality == "ct" or (modality == "auto" and is_ct(channel.data_values())):
        return nearest_fill(CT_WINDOW[0], channel.data.dtype)
    return min(0.0, float(channel.data_values().min()))


def warp_into(volume: Volume, phi: Transform, grid: Grid, modality: Modality) -> Volume:
    """Resample ``volume`` on ``grid`` through ``phi``, filled beyond it by :func:`outside_of`.

    Parameters
    ----------
    volume
        Of any number of channels.
    phi
        World points of ``grid`` to world points of ``volume``.
    grid
        Where the result lies.
    modality
        What the image shows; it decides what lies beyond it.
    """
    channels = volume.split()
    values = [outside_of(each, modality) for each in channels]
    if len(set(values)) == 1:
        return warp(volume, phi, onto=grid, outside=values[0])
    pairs = zip(channels, values, strict=True)
    return Volume.stacked([warp(c, phi, onto=grid, outside=v) for c, v in pairs], volume.name)


def straight(volume: Volume, modality: Modality) -> Volume:
    """Resample ``volume`` as :func:`warp_into` does, if its axes are not at right angles."""
    grid = volume.grid.straightened()
    if grid is volume.grid:
        return volume
    return warp_into(volume, Affine.identity(volume.ndim), grid, modality)
