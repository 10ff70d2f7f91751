"""Views: both images of a pair show one part of the field of view."""

import pytest
import torch

from regkit.kernels.sampling import unit_points
from regkit.training.config import Augment
from regkit.training.view import TrainingView

SHAPE = (20, 20, 20)


@pytest.fixture
def ramp():
    """An image of where its voxels lie: ``0.2 x + 0.5 y + 0.3 z`` in shares of the view."""
    points = unit_points(SHAPE, torch.zeros(1))
    return (points * torch.tensor([0.2, 0.5, 0.3]).reshape(1, 3, 1, 1, 1)).sum(1, keepdim=True)


@pytest.mark.parametrize("seed", range(4))
def test_a_region_of_interest_lies_inside_and_is_as_small_as_allowed(ramp, seed):
    generator = torch.Generator().manual_seed(seed)
    view = TrainingView.draw(Augment(turn=0, crop=0.5), generator)
    half = view.matrix.diagonal() / 2
    assert torch.equal(view.matrix, torch.diag(view.matrix.diagonal()))
    assert float(half.min()) >= 0.25
    assert float((view.centre - half).min()) >= 0
    assert float((view.centre + half).max()) <= 1
    shown = view.show(ramp, torch.zeros(1, 3, *SHAPE))
    corner = view.centre - half
    expected = float((corner * torch.tensor([0.2, 0.5, 0.3])).sum())
    assert float(shown[0, 0, 0, 0, 0]) == pytest.approx(expected, abs=1e-5)


def test_axes_are_turned_and_flipped():
    found = {
        tuple(
            TrainingView.draw(Augment(), torch.Generator().manual_seed(seed))
            .matrix.flatten()
            .tolist()
        )
        for seed in range(400)
    }
    assert len(found) == 48  # 6 orders of the axes, 8 ways to flip them
    assert all(sorted(map(abs, each)) == [0] * 6 + [1] * 3 for each in found)


def test_a_known_displacement_stays_known(ramp):
    """What leads from one place to another in the image does so in what is shown of it."""
    view = TrainingView.draw(Augment(crop=0.5), torch.Generator().manual_seed(1))
    u = torch.tensor([0.02, -0.03, 0.01]).reshape(1, 3, 1, 1, 1).expand(1, 3, *SHAPE)
    moved = ramp + (u * torch.tensor([0.2, 0.5, 0.3]).reshape(1, 3, 1, 1, 1)).sum(1, keepdim=True)
    there = view.show(ramp, view.seen(u))
    inside = (slice(None), slice(None), *[slice(4, -4)] * 3)
    assert torch.allclose(there[inside], view.show(moved, torch.zeros_like(u))[inside], atol=1e-4)


def test_labels_stay_whole(ramp):
    view = TrainingView.draw(Augment(crop=0.5), torch.Generator().manual_seed(2))
    labels = (ramp * 20).to(torch.uint8)
    shown = view.show(labels, torch.zeros(1, 3, *SHAPE), nearest=True)
    assert shown.dtype == torch.int64
    assert set(shown.unique().tolist()) <= set(labels.unique().tolist())
