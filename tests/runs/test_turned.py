"""Vectors and tensors through `regkit apply`: turned along, in every order and along all axes.

A tensor field that is linear in the world is interpolated without error, so that the truth is a
formula. What turns it is computed here by other means: SciPy's polar decomposition, and the two
rotations of Alexander et al. (2001) one after the other.
"""

import json

import nibabel as nib
import numpy as np
import pytest
import torch
from scipy.linalg import polar

from regkit import Affine, Grid, write_transform
from regkit.cli import main
from regkit.geometry.affines import about, homogeneous, rotation
from regkit.io.transform_formats.fsl import fsl_to_world
from regkit.transforms.derivative import derivative

TURN = rotation([0.5, -0.3, 0.7])
SHEAR = TURN @ np.array([[1.2, 0.25, 0.0], [0.0, 0.9, -0.15], [0.1, 0.0, 1.1]])
ORDERS = {
    "nifti": ["xx", "xy", "yy", "xz", "yz", "zz"],
    "dipy": ["xx", "xy", "yy", "xz", "yz", "zz"],
    "fsl": ["xx", "xy", "xz", "yy", "yz", "zz"],
    "mrtrix": ["xx", "yy", "zz", "xy", "xz", "yz"],
}


@pytest.fixture(scope="module")
def onto(grid):
    """The right-handed grid of the result: other axes and voxels than those of the image."""
    linear = rotation([-0.1, 0.2, 0.1]) @ np.diag([2.0, 2.0, 2.5])
    return Grid((8, 7, 6), homogeneous(linear, grid.centre - linear @ [3.5, 3.0, 2.5]))


def tensors_at(points):
    """``(..., 3, 3)``: three different eigenvalues everywhere near the phantom."""
    base = TURN @ np.diag([9.0, 4.0, 1.0]) @ TURN.T
    slope = np.array([[0.05, 0.01, 0.0], [0.01, -0.02, 0.02], [0.0, 0.02, 0.03]])
    return base + np.asarray(points).sum(-1)[..., None, None] * slope


def vectors_at(points):
    return np.asarray(points) * [0.1, -0.2, 0.05] + [3.0, 1.0, -2.0]


def axes_of(word, grid):
    """Columns: the world directions of the components, by other code than regkit's."""
    if word == "fsl":
        return fsl_to_world(grid)[:3, :3]
    unit = grid.affine[:3, :3] / np.linalg.norm(grid.affine[:3, :3], axis=0)
    return {"ras": np.eye(3), "lps": np.diag([-1.0, -1.0, 1.0]), "voxel": unit}[word]


def as_components(world, order, axes):
    own = axes.T @ world @ axes
    return np.stack([own[..., "xyz".index(w[0]), "xyz".index(w[1])] for w in ORDERS[order]], -1)


def finite_strain(linear):
    return polar(np.linalg.inv(linear))[0]


def principal(tensor, linear):
    """Alexander's construction: one rotation to the first axis, another one about it."""
    forward = np.linalg.inv(linear)
    e1, e2 = np.linalg.eigh(tensor)[1].T[[2, 1]]
    n1 = forward @ e1 / np.linalg.norm(forward @ e1)
    first = _between(e1, n1)
    n2 = forward @ e2
    flat = n2 - (n2 @ n1) * n1
    turn = _between(first @ e2, flat / np.linalg.norm(flat)) @ first
    return turn @ tensor @ turn.T


def _between(a, b):
    """The rotation that takes one unit vector to another, about their common normal."""
    axis = np.cross(a, b)
    across = np.cross(axis, np.eye(3)).T
    return np.eye(3) + across + across @ across / (1 + a @ b)


def write_nifti(values, grid, path, intent=0):
    image = nib.Nifti1Image(values.astype(np.float32), grid.affine)
    image.header["intent_code"] = intent
    image.set_sform(grid.affine, 1)
    image.set_qform(grid.affine, 1)
    nib.save(image, path)
    return path


