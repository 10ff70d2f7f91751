import numpy as np
import pytest
import torch

from regkit import Affine, Grid, InputError, Labels, Volume
from regkit.registration.check import as_mask, check_image, check_initial, check_pair


def _image(shape, name="scan.nii.gz", channels=1):
    generator = torch.Generator().manual_seed(0)
    data = torch.rand(channels, *shape, generator=generator)
    return Volume(data, Grid(shape, np.eye(len(shape) + 1)), name)


def test_good_images_pass(head):
    check_image(head)
    check_image(head.with_data((100 * head.data).to(torch.int16)))
    check_pair(_image((9, 10)), _image((11, 8)))


def test_every_channel_that_counts_is_checked():
    image = _image((9, 9, 9), channels=3)
    check_image(image)
    image.data[1] = 4
    with pytest.raises(InputError, match=r"^scan\.nii\.gz: channel 1: all voxels are 4; it has no"):
        check_image(image)
    check_image(image, (0.5, 0.0, 0.5))


@pytest.mark.parametrize(
    ("shape", "size"), [((9, 7, 7), "9x7x7"), ((30, 1, 1), "30x1x1"), ((2, 40), "2x40")]
)
def test_too_few_voxels_are_refused(shape, size):
    with pytest.raises(InputError, match=f"is {size} voxels; at least 8 along two axes"):
        check_image(_image(shape))


@pytest.mark.parametrize("slices", [1, 2, 5])
def test_few_slices_are_enough(slices):
    check_image(_image((30, 30, slices)))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_voxels_that_are_not_finite_are_refused(value):
    image = _image((9, 9, 9))
    image.data[0, 4, 5, 6] = value
    with pytest.raises(InputError, match="has voxels that are not finite; read it with nan=0"):
        check_image(image)


def test_an_image_without_contrast_is_refused():
    flat = _image((9, 9, 9)).with_data(torch.full((1, 9, 9, 9), 4))
    with pytest.raises(InputError, match="all voxels are 4; it has no contrast to register"):
        check_image(flat)


def test_images_of_different_dimension_are_refused():
    with pytest.raises(
        InputError,
        match=r"^a\.nii is 2-D and b\.nii is 3-D; both must have the same dimension",
    ):
        check_pair(_image((9, 9), "a.nii"), _image((9, 9, 9), "b.nii"))


def test_images_without_a_name_are_called_by_their_part():
    with pytest.raises(InputError, match=r"^fixed is 3-D and moving is 2-D"):
        check_pair(_image((9, 9, 9), ""), _image((9, 9), ""))


def test_the_moving_image_is_checked_too(head):
    with pytest.raises(InputError, match=r"^thin\.nii: is 3x3x9"):
        check_pair(head, _image((3, 3, 9), "thin.nii"))


def test_a_start_of_another_dimension_is_refused():
    with pytest.raises(InputError, match="the initial transform is 2-D and the images 3-D"):
        check_initial(Affine.identity(2), 3)
    check_initial(Affine.identity(2), 2)
    check_initial(None, 3)


def test_a_mask_becomes_zeros_and_ones(head, parts):
    mask = as_mask(parts, head)
    assert isinstance(mask, Labels)
    assert mask.values == (1,)
    assert torch.equal(mask.data > 0, parts.data > 0)
    probability = Volume(head.data / 100, head.grid, "p.nii")
    assert torch.equal(as_mask(probability, head).data > 0, head.data > 0)
    assert as_mask(None, head) is None


def test_a_mask_may_have_the_rounding_of_another_header(head, parts):
    affine = parts.grid.affine.astype(np.float32).astype(np.float64)
    rounded = Labels(parts.data, Grid(parts.grid.shape, affine))
    assert as_mask(rounded, head).grid == head.grid


@pytest.mark.parametrize("start", [(0, 0, 1), (0, 0, 0)])
def test_a_mask_on_another_grid_is_refused(head, parts, start):
    shape = (24, 28, 20) if any(start) else (24, 28, 19)
    other = parts.window(start, shape)
    with pytest.raises(InputError, match=r"^parts\.nii\.gz: lies on .*; resample the mask onto"):
        as_mask(other, head)


def test_a_mask_on_the_same_grid_elsewhere_is_refused_with_the_distance(head, parts):
    affine = parts.grid.affine.copy()
    affine[:3, 3] += [0, 500, 0]
    far = Labels(parts.data, parts.grid.placed(parts.grid.shape, affine), "far.nii")
    with pytest.raises(InputError, match=r"far.nii: lies on .*, up to 500 mm apart; resample"):
        as_mask(far, head)


def test_an_empty_mask_is_refused(head, parts):
    empty = parts.with_data(torch.zeros_like(parts.data))
    with pytest.raises(InputError, match=r"parts\.nii\.gz: has no voxel above 0"):
        as_mask(empty, head)
