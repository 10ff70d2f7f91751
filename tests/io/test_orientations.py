"""The same scene, stored in eight ways and four kinds of file, is the same scene."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
import torch
from numpy.testing import assert_allclose

from regkit import Volume, read

ORIENTATIONS = ["RAS", "LPS", "LAS", "RPI", "LIA", "PSR", "ASL", "IRP"]


def by_nibabel(volume: Volume, path: Path, form: str) -> Path:
    image = nib.Nifti1Image(volume.data[0].numpy(), volume.grid.affine)
    image.set_sform(volume.grid.affine, code=int(form == "sform"))
    image.set_qform(volume.grid.affine, code=int(form == "qform"))
    image.to_filename(path)
    return path


def by_simpleitk(volume: Volume, path: Path) -> Path:
    """Geometry by hand, so that nothing of regkit's own conversion is in the file."""
    image = sitk.GetImageFromArray(volume.data[0].numpy().transpose(2, 1, 0))
    turned = np.diag([-1.0, -1.0, 1.0]) @ volume.grid.affine[:3]
    spacing = np.linalg.norm(turned[:, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((turned[:, :3] / spacing).ravel().tolist())
    image.SetOrigin(turned[:, 3].tolist())
    sitk.WriteImage(image, path)
    return path


WRITERS = {
    "sform": lambda volume, folder: by_nibabel(volume, folder / "a.nii", "sform"),
    "qform": lambda volume, folder: by_nibabel(volume, folder / "a.nii.gz", "qform"),
    "nrrd": lambda volume, folder: by_simpleitk(volume, folder / "a.nrrd"),
    "mha": lambda volume, folder: by_simpleitk(volume, folder / "a.mha"),
}


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_reading_does_not_depend_on_storage(orientation, kind, head, tmp_path):
    path = WRITERS[kind](head.reoriented(orientation), tmp_path)
    found = read(path).reoriented(head.grid.orientation)
    assert torch.equal(found.data, head.data)
    assert_allclose(found.grid.affine, head.grid.affine, atol=1e-4)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_simpleitk_sees_what_regkit_wrote(orientation, suffix, head, tmp_path):
    stored = head.reoriented(orientation)
    image = sitk.ReadImage(stored.save(tmp_path / f"a{suffix}"))
    index = torch.tensor([3, 7, 11])
    x, y, z = stored.grid.to_world(index.double()).tolist()
    assert_allclose(image.TransformIndexToPhysicalPoint(index.tolist()), [-x, -y, z], atol=1e-3)
    assert image.GetPixel(index.tolist()) == pytest.approx(float(stored.data[0][tuple(index)]))
