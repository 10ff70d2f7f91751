"""Relevance: conserved through residual networks, and its rules on layers done by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from probes.diagnosis.attribution.relevance import relevance
from regkit import InputError
from regkit.optional_packages import mend_torchvision
from tests.probes.diagnosis.planted_evidence import (
    SIZE,
    planted_images,
    small_transformer,
    trained_network,
    trained_transformer,
)


def _shares(network: nn.Module, images: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Relevance, with what biases took, over the logit."""
    found, taken = relevance(network, images, targets)
    logits = network(images).gather(1, targets[:, None])[:, 0]
    return (found.flatten(1).sum(1) + taken) / logits


def _lived(network: nn.Module, size: int = 64) -> nn.Module:
    """Statistics of batches that are not those of a fresh network."""
    with torch.no_grad():
        for seed in range(3):
            network.train()(torch.randn(8, 3, size, size, generator=_seeded(seed)))
    return network.eval().requires_grad_(False)


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_trained_residual_network_conserves_relevance():
    images, classes = planted_images(12, 1)
    shares = _shares(trained_network(), images, torch.from_numpy(classes))
    torch.testing.assert_close(shares, torch.ones(12), atol=2e-3, rtol=0)


# Two residual blocks in zennit 0.5.1: 4.0 without a canonizer, 1.26 to 1.90 with BatchNorm merged.
def test_a_resnet_of_timm_conserves_relevance():
    mend_torchvision()
    import timm

    torch.manual_seed(0)
    network = _lived(timm.create_model("resnet18", pretrained=False, num_classes=5), 32)
    shares = _shares(network, torch.randn(3, 3, 32, 32, generator=_seeded(9)), torch.arange(3))
    torch.testing.assert_close(shares, torch.ones(3), atol=2e-3, rtol=0)


def test_a_linear_layer_shares_by_products_and_its_bias_takes_its_own():
    layer = nn.Sequential(nn.Flatten(), nn.Linear(3, 2)).requires_grad_(False)
    layer[1].weight.copy_(torch.tensor([[1.0, 2.0, -1.0], [0.0, 0.0, 1.0]]))
    layer[1].bias.copy_(torch.tensor([4.0, 0.0]))
    images = torch.tensor([[[2.0, 3.0, 4.0]]])
    found, taken = relevance(layer, images, torch.tensor([0]))
    torch.testing.assert_close(found, torch.tensor([[[2.0, 6.0, -4.0]]]), atol=1e-4, rtol=0)
    torch.testing.assert_close(taken, torch.tensor([4.0]), atol=1e-4, rtol=0)


def test_signs_stay_where_a_bias_outweighs_the_products():
    layer = nn.Sequential(nn.Flatten(), nn.Linear(2, 2)).requires_grad_(False)
    layer[1].weight.copy_(torch.tensor([[1.0, 2.0], [0.0, 0.0]]))
    layer[1].bias.copy_(torch.tensor([-9.0, 0.0]))
    found, _ = relevance(layer, torch.tensor([[[1.0, 1.0]]]), torch.tensor([0]))
    torch.testing.assert_close(found, torch.tensor([[[1.0, 2.0]]]), atol=1e-4, rtol=0)


def test_a_convolution_shares_by_positive_products():
    layer = nn.Sequential(nn.Conv1d(1, 1, 3), nn.Flatten()).requires_grad_(False)
    layer[0].weight.copy_(torch.tensor([[[1.0, -2.0, 3.0]]]))
    layer[0].bias.copy_(torch.tensor([1.0]))
    images = torch.tensor([[[2.0, -1.0, 4.0]]])
    found, _ = relevance(layer, images, torch.tensor([0]))
    # Positive products are 2, 2 and 12; the logit is 17.
    wanted = torch.tensor([[[2.0, 2.0, 12.0]]]) * 17 / 16
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=0)


def test_batch_norm_is_merged_into_the_convolution_before_it():
    torch.manual_seed(0)
    pair = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(),
                         nn.Linear(4 * 36, 2))  # fmt: skip
    _lived(pair, 8)
    merged = nn.Sequential(nn.utils.fuse_conv_bn_eval(pair[0], pair[1]), *pair[2:])
    merged.requires_grad_(False)
    images, targets = torch.randn(2, 3, 8, 8, generator=_seeded(4)), torch.tensor([0, 1])
    torch.testing.assert_close(
        relevance(pair, images, targets)[0],
        relevance(merged, images, targets)[0],
        atol=1e-4,
        rtol=1e-3,
    )


