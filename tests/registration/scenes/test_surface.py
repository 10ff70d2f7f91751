"""Fields through patches: what they follow, what they ignore, and how sure they are."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from regkit.registration.scenes.cover import Cover
from regkit.registration.scenes.equations import FieldEquations, freedom
from regkit.registration.scenes.fields import ShiftSplines
from regkit.registration.scenes.looks import ViewPair
from regkit.registration.scenes.patches import WindowPatches
from regkit.registration.scenes.surface import fit_surface, left_out
from regkit.registration.scenes.ties import TiePoints, match
from regkit.registration.scenes.windows import WindowLayout
from tests.registration.scenes.pairs import grid

SHAPE = (310, 250)
INDEX = np.stack(np.meshgrid(*[np.arange(10, n, 15.0) for n in SHAPE]), -1).reshape(-1, 2)


def points(index, moved, error=0.05, slopes=None):
    """Windows of one patch each; along which axes it knows its shift is in ``slopes``."""
    n = len(index)
    matrices = np.broadcast_to(np.eye(2) if slopes is None else slopes, (n, 2, 2)) / error**2
    return WindowPatches(index[:, None], moved[:, None], matrices[:, None], np.zeros((n, 1, 2)),
                   np.ones((n, 1)))  # fmt: skip


def ties(index, moved):
    n = len(index)
    return TiePoints(index, moved, np.full((n, 2), 0.05), np.ones(n), np.ones(n), np.ones(n, bool))


def off(surface, truth):
    return np.linalg.norm(surface(INDEX) - truth, axis=1)


def test_a_surface_follows_what_is_smooth_and_not_the_noise():
    truth = 3 * np.stack([np.sin(INDEX[:, 0] / 60), np.cos(INDEX[:, 1] / 50)], -1)
    noisy = truth + np.random.default_rng(0).normal(0, 0.3, truth.shape)
    surface = fit_surface(points(INDEX, noisy, 0.3), SHAPE, 24)
    assert np.median(off(surface, truth)) < 0.15
    apart = left_out(surface, ties(INDEX, noisy), points(INDEX, noisy, 0.3))
    assert 0.3 < np.median(apart) < 0.5  # the noise of both components, hardly more


@pytest.mark.parametrize("slope", [0.0, 0.004])
def test_points_of_a_translation_or_an_affine_choose_no_bending(slope):
    truth = 3.3 + slope * INDEX
    noisy = truth + np.random.default_rng(1).normal(0, 0.05, truth.shape)
    surface = fit_surface(points(INDEX, noisy), SHAPE, 24)
    assert surface.stiffness == float("inf")
    assert off(surface, truth).max() < 0.05 / np.sqrt(len(INDEX)) * 8
    assert (np.ptp(off(surface, truth)) < 1e-9) == (slope == 0)


def test_an_affine_that_is_as_likely_as_a_translation_counts_half():
    """Else little noise would decide, and both directions of one pair differ."""
    slopes = np.linspace(0.0, 2e-4, 21)
    found = []
    for slope in slopes:
        noisy = slope * INDEX + np.random.default_rng(1).normal(0, 0.05, INDEX.shape)
        found.append(np.ptp(fit_surface(points(INDEX, noisy), SHAPE, 24)(INDEX)[:, 0]))
    steps = np.diff(found)
    assert found[0] < 1e-9
    assert found[-1] > 0.7 * slopes[-1] * np.ptp(INDEX[:, 0])
    assert steps.max() < 0.4 * max(found)


def test_an_edge_tells_the_shift_across_it_alone():
    truth = np.column_stack([np.sin(INDEX[:, 0] / 60), np.cos(INDEX[:, 1] / 50)])
    half = np.arange(len(INDEX)) % 2 == 0
    across = np.where(half[:, None, None], np.diag([1.0, 1e-6]), np.diag([1e-6, 1.0]))
    wrong = truth + 5.0 * np.where(half[:, None], [0.0, 1.0], [1.0, 0.0])  # along each edge
    surface = fit_surface(points(INDEX, wrong, slopes=across), SHAPE, 24)
    assert np.quantile(off(surface, truth), 0.95) < 0.05


def test_freedom_is_the_trace_of_what_turns_points_into_a_surface():
    splines, ladder = ShiftSplines((100, 80), 30), (10 ** np.arange(-2, 1.1, 0.5)).tolist()
    index = INDEX[(INDEX < 80).all(1)]
    equations = FieldEquations.of(splines.rows(index), points(index, index * 0))
    volumes = [equations.fitted(splines.bending, each).volume for each in ladder]
    normal = equations.normal.toarray()
    bending = np.kron(np.eye(2), splines.bending.toarray())
    scale = np.trace(normal) / np.trace(bending)
    free = freedom(volumes, ladder, len(normal))
    for stiffness in (0.01, 0.2, 1.0, 10.0):
        whole = normal + stiffness * scale * bending
        assert free(stiffness) == pytest.approx(np.trace(np.linalg.solve(whole, normal)), rel=0.05)


def test_patches_of_a_window_tell_how_a_shift_changes_within_it():
    rng = np.random.default_rng(0)
    fixed = gaussian_filter(rng.normal(size=(96, 96)), 1.5)
    fixed /= fixed.std()
    left, right = (shift(fixed, each, order=5, mode="mirror") for each in ((0.1, 0), (-0.1, 0)))
    blend = np.linspace(0, 1, 96)[:, None]  # from 0.1 to -0.1 along the first axis
    moving = (1 - blend) * left + blend * right + 0.5 * rng.normal(size=fixed.shape)
    window = WindowLayout(48, 24, 2)
    known = np.ones((96, 96), np.float32)
    level = ViewPair(Cover.of(grid(96, 96), window, 0), fixed[None].astype(np.float32), known,
                     moving[None].astype(np.float32), known)  # fmt: skip
    found, patches = match(level, window, 1.0)
    assert patches.count == pytest.approx(2 * (96 / 8) ** 2, rel=0.05)  # every pixel once
    x = patches.index[..., 0].ravel() - 47.5
    wanted = (patches.slopes[..., 0, 0] * patches.shift[..., 0] + patches.rest[..., 0]).ravel()
    weight = patches.slopes[..., 0, 0].ravel()
    slope = (x * wanted).sum() / (weight * x**2).sum()
    assert slope == pytest.approx(-0.2 / 95, rel=0.35)
    # What is left of them at the truth is noise of a unit.
    truth = np.zeros_like(patches.shift)
    truth[..., 0] = 0.1 - 0.2 * patches.index[..., 0] / 95
    assert patches.misfit(truth) == pytest.approx(patches.count, rel=0.25)
    assert found.good.all()
