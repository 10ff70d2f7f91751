import numpy as np
import pytest
import SimpleITK as sitk
import torch

from regkit import Affine, DisplacementField, Grid, InputError, Labels, Volume, warp
from regkit.geometry.affines import about, homogeneous, rotation
from regkit.resample import resample, values_at

LPS = np.diag([-1.0, -1.0, 1.0])


@pytest.fixture(scope="module")
def phi(grid):
    return Affine(
        homogeneous(np.eye(3), [4, -3, 2]) @ about(grid.centre, rotation([0.2, 0.1, 0.3]))
    )


@pytest.fixture(scope="module")
def target():
    """An oblique grid of another spacing that reaches beyond the head."""
    linear = rotation([-0.3, 0.2, 0.1]) @ np.diag([1.7, 1.7, -1.4])
    return Grid((25, 26, 27), homogeneous(linear, [-24.0, -30.0, 30.0]))


@pytest.mark.parametrize("outside", [0.0, -1000.0])
def test_images_are_sampled_as_simpleitk_does(head, phi, target, outside):
    ours = warp(head, phi, onto=target, outside=outside).data[0].numpy()
    theirs = _sitk_warp(head, phi, target, sitk.sitkLinear, outside)
    assert (ours == outside).any()
    assert (ours != outside).any()
    np.testing.assert_array_equal(ours == outside, theirs == outside)
    np.testing.assert_allclose(ours, theirs, atol=2e-3)


def test_labels_are_sampled_as_simpleitk_does(parts, phi, target):
    ours = warp(parts, phi, onto=target)
    theirs = _sitk_warp(parts, phi, target, sitk.sitkNearestNeighbor, 0)
    assert isinstance(ours, Labels)
    assert ours.data.dtype is torch.uint8
    assert set(ours.values) <= set(parts.values)
    np.testing.assert_array_equal(ours.data[0].numpy(), theirs)


def test_a_displacement_is_applied_as_simpleitk_does(head, bend):
    ours = warp(head, bend, onto=head.grid).data[0].numpy()
    vectors = np.ascontiguousarray(np.moveaxis(bend.u.double().numpy(), 0, -1) @ LPS)
    field = sitk.GetImageFromArray(vectors.transpose(2, 1, 0, 3), isVector=True)
    _set_grid(field, bend.grid)
    transform = sitk.DisplacementFieldTransform(sitk.Cast(field, sitk.sitkVectorFloat64))
    theirs = _sitk_resample(head, transform, head.grid, sitk.sitkLinear, 0)
    np.testing.assert_allclose(ours, theirs, atol=5e-3)


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "LIA", "PSR"])
def test_warp_does_not_depend_on_storage_order(orientation, head, bend):
    stored = head.reoriented(orientation)
    ours, same = warp(stored, bend, onto=head.grid), warp(head, bend, onto=head.grid)
    torch.testing.assert_close(ours.data, same.data, atol=1e-4, rtol=0)


def test_a_warp_and_its_inverse_leave_the_image(head, phi):
    there = warp(head, phi, onto=head.grid)
    back = warp(there, phi.inverse(), onto=head.grid)
    inside = head.data > 20
    assert (back.data - head.data)[inside].abs().mean() < 3


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.float64])
def test_the_type_of_the_image_is_kept_and_integers_are_rounded(head, phi, dtype):
    stored = head.with_data(head.data.round().to(dtype))
    out = warp(stored, phi, onto=head.grid)
    exact = warp(stored.with_data(stored.data.float()), phi, onto=head.grid)
    assert out.data.dtype is dtype
    limit = 1e-3 if dtype.is_floating_point else 0.501
    assert (out.data - exact.data).abs().max() < limit


def test_values_beyond_the_type_are_clamped(head):
    stored = head.with_data(head.data.to(torch.uint8))
    far = Affine(homogeneous(np.eye(3), [900, 0, 0]))
    assert (warp(stored, far, onto=head.grid, outside=-1000).data == 0).all()


def test_channels_are_warped_alike(head, bend):
    both = Volume(torch.cat([head.data, 2 * head.data]), head.grid)
    out = warp(both, bend, onto=head.grid).data
    torch.testing.assert_close(out[1], 2 * out[0])


def test_values_at_voxel_centres_are_the_voxels(head, parts):
    points = head.grid.world_points()
    torch.testing.assert_close(values_at(head, points), head.data, atol=1e-3, rtol=0)
    assert torch.equal(values_at(parts, points), parts.data)


def test_coarse_grids_see_smoothed_images(head):
    noise = head.with_data(torch.randn(head.data.shape, generator=torch.Generator().manual_seed(0)))
    coarse = resample(noise, head.grid.with_spacing(4.0))
    sampled = warp(noise, Affine.identity(), onto=coarse.grid)
    assert coarse.data.std() < 0.6 * sampled.data.std()


def test_smoothing_keeps_a_flat_image_flat_and_the_mean(head):
    coarse = head.grid.with_spacing(4.0)
    flat = resample(head.with_data(torch.full_like(head.data, 7.0)), coarse)
    torch.testing.assert_close(flat.data, torch.full_like(flat.data, 7.0))
    mean = resample(head, coarse).data.mean()
    assert mean == pytest.approx(float(head.data.mean()), rel=0.03)


def test_resampling_on_the_own_grid_changes_nothing(head):
    torch.testing.assert_close(resample(head, head.grid).data, head.data, atol=1e-3, rtol=0)


def test_labels_stay_labels_on_coarse_grids(parts):
    assert set(resample(parts, parts.grid.with_spacing(4.0)).values) <= set(parts.values)


def test_dimensions_must_agree(head):
    plane = Grid((4, 4), np.eye(3))
    with pytest.raises(InputError, match=r"head.nii.gz has 3 axes, the transform 3, .* grid 2"):
        warp(head, Affine.identity(3), onto=plane)


def test_planes_are_warped_too():
    plane = Grid((8, 9), [[0.0, -2.0, 5.0], [1.5, 0.0, 1.0], [0.0, 0.0, 1.0]])
    image = Volume(torch.arange(72.0).reshape(8, 9), plane)
    shift = DisplacementField(torch.tensor([-2.0, 1.5])[:, None, None].expand(2, 8, 9), plane)
    out = warp(image, shift, onto=plane)
    torch.testing.assert_close(out.data[0, :-1, :-1], image.data[0, 1:, 1:])


def _sitk_warp(volume, phi, target, interpolator, outside):
    linear, offset = phi.matrix[:3, :3], phi.matrix[:3, 3]
    transform = sitk.AffineTransform(3)
    transform.SetMatrix((LPS @ linear @ LPS).ravel().tolist())
    transform.SetTranslation((LPS @ offset).tolist())
    return _sitk_resample(volume, transform, target, interpolator, outside)


def _sitk_resample(volume, transform, target, interpolator, outside):
    image = sitk.GetImageFromArray(volume.data[0].numpy().transpose(2, 1, 0))
    _set_grid(image, volume.grid)
    frame = sitk.Image([int(n) for n in target.shape], sitk.sitkUInt8)
    _set_grid(frame, target)
    out = sitk.Resample(image, frame, transform, interpolator, outside, image.GetPixelID())
    return sitk.GetArrayFromImage(out).transpose(2, 1, 0)


def _set_grid(image, grid):
    linear = LPS @ grid.affine[:3, :3] / np.array(grid.spacing)
    image.SetSpacing(grid.spacing)
    image.SetDirection(linear.ravel().tolist())
    image.SetOrigin((LPS @ grid.affine[:3, 3]).tolist())
