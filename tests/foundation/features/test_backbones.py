"""Every backbone: maps of the right size, gradients for the image alone, errors that help."""

import pytest
import torch
from torch import nn

from foundation.features.adm import ADM, ADMShape, timestep_embedding
from foundation.features.adm_checkpoint import read_adm
from foundation.features.latent import empty_prompt
from foundation.features.module import ModuleFeatures
from regkit import InputError
from regkit.features import backbones, identity_of, layer_outputs, open_extractor
from regkit.losses import FeatureSimilarity
from regkit.optional_packages import diffusers

# TorchScript is what the convention says, deprecated or not.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")


def opened(name, **options):
    return open_extractor(name, **options)


@pytest.fixture(params=["small-diffusion", "diffusers", "stable", "dgir-2d", "dgir-3d", "script"])
def extractor(request, pixel_folder, stable_folder, adm_file, tmp_path):
    where = {
        "diffusers": f"diffusers={pixel_folder}",
        "stable": f"diffusers={stable_folder}",
        "dgir-2d": f"dgir-2d={adm_file}",
        "dgir-3d": f"dgir-3d={adm_file}",
        "script": f"torchscript={scripted(tmp_path)}",
    }
    return opened(where.get(request.param, request.param))


class _Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        y = self.first(x)
        return [y, nn.functional.avg_pool2d(y, 2)]


def scripted(folder, network=None):
    path = folder / "net.pt"
    torch.jit.script(network or _Two()).save(str(path))
    return path


def test_the_names():
    assert set(backbones()) >= {
        "small-diffusion", "diffusers", "dgir-2d", "dgir-3d", "torchscript", "mind",
    }  # fmt: skip


def test_gradients_reach_the_image_and_no_weight(extractor, slices):
    noise = extractor.draw(slices, torch.Generator().manual_seed(0))
    images = slices.clone().requires_grad_()
    maps = extractor(images, noise)
    (gradient,) = torch.autograd.grad(sum(each.square().mean() for each in maps), images)
    assert float(gradient.abs().max()) > 0
    network = getattr(extractor, "network", None) or extractor.parts
    assert not any(p.requires_grad or p.grad is not None for p in network.parameters())
    assert all(torch.isfinite(each).all() and len(each) == 2 for each in maps)


def test_every_backbone_can_be_kept_on_disk(extractor):
    found = identity_of(extractor)
    assert found["files"]
    assert all(len(digest) == 64 for digest in found["files"])
    assert found["name"] == extractor.name


def test_an_image_is_like_itself(extractor, slices):
    image, other = slices
    loss = FeatureSimilarity(extractor, distance="cosine", noise="shared")
    same = float(loss(image, image))
    assert same == pytest.approx(0, abs=1e-4)
    assert float(loss(image, other)) > same


def test_maps_cover_the_image_and_not_its_padding(pixel_folder, slices):
    first = opened(f"diffusers={pixel_folder}", layers=["down.0", "up.1"])
    down, up = first(slices, None)
    assert down.shape[2:] == (19, 21)
    assert up.shape[2:] == (37, 42)


def test_a_run_that_stops_early_sees_what_the_whole_run_sees(pixel_folder):
    network = diffusers("features").UNet2DModel.from_pretrained(
        pixel_folder, low_cpu_mem_usage=False
    )
    x, t, heard = torch.rand(1, 1, 16, 16), torch.tensor([50]), {}
    handle = network.up_blocks[0].register_forward_hook(lambda _m, _i, out: heard.update(all=out))
    with torch.no_grad():
        network(x, t)
        handle.remove()
        (early,) = layer_outputs(network, ["up_blocks.0"], lambda: network(x, t))
    torch.testing.assert_close(early, heard["all"])
    assert not network.up_blocks[0]._forward_hooks


def test_the_released_adm_is_truncated_to_what_is_used():
    with torch.device("meta"):
        encoder, whole = (ADM(ADMShape(), b) for b in ("input_blocks.11", "output_blocks.17"))
        assert sum(p.numel() for p in encoder.parameters()) == pytest.approx(41.5e6, rel=2e-3)
        # But for the last normalisation and convolution.
        assert sum(p.numel() for p in whole.parameters()) == pytest.approx(552.8e6, rel=1e-4)
        assert encoder(torch.zeros(1, 3, 224, 192), torch.zeros(1)).shape == (1, 512, 28, 24)


def test_a_truncated_adm_gives_what_the_whole_gives(adm_file):
    whole = read_adm(adm_file, ["output_blocks.17"])
    x, t = torch.rand(1, 3, 32, 32), torch.tensor([60])
    for block in ("input_blocks.11", "middle_block", "output_blocks.10"):
        part = read_adm(adm_file, [block])
        with torch.no_grad():
            torch.testing.assert_close(
                part(x, t), layer_outputs(whole, [block], lambda: whole(x, t))[0]
            )


