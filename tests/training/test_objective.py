"""The objective: at the truth nothing is lost, and each part says what it should."""

import pytest
import torch

from regkit.kernels.sampling import sample_unit, unit_points
from regkit.losses import MSE
from regkit.losses.mass import mass_conserved
from regkit.training.config import Loss
from regkit.training.objective import objective
from regkit.training.pairs import Example, Sample

SHAPE = (20, 18, 16)


@pytest.fixture
def points():
    return unit_points(SHAPE, torch.zeros(()))


@pytest.fixture
def breath(points):
    """A field at rest at the border, and the image of something dense in the middle."""
    bump = (torch.pi * points).sin().square().prod(1, keepdim=True)
    return 0.25 * (points - 0.5) * bump, bump.square()


def _side(image, labels=None):
    return Sample(image, image, torch.ones_like(image), torch.zeros(1, 3, *SHAPE), labels)


def _parts(u, moving, fixed, loss, conserve="nothing"):
    example = Example(moving, fixed, same=False, conserve=conserve)
    return objective(torch.cat([u, torch.zeros_like(u)]), [example], MSE(), loss)


def test_mass_explains_what_warping_alone_does_not(points, breath):
    u, dense = breath
    breathed = mass_conserved(sample_unit(dense, points + u), u)
    still = _parts(torch.zeros_like(u), _side(dense), _side(breathed), Loss())["similarity"]
    plain = _parts(u, _side(dense), _side(breathed), Loss())["similarity"]
    conserved = _parts(u, _side(dense), _side(breathed), Loss(), "mass")["similarity"]
    # The way back is at rest in all three, and counts half.
    assert float(conserved) == pytest.approx(float(still) / 2, rel=1e-4)
    assert float(plain) > 1.1 * float(conserved)


def test_labels_in_their_place_have_no_dice_to_lose(points):
    labels = (points[:, :1] * 3).floor().clamp(max=2).long()
    image = labels.float()
    loss, still = Loss(dice=1.0), torch.zeros(1, 3, *SHAPE)
    there = _parts(still, _side(image, labels), _side(image, labels), loss)["dice"]
    moved = _side(image.roll(4, 2), labels.roll(4, 2))
    away = _parts(still, _side(image, labels), moved, loss)["dice"]
    assert float(there) == pytest.approx(0, abs=1e-6)
    assert float(away) > 0.2


def test_dice_leads_the_field_to_the_labels(points):
    labels = (points[:, :1] > 0.5).long()
    u = torch.zeros(1, 3, *SHAPE, requires_grad=True)
    fixed = _side(labels.float(), labels.roll(3, 2))
    parts = _parts(u, _side(labels.float(), labels), fixed, Loss(dice=1.0))
    (slope,) = torch.autograd.grad(parts["dice"], u)
    # Where fixed begins later, the field must look further back.
    assert float(slope[:, 0].sum()) > 0


def _bump(points, centre, width):
    return (-(points - centre).square().sum(1, keepdim=True) / width**2).exp()


def test_between_two_subjects_the_truth_goes_through_both_deformations(points):
    """Everything is a shift, so that the truth is a sum."""
    shift = torch.zeros(1, 3, *SHAPE)
    moved, turned, between = (shift + torch.tensor(v).reshape(1, 3, 1, 1, 1) for v in (
        (0.02, 0.0, 0.0), (0.0, 0.03, 0.0), (0.0, 0.0, 0.04),
    ))  # fmt: skip
    image = _bump(points, 0.5, 0.2)
    moving, fixed = (Sample(image, image, torch.ones_like(image), u, None) for u in (moved, turned))
    example = Example(moving, fixed, same=False, between=(between, -between))
    u = turned + between - moved
    loss = Loss(coarse=0.5)
    found = objective(torch.cat([u, -u]), [example], MSE(), loss, earlier=[torch.cat([u, -u])])
    assert float(found["truth"]) == pytest.approx(0, abs=0.01)
    assert float(found["coarse"]) == pytest.approx(0, abs=0.01)
    assert "similarity" in found
    still = objective(torch.zeros(2, 3, *SHAPE), [example], MSE(), loss)
    assert float(still["truth"]) == pytest.approx(100 * float(u[0, :, 0, 0, 0].norm()), rel=1e-3)
