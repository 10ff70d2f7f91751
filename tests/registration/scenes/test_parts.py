from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, map_coordinates

import regkit as rk
from regkit.kernels.interpolation import sample_smoothly
from regkit.kernels.spline import spline_coefficients, spline_weights
from regkit.registration.scenes.consensus import affine_consensus, is_by_chance
from regkit.registration.scenes.cover import Cover
from regkit.registration.scenes.looks import ViewPair
from regkit.registration.scenes.pyramid import BandPyramid
from regkit.registration.scenes.ties import TiePoints, match
from regkit.registration.scenes.windows import WindowLayout, correlation, taper
from tests.registration.scenes.pairs import grid


def ties(index, shift):
    n = len(index)
    return TiePoints(index, shift, np.full((n, 2), 0.05), np.ones(n), np.ones(n), np.ones(n, bool))


def test_spline_is_that_of_scipy():
    image = np.random.default_rng(0).normal(size=(2, 20, 30)).astype(np.float32)
    index = np.random.default_rng(1).uniform(2, 17, (50, 2))
    coefficients = torch.from_numpy(spline_coefficients(image))
    found = sample_smoothly(coefficients, torch.from_numpy(index), "cubic")
    expected = [map_coordinates(each, index.T, order=3, mode="mirror") for each in image]
    assert np.allclose(found, expected, atol=1e-5)
    assert np.allclose(spline_weights(np.linspace(0, 0.99, 7)).sum(-1), 1)


def test_correlation_counts_only_what_both_have():
    rng = np.random.default_rng(0)
    moving = rng.normal(size=(1, 1, 24, 24)).astype(np.float32)
    known = np.ones((1, 24, 24), np.float32)
    known[:, :, 18:] = 0
    weight = taper(16)[None]
    fixed = moving[:, :, 6:22, 3:19].copy()
    damaged = np.where(known[:, None] > 0, moving, 0)
    found = correlation(fixed, weight, damaged, known, 4)[0]
    assert np.unravel_index(found.argmax(), found.shape) == (6, 3)
    assert found[6, 3] == pytest.approx(1, abs=1e-3)
    w, f = weight[0] * known[0, 2:18, 1:17], fixed[0, 0]
    m = damaged[0, 0, 2:18, 1:17]
    f, m = (each - (w * each).sum() / w.sum() for each in (f, m))
    expected = (w * f * m).sum() / np.sqrt((w * f * f).sum() * (w * m * m).sum())
    assert found[2, 1] == pytest.approx(expected, abs=1e-3)


def test_consensus_keeps_an_affine_and_rejects_the_rest():
    rng = np.random.default_rng(0)
    index = rng.uniform(0, 300, (80, 2))
    shift = index @ np.array([[0.01, 0.004], [-0.003, -0.01]]) + [3, -5]
    wrong = rng.choice(80, 30, replace=False)
    shift[wrong] += rng.uniform(4, 12, (30, 2))
    good = affine_consensus(ties(index, shift), 1.0, seed=0)
    assert set(np.flatnonzero(~good)) == set(wrong)


def test_windows_that_agree_by_chance_are_told():
    rng = np.random.default_rng(0)
    for _ in range(6):
        random = ties(rng.uniform(0, 300, (120, 2)), rng.uniform(-8, 8, (120, 2)))
        good = affine_consensus(random, 2.0, seed=0)
        assert is_by_chance(random, good, 2.0, 8)
    assert not is_by_chance(random, np.ones(120, bool), 2.0, 8)


def one_window(fixed, moving, weight):
    """A match of one window without gaps around it."""
    level = ViewPair(
        Cover.of(grid(*fixed.shape), WindowLayout(32, 32, 4), 0), fixed[None], weight,
        moving[None], np.ones_like(weight),
    )  # fmt: skip
    return match(level, WindowLayout(32, 32, 4), 1.0)[0]


