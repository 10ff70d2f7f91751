import nibabel
import numpy as np
import pytest

from regkit.geometry.affines import homogeneous, rotation
from regkit.geometry.orientation import axis_codes, axis_directions, parse_codes


@pytest.mark.parametrize("codes", ["RAS", "LPS", "LIA", "PSR", "SAL"])
def test_codes_and_directions_are_inverse(codes):
    step = np.zeros((3, 3))
    for axis, (world, sign) in enumerate(parse_codes(codes, 3)):
        step[world, axis] = 2 * sign
    assert axis_codes(homogeneous(step, [0, 0, 0])) == codes


@pytest.mark.parametrize("seed", range(20))
def test_letters_agree_with_nibabel(seed):
    random = np.random.default_rng(seed)
    turn = rotation(random.uniform(-0.6, 0.6, 3)) @ np.diag(random.uniform(0.5, 3, 3))
    turn = turn[:, random.permutation(3)] * random.choice([-1, 1], 3)
    affine = homogeneous(turn, [1, 2, 3])
    assert axis_codes(affine) == "".join(nibabel.aff2axcodes(affine))


def test_every_axis_gets_a_world_axis_of_its_own_at_45_degrees():
    affine = homogeneous(rotation([np.pi / 4, 0.0, 0.0]), [0, 0, 0])
    assert sorted(world for world, _ in axis_directions(affine)) == [0, 1, 2]
