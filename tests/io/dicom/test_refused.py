"""What would be a wrong image is refused by name, with what to do."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file

from regkit import InputError, read
from tests.io.dicom.writer import write_enhanced, write_series


def changed(**values):
    """Set elements of the slice 4 alone."""

    def change(data, number):
        for keyword, value in values.items() if number == 4 else ():
            setattr(data, keyword, value)

    return change


def without(keyword):
    return lambda data, number: delattr(data, keyword)


def moved(by):
    """Move slice 4, and those behind it, along the normal by a number of steps."""

    def change(data, number):
        if number >= 4:
            rows = np.array(data.ImageOrientationPatient, float).reshape(2, 3)
            normal = np.cross(*rows) * float(data.SliceThickness) * by
            data.ImagePositionPatient = [*(np.array(data.ImagePositionPatient, float) - normal)]

    return change


def beside(data, number):
    if number == 4:
        rows = np.array(data.ImageOrientationPatient, float)[:3]
        data.ImagePositionPatient = [*(np.array(data.ImagePositionPatient, float) + rows)]


TURNED = [0.0, 1.0, 0.0, 0.0, 0.0, -1.0]
REFUSED = {
    "orientations": (changed(ImageOrientationPatient=TURNED), "several orientations, as those of"),
    "not unit vectors": (
        changed(ImageOrientationPatient=[1.0, 0, 0, 1, 0, 0]),
        "holds no two unit vectors",
    ),
    "uneven": (moved(0.3), "slices lie 2.5 to 3.25 mm apart; one grid has one spacing"),
    "beside": (beside, "do not lie on one line: up to"),
    "spacing": (changed(PixelSpacing=[1.4, 1.2]), "another PixelSpacing than"),
    "no position": (without("ImagePositionPatient"), "has no ImagePositionPatient"),
    "no orientation": (without("ImageOrientationPatient"), "has no ImageOrientationPatient"),
    "no spacing": (without("PixelSpacing"), "has no PixelSpacing"),
    "no series": (without("SeriesInstanceUID"), "has no SeriesInstanceUID"),
    "no rows": (without("Rows"), "has no Rows; the file is damaged"),
    "no bits": (without("BitsAllocated"), "has no BitsAllocated"),
    "slope": (changed(RescaleSlope=0), "RescaleSlope is 0"),
    "NaN": (changed(PixelSpacing=[1.4, float("nan")]), "PixelSpacing is no 2 finite numbers"),
    "three": (changed(ImagePositionPatient=[1.0, 2.0]), "ImagePositionPatient is no 3 finite"),
    "high bit": (changed(HighBit=7), "HighBit 7; allowed"),
    "photometric": (changed(PhotometricInterpretation="HSV"), "in HSV PhotometricInterp"),
    "other size": (changed(Rows=9, Columns=18), "has 18x14 pixels and .* 18x9; a series"),
    "mosaic": (changed(ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"]), "is a mosaic.*dcm2niix"),
    "cut": (changed(Rows=15), "claims 540.0 B|expected 540 bytes, found 504 bytes"),
    "vast": (changed(Rows=60000, Columns=60000), "claims 6.7 GiB of voxels: expected 7200000000"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_series_that_makes_no_image(what, scan, tmp_path):
    change, told = REFUSED[what]
    order = [4, 0, 1, 2, 3, 5, 6, 7, 8]
    folder = write_series(tmp_path / "a", scan, change=change, order=order)
    with pytest.raises(InputError, match=told) as error:
        read(folder)
    assert "\n" not in str(error.value)
    assert "Doe" not in str(error.value)


@pytest.mark.parametrize(("start", "said"), [(4, "1 slice is"), (5, "2 slices are")])
def test_a_gap(start, said, scan, tmp_path):
    folder = write_series(tmp_path / "a", scan, order=[0, 1, 2, *range(start, 9)])
    gap = 2.5 * (start - 2)
    told = rf"a: {said} missing, the first gap is {gap:g} mm instead of 2.5 between IM\d+ and IM"
    with pytest.raises(InputError, match=told):
        read(folder)


def test_an_image_twice(scan, tmp_path):
    folder = write_series(tmp_path / "a", scan)
    shutil.copy(sorted(folder.iterdir())[3], folder / "again")
    with pytest.raises(InputError, match=r"is the same image as .*; remove one of them"):
        read(folder)


def test_a_slice_twice_under_other_names(scan, tmp_path):
    write_series(tmp_path / "a", scan, uid="1.2.3")
    folder = write_series(tmp_path / "a", scan, uid="1.2.3")
    with pytest.raises(InputError, match="has 2 images at each slice position, and nothing tells"):
        read(folder)
    os.remove(sorted(folder.iterdir())[0])
    with pytest.raises(InputError, match="1 of its 9 slice positions hold fewer images than the 2"):
        read(folder)


@pytest.mark.parametrize("order", [[0, 1, 2, 5, 6, 7, 8], [0, 1, 2, 3, 3, 4, 5, 6, 7, 8]])
def test_frames_with_a_gap_or_twice(order, scan, tmp_path):
    # SimpleITK 2.5.7 reads the first with a spacing of 1 mm, and no word.
    path = write_enhanced(tmp_path / "a.dcm", scan, order=order)
    with pytest.raises(InputError, match=r"2 slices are missing|hold fewer images than the 2"):
        read(path)


def test_fewer_groups_than_frames(scan, tmp_path):
    path = write_enhanced(tmp_path / "a.dcm", scan, NumberOfFrames=8)
    with pytest.raises(InputError, match="says that it has 8 frames, and describes 9"):
        read(path)


@pytest.mark.parametrize("frames", [0, -1, 10**9])
def test_a_number_of_frames_that_cannot_be(frames, scan, tmp_path):
    path = write_enhanced(tmp_path / "a.dcm", scan, NumberOfFrames=frames)
    with pytest.raises(InputError, match=r"NumberOfFrames is|the header claims"):
        read(path)


def test_more_than_is_allowed(scan, tmp_path):
    folder = write_series(tmp_path / "a", scan)
    with pytest.raises(InputError, match=r"takes? .* exceeds the bound .* max_bytes=4536"):
        read(folder, max_bytes=4000)
    assert read(folder, max_bytes=4536).shape == scan.shape


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.106", "1.2.3.4.5", "1.2.840.113619.5.2"])
def test_a_syntax_that_nobody_decodes(syntax, scan, tmp_path):
    from pydicom.encaps import encapsulate

    def private(data, number):
        data.PixelData = encapsulate([data.PixelData])
        data["PixelData"].is_undefined_length = True
        data.file_meta.TransferSyntaxUID = syntax

    folder = tmp_path / "a"
    folder.mkdir()
    path = shutil.copy(get_testdata_file("MR_small.dcm"), folder / "a.dcm")
    data = pydicom.dcmread(path)
    private(data, 0)
    data.save_as(path, implicit_vr=False, little_endian=True)
    with pytest.raises(InputError, match=rf"syntax {syntax} can be decoded by neither"):
        read(folder).load()


def test_what_is_deflated_as_a_whole():
    with pytest.raises(InputError, match=r"image_dfl.dcm: is deflated as a whole"):
        read(get_testdata_file("image_dfl.dcm"))


def test_a_cut_file(scan, tmp_path):
    folder = write_series(tmp_path / "a", scan)
    path = sorted(folder.iterdir())[5]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=f"{path.name}: the header claims"):
        read(folder)


@pytest.mark.parametrize("kept", [0.2, 0.5, 1])
def test_a_last_slice_that_lost_its_pixels_is_missed(kept, scan, tmp_path):
    folder = write_series(tmp_path / "a", scan)
    first, *_, last = sorted(folder.iterdir())
    whole = last.read_bytes()
    pixels = whole.index(b"\xe0\x7f\x10\x00")  # their tag
    last.write_bytes(whole[: int(kept * pixels)])
    for place in (folder, first):
        with pytest.raises(InputError, match=f"{last.name}: (has no pixels|cannot be read)"):
            read(place)


@pytest.mark.filterwarnings("ignore:Invalid value")
@pytest.mark.parametrize("series", ["../../etc/passwd", "1.2\n3", "/absolute", "x" * 60])
def test_hostile_uids_and_words_name_no_file(series, scan, tmp_path):
    folder = write_series(
        tmp_path / "a", scan, uid=series, SeriesDescription="../../up\x1b[31m", number=None
    )
    assert read(folder).shape == scan.shape
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a"]


def test_a_folder_without_dicom(tmp_path):
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(InputError, match=r"is a directory that is no image; .* folders of DICOM"):
        read(tmp_path)


def test_a_report_is_no_image(tmp_path):
    path = shutil.copy(get_testdata_file("test-SR.dcm"), tmp_path / "a.dcm")
    with pytest.raises(InputError, match=r"a.dcm: holds no DICOM image"):
        read(path)


def test_without_pydicom_the_extra_is_named(scan, tmp_path, monkeypatch):
    import sys

    folder = write_series(tmp_path / "a", scan)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(InputError, match=r"pydicom is not installed; .*regkit\[dicom\]"):
        read(folder)


def test_frames_of_two_places(scan, tmp_path):
    def right(data, number):
        data.EchoTime = 3.0
        rows = np.array(data.ImageOrientationPatient, float)[:3]
        data.ImagePositionPatient = [*(np.array(data.ImagePositionPatient, float) + 9 * rows)]

    write_series(tmp_path / "a", scan, uid="1.2.3", EchoTime=2.0)
    folder = write_series(tmp_path / "a", scan, uid="1.2.3", change=right)
    with pytest.raises(InputError, match=r"its frames lie .* mm beside each other"):
        read(folder, frame=0)
