"""Row 48 for surfaces and markups: files of points of other programs that cannot be trusted."""

from __future__ import annotations

from tests.bad_inputs.case import TABLE, Case
from tests.bad_inputs.images import written
from tests.io.point_files import FILES, markups, vtk


def changed(name, *changes, keep=None):
    """A file of points with words of it replaced, and cut after ``keep`` bytes."""
    content = FILES[name]
    for old, new in changes:
        assert old in content, old
        content = content.replace(old, new, 1)
    return written(name.replace("text.", "a.").replace("binary.", "a."), content[:keep])


ENTITIES = b"""<?xml version="1.0"?>
<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY s SYSTEM "file:///etc/passwd">]><GIFTI>&a;&s;</GIFTI>"""
VAST_STL = FILES["binary.stl"][:80] + b"\xff" * 4 + FILES["binary.stl"][84:]
NO_POINTS = (b"NIFTI_INTENT_POINTSET", b"NIFTI_INTENT_SHAPE")


def row(what, make, *says):
    return Case(48, what, make, says, TABLE)


CASES = [
    row("VTK grid", changed("text.vtk", (b"POLYDATA", b"STRUCTURED_GRID")), "no legacy VTK file"),
    row("VTK cut", changed("slicer.vtk", keep=120), "names 4 points, and does not hold them"),
    row("VTK vast", changed("slicer.vtk", (b"POINTS 4 ", b"POINTS 4000000000 ")), "4000000000"),
    row("VTK negative", changed("text.vtk", (b"POINTS 4 ", b"POINTS -4 ")), "no legacy VTK file"),
    row("VTK NaN", changed("text.vtk", (b"10.0", b"nan")), "a.vtk: a coordinate is not finite"),
    row("VTK space", written("a.vtk", vtk(binary=False, space="")), "RAS or LPS", "--space ras"),
    row("STL vast", written("a.stl", VAST_STL), "is no STL file, or ends too early"),
    row("STL cut", changed("binary.stl", keep=120), "is no STL file, or ends too early"),
    row("STL words", changed("text.stl", (b"vertex", b"vertex one")), "no three corners"),
    row("PLY vast", changed("little.ply", (b"vertex 4", b"vertex 4000000000")), "4000000000"),
    row("PLY without x", changed("text.ply", (b"float x", b"float q")), "vertices of x, y and z"),
    row("PLY kind", changed("text.ply", (b"format ascii", b"format middle")), "save it with its"),
    row("GIFTI cut", changed("surface.gii", keep=300), "is no GIFTI file"),
    row("GIFTI entities", written("a.gii", ENTITIES), "a.gii: "),
    row("GIFTI without points", changed("surface.gii", NO_POINTS), "holds 0 sets of points"),
    row("FCSV inf", changed("new.fcsv", (b"F-0,-10.0", b"F-0,inf")), "line 4", "finite"),
    row("FCSV space", changed("new.fcsv", (b"System = LPS", b"System = IJK")), "'IJK'", "allowed"),
    row("markups cut", changed("points.mrk.json", keep=40), "is no JSON"),
    row("markups nested", written("a.mrk.json", b"[" * 100_000), "is no JSON"),
    row("markups plane", written("a.mrk.json", markups("Plane")), "'Plane'", "does not keep"),
    row("markups unit", written("a.mrk.json", markups(unit="um")), "'um'; allowed: mm"),
    row(
        "markups flat",
        changed("points.mrk.json", (b"[-10.0, 20.0, 30.0]", b"[-10.0, 20.0]")),
        "three finite numbers",
    ),
]
