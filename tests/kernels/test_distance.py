import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from regkit.kernels.distance import distance_to


@pytest.fixture(params=["loop", "numpy"])
def way(request):
    if request.param == "numpy":
        request.getfixturevalue("on_torch")()


@pytest.mark.parametrize("limit", [np.inf, 4.0, 0.5])
@pytest.mark.parametrize(("shape", "spacing"), [((9, 30, 17), (1.2, 0.7, 2.0)), ((40, 3), (1, 3))])
def test_distances_are_those_to_the_nearest_centre(way, shape, spacing, limit):
    flags = np.random.default_rng(0).random(shape) < 0.02
    flags.flat[7] = True
    expected = distance_transform_edt(~flags, sampling=spacing)
    expected[expected > limit] = np.inf
    np.testing.assert_allclose(distance_to(flags, spacing, limit=limit), expected, atol=1e-9)


def test_a_face_is_half_a_voxel_nearer(way):
    flags = np.zeros((1, 9), bool)
    flags[0, 0] = True
    found = distance_to(flags, (1.0, 2.0), limit=7.0, face=0.5)
    assert found[0].tolist() == [0.0, 1.0, 3.0, 5.0, 7.0, *[np.inf] * 4]


def test_of_nothing_everything_is_far(way):
    assert np.isinf(distance_to(np.zeros((4, 5, 6), bool), (1, 1, 1), limit=3.0)).all()
