"""Siemens mosaics, on the volume of a real scanner that nibabel brings, judged by dcm2niix."""

from __future__ import annotations

import gzip
import subprocess
from importlib import resources
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from regkit import InputError, read

dcm2niix = pytest.importorskip("dcm2niix")
_NAMES = ("siemens_dwi_0.dcm.gz", "siemens_dwi_1000.dcm.gz")
pytestmark = pytest.mark.filterwarnings("ignore:Invalid value")


@pytest.fixture
def mosaics(tmp_path) -> list[Path]:
    """Two volumes of one diffusion series, as files."""
    folder = resources.files("nibabel") / "nicom" / "tests" / "data"
    (tmp_path / "s").mkdir()
    out = []
    for name in _NAMES:
        if not (folder / name).is_file():
            pytest.skip("this nibabel comes without its test data")
        path = tmp_path / "s" / name.removesuffix(".gz")
        path.write_bytes(gzip.decompress((folder / name).read_bytes()))
        out.append(path)
    return out


def _by_dcm2niix(path, folder):
    folder.mkdir()
    words = [dcm2niix.bin, "-z", "n", "-b", "n", "-s", "y", "-f", "a", "-o", folder, path]
    subprocess.run([*map(str, words)], check=True, capture_output=True)
    return nib.load(next(folder.glob("*.nii")))


def test_a_mosaic_lies_where_dcm2niix_puts_it(mosaics, tmp_path):
    truth = _by_dcm2niix(mosaics[0], tmp_path / "out")
    found = _alone(mosaics, 0)
    assert found.shape == (128, 128, 48)
    ours = nib.Nifti1Image(found.data[0].numpy(), found.affine)
    turn = nib.orientations.ornt_transform(
        nib.io_orientation(ours.affine), nib.io_orientation(truth.affine)
    )
    turned = ours.as_reoriented(turn)
    np.testing.assert_allclose(turned.affine, truth.affine, atol=1e-3)
    assert np.array_equal(turned.get_fdata(), truth.get_fdata())


def _alone(mosaics, number):
    for other in mosaics[:number] + mosaics[number + 1 :]:
        other.unlink()
    return read(mosaics[number])


def test_mosaics_of_one_series_are_its_frames(mosaics):
    whole = {path.name: pydicom.dcmread(path).pixel_array for path in mosaics}
    for path in mosaics:  # nibabel's two files come from two series
        data = pydicom.dcmread(path)
        data.SeriesInstanceUID = "1.2.826.0.1.3680043.8.498.9"
        data.AcquisitionNumber = 1 + mosaics.index(path)
        data.save_as(path)
    for number, path in enumerate(mosaics):
        found = read(path, frame=number)
        first = whole[path.name][:128, :128].T
        assert np.array_equal(found.data[0, ..., 0].numpy(), first)


def _changed(path, change):
    data = pydicom.dcmread(path)
    change(data)
    data.save_as(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.pop((0x0029, 0x1010)), "how many slices it has"),
        (lambda d: d.pop("SpacingBetweenSlices"), "SpacingBetweenSlices"),
        (lambda d: d.pop("ImagePositionPatient"), "its size, position"),
        (
            lambda d: setattr(d, "ImageOrientationPatient", [1, 0, 0, 0, 0, 1]),
            "do not lie one above the other",
        ),
    ],
)
def test_a_mosaic_that_does_not_say_where_its_slices_lie(mosaics, change, said):
    _changed(mosaics[0], change)
    with pytest.raises(InputError, match=rf"is a mosaic.*{said}.*dcm2niix"):
        _alone(mosaics, 0)