def test_a_sum_shares_by_the_size_of_its_parts():
    class Doubled(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            wide = nn.functional.pad(images, (1, 1))
            return (wide[..., :-2] + wide[..., 2:]).flatten(1)

    found, _ = relevance(Doubled(), torch.tensor([[[1.0, 2.0, 3.0]]]), torch.tensor([1]))
    torch.testing.assert_close(found, torch.tensor([[[1.0, 0.0, 3.0]]]), atol=1e-4, rtol=0)


class _Attends(nn.Module):
    """Attention without any weights of its own."""

    def __init__(self, **how: object) -> None:
        super().__init__()
        self.how = how

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        given = (tokens, tokens, tokens)
        return nn.functional.scaled_dot_product_attention(*given, **self.how).flatten(1)


def _asked(call, values: list[list[list[float]]], target: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Relevance of what ``call`` makes of values, and what constants take."""

    class Called(nn.Module):
        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return call(tokens).flatten(1)

    return relevance(Called(), torch.tensor(values), torch.tensor([target]))


def test_a_softmax_shares_by_its_expansion_and_its_constant_takes_the_rest():
    logits = torch.tensor([1.0, -2.0, 0.5])
    found, taken = _asked(lambda tokens: tokens.softmax(-1), [[logits.tolist()]], 0)
    said = logits.softmax(0)
    wanted = logits * (torch.tensor([said[0], 0, 0]) - said * said[0])
    torch.testing.assert_close(found[0, 0], wanted, atol=1e-5, rtol=0)
    torch.testing.assert_close(taken[0], said[0] - wanted.sum(), atol=1e-5, rtol=0)


def test_a_product_gives_one_half_to_each_of_its_factors():
    found, _ = _asked(lambda tokens: tokens[..., :1] @ tokens[..., 1:], [[[3.0, 2.0]]], 0)
    torch.testing.assert_close(found, torch.tensor([[[3.0, 3.0]]]), atol=1e-4, rtol=0)
    found, _ = _asked(lambda tokens: tokens[..., :1] * tokens[..., 1:], [[[3.0, 2.0]]], 0)
    torch.testing.assert_close(found, torch.tensor([[[3.0, 3.0]]]), atol=1e-4, rtol=0)


def test_a_layer_norm_is_linear_with_its_spread_held_and_its_bias_takes_its_own():
    tokens, bias = torch.tensor([1.0, 2.0, 6.0]), torch.tensor([0.5, 0.0, 0.0])
    weight = torch.tensor([2.0, 1.0, 1.0])
    found, taken = _asked(
        lambda given: nn.functional.layer_norm(given, (3,), weight, bias), [[tokens.tolist()]], 0
    )
    scale = 2 / (tokens.var(unbiased=False) + 1e-5).sqrt()
    wanted = tokens * scale * torch.tensor([2 / 3, -1 / 3, -1 / 3])
    torch.testing.assert_close(found[0, 0], wanted, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(taken, torch.tensor([0.5]), atol=1e-4, rtol=0)


def test_a_constant_that_is_joined_takes_what_arrives_at_it():
    constant = torch.full((1, 1, 2), 5.0)
    found, taken = _asked(
        lambda tokens: torch.cat([constant, tokens], 1).sum(1), [[[1.0, 2.0], [3.0, 4.0]]], 0
    )
    torch.testing.assert_close(found, torch.tensor([[[1.0, 0.0], [3.0, 0.0]]]), atol=1e-4, rtol=0)
    torch.testing.assert_close(taken, torch.tensor([5.0]), atol=1e-4, rtol=0)


@pytest.mark.parametrize("mask", [
    torch.tensor([[True, False], [True, True]]), torch.tensor([[0.0, -torch.inf], [0.0, 0.5]]), None
])  # fmt: skip
def test_attention_conserves_relevance_under_a_mask(mask):
    tokens = torch.randn(2, 2, 4, generator=_seeded(1))
    network = _Attends(attn_mask=mask)
    shares = _shares(network, tokens, torch.tensor([0, 5]))
    torch.testing.assert_close(shares, torch.ones(2), atol=1e-3, rtol=0)


# lxt 2.1 gives the same maps for blocks of a vision transformer (correlation 0.99998).
@pytest.mark.parametrize(
    ("name", "size", "more"),
    [
        ("vit_tiny_patch16_224", 32, {"patch_size": 8, "img_size": 32}),
        ("swin_tiny_patch4_window7_224", 56, {"img_size": 56, "window_size": 7}),
        ("convnext_atto", 64, {}),
    ],
)
@pytest.mark.parametrize("fused", [False, True])
def test_transformers_of_timm_conserve_relevance(name, size, more, fused):
    mend_torchvision()
    import timm

    torch.manual_seed(0)
    network = timm.create_model(name, num_classes=5, **more).eval().requires_grad_(False)
    for part in network.modules():
        if hasattr(part, "fused_attn"):
            part.fused_attn = fused
    shares = _shares(network, torch.randn(2, 3, size, size, generator=_seeded(9)), torch.arange(2))
    torch.testing.assert_close(shares, torch.ones(2), atol=2e-3, rtol=0)


def test_relevance_of_a_transformer_lies_where_the_evidence_is_once_it_has_learned():
    generator, masks = _seeded(5), torch.zeros(6, SIZE, SIZE)
    images = 0.5 * torch.randn(6, 3, SIZE, SIZE, generator=generator)
    for number in range(6):
        images[number, 0, 4 * number : 4 * number + 8, 8:20] += 1.5
        masks[number, 4 * number : 4 * number + 8, 8:20] = 1
    area, found = float(masks.mean()), {}
    fresh = small_transformer().eval().requires_grad_(False)
    for name, network in (("fresh", fresh), ("trained", trained_transformer())):
        maps = relevance(network, images, torch.zeros(6, dtype=torch.long))[0].sum(1).clamp_min(0)
        found[name] = float(((maps * masks).flatten(1).sum(1) / maps.flatten(1).sum(1)).median())
    assert found["fresh"] < 2 * area
    assert found["trained"] > 4 * area


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(4, 2), nn.Sigmoid()), "no rule for sigmoid"),
        (nn.Sequential(nn.TransformerEncoderLayer(4, 2, 4), nn.Flatten()), "no rule for"),
        (_Attends(is_causal=True), "causal, grouped, or asks by constants"),
        (
            nn.Sequential(nn.BatchNorm1d(1, track_running_stats=False), nn.Flatten()),
            "BatchNorm in evaluation mode",
        ),
    ],
)
def test_what_has_no_rule_is_named(network, message):
    with pytest.raises(InputError, match=message):
        relevance(network.eval().requires_grad_(False), torch.randn(2, 1, 4), torch.tensor([0, 1]))
