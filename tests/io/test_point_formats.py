"""Landmarks and surfaces of other programs: the same points, in RAS+ mm, there and back."""

import csv
import json
import struct

import nibabel as nib
import numpy as np
import pytest
import torch

from regkit import Affine, InputError, read_points
from regkit.cli import main
from regkit.io import write_transform
from regkit.io.point_formats.point_file import PointFile
from regkit.io.point_formats.table import open_points
from tests.io.point_files import (
    CORNERS,
    FACES,
    FILES,
    LPS,
    NORMALS,
    fcsv,
    gifti,
    markups,
    ply,
    stl,
    vtk,
)  # fmt: skip

TURN = Affine(np.array([[0.0, -1.2, 0, 5], [1, 0, 0.1, -3], [0, 0, 0.9, 7], [0, 0, 0, 1]]))


@pytest.fixture
def place(tmp_path):
    def written(name, data=None):
        (tmp_path / name).write_bytes(FILES[name] if data is None else data)
        return tmp_path / name

    return written


def expected(name, points):
    return points[FACES].reshape(-1, 3) if name.endswith(".stl") else points


@pytest.mark.parametrize("name", FILES)
def test_points_are_read_in_ras(place, name):
    found = read_points(place(name))
    np.testing.assert_allclose(found.xyz.numpy(), expected(name, CORNERS), atol=1e-5)
    if name.endswith(("fcsv", "json")):
        assert found.names == tuple(f"P {n}, left" for n in range(4))


@pytest.mark.parametrize("name", FILES)
def test_the_file_goes_through_a_transform_and_back(place, name):
    path = place(name)
    moved = place(f"moved_{name}", open_points(path).mapped(TURN))
    there = TURN(torch.from_numpy(CORNERS)).numpy()
    np.testing.assert_allclose(read_points(moved).xyz, expected(name, there), atol=1e-4)
    back = place(f"back_{name}", open_points(moved).mapped(TURN.inverse()))
    np.testing.assert_allclose(read_points(back).xyz, expected(name, CORNERS), atol=1e-4)
    one, other = open_points(path), open_points(back)
    assert one.points.names == other.points.names
    if one.normals is not None:
        np.testing.assert_allclose(other.normals, NORMALS, atol=1e-4)


@pytest.mark.parametrize("name", ["slicer.vtk", "little.ply", "text.ply", "surface.gii"])
def test_normals_stay_at_right_angles_outside(place, name):
    file = open_points(place(name))
    flat = PointFile(file.points, lambda points, normals: normals.tobytes(), NORMALS)
    turned = np.frombuffer(flat.mapped(TURN)).reshape(-1, 3)
    inverse = np.linalg.inv(TURN.matrix[:3, :3]).T
    wanted = NORMALS @ inverse.T
    np.testing.assert_allclose(
        turned, wanted / np.linalg.norm(wanted, axis=1, keepdims=True), atol=1e-6
    )


def test_all_else_stays(place):
    """Faces, colours and numbers of other attributes are not touched."""
    for name, kept in (
        ("slicer.vtk", b"POLYGONS 4 16\n" + np.insert(FACES, 0, 3, 1).astype(">i4").tobytes()),
        ("little.ply", b"".join(struct.pack("<B3i", 3, *face) for face in FACES)),
        ("text.ply", b"3 0 2 1\n3 0 1 3\n"),
        ("new.fcsv", b',0,0,0,1,1,1,0,"P 3, left",,vtk1'),
    ):
        assert kept in open_points(place(name)).mapped(TURN), name
    found = json.loads(open_points(place("points.mrk.json")).mapped(TURN))["markups"][0]
    assert found["display"] == {"color": [1, 0, 0]}
    assert found["controlPoints"][-1]["label"] == "later"
    assert "measurements" not in found
    triangles = nib.gifti.GiftiImage.from_bytes(open_points(place("surface.gii")).mapped(TURN))
    np.testing.assert_array_equal(triangles.darrays[1].data, FACES)


