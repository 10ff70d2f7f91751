"""Images of nibabel: NIfTI, and whatever else it reads, all in RAS+."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.geometry.world import RAS, World
from regkit.io.formats.nifti.geometry import NIFTI_UNITS, lift_affine, nifti_grid, plane, unit_of
from regkit.io.header_checks import check_choice
from regkit.io.names import display_name
from regkit.io.options import ReadOptions
from regkit.io.voxels import storable
from regkit.volume.arrays import as_tensor
from regkit.volume.volume import Volume

_NIFTI1_LARGEST = 32767


def from_nibabel(image: Any, options: ReadOptions) -> Volume:
    """Turn an image of nibabel into a volume in RAS+ mm.

    Raises
    ------
    InputError
        If it has no orientation or two that disagree, or several frames of which none is named.
    """
    name = display_name(image.get_filename()) if image.get_filename() else ""
    data = _one_image(name or "image", _channels_first(np.asanyarray(image.dataobj)), options)
    ndim = min(data.ndim - 1, 3)
    return Volume(as_tensor(data, name), _grid(image, name, data.shape[-ndim:], options), name)


def to_nibabel(volume: Volume) -> Any:
    """Turn a volume into a NIfTI image of nibabel; see :meth:`regkit.Volume.to_nibabel`.

    Raises
    ------
    InputError
        If its world is not RAS+ in mm, µm or m.
    """
    import nibabel

    world = volume.grid.world
    if world != World(world.unit, RAS) or world.unit not in NIFTI_UNITS:
        raise InputError(
            f"{volume.name or 'volume'}: lies in {world}, and NIfTI knows RAS+ in mm, µm or m only"
        )
    data = storable(volume.data).numpy()
    array = data[0] if len(data) == 1 else _channels_last(data)
    large = max(array.shape) > _NIFTI1_LARGEST
    kind: Any = nibabel.Nifti2Image if large else nibabel.Nifti1Image
    affine = lift_affine(volume.grid)
    image = kind(array, affine, dtype=array.dtype)
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    image.header.set_xyzt_units(NIFTI_UNITS[world.unit])
    return image


def _channels_first(data: NDArray[Any]) -> NDArray[Any]:
    """Colours and the fifth axis of NIfTI in front: ``(C, i, j, [k, frames])``."""
    if data.dtype.names:
        return np.stack([data[name] for name in data.dtype.names])
    return np.moveaxis(data, 4, 0) if data.ndim == 5 else data[None]


def _channels_last(data: NDArray[Any]) -> NDArray[Any]:
    """``(C, i, j, [k])`` as NIfTI keeps vectors: ``(i, j, k, 1, C)``."""
    whole = data.reshape(*data.shape, *([1] * (5 - data.ndim)))
    return np.moveaxis(whole, 0, 4)


def _one_image(name: str, data: NDArray[Any], options: ReadOptions) -> NDArray[Any]:
    if data.ndim > 5:
        raise InputError(f"{name}: has shape {data.shape[1:]}; an image has at most five axes")
    if data.ndim == 5:
        data = data[..., check_choice(name, "frame", data.shape[4], options.frame)]
    elif options.frame not in (None, 0):
        raise InputError(f"{name}: has one frame, not frame {options.frame}")
    return data


def _grid(image: Any, name: str, shape: tuple[int, ...], options: ReadOptions) -> Grid:
    """Where the image lies, in RAS+ mm; nibabel has affines in the unit of the header."""
    header = image.header
    found = np.array(np.eye(4) if image.affine is None else image.affine, dtype=np.float64)
    if "sform_code" in header:
        checked = nifti_grid(header, name or "image", shape, options)
        found[:3] *= unit_of(header, name or "image")
        # The header has it in single precision; nibabel may hold it better.
        close = np.allclose(
            lift_affine(checked), found, rtol=1e-5, atol=1e-4 * min(checked.spacing)
        )
        found = found if close or options.geometry is None else lift_affine(checked)
    return Grid(shape, found if len(shape) == 3 else plane(found))
