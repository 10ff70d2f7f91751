"""The unit of the world must not change what is found: a mouse, a man and a continent."""

from dataclasses import replace

import numpy as np
import pytest

from regkit import Affine, Grid
from regkit.geometry.affines import about, homogeneous, rotation
from regkit.preprocess.foreground import foreground
from regkit.preprocess.intensity import normalise
from regkit.registration.config import FieldConfig, LinearConfig, RegisterConfig
from regkit.registration.pipeline import register
from regkit.registration.scale import scale_transform
from regkit.resample import warp
from regkit.transforms import compose

FACTORS = [1e-3, 0.1, 3.0, 30.0, 1000.0]


def sized(volume, factor):
    """``volume`` with its header in another unit."""
    size = np.diag([factor] * volume.ndim + [1.0])
    return replace(volume, grid=Grid(volume.grid.shape, size @ volume.grid.affine))


def apart(result, other, factor, fixed, inside):
    """Mean distance in voxels of fixed between what was found in two units."""
    back = scale_transform(result.transform, 1 / factor)
    points = fixed.grid.world_points()[inside]
    off = fixed.grid.to_index(back(points)) - fixed.grid.to_index(other.transform(points))
    return float(off.norm(dim=-1).mean())


def asked(ndim, kind):
    """The search for a start takes most of the time in 3-D: rigid ones do it for all."""
    return {"transform": kind, "init": "auto" if ndim == 2 or kind == "rigid" else "moments"}


@pytest.fixture(scope="module")
def light():
    """Everything that the default preset does, in few iterations."""
    return RegisterConfig(
        linear=LinearConfig(iterations=15), field=FieldConfig(iterations=(15, 8, 3), radius=2)
    )


@pytest.fixture(scope="module")
def plane_moving(plane):
    turn = Affine(homogeneous(np.eye(2), [3.0, -2.0]) @ about(plane.grid.centre, rotation([0.2])))
    linear = rotation([-0.2]) @ np.diag([1.3, 1.1])
    shape = (56, 62)
    onto = Grid(shape, homogeneous(linear, plane.grid.centre - linear @ (np.array(shape) / 2)))
    return warp(plane, turn.inverse(), onto=onto)


@pytest.fixture(scope="module")
def pairs(texture, move, turn, bend, plane, plane_moving):
    """A pair of each dimension."""
    return {3: (texture, move(compose(turn, bend), image=texture)), 2: (plane, plane_moving)}


@pytest.fixture(scope="module")
def standard(pairs, light):
    """What is found with the headers as they are, by dimension and transform."""
    found = {}

    def get(ndim, kind):
        if (ndim, kind) not in found:
            found[ndim, kind] = register(*pairs[ndim], config=light, **asked(ndim, kind))
        return found[ndim, kind]

    return get


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("kind", ["rigid", "affine", "deformable"])
@pytest.mark.parametrize("ndim", [2, 3])
def test_the_unit_does_not_change_what_is_found(pairs, light, standard, ndim, kind, factor):
    fixed, moving = pairs[ndim]
    result = register(
        sized(fixed, factor), sized(moving, factor), config=light, **asked(ndim, kind)
    )
    inside = foreground(normalise(fixed)).data[0] > 0
    assert apart(result, standard(ndim, kind), factor, fixed, inside) < 0.01
    assert [level.shape for stage in result.stages for level in stage.levels] == [
        level.shape for stage in standard(ndim, kind).stages for level in stage.levels
    ]


def test_a_start_and_masks_may_be_of_any_unit(pairs, light, parts, turn, bend):
    fixed, moving = pairs[3]
    found = [
        register(
            sized(fixed, factor),
            sized(moving, factor),
            config=light,
            fixed_mask=sized(parts, factor),
            initial=scale_transform(compose(turn, bend), factor),
        )
        for factor in (1.0, 1e-3)
    ]
    inside = parts.data[0] > 0
    assert apart(found[1], found[0], 1e-3, fixed, inside) < 0.01


def test_spacings_are_told_in_the_world_of_the_images(pairs, light):
    fixed, moving = (sized(image, 30.0) for image in pairs[3])
    result = register(fixed, moving, config=light, transform="rigid")
    finest = [level.spacing for stage in result.stages for level in stage.levels][-1]
    assert min(finest) == pytest.approx(np.cbrt(fixed.grid.voxel_volume), rel=0.2)
