"""SAM 2 with its memory: the real architecture, tiny, beside direct calls of transformers."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional

from foundation.prompts import PointPrompt, PromptKind, Prompts
from foundation.segmenters.registry import open_segmenter
from foundation.segmenters.slices import SlicePrompts, SliceWise
from foundation.segmenters.slices.in_slices import SlicedPrompts, prompts_in_slices
from foundation.segmenters.slices.sam2 import open_sam2
from foundation.segmenters.slices.sam2_memory import Sam2Memory
from foundation.segmenters.slices.seen_slices import SeenSlices
from foundation.segmenters.slices.slice_wise import slice_grid
from regkit import Grid, InputError, Volume, read
from regkit.cli import main
from regkit.volume import Points

from .conftest import dice
from .small_models import small_sam2_video

pytestmark = pytest.mark.filterwarnings("ignore")

KEY, SHAPE, COUNT = 3, (30, 24), 22
INSIDE = SlicePrompts(torch.tensor([[12.0, 8.0], [14, 9]]), torch.tensor([True, False]))
BOX = SlicePrompts(box=torch.tensor([[6.0, 5], [20, 17]]))
MASK = torch.zeros(SHAPE)
MASK[7:19, 6:15] = 1
# What its processor makes of them: (column, row) in 64 x 64, a box as two points.
SCALE = torch.tensor([64 / 24, 64 / 30])
AT = (torch.tensor([[8.0, 12.0], [9, 14]]) + 0.5) * SCALE - 0.5
CORNERS = torch.tensor([[5.0, 6], [18, 21]]) * SCALE
PROMPTS = {
    "points": (INSIDE, {"point_coords": AT, "point_labels": torch.tensor([1, 0])}),
    "box": (BOX, {"point_coords": CORNERS, "point_labels": torch.tensor([2, 3])}),
    "mask": (SlicePrompts(mask=MASK), None),
}


@pytest.fixture(scope="module")
def network():
    return small_sam2_video().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def pictures():
    return torch.rand(*SHAPE, COUNT, generator=torch.Generator().manual_seed(4))


def slices_of(pictures, model, **how):
    volume = Volume(pictures[None], Grid(tuple(pictures.shape), np.eye(4)))
    return SeenSlices(volume, model.embed, **how)


def told_of(prompts):
    return SlicedPrompts(prompts, tuple(prompts), range(COUNT))


def session_of(pictures):
    """A session of transformers as its processor makes one, of all frames."""
    package = pytest.importorskip("transformers", reason="transformers is not installed")
    grey = pictures.permute(2, 0, 1)[:, None]
    frames = functional.interpolate(grey, (64, 64), mode="bilinear", antialias=True)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    video = (frames - mean[:, None, None]) / deviation[:, None, None]
    session = package.Sam2VideoInferenceSession(video, *SHAPE, dtype=torch.float32)
    session.obj_id_to_idx(1)
    return session


def give(session, network, number, told, reverse=False):
    if told is None:
        mask = functional.interpolate(MASK[None, None], (64, 64), mode="bilinear", antialias=True)
        session.add_mask_inputs(0, number, (mask >= 0.5).float())
    else:
        told = {name: value[None, None] for name, value in told.items()}
        session.add_point_inputs(0, number, told)
    session.obj_with_new_inputs = [1]
    return network(session, frame_idx=number, reverse=reverse)


def chances(outputs):
    return [
        functional.interpolate(out.pred_masks, SHAPE, mode="bilinear")[0, 0].sigmoid()
        for out in outputs
    ]


@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize("kind", PROMPTS)
def test_each_side_is_what_transformers_returns(kind, step, network, pictures):
    model, (prompts, wanted) = Sam2Memory(network), PROMPTS[kind]
    key = KEY if step > 0 else COUNT - 1 - KEY
    told = told_of({key: prompts})
    (path,) = (path for path in told.paths(key) if path.step == step)
    found = list(model.begin(told, slices_of(pictures, model))(path))
    session = session_of(pictures)
    give(session, network, key, wanted)
    outputs = chances(network.propagate_in_video_iterator(session, key, reverse=step < 0))
    assert len(found) == COUNT - KEY  # more than are remembered
    assert all(torch.equal(*pair) for pair in zip(found, outputs, strict=True))
    assert float(torch.stack(found[1:]).std(0).max()) > 0.01  # the slices differ
    if kind == "mask":
        assert dice(found[0], MASK) > 0.95


def test_all_prompted_slices_are_known_from_the_first(network, pictures):
    """By transformers 5.24.0 alone one of them is: findings/transformers_sam2_second_prompt.sh."""
    model, second = Sam2Memory(network), KEY + 4
    told = told_of({KEY: INSIDE, second: BOX})
    along = model.begin(told, slices_of(pictures, model))
    found = list(along(range(KEY, second)))
    session = session_of(pictures)
    give(session, network, KEY, PROMPTS["points"][1])
    give(session, network, second, PROMPTS["box"][1])
    wanted = chances(network.propagate_in_video_iterator(session, KEY, second - KEY - 1))
    assert all(torch.equal(*pair) for pair in zip(found, wanted, strict=True))
    alone = model.begin(told_of({KEY: INSIDE}), slices_of(pictures, model))(range(KEY, second))
    assert not torch.equal(found[1], list(alone)[1])
    assert list(map(list, told.paths(KEY))) == [list(range(KEY, -1, -1)), list(range(KEY, second))]


def test_a_place_outside_corrects_what_memory_made_of_its_slice(network, pictures):
    model, later = Sam2Memory(network), KEY + 2
    out = SlicePrompts(INSIDE.points[1:], torch.tensor([False]))
    told = SlicedPrompts({KEY: BOX, later: out}, (KEY,), range(COUNT))
    found = list(model.begin(told, slices_of(pictures, model))(range(KEY, KEY + 5)))
    session = session_of(pictures)
    wanted = [give(session, network, KEY, PROMPTS["box"][1])]
    for number in range(KEY + 1, KEY + 5):
        wanted.append(network(session, frame_idx=number))
        if number == later:
            click = {"point_coords": AT[1:], "point_labels": torch.tensor([0])}
            wanted[-1] = give(session, network, number, click)
    assert all(torch.equal(*pair) for pair in zip(found, chances(wanted), strict=True))
    plain = list(model.begin(told_of({KEY: BOX}), slices_of(pictures, model))(range(KEY, KEY + 5)))
    assert torch.equal(found[1], plain[1])
    assert not torch.equal(found[2], plain[2])
    assert not torch.equal(found[3], plain[3])


def test_the_two_sides_know_nothing_of_each_other(network, pictures):
    model, few = Sam2Memory(network), pictures[..., :7]
    one = model.begin(told_of({2: BOX}), slices_of(few, model))
    two = model.begin(told_of({4: BOX}), slices_of(few.flip(-1), model))
    for path, mirrored in ((range(2, -1, -1), range(4, 7)), (range(2, 7), range(4, -1, -1))):
        for pair in zip(one(path), two(mirrored), strict=True):
            assert torch.allclose(*pair, atol=1e-4)


def test_a_long_way_takes_no_more_memory(network, pictures):
    kept, model = [], Sam2Memory(network)
    hook = network.register_forward_pre_hook(
        lambda _, args: kept.append(
            (
                len(args[0].output_dict_per_obj[0]["non_cond_frame_outputs"]),
                len(args[0].cache._vision_features),
                sum("high_res_masks" in each for kind in args[0].output_dict_per_obj[0].values()
                    for each in kind.values()),
            )
        )
    )  # fmt: skip
    slices = slices_of(pictures, model, most=3)
    list(model.begin(told_of({0: BOX}), slices)(range(COUNT)))
    hook.remove()
    assert len(kept) == COUNT
    assert max(kept) == (15, 1, 0)  # 16 pointers, one of them of the slice itself
    assert len(slices._embeddings) == 3


@pytest.mark.parametrize("kind", ["mask", "points", "box"])
def test_a_result_lies_on_the_grid_whatever_the_order_of_storage(kind, network, scan, prompts):
    model, found = SliceWise(Sam2Memory(network)), []
    for stored in (scan, scan.reoriented("PSR")):
        model.set_image(stored)
        found.append(model.segment(prompts[kind]))
    chance = [each.probability for each in found]
    assert chance[0].grid == scan.grid
    assert torch.allclose(*[each.reoriented("RAS").data for each in chance], atol=2e-2)
    assert found[0].details["followed_by"] == "memory"
    assert len(found[0].details["prompted_slices"]) == 1
    first, last = found[0].details["found_slices"]
    assert first < found[0].details["prompted_slices"][0] < last


def test_of_a_mask_the_largest_slice_is_told(scan, body, centre):
    grid = slice_grid(scan.grid)
    told = prompts_in_slices(Prompts(mask=body), grid, "sam2").where_largest()
    middle = round(float(grid.to_index(torch.from_numpy(centre)[None])[0, 2]))
    assert told.keys == (middle,)
    assert told.propagate
    assert told.reach.start < middle < told.reach.stop - 1


def test_a_mask_in_single_slices_goes_on_from_each(scan, body):
    drawn = body.data.clone()
    kept = [8, 11]
    drawn[..., [n for n in range(20) if n not in kept]] = 0
    told = prompts_in_slices(Prompts(mask=body.with_data(drawn)), slice_grid(scan.grid), "sam2")
    assert told.where_largest().keys == told.keys == (8, 11)
    assert told.propagate
    assert told.reach == range(20)


def test_a_slice_is_embedded_once(network, scan, prompts, monkeypatch):
    model, embedded = SliceWise(Sam2Memory(network)), []
    plain = Sam2Memory.embed
    monkeypatch.setattr(
        Sam2Memory, "embed", lambda self, seen: (embedded.append(1), plain(self, seen))[1]
    )
    model.set_image(scan)
    one = model.segment(prompts["box"])
    before = len(embedded)
    assert before > 3
    two = model.segment(prompts["box"])
    assert len(embedded) == before
    assert torch.equal(one.probability.data, two.probability.data)
    model.reset()
    with pytest.raises(InputError, match="was given no image"):
        model.segment(prompts["box"])
    model.set_image(scan)
    model.segment(prompts["box"])
    assert len(embedded) == 2 * before


def test_a_folder_says_whether_it_has_a_memory(network, tmp_path, scan, centre):
    network.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "sam2_video"
    model = open_segmenter(f"sam2={tmp_path}")
    assert PromptKind.SLICE_BOX in model.capabilities.kinds
    assert len(model.capabilities.weights) == 64
    point = Prompts(points=PointPrompt(Points(torch.from_numpy(centre)[None])))
    here = SliceWise(Sam2Memory(network))
    for each in (model, here):
        each.set_image(scan)
    found = model.segment(point)
    assert found.details["followed_by"] == "memory"
    wanted = here.segment(point).probability.data
    assert torch.allclose(found.probability.data, wanted, atol=1e-4)
    weights = load_file(tmp_path / "model.safetensors")
    kept = {name: value for name, value in weights.items() if not name.startswith("memory_enc")}
    save_file(kept, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match="tensors are missing, such as memory_encoder"):
        open_sam2(tmp_path)


def test_the_record_says_what_the_command_did(network, tmp_path, scan, centre):
    network.save_pretrained(tmp_path / "tiny")
    scan.save(tmp_path / "scan.nii.gz")
    corners = [*np.subtract(centre, [9.0, 7, 8]), *np.add(centre, [9.0, 7, 8])]
    box = ",".join(f"{x:.3f}" for x in corners)
    words = ["--model", f"sam2={tmp_path / 'tiny'}", "--box", box]
    done = ["-o", str(tmp_path / "out.nii.gz")]
    assert main(["segment", str(tmp_path / "scan.nii.gz"), *words, *done]) == 0
    details = json.loads((tmp_path / "out.json").read_text())["details"]
    assert details["followed_by"] == "memory"
    assert details["prompted_slices"] == [10]
    assert read(tmp_path / "out.nii.gz").grid.lies_on(scan.grid)