@pytest.fixture
def through(onto, grid, tmp_path):
    """Run `apply` on values through a linear map about the centre, and return what it wrote."""

    def run(values, linear, *words, intent=0):
        image = write_nifti(values, grid, tmp_path / "in.nii.gz", intent)
        reference = write_nifti(np.zeros(onto.shape), onto, tmp_path / "onto.nii.gz")
        phi = write_transform(_about(grid, linear), tmp_path / "phi.h5", overwrite=True)
        out = tmp_path / "out.nii.gz"
        line = ["apply", image, phi, "--onto", reference, "-o", out, "--overwrite", *words]
        assert main([*map(str, line)]) == 0
        return nib.load(out)

    return run


def _about(grid, linear):
    return Affine(about(grid.centre, linear))


def _points(grid, linear, onto):
    """Where the voxels of the result come from in the world of the image."""
    return _about(grid, linear)(onto.world_points()).numpy()


@pytest.mark.parametrize("axes", ["ras", "lps", "voxel", "fsl"])
@pytest.mark.parametrize("order", ORDERS)
def test_a_rotation_turns_tensors_exactly(through, grid, onto, order, axes):
    stored = as_components(tensors_at(grid.world_points()), order, axes_of(axes, grid))
    found = through(stored, TURN, "--tensors", order, "--axes", axes)
    truth = TURN.T @ tensors_at(_points(grid, TURN, onto)) @ TURN
    np.testing.assert_allclose(
        found.get_fdata(), as_components(truth, order, axes_of(axes, onto)), atol=2e-4
    )


@pytest.mark.parametrize("turning", ["principal", "rotation"])
def test_shear_turns_tensors_as_other_code_says(through, grid, onto, turning):
    stored = as_components(tensors_at(grid.world_points()), "mrtrix", np.eye(3))
    found = through(stored, SHEAR, "--tensors", "mrtrix", "--turn", turning).get_fdata()
    before = tensors_at(_points(grid, SHEAR, onto)).reshape(-1, 3, 3)
    turn = finite_strain(SHEAR)
    if turning == "rotation":
        after = turn @ before @ turn.T
    else:
        after = np.stack([principal(each, SHEAR) for each in before])
    truth = as_components(after, "mrtrix", np.eye(3)).reshape(found.shape)
    np.testing.assert_allclose(found, truth, atol=2e-4)
    assert np.abs(after - before).max() > 1


@pytest.mark.parametrize("axes", ["ras", "lps", "voxel", "fsl"])
@pytest.mark.parametrize("turning", ["rotation", "jacobian"])
def test_vectors_turn_along(through, grid, onto, axes, turning):
    stored = vectors_at(grid.world_points()) @ axes_of(axes, grid)
    words = ["--vectors", "--axes", axes, "--turn", turning]
    found = through(stored[..., None, :], SHEAR, *words, intent=1007)
    turn = finite_strain(SHEAR) if turning == "rotation" else np.linalg.inv(SHEAR)
    truth = vectors_at(_points(grid, SHEAR, onto)) @ turn.T @ axes_of(axes, onto)
    np.testing.assert_allclose(found.get_fdata()[..., 0, :], truth, atol=2e-4)
    assert int(found.header["intent_code"]) == 1007


def test_symmetric_matrices_say_what_they_are(through, grid, onto):
    stored = as_components(tensors_at(grid.world_points()), "nifti", np.eye(3))[..., None, :]
    found = through(stored, TURN, "--tensors", "nifti", "--axes", "ras", intent=1005)
    assert found.shape == (*onto.shape, 1, 6)
    assert (int(found.header["intent_code"]), float(found.header["intent_p1"])) == (1005, 3)


def test_frames_stay_frames_and_whole_numbers_become_real(through, grid, onto):
    stored = as_components(tensors_at(grid.world_points()), "fsl", np.eye(3))
    found = through(stored.round(), TURN, "--tensors", "fsl")
    assert found.shape == (*onto.shape, 6)
    assert found.get_data_dtype() == np.float32


def test_colours_are_not_turned(through, grid, onto):
    stored = np.ones((*grid.shape, 1, 3)) * [1.0, 2.0, 3.0]
    found = through(stored, TURN, "--channels", "all").get_fdata()[..., 0, :]
    np.testing.assert_allclose(found, np.broadcast_to([1.0, 2.0, 3.0], found.shape), atol=1e-6)


