"""Parameter files of elastix and B-splines of ITK, against transformix and SimpleITK.

``oracles.json`` holds five files that itk-elastix 0.25.4 wrote, and where its transformix sends a
thousand points by them; ``record.py`` made it.
"""

import json

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from numpy.testing import assert_allclose

from regkit import Affine, Chain, Grid, InputError, read_transform, write_transform
from regkit.geometry.affines import homogeneous, rotation
from regkit.io.lps import to_itk
from regkit.transforms.bspline import CubicBSpline
from tests.io.transform_formats.pair import FIXED, TURN, inside
from tests.io.transform_formats.record import ORACLES

ORACLE = json.loads(ORACLES.read_text())["elastix"]
POINTS = inside(FIXED)
FLIP = np.array([-1.0, -1.0, 1.0])


def files(folder, kind):
    """The files of a kind, as elastix names them; the last one is read."""
    kinds = ["affine", "bspline"] if kind == "bspline" else [kind]
    for number, each in enumerate(kinds):
        place = folder / f"TransformParameters.{number}.txt"
        place.write_text(ORACLE[each])
    return place


@pytest.mark.parametrize("kind", ["translation", "rigid", "similarity", "bspline"])
def test_points_go_where_transformix_sends_them(kind, tmp_path):
    phi = read_transform(files(tmp_path, kind))
    assert_allclose(phi(POINTS), ORACLE[f"{kind} points"], atol=1e-3)


def test_a_recursive_spline_is_the_same_one(tmp_path):
    """transformix sends points by both alike, to 5e-7 mm; see ``record.py``."""
    place = files(tmp_path, "bspline")
    place.write_text(place.read_text().replace('"BSplineT', '"RecursiveBSplineT'))
    assert_allclose(read_transform(place)(POINTS), ORACLE["bspline points"], atol=1e-3)


def test_a_spline_comes_after_what_goes_before_it(tmp_path):
    phi = read_transform(files(tmp_path, "bspline"))
    assert isinstance(phi, Chain)
    assert [type(link) for link in phi.links] == [CubicBSpline, Affine]
    place = write_transform(phi, tmp_path / "a.nii.gz", fixed=FIXED)
    nodes = FIXED.world_points()[::4, ::4, ::4].reshape(-1, 3)
    assert_allclose(read_transform(place)(nodes), phi(nodes), atol=1e-3)


def test_written_and_read_again(tmp_path):
    place = write_transform(TURN, tmp_path / "a.txt", program="elastix", fixed=FIXED)
    assert_allclose(read_transform(place).matrix, TURN.matrix, atol=1e-9)
    with pytest.raises(InputError, match="give that image as fixed"):
        write_transform(TURN, tmp_path / "b.txt", program="elastix")


def test_a_spline_is_written_and_read_again(tmp_path):
    """transformix sends points by such a file to 5e-7 mm; see ``record.py``."""
    spline = read_transform(files(tmp_path, "bspline")).links[0]
    place = write_transform(spline, tmp_path / "a.txt", program="elastix", fixed=FIXED)
    found = read_transform(place)
    assert_allclose(found.coefficients, spline.coefficients, atol=1e-12)
    assert_allclose(found.grid.affine, spline.grid.affine, atol=1e-12)
    with pytest.raises(InputError, match="holds an Affine or a cubic B-spline, not a Chain"):
        write_transform(TURN @ spline, tmp_path / "b.txt", program="elastix", fixed=FIXED)


CHANGES = {
    "TransformParameters.0.txt": ("nowhere.txt", "goes on from 'nowhere.txt', which is not beside"),
    '"/': ('"../../etc/', ""),
    "UseDirectionCosines": ("Other", "lacks UseDirectionCosines; the file is cut"),
    '(UseDirectionCosines "true")': ('(UseDirectionCosines "false")', "without direction cosines"),
    "InitialTransformParameterFileName": ("Other", "does not say what goes before it"),
    '"Compose"': ('"Add"', "adds its transform to another one"),
    '"BSplineTransform"': ('"SplineKernelTransform"', "holds a SplineKernelTransform of elastix"),
    "(BSplineTransformSplineOrder 3)": ("(BSplineTransformSplineOrder 2)", "of order 2"),
    "(GridSize ": ("(GridSize 9", "TransformParameters needs"),
    "(GridSpacing ": ("(GridSpacing -", "must be positive"),
    "(TransformParameters ": ("(TransformParameters nan ", "finite numbers"),
    "(GridDirection ": ("(GridDirection x ", "is no number"),
    "(GridIndex 0": ("(GridIndex 1", "GridIndex is not 0"),
    "(FixedImageDimension 3)": ("(FixedImageDimension 4)", "4 dimensions"),
}


