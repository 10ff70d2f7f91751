"""Labels of both images pull their structures onto each other."""

import numpy as np
import pytest
import torch

import regkit as rk
from regkit import Affine, Grid, InputError, Labels, Volume
from regkit.kernels.warping import upsample_adjoint
from regkit.losses import MSE
from regkit.metrics import dice, summarise_dice
from regkit.registration import label_loss as module
from regkit.registration.config import RegisterConfig
from regkit.registration.label_loss import label_guide
from regkit.registration.tuning import TuningConfig, tune
from regkit.resample import warp

CPU = torch.device("cpu")
SHIFT = (2.0, -1.0, 1.0)
ON = RegisterConfig(dice=1.0)
FEW = {
    "linear": {"spacings": [8.0], "iterations": 0},
    "field": {"factors": [2, 1], "iterations": [60, 20]},
    "threads": 1,
}


@pytest.fixture(scope="module")
def balls():
    """Two balls, and the same ones moved by :data:`SHIFT` voxels."""
    grid = Grid((30, 28, 26), np.eye(4))
    points = grid.world_points()

    def drawn(shift):
        out = torch.zeros(grid.shape, dtype=torch.int32)
        for value, centre in ((7, (9.0, 9.0, 9.0)), (300, (19.0, 18.0, 17.0))):
            middle = torch.tensor(centre, dtype=torch.float64) + torch.tensor(shift)
            out[(points - middle).norm(dim=-1) < 5] = value
        return Labels(out, grid)

    return drawn((0.0, 0.0, 0.0)), drawn(SHIFT)


def _level(balls, **changes):
    guides = label_guide(*balls, RegisterConfig(dice=2.0), balls)
    return guides.on(balls[0].grid, np.eye(4), CPU, **changes)


def test_the_pull_is_towards_the_structure(balls):
    level, still = _level(balls), torch.zeros(3, 30, 28, 26)
    everywhere = torch.ones(30, 28, 26)
    apart, force = level.value_and_gradient(still, everywhere)
    assert level.count == 2
    assert 0 < apart < 2  # of a weight of 2
    step = -force.sum(dim=(1, 2, 3))
    assert torch.allclose(step / step.norm(), torch.tensor([2.0, -1.0, 1.0]) / 6**0.5, atol=0.1)
    there = torch.tensor(SHIFT).reshape(3, 1, 1, 1).expand_as(still).contiguous()
    assert level.value_and_gradient(there, everywhere)[0] == pytest.approx(0, abs=1e-6)
    assert level.value_and_gradient(still + 0.5 * there, everywhere)[0] < apart


def test_the_box_around_a_structure_is_all_that_it_takes(balls, monkeypatch):
    still, everywhere = torch.zeros(3, 30, 28, 26), torch.ones(30, 28, 26)
    value, force = _level(balls).value_and_gradient(still, everywhere)
    monkeypatch.setattr(module, "_MARGIN", 100)
    whole, other = _level(balls).value_and_gradient(still, everywhere)
    assert value == pytest.approx(whole, rel=1e-6)
    assert torch.allclose(force, other, atol=1e-8)


def test_a_coarser_field_is_pulled_alike(balls):
    everywhere = torch.ones(30, 28, 26)
    value, force = _level(balls).value_and_gradient(torch.zeros(3, 30, 28, 26), everywhere)
    again, coarse = _level(balls).value_and_gradient(torch.zeros(3, 15, 14, 13), everywhere)
    assert again == value
    assert torch.allclose(coarse, upsample_adjoint(force, (15, 14, 13)), atol=1e-8)


def test_what_does_not_count_does_not_pull(balls):
    left = torch.zeros(30, 28, 26)
    left[:15] = 1
    _, force = _level(balls).value_and_gradient(torch.zeros(3, 30, 28, 26), left)
    assert float(force[:, 16:].abs().max()) == 0


def test_exchanged_it_looks_from_the_other_side(balls):
    turn = np.eye(4)
    turn[0, 3] = 1.0
    guides = label_guide(*balls, ON, balls)
    back = guides.on(balls[0].grid, turn, CPU, exchanged=True)
    assert torch.equal(back.fixed[1:-2], (guides.moving.data[0])[2:-1])
    there, still = guides.on(balls[0].grid, turn, CPU), torch.zeros(3, 30, 28, 26)
    everywhere = torch.ones(30, 28, 26)
    assert back.value_and_gradient(still, everywhere)[0] == pytest.approx(
        there.value_and_gradient(still, everywhere)[0], 0.01
    )