def test_the_derivative_is_that_of_the_points(bend, grid):
    """By differences of mapped points, which share no code with those of the field."""
    points, step = grid.world_points(), 1e-3
    inside = (slice(2, -2),) * 3
    columns = [
        (bend(points + step * axis) - bend(points - step * axis)) / (2 * step)
        for axis in torch.eye(3, dtype=torch.float64)
    ]
    truth = np.stack([each.numpy() for each in columns], -1)[inside]
    found = derivative(bend, grid).numpy()[inside]
    assert np.abs(found - truth).max() < 0.08  # the field is linear between voxels of 1.5 mm
    assert np.abs(truth - np.eye(3)).max() > 0.2
    rows = derivative(bend, grid, slice(5, 9))
    np.testing.assert_allclose(rows.numpy(), derivative(bend, grid).numpy()[5:9])


def test_a_field_turns_each_voxel_by_its_own_derivative(bend, grid, tmp_path):
    stored = as_components(tensors_at(grid.world_points()), "mrtrix", np.eye(3))
    image = write_nifti(stored, grid, tmp_path / "in.nii.gz")
    phi, out = write_transform(bend, tmp_path / "phi.h5"), tmp_path / "out.nii.gz"
    record = tmp_path / "out.json"
    line = ["apply", image, phi, "--onto", image, "-o", out, "--tensors", "mrtrix",
            "--turn", "rotation", "--record", record]  # fmt: skip
    assert main([*map(str, line)]) == 0
    found = nib.load(out).get_fdata()
    at = (12, 14, 10)
    turn = finite_strain(derivative(bend, grid)[at].numpy())
    before = tensors_at(bend(grid.world_points()[at]).numpy())
    truth = as_components(turn @ before @ turn.T, "mrtrix", np.eye(3))
    np.testing.assert_allclose(found[at], truth, atol=1e-3)
    asked = json.loads(record.read_text())["asked"]["turned"]
    assert asked == {"kind": "tensors", "axes": "ras", "order": "mrtrix", "turning": "rotation"}
    assert main(["rerun", str(record), "-q"]) == 0


def test_a_fold_is_said(through, grid, capsys):
    stored = vectors_at(grid.world_points())
    through(stored, np.diag([-1.0, 1.0, 1.0]), "--vectors", "--axes", "ras")
    assert "folding 100 % of the voxels" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("count", "words", "said"),
    [
        (6, ["--tensors", "dipy"], "the axes of the tensors are not clear; give --axes"),
        (6, ["--tensors", "fsl", "--vectors"], "give one of them"),
        (6, ["--axes", "ras"], "--axes and --turn are of --tensors or --vectors"),
        (6, ["--tensors", "fsl", "--turn", "jacobian"], "allowed: principal, rotation"),
        (6, ["--tensors", "fsl", "--labels"], "leave out --labels and --outside"),
        (6, ["--tensors", "fsl", "--outside", "1"], "leave out --labels and --outside"),
        (5, ["--tensors", "fsl"], "has 5 frames of 1 values a voxel; tensors have 6"),
        (6, ["--vectors", "--axes", "ras"], "has 6 frames of 1 values a voxel; vectors have 3"),
    ],
)
def test_what_is_not_clear_is_refused(grid, tmp_path, capsys, count, words, said):
    image = write_nifti(np.ones((*grid.shape, count)), grid, tmp_path / "in.nii.gz")
    phi = write_transform(Affine.identity(), tmp_path / "phi.h5")
    line = ["apply", image, phi, "--onto", image, "-o", tmp_path / "out.nii.gz", *words]
    assert main([*map(str, line)]) == 2
    assert said in capsys.readouterr().err


def test_tensors_are_not_taken_for_an_image(grid, tmp_path, capsys):
    image = write_nifti(np.ones((*grid.shape, 1, 6)), grid, tmp_path / "in.nii.gz", 1005)
    phi = write_transform(Affine.identity(), tmp_path / "phi.h5")
    line = ["apply", image, phi, "--onto", image, "-o", tmp_path / "out.nii.gz"]
    assert main([*map(str, line)]) == 2
    assert "holds symmetric matrices such as diffusion tensors" in capsys.readouterr().err
    assert main([*map(str, line), "--channels", "all"]) == 0
