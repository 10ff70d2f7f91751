import numpy as np
import pytest
import SimpleITK as sitk
import torch

from regkit import Affine, DisplacementField, Grid, InputError, Labels, Volume, warp
from regkit import resample as resampling
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


def test_integers_are_rounded_where_simpleitk_cuts_them(head, phi):
    """SimpleITK 2.5.7 casts: findings/simpleitk_resample_integers.sh."""
    stored = head.with_data(head.data.round().to(torch.int16))
    exact = warp(stored.with_data(stored.data.float()), phi, onto=head.grid).data[0].numpy()
    ours = warp(stored, phi, onto=head.grid).data[0].numpy()
    theirs = _sitk_warp(stored, phi, head.grid, sitk.sitkLinear, 0)
    inside = exact > 5
    assert abs((ours - exact)[inside].mean()) < 0.05
    assert (theirs - exact)[inside].mean() == pytest.approx(-0.5, abs=0.05)


LARGEST = {kind: torch.iinfo(kind).max for kind in (torch.uint8, torch.int32, torch.int64)}
HALF = Affine(homogeneous(np.eye(3), [1.4, 0.7, 0.9]))


@pytest.mark.parametrize("kind", LARGEST)
@pytest.mark.parametrize("phi", [Affine.identity(), HALF], ids=["identity", "half"])
def test_the_largest_value_of_a_type_keeps_its_sign(head, kind, phi):
    stored = head.with_data(torch.full_like(head.data, LARGEST[kind], dtype=kind))
    out = warp(stored, phi, onto=head.grid).data
    inside = out != 0
    assert inside.double().mean() > 0.8
    assert (out[inside].double() / LARGEST[kind] - 1).abs().max() < 1e-12
    assert resample(stored, head.grid.with_spacing(4)).data.min() > 0


@pytest.mark.parametrize("kind", [torch.int32, torch.int64])
def test_the_smallest_value_of_a_type_keeps_its_sign(head, kind):
    least = torch.iinfo(kind).min
    stored = head.with_data(torch.full_like(head.data, least, dtype=kind))
    out = warp(stored, HALF, onto=head.grid).data
    torch.testing.assert_close(
        out[out != 0].double(), torch.full_like(out[out != 0], least).double(), rtol=1e-14, atol=0
    )
    assert (out == 0).any()


@pytest.mark.parametrize("value", [16777217, 2**32 - 1, 2**53 + 1, 2**63 - 1])
def test_whole_numbers_that_float32_leaves_out_come_back(head, value):
    stored = head.with_data(torch.full_like(head.data, value, dtype=torch.int64))
    assert (warp(stored, Affine.identity(), onto=head.grid).data == value).all()
    shifted = warp(stored, HALF, onto=head.grid).data
    for found in shifted[shifted != 0].unique().tolist():
        assert found == pytest.approx(value, rel=1e-15, abs=0)


@pytest.mark.parametrize("value", [1e9 + 0.25, 1e300, -1e300])
def test_float64_images_keep_their_precision(head, value):
    stored = head.with_data(torch.full_like(head.data, value, dtype=torch.float64))
    for phi in (Affine.identity(), HALF):
        out = warp(stored, phi, onto=head.grid).data
        inside = out != 0
        assert out.dtype is torch.float64
        torch.testing.assert_close(
            out[inside], torch.full_like(out[inside], value), rtol=1e-12, atol=0
        )
    points = head.grid.to_world(torch.tensor([[3.5, 4.5, 5.5]], dtype=torch.float64))
    assert values_at(stored, points).item() == pytest.approx(value, rel=1e-12)
    coarse = resample(stored, head.grid.with_spacing(4)).data
    torch.testing.assert_close(coarse, torch.full_like(coarse, value), rtol=1e-12, atol=0)


def test_float64_images_are_sampled_as_simpleitk_does(head, phi, target):
    exact = head.with_data(head.data.double() + 1e9)
    ours = warp(exact, phi, onto=target).data[0].numpy()
    theirs = _sitk_warp(exact, phi, target, sitk.sitkLinear, 0)
    np.testing.assert_array_equal(ours == 0, theirs == 0)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_float64_goes_through_a_displacement_and_in_planes(head, bend):
    exact = warp(head.with_data(head.data.double() + 1e9), bend, onto=head.grid).data - 1e9
    single = warp(head, bend, onto=head.grid).data
    inside = exact > -1
    torch.testing.assert_close(exact[inside].float(), single[inside], atol=2e-3, rtol=0)
    plane = Volume(torch.tensor([[1e9, 1e9 + 1]], dtype=torch.float64), Grid((1, 2), np.eye(3)))
    shift = Affine(homogeneous(np.eye(2), [0.0, 0.25]))
    assert warp(plane, shift, onto=plane.grid).data[0, 0, 0].item() == 1e9 + 0.25