def test_where_images_tell_nothing_labels_do(head, parts, bend):
    """The images are the same one, so that they ask for no movement at all."""
    there = warp(parts, bend, onto=parts.grid)

    def overlap(phi):
        return summarise_dice(dice(parts, warp(there, phi, onto=parts.grid))).mean

    plain = rk.register(head, head, **FEW)
    found = rk.register(head, head, fixed_labels=parts, moving_labels=there, dice=1.0, **FEW)
    assert overlap(plain.transform) == pytest.approx(overlap(Affine.identity()), abs=0.005)
    assert overlap(found.transform) > 0.1 + overlap(plain.transform)
    assert found.metrics["folding"] == 0


def test_slices_are_guided_too(head, parts, bend):
    there = warp(parts, bend, onto=parts.grid)
    plane = Grid(parts.grid.shape[1:], np.diag([1.5, 1.5, 1.0]))
    middle = parts.grid.shape[0] // 2
    image = Volume(head.data[:, middle], plane)
    fixed, moving = (Labels(each.data[:, middle], plane) for each in (parts, there))
    found = rk.register(image, image, fixed_labels=fixed, moving_labels=moving, dice=1.0, **FEW)
    before = summarise_dice(dice(fixed, moving)).mean
    after = summarise_dice(dice(fixed, warp(moving, found.transform, onto=plane))).mean
    assert after > before + 0.03


def test_a_network_learns_labels_of_its_pair(balls, network_of_two):
    """Images of nothing: what is learned is what the labels say."""
    guides = label_guide(*balls, ON, balls)
    moving, fixed = guides.memberships(np.eye(4), balls[0].grid.with_shape((24, 24, 24)))
    image = torch.ones(1, 1, 24, 24, 24)
    config = TuningConfig(iterations=10, learning_rate=1e-3, tolerance=0)

    def losses(dice):
        told = []
        tune(
            network_of_two, image, image, MSE(), config, lambda _, loss: told.append(loss),
            labels=(moving, fixed), dice=dice,
        )  # fmt: skip
        return told

    apart, none = losses(10.0), losses(0.0)
    assert none[0] == pytest.approx(0, abs=1e-6)
    assert apart[0] > 1
    assert min(apart) < 0.96 * apart[0]


@pytest.fixture
def network_of_two():
    from regkit.networks.gradicon import cascade
    from regkit.networks.unet import Widths

    torch.manual_seed(0)
    return cascade((1, 0), 3, Widths((2, 4, 8), (4, 4))).eval()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dice": 0.0, "fixed_labels": None}, "labels of one image alone were given"),
        ({"moving_labels": None}, "dice=1 needs fixed_labels and moving_labels"),
        ({"transform": "affine"}, "dice 1 guides what refines a deformable transform"),
        ({"refine": "none"}, "dice 1 guides what refines a deformable transform"),
    ],
)
def test_labels_that_would_do_nothing_are_refused(head, parts, change, said):
    given = {"fixed_labels": parts, "moving_labels": parts, "dice": 1.0, **change}
    with pytest.raises(InputError, match=said):
        rk.register(head, head, **given)


def test_guides_lie_where_the_images_are(balls):
    level = label_guide(*balls, ON, balls).on(balls[0].grid, np.eye(4), torch.device("meta"))
    assert {level.fixed.device.type, level.moving.device.type} == {"meta"}


def test_labels_that_lie_elsewhere_or_are_none_are_refused(head, parts):
    away = Labels(parts.data, parts.grid.window((500, 0, 0), parts.grid.shape), "away.nii")
    for labels, said in (
        (away, "away.nii: 0% of its labelled voxels lie in the field of view of head"),
        (head, "is an image, not la"),
    ):
        with pytest.raises(InputError, match=said):
            rk.register(head, head, fixed_labels=parts, moving_labels=labels, dice=1.0)


def test_maps_must_name_a_structure_in_common(head, parts):
    other = parts.with_data(parts.data * 10)
    with pytest.raises(InputError, match="have no label but 0 in common"):
        rk.register(head, head, fixed_labels=parts, moving_labels=other, dice=1.0)


def test_labels_that_do_not_guide_are_compared(head, parts, bend):
    moving, labels = (warp(each, bend, onto=head.grid) for each in (head, parts))
    given = {"fixed_labels": parts, "moving_labels": labels}
    found, plain = rk.register(head, moving, **given, **FEW), rk.register(head, moving, **FEW)
    scores = dice(parts, warp(labels, found.transform, onto=parts.grid))
    assert found.metrics["dice_mean"] == pytest.approx(summarise_dice(scores).mean)
    assert found.metrics["dice_worst"] == pytest.approx(min(scores.values()))
    assert torch.equal(found.warped.data, plain.warped.data)
    assert "dice_mean" not in plain.metrics


def test_label_maps_without_a_structure_are_refused_before_the_work(head, parts):
    nothing = parts.with_data(torch.zeros_like(parts.data))
    with pytest.raises(InputError, match="holds no structure"):
        rk.register(head, head, fixed_labels=nothing, moving_labels=nothing)
