"""The promptable U-Net: what it sees of the world, and its training."""

import json

import numpy as np
import pytest
import torch

from foundation.prompts import Box, PointPrompt, Prompts
from foundation.segmenters import MissingWeightsError
from foundation.segmenters.prompt_unet.channels import prompt_channels
from foundation.segmenters.prompt_unet.crop import (
    at_crop,
    crop_grid,
    image_channel,
    mask_box,
    normalised_crop,
)
from foundation.segmenters.prompt_unet.draw import Shares, draw_example
from foundation.segmenters.prompt_unet.imprecise import worse_box, worse_mask
from foundation.segmenters.prompt_unet.network import PromptNetwork
from foundation.segmenters.prompt_unet.segmenter import (
    PromptUnet,
    open_prompt_unet,
    open_prompt_unet_robust,
)
from foundation.segmenters.prompt_unet.structures import label_structures, read_example
from foundation.segmenters.prompt_unet.task import PromptUnetConfig, PromptUnetTask
from regkit import InputError, Labels, Volume
from regkit.io.settings import read_settings
from regkit.registration.config import configs
from regkit.settings import validate
from regkit.training.loop import STATE, train
from regkit.training.table import SourceRow
from regkit.volume import Points

from .conftest import dice


@pytest.fixture
def unet():
    torch.manual_seed(0)
    return PromptUnet(PromptNetwork())


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PSR", "ILA"])
@pytest.mark.parametrize("kind", ["mask", "points", "box"])
def test_the_order_of_storage_does_not_matter(codes, kind, unet, scan, prompts, body):
    unet.set_image(scan)
    here = unet.segment(prompts[kind]).probability
    unet.set_image(scan.reoriented(codes))
    other = Prompts(mask=body.reoriented(codes)) if kind == "mask" else prompts[kind]
    there = unet.segment(other).probability
    assert torch.allclose(here.reoriented(codes).data, there.data, atol=1e-4)


def test_the_crop_is_around_the_prompt_and_as_large_as_it_asks(prompts, body, centre, tilted):
    by_mask, by_point = (crop_grid(prompts[kind], tilted.world) for kind in ("mask", "points"))
    assert abs(by_mask.centre - centre).max() < 1.5
    assert abs(by_point.centre - centre).max() < 1e-9
    assert by_point.spacing[0] == pytest.approx(2.0)
    large = Prompts(boxes=(Box((0, 0, 0), (90, 10, 10)),))
    assert crop_grid(large, tilted.world).spacing[0] == pytest.approx(90 * 1.7 / 48)
    micrometres = Volume(body.data, body.grid.in_unit("um"))
    small = crop_grid(Prompts(mask=micrometres), micrometres.grid.world)
    assert small.spacing[0] == pytest.approx(1000 * by_mask.spacing[0])


def test_channels_show_each_prompt_where_it_is(tilted, body, centre, prompts):
    grid = crop_grid(prompts["mask"], tilted.world)
    signs = torch.tensor([True, False])
    places = torch.from_numpy(np.add(grid.centre, [[0, 0, 0], [9, 0, 0]]))
    points = PointPrompt(Points(places), signs)
    both = Prompts(points=points, boxes=prompts["box"].boxes, mask=body)
    mask, inside, outside, box = prompt_channels(both, grid)
    assert float(mask.sum()) * grid.voxel_volume == pytest.approx(
        float(body.data.sum()) * tilted.voxel_volume, rel=0.02
    )
    assert inside.argmax() != outside.argmax()
    place = torch.tensor(torch.unravel_index(outside.argmax(), grid.shape)).double()
    assert float((grid.to_world(place) - points.points.xyz[1]).norm()) < 1.0
    sides = [2 * s + 1.0 for s in (9.0, 7.0, 8.0)]
    assert float(box.sum()) == pytest.approx(sides[0] * sides[1] * sides[2], rel=0.15)
    assert not prompt_channels(Prompts(), grid).any()


