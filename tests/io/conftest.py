"""NIfTI files with any header one likes, honest or not."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header

AFFINE = np.diag([-2.0, 1.5, 3.0, 1.0])


def forged(
    path: Path,
    data: np.ndarray | None = None,
    *,
    kind: type = Nifti1Header,
    order: str = "<",
    affine: np.ndarray = AFFINE,
    forms: tuple[str, ...] = ("sform", "qform"),
    dim: dict[int, int] | None = None,
    pixdim: dict[int, float] | None = None,
    **fields: Any,
) -> Path:
    """A NIfTI file with valid contents, then whatever fields are given put in its header."""
    if data is None:
        data = np.arange(8 * 9 * 10, dtype=np.int16).reshape(8, 9, 10)
    header = kind(endianness=order)
    header.set_data_dtype(data.dtype)
    header.set_data_shape(data.shape)
    for form in forms:
        getattr(header, f"set_{form}")(affine, code=1)
    if not forms:
        header["pixdim"][1:4] = np.linalg.norm(affine[:3, :3], axis=0)
    header["vox_offset"] = header.single_vox_offset
    for key, value in fields.items():
        header[key] = value
    for axis, value in {**(dim or {})}.items():
        header["dim"][axis] = value
    for axis, value in {**(pixdim or {})}.items():
        header["pixdim"][axis] = value
    voxels = data.astype(data.dtype.newbyteorder(order)).tobytes("F")
    content = header.binaryblock + bytes(4) + voxels
    path.write_bytes(gzip.compress(content, 1) if path.name.endswith(".gz") else content)
    return path


@pytest.fixture
def forge(tmp_path) -> Callable[..., Path]:
    """``forge("a.nii", data, **header_fields)`` in the folder of the test."""
    return lambda name, *args, **kwargs: forged(tmp_path / name, *args, **kwargs)


@pytest.fixture(scope="session")
def nifti2() -> type:
    return Nifti2Header


@pytest.fixture
def snapshot(tmp_path) -> Callable[[], dict[str, bytes]]:
    """Names and contents of everything in the folder of the test."""

    def take() -> dict[str, bytes]:
        files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
        return {str(path.relative_to(tmp_path)): path.read_bytes() for path in files}

    return take