@pytest.mark.parametrize(
    ("kind", "outside", "allowed"),
    [
        (torch.uint8, -1, "whole numbers from 0 to 255"),
        (torch.uint8, 300, "whole numbers from 0 to 255"),
        (torch.uint8, -1000, "whole numbers from 0 to 255"),
        (torch.int16, 0.5, "whole numbers from -32768 to 32767"),
        (torch.int32, float("nan"), "whole numbers from -2147483648 to"),
        (torch.float32, 1e39, "-3.403e"),
    ],
)
def test_a_value_outside_that_the_type_cannot_hold_is_refused(head, kind, outside, allowed):
    stored = head.with_data(head.data.to(kind))
    calls = [
        lambda v: warp(v, HALF, onto=v.grid, outside=outside),
        lambda v: warp(v, Affine.identity(), onto=v.grid, outside=outside),
        lambda v: resample(v, v.grid.with_spacing(4), outside=outside),
        lambda v: v.window((-1, 0, 0), v.grid.shape, fill=outside),
    ]
    for call in calls:
        with pytest.raises(InputError, match=f"head.nii.gz: .*, the value outside.*{allowed}"):
            call(stored)


def test_labels_refuse_a_value_outside_that_is_no_label(parts):
    points = parts.grid.world_points()
    with pytest.raises(InputError, match="whole numbers from 0 to 255"):
        values_at(parts, points, outside=-1)
    assert warp(parts, HALF, onto=parts.grid, outside=255).data.max() == 255


def test_an_integer_image_may_have_any_value_outside_where_the_result_is_float(head):
    stored = head.with_data(head.data.to(torch.uint8))
    far = torch.tensor([[900.0, 0.0, 0.0]])
    assert values_at(stored, far, outside=-1000.5).item() == -1000.5


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("spacing", [1.0, 0.5, 2.0])
def test_the_far_rim_lies_outside_as_in_simpleitk(axis, spacing):
    shape = [1, 1, 1]
    shape[axis] = 4
    grid = Grid(tuple(shape), np.diag([spacing] * 3 + [1.0]))
    labels = Labels(torch.tensor([1, 2, 3, 4]).reshape(shape), grid)
    shift = Affine(homogeneous(np.eye(3), [spacing / 2 if a == axis else 0 for a in range(3)]))
    half = DisplacementField(
        torch.tensor(shift.matrix[:3, 3].copy()).reshape(3, 1, 1, 1).expand(3, *shape), grid
    )
    theirs = _sitk_warp(labels, shift, grid, sitk.sitkNearestNeighbor, 0).ravel().tolist()
    assert theirs == [2, 3, 4, 0]
    for phi in (shift, half):
        assert warp(labels, phi, onto=grid).data.flatten().tolist() == theirs
    image = Volume(labels.data.float(), grid)
    assert warp(image, shift, onto=grid).data.flatten().tolist() == [1.5, 2.5, 3.5, 0]
    points = shift(grid.world_points())
    assert values_at(labels, points).flatten().tolist() == theirs
    assert grid.contains(points).flatten().tolist() == [True, True, True, False]


def test_the_far_rim_of_a_displacement_moves_nothing():
    grid = Grid((8, 8), np.eye(3))
    field = DisplacementField(torch.full((2, 8, 8), 2.0), grid)
    rim = torch.tensor([[-0.51, 3], [-0.5, 3], [7.49, 3], [7.5, 3], [3, 7.5]])
    assert (field(rim) - rim)[:, 0].round(decimals=4).tolist() == [0, 2, 2, 0, 0]


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


@pytest.mark.parametrize("kind", ["image", "labels", "holed"])
def test_values_are_the_same_where_only_a_part_is_read(head, parts, kind, monkeypatch):
    volume = {"image": head, "labels": parts, "holed": head.with_padding(0)}[kind]
    ends = torch.tensor(volume.shape, dtype=torch.float64)
    draw = torch.Generator().manual_seed(0)
    for corner, size in ((-1.0, 4.0), (9.3, 5.0), (float(ends.max()) - 3, 6.0), (500.0, 1.0)):
        index = corner + size * torch.rand(400, 3, generator=draw, dtype=torch.float64)
        index[:2] = torch.tensor([torch.nan, torch.inf])[:, None]
        points = volume.grid.to_world(index)
        monkeypatch.setattr(resampling, "_PART", 1.0)
        part = values_at(volume, points, outside=7)
        monkeypatch.setattr(resampling, "_PART", 0.0)
        torch.testing.assert_close(part, values_at(volume, points, outside=7), rtol=0, atol=2e-3)
