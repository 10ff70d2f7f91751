"""The fast network finds what the plain one finds."""

import pytest
import torch

from regkit import InputError
from regkit.networks.folded import FoldedUNet
from regkit.networks.gradicon import gradicon
from regkit.networks.inference import displacement, optimize_for_inference, preferred_precision
from regkit.networks.unet import UNet, Widths

SHAPES = [(66, 70), (65, 33), (40, 41, 42), (35, 34, 33), (20, 9, 7), (64, 3, 2)]


@pytest.fixture(scope="module")
def nets(network):
    """Call with the number of axes for one trained U-Net."""
    return {n: network(n).netPsi.net for n in (2, 3)}.__getitem__


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: "x".join(map(str, s)))
@pytest.mark.parametrize(("dtype", "share"), [(torch.float32, 1e-5), (torch.bfloat16, 0.02)])
def test_a_folded_network_is_the_network(nets, shape, dtype, share):
    net = nets(len(shape))
    generator = torch.Generator().manual_seed(1)
    moving, fixed = torch.randn(2, 1, 1, *shape, generator=generator)
    with torch.inference_mode():
        wanted, found = net(moving, fixed), FoldedUNet(net, dtype)(moving, fixed)
    assert found.shape == wanted.shape
    assert found.dtype == torch.float32
    assert float((found - wanted).abs().max()) < share * float(wanted.abs().max())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_network_is_folded_where_it_lies(dtype):
    """On a device without numbers, whatever lay elsewhere would be refused."""
    net = UNet(3, Widths((2, 8, 16), (8,))).to("meta")
    with torch.inference_mode():
        found = FoldedUNet(net, dtype)(*torch.rand(2, 1, 1, 24, 20, 18, device="meta"))
    assert found.device.type == "meta"
    assert found.shape == (1, 3, 12, 10, 9)


def test_a_thin_image_reads_only_what_was_written(nets):
    """Two voxels on the last axis of the deepest level, in memory that others have used."""
    net = nets(3)
    moving, fixed = torch.randn(2, 1, 1, 70, 68, 30, generator=torch.Generator().manual_seed(4))
    with torch.inference_mode():
        wanted = net(moving, fixed)
        most = 0.02 * float(wanted.abs().max())
        _ = [torch.full((4, 2**k), 3e38) for k in range(4, 22)]
        folded = FoldedUNet(net, torch.bfloat16)(moving, fixed)
        with torch.autocast("cpu", torch.bfloat16):
            plain = net(moving, fixed)
        assert float((folded - wanted).abs().max()) < most
        assert float((plain - wanted).abs().max()) < most


def test_without_the_loops_it_is_the_same(nets, monkeypatch):
    net = FoldedUNet(nets(3), torch.float32)
    moving, fixed = torch.randn(2, 1, 1, 21, 22, 23, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        loops = net(moving, fixed)
        monkeypatch.setenv("REGKIT_KERNELS", "torch")
        assert torch.allclose(net(moving, fixed), loops, atol=1e-6)


def test_several_pairs_at_once(nets):
    net = FoldedUNet(nets(3), torch.float32)
    moving, fixed = torch.randn(2, 3, 1, 20, 18, 17, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        alone = torch.cat([net(moving[k : k + 1], fixed[k : k + 1]) for k in range(3)])
        assert torch.allclose(net(moving, fixed), alone, atol=1e-6)


@pytest.mark.parametrize("shape", [(50, 41), (34, 36, 33)], ids=["2d", "3d"])
def test_the_whole_network_is_the_same_within_a_ten_thousandth_of_a_voxel(network, images, shape):
    plain = network(len(shape))
    moving, fixed = images(shape)
    wanted = displacement(plain, moving, fixed)
    assert float(wanted.abs().max()) > 1
    assert (
        float(
            (displacement(optimize_for_inference(plain, precision="fp32"), moving, fixed) - wanted)
            .abs()
            .max()
        )
        < 1e-4
    )
    coarse = displacement(optimize_for_inference(plain, precision="bf16"), moving, fixed)
    assert float((coarse - wanted).abs().max()) < 0.05


def test_displacements_are_in_voxels():
    network = gradicon(2)
    with torch.no_grad():
        network.netPsi.net.lastConv.bias[1] = 10 * 0.25  # a quarter of the field of view
    u = displacement(
        optimize_for_inference(network, precision="fp32"), *torch.rand(2, 1, 1, 41, 33)
    )
    assert torch.allclose(u[0], torch.zeros(41, 33), atol=1e-5)
    assert torch.allclose(u[1], torch.full((41, 33), 0.25 * 32), atol=1e-5)


def test_the_network_stays_as_it_is(network):
    plain = network(2)
    before = {key: value.clone() for key, value in plain.state_dict().items()}
    displacement(optimize_for_inference(plain), *torch.rand(2, 1, 1, 33, 33))
    assert all(torch.equal(value, before[key]) for key, value in plain.state_dict().items())
    assert isinstance(plain.netPsi.net, UNet)


def test_same_bytes_every_time(network, images):
    fast = optimize_for_inference(network(3))
    pair = images((33, 34, 35))
    assert torch.equal(displacement(fast, *pair), displacement(fast, *pair))


def test_what_cannot_be_used_is_said(network):
    with pytest.raises(
        InputError, match="precision 'fp8' does not exist; allowed: auto, bf16, fp32"
    ):
        optimize_for_inference(network(2), precision="fp8")
    with pytest.raises(InputError, match="images of 3 axes do not suit a network of 2"):
        displacement(network(2), *torch.rand(2, 1, 1, 8, 8, 8))
    with pytest.raises(InputError, match="a network of 4 dimensions is not built"):
        gradicon(4)
    assert preferred_precision(torch.device("cpu")) in ("bf16", "fp32")
