import pytest
import torch

SPACES = [(9, 11), (7, 9, 11), (1, 9, 11), (7, 1, 11), (7, 9, 1), (1, 1, 5)]


@pytest.fixture(params=SPACES, ids=str)
def shape(request):
    """2-D and 3-D arrays, some with axes of one voxel."""
    return request.param


@pytest.fixture
def draw():
    """Standard normal numbers, the same in every run."""
    generator = torch.Generator().manual_seed(0)
    return lambda *shape: torch.randn(*shape, generator=generator)


@pytest.fixture
def on_torch(monkeypatch):
    """Call to send what follows to the PyTorch references."""
    return lambda: monkeypatch.setenv("REGKIT_KERNELS", "torch")
