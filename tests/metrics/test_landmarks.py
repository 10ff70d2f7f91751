import numpy as np
import pytest
import torch
from torch.testing import assert_close

from regkit import Affine, InputError, Points
from regkit.geometry.affines import homogeneous
from regkit.metrics import landmark_error

SHIFT = Affine(homogeneous(np.eye(3), [0.0, 3.0, 4.0]))


def test_error_is_the_distance_from_the_mapped_point(generator):
    fixed = Points(torch.randn(5, 3, generator=generator))
    assert_close(landmark_error(SHIFT, fixed, fixed), torch.full((5,), 5.0, dtype=torch.float64))
    assert_close(landmark_error(SHIFT, fixed, SHIFT.map_points(fixed)).max().item(), 0.0)


def test_numbers_must_agree():
    with pytest.raises(InputError, match="2 in fixed and 3 in moving"):
        landmark_error(SHIFT, Points(torch.zeros(2, 3)), Points(torch.zeros(3, 3)))


def test_dimensions_must_agree():
    with pytest.raises(InputError, match="3-D in fixed, 2-D in moving; they must agree"):
        landmark_error(SHIFT, Points(torch.zeros(2, 3)), Points(torch.zeros(2, 2)))


def test_names_must_agree():
    fixed = Points(torch.zeros(2, 3), ("nasion", "inion"))
    moving = Points(torch.zeros(2, 3), ("inion", "nasion"))
    with pytest.raises(InputError, match="'nasion' in fixed stands where 'inion'"):
        landmark_error(SHIFT, fixed, moving)
