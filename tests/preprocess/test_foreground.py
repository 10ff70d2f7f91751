import numpy as np
import pytest
import torch

from regkit import Grid, Labels, Volume
from regkit.geometry.affines import homogeneous, rotation
from regkit.preprocess.foreground import bounding_window, foreground, otsu, unit_length
from regkit.preprocess.intensity import normalise
from regkit.registration.canonical import canonical


@pytest.fixture
def space():
    """12 x 10 x 12 cm in oblique, left-handed voxels."""
    linear = rotation([0.1, 0.2, -0.1]) @ np.diag([-3.0, 2.5, 4.0])
    return Grid((40, 40, 30), homogeneous(linear, [60.0, -50.0, -60.0]))


@pytest.fixture
def ball(space):
    """Distance of every voxel from a centre off the middle, mm."""
    middle = torch.from_numpy(space.centre) + torch.tensor([4.0, -3.0, 2.0])
    return (space.world_points() - middle).norm(dim=-1)


def test_it_is_the_body_grown_a_little(space, ball):
    found = foreground(Volume((ball < 30).float(), space))
    assert isinstance(found, Labels)
    assert found.grid == space
    inside = found.data[0] > 0
    assert inside[ball < 30].all()
    assert not inside[ball > 42].any()
    reach = (3 * float(inside.sum()) * space.voxel_volume / (4 * np.pi)) ** (1 / 3)
    assert reach == pytest.approx(33, abs=2)


def test_holes_are_filled(space, ball):
    shell = Volume(((ball < 32) & (ball > 15)).float(), space)
    assert (foreground(shell).data[0][ball < 32] > 0).all()


def test_holes_of_a_plane_are_filled():
    grid = Grid((90, 100), np.diag([2.0, -1.5, 1.0]))
    away = (grid.world_points() - torch.from_numpy(grid.centre)).norm(dim=-1)
    ring = Volume(((away < 45) & (away > 25)).float(), grid)
    assert (foreground(ring).data[0][away < 44] > 0).all()
    lifted = foreground(canonical(ring))
    assert lifted.grid.shape[0] == 1
    flat = canonical(Volume((away < 44).float(), grid)).data[0] > 0
    assert (lifted.data[0][flat] > 0).all()


def test_specks_are_left_out_and_pairs_are_kept(space):
    points = space.world_points() - torch.from_numpy(space.centre)
    x = points[..., 0]
    lungs = [(points - torch.tensor([side, 0.0, 0.0])).norm(dim=-1) < 18 for side in (-30.0, 30.0)]
    speck = (points - torch.tensor([0.0, 0.0, 40.0])).norm(dim=-1) < 6
    found = foreground(Volume((lungs[0] | lungs[1] | speck).float(), space)).data[0] > 0
    assert found[lungs[0] & (x < 0)].all()
    assert found[lungs[1]].all()
    assert not found[speck].any()


def test_dark_tissue_stays(space, ball):
    image = 0.35 * (ball < 35).float() + 0.65 * (ball < 20).float()
    assert (foreground(Volume(image, space)).data[0][ball < 33] > 0).all()


def test_an_image_without_a_margin_is_foreground_altogether(space, generator):
    full = 0.5 + 0.5 * torch.rand(space.shape, generator=generator)
    assert (foreground(Volume(full, space)).data > 0).all()


def test_small_things_are_measured_by_their_field_of_view(head):
    found = foreground(normalise(head)).data[0] > 0
    assert found[head.data[0] > 30].all()
    assert found.float().mean() < 0.7


def test_the_threshold_parts_two_classes(generator):
    dark = 0.1 + 0.03 * torch.randn(3000, generator=generator)
    bright = 0.8 + 0.05 * torch.randn(1000, generator=generator)
    assert 0.2 < otsu(torch.cat([dark, bright]).numpy()) < 0.65


@pytest.mark.parametrize("factor", [1e-6, 0.1, 30.0, 1e5])
@pytest.mark.parametrize("voxels", [40, 170])
def test_the_unit_of_length_follows_the_header(voxels, factor):
    grid = Grid((voxels, voxels + 10, 1), np.diag([1.0, -1.3, 1.0, 1.0]))
    away = (grid.world_points() - torch.from_numpy(grid.centre)).norm(dim=-1)
    image = Volume((away < voxels / 2.5).float(), grid)
    other = image.grid.affine.copy()
    other[:2] *= factor
    scaled = unit_length(Volume(image.data, Grid(grid.shape, other)))
    assert scaled == pytest.approx(factor * unit_length(image), rel=1e-12)


def test_the_unit_is_a_share_of_the_body_or_of_a_voxel():
    large, small = (
        Grid((size, size), np.diag([320 / size, 320 / size, 1.0])) for size in (320, 32)
    )
    images = [
        Volume(
            ((g.world_points() - torch.from_numpy(g.centre)).norm(dim=-1) < 120).float()[None], g
        )
        for g in (large, small)
    ]
    assert unit_length(images[0]) == pytest.approx(240 / 160, rel=0.03)
    assert unit_length(images[1]) == pytest.approx(10 / 4, rel=0.03)


@pytest.mark.parametrize("shape", [(9, 8), (9, 8, 7)], ids=str)
def test_the_window_holds_the_mask_and_no_more(shape):
    mask = torch.zeros(shape, dtype=torch.uint8)
    start, size = (2, 1, 3)[: len(shape)], (4, 7, 1)[: len(shape)]
    mask[tuple(slice(a, a + n) for a, n in zip(start, size, strict=True))] = 1
    assert bounding_window(mask) == (list(start), list(size))
