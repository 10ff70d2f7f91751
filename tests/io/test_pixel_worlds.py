"""Images that count in pixels mean the same to ITK, and are not mixed with millimetres."""

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from PIL import Image

import regkit as rk
from regkit import Affine, DisplacementField, InputError, Volume, World
from regkit.geometry.affines import about, homogeneous, rotation


def _blobs(shape):
    i, j = np.indices(shape)
    waves = 120 + 50 * np.sin(i / 4.1) * np.cos(j / 5.3) + 40 * np.sin((i + 2 * j) / 7.7)
    return waves.astype(np.uint8)


@pytest.fixture(params=["png", "npy"])
def pair(request, tmp_path):
    """Two files, and the same images as SimpleITK has them: columns and rows, from 0."""
    paths, images = [], []
    for name, shape in (("fixed", (40, 34)), ("moving", (44, 38))):
        data = _blobs(shape)
        path = tmp_path / f"{name}.{request.param}"
        if request.param == "png":
            Image.fromarray(data.T).save(path)
        else:
            np.save(path, data)
        paths.append(path)
        images.append(sitk.GetImageFromArray(data.T))
        if request.param == "png":
            assert np.array_equal(
                sitk.GetArrayViewFromImage(sitk.ReadImage(path)),
                sitk.GetArrayViewFromImage(images[-1]),
            )
    return paths, images


@pytest.fixture
def turn():
    return Affine(homogeneous(np.eye(2), [1.7, -2.4]) @ about([-20.0, -17.0], rotation([0.21])))


@pytest.mark.parametrize("suffix", [".tfm", ".h5"])
def test_a_transform_of_pixels_means_the_same_to_itk(pair, turn, suffix, tmp_path):
    (fixed, moving), images = pair
    here, there = rk.read(fixed), rk.read(moving)
    phi = turn
    if suffix == ".h5":
        u = torch.stack([torch.sin(here.grid.world_points()[..., k] / 9) for k in (0, 1)])
        phi = turn @ DisplacementField(u, here.grid)
    path = rk.write_transform(phi, tmp_path / f"phi{suffix}")
    expected = sitk.Resample(
        images[1], images[0], sitk.ReadTransform(str(path)), sitk.sitkLinear, 0, sitk.sitkFloat32
    )
    for each in (phi, rk.read_transform(path)):
        found = rk.warp(there.with_data(there.data.float()), each, onto=here)
        assert found.grid.world == World.pixels()
        np.testing.assert_allclose(
            found.to_numpy().T, sitk.GetArrayViewFromImage(expected), atol=0.05
        )


def test_pixels_are_not_registered_with_millimetres(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(_blobs((40, 34))).save(path)
    with pytest.raises(InputError, match=r"a.png lies in pixel and a.png in RAS\+ mm"):
        rk.register(rk.read(path), rk.read(path, spacing=(1, 1)))
    with pytest.raises(InputError, match=r"a.png lies in RAS\+ mm and .* in pixel"):
        rk.warp(rk.read(path, spacing=(1, 1)), Affine.identity(2), onto=rk.read(path))


def test_an_image_of_pixels_goes_to_simpleitk_and_lies_where_its_file_does(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(_blobs((40, 34))).save(path)
    ours, theirs = rk.read(path).to_sitk(), sitk.ReadImage(path)
    for get in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
        assert getattr(ours, get)() == pytest.approx(getattr(theirs, get)())


@pytest.mark.parametrize("suffix", [".h5", ".tfm"])
def test_transforms_of_other_lengths_are_refused(suffix, tmp_path):
    phi = Affine.identity().between(World("um"), World("um"))
    with pytest.raises(InputError, match=rf"phi{suffix}: transform files hold .* in RAS\+ µm"):
        rk.write_transform(phi, tmp_path / f"phi{suffix}")
    assert not list(tmp_path.iterdir())


def test_fields_of_other_lengths_are_refused(head, tmp_path):
    small = head.grid.in_unit("um")
    field = DisplacementField(torch.zeros(3, *small.shape), small)
    for name, phi in (("a.nii.gz", field), ("a.h5", Affine.identity() @ field)):
        with pytest.raises(InputError, match=rf"{name}: transform files hold .* in_unit\('mm'\)"):
            rk.write_transform(phi, tmp_path / name)


def test_a_place_on_the_earth_is_not_lost_in_silence(head, tmp_path):
    world = World.projected("EPSG:32632")
    there = Volume(head.data, rk.Grid(head.shape, head.affine, world))
    with pytest.raises(InputError, match=r"a.nii.gz: .* lies in EPSG:32632, EN\+ m; write \.tif"):
        there.save(tmp_path / "a.nii.gz")
