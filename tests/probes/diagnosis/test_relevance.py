"""Relevance: conserved through residual networks, and its rules on layers done by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from probes.diagnosis.attribution.relevance import relevance
from regkit import InputError
from regkit.optional_packages import mend_torchvision
from tests.probes.diagnosis.planted_evidence import planted_images, trained_network


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


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.Sequential(nn.Flatten(), nn.LayerNorm(4), nn.Linear(4, 2)), "no rule for layer_norm"),
        (nn.Sequential(nn.Flatten(), nn.Linear(4, 2), nn.Softmax(1)), "no rule for softmax"),
        (
            nn.Sequential(nn.BatchNorm1d(1, track_running_stats=False), nn.Flatten()),
            "BatchNorm in evaluation mode",
        ),
    ],
)
def test_what_has_no_rule_is_named(network, message):
    with pytest.raises(InputError, match=message):
        relevance(network.eval().requires_grad_(False), torch.randn(2, 1, 4), torch.tensor([0, 1]))
