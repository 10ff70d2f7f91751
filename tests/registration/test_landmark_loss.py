"""Landmarks as guides: where they pull, how far, and what is refused."""

import csv
import json

import numpy as np
import pytest
import torch

import regkit as rk
from regkit import InputError, Points
from regkit.cli import main
from regkit.metrics import landmark_error
from regkit.registration.config import RegisterConfig
from regkit.registration.landmark_loss import LevelLandmarks, landmark_guide

FEW = {"preset": "fast", "seed": 0, "threads": 1}


def inner_points(head, count=6):
    """Some points well inside of the field of view, in the world of ``head``."""
    share = 0.3 + 0.4 * torch.rand(count, 3, generator=torch.Generator().manual_seed(1)).double()
    return head.grid.to_world(share * (torch.tensor(head.grid.shape) - 1))


def test_the_loss_is_that_of_its_definition_and_its_force_leads_down():
    level = LevelLandmarks(np.array([[5.0, 6, 7]]), np.array([[2.0, 0, -1]]), weight=0.5)
    u, counts = torch.zeros(3, 12, 12, 12), torch.ones(12, 12, 12)
    loss, force = level.value_and_gradient(u, counts)
    near = torch.stack(torch.meshgrid(*[torch.arange(12.0)] * 3, indexing="ij"), -1)
    apart = (near - torch.tensor([5.0, 6, 7])).square()
    ball = torch.where((apart <= 36).all(-1), torch.exp(-apart.sum(-1) / 8), 0.0)
    assert loss == pytest.approx(0.5 * float(ball.sum()) / 12**3 * (6**0.5 - 1), rel=1e-5)
    direction = force[:, 5, 6, 7] / force[:, 5, 6, 7].norm()
    torch.testing.assert_close(direction, -torch.tensor([2.0, 0, -1]) / 5**0.5)
    assert level.value_and_gradient(u - 100 * force, counts)[0] < loss


def test_a_landmark_that_arrived_does_not_pull():
    level = LevelLandmarks(np.array([[5.0, 6, 7]]), np.array([[2.0, 0, -1]]), weight=1.0)
    u = torch.tensor([2.0, 0, -1]).reshape(3, 1, 1, 1).expand(3, 12, 12, 12).contiguous()
    loss, force = level.value_and_gradient(u, torch.ones(12, 12, 12))
    assert loss == pytest.approx(0, abs=1e-9)
    assert float(force.abs().max()) < 1e-9


def test_a_coarser_field_counts_as_its_voxels():
    """A field of half the resolution feels the same pull for each of the images' voxels."""
    fine = LevelLandmarks(np.array([[11.5, 11.5, 11.5]]), np.array([[4.0, 0, 0]]), weight=1.0)
    coarse = LevelLandmarks(np.array([[5.5, 5.5, 5.5]]), np.array([[2.0, 0, 0]]), weight=1.0)
    counts = torch.ones(24, 24, 24)
    one, force = fine.value_and_gradient(torch.zeros(3, 12, 12, 12), counts)
    other, same = coarse.value_and_gradient(torch.zeros(3, 12, 12, 12), torch.ones(12, 12, 12))
    assert one == pytest.approx(other)
    torch.testing.assert_close(force, same)


@pytest.mark.parametrize("weight", [1.0, 5.0])
def test_landmarks_come_together_where_the_images_ask_for_nothing(head, weight):
    fixed = inner_points(head)
    moving = fixed + torch.tensor([3.0, -2.0, 2.0])
    found = rk.register(
        head, head, fixed_landmarks=Points(fixed), moving_landmarks=Points(moving),
        landmark_weight=weight, transform="deformable", **FEW,
    )  # fmt: skip
    apart = float(landmark_error(found.transform, Points(fixed), Points(moving)).mean())
    assert apart < 17**0.5 / 2
    assert found.metrics["landmark_error_mean"] == pytest.approx(apart)
    assert found.metrics["folding"] == 0


def test_both_directions_of_a_level_are_one(head):
    """Exchanged, the landmark of moving through the affine goes to that of fixed."""
    affine = np.array([[1.0, 0.1, 0, 3], [-0.1, 1, 0, 1], [0, 0, 1.1, -2], [0, 0, 0, 1]])
    fixed = inner_points(head)
    moving = fixed @ torch.from_numpy(affine[:3, :3]).T + torch.from_numpy(affine[:3, 3]) + 1
    guide = landmark_guide(Points(fixed), Points(moving), 1.0)
    here, there = (
        guide.on(head.grid, affine, torch.device("cpu"), exchanged=way) for way in (False, True)
    )
    np.testing.assert_allclose(there.at, here.at + here.aside, atol=1e-9)
    np.testing.assert_allclose(there.aside, -here.aside, atol=1e-9)


