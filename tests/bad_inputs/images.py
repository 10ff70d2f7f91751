"""Rows 1 to 38: images that cannot be trusted."""

from __future__ import annotations

import gzip
import os

import nibabel as nib
import numpy as np
from PIL import Image, TiffImagePlugin

from tests.bad_inputs.case import PAIR, VOXELS, Case
from tests.io.conftest import forged

SHEAR = np.array([[2.0, 0.1, 0, 0], [0, 1.5, 0, 0], [0, 0, 3, 0], [0, 0, 0, 1]])
NOISE = np.random.default_rng(0).integers(0, 30000, (8, 9, 10)).astype(np.int16)


def wrong(name="a.nii", data=NOISE, **fields):
    """A file with fields of its header replaced."""
    return lambda place: forged(place.inputs / name, data, **fields)


def changed(change, name="a.nii"):
    """A good file whose bytes went through ``change``."""

    def make(place):
        path = forged(place.inputs / name, NOISE)
        path.write_bytes(change(path.read_bytes()))
        return path

    return make


def written(name, content):
    """A file with these bytes."""

    def make(place):
        path = place.inputs / name
        path.write_bytes(content)
        return path

    return make


def moved(old, new):
    """A good file under a name that says something else."""
    return lambda place: forged(place.inputs / old, NOISE).rename(place.inputs / new)


def folder(place):
    (place.inputs / "scans").mkdir()
    return place.inputs / "scans"


def closed(place):
    path = forged(place.inputs / "a.nii", NOISE)
    path.chmod(0)
    return path


def flipped(where):
    def change(content):
        out = bytearray(content)
        out[where(len(out))] ^= 1
        return bytes(out)

    return change


def bomb(place):
    """A claim of 4 GB in 4 MB, which deflate could just keep."""
    path = forged(place.inputs / "a.nii.gz", np.zeros((8, 8, 8), np.float32))
    header = gzip.decompress(path.read_bytes())[:352]
    claimed = np.frombuffer(header, np.uint8).copy()
    claimed[42:48] = np.frombuffer(np.array([1000, 1000, 1000], "<i2").tobytes(), np.uint8)
    path.write_bytes(gzip.compress(claimed.tobytes() + os.urandom(4_000_000), 1))
    return path


def voxels(value):
    data = np.ones((8, 9, 10), np.float32)
    data[3, 4, 5] = value
    return data


def colours(code, count):
    """As many bytes a voxel, side by side."""
    data = np.random.default_rng(0).integers(0, 255, (8 * count, 9, 10)).astype(np.uint8)
    return wrong(data=data, dim={1: 8}, datatype=code, bitpix=8 * count)


