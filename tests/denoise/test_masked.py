import pytest
import torch

from denoise.learning.masked import MaskedVoxels
from denoise.networks.unet import ResidualUNet, Shape
from denoise.tiles import map_tiles

SHAPE = Shape((4, 8), ((2, 2, 2),))


def _net():
    torch.manual_seed(0)
    net = ResidualUNet(SHAPE).double()
    for parameter in net.last.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return net.eval()


@pytest.mark.parametrize("hidden", [(0, 0, 0), (1, 0, 0), (0, 1, 1)])
@pytest.mark.parametrize("places", ["random", "grid"])
def test_nothing_of_a_hidden_voxel_is_seen(places, hidden):
    """Neither of its own value nor, where noise is correlated, of those beside it."""
    noisy = torch.randn(1, 1, 12, 11, 10, dtype=torch.float64, requires_grad=True)
    masked = MaskedVoxels(places, hidden)
    chosen = masked._drawn(noisy, torch.Generator().manual_seed(0))
    at = tuple(chosen.nonzero()[len(chosen.nonzero()) // 2].tolist())
    masked.without(noisy, chosen)[at].backward()
    around = [slice(max(0, c - h), c + h + 1) for c, h in zip(at[2:], hidden, strict=True)]
    assert (noisy.grad[(0, 0, *around)] == 0).all()
    assert (noisy.grad != 0).any()


def test_a_voxel_takes_no_part_in_its_own_noise2self_estimate():
    net, masked = _net(), MaskedVoxels("grid")
    noisy = torch.randn(1, 1, 13, 9, 6, dtype=torch.float64)
    for at in [(0, 0, 0), (6, 5, 3), (12, 8, 5)]:
        moved = noisy.clone()
        moved[(0, 0, *at)] += 5
        with torch.no_grad():
            found, other = masked.denoised(net, noisy, 1.0), masked.denoised(net, moved, 1.0)
        assert found[(0, 0, *at)] == other[(0, 0, *at)]
        assert not torch.equal(found, other)


def test_noise2self_has_no_seams():
    net, masked = _net(), MaskedVoxels("grid")
    image = torch.randn(33, 20, 17, dtype=torch.float64)
    with torch.no_grad():
        whole = masked.denoised(net, image[None, None], 1.0)[0, 0]
        parts = map_tiles(
            lambda box: masked.denoised(net, box, 1.0), image,
            reach=tuple(r + 1 for r in SHAPE.reach), multiple=SHAPE.multiple, voxels=5000,
        )  # fmt: skip
    torch.testing.assert_close(parts, whole.float(), atol=1e-5, rtol=0, check_dtype=False)
