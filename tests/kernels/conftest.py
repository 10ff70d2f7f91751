import os
from importlib.util import find_spec

import pytest
import torch

SPACES = [(9, 11), (7, 9, 11), (1, 9, 11), (7, 1, 11), (7, 9, 1), (1, 1, 5)]

if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")  # read when Triton is first imported


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


@pytest.fixture
def on_triton(monkeypatch):
    """The device on which the Triton kernels run: a GPU, else the CPU in Triton's interpreter."""
    if find_spec("triton") is None:
        pytest.skip("triton is not installed: pip install 'regkit[gpu]'")
    if torch.cuda.is_available():
        return "cuda"
    monkeypatch.setenv("REGKIT_KERNELS", "triton")
    return "cpu"
