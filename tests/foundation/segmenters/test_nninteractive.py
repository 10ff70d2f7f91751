"""nnInteractive: what its session is given; and its real session, with a small network."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from foundation.prompts import Box, PointPrompt, PromptKind, Prompts
from foundation.segmenters import MissingWeightsError, UnsupportedPromptError
from foundation.segmenters.nninteractive import NnInteractive, capabilities_of, open_nninteractive
from foundation.segmenters.nninteractive_prompts import drawn_scribble, index_box
from regkit import InputError
from regkit.volume import Points

from .small_models import Session


@pytest.fixture
def model(scan):
    session = Session()
    made = NnInteractive(session, capabilities_of(session, trained=False))
    made.set_image(scan)
    return made


def test_capabilities_are_those_of_the_checkpoint(model):
    assert model.capabilities.kinds == (
        PromptKind.POINTS, PromptKind.SLICE_BOX, PromptKind.SCRIBBLES, PromptKind.MASK
    )  # fmt: skip
    assert model.capabilities.licence == "CC BY-NC-SA 4.0"
    assert not model.capabilities.trained


def test_a_mask_goes_to_and_fro(model, scan, body, capsys):
    found = model.segment(Prompts(mask=body))
    assert model.session.shape == (1, *scan.reoriented("RAS").shape)
    assert torch.equal(found.mask.data > 0, body.data > 0)
    assert found.mask.grid == scan.grid
    assert capsys.readouterr().out == ""


def test_a_mask_comes_first_since_it_resets_the_others(model, body, centre):
    points = PointPrompt(Points(torch.from_numpy(centre)[None].repeat(2, 1)), torch.tensor([1, 0]))
    flat = Box((*(centre[:2] - 5), centre[2]), (*(centre[:2] + 5), centre[2]))
    line = PointPrompt(Points(torch.from_numpy(np.stack([centre, centre + 4]))))
    model.segment(Prompts(points=points, boxes=(flat,), scribbles=(line,), mask=body))
    names = [name.removesuffix("_interaction") for name, _, _ in model.session.calls]
    assert names == [
        "reset_interactions", "add_initial_seg", "add_bbox", "add_scribble", "add_point",
        "add_point",
    ]  # fmt: skip
    assert [how["include_interaction"] for *_, how in model.session.calls[4:]] == [True, False]
    assert model.session.calls[1][2] == {"run_prediction": False}
    grid = body.grid.reoriented("RAS")
    index = torch.tensor(model.session.calls[4][1][0], dtype=torch.float64)
    assert torch.dist(grid.to_world(index), torch.from_numpy(centre)) < 1.6


def test_a_flat_box_is_one_voxel_thick(tilted, centre):
    grid = tilted.reoriented("RAS")
    flat = Box((*(centre[:2] - 7), centre[2]), (*(centre[:2] + 7), centre[2]))
    ranges = index_box(flat, grid)
    sides = [b - a for a, b in ranges]
    assert sides[2] == 1
    assert sides[0] * 1.4 == pytest.approx(18, abs=4)  # oblique: more than 14
    middle = torch.tensor([(a + b - 1) / 2 for a, b in ranges], dtype=torch.float64)
    assert torch.dist(grid.to_world(middle), torch.from_numpy(centre)) < 2
    with pytest.raises(InputError, match="lies outside the image"):
        index_box(Box((900, 0, 0), (910, 5, 0)), grid)


def test_a_scribble_is_drawn_through_its_points(tilted, centre):
    ends = torch.from_numpy(np.stack([centre, np.add(centre, [8.0, 4.0, -3.0])]))
    drawn, sign = drawn_scribble(PointPrompt(Points(ends)), tilted, (1, 1, 1))
    assert sign
    places = tilted.to_world(torch.from_numpy(np.argwhere(drawn)).double())
    way = (ends[1] - ends[0]) / torch.dist(*ends)
    along = (places - ends[0]) @ way
    away = (places - ends[0] - along[:, None] * way).norm(dim=1)
    assert float(away.max()) < 1.6  # half a voxel's diagonal
    assert float(along.max() - along.min()) == pytest.approx(float(torch.dist(*ends)), abs=3)
    thick, _ = drawn_scribble(PointPrompt(Points(ends)), tilted, (2, 2, 2))
    assert thick.sum() > 2 * drawn.sum()
    with pytest.raises(UnsupportedPromptError, match="both signs"):
        drawn_scribble(PointPrompt(Points(ends), torch.tensor([True, False])), tilted, (1, 1, 1))
    with pytest.raises(InputError, match="outside the image"):
        drawn_scribble(PointPrompt(Points(ends + 900)), tilted, (1, 1, 1))


def test_what_it_cannot_take_is_refused(model, scan, body, prompts):
    for asked, error, said in (
        (prompts["box"], UnsupportedPromptError, "no prompt of the kind box"),
        (Prompts(), UnsupportedPromptError, "needs a prompt; allowed"),
        (Prompts(mask=body.with_data(0 * body.data)), InputError, "mask holds no voxel"),
        (
            Prompts(points=PointPrompt(Points(torch.full((1, 3), 900.0)))),
            InputError,
            "lies outside the image",
        ),
    ):
        with pytest.raises(error, match=said):
            model.segment(asked)
    with pytest.raises(InputError, match="needs an image with contrast"):
        model.set_image(scan.with_data(0 * scan.data + 7))
    model.reset()
    with pytest.raises(InputError, match="was given no image"):
        model.segment(prompts["mask"])


@pytest.mark.parametrize("path", [None, "nowhere"])
def test_where_the_weights_go_is_said(path, tmp_path):
    with pytest.raises(MissingWeightsError, match="write nninteractive=FOLDER"):
        open_nninteractive(path and tmp_path / path)


@pytest.fixture
def package():
    return pytest.importorskip(
        "nnInteractive.inference.inference_session",
        reason="nnInteractive is not installed: it brings 62 packages",
    )


class Bright(torch.nn.Module):
    """The image, where it is bright and some interaction is near."""

    def forward(self, x):
        near = torch.nn.functional.max_pool3d(x[:, 1:].amax(1, keepdim=True).float(), 15, 1, 7)
        logit = torch.where(near > 0, x[:, :1].float() - 2, torch.full_like(near, -9.0))
        return torch.cat([torch.zeros_like(logit), logit], 1)


@pytest.fixture
def real(package, scan):
    from nnInteractive.interaction.point import PointInteraction_stub

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.print", lambda *_, **__: None)
        session = package.nnInteractiveInferenceSession(
            device=torch.device("cpu"),
            torch_n_threads=torch.get_num_threads(),
            interactions_storage="tensor",
        )
    session.initialize_from_loaded_artifacts(
        {
            "capability_content": {}, "point_interaction": PointInteraction_stub(4, True),
            "preferred_scribble_thickness": [2, 2, 2], "interaction_decay": 0.98,
            "pad_mode_data": "constant", "network": Bright(), "plans_manager": None,
            "configuration_manager": SimpleNamespace(patch_size=[32, 32, 32]), "dataset_json": {},
            "trainer_name": "", "label_manager": None, "license": "none",
        }
    )  # fmt: skip
    made = NnInteractive(session, capabilities_of(session, trained=False))
    made.set_image(scan)
    return made


@pytest.mark.parametrize("kind", ["points", "slice_box", "scribbles", "mask"])
def test_the_real_session_finds_the_body_from_each_prompt(kind, real, scan, body, centre):
    flat = Box((*(centre[:2] - 5), centre[2]), (*(centre[:2] + 5), centre[2]))
    places = Points(torch.from_numpy(np.stack([centre, centre + 3])))
    asked = {
        "points": Prompts(points=PointPrompt(Points(torch.from_numpy(centre)[None]))),
        "slice_box": Prompts(boxes=(flat,)),
        "scribbles": Prompts(scribbles=(PointPrompt(places),)),
        "mask": Prompts(mask=body),
    }[kind]
    found = []
    for stored in (scan, scan.reoriented("PSR")):
        real.set_image(stored)
        found.append(real.segment(asked).mask.reoriented("RAS").data)
    inside = body.reoriented("RAS").data > 0
    assert torch.equal(*found)
    share = 2 * float(((found[0] > 0) & inside).sum()) / float((found[0] > 0).sum() + inside.sum())
    assert share > 0.8
    again = real.segment(asked).mask.reoriented("RAS").data
    assert torch.equal(again, found[0])  # nothing is left of the prompts before


def test_images_follow_each_other_without_a_prompt_between(real, scan, body):
    for _ in range(3):
        real.set_image(scan)
    assert real.segment(Prompts(mask=body)).mask.data.any()


def test_weights_that_hold_code_are_not_run(package, tmp_path):
    from fractions import Fraction

    (tmp_path / "fold_0").mkdir()
    path = tmp_path / "fold_0" / "checkpoint_final.pth"
    torch.save({"network_weights": {}, "code": Fraction(1, 2)}, path)
    with pytest.raises(InputError, match="holds more than tensors"):
        open_nninteractive(tmp_path)
    torch.save({"network_weights": {"a": torch.zeros(1)}, "_best_ema": np.float64(0.5)}, path)
    with pytest.raises(InputError, match="is no model of nnInteractive: Neither capability"):
        open_nninteractive(tmp_path)
