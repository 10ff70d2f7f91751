"""Subjects on their grids."""

import numpy as np
import pytest
import torch

import regkit as rk
from regkit.training.subjects import subjects_of
from regkit.training.table import Row


@pytest.fixture
def rows(tmp_path):
    """Two people in one world, the second 10 mm further to the right."""
    grid = rk.Grid((40, 40, 40), np.diag([4.0, 4.0, 4.0, 1.0]))
    points = grid.world_points()
    made = []
    for name, right in (("one", 70.0), ("two", 80.0)):
        far = (points - torch.tensor([right, 80.0, 80.0])).norm(dim=-1)
        path = tmp_path / f"{name}.nii.gz"
        rk.Volume(100 * (far < 40).float(), grid).save(path)
        made.append(Row(path, "t1", name))
    return made


def _middle(subject):
    """Of its body, along R, as a share of the grid."""
    body = subject.images["t1"][0, 0].sum(dim=(1, 2))
    return float((body * torch.linspace(0, 1, len(body))).sum() / body.sum())


def test_each_lies_in_the_box_of_its_own_body(rows):
    one, two = subjects_of(rows, 32, "mr")
    assert one.grid != two.grid
    assert _middle(two) == pytest.approx(_middle(one), abs=0.02)


def test_what_an_affine_aligned_lies_in_one_box(rows):
    one, two = subjects_of(rows, 32, "mr", aligned=True)
    assert one.grid == two.grid
    step = one.grid.spacing[0] * 31
    assert _middle(two) - _middle(one) == pytest.approx(10 / step, abs=0.02)
