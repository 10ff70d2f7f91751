"""Have pydicomrt and plastimatch write and read registrations: ``registration.json`` beside this.

``python -m tests.io.dicom.record_registration``; needs pydicomrt (``pip install --no-deps``) and
plastimatch of Debian. Prints how far they and regkit are apart. SimpleITK maps the points by what
pydicomrt reads.
"""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import tempfile
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk

from regkit import Affine, DisplacementField, Grid, read_transform, write_transform
from regkit.geometry.affines import homogeneous, rotation
from regkit.io import read_header
from regkit.io.dicom_objects.derived import Making, write_object
from regkit.io.dicom_objects.registration import registration_object
from regkit.io.dicom_objects.source import open_source
from tests.io.dicom.conftest import AXIAL, VIEWS, phantom
from tests.io.dicom.writer import write_series
from tests.io.transform_formats.pair import bend_on, inside

ORACLES = Path(__file__).with_name("registration.json")
FIXED = phantom(VIEWS["left-handed"], shape=(12, 11, 6)).grid
RIGID = Affine(homogeneous(rotation([0.1, -0.2, 0.15]), [3.0, -4.0, 5.5]))
POINTS = inside(FIXED).numpy()
FLIP = np.array([-1.0, -1.0, 1.0])


def bend() -> DisplacementField:
    """A bend of fixed, on a grid whose axes are right-handed, as the standard has it."""
    turned = homogeneous(np.diag([1.0, 1, -1]), [0, 0, FIXED.shape[2] - 1.0])
    return bend_on(Grid(FIXED.shape, FIXED.affine @ turned))


def mapped(transform):
    """Where SimpleITK sends the points, in RAS+."""
    return np.array([transform.TransformPoint(point) for point in POINTS * FLIP]) * FLIP


def by_pydicomrt(path):
    """What pydicomrt reads, as a transform of SimpleITK from fixed to moving."""
    from pydicomrt.reg import get_deformable_registrations, get_spatial_registrations

    data = pydicom.dcmread(path)
    if found := get_deformable_registrations(data):
        (only,) = found
        grid = only["DeformableRegistrationGrid"]
        image = sitk.GetImageFromArray(grid["VectorGridData"].astype(float), isVector=True)
        image.SetSpacing([*map(float, grid["GridResolution"])])
        image.SetOrigin([*map(float, grid["ImagePositionPatient"])])
        rows = np.reshape([*map(float, grid["ImageOrientationPatient"])], (2, 3))
        image.SetDirection(np.array([*rows, np.cross(*rows)]).T.ravel().tolist())
        return sitk.DisplacementFieldTransform(image)
    ((fixed, others),) = get_spatial_registrations(data).items()
    (matrix,) = (np.reshape(m, (4, 4)) for uid, m in others.items() if uid != fixed)
    return affine(np.linalg.inv(matrix))


def affine(matrix):
    return sitk.AffineTransform(matrix[:3, :3].ravel().tolist(), matrix[:3, 3].tolist())


def written_by_pydicomrt(phi, path, fixed, moving):
    from pydicomrt.reg import DeformableSpatialRegistrationBuilder, SpatialRegistrationBuilder

    fixed, moving = ([pydicom.dcmread(each) for each in sorted(folder.iterdir())]
                     for folder in (fixed, moving))  # fmt: skip
    if isinstance(phi, Affine):
        turn = np.diag([*FLIP, 1.0])
        matrix = turn @ phi.inverse().matrix @ turn
        made = SpatialRegistrationBuilder(fixed).add_registration(moving, matrix.ravel().tolist())
    else:
        write_transform(phi, path.with_suffix(".nii"), overwrite=True)
        image = sitk.ReadImage(str(path.with_suffix(".nii")), sitk.sitkVectorFloat64)
        made = DeformableSpatialRegistrationBuilder(fixed).add_registration(
            moving, sitk.DisplacementFieldTransform(image)
        )
    made.build().save_as(path, enforce_file_format=True)


def written_by_plastimatch(phi, path, fixed, moving):
    place = write_transform(phi, path.with_suffix(".tfm"))
    command = ["plastimatch", "xf-convert", "--input", place, "--output-dicom", path.parent / "sro",
               "--fixed-rcs", fixed, "--moving-rcs", moving]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    (made,) = (path.parent / "sro").rglob("sro*")
    made.rename(path)


def main():
    found = {"versions": {"pydicomrt": version("pydicomrt"), "plastimatch": "1.9.4"}}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        series = [
            write_series(folder / name, phantom(view, (12, 11, 6)), FrameOfReferenceUID=f"1.2.{n}")
            for n, (name, view) in enumerate((("f", VIEWS["left-handed"]), ("m", AXIAL)))
        ]
        sources = [open_source(read_header(each)) for each in series]
        for name, phi in (("rigid", RIGID), ("bend", bend())):
            making = Making(datetime(2026, 1, 2, 3, 4, 5), "", "0")
            made = registration_object(phi, FIXED, *sources, making)
            write_object(made, folder / "ours.dcm")
            there = mapped(by_pydicomrt(folder / "ours.dcm"))
            print(f"{name} of regkit: pydicomrt {np.abs(there - phi(POINTS)).max():.2g} mm")
            found[f"{name} of regkit"] = np.round(there, 6).tolist()
            written_by_pydicomrt(phi, folder / "theirs.dcm", *series)
            there = mapped(by_pydicomrt(folder / "theirs.dcm"))
            ours = read_transform(folder / "theirs.dcm")(POINTS)
            print(f"{name} of pydicomrt: regkit {np.abs(there - ours).max():.2g} mm")
            packed = gzip.compress((folder / "theirs.dcm").read_bytes(), mtime=0)
            found[name] = {
                "file": base64.b64encode(packed).decode(),
                "points": np.round(there, 6).tolist(),
            }
        written_by_plastimatch(RIGID, folder / "p.dcm", *series)
        ours = read_transform(folder / "p.dcm")(POINTS)
        print(f"rigid of plastimatch: regkit {np.abs(ours - RIGID(POINTS)).max():.2g} mm")
        packed = gzip.compress((folder / "p.dcm").read_bytes(), mtime=0)
        found["plastimatch"] = {"file": base64.b64encode(packed).decode(),
                                "points": np.round(RIGID(POINTS), 6).tolist()}  # fmt: skip
    ORACLES.write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
