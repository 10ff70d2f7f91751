"""DGIR's two settings, and what its released code does wrong, done right here."""

import os
import pathlib

import pytest
import torch

from regkit import InputError
from regkit.features import open_extractor
from regkit.registration.backbones import feature_similarity
from regkit.registration.config import FeatureConfig, make_config

# Block, timestep, LNCC's sigma and slices of config_2d.yaml and config_3d.yaml.
RELEASED = {
    "dgir-2d": ("output_blocks.10", 60, 4.0, None),
    "dgir-3d": ("input_blocks.11", 50, 5.0, 4),
}


@pytest.mark.parametrize("name", RELEASED)
def test_the_presets_are_the_released_settings(name, adm_file):
    """Upstream, the loss that the 3-D configuration names does not exist."""
    found = feature_similarity(f"{name}={adm_file}", FeatureConfig(), 0)
    block, timestep, sigma, slices = RELEASED[name]
    assert (found.extractor.layers, found.extractor.timestep) == ((block,), timestep)
    assert (found.distance, found.sigma, found.slices) == ("lncc", sigma, slices)
    assert (found.noise, found.axes) == ("independent", "random")


def test_single_options_change_a_preset(adm_file):
    """Upstream, the file is read again and what the command line says is lost."""
    given = {"similarity": f"features:dgir-3d={adm_file}", "features": {"sigma": 2.0}}
    config = make_config(file=given, features={"timestep": 7})
    found = feature_similarity(f"dgir-3d={adm_file}", config.features, 0)
    assert (found.sigma, found.extractor.timestep, found.slices) == (2.0, 7, 4)


class _Touch:
    """What runs code when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return pathlib.Path.touch, (pathlib.Path(self.path),)


def test_a_checkpoint_runs_no_code(tmp_path):
    """Upstream, ``torch.load`` unpickles whatever a file holds."""
    torch.save({"input_blocks.0.0.weight": _Touch(tmp_path / "ran")}, tmp_path / "evil.pt")
    with pytest.raises(InputError, match=r"evil\.pt: cannot be read as tensors"):
        open_extractor(f"dgir-3d={tmp_path / 'evil.pt'}")
    assert not (tmp_path / "ran").exists()


def test_no_weight_takes_a_gradient(adm_file, slices):
    """Upstream, gradients of up to 553 M weights are filled that nobody uses."""
    found = feature_similarity(f"dgir-2d={adm_file}", FeatureConfig(), 0)
    found.value_and_gradient(slices[0], slices[1], torch.ones(37, 42))
    assert all(p.grad is None for p in found.extractor.network.parameters())


def test_one_seed_one_value(adm_file, slices):
    """Upstream, noise is drawn from the global state, anew at every call."""
    first, second = (
        float(feature_similarity(f"dgir-2d={adm_file}", FeatureConfig(), 5)(*slices))
        for _ in range(2)
    )
    assert first == second


def _named(variable):
    return pytest.mark.skipif(variable not in os.environ, reason=f"{variable} names nothing")


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        pytest.param("REGKIT_ADM_CKPT", "dgir-2d", marks=_named("REGKIT_ADM_CKPT")),
        pytest.param("REGKIT_ADM_CKPT", "dgir-3d", marks=_named("REGKIT_ADM_CKPT")),
        pytest.param("REGKIT_DIFFUSERS", "diffusers", marks=_named("REGKIT_DIFFUSERS")),
        pytest.param(
            "REGKIT_STABLE_DIFFUSION", "diffusers", marks=_named("REGKIT_STABLE_DIFFUSION")
        ),
    ],
)
def test_real_weights(variable, name):
    """An image is like itself, and less like itself moved by five pixels."""
    found = feature_similarity(f"{name}={os.environ[variable]}", FeatureConfig(noise="shared"), 0)
    image = torch.nn.functional.interpolate(
        torch.rand(1, 1, 12, 12, generator=torch.Generator().manual_seed(0)),
        (96, 96),
        mode="bicubic",
    )[0].clamp(0, 1)
    same, moved = (float(found(image, image.roll(by, 1))) for by in (0, 5))
    assert same == pytest.approx(0, abs=1e-2)
    assert moved > 2 * same + 1e-3
