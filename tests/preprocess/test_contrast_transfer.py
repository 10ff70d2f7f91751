"""Moving in the contrast of fixed."""

import pytest
import torch
from torch.nn import functional

from regkit.preprocess.contrast_transfer import transfer_contrast


@pytest.fixture
def tissues():
    """Three tissues in a dark surrounding, and where there is one."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randn(1, 4, 8, 8, 8, generator=generator)
    fine = functional.interpolate(coarse, size=(48, 48, 48), mode="trilinear")
    return fine.argmax(1)[0]


def _painted(tissues, values):
    return torch.tensor([0.0, *values])[tissues]


def test_another_contrast_becomes_that_of_fixed(tissues):
    fixed, moving = _painted(tissues, (0.3, 0.6, 0.9)), _painted(tissues, (0.8, 0.4, 0.6))
    found = transfer_contrast(moving, fixed)
    assert torch.allclose(found, fixed, atol=0.02)
    assert bool((found[tissues == 0] == 0).all())


def test_rough_alignment_is_enough(tissues):
    fixed = _painted(tissues, (0.3, 0.6, 0.9))
    moving = _painted(tissues, (0.8, 0.4, 0.6)).roll(2, 0)
    found = transfer_contrast(moving, fixed)
    truth = fixed.roll(2, 0)
    lit = truth > 0
    together = torch.corrcoef(torch.stack([found[lit], truth[lit]]))[0, 1]
    assert float(together) > 0.95
    assert 0 <= float(found.min()) <= float(found.max()) <= 1


def test_what_has_nothing_in_common_stays():
    bright = torch.zeros(6, 6, 6)
    bright[:3] = 0.5
    assert torch.equal(transfer_contrast(bright, bright.flip(0)), bright)
