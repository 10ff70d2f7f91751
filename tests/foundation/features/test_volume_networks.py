"""Backbones in 3-D: deepbet, MONAI's networks, and whatever a function makes."""

from importlib.util import find_spec

import pytest
import torch
import yaml
from safetensors.torch import save_file
from torch import nn

from foundation.features.deepbet_layers import as_deepbet_sees
from foundation.features.padded import PaddedFeatures
from regkit.errors import InputError
from regkit.features import open_extractor
from regkit.registration.devices import resolve_device


def plain():
    return nn.Sequential(nn.Conv3d(1, 3, 3, padding=1), nn.MaxPool3d(2))


def test_padding_shows_in_no_map():
    network = nn.Sequential(nn.MaxPool3d(4))
    found = PaddedFeatures("net", network, ("0",), ndim=3, multiple=4)
    images = torch.rand(1, 1, 8, 9, 12)
    (maps,) = found(images, None)
    assert maps.shape == (1, 1, 2, 3, 3)
    assert maps[..., :2, :].equal(nn.functional.max_pool3d(images[..., :8, :], 4))
    with pytest.raises(InputError, match="takes images of 3 axes, not 2"):
        found(images[0], None)


def test_a_function_makes_a_backbone():
    found = open_extractor("module=tests.foundation.features.test_volume_networks:plain", ["0"])
    assert found(torch.rand(1, 1, 6, 6, 6), None)[0].shape == (1, 3, 6, 6, 6)
    assert found.to(resolve_device("cpu")) is found
    for word, message in (
        ("plain", "write module=package.module:function"),
        ("nowhere:plain", "cannot be made"),
        ("builtins:list", "returns list"),
    ):
        with pytest.raises(InputError, match=message):
            open_extractor(f"module={word}")


UNET = {"spatial_dims": 3, "in_channels": 1, "out_channels": 2, "channels": [4, 8], "strides": [2]}


@pytest.fixture
def folder(tmp_path):
    nets = pytest.importorskip("monai.networks.nets", reason="the extra monai is not installed")
    torch.manual_seed(1)
    network = nets.UNet(**UNET)
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    said = {"network": "UNet", "arguments": UNET, "multiple": 2, "layers": ["model.1"]}
    (tmp_path / "network.yaml").write_text(yaml.safe_dump(said))
    return tmp_path, network, said


def test_weights_of_monai_are_those_of_the_file(folder):
    path, network, _ = folder
    found = open_extractor(f"monai={path}")
    images = torch.rand(1, 1, 8, 8, 8)
    theirs = []
    network.eval().get_submodule("model.1").register_forward_hook(lambda m, i, o: theirs.append(o))
    shown = (images - images.mean()) / images.std()
    network(shown)
    assert torch.allclose(found(images, None)[0], theirs[0], atol=1e-5)


def test_what_is_wrong_with_a_folder_of_monai_is_named(folder):
    path, _, said = folder
    for change, message in (
        ({"network": "UNETR"}, "network 'UNETR'"),
        ({"layer": ["model"]}, "'layer' is not known; did you mean 'layers'"),
        ({"layers": ["model.9"]}, "no layer 'model.9'"),
        ({"arguments": {**UNET, "channels": [8, 8]}}, "is of another network"),
        ({"shown": "raw"}, "shown 'raw'; allowed: unit, standardised"),
    ):
        (path / "network.yaml").write_text(yaml.safe_dump({**said, **change}))
        with pytest.raises(InputError, match=message):
            open_extractor(f"monai={path}")
    (path / "weights.safetensors").unlink()
    (path / "network.yaml").write_text(yaml.safe_dump(said))
    with pytest.raises(InputError, match="holds 0 files of weights"):
        open_extractor(f"monai={path}")


def test_deepbet_is_shown_what_it_was_trained_on():
    images = torch.rand(1, 1, 8, 8, 8)
    seen = as_deepbet_sees(images)
    assert seen.mean().item() == pytest.approx(0.449, abs=1e-5)
    assert seen.std().item() == pytest.approx(0.226, abs=1e-5)


@pytest.mark.skipif(find_spec("deepbet") is None, reason="deepbet 1.0.2 is not installed")
@pytest.mark.filterwarnings("ignore:.torch.jit.load. is deprecated")
def test_every_level_of_deepbet():
    found = open_extractor("deepbet")
    maps = found(torch.rand(1, 1, 40, 32, 32), None)
    by_name = dict(zip(found.layers, maps, strict=True))
    assert by_name["down3"].shape[1] == 128
    assert by_name["init"].shape[2:] == (10, 8, 8)
