"""SAM-Med3D: the real architecture with random weights; its own were never run here."""

import pytest
import torch

from foundation.prompts import PointPrompt, Prompts
from foundation.segmenters import MissingWeightsError, UnsupportedPromptError
from foundation.segmenters.sam_med3d import open_sam_med3d, sam_med3d_network
from regkit import InputError
from regkit.volume import Points

from .small_models import SMALL, small_sam_med3d

pytest.importorskip("medim", reason="medim is not installed")


@pytest.fixture
def model():
    return small_sam_med3d()


def test_a_checkpoint_of_training_is_opened(tmp_path, monkeypatch, scan, prompts):
    monkeypatch.setattr(
        "foundation.segmenters.sam_med3d.sam_med3d_network", lambda: sam_med3d_network(**SMALL)
    )
    state = sam_med3d_network(**SMALL).state_dict()
    torch.save({"model_state_dict": state, "epoch": 3}, tmp_path / "turbo.pth")
    opened = open_sam_med3d(tmp_path / "turbo.pth")
    assert opened.capabilities.trained
    assert len(opened.capabilities.weights) == 64
    opened.set_image(scan)
    assert opened.segment(prompts["mask"]).mask.grid == scan.grid
    state["mask_decoder.extra"] = state.pop("mask_decoder.iou_token.weight")
    torch.save({"model_state_dict": state}, tmp_path / "other.pth")
    with pytest.raises(
        InputError,
        match=r"other\.pth: is of another network: 1 tensors are missing, such as "
        r"mask_decoder\.iou_token\.weight; 1 are not known, such as mask_decoder\.extra",
    ):
        open_sam_med3d(tmp_path / "other.pth")


@pytest.mark.parametrize("path", [None, "nowhere.pth"])
def test_where_the_weights_go_is_said(path, tmp_path):
    with pytest.raises(MissingWeightsError, match=r"sam_med3d_turbo\.pth .* sam-med3d=FILE"):
        open_sam_med3d(path and tmp_path / path)


def test_the_network_is_that_of_the_released_weights():
    with torch.device("meta"):
        state = sam_med3d_network().state_dict()
    assert len(state) == 324
    assert {name.partition(".")[0] for name in state} == {
        "image_encoder", "prompt_encoder", "mask_decoder"
    }  # fmt: skip
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    assert shapes["image_encoder.pos_embed"] == (1, 8, 8, 8, 768)
    assert shapes["image_encoder.patch_embed.proj.weight"] == (768, 1, 16, 16, 16)
    assert shapes["prompt_encoder.point_embeddings.1.weight"] == (1, 384)
    assert shapes["mask_decoder.mask_tokens.weight"] == (4, 384)


@pytest.mark.parametrize("kind", ["mask", "points"])
def test_the_order_of_storage_does_not_matter(kind, model, scan, prompts):
    found = []
    for stored in (scan, scan.reoriented("PSR")):
        model.set_image(stored)
        found.append(model.segment(prompts[kind]).probability.reoriented("RAS").data)
    assert torch.allclose(*found, atol=1e-4)


@pytest.fixture
def embedded(model):
    """What the encoder was shown, image by image."""
    seen = []
    model.network.image_encoder.register_forward_hook(lambda *each: seen.append(each[1][0]))
    return seen


def test_the_cube_is_around_the_prompt(model, embedded, scan, prompts, centre):
    model.set_image(scan)
    where = model.segment(prompts["mask"]).details["crop_centre"]
    # Cubes of 32 voxels of 1.5 mm begin every fourth voxel: three axes, half a step, a voxel.
    assert torch.dist(torch.tensor(where), torch.from_numpy(centre).float()) < 1.5 * 3 * 3**0.5
    assert embedded[0].shape == (1, 1, 32, 32, 32)


def test_prompts_that_lie_together_share_an_embedding(model, embedded, scan, centre):
    model.set_image(scan)
    starts = []
    for shift in (0.0, 0.1, 0.2, 20.0):
        away = PointPrompt(Points(torch.from_numpy(centre)[None] + shift))
        starts.append(model.segment(Prompts(points=away)).details["crop_start"])
    assert starts[0] == starts[1] == starts[2] != starts[3]
    assert len(embedded) == 2
    model.set_image(scan)
    model.segment(Prompts(points=away))
    assert len(embedded) == 3  # of a new image nothing is known


def test_an_image_that_fits_is_embedded_once_whatever_the_prompt(model, embedded, scan):
    small = scan.window((8, 10, 5), (20, 20, 10))
    model.set_image(small)
    for index in ((2, 3, 1), (17, 16, 8), (10, 10, 5)):
        place = small.grid.to_world(torch.tensor([index], dtype=torch.float64))
        model.segment(Prompts(points=PointPrompt(Points(place))))
    assert len(embedded) == 1


def test_prompts_are_encoded_as_in_training(model, scan, body, prompts, centre):
    given = []
    encoder = model.network.prompt_encoder
    encoder.register_forward_pre_hook(lambda _, args, kw: given.append(kw), with_kwargs=True)
    model.set_image(scan)
    model.segment(prompts["mask"])
    assert given[0]["points"] is None
    low = given[0]["masks"]
    assert low.shape == (1, 1, 8, 8, 8)
    assert sorted(low.unique().tolist()) == [-20.0, 10.0]
    share = float((low > 0).float().mean()) * (32 * 1.5) ** 3
    assert share == pytest.approx(float(body.data.sum()) * body.grid.voxel_volume, rel=0.3)
    places = torch.from_numpy(centre)[None] + torch.tensor([[0.0, 0, 0], [9.0, 0, 0]])
    model.segment(Prompts(points=PointPrompt(Points(places), torch.tensor([True, False]))))
    index, signs = given[1]["points"]
    assert signs.tolist() == [[1, 0]]
    assert float((index[0, 1] - index[0, 0]).norm()) == pytest.approx(6, abs=1)
    assert float(given[1]["masks"].abs().max()) == 0.0


def test_it_sees_nothing_but_the_image_and_the_prompt(model, scan, prompts):
    model.set_image(scan)
    with pytest.raises(UnsupportedPromptError, match="kind box; allowed: points, mask"):
        model.segment(prompts["box"])
    far = Points(torch.tensor([[0.0, 0, 0], [60.0, 0, 0]]))
    with pytest.raises(InputError, match="and a point lies beyond"):
        model.segment(Prompts(points=PointPrompt(far)))
    with pytest.raises(UnsupportedPromptError, match="needs a point inside"):
        model.segment(Prompts(points=PointPrompt(far, torch.tensor([False, False]))))
    model.set_image(scan.with_data(scan.data * 0))
    with pytest.raises(InputError, match=r"what sam-med3d is shown has no contrast above 0"):
        model.segment(prompts["mask"])
