"""Whatever bytes a file has, a command ends soon, in a result or in one sentence.

200 cases run with the other tests; `make fuzz` runs REGKIT_FUZZ of them.
"""

import base64
import contextlib
import gzip
import io
import json
import os
import resource
import signal
import tempfile
from datetime import datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as Picture

from regkit import Affine, DisplacementField, Grid, Labels, Volume, write_transform
from regkit.cli import main
from regkit.io import read_header
from regkit.io.dicom_objects.derived import Making, write_object
from regkit.io.dicom_objects.registration import registration_object
from regkit.io.dicom_objects.segmentation import segmentation_object
from regkit.io.dicom_objects.source import open_source
from tests.io.conftest import forged
from tests.io.dicom.writer import write_enhanced, write_series, write_structures
from tests.io.point_files import FILES

KINDS = {
    "a.nii": "image", "a.nii.gz": "image", "a.nrrd": "image", "z.nrrd": "image", "a.mha": "image",
    "z.mha": "image", "c.nii": "coloured", "c.nrrd": "coloured", "c.mha": "coloured",
    "a.h5": "transform", "a.tfm": "transform", "a.mat": "transform", "u.nii": "transform",
    "u.h5": "transform", "p.csv": "table", "s.yaml": "settings", "run.json": "record",
    "l.lta": "transform", "l.xfm": "transform", "l.x5": "transform", "e.txt": "transform",
    "d.nii": "transform", "s.nii": "transform", "f.nii": "framed", "v.nii": "framed",
    "w.mgz": "transform", "b.x5": "transform", "m.xfm": "transform", "m.mnc": "beside",
    "g.tif": "image", "g.png": "image", "g.npy": "image", "a.mgh": "image",
    "slicer.vtk": "table", "text.vtk": "table", "binary.stl": "table", "text.stl": "table",
    "little.ply": "table", "text.ply": "table", "surface.gii": "table", "new.fcsv": "table",
    "points.mrk.json": "table",
    "i.dcm": "image", "j.dcm": "image", "q.dcm": "image", "r.dcm": "transform",
    "v.dcm": "coloured", "o.dcm": "image", "t.nii": "tensors",
}  # fmt: skip
RECORDED = Path(__file__).parents[1] / "io" / "transform_formats"
CASES = int(os.environ.get("REGKIT_FUZZ", "200")) // len(KINDS) + 1
GIGABYTE = 1 << 30
LONGEST = 20  # seconds of this process; a hundredth of one is usual


class Whole(dict):
    """Names and bytes, in one word: a failure that hypothesis shows is no place for 180 kB."""

    def __repr__(self):
        return "whole"


def splines(folder, grid):
    """Control points, coefficients, a warp, a field and a grid of other programs."""
    points = grid.world_points().numpy().astype(np.float32)
    said = {"intent_code": 1007, "intent_name": b"NREG_TRANS", "intent_p1": 2}
    forged(folder / "s.nii", points[..., None, :], affine=grid.affine, **said)
    with_header(folder / "f.nii", grid)
    for name, source, key in (
        ("w.mgz", "freesurfer", "abs_crs"), ("m.mnc", "minc", "grid 1"), ("b.x5", "x5", None),
        ("v.nii", "niftyreg", "halves file"),
    ):  # fmt: skip
        found = json.loads((RECORDED / f"{source}.json").read_text())
        packed = base64.b64decode(found[key] if key else found["bspline"]["file"])
        (folder / name).write_bytes(packed if name == "w.mgz" else gzip.decompress(packed))
    (folder / "m.xfm").write_text(
        "MNI Transform File\nTransform_Type = Grid_Transform;\nInvert_Flag = True;\n"
        "Displacement_Volume = m.mnc;\n"
    )


