"""Checkpoints of the layouts that are read, small, of random weights: shapes are what matters."""

import pytest
import torch

from regkit.optional_packages import diffusers


@pytest.fixture(scope="session")
def pixel_folder(tmp_path_factory):
    """What ``UNet2DModel.save_pretrained`` writes."""
    folder = tmp_path_factory.mktemp("pixel")
    torch.manual_seed(0)
    diffusers("features").UNet2DModel(
        sample_size=16,
        in_channels=1,
        out_channels=1,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        norm_num_groups=4,
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def stable_folder(tmp_path_factory):
    """A Stable Diffusion folder: ``unet``, ``vae``, and the empty prompt that was kept."""
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("stable")
    torch.manual_seed(0)
    diffusers("features").UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        norm_num_groups=4,
        cross_attention_dim=12,
        attention_head_dim=4,
    ).save_pretrained(folder / "unet")
    diffusers("features").AutoencoderKL(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4,
    ).save_pretrained(folder / "vae")
    save_file({"embedding": torch.rand(1, 5, 12)}, folder / "empty_prompt.safetensors")
    return folder


@pytest.fixture(scope="session")
def adm_file(tmp_path_factory):
    """A whole checkpoint of guided-diffusion's names, an eighth as wide as the released one."""
    from foundation.features.adm import ADM, ADMShape

    torch.manual_seed(0)
    shape = ADMShape(channels=32)
    state = ADM(shape, "output_blocks.17").state_dict()
    state["out.0.weight"] = torch.rand(32)  # what features do not need
    path = tmp_path_factory.mktemp("adm") / "uncond.pt"
    torch.save(state, path)
    return path


@pytest.fixture
def slices():
    """Two slices in [0, 1] whose sizes no stride divides."""
    return torch.rand(2, 1, 37, 42, generator=torch.Generator().manual_seed(0))