def test_weight_nought_only_measures(head):
    fixed = inner_points(head)
    marks = {"fixed_landmarks": fixed, "moving_landmarks": fixed + 1.0}
    plain = rk.register(head, head, **FEW)
    found = rk.register(head, head, **marks, **FEW)
    torch.testing.assert_close(found.warped.data, plain.warped.data)
    assert found.metrics["landmark_error_mean"] == pytest.approx(3**0.5, abs=0.05)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"landmark_weight": 1.0}, "needs fixed_landmarks and moving_landmarks"),
        ({"fixed_landmarks": np.zeros((1, 3))}, "landmarks of one image alone"),
        ({"landmark_weight": 1.0, "transform": "rigid"}, "guides the field engine"),
        ({"landmark_weight": -1.0}, "landmark_weight"),
    ],
)
def test_what_would_do_nothing_is_refused(head, given, message):
    with pytest.raises(InputError, match=message):
        rk.register(head, head, **given, **FEW)


def test_a_landmark_outside_of_its_image_is_named(head):
    inside = inner_points(head)
    far = Points(inside.clone(), tuple("abcdef"))
    far.xyz[2] += 1000
    with pytest.raises(InputError, match=r"landmarks of moving: 'c' at \(.*\) lies outside"):
        rk.register(head, head, fixed_landmarks=inside, moving_landmarks=far, **FEW)
    with pytest.raises(InputError, match="6 in fixed and 5 in moving"):
        rk.register(head, head, fixed_landmarks=inside, moving_landmarks=inside[:5], **FEW)


def test_flat_images_have_flat_landmarks():
    near = torch.linspace(-2, 2, 48).square()
    image = rk.read((-(near[:, None] + near)).exp().numpy(), affine=np.diag([1.5, 1.0, 1.0]))
    fixed = torch.tensor([[30.0, 20.0], [40.0, 30.0]])
    found = rk.register(
        image, image, fixed_landmarks=fixed, moving_landmarks=fixed + 2, landmark_weight=2.0, **FEW
    )
    assert found.metrics["landmark_error_mean"] < 2


@pytest.fixture
def marked(head, tmp_path):
    """The words of a registration with landmarks in files."""
    head.save(tmp_path / "fixed.nii.gz")
    head.save(tmp_path / "moving.nii.gz")
    fixed = inner_points(head)
    for name, points in (("a", fixed), ("b", fixed + 2.0)):
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["x", "y", "z"], *points.tolist()])
    return [
        *("register", tmp_path / "fixed.nii.gz", tmp_path / "moving.nii.gz", "--preset", "fast"),
        *("--landmarks", tmp_path / "a.csv", tmp_path / "b.csv", "-q"),
    ]


def test_files_of_landmarks_guide_and_the_run_repeats(marked, tmp_path, capsys):
    folder = tmp_path / "out"
    assert main([*map(str, marked), "-o", str(folder)]) == 0
    record = json.loads((folder / "run.json").read_text())
    assert record["config"]["landmark_weight"] == 1
    was, now = (record[name]["landmark_error_mean"] for name in ("metrics_before", "metrics"))
    assert was == pytest.approx(12**0.5, abs=1e-4)
    assert now < was / 1.5
    assert "These landmarks guided" in (folder / "report.html").read_text()
    assert main(["rerun", str(folder / "run.json"), "-q"]) == 0


def test_an_affine_measures_them_alone(marked, tmp_path):
    words = [*map(str, marked), "-o", str(tmp_path / "out")]
    assert main([*words, "--transform", "rigid"]) == 0
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["config"]["landmark_weight"] == 0
    assert record["metrics"]["landmark_error_mean"] > 1


def test_a_weight_without_landmarks_is_refused(tmp_path, capsys):
    words = ["register", "a.nii", "b.nii", "--landmark-weight", "2", "-o", str(tmp_path / "out")]
    assert main(words) == 2
    assert "--landmark-weight 2 needs landmarks of both" in capsys.readouterr().err


def test_the_weight_is_of_the_field_alone():
    with pytest.raises(ValueError, match="take transform deformable and refine field"):
        RegisterConfig(landmark_weight=1.0, refine="weights")
