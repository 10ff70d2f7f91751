"""Rows 54 and 55: DICOM series and files that cannot be trusted."""

from __future__ import annotations

import shutil

import numpy as np
import pydicom
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate

from regkit import Volume
from tests.bad_inputs.case import IMAGE, LABELS, Case
from tests.io.dicom.writer import write_enhanced, write_series, write_structures

AFFINE = np.diag([-1.5, -1.2, 2.0, 1.0])
TILT = np.array([[-1.5, 0, 0, 0], [0, -1.2, 0.5, 0], [0, 0, 2.0, 0], [0, 0, 0, 1]])
NO_INFO = tuple(slot for slot in IMAGE if slot != "info")  # which lists what a folder holds
READS = ("fixed", "moving", "info")  # `apply` looks first where an image lies
VOXELS_16 = np.random.default_rng(0).integers(0, 3000, (10, 9, 8)).astype(np.int16)


def scan(affine=AFFINE):
    return Volume(VOXELS_16, affine)


def series(affine=AFFINE, **given):
    """A folder of slices, with what is wrong about them."""
    return lambda place: write_series(place.inputs / "s", scan(affine), **given)


def sliced(change, *, all_of_them=False):
    """A series whose slice 4, or all of whose slices, went through ``change``."""
    return series(change=lambda data, n: change(data) if all_of_them or n == 4 else None)


def put(**values):
    def change(data):
        for keyword, value in values.items():
            setattr(data, keyword, value)

    return change


def moved(data):
    data.ImagePositionPatient = [*data.ImagePositionPatient[:2], data.ImagePositionPatient[2] + 0.7]


def several(place):
    write_series(place.inputs / "s", scan(), number=1)
    return write_series(place.inputs / "s", scan(), number=2)


def twice(place):
    folder = write_series(place.inputs / "s", scan())
    shutil.copy(sorted(folder.iterdir())[0], folder / "again.dcm")
    return folder


def cut(place):
    folder = write_series(place.inputs / "s", scan())
    path = sorted(folder.iterdir())[0]
    path.write_bytes(path.read_bytes()[:-50])
    return folder


def private(place):
    """Pixels in a way that only its maker knows."""
    path = place.inputs / "a.dcm"
    data = pydicom.dcmread(get_testdata_file("MR_small.dcm"))
    data.PixelData = encapsulate([data.PixelData])
    data["PixelData"].is_undefined_length = True
    data.file_meta.TransferSyntaxUID = "1.2.840.113619.5.99"
    data.save_as(path, implicit_vr=False, little_endian=True)
    return path


def index_alone(place):
    """A DICOMDIR that names a file outside of its folder."""
    write_series(place.inputs / "elsewhere", scan())
    (place.inputs / "s").mkdir()
    path = place.inputs / "s" / "DICOMDIR"
    shutil.copy(get_testdata_file("DICOMDIR"), path)
    return path


def raw(name, content):
    def make(place):
        (place.inputs / name).write_bytes(content)
        return place.inputs / name

    return make


def sample(name):
    return lambda place: shutil.copy(get_testdata_file(name), place.inputs / "a.dcm")


def structures(*boxes, alone=False):
    """A structure set of squares in slice 3, with or without the image that it is drawn on."""

    def make(place):
        image = write_series(place.inputs / "s", scan())
        contours = {
            f"Box {n}": [[(low, low, 3), (high, low, 3), (high, high, 3), (low, high, 3)]]
            for n, (low, high) in enumerate(boxes)
        }
        path = write_structures(place.inputs / "a.dcm", image, scan(), contours)
        if alone:
            shutil.rmtree(image)
        return path

    return make


# 100 bytes of the 270 that its colours take, and something else behind them.
SHORT_COLOURS = put(
    SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0, BitsAllocated=8,
    BitsStored=8, HighBit=7, PixelRepresentation=0, PixelData=bytes(100),
    DataSetTrailingPadding=bytes(500),
)  # fmt: skip
EMPTY = bytes(128) + b"DICM"
CASES = [
    Case(54, "no DICOM inside", raw("a.dcm", EMPTY + bytes(99)), ("a.dcm: ", "DICOM")),
    Case(54, "nothing inside", raw("a.dcm", EMPTY), ("a.dcm: ", "DICOM")),
    Case(54, "DICOM as NIfTI", raw("a.nii", EMPTY + bytes(99)), ("is DICOM, but the name says",)),
    Case(54, "several series", several, ("holds 2 series (1: CT 10x9x8", "--series N"), NO_INFO),
    Case(54, "gap", series(order=[0, 1, 2, 5, 6, 7]), ("2 slices are missing", "6 mm instead of")),
    Case(54, "uneven", sliced(moved), ("slices lie 1.3 to 2.7 mm apart", "one spacing")),
    Case(
        54,
        "orientations",
        sliced(put(ImageOrientationPatient=[0.0, 1, 0, 0, 0, -1])),
        ("several orientations", "localiser"),
    ),
    Case(54, "tilt", series(TILT), ("gantry tilt", "sheared", "--allow-shear")),
    Case(54, "twice", twice, ("again.dcm: is the same image as IM", "remove one")),
    Case(
        54,
        "localiser",
        sliced(put(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), all_of_them=True),
        ("is a localiser", "choose another series"),
    ),
    Case(
        54,
        "mosaic",
        sliced(put(ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"]), all_of_them=True),
        ("is a mosaic", "how many slices it has", "dcm2niix"),
    ),
    Case(54, "DICOMDIR to elsewhere", index_alone, ("DICOMDIR: holds no DICOM image",)),
    Case(54, "no position", sliced(lambda d: d.pop("ImagePositionPatient")), ("nobody knows",)),
    Case(54, "no size", sliced(lambda d: d.pop("Rows")), ("has no Rows", "damaged")),
    Case(54, "no spacing", sliced(put(PixelSpacing=[0.0, 1.0])), ("PixelSpacing",)),
    Case(54, "report", sample("test-SR.dcm"), ("a.dcm: holds no DICOM image",)),
    Case(54, "cut slice", cut, ("IM", "the header claims", "the file is cut")),
    Case(
        54,
        "cut colours",
        sliced(SHORT_COLOURS, all_of_them=True),
        ("its pixels are 100 bytes, and it claims 270", "the file is cut"),
    ),
    Case(54, "contours alone", structures((1, 5), alone=True), ("refers to an image",), LABELS),
    Case(
        54,
        "structures overlap",
        structures((1, 5), (3, 7)),
        ("'Box 1' and 'Box 0' overlap", "--structures NAME,NAME"),
        LABELS,
    ),
    Case(54, "no structure", structures(), ("holds no structure",), LABELS),
    Case(55, "private syntax", private, ("1.2.840.113619.5.99", "neither pydicom nor"), READS),
    Case(
        55,
        "deflated",
        sample("image_dfl.dcm"),
        ("deflated as a whole", "take it out of the folder"),
    ),
    Case(55, "palette", sample("examples_palette.dcm"), ("PALETTE COLOR", "allowed")),
    Case(55, "vast", sliced(put(Rows=65535, Columns=65535)), ("8.0 GiB", "found 180 bytes")),
    Case(
        55,
        "frames without end",
        lambda p: write_enhanced(p.inputs / "a.dcm", scan(), NumberOfFrames=2**31 - 1),
        ("the header claims", "GiB"),
    ),
    Case(
        55,
        "fewer frames than it says",
        lambda p: write_enhanced(p.inputs / "a.dcm", scan(), NumberOfFrames=7),
        ("says that it has 7 frames, and describes 8",),
    ),
]
