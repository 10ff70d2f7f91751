"""What suppressors leave: the reference's measures, and levels that leave a given share."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage import data
from skimage.transform import resize

from probes.images.bands import Bands
from probes.images.batch import Batch
from probes.reliance.matching import match_level
from probes.reliance.retention import retention
from probes.reliance.suppressor import SUPPRESSORS, suppressor_called
from regkit import InputError


@pytest.fixture(scope="module")
def batch() -> Batch:
    """Six smooth pictures with noise, of three bands that have much in common."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randn(6, 1, 6, 6, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (48, 48), mode="bicubic")
    own = torch.randn(6, 3, 48, 48, generator=generator)
    images = 100 + 30 * smooth + 6 * own
    return Batch(images, Bands.of(images))


def test_nothing_is_lost_where_nothing_is_done(batch):
    left = retention(SUPPRESSORS["grayscale"], batch, 0)
    assert (left.texture, left.arrangement, left.chroma, left.value_agreement) == pytest.approx(
        (1, 1, 1, 1), abs=1e-4
    )
    assert left.spectral_angle == pytest.approx(0, abs=2e-3)


@pytest.mark.parametrize("name", ["patch-shuffle", "patch-rotation"])
def test_colour_goes_with_the_patches(batch, name):
    left = retention(SUPPRESSORS[name], batch, 4.0)
    assert (left.chroma, left.value_agreement) == pytest.approx((1, 1), abs=1e-4)
    assert left.arrangement < 0.5


def test_bands_correlate_as_numpy_says_and_wholly_in_gray(batch):
    """The mean over images and pixels together; one component leaves nothing of their own."""
    left = retention(SUPPRESSORS["gaussian"], batch, 0)
    table = np.corrcoef(batch.images.movedim(1, 0).flatten(1).numpy())
    assert left.band_correlation == pytest.approx(np.abs(table[np.triu_indices(3, 1)]).mean())
    gray = retention(SUPPRESSORS["grayscale"], batch, 1)
    assert gray.band_correlation == pytest.approx(1, abs=1e-6)


def test_a_share_of_colour_is_left_by_a_share_of_gray(batch):
    left = retention(SUPPRESSORS["grayscale"], batch, 0.7)
    assert left.chroma == pytest.approx(0.3, abs=0.02)
    assert left.arrangement > 0.95


def test_patches_keep_the_neighbours_that_they_hold(batch):
    """Of the 36 pairs of a line that are 12 voxels apart, those within patches of 16 and of 24."""
    for count, kept in ((3, 12 / 36), (2, 24 / 36)):
        left = retention(SUPPRESSORS["patch-shuffle"], batch, count)
        assert left.arrangement == pytest.approx(kept, abs=0.15)  # some stay neighbours
        assert left.value_agreement == pytest.approx(1, abs=1e-4)
        assert left.gradient_correlation < 0.2


def test_gradient_correlation_is_that_of_numpy(batch):
    left = retention(SUPPRESSORS["gaussian"], batch, 0.03)
    after = SUPPRESSORS["gaussian"](batch, 0.03, torch.Generator())
    gray = [batch.bands.standardised(each.images).mean(1).numpy() for each in (batch, after)]
    found = []
    for old, new in zip(*gray, strict=True):
        first, second = (np.stack(np.gradient(each)).ravel() for each in (old, new))
        found.append(np.corrcoef(first, second)[0, 1])
    assert left.gradient_correlation == pytest.approx(np.mean(found), abs=1e-4)


def test_an_edge_preserving_filter_keeps_more_shape_at_equal_texture():
    """The reference's reason for the bilateral filter, on photographs of 224 pixels."""
    pictures = [
        resize(picture(), (224, 224), anti_aliasing=True)
        for picture in (data.astronaut, data.chelsea, data.coffee)
    ]
    images = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float()
    batch = Batch(images, Bands.of(images))
    shape = {}
    for name in ("bilateral", "gaussian"):
        found = match_level(suppressor_called(name), batch, 0.45)
        assert found.retained == pytest.approx(0.45, abs=0.02)
        shape[name] = retention(suppressor_called(name), batch, found.strength).arrangement
    assert shape["bilateral"] > shape["gaussian"] + 0.1


@pytest.mark.parametrize("name", ["bilateral", "gaussian", "guided", "grayscale", "median"])
@pytest.mark.parametrize("target", [0.7, 0.5])
@pytest.mark.parametrize("side", [48, 12])
def test_a_matched_level_leaves_what_was_asked_for(batch, name, target, side):
    """Small images too, in which a length is soon less than a voxel."""
    some = Batch(batch.images[..., :side, :side], batch.bands)
    found = match_level(suppressor_called(name), some, target)
    assert found.retained == pytest.approx(target, abs=0.03)
    left = retention(suppressor_called(name), some, found.strength).of(SUPPRESSORS[name].cue)
    assert left == found.retained


@pytest.mark.parametrize("target", [0.7, 0.5, 0.2])
def test_patches_are_whole_and_the_nearest_number_is_taken(batch, target):
    found = match_level(suppressor_called("patch-shuffle"), batch, target)
    others = [
        retention(suppressor_called("patch-shuffle"), batch, float(number)).arrangement
        for number in (2, 3, 4, 6)
    ]
    assert abs(found.retained - target) <= min(abs(other - target) for other in others)


def test_what_no_strength_takes_is_left_and_said(batch):
    found = match_level(suppressor_called("flat-histogram"), batch, 0.001)
    assert found.retained > 0.1
    assert found.target == 0.001


@pytest.mark.parametrize(
    ("name", "target", "message"),
    [("seams", 0.5, "seams removes no cue"), ("bilateral", 1.5, "target 1.5 is not allowed")],
)
def test_what_cannot_be_matched_is_named(batch, name, target, message):
    with pytest.raises(InputError, match=message):
        match_level(suppressor_called(name), batch, target)


def test_missing_pixels_count_for_nothing(batch):
    valid = torch.ones(6, 1, 48, 48, dtype=torch.bool)
    valid[..., 30:] = False
    some = Batch(batch.images, batch.bands, valid)
    dirty = Batch(batch.images.where(valid, torch.tensor(9e5)), batch.bands, valid)
    for name in ("bilateral", "grayscale", "patch-shuffle"):
        strength = 3.0 if name == "patch-shuffle" else 0.2
        first, second = (retention(SUPPRESSORS[name], each, strength) for each in (some, dirty))
        assert first.chroma == pytest.approx(second.chroma, abs=1e-3)
        assert first.local_variance == pytest.approx(second.local_variance, rel=1e-3)
        assert first.value_agreement == pytest.approx(second.value_agreement, abs=1e-3)