def test_timesteps_are_embedded_as_guided_diffusion_does():
    cosines, sines = timestep_embedding(torch.tensor([3.0]), 4)[0].chunk(2)
    torch.testing.assert_close(cosines, torch.tensor([3.0, 0.03]).cos())
    torch.testing.assert_close(sines, torch.tensor([3.0, 0.03]).sin())


def test_tokens_become_maps(slices):
    class Tokens(nn.Module):
        def forward(self, x):
            n, _, h, w = x.shape
            patches = x[:, :1].reshape(n, 1, h // 4, 4, w // 4, 4).mean((3, 5)).flatten(2)
            return torch.cat([torch.zeros(n, 1, 1), patches.transpose(1, 2)], dim=1)

    net = nn.Sequential(Tokens())
    (maps,) = ModuleFeatures("vit", net, ("0",), multiple=4, mean=0, std=1)(slices, None)
    assert maps.shape == (2, 1, 10, 11)
    assert float(maps[0, 0, 2, 3]) == pytest.approx(float(slices[0, 0, 8:12, 12:16].mean()))


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("nothing", {}, "features:nothing: no such backbone; allowed: .*small-diffusion"),
        ("small-diffusion=x", {}, "has its own weights"),
        ("small-diffusion", {"layers": ["up.9"]}, "no layer 'up_blocks.9'; .*up_blocks.0"),
        ("mind", {"timestep": 3}, "features:mind: has no weights, layers or timestep"),
        ("diffusers", {}, "needs a folder that diffusers wrote"),
        ("diffusers={tmp}", {}, "config.json: cannot be read"),
        ("dgir-2d={tmp}", {}, "needs a guided-diffusion checkpoint"),
        ("dgir-3d={text}", {}, "text.pt: cannot be read as tensors"),
        ("dgir-3d={other}", {}, "other.pt: is no guided-diffusion checkpoint"),
        ("dgir-3d={adm}", {"layers": ["up.1"]}, "no block 'up.1'; allowed: input_blocks.N"),
        ("dgir-2d={short}", {}, "short.pt: .* is missing or of another shape"),
        ("torchscript={tmp}", {}, "needs a TorchScript file"),
        ("torchscript={text}", {}, "text.pt: is no TorchScript module"),
        ("torchscript={script}", {"layers": ["2"]}, "no layer '2'; allowed: 0, 1"),
        ("torchscript={flat}", {}, "gives no feature maps"),
    ],
)
def test_errors_say_what_to_do(name, options, words, tmp_path, adm_file):
    state = torch.load(adm_file, weights_only=True)
    (tmp_path / "text.pt").write_text("no tensors")
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pt")
    torch.save({k: v for k, v in state.items() if "middle" not in k}, tmp_path / "short.pt")
    (tmp_path / "s").mkdir()
    (tmp_path / "f").mkdir()
    places = {
        "tmp": tmp_path, "adm": adm_file, "text": tmp_path / "text.pt",
        "other": tmp_path / "other.pt", "short": tmp_path / "short.pt",
        "script": scripted(tmp_path / "s"), "flat": scripted(tmp_path / "f", nn.Flatten()),
    }  # fmt: skip
    with pytest.raises(InputError, match=words):
        opened(name.format(**places), **options)


@pytest.mark.filterwarnings("ignore")  # of transformers, about itself
def test_the_empty_prompt_of_a_folder_that_keeps_none(tmp_path):
    diffusers("features")  # mends a torchvision that would keep transformers from being imported
    models = pytest.importorskip("transformers", reason="regkit[stable-diffusion] is not installed")
    (tmp_path / "vocab.json").write_text('{"<|startoftext|>": 0, "<|endoftext|>": 1, "a</w>": 2}')
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    words = models.CLIPTokenizer(
        str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt"), model_max_length=5
    )
    words.save_pretrained(tmp_path / "tokenizer")
    sizes = {"hidden_size": 12, "intermediate_size": 8, "num_hidden_layers": 1}
    more = {"num_attention_heads": 2, "vocab_size": 3, "max_position_embeddings": 5}
    config = models.CLIPTextConfig(**sizes, **more, bos_token_id=0, eos_token_id=1, pad_token_id=1)
    models.CLIPTextModel(config).save_pretrained(tmp_path / "text_encoder")
    found = empty_prompt(tmp_path)
    assert found.shape == (1, 5, 12)
    torch.testing.assert_close(empty_prompt(tmp_path), found)
