"""The files that come with pydicom, from real scanners and archives, against SimpleITK."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
import torch
from numpy.testing import assert_allclose
from pydicom.data import get_testdata_file

from regkit import read
from regkit.io import ReadOptions, contents_of, read_header
from tests.io.dicom.test_judges import by_dcm2niix, by_simpleitk, check_same, series_by_simpleitk

SMART_SCORE = "1.3.6.1.4.1.5962.1.1.0.0.0.1194734704.16302.0.6"
# By transfer syntax: as it is, big ends first, RLE, JPEG-LS, JPEG 2000, and 12-bit JPEG.
PLACED = [
    "CT_small.dcm", "MR_small.dcm", "MR_small_implicit.dcm", "MR_small_expb.dcm",
    "MR_small_bigendian.dcm", "MR_small_padded.dcm", "MR_small_RLE.dcm",
    "MR_small_jpeg_ls_lossless.dcm", "MR_small_jp2klossless.dcm", "693_J2KI.dcm",
    "J2K_pixelrep_mismatch.dcm", "examples_overlay.dcm",
]  # fmt: skip
FLAT = [
    "JPEG-lossy.dcm", "JPGExtended.dcm", "JPEG2000.dcm", "JPEGLSNearLossless_08.dcm",
    "JPEGLSNearLossless_16.dcm",
]  # fmt: skip
COLOURED = [
    "ExplVR_BigEnd.dcm", "SC_rgb_rle.dcm", "SC_rgb_small_odd.dcm", "SC_rgb_small_odd_jpeg.dcm",
    "SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm", "SC_ybr_full_422_uncompressed.dcm",
    "examples_rgb_color.dcm", "examples_jpeg2k.dcm",
]  # fmt: skip


@pytest.fixture
def sample(tmp_path):
    """Copies a sample into a folder where it is alone."""
    return lambda name: Path(shutil.copy(get_testdata_file(name), tmp_path / name))


@pytest.mark.parametrize("name", PLACED)
def test_slices(name, sample):
    path = sample(name)
    found, other = read(path), by_simpleitk(sitk.ReadImage(path))
    assert torch.equal(found.data, other.data)
    # What lies above and below a single slice, programs guess in several ways.
    assert_allclose(found.affine[:, [0, 1, 3]], other.affine[:, [0, 1, 3]], atol=1e-3)


@pytest.mark.parametrize("name", FLAT)
def test_pictures_without_a_place(name, sample):
    path = sample(name)
    found, other = read(path), sitk.GetArrayFromImage(sitk.ReadImage(path))
    assert np.array_equal(found.data[0].numpy().T, other.reshape(other.shape[-2:]))


@pytest.mark.parametrize("name", COLOURED)
def test_colours(name, sample):
    path = sample(name)
    found = read(path, channels="all").data.numpy()
    assert np.array_equal(found, pydicom.pixel_array(path).transpose(2, 1, 0))


def test_a_ct_of_an_archive(tmp_path):
    """Five slices of a heart, one of thirteen series behind a DICOMDIR."""
    index = Path(get_testdata_file("DICOMDIR"))
    listed = {row["uid"]: row for row in contents_of(index)}
    assert len(listed) == 13
    assert listed[SMART_SCORE]["shape"] == [16, 16, 5]
    found = read(index, series=SMART_SCORE)
    folder = tmp_path / "heart"
    folder.mkdir()
    for path in read_header(index, ReadOptions(series=SMART_SCORE)).beside:
        shutil.copy(path, folder)
    check_same(found, series_by_simpleitk(folder))
    check_same(found, by_dcm2niix(folder, tmp_path / "out"))
