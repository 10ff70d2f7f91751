"""Clouds by the bands in which Sentinel-2 and Landsat say them, or by a mask in a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io import ReadOptions, read_header
from regkit.io.header import Header
from regkit.registration.scenes import GeoScene
from regkit.runs.bands import band_when_touched
from regkit.runs.products import quality_of
from regkit.runs.warped_parts import warp_when_touched
from regkit.transforms import Affine
from regkit.volume import Volume
from regkit.volume.combined import mask_where

# No data, saturated, shadows of clouds, clouds of medium and high probability, cirrus:
# the scene classification of Sentinel-2, Level-2A.
_SCL = (0, 1, 3, 8, 9, 10)
# Bits of Landsat, 16 in all. Collection 2 (QA_PIXEL): fill, dilated cloud, cirrus, cloud and its
# shadow. Collection 1: fill, cloud, and where it is sure of them shadow and cirrus.
_BITS = {"qa_pixel": 0b11111, "pixel_qa": 0b10_0010_1001, "bqa": 0b1_0001_0001_0001}


def without_clouds(
    mask: str, scenes: tuple[GeoScene, GeoScene], headers: tuple[Header, Header]
) -> tuple[GeoScene, GeoScene]:
    """Leave out of two scenes what a mask covers.

    Parameters
    ----------
    mask
        The name of a band of one of them or both (SCL and QA_PIXEL are decoded, of others what is
        above 0 is covered), or a file that covers the ground of one of them, in pixels of any size;
        of a file of several bands that which is decoded.
    scenes
        Fixed and moving.
    headers
        Their headers.

    Raises
    ------
    InputError
        If there is no such band or file, the file covers other ground, or nothing is left.
    """
    if Path(mask).is_file():
        return _by_file(Path(mask), scenes)
    found = [_band(header, mask) for header in headers]
    if found == [None, None]:
        raise InputError(
            f"--mask {mask!r:.60}: neither a file nor a band of {headers[0].name} or "
            f"{headers[1].name}; give a name such as SCL or QA_PIXEL, or a GeoTIFF"
        )
    fixed, moving = (scene.without(cover) for scene, cover in zip(scenes, found, strict=True))
    return fixed, moving


def cloud_mask(band: Volume, name: str) -> Volume:
    """Decode a band of quality: 1 where nothing of the ground is seen.

    Parameters
    ----------
    band
        Of one channel.
    name
        Of its quality, see :mod:`regkit.runs.products`; of another what is above 0 is covered.

    Examples
    --------
    >>> import numpy as np
    >>> cloud_mask(Volume(np.array([[4, 9]]), np.eye(3)), "scl").data.tolist()
    [[[0, 1]]]
    """
    return mask_where(band, _meaning(name))


def _meaning(name: str) -> Callable[[Tensor], Tensor]:
    if name == "scl":
        return lambda values: torch.isin(values, torch.tensor(_SCL, dtype=values.dtype))
    if name in _BITS:
        return lambda values: (values.to(torch.int64) & _BITS[name]) > 0
    return lambda values: values > 0


def _band(header: Header, name: str) -> Volume | None:
    names = [each.casefold() for each in header.channel_names]
    if name.casefold() not in names:
        return None
    one = replace(header, options=ReadOptions(max_bytes=header.options.max_bytes))
    number = names.index(name.casefold())
    cover = cloud_mask(band_when_touched(one, number), _quality(header, number))
    return replace(cover, name=f"band {header.channel_names[number]} of {header.name}")


def _quality(header: Header, number: int) -> str:
    """What a band tells of quality; bits of Landsat are refused where bytes have cut them."""
    name = quality_of(header, number)
    if name in _BITS and np.dtype(header.value_type).itemsize == 1:
        raise InputError(
            f"{header.name}: its band {name.upper()} has 8 bits, and those of Landsat have 16; "
            "give the file as it was delivered, or a mask that is above 0 where clouds are"
        )
    return name


def _by_file(path: Path, scenes: tuple[GeoScene, GeoScene]) -> tuple[GeoScene, GeoScene]:
    header = read_header(path)
    number = _mask_band(header)
    cover = cloud_mask(band_when_touched(header, number), _quality(header, number))
    over = [_same_ground(cover.grid, scene.grid) for scene in scenes]
    if not any(over):
        raise InputError(
            f"{cover.name}: lies on {cover.grid}, over the ground of neither scene; cut it to that "
            "of one"
        )
    fixed, moving = (
        scene.without(_on(cover, scene.grid) if fit else None)
        for scene, fit in zip(scenes, over, strict=True)
    )
    return fixed, moving


def _mask_band(header: Header) -> int:
    """The only band of a file, or the only one that is decoded."""
    known = [n for n in range(header.channels) if quality_of(header, n) in ("scl", *_BITS)]
    if header.channels == 1:
        return 0
    if len(known) != 1:
        raise InputError(
            f"--mask {header.name}: has {header.channels} bands, {len(known)} of which are called "
            "SCL or QA_PIXEL; give a file of the mask alone"
        )
    return known[0]


def _same_ground(mask: Grid, scene: Grid) -> bool:
    """Whether two grids of one CRS end at the same corners, within half a pixel of the mask."""
    if mask.world != scene.world:
        return False
    apart = np.abs(mask.corners() - scene.corners()).max()
    return bool(apart <= max(mask.spacing) / 2)


def _on(mask: Volume, grid: Grid) -> Volume:
    """A mask in the pixels of a scene, each that of the nearest."""
    if mask.grid.lies_on(grid):
        return mask
    still = Affine(np.eye(3), grid.world, grid.world)
    return warp_when_touched(mask, still, onto=grid, nearest=True)