def test_a_tie_point_lies_where_its_edges_are():
    image = gaussian_filter(np.random.default_rng(0).normal(size=(32, 32)), 1.5)
    image[:, 12:] = 0
    image = image.astype(np.float32)
    ties = one_window(image, image, np.ones_like(image))
    assert ties.index[0, 1] < 12
    flat = one_window(np.zeros_like(image), image, np.ones_like(image))
    assert np.allclose(flat.index[0], 15.5)


@pytest.mark.parametrize("blur", [0.7, 1.5])
def test_standard_errors_are_what_shifts_are_off(blur):
    rng = np.random.default_rng(3)
    off, told = [], []
    for _ in range(80):
        image, noise = (gaussian_filter(rng.normal(size=(32, 32)), each) for each in (1.5, blur))
        noisy = image + 0.2 * noise * image.std() / noise.std()
        ties = one_window(image.astype(np.float32), noisy.astype(np.float32),
                          np.ones((32, 32), np.float32))  # fmt: skip
        off.append(ties.shift[0])
        told.append(ties.error[0])
    ratio = np.sqrt(np.mean(np.square(off))) / np.sqrt(np.mean(np.square(told)))
    assert 0.8 < ratio < 1.3


def test_windows_cover_the_image_to_its_border():
    _, corners = Cover.of(grid(100, 45), WindowLayout(32, 16, 4), 12).corners
    assert corners.min(0).tolist() == [0, 0]
    assert (corners.max(0) + 32).tolist() == [100, 45]
    assert torch.tensor(corners).unique(dim=0).shape == corners.shape


def test_a_cover_leaves_out_what_lies_between_windows_far_apart():
    cover = Cover.of(grid(1000, 700), WindowLayout(32, 200, 4), 12)
    assert cover.shape[0] < 0.4 * 1000
    closed, outer = cover.corners
    image = np.add.outer(np.arange(1000) * 1000, np.arange(700))
    inner = image[np.ix_(cover.columns, cover.rows)]
    for (i, j), (k, m) in zip(closed, outer, strict=True):
        assert np.array_equal(inner[i : i + 32, j : j + 32], image[k : k + 32, m : m + 32])
    off = np.random.default_rng(0).uniform(-20, 20, outer.shape)
    assert np.array_equal(cover.nearest(outer + off), outer)
    lines = [cover.columns[part] for part in cover.chunks(0)]
    assert np.array_equal(np.concatenate(lines), cover.columns)
    assert all((np.diff(part) == 1).all() for part in lines)


def band(columns=70, rows=45, **fields):
    rng = np.random.default_rng(0)
    values = torch.from_numpy(rng.normal(size=(1, columns, rows)).astype(np.float32))
    return rk.Volume(values, grid(columns, rows), "band", **fields)


def test_levels_are_the_same_whether_they_are_kept_or_read():
    valid = torch.rand(70, 45, generator=torch.Generator().manual_seed(0)) > 0.2
    for image in (band(), band(valid=valid)):
        kept, read = BandPyramid(image), BandPyramid(image, keep=40)
        assert (kept.base, read.base) == (0, 4)
        for level in (0, 1, 2, 3):
            box = (slice(1, kept.shape(level)[0]), slice(2, kept.shape(level)[1] - 1))
            for one, other in zip(kept.part(level, box), read.part(level, box), strict=True):
                assert one is other is None or torch.allclose(one, other, atol=1e-6)


def test_a_level_is_the_mean_of_what_is_data():
    image = band(8, 8)
    valid = torch.ones(8, 8, dtype=torch.bool)
    valid[0, 0] = False
    damaged = replace(image, data=image.data.where(valid, -9999), valid=valid)
    values, share = BandPyramid(damaged).part(1, (slice(0, 4), slice(0, 4)))
    assert values[0, 0] == pytest.approx(float(image.data[0, :2, :2][valid[:2, :2]].mean()))
    assert share[0, 0] == 0.75
    where = BandPyramid(image).grid(2).to_world(torch.zeros(2, dtype=torch.float64))
    assert torch.allclose(image.grid.to_index(where), torch.full((2,), 1.5, dtype=torch.float64))
