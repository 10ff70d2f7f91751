"""Control points of NiftyReg and coefficients of FNIRT, against NiftyReg itself and fslpy.

``niftyreg.json`` holds control points that reg_f3d wrote, and where reg_transform sends a thousand
voxels by them and by files that regkit wrote; ``fnirt.json`` a file that fslpy wrote, and where it
sends points by it. ``record_niftyreg.py`` and ``record_fnirt.py`` made them.
"""

import base64
import gzip
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
import torch
from numpy.testing import assert_allclose
from scipy.interpolate import BSpline

from regkit import Affine, InputError, read_transform, write_transform
from regkit.io.transform_format import UNKNOWN_PAIR
from regkit.io.transform_formats.fsl import fsl_to_world
from regkit.io.transform_formats.niftyreg import read_control_points
from regkit.transforms.bspline import CubicBSpline
from tests.io.conftest import forged
from tests.io.transform_formats.pair import FIXED, MOVING, TURN, bend_on, inside, right_handed

NIFTYREG, FNIRT = (
    json.loads(Path(__file__).with_name(f"{name}.json").read_text())
    for name in ("niftyreg", "fnirt")
)
VOXELS = np.random.default_rng(7).integers(0, FIXED.shape, (1000, 3))
AT_VOXELS = FIXED.to_world(torch.from_numpy(VOXELS).double()).numpy()
BOTH = {"fixed": FIXED, "moving": MOVING}


def unpacked(text, place):
    place.write_bytes(gzip.decompress(base64.b64decode(text)))
    return place


def changed(place, **fields):
    """The same file with other words in its header."""
    whole = place.read_bytes()
    header = nib.Nifti1Header(whole[:348], check=False)
    for key, value in fields.items():
        header[key] = value
    place.write_bytes(header.binaryblock + whole[348:])
    return place


@pytest.mark.parametrize(("kind", "number"), [("cubic", 2), ("linear", 6)])
@pytest.mark.parametrize("program", [None, "niftyreg"])
def test_control_points_as_niftyreg_reads_them(kind, number, program, tmp_path):
    path = changed(unpacked(NIFTYREG["cubic file"], tmp_path / "cpp.nii"), intent_p1=number)
    found = read_transform(path, program=program)
    assert_allclose(found(AT_VOXELS), NIFTYREG[kind], atol=1e-3)
    assert np.abs(np.array(NIFTYREG[kind]) - AT_VOXELS).max() > 5


@pytest.mark.parametrize("name", ["velocity", "halves"])
@pytest.mark.parametrize("program", [None, "niftyreg"])
def test_velocities_as_niftyreg_integrates_them(name, program, tmp_path):
    """Alone, and between the two halves of an affine."""
    path = unpacked(NIFTYREG[f"{name} file"], tmp_path / "v.nii")
    found = read_transform(path, program=program, fixed=FIXED)
    assert_allclose(found(AT_VOXELS), NIFTYREG[name], atol=1e-3)
    assert np.abs(np.array(NIFTYREG[name]) - AT_VOXELS).max() > 2
    with pytest.raises(InputError, match=r"velocity grid .* give that image as fixed"):
        read_transform(path, program=program)


VELOCITIES = {
    "steps": ({"intent_p2": 40}, "is to be squared 40 times"),
    "half a step": ({"intent_p2": 2.5}, "is to be squared 2.5 times"),
    "offset": ({"vox_offset": -2.0}, ".*vox_offset"),
    "few": ({"dim": [5, 3, 4, 4, 1, 3, 1, 1]}, "has 3x4x4 control points"),
}


@pytest.mark.parametrize("what", VELOCITIES)
def test_bad_velocities(what, tmp_path):
    fields, words = VELOCITIES[what]
    path = changed(unpacked(NIFTYREG["halves file"], tmp_path / "v.nii"), **fields)
    with pytest.raises(InputError, match=rf"v.nii: {words}"):
        read_transform(path, fixed=FIXED)


def test_bad_affines_of_velocities(tmp_path):
    whole = unpacked(NIFTYREG["halves file"], tmp_path / "v.nii").read_bytes()
    size, first = whole[352:356], whole[360:424]
    for old, new, words in (
        (first, bytes(64), "an affine of its header"),
        (size + whole[356:360], np.int32(16).tobytes() + bytes(4), "an extension .* is cut"),
        (size + whole[356:360], np.int32(-10).tobytes() + bytes(4), "an extension .* is cut"),
    ):
        (tmp_path / "v.nii").write_bytes(whole.replace(old, new, 1))
        with pytest.raises(InputError, match=rf"v.nii: {words}"):
            read_transform(tmp_path / "v.nii", fixed=FIXED)


