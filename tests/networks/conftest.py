"""Networks that move things: new ones give no displacement at all."""

import pytest
import torch

from regkit.networks.gradicon import gradicon


def randomised(network, seed=0):
    """Weights, and statistics of the batch norms, as a trained network might have them.

    Every step moves points by a few hundredths of the field of view.
    """
    generator = torch.Generator().manual_seed(seed)

    def normal(like, scale, mean=0.0):
        return mean + scale * torch.randn(like.shape, generator=generator)

    with torch.no_grad():
        for name, value in network.state_dict().items():
            if "running_var" in name or ("batchNorms" in name and "weight" in name):
                value.copy_(1 + 0.2 * torch.rand(value.shape, generator=generator))
            elif "lastConv.weight" in name:
                value.copy_(normal(value, 0.02))
            elif "batchNorms" in name and value.ndim:
                value.copy_(normal(value, 0.1))
    return network.eval()


@pytest.fixture(params=[2, 3], ids=["2d", "3d"])
def ndim(request):
    return request.param


@pytest.fixture(scope="session")
def network():
    """Call with the number of axes."""
    torch.manual_seed(0)
    made = {n: randomised(gradicon(n)) for n in (2, 3)}
    return made.__getitem__


@pytest.fixture(scope="session")
def images():
    """Call with a shape: two images of blobs, (1, 1, *shape)."""

    def make(shape, seed=0):
        generator = torch.Generator().manual_seed(seed)
        coarse = torch.rand(2, 1, *[max(n // 6, 2) for n in shape], generator=generator)
        mode = {2: "bilinear", 3: "trilinear"}[len(shape)]
        both = torch.nn.functional.interpolate(coarse, size=tuple(shape), mode=mode)
        return both[:1], both[1:]

    return make
