"""Features layer by layer, on encoders whose layers are planted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from probes.diagnosis.redundancy.layer_sections import layer_checks, layer_sections
from probes.diagnosis.redundancy.layers import layer_correlation, layer_spectra
from probes.diagnosis.redundancy.probing import encode_images
from probes.diagnosis.redundancy.tables import (
    REDUNDANCY_TABLES,
    EncoderRedundancy,
    redundancy_tables,
)
from regkit import InputError
from regkit.optional_packages import mend_torchvision


def _images(count: int = 40, bands: int = 12, size: int = 8) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, bands, size, size, generator=generator)


def _mixing(rank: int, inputs: int, outputs: int, seed: int = 0) -> nn.Conv2d:
    """A layer whose features use as many directions as its weights have rank."""
    generator = torch.Generator().manual_seed(seed)
    layer = nn.Conv2d(inputs, outputs, 1)
    thin = torch.randn(outputs, rank, generator=generator)
    flat = torch.randn(rank, inputs, generator=generator)
    layer.weight = nn.Parameter((thin @ flat)[..., None, None])
    return layer


@pytest.mark.parametrize("ranks", [(5, 3), (12, 7), (1, 1)])
def test_the_rank_of_every_planted_layer_is_found(ranks):
    encoder = nn.Sequential(_mixing(ranks[0], 12, 20), _mixing(ranks[1], 20, 30, seed=1))
    found = layer_spectra(encoder, _images()).spectra
    assert [each.rank for each in found.values()] == [ranks[0], min(ranks)]
    assert [each.features for each in found.values()] == [20, 30]
    assert found["1"].ratios[: min(ranks)].sum() == pytest.approx(1)
    assert found["1"].needed(1 - 1e-6) <= min(ranks)


def test_the_last_layer_has_the_features_of_the_encoder():
    encoder, images = nn.Sequential(_mixing(9, 12, 10), nn.ReLU(), _mixing(6, 10, 8)), _images()
    whole = encode_images(encoder, images)
    last = layer_spectra(encoder, images).spectra["2"]
    variances = np.linalg.svd(whole - whole.mean(0), compute_uv=False) ** 2
    np.testing.assert_allclose(last.ratios, variances / variances.sum(), atol=1e-6)


class _Twins(nn.Module):
    """Two copies of a layer, one that only turns and scales them, and one that is another."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.copy = _mixing(6, 12, 6), _mixing(6, 12, 6)
        turned = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(3)))[0]
        self.turned = nn.Conv2d(6, 6, 1, bias=False)
        self.turned.weight = nn.Parameter(-3 * turned[..., None, None])
        self.other = _mixing(6, 12, 40, seed=9)
        self.unused = nn.Linear(3, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        noise = torch.rand(images.shape, generator=torch.Generator().manual_seed(len(images)))
        return self.turned(self.one(images)), self.copy(images), self.other(noise)


def test_copies_of_a_layer_correlate_1_and_unrelated_ones_do_not():
    found = layer_spectra(_Twins(), _images(200, size=2), batch_size=200)
    assert list(found.spectra) == ["one", "copy", "turned", "other"]  # unused is not reached
    np.testing.assert_allclose(found.correlation[:3, :3], 1, atol=1e-5)
    assert np.abs(found.correlation[3, :3]).max() < 0.1
    assert found.spectra["one"].rank == found.spectra["copy"].rank == 6


def test_many_unrelated_features_are_not_alike_by_their_number():
    generator = np.random.default_rng(0)
    found = layer_correlation([generator.normal(size=(30, 2000)) for _ in range(2)])
    assert abs(found[0, 1]) < 0.1
    assert found[1, 1] == pytest.approx(1)


def test_the_estimate_is_that_of_the_formula():
    """HSIC_1 of Song et al. 2012, JMLR 13, eq. 5, written out."""
    generator = np.random.default_rng(1)
    one = generator.normal(size=(9, 3))
    other = one @ generator.normal(size=(3, 4)) + generator.normal(size=(9, 4))

    def hsic(a, b):
        k, m = (each @ each.T * (1 - np.eye(9)) for each in (a, b))
        n, ones = 9, np.ones(9)
        return (
            np.trace(k @ m) + ones @ k @ ones * (ones @ m @ ones) / ((n - 1) * (n - 2))
            - 2 / (n - 2) * ones @ k @ m @ ones
        ) / (n * (n - 3))  # fmt: skip

    wanted = hsic(one, other) / np.sqrt(hsic(one, one) * hsic(other, other))
    assert layer_correlation([one, other])[0, 1] == pytest.approx(wanted)


def test_blocks_of_networks_of_timm_are_layers():
    mend_torchvision()
    import timm
    from timm.models.vision_transformer import VisionTransformer

    torch.manual_seed(0)
    images = _images(6, bands=3, size=32)
    found = layer_spectra(timm.create_model("resnet18", num_classes=0), images)
    assert list(found.spectra) == [
        "conv1", *(f"layer{stage}.{block}" for stage in range(1, 5) for block in range(2))
    ]  # fmt: skip
    transformer = VisionTransformer(
        img_size=32, patch_size=8, embed_dim=16, depth=2, num_heads=2, num_classes=0
    )
    found = layer_spectra(transformer, images)
    assert {name: each.features for name, each in found.spectra.items()} == {
        "patch_embed": 16, "blocks.0": 16, "blocks.1": 16
    }  # fmt: skip


def test_at_most_a_thousand_images_are_taken():
    seen = []

    class Counting(nn.Conv2d):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            seen.append(len(images))
            return super().forward(images)

    layer_spectra(nn.Sequential(Counting(1, 2, 1)), torch.rand(2500, 1, 1, 1), batch_size=5000)
    assert seen == [1, 834]  # every third


def test_a_layer_that_is_dead_is_named_and_has_no_correlation():
    dead = nn.Conv2d(12, 4, 1)
    nn.init.zeros_(dead.weight)
    found = layer_spectra(nn.Sequential(dead, _mixing(2, 4, 5)), _images())
    assert found.constant == ["0", "1"]
    assert [each.needed(0.95) for each in found.spectra.values()] == [0, 0]
    assert np.isnan(found.correlation).all()
    whole = {"net": EncoderRedundancy([], found)}
    (check,) = layer_checks(whole)
    assert "net: the features of 2 of 2 layers do not vary between the images: 0, 1." in check.text
    text = str(layer_sections(whole, {"net": "#000000"}))
    assert "<td>0</td>" in text
    rows = redundancy_tables(whole)
    assert tuple(rows) == REDUNDANCY_TABLES
    assert rows["layers.csv"][1][:4] == ("net", "0", 4, 0)


def test_three_images_are_too_few():
    with pytest.raises(InputError, match="by 4 images at least; there are 3"):
        layer_spectra(nn.Sequential(nn.Conv2d(12, 2, 1)), _images(3))
