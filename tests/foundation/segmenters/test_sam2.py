"""SAM 2 on single slices: the real architecture, tiny; its own weights were never run here."""

import json

import pytest
import torch

from foundation.prompts import PointPrompt, PromptKind, Prompts
from foundation.segmenters import MissingWeightsError
from foundation.segmenters.slices import SliceCarrier, SlicePrompts, SliceWise
from foundation.segmenters.slices.sam2 import open_sam2
from foundation.segmenters.slices.sam2_slices import Sam2Slices
from regkit import InputError
from regkit.volume import Points

from .small_models import small_sam2

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def network():
    return small_sam2()


@pytest.mark.parametrize("kind", ["mask", "points", "box"])
def test_a_result_lies_on_the_grid_whatever_the_order_of_storage(kind, network, scan, prompts):
    model = SliceWise(SliceCarrier(Sam2Slices(network)))
    assert PromptKind.SLICE_BOX in model.capabilities.kinds
    found = []
    for stored in (scan, scan.reoriented("PSR")):
        model.set_image(stored)
        found.append(model.segment(prompts[kind]).probability)
    assert found[0].grid == scan.grid
    assert torch.allclose(*[each.reoriented("RAS").data for each in found], atol=1e-3)


def test_prompts_are_encoded_in_pixels_of_the_network(network):
    given = []
    hook = network.prompt_encoder.register_forward_pre_hook(
        lambda _, args, kw: given.append(kw), with_kwargs=True
    )
    model = Sam2Slices(network)
    embedding = model.embed(torch.rand(32, 16))
    model.predict(
        embedding,
        SlicePrompts(
            torch.tensor([[3.0, 5.0]]), torch.tensor([True]), torch.tensor([[0.0, 0], [31, 15]])
        ),
    )
    found = model.predict(embedding, SlicePrompts(mask=torch.rand(32, 16)))
    hook.remove()
    assert found.shape == (32, 16)
    # Column 5 of 16 and row 3 of 32, in 64: half a pixel is added by the network.
    assert given[0]["input_points"].flatten().tolist() == [21.5, 6.5]
    assert given[0]["input_labels"].flatten().tolist() == [1]
    assert given[0]["input_boxes"].flatten().tolist() == [0.0, 0.0, 64.0, 64.0]
    assert given[1]["input_masks"].shape == (1, 1, 16, 16)
    assert given[1]["input_labels"].flatten().tolist() == [-1]  # no place at all


def test_a_folder_is_opened_or_named(network, tmp_path, scan, centre):
    with pytest.raises(MissingWeightsError, match="write sam2=FOLDER"):
        open_sam2(tmp_path)
    network.save_pretrained(tmp_path)
    model = open_sam2(tmp_path)
    model.set_image(scan)
    point = Prompts(points=PointPrompt(Points(torch.from_numpy(centre)[None])))
    here = SliceWise(SliceCarrier(Sam2Slices(network)))
    here.set_image(scan)
    found = model.segment(point)
    assert torch.equal(found.probability.data, here.segment(point).probability.data)
    assert found.details["followed_by"] == "box"
    config = json.loads((tmp_path / "config.json").read_text())
    config["vision_config"]["backbone_config"]["blocks_per_stage"] = [1, 1, 2, 2]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"is of another network: .* tensors are missing, such as"):
        open_sam2(tmp_path)
    for text, said in (
        ('{"model_type": "sam"}', "says model_type 'sam'; allowed: sam2, sam2_video"),
        ('{"model_type": ["sam2"]}', "allowed: sam2, sam2_video"),
        ("[]", "names no model_type"),
        ("{", "names no model_type"),
    ):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(InputError, match=said):
            open_sam2(tmp_path)


@pytest.mark.parametrize("path", [None, "nowhere"])
def test_where_the_weights_go_is_said(path, tmp_path):
    with pytest.raises(MissingWeightsError, match="write sam2=FOLDER"):
        open_sam2(path and tmp_path / path)
