"""Few slices, and single ones, in images that are 3-D."""

import numpy as np
import pytest
import torch

from regkit import Affine, Grid, InputError, Labels, Volume
from regkit.geometry.affines import about, homogeneous, rotation
from regkit.kernels.smoothing import gaussian
from regkit.registration.flat import flatten_slice, one_dimension
from regkit.registration.pipeline import register
from regkit.resample import warp
from tests.conftest import structure


@pytest.fixture(scope="module")
def wide(grid):
    """The grain of tissue on 48 x 44 x 24 voxels, so that a slice has enough of it."""
    large = Grid((48, 44, 24), grid.affine)
    generator = torch.Generator().manual_seed(0)
    grain = gaussian(torch.randn(1, *large.shape, generator=generator), 1.2)
    return Volume((structure(large) + 40 * grain[0]).float(), large, "wide.nii.gz")


@pytest.fixture(scope="module")
def shift(wide):
    """4 mm and -3 mm along the first two axes."""
    axes = wide.grid.affine[:3, :2] / wide.grid.spacing[:2]
    return Affine(homogeneous(np.eye(3), axes @ [4.0, -3.0]))


@pytest.fixture(scope="module")
def few(wide, shift):
    """Call for so many slices, and the same slices after the shift."""

    def cut(count):
        fixed = wide.window((4, 4, 10), (40, 36, count))
        return fixed, warp(wide, shift.inverse(), onto=fixed.grid)

    return cut


@pytest.fixture(scope="module")
def auto(quick):
    """The usual similarities, on the few iterations of ``quick``."""
    return quick.model_copy(update={"similarity": "auto"})


@pytest.mark.parametrize(
    ("count", "kind"),
    [(n, kind) for n in (1, 2, 3, 5) for kind in ("rigid", "affine")]
    + [(n, "deformable") for n in (1, 2, 5)],
)
def test_few_slices_move_in_their_plane(few, shift, auto, count, kind):
    fixed, moving = few(count)
    result = register(fixed, moving, config=auto, transform=kind)
    points = fixed.grid.world_points()[6:-6, 6:-6]
    step = result.transform(points) - points
    normal = torch.from_numpy(fixed.grid.affine[:3, 2] / fixed.grid.spacing[2])
    assert torch.isfinite(step).all()
    assert (step @ normal).abs().max() < 0.25 * fixed.grid.spacing[2]
    near = 1.2 if kind == "deformable" else 0.5  # a field knows no better than a voxel here
    assert (result.transform(points) - shift(points)).norm(dim=-1).mean() < near
    assert result.metrics["inverse_consistency_p95"] < 0.3


@pytest.mark.parametrize(("away", "turned"), [(40.0, 0.0), (-3.0, 0.15)])
def test_planes_that_lie_apart_are_laid_on_each_other(few, shift, auto, away, turned):
    fixed, moving = few(1)
    linear = rotation([turned, 0.0, 0.0])
    normal = fixed.grid.affine[:3, 2] / fixed.grid.spacing[2]
    truth = homogeneous(np.eye(3), away * normal) @ about(fixed.grid.centre, linear)
    far = Volume(moving.data, Grid(moving.grid.shape, truth @ moving.grid.affine), "far.nii")
    result = register(fixed, far, config=auto, transform="rigid")
    points = fixed.grid.world_points()[4:-4, 4:-4]
    expected = Affine(truth)(shift(points))
    assert (result.transform(points) - expected).norm(dim=-1).mean() < 0.6
    assert result.stages[0].name == "planes"
    assert result.warped.data.float().std() > 0.5 * far.data.float().std()


def test_slices_that_stand_on_each_other_are_refused(few, quick):
    fixed, moving = few(1)
    steep = about(fixed.grid.centre, rotation([0.0, np.pi / 2, 0.0])) @ moving.grid.affine
    with pytest.raises(InputError, match=r"single slices at .* degrees to each other; at most 45"):
        register(fixed, Volume(moving.data, Grid(moving.grid.shape, steep)), config=quick)


def _sheet(plane, tilt=0.0):
    affine = np.eye(4)
    affine[:2, :2], affine[:2, 3] = plane.grid.affine[:2, :2], plane.grid.affine[:2, 2]
    affine[2, 3] = 12.0
    turned = about([0.0, 0.0, 12.0], rotation([tilt, 0.0, 0.0])) @ affine
    return Volume(plane.data[..., None], Grid((*plane.grid.shape, 1), turned), "sheet.nii")


def test_a_slice_in_the_plane_of_a_picture_is_one(plane):
    sheet = _sheet(plane)
    assert flatten_slice(sheet).grid == plane.grid
    assert torch.equal(flatten_slice(sheet).data, plane.data)
    fixed, moving, notices = one_dimension(sheet, plane)
    assert (fixed.ndim, moving.ndim) == (2, 2)
    assert notices == ("sheet.nii: its single slice is taken as a 2-D image of its plane",)


def test_a_slice_is_registered_to_a_picture(plane, quick):
    truth = Affine(homogeneous(rotation([0.1]), [3.0, -2.0]))
    moved = warp(plane, truth.inverse(), onto=plane.grid)
    mask = Labels(torch.ones_like(_sheet(plane).data, dtype=torch.uint8), _sheet(plane).grid)
    result = register(_sheet(plane), moved, config=quick, transform="rigid", fixed_mask=mask)
    points = plane.grid.world_points()[plane.data[0] > 20]
    assert (result.transform(points) - truth(points)).norm(dim=-1).mean() < 0.4
    assert result.stages[0].note.startswith("sheet.nii: its single slice")


def test_a_slice_in_another_plane_than_a_picture_is_refused(plane):
    with pytest.raises(InputError, match=r"^plane\.nii\.gz is 2-D and sheet\.nii is 3-D; the sing"):
        one_dimension(plane, _sheet(plane, 0.3))
