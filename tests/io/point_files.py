"""Files of points as other programs write them: a tetrahedron in each format."""

import json
import struct

import nibabel as nib
import numpy as np

# A tetrahedron in RAS, its faces counter-clockwise from outside, and outward normals of its points.
CORNERS = np.array([[10.0, -20, 30], [40, -20, 30], [10, 15, 30], [10, -20, 80]])
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
NORMALS = (CORNERS - CORNERS.mean(0)) / np.linalg.norm(CORNERS - CORNERS.mean(0), axis=1)[:, None]
LPS = np.array([-1.0, -1, 1])


def vtk(*, binary, space="LPS", version="4.2"):
    title = f"3D Slicer output. SPACE={space}" if space else "vtk output"
    sign = LPS if space == "LPS" else 1
    points, normals = CORNERS * sign, NORMALS * sign
    polygons = np.insert(FACES, 0, 3, axis=1)
    if binary:
        parts = [points.astype(">f4"), polygons.astype(">i4"), normals.astype(">f4")]
        blocks = [part.tobytes() + b"\n" for part in parts]
    else:
        blocks = [
            ("\n".join(" ".join(map(str, row)) for row in part) + "\n").encode()
            for part in (points, polygons, normals)
        ]
    head = f"# vtk DataFile Version {version}\n{title}\n{'BINARY' if binary else 'ASCII'}\n"
    return b"".join([
        head.encode(), b"DATASET POLYDATA\nPOINTS 4 float\n", blocks[0], b"POLYGONS 4 16\n",
        blocks[1], b"\nPOINT_DATA 4\nNORMALS Normals float\n", blocks[2],
    ])  # fmt: skip


def stl(*, binary, space="LPS"):
    sign = LPS if space == "LPS" else 1
    faces = (CORNERS * sign)[FACES]
    if not binary:
        rows = [
            "facet normal 0 0 0\nouter loop\n"
            + "".join(f"vertex {' '.join(map(str, corner))}\n" for corner in face)
            + "endloop\nendfacet\n"
            for face in faces
        ]
        return f"solid SPACE={space}\n{''.join(rows)}endsolid\n".encode()
    body = b"".join(struct.pack("<12fH", 0, 0, 0, *face.ravel(), 7) for face in faces)
    return f"3D Slicer output. SPACE={space}".encode().ljust(80) + struct.pack("<I", 4) + body


def ply(*, form, space="LPS"):
    sign = LPS if space == "LPS" else 1
    head = "\n".join([
        "ply", f"format {form} 1.0", f"comment SPACE={space}", "element vertex 4",
        *(f"property float {name}" for name in ("x", "y", "z", "nx", "ny", "nz")),
        "property uchar red", "element face 4", "property list uchar int vertex_indices",
        "end_header\n",
    ])  # fmt: skip
    rows = [
        (*place, *normal, 9) for place, normal in zip(CORNERS * sign, NORMALS * sign, strict=True)
    ]
    if form == "ascii":
        lines = [" ".join(map(str, row)) for row in rows] + [f"3 {a} {b} {c}" for a, b, c in FACES]
        return head.encode() + ("\n".join(lines) + "\n").encode()
    order = "<" if "little" in form else ">"
    body = b"".join(struct.pack(f"{order}6fB", *row) for row in rows)
    return head.encode() + body + b"".join(struct.pack(f"{order}B3i", 3, *face) for face in FACES)


def gifti(meta=None, code="NIFTI_XFORM_SCANNER_ANAT"):
    def array(data, intent, kind, **more):
        return nib.gifti.GiftiDataArray(data.astype(kind), intent=intent, datatype=kind, **more)

    system = nib.gifti.GiftiCoordSystem(code, code)
    points = array(CORNERS, "NIFTI_INTENT_POINTSET", "float32", coordsys=system, meta=meta)
    image = nib.gifti.GiftiImage(darrays=[
        points, array(FACES, "NIFTI_INTENT_TRIANGLE", "int32"),
        array(NORMALS, "NIFTI_INTENT_VECTOR", "float32"),
    ])  # fmt: skip
    return image.to_bytes()


def fcsv(space="LPS"):
    sign = LPS if space in ("LPS", "1") else 1
    rows = [
        f'F-{n},{x},{y},{z},0,0,0,1,1,1,0,"P {n}, left",,vtk1'
        for n, (x, y, z) in enumerate(CORNERS * sign)
    ]
    said = f"# CoordinateSystem = {space}\n" if space else ""
    return "\n".join([
        f"# Markups fiducial file version = 4.11\n{said}# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,"
        "lock,label,desc,associatedNodeID", *rows, "",
    ]).encode()  # fmt: skip


def markups(kind="Fiducial", unit="mm"):
    points = [
        {"id": str(n), "label": f"P {n}, left", "position": place, "positionStatus": "defined"}
        for n, place in enumerate((CORNERS * LPS).tolist())
    ]
    points.append({"id": "9", "label": "later", "position": [], "positionStatus": "undefined"})
    mark = {
        "type": kind, "coordinateSystem": "LPS", "coordinateUnits": unit, "controlPoints": points,
        "measurements": [{"name": "length", "value": 3}], "display": {"color": [1, 0, 0]},
    }  # fmt: skip
    return json.dumps({"@schema": "markups-schema-v1.0.3", "markups": [mark]}).encode()


FILES = {
    "slicer.vtk": vtk(binary=True),
    "text.vtk": vtk(binary=False, space="RAS", version="3.0"),
    "binary.stl": stl(binary=True),
    "text.stl": stl(binary=False, space="RAS"),
    "little.ply": ply(form="binary_little_endian"),
    "big.ply": ply(form="binary_big_endian", space="RAS"),
    "text.ply": ply(form="ascii"),
    "surface.gii": gifti(),
    "new.fcsv": fcsv(),
    "old.fcsv": fcsv("0"),
    "points.mrk.json": markups(),
}