def test_itk_reads_the_same_spline(tmp_path):
    """SimpleITK sends voxels where NiftyReg does, those on the rim too, where a spline may end."""
    spline = read_transform(unpacked(NIFTYREG["cubic file"], tmp_path / "cpp.nii"))
    itk = sitk.ReadTransform(str(write_transform(spline, tmp_path / "a.h5")))
    flip = np.array([-1.0, -1.0, 1.0])
    there = np.array([itk.TransformPoint(point) for point in AT_VOXELS * flip]) * flip
    assert_allclose(there, NIFTYREG["cubic"], atol=1e-3)


def test_control_points_with_an_affine_are_inverted(tmp_path):
    """NiftyReg keeps the affine of ``-aff`` in its control points; by itself it is no bend."""
    phi = read_transform(unpacked(NIFTYREG["cubic file"], tmp_path / "cpp.nii"))
    assert [type(link) for link in phi.links] == [Affine, CubicBSpline]
    inner = ((VOXELS > 2) & (np.array(FIXED.shape) - 3 > VOXELS)).all(1)
    points = AT_VOXELS[inner]
    assert_allclose(phi.inverse()(phi(points)), points, atol=0.02)


def test_what_niftyreg_makes_of_our_files(tmp_path):
    """It sends voxels of fixed where the transform does that was written for it."""
    bend = bend_on(FIXED)
    assert_allclose(TURN(AT_VOXELS), NIFTYREG["turn"], atol=1e-3)
    assert_allclose((TURN @ bend)(AT_VOXELS), NIFTYREG["bend"], atol=1e-3)
    place = write_transform(TURN @ bend, tmp_path / "a.nii", program="niftyreg", fixed=FIXED)
    assert_allclose(read_transform(place)(AT_VOXELS), NIFTYREG["bend"], atol=1e-3)


def test_a_spline_of_positions_is_written_for_others(tmp_path):
    """As a field for FSL, on the grid of fixed."""
    spline = read_transform(unpacked(NIFTYREG["cubic file"], tmp_path / "cpp.nii"))
    place = write_transform(spline, tmp_path / "a.nii.gz", program="fsl", **BOTH)
    found = read_transform(place, program="fsl", **BOTH)
    assert_allclose(found(AT_VOXELS), NIFTYREG["cubic"], atol=1e-3)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"intent_p1": 5}, "velocity control points of NiftyReg; .*, with its fixed image"),
        ({"intent_p1": 3}, "a velocity field .* of NiftyReg; regkit does not read it"),
        ({"intent_name": b"other"}, "does not say that it holds control points"),
        ({"intent_p1": 0.5}, "a transform of NiftyReg"),
    ],
)
def test_other_transforms_of_niftyreg(fields, words, tmp_path):
    path = changed(unpacked(NIFTYREG["cubic file"], tmp_path / "cpp.nii"), **fields)
    with pytest.raises(InputError, match=rf"cpp.nii: .*{words}"):
        read_control_points(path, UNKNOWN_PAIR)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((3, 9, 10, 1, 3), "has 3x9x10 control points; a cubic spline needs 4"),
        ((8, 9, 10, 1, 2), "has control points of dimensions 8x9x10x1x2"),
        ((8, 9, 10, 3), "has control points of dimensions 8x9x10x3"),
    ],
)
def test_bad_control_points(shape, words, tmp_path):
    values = np.zeros(shape, np.float32)
    path = forged(
        tmp_path / "c.nii", values, intent_code=1007, intent_name=b"NREG_TRANS", intent_p1=2
    )
    with pytest.raises(InputError, match=rf"c.nii: {words}"):
        read_transform(path)


@pytest.mark.parametrize("moving", ["L", "R"])
@pytest.mark.parametrize("program", [None, "fsl"])
def test_coefficients_as_fslpy_reads_them(moving, program, tmp_path):
    path = unpacked(FNIRT["file"], tmp_path / "c.nii")
    images = {"fixed": FIXED, "moving": MOVING if moving == "L" else right_handed(MOVING)}
    index = torch.tensor(FNIRT["index"]).double()
    found = read_transform(path, program=program, **images)(FIXED.to_world(index))
    assert_allclose(found, FNIRT[moving], atol=1e-3)


