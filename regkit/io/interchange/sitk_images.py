"""Images of SimpleITK and ANTs, which lie in ITK's LPS world."""

from __future__ import annotations

from typing import Any

import numpy as np

from regkit.errors import InputError
from regkit.geometry import World
from regkit.io.header_checks import check_choice
from regkit.io.itk import simpleitk
from regkit.io.lps import ItkGeometry, from_itk, to_itk
from regkit.io.options import ReadOptions
from regkit.io.voxels import storable
from regkit.volume.arrays import as_tensor
from regkit.volume.volume import Volume


def from_sitk(image: Any, options: ReadOptions) -> Volume:
    """Turn an image of SimpleITK into a volume; the components of its voxels are channels."""
    sitk = simpleitk()
    if image.GetDimension() == 4:
        size = list(image.GetSize())
        frame = check_choice("image", "frame", size[3], options.frame)
        image = sitk.Extract(image, [*size[:3], 0], [0, 0, 0, frame])
    array = sitk.GetArrayFromImage(image)
    vectors = image.GetNumberOfComponentsPerPixel() > 1
    data = np.moveaxis(array, -1, 0) if vectors else array[None]
    data = data.transpose(0, *range(data.ndim - 1, 0, -1))
    geometry = ItkGeometry(image.GetSpacing(), image.GetOrigin(), image.GetDirection())
    return _volume(data, geometry)


def from_ants(image: Any, options: ReadOptions) -> Volume:
    """Turn an image of ANTs into a volume; the components of its voxels are channels.

    Raises
    ------
    InputError
        If the image has four axes.
    """
    if image.dimension > 3:
        raise InputError("image: has four axes; take one frame of it, as ants.slice_image does")
    array = image.numpy()
    data = np.moveaxis(array, -1, 0) if array.ndim > image.dimension else array[None]
    direction = tuple(np.asarray(image.direction, dtype=np.float64).ravel().tolist())
    geometry = ItkGeometry(tuple(image.spacing), tuple(image.origin), direction)
    return _volume(data, geometry)


def to_sitk(volume: Volume) -> Any:
    """Turn a volume into an image of SimpleITK, in LPS; see :meth:`regkit.Volume.to_sitk`.

    Raises
    ------
    InputError
        If its world is neither RAS+ mm nor pixels.
    """
    sitk = simpleitk()
    if volume.grid.world not in (World(), World.pixels()):
        raise InputError(
            f"{volume.name or 'volume'}: lies in {volume.grid.world}, and ITK knows RAS+ mm and "
            "pixels only; convert it with in_unit('mm') if it has another unit of length"
        )
    data = storable(volume.data).numpy()
    backwards = data.transpose(*range(data.ndim - 1, 0, -1), 0)
    vectors = len(data) > 1
    array = np.ascontiguousarray(backwards if vectors else backwards[..., 0])
    image: Any = sitk.GetImageFromArray(array, isVector=vectors)
    geometry = to_itk(volume.grid)
    image.SetSpacing(geometry.spacing)
    image.SetOrigin(geometry.origin)
    image.SetDirection(geometry.direction)
    return image


def _volume(data: Any, geometry: ItkGeometry) -> Volume:
    return Volume(as_tensor(data), from_itk(data.shape[1:], geometry))
