"""The encoder of SAM-Med3D as a backbone: the real architecture with random weights."""

import pytest
import torch

from foundation.features.sam_med3d_layers import open_sam_med3d_layers
from foundation.segmenters import MissingWeightsError
from foundation.segmenters.sam_med3d import sam_med3d_network
from regkit.errors import InputError
from regkit.features import identity_of, open_extractor
from tests.foundation.segmenters.small_models import SMALL

pytest.importorskip("medim", reason="medim is not installed")
DEEP = {**SMALL, "encoder_depth": 3, "vit_patch_size": 8, "encoder_global_attn_indexes": [2]}


@pytest.fixture
def small(monkeypatch):
    """Build small networks wherever the real one is built."""

    def made():
        return sam_med3d_network(**DEEP)

    for place in ("segmenters.sam_med3d", "features.sam_med3d_layers"):
        monkeypatch.setattr(f"foundation.{place}.sam_med3d_network", made)
    torch.manual_seed(0)
    return made()


@pytest.fixture
def checkpoint(small, tmp_path):
    torch.save({"model_state_dict": small.state_dict(), "epoch": 3}, tmp_path / "turbo.pth")
    return tmp_path / "turbo.pth"


def test_maps_are_those_of_the_network_in_the_checkpoint(small, checkpoint):
    found = open_extractor(f"sam-med3d={checkpoint}")
    assert found.layers == ("blocks.2", "neck")
    images = torch.rand(2, 1, 32, 24, 17, generator=torch.Generator().manual_seed(1))
    tokens, embedding = found(images, None)
    assert tokens.shape == (2, 24, 4, 3, 3)
    assert embedding.shape == (2, 48, 4, 3, 3)
    padded = torch.nn.functional.pad(images[:1], (0, 15, 0, 8))
    body = padded[padded > 0]
    theirs = small.eval().image_encoder((padded - body.mean()) / body.std())
    assert torch.allclose(embedding[0], theirs[0, :, :4, :3, :3], atol=1e-5)


def test_a_map_shows_a_place_where_the_image_has_it(checkpoint):
    """Patches of a bright corner differ from those of the same image without it."""
    found = open_extractor(f"sam-med3d={checkpoint}", ["patch_embed"])
    image = torch.rand(1, 1, 32, 32, 32, generator=torch.Generator().manual_seed(2))
    bright = image.clone()
    bright[..., 24:, :8, 8:16] += 3
    change = (found(bright, None)[0] - found(image, None)[0]).square().sum(1)[0]
    assert divmod(int(change.argmax()), 16) == (3, 1)  # (3, 0, 1) of 4 x 4 x 4


def test_random_weights_are_a_baseline_of_their_own(checkpoint):
    found = open_extractor(f"sam-med3d={checkpoint}")
    images = torch.rand(1, 1, 32, 32, 32)
    own, one, again, other = (
        each(images, None)[1]
        for each in (found, *(found.with_random_weights(seed) for seed in (1, 1, 2)))
    )
    assert one.equal(again)
    assert not torch.allclose(one, own, atol=1e-3)
    assert not torch.allclose(one, other, atol=1e-3)


def test_its_maps_can_be_kept_by_the_weights(checkpoint, small):
    known = identity_of(open_extractor(f"sam-med3d={checkpoint}"))
    assert len(known["files"][0]) == 64
    torch.save({"model_state_dict": sam_med3d_network(**DEEP).state_dict()}, checkpoint)
    assert identity_of(open_extractor(f"sam-med3d={checkpoint}"))["files"] != known["files"]


def test_what_does_not_fit_is_named(checkpoint, tmp_path):
    found = open_extractor(f"sam-med3d={checkpoint}")
    with pytest.raises(InputError, match="at most 32 voxels an axis, not 33x8x8; make them coarse"):
        found(torch.rand(1, 1, 33, 8, 8), None)
    with pytest.raises(InputError, match="no contrast above 0"):
        found(torch.zeros(1, 1, 8, 8, 8), None)
    with pytest.raises(InputError, match=r"no layer 'blocks\.3'; allowed: patch_embed, blocks\.0"):
        open_extractor(f"sam-med3d={checkpoint}", ["blocks.3"])
    with pytest.raises(MissingWeightsError, match=r"download sam_med3d_turbo\.pth"):
        open_extractor(f"sam-med3d={tmp_path / 'nowhere.pth'}")


def test_every_third_block_of_the_real_encoder(monkeypatch, tmp_path):
    with torch.device("meta"):
        network = sam_med3d_network()
    filled = f"{open_sam_med3d_layers.__module__}.filled_sam_med3d"
    monkeypatch.setattr(filled, lambda path: (network, path))
    found = open_sam_med3d_layers(tmp_path, None, None)
    assert found.layers == ("blocks.2", "blocks.5", "blocks.8", "blocks.11", "neck")
    assert found.network.img_size == 128
