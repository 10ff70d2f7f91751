"""Grad-CAM: captum's maps in networks of convolutions, and planted evidence in a transformer."""

from __future__ import annotations

import pytest
import torch
from captum.attr import LayerGradCam
from torch import Tensor, nn

from probes.diagnosis.attribution.gradcam import gradcam_maps
from regkit import InputError
from regkit.optional_packages import mend_torchvision
from tests.probes.diagnosis.planted_evidence import (
    ResidualNetwork,
    planted_images,
    trained_network,
    trained_transformer,
)


def _network(name: str, **more: object) -> nn.Module:
    mend_torchvision()
    import timm

    torch.manual_seed(0)
    network = timm.create_model(name, pretrained=False, num_classes=3, **more)
    return network.eval().requires_grad_(False)


def _images(*size: int) -> Tensor:
    return torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))


_TARGETS = torch.tensor([0, 2])


@pytest.mark.parametrize("size", [(64, 64), (100, 64), (32, 32)])
def test_maps_of_a_residual_network_are_those_of_captum(size):
    """Of the last layer that still has several voxels along each axis."""
    network, images = _network("resnet18"), _images(*size)
    layer = network.layer3 if min(size) == 32 else network.layer4
    wanted = LayerGradCam(network, layer).attribute(images, target=_TARGETS, relu_attributions=True)
    wanted = nn.functional.interpolate(wanted.detach(), size, mode="bilinear")
    torch.testing.assert_close(gradcam_maps(network, images, _TARGETS), wanted)


class _Tokens(nn.Module):
    """Patches of 4 as tokens behind one of the class; the answer is the mean of what they hold."""

    def __init__(self, first: int) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 3, 4, 4, bias=False)
        with torch.no_grad():
            self.embed.weight.copy_(torch.eye(3)[:, :, None, None].expand(3, 3, 4, 4) / 16)
        self.first, self.wide, self.mix = first, nn.Linear(3, 20), nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.embed(images).flatten(2).mT
        tokens = torch.cat([tokens[:, :1].expand(-1, self.first, -1) * 0, tokens], 1)
        self.wide(tokens)  # hidden layers, of another width, have no say
        return self.mix(tokens).mean(1)


@pytest.mark.parametrize("first", [0, 1, 5])
def test_tokens_lie_where_their_patches_do(first):
    images = torch.zeros(1, 3, 16, 24)
    images[0, 1, 4:8, 16:20] = 1
    found = gradcam_maps(_Tokens(first), images, torch.tensor([1]))[0, 0]
    assert divmod(int(found.argmax()), 24) in {(y, x) for y in (5, 6) for x in (17, 18)}
    assert not bool(found[:, :12].any())


def test_the_input_of_the_last_attention_speaks_where_a_class_token_answers():
    """What follows it changes other tokens alone, on which the answer does not depend."""
    network, images = trained_transformer(), planted_images(2, 5)[0]
    kept: list[Tensor] = []
    hook = network.blocks[-1].norm1.register_forward_hook(lambda *seen: kept.append(seen[2]))
    logits = network(images.requires_grad_()).gather(1, _TARGETS[:, None]).sum()
    hook.remove()
    (gradient,) = torch.autograd.grad(logits, kept)
    weights = gradient[:, 1:].mean(1, keepdim=True)
    wanted = (weights * kept[0][:, 1:]).sum(2).reshape(2, 1, 8, 8).relu()
    wanted = nn.functional.interpolate(wanted.detach(), (32, 32), mode="bilinear")
    torch.testing.assert_close(gradcam_maps(network, images, _TARGETS), wanted)


def test_maps_with_channels_last_are_read_as_such():
    network, images = _network("swin_tiny_patch4_window7_224", img_size=64), _images(64, 64)
    kept: list[Tensor] = []
    hook = network.norm.register_forward_hook(lambda *seen: kept.append(seen[2]))
    logits = network(images.requires_grad_()).gather(1, _TARGETS[:, None]).sum()
    hook.remove()
    (gradient,) = torch.autograd.grad(logits, kept)
    wanted = (gradient.mean((1, 2), keepdim=True) * kept[0]).sum(3)[:, None].relu()
    wanted = nn.functional.interpolate(wanted.detach(), (64, 64), mode="bilinear")
    torch.testing.assert_close(gradcam_maps(network, images, _TARGETS), wanted)


def test_a_network_stays_as_it_is():
    network, images = trained_network(), planted_images(6, 1)[0]
    before = network(images)
    gradcam_maps(network, images, torch.zeros(6).long())
    assert torch.equal(network(images), before)
    assert not any(part._forward_hooks for part in network.modules())


@pytest.mark.parametrize(
    ("network", "layer", "message"),
    [
        (ResidualNetwork(), "classifier", r"layer classifier gives \(2, 3\) for images of 32x32"),
        (ResidualNetwork(), "stem.7", "there is no layer 'stem.7'; did you mean"),
        (nn.Sequential(nn.Flatten(), nn.Linear(3072, 3)), None, "needs a layer that gives maps"),
    ],
)
def test_layers_without_maps_are_named(network, layer, message):
    with pytest.raises(InputError, match=message):
        gradcam_maps(network.eval(), _images(32, 32), _TARGETS, layer)
