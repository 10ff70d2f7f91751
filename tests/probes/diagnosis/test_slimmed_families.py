"""ConvNeXt and Swin transformers whose width is cut, with redundancy that is planted."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from probes.diagnosis.redundancy.layers import layer_spectra
from probes.diagnosis.redundancy.operations import flops, width_of_share
from probes.diagnosis.redundancy.slimming import slim
from regkit import InputError
from regkit.optional_packages import mend_torchvision


def _images(count: int = 2, size: int = 32) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))


def _random(network: nn.Module) -> nn.Module:
    """Every weight drawn, also those that begin at zero or one."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for each in network.parameters():
            each.copy_(0.3 * torch.randn(each.shape, generator=generator) + 0.1)
    return network.eval()


def _convnext(times: int = 1, **more: object) -> nn.Module:
    mend_torchvision()
    from timm.models.convnext import ConvNeXt

    dims = tuple(times * each for each in (8, 8, 16, 16))
    return _random(ConvNeXt(depths=(1, 2, 1, 1), dims=dims, num_classes=0, **more))


def _second_convnext(times: int = 1) -> nn.Module:
    return _convnext(times, use_grn=True, ls_init_value=None, conv_mlp=True)


def _swin(times: int = 1) -> nn.Module:
    mend_torchvision()
    from timm.models.swin_transformer import SwinTransformer

    return _random(
        SwinTransformer(
            img_size=32, patch_size=2, window_size=4, embed_dim=8 * times, depths=(2, 2),
            num_heads=(times, 2 * times), num_classes=0,
        )
    )  # fmt: skip


def _twice(name: str, values: Tensor, wide: Tensor) -> Tensor:
    """A parameter of a network whose channels are all there twice."""
    if name.endswith("qkv.weight"):
        return values.reshape(3, -1, values.shape[1]).repeat(1, 2, 2).flatten(0, 1) / 2
    if name.endswith("qkv.bias"):
        return values.reshape(3, -1).repeat(1, 2).flatten()
    if name.endswith("reduction.weight"):  # four neighbours side by side
        return values.reshape(len(values), 4, -1).repeat(2, 1, 2).flatten(1) / 2
    if "downsample.norm" in name and len(values) * 2 == len(wide):
        return values.reshape(4, -1).repeat(1, 2).flatten()
    times = [b // a for a, b in zip(values.shape, wide.shape, strict=True)]
    weight = name.endswith("weight") and values.ndim > 1
    return values.repeat(*times) / (times[1] if weight else 1)


@pytest.mark.parametrize("make", [_convnext, _second_convnext, _swin])
def test_an_encoder_whose_channels_are_there_twice_is_the_same_at_half_its_width(make):
    plain, doubled = make(1), make(2)
    values = plain.state_dict()
    doubled.load_state_dict({
        name: _twice(name, values[name], wide) if wide.shape != values[name].shape else values[name]
        for name, wide in doubled.state_dict().items()
    })  # fmt: skip
    images = _images()
    with torch.no_grad():
        wanted = plain(images)
        torch.testing.assert_close(
            doubled(images), torch.cat([wanted, wanted], 1), rtol=1e-3, atol=1e-4
        )
        torch.testing.assert_close(slim(doubled, 0.5)(images), wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("make", [_convnext, _second_convnext, _swin])
def test_the_whole_width_is_the_encoder_itself(make):
    encoder, images = make(2), _images()
    with torch.no_grad():
        torch.testing.assert_close(slim(encoder, 1.0)(images), encoder(images))


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("convnext_tiny", 4.47e9),
        ("convnext_atto", 0.55e9),
        ("swin_tiny_patch4_window7_224", 4.51e9),
    ],
)
def test_operations_are_those_that_timm_publishes(name, published):
    """Products of one image of 224 pixels, in the table of results of timm."""
    mend_torchvision()
    import timm

    encoder = timm.create_model(name, pretrained=False, num_classes=0).eval()
    assert flops(encoder, torch.zeros(1, 3, 224, 224)) / 2 == pytest.approx(published, rel=0.01)


@pytest.mark.parametrize("make", [_convnext, _swin])
def test_a_share_of_the_operations_is_kept(make):
    encoder, image = make(4), _images(1)
    width = width_of_share(encoder, image, 0.5)
    assert 0.2 < flops(slim(encoder, width), image) / flops(encoder, image) <= 0.5


@pytest.mark.filterwarnings("ignore")
def test_a_convnext_of_torchvision_is_slimmed():
    mend_torchvision()
    from torchvision.models.convnext import CNBlockConfig, ConvNeXt

    encoder = ConvNeXt([CNBlockConfig(8, 16, 1), CNBlockConfig(16, None, 1)]).eval()
    with pytest.raises(InputError, match=r"replace its layer classifier\.2 by nn.Identity"):
        slim(encoder, 0.5)
    encoder.classifier[2] = nn.Identity()
    assert slim(encoder, 0.5)(_images()).shape == (2, 8)
    with torch.no_grad():
        torch.testing.assert_close(slim(encoder, 1.0)(_images()), encoder(_images()))


def test_features_of_a_layer_are_channels_wherever_they_lie():
    found = layer_spectra(_swin(2), _images(6))
    assert found.spectra["layers.0.blocks.0"].features == 16
    assert found.spectra["layers.1.blocks.1"].features == 32


@pytest.mark.parametrize("name", ["convnext_atto", "swin_tiny_patch4_window7_224"])
def test_a_classifier_is_no_encoder(name):
    mend_torchvision()
    import timm

    encoder = timm.create_model(name, pretrained=False, num_classes=5)
    with pytest.raises(InputError, match=r"replace its layer head\.fc by nn.Identity"):
        slim(encoder, 0.5)
