"""SAM 2: the real architecture, tiny and with random weights; its own were never run here."""

import json

import pytest
import torch

from foundation.prompts import PointPrompt, PromptKind, Prompts
from foundation.segmenters import MissingWeightsError
from foundation.segmenters.slices import SlicePrompts, SliceWise
from foundation.segmenters.slices.sam2 import Sam2Slices, open_sam2
from regkit import InputError
from regkit.optional_packages import mend_torchvision
from regkit.volume import Points

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def network():
    mend_torchvision()
    package = pytest.importorskip("transformers", reason="transformers is not installed")
    torch.manual_seed(0)
    backbone = package.Sam2HieraDetConfig(
        hidden_size=8, image_size=[64, 64], blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[8, 16, 32, 64], num_attention_heads_per_stage=[1, 1, 2, 2],
        window_size_per_stage=[4, 4, 4, 2], global_attention_blocks=[3],
    )  # fmt: skip
    vision = package.Sam2VisionConfig(
        backbone_config=backbone, backbone_channel_list=[64, 32, 16, 8], fpn_hidden_size=32,
        backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]],
    )  # fmt: skip
    return package.Sam2Model(
        package.Sam2Config(
            vision_config=vision,
            prompt_encoder_config={"hidden_size": 32, "image_size": 64},
            mask_decoder_config={"hidden_size": 32, "mlp_dim": 32, "iou_head_hidden_dim": 32},
        )
    )


@pytest.mark.parametrize("kind", ["mask", "points", "box"])
def test_a_result_lies_on_the_grid_whatever_the_order_of_storage(kind, network, scan, prompts):
    model = SliceWise(Sam2Slices(network))
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
    here = SliceWise(Sam2Slices(network))
    here.set_image(scan)
    assert torch.equal(model.segment(point).probability.data, here.segment(point).probability.data)
    config = json.loads((tmp_path / "config.json").read_text())
    config["vision_config"]["backbone_config"]["blocks_per_stage"] = [1, 1, 2, 2]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"is of another network: .* tensors are missing, such as"):
        open_sam2(tmp_path)


@pytest.mark.parametrize("path", [None, "nowhere"])
def test_where_the_weights_go_is_said(path, tmp_path):
    with pytest.raises(MissingWeightsError, match="write sam2=FOLDER"):
        open_sam2(path and tmp_path / path)
