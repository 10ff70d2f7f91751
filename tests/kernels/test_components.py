import numpy as np
import pytest
from scipy import ndimage

from regkit.kernels.components import components


@pytest.fixture(params=["loop", "scipy"])
def way(request):
    if request.param == "scipy":
        request.getfixturevalue("on_torch")()


@pytest.mark.parametrize("share", [0.02, 0.2, 0.32, 0.5, 0.9])
@pytest.mark.parametrize("shape", [(17, 9, 31), (1, 40, 23), (50, 41), (77,), (1, 1, 1)])
def test_parts_are_those_of_scipy_and_in_its_order(way, shape, share):
    flags = np.random.default_rng(0).random(shape) < share
    expected, number = ndimage.label(flags)
    parts, count = components(flags)
    assert count == number
    np.testing.assert_array_equal(parts, expected)


def test_a_spiral_is_one_part(way):
    flags = np.ones((1, 21, 21), bool)
    flags[0, 1:-1:2] = False
    flags[0, 1:-1:4, -1] = flags[0, 3:-1:4, 0] = True
    assert components(flags)[1] == 1
    flags[0, 9] = False
    assert components(flags)[1] == 2


def test_a_view_is_numbered_as_its_copy(way):
    flags = (np.random.default_rng(1).random((12, 14, 16)) < 0.3)[::2, ::-1].transpose(2, 0, 1)
    np.testing.assert_array_equal(components(flags)[0], components(flags.copy())[0])


@pytest.mark.parametrize("full", [False, True])
def test_nothing_and_everything(way, full):
    parts, count = components(np.full((3, 4, 5), full))
    assert count == int(full)
    assert (parts == int(full)).all()
