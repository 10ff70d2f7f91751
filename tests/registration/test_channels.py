"""Pairs of several channels: what none of them tells alone, all of them tell together."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch

import regkit as rk
from regkit import Affine, Grid, InputError, Volume
from regkit.geometry.affines import about, homogeneous, rotation
from regkit.registration.check import check_pair
from regkit.registration.config import make_config
from regkit.registration.outside import straight, warp_into
from regkit.registration.pair import pair_of
from regkit.registration.prepared import PreparedImage
from regkit.resample import resample

DATA = Path(os.environ.get("REGKIT_DATA", Path(__file__).parents[3] / "shared" / "data"))
PLAIN = {
    "multiple": 2, "max_voxels": 10**6, "device": torch.device("cpu"),
}  # fmt: skip


def prepared_pair(fixed, moving, **shares):
    return pair_of(
        PreparedImage(fixed, None, "mr"), PreparedImage(moving, None, "mr"), **PLAIN, **shares
    )


SHIFT = np.array([2.6, -3.4])
GRID = Grid((48, 44), np.array([[0.0, -1.3, 9.0], [1.1, 0.0, -7.0], [0, 0, 1]]))


def _ridges(points, axis):
    """A pattern that varies along one world axis alone."""
    x = points[..., axis]
    return 40 + 30 * torch.sin(0.21 * x) + 15 * torch.sin(0.57 * x + 1) + 10 * torch.cos(0.11 * x)


def _crossed(shift):
    """Two channels on a 2-D grid: one varies along x, the other along y."""
    points = GRID.world_points() - torch.from_numpy(np.asarray(shift, dtype=np.float64))
    return Volume(torch.stack([_ridges(points, 0), _ridges(points, 1)]).float(), GRID)


def _error(result):
    """Mean distance of the result from the shift, in the middle of the image."""
    points = GRID.world_points()[8:-8, 8:-8].reshape(-1, 2)
    truth = points + torch.from_numpy(SHIFT)
    return (result.transform(points) - truth).norm(dim=-1).mean()


def test_together_two_channels_tell_what_neither_tells_alone():
    options = {"transform": "rigid", "init": "header", "similarity": "mse", "seed": 0}
    fixed, moving = _crossed((0, 0)), _crossed(SHIFT)
    assert _error(rk.register(fixed, moving, **options)) < 0.1
    for one, other in zip(fixed.split(), moving.split(), strict=True):
        assert _error(rk.register(one, other, **options)) > 1.0


def test_a_weight_of_0_leaves_a_channel_of_noise_out(head):
    generator = torch.Generator().manual_seed(0)
    shift = Affine(homogeneous(np.eye(3), [3.0, -2.0, 1.0]))
    moving = rk.warp(head, shift.inverse(), onto=head)
    noisy = [
        Volume.stacked([each, each.with_data(torch.rand(each.data.shape, generator=generator))])
        for each in (head, moving)
    ]
    options = {"transform": "rigid", "init": "header", "similarity": "mse"}
    alone = rk.register(head, moving, **options)
    both = rk.register(*noisy, channel_weights=(3, 0), **options)
    assert np.array_equal(both.transform.matrix, alone.transform.matrix)
    assert both.warped.channels == 2
    assert torch.equal(both.warped.data[:1], alone.warped.data)


def test_one_channel_has_the_pair_that_it_had(head):
    plain, given = prepared_pair(head, head), prepared_pair(head, head, shares=(1.0,))
    assert plain.shares == given.shares == (1.0,)
    assert torch.equal(plain.fixed.data, given.fixed.data)
    assert plain.unit == given.unit


def test_bodies_are_found_in_the_mean_of_the_channels(head):
    left, right = head.data.clone(), head.data.clone()
    left[:, 12:] = 0
    right[:, :12] = 0
    halves = Volume(torch.cat([left, right]), head.grid)
    pair = prepared_pair(halves, halves, shares=(0.5, 0.5))
    assert pair.fixed.channels == 2
    assert float(pair.fixed.data.amax((1, 2, 3)).min()) == 1
    whole = prepared_pair(head, head).region.data.bool()
    both = pair.region.data.bool()
    assert float((both == whole).float().mean()) > 0.98


def test_13_bands_of_signal_and_noise(head):
    """What they have in common moves."""
    generator = torch.Generator().manual_seed(1)
    centre = head.grid.centre
    motion = Affine(about(centre, rotation([0.0, 0.0, math.radians(6)])))
    moved = rk.warp(head, motion.inverse(), onto=head)
    gains = torch.linspace(0.5, 2, 13).reshape(-1, 1, 1, 1)
    fixed, moving = (
        each.with_data(gains * each.data + 3 * torch.rand((13, *head.shape), generator=generator))
        for each in (head, moved)
    )
    options = {"transform": "rigid", "init": "header", "similarity": "mse"}
    result = rk.register(fixed, moving, preset="fast", seed=0, **options)
    points = head.grid.to_world(torch.nonzero(head.data[0] > 20).double())
    assert (result.transform(points) - motion(points)).norm(dim=-1).mean() < 0.6
    assert result.warped.channels == 13


def test_the_same_channels_are_one_image(head):
    both = Volume.stacked([head, head.with_data(100 - head.data)])
    assert "one image" in rk.register(both, both).reason


def test_images_of_other_channels_are_refused(head):
    both = Volume.stacked([head, head], "two.nii")
    with pytest.raises(
        InputError,
        match=r"two.nii has 2 channels and head.nii.gz has 1 channel; both must have the same: "
        r"choose them with channel or channels \(--channels\)",
    ):
        rk.register(both, head)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ((1, 2, 3), r"channel_weights 1,2,3 are 3, and the images have 2 channels; give one"),
        ((0, 0), r"channel_weights are all 0; give a channel a weight above 0"),
        ((1, -1), r"channel_weights"),
        ((1, float("nan")), r"channel_weights"),
        ((1, float("inf")), r"channel_weights"),
    ],
)
def test_weights_that_fit_nothing_are_refused(head, weights, message):
    both = Volume.stacked([head, head.with_data(100 - head.data)])
    with pytest.raises(InputError, match=message):
        rk.register(both, both, channel_weights=weights)


def test_a_channel_without_contrast_is_named(head):
    flat = Volume.stacked([head, head.with_data(torch.full_like(head.data, 7))], "flat.nii")
    with pytest.raises(InputError, match=r"flat.nii: channel 1: all voxels are 7; it has no contr"):
        check_pair(flat, flat)
    assert check_pair(flat, flat, (2, 0)) == (1.0, 0.0)


def test_weights_come_from_a_settings_file_as_well():
    assert make_config(file={"channel_weights": [2, 1]}).channel_weights == (2.0, 1.0)


def test_beyond_the_image_every_channel_shows_what_it_would(head):
    """Air around a CT is -1000, around a dose 0."""
    ct = head.with_data(torch.where(head.data > 5, 20 * head.data - 1000, -1000.0))
    both = Volume.stacked([ct, head], "ct and dose")
    far = Affine(homogeneous(np.eye(3), [500.0, 0, 0]))
    moved = warp_into(both, far, head.grid, "auto")
    assert moved.name == "ct and dose"
    assert moved.data[0].unique().tolist() == [-1000.0]
    assert moved.data[1].unique().tolist() == [0.0]
    assert straight(both, "auto") is both


@pytest.mark.skipif(not (DATA / "ms_longitudinal").is_dir(), reason="no ../shared/data")
def test_two_contrasts_at_two_visits():
    """T1 and T2 of one visit, placed on its FLAIR by the transforms of the data, against another's.

    The truth goes through the common space of the data.
    """
    first, second = _visit(1), _visit(2)
    result = rk.register(first, second, preset="fast", transform="rigid", channel_weights=(2, 1))
    assert result.quality.verdict == "pass"
    assert result.config.channel_weights == (2.0, 1.0)
    assert result.reason.startswith("auto: same contrast")
    truth = _of_data(2, "FLAIR_to_common_space") @ _of_data(1, "FLAIR_to_common_space").inverse()
    points = first.grid.to_world(torch.nonzero(first.data[0] > 100)[::97].double())
    assert (result.transform(points) - truth(points)).norm(dim=-1).mean() < 1.0


def _visit(number):
    """T1 and T2 on the grid of FLAIR, in voxels of 3 mm."""
    grid = rk.read(DATA / "ms_longitudinal" / f"study{number}_FLAIR.nii.gz").grid.with_spacing(3.0)
    images = [
        rk.warp(_small(number, name), _of_data(number, f"{name}_intrastudy_to_FLAIR"), onto=grid)
        for name in ("T1W", "T2W")
    ]
    return Volume.stacked(images)


def _small(number, name):
    image = rk.read(DATA / "ms_longitudinal" / f"study{number}_{name}.nii.gz")
    return resample(image, image.grid.with_spacing(3.0))


def _of_data(number, name):
    """World points of what follows ``to`` to those of what comes before, as ITK has them."""
    return rk.read_transform(DATA / "ms_longitudinal" / f"study{number}_{name}.txt")