def test_a_crop_beyond_the_image_is_dark_and_one_outside_is_refused(scan):
    near = crop_grid(Prompts(boxes=(Box((0, 0, 0), (30, 30, 30)),)), scan.grid.world)
    seen = image_channel(scan, near)
    assert float(seen.min()) >= -1.5
    away = crop_grid(Prompts(boxes=(Box((900, 0, 0), (930, 30, 30)),)), scan.grid.world)
    with pytest.raises(InputError, match="the prompt lies outside the image"):
        image_channel(scan, away)
    flat = torch.full((1, 4, 4, 4), 7.0)
    assert not normalised_crop(flat, torch.ones(4, 4, 4, dtype=torch.bool)).any()


def test_much_finer_images_are_averaged(tilted):
    checks = torch.ones(1, *tilted.shape)
    checks[:, ::2] = -1.0
    grid = crop_grid(Prompts(boxes=(Box((-90, -90, -90), (90, 90, 90)),)), tilted.world)
    assert at_crop(Volume(checks, tilted), grid).abs().max() < 0.9


def test_other_images_are_refused(unet, tilted):
    with pytest.raises(InputError, match="2 channels in 3-D"):
        unet.set_image(Volume(torch.zeros(2, *tilted.shape), tilted))


def test_weights_that_are_not_there(tmp_path):
    for opener in (open_prompt_unet, open_prompt_unet_robust):
        with pytest.raises(MissingWeightsError, match=r"config\.json is not there; write prompt-"):
            opener(tmp_path)
    (tmp_path / "config.json").write_text('{"widths": [4, 4]}')
    (tmp_path / "model.safetensors").write_bytes(b"none")
    with pytest.raises(InputError, match="cannot be read as weights"):
        open_prompt_unet(tmp_path)


@pytest.mark.parametrize("opener", [open_prompt_unet, open_prompt_unet_robust])
@pytest.mark.parametrize(("kind", "least"), [("mask", 0.85), ("box", 0.6), ("points", 0.6)])
def test_the_weights_that_ship_find_a_bright_body(opener, kind, least, scan, body, prompts):
    model = opener(None)
    model.set_image(scan)
    assert len(model.capabilities.weights) == 64
    assert dice(model.segment(prompts[kind]).mask.data, body.data) > least


def test_structures_are_labels_or_their_parts(tilted):
    data = torch.zeros(tilted.shape, dtype=torch.int16)
    data[2:8, 2:8, 2:8] = 4
    data[20:30, 20:26, 2:6] = 9  # two parts, neither four fifths
    data[20:30, 30:36, 2:6] = 9
    data[0, 0, 0] = 7  # too few
    found = list(label_structures(Labels(data, tilted)))
    assert [int(mask.data.sum()) for mask in found] == [216, 240, 240, 697]
    assert found[0].shape == (8, 8, 8)
    assert torch.allclose(
        found[0].grid.to_world(torch.ones(3, dtype=torch.float64)),
        tilted.to_world(torch.full((3,), 2.0, dtype=torch.float64)),
    )


def test_worse_masks_are_reproducible_and_never_empty():
    index = torch.stack(torch.meshgrid(*[torch.arange(24.0)] * 3, indexing="ij"))
    ball = (index - 12).square().sum(0) < 49
    one, two = (torch.Generator().manual_seed(4) for _ in range(2))
    found = [worse_mask(ball, 0.9, one) for _ in range(30)]
    assert all(bool(each.any()) for each in found)
    assert all(torch.equal(each, worse_mask(ball, 0.9, two)) for each in found)
    assert len({int(each.sum()) for each in found}) > 5
    moved = worse_box(Box((0, 0, 0), (10, 10, 10)), 0.2, one)
    assert max(abs(a) for a in moved.lower) <= 2


@pytest.fixture
def words(tmp_path, scan, body):
    """A tiny run on one made image with labels and one without."""
    scan.save(tmp_path / "scan.nii.gz")
    Labels(body.data.to(torch.uint8), body.grid).save(tmp_path / "labels.nii.gz")
    rows = ("scan.nii.gz,a,labels.nii.gz", "scan.nii.gz,b,", "scan.nii.gz,c,labels.nii.gz")
    (tmp_path / "t.csv").write_text("\n".join(("image,subject,labels", *rows)))
    return {
        "task": "promptable-segmentation", "output": str(tmp_path / "run"),
        "table": str(tmp_path / "t.csv"), "held_out": ["c"], "widths": [4, 4, 4, 4], "batch": 1,
        "imprecision": 0.3, "stages": [{"steps": 2, "learning_rate": 1e-3}],
    }  # fmt: skip


