import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
import torch
from numpy.testing import assert_allclose

from regkit import Grid, InputError, ResourceError, Volume, read
from regkit.geometry.affines import rotation
from regkit.io import save
from regkit.io.formats.nifti.voxels import verify_image, write_image
from regkit.io.voxels import array_of


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_round_trip(head, tmp_path, name):
    found = read(head.save(tmp_path / name))
    assert torch.equal(found.data, head.data)
    assert_allclose(found.grid.affine, head.grid.affine, atol=1e-5)
    assert found.name == name
    assert found.data.is_contiguous()


def test_nibabel_finds_the_same_image(head, tmp_path):
    image = nib.load(head.save(tmp_path / "a.nii.gz"))
    assert np.array_equal(image.get_fdata(dtype=np.float32), head.data[0].numpy())
    assert_allclose(image.header.get_qform(), head.grid.affine, atol=1e-4)
    assert_allclose(image.header.get_sform(), head.grid.affine, atol=1e-5)
    assert (image.header["sform_code"], image.header["qform_code"]) == (1, 1)
    assert image.header.get_xyzt_units()[0] == "mm"


def test_same_bytes_twice(head, tmp_path):
    first = head.save(tmp_path / "a.nii.gz").read_bytes()
    assert head.save(tmp_path / "b.nii.gz").read_bytes() == first


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("version", [1, 2])
def test_byte_orders_and_versions(forge, nifti2, order, version):
    kind = {"kind": nifti2} if version == 2 else {}
    data = np.arange(8 * 9 * 10, dtype=np.float32).reshape(8, 9, 10)
    for name in ("a.nii", "a.nii.gz"):
        path = forge(name, data, order=order, **kind)
        assert np.array_equal(read(path).data[0].numpy(), data)


@pytest.mark.parametrize(
    ("stored", "held"),
    [
        ("uint8", torch.uint8),
        ("int8", torch.int8),
        ("int16", torch.int16),
        ("uint16", torch.int32),
        ("int32", torch.int32),
        ("uint32", torch.int64),
        ("int64", torch.int64),
        ("uint64", torch.int64),
        ("float32", torch.float32),
        ("float64", torch.float64),
    ],
)
def test_stored_types_are_kept(forge, stored, held):
    top = 100 if stored == "int8" else 200
    data = np.arange(720, dtype=np.int64).reshape(8, 9, 10) % top
    found = read(forge("a.nii", data.astype(stored)))
    assert found.data.dtype is held
    assert np.array_equal(found.data[0].numpy(), data)


def test_values_that_no_signed_type_holds(forge):
    data = np.full((8, 8, 8), 2**63, dtype=np.uint64)
    with pytest.raises(InputError, match="above the largest 64-bit integer"):
        read(forge("a.nii", data)).load()


def test_scaling_gives_float32(forge):
    found = read(forge("a.nii", scl_slope=0.5, scl_inter=-1024.0))
    assert found.data.dtype is torch.float32
    assert_allclose(found.data[0].numpy(), np.arange(720).reshape(8, 9, 10) * 0.5 - 1024)


@pytest.mark.parametrize("slope", [0.0, np.nan, 1.0])
def test_no_scaling(forge, slope):
    assert read(forge("a.nii", scl_slope=slope, scl_inter=0.0)).data.dtype is torch.int16


@pytest.mark.parametrize(
    ("given", "held"),
    [
        (torch.bool, torch.uint8),
        (torch.float16, torch.float32),
        (torch.int64, torch.int64),
        (torch.float64, torch.float64),
    ],
)
def test_types_that_files_do_not_know_are_widened(given, held, tmp_path):
    volume = Volume((torch.arange(60).reshape(3, 4, 5) % 2).to(given), Grid((3, 4, 5), np.eye(4)))
    for name in ("a.nii", "a.mha"):
        found = read(save(volume, tmp_path / name))
        assert found.data.dtype is held
        assert torch.equal(found.data, volume.data.to(held))


def test_two_dimensions(tmp_path):
    affine = np.array([[-1.2, 0.3, 7], [0.2, 0.8, -5], [0, 0, 1.0]])
    affine[:2, :2] = rotation([0.3]) @ np.diag([-1.2, 0.8])
    flat = Volume(torch.rand(9, 7), Grid((9, 7), affine))
    found = read(flat.save(tmp_path / "a.nii.gz"))
    assert found.ndim == 2
    assert torch.equal(found.data, flat.data)
    assert_allclose(found.grid.affine, affine, atol=1e-6)
    assert nib.load(tmp_path / "a.nii.gz").header["dim"][0] == 2


def test_a_2d_file_of_simpleitk(tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(np.eye(6, 7)), tmp_path / "a.nii")
    found = read(tmp_path / "a.nii")
    assert found.grid.shape == (7, 6)
    assert_allclose(found.grid.affine, np.diag([-1, -1, 1]))


def test_one_slice_stays_3d(forge):
    assert read(forge("a.nii", np.zeros((8, 9, 1), np.int16))).grid.shape == (8, 9, 1)


def test_an_axis_too_long_for_nifti1(tmp_path):
    long = Volume(
        torch.arange(40000, dtype=torch.int32).reshape(40000, 1, 1), Grid((40000, 1, 1), np.eye(4))
    )
    path = long.save(tmp_path / "a.nii")
    assert isinstance(nib.load(path), nib.Nifti2Image)
    assert torch.equal(read(path).data, long.data)


def test_what_the_disk_lost_is_noticed(head, tmp_path):
    data = array_of(head)
    write_image(data, head.grid, tmp_path / "a.nii")
    changed = bytearray((tmp_path / "a.nii").read_bytes())
    changed[-40000] ^= 1
    (tmp_path / "a.nii").write_bytes(changed)
    with pytest.raises(ResourceError, match="reads back differently"):
        verify_image(data, head.grid, tmp_path / "a.nii")


def test_volumes_that_no_file_holds(tmp_path):
    sheared = np.eye(4)
    sheared[0, 1] = 0.3
    with pytest.raises(InputError, match="sheared"):
        Volume(torch.zeros(4, 4, 4), Grid((4, 4, 4), sheared)).save(tmp_path / "a.nii")
    assert not list(tmp_path.iterdir())


def test_values_that_are_not_finite_may_be_written(tmp_path):
    volume = Volume(torch.full((4, 4, 4), torch.nan), Grid((4, 4, 4), np.eye(4)))
    assert torch.equal(
        read(volume.save(tmp_path / "a.nii"), nan=3).data, torch.full((1, 4, 4, 4), 3.0)
    )


def test_voxels_that_vanish_while_reading(forge, monkeypatch):
    from regkit.io import stored

    def lost(*_args, **_kwargs):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(stored, "array_from_file", lost)
    with pytest.raises(InputError, match=r"a.nii: cannot be read \(\[Errno 5\]"):
        read(forge("a.nii")).load()