def geotiff(place):
    """A picture with the pixel scale of a place on the earth."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[33550], tags.tagtype[33550] = (10.0, 10.0, 0.0), 12
    Image.fromarray(NOISE[..., 0].astype(np.uint8)).save(place.inputs / "a.tif", tiffinfo=tags)
    return place.inputs / "a.tif"


def analyze(place):
    nib.AnalyzeImage(NOISE, np.eye(4)).to_filename(place.inputs / "a.hdr")
    return place.inputs / "a.hdr"


def mgh(change):
    """A good MGH file whose bytes went through ``change``."""

    def make(place):
        path = place.inputs / "a.mgh"
        path.write_bytes(change(nib.MGHImage(NOISE, np.eye(4)).to_bytes()))
        return path

    return make


CASES = [
    Case(1, "missing", lambda p: p.inputs / "no.nii", ("not found", "check the path")),
    Case(2, "directory", folder, ("is a directory", "DICOM")),
    Case(3, "no permission", closed, ("no permission", "change its mode"), closed=True),
    Case(4, "empty", written("a.nii", b""), ("is empty", "0 bytes")),
    Case(5, "text", written("a.nii.gz", b"Dear editor,\n" * 40), ("not a NIfTI",)),
    Case(6, "header cut", changed(lambda c: c[:200]), ("truncated header", "200 of 352")),
    Case(7, "data cut", changed(lambda c: c[:-100]), ("expected 1440 bytes, found 1340",)),
    Case(8, "stream cut", changed(lambda c: c[:-600], "a.nii.gz"), ("data end early",)),
    Case(9, "CRC", changed(flipped(lambda n: n - 6), "a.nii.gz"), ("CRC", "damaged")),
    Case(9, "bit", changed(flipped(lambda n: n // 2), "a.nii.gz"), ("damaged",)),
    Case(10, "plain as gz", moved("a.nii", "b.nii.gz"), ("is not gzip", "rename it to .nii")),
    Case(10, "gz as plain", moved("a.nii.gz", "b.nii"), ("is gzip", "rename it to .nii.gz")),
    Case(11, "junk behind", changed(lambda c: c + b"junk", "a.nii.gz"), ("damaged",)),
    Case(12, "vast", wrong(dim={1: 32767, 2: 32767, 3: 32767}), ("64.0 TiB", "found 1440")),
    Case(13, "bomb", bomb, ("3.7 GiB", "exceeds", "--max-bytes 4000000")),
    Case(14, "negative axis", wrong(dim={1: -8}), ("dimension 1 = -8",)),
    Case(15, "empty axis", wrong(dim={1: 0}), ("axis 0 is empty",)),
    Case(16, "99-D", wrong(dim={0: 99}), ("ndim is 99", "1 to 7")),
    Case(16, "0-D", wrong(dim={0: 0}), ("ndim is 0",)),
    Case(17, "spacing 0", wrong(pixdim={2: 0}), ("axis 1", "spacing 0")),
    Case(18, "spacing -1", wrong(pixdim={2: -1}), ("axis 1", "spacing -1")),
    Case(19, "spacing NaN", wrong(pixdim={2: np.nan}), ("axis 1", "finite")),
    Case(19, "spacing inf", wrong(pixdim={2: np.inf}), ("axis 1", "finite")),
    Case(20, "spacing in m", wrong(pixdim={2: 1e-9}), ("implausible", "xyzt_units")),
    Case(20, "spacing in um", wrong(pixdim={2: 1e6}), ("implausible", "xyzt_units")),
    Case(20, "units", wrong(xyzt_units=1, pixdim={2: 11.0}), ("implausible", "xyzt_units")),
    Case(21, "origin", wrong(qoffset_x=1e30, srow_x=[-2, 0, 0, 1e30]), ("1e+30", "implausible")),
    Case(21, "sform NaN", wrong(srow_x=[np.nan, 0, 0, 0]), ("not finite", "--geometry qform")),
    Case(
        22,
        "sform singular",
        wrong(forms=("sform",), pixdim={1: 1, 2: 1, 3: 1}, srow_x=[0, 0, 0, 0]),
        ("not invertible",),
    ),
    Case(
        23,
        "shear",
        wrong(forms=("sform",), affine=SHEAR, pixdim={1: 2, 2: 1.5, 3: 3}),
        ("sheared", "off a right angle by 0.067", "--allow-shear"),
    ),
    Case(24, "two places", wrong(qoffset_x=50.0), ("disagree by 50.0 mm", "--geometry sform")),
    Case(25, "no orientation", wrong(forms=()), ("no orientation", "--assume-ras")),
    Case(
        25, "no good RAS", mgh(lambda c: c[:28] + b"\0\0" + c[30:]), ("flag is 0", "--assume-ras")
    ),
    Case(25, "Analyze", analyze, ("which side is left", "--assume-ras")),
    Case(7, "MGH cut", mgh(lambda c: c[:-900]), ("a.mgh: the header claims",)),
    Case(27, "NaN", wrong(data=voxels(np.nan)), ("1 of 720 voxels", "--nan 0"), VOXELS),
    Case(28, "inf", wrong(data=voxels(np.inf)), ("1 of 720 voxels", "--nan 0"), VOXELS),
    Case(29, "constant", wrong(data=0 * NOISE), ("all voxels are 0", "no contrast"), PAIR),
    Case(30, "complex", wrong(data=NOISE.astype(np.complex64)), ("complex64", "not supported")),
    Case(31, "RGB", colours(128, 3), ("3 channels", "--channel N, N from 0 to 2"), PAIR),
    Case(31, "RGBA", colours(2304, 4), ("4 channels", "--channel N, N from 0 to 3"), PAIR),
    Case(
        31,
        "RGB in NRRD",
        written(
            "a.nrrd",
            b"NRRD0004\ntype: uchar\ndimension: 4\nspace: left-posterior-superior\n"
            b"sizes: 3 8 8 8\nkinds: RGB-color domain domain domain\n"
            b"space directions: none (1,0,0) (0,1,0) (0,0,1)\nencoding: raw\n\n" + bytes(1536),
        ),
        ("a.nrrd", "3 channels", "--channel N, N from 0 to 2"),
        PAIR,
    ),
    Case(32, "1 bit", wrong(datatype=1), ("1-bit", "datatype code 1")),
    Case(32, "unknown type", wrong(datatype=9999), ("datatype code 9999",)),
    Case(33, "4-D", wrong(data=np.stack([NOISE] * 3, -1)), ("3 frames", "--frame N"), PAIR),
    Case(
        34,
        "field",
        wrong(data=np.zeros((8, 9, 10, 1, 3), np.float32), intent_code=1007),
        ("looks like a displacement field",),
    ),
    Case(
        35,
        "2-D with 3-D",
        wrong(data=NOISE[..., 0], affine=np.diag([1.0, 1, 1, 1])),
        ("2-D", "3-D", "same dimension"),
        PAIR,
    ),
    Case(
        36,
        "slope",
        wrong(scl_slope=3e38, scl_inter=0.0),
        ("overflows float32", "scl_slope"),
        VOXELS,
    ),
    Case(36, "inter", wrong(scl_slope=1.0, scl_inter=np.inf), ("overflows float32",)),
    Case(37, "offset NaN", wrong(vox_offset=np.nan), ("vox_offset", "finite")),
    Case(37, "offset low", wrong(vox_offset=100.0), ("vox_offset is 100", "at least 352")),
    Case(37, "offset high", wrong(vox_offset=1e9), ("vox_offset", "past the end")),
    Case(38, "one row", wrong(data=NOISE[:, :1, :1]), ("8x1x1", "at least 8"), PAIR),
    Case(
        50,
        ".mhd to elsewhere",
        written(
            "a.mhd",
            b"ObjectType = Image\nNDims = 3\nDimSize = 8 8 8\nElementSpacing = 1 1 1\n"
            b"TransformMatrix = 1 0 0 0 1 0 0 0 1\nElementType = MET_UCHAR\n"
            b"ElementDataFile = ../canary.raw\n",
        ),
        ("'../canary.raw'", "external data file is refused"),
    ),
    Case(
        50,
        ".nhdr to elsewhere",
        written(
            "a.nhdr",
            b"NRRD0004\ntype: uchar\ndimension: 3\nspace: left-posterior-superior\nsizes: 8 8 8\n"
            b"space directions: (1,0,0) (0,1,0) (0,0,1)\nencoding: raw\n"
            b"data file: /etc/hostname\n",
        ),
        ("'/etc/hostname'", "external data file is refused"),
    ),
    Case(
        52,
        "VRT as TIFF",
        written("a.tif", b"<VRTDataset rasterXSize='8'><VRTRasterBand/></VRTDataset>"),
        ("virtual raster (VRT), which names other files", "is not supported as an image"),
    ),
    Case(53, "GeoTIFF without a CRS", geotiff, ("a geotransform but no CRS",)),
    Case(52, "cut TIFF", written("a.tif", b"II*\0" + bytes(300)), ("a.tif: cannot be read",)),
    Case(52, "cut PNG", written("a.png", b"\x89PNG\r\n\x1a\n" + bytes(30)), ("a.png: cannot be",)),
    Case(59, "broken link", lambda p: link(p), ("a link to a file that is not there",)),
    Case(59, "pipe", lambda p: pipe(p), ("not a regular file", "copy it")),
    Case(59, "new line", lambda p: p.inputs / "two\nlines.nii", ("two\\nlines.nii", "not found")),
    Case(59, "long", lambda p: p.inputs / ("n" * 251 + ".nii"), ("not found",)),
    Case(59, "too long", lambda p: p.inputs / ("n" * 400 + ".nii"), ("not found",)),
]


def link(place):
    path = place.inputs / "l.nii"
    path.symlink_to(place.inputs / "gone.nii")
    return path


def pipe(place):
    path = place.inputs / "p.nii"
    os.mkfifo(path)
    return path
