"""The last word of the linear engine, said from both images."""

import numpy as np
import pytest
import torch

import regkit as rk
from regkit.geometry.affines import apply_affine
from regkit.losses.lncc import LNCC
from regkit.losses.mutual_information import MutualInformation
from regkit.registration import alignment
from regkit.registration.alignment import polish
from regkit.registration.config import LinearConfig, RegisterConfig
from regkit.registration.linear_loss import evaluate, linear_level
from regkit.registration.pair import pair_of
from regkit.registration.prepared import PreparedImage


@pytest.fixture
def pair(head):
    one = PreparedImage(head)
    cpu = torch.device("cpu")
    return pair_of(one, one, multiple=1, max_voxels=1_000_000, device=cpu)


def _shifted(*by):
    out = np.eye(4)
    out[:3, 3] = by
    return out


def _quiet(_):
    pass


def test_one_image_comes_back_to_itself(pair):
    found, stage = polish(
        pair, [_shifted(1.5, -1, 1)], LNCC(1), RegisterConfig(), _quiet, kind="rigid"
    )
    points = pair.fixed.grid.world_points().reshape(-1, 3).numpy()
    away = np.linalg.norm(apply_affine(found, points) - points, axis=1)
    assert away.mean() < 0.5  # a quarter of the voxels of its level, of which it is 17 across
    assert stage.name == "rigid"


def test_the_better_end_of_both_ways_is_taken(pair, monkeypatch):
    """Whatever the first way ended with: a place that it cannot leave."""
    real = alignment.register_linear
    ways = []

    def stuck_at_first(at, starts, *rest, **more):
        ways.append(at)
        matrix, stage = real(at, starts, *rest, **more)
        return (starts[0], stage) if len(ways) == 1 else (matrix, stage)

    monkeypatch.setattr(alignment, "register_linear", stuck_at_first)
    start, similarity, config = _shifted(1.5, -1, 1), LNCC(1), RegisterConfig()
    found, stage = polish(pair, [start], similarity, config, _quiet, kind="rigid")
    level = linear_level(pair, 2.0, similarity)
    assert evaluate(level, found, similarity) < evaluate(level, start, similarity)
    assert ways[1].fixed is pair.moving
    assert stage.note == "started from the images exchanged"


def test_information_needs_one_way_only(pair, monkeypatch):
    real, ways = alignment.register_linear, []
    monkeypatch.setattr(
        alignment, "register_linear", lambda *a, **k: ways.append(1) or real(*a, **k)
    )
    polish(pair, [np.eye(4)], MutualInformation(), RegisterConfig(), _quiet, kind="affine")
    assert ways == [1]


def test_the_report_shows_where_images_agree(head):
    from regkit.report import render_page
    from regkit.report.registration.page import registration_page

    result = rk.register(head, head.with_data(head.data.flip(1)), preset="fast")
    assert "Local agreement" in render_page(registration_page(result))
    assert result.quality.evidence.chance.grid.world == head.grid.world
    assert "chance" not in result.quality.as_dict()["numbers"]


def test_noise_does_not_pull_a_local_similarity_off_its_place(monkeypatch):
    """Two voxels apart nothing is interpolated; half a voxel farther, noise is blurred away."""
    cpu, generator = torch.device("cpu"), np.random.default_rng(0)
    axes = np.meshgrid(*[np.linspace(-1, 1, 48)] * 3, indexing="ij")
    shown = 0.6 * (axes[0] ** 2 + axes[1] ** 2 + 1.3 * axes[2] ** 2 < 0.6)
    shown = shown + 0.4 * (axes[0] ** 2 + (axes[1] - 0.2) ** 2 + axes[2] ** 2 < 0.1)
    grid, moved = rk.Grid((48,) * 3, np.diag([2.0, 2, 2, 1])), _shifted(4, 0, 0)
    moved[:3, :3] *= 2
    fixed, moving = (
        rk.Volume(torch.from_numpy(shown + generator.normal(0, 0.05, shown.shape)).float(), each)
        for each in (grid, rk.Grid((48,) * 3, moved))
    )
    pair = pair_of(
        *map(PreparedImage, (fixed, moving)), multiple=1, max_voxels=1_000_000, device=cpu
    )
    start, config = _shifted(4, 0, 0), RegisterConfig()

    def off():
        found, _ = polish(pair, [start], LNCC(1), config, _quiet, kind="rigid")
        return np.abs(found - start)[:3, 3].max()

    with_noise_known = off()
    monkeypatch.setattr(alignment, "noise_sigma", lambda _: 0.0)
    assert with_noise_known < 0.15 < off()


@pytest.mark.parametrize(
    ("shape", "spacings"),
    [
        ((40, 48, 56), (8.0, 4.0)),  # few voxels at 4 mm
        ((220, 220, 220), (8.0, 5.26)),  # 300 000 in all
        ((400, 400, 400), (9.56,)),  # finer ones would hardly be finer
        ((512, 512, 1), (8.0, 4.0)),  # a plane has an area
    ],
)
def test_levels_have_as_many_voxels_as_tell_an_affine(shape, spacings):
    grid = rk.Grid(shape, np.diag([1.6, 1.6, 1.6, 1.0]))
    found = alignment._telling(grid, LinearConfig())
    assert found == pytest.approx(spacings, abs=0.05)


@pytest.mark.parametrize(("transform", "settings"), [("affine", 1e-6), ("deformable", 3e-5)])
def test_an_affine_before_a_field_ends_sooner(pair, monkeypatch, transform, settings):
    real, seen = alignment.register_linear, []
    monkeypatch.setattr(
        alignment,
        "register_linear",
        lambda *given, **more: seen.append(given[4].tolerance) or real(*given, **more),
    )
    alignment.align(pair, RegisterConfig(transform=transform), np.eye(4), _quiet)
    assert seen == [settings, settings]
