"""Slimming and spectra on encoders and features whose redundancy is planted."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

from probes.diagnosis.redundancy.operations import flops, width_of_share
from probes.diagnosis.redundancy.probing import encode_images, width_curve
from probes.diagnosis.redundancy.sides import ProbedImages
from probes.diagnosis.redundancy.slimming import slim
from probes.diagnosis.redundancy.spectrum import feature_spectrum
from regkit import InputError
from regkit.optional_packages import mend_torchvision


def _seeded_images(count: int = 3, bands: int = 3, size: int = 32) -> torch.Tensor:
    return torch.rand(count, bands, size, size, generator=torch.Generator().manual_seed(0))


def _sequence() -> nn.Sequential:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
        nn.Sequential(nn.Conv2d(6, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4),
    )  # fmt: skip
    return _lived(network)


def _lived(network: nn.Module) -> nn.Module:
    """Statistics of batches that are not those of a fresh network."""
    with torch.no_grad():
        network.train()
        for seed in range(3):
            generator = torch.Generator().manual_seed(seed)
            network(torch.randn(8, 3, 32, 32, generator=generator))
    return network.eval()


def _doubled(network: nn.Module) -> nn.Module:
    """The same network with every channel twice, and the same features twice."""
    network, is_first = deepcopy(network), True
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            weight = part.weight.detach()
            wide = weight if is_first else torch.cat([weight, weight], 1) / 2
            part.weight = nn.Parameter(torch.cat([wide, wide], 0))
            if part.bias is not None:
                part.bias = nn.Parameter(torch.cat([part.bias, part.bias]))
            is_first = False
        elif isinstance(part, nn.BatchNorm2d):
            part.num_features *= 2
            for name in ("weight", "bias"):
                values = getattr(part, name)
                setattr(part, name, nn.Parameter(torch.cat([values, values])))
            for name in ("running_mean", "running_var"):
                values = getattr(part, name)
                setattr(part, name, torch.cat([values, values]))
    return network.eval()


def _resnet() -> nn.Module:
    mend_torchvision()
    import timm

    torch.manual_seed(0)
    return _lived(timm.create_model("resnet18", pretrained=False, num_classes=0))


def _grouped() -> nn.Sequential:
    """Three groups at its middle; its channels twice make six."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=2), nn.ReLU(), nn.Conv2d(8, 4, 1)
    ).eval()


def _block(name: str) -> type[nn.Module]:
    mend_torchvision()
    from timm.models import vision_transformer

    return getattr(vision_transformer, name)


def _with_classifier() -> nn.Module:
    mend_torchvision()
    import timm

    return timm.create_model("resnet10t", pretrained=False, num_classes=5)


def _transformer(heads: int = 4, **more: object) -> nn.Module:
    mend_torchvision()
    from timm.models.vision_transformer import VisionTransformer

    torch.manual_seed(0)
    return VisionTransformer(
        img_size=32, patch_size=8, embed_dim=8 * heads, depth=2, num_heads=heads, num_classes=0,
        init_values=0.3, **more,
    ).eval()  # fmt: skip


@pytest.mark.parametrize("make", [_sequence, _resnet])
def test_an_encoder_whose_channels_are_there_twice_is_the_same_at_half_its_width(make):
    plain = make()
    doubled = _doubled(plain)
    images = _seeded_images()
    with torch.no_grad():
        wanted = plain(images)
        torch.testing.assert_close(doubled(images), torch.cat([wanted, wanted], 1))
        torch.testing.assert_close(slim(doubled, 0.5)(images), wanted, atol=1e-5, rtol=1e-4)