@pytest.mark.parametrize("old", CHANGES)
def test_bad_files(old, tmp_path):
    place, (new, words) = files(tmp_path, "bspline"), CHANGES[old]
    text = place.read_text()
    if words:
        assert old in text
    place.write_text(text.replace(old, new, 1))
    if not words:  # only the name counts, which is beside it
        assert_allclose(read_transform(place)(POINTS), ORACLE["bspline points"], atol=1e-3)
        return
    with pytest.raises(InputError) as caught:
        read_transform(place)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_loop_of_files(tmp_path):
    place = files(tmp_path, "bspline")
    text = place.read_text().replace("Parameters.0.txt", "Parameters.1.txt")
    place.write_text(text)
    with pytest.raises(InputError, match="goes on from"):
        read_transform(place)


@pytest.mark.parametrize("kind", ["rigid", "bspline"])
def test_cut_files(kind, tmp_path):
    place = files(tmp_path, kind)
    whole = place.read_text()
    end = whole.index("(UseDirectionCosines")
    for size in np.linspace(1, end, 30).astype(int).tolist():
        place.write_text(whole[:size])
        with pytest.raises(InputError, match="TransformParameters"):
            read_transform(place, program="elastix")


@pytest.fixture(scope="module")
def spline():
    """A spline of SimpleITK on an oblique, left-handed domain, and the same map here."""
    place = to_itk(FIXED)
    domain = sitk.Image(FIXED.shape, sitk.sitkFloat32)
    domain.SetOrigin(place.origin)
    domain.SetSpacing(place.spacing)
    domain.SetDirection(place.direction)
    itk = sitk.BSplineTransformInitializer(domain, [3, 4, 2])
    values = np.random.default_rng(0).uniform(-4, 4, len(itk.GetParameters()))
    itk.SetParameters(values.tolist())
    return itk


def by_simpleitk(itk, points):
    return np.array([itk.TransformPoint(p) for p in (np.asarray(points) * FLIP).tolist()]) * FLIP


@pytest.mark.parametrize("name", ["a.h5", "a.tfm", "a.mat"])
def test_splines_of_itk(spline, name, tmp_path):
    """A thousand points inside, and as many around the edge of its domain."""
    sitk.WriteTransform(spline, str(tmp_path / name))
    phi = read_transform(tmp_path / name)
    assert isinstance(phi, CubicBSpline)
    assert_allclose(phi(POINTS), by_simpleitk(spline, POINTS), atol=1e-6)
    random = torch.rand(1000, 3, generator=torch.Generator().manual_seed(1)).double()
    wide = FIXED.to_world(random * (torch.tensor(FIXED.shape) + 8) - 4)
    assert_allclose(phi(wide), by_simpleitk(spline, wide), atol=1e-6)


def test_splines_are_written_as_splines(spline, tmp_path):
    sitk.WriteTransform(spline, str(tmp_path / "a.h5"))
    phi = TURN @ read_transform(tmp_path / "a.h5")
    place = write_transform(phi, tmp_path / "b.h5")
    assert_allclose(by_simpleitk(sitk.ReadTransform(str(place)), POINTS), phi(POINTS), atol=1e-6)
    assert_allclose(read_transform(place)(POINTS), phi(POINTS), atol=1e-9)


def test_inverse_of_a_spline():
    grid = FIXED.window((-20, -20, -20), [n + 40 for n in FIXED.shape]).with_spacing(8.0)
    noise = torch.rand(3, *grid.shape, generator=torch.Generator().manual_seed(2)) * 2 - 1
    phi = CubicBSpline(noise, grid)
    there = phi(POINTS)
    assert_allclose(phi.inverse()(there), POINTS, atol=0.02)


def test_spline_of_itk_that_is_too_small(tmp_path):
    rows = " ".join(map(str, [3, 3, 3, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1]))
    zeros = " ".join(["0"] * 81)
    (tmp_path / "a.tfm").write_text(
        "#Insight Transform File V1.0\n#Transform 0\nTransform: BSplineTransform_double_3_3\n"
        f"Parameters: {zeros}\nFixedParameters: {rows}\n"
    )
    with pytest.raises(InputError, match=r"a.tfm: "):
        read_transform(tmp_path / "a.tfm")
    with pytest.raises(InputError, match="four points along each axis"):
        CubicBSpline(torch.zeros(3, 3, 4, 4), FIXED.placed((3, 4, 4), FIXED.affine))


def test_spline_in_2d():
    grid = Grid((6, 7), homogeneous(rotation([0.4]) @ np.diag([-1.2, 0.9]), [5.0, -3.0]))
    flat = CubicBSpline(torch.ones(2, 6, 7), grid)
    middle = grid.to_world(torch.tensor([[2.5, 3.0]]).double())
    assert_allclose(flat(middle), middle + 1, atol=1e-6)
