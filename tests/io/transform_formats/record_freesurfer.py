"""Have surfa write warps in its four ways and look up where they lead: ``freesurfer.json``.

``python -m tests.io.transform_formats.record_freesurfer``; needs surfa. Prints how far it and
regkit are apart. surfa resamples ramps of coordinates of moving at voxels of fixed.
"""

from __future__ import annotations

import base64
import gzip
import json
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np

from regkit import Grid, read_transform
from tests.io.transform_formats.pair import FIXED, MOVING, TURN, bend_on

ORACLES = Path(__file__).with_name("freesurfer.json")
NODES = Grid((10, 11, 9), FIXED.affine @ np.diag([2.0, 2, 2, 1]))
PHI = TURN @ bend_on(NODES)
np.fromstring = lambda text, dtype: np.frombuffer(
    text, dtype
).copy()  # numpy 2.3 took it from surfa
WAYS = ("abs_crs", "disp_crs", "abs_ras", "disp_ras")


def geometry(grid):
    import surfa

    return surfa.ImageGeometry(grid.shape, vox2world=grid.affine)


def looked_up(warp):
    """World points of moving for voxels of fixed, by resampling."""
    import surfa

    found = []
    for axis in range(3):
        ramp = MOVING.world_points()[..., axis].numpy().astype(np.float32)
        image = surfa.Volume(ramp, geometry=geometry(MOVING))
        found.append(warp.transform(image, fill=np.nan).data)
    return np.stack(found, -1)


def main():
    import surfa

    # surfa 0.6.3 needs what NumPy 2.3 has no more.
    np.fromstring = lambda text, dtype: np.frombuffer(text, dtype).copy()
    points = NODES.world_points()
    u = (PHI(points) - points).numpy().astype(np.float32)
    whole = surfa.transform.warp.Warp(
        u, source=geometry(MOVING), target=geometry(NODES), format=WAYS.index("disp_ras")
    )
    out = {"versions": {"surfa": version("surfa")}}
    with tempfile.TemporaryDirectory() as folder:
        for kind, name in enumerate(WAYS):
            path = Path(folder, "a.mgz")
            whole.convert(format=kind).save(str(path))
            warp = surfa.load_warp(str(path))
            there = looked_up(warp)
            index = MOVING.to_index(PHI(points)).numpy()
            # Beyond the outermost voxel centres surfa repeats them.
            known = ((index > 0.01) & (index < np.array(MOVING.shape) - 1.01)).all(-1)
            ours = read_transform(path)(points).numpy()
            worst = np.linalg.norm(ours - there, axis=-1)[known].max()
            print(f"FreeSurfer warp {name}: surfa {worst:.2g} mm at {known.sum()} voxels")
            content = gzip.decompress(path.read_bytes())
            out[name] = base64.b64encode(gzip.compress(content, mtime=0)).decode()
        out["index"] = np.argwhere(known).tolist()
        out["points"] = np.round(there[known].astype(float), 5).tolist()
    ORACLES.write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
