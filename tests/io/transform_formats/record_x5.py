"""Have nitransforms write fields and splines as X5 and send points by them: ``x5.json`` beside it.

``python -m tests.io.transform_formats.record_x5``; needs nitransforms. Prints how far it and regkit
are apart, on a file that regkit wrote too.
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

from regkit import Grid, read_transform, write_transform
from tests.io.transform_formats.pair import FIXED, TURN, bend_on, inside

ORACLES = Path(__file__).with_name("x5.json")
NODES = Grid((8, 9, 7), FIXED.affine @ np.diag([3.2, 3.1, 2.9, 1]))
INDEX = np.stack(np.unravel_index(np.arange(8 * 9 * 7), NODES.shape), -1)
AT_NODES = NODES.to_world(torch.from_numpy(INDEX).double()).numpy()
POINTS = inside(FIXED).numpy()


def transforms():
    """For each name a transform of nitransforms, and the points on which it is asked."""
    from nitransforms.nonlinear import BSplineFieldTransform, DenseFieldTransform

    u = np.moveaxis(bend_on(NODES).u.numpy(), 0, -1)
    there = (u + NODES.world_points().numpy()).astype(np.float32)
    place = nib.Nifti1Image(np.zeros(NODES.shape, np.float32), NODES.affine)
    values = np.random.default_rng(2).normal(0, 2, u.shape).astype(np.float32)
    return {
        "displacements": (
            DenseFieldTransform(nib.Nifti1Image(u, NODES.affine), reference=place), AT_NODES
        ),
        "deformations": (
            DenseFieldTransform(
                nib.Nifti1Image(there, NODES.affine), is_deltas=False, reference=place
            ),
            AT_NODES,
        ),
        "bspline": (
            BSplineFieldTransform(nib.Nifti1Image(values, NODES.affine), reference=place), POINTS
        ),
    }  # fmt: skip


def main():
    from nitransforms.io.x5 import to_filename
    from nitransforms.nonlinear import DenseFieldTransform

    found = {"versions": {"nitransforms": version("nitransforms")}}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.x5")
        for name, (made, points) in transforms().items():
            to_filename(path, [made.to_x5()])
            there = made.map(points)
            worst = np.abs(read_transform(path)(points) - there).max()
            print(f"X5 {name}: nitransforms {worst:.2g} mm")
            packed = gzip.compress(path.read_bytes(), mtime=0)
            found[name] = {
                "file": base64.b64encode(packed).decode(),
                "points": np.round(there.astype(np.float64), 6).tolist(),
            }
        phi = TURN @ bend_on(NODES)
        write_transform(phi, path, fixed=NODES, overwrite=True)
        there = DenseFieldTransform.from_filename(path, fmt="X5").map(AT_NODES)
        print(f"X5 field of regkit: nitransforms {np.abs(there - phi(AT_NODES)).max():.2g} mm")
        found["written"] = np.round(there.astype(np.float64), 6).tolist()
    ORACLES.write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
