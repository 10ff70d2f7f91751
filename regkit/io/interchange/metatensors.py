"""MetaTensors of MONAI: channels first, with an affine."""

from __future__ import annotations

from typing import Any

import numpy as np

from regkit.errors import InputError, require
from regkit.geometry import Grid, World
from regkit.geometry.affines import as_affine
from regkit.io.formats.nifti.geometry import plane
from regkit.io.lps import lps
from regkit.io.names import display_name
from regkit.io.options import ReadOptions
from regkit.volume.volume import Volume


def from_metatensor(image: Any, options: ReadOptions) -> Volume:
    """Turn a MetaTensor ``(C, *spatial)`` or ``(*spatial)`` of MONAI into a volume in RAS+ mm.

    Its affine tells how many of its axes are spatial; one in LPS is turned.

    Raises
    ------
    InputError
        If the affine is unusable, or has another number of axes than the data.
    """
    name = display_name(str(image.meta.get("filename_or_obj", ""))) or ""
    data = image.as_tensor().detach().cpu()
    affine = as_affine(np.asarray(image.affine.cpu(), dtype=np.float64), what=f"{name or 'image'}")
    ndim = len(affine) - 1
    if data.ndim not in (ndim, ndim + 1):
        raise InputError(
            f"{name or 'image'}: has shape {tuple(data.shape)} and a {ndim}-D affine; give "
            f"{ndim} axes, or {ndim + 1} with channels first"
        )
    if str(getattr(image.meta.get("space"), "value", image.meta.get("space"))) == "LPS":
        affine = lps(ndim) @ affine
    data = data if data.ndim > ndim else data[None]
    shape = tuple(data.shape[1:])
    return Volume(data, Grid(shape, affine if len(shape) == ndim else plane(affine)), name)


def to_metatensor(volume: Volume) -> Any:
    """Turn a volume into a MetaTensor of MONAI; see :meth:`regkit.Volume.to_metatensor`.

    Raises
    ------
    InputError
        If its world is not RAS+ mm, or MONAI is not installed.
    """
    if volume.grid.world != World():
        raise InputError(
            f"{volume.name or 'volume'}: lies in {volume.grid.world}, and MONAI takes affines for "
            "RAS+ mm; convert it with in_unit('mm') if it has another unit of length"
        )
    monai = require("monai.data.meta_tensor", extra="monai")
    import torch

    affine = torch.tensor(np.array(volume.grid.affine))
    meta = {"filename_or_obj": volume.name, "space": "RAS", "original_channel_dim": 0}
    return monai.MetaTensor(volume.data, affine=affine, meta=meta)
