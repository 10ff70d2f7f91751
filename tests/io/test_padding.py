"""Voxels without data: by --nan and --padding, of files and of what other libraries hold."""

import json

import nibabel as nib
import numpy as np
import pytest
import torch

import regkit as rk
from regkit import Volume
from regkit.cli import main
from regkit.io import ReadOptions, open_image


@pytest.fixture
def scan(head):
    """A CT with -3024 in its first rows."""
    data = head.data.to(torch.int16)
    data[:, :3] = -3024
    return head.with_data(data)


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd", "a.mha", "a.mgz"])
def test_padding_of_a_file_is_no_data(scan, name, tmp_path):
    path = scan.save(tmp_path / name)
    assert rk.read(path).valid is None
    found = rk.read(path, padding=-3024)
    assert torch.equal(found.valid, scan.data[0] != -3024)
    assert torch.equal(found.data, scan.data)
    window = tuple(slice(2, 5) for _ in range(3))
    part = open_image(path, ReadOptions(padding=-3024), window=window)
    assert torch.equal(part.valid, found.valid[2:5, 2:5, 2:5])


def test_padding_is_compared_after_the_scale_of_the_file(head, tmp_path):
    image = nib.Nifti1Image(np.array([[[0, 1], [2, 3]]], np.int16), np.eye(4))
    image.header.set_slope_inter(1, -1024)
    nib.save(image, tmp_path / "a.nii")
    assert rk.read(tmp_path / "a.nii", padding=-1024).valid.sum() == 3


@pytest.mark.parametrize("name", ["a.nii.gz", "a.mha"])
def test_nan_that_may_be_read_is_no_data(head, name, tmp_path):
    data = head.data.clone()
    data[0, 2, 3, 4] = torch.nan
    path = head.with_data(data).save(tmp_path / name)
    found = rk.read(path, nan=7)
    assert found.data[0, 2, 3, 4] == 7
    assert (~found.valid).nonzero().tolist() == [[2, 3, 4]]


def test_labels_keep_where_they_have_data(parts, tmp_path):
    floats = parts.data.double()
    floats[0, 1, 2, 3] = torch.nan
    path = Volume(floats, parts.grid).save(tmp_path / "a.nii.gz")
    assert (~rk.read_labels(path, nan=0).valid).nonzero().tolist() == [[1, 2, 3]]
    for source in (parts, parts.to_nibabel(), parts.to_sitk(), parts.to_numpy().astype(float)):
        affine = parts.affine if isinstance(source, np.ndarray) else None
        if source is not parts:
            found = rk.read_labels(source, affine=affine, padding=5)
            assert torch.equal(found.valid, parts.data[0] != 5)
    whole = rk.read_labels(parts.save(tmp_path / "b.nii.gz"), padding=5)
    assert torch.equal(whole.valid, parts.data[0] != 5)


def test_images_of_other_libraries_have_padding_too(scan):
    for source in (scan.to_nibabel(), scan.to_sitk()):
        assert torch.equal(rk.read(source, padding=-3024).valid, scan.data[0] != -3024)
    found = rk.read(scan.to_numpy(), affine=scan.affine, padding=-3024)
    assert torch.equal(found.valid, scan.data[0] != -3024)


def test_arrays_are_refused_with_nan_unless_it_is_replaced():
    array = np.array([[1.0, np.nan]])
    with pytest.raises(rk.InputError, match="1 of 2 voxels are NaN"):
        rk.read(array, affine=np.eye(3))
    assert rk.read(array, affine=np.eye(3), nan=3).data.tolist() == [[[1, 3]]]


def test_info_leaves_out_the_padding(scan, tmp_path, capsys):
    path = scan.save(tmp_path / "a.nii.gz")
    assert main(["info", str(path), "--json", "--padding", "-3024"]) == 0
    assert json.loads(capsys.readouterr().out)["lowest"] > -3024


def test_apply_mixes_no_padding_in(scan, head, tmp_path):
    path = scan.save(tmp_path / "a.nii.gz")
    rk.write_transform(rk.Affine(np.diag([1.01, 1.0, 1.0, 1.0])), tmp_path / "phi.tfm")
    words = ["apply", path, tmp_path / "phi.tfm", "--onto", path, "-o", tmp_path / "b.nii.gz"]
    assert main([*map(str, words), "--padding", "-3024", "--outside", "-3024"]) == 0
    values = rk.read(tmp_path / "b.nii.gz").data
    assert ((values == -3024) | (values >= head.data.to(torch.int16).min() - 1)).all()