def test_coefficients_lie_along_the_axes_of_fsl(tmp_path):
    """However fixed is stored: FSL reads the file raw, and turns a right-handed image round."""
    path = unpacked(FNIRT["file"], tmp_path / "c.nii")
    points = inside(FIXED)
    one = read_transform(path, fixed=FIXED, moving=MOVING)(points)
    other = read_transform(path, fixed=right_handed(FIXED), moving=MOVING)(points)
    assert_allclose(one, other, atol=1e-6)


def test_coefficients_by_their_definition(tmp_path):
    """``matrix^-1 x + u(x)`` in FSL's mm, with splines of scipy, at points between voxels too."""
    path = unpacked(FNIRT["file"], tmp_path / "c.nii")
    image = nib.load(path)
    values, knots = np.asarray(image.dataobj), image.header["pixdim"][1:4]
    points = inside(FIXED).numpy()
    here, there = fsl_to_world(FIXED), fsl_to_world(MOVING)
    x = points @ np.linalg.inv(here)[:3, :3].T + np.linalg.inv(here)[:3, 3]
    index = x / FIXED.spacing / knots + 1
    basis = [
        np.stack([BSpline.basis_element(np.arange(n - 2, n + 3), extrapolate=False)(index[:, a])
                  for n in range(values.shape[a])], 1)
        for a in range(3)
    ]  # fmt: skip
    u = np.einsum("pi,pj,pk,ijkc->pc", *map(np.nan_to_num, basis), values)
    back = np.linalg.inv(image.header.get_sform())
    aim = (x @ back[:3, :3].T + back[:3, 3] + u) @ there[:3, :3].T + there[:3, 3]
    assert_allclose(read_transform(path, **BOTH)(points), aim, atol=1e-3)


FNIRT_FIELDS = {
    "pixdim": ([1, 5, 3.5, 4, 1, 0, 0, 0], "has control points every"),
    "qoffset_x": (25, "is for a fixed image of 25x28x20 voxels"),
    "intent_p2": (1.3, "voxels of 1.3x1.3x1.9 mm, and the fixed image given is 24x28x20"),
    "srow_x": ([0, 0, 0, 5], "its sform, a matrix of FLIRT,: .*singular"),
    "intent_code": (2009, "FNIRT coefficients \\(quadratic splines\\); regkit does not read it"),
}


@pytest.mark.parametrize("key", FNIRT_FIELDS)
def test_bad_coefficients(key, tmp_path):
    value, words = FNIRT_FIELDS[key]
    path = changed(unpacked(FNIRT["file"], tmp_path / "c.nii"), **{key: value})
    with pytest.raises(InputError, match=rf"c.nii: .*{words}"):
        read_transform(path, program="fsl", **BOTH)


def test_coefficients_that_do_not_fit_their_image(tmp_path):
    path = unpacked(FNIRT["file"], tmp_path / "c.nii")
    whole = path.read_bytes()
    changed(path, dim=[4, 6, 12, 8, 3, 1, 1, 1])
    with pytest.raises(InputError, match=r"coefficients; 7x12x8x3 are needed for its image"):
        read_transform(path, **BOTH)
    path.write_bytes(whole[:2000])
    with pytest.raises(InputError, match=r"c.nii: "):
        read_transform(path, **BOTH)


def test_what_coefficients_need(tmp_path):
    path = unpacked(FNIRT["file"], tmp_path / "c.nii")
    with pytest.raises(InputError, match="give that image as fixed"):
        read_transform(path, moving=MOVING)
    with pytest.raises(InputError, match="give that image as moving"):
        read_transform(path, fixed=FIXED)


def test_a_point_on_the_rim_is_known():
    """Rounding in a header takes the first voxel a hair beyond the control points it needs."""
    spline = read_rim()
    rim = spline.grid.to_world(torch.tensor([[1.0, 1, 1]]).double() - 1e-7)
    inner = spline.grid.to_world(torch.tensor([[1.0, 1, 1]]).double())
    assert_allclose(spline(rim) - rim, spline(inner) - inner, atol=1e-5)
    beyond = spline.grid.to_world(torch.tensor([[0.9, 1, 1]]).double())
    assert_allclose(spline(beyond), beyond)


def read_rim():
    return CubicBSpline(torch.full((3, *FIXED.shape), 2.0).double(), FIXED)