def test_a_transformer_whose_heads_are_there_twice_is_the_same_with_half_of_them():
    plain, wide = _transformer(2), _transformer(4)
    state = plain.state_dict()
    twice = {}
    for name, target in wide.state_dict().items():
        values = state[name]
        if name.endswith("qkv.weight"):
            values = values.reshape(3, 16, 16).repeat(1, 2, 2).reshape(96, 32) / 2
        elif name.endswith("qkv.bias"):
            values = values.reshape(3, 16).repeat(1, 2).flatten()
        elif values.shape != target.shape:
            times = [b // a for a, b in zip(values.shape, target.shape, strict=True)]
            inputs = times[1] if values.ndim == 2 and "weight" in name else 1
            values = values.repeat(*times) / inputs
        twice[name] = values
    wide.load_state_dict(twice)
    images = _seeded_images()
    with torch.no_grad():
        wanted = plain(images)
        torch.testing.assert_close(wide(images), torch.cat([wanted, wanted], 1))
        torch.testing.assert_close(slim(wide, 0.5)(images), wanted, atol=1e-5, rtol=1e-4)


def test_groups_of_a_convolution_that_are_there_twice_are_the_same_at_half_the_width():
    plain = _grouped()
    doubled = deepcopy(plain)
    for part in (doubled[0], doubled[4]):
        weight = part.weight.detach()
        wide = weight if part is doubled[0] else torch.cat([weight, weight], 1) / 2
        part.weight, part.bias = (
            nn.Parameter(torch.cat([each, each])) for each in (wide, part.bias.detach())
        )
    middle = doubled[2]
    middle.weight, middle.bias = (
        nn.Parameter(torch.cat([each, each]).detach()) for each in (middle.weight, middle.bias)
    )
    middle.groups, middle.in_channels, middle.out_channels = 4, 16, 16
    images = _seeded_images()
    with torch.no_grad():
        wanted = plain(images)
        torch.testing.assert_close(doubled(images), torch.cat([wanted, wanted], 1))
        torch.testing.assert_close(slim(doubled, 0.5)(images), wanted, atol=1e-5, rtol=1e-4)


def test_gates_and_values_keep_the_first_part_of_each():
    mend_torchvision()
    from timm.layers import SwiGLUPacked

    wide = _transformer(mlp_layer=SwiGLUPacked)
    narrow = slim(wide, 0.5)
    before, after = (each.blocks[0].mlp.fc1.bias.detach() for each in (wide, narrow))
    torch.testing.assert_close(after, before.reshape(2, 2, -1)[:, 0].flatten())
    assert narrow(_seeded_images()).shape == (3, 16)


def test_what_is_derived_from_a_transformer_of_timm_is_one():
    encoder = _transformer()
    encoder.__class__ = type("SatelliteEncoder", (type(encoder),), {})
    assert slim(encoder, 0.5)(_seeded_images()).shape == (3, 16)


@pytest.mark.filterwarnings("ignore")
def test_a_residual_network_of_torchvision_is_slimmed():
    mend_torchvision()
    from torchvision.models import resnet18

    encoder = resnet18().eval()
    encoder.fc = nn.Identity()
    assert slim(encoder, 0.25)(_seeded_images()).shape == (3, 128)


@pytest.mark.parametrize("make", [_sequence, _resnet, _transformer])
def test_the_whole_width_is_the_encoder_itself(make):
    encoder, images = make(), _seeded_images()
    with torch.no_grad():
        torch.testing.assert_close(slim(encoder, 1.0)(images), encoder(images))


@pytest.mark.parametrize("make", [_sequence, _resnet, _transformer])
def test_half_the_width_costs_about_a_quarter(make):
    encoder, images = make(), _seeded_images(1)
    share = flops(slim(encoder, 0.5), images) / flops(encoder, images)
    assert 0.2 < share < 0.5
    assert len(slim(encoder, 0.5)(images)[0]) == len(encoder(images)[0]) // 2


def test_operations_are_those_that_can_be_counted_by_hand():
    layer = nn.Conv2d(3, 8, 3, padding=1, bias=False)
    assert flops(layer, torch.zeros(2, 3, 10, 10)) == 2 * 2 * 3 * 8 * 9 * 100


def test_operations_of_attention_count():
    """timm and Touvron et al. 2021 give 1.26 billion products for the tiny one at 224 pixels."""
    mend_torchvision()
    import timm

    encoder = timm.create_model("vit_tiny_patch16_224", pretrained=False, num_classes=0).eval()
    found = flops(encoder, torch.zeros(1, 3, 224, 224))
    tokens, width, depth = 197, 192, 12
    layers = 196 * 768 * width + depth * tokens * width * width * 12
    assert found == 2 * (layers + depth * 2 * tokens**2 * width)
    assert found / 2 == pytest.approx(1.26e9, rel=0.01)


@pytest.mark.parametrize("make", [_sequence, _resnet, _transformer])
def test_the_width_of_a_share_is_the_largest_that_costs_no_more(make):
    encoder, image = make(), _seeded_images(1)
    width = width_of_share(encoder, image, 0.5)
    whole = flops(encoder, image)
    assert flops(slim(encoder, width), image) <= whole / 2
    assert flops(slim(encoder, width + 1 / 256), image) > whole / 2


@pytest.mark.parametrize("rank", [1, 3, 7])
def test_the_rank_of_planted_features_is_found(rank):
    generator = np.random.default_rng(0)
    planted = generator.normal(size=(50, rank)) @ generator.normal(size=(rank, 40))
    found = feature_spectrum(planted)
    assert (found.rank, found.features) == (rank, 40)
    assert found.needed(1.0) == rank
    assert found.effective_rank <= rank + 1e-9


def test_independent_features_are_neither_redundant_nor_alike():
    found = feature_spectrum(np.random.default_rng(0).normal(size=(4000, 10)))
    assert found.effective_rank == pytest.approx(10, abs=0.1)
    assert found.correlation < 0.03


def test_the_curve_of_a_doubled_encoder_is_flat_to_half_its_width():
    """Colour tells the classes; the probes of half of the channels are those of all of them."""
    generator = torch.Generator().manual_seed(0)
    classes = np.arange(80) % 2
    images = torch.rand(80, 3, 32, 32, generator=generator)
    images[classes == 1, 0] += 0.5
    learnt = np.arange(80) < 40
    doubled = _doubled(_sequence())
    probed = ProbedImages(images, classes, learnt)
    found = width_curve(doubled, probed, (0.5, 0.125), resamples=200)
    assert [each.width for each in found] == [1.0, 0.5, 0.125]
    assert found[0].linear.estimate > 0.95
    assert found[1].relative.estimate == pytest.approx(1)
    assert found[1].spectrum.rank == found[0].spectrum.rank
    assert found[2].operations < found[1].operations < 0.5


def test_maps_are_averaged():
    encoder = nn.Sequential(nn.Conv2d(3, 5, 1))
    images = _seeded_images(4)
    assert encode_images(encoder, images).shape == (4, 5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: slim(_sequence(), 0), "width 0 is not allowed"),
        (lambda: slim(nn.Linear(3, 3), 0.5), "an encoder of the kind Linear cannot be slimmed"),
        (
            lambda: slim(_grouped(), 0.25),
            "2 of 8 channels do not fill whole groups of 4",
        ),
        (
            lambda: slim(_transformer(global_pool="map"), 0.5),
            "attn_pool.kv.bias, of a Linear, is no layer whose width can be cut",
        ),
        (
            lambda: slim(_transformer(block_fn=_block("ParallelThingsBlock")), 0.5),
            "a VisionTransformer with such blocks cannot be slimmed",
        ),
        (lambda: slim(_with_classifier(), 0.5), "the encoder ends in a classifier"),
        (
            lambda: width_of_share(_sequence(), _seeded_images(1), 0.001),
            "fewer than the narrowest form of the encoder needs",
        ),
        (lambda: slim(nn.Sequential(nn.LSTM(3, 3)), 0.5), "is a LSTM, which cannot be slimmed"),
        (lambda: slim(nn.Sequential(nn.ReLU()), 0.5), "no linear layer to be cut"),
        (lambda: feature_spectrum(np.ones((4, 3))), "no feature varies"),
        (lambda: feature_spectrum(np.ones(4)), "must be two rows at least"),
        (
            lambda: ProbedImages(_seeded_images(4), np.array([0, 1, 0, 0]), np.arange(4) < 2),
            r"learn from classes \[0, 1\] and are judged by \[0\]",
        ),
        (
            lambda: ProbedImages(
                _seeded_images(4), np.array([0, 1, 0, 1]), np.arange(4) < 2, ["a", "b", "b", "c"]
            ),
            "subject b is on both sides",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()
