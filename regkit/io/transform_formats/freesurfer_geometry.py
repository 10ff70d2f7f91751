"""Where FreeSurfer puts a volume: the blocks of an LTA, and the coordinates of tkregister."""

from __future__ import annotations

import re

import numpy as np

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.geometry.affines import Matrix, homogeneous, spacing_of
from regkit.io.header_checks import check_dims
from regkit.io.transform_format import PlacedImage
from regkit.io.transform_formats.text import parse_numbers, usable_matrix

_AXES = ("xras", "yras", "zras")


def tkregister_to_index(grid: Grid) -> Matrix:
    """Return the matrix ``(4, 4)`` from tkregister's RAS of a volume to its indices.

    Tkregister turns every volume into a coronal one whose middle is the origin, whatever its
    header says.
    """
    dx, dy, dz = grid.spacing
    nx, ny, nz = grid.shape
    forth = np.array(
        [
            [-dx, 0, 0, dx * nx / 2],
            [0, 0, dz, -dz * nz / 2],
            [0, -dy, 0, dy * ny / 2],
            [0, 0, 0, 1.0],
        ]
    )
    out: Matrix = np.linalg.inv(forth)
    return out


def volume_block(image: PlacedImage) -> str:
    """Describe an image as an LTA does, without the line that says whose it is."""
    grid = image.grid
    directions = grid.affine[:3, :3] / spacing_of(grid.affine)
    middle = grid.affine @ [*(n / 2 for n in grid.shape), 1.0]
    rows = [
        "valid = 1  # volume info valid",
        f"filename = {image.name}",
        "volume = " + " ".join(map(str, grid.shape)),
        "voxelsize = " + _digits(grid.spacing),
        *(f"{axis}   = {_digits(directions[:, n])}" for n, axis in enumerate(_AXES)),
        "cras   = " + _digits(middle[:3]),
    ]
    return "\n".join(rows) + "\n"


def parse_volume_block(text: str, name: str, whose: str) -> Grid:
    """Return the grid that a block of an LTA describes.

    Parameters
    ----------
    text
        The block.
    name, whose
        The file, and ``src`` or ``dst``, for messages.

    Raises
    ------
    InputError
        If it is not valid, or a line is missing or damaged.
    """
    lines = dict(re.findall(r"^\s*(\w+)\s*=\s*([^\n#]*)", text, flags=re.MULTILINE))
    what = f"its {whose} volume info"
    if lines.get("valid", "").strip() != "1":
        raise InputError(f"{name}: {what} is missing or not valid; write the LTA with its volumes")
    shape = parse_numbers(lines.get("volume", ""), 3, name, f"{what} (volume)")
    sizes = parse_numbers(lines.get("voxelsize", ""), 3, name, f"{what} (voxelsize)")
    axes = [parse_numbers(lines.get(each, ""), 3, name, f"{what} ({each})") for each in _AXES]
    middle = parse_numbers(lines.get("cras", ""), 3, name, f"{what} (cras)")
    if not np.array_equal(shape, shape.round()) or not np.abs(shape).max() < 1 << 31:
        raise InputError(f"{name}: {what} has {shape.tolist()} voxels; they are whole numbers")
    dims = tuple(int(n) for n in shape)
    check_dims(name, dims)
    linear = np.stack(axes, axis=1) * sizes
    return Grid(dims, usable_matrix(homogeneous(linear, middle - linear @ (shape / 2)), name, what))


def _digits(values: object) -> str:
    return " ".join(f"{value:.15e}" for value in np.asarray(values, dtype=np.float64))
