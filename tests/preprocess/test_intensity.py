import numpy as np
import pytest
import torch
from torch.testing import assert_close

from regkit import Grid, InputError, Volume
from regkit.preprocess.intensity import CT_WINDOW, is_ct, normalise, window


def _volume(values, name="scan.nii.gz"):
    data = torch.as_tensor(values)
    return Volume(data, Grid(tuple(data.shape), np.eye(data.ndim + 1)), name)


@pytest.fixture
def ct():
    """Air, fat, water, bone and metal, in 16-bit Hounsfield units."""
    values = torch.full((6, 6, 6), -1000, dtype=torch.int16)
    values[2:4] = -100
    values[4] = 0
    values[5] = 700
    values[5, 5, 5] = 3071
    return _volume(values)


def test_ct_is_known_by_its_air(ct, head):
    assert is_ct(ct.data)
    assert not is_ct(head.data)
    assert not is_ct(-head.data)


def test_ct_takes_the_window_of_air_to_bone(ct):
    out = normalise(ct).data[0]
    assert out.dtype is torch.float32
    assert [float(out[i, 0, 0]) for i in (0, 2, 4, 5)] == pytest.approx([0, 0.45, 0.5, 0.85])
    assert float(out[5, 5, 5]) == 1


def test_a_modality_that_is_named_overrules_the_guess(ct, head):
    assert window(head.data, "ct") == CT_WINDOW
    low, high = window(ct.data.float(), "mr")
    assert low == -1000
    assert 700 <= high <= 3071


def test_hot_spots_of_pet_are_kept(head):
    hot = head.data.clone()
    hot[0, 10:12, 10:14, 10:12] = 50 * float(head.data.max())  # less than 0.2 % of the voxels
    assert window(hot, "mr")[1] < window(hot, "pet")[1]


@pytest.mark.parametrize("modality", ["cbct", "optical", "other"])
def test_what_has_no_scale_is_cut_at_both_ends(modality, generator):
    noise = 5 + torch.randn(30, 30, 30, generator=generator)
    noise[0, 0, 0], noise[0, 0, 1] = -1e6, 1e6
    low, high = window(noise, modality)
    assert 1 < low < 2.5
    assert 7.5 < high < 9


def test_mr_reaches_from_its_minimum_to_its_robust_maximum(head):
    bright = head.data.clone() + 5
    bright[0, 12, 14, 10] = 1e5
    low, high = window(bright, "auto")
    assert low == float(bright.min())
    assert high < 1.1 * float(head.data.max() + 5)
    assert normalise(head.with_data(bright)).data.aminmax() == (0, 1)


def test_a_wide_margin_moves_nothing(head):
    wide = head.window((-20, -20, -20), (64, 68, 60))
    inner = wide.data[:, 20:44, 20:48, 20:40]
    assert torch.equal(inner, head.data)
    body = head.data[head.data > 0]
    assert window(wide.data, "mr")[1] == pytest.approx(float(np.quantile(body, 0.995)), rel=1e-3)


def test_signed_images_are_cut_at_both_ends(generator):
    noise = torch.randn(30, 30, 30, generator=generator)
    noise[0, 0, 0], noise[0, 0, 1] = -1e6, 1e6
    low, high = window(noise, "auto")
    assert -4 < low < -2.5
    assert 2.5 < high < 4


def test_two_values_are_contrast_enough():
    two = torch.ones(8, 8)
    two[2:5] = -1
    assert normalise(_volume(two)).data.unique().tolist() == [0, 1]
    assert normalise(_volume(two.int())).data.unique().tolist() == [0, 1]


def test_scale_and_type_of_storage_do_not_matter(head):
    tissue = head.with_data(head.data.clamp(min=1))
    expected = normalise(tissue).data
    assert_close(normalise(head.with_data(250 * tissue.data)).data, expected, atol=1e-4, rtol=0)
    whole = head.with_data((300 * tissue.data).to(torch.int16))
    assert_close(normalise(whole).data, expected, atol=1e-3, rtol=0)


def test_grid_and_name_stay(head):
    out = normalise(head)
    assert out.grid is head.grid
    assert out.name == head.name


@pytest.mark.parametrize("modality", ["auto", "mr", "other"])
def test_an_image_without_contrast_is_refused(modality):
    with pytest.raises(InputError, match=r"^flat\.nii: all voxels are 7; an image with contrast"):
        normalise(_volume(torch.full((4, 5, 6), 7.0), "flat.nii"), modality)


def test_an_image_without_a_name_is_refused_too():
    with pytest.raises(InputError, match=r"^image: all voxels are 0"):
        normalise(_volume(torch.zeros(4, 5), ""))
