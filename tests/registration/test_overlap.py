"""Images that show only part of each other: slabs, parts that moved, thin masks."""

import numpy as np
import pytest
import torch

import regkit as rk
from regkit import Affine, Labels, Volume
from regkit.geometry.affines import about, homogeneous, rotation
from regkit.kernels.smoothing import gaussian
from regkit.registration.pipeline import register
from regkit.resample import resample, warp


@pytest.fixture(scope="module")
def motion(texture):
    """About 3 degrees and 4 mm."""
    turn = about(texture.grid.centre, rotation([0.05, -0.04, 0.03]))
    return Affine(homogeneous(np.eye(3), [2.5, -2.0, 2.0]) @ turn)


@pytest.mark.parametrize("way", ["onto the whole", "from the whole"])
def test_a_slab_finds_its_place(texture, motion, quick, way):
    moved = warp(texture, motion.inverse(), onto=texture.grid)
    slab = moved.window((0, 0, 7), (24, 28, 6))
    points = slab.grid.world_points()[6:-6, 6:-6]
    images, truth = ((texture, slab), motion)
    if way == "from the whole":
        images, truth = ((slab, texture), motion.inverse())
    else:
        points = motion.inverse()(points)
    config = quick.model_copy(update={"similarity": "auto"})
    result = register(*images, config=config, transform="rigid")
    assert (truth(points) - points).norm(dim=-1).mean() > 3
    assert (result.transform(points) - truth(points)).norm(dim=-1).mean() < 0.5


def test_a_mask_of_one_slice_counts(texture, motion, quick):
    moved = warp(texture, motion.inverse(), onto=texture.grid)
    mask = torch.zeros_like(texture.data, dtype=torch.uint8)
    mask[..., 10] = 1
    config = quick.model_copy(update={"similarity": "auto"})
    result = register(
        texture, moved, config=config, transform="rigid", fixed_mask=Labels(mask, texture.grid)
    )
    points = texture.grid.world_points()[6:-6, 6:-6, 10]
    assert (result.transform(points) - motion(points)).norm(dim=-1).mean() < 1


def test_a_mask_of_moving_alone_follows_its_part(grid, quick):
    """Two bodies, one of which moved by 8 mm: the mask says which one is meant."""
    wide = rk.Grid((48, 28, 20), grid.affine)
    points = wide.world_points() - torch.from_numpy(wide.centre)
    along = torch.from_numpy(wide.affine[:3, 0] / wide.spacing[0])
    generator = torch.Generator().manual_seed(0)
    grain = gaussian(torch.randn(1, *wide.shape, generator=generator), 1.2)[0]
    sides = [
        torch.exp(-(((points - side * along).norm(dim=-1) / 8) ** 4)) * (60 + 150 * grain)
        for side in (-14, 14)
    ]
    still, body = (Volume(side.float(), wide) for side in sides)
    shift = Affine(homogeneous(np.eye(3), -4 * along.numpy()))
    shifted = warp(body, shift.inverse(), onto=wide)
    moving = shifted.with_data(shifted.data + still.data)
    fixed = body.with_data(body.data + still.data)
    mask = Labels((shifted.data > 10).to(torch.uint8), wide)
    config = quick.model_copy(update={"similarity": "auto"})
    result = register(fixed, moving, config=config, transform="rigid", moving_mask=mask)
    inside = wide.world_points()[body.data[0] > 30]
    assert (result.transform(inside) - shift(inside)).norm(dim=-1).mean() < 0.7


def test_scales_of_ten_percent_are_found(texture, move, stretch, error, quick):
    config = quick.model_copy(update={"similarity": "auto"})
    moving = move(stretch, image=texture)
    result = register(texture, moving, config=config, transform="affine", init="auto")
    assert error(result.transform, stretch) < 0.5


def test_a_real_slab_finds_its_place(data):
    whole = rk.read(data / "brain_t1" / "a_t1.nii.gz")
    small = resample(whole, whole.grid.with_spacing(3.0))
    truth = Affine(
        homogeneous(np.eye(3), [5.0, -4.0, 3.0])
        @ about(whole.grid.centre, rotation([0.05, -0.04, 0.06]))
    )
    moved = warp(small, truth.inverse(), onto=small.grid)
    start = [0, 0, 0]
    shape = list(small.grid.shape)
    start[1], shape[1] = shape[1] // 2, 8
    slab = moved.window(start, shape)
    result = register(small, slab, transform="rigid")
    points = truth.inverse()(slab.grid.to_world(torch.nonzero(slab.data[0] > 30).double()))
    assert (result.transform(points) - truth(points)).norm(dim=-1).mean() < 1.5
