"""Maps made of steps."""

import pytest
import torch
from torch.nn import functional

from regkit.kernels.sampling import unit_points
from regkit.networks.steps import SteppedMap, upsample_displacement


def _field(shape, seed):
    return 0.05 * torch.randn(1, 3, *shape, generator=torch.Generator().manual_seed(seed))


def test_later_steps_come_first():
    first, later = SteppedMap((_field((6, 7, 8), 0),)), SteppedMap((_field((11, 12, 13), 1),))
    points = torch.rand(1, 3, 50, 1, 1, generator=torch.Generator().manual_seed(2))
    assert torch.equal((first + later)(points), first(later(points)))


def test_at_the_voxels_of_the_last_step_nothing_is_interpolated():
    u = _field((9, 8, 7), 0)
    assert torch.equal(SteppedMap((u,)).on((9, 8, 7)), unit_points((9, 8, 7), u) + u)
    assert SteppedMap((u,)).displacement((9, 8, 7)) is u


def test_gradients_reach_every_step():
    steps = tuple(_field(shape, 3).requires_grad_() for shape in ((4, 4, 4), (8, 8, 8)))
    SteppedMap(steps).on((8, 8, 8)).square().sum().backward()
    assert all(float(u.grad.abs().sum()) > 0 for u in steps)


def test_the_map_goes_on_beyond_the_field_of_view():
    u = torch.full((1, 2, 3, 3), 0.25)
    out = SteppedMap((u,))(torch.tensor([[-1.0, 2.0]]).reshape(1, 2, 1, 1))
    assert out.flatten().tolist() == [-0.75, 2.25]


@pytest.mark.parametrize(
    ("own", "shape"), [((5, 6, 7), (9, 6, 15)), ((1, 4, 5), (1, 9, 8)), ((5, 7), (11, 13))]
)
def test_enlarging_interpolates(own, shape):
    u = torch.randn(2, 3, *own, generator=torch.Generator().manual_seed(4), requires_grad=True)
    mode = "trilinear" if len(own) == 3 else "bilinear"
    expected = functional.interpolate(u, size=shape, mode=mode, align_corners=True)
    torch.testing.assert_close(upsample_displacement(u, shape), expected, atol=1e-5, rtol=0)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(
            upsample_displacement(u, shape), upsample_displacement(u.detach(), shape)
        )
        assert upsample_displacement(u, shape).dtype == torch.float32
