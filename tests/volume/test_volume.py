import numpy as np
import pytest
import torch

from regkit import Grid, InputError, Labels, Volume


def test_a_plain_array_gains_its_channel(head):
    assert Volume(head.data[0], head.grid).data.shape == (1, 24, 28, 20)
    assert head.channels == 1
    assert head.ndim == 3


def test_data_must_fit_the_grid(grid):
    with pytest.raises(InputError, match=r"a.nii: data \(3, 4, 5\) does not fit the grid"):
        Volume(torch.zeros(3, 4, 5), grid, "a.nii")


def test_repr_says_what_it_is(head):
    assert repr(head) == "Volume(24x28x20, 1.3x1.1x1.9 mm, LAS, float32, 'head.nii.gz')"
    colours = Volume(torch.zeros(3, 24, 28, 20), head.grid)
    assert "3 channels" in repr(colours)


@pytest.mark.parametrize("codes", ["RAS", "LPI", "SAR", "PSL"])
def test_reorientation_moves_no_voxel_in_the_world(head, codes):
    turned = head.reoriented(codes)
    assert turned.grid.orientation == codes
    index = head.grid.to_index(turned.grid.world_points()).round().long()
    torch.testing.assert_close(turned.data[0], head.data[(0, *index.unbind(-1))])
    torch.testing.assert_close(turned.reoriented("LAS").data, head.data)


def test_window_crops_and_pads(head):
    out = head.window((20, -2, 5), (8, 10, 3), fill=-1)
    torch.testing.assert_close(out.data[0, :4, 2:], head.data[0, 20:, :8, 5:8])
    assert (out.data[0, 4:] == -1).all()
    assert (out.data[0, :, :2] == -1).all()
    assert out.grid == head.grid.window((20, -2, 5), (8, 10, 3))


def test_window_beside_the_image_is_all_padding(head):
    assert (head.window((-9, 40, 0), (4, 4, 4), fill=7).data == 7).all()


def test_with_data_keeps_kind_grid_and_name(parts):
    other = parts.with_data(parts.data + 1)
    assert isinstance(other, Labels)
    assert (other.grid, other.name) == (parts.grid, parts.name)


def test_labels_know_their_values(parts):
    assert parts.values == (1, 2, 5)


def test_masks_become_small_integers(parts):
    assert Labels(parts.data > 0, parts.grid).data.dtype is torch.uint8


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (torch.zeros(2, 2), "a.nii: labels must be whole numbers, not torch.float32"),
        (torch.zeros(2, 2, 2, dtype=torch.int16), "a.nii: labels have one channel"),
    ],
)
def test_labels_refuse_what_is_no_label(data, said):
    with pytest.raises(InputError, match=said):
        Labels(data, Grid((2, 2), np.eye(3)), "a.nii")


def test_images_of_one_grid_become_channels(head):
    affine = head.grid.affine.copy()
    affine[:3] += 1e-6
    grid = Grid(head.shape, affine)
    known = torch.ones(head.shape, dtype=torch.bool)
    known[0] = False
    whole = (10 * head.data).to(torch.int16)
    both = Volume.stacked([head, Volume(whole, grid, "t2.nii", known)])
    assert both.name == "head.nii.gz + t2.nii"
    assert both.data.dtype is torch.float32
    assert torch.equal(both.valid, known)
    assert torch.equal(both.split()[1].data, whole.float())
    assert [each.channels for each in both.split()] == [1, 1]
    assert Volume.stacked([both, head]).channels == 3
    assert head.split() == (head,)


def test_channels_keep_wide_whole_numbers(head):
    large = head.with_data(torch.full(head.data.shape, 2**24 + 1, dtype=torch.int32))
    assert float(Volume.stacked([head, large]).data[1].max()) == 2**24 + 1


def test_images_of_different_grids_do_not_stack(head):
    other = Volume(head.data, head.grid.window((1, 0, 0), head.shape), "t2.nii")
    with pytest.raises(
        InputError, match=r"t2.nii: lies on .* and head.nii.gz on .*; channels share"
    ):
        Volume.stacked([head, other])
    with pytest.raises(InputError, match="there is no image to stack; give at least one"):
        Volume.stacked([])


def test_labels_do_not_stack(parts):
    with pytest.raises(InputError, match="labels have one channel, not many"):
        Labels.stacked([parts, parts])
