import pytest
import torch

from regkit.losses import LNCC, MIND, MSE, MutualInformation

SIMILARITIES = [MSE(), LNCC(2), LNCC(1, squared=True), MIND(), MutualInformation(bins=16)]


@pytest.fixture(params=SIMILARITIES, ids=lambda s: s.name)
def similarity(request):
    """Each of the similarities."""
    return request.param


@pytest.fixture
def draw():
    """Numbers between 0.1 and 0.9, the same in every run."""
    generator = torch.Generator().manual_seed(0)
    return lambda *shape: 0.1 + 0.8 * torch.rand(*shape, generator=generator)
