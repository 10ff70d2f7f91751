"""Warps of FreeSurfer in MGH files, as mri_warp_convert and mri_synthmorph write them.

For each voxel of fixed (the target) a place in moving (the source), in one of four ways.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.geometry.affines import Matrix, homogeneous
from regkit.io.formats.mgh import mgh_header, read_mgh_series
from regkit.io.header import Header
from regkit.io.header_checks import check_affine
from regkit.io.names import display_name
from regkit.io.nifti_vectors import check_vectors
from regkit.io.options import AS_STORED
from regkit.io.sizes import product
from regkit.io.streams import inside_gzip, open_stream
from regkit.io.transform_format import ImagePair, TransformFormat
from regkit.transforms import DisplacementField

_HEADER = 284
_SCAN = 20  # five numbers of the scanner behind the voxels
_MOST_TAGS = 1 << 20
_WARP = 3
_INDICES, _INDEX_STEPS, _POSITIONS, _DISPLACEMENTS = range(4)
# Numbers of tags; two volumes are of a fixed size, and one tag has a length of 32 bits.
_VOLUMES, _MEANING, _OLD_XFORM = 10, 13, 30
_VOLUME = struct.Struct(">4i15f512s")


def read_mgh_warp(path: Path, pair: ImagePair) -> DisplacementField:
    """Read a warp, fixed (the target) to moving (the source).

    Parameters
    ----------
    path
        The file.
    pair
        Not needed: the file repeats where both images lie.

    Raises
    ------
    InputError
        If it is no warp, leads the other way, or is damaged.
    """
    name = display_name(path)
    if (intent := _intent(path)) != _WARP:
        raise InputError(
            f"{name}: is no warp of FreeSurfer: its intent is {intent}; needed: {_WARP}, as "
            "mri_warp_convert --outmgzwarp writes it"
        )
    header = mgh_header(path, AS_STORED)
    if header.frames != 3 or header.value_type != "float32":
        raise InputError(
            f"{name}: has {header.frames} frames of {header.value_type}; a warp has 3 of float32"
        )
    values = torch.from_numpy(np.stack([*read_mgh_series(header)]))
    kind, moving = _meaning(header)
    u = _displacements(check_vectors(name, values).double(), kind, header.grid, moving)
    return DisplacementField(u.float(), header.grid)


def _displacements(
    values: torch.Tensor, kind: int, fixed: Grid, moving: Matrix | None
) -> torch.Tensor:
    """``u (3, i, j, k)`` in RAS+ mm; ``moving`` takes indices of moving there."""
    here = fixed.world_points().movedim(-1, 0)
    if kind == _DISPLACEMENTS:
        return values
    if kind == _POSITIONS or moving is None:
        return values - here
    if kind == _INDEX_STEPS:
        values = values + torch.from_numpy(np.indices(fixed.shape)).double()
    linear = torch.from_numpy(moving[:3].copy())
    there = torch.einsum("ab,b...->a...", linear[:, :3], values) + linear[:, 3].reshape(3, 1, 1, 1)
    return there - here


def _meaning(header: Header) -> tuple[int, Matrix | None]:
    """Which of the four ways the file has, and where voxels of moving lie if that matters."""
    tags = dict(_tags(header))
    if len(tags.get(_MEANING, b"")) != 12:
        raise InputError(f"{header.name}: does not say what its vectors are; the file is cut")
    kind, spacing, _ = struct.unpack(">2if", tags[_MEANING])
    if kind not in (_INDICES, _INDEX_STEPS, _POSITIONS, _DISPLACEMENTS) or spacing != 1:
        raise InputError(
            f"{header.name}: holds a warp of kind {kind} with nodes every {spacing} voxels; "
            "allowed: kinds 0 to 3, every voxel"
        )
    if kind in (_POSITIONS, _DISPLACEMENTS):
        return kind, None
    if len(tags.get(_VOLUMES, b"")) != 2 * _VOLUME.size:
        raise InputError(f"{header.name}: does not say where moving lies; the file is cut")
    return kind, _affine(tags[_VOLUMES], header.name)


def _affine(volumes: bytes, name: str) -> Matrix:
    """Index to RAS+ mm of the source, the first of two volumes."""
    valid, *numbers = _VOLUME.unpack_from(volumes)
    dims, rest = np.array(numbers[:3]), np.array(numbers[3:18])
    linear = rest[3:12].reshape(3, 3).T * rest[:3]
    affine = homogeneous(linear, rest[12:] - linear @ (dims / 2))
    if not valid:
        raise InputError(f"{name}: does not say where moving lies; write it in RAS")
    check_affine(name, affine)
    return affine


def _tags(header: Header) -> Iterator[tuple[int, bytes]]:
    """What stands behind the voxels: number and content."""
    rest = _behind_voxels(header)
    at = 0
    while at + 4 <= len(rest) and (tag := int.from_bytes(rest[at : at + 4], "big")):
        at += 4
        wide = 0 if tag == _VOLUMES else 4 if tag == _OLD_XFORM else 8
        size = int.from_bytes(rest[at : at + wide], "big") if wide else 2 * _VOLUME.size
        yield tag, rest[at + wide : at + wide + size]
        at += wide + size


def _behind_voxels(header: Header) -> bytes:
    left = _HEADER + 4 * product((*header.grid.shape, 3)) + _SCAN
    with open_stream(header.path, header.name, compressed=inside_gzip(header.path)) as file:
        while left:
            left -= len(file.read(min(left, 1 << 20)) or b" " * left)
        return file.read(_MOST_TAGS)


def _intent(path: Path) -> int:
    """What the version number says the values are, besides its last byte."""
    with open_stream(path, display_name(path), compressed=inside_gzip(path)) as file:
        return int.from_bytes(file.read(4)[1:3], "big")


FREESURFER_WARP = TransformFormat("freesurfer", "FreeSurfer warp", (".mgz", ".mgh"), read_mgh_warp)
