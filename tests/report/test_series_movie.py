"""The movie of a motion correction: its frames are those of the series, in their places."""

import gzip

import nibabel as nib
import numpy as np
import pytest
import torch

import regkit as rk
from regkit import Affine, Volume
from regkit.report.series.movie import movie_layers, series_viewer
from regkit.report.slices import planes
from regkit.report.small_copies import small_grid
from regkit.report.volumes import shown_frames
from regkit.resample import warp


@pytest.fixture(scope="module")
def motion(moved_heads):
    return rk.correct_motion(moved_heads, reference=0)


def values(layer):
    return nib.Nifti1Image.from_bytes(gzip.decompress(layer.nifti)).get_fdata()


def test_frames_lie_where_the_series_and_its_correction_have_them(motion, moved_heads):
    numbers, grid = [0, 2, 5], small_grid(motion.grid, 6)
    before, after = movie_layers(motion, numbers, grid)
    assert (before.name, after.name) == ("before", "after")
    low, high = before.limits
    for place, number in enumerate(numbers):
        corrected = list(motion.corrected())[number]
        for layer, frame in ((before, moved_heads[number]), (after, corrected)):
            wanted = warp(frame, Affine.identity(3), onto=grid).data[0].clamp(low, high).numpy()
            found = values(layer)[..., place]
            inside = found > low  # beyond the image there is no data
            assert inside.mean() > 0.5
            assert np.abs(found - wanted)[inside].max() < 2 * (high - low) / 254


def test_what_moved_before_rests_after(motion):
    before, after = (values(each) for each in movie_layers(motion, [0, 5], motion.grid))
    gain = 1.5  # of the last frame
    moved, rests = (np.abs(each[..., 1] / gain - each[..., 0]) for each in (before, after))
    body = before[..., 0] > 15
    assert np.median(rests[body]) < 0.6 * np.median(moved[body])


def test_a_long_series_shows_some_of_its_frames():
    assert shown_frames(1) == [0]
    assert len(shown_frames(1000)) == 12


def test_a_series_of_flat_images_has_no_movie(motion):
    flat = Volume(torch.zeros(1, 8, 8), rk.Grid((8, 8), np.eye(3)))
    average = type(motion.after)(flat, flat)
    shown = type(motion)(**{**vars(motion), "after": average})
    assert series_viewer(shown, planes(motion.mean), []) == []
