"""Have fslpy write coefficients of FNIRT and send points by them: ``fnirt.json`` beside this.

``python -m tests.io.transform_formats.record_fnirt``; needs fslpy. Prints how far it and regkit are
apart. fslpy reads coefficients along the axes of the file of fixed, FSL (read_orig_volume4D of its
own source) along its own axes, so that only left-handed images of fixed can be compared.
"""

from __future__ import annotations

import base64
import gzip
import json
import tempfile
from importlib.metadata import version
from pathlib import Path

import nibabel as nib
import numpy as np
import torch

from regkit import read_transform
from regkit.geometry.affines import homogeneous, rotation
from tests.io.transform_formats.pair import FIXED, MOVING, right_handed

ORACLES = Path(__file__).with_name("fnirt.json")
INDEX = np.random.default_rng(8).integers(0, FIXED.shape, (1000, 3))
NODES = FIXED.to_world(torch.from_numpy(INDEX).double()).numpy()
KNOTS = (5, 3, 4)
BEFORE = homogeneous(rotation([0.1, -0.15, 0.2]) @ np.diag([1.05, 0.95, 1.1]), [4.0, -3.0, 2.5])


def nifti(grid):
    from fsl.data.image import Image

    return Image(nib.Nifti1Image(np.zeros(grid.shape, np.float32), grid.affine))


def coefficients(folder, moving):
    from fsl.transform.fnirt import toFnirt
    from fsl.transform.nonlinear import CoefficientField

    shape = [-(-(n + 1) // k) + 2 for n, k in zip(FIXED.shape, KNOTS, strict=True)]
    values = np.random.default_rng(9).normal(0, 3, (*shape, 3)).astype(np.float32)
    field = CoefficientField(
        values, nifti(moving), nifti(FIXED), srcSpace="fsl", refSpace="fsl", knotSpacing=KNOTS,
        srcToRefMat=BEFORE, fieldToRefMat=np.diag([*KNOTS, 1.0]), header=nib.Nifti1Header(),
    )  # fmt: skip
    toFnirt(field).save(str(folder / "c.nii.gz"))
    return folder / "c.nii.gz"


def main():
    from fsl.transform.fnirt import readFnirt

    found = {"versions": {"fslpy": version("fslpy")}, "index": INDEX.tolist()}
    for name, moving in (("L", MOVING), ("R", right_handed(MOVING))):
        with tempfile.TemporaryDirectory() as place:
            path = coefficients(Path(place), moving)
            field = readFnirt(str(path), nifti(moving), nifti(FIXED))
            there = field.transform(NODES, from_="world", to="world")
            ours = read_transform(path, fixed=FIXED, moving=moving)(NODES)
            worst = np.linalg.norm(ours - there, axis=1).max()
            moved = np.linalg.norm(field.displacements(INDEX), axis=1).max()
            print(f"FNIRT coefficients, moving {name}: fslpy {worst:.2g} mm, of {moved:.2g}")
            found[name] = np.round(there, 6).tolist()
            found["file"] = base64.b64encode(
                gzip.compress(gzip.decompress(path.read_bytes()), mtime=0)
            ).decode()
    ORACLES.write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