def test_triangles_of_stl_get_their_own_normals(place):
    moved = open_points(place("binary.stl")).mapped(TURN)
    kind = np.dtype([("normal", "<f4", 3), ("points", "<f4", (3, 3)), ("more", "<u2")])
    found = np.frombuffer(moved[84:], kind)
    middle = (TURN(torch.from_numpy(CORNERS)).numpy() * LPS).mean(0)
    outward = found["points"].mean(1) - middle
    assert ((found["normal"] * outward).sum(1) > 0).all()
    assert found["more"].tolist() == [7] * 4


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.vtk", vtk(binary=True, space=""), "does not say whether its coordinates are RAS"),
        ("a.vtk", vtk(binary=True)[:130], "names 4 points, and does not hold them"),
        ("a.vtk", vtk(binary=False).replace(b"20.0", b"north", 1), "does not hold them"),
        ("a.vtk", b"# vtk DataFile Version 3.0\nx\nASCII\nDATASET STRUCTURED_POINTS\n", "POLYDATA"),
        ("a.stl", stl(binary=True)[:-1], "is no STL file, or ends too early"),
        ("a.stl", b"solid SPACE=RAS\nvertex 1 2 3\nvertex 1 2 3\n", "no three corners"),
        ("a.stl", b"solid SPACE=RAS\nendsolid\n", "holds no triangle"),
        ("a.ply", ply(form="ascii").replace(b"float x", b"list uchar float x"), "vertices of x, y"),
        ("a.ply", ply(form="binary_little_endian")[:350], "is no PLY|names 4 vertices"),
        ("a.ply", b"ply\nend", "is no PLY file"),
        ("a.gii", b"<GIFTI", "is no GIFTI file"),
        ("a.gii", gifti(nib.gifti.GiftiMetaData({"VolGeomC_R": "5"}), "NIFTI_XFORM_UNKNOWN"),
         "surface space of FreeSurfer"),
        ("a.fcsv", fcsv("IJK"), "its coordinates are 'IJK'; allowed: RAS, LPS"),
        ("a.fcsv", fcsv(""), "does not say whether"),
        ("a.fcsv", fcsv() + b"F-9,1,x,2\n", "line 8 has no three finite coordinates"),
        ("a.fcsv", b"# CoordinateSystem = RAS\n", "holds no point"),
        ("a.mrk.json", markups("ROI"), "a markup of type 'ROI'"),
        ("a.mrk.json", markups(unit="um"), "its unit is 'um'; allowed: mm"),
        ("a.mrk.json", b"{", "is no JSON"),
        ("a.mrk.json", b"[]", "has no list `markups`"),
        ("a.mrk.json", b'{"markups": [{"controlPoints": [{"position": [1, 2]}]}]}', "three finite"),
        ("a.mrk.json", b'{"markups": []}', "holds no point"),
        ("a.obj", b"v 1 2 3", "in no format of points that is known here"),
    ],
)  # fmt: skip
def test_what_cannot_be_trusted_is_refused_by_name(place, name, data, message):
    with pytest.raises(InputError, match=message) as caught:
        read_points(place(name, data))
    assert str(caught.value).startswith(name)


def test_a_user_says_what_the_file_does_not(place):
    path = place("plain.vtk", vtk(binary=True, space=""))
    np.testing.assert_allclose(read_points(path, space="ras").xyz, CORNERS, atol=1e-5)
    np.testing.assert_allclose(read_points(path, space="lps").xyz, CORNERS * LPS, atol=1e-5)
    with pytest.raises(InputError, match="says that it is in LPS; leave out --space ras"):
        read_points(place("slicer.vtk"), space="ras")
    table = place("p.csv", b"x,y,z\n1,2,3\n")
    assert read_points(table, space="lps").xyz.tolist() == [[-1, -2, 3]]


@pytest.fixture
def turn(tmp_path):
    write_transform(TURN, tmp_path / "turn.h5")
    return tmp_path / "turn.h5"


def test_the_command_writes_what_it_read(place, turn, tmp_path, capsys):
    record = tmp_path / "record.json"
    words = ["points", str(place("points.mrk.json")), str(turn), "-q"]
    out = tmp_path / "out.mrk.json"
    assert main([*words, "-o", str(out), "--record", str(record)]) == 0
    there = TURN(torch.from_numpy(CORNERS))
    torch.testing.assert_close(read_points(out).xyz, there, atol=1e-6, rtol=0)
    assert main(["rerun", str(record), "-q"]) == 0
    assert main([*words, "-o", str(tmp_path / "out.csv"), "--of", "moving"]) == 0
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    back = TURN.inverse()(torch.from_numpy(CORNERS))[2].tolist()
    assert rows[2]["name"] == "P 2, left"
    assert [float(rows[2][axis]) for axis in "xyz"] == pytest.approx(back, abs=1e-5)
    capsys.readouterr()
    assert main(words) == 0
    assert capsys.readouterr().out.startswith("x,y,z,name\n")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["-o", "out.ply"], "points of .mrk.json are written as .mrk.json or .csv"),
        (["--json"], "are of a file; give --output"),
        (["--space", "ras", "-o", "out.csv"], "says that it is in LPS"),
    ],
)
def test_what_the_command_refuses(place, turn, tmp_path, monkeypatch, capsys, more, message):
    monkeypatch.chdir(tmp_path)
    assert main(["points", str(place("points.mrk.json")), str(turn), "-q", *more]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("out*"))


def test_a_table_is_written_as_a_table(tmp_path, turn, capsys):
    table = tmp_path / "points.csv"
    table.write_text("x,y,z\n1,2,3\n")
    assert main(["points", str(table), str(turn), "-o", str(tmp_path / "out.fcsv")]) == 2
    assert "points of .csv are written as .csv; change" in capsys.readouterr().err