def test_a_run_goes_on_to_the_bit_and_its_model_is_opened(words, tmp_path, scan, prompts):
    whole = train(PromptUnetTask.of(words, "x"), lambda _: None)
    cut = {**words, "output": str(tmp_path / "cut")}
    train(PromptUnetTask.of(cut, "x"), lambda _: None, until=1)
    train(PromptUnetTask.of(cut, "x"), lambda _: None)
    one, two = (
        torch.load(folder / STATE, weights_only=True)["network"]
        for folder in (whole, tmp_path / "cut")
    )
    assert all(torch.equal(value, two[name]) for name, value in one.items())
    model = open_prompt_unet(whole / "model")
    model.set_image(scan)
    assert model.segment(prompts["box"]).probability.data.isfinite().all()
    assert json.loads((whole / "model" / "config.json").read_text())["imprecision"] == 0.3


def test_half_precision_is_of_the_network_alone(words, tmp_path):
    """Crops are drawn in full precision; the loss is near that of a run in it."""
    found = {}
    for precision in ("fp32", "bf16"):
        given = {**words, "output": str(tmp_path / precision), "precision": precision}
        folder = train(PromptUnetTask.of({**given, "report_every": 1}, "x"), lambda _: None)
        lines = (folder / "log.jsonl").read_text().splitlines()
        found[precision] = [json.loads(line)["loss"] for line in lines if "train" in line]
    assert found["bf16"] == pytest.approx(found["fp32"], rel=0.02)
    assert found["bf16"] != found["fp32"]


def test_what_is_held_out_is_not_trained_on(words):
    task = PromptUnetTask.of(words, "x")
    assert ([e.subject for e in task.train], [e.subject for e in task.held_out]) == (
        ["a", "b"],
        ["c"],
    )
    network = task.begin(0, None)
    first, second = (task.validate(network, torch.device("cpu")) for _ in range(2))
    assert first == second
    assert first["loss"] > 0


@pytest.mark.parametrize("shapes", [0.0, 1.0])
def test_what_is_drawn_is_reproducible_and_in_range(words, shapes):
    examples = PromptUnetTask.of(words, "x").train
    for seed in range(8):
        one, two = (
            draw_example(examples, Shares(shapes, 0.3), torch.Generator().manual_seed(seed))
            for _ in range(2)
        )
        assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
        seen, truth = one
        assert (seen.shape, truth.shape) == ((5, 48, 48, 48), (1, 48, 48, 48))
        assert -1.5 <= float(seen.min()) <= float(seen.max()) <= 1.5
        assert 0 <= float(truth.min()) < float(truth.max()) <= 1


def test_the_recipe_that_ships_is_understood():
    recipe = read_settings(configs() / "train" / "prompt-unet.yaml")
    found = validate(PromptUnetConfig, recipe, "prompt-unet.yaml:")
    for opener in (open_prompt_unet, open_prompt_unet_robust):
        assert opener(None).network.stem[0].out_channels == found.widths[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"held_out": ["d"]}, "held_out: 'd' is no subject"),
        ({"held_out": ["a", "b", "c"]}, "held_out: leaves no image"),
        ({"batches": 3}, "batches: Extra inputs"),
    ],
)
def test_what_is_wrong_is_said(change, message, words):
    with pytest.raises(InputError, match=message):
        PromptUnetTask.of({**words, **change}, "x.yaml")


def test_labels_on_another_grid_are_refused(tmp_path, scan, body):
    scan.save(tmp_path / "scan.nii.gz")
    Labels(body.data.to(torch.uint8), body.grid).reoriented("RAS").save(tmp_path / "l.nii.gz")
    row = SourceRow(tmp_path / "scan.nii.gz", "mr", "a", tmp_path / "l.nii.gz")
    with pytest.raises(InputError, match="lies on another grid"):
        read_example(row)


def test_an_empty_mask_has_no_box(body):
    with pytest.raises(InputError, match="no voxel above one half"):
        mask_box(body.with_data(torch.zeros_like(body.data)))
