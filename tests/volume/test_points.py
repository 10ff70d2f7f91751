import pytest
import torch

from regkit import InputError, Points


def test_points_are_float64():
    points = Points(torch.ones(2, 3), ("a", "b"))
    assert len(points) == 2
    assert points.xyz.dtype is torch.float64


@pytest.mark.parametrize(
    ("xyz", "names", "said"),
    [
        (torch.zeros(3), (), r"points have shape \(3,\); allowed"),
        (torch.zeros(2, 4), (), r"points have shape \(2, 4\); allowed"),
        (torch.full((1, 3), torch.nan), (), "not finite"),
        (torch.zeros(2, 3), ("a",), "1 names for 2 points"),
    ],
)
def test_unusable_points_are_refused(xyz, names, said):
    with pytest.raises(InputError, match=said):
        Points(xyz, names)
