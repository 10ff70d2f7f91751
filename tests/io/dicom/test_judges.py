"""Series of known phantoms against the truth, and against dcm2niix, SimpleITK and highdicom."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from numpy.testing import assert_allclose, assert_array_equal

from regkit import Volume, read
from regkit.geometry import Grid
from tests.io.dicom.conftest import AXIAL, VIEWS, phantom
from tests.io.dicom.writer import write_enhanced, write_series

SHUFFLED = [4, 1, 7, 0, 8, 2, 6, 3, 5]


def values_at(image: Volume, truth: Volume) -> np.ndarray:
    """The voxels of ``image`` in the order of those of ``truth``, found by where they lie."""
    index = image.grid.to_index(truth.grid.world_points().reshape(-1, 3)).numpy()
    nearest = index.round()
    assert_allclose(index, nearest, atol=1e-3)
    return image.data[0].numpy()[tuple(nearest.astype(int).T)].reshape(truth.shape)


def check_same(image: Volume, truth: Volume, values: np.ndarray | None = None) -> None:
    """Every voxel of ``truth`` is there, within a thousandth of a millimetre, and no other."""
    assert sorted(image.shape) == sorted(truth.shape)
    ends = [truth.grid.corners(), image.grid.corners()]
    assert_allclose(*(np.sort(end, axis=0) for end in ends), atol=1e-3)
    expected = truth.data[0].numpy() if values is None else values
    assert_array_equal(values_at(image, truth), expected)


def by_dcm2niix(folder: Path, out: Path) -> Volume:
    dcm2niix = pytest.importorskip("dcm2niix")
    out.mkdir()
    words = [dcm2niix.bin, "-z", "n", "-b", "n", "-f", "out", "-o", str(out), str(folder)]
    subprocess.run(words, check=True, capture_output=True)
    image = nib.load(out / "out.nii")
    return Volume(np.asarray(image.dataobj), image.affine, "dcm2niix")


def by_simpleitk(image: sitk.Image) -> Volume:
    corners = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    points = np.array([image.TransformIndexToPhysicalPoint(c) for c in corners]) * [-1, -1, 1]
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = (points[1:] - points[0]).T, points[0]
    return Volume(sitk.GetArrayFromImage(image).transpose(2, 1, 0), affine, "SimpleITK")


def series_by_simpleitk(folder: Path) -> Volume:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return by_simpleitk(reader.Execute())


@pytest.mark.parametrize("view", VIEWS)
def test_series_lie_where_they_were_scanned(view, tmp_path):
    truth = phantom(VIEWS[view])
    folder = write_series(tmp_path / "series", truth, order=SHUFFLED)
    found = read(folder)
    check_same(found, truth)
    check_same(by_dcm2niix(folder, tmp_path / "out"), truth)
    check_same(series_by_simpleitk(folder), truth)
    highdicom = pytest.importorskip("highdicom")
    other = highdicom.get_volume_from_series(
        [highdicom.imread(path) for path in sorted(folder.iterdir())]
    )
    affine = np.diag([-1.0, -1, 1, 1]) @ other.affine
    check_same(Volume(other.array.astype(np.int16), affine), truth)


def test_one_file_stands_for_its_series(scan, tmp_path):
    folder = write_series(tmp_path, scan, order=SHUFFLED)
    write_series(tmp_path, scan, number=9)
    found = read(sorted(folder.iterdir())[2])
    check_same(found, scan)
    assert found.name == sorted(folder.iterdir())[2].name


@pytest.mark.parametrize(
    ("bits", "intercept", "dtype"), [(12, -1024, "int16"), (16, -1024, "int32")]
)
def test_hounsfield_units_stay_whole(bits, intercept, dtype, scan, tmp_path):
    stored = scan.with_data((scan.data + 1024).int())
    unsigned = Volume(stored.data.numpy().astype(np.uint16), scan.grid)

    def as_unsigned(data, number):
        data.PixelRepresentation = 0

    folder = write_series(
        tmp_path / "a", unsigned.with_data(unsigned.data.short()), bits=bits, intercept=intercept,
        change=as_unsigned,
    )  # fmt: skip
    found = read(folder)
    assert str(found.load().dtype) == f"torch.{dtype}" == f"torch.{found.data.numpy().dtype}"
    check_same(found, scan)
    check_same(by_dcm2niix(folder, tmp_path / "out"), scan)
    check_same(series_by_simpleitk(folder), scan)


def test_a_slope_for_each_slice(scan, tmp_path):
    def scaled(data, number):
        data.RescaleSlope = f"{1 + number / 4}"
        data.Modality = "PT"

    truth = scan.data[0].numpy() * (1 + np.arange(9) / 4)
    found = read(write_series(tmp_path / "a", scan, change=scaled))
    assert found.data.numpy().dtype == np.float32
    check_same(found, scan, truth.astype(np.float32))
    # SimpleITK cuts the fractions off, as the first slice has none: it is no judge.
    check_same(by_dcm2niix(tmp_path / "a", tmp_path / "out"), scan, truth)


@pytest.mark.parametrize("view", ["axial", "left-handed"])
@pytest.mark.parametrize("shared", [True, False], ids=["shared", "per frame"])
def test_frames_of_one_file(view, shared, tmp_path):
    truth = phantom(VIEWS[view])
    path = write_enhanced(
        tmp_path / "in" / "a.dcm", truth, scale=lambda n: (1.0, -1000.0), shared_scale=shared
    )
    values = truth.data[0].numpy() - 1000
    check_same(read(path), truth, values)
    check_same(by_dcm2niix(path.parent, tmp_path / "out"), truth, values)
    check_same(by_simpleitk(sitk.ReadImage(path)), truth, values)


def test_frames_in_any_order_with_a_scale_each(scan, tmp_path):
    # SimpleITK keeps the stored order and gives all frames the scale of the first: it is no judge.
    path = write_enhanced(
        tmp_path / "in" / "a.dcm", scan, order=SHUFFLED, scale=lambda n: (1.0 + n, 3.0 * n)
    )
    values = scan.data[0].numpy() * (1 + np.arange(9)) + 3 * np.arange(9)
    check_same(read(path), scan, values)
    check_same(by_dcm2niix(path.parent, tmp_path / "out"), scan, values)


def test_monochrome1_keeps_its_values(scan, tmp_path):
    """Which value is white is for displays (PS3.3 C.7.6.3.1.2); Hounsfield units do not change.

    SimpleITK 2.5.7 inverts the stored values before it rescales them, dcm2niix does not;
    findings/simpleitk_monochrome1.sh.
    """

    def white_is_low(data, number):
        data.PhotometricInterpretation = "MONOCHROME1"

    folder = write_series(tmp_path / "a", scan, intercept=-1024, change=white_is_low)
    values = scan.data[0].numpy() - 1024
    check_same(read(folder), scan, values)
    check_same(by_dcm2niix(folder, tmp_path / "out"), scan, values)
    inverted = values_at(series_by_simpleitk(folder), scan)
    assert not np.array_equal(inverted, values)


def test_a_gantry_tilt_lies_where_positions_say(tmp_path):
    """SimpleITK 2.5.7 straightens it in silence, dcm2niix writes a sheared file beside its own."""
    tilted = AXIAL.copy()
    tilted[:, 2] += [0.0, 0.6, 0.0]
    truth = phantom(tilted)
    folder = write_series(tmp_path / "a", truth, order=SHUFFLED)
    with pytest.raises(Exception, match=r"\(gantry tilt\) is sheared.*allow_shear=True"):
        read(folder)
    check_same(read(folder, allow_shear=True), truth)


def test_the_dose_of_a_plan(tmp_path):
    from pydicom import dcmread
    from pydicom.data import get_testdata_file

    path = shutil.copy(get_testdata_file("rtdose.dcm"), tmp_path / "dose.dcm")
    data, found = dcmread(path), read(path)
    assert_allclose(
        found.data[0].numpy().T, data.pixel_array * float(data.DoseGridScaling), rtol=1e-12
    )
    last = np.add(data.ImagePositionPatient, [0, 0, data.GridFrameOffsetVector[-1]])
    assert_allclose(found.affine @ [0, 0, 14, 1], [*(last * [-1, -1, 1]), 1], atol=1e-3)
    assert isinstance(found.grid, Grid)