def with_header(path, grid):
    """Coefficients of FNIRT for ``grid``, every two voxels."""
    sizes = [-(-(n + 1) // 2) + 2 for n in grid.shape]
    spacing = {f"intent_p{n + 1}": each for n, each in enumerate(grid.spacing)}
    place = dict(zip(("qoffset_x", "qoffset_y", "qoffset_z"), grid.shape, strict=True))
    forged(
        path, np.ones((*sizes, 3), np.float32), affine=np.eye(4), intent_code=2007,
        pixdim={1: 2, 2: 2, 3: 2}, **spacing, **place,
    )  # fmt: skip


def originals(folder):
    """A small whole file of each kind."""
    import SimpleITK as sitk

    grid = Grid((8, 9, 10), np.diag([-1.5, 1.2, 2.0, 1.0]))
    image = Volume(torch.arange(720.0).reshape(8, 9, 10), grid)
    field = DisplacementField(torch.rand(3, 8, 9, 10), grid)
    for name in KINDS:
        if name[:2] in ("a.", "u.") and KINDS[name] == "transform":
            write_transform(field if name[0] == "u" else Affine.identity(), folder / name)
        elif name[0] == "a":
            image.save(folder / name)
    for name in ("l.lta", "l.xfm", "l.x5"):
        write_transform(Affine.identity(), folder / name, fixed=grid, moving=grid)
    write_transform(Affine.identity(), folder / "e.txt", fixed=grid, program="elastix")
    write_transform(field, folder / "d.nii", program="niftyreg")
    splines(folder, grid)
    colours = np.arange(8 * 9 * 10 * 3, dtype=np.uint16).astype(np.uint8)
    forged(folder / "c.nii", colours.reshape(24, 9, 10), dim={1: 8}, datatype=128, bitpix=24)
    for name in ("nrrd", "mha"):
        vectors = sitk.GetImageFromArray(colours.reshape(10, 9, 8, 3), isVector=True)
        sitk.WriteImage(vectors, str(folder / f"c.{name}"), name == "mha")
        sitk.WriteImage(sitk.ReadImage(str(folder / f"a.{name}")), str(folder / f"z.{name}"), True)
    for name in ("g.tif", "g.png"):
        Picture.fromarray(colours[:720].reshape(24, 30)).save(folder / name)
    scan = Volume(torch.arange(720).short().reshape(8, 9, 10), grid)
    write_enhanced(folder / "i.dcm", scan)
    labels = Labels((scan.data % 3).to(torch.uint8), grid)
    series = open_source(read_header(write_series(folder / "series", scan)))
    making = Making(datetime(2026, 1, 2, 3, 4, 5), "", "0")
    write_object(segmentation_object(labels, series, making, name="q"), folder / "q.dcm")
    _fractions_of(folder / "q.dcm", folder / "v.dcm")
    write_structures(
        folder / "o.dcm", folder / "series", scan, {"Box": [[(1, 1, 3), (5, 1, 3), (5, 5, 3)]]}
    )
    forged(folder / "t.nii", np.ones((8, 9, 10, 1, 6), np.float32), intent_code=1005)
    made = registration_object(field, grid, series, series, making)
    write_object(made, folder / "r.dcm")
    (slice_alone,) = write_series(folder / "slice", scan, order=[4]).iterdir()
    slice_alone.rename(folder / "j.dcm")
    np.save(folder / "g.npy", colours[:720].reshape(24, 30))
    (folder / "p.csv").write_text("x,y,z,name\n1,2,3,tip\n4,5.5,-6e1,base\n")
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    (folder / "s.yaml").write_text("similarity: mse\nfield: {factors: [2], iterations: [3]}\n")
    (folder / "run.json").write_text('{"inputs": [], "asked": {}, "reading": {}, "outputs": []}')
    return Whole((name, (folder / name).read_bytes()) for name in KINDS)


def _fractions_of(binary, path):
    """A segmentation of shares with the frames of another one."""
    data = pydicom.dcmread(binary)
    data.SegmentationType, data.SegmentationFractionalType = "FRACTIONAL", "PROBABILITY"
    data.MaximumFractionalValue, data.BitsAllocated, data.BitsStored, data.HighBit = 200, 8, 8, 7
    data.PixelData = bytes(n % 200 for n in range(data.NumberOfFrames * data.Rows * data.Columns))
    data.save_as(path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return originals(tmp_path_factory.mktemp("whole"))


# Most bytes of a file are voxels; what can be misread is in front.
PLACES = st.one_of(st.integers(0, 63), st.integers(0, 400), st.integers(0, 1 << 16))
CHANGES = st.one_of(
    st.tuples(st.just("flip"), PLACES, st.integers(0, 7)),
    st.tuples(st.just("put"), PLACES, st.binary(min_size=1, max_size=8)),
    st.tuples(st.just("cut"), PLACES, st.none()),
    st.tuples(st.just("insert"), PLACES, st.binary(min_size=1, max_size=40)),
    st.tuples(st.just("join"), PLACES, st.sampled_from(sorted(KINDS))),
)


def damaged(whole, name, changes):
    out = bytearray(whole[name])
    for kind, place, value in changes:
        at = place % max(len(out), 1)
        if kind == "flip" and out:
            out[at] ^= 1 << value
        elif kind == "put":
            out[at : at + len(value)] = value
        elif kind == "cut":
            out = out[:at]
        elif kind == "insert":
            out[at:at] = value
        elif kind == "join":
            out += whole[value]
    return bytes(out)


def words(kind, path, folder):
    """Each kind through a command that reads it and writes nothing."""
    images = ("--fixed", folder / "a.nii", "--moving", folder / "a.nii")
    return {
        "image": ["info", path],
        "coloured": ["info", path, "--channel", "1", "--allow-shear"],
        "transform": ["points", folder / "good.csv", path],
        "beside": ["points", folder / "good.csv", folder / "m.xfm"],
        "framed": ["convert-transform", path, folder / "out.h5", "--dry-run", "-q", *images],
        "table": ["points", path, folder / "good.tfm"],
        "tensors": [
            "apply", path, folder / "good.tfm", "--onto", path, "--tensors", "nifti", "--axes",
            "voxel", "-o", folder / "x.nii", "--dry-run",
        ],
        "settings": ["register", folder / "no.nii", folder / "no.nii", "--config", path],
        "record": ["rerun", path],
    }[kind]  # fmt: skip


@contextlib.contextmanager
def within(seconds):
    """Fail what calculates for longer; a machine that is busy with other work is no reason to."""

    def late(*_):
        raise AssertionError(f"not done after {seconds} s")

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


@pytest.mark.parametrize("name", KINDS)
@settings(
    max_examples=CASES,
    deadline=None,
    derandomize=CASES < 100,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(changes=st.lists(CHANGES, min_size=1, max_size=4))
def test_any_bytes_end_in_a_result_or_a_sentence(whole, name, changes):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for other in ("a.nii", "m.xfm", "m.mnc"):
            (folder / other).write_bytes(whole[other])
        (folder / name).write_bytes(damaged(whole, name, changes))
        (folder / "good.csv").write_text("x,y,z\n1,2,3\n")
        (folder / "good.tfm").write_bytes(whole["a.tfm"])
        before, memory = sorted(folder.iterdir()), peak()
        out, err = io.StringIO(), io.StringIO()
        with within(LONGEST), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([*map(str, words(KINDS[name], folder / name, folder))])
        assert code in (0, 2), err.getvalue()
        assert len(err.getvalue().splitlines()) == (1 if code else 0), err.getvalue()
        assert sorted(folder.iterdir()) == before
        assert peak() - memory < GIGABYTE
