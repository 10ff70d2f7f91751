"""A field must lie better than the affine that it follows."""

from dataclasses import astuple

import numpy as np
import pytest
import torch

import regkit as rk
from regkit.registration.agreement import Agreement
from regkit.registration.comparison import Comparison, compare_field
from regkit.registration.smoothness import is_enough
from regkit.transforms import DisplacementField


def _at(residual, chance=0.0):
    return Agreement(100, chance, 1.0, residual, residual)


def test_a_field_of_one_person_must_show_a_change():
    assert Comparison(_at(1.2), _at(0.4)).shows_change
    assert not Comparison(_at(0.5), _at(0.45)).shows_change


def test_a_field_that_moves_blocks_away_is_worse():
    assert Comparison(_at(0.4), _at(0.9, chance=0.1)).is_worse
    assert Comparison(_at(0.4), _at(0.43)).is_worse
    assert not Comparison(_at(0.4), _at(0.41)).is_worse


@pytest.mark.parametrize(
    ("quiet", "free", "across", "enough"),
    [
        (0.4, 0.42, True, True),
        (0.2, 0.1, True, False),
        (0.8, 0.4, True, False),
        (0.2, 0.19, False, True),
        (0.33, 0.27, False, False),
        (0.7, 0.65, False, False),
    ],
)
def test_a_smooth_field_is_enough_unless_a_free_one_lies_better(quiet, free, across, enough):
    assert is_enough(_at(quiet), _at(free), across=across) is enough


def test_a_field_is_compared_on_the_voxels_of_the_affine(texture, paired):
    pair = paired(texture, texture)
    shift = np.array([3.0, 0.0, 0.0])
    still = DisplacementField(torch.zeros(3, *pair.grid.shape), pair.grid)
    moved = DisplacementField(
        torch.tensor(shift, dtype=torch.float32)[:, None, None, None].expand_as(still.u), pair.grid
    )
    same = compare_field(pair, np.eye(4), np.eye(4), still, fine=True)
    away = compare_field(pair, np.eye(4), np.eye(4), moved, fine=True)
    assert astuple(same.field) == pytest.approx(astuple(same.affine), rel=1e-5)
    assert away.is_worse
    assert away.affine.blocks == away.field.blocks


def test_contrasts_of_one_head_are_not_bent(texture, move, turn):
    moving = move(turn, image=texture)
    other = moving.with_data((moving.data.max() - moving.data).clamp(min=0).sqrt())
    result = rk.register(texture, other)
    notes = [stage.note for stage in result.stages if stage.name == "selection"]
    assert len(notes) == 1
    assert "blocks lie" in notes[0]
